import type { Page } from '@playwright/test';
import {
  expect,
  FIREFOX_ON_LINUX,
  fitsAPhone,
  heading,
  holdAnswers,
  isEnded,
  pauseClock,
  seesAccount,
  signIn,
  signOut,
  somebody,
  test,
} from '../../holdfast';

const notice = (page: Page) =>
  page.getByRole('complementary', { name: 'New sign-in to your account' });
const wasMe = (page: Page) => notice(page).getByRole('button', { name: 'This was me' });
const wasNotMe = (page: Page) => notice(page).getByRole('button', { name: 'It was not me' });

/** Comes back to the tab. */
async function comeBack(page: Page): Promise<void> {
  await page.evaluate(() => dispatchEvent(new Event('visibilitychange')));
}

test('every page tells of a sign-in from a new browser, until the person says that it was them', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const other = await context.newPage();
  await other.goto('/activity');
  await expect(heading(other, 'Activity')).toBeVisible();
  await expect(notice(page)).toHaveCount(0);

  const stranger = await api.logIn(account, FIREFOX_ON_LINUX);
  for (const path of ['/account', '/password', '/']) {
    await page.goto(path);
    await expect(notice(page)).toContainText(
      'Somebody signed in to your account with Firefox on Linux',
    );
    await expect(notice(page)).toContainText('Internet address: 127.0.0.1');
  }
  const at = await notice(page).getByRole('time').getAttribute('datetime');
  expect(Math.abs(Date.now() - Date.parse(at ?? ''))).toBeLessThan(24 * 60 * 60 * 1000);
  await comeBack(other);
  await expect(notice(other)).toBeVisible();

  await wasMe(page).click();
  await expect(notice(page)).toHaveCount(0);
  await expect(page.getByText('Thank you.')).toBeVisible();
  await expect(heading(page, 'Sign in once. Stay signed in.')).toBeFocused();
  await comeBack(other);
  await expect(notice(other)).toHaveCount(0);
  await page.reload();
  await expect(page.getByText('Newest sign-in')).toBeVisible();
  await expect(notice(page)).toHaveCount(0);
  expect((await api.account(stranger.access_token)).status).toBe(200);
});

test('the page of the sessions shows it without a reload', async ({ page, account, api }) => {
  await signIn(page, account);
  await page.goto('/sessions');
  await expect(page.getByText('This browser', { exact: true })).toBeVisible();
  await api.logIn(account, FIREFOX_ON_LINUX);
  await expect(notice(page)).toBeVisible({ timeout: 20_000 });
});

test('"It was not me" signs the browser out and leads to a new password', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  const stranger = await api.logIn(account, FIREFOX_ON_LINUX);
  await page.goto('/account');
  await wasNotMe(page).click();
  const dialog = page.getByRole('dialog', { name: 'Sign out Firefox on Linux now?' });
  const password = dialog.getByLabel('Password', { exact: true });
  await expect(password).toBeFocused();
  // Otherwise screen readers would announce the text of the dialog twice.
  await expect(page.locator('[aria-live]').getByRole('dialog')).toHaveCount(0);
  await password.fill('not the right password at all');
  await password.press('Enter');
  await expect(dialog.getByRole('alert')).toHaveText('This is not your password.');
  expect((await api.account(stranger.access_token)).status).toBe(200);

  await page.keyboard.press('Escape');
  await expect(wasNotMe(page)).toBeFocused();
  await wasNotMe(page).press('Enter');
  await password.fill(account.password);
  await password.press('Enter');

  await expect(heading(page, 'Change password')).toBeFocused();
  await expect(page.getByText('Firefox on Linux is signed out.')).toBeVisible();
  await expect(notice(page)).toHaveCount(0);
  await isEnded(api, stranger.access_token);

  await page.getByLabel('Current password').fill(account.password);
  await page.getByLabel('New password').fill('a completely different sentence');
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  await expect(page.getByText('Firefox on Linux is signed out.')).toHaveCount(0);
});

test('a sign-in whose session is over already is told, and "It was not me" still works', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  await api.logOut((await api.logIn(account, FIREFOX_ON_LINUX)).refresh_token);
  await page.goto('/account');
  await wasNotMe(page).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Password', { exact: true }).fill(account.password);
  await page.keyboard.press('Enter');
  await expect(heading(page, 'Change password')).toBeVisible();
  await expect(notice(page)).toHaveCount(0);
});

