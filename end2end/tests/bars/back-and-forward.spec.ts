// The back button, with and without the cache in which Chromium keeps whole pages.

import { type BrowserContext, chromium, type Page } from '@playwright/test';
import {
  becomesAlive,
  checkAgain,
  denyStorage,
  expect,
  fillIn,
  inDatabase,
  isEnded,
  isSignedOut,
  launch,
  Network,
  seesAccount,
  signInButton,
  spoilAccessToken,
  storedSession,
  test as base,
  theStoredSession,
  type Tokens,
  wholeChromium,
} from '../../holdfast';

const test = base.extend<{ cachingBrowser: BrowserContext }>({
  // Playwright usually switches the back/forward cache off.
  cachingBrowser: async ({ launchOptions, baseURL }, use) => {
    const ignoreDefaultArgs = ['--disable-back-forward-cache'];
    const browser = await chromium.launch({ ...launchOptions, ignoreDefaultArgs });
    await use(await browser.newContext({ baseURL }));
    await browser.close();
  },
});

// The browser without windows cannot do all of this.
test.use({ launchOptions: launch(wholeChromium()) });

test('the back button does not bring a signed-out person back in', async ({
  cachingBrowser,
  account,
}) => {
  const page = await cachingBrowser.newPage();
  await signInHere(page, account);
  await page.goto('/healthz');
  await signOutInAnotherTab(cachingBrowser, account);

  await page.goBack();
  await isSignedOut(page);
  await expect(page.getByText(`Signed in as ${account.username}`)).toHaveCount(0);
});

test('a page that comes out of the back/forward cache sees that it was signed out', async ({
  cachingBrowser,
  account,
}) => {
  const page = await cachingBrowser.newPage();
  await becomesCacheable(cachingBrowser);
  await signInHere(page, account);
  const network = new Network(page);
  await leave(page);
  await signOutInAnotherTab(cachingBrowser, account);

  await comeBack(page);
  await isSignedOut(page);
  await expect(page.getByText(`Signed in as ${account.username}`)).toHaveCount(0);
  expect(await network.log()).toEqual([]);
});

test('a page that comes out of the back/forward cache goes on with the present tokens', async ({
  cachingBrowser,
  account,
}) => {
  const page = await cachingBrowser.newPage();
  await becomesCacheable(cachingBrowser);
  await signInHere(page, account);
  const { generation } = await theStoredSession(page);
  await leave(page);
  const tab = await cachingBrowser.newPage();
  await tab.goto('/account');
  await becomesAlive(tab);
  for (let times = 0; times < 2; times += 1) {
    await spoilAccessToken(tab);
    await checkAgain(tab);
  }
  const latest = await theStoredSession(tab);
  expect(latest.generation).toBe(generation + 2);

  const network = new Network(page);
  await comeBack(page);
  await checkAgain(page);
  await seesAccount(page, account);
  const calls = await network.calls();
  // Nothing is renewed. A page that comes back also asks for notices.
  const paths = new Set(calls.map(({ path }) => path));
  paths.delete('/api/v1/account/notices');
  expect(paths).toEqual(new Set(['/api/v1/account']));
  expect(new Set(calls.map(({ bearer }) => bearer))).toEqual(new Set([latest.access_token]));
  expect(await theStoredSession(page)).toEqual(latest);
});

test('a home page that comes out of the back/forward cache sees that somebody has signed in', async ({
  cachingBrowser,
  account,
}) => {
  const page = await cachingBrowser.newPage();
  await becomesCacheable(cachingBrowser);
  await page.goto('/');
  await leave(page);
  await signInHere(await cachingBrowser.newPage(), account);
  await comeBack(page);
  await expect(page.getByRole('link', { name: 'Your account' })).toBeVisible();
});

// A page in the cache may never come back, and no other page could end its session.
for (const isLost of [false, true]) {
  const how = isLost ? 'although the sign-out is lost' : 'at once';
  test(`a session that only its page has ends when the person leaves the page: ${how}`, async ({
    cachingBrowser,
    account,
    api,
  }) => {
    const page = await cachingBrowser.newPage();
    await becomesCacheable(cachingBrowser);
    await denyStorage(page, 'indexedDB');
    await denyStorage(page, 'localStorage');
    const opened = page.waitForResponse((response) => response.url().endsWith('/api/v1/login'));
    await signInHere(page, account);
    const { access_token } = (await (await opened).json()) as Tokens;
    if (isLost) await page.evaluate(loseRequests);
    await leave(page);
    if (isLost) {
      expect(await api.sessions(access_token)).toHaveLength(1);
    } else {
      await isEnded(api, access_token);
    }

    await comeBack(page);
    await page.evaluate(() => dispatchEvent(new Event('network is back')));
    await isSignedOut(page);
    await expect(page.getByText('leaving the page signed you out')).toBeVisible();
    await isEnded(api, access_token);
  });
}

/** Every request is lost until the network is back. Playwright cannot intercept a request that
 * outlives its page. */
function loseRequests(): void {
  const send = window.fetch;
  window.fetch = () => Promise.reject(new TypeError('Failed to fetch'));
  addEventListener('network is back', () => (window.fetch = send));
}

/**
 * Holdfast's pages have `no-store`, so Chromium does not cache them, and it drops a page that gets
 * a message from another tab. Other browsers cache such pages, and Chromium may do so later.
 */
async function becomesCacheable(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    Object.defineProperty(window, 'BroadcastChannel', { value: undefined });
  });
  await context.route(/\/(account|sign-in)?$/, async (route) => {
    if (route.request().resourceType() !== 'document') return route.continue();
    const response = await route.fetch();
    const headers = { ...response.headers(), 'cache-control': 'no-cache' };
    return route.fulfill({ response, headers });
  });
}

async function leave(page: Page): Promise<void> {
  await page.evaluate(() => {
    addEventListener('pageshow', ({ persisted }) => Object.assign(window, { persisted }));
  });
  await page.goto('/healthz');
}

/** Checks that the page comes out of the cache: it is the same page that was left. */
async function comeBack(page: Page): Promise<void> {
  await page.evaluate(() => history.back());
  await expect
    .poll(() => page.evaluate(() => 'persisted' in window && window.persisted).catch(() => false))
    .toBe(true);
}

async function signInHere(page: Page, account: { username: string; password: string }) {
  await page.goto('/sign-in');
  await becomesAlive(page);
  await fillIn(page, account);
  await signInButton(page).click();
  await seesAccount(page, account);
}

async function signOutInAnotherTab(
  context: BrowserContext,
  account: { username: string; password: string },
): Promise<void> {
  const tab = await context.newPage();
  await tab.goto('/account');
  await becomesAlive(tab);
  await seesAccount(tab, account);
  await tab.getByRole('main').getByRole('button', { name: 'Sign out', exact: true }).click();
  await isSignedOut(tab);
  expect(await storedSession(tab)).toBeNull();
  // Until the server has answered, each page of this browser that opens sends the sign-out again.
  await expect.poll(async () => (await inDatabase(tab))['leaving']).toBe('[]');
}
