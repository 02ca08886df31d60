import type { BrowserContext } from '@playwright/test';
import {
  checkAgain,
  everythingStored,
  expect,
  isEnded,
  isSignedOut,
  Network,
  occupyDatabase,
  seesAccount,
  signIn,
  signOut,
  signOutButton,
  spoilAccessToken,
  test,
  theStoredSession,
} from '../../holdfast';

test('bar 46: a sign-out that the server refuses is repeated while the tab stays open', async ({
  page,
  context,
  account,
  api,
}) => {
  test.slow();
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  const server = await overloaded(context, '**/api/v1/logout');
  await signOutButton(page).click();
  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('You are signed out in this browser')).toBeVisible();
  await expect.poll(server.asked).toBeGreaterThan(1);
  expect((await api.account(access_token)).status).toBe(200);

  // The person does nothing in the tab.
  server.recover();
  await isEnded(api, access_token, { timeout: 60_000 });
  await expect.poll(() => everythingStored(page)).not.toContain('hfr_');
});

for (const [what, answer] of [
  ['a portal answers with an empty 204', { status: 204, headers: {}, body: '' }],
  [
    'a portal answers with JSON',
    { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' },
  ],
  [
    'the server answers with 408, because its body was slow,',
    {
      status: 408,
      headers: { 'content-type': 'application/problem+json', 'x-request-id': 'slow' },
      body: JSON.stringify({
        type: 'urn:holdfast:problem:malformed_request',
        title: 'Malformed request',
        status: 408,
        detail: 'The body of the request came too slowly.',
        code: 'malformed_request',
      }),
    },
  ],
] as const) {
  test(`bar 46: a sign-out that ${what} is sent again`, async ({
    page,
    context,
    account,
    api,
  }) => {
    test.slow();
    await signIn(page, account);
    const { access_token } = await theStoredSession(page);
    const instead = await answering(context, '**/api/v1/logout', answer);
    await signOutButton(page).click();
    await isSignedOut(page);
    await expect.poll(instead.asked).toBeGreaterThan(0);
    expect((await api.account(access_token)).status).toBe(200);
    instead.recover();
    await isEnded(api, access_token, { timeout: 60_000 });
    await expect.poll(() => everythingStored(page)).not.toContain('hfr_');
  });
}

test('bar 46: a sign-out that the server refuses for long does not keep a later one waiting', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const refused = await theStoredSession(page);
  await context.route('**/api/v1/logout', (route) => {
    const { refresh_token } = route.request().postDataJSON() as { refresh_token: string };
    return refresh_token === refused.refresh_token
      ? route.fulfill(OVERLOADED)
      : route.continue();
  });
  await signOut(page);
  await signIn(page, account);
  const later = await theStoredSession(page);
  await signOut(page);
  await isEnded(api, later.access_token);
  expect((await api.account(refused.access_token)).status).toBe(200);
  await expect.poll(() => everythingStored(page)).not.toContain(later.refresh_token);
  expect(await everythingStored(page)).toContain(refused.refresh_token);
});

test('bar 46: an overloaded server gets one sign-out at a time', async ({
  page,
  context,
  account,
  api,
}) => {
  test.slow();
  let isSettingUp = true;
  let asked = 0;
  let answer = () => {};
  const isAnswered = new Promise<void>((resolve) => (answer = resolve));
  await context.route('**/api/v1/logout', async (route) => {
    if (isSettingUp) return route.fulfill(OVERLOADED);
    asked += 1;
    if (asked === 1) return route.fulfill(OVERLOADED);
    await isAnswered;
    return route.continue();
  });
  const tokens: string[] = [];
  for (const _ of [1, 2]) {
    await signIn(page, account);
    tokens.push((await theStoredSession(page)).access_token);
    await signOut(page);
  }
  await page.close();
  isSettingUp = false;
  const next = await context.newPage();
  await next.goto('/');
  // The page says so after the first refusal, and does not wait for the answer to another sign-out.
  await expect(next.getByRole('status').getByText('You are signed out in this browser')).toBeVisible();
  answer();
  for (const token of tokens) await isEnded(api, token, { timeout: 60_000 });
});

test('bar 46: a sign-out arrives although the tab is closed in the same moment', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  const other = await context.newPage();
  await other.goto('/');
  await signOutButton(page).click();
  await page.close();
  await isEnded(api, access_token);
});

test('bar 46: a sign-out holds although the tab is closed before the database has it', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  const other = await context.newPage();
  await other.goto('/robots.txt');
  const free = await occupyDatabase(other);
  await signOutButton(page).click();
  await page.close();
  // A request that is queued in a database is lost with its page.
  await free();

  const next = await context.newPage();
  await next.goto('/account');
  await isSignedOut(next);
  await isEnded(api, access_token);
});

test('bar 47: the `Retry-After` of a portal has no effect', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  const portal = await answering(context, '**/api/v1/refresh', {
    status: 503,
    headers: { 'retry-after': '86400', 'content-type': 'text/html' },
    body: '<h1>Sign in to this network</h1>',
  });
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect.poll(portal.asked).toBeGreaterThan(0);
  await expect(page.getByRole('status').getByText('Reconnecting…')).toBeVisible();

  portal.recover();
  const network = new Network(page);
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await expect.poll(async () => (await network.refreshes()).at(-1)?.status).toBe(200);
  await seesAccount(page, account);
});

test('the page distinguishes an answer of another program from no answer', async ({ page, context, account }) => {
  await signIn(page, account);
  const portal = await answering(context, '**/api/v1/account', {
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<h1>Sign in to this network</h1>',
  });
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect(page.getByText('Something else answered in place of Holdfast.')).toBeVisible();
  await expect(page.getByRole('status').getByText('Reconnecting…')).toHaveCount(0);
  portal.recover();
});

test('a gateway that does not reach the server is not taken for a portal', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  const gateway = await answering(context, '**/api/v1/account', {
    status: 502,
    headers: { 'content-type': 'text/html' },
    body: '<h1>Bad gateway</h1>',
  });
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect(page.getByRole('alert')).toHaveText(/cannot be reached right now/);
  gateway.recover();
  await checkAgain(page);
});

const OVERLOADED = {
  status: 503,
  headers: { 'content-type': 'application/problem+json' },
  body: JSON.stringify({
    type: 'urn:holdfast:problem:temporarily_unavailable',
    title: 'Temporarily unavailable',
    status: 503,
    detail: 'Try again.',
    code: 'temporarily_unavailable',
  }),
};

async function overloaded(context: BrowserContext, url: string) {
  return answering(context, url, OVERLOADED);
}

/** Another program answers in place of the server, until the server recovers. */
async function answering(
  context: BrowserContext,
  url: string,
  answer: { status: number; headers: Record<string, string>; body: string },
): Promise<{ asked: () => number; recover: () => void }> {
  let asked = 0;
  let is_there = false;
  await context.route(url, async (route) => {
    if (is_there) return route.continue();
    asked += 1;
    return route.fulfill(answer);
  });
  return { asked: () => asked, recover: () => (is_there = true) };
}
