import { readFile } from 'node:fs/promises';
import {
  confirmSignOut,
  expect,
  fillIn,
  heading,
  holdAnswers,
  holdRequests,
  isSignedOut,
  Network,
  seesAccount,
  sessionRows,
  shownCode,
  signIn,
  signInButton,
  signOutButton,
  signOutOf,
  somebody,
  tabTo,
  test,
} from '../../holdfast';

test('a person signs in, visits pages and signs out with the keyboard alone', async ({
  page,
  account,
}) => {
  await page.goto('/sign-in');
  await tabTo(page, page.getByLabel('Username'));
  await page.keyboard.type(account.username);
  await tabTo(page, page.getByLabel('Password', { exact: true }));
  await page.keyboard.type(account.password);
  await page.keyboard.press('Enter');
  await seesAccount(page, account);

  await tabTo(page, page.getByRole('button', { name: 'Check my sign-in' }));
  const answered = page.waitForResponse('**/api/v1/account');
  await page.keyboard.press('Enter');
  expect((await answered).status()).toBe(200);

  await page.keyboard.press('Shift+Tab');
  await tabTo(page, page.getByRole('main').getByRole('button', { name: 'Sign out', exact: true }));
  await page.keyboard.press('Space');
  await isSignedOut(page);
});

test('a person makes an account, changes it and deletes it with the keyboard alone', async ({ page }) => {
  test.slow();
  const account = somebody();
  const renamed = somebody('lovelace').username;
  const secondPassword = 'a completely different sentence';
  const password = page.getByLabel('Password', { exact: true });
  const main = page.getByRole('main');
  const toAccount = page.getByRole('banner').getByRole('link', { name: 'Account', exact: true });
  const keys = page.keyboard;

  await page.goto('/sign-up');
  await tabTo(page, page.getByLabel('Username'));
  await keys.type(account.username);
  await tabTo(page, password);
  await keys.type(account.password);
  await keys.press('Enter');
  await shownCode(page);
  await tabTo(page, page.getByLabel('I have kept it'));
  await keys.press('Space');
  await tabTo(page, page.getByRole('button', { name: 'Go on' }));
  await keys.press('Enter');
  await seesAccount(page, account);

  await tabTo(page, main.getByRole('link', { name: 'Change username' }));
  await keys.press('Enter');
  await expect(heading(page, 'Change username')).toBeFocused();
  await expect(page.getByText(`Your username is ${account.username}.`)).toBeVisible();
  await tabTo(page, page.getByLabel('New username'));
  await keys.type(renamed);
  await tabTo(page, password);
  await keys.type(account.password);
  await keys.press('Enter');
  await expect(page.getByRole('status').getByText(`Sign in as ${renamed}`)).toBeVisible();

  await tabTo(page, toAccount);
  await keys.press('Enter');
  await seesAccount(page, { ...account, username: renamed });
  await tabTo(page, main.getByRole('link', { name: 'Change password' }));
  await keys.press('Enter');
  await expect(heading(page, 'Change password')).toBeFocused();
  await tabTo(page, page.getByLabel('Current password'));
  await keys.type(account.password);
  await tabTo(page, page.getByLabel('New password'));
  await keys.type(secondPassword);
  await keys.press('Enter');
  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();

  await tabTo(page, toAccount);
  await keys.press('Enter');
  await seesAccount(page, { ...account, username: renamed });
  await tabTo(page, main.getByRole('link', { name: 'Copy or delete' }));
  await keys.press('Enter');
  await expect(page.getByText(`Type this name: ${renamed}`)).toBeVisible();
  await tabTo(page, page.getByRole('button', { name: 'Download your data' }));
  const toRead = page.waitForEvent('download');
  await keys.press('Enter');
  expect(await readFile(await (await toRead).path(), 'utf8')).toContain(renamed);
  await tabTo(page, page.getByRole('button', { name: 'Save the file for other programs' }));
  const forPrograms = page.waitForEvent('download');
  await keys.press('Enter');
  const data = JSON.parse(await readFile(await (await forPrograms).path(), 'utf8'));
  expect(data.account.username).toBe(renamed);
  await tabTo(page, page.getByLabel('Your username, typed again'));
  await keys.type(renamed);
  await tabTo(page, password);
  await keys.type(secondPassword);
  await tabTo(page, page.getByRole('button', { name: 'Delete my account' }));
  await keys.press('Enter');
  await expect(page.getByText('This account has been deleted.')).toBeVisible();
  await isSignedOut(page);
});

