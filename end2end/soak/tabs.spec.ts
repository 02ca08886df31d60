// Ten tabs of one browser that all keep making calls, through a network and servers that fail. None
// of them may ever be signed out.

import { type BrowserContext, type Page, expect, test } from '@playwright/test';
import { heading, somebody, storedSession } from '../holdfast';

const TABS = Number(process.env.SOAK_TABS ?? 10);
const SECONDS = Number(process.env.SOAK_SECONDS ?? 600);

/** What was seen. */
const tally = { answered: 0, failed: 0, reloads: 0, renewals: 0, retries: 0, conflicts: 0 };

test('nobody is signed out', async ({ context }) => {
  const end = Date.now() + SECONDS * 1000;
  const signOuts: string[] = [];
  watchRefreshes(context);

  const first = await context.newPage();
  await signUp(first);
  const tabs = [first];
  while (tabs.length < TABS) {
    tabs.push(await openTab(await context.newPage()));
  }

  const lives = tabs.map(async (tab, number) => {
    while (Date.now() < end && signOuts.length === 0) {
      await call(tab);
      const why = await isSignedOut(tab);
      if (why) {
        signOuts.push(`tab ${number}: ${why}`);
      }
      // Now and then somebody reloads the page. It may not come, as long as servers fail.
      if (Math.random() < 0.02 || !(await isAlive(tab))) {
        tally.reloads += 1;
        await open(tab).catch(() => {});
      }
      await pause(500 + Math.random() * 2500);
    }
  });
  await Promise.all(lives);

  // Everything has been repaired by now, or soon is: each tab makes one more call.
  for (const [number, tab] of tabs.entries()) {
    await expect(async () => {
      if (!(await isAlive(tab))) await open(tab);
      expect(await call(tab), `tab ${number} is answered`).toBe(true);
    }).toPass({ timeout: 150_000 });
    const why = await isSignedOut(tab);
    if (why) signOuts.push(why);
  }
  const session = await storedSession(first);
  const counts = Object.entries(tally).map(([what, count]) => `${what} ${count}`);
  console.log(
    `Browser: ${TABS} tabs, ${counts.join(', ')}, ` +
      `generation ${session?.generation}, sign-outs ${signOuts.length}`,
  );
  expect(signOuts).toEqual([]);
});

/** Makes an account. The answer may get lost; then another account is as good. */
async function signUp(page: Page): Promise<void> {
  await expect(async () => {
    await page.goto('/sign-up', { waitUntil: 'commit', timeout: 30_000 });
    await comesAlive(page);
    const account = somebody('soak');
    await page.getByLabel('Username').fill(account.username);
    await page.getByLabel('Password', { exact: true }).fill(account.password);
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(heading(page, 'Your account')).toBeVisible();
  }).toPass({ timeout: 120_000 });
}

/** Opens the account page, again and again, until all its files have come. */
async function openTab(page: Page): Promise<Page> {
  await expect(async () => open(page)).toPass({ timeout: 180_000 });
  return page;
}

/** Opens the account page. All tabs share six connections, so its files may have to wait. */
async function open(page: Page): Promise<void> {
  await page.goto('/account', { waitUntil: 'commit', timeout: 30_000 });
  await comesAlive(page);
}

const alive = (page: Page) => page.locator('html[data-hydrated="true"]');
const isAlive = async (page: Page) => (await alive(page).count()) > 0;
const comesAlive = (page: Page) => alive(page).waitFor({ state: 'attached', timeout: 30_000 });

/** Asks for the account by the button of the page. Whether it was answered in the end. */
async function call(page: Page): Promise<boolean> {
  const button = page.getByRole('button', { name: /^(Check again|Try again)$/ });
  try {
    // While a call waits for its renewal, the button says so and is disabled.
    await button.click({ timeout: 45_000 });
    await expect(button).toBeEnabled({ timeout: 45_000 });
  } catch {
    tally.failed += 1;
    return false;
  }
  const isAnswered = (await page.getByRole('alert').count()) === 0;
  tally[isAnswered ? 'answered' : 'failed'] += 1;
  return isAnswered;
}

/** How somebody would notice: the page says so, or storage is empty. */
async function isSignedOut(page: Page): Promise<string | null> {
  const session = await storedSession(page).catch(() => 'the page is just being loaded');
  if (session !== null && !(await heading(page, 'Sign in').isVisible())) {
    return null;
  }
  const text = await page.locator('main').innerText();
  return `${page.url()} says: ${text.replaceAll(/\s+/g, ' ').slice(0, 300)}`;
}

/** Counts the refreshes of all tabs. */
function watchRefreshes(browser: BrowserContext): void {
  const keys = new Set<string | undefined>();
  const isRefresh = (url: string) => new URL(url).pathname === '/api/v1/refresh';
  browser.on('request', (request) => {
    if (isRefresh(request.url())) {
      const key = request.headers()['idempotency-key'];
      if (keys.has(key)) tally.retries += 1;
      keys.add(key);
    }
  });
  browser.on('response', (response) => {
    if (isRefresh(response.url())) {
      if (response.status() === 200) tally.renewals += 1;
      if (response.status() === 409) tally.conflicts += 1;
    }
  });
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
