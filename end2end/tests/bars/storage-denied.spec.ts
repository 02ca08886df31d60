// Browsers that store nothing, or only a part.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from '@playwright/test';
import {
  becomesAlive,
  breakDatabase,
  checkAgain,
  denyIndexedDb,
  expect,
  fillIn,
  fillStorage,
  isEnded,
  isSignedOut,
  launch,
  Network,
  occupyDatabase,
  seesAccount,
  sessionInDatabase,
  signIn,
  signInButton,
  signOutButton,
  storedSession,
  test as base,
  theStoredSession,
  type Tokens,
  wholeChromium,
} from '../../holdfast';

const test = base.extend<{ denyingBrowser: BrowserContext }>({
  // A Chromium whose settings block all cookies and site data.
  denyingBrowser: async ({ launchOptions, baseURL }, use) => {
    const profile = await mkdtemp(join(tmpdir(), 'holdfast-profile-'));
    const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
    await mkdir(join(profile, 'Default'));
    await writeFile(join(profile, 'Default/Preferences'), JSON.stringify(settings));
    const context = await chromium.launchPersistentContext(profile, { ...launchOptions, baseURL });
    const errors: unknown[] = [];
    context.on('weberror', (error) => errors.push(error.error()));
    await use(context);
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    expect(errors).toEqual([]);
  },
});

// The browser without windows cannot do all of this.
test.use({ launchOptions: launch(wholeChromium()) });

const NOTICE = 'You stay signed in until you leave or reload this page.';

test.describe('with short-lived tokens', () => {
  test.use({ lifetimes: { accessTokenTtl: '2s' } });
  test.slow();

  test('a browser that stores nothing keeps the session in its tab, and says so', async ({
    denyingBrowser,
    account,
    api,
  }) => {
    const page = await denyingBrowser.newPage();
    const network = new Network(page);
    await page.goto('/sign-in');
    await becomesAlive(page);
    await expect(page.evaluate(() => localStorage.length)).rejects.toThrow('Access is denied');
    await fillIn(page, account);
    await signInButton(page).click();
    await seesAccount(page, account);
    await expect(page.getByRole('status').getByText(NOTICE)).toBeVisible();

    await renews(page, 3);
    await seesAccount(page, account);
    const refreshes = await network.refreshes();
    expect(refreshes.map(({ status }) => status)).toEqual(refreshes.map(() => 200));
    const keys = new Set(refreshes.map(({ attemptKey }) => attemptKey));
    expect(keys.size).toBe(refreshes.length);
    // There is one session, and only this tab has it.
    const { access_token } = refreshes.at(-1)?.answer as { access_token: string };
    expect(await api.sessions(access_token)).toHaveLength(1);

    await page.reload();
    await becomesAlive(page);
    await isSignedOut(page);
  });

  test('a browser without IndexedDB still renews', async ({ page, account }) => {
    await denyIndexedDb(page);
    await signIn(page, account);
    await renews(page, 3);
    await page.reload();
    await seesAccount(page, account);
  });

  test('a browser whose local storage is full keeps the session in its database', async ({
    page,
    context,
    account,
  }) => {
    await page.goto('/sign-in');
    await fillStorage(page);
    await fillIn(page, account);
    await signInButton(page).click();
    await seesAccount(page, account);
    await expect(page.getByRole('status').getByText(NOTICE)).toHaveCount(0);
    await renews(page, 3);
    expect(await storedSession(page)).toBeNull();
    expect(await sessionInDatabase(page)).not.toBeNull();
    await page.reload();
    await seesAccount(page, account);
    const tab = await context.newPage();
    await tab.goto('/account');
    await seesAccount(tab, account);
  });

  test('a browser whose local storage becomes full signs no tab out', async ({
    page,
    context,
    account,
  }) => {
    await signIn(page, account);
    const tab = await context.newPage();
    await tab.goto('/account');
    await fillStorage(page);
    // One of them renews, and the other one finds the result in the database.
    const before = (await sessionInDatabase(page))?.generation ?? 0;
    await expect
      .poll(async () => (await sessionInDatabase(page))?.generation, { timeout: 30_000 })
      .toBeGreaterThan(before + 2);
    await checkAgain(page);
    await checkAgain(tab);
    await seesAccount(tab, account);
  });

  test('a browser with a full local storage and no IndexedDB says how long the session lasts', async ({
    page,
    account,
  }) => {
    await denyIndexedDb(page);
    await page.goto('/sign-in');
    await fillStorage(page);
    await fillIn(page, account);
    await signInButton(page).click();
    await seesAccount(page, account);
    await expect(page.getByRole('status').getByText(NOTICE)).toBeVisible();
    await renews(page, 3);
    expect(await storedSession(page)).toBeNull();
  });

  test('a browser whose only storage becomes full stays signed in', async ({ page, account }) => {
    await denyIndexedDb(page);
    await signIn(page, account);
    await fillStorage(page);
    await renews(page, 3);
    await seesAccount(page, account);
  });

  test('a browser whose IndexedDB breaks while the page is open still renews', async ({
    page,
    account,
  }) => {
    await signIn(page, account);
    await breakDatabase(page);
    await renews(page, 3);
    await seesAccount(page, account);
    await page.reload();
    await seesAccount(page, account);
  });
});

