import {
  expect,
  isSignedOut,
  seesAccount,
  signIn,
  signOutButton,
  spoilAccessToken,
  test,
  theStoredSession,
} from '../../holdfast';

for (const [name, spoil] of [
  ['with a good access token', false],
  ['with an access token that is over', true],
] as const) {
  test(`bar 8: a start without a network, ${name}, is signed in and goes on later`, async ({
    page,
    context,
    account,
  }) => {
    await signIn(page, account);
    if (spoil) await spoilAccessToken(page);
    const before = await theStoredSession(page);
    await page.close();

    // The page itself comes from a cache; no other request to Holdfast gets an answer.
    await context.route(/\/(api\/|healthz)/, (route) => route.abort());
    const tab = await context.newPage();
    await tab.goto('/account');
    await expect(tab.getByRole('status').getByText('Reconnecting…')).toBeVisible();
    await expect(signOutButton(tab)).toBeVisible();
    expect(await theStoredSession(tab)).toEqual(before);

    await context.unrouteAll({ behavior: 'wait' });
    await tab.evaluate(() => window.dispatchEvent(new Event('online')));
    await seesAccount(tab, account);
    await expect(tab.getByRole('status').getByText('Reconnecting…')).toHaveCount(0);
    expect((await theStoredSession(tab)).session_id).toBe(before.session_id);
  });
}

test('bar 8: a network that fails while a person works keeps them signed in', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  await context.setOffline(true);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect(page.getByRole('alert')).toContainText('cannot be reached');
  await expect(page.getByRole('status').getByText('Reconnecting…')).toBeVisible();
  await seesAccount(page, account);

  await context.setOffline(false);
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(page.getByRole('status').getByText('Reconnecting…')).toHaveCount(0);
  await seesAccount(page, account);
});

test('bar 8: when the network is back, the page says that the session has ended meanwhile', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const { refresh_token } = await theStoredSession(page);
  await context.setOffline(true);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect(page.getByRole('alert')).toContainText('cannot be reached');
  await api.logOut(refresh_token);

  await context.setOffline(false);
  await isSignedOut(page);
});
