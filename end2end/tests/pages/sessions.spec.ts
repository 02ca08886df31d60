import type { BrowserContext, Locator, Page } from '@playwright/test';
import {
  type Account,
  checkAgain,
  confirmSignOut,
  expect,
  fillIn,
  FIREFOX_ON_LINUX,
  fitsAPhone,
  heading,
  hearsNothing,
  holdAnswers,
  isolated,
  isSignedOut,
  Network,
  renameOf,
  seesAccount,
  sendSignOut,
  sessionRows,
  signIn,
  signInButton,
  signInInGerman,
  signOutOf,
  test,
} from '../../holdfast';

async function signInIn(browser: BrowserContext, account: Account): Promise<Page> {
  const page = await browser.newPage();
  await signIn(page, account);
  return page;
}

test('a person sees where they are signed in, and which session belongs to this browser', async ({
  page,
  account,
  anotherBrowser,
}) => {
  await signIn(page, account);
  await signInIn(await anotherBrowser(), account);

  await page.goto('/sessions');
  await expect(sessionRows(page)).toHaveCount(2);
  await expect(page.getByText('This browser', { exact: true })).toHaveCount(1);
});

test('a person ends the session of another browser', async ({ page, account, anotherBrowser }) => {
  await signIn(page, account);
  const other = await signInIn(await anotherBrowser(), account);

  await page.goto('/sessions');
  const foreign = sessionRows(page).filter({ hasNot: page.getByText('This browser', { exact: true }) });
  await signOutOf(foreign).click();
  await confirmSignOut(page, account);

  await expect(sessionRows(page)).toHaveCount(1);
  await expect(page.getByText('This browser', { exact: true })).toBeVisible();
  await other.getByRole('button', { name: 'Check my sign-in' }).click();
  await isSignedOut(other);
});

test('a session that ends elsewhere disappears without a reload', async ({ page, account, api }) => {
  const other = await api.logIn(account);
  await signIn(page, account);
  await page.goto('/sessions');
  await expect(sessionRows(page)).toHaveCount(2);
  await api.logOut(other.refresh_token);
  await expect(sessionRows(page)).toHaveCount(1);
});

test('the page does not believe another program that a session is ended', async ({
  page,
  account,
  api,
}) => {
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/sessions');
  await expect(sessionRows(page)).toHaveCount(2);
  await page.route('**/api/v1/sessions/*', (route) => route.fulfill({ status: 200, json: {} }));
  const foreign = sessionRows(page).filter({ hasNot: page.getByText('This browser', { exact: true }) });
  await signOutOf(foreign).click();
  await sendSignOut(page, account);
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('Something else answered');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('status').getByText(/ is signed out\.$/)).toHaveCount(0);
  await expect(sessionRows(page)).toHaveCount(2);
});

test('a session whose ending a proxy sends twice is told as ended', async ({
  page,
  account,
  api,
}) => {
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/sessions');
  await expect(sessionRows(page)).toHaveCount(2);
  await page.route('**/api/v1/sessions/*', async (route) => {
    await route.fetch();
    const second = await route.fetch();
    expect(second.status()).toBe(404);
    await route.fulfill({ response: second });
  });
  const foreign = sessionRows(page).filter({ hasNot: page.getByText('This browser', { exact: true }) });
  await signOutOf(foreign).click();
  await confirmSignOut(page, account);
  await expect(page.getByRole('status').getByText(/ is signed out\.$/)).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(sessionRows(page)).toHaveCount(1);
});

test('ending the session of this browser signs the person out', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/sessions');
  await page.getByRole('button', { name: /^Sign out: / }).click();
  await isSignedOut(page);
});

