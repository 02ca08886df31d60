// Another tab runs a later release, whose record this page cannot read. This page does not change
// it.

import type { Page } from '@playwright/test';
import {
  expect,
  fillIn,
  fillStorage,
  heading,
  holdAnswers,
  isEnded,
  isSignedOut,
  Network,
  seesAccount,
  signIn,
  signInButton,
  signOutButton,
  test,
  theStoredSession,
} from '../../holdfast';

const NOTICE = 'Holdfast was updated in another tab. Reload this page to go on.';

test.describe('a page beside a later version', () => {
  test.use({ lifetimes: { accessTokenTtl: '3s' } });
  test.slow();

  for (const [what, places] of [
    ['database and copy', { database: true, copy: true }],
    ['copy alone', { database: false, copy: true }],
    ['database alone', { database: true, copy: false }],
  ] as const) {
    test(`sends no refresh and asks to be reloaded: ${what}`, async ({ page, account }) => {
      await signIn(page, account);
      await becomesLater(page, places);
      const network = new Network(page);
      await expect(page.getByRole('status').getByText(NOTICE)).toBeVisible();
      // The page's access token has expired, or expires soon. Then a call shows the same notice.
      await expect(async () => {
        await page.getByRole('button', { name: /^(Check my sign-in|Try again)$/ }).click();
        await expect(page.getByRole('alert')).toContainText(NOTICE, { timeout: 1000 });
      }).toPass();
      expect(await network.refreshes()).toEqual([]);
      await expect(page.getByRole('status').getByText('Reconnecting…')).toHaveCount(0);
      await seesAccount(page, account);
    });
  }

  test('sends no refresh without IndexedDB either', async ({ page, account }) => {
    await page.addInitScript(() => {
      Object.defineProperty(window, 'indexedDB', { get: () => undefined });
    });
    await signIn(page, account);
    await becomesLater(page, { database: false, copy: true });
    const network = new Network(page);
    await expect(page.getByRole('status').getByText(NOTICE)).toBeVisible();
    await expect(async () => {
      await page.getByRole('button', { name: /^(Check my sign-in|Try again)$/ }).click();
      await expect(page.getByRole('alert')).toContainText(NOTICE, { timeout: 1000 });
    }).toPass();
    expect(await network.refreshes()).toEqual([]);
  });
});

test('a sign-out beside a later version ends the session on the server', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  await becomesLater(page, { database: true, copy: true });
  const record = await page.evaluate(() => localStorage.getItem('holdfast.session'));
  await signOutButton(page).click();
  await isSignedOut(page);
  await isEnded(api, access_token);
  // The record of the later version is unchanged, and no token waits any more.
  expect(await page.evaluate(() => localStorage.getItem('holdfast.session'))).toBe(record);
  await expect.poll(() => page.evaluate(() => localStorage.getItem('holdfast.leaving'))).toBeNull();
});

test('a sign-out beside a later version ends the session although local storage is full', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  await becomesLater(page, { database: true, copy: true });
  await fillStorage(page);
  await signOutButton(page).click();
  await isSignedOut(page);
  await isEnded(api, access_token);
  expect(await page.evaluate(() => localStorage.getItem('holdfast.leaving'))).toBeNull();
});

test('a sign-in beside a later version is not sent, and the form says why', async ({
  page,
  account,
  api,
}) => {
  await page.goto('/sign-in');
  await page.evaluate(() => localStorage.setItem('holdfast.session', '{"version":3}'));
  await fillIn(page, account);
  await signInButton(page).click();
  await expect(page.getByRole('alert')).toHaveText(NOTICE);
  const { access_token } = await api.logIn(account);
  expect(await api.sessions(access_token)).toHaveLength(1);
});

test('a sign-in that ends beside a later version leaves no session behind', async ({
  page,
  account,
  api,
}) => {
  await page.goto('/sign-in');
  // The later version comes while the answer is under way.
  await page.route('**/api/v1/login', async (route) => {
    const response = await route.fetch();
    await page.evaluate(() => localStorage.setItem('holdfast.session', '{"version":3}'));
    await route.fulfill({ response });
  });
  await fillIn(page, account);
  await signInButton(page).click();
  await expect(page.getByRole('alert')).toHaveText(NOTICE);
  const { access_token } = await api.logIn(account);
  await expect.poll(async () => (await api.sessions(access_token)).length).toBe(1);
});

for (const isGone of [false, true]) {
  test(`a change of the password that ends beside a later version is told as done${isGone ? ' after its form is gone' : ''}`, async ({
    page,
    account,
    api,
  }) => {
    const wanted = 'another horse battery staple';
    await signIn(page, account);
    await page.goto('/password');
    const late = await holdAnswers(page, '**/api/v1/account/password');
    await page.getByLabel('Current password').fill(account.password);
    await page.getByLabel('New password').fill(wanted);
    await page.getByRole('button', { name: 'Change password' }).click();
    await expect.poll(late.waiting).toBe(1);
    if (isGone) {
      await page.getByRole('link', { name: 'Account', exact: true }).click();
      await expect(heading(page, 'Your account')).toBeVisible();
    }
    await becomesLater(page, { database: true, copy: true });
    await expect(page.getByRole('status').getByText(NOTICE)).toBeVisible();
    late.open();
    const told = page.getByRole('status').getByText('Your password is changed.');
    await expect(told).toBeVisible();
    const { access_token } = await api.logIn({ ...account, password: wanted });
    await expect.poll(async () => (await api.sessions(access_token)).length).toBe(1);
  });
}

/** Another tab of a later release has written here. */
async function becomesLater(
  page: Page,
  places: { database: boolean; copy: boolean },
): Promise<void> {
  await page.evaluate(async ({ database, copy }) => {
    const later = (text: string) => JSON.stringify({ ...JSON.parse(text), version: 3 });
    if (database) {
      const connection = await new Promise<IDBDatabase>((resolve, reject) => {
        const asked = indexedDB.open('holdfast-2', 1);
        asked.onsuccess = () => resolve(asked.result);
        asked.onerror = () => reject(asked.error);
      });
      const transaction = connection.transaction('state', 'readwrite');
      const store = transaction.objectStore('state');
      const current = store.get('current');
      current.onsuccess = () => store.put(later(current.result), 'current');
      await new Promise((resolve) => (transaction.oncomplete = resolve));
      connection.close();
    }
    if (copy) {
      const text = localStorage.getItem('holdfast.session')!;
      localStorage.setItem('holdfast.session', later(text));
    }
    // The other tab would tell this one in the same way.
    window.dispatchEvent(new StorageEvent('storage', { key: 'holdfast.session' }));
  }, places);
}
