// The life of an account on a phone, from the sign-up to the end.

import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import {
  expect,
  fillIn,
  FIREFOX_ON_LINUX,
  fitsAPhone,
  heading,
  isEnded,
  keepCode,
  seesAccount,
  sessionRows,
  shownCode,
  signInButton,
  signOut,
  somebody,
  test,
} from '../../holdfast';

const SECOND = 'a completely different sentence';
const THIRD = 'nobody knows this third sentence';

/** Words of developers. The foot of the page is left out: it leads to a page for developers. A test in
 * `app/src/words/mod.rs` looks for the same words in every kind of event. */
const JARGON =
  /token|cookie|storage|hash|JWT|(?<!\.)JSON|HTTP|\bAPI\b|server|session|Sitzung|IP address|secret|rotation|refresh|generation|client|database|operator|hyphen|password manager|internet address|unknown device|\b[45]\d\d\b/i;

test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

/** Checks the words of the page, and that it fits the phone. */
async function isPlain(page: Page): Promise<void> {
  const parts = await page.locator('header, main, [role="alert"], [role="complementary"]').all();
  for (const part of parts) {
    expect(await part.innerText()).not.toMatch(JARGON);
  }
  expect(await fitsAPhone(page)).toBe(true);
}

test('a person signs up, gets back in, ends the session of a stranger, and leaves with their data', async ({
  page,
  api,
}) => {
  test.slow();
  const account = somebody();
  await page.goto('/');
  await isPlain(page);
  await page.getByRole('main').getByRole('link', { name: 'Create account' }).tap();
  await fillIn(page, account);
  await isPlain(page);
  await page.getByRole('button', { name: 'Create account' }).tap();
  await shownCode(page);
  await isPlain(page);
  const code = await keepCode(page);
  await seesAccount(page, account);
  await isPlain(page);
  await signOut(page);

  // The password is lost, and the code brings the person back in.
  await page.goto('/sign-in');
  await isPlain(page);
  await page.getByRole('link', { name: 'Use your recovery code' }).tap();
  // The page before has a field of the same name, and stays until the next page has come.
  await expect(heading(page, 'Get back in')).toBeVisible();
  await page.getByLabel('Username').fill(account.username);
  await page.getByLabel('Recovery code').fill(code.toLowerCase());
  await page.getByLabel('New password').fill(SECOND);
  await isPlain(page);
  await page.getByRole('button', { name: 'Set new password' }).tap();
  const next = await shownCode(page);
  expect(next).not.toBe(code);
  await isPlain(page);
  await page.getByLabel('I have kept it').check();
  await signInButton(page).tap();
  await seesAccount(page, account);

  // A stranger knows the new password.
  const stranger = await api.logIn({ ...account, password: SECOND }, FIREFOX_ON_LINUX);
  await page.goto('/sessions');
  const rows = sessionRows(page);
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText('Firefox on a Linux computer or tablet');
  const notice = page.getByRole('complementary', { name: 'New sign-in to your account' });
  await expect(notice).toContainText('The device: Firefox on a Linux computer or tablet. Was it you?');
  await isPlain(page);
  await notice.getByRole('button', { name: 'It was not me' }).tap();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Password', { exact: true }).fill(SECOND);
  await page.keyboard.press('Enter');
  await expect(page.getByText('Firefox on a Linux computer or tablet is signed out.')).toBeVisible();
  await isEnded(api, stranger.access_token);
  await isPlain(page);
  await page.getByLabel('Current password').fill(SECOND);
  await page.getByLabel('New password').fill(THIRD);
  await page.getByRole('button', { name: 'Change password' }).tap();
  await expect(page.getByText('Your password is changed.')).toBeVisible();

  // The activity says why.
  await page.getByRole('banner').getByRole('link', { name: 'Activity' }).tap();
  await expect(heading(page, 'Activity')).toBeVisible();
  const events = page.getByRole('list', { name: 'Activity' }).getByRole('listitem');
  await expect(events.first()).toContainText('Password changed');
  await expect(events.filter({ hasText: 'Firefox on a Linux computer' }).first()).toBeVisible();
  await expect(events.filter({ hasText: 'New password set without the old one' })).toHaveCount(1);
  await isPlain(page);

  // The person leaves, with the data.
  await page.getByRole('banner').getByRole('link', { name: 'Account' }).tap();
  await page.getByRole('link', { name: 'Copy or delete' }).tap();
  const toRead = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download your data' }).tap();
  expect(await readFile(await (await toRead).path(), 'utf8')).toContain(account.username);
  const forPrograms = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save the file for other programs' }).tap();
  const data = JSON.parse(await readFile(await (await forPrograms).path(), 'utf8'));
  expect(data.account.username).toBe(account.username);
  await isPlain(page);
  // Until then, the form does not know which name is the right one.
  await expect(page.getByText(`Type this name: ${account.username}`)).toBeVisible();
  await page.getByLabel('Your username, typed again').fill(account.username);
  await page.getByLabel('Password', { exact: true }).fill(THIRD);
  await page.getByRole('button', { name: 'Delete my account' }).tap();
  await expect(page.getByText('This account has been deleted.')).toBeVisible();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await isPlain(page);
  await page.goto('/sign-in');
  await fillIn(page, { ...account, password: THIRD });
  await signInButton(page).tap();
  await expect(page.getByRole('alert')).toHaveText('The username or the password is wrong.');
});
