import {
  expect,
  fillIn,
  heading,
  isSignedOut,
  keepCode,
  seesAccount,
  signIn,
  signInButton,
  somebody,
  test,
} from '../../holdfast';

test('a protected page without a session leads to the sign-in page, and back afterwards', async ({
  page,
  account,
}) => {
  await page.goto('/account');
  await isSignedOut(page);
  await expect(page).toHaveURL('/sign-in?next=%2Faccount');

  await fillIn(page, account);
  await signInButton(page).click();
  await seesAccount(page, account);
  await expect(page).toHaveURL('/account');
});

for (const [path, name] of [
  ['/sessions', 'Where you are signed in'],
  ['/activity', 'Activity'],
  ['/password', 'Change password'],
] as const) {
  test(`a person who opened ${path} returns there after signing in`, async ({ page, account }) => {
    await page.goto(path);
    await isSignedOut(page);
    await fillIn(page, account);
    await signInButton(page).click();
    await expect(heading(page, name)).toBeVisible();
    await expect(page).toHaveURL(path);
  });
}

test('a person who signs up on the way returns there, too', async ({ page }) => {
  await page.goto('/sessions');
  await isSignedOut(page);
  await page.getByRole('main').getByRole('link', { name: 'Create account' }).click();
  await expect(heading(page, 'Create your account')).toBeVisible();
  await fillIn(page, somebody());
  await page.getByRole('button', { name: 'Create account' }).click();
  await keepCode(page);
  await expect(heading(page, 'Where you are signed in')).toBeVisible();
});

test('the back button does not lead to the sign-in page again', async ({ page, account }) => {
  await page.goto('/');
  await signIn(page, account);
  await page.goBack();
  await expect(heading(page, 'Sign in once. Stay signed in.')).toBeVisible();
});

for (const next of [
  '//evil.example',
  'https://evil.example/',
  '/\\evil.example',
  '/%09/evil.example',
  'javascript:alert(1)',
]) {
  test(`a forged way back does not lead to another site: ${next}`, async ({ page, account, baseURL }) => {
    const elsewhere: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(`${baseURL}/`)) elsewhere.push(request.url());
    });
    await page.goto(`/sign-in?next=${next.includes('%') ? next : encodeURIComponent(next)}`);
    await fillIn(page, account);
    await signInButton(page).click();

    await seesAccount(page, account);
    await expect(page).toHaveURL('/account');
    expect(elsewhere).toEqual([]);
  });
}
