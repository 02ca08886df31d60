import {
  attemptKey,
  believeTokensLiveLonger,
  checkAgain,
  expect,
  expires,
  forged,
  heading,
  holdRequests,
  Network,
  seesAccount,
  signIn,
  tamperAndReload,
  test,
  theStoredSession,
  type Tokens,
} from '../../holdfast';

test.describe('when the access token has expired', () => {
  test.use({ lifetimes: { accessTokenTtl: '1s' } });

  test('step 6 and 7 and 8: a refused call is repeated after a renewal, and the page does not change', async ({
    page,
    api,
    account,
  }) => {
    await believeTokensLiveLonger(page);
    await signIn(page, account);
    const before = await theStoredSession(page);
    await expires(api, before.access_token);

    const network = new Network(page);
    await checkAgain(page);

    expect(await network.log()).toEqual([
      'GET /api/v1/account → 401',
      'POST /api/v1/refresh → 200',
      'GET /api/v1/account → 200',
    ]);
    const [refused, refresh, repeated] = await network.calls();
    const after = await theStoredSession(page);
    expect(refused?.bearer).toBe(before.access_token);
    expect(refused?.answer?.code).toBe('access_token_expired');
    expect(refresh?.body).toEqual({ refresh_token: before.refresh_token });
    expect(refresh?.attemptKey).toMatch(/^[!-~]{16,255}$/);
    expect(repeated?.bearer).toBe(after.access_token);
    await seesAccount(page, account);
    expect(new URL(page.url()).pathname).toBe('/account');
  });

  test('step 6: it is renewed before it expires while the page is visible', async ({
    page,
    account,
  }) => {
    await signIn(page, account);
    const network = new Network(page);
    const { session_id, generation } = await theStoredSession(page);

    // The person does nothing.
    await expect
      .poll(async () => (await theStoredSession(page)).generation)
      .toBeGreaterThan(generation + 2);

    expect((await theStoredSession(page)).session_id).toBe(session_id);
    await checkAgain(page);
    const calls = await network.calls();
    expect(calls.map((call) => call.status)).toEqual(calls.map(() => 200));
  });
});

test('step 6 and 8: after an hour away the next click succeeds with exactly one refresh', async ({
  page,
  account,
}) => {
  await page.clock.install();
  await signIn(page, account);
  const before = await theStoredSession(page);

  const network = new Network(page);
  await page.clock.fastForward('01:00:00');
  await checkAgain(page);

  const refreshes = await network.refreshes();
  expect(refreshes.map((call) => call.status)).toEqual([200]);
  expect(refreshes[0]?.body).toEqual({ refresh_token: before.refresh_token });
  const checks = await network.calls('GET /api/v1/account');
  expect(new Set(checks.map((call) => call.status))).toEqual(new Set([200]));
});

test('step 7: a refresh stores a new refresh token, and the old one is spent', async ({
  page,
  api,
  account,
}) => {
  await signIn(page, account);
  const before = await theStoredSession(page);
  await tamperAndReload(page, { access_token: forged(before.access_token) });
  await seesAccount(page, account);

  const after = await theStoredSession(page);
  expect(after.session_id).toBe(before.session_id);
  expect(after.generation).toBe(before.generation + 1);
  expect(after.refresh_token).not.toBe(before.refresh_token);
  expect(after.access_token).not.toBe(before.access_token);

  // A race within seconds is not theft, but the answer has no tokens.
  const old = await api.refresh(before.refresh_token, attemptKey());
  expect(old.status).toBe(409);
  expect(old.body.code).toBe('refresh_conflict');
  // The new token is valid, and the session lives.
  expect((await api.refresh(after.refresh_token, attemptKey())).status).toBe(200);
});

test('step 7: the session expires on the same date, however often it is renewed', async ({
  page,
  api,
  account,
}) => {
  const network = new Network(page);
  await signIn(page, account);
  const first = await theStoredSession(page);
  const [session] = await api.sessions(first.access_token);

  for (let round = 0; round < 3; round += 1) {
    const { access_token } = await theStoredSession(page);
    await tamperAndReload(page, { access_token: forged(access_token) });
    await seesAccount(page, account);
  }

  const last = await theStoredSession(page);
  expect(last.generation).toBe(first.generation + 3);
  const [sessionAfterwards] = await api.sessions(last.access_token);
  expect(sessionAfterwards?.session_id).toBe(session?.session_id);
  expect(sessionAfterwards?.expires_at).toBe(session?.expires_at);

  const answers = [...(await network.calls('POST /api/v1/login')), ...(await network.refreshes())];
  expect(answers).toHaveLength(4);
  // The remaining time only gets shorter.
  const left = answers.map((call) => (call.answer as unknown as Tokens).refresh_expires_in);
  expect(left).toEqual([...left].sort((one, other) => other - one));
  const ends = [first, last].map((stored) => stored.obtained_at + stored.refresh_expires_in);
  // The browser counts from the moment of the answer, which a busy machine may delay.
  expect(Math.abs(ends[0]! - ends[1]!)).toBeLessThanOrEqual(30);
});

test('step 8: the new tokens are in storage before the call is repeated', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  const seen: { bearer?: string; stored: string }[] = [];
  await page.route('**/api/v1/account', async (route) => {
    const bearer = route.request().headers()['authorization']?.replace('Bearer ', '');
    seen.push({ bearer, stored: (await theStoredSession(page)).access_token });
    await route.continue();
  });

  await tamperAndReload(page, { access_token: forged(access_token) });
  await seesAccount(page, account);

  expect(seen).toHaveLength(2);
  expect(seen.map(({ bearer }) => bearer)).toEqual(seen.map(({ stored }) => stored));
  expect(seen[1]?.bearer).not.toBe(seen[0]?.bearer);
});

test('step 8: the page keeps its content during a renewal', async ({
  page,
  account,
}) => {
  await page.clock.install();
  await signIn(page, account);
  const refresh = await holdRequests(page, '**/api/v1/refresh');
  await page.clock.fastForward('01:00:00');
  await page.getByRole('button', { name: /^Check/ }).click();
  await expect.poll(refresh.waiting).toBe(1);
  await seesAccount(page, account);
  await expect(page.getByRole('alert')).toHaveCount(0);

  refresh.open();
  await expect(page.getByRole('button', { name: 'Check my sign-in' })).toBeEnabled();
  await seesAccount(page, account);
  await expect(heading(page, 'Sign in')).toHaveCount(0);
});