test('a row that was made for the session before does not sign this browser out', async ({
  page,
  context,
  account,
}) => {
  const other = await context.newPage();
  await hearsNothing(other);
  await other.goto('/sign-in');
  await signIn(page, account);
  await page.goto('/sessions');
  await expect(page.getByText('This browser', { exact: true })).toBeVisible();

  // The same person signs in again in a tab that slept. The session before has not ended yet.
  await context.route('**/api/v1/logout', (route) => route.abort());
  await fillIn(other, account);
  await signInButton(other).click();
  await seesAccount(other, account);
  const before = sessionRows(page).filter({ hasNot: page.getByText('This browser', { exact: true }) });
  await expect(sessionRows(page)).toHaveCount(2);
  await expect(before).toHaveCount(1);
  await signOutOf(before).click();
  await confirmSignOut(page, account);
  await expect(sessionRows(page)).toHaveCount(1);
  await expect(page.getByText('This browser', { exact: true })).toBeVisible();
});

test('"everywhere else" ends all sessions except this one', async ({
  page,
  account,
  anotherBrowser,
}) => {
  await signIn(page, account);
  const others = [
    await signInIn(await anotherBrowser(), account),
    await signInIn(await anotherBrowser(), account),
  ];

  await page.goto('/sessions');
  await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
  await confirmSignOut(page, account);
  await expect(sessionRows(page)).toHaveCount(1);

  for (const other of others) {
    await other.getByRole('button', { name: 'Check my sign-in' }).click();
    await isSignedOut(other);
  }
  await page.goto('/account');
  await checkAgain(page);
});

test('the activity tells what happened, the newest first', async ({ page, account }) => {
  await signIn(page, account);
  await page.getByRole('banner').getByRole('link', { name: 'Activity' }).click();
  await expect(heading(page, 'Activity')).toBeVisible();

  const happened = page.getByRole('list').getByRole('heading', { level: 3 });
  await expect(happened).toHaveText([
    'Signed in',
    'Signed out',
    'You said that you have kept your recovery code',
    'Account created',
  ]);
});

test('ending one session leaves the other rows as they are', async ({ page, account, api }) => {
  await api.logIn(account);
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/sessions');
  await expect(sessionRows(page)).toHaveCount(3);
  for (const row of await sessionRows(page).all()) {
    await row.evaluate((element) => element.setAttribute('data-same', 'yes'));
  }
  const foreign = sessionRows(page).filter({ hasNot: page.getByText('This browser', { exact: true }) });
  await signOutOf(foreign.first()).click();
  const loaded = page.waitForResponse(
    (response) =>
      new URL(response.url()).pathname === '/api/v1/sessions' &&
      response.request().method() === 'GET',
  );
  await confirmSignOut(page, account);
  await loaded;
  await expect(sessionRows(page)).toHaveCount(2);
  for (const row of await sessionRows(page).all()) {
    await expect(row).toHaveAttribute('data-same', 'yes');
  }
});

test('a wrong password ends no session, and the question stays', async ({ page, account, api }) => {
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/sessions');
  const opener = page.getByRole('button', { name: 'Sign out everywhere else' });
  await opener.click();
  const dialog = page.getByRole('dialog', { name: 'Sign out everywhere but in this browser?' });
  const password = dialog.getByLabel('Password', { exact: true });
  await expect(password).toBeFocused();

  await password.press('Enter');
  await expect(dialog.getByRole('alert')).toHaveText('Enter your password.');
  await expect(password).toBeFocused();

  await password.fill('not the right password at all');
  await dialog.getByRole('button', { name: 'Show password' }).click();
  await expect(password).toHaveAttribute('type', 'text');
  await password.press('Enter');
  await expect(dialog.getByRole('alert')).toHaveText('This is not your password.');
  await expect(password).toBeFocused();
  await expect(password).toHaveValue('');
  await expect(password).toHaveAttribute('type', 'password');
  await expect(sessionRows(page)).toHaveCount(2);

  await password.fill(account.password);
  await password.press('Enter');
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('status')).toContainText(['All other browsers are signed out.']);
  await expect(sessionRows(page)).toHaveCount(1);
  await expect(page.getByRole('list', { name: 'Devices' })).toBeFocused();
});

