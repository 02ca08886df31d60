import type { BrowserContext } from '@playwright/test';
import {
  checkAgain,
  expect,
  forged,
  holdRequests,
  Network,
  openTabs,
  seesAccount,
  signIn,
  tamper,
  test,
  theStoredSession,
} from '../../holdfast';

const TABS = 20;

test.describe('bar 1: twenty tabs', () => {
  test.slow();

  test.describe('with short-lived tokens', () => {
    test.use({ lifetimes: { accessTokenTtl: '3s' } });

    test('bar 1: twenty tabs renew for a while, and nobody is signed out', async ({
      page,
      context,
      account,
      api,
    }) => {
      const network = new Network(context);
      await signIn(page, account);
      const tabs = await openTabs(page, account, TABS);
      const start = (await theStoredSession(page)).generation;
      const before = (await network.refreshes()).length;
      await expect
        .poll(async () => (await theStoredSession(page)).generation, { timeout: 120_000 })
        .toBeGreaterThanOrEqual(start + 5);

      const refreshes = (await network.refreshes()).slice(before);
      const rotations = (await theStoredSession(page)).generation - start;
      // Usually one tab renews for all of them. Sometimes two tabs renew.
      expect(refreshes.length).toBeLessThanOrEqual(2 * rotations);
      expect(refreshes.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
      await Promise.all(tabs.map((tab) => checkAgain(tab)));
      for (const tab of tabs) await seesAccount(tab, account);
      const { access_token } = await theStoredSession(page);
      expect(await api.sessions(access_token)).toHaveLength(1);
    });
  });

  test('bar 1: twenty tabs that renew at the same instant get the same successor', async ({
    page,
    context,
    account,
  }) => {
    await withoutNewsOfEachOther(context);
    const network = new Network(context);
    await signIn(page, account);
    const tabs = await openTabs(page, account, TABS);
    const before = await theStoredSession(page);
    await tamper(page, { access_token: forged(before.access_token) });
    const refresh = await holdRequests(context, '**/api/v1/refresh');

    const checks = tabs.map((tab) => checkAgain(tab));
    await expect.poll(refresh.waiting, { timeout: 60_000 }).toBe(TABS);
    refresh.open();
    await Promise.all(checks);

    const refreshes = await network.refreshes();
    expect(refreshes).toHaveLength(TABS);
    expect(new Set(refreshes.map(({ attemptKey }) => attemptKey)).size).toBe(1);
    expect(new Set(refreshes.map(({ status }) => status))).toEqual(new Set([200]));
    const after = await theStoredSession(page);
    const successors = refreshes.map(({ answer }) => answer?.refresh_token);
    expect(new Set(successors)).toEqual(new Set([after.refresh_token]));
    expect(after.generation).toBe(before.generation + 1);
  });
});

/** A browser without locks across tabs: every tab decides for itself. */
async function withoutNewsOfEachOther(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    Object.defineProperty(navigator, 'locks', { value: undefined });
    Object.defineProperty(window, 'BroadcastChannel', { value: undefined });
  });
}
