import {
  expect,
  fillIn,
  heading,
  keepCode,
  Network,
  seesAccount,
  signUp,
  somebody,
  test,
} from '../../holdfast';

test('a sign-up shows the recovery code and leads to the account page', async ({ page }) => {
  const account = somebody();
  await page.goto('/');
  await page.getByRole('main').getByRole('link', { name: 'Create account' }).click();
  await expect(heading(page, 'Create your account')).toBeVisible();
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();

  await keepCode(page);
  await seesAccount(page, account);
  await expect(page).toHaveURL('/account');
});

test('the page reports a short password at its field and sends nothing', async ({ page }) => {
  const network = new Network(page);
  await page.goto('/sign-up');
  await fillIn(page, { ...somebody(), password: 'too short' });
  await page.getByRole('button', { name: 'Create account' }).click();

  await expect(page.getByRole('alert')).toContainText('15 characters');
  const password = page.getByLabel('Password', { exact: true });
  await expect(password).toBeFocused();
  await expect(password).toHaveAttribute('aria-invalid', 'true');
  await expect(password).toHaveAccessibleDescription(/15 characters/);
  expect(network.begun()).toEqual([]);
});

test('the page reports a forbidden character of a name at its field', async ({ page }) => {
  await page.goto('/sign-up');
  await fillIn(page, { ...somebody(), username: 'ada lovelace' });
  await page.getByRole('button', { name: 'Create account' }).click();

  await expect(page.getByRole('alert')).toContainText('A username may have only');
  await expect(page.getByLabel('Username')).toBeFocused();
});

test('the page reports a taken name, in any letter case', async ({ page, account }) => {
  await page.goto('/sign-up');
  await fillIn(page, { ...account, username: account.username.toUpperCase() });
  await page.getByRole('button', { name: 'Create account' }).click();

  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page.getByLabel('Username')).toBeFocused();
  await expect(heading(page, 'Create your account')).toBeVisible();
});

test('the space that the keyboard of a phone adds is no part of the name', async ({ page, account }) => {
  await page.goto('/sign-in');
  await fillIn(page, { ...account, username: `${account.username} ` });
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await seesAccount(page, account);
});

test('two clicks make one account', async ({ page }) => {
  const account = somebody();
  const network = new Network(page);
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).dblclick();

  await keepCode(page);
  await seesAccount(page, account);
  expect(await network.calls('POST /api/v1/signup')).toMatchObject([{ status: 201 }]);
});

test('a signed-in person sees no sign-up and no sign-in page', async ({ page }) => {
  const account = somebody();
  await signUp(page, account);
  for (const path of ['/sign-up', '/sign-in']) {
    await page.goto(path);
    await seesAccount(page, account);
  }
});

test('the password can be shown and hidden', async ({ page }) => {
  await page.goto('/sign-up');
  const password = page.getByLabel('Password', { exact: true });
  const show = page.getByRole('button', { name: 'Show password' });
  const mark = () => show.evaluate((button) => getComputedStyle(button, '::after').content);
  await expect(password).toHaveAttribute('type', 'password');
  expect(await mark()).toBe('none');
  await show.click();
  await expect(password).toHaveAttribute('type', 'text');
  await expect(show).toHaveAttribute('aria-pressed', 'true');
  // A person who does not see the colour sees this.
  expect(await mark()).toContain('✓');
  await show.click();
  await expect(password).toHaveAttribute('type', 'password');
  expect(await mark()).toBe('none');
});

for (const [path, button, call] of [
  ['/sign-up', 'Create account', '**/api/v1/signup'],
  ['/sign-in', 'Sign in', '**/api/v1/login'],
] as const) {
  test(`the page says once, in words, how long to wait after too many attempts: ${path}`, async ({
    page,
  }) => {
    const account = somebody();
    await page.route(call, (route) =>
      route.fulfill({
        status: 429,
        contentType: 'application/problem+json',
        headers: { 'retry-after': '120' },
        body: JSON.stringify({
          type: 'urn:holdfast:problem:too_many_attempts',
          title: 'Too many attempts',
          status: 429,
          detail: 'Too many attempts. Try again in 2 minutes.',
          code: 'too_many_attempts',
        }),
      }),
    );
    await page.goto(path);
    await fillIn(page, account);
    await page.getByRole('button', { name: button, exact: true }).click();

    await expect(page.getByRole('alert')).toHaveText('Too many attempts. Try again in 2 minutes.');
    // The form can be sent again without a change.
    await expect(page.getByLabel('Username')).toHaveValue(account.username);
    await expect(page.getByLabel('Password', { exact: true })).toHaveValue(account.password);
  });
}

test('the page shows the answer of the server about a password at its field', async ({ page }) => {
  const detail = 'This password is among the first that anybody would try. Add a word.';
  await page.route('**/api/v1/signup', (route) =>
    route.fulfill({
      status: 422,
      contentType: 'application/problem+json',
      body: JSON.stringify({
        type: 'urn:holdfast:problem:password_not_accepted',
        title: 'Password not accepted',
        status: 422,
        detail,
        code: 'password_not_accepted',
      }),
    }),
  );
  await page.goto('/sign-up');
  await fillIn(page, somebody());
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByLabel('Password', { exact: true })).toHaveAccessibleDescription(detail);
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused();
});
