// Browsers that are killed or closed, and started again on the same profile.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from '@playwright/test';
import {
  Api,
  becomesAlive,
  everythingStored,
  expect,
  isSignedOut,
  seesAccount,
  signIn,
  signOutButton,
  somebody,
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
  // A browser that is closed has written everything down; one that is killed may not have.
  const first = await startBrowser();
  await signInHere(await first.open(`${baseURL}/sign-in`), account);
  await first.close();

  const second = await startBrowser();
  const page = await second.open(`${baseURL}/account`);
  await seesAccount(page, account);
  const { generation } = await theStoredSession(page);
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check again' }).click();
  await expect
    .poll(async () => (await theStoredSession(page)).generation)
    .toBe(generation + 1);
  await second.kill();

  const third = await startBrowser();
  const again = await third.open(`${baseURL}/account`);
  await seesAccount(again, account);
  // Another renewal needs a token that the server still takes.
  await spoilAccessToken(again);
  await again.getByRole('button', { name: 'Check again' }).click();
  await expect
    .poll(async () => (await theStoredSession(again)).generation)
    .toBeGreaterThan(generation);
  await expect(again.getByRole('alert')).toHaveCount(0);
  await seesAccount(again, account);
});

test('bar 32: a sign-out without a network ends the session after a restart of the browser', async ({
  startBrowser,
  server,
}) => {
  test.slow();
  // A server that is away: a browser that is closed would undo an offline that we feign.
  const away = await server();
  const account = somebody();
  await new Api(away.url).makeAccount(account);
  const before = await startBrowser();
  const page = await before.open(`${away.url}/sign-in`);
  await signInHere(page, account);
  const { access_token } = await theStoredSession(page);
  await away.stop();
  await signOutButton(page).click();
  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('You are signed out in this browser')).toBeVisible();
  await before.close();

  const back = await server({ port: away.port });
  const api = new Api(back.url);
  expect((await api.account(access_token)).status).toBe(200);
  const after = await startBrowser();
  const again = await after.open(`${back.url}/`);
  await expect.poll(async () => (await api.account(access_token)).body.code).toBe('session_ended');
  await expect.poll(() => everythingStored(again)).not.toContain('hfr_');
});

test('bar 32: a sign-out without a network ends the session once there is one', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  await context.setOffline(true);
  await signOutButton(page).click();
  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('You are signed out in this browser')).toBeVisible();
  expect(await everythingStored(page)).not.toContain(access_token);
  expect((await api.account(access_token)).status).toBe(200);

  await context.setOffline(false);
  await expect.poll(async () => (await api.account(access_token)).body.code).toBe('session_ended');
  await expect.poll(() => everythingStored(page)).not.toContain('hfr_');
});

async function signInHere(page: Page, account: { username: string; password: string }) {
  await page.getByLabel('Username').fill(account.username);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await seesAccount(page, account);
}
