import {
  everythingStored,
  expect,
  heading,
  isSignedOut,
  Network,
  signIn,
  signOut,
  storedSession,
  test,
  theStoredSession,
} from '../../holdfast';

test('step 9: a sign-out clears the storage and ends the session on the server', async ({
  page,
  api,
  account,
}) => {
  const network = new Network(page);
  await signIn(page, account);
  const tokens = await theStoredSession(page);
  await signOut(page);

  expect(await storedSession(page)).toBeNull();
  await expect.poll(() => network.calls('POST /api/v1/logout')).toMatchObject([{ status: 204 }]);
  // The client deletes the note of the sign-out when the server has answered.
  await expect.poll(() => everythingStored(page)).not.toContain('hfr_');
  expect(await everythingStored(page)).not.toContain(tokens.access_token);

  const refresh = await api.refresh(tokens.refresh_token);
  expect(refresh.status).toBe(401);
  expect(refresh.body.code).toBe('session_ended');
  const call = await api.account(tokens.access_token);
  expect(call.status).toBe(401);
  expect(call.body.code).toBe('session_ended');
});

test('step 9: the page says that the person has signed out, and a reload does not change it', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await signOut(page);
  await expect(page.getByRole('status').getByText('You have signed out.')).toBeVisible();

  await page.goto('/account');
  await isSignedOut(page);
});

test('step 9: a second sign-out does no harm', async ({ api, account }) => {
  const { refresh_token } = await api.logIn(account);
  expect((await api.logOut(refresh_token)).status).toBe(204);
  expect((await api.logOut(refresh_token)).status).toBe(204);
});

test('step 9: a sign-out with a spent token ends the session, too', async ({ api, account }) => {
  const first = await api.logIn(account);
  const { body: second } = await api.refresh(first.refresh_token);
  expect((await api.logOut(first.refresh_token)).status).toBe(204);
  expect((await api.refresh(second.refresh_token)).body.code).toBe('session_ended');
});

test('step 9: a sign-out in one tab signs the other tabs out', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/account');
  await expect(heading(tab, 'Your account')).toBeVisible();

  await signOut(page);

  await isSignedOut(tab);
  await expect(tab.getByRole('status').getByText('You signed out in another tab.')).toBeVisible();
});

test('step 9: the button of the account page does the same', async ({ page, api, account }) => {
  await signIn(page, account);
  const { refresh_token } = await theStoredSession(page);
  await page.getByRole('main').getByRole('button', { name: 'Sign out', exact: true }).click();

  await isSignedOut(page);
  expect(await storedSession(page)).toBeNull();
  await expect.poll(async () => (await api.refresh(refresh_token)).body.code).toBe('session_ended');
});
