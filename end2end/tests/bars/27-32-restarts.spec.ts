// Browsers that are killed or closed, and started again on the same profile.

import {
  Api,
  everythingStored,
  expect,
  isEnded,
  isSignedOut,
  seesAccount,
  signIn,
  signInHere,
  signOutButton,
  somebody,
  spoilAccessToken,
  testWithRestarts as test,
  theStoredSession,
} from '../../holdfast';

test('bar 27: a browser that is killed just after a renewal is still signed in', async ({
  startBrowser,
  account,
  baseURL,
}) => {
  test.slow();
  // A closed browser has written everything to disk; a killed one may not have done so.
  const first = await startBrowser();
  await signInHere(await first.open(`${baseURL}/sign-in`), account);
  await first.close();

  const second = await startBrowser();
  const page = await second.open(`${baseURL}/account`);
  await seesAccount(page, account);
  const { generation } = await theStoredSession(page);
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect
    .poll(async () => (await theStoredSession(page)).generation)
    .toBe(generation + 1);
  await second.kill();

  const third = await startBrowser();
  const again = await third.open(`${baseURL}/account`);
  await seesAccount(again, account);
  // Another renewal needs a token that the server still accepts.
  await spoilAccessToken(again);
  await again.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect
    .poll(async () => (await theStoredSession(again)).generation)
    .toBeGreaterThan(generation);
  await expect(again.getByRole('alert')).toHaveCount(0);
  await seesAccount(again, account);
});

test('bar 32: a sign-out without a network ends the session after a restart of the browser', async ({
  startBrowser,
  server,
}) => {
  test.slow();
  // The server is stopped here, because a closed browser would forget a simulated offline state.
  const away = await server();
  const account = somebody();
  await new Api(away.url).makeAccount(account);
  const before = await startBrowser();
  const page = await before.open(`${away.url}/sign-in`);
  await signInHere(page, account);
  const { access_token } = await theStoredSession(page);
  await away.stop();
  await signOutButton(page).click();
  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('You are signed out in this browser')).toBeVisible();
  await before.close();

  const back = await server({ port: away.port });
  const api = new Api(back.url);
  expect((await api.account(access_token)).status).toBe(200);
  const after = await startBrowser();
  const again = await after.open(`${back.url}/`);
  await isEnded(api, access_token);
  await expect.poll(() => everythingStored(again)).not.toContain('hfr_');
});

test('bar 32: a sign-out without a network ends the session when the network is back', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  await context.setOffline(true);
  await signOutButton(page).click();
  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('You are signed out in this browser')).toBeVisible();
  expect(await everythingStored(page)).not.toContain(access_token);
  expect((await api.account(access_token)).status).toBe(200);

  await context.setOffline(false);
  await isEnded(api, access_token);
  await expect.poll(() => everythingStored(page)).not.toContain('hfr_');
});
