import type { Page } from '@playwright/test';
import { checkAgain, expect, Network, seesAccount, signIn, test } from '../../holdfast';

/** The tab becomes hidden, or visible again. */
async function setVisible(page: Page, visible: boolean): Promise<void> {
  await page.evaluate((visible) => {
    const state = visible ? 'visible' : 'hidden';
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: state });
    Object.defineProperty(document, 'hidden', { configurable: true, value: !visible });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, visible);
}

test('bar 18: a tab asleep for an hour makes its next call succeed with one refresh', async ({
  page,
  account,
}) => {
  await page.clock.install();
  await signIn(page, account);
  const network = new Network(page);
  await setVisible(page, false);

  // The browser throttles its timers, so none of them runs.
  await page.clock.setSystemTime(Date.now() + 60 * 60 * 1000);
  expect(await network.log()).toEqual([]);

  await setVisible(page, true);
  await checkAgain(page);
  await seesAccount(page, account);
  expect((await network.refreshes()).map(({ status }) => status)).toEqual([200]);
});

test('bar 18: a hidden tab does not renew by itself', async ({ page, account }) => {
  await page.clock.install();
  await signIn(page, account);
  const network = new Network(page);
  await setVisible(page, false);
  await page.clock.runFor('01:00:00');
  expect(await network.refreshes()).toEqual([]);

  // Its first call renews, although the tab is hidden.
  await checkAgain(page);
  expect((await network.refreshes()).map(({ status }) => status)).toEqual([200]);
});
