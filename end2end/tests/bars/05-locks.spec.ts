import type { Page } from '@playwright/test';
import {
  checkAgain,
  expect,
  holdRequests,
  Network,
  seesAccount,
  signIn,
  spoilAccessToken,
  test,
} from '../../holdfast';

test('bar 5: a lock that a frozen tab never releases delays other tabs by at most two seconds', async ({
  page,
  context,
  account,
}) => {
  await waitsForLocksEndByHand(page);
  await signIn(page, account);

  // This finds out which locks a renewal takes.
  const renewal = await holdRequests(page, '**/api/v1/refresh');
  await spoilAccessToken(page);
  const check = checkAgain(page);
  await expect.poll(renewal.waiting).toBe(1);
  const names = await page.evaluate(async () => {
    const { held = [] } = await navigator.locks.query();
    return held.map(({ name }) => name ?? '');
  });
  renewal.open();
  await check;
  await page.unrouteAll({ behavior: 'wait' });
  expect(names.length).toBeGreaterThan(0);

  // Another tab takes them and never releases them.
  const frozen = await context.newPage();
  await frozen.goto('/');
  await frozen.evaluate((names) => {
    const state = { stolen: false };
    Object.assign(window, { state });
    for (const name of names) {
      const held = navigator.locks.request(name, () => new Promise(() => {}));
      held.catch(() => (state.stolen = true));
    }
  }, names);
  await expect
    .poll(() => frozen.evaluate(async () => (await navigator.locks.query()).held?.length))
    .toBe(names.length);

  const network = new Network(page);
  await spoilAccessToken(page);
  const refused = page.waitForResponse(
    (response) => response.url().endsWith('/api/v1/account') && response.status() === 401,
  );
  const checked = checkAgain(page);
  await refused;
  // It waits for the lock, for two seconds by its clock, and sends nothing.
  await expect.poll(() => page.evaluate(() => window.waits.map(({ ms }) => ms))).toEqual([2000]);
  expect(network.begun('POST /api/v1/refresh')).toEqual([]);
  await page.evaluate(() => window.waits[0]?.end());
  await checked;
  await seesAccount(page, account);

  expect((await network.refreshes()).map(({ status }) => status)).toEqual([200]);
  expect(await frozen.evaluate(() => (window as unknown as { state: object }).state)).toEqual({
    stolen: false,
  });
  expect(
    await frozen.evaluate(async () => (await navigator.locks.query()).held?.map(({ name }) => name)),
  ).toEqual(names);
});

/** A wait for a lock that the test can end without the clock. */
interface Wait {
  ms: number;
  end: () => void;
}

declare global {
  interface Window {
    waits: Wait[];
  }
}

/**
 * Puts the open waits into `window.waits`. On a busy machine, every measured time would be too
 * long.
 */
async function waitsForLocksEndByHand(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.waits = [];
    const { locks } = navigator;
    const request = locks.request.bind(locks) as (...args: unknown[]) => Promise<unknown>;
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const lengths = new WeakMap<AbortSignal, number>();
    AbortSignal.timeout = (ms) => {
      const signal = timeout(ms);
      lengths.set(signal, ms);
      return signal;
    };
    Object.assign(locks, {
      request(name: string, options: LockOptions, callback: LockGrantedCallback<unknown>) {
        const byHand = new AbortController();
        const wait: Wait = {
          ms: (options.signal && lengths.get(options.signal)) ?? Infinity,
          end: () => byHand.abort(new DOMException('The time is over.', 'TimeoutError')),
        };
        window.waits.push(wait);
        const isOver = () => (window.waits = window.waits.filter((other) => other !== wait));
        const granted = (lock: Lock | null) => {
          isOver();
          return callback(lock);
        };
        const outcome = request(name, { ...options, signal: byHand.signal }, granted);
        outcome.then(isOver, isOver);
        return outcome;
      },
    });
  });
}