test('the question about a session tells a password manager whose password it asks for', async ({
  page,
  account,
  api,
}) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/sessions');
  const opener = page.getByRole('button', { name: 'Sign out everywhere else' });
  await opener.click();
  const dialog = page.getByRole('dialog');
  const password = dialog.getByLabel('Password', { exact: true });
  await expect(password).toHaveAttribute('autocomplete', 'current-password');
  const form = dialog.locator('form');
  await expect(form.locator('[autocomplete=username]')).toHaveValue(account.username);
  await password.fill('typed and not sent');
  const isWider = () =>
    [document.documentElement, document.querySelector('dialog')!].map(
      (element) => element.scrollWidth > element.clientWidth,
    );
  expect(await page.evaluate(isWider)).toEqual([false, false]);

  // Escape closes it, and what was typed is gone.
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(opener).toBeFocused();
  await opener.click();
  await expect(password).toHaveValue('');
  await expect(sessionRows(page)).toHaveCount(2);
});

test('a question that is closed while its call is under way shows the result on the page', async ({
  page,
  account,
  api,
}) => {
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/sessions');
  const opener = page.getByRole('button', { name: 'Sign out everywhere else' });
  for (const [typed, result] of [
    ['not the right password at all', page.getByRole('alert')],
    [account.password, page.getByRole('status').getByText('All other browsers are signed out.')],
  ] as const) {
    const late = await holdAnswers(page, '**/api/v1/sessions?*');
    await opener.click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Password', { exact: true }).fill(typed);
    await page.keyboard.press('Enter');
    await expect.poll(late.waiting).toBe(1);
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
    late.open();
    await expect(result).toBeVisible();
  }
  await expect(sessionRows(page)).toHaveCount(1);
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('no session ends before the person has confirmed', async ({ page, account, api }) => {
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/sessions');
  await expect(sessionRows(page)).toHaveCount(2);
  const network = new Network(page);
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
  await expect(dialog).toContainText('Sign out everywhere but in this browser?');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toBeHidden();
  await expect(sessionRows(page)).toHaveCount(2);
  expect(network.begun().filter(({ method }) => method !== 'GET')).toEqual([]);
});

/** What the row of a session is called: the name that the person has given, or the device. */
const called = (row: Locator): Locator => row.getByRole('heading', { level: 2 });

/** The dialog that asks for a name, and its field. */
function naming(page: Page): { dialog: Locator; field: Locator } {
  const dialog = page.getByRole('dialog', { name: /^Rename: Chrome on / });
  return { dialog, field: dialog.getByLabel('Name', { exact: true }) };
}

/** Sends a name, and closes the dialog before the answer comes. */
async function closeWhileSaving(
  page: Page,
  rename: Locator,
  name: string,
  late: { waiting: () => number },
): Promise<void> {
  const dialog = page.getByRole('dialog');
  const field = dialog.getByLabel('Name', { exact: true });
  await rename.click();
  await field.fill(name);
  await field.press('Enter');
  await expect.poll(late.waiting).toBe(1);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
}

test('a person gives this browser a name by the keyboard, and takes it away again', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/sessions');
  const row = sessionRows(page).first();
  const { dialog, field } = naming(page);
  await expect(called(row)).toHaveText(/^Chrome on .+This browser$/);
  const device = (await called(row).innerText()).replace(/\s*This browser$/, '');
  await expect(row.getByText('Device', { exact: true })).toHaveCount(0);
  await row.evaluate((element) => element.setAttribute('data-same', 'yes'));

  await renameOf(row).press('Enter');
  await expect(field).toBeFocused();
  await expect(field).toHaveValue('');
  await expect(field).toHaveAttribute('autocorrect', 'off');
  await expect(field).toHaveAccessibleDescription(
    'Up to 64 characters. Leave it empty to see the device only.',
  );
  await page.keyboard.type('  Work laptop ');
  await page.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('status').getByText('Saved.', { exact: true })).toBeVisible();
  await expect(renameOf(row)).toBeFocused();
  await expect(renameOf(row)).toHaveAccessibleName(`Rename: ${isolated('Work laptop')} (${device})`);
  await expect(called(row)).toHaveText('Work laptopThis browser');
  await expect(row.getByText('Device', { exact: true }).locator('..')).toContainText(device);
  await expect(row).toHaveAttribute('data-same', 'yes');

  await page.reload();
  await expect(called(row)).toHaveText('Work laptopThis browser');
  await renameOf(row).press('Enter');
  await expect(field).toHaveValue('Work laptop');
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.press('Delete');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status').getByText('The name is removed.')).toBeVisible();
  await expect(renameOf(row)).toBeFocused();
  await expect(renameOf(row)).toHaveAccessibleName(`Rename: ${device}`);
  await expect(called(row)).toHaveText(`${device}This browser`);
  await expect(row.getByText('Device', { exact: true })).toHaveCount(0);
});

