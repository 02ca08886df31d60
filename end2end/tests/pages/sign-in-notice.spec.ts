import type { Page } from '@playwright/test';
import {
  CHROME_ON_ANDROID,
  expect,
  fillIn,
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
      'The device: Firefox on a Linux computer or tablet. Was it you?',
    );
    await expect(notice(page)).toContainText('Connection (for technical people): 127.0.0.1');
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

test('it stands above the offer of a recovery code', async ({ page, api }) => {
  const account = somebody();
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('link', { name: 'Later' }).click();
  await seesAccount(page, account);
  await api.logIn(account, FIREFOX_ON_LINUX);
  await page.reload();
  const offer = page.getByRole('complementary', { name: 'Recovery code' });
  await expect(offer).toBeVisible();
  await expect(notice(page)).toBeVisible();
  const [above, below] = [await notice(page).boundingBox(), await offer.boundingBox()];
  expect(above!.y + above!.height).toBeLessThanOrEqual(below!.y);
});

test('the page of the sessions shows it without a reload', async ({ page, account, api }) => {
  await signIn(page, account);
  await page.goto('/sessions');
  await expect(page.getByText('This browser', { exact: true })).toBeVisible();
  await api.logIn(account, FIREFOX_ON_LINUX);
  await expect(notice(page)).toBeVisible({ timeout: 20_000 });
});

test('a page that stays open shows it after a minute', async ({ page, account, api }) => {
  await page.clock.install();
  await signIn(page, account);
  const loaded = page.waitForResponse('**/api/v1/account/notices');
  await page.goto('/account');
  await (await loaded).finished();
  await seesAccount(page, account);
  await api.logIn(account, FIREFOX_ON_LINUX);
  await expect(notice(page)).toHaveCount(0);
  await page.clock.runFor('01:10');
  await expect(notice(page)).toBeVisible();
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
  const dialog = page.getByRole('dialog', {
    name: 'Sign out: Firefox on a Linux computer or tablet?',
  });
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
  await expect(page.getByText('Firefox on a Linux computer or tablet is signed out.')).toBeVisible();
  await expect(notice(page)).toHaveCount(0);
  await isEnded(api, stranger.access_token);

  await page.getByLabel('Current password').fill(account.password);
  await page.getByLabel('New password').fill('a completely different sentence');
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  const alarm = page.getByText('is signed out. Whoever was there');
  await expect(alarm).toHaveCount(0);
  await expect(page).toHaveURL(/\/password$/);
  await expect(page.getByText('Did somebody know your password?')).toBeHidden();

  // The way back does not lead to the alarm again.
  await page.getByRole('main').getByRole('link', { name: 'Make a new recovery code' }).click();
  await expect(heading(page, 'Your recovery code')).toBeVisible();
  await page.goBack();
  await expect(heading(page, 'Change password')).toBeVisible();
  await expect(page.getByLabel('Current password')).toBeVisible();
  await expect(alarm).toHaveCount(0);
});

test('a second "It was not me" on the page of the password keeps what was typed, and names the browser', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  await api.logIn(account, CHROME_ON_ANDROID);
  await api.logIn(account, FIREFOX_ON_LINUX);
  await page.goto('/account');
  const answer = async () => {
    await expect(wasNotMe(page)).not.toHaveAttribute('aria-disabled', 'true');
    await wasNotMe(page).click();
    const password = page.getByRole('dialog').getByLabel('Password', { exact: true });
    await password.fill(account.password);
    await password.press('Enter');
  };
  await answer();
  await expect(page.getByText('Firefox on a Linux computer or tablet is signed out.')).toBeVisible();
  const wanted = page.getByLabel('New password');
  await wanted.fill('a completely different sentence');

  await expect(notice(page)).toContainText('Chrome on an Android phone or tablet');
  await answer();
  await expect(page.getByText('Chrome on an Android phone or tablet is signed out.')).toBeVisible();
  await expect(heading(page, 'Change password')).toBeFocused();
  await expect(notice(page)).toHaveCount(0);
  await expect(wanted).toHaveValue('a completely different sentence');
});

test('a notice that is answered after the change of the password asks for another one', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  await page.goto('/password');
  await page.getByLabel('Current password').fill(account.password);
  const wanted = page.getByLabel('New password');
  const changed = { ...account, password: 'a completely different sentence' };
  await wanted.fill(changed.password);
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  await expect(wanted).toBeHidden();

  await api.logIn(changed, FIREFOX_ON_LINUX);
  await comeBack(page);
  await expect(wasNotMe(page)).not.toHaveAttribute('aria-disabled', 'true');
  await wasNotMe(page).click();
  const password = page.getByRole('dialog').getByLabel('Password', { exact: true });
  await password.fill(changed.password);
  await password.press('Enter');
  await expect(page.getByText('Firefox on a Linux computer or tablet is signed out.')).toBeVisible();
  await expect(wanted).toBeVisible();
  await expect(page.getByText('Your password is changed')).toHaveCount(0);
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
  await expect(second.getByText(`Type this name: ${account.username}`)).toBeVisible();
  await expect(notice(second)).toHaveCount(0);
  await page.goto('/data');
  await wasMe(page).click();
  await expect(notice(page)).toHaveCount(0);

  // This browser is known from now on.
  await signOut(second);
  await signIn(second, account);
  await page.goto('/data');
  await expect(page.getByText(`Type this name: ${account.username}`)).toBeVisible();
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
  await expect(page.getByText(`Type this name: ${other.username}`)).toBeVisible();
  await expect(notice(page)).toHaveCount(0);
});
