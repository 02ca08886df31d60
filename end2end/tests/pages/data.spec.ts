import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import {
  expect,
  fillIn,
  fitsAPhone,
  heading,
  holdAnswers,
  isSignedOut,
  seesAccount,
  signIn,
  signInButton,
  signInInGerman,
  signOut,
  test,
  violations,
} from '../../holdfast';

async function deleteAccount(page: Page, name: string, password: string): Promise<void> {
  // Until the form says it, it does not know which name is the right one.
  await expect(page.getByText(/^Type /)).toBeVisible();
  await page.getByLabel('Your username, typed again').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Delete my account' }).click();
}

/** Presses the button, and returns the file that the browser saves. */
async function saved(page: Page, button: string): Promise<{ name: string; content: string }> {
  const arriving = page.waitForEvent('download');
  await page.getByRole('button', { name: button, exact: true }).click();
  const download = await arriving;
  const content = await readFile(await download.path(), 'utf8');
  return { name: download.suggestedFilename(), content };
}

/** Opens the file in a tab without any page of Holdfast, as a person opens it from the downloads. */
async function opened(page: Page, file: { content: string }): Promise<Page> {
  const reader = await page.context().newPage();
  const requests: string[] = [];
  reader.on('request', (request) => requests.push(request.url()));
  await reader.setContent(file.content, { waitUntil: 'load' });
  expect(requests, 'what the file loads').toEqual([]);
  return reader;
}

/** A row of a table, by the name in its first cell. */
const fact = (page: Page, name: string) =>
  page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });

/** The point in time (Unix seconds), as a page in this language says it. */
const told = (page: Page, at: number, locale: string) =>
  page.evaluate(
    ([at, locale]) =>
      new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(at * 1000),
    [at, locale] as const,
  );

test('a person takes a copy of their data to read, and one for other programs', async ({
  page,
  account,
  api,
}) => {
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/account');
  await page.getByRole('link', { name: 'Copy or delete' }).click();
  const toRead = await saved(page, 'Download your data');
  expect(toRead.name).toBe('holdfast-data.html');
  const status = page.getByRole('status').filter({ hasText: 'The file is in your downloads.' });
  await expect(status).toContainText('holdfast-data.html');
  expect(await violations(page)).toEqual([]);

  const forPrograms = await saved(page, 'Save the file for other programs');
  expect(forPrograms.name).toBe('holdfast-data.json');
  await expect(status).toContainText('holdfast-data.json');
  const data = JSON.parse(forPrograms.content);
  expect(forPrograms.content).toBe(`${JSON.stringify(data, null, 2)}\n`);
  expect(data.account.username).toBe(account.username);
  expect(data.sessions).toHaveLength(2);
  const kinds = data.activity.map((event: { kind: string }) => event.kind);
  expect(kinds).toContain('sign_up');
  expect(await saved(page, 'Save the copy to read')).toEqual(toRead);

  const reader = await opened(page, toRead);
  await expect(heading(reader, 'Your data at Holdfast')).toBeVisible();
  await expect(reader).toHaveTitle('Your data at Holdfast');
  await expect(fact(reader, 'Username')).toContainText(account.username);
  const since = await told(page, data.account.created_at, 'en-GB');
  await expect(fact(reader, 'Account since')).toContainText(since);
  await expect(fact(reader, 'Signed in')).toHaveCount(2);
  await expect(reader.getByRole('cell', { name: 'Account created' })).toBeVisible();
  for (const { event_id, at } of data.activity) {
    const row = reader.getByRole('row').filter({ hasText: event_id });
    await expect(row).toContainText(await told(page, at, 'en-GB'));
  }
  await reader.setViewportSize({ width: 320, height: 640 });
  expect(await fitsAPhone(reader)).toBe(true);
  expect(await violations(reader)).toEqual([]);
});

test('on a phone, each row of the copy to read is a block, and on paper it is a row', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/data');
  const reader = await opened(page, await saved(page, 'Download your data'));
  const table = reader.getByRole('table').filter({ hasText: 'What happened' });
  const signUp = reader.locator('tr').filter({ hasText: 'Account created' });
  const cells = signUp.locator('td');
  await expect(cells).toHaveCount(4);
  const places = () =>
    cells.evaluateAll((all) => all.map((cell) => Math.round(cell.getBoundingClientRect().left)));
  const labels = () =>
    cells.evaluateAll((all) => all.map((cell) => getComputedStyle(cell, '::before').content));
  expect(new Set(await places()).size).toBe(4);
  expect(new Set(await labels())).toEqual(new Set(['none']));
  await expect(table).toBeVisible();

  await reader.setViewportSize({ width: 390, height: 844 });
  expect(new Set(await places()).size).toBe(1);
  expect(await labels()).not.toContain('none');
  const [when] = await cells.evaluateAll((all) => all.map((cell) => cell.getAttribute('data-label')));
  expect(when).toBe('When');
  expect(await fitsAPhone(reader)).toBe(true);
  expect(await violations(reader)).toEqual([]);

  await reader.emulateMedia({ media: 'print' });
  expect(new Set(await places()).size).toBe(4);
});

test('a hostile name is a text in the copy to read', async ({ page, account, api }) => {
  const name = `</td><script>document.title='taken'</script>"&' שלום`;
  const calledItself = `<img src="/x" onerror="document.title='taken'">`;
  const { access_token, session_id } = await api.logIn(account, calledItself);
  await api.nameSession(access_token, session_id, name);
  await signIn(page, account);
  await page.goto('/data');
  const reader = await opened(page, await saved(page, 'Download your data'));
  await expect(reader.getByRole('heading', { level: 3, name, exact: true })).toBeVisible();
  await expect(fact(reader, 'Name').filter({ hasText: name })).toHaveCount(1);
  await expect(
    fact(reader, 'For technical people').filter({ hasText: calledItself }),
  ).toHaveCount(1);
  await expect(reader).toHaveTitle('Your data at Holdfast');
  await expect(reader.getByRole('img')).toHaveCount(0);
  expect(await reader.evaluate(() => document.scripts.length)).toBe(0);
});

