import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import {
  expect,
  fillIn,
  heading,
  holdAnswers,
  isSignedOut,
  seesAccount,
  signIn,
  signInButton,
  signOut,
  test,
} from '../../holdfast';

async function deleteAccount(page: Page, name: string, password: string): Promise<void> {
  // Until the form says it, it does not know which name is the right one.
  await expect(page.getByText(/^Type /)).toBeVisible();
  await page.getByLabel('Your username, typed again').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Delete my account' }).click();
}

test('a person takes a copy of their data', async ({ page, account, api }) => {
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/account');
  await page.getByRole('link', { name: 'Copy or delete' }).click();
  const arriving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download your data' }).click();
  const download = await arriving;
  expect(download.suggestedFilename()).toBe('holdfast-data.json');
  await expect(page.getByRole('status').getByText('Look into your downloads')).toBeVisible();

  const data = JSON.parse(await readFile(await download.path(), 'utf8'));
  expect(data.account.username).toBe(account.username);
  expect(data.sessions).toHaveLength(2);
  const kinds = data.activity.map((event: { kind: string }) => event.kind);
  expect(kinds).toContain('sign_up');
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
  await other.getByRole('button', { name: 'Check again' }).click();
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
  await expect(page.getByRole('alert')).toHaveText(`Type your username: ${account.username}.`);
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