test('the Tab key reaches the checkbox and the button in their visible order', async ({
  page,
  account,
}) => {
  await page.goto('/sign-in');
  const remember = page.getByLabel('Keep me signed in on this browser');
  await page.getByLabel('Username').fill(account.username);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Show password' })).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(remember).toBeFocused();
  await expect(remember).toBeChecked();
  await page.keyboard.press('Space');
  await expect(remember).not.toBeChecked();
  await page.keyboard.press('Tab');
  await expect(signInButton(page)).toBeFocused();
  await page.keyboard.press('Enter');
  await seesAccount(page, account);
});

test('the first Tab offers to skip the navigation', async ({ page }) => {
  await page.goto('/sign-in');
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to content' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('Username')).toBeFocused();
});

test('a link within the app moves the focus to the heading of its page', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('banner').getByRole('link', { name: 'Create account' }).press('Enter');
  await expect(heading(page, 'Create your account')).toBeFocused();
});

test('password managers find the fields', async ({ page, account }) => {
  const password = page.getByLabel('Password', { exact: true });
  const autocomplete = 'autocomplete';

  await page.goto('/sign-up');
  await expect(page.getByLabel('Username')).toHaveAttribute(autocomplete, 'username');
  await expect(password).toHaveAttribute(autocomplete, 'new-password');

  await page.goto('/sign-in');
  await expect(page.getByLabel('Username')).toHaveAttribute(autocomplete, 'username webauthn');
  await expect(password).toHaveAttribute(autocomplete, 'current-password');

  // Password managers write into the fields without a key press.
  const write = (input: HTMLElement | SVGElement, value: string) => {
    (input as HTMLInputElement).value = value;
  };
  await page.getByLabel('Username').evaluate(write, account.username);
  await password.evaluate(write, account.password);
  await signInButton(page).click();
  await seesAccount(page, account);

  await page.goto('/password');
  const current = page.getByLabel('Current password');
  await expect(current).toHaveAttribute(autocomplete, 'current-password');
  await expect(page.getByLabel('New password')).toHaveAttribute(autocomplete, 'new-password');
});

test('a button that is busy keeps the focus, and a second press does nothing', async ({
  page,
  account,
}) => {
  await page.goto('/sign-in');
  await fillIn(page, { ...account, password: 'not the right password' });
  const network = new Network(page);
  const requests = await holdRequests(page, '**/api/v1/login');
  await signInButton(page).press('Enter');
  await expect.poll(requests.waiting).toBe(1);
  const busy = page.getByRole('button', { name: 'Signing in…' });
  await expect(busy).toBeFocused();
  await expect(busy).toHaveAttribute('aria-disabled', 'true');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Space');
  requests.open();
  await expect(page.getByRole('alert')).toBeVisible();
  expect(await network.calls('POST /api/v1/login')).toHaveLength(1);
});

test('a button that loads keeps the focus, and a second press does nothing', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const network = new Network(page);
  const requests = await holdRequests(page, '**/api/v1/account');
  await page.getByRole('button', { name: 'Check my sign-in' }).press('Enter');
  await expect.poll(requests.waiting).toBe(1);
  const busy = page.getByRole('button', { name: 'Checking…' });
  await expect(busy).toBeFocused();
  await page.keyboard.press('Enter');
  const answer = page.getByRole('status').getByText('You are signed in.');
  await expect(answer).toHaveCount(0);
  requests.open();
  await expect(page.getByRole('button', { name: 'Check my sign-in' })).toBeFocused();
  await expect(answer).toBeVisible();
  expect(await network.calls('GET /api/v1/account')).toHaveLength(1);
});