test('a file that is saved again is told again', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/data');
  await saved(page, 'Download your data');
  const told = page.getByRole('status').filter({ hasText: 'The file is in your downloads.' });
  await expect(told).toBeVisible();
  await told.evaluate((line) => {
    const note = () => {
      if (line.textContent === '') line.setAttribute('data-emptied', 'yes');
    };
    new MutationObserver(note).observe(line, { childList: true, characterData: true, subtree: true });
  });
  await saved(page, 'Save the copy to read');
  await expect(told).toHaveAttribute('data-emptied', 'yes');
});

test('the files are forgotten when the person leaves the page', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/data');
  await saved(page, 'Download your data');
  const again = page.getByRole('button', { name: /^Save the / });
  await expect(again).toHaveCount(2);
  await page.getByRole('banner').getByRole('link', { name: 'Account' }).click();
  await page.getByRole('link', { name: 'Copy or delete' }).click();
  await expect(page.getByRole('button', { name: 'Download your data' })).toBeVisible();
  await expect(again).toHaveCount(0);

  await saved(page, 'Download your data');
  await expect(again).toHaveCount(2);
  await signOut(page);
  await expect(again).toHaveCount(0);
});

test.describe('in German', () => {
  test.use({ locale: 'de-DE' });

  test('the copy to read is in German', async ({ page, account }) => {
    await signInInGerman(page, account);
    await page.goto('/data');
    const toRead = await saved(page, 'Ihre Daten herunterladen');
    const status = page.getByRole('status');
    await expect(status.getByText('Die Datei ist in Ihren Downloads.')).toBeVisible();
    const { content } = await saved(page, 'Datei für andere Programme speichern');
    const created: number = JSON.parse(content).account.created_at;
    const reader = await opened(page, toRead);
    await expect(heading(reader, 'Ihre Daten bei Holdfast')).toBeVisible();
    await expect(fact(reader, 'Benutzername')).toContainText(account.username);
    await expect(fact(reader, 'Konto seit')).toContainText(await told(page, created, 'de'));
    await expect(fact(reader, 'Browser und Gerät')).toContainText(' auf ');
    expect(await reader.evaluate(() => document.documentElement.lang)).toBe('de');
    expect(await violations(reader)).toEqual([]);
  });
});

test('a copy that does not arrive says so, and can be tried again', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/data');
  await page.route('**/api/v1/account/data', (route) => route.abort());
  await page.getByRole('button', { name: 'Download your data' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.unroute('**/api/v1/account/data');
  const arriving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download your data' }).click();
  await arriving;
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('a copy that arrives after the sign-out is not saved', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/data');
  const answers = await holdAnswers(page, '**/api/v1/account/data');
  let downloads = 0;
  page.on('download', () => (downloads += 1));
  await page.getByRole('button', { name: 'Download your data' }).click();
  await expect.poll(answers.waiting).toBe(1);
  await signOut(page);
  const answered = page.waitForEvent('requestfinished', (request) =>
    request.url().endsWith('/api/v1/account/data'),
  );
  answers.open();
  await answered;
  // A later call has its answer, so the page had the time to save the file.
  await signIn(page, account);
  await seesAccount(page, account);
  expect(downloads).toBe(0);
});

test('a person who leaves is signed out everywhere, and the account is gone', async ({
  page,
  account,
  anotherBrowser,
}) => {
  const other = await (await anotherBrowser()).newPage();
  await signIn(other, account);
  await signIn(page, account);
  await page.goto('/data');
  await expect(page.getByRole('region', { name: 'Delete your account' })).toContainText(
    'This deletes your account, your recovery code and your activity, and signs you out in all browsers. ' +
      'This cannot be undone.',
  );
  await deleteAccount(page, account.username.toUpperCase(), account.password);

  await expect(page.getByText('This account has been deleted.')).toBeVisible();
  // The next person is not led to the page that deletes accounts.
  await expect(heading(page, 'Sign in')).toBeVisible();
  expect(new URL(page.url()).search).toBe('');
  await other.getByRole('button', { name: 'Check my sign-in' }).click();
  await isSignedOut(other);
  await expect(other.getByText('This account has been deleted.')).toBeVisible();
  await fillIn(other, account);
  await signInButton(other).click();
  await expect(other.getByRole('alert')).toContainText('wrong');
});

test('without the name and the password nothing is deleted', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/data');
  await deleteAccount(page, 'somebody else', account.password);
  const name = page.getByLabel('Your username, typed again');
  await expect(page.getByRole('alert')).toHaveText(`Type your username: ${account.username}`);
  await expect(name).toBeFocused();

  await deleteAccount(page, account.username, 'not the right password');
  await expect(page.getByRole('alert')).toHaveText('This is not your password.');
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused();
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
  await page.goto('/account');
  await seesAccount(page, account);
});

test('a deletion whose answer was lost can be tried again', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/data');
  await page.route('**/api/v1/account', async (route) => {
    if (route.request().method() === 'DELETE') {
      await route.fetch();
      await route.abort();
    } else {
      await route.fallback();
    }
  });
  await deleteAccount(page, account.username, account.password);
  await expect(page.getByRole('alert').getByText('may have deleted your account')).toBeVisible();
  await page.unroute('**/api/v1/account');
  await page.getByRole('button', { name: 'Delete my account' }).click();
  await expect(page.getByText('This account has been deleted.')).toBeVisible();
});
