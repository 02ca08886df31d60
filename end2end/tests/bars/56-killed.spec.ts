// A browser is killed just after a person did something. The last thing that the person did must
// stay in effect.

import type { Page } from '@playwright/test';
import {
  type Account,
  expect,
  isSignedOut,
  seesAccount,
  signInHere,
  signOut,
  somebody,
  testWithRestarts as test,
} from '../../holdfast';

/** How often the browser is killed after each of the three acts. The full trial is `KILLS=20`. */
const KILLS = Number(process.env.KILLS || 3);

/** The browser is killed at some moment within this time. */
const WITHIN_MS = 2000;

test(`bar 56: what the person did last holds, ${KILLS} kills after each`, async ({
  startBrowser,
  account: ada,
  api,
  baseURL,
}) => {
  test.setTimeout(60_000 + KILLS * 60_000);
  const grace = somebody('grace');
  await api.makeAccount(grace);

  let browser = await startBrowser();
  let page = await browser.open(`${baseURL}/sign-in`);
  const killAndReturn = async (path: string) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * WITHIN_MS));
    await browser.kill();
    browser = await startBrowser();
    page = await browser.open(`${baseURL}${path}`);
  };

  for (let round = 0; round < KILLS; round += 1) {
    await test.step(`round ${round}: a sign-in`, async () => {
      await signInHere(page, ada);
      await killAndReturn('/account');
      await seesAccount(page, ada);
    });
    await test.step(`round ${round}: a change of person`, async () => {
      await becomes(page, grace);
      await killAndReturn('/account');
      await seesAccount(page, grace);
    });
    await test.step(`round ${round}: a sign-out`, async () => {
      await signOut(page);
      await killAndReturn('/account');
      await isSignedOut(page);
      // The sessions that had to end on the server have ended.
      await expect.poll(() => sessionsOf(grace)).toBe(1);
    });
  }

  /** How many sessions there are. The session that this function opens counts, too. */
  async function sessionsOf(account: Account): Promise<number> {
    const tokens = await api.logIn(account);
    const sessions = await api.sessions(tokens.access_token);
    await api.logOut(tokens.refresh_token);
    return sessions.length;
  }
});

/** One person signs out, and another signs in. */
async function becomes(page: Page, account: Account): Promise<void> {
  await signOut(page);
  await signInHere(page, account);
}
