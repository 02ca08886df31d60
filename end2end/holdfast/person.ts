// What a person does on the pages.

import { expect, type Locator, type Page } from '@playwright/test';
import type { Account, Api } from './api';

/** The heading of the page. */
export const heading = (page: Page, name: string): Locator =>
  page.getByRole('heading', { level: 1, name, exact: true });

/** What a Firefox on Linux says of itself. */
export const FIREFOX_ON_LINUX =
  'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';

/** What a Chrome on an Android phone says of itself. */
export const CHROME_ON_ANDROID =
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 ' +
  'Mobile Safari/537.36';

/** The sessions that the page `/sessions` lists. */
export const sessionRows = (page: Page): Locator =>
  page.getByRole('listitem').filter({ has: signOutOf(page) });

/** The button of a row that signs its session out. */
export const signOutOf = (row: Locator | Page): Locator =>
  row.getByRole('button', { name: /^Sign out: / });

/** The button of a row that asks for a name. */
export const renameOf = (row: Locator | Page): Locator =>
  row.getByRole('button', { name: /^Rename: / });

/** The name of a browser in a label or a question. The two signs do not let it change the direction of the
 * words around it. */
export const isolated = (name: string): string => `\u2068${name}\u2069`;

/** The field with this name. Its name is the same in every language, and its label is not. */
export const fieldNamed = (page: Page, name: string): Locator => page.locator(`#${name}`);

/** Fills in a form for signing in or up. */
export async function fillIn(page: Page, account: Account): Promise<void> {
  await page.getByLabel('Username').fill(account.username);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
}

/** Signs up on the page, keeps the recovery code, and arrives at the account page. */
export async function signUp(page: Page, account: Account): Promise<void> {
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  await keepCode(page);
  await seesAccount(page, account);
}

/** Reads the recovery code that the page shows. */
export async function shownCode(page: Page): Promise<string> {
  const groups = page.getByRole('list', { name: 'Recovery code' }).getByRole('listitem');
  await expect(groups).toHaveCount(7);
  return (await groups.allInnerTexts()).join('-');
}

/** Keeps the recovery code that a page shows after a sign-up, and goes on. Returns the code. */
export async function keepCode(page: Page): Promise<string> {
  await expect(heading(page, 'Your recovery code')).toBeVisible();
  const code = await shownCode(page);
  await page.getByLabel('I have kept it').check();
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByLabel('I have kept it')).toHaveCount(0);
  return code;
}

/** Signs in on the page, and arrives at the account page. */
export async function signIn(
  page: Page,
  account: Account,
  { remember = true }: { remember?: boolean } = {},
): Promise<void> {
  await page.goto('/sign-in');
  await fillIn(page, account);
  await page.getByLabel('Keep me signed in on this browser').setChecked(remember);
  await signInButton(page).click();
  await seesAccount(page, account);
}

/** Signs in on the German page, and arrives at the account page. */
export async function signInInGerman(page: Page, account: Account): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('Benutzername').fill(account.username);
  await page.getByLabel('Passwort', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Anmelden', exact: true }).click();
  await expect(page.getByText(`Angemeldet als ${account.username}`)).toBeVisible();
}

/** The button of the form, not the link at the top of the page. */
export const signInButton = (page: Page): Locator =>
  page.getByRole('button', { name: 'Sign in', exact: true });

/** Signs out with the button of the page, and arrives at the sign-in page. */
export async function signOut(page: Page): Promise<void> {
  await signOutButton(page).click();
  await expect(heading(page, 'Sign in')).toBeVisible();
}

/** The button at the top of every page. */
export const signOutButton = (page: Page): Locator =>
  page.getByRole('banner').getByRole('button', { name: 'Sign out', exact: true });

/** Confirms with the password when the sessions page asks, and waits until it is done. */
export async function confirmSignOut(page: Page, account: Account): Promise<void> {
  await sendSignOut(page, account);
  await expect(page.getByRole('dialog')).toBeHidden();
}

/** Confirms with the password when the sessions page asks. The answer may be late. */
export async function sendSignOut(page: Page, account: Account): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Password', { exact: true }).fill(account.password);
  await dialog.getByRole('button', { name: 'Sign out', exact: true }).click();
}

/** Checks that the account page shows this account. */
export async function seesAccount(page: Page, account: Account): Promise<void> {
  await expect(heading(page, 'Your account')).toBeVisible();
  await expect(page.getByText(`Signed in as ${account.username}`)).toBeVisible();
}

/** Opens tabs of the same browser until there are `count`, all at the account page. */
export async function openTabs(page: Page, account: Account, count: number): Promise<Page[]> {
  const tabs = [page];
  while (tabs.length < count) {
    // If there are many tabs, a new one takes longer, because the tabs share the processor. The
    // test opens two at a time, because each tab compiles the whole client.
    const more = Array.from({ length: Math.min(2, count - tabs.length) }, async () => {
      const tab = await page.context().newPage();
      await tab.goto('/account');
      await seesAccount(tab, account);
      return tab;
    });
    tabs.push(...(await Promise.all(more)));
  }
  return tabs;
}

/** Presses «Check my sign-in», and waits for the answer. */
export async function checkAgain(page: Page): Promise<void> {
  // Twenty tabs may wait for one renewal.
  const answered = page.waitForResponse(
    (response) => new URL(response.url()).pathname === '/api/v1/account' && response.ok(),
    { timeout: 60_000 },
  );
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await answered;
  await expect(page.getByRole('button', { name: 'Check my sign-in' })).toBeEnabled();
  await expect(page.getByRole('alert')).toHaveCount(0);
}

/** Checks that the person is signed out and that the browser stores no tokens. */
export async function isSignedOut(page: Page): Promise<void> {
  await expect(heading(page, 'Sign in')).toBeVisible();
  await expect(signOutButton(page)).toBeHidden();
}

/** Makes this tab sleep: it gets no messages from other tabs until the person uses it. */
export async function hearsNothing(tab: Page): Promise<void> {
  await tab.addInitScript(() => {
    addEventListener('storage', (event) => event.stopImmediatePropagation(), true);
    Reflect.deleteProperty(globalThis, 'BroadcastChannel');
    // The database is closed without an event, as if the browser did it.
    for (const event of ['onversionchange', 'onclose']) {
      Object.defineProperty(IDBDatabase.prototype, event, { set: () => {} });
    }
    const open = IDBFactory.prototype.open;
    IDBFactory.prototype.open = function (...asked) {
      const request = open.apply(this, asked);
      request.addEventListener('success', () => {
        const database = request.result;
        database.addEventListener('versionchange', () => database.close());
      });
      return request;
    };
  });
}

/** Waits until the server has ended the session of this access token. */
export async function isEnded(
  api: Api,
  accessToken: string,
  options: { timeout?: number } = {},
): Promise<void> {
  await expect
    .poll(async () => (await api.account(accessToken)).body.code, options)
    .toBe('session_ended');
}
