import type { Page } from '@playwright/test';
import {
  attemptKey,
  expect,
  inDatabase,
  isSignedOut,
  Network,
  signIn,
  spoilAccessToken,
  storedSession,
  test,
  theStoredSession,
} from '../../holdfast';

test('bar 28: a thief with storage and pending attempt key is found out within a minute', async ({
  page,
  account,
  api,
}) => {
  test.slow();
  await page.clock.install();
  await signIn(page, account);
  const network = new Network(page);

  // A refresh is sent, but it does not arrive.
  await page.route('**/api/v1/refresh', (route) => route.abort());
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect.poll(() => network.refreshes()).not.toEqual([]);

  // At this moment the thief copies everything, and refreshes before the browser.
  const copy = await theStoredSession(page);
  const key = network.begun('POST /api/v1/refresh')[0]?.attemptKey;
  const first = await api.refresh(copy.refresh_token, key);
  expect(first.status).toBe(200);
  const second = await api.refresh(first.body.refresh_token, attemptKey());
  expect(second.status).toBe(200);
  await page.unroute('**/api/v1/refresh');

  const minutes = await untilSignedOut(page, network);
  await isSignedOut(page);
  await expect(page.getByRole('status').getByText('for your safety')).toBeVisible();
  expect(minutes).toBeLessThan(1.5);

  // The thief's chain has ended, with every token that the thief has.
  await expect
    .poll(async () => (await api.refresh(second.body.refresh_token)).body.code)
    .toBe('session_ended');
  expect((await api.account(second.body.access_token)).status).toBe(401);
});

/** Lets time pass for the page, and counts its minutes. No time passes while the page waits for an
 * answer or works on one. */
async function untilSignedOut(page: Page, network: Network): Promise<number> {
  for (let seconds = 0; seconds < 240; seconds += 1) {
    await page.clock.runFor(1000);
    await untilIdle(page, network);
    if ((await storedSession(page)) === null) {
      return seconds / 60;
    }
  }
  throw new Error('Nobody notices.');
}

/** Waits until the page has its answers, and begins no other request after it has used its database
 * several times. */
async function untilIdle(page: Page, network: Network): Promise<void> {
  for (let begun = -1; begun !== network.begun().length; ) {
    begun = network.begun().length;
    await network.calls();
    // The database answers in order, so the page has its own answers by then.
    for (let turns = 0; turns < 5; turns += 1) await inDatabase(page);
  }
}