test('two browsers of one kind are told apart by ear', async ({ page, account, api }) => {
  const names = ['The old laptop', 'The new laptop'];
  for (const name of names) {
    const other = await api.logIn(account, FIREFOX_ON_LINUX);
    await api.nameSession(other.access_token, other.session_id, name);
  }
  await signIn(page, account);
  await page.goto('/sessions');
  for (const name of names) {
    const row = sessionRows(page).filter({ hasText: name });
    const both = `${isolated(name)} (Firefox on a Linux computer or tablet)`;
    await expect(signOutOf(row)).toHaveAccessibleName(`Sign out: ${both}`);
    await expect(renameOf(row)).toHaveAccessibleName(`Rename: ${both}`);
  }
});

test('the field for a name is written in the direction of the name', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/sessions');
  await renameOf(sessionRows(page).first()).click();
  const { field } = naming(page);
  for (const [name, direction] of [
    ['המחשב בעבודה', 'rtl'],
    ['Work laptop', 'ltr'],
  ] as const) {
    await field.fill(name);
    await expect(field).toHaveCSS('direction', direction);
  }
});

test('saving the name that is there already sends nothing, and is told again', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/sessions');
  const { dialog, field } = naming(page);
  const network = new Network(page);
  const sent = () => network.begun().filter(({ method }) => method === 'PUT').length;
  const said = page.getByRole('status').getByText(/Saved|removed/);
  const saves = async (before: string, after: string) => {
    await renameOf(page).press('Enter');
    await expect(field).toBeFocused();
    await expect(field).toHaveValue(before);
    await field.fill(after);
    await field.press('Enter');
    await expect(dialog).toBeHidden();
    await expect(renameOf(page)).toBeFocused();
  };
  await saves('', ' ');
  expect(sent()).toBe(0);
  await expect(said).toHaveCount(0);

  await saves('', 'Work laptop');
  await expect(said).toBeVisible();
  expect(sent()).toBe(1);
  await saves('Work laptop', 'Work laptop ');
  expect(sent()).toBe(1);
  await expect(said).toHaveText('Saved.');
  await expect(called(sessionRows(page).first())).toContainText('Work laptop');
});

test('a name that was stored although its answer was lost is taken away again', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/sessions');
  const stored = '**/api/v1/sessions/*/name';
  await page.route(stored, async (route) => {
    await route.fetch();
    await route.abort();
  });
  await renameOf(page).click();
  const { dialog, field } = naming(page);
  await field.fill('Work laptop');
  await field.press('Enter');
  await expect(dialog.getByRole('alert')).toContainText('The server cannot be reached');
  await page.unrouteAll({ behavior: 'wait' });

  await field.fill('');
  await field.press('Enter');
  await expect(page.getByRole('status').getByText('The name is removed.')).toBeVisible();
  await page.reload();
  await expect(called(sessionRows(page).first())).toHaveText(/^Chrome on .+This browser$/);
});

test('another tab shows the new name without a reload', async ({ page, context, account, api }) => {
  await api.logIn(account);
  await signIn(page, account);
  const tab = await context.newPage();
  for (const one of [page, tab]) {
    await one.goto('/sessions');
    await expect(sessionRows(one)).toHaveCount(2);
  }
  const { field } = naming(page);
  await renameOf(sessionRows(page).first()).click();
  await field.fill('Work laptop');
  await field.press('Enter');
  await expect(called(sessionRows(page).first())).toContainText('Work laptop');
  await tab.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true })),
  );
  await expect(called(sessionRows(tab).first())).toContainText('Work laptop');
  await expect(called(sessionRows(tab).nth(1))).not.toContainText('Work laptop');
});

