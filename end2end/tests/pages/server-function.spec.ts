import type { Page } from '@playwright/test';
import {
  type Account,
  believeTokensLiveLonger,
  expect,
  expires,
  heading,
  isSignedOut,
  Network,
  signIn,
  spoilAccessToken,
  test,
  theStoredSession,
} from '../../holdfast';

const OVERVIEW = 'GET /api/fn/overview';

test('the home page says who is signed in, and where that happened last', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  await goHome(page);
  await seesOverview(page, account);
  await expect(fact(page, 'Newest sign-in')).toContainText(/Chrome on .+, this browser/);
  await expect(fact(page, 'Where you are signed in')).toHaveText('Only in this browser');

  // The person signs in from elsewhere.
  await api.logIn(account);
  await page.reload();
  await expect(fact(page, 'Newest sign-in')).toContainText('another browser');
  await fact(page, 'Where you are signed in').getByRole('link', { name: 'In 2 browsers' }).click();
  await expect(heading(page, 'Where you are signed in')).toBeVisible();
});

test('a signed-out person sees no overview, and the page does not request it', async ({ page }) => {
  const network = new Network(page);
  await page.goto('/');
  await expect(page.getByRole('main').getByRole('link', { name: 'Sign in' })).toBeVisible();
  await expect(fact(page, 'Signed in as')).toHaveCount(0);
  expect(network.begun()).toEqual([]);
});

test('a server function without a valid access token is answered 401', async ({
  api,
  account,
}) => {
  const { access_token, refresh_token } = await api.logIn(account);
  for (const [bearer, code] of [
    [undefined, 'access_token_missing'],
    [refresh_token, 'access_token_invalid'],
  ]) {
    const answer = await api.call('GET', '/api/fn/overview', { bearer });
    expect(answer.status).toBe(401);
    expect(answer.body.code).toBe(code);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  }
  const answer = await api.call('GET', '/api/fn/overview', { bearer: access_token });
  expect(answer.status).toBe(200);
  expect(answer.body.username).toBe(account.username);
});

test.describe('when the access token has expired', () => {
  test.use({ lifetimes: { accessTokenTtl: '1s' } });

  test('the call of a server function is repeated after a renewal, and the page does not change', async ({
    page,
    api,
    account,
  }) => {
    await believeTokensLiveLonger(page);
    await signIn(page, account);
    const before = await theStoredSession(page);
    await expires(api, before.access_token);

    const network = new Network(page);
    await goHome(page);
    await seesOverview(page, account);

    // The frame of the page asks for notices meanwhile.
    const log = (await network.log()).filter((call) => !call.includes('/notices '));
    expect(log).toEqual([
      `${OVERVIEW} → 401`,
      'POST /api/v1/refresh → 200',
      `${OVERVIEW} → 200`,
    ]);
    const [refused, repeated] = await network.calls(OVERVIEW);
    const after = await theStoredSession(page);
    expect(refused?.answer?.code).toBe('access_token_expired');
    expect([refused?.bearer, repeated?.bearer]).toEqual([before.access_token, after.access_token]);
    expect(after.session_id).toBe(before.session_id);
    await expect(page.getByRole('alert')).toHaveCount(0);
  });
});

test('a server function is called again only once', async ({ page, account }) => {
  await signIn(page, account);
  // It refuses every token, the new ones too.
  await page.route('**/api/fn/overview', async (route) => {
    const headers = { ...route.request().headers(), authorization: 'Bearer made-up' };
    await route.continue({ headers });
  });
  const network = new Network(page);
  await goHome(page);
  await expect(page.getByRole('alert')).toContainText('The access token is not valid here.');
  expect((await network.calls(OVERVIEW)).map(({ status }) => status)).toEqual([401, 401]);
  expect((await network.refreshes()).map(({ status }) => status)).toEqual([200]);

  // The session still lives.
  await page.unrouteAll({ behavior: 'wait' });
  await page.getByRole('button', { name: 'Try again' }).click();
  await seesOverview(page, account);
});

test('the session stays if a server function cannot be reached', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  await context.setOffline(true);
  await goHome(page);
  await expect(page.getByRole('alert')).toBeVisible();
  await theStoredSession(page);

  await context.setOffline(false);
  await seesOverview(page, account);
});

test('after the session was ended elsewhere, the call of a server function signs the person out', async ({
  page,
  api,
  account,
}) => {
  await signIn(page, account);
  await api.logOut((await theStoredSession(page)).refresh_token);
  await goHome(page);
  await expect(page.getByRole('main').getByRole('link', { name: 'Sign in' })).toBeVisible();
  await page.goto('/account');
  await isSignedOut(page);
});

test('one tab renews for all tabs after a server function was refused', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  const other = await context.newPage();
  await other.goto('/');
  await seesOverview(other, account);
  const network = new Network(context);
  await spoilAccessToken(page);

  await goHome(page);
  await seesOverview(page, account);
  await other.reload();
  await seesOverview(other, account);
  expect((await network.refreshes()).map(({ status }) => status)).toEqual([200]);
});

/** Uses the link at the top of every page, so the document does not reload. */
async function goHome(page: Page): Promise<void> {
  await page.getByRole('banner').getByRole('link', { name: 'Holdfast' }).click();
  await expect(heading(page, 'Sign in once. Stay signed in.')).toBeVisible();
}

async function seesOverview(page: Page, account: Account): Promise<void> {
  await expect(fact(page, 'Signed in as')).toHaveText(account.username);
}

/** The value beside a name. */
const fact = (page: Page, name: string) =>
  page
    .getByRole('main')
    .getByRole('term')
    .filter({ hasText: name })
    .locator('xpath=following-sibling::dd');
