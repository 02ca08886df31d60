// What a person sees after the server's rendering and before the client has started.

import type { Page } from '@playwright/test';
import {
  becomesAlive,
  expect,
  fillIn,
  heading,
  holdRequests,
  openUnhydrated,
  PAGES,
  seesAccount,
  signIn,
  somebody,
  test,
} from '../../holdfast';

/** Holds the module that starts the client, until the gate is opened. */
const holdBack = (page: Page) => holdRequests(page, '**/*.wasm*');

test.afterEach(async ({ page }) => page.unrouteAll({ behavior: 'ignoreErrors' }));

for (const [path, button] of [
  ['/sign-in', 'Sign in'],
  ['/sign-up', 'Create account'],
] as const) {
  test(`before the client has started, a form does not put the password into the address: ${path}`, async ({
    page,
  }) => {
    const { password } = somebody();
    const addresses: string[] = [];
    page.on('request', (request) => addresses.push(request.url()));
    page.on('framenavigated', (frame) => addresses.push(frame.url()));
    await holdBack(page);
    await openUnhydrated(page, path);

    await expect(page.getByRole('button', { name: button, exact: true })).toBeDisabled();
    await fillIn(page, { username: 'ada', password });
    await page.getByLabel('Password', { exact: true }).press('Enter');
    await expect(page.getByLabel('Username')).toHaveValue('ada');

    // If a script or an extension sends the form, the server only leads the person back.
    const sent = page.waitForRequest((request) => request.method() === 'POST');
    await page.evaluate(() => document.forms[0]?.submit());
    expect(new URL((await sent).url()).pathname).toBe(path);
    await expect(page.getByLabel('Username')).toHaveValue('');
    await expect(page).toHaveURL(path);
    expect(addresses.filter((address) => /password|northward/.test(address))).toEqual([]);
  });
}

test('text that was typed before the client has started is not lost', async ({ page, account }) => {
  const alive = await holdBack(page);
  await openUnhydrated(page, '/sign-in');
  await fillIn(page, account);

  alive.open();
  await becomesAlive(page);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(heading(page, 'Your account')).toBeVisible();
});

test('a signed-in person never sees the signed-out page for a moment', async ({ page, account }) => {
  await signIn(page, account);
  await holdBack(page);
  await openUnhydrated(page, '/');

  await expect(page.locator('html[data-session="maybe"]')).toBeAttached();
  await expect(page.getByRole('link', { name: 'Your account' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Sign in' })).toHaveCount(0);
  await expect(page.getByRole('link', { name: 'Create account' })).toHaveCount(0);
  await expect(page.locator('html[data-hydrated]')).toHaveCount(0);
});

test('a signed-out person never sees the signed-in page for a moment', async ({ page }) => {
  await holdBack(page);
  await openUnhydrated(page, '/');

  await expect(page.locator('html[data-session="none"]')).toBeAttached();
  await expect(page.getByRole('main').getByRole('link', { name: 'Sign in' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Your account' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Sign out' })).toHaveCount(0);
});

test('a protected page shows no personal data before the client has started', async ({
  page,
  request,
  account,
}) => {
  const html = await (await request.get('/account')).text();
  expect(html).toContain('Your account');
  expect(html).not.toContain('Signed in as');

  await signIn(page, account);
  await holdBack(page);
  await openUnhydrated(page, '/account');
  await expect(heading(page, 'Your account')).toBeVisible();
  await expect(page.getByText('Signed in as')).toHaveCount(0);
});

test('a signed-out person sees no page of an account, not even for a moment', async ({ page }) => {
  const alive = await holdBack(page);
  const pages = PAGES.filter(({ path, signedIn }) => signedIn && path !== '/' && path !== '/flow#7');
  expect(pages.length).toBe(7);
  for (const one of pages) {
    await openUnhydrated(page, one.path);
    const hidden = page.getByRole('heading', {
      level: 1,
      name: one.heading,
      exact: true,
      includeHidden: true,
    });
    await expect(hidden, one.path).toBeAttached();
    await expect(hidden, one.path).toBeHidden();
    await expect(page.getByRole('banner').getByRole('link', { name: 'Sign in' })).toBeVisible();
    await expect(page.getByRole('button', { name: 'Sign out' })).toHaveCount(0);
  }
  alive.open();
  await expect(heading(page, 'Sign in')).toBeVisible();
});

test('a session that only the database of the browser has is shown after the client has started', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.addInitScript(() => localStorage.removeItem('holdfast.session'));
  const alive = await holdBack(page);
  await openUnhydrated(page, '/account');
  await expect(page.locator('html[data-session="none"]')).toBeAttached();
  await expect(heading(page, 'Your account')).toHaveCount(0);
  alive.open();
  await seesAccount(page, account);
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });

  test('a page of an account has its heading', async ({ page }) => {
    await openUnhydrated(page, '/account');
    await expect(heading(page, 'Your account')).toBeVisible();
  });
});
