// What the browser stores of a session, and functions that change it.
//
// The database `holdfast-2` is authoritative; local storage has a copy of it.

import type { Page } from '@playwright/test';

/** The client's record. */
export interface StoredSession {
  version: number;
  epoch: number;
  account_id: string;
  session_id: string;
  generation: number;
  access_token: string;
  refresh_token: string;
  obtained_at: number;
  expires_in: number;
  refresh_expires_in: number;
  refresh_idle_expires_in: number;
  remember: boolean;
}

/** The record of this browser in its copy, if there is one. */
export async function storedSession(page: Page): Promise<StoredSession | null> {
  return asRecord(await page.evaluate(() => localStorage.getItem('holdfast.session')));
}

/** The record of this browser in its database, if there is one. */
export async function sessionInDatabase(page: Page): Promise<StoredSession | null> {
  return asRecord((await inDatabase(page)).current ?? null);
}

/** Reads a record. The note that a sign-out leaves is not a record. */
function asRecord(text: string | null): StoredSession | null {
  const stored = JSON.parse(text ?? '{}') as Partial<StoredSession>;
  return stored.session_id === undefined ? null : (stored as StoredSession);
}

/** The entries of the database, without attempt keys. */
export async function inDatabase(page: Page): Promise<Record<string, string>> {
  return page.evaluate(async () => {
    const database = await new Promise<IDBDatabase | null>((resolve, reject) => {
      const asked = indexedDB.open('holdfast-2', 1);
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => resolve(null);
      // Only the client makes the database.
      asked.onupgradeneeded = () => asked.transaction?.abort();
      asked.onblocked = reject;
    });
    if (database === null) return {};
    const entries: Record<string, string> = {};
    const transaction = database.transaction('state');
    const cursor = transaction.objectStore('state').openCursor();
    cursor.onsuccess = () => {
      if (cursor.result === null) return;
      entries[String(cursor.result.key)] = cursor.result.value;
      cursor.result.continue();
    };
    await new Promise((resolve) => (transaction.oncomplete = resolve));
    database.close();
    return entries;
  });
}

/** The record of this browser, which must be there. */
export async function theStoredSession(page: Page): Promise<StoredSession> {
  const stored = await storedSession(page);
  if (stored === null) {
    throw new Error('This browser stores no session.');
  }
  return stored;
}

/** Changes the record without telling the client. The client reads it before its next call. */
export async function tamper(page: Page, change: Partial<StoredSession>): Promise<void> {
  await page.evaluate(async (change) => {
    const changed = (text: string) => JSON.stringify({ ...JSON.parse(text), ...change });
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const asked = indexedDB.open('holdfast-2', 1);
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    }).catch(() => null);
    if (database !== null) {
      const transaction = database.transaction('state', 'readwrite');
      const store = transaction.objectStore('state');
      const current = store.get('current');
      current.onsuccess = () => store.put(changed(current.result), 'current');
      await new Promise((resolve) => (transaction.oncomplete = resolve));
      database.close();
    }
    const copy = localStorage.getItem('holdfast.session');
    if (copy !== null) localStorage.setItem('holdfast.session', changed(copy));
  }, change);
}

/** Changes the record and reloads the page, so that the client reads it at once. */
export async function tamperAndReload(page: Page, change: Partial<StoredSession>): Promise<void> {
  await tamper(page, change);
  await page.reload();
}

/** Changes the access token of this browser, so that the server refuses the next call. */
export async function spoilAccessToken(page: Page): Promise<void> {
  const { access_token } = await theStoredSession(page);
  await tamper(page, { access_token: forged(access_token) });
}

/** The notes of tabs that change a password. */
export async function notesOfChanges(page: Page): Promise<Record<string, { until_ms: number }>> {
  return page.evaluate(() => {
    const isNote = ([key]: [string, string]) => key.startsWith('holdfast.replaced');
    const notes = Object.entries<string>({ ...localStorage }).filter(isNote);
    return Object.fromEntries(notes.map(([key, text]) => [key, JSON.parse(text)]));
  });
}

