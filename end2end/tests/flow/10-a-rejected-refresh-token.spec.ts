import {
  attemptKey,
  everythingStored,
  expect,
  fillIn,
  forged,
  isSignedOut,
  Network,
  seesAccount,
  signIn,
  signInButton,
  storedSession,
  tamperAndReload,
  test,
  theStoredSession,
} from '../../holdfast';

test('step 10: an invalid refresh token leads to the sign-in and an empty storage', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const stored = await theStoredSession(page);
  const network = new Network(page);
  await tamperAndReload(page, {
    access_token: forged(stored.access_token),
    refresh_token: forged(stored.refresh_token),
  });

  await isSignedOut(page);
  expect(await storedSession(page)).toBeNull();
  expect(await everythingStored(page)).not.toContain('hfr_');
  await expect(page.getByRole('status').getByText('is not valid here')).toBeVisible();
  const refreshes = await network.refreshes();
  expect(refreshes).toMatchObject([{ status: 401, answer: { code: 'refresh_token_invalid' } }]);
});

test('step 10: a session that was ended elsewhere leads to the sign-in with the next click', async ({
  page,
  api,
  account,
}) => {
  await signIn(page, account);
  const { session_id } = await theStoredSession(page);
  const elsewhere = await api.logIn(account);
  const ended = await api.call('DELETE', `/api/v1/sessions/${session_id}`, {
    bearer: elsewhere.access_token,
  });
  expect(ended.status).toBe(204);

  await page.getByRole('button', { name: 'Check again' }).click();

  await isSignedOut(page);
  expect(await storedSession(page)).toBeNull();
  await expect(page.getByRole('status').getByText('This session was ended')).toBeVisible();
});

test('step 10: a copied token that was used ends the session for safety', async ({
  page,
  api,
  account,
}) => {
  await signIn(page, account);
  const copy = await theStoredSession(page);
  // The thief renews twice; so the browser's token is spent by somebody else.
  const stolen = await api.refresh(copy.refresh_token, attemptKey());
  const kept = await api.refresh(stolen.body.refresh_token, attemptKey());
  expect(kept.status).toBe(200);

  await tamperAndReload(page, { access_token: forged(copy.access_token) });

  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('for your safety')).toBeVisible();
  expect(await storedSession(page)).toBeNull();
  expect((await api.refresh(kept.body.refresh_token)).body.code).toBe('session_ended');
});

test('step 10: after that, signing in works as ever', async ({ page, account }) => {
  await signIn(page, account);
  const { access_token, refresh_token } = await theStoredSession(page);
  await tamperAndReload(page, {
    access_token: forged(access_token),
    refresh_token: forged(refresh_token),
  });
  await isSignedOut(page);

  await signIn(page, account);
  await page.reload();
  await seesAccount(page, account);
});

test.describe('when the refresh token has expired', () => {
  test.use({ lifetimes: { accessTokenTtl: '1s', refreshTokenTtl: '3s' } });

  test('step 10: the page says so and asks to sign in again', async ({ page, api, account }) => {
    const network = new Network(page);
    await page.goto('/sign-in');
    await fillIn(page, account);
    await signInButton(page).click();

    // On a busy machine the account page has come and gone before anybody sees it.
    await expect(page.getByRole('status').getByText('Your session has expired')).toBeVisible({
      timeout: 30_000,
    });
    await isSignedOut(page);
    const [opened] = await network.calls('POST /api/v1/login');
    const refresh_token = opened?.answer?.refresh_token as string;
    expect(await storedSession(page)).toBeNull();
    expect((await api.refresh(refresh_token)).status).toBe(401);
  });
});

test.describe('when nobody has been there for too long', () => {
  test.use({ lifetimes: { accessTokenTtl: '1s', refreshIdle: '2s' } });

  test('step 10: an idle refresh token is refused and the session is over', async ({
    api,
    account,
  }) => {
    const tokens = await api.logIn(account);
    expect(tokens.refresh_idle_expires_in).toBeLessThanOrEqual(2);
    // Longer than that: the server gives access tokens five seconds of grace.
    await expect
      .poll(async () => (await api.account(tokens.access_token)).body.code, { timeout: 15_000 })
      .toBe('access_token_expired');

    const answer = await api.refresh(tokens.refresh_token);
    expect(answer.status).toBe(401);
    // The second, if the sweep has been here in between.
    expect(answer.body.code).toMatch(/^(refresh_token_expired|session_ended)$/);
  });
});
