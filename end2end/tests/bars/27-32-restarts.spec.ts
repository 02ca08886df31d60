// Browsers that are killed or closed, and started again on the same profile.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from '@playwright/test';
import {
  becomesAlive,
  everythingStored,
  expect,
  isSignedOut,
  seesAccount,
  signIn,
  signOutButton,
  spoilAccessToken,
  test as base,
  theStoredSession,
} from '../../holdfast';

/** A browser of our own, so that it can be killed. */
class Chromium {
  private constructor(
    private readonly process: ChildProcess,
    private readonly browser: Browser,
  ) {}

  static async start(executable: string, args: string[], profile: string): Promise<Chromium> {
    const child = spawn(
      executable,
      [...args, '--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`],
      { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    );
    const address = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.once('exit', () => reject(new Error(text)));
      child.stderr?.setEncoding('utf8').on('data', (more: string) => {
        text += more;
        const found = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
        if (found) resolve(found);
      });
    });
    return new Chromium(child, await chromium.connectOverCDP(address));
  }

  /** Its first tab, or another one. */
  async open(url: string): Promise<Page> {
    const [context] = this.browser.contexts();
    const page = await context!.newPage();
    await page.goto(url);
    await becomesAlive(page);
    return page;
  }

  /** Without a moment to write anything down. */
  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, 'exit');
    process.kill(-this.process.pid!, 'SIGKILL');
    await gone;
  }

  /** As a person closes it. */
  async close(): Promise<void> {
    const gone = once(this.process, 'exit');
    const session = await this.browser.newBrowserCDPSession();
    await session.send('Browser.close').catch(() => {});
    await gone;
  }
}

const test = base.extend<{ startBrowser: () => Promise<Chromium> }>({
  startBrowser: async ({ launchOptions, browserName: _ }, use) => {
    const profile = await mkdtemp(join(tmpdir(), 'holdfast-profile-'));
    const browsers: Chromium[] = [];
    const executable = launchOptions.executablePath ?? chromium.executablePath();
    await use(async () => {
      const browser = await Chromium.start(executable, launchOptions.args ?? [], profile);
      browsers.push(browser);
      return browser;
    });
    for (const browser of browsers) await browser.kill();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  },
});

test('bar 27: a browser that is killed just after a renewal is still signed in', async ({
  startBrowser,
  account,
  baseURL,
}) => {
  test.slow();
  const before = await startBrowser();
  const page = await before.open(`${baseURL}/sign-in`);
  await signInHere(page, account);
  // Long enough for the browser to have written the first record down.
  await page.reload();
  await becomesAlive(page);
  await spoilAccessToken(page);
  const renewed = page.waitForResponse(
    (response) => response.url().endsWith('/api/v1/refresh') && response.ok(),
  );
  await page.getByRole('button', { name: 'Check again' }).click();
  await renewed;
  await seesAccount(page, account);
  const { generation } = await theStoredSession(page);
  expect(generation).toBeGreaterThan(0);
  await before.kill();

  const after = await startBrowser();
  const again = await after.open(`${baseURL}/account`);
  await seesAccount(again, account);
  await again.getByRole('button', { name: 'Check again' }).click();
  await seesAccount(again, account);
});

test('bar 32: a sign-out without a network ends the session after a restart of the browser', async ({
  startBrowser,
  account,
  api,
  baseURL,
}) => {
  test.slow();
  const before = await startBrowser();
  const page = await before.open(`${baseURL}/sign-in`);
  await signInHere(page, account);
  const { refresh_token } = await theStoredSession(page);
  await page.context().setOffline(true);
  await signOutButton(page).click();
  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('You are signed out in this browser')).toBeVisible();
  await before.close();
  expect((await api.refresh(refresh_token, 'somebody-else-entirely')).status).toBe(200);

  const after = await startBrowser();
  const again = await after.open(`${baseURL}/`);
  await expect.poll(async () => (await api.refresh(refresh_token)).body.code).toBe('session_ended');
  await expect.poll(() => everythingStored(again)).not.toContain('hfr_');
});

test('bar 32: a sign-out without a network ends the session once there is one', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const { refresh_token, access_token } = await theStoredSession(page);
  await context.setOffline(true);
  await signOutButton(page).click();
  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('You are signed out in this browser')).toBeVisible();
  expect(await everythingStored(page)).not.toContain(access_token);
  expect((await api.account(access_token)).status).toBe(200);

  await context.setOffline(false);
  await expect.poll(async () => (await api.refresh(refresh_token)).body.code).toBe('session_ended');
  await expect.poll(() => everythingStored(page)).not.toContain('hfr_');
  expect((await api.account(access_token)).status).toBe(401);
});

async function signInHere(page: Page, account: { username: string; password: string }) {
  await page.getByLabel('Username').fill(account.username);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await seesAccount(page, account);
}