/**
 * Keeps a transaction open, so that no other code can use the client's database. The test ends it
 * by calling the returned function. The client must not run in this page.
 */
export async function occupyDatabase(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(async () => {
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const asked = indexedDB.open('holdfast-2', 1);
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
    const store = database.transaction('state', 'readwrite').objectStore('state');
    await new Promise<void>((begun) => {
      const goOn = () => {
        begun();
        if ('isFree' in window) return database.close();
        // A transaction ends once it has nothing to do.
        store.get('nothing').onsuccess = goOn;
      };
      store.get('nothing').onsuccess = goOn;
    });
  });
  return () => page.evaluate(() => void Object.assign(window, { isFree: true }));
}

/** The database fails in this page, until the test calls the returned function. */
export async function breakDatabase(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(() => {
    const broken = () => {
      throw new DOMException('The connection is closing.', 'InvalidStateError');
    };
    const { transaction } = IDBDatabase.prototype;
    const { open } = IDBFactory.prototype;
    IDBDatabase.prototype.transaction = broken;
    IDBFactory.prototype.open = broken;
    const mendDatabase = () => {
      IDBDatabase.prototype.transaction = transaction;
      IDBFactory.prototype.open = open;
    };
    Object.assign(window, { mendDatabase });
  });
  return () => page.evaluate('mendDatabase()');
}

/** The page has no database, like in some browsers' private windows. */
export const denyIndexedDb = (page: Page): Promise<void> => denyStorage(page, 'indexedDB');

/** The browser denies the page this storage. */
export async function denyStorage(page: Page, name: 'indexedDB' | 'localStorage'): Promise<void> {
  await page.addInitScript((denied) => {
    Object.defineProperty(window, denied, {
      get: () => {
        throw new DOMException('The operation is insecure.', 'SecurityError');
      },
    });
  }, name);
}

/** The browser has a database, but it never opens in this page. */
export async function failDatabase(page: Page): Promise<void> {
  await page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('Internal error.', 'UnknownError');
    };
  });
}

/** Fills local storage with other data, to the last character that fits, except for `room`. */
export async function fillStorage(page: Page, room = 0): Promise<void> {
  await page.evaluate((room) => {
    let text = '';
    for (let size = 2 ** 22; size >= 1; size /= 2) {
      try {
        localStorage.setItem('somebody-else', text + 'x'.repeat(size));
        text += 'x'.repeat(size);
      } catch {
        // A smaller piece may still fit.
      }
    }
    if (room > 0) localStorage.setItem('somebody-else', text.slice(room));
  }, room);
}

/**
 * The browser closes the database of this tab, and opens it when the test calls the returned
 * function. All other tabs can use it.
 */
export async function closeDatabase(tab: Page): Promise<() => Promise<void>> {
  await tab.evaluate(() => {
    const open = IDBFactory.prototype.open;
    const transaction = IDBDatabase.prototype.transaction;
    const waiting: (() => void)[] = [];
    IDBDatabase.prototype.transaction = () => {
      throw new DOMException('The connection is closed.', 'InvalidStateError');
    };
    IDBFactory.prototype.open = function (...asked) {
      const request = {} as IDBOpenDBRequest;
      waiting.push(() => {
        const real = open.apply(this, asked);
        real.onsuccess = (event) => {
          Object.assign(request, { result: real.result });
          request.onsuccess?.(event);
        };
      });
      return request;
    };
    const free = () => {
      IDBFactory.prototype.open = open;
      IDBDatabase.prototype.transaction = transaction;
      waiting.forEach((goOn) => goOn());
    };
    Object.assign(window, { free });
  });
  return () => tab.evaluate('free()');
}

/** Everything that the browser stores, without attempt keys, as text to search in. */
export async function everythingStored(page: Page): Promise<string> {
  const elsewhere = await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }]);
  return JSON.stringify([await inDatabase(page), ...elsewhere]);
}

/** The same token with one character changed, so that its signature is wrong. */
export function forged(token: string): string {
  const at = token.length - 10;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}