test('neither a new account nor the session itself nor a known browser is told of', async ({
  page,
  account,
  anotherBrowser,
}) => {
  await signIn(page, account);
  const second = await (await anotherBrowser()).newPage();
  await signIn(second, account);
  await second.goto('/data');
  await expect(second.getByText(`Type ${account.username}.`)).toBeVisible();
  await expect(notice(second)).toHaveCount(0);
  await page.goto('/data');
  await wasMe(page).click();
  await expect(notice(page)).toHaveCount(0);

  // This browser is known from now on.
  await signOut(second);
  await signIn(second, account);
  await page.goto('/data');
  await expect(page.getByText(`Type ${account.username}.`)).toBeVisible();
  const loaded = page.waitForResponse('**/api/v1/account/notices');
  await comeBack(page);
  expect(await (await loaded).json()).toEqual({ notices: [] });
  await expect(notice(page)).toHaveCount(0);
});

test('a notice that cannot be marked as read stays, and says why', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  await api.logIn(account, FIREFOX_ON_LINUX);
  await page.goto('/account');
  await page.route('**/api/v1/account/notices/*/read', (route) => route.abort());
  await wasMe(page).click();
  await expect(notice(page).getByRole('alert')).toBeVisible();

  // The error is not about a newer notice.
  await api.logIn(account, FIREFOX_ON_LINUX);
  await comeBack(page);
  await expect(notice(page)).toBeVisible();
  await expect(notice(page).getByRole('alert')).toHaveCount(0);
  await page.unrouteAll({ behavior: 'wait' });
  const thanks = page.getByText('There is nothing more to do.');
  await wasMe(page).click();
  await expect(heading(page, 'Your account')).toBeFocused();
  // The older notice is not answered yet.
  await expect(notice(page)).toBeVisible();
  await expect(thanks).toHaveCount(0);
  await wasMe(page).click();
  await expect(notice(page)).toHaveCount(0);
  await expect(thanks).toBeVisible();
});

/** The notice moves the page down, so a press that was meant for the page must not answer it. */
test('the buttons of a notice do nothing until the person can have seen it', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  await api.logIn(account, FIREFOX_ON_LINUX);
  await page.clock.install();
  const notices = await holdAnswers(page, '**/api/v1/account/notices');
  await page.goto('/account');
  await expect.poll(notices.waiting).toBeGreaterThan(0);
  // From now on, only the test lets time pass.
  await pauseClock(page);
  notices.open();
  await expect(wasMe(page)).toHaveAttribute('aria-disabled', 'true');
  await wasMe(page).click({ force: true });
  await expect(notice(page)).toBeVisible();
  await page.clock.runFor(1000);
  await expect(wasMe(page)).not.toHaveAttribute('aria-disabled', 'true');
  await wasMe(page).click();
  await expect(notice(page)).toHaveCount(0);
});

test('a person reads it on a narrow page and by the keyboard', async ({ page, account, api }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await signIn(page, account);
  await api.logIn(account, FIREFOX_ON_LINUX);
  await page.goto('/account');
  await seesAccount(page, account);
  await expect(notice(page).getByRole('heading', { level: 2 })).toBeVisible();
  expect(await fitsAPhone(page)).toBe(true);
  await wasMe(page).focus();
  await page.keyboard.press('Tab');
  await expect(wasNotMe(page)).toBeFocused();
  await page.keyboard.press('Shift+Tab');
  await expect(wasMe(page)).not.toHaveAttribute('aria-disabled', 'true');
  await page.keyboard.press('Enter');
  await expect(notice(page)).toHaveCount(0);
  await expect(heading(page, 'Your account')).toBeFocused();
});

test('after another person has signed in, the notice of the person before is gone', async ({
  page,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  await signIn(page, account);
  await api.logIn(account, FIREFOX_ON_LINUX);
  await page.goto('/account');
  await expect(notice(page)).toBeVisible();
  await page.getByRole('banner').getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await expect(notice(page)).toHaveCount(0);
  await signIn(page, other);
  await page.goto('/data');
  await expect(page.getByText(`Type ${other.username}.`)).toBeVisible();
  await expect(notice(page)).toHaveCount(0);
});