test('a name that is refused stays in the field, and nothing is sent', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/sessions');
  await renameOf(page).click();
  const { dialog, field } = naming(page);
  const network = new Network(page);
  for (const [typed, why] of [
    ['w'.repeat(65), 'A name can have at most 64 characters.'],
    ['Work\u202elaptop', /cannot be seen/],
    ['Work\u200blaptop', /cannot be seen/],
  ] as const) {
    await field.fill(typed);
    await expect(field).not.toHaveAttribute('aria-invalid', 'true');
    await field.press('Enter');
    await expect(dialog.getByRole('alert')).toHaveText(why);
    await expect(field).toHaveAccessibleDescription(why);
    await expect(field).toBeFocused();
    await expect(field).toHaveValue(typed);
  }
  expect(network.begun().filter(({ method }) => method === 'PUT')).toEqual([]);

  // Escape closes it, and what was typed is gone.
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(renameOf(page)).toBeFocused();
  await renameOf(page).press('Enter');
  await expect(field).toHaveValue('');
});

test('the answer of the server about a name is shown at its field', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/sessions');
  const detail = 'A name can have at most 32 characters.';
  await page.route('**/api/v1/sessions/*/name', (route) =>
    route.fulfill({
      status: 422,
      contentType: 'application/problem+json',
      body: JSON.stringify({
        type: 'urn:holdfast:problem:session_name_not_accepted',
        title: 'Session name not accepted',
        status: 422,
        detail,
        code: 'session_name_not_accepted',
      }),
    }),
  );
  await renameOf(page).click();
  const { field } = naming(page);
  await field.fill('Work laptop');
  await field.press('Enter');
  await expect(field).toHaveAccessibleDescription(detail);
  await expect(field).toBeFocused();
  await expect(field).toHaveValue('Work laptop');
});

test('a name is not lost while the server is out of reach', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/sessions');
  await page.route('**/api/v1/sessions/*/name', (route) => route.abort());
  await renameOf(page).click();
  const { dialog, field } = naming(page);
  await field.fill('Work laptop');
  await field.press('Enter');
  await expect(dialog.getByRole('alert')).toContainText('The server cannot be reached');
  await expect(field).toHaveValue('Work laptop');
  await expect(dialog.getByRole('button', { name: 'Save' })).not.toHaveAttribute(
    'aria-busy',
    'true',
  );

  await page.unrouteAll({ behavior: 'wait' });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(called(sessionRows(page).first())).toContainText('Work laptop');
});

test('a dialog that is closed before the answer shows the result on the page', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/sessions');
  const late = await holdAnswers(page, '**/api/v1/sessions/*/name');
  await closeWhileSaving(page, renameOf(page), 'Work laptop', late);
  late.open();
  await expect(page.getByRole('status').getByText('Saved.', { exact: true })).toBeVisible();
  await expect(called(sessionRows(page).first())).toContainText('Work laptop');
  await expect(renameOf(page)).toBeFocused();
});

test('a slow answer about one browser does not disturb the question about another', async ({
  page,
  account,
  api,
}) => {
  const other = await api.logIn(account, FIREFOX_ON_LINUX);
  await signIn(page, account);
  await page.goto('/sessions');
  const rows = sessionRows(page);
  await expect(rows).toHaveCount(2);
  const dialog = page.getByRole('dialog');
  const field = dialog.getByLabel('Name', { exact: true });
  const save = dialog.getByRole('button', { name: 'Save', exact: true });
  const renamed = page.getByRole('status').getByText('Saved.', { exact: true });
  const late = await holdAnswers(page, `**/api/v1/sessions/${other.session_id}/name`);
  await closeWhileSaving(page, renameOf(rows.nth(1)), 'The old laptop', late);

  await renameOf(rows.first()).click();
  await expect(save).not.toHaveAttribute('aria-busy', 'true');
  await field.fill('Work laptop');
  await save.click();
  await expect(dialog).toBeHidden();
  await expect(renamed).toBeVisible();
  await expect(called(rows.first())).toContainText('Work laptop');

  await renameOf(rows.first()).click();
  await expect(field).toHaveValue('Work laptop');
  await field.fill('Work');
  await expect(renamed).toHaveCount(0);
  late.open();
  await expect(renamed).toBeVisible();
  await expect(called(rows.nth(1))).toHaveText('The old laptop');
  await expect(dialog).toBeVisible();
  await expect(field).toBeFocused();
  await expect(field).toHaveValue('Work');
});

