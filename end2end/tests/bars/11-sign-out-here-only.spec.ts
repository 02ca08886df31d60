import { checkAgain, confirmSignOut, expect, isSignedOut, signIn, signOut, test } from '../../holdfast';

test('bar 11: a sign-out ends only the session of this browser', async ({
  page,
  account,
  anotherBrowser,
}) => {
  const other = await (await anotherBrowser()).newPage();
  await signIn(other, account);
  await signIn(page, account);

  await signOut(page);

  await checkAgain(other);
  await other.reload();
  await checkAgain(other);
});

test('bar 11: "everywhere else" is a button of its own, and keeps this browser', async ({
  page,
  account,
  anotherBrowser,
}) => {
  const other = await (await anotherBrowser()).newPage();
  await signIn(other, account);
  await signIn(page, account);

  await page.goto('/sessions');
  await page.getByRole('button', { name: 'Sign out everywhere else', exact: true }).click();
  await confirmSignOut(page, account);
  await expect(page.getByRole('status').getByText('All other browsers are signed out.')).toBeVisible();

  await other.getByRole('button', { name: 'Check my sign-in' }).click();
  await isSignedOut(other);
  await page.goto('/account');
  await checkAgain(page);
});