for (const [what, room] of [
  ['a full', 0],
  ['an almost full', 300],
] as const) {
  test.describe(`two tabs with ${what} local storage`, () => {
    test.use({ lifetimes: { accessTokenTtl: '2s' } });
    test.slow();

    test('stay signed in although the database fails in one of them', async ({
      page,
      context,
      account,
    }) => {
      await page.goto('/sign-in');
      await fillStorage(page, room);
      await fillIn(page, account);
      await signInButton(page).click();
      await seesAccount(page, account);
      const tab = await context.newPage();
      await tab.goto('/account');
      await seesAccount(tab, account);

      const mendDatabase = await breakDatabase(page);
      const reconnecting = page.getByRole('status').getByText('Reconnecting…');
      await expect(reconnecting).toBeVisible({ timeout: 20_000 });
      const network = new Network(page);
      await renews(tab, 3);
      // Two tabs that both renew, each for itself, look like a thief.
      expect(await network.refreshes()).toEqual([]);
      await expect(page.getByRole('status').getByText(NOTICE)).toHaveCount(0);

      await mendDatabase();
      await page.evaluate(() => window.dispatchEvent(new Event('online')));
      await expect(reconnecting).toHaveCount(0);
      await seesAccount(page, account);
      await renews(tab, 1);
      await seesAccount(tab, account);
    });
  });

  test(`a person signs out beside ${what} local storage although the database fails`, async ({
    page,
    context,
    account,
    api,
  }) => {
    await page.goto('/sign-in');
    await fillStorage(page, room);
    await fillIn(page, account);
    await signInButton(page).click();
    await seesAccount(page, account);
    const { access_token } = (await sessionInDatabase(page))!;
    const mendDatabase = await breakDatabase(page);
    await signOutButton(page).click();
    await isEnded(api, access_token);
    await isSignedOut(page);
    await mendDatabase();
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    const next = await context.newPage();
    await next.goto('/account');
    await isSignedOut(next);
  });
}

test('a sign-out ends the session although the only storage is full', async ({
  page,
  account,
  api,
}) => {
  await denyIndexedDb(page);
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  await fillStorage(page);
  await signOutButton(page).click();
  await isSignedOut(page);
  await isEnded(api, access_token);
});

for (const [how, leave] of [
  ['closed', (page: Page) => page.close({ runBeforeUnload: true })],
  ['reloaded', (page: Page) => page.reload()],
] as const) {
  test(`a session that only its tab has ends when the tab is ${how}`, async ({
    denyingBrowser,
    account,
    api,
  }) => {
    const page = await denyingBrowser.newPage();
    await page.goto('/sign-in');
    await becomesAlive(page);
    await fillIn(page, account);
    const answered = page.waitForResponse('**/api/v1/login');
    await signInButton(page).click();
    const { access_token } = (await (await answered).json()) as Tokens;
    await seesAccount(page, account);
    expect((await api.account(access_token)).status).toBe(200);
    await leave(page);
    await isEnded(api, access_token);
  });
}

test('a sign-out is sent although the database fails at that moment', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  await breakDatabase(page);
  await signOutButton(page).click();
  await isEnded(api, access_token);
  await isSignedOut(page);
});

test('a sign-out is sent although the database hangs from that moment on', async ({
  page,
  context,
  account,
  api,
}) => {
  test.slow();
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  const other = await context.newPage();
  await other.goto('/robots.txt');
  const free = await occupyDatabase(other);
  await signOutButton(page).click();
  // The page waits three times for the database.
  await isEnded(api, access_token, { timeout: 60_000 });
  await isSignedOut(page);
  await free();
  const next = await context.newPage();
  await next.goto('/account');
  await isSignedOut(next);
});

test('a sign-out beside a full storage ends the session although the tab is closed before the database has it', async ({
  page,
  context,
  account,
  api,
}) => {
  await page.goto('/sign-in');
  await fillStorage(page);
  await fillIn(page, account);
  await signInButton(page).click();
  await seesAccount(page, account);
  expect(await storedSession(page)).toBeNull();
  const { access_token } = (await sessionInDatabase(page))!;
  const other = await context.newPage();
  await other.goto('/robots.txt');
  const free = await occupyDatabase(other);
  await signOutButton(page).click();
  await page.close({ runBeforeUnload: true });
  await isEnded(api, access_token);
  await free();
  const next = await context.newPage();
  await next.goto('/account');
  await isSignedOut(next);
});

test('a page that cannot read what is stored says so', async ({ page, context, account }) => {
  test.slow();
  await page.goto('/sign-in');
  await fillStorage(page);
  await fillIn(page, account);
  await signInButton(page).click();
  await seesAccount(page, account);
  const tab = await context.newPage();
  await tab.addInitScript(() => {
    IDBFactory.prototype.open = () => ({}) as IDBOpenDBRequest;
  });
  await tab.goto('/account');
  const told = tab.getByRole('status').getByText('does not let Holdfast read what it has stored');
  await expect(told).toBeVisible({ timeout: 60_000 });
  // The other tab goes on.
  await checkAgain(page);
});

test('a sign-out is remembered although the database fails at that moment', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  // The server does not learn of it either before the page reloads.
  await context.route('**/api/v1/logout', (route) => route.abort());
  await breakDatabase(page);
  await signOutButton(page).click();
  await isSignedOut(page);
  expect((await api.account(access_token)).status).toBe(200);

  // The next page has a database again, in which the person is still signed in.
  await context.unrouteAll({ behavior: 'wait' });
  await page.goto('/account');
  await isSignedOut(page);
  expect(await sessionInDatabase(page)).toBeNull();
  await isEnded(api, access_token);
});

/** Renews several times, with a call after each renewal. */
async function renews(page: Page, times: number): Promise<void> {
  for (let renewal = 0; renewal < times; renewal += 1) {
    await page.waitForResponse((response) => response.url().endsWith('/api/v1/refresh'));
    await checkAgain(page);
  }
}
