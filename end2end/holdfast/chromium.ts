// Browsers that a test can kill or close, and start again on the same profile.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from '@playwright/test';
import { fillIn, seesAccount, signInButton } from './person';
import type { Account } from './api';
import { becomesAlive, test as base } from './test';

/** A browser in a process of its own, so that a test can kill it. */
export class Chromium {
  private constructor(
    private readonly process: ChildProcess,
    private readonly browser: Browser,
  ) {}

  static async start(
    executable: string,
    args: string[],
    profile: string,
    starts = 3,
  ): Promise<Chromium> {
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
    try {
      return new Chromium(child, await chromium.connectOverCDP(address, { timeout: 15_000 }));
    } catch (error) {
      // Sometimes a Chromium that was started right after a kill listens, but does not
      // answer. It has shown no page yet, so the test may replace it.
      const gone = once(child, 'exit');
      process.kill(-child.pid!, 'SIGKILL');
      await gone;
      if (starts === 1) throw error;
      return Chromium.start(executable, args, profile, starts - 1);
    }
  }

  /** Its first tab, or another one. */
  async open(url: string): Promise<Page> {
    const [context] = this.browser.contexts();
    const page = await context!.newPage();
    await page.goto(url);
    await becomesAlive(page);
    return page;
  }

  /** Kills it, so that it has no time to write anything to disk. */
  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, 'exit');
    process.kill(-this.process.pid!, 'SIGKILL');
    await gone;
  }

  /** Closes it as a person does. */
  async close(): Promise<void> {
    const gone = once(this.process, 'exit');
    const session = await this.browser.newBrowserCDPSession();
    await session.send('Browser.close').catch(() => {});
    await gone;
  }
}

interface RestartFixtures {
  /** Starts a browser, each time on the same profile. */
  startBrowser: () => Promise<Chromium>;
}

/** `test` with browsers that can be killed, closed and started again. */
export const testWithRestarts = base.extend<RestartFixtures>({
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

/** Signs in by the form of the page that is open. */
export async function signInHere(page: Page, account: Account): Promise<void> {
  await fillIn(page, account);
  await signInButton(page).click();
  await seesAccount(page, account);
}
