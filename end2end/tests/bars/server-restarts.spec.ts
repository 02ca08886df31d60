import {
  Api,
  checkAgain,
  expect,
  seesAccount,
  signIn,
  somebody,
  spoilAccessToken,
  test,
  theStoredSession,
} from '../../holdfast';

test('a restart of the server during a session signs nobody out', async ({ page, server }) => {
  const before = await server();
  const account = somebody();
  await new Api(before.url).makeAccount(account);
  await page.goto(`${before.url}/sign-in`);
  await page.getByLabel('Username').fill(account.username);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await seesAccount(page, account);
  const { session_id } = await theStoredSession(page);

  await before.stop();
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect(page.getByRole('status').getByText('Reconnecting…')).toBeVisible();
  await expect(page.getByRole('alert')).toContainText('cannot be reached');

  await server({ port: before.port });
  await expect(page.getByRole('status').getByText('Reconnecting…')).toHaveCount(0, {
    timeout: 60_000,
  });
  expect((await theStoredSession(page)).session_id).toBe(session_id);
  await page.reload();
  await checkAgain(page);
});

test('two servers on one database accept each other’s tokens', async ({
  page,
  account,
  api,
  server,
}) => {
  const other = new Api((await server()).url);
  await signIn(page, account);
  const { access_token, refresh_token } = await theStoredSession(page);
  expect((await other.account(access_token)).status).toBe(200);

  // An ending on one of them takes effect on the other, although its access token lives on.
  await api.logOut(refresh_token);
  await expect
    .poll(async () => (await other.account(access_token)).body.code)
    .toBe('session_ended');
});
