// What the browser keeps of a session, and ways to make it keep something else.

import type { Page } from '@playwright/test';

/** The client's record: one entry in local storage. */
export interface StoredSession {
  version: number;
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

/** The record of this browser, if there is one. */
export async function storedSession(page: Page): Promise<StoredSession | null> {
  const text = await page.evaluate(() => localStorage.getItem('holdfast.session'));
  return text === null ? null : (JSON.parse(text) as StoredSession);
}

/** The record of this browser, which must be there. */
export async function theStoredSession(page: Page): Promise<StoredSession> {
  const stored = await storedSession(page);
  if (stored === null) {
    throw new Error('This browser holds no session.');
  }
  return stored;
}

/** Changes the record behind the client's back. It looks before its next call. */
export async function tamper(page: Page, change: Partial<StoredSession>): Promise<void> {
  await page.evaluate((change) => {
    const stored = JSON.parse(localStorage.getItem('holdfast.session') ?? '{}');
    localStorage.setItem('holdfast.session', JSON.stringify({ ...stored, ...change }));
  }, change);
}

/** The same, and reloads the page to let it see at once. */
export async function tamperAndReload(page: Page, change: Partial<StoredSession>): Promise<void> {
  await tamper(page, change);
  await page.reload();
}

/** The server will refuse this browser's access token with the next call. */
export async function spoilAccessToken(page: Page): Promise<void> {
  const { access_token } = await theStoredSession(page);
  await tamper(page, { access_token: forged(access_token) });
}

/** Everything in local and in session storage, as text to search in. */
export async function everythingStored(page: Page): Promise<string> {
  return page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
}

/** The same token with one character changed, so that its signature is wrong. */
export function forged(token: string): string {
  const at = token.length - 10;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}