test('signing out on a page that stays moves the focus to its heading, and says so', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.getByRole('banner').getByRole('link', { name: 'Holdfast' }).click();
  await expect(heading(page, 'Sign in once. Stay signed in.')).toBeVisible();
  // The region exists before it has text, so that screen readers announce the text.
  const said = page.getByRole('status').filter({ hasText: 'You have signed out.' });
  await expect(said).toHaveCount(0);
  await signOutButton(page).press('Enter');
  await expect(heading(page, 'Sign in once. Stay signed in.')).toBeFocused();
  await expect(said).toBeVisible();

  await page.getByRole('button', { name: 'Dismiss this message' }).press('Enter');
  await expect(said).toHaveCount(0);
  await expect(heading(page, 'Sign in once. Stay signed in.')).toBeFocused();
});

test('a message about their own sign-out stays on one page, and a later page does not tell it', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await signOutButton(page).click();
  const said = page.getByRole('status').filter({ hasText: 'You have signed out.' });
  // The sign-out itself has led to this page.
  await isSignedOut(page);
  await expect(said).toBeVisible();
  await page.getByRole('link', { name: 'Use your recovery code' }).click();
  await expect(heading(page, 'Get back in')).toBeVisible();
  await expect(said).toHaveCount(0);
  await page.getByRole('main').getByRole('link', { name: 'Sign in', exact: true }).click();
  await isSignedOut(page);
  await expect(said).toHaveCount(0);
});

test('a person ends another session by the keyboard, and the focus stays in the list', async ({
  page,
  account,
  api,
}) => {
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/sessions');
  const rows = sessionRows(page);
  await expect(rows).toHaveCount(2);
  const foreign = signOutOf(
    rows.filter({ hasNot: page.getByText('This browser', { exact: true }) }),
  );

  // The page asks first, and Escape means no.
  await foreign.press('Enter');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toBeVisible();
  await expect(dialog.getByLabel('Password', { exact: true })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(foreign).toBeFocused();

  await foreign.press('Enter');
  await confirmSignOut(page, account);
  await expect(rows).toHaveCount(1);
  await expect(page.getByRole('status').getByText(/ is signed out\.$/)).toBeVisible();
  await expect(page.getByRole('list', { name: 'Devices' })).toBeFocused();
});

test('the button that checks again keeps the focus although the check fails', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.route('**/api/v1/account', (route) => route.abort());
  const again = page.getByRole('button', { name: 'Check my sign-in' });
  for (let tries = 0; tries < 2; tries += 1) {
    const failed = page.waitForEvent('requestfailed');
    await again.press('Enter');
    await failed;
    await expect(page.getByRole('alert')).toBeVisible();
    await expect(again).not.toHaveAttribute('aria-busy', 'true');
    await expect(again).toBeFocused();
  }
  await expect(page.getByText('You are signed in.')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Try again' })).toHaveCount(0);
  await page.unrouteAll({ behavior: 'wait' });
  await again.press('Enter');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(again).toBeFocused();
  await seesAccount(page, account);
});

test('data that loads by itself after a failed try does not move the focus', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  let fails = true;
  await page.route('**/api/v1/sessions', (route) => (fails ? route.abort() : route.fallback()));
  await page.goto('/sessions');
  const again = page.getByRole('button', { name: 'Try again' });
  await expect(again).toBeVisible();
  const failed = page.waitForEvent('requestfailed');
  await again.press('Enter');
  await failed;
  await expect(again).not.toHaveAttribute('aria-busy', 'true');

  const elsewhere = page.getByRole('banner').getByRole('link').first();
  await elsewhere.focus();
  fails = false;
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await expect(page.getByRole('list', { name: 'Devices' })).toBeVisible({ timeout: 40_000 });
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(elsewhere).toBeFocused();
});

