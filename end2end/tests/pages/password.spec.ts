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
  somebody,
  test,
  theStoredSession,
} from '../../holdfast';

const NEW = 'a completely different sentence';

async function changePassword(page: Page, current: string, wanted: string): Promise<void> {
  await page.goto('/password');
  await page.getByLabel('Current password').fill(current);
  await page.getByLabel('New password').fill(wanted);
  await page.getByRole('button', { name: 'Change password' }).click();
}

test('a new password signs out all other browsers', async ({ page, account, anotherBrowser }) => {
  const other = await (await anotherBrowser()).newPage();
  await signIn(other, account);
  await signIn(page, account);

  await changePassword(page, account.password, NEW);

  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  await other.getByRole('button', { name: 'Check my sign-in' }).click();
  await isSignedOut(other);
  await page.goto('/account');
  await seesAccount(page, account);
});

test('a link takes the place of the form after a change, until the person comes again', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await changePassword(page, account.password, NEW);

  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  await expect(heading(page, 'Change password')).toBeFocused();
  const field = page.getByLabel('New password');
  await expect(field).toBeHidden();
  await expect(page.getByText('Did somebody know your password?')).toBeVisible();
  await page.getByRole('main').getByRole('link', { name: 'Your account' }).click();
  await seesAccount(page, account);

  await page.getByRole('main').getByRole('link', { name: 'Change password' }).click();
  await expect(field).toBeVisible();
  await expect(field).toHaveValue('');
  await expect(page.getByText('Your password is changed')).toHaveCount(0);
});

test('after a change only the new password is accepted', async ({ page, account }) => {
  await signIn(page, account);
  await changePassword(page, account.password, NEW);
  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  await signOut(page);

  await fillIn(page, account);
  await signInButton(page).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await fillIn(page, { ...account, password: NEW });
  await signInButton(page).click();
  await seesAccount(page, account);
});

test('without the right current password nothing changes', async ({ page, account }) => {
  await signIn(page, account);
  await changePassword(page, 'not the right password', NEW);
  await expect(page.getByRole('alert')).toHaveText('This is not your current password.');

  await signOut(page);
  await signIn(page, account);
});

test('the page reports a short new password at its field', async ({ page, account }) => {
  await signIn(page, account);
  await changePassword(page, account.password, 'too short');
  await expect(page.getByRole('alert')).toContainText('15 characters');
  await expect(page.getByLabel('New password')).toBeFocused();
});

test('a person who signs in during the change stays signed in, and the new session ends', async ({
  page,
  context,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  await signIn(page, account);
  // The answer is read here, because the page reloads later, and then it cannot be read.
  let status = 0;
  let refreshToken = '';
  const answers = await holdAnswers(page, '**/api/v1/account/password', (code, body) => {
    status = code;
    refreshToken = (JSON.parse(body) as { refresh_token: string }).refresh_token;
  });
  await changePassword(page, account.password, NEW);
  await expect.poll(answers.waiting).toBe(1);
  expect(status).toBe(200);

  const tab = await context.newPage();
  await tab.goto('/account');
  // The tab waits for the new session. Only a person can sign it out.
  await signOut(tab);
  await signIn(tab, other);
  const { session_id } = await theStoredSession(tab);
  answers.open();

  await expect.poll(async () => (await api.refresh(refreshToken)).body.code).toBe('session_ended');
  // The first tab reloads now, so the other tab reads their shared storage.
  expect((await theStoredSession(tab)).session_id).toBe(session_id);
  await tab.reload();
  await seesAccount(tab, other);
});
