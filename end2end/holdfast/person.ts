// What a person does, in a person's words.

import { expect, type Locator, type Page } from '@playwright/test';
import type { Account, Api } from './api';

/** The heading that says where one is. */
export const heading = (page: Page, name: string): Locator =>
  page.getByRole('heading', { level: 1, name, exact: true });

/** Fills in a form for signing in or up. */
export async function fillIn(page: Page, account: Account): Promise<void> {
  await page.getByLabel('Username').fill(account.username);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
}

/** Signs up by the page, and arrives at the account. */
export async function signUp(page: Page, account: Account): Promise<void> {
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  await seesAccount(page, account);
}

/** Signs in by the page, and arrives at the account. */
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

/** The button of the form, not the link in the head of the page. */
export const signInButton = (page: Page): Locator =>
  page.getByRole('button', { name: 'Sign in', exact: true });

/** Signs out by the button of the page, and arrives at the sign-in. */
export async function signOut(page: Page): Promise<void> {
  await signOutButton(page).click();
  await expect(heading(page, 'Sign in')).toBeVisible();
}

/** The button in the head of every page. */
export const signOutButton = (page: Page): Locator =>
  page.getByRole('banner').getByRole('button', { name: 'Sign out', exact: true });

/** Says yes when the sessions page asks. */
export async function confirmSignOut(page: Page): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(dialog).toBeHidden();
}

/** Looks at the account page and finds oneself there. */
export async function seesAccount(page: Page, account: Account): Promise<void> {
  await expect(heading(page, 'Your account')).toBeVisible();
  await expect(page.getByText(`Signed in as ${account.username}`)).toBeVisible();
}

/** More tabs of the same browser, until there are so many: all at the account page. */
export async function openTabs(page: Page, account: Account, count: number): Promise<Page[]> {
  const tabs = [page];
  while (tabs.length < count) {
    // A few at a time: each one compiles the whole client.
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

/** Asks the server again, and is answered. */
export async function checkAgain(page: Page): Promise<void> {
  const answered = page.waitForResponse(
    (response) => new URL(response.url()).pathname === '/api/v1/account' && response.ok(),
  );
  await page.getByRole('button', { name: 'Check again' }).click();
  await answered;
  await expect(page.getByRole('button', { name: 'Check again' })).toBeEnabled();
  await expect(page.getByRole('alert')).toHaveCount(0);
}

/** Finds oneself signed out, without a trace of tokens. */
export async function isSignedOut(page: Page): Promise<void> {
  await expect(heading(page, 'Sign in')).toBeVisible();
  await expect(signOutButton(page)).toBeHidden();
}

/** No news from other tabs reaches this one: it sleeps, and wakes when the person touches it. */
export async function hearsNothing(tab: Page): Promise<void> {
  await tab.addInitScript(() => {
    addEventListener('storage', (event) => event.stopImmediatePropagation(), true);
    Reflect.deleteProperty(globalThis, 'BroadcastChannel');
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
