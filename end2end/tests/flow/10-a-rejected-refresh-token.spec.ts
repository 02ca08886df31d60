import type { Page } from '@playwright/test';
import {
  attemptKey,
  checkAgain,
  everythingStored,
  expect,
  fillIn,
  forged,
  isSignedOut,
  Network,
  seesAccount,
  signIn,
  signInButton,
  spoilAccessToken,
  storedSession,
  tamperAndReload,
  test,
  theStoredSession,
} from '../../holdfast';

test('step 10: an invalid refresh token leads to the sign-in page and an empty storage', async ({
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
  // The client deletes the entry of the database a moment after that.
  await expect.poll(() => everythingStored(page)).not.toContain('hfr_');
  await expect(page.getByRole('status').getByText('is not valid here')).toBeVisible();
  const refreshes = await network.refreshes();
  expect(refreshes).toMatchObject([{ status: 401, answer: { code: 'refresh_token_invalid' } }]);
});

test('step 10: after the session was ended elsewhere, the next click leads to the sign-in page', async ({
  page,
  api,
  account,
}) => {
  await signIn(page, account);
  const { session_id } = await theStoredSession(page);
  const elsewhere = await api.logIn(account);
  await api.endSession(elsewhere.access_token, session_id, account);

  await page.getByRole('button', { name: 'Check my sign-in' }).click();

  await isSignedOut(page);
  expect(await storedSession(page)).toBeNull();
  await expect(page.getByRole('status').getByText('You were signed out from another browser.')).toBeVisible();
});

test('step 10: the session ends after a copied token was used', async ({
  page,
  api,
  account,
}) => {
  await signIn(page, account);
  const copy = await theStoredSession(page);
  // The thief renews twice, so the thief has spent the browser's token.
  const stolen = await api.refresh(copy.refresh_token, attemptKey());
  const kept = await api.refresh(stolen.body.refresh_token, attemptKey());
  expect(kept.status).toBe(200);

  await tamperAndReload(page, { access_token: forged(copy.access_token) });

  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('for your safety')).toBeVisible();
  expect(await storedSession(page)).toBeNull();
  expect((await api.refresh(kept.body.refresh_token)).body.code).toBe('session_ended');
});

test('step 10: the browser of the person says so as well, if the thief came second', async ({
  page,
  api,
  account,
}) => {
  await signIn(page, account);
  const copy = await theStoredSession(page);
  for (let renewals = 0; renewals < 2; renewals += 1) {
    await spoilAccessToken(page);
    await checkAgain(page);
  }
  const refused = await api.refresh(copy.refresh_token, attemptKey());
  expect(refused.body.code).toBe('refresh_token_reused');

  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('for your safety')).toBeVisible();
});

test('step 10: each page says why the session ended, until the person has read it', async ({
  page,
  context,
  api,
  account,
}) => {
  await signIn(page, account);
  const { session_id } = await theStoredSession(page);
  const { access_token } = await api.logIn(account);
  await api.endSession(access_token, session_id, account);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  const why = (tab: Page) => tab.getByRole('status').getByText('You were signed out from another browser.');
  await expect(why(page)).toBeVisible();
  await page.reload();
  await expect(why(page)).toBeVisible();
  await page.close();
  const tab = await context.newPage();
  await tab.goto('/');
  await expect(why(tab)).toBeVisible();
  await tab.getByRole('button', { name: 'Dismiss this message' }).click();
  await expect(why(tab)).toHaveCount(0);
  // The client stores that it was read a moment after the click. A reload at once could be faster.
  await expect.poll(() => everythingStored(tab)).toMatch(/is_read\W+true/);
  await tab.reload();
  await expect(tab.getByRole('banner').getByRole('link', { name: 'Sign in' })).toBeVisible();
  await expect(why(tab)).toHaveCount(0);
});

test('step 10: after that, a sign-in works as before', async ({ page, account }) => {
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

    // On a busy machine the account page is gone before the test can see it.
    await expect(page.getByRole('status').getByText('Your sign-in has expired')).toBeVisible({
      timeout: 30_000,
    });
    await isSignedOut(page);
    const [opened] = await network.calls('POST /api/v1/login');
    const refresh_token = opened?.answer?.refresh_token as string;
    expect(await storedSession(page)).toBeNull();
    expect((await api.refresh(refresh_token)).status).toBe(401);
  });
});

test.describe('when the access token lasts to the end of the session', () => {
  test.use({ lifetimes: { accessTokenTtl: '1m', refreshTokenTtl: '4s' } });

  test('step 10: it is not renewed before the session ends', async ({ page, account }) => {
    const network = new Network(page);
    await page.goto('/sign-in');
    await fillIn(page, account);
    await signInButton(page).click();
    await expect(page.getByRole('status').getByText('Your sign-in has expired')).toBeVisible({
      timeout: 30_000,
    });
    const statuses = (await network.refreshes()).map(({ status }) => status);
    // The page sends a refresh at the end of the session. On the server the session may live a
    // moment longer.
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(1);
    expect(statuses.length).toBeLessThanOrEqual(3);
  });
});

test.describe('when the session was idle for too long', () => {
  test.use({ lifetimes: { accessTokenTtl: '1s', refreshIdle: '2s' } });

  test('step 10: an idle refresh token is refused and the session is over', async ({
    api,
    account,
  }) => {
    const tokens = await api.logIn(account);
    expect(tokens.refresh_idle_expires_in).toBeLessThanOrEqual(2);
    // This waits longer, because the server accepts access tokens for five more seconds.
    await expect
      .poll(async () => (await api.account(tokens.access_token)).body.code, { timeout: 15_000 })
      .toBe('access_token_expired');

    const answer = await api.refresh(tokens.refresh_token);
    expect(answer.status).toBe(401);
    // It is the second answer if the sweep has run meanwhile.
    expect(answer.body.code).toMatch(/^(refresh_token_expired|session_ended)$/);
  });
});
