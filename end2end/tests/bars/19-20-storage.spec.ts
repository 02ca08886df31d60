import type { Page } from '@playwright/test';
import {
  checkAgain,
  expect,
  holdAnswers,
  seesAccount,
  signIn,
  spoilAccessToken,
  type StoredSession,
  test,
  theStoredSession,
} from '../../holdfast';

test('bar 19: a late answer of an earlier generation does not overwrite a later one', async ({
  page,
  context,
  account,
}) => {
  await context.addInitScript(() => {
    // Otherwise the second tab would wait for the first one.
    Object.defineProperty(navigator, 'locks', { value: undefined });
    // A record that goes back counts as a fault, even if it is corrected a moment later.
    const generation = (text: string | null) => JSON.parse(text ?? '{}').generation ?? 0;
    const setItem = Storage.prototype.setItem;
    window.wentBack = 0;
    Storage.prototype.setItem = function (key, value) {
      if (key === 'holdfast.session' && generation(value) < generation(this.getItem(key))) {
        window.wentBack += 1;
      }
      setItem.call(this, key, value);
    };
  });
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/account');
  await seesAccount(tab, account);
  const { generation } = await theStoredSession(page);

  const late = await holdAnswers(page, '**/api/v1/refresh');
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect.poll(late.waiting).toBe(1);

  // The second tab repeats that refresh, which is enough for the call of the first one.
  await checkAgain(tab);
  expect((await theStoredSession(tab)).generation).toBe(generation + 1);
  await expect(page.getByRole('button', { name: 'Check my sign-in' })).toBeEnabled();
  await spoilAccessToken(tab);
  await checkAgain(tab);
  const latest = await theStoredSession(tab);
  expect(latest.generation).toBe(generation + 2);

  const answered = page.waitForResponse('**/api/v1/refresh');
  late.open();
  await answered;

  await checkAgain(page);
  await checkAgain(tab);
  expect(await theStoredSession(page)).toEqual(latest);
  expect(await page.evaluate(() => window.wentBack)).toBe(0);
});

test('bar 19: an older record that another tab writes back is corrected', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const old = await theStoredSession(page);
  await spoilAccessToken(page);
  await checkAgain(page);
  const latest = await theStoredSession(page);
  expect(latest.generation).toBe(old.generation + 1);

  await page.evaluate((text) => localStorage.setItem('holdfast.session', text), JSON.stringify(old));
  await checkAgain(page);
  await expect.poll(() => theStoredSession(page)).toEqual(latest);
});

test('bar 20: tokens are in storage before they are used, renewal after renewal', async ({
  page,
  account,
}) => {
  await noteEveryUse(page);
  await signIn(page, account);
  for (let times = 0; times < 5; times += 1) {
    await spoilAccessToken(page);
    await checkAgain(page);
  }

  const uses = await page.evaluate(() => window.uses);
  const accessTokens = uses.filter(({ accessToken }) => accessToken);
  expect(new Set(accessTokens.map(({ accessToken }) => accessToken)).size).toBe(11);
  for (const { accessToken, stored } of accessTokens) {
    expect(stored.access_token).toBe(accessToken);
  }
});

test('bar 20: an attempt key is in storage before the refresh is sent', async ({
  page,
  account,
}) => {
  await noteEveryUse(page);
  await signIn(page, account);
  for (let times = 0; times < 5; times += 1) {
    await spoilAccessToken(page);
    await checkAgain(page);
  }

  const refreshes = (await page.evaluate(() => window.uses)).filter(({ attemptKey }) => attemptKey);
  expect(refreshes).toHaveLength(5);
  for (const { attemptKey, kept, stored } of refreshes) {
    const link = [stored.session_id, stored.generation];
    expect(kept.filter(([, key]) => key === attemptKey)).toEqual([[link, attemptKey]]);
  }
});

/** A call as it was sent, and the content of storage at that moment. */
interface Use {
  accessToken?: string;
  attemptKey?: string;
  stored: StoredSession;
  /** Links with their attempt keys. */
  kept: [[session_id: string, generation: number], key: string][];
}

declare global {
  interface Window {
    uses: Use[];
    wentBack: number;
  }
}

async function noteEveryUse(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const request = <Result>(asked: IDBRequest<Result>) =>
      new Promise<Result>((resolve, reject) => {
        asked.onsuccess = () => resolve(asked.result);
        asked.onerror = () => reject(asked.error);
      });
    const attempts = async (): Promise<Use['kept']> => {
      const database = await request(indexedDB.open('holdfast-2'));
      const store = database.transaction('attempt_keys').objectStore('attempt_keys');
      const links = request(store.getAllKeys());
      const keys = await request<string[]>(store.getAll());
      const kept = (await links).map((link, at) => [link, keys[at]]);
      database.close();
      return kept as Use['kept'];
    };

    const send = window.fetch.bind(window);
    window.uses = [];
    window.fetch = async (input, init) => {
      const { headers } = new Request(input instanceof Request ? input.clone() : input, init);
      const accessToken = headers.get('authorization')?.replace('Bearer ', '');
      const attemptKey = headers.get('idempotency-key') ?? undefined;
      if (accessToken || attemptKey) {
        const stored = JSON.parse(localStorage.getItem('holdfast.session') ?? '{}');
        // The browser itself reads storage here, before the request is sent.
        const kept = attemptKey ? await attempts() : [];
        window.uses.push({ accessToken, attemptKey, stored, kept });
      }
      return send(input, init);
    };
  });
}