test('a question that is asked again is not closed by the answer to the first one', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/sessions');
  const { dialog, field } = naming(page);
  const late = await holdAnswers(page, '**/api/v1/sessions/*/name');
  await closeWhileSaving(page, renameOf(page), 'Work laptop', late);

  await renameOf(page).click();
  await expect(field).toHaveValue('');
  const saving = dialog.getByRole('button', { name: /^Saving/ });
  await expect(saving).toHaveAttribute('aria-busy', 'true');
  late.open();
  await expect(page.getByRole('status').getByText('Saved.', { exact: true })).toBeVisible();
  await expect(dialog).toBeVisible();

  // The name is another one than when the question was asked, so what the field says is sent.
  await expect(field).toHaveValue('');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('status').getByText('The name is removed.')).toBeVisible();
});

test('the longest name and the question for it fit a phone', async ({ page, account, api }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  const other = await api.logIn(account);
  const longest = 'w'.repeat(64);
  await api.nameSession(other.access_token, other.session_id, longest);
  await signIn(page, account);
  await page.goto('/sessions');
  const row = sessionRows(page).nth(1);
  await expect(called(row)).toHaveText(longest);
  expect(await fitsAPhone(page)).toBe(true);
  await renameOf(row).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByLabel('Name', { exact: true })).toHaveValue(longest);
  const isWider = () =>
    [document.documentElement, document.querySelector('dialog[open]')!].map(
      (element) => element.scrollWidth > element.clientWidth,
    );
  expect(await page.evaluate(isWider)).toEqual([false, false]);

  // The question says the device, too, because a thief may have chosen the name.
  await page.keyboard.press('Escape');
  await signOutOf(row).click();
  const question = new RegExp(`Sign out: ${isolated(longest)} \\(.+\\)\\?`);
  await expect(dialog).toContainText(question);
  expect(await page.evaluate(isWider)).toEqual([false, false]);
});

/** Where a person sees the first of these signs in an element. */
async function placeOf(element: Locator, sign: string): Promise<{ x: number; y: number }> {
  return element.evaluate((root, sign) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode as Text;
      const at = text.data.indexOf(sign);
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(text, at);
      range.setEnd(text, at + sign.length);
      const { x, y } = range.getBoundingClientRect();
      return { x, y };
    }
    throw new Error(`There is no ${sign}.`);
  }, sign);
}

test('a name from right to left or of pictures fits a phone, and its device stays after it', async ({
  page,
  account,
  api,
}) => {
  await page.setViewportSize({ width: 320, height: 640 });
  // A mark at the end of a Hebrew name stands at its left.
  const names = ['שלום!', '🦀👩🏽‍💻 2'];
  for (const name of names) {
    const other = await api.logIn(account, FIREFOX_ON_LINUX);
    await api.nameSession(other.access_token, other.session_id, name);
  }
  await signIn(page, account);
  await page.goto('/sessions');
  const dialog = page.getByRole('dialog');
  for (const name of names) {
    const row = sessionRows(page).filter({ hasText: name });
    const both = `${isolated(name)} (Firefox on a Linux computer or tablet)`;
    await expect(called(row)).toHaveText(name);
    await expect(renameOf(row)).toHaveAccessibleName(`Rename: ${both}`);
    await signOutOf(row).click();
    const question = dialog.getByRole('heading', { level: 2 });
    await expect(question).toHaveText(`Sign out: ${both}?`);
    const start = await placeOf(question, [...name][0]!);
    const device = await placeOf(question, '(');
    expect(device.y > start.y || device.x > start.x, name).toBe(true);
    const isWider = await dialog.evaluate((it) => it.scrollWidth > it.clientWidth);
    expect(isWider, name).toBe(false);
    if (name === names[0]) {
      expect((await placeOf(question, '!')).x).toBeLessThan((await placeOf(question, 'ש')).x);
    }
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
  }
  const hebrew = called(sessionRows(page).filter({ hasText: 'שלום' }));
  expect((await placeOf(hebrew, '!')).x).toBeLessThan((await placeOf(hebrew, 'ש')).x);
  expect(await fitsAPhone(page)).toBe(true);
});

