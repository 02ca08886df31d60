// `test` with a server behind it. A test says which lifetimes it needs:
//
//   test.use({ lifetimes: { accessTokenTtl: '1s' } });
//
// A test that does not say this shares the server of its worker, which has the default lifetimes.

import { type BrowserContext, type Page, expect, test as base } from '@playwright/test';
import { type Account, Api, somebody } from './api';
import { DataDirectory, Server, type Settings } from './server';

export { expect };

export interface Options {
  /** How long tokens live in this test; without it, the defaults apply. */
  lifetimes: Settings;
  /** What the browser may complain about, because the test provokes it. */
  mayComplain: RegExp[];
}

interface TestFixtures extends Options {
  /** The server of this test's pages. */
  holdfast: Server;
  /** Starts another process on the same database. */
  server: (settings?: Settings) => Promise<Server>;
  /** The API of the same server, without a browser. */
  api: Api;
  /** A person who has an account and no session. */
  account: Account;
  /** Another browser, with nothing in its storage. */
  anotherBrowser: () => Promise<BrowserContext>;
  /** Every test: no panic, no uncaught error, no violated policy. */
  browserIsContent: void;
}

interface WorkerFixtures {
  data: DataDirectory;
  sharedServer: Server;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  lifetimes: [{}, { option: true }],
  mayComplain: [[], { option: true }],

  data: [
    async ({}, use) => {
      const data = await DataDirectory.create();
      await use(data);
      await data.remove();
    },
    { scope: 'worker' },
  ],

  // It also keeps the database running from test to test.
  sharedServer: [
    async ({ data }, use) => {
      const server = await Server.start(data);
      await use(server);
      await server.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],

  server: async ({ data, sharedServer: _ }, use, testInfo) => {
    const servers: Server[] = [];
    await use(async (settings) => {
      const server = await Server.start(data, settings);
      servers.push(server);
      return server;
    });
    for (const [at, server] of servers.entries()) {
      await server.stop();
      keepsItsSecrets(server.log);
      if (testInfo.status !== testInfo.expectedStatus) {
        await testInfo.attach(`server-${at}.log`, { body: server.log });
      }
    }
  },

  holdfast: async ({ sharedServer, server, lifetimes }, use, testInfo) => {
    if (Object.keys(lifetimes).length > 0) {
      await use(await server(lifetimes));
      return;
    }
    const before = sharedServer.log.length;
    await use(sharedServer);
    const log = sharedServer.log.slice(before);
    keepsItsSecrets(log);
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach('server.log', { body: log });
    }
  },

  baseURL: async ({ holdfast }, use) => use(holdfast.url),

  api: async ({ holdfast }, use) => use(new Api(holdfast.url)),

  account: async ({ api }, use) => {
    const account = somebody();
    await api.makeAccount(account);
    await use(account);
  },

  context: async ({ context }, use) => {
    waitsUntilAlive(context);
    await use(context);
    await lettingGo(context);
  },

  anotherBrowser: async ({ browser, baseURL }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async () => {
      const context = await browser.newContext({ baseURL });
      waitsUntilAlive(context);
      contexts.push(context);
      return context;
    });
    for (const context of contexts) {
      await lettingGo(context);
      await context.close();
    }
  },

  browserIsContent: [
    async ({ context, mayComplain }, use) => {
      const complaints: string[] = [];
      context.on('weberror', (error) => complaints.push(String(error.error())));
      context.on('console', (message) => {
        // Chromium reports each 4xx here as well. The tests check those themselves.
        const isStatus = message.text().startsWith('Failed to load resource');
        if (message.type() === 'error' && !isStatus) {
          complaints.push(message.text());
        }
      });
      await use();
      const unexpected = complaints.filter(
        (complaint) => !mayComplain.some((pattern) => pattern.test(complaint)),
      );
      expect(unexpected, 'what the browser complained about').toEqual([]);
    },
    { auto: true },
  ],
});

/** Opens a page and does not wait until the client has started. */
export async function openUnhydrated(page: Page, path: string): ReturnType<Page['goto']> {
  return (await originalGoto.get(page)?.(path, { waitUntil: 'commit' })) ?? null;
}

/** Stops the timers of a page whose clock is installed. The clock first jumps by ten seconds, because it
 * cannot stop in the past, and the page may be slow to hear of it. A request gives up after twenty. */
export async function pauseClock(page: Page): Promise<void> {
  await page.clock.pauseAt(Date.now() + 10_000);
}

/** Waits until the client has started, so that buttons work. The home page starts when a person reaches for
 * something. */
export async function becomesAlive(page: Page): Promise<void> {
  await page.locator('a').first().dispatchEvent('focusin');
  await page.locator('html[data-hydrated="true"]').waitFor({ state: 'attached' });
}

const originalGoto = new WeakMap<Page, Page['goto']>();

/** Makes `goto` and `reload` wait until the client has started. Before that, buttons are
 * disabled, and typed text may be lost. */
function waitsUntilAlive(context: BrowserContext): void {
  context.on('page', (page) => {
    const goto = page.goto.bind(page);
    const reload = page.reload.bind(page);
    originalGoto.set(page, goto);
    const isPage = (response: Awaited<ReturnType<Page['goto']>>) =>
      response?.headers()['content-type']?.startsWith('text/html');
    page.goto = async (url, options) => {
      const response = await goto(url, options);
      if (isPage(response)) await becomesAlive(page);
      return response;
    };
    page.reload = async (options) => {
      const response = await reload(options);
      if (isPage(response)) await becomesAlive(page);
      return response;
    };
  });
}

/** Ends the functions that still hold requests of the browser. The test is over, so nobody waits for these
 * requests, and it does not matter that they fail now. */
async function lettingGo(context: BrowserContext): Promise<void> {
  const holding = [context, ...context.pages()];
  await Promise.all(holding.map((one) => one.unrouteAll({ behavior: 'ignoreErrors' })));
}

/** Checks that the log has no panic, no error, and nothing that a thief could use. */
function keepsItsSecrets(log: string): void {
  expect(log).not.toContain('panicked');
  expect(log).not.toMatch(/^\S*\s*ERROR/m);
  expect(log).not.toContain('hfr_');
  expect(log).not.toContain('eyJ');
  expect(log).not.toContain('velvet anchor');
}
