// Bar 45: the person leaves every form and every load before its answer comes. There is no error in
// the console (an error fails the test), and the next page works.

import type { Page } from '@playwright/test';
import {
  type Account,
  expect,
  fillIn,
  heading,
  holdAnswers,
  seesAccount,
  sendSignOut,
  signIn,
  signInButton,
  signOut,
  somebody,
  test,
} from '../../holdfast';

const NEW = 'a completely different sentence';

/** Makes a request, leaves the page while the answer is under way, and lets the answer come. */
async function leaveBeforeTheAnswer(
  page: Page,
  url: string,
  act: () => Promise<unknown>,
): Promise<void> {
  const answers = await holdAnswers(page, url);
  await act();
  await expect.poll(answers.waiting).toBeGreaterThan(0);
  await page.getByRole('banner').getByRole('link', { name: 'Holdfast' }).click();
  await expect(heading(page, 'Sign in once. Stay signed in.')).toBeVisible();

  const answered = page.waitForEvent('requestfinished');
  answers.open();
  await answered;
  await page.unrouteAll({ behavior: 'wait' });
}

/** Checks that the client of the page still works. */
async function nextPageWorks(page: Page): Promise<void> {
  await page.getByRole('banner').getByRole('link', { name: 'Create account' }).click();
  await expect(heading(page, 'Create your account')).toBeVisible();
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('alert').first()).toBeVisible();
}

async function nextPageWorksFor(page: Page, account: Account): Promise<void> {
  await page.getByRole('banner').getByRole('link', { name: 'Account', exact: true }).click();
  await seesAccount(page, account);
  await page.getByRole('banner').getByRole('link', { name: 'Devices' }).click();
  // The page before has the text of the row, too.
  await expect(heading(page, 'Where you are signed in')).toBeVisible();
  await expect(page.getByText('This browser', { exact: true })).toBeVisible();
}

test('bar 45: a sign-in with a wrong password', async ({ page, account }) => {
  await page.goto('/sign-in');
  await fillIn(page, { ...account, password: 'not the right password' });
  await leaveBeforeTheAnswer(page, '**/api/v1/login', () => signInButton(page).click());
  await nextPageWorks(page);
});

test('bar 45: a sign-in that succeeds', async ({ page, account }) => {
  await page.goto('/sign-in');
  await fillIn(page, account);
  await leaveBeforeTheAnswer(page, '**/api/v1/login', () => signInButton(page).click());
  // The person is signed in on the page to which they went.
  await nextPageWorksFor(page, account);
});

test('bar 45: a sign-up with a name that is taken', async ({ page, account }) => {
  await page.goto('/sign-up');
  await fillIn(page, account);
  await leaveBeforeTheAnswer(page, '**/api/v1/signup', () =>
    page.getByRole('button', { name: 'Create account' }).click(),
  );
  await nextPageWorks(page);
});

test('bar 45: a sign-up that succeeds', async ({ page }) => {
  const account = somebody();
  await page.goto('/sign-up');
  await fillIn(page, account);
  await leaveBeforeTheAnswer(page, '**/api/v1/signup', () =>
    page.getByRole('button', { name: 'Create account' }).click(),
  );
  await nextPageWorksFor(page, account);
});

for (const [what, right] of [
  ['that is refused', false],
  ['that succeeds', true],
] as const) {
  test(`bar 45: a change of the password ${what}`, async ({ page, account }) => {
    await signIn(page, account);
    await page.getByRole('main').getByRole('link', { name: 'Change password' }).click();
    await page
      .getByLabel('Current password')
      .fill(right ? account.password : 'not the right password');
    await page.getByLabel('New password').fill(NEW);
    await leaveBeforeTheAnswer(page, '**/api/v1/account/password', () =>
      page.getByRole('button', { name: 'Change password' }).click(),
    );
    await nextPageWorksFor(page, account);
    await signOut(page);
    await signIn(page, right ? { ...account, password: NEW } : account);
  });
}

for (const [what, right] of [
  ['that is refused', false],
  ['that succeeds', true],
] as const) {
  test(`bar 45: a recovery ${what}`, async ({ page, api }) => {
    const account = somebody();
    const code = await api.makeAccount(account);
    await page.goto('/recover');
    await page.getByLabel('Username').fill(right ? account.username : somebody().username);
    await page.getByLabel('Recovery code').fill(code);
    await page.getByLabel('New password').fill(NEW);
    await leaveBeforeTheAnswer(page, '**/api/v1/recover', () =>
      page.getByRole('button', { name: 'Set new password' }).click(),
    );
    await nextPageWorks(page);
    await signIn(page, right ? { ...account, password: NEW } : account);
  });
}