test.describe('for a person who reads German', () => {
  test.use({ locale: 'de-DE' });

  test('a browser gets a name, and the reason why it does not is in German', async ({
    page,
    account,
  }) => {
    await signInInGerman(page, account);
    await page.goto('/sessions');
    const rename = page.getByRole('button', { name: /^Umbenennen: .*Chrome auf / });
    await rename.click();
    const dialog = page.getByRole('dialog', { name: /^Umbenennen: Chrome auf / });
    const field = dialog.getByLabel('Name des Browsers');
    await field.fill('w'.repeat(65));
    await field.press('Enter');
    await expect(dialog.getByRole('alert')).toHaveText(
      'Ein Name darf höchstens 64 Zeichen haben.',
    );
    await field.fill('Laptop im Büro');
    await dialog.getByRole('button', { name: 'Speichern' }).click();
    await expect(page.getByRole('status').getByText('Gespeichert.')).toBeVisible();
    await expect(page.getByRole('heading', { level: 2, name: 'Laptop im Büro' })).toBeVisible();
    await expect(page.getByText('Gerät', { exact: true })).toBeVisible();
    await rename.click();
    await field.fill('');
    await field.press('Enter');
    await expect(page.getByRole('status').getByText('Der Name wurde entfernt.')).toBeVisible();
  });
});

test('"Show older" keeps its place: a reload shows the same', async ({ page, account, api }) => {
  for (let times = 0; times < 14; times += 1) {
    await api.logOut((await api.logIn(account)).refresh_token);
  }
  await signIn(page, account);
  await page.getByRole('banner').getByRole('link', { name: 'Activity' }).click();
  const events = page.getByRole('list', { name: 'Activity' }).getByRole('listitem');
  await expect(events).toHaveCount(25);
  await page.getByRole('button', { name: 'Show older' }).click();
  await expect(events).toHaveCount(32);
  await expect(page).toHaveURL('/activity?shown=32');
  await expect(page.getByRole('list', { name: 'Activity' })).toBeFocused();
  const before = await events.allInnerTexts();

  await page.reload();
  await expect(events).toHaveCount(32);
  expect(await events.allInnerTexts()).toEqual(before);

  // The back button leads to the page before, without steps in between.
  await page.goBack();
  await expect(heading(page, 'Your account')).toBeVisible();
});

test('older events that arrive after newer ones leave no gap in the activity', async ({
  page,
  context,
  account,
  api,
}) => {
  test.slow();
  for (let times = 0; times < 14; times += 1) {
    await api.logOut((await api.logIn(account)).refresh_token);
  }
  await signIn(page, account);
  await page.goto('/activity');
  const events = page.getByRole('list', { name: 'Activity' }).getByRole('listitem');
  await expect(events).toHaveCount(25);
  const older = '**/api/v1/activity?*before=*';
  const late = await holdAnswers(page, older);
  await page.getByRole('button', { name: 'Show older' }).click();
  await expect.poll(late.waiting).toBe(1);

  // The account goes on with a new session, so the page loads the newest events.
  const tab = await context.newPage();
  await tab.goto('/password');
  await tab.getByLabel('Current password').fill(account.password);
  await tab.getByLabel('New password').fill('a completely different sentence');
  await tab.getByRole('button', { name: 'Change password' }).click();
  await expect(events.getByText('Password changed')).toBeVisible({ timeout: 30_000 });
  late.open();

  await page.getByRole('button', { name: 'Show older' }).click();
  await expect(page.getByRole('button', { name: 'Show older' })).toBeHidden();
  const shown = await events.allInnerTexts();
  await page.reload();
  await expect(events).toHaveCount(shown.length);
  expect(await events.allInnerTexts()).toEqual(shown);
});