for (const [where, path, url] of [
  ['account', '/account', '**/api/v1/account'],
  ['sessions', '/sessions', '**/api/v1/sessions'],
  ['activity', '/activity', '**/api/v1/activity*'],
  ['username', '/username', '**/api/v1/account'],
  ['data', '/data', '**/api/v1/account'],
  ['recovery-code', '/recovery-code', '**/api/v1/account/recovery-code'],
] as const) {
  test(`the button to try again keeps the focus while it loads, then the heading gets it: ${where}`, async ({
    page,
    account,
  }) => {
    await signIn(page, account);
    // Otherwise the page finds out that the server answers, and loads again before the person presses.
    await page.route('**/healthz', (route) => route.abort());
    await page.route(url, (route) => route.abort());
    await page.goto(path);
    const again = page.getByRole('button', { name: 'Try again' });
    await expect(again).toBeVisible();
    await again.focus();
    const failed = page.waitForEvent('requestfailed');
    await page.keyboard.press('Enter');
    await failed;
    await expect(again).not.toHaveAttribute('aria-busy', 'true');
    await expect(again).toBeFocused();

    // While the request is under way, the button is there and says so.
    const requests = await holdRequests(page, url);
    await page.keyboard.press('Enter');
    await expect.poll(requests.waiting).toBe(1);
    await expect(again).toHaveAttribute('aria-busy', 'true');
    await expect(again).toBeFocused();
    requests.open();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  });
}

test('each page of an account says that it loads, until its answer has come', async ({
  page,
  account,
}) => {
  test.slow();
  await signIn(page, account);
  const loading = page.getByText('Loading…');
  for (const [path, url, loaded] of [
    ['/', '**/api/fn/overview*', 'Newest sign-in'],
    ['/account', '**/api/v1/account', `Signed in as ${account.username}`],
    ['/sessions', '**/api/v1/sessions', 'This browser'],
    ['/activity', '**/api/v1/activity*', 'Account created'],
    ['/username', '**/api/v1/account', `Your username is ${account.username}.`],
    ['/recovery-code', '**/api/v1/account/recovery-code', 'You have a code, made on'],
  ] as const) {
    await test.step(path, async () => {
      const answers = await holdAnswers(page, url);
      await page.goto(path);
      await expect.poll(answers.waiting).toBeGreaterThan(0);
      await expect(loading.first()).toBeVisible();
      await expect(page.getByText(loaded)).toHaveCount(0);
      answers.open();
      await expect(page.getByText(loaded).first()).toBeVisible();
      await expect(loading).toHaveCount(0);
      await page.unroute(url);
    });
  }

  // The form that deletes the account is there before the name has come, and says what it waits for.
  const answers = await holdAnswers(page, '**/api/v1/account');
  await page.goto('/data');
  await expect.poll(answers.waiting).toBeGreaterThan(0);
  const name = page.getByLabel('Your username, typed again');
  await name.fill(account.username);
  await page.getByRole('button', { name: 'Delete my account' }).press('Enter');
  await expect(name).toBeFocused();
  await expect(name).toHaveAccessibleDescription(/has not arrived yet/);
  answers.open();
  await name.fill('');
  await expect(name).toHaveAccessibleDescription(`Type this name: ${account.username}`);
});

test('an activity without any event says that there is nothing', async ({ page, account }) => {
  await signIn(page, account);
  await page.route('**/api/v1/activity*', async (route) => {
    const response = await route.fetch();
    const answer = (await response.json()) as Record<string, unknown>;
    await route.fulfill({ response, json: { ...answer, events: [], next: null } });
  });
  await page.goto('/activity');
  await expect(page.getByText('Nothing has happened lately.')).toBeVisible();
  await expect(page.getByText('There is nothing older.')).toHaveCount(0);
  await expect(page.getByRole('list', { name: 'Activity' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Show older' })).toHaveCount(0);
  await expect(page.getByText('Loading…')).toHaveCount(0);
  await expect(page.getByRole('alert')).toHaveCount(0);
});
