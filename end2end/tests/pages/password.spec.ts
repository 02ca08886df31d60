import type { Page } from '@playwright/test';
import {
  expect,
  fillIn,
  isSignedOut,
  seesAccount,
  signIn,
  signInButton,
  signOut,
  test,
} from '../../holdfast';

const NEW = 'a completely different sentence';

async function changePassword(page: Page, current: string, wanted: string): Promise<void> {
  await page.goto('/password');
  await page.getByLabel('Current password').fill(current);
  await page.getByLabel('New password').fill(wanted);
  await page.getByRole('button', { name: 'Change password' }).click();
}

test('a new password signs out everywhere but here', async ({ page, account, anotherBrowser }) => {
  const other = await (await anotherBrowser()).newPage();
  await signIn(other, account);
  await signIn(page, account);

  await changePassword(page, account.password, NEW);

  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  await other.getByRole('button', { name: 'Check again' }).click();
  await isSignedOut(other);
  await page.goto('/account');
  await seesAccount(page, account);
});

test('from then on the new password is good and the old one is not', async ({ page, account }) => {
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

test('a short new password is told at its field', async ({ page, account }) => {
  await signIn(page, account);
  await changePassword(page, account.password, 'too short');
  await expect(page.getByRole('alert')).toContainText('15 characters');
  await expect(page.getByLabel('New password')).toBeFocused();
});