test('bar 45: a new recovery code, and its confirmation', async ({ page, account }) => {
  await signIn(page, account);
  await page.getByRole('main').getByRole('link', { name: 'Your recovery code' }).click();
  // The page asks whether there is a code. That answer is not the one to hold.
  await expect(page.getByText(/^You have a code, made on/)).toBeVisible();
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await leaveBeforeTheAnswer(page, '**/api/v1/account/recovery-code', () =>
    page.getByRole('button', { name: 'Make a new code' }).click(),
  );
  await nextPageWorksFor(page, account);

  await page.getByRole('banner').getByRole('link', { name: 'Account', exact: true }).click();
  await page.getByRole('main').getByRole('link', { name: 'Your recovery code' }).click();
  await leaveBeforeTheAnswer(page, '**/api/v1/account/recovery-code/confirmed', async () => {
    await page.getByLabel('I have kept it').check();
    await page.getByRole('button', { name: 'Go on' }).click();
  });
  await nextPageWorksFor(page, account);
});

test('bar 45: the end of another session', async ({ page, account, api }) => {
  await api.logIn(account);
  await signIn(page, account);
  await page.getByRole('banner').getByRole('link', { name: 'Devices' }).click();
  const foreign = page
    .getByRole('listitem')
    .filter({ hasNot: page.getByText('This browser', { exact: true }) })
    .getByRole('button', { name: /^Sign out: / });
  await leaveBeforeTheAnswer(page, '**/api/v1/sessions/*', async () => {
    await foreign.click();
    await sendSignOut(page, account);
    // The dialog has the focus until the person closes it.
    await expect(page.getByRole('dialog').getByText('Signing out…')).toBeVisible();
    await page.keyboard.press('Escape');
  });
  await nextPageWorksFor(page, account);
  await expect(foreign).toHaveCount(0);
});

test('bar 45: older activity', async ({ page, account, api }) => {
  for (let times = 0; times < 26; times += 1) {
    await api.logOut((await api.logIn(account)).refresh_token);
  }
  await signIn(page, account);
  await page.getByRole('banner').getByRole('link', { name: 'Activity' }).click();
  await leaveBeforeTheAnswer(page, '**/api/v1/activity?*before=*', () =>
    page.getByRole('button', { name: 'Show older' }).click(),
  );
  // The address that the answer would have set is not set any more.
  await expect(page).toHaveURL('/');
  await nextPageWorksFor(page, account);
});

test('bar 45: the account, looked up again', async ({ page, account }) => {
  await signIn(page, account);
  await leaveBeforeTheAnswer(page, '**/api/v1/account', () =>
    page.getByRole('button', { name: 'Check my sign-in' }).click(),
  );
  await nextPageWorksFor(page, account);
});

for (const [link, url] of [
  ['Account', '**/api/v1/account'],
  ['Devices', '**/api/v1/sessions'],
  ['Activity', '**/api/v1/activity*'],
] as const) {
  test(`bar 45: what the page loads: ${link}`, async ({ page, account }) => {
    await signIn(page, account);
    await page.getByRole('banner').getByRole('link', { name: 'Holdfast' }).click();
    await expect(heading(page, 'Sign in once. Stay signed in.')).toBeVisible();
    await leaveBeforeTheAnswer(page, url, () =>
      page.getByRole('banner').getByRole('link', { name: link, exact: true }).click(),
    );
    await nextPageWorksFor(page, account);
  });
}

test('bar 45: what the home page loads', async ({ page, account }) => {
  await signIn(page, account);
  const answers = await holdAnswers(page, '**/api/fn/overview');
  await page.getByRole('banner').getByRole('link', { name: 'Holdfast' }).click();
  await expect.poll(answers.waiting).toBe(1);
  await page.getByRole('banner').getByRole('link', { name: 'Activity' }).click();
  await expect(heading(page, 'Activity')).toBeVisible();
  const answered = page.waitForEvent('requestfinished', (request) =>
    request.url().endsWith('/api/fn/overview'),
  );
  answers.open();
  await answered;
  await nextPageWorksFor(page, account);
});
