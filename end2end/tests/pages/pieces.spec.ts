// The code of most pages, and of the session, is in pieces. A browser loads a piece when it needs it.

import type { Page } from '@playwright/test';
import {
  becomesAlive,
  expect,
  fillIn,
  heading,
  holdRequests,
  openUnhydrated,
  seesAccount,
  signIn,
  signInButton,
  signOut,
  test,
} from '../../holdfast';

const ACCOUNT = /\/pkg\/holdfast-account\./;
const ENGINE = /\/pkg\/holdfast-engine\./;
const ENTRANCE = /\/pkg\/holdfast-entrance\./;
const SIGN_IN = /\/pkg\/holdfast-sign_in\./;

/** The files of pieces that the page requests from now on. */
function pieces(page: Page): string[] {
  const requested: string[] = [];
  page.on('request', (request) => {
    if (/\/pkg\/.*\.wasm$/.test(request.url())) requested.push(request.url());
  });
  return requested;
}

const status = (page: Page) => page.locator('.status-bar');
const missing = (page: Page) => heading(page, 'This page did not arrive');
const lost = [/Failed to fetch|HTTP status code is not ok/];

test.afterEach(async ({ page }) => page.unrouteAll({ behavior: 'ignoreErrors' }));

test.describe('a page that does not arrive', () => {
  test.use({ mayComplain: lost });

  test('says so, and can be tried again', async ({ page }) => {
    await page.goto('/sign-in');
    await page.route(ENTRANCE, (route) => route.abort());
    await page.getByRole('link', { name: 'Create account' }).first().click();
    await expect(missing(page)).toBeFocused();
    await expect(page).toHaveTitle('This page did not arrive · Holdfast');
    await expect(page).toHaveURL('/sign-up');
    await expect(page.getByText('Check your connection, and try again.')).toBeVisible();

    const again = page.getByRole('button', { name: 'Try again' });
    await again.click();
    await expect(page.getByText('The page has still not arrived.')).toBeVisible();
    await expect(again).toBeFocused();

    await page.unroute(ENTRANCE);
    await again.click();
    await expect(heading(page, 'Create your account')).toBeFocused();
    await expect(page).toHaveTitle('Create account · Holdfast');
    await expect(missing(page)).toBeHidden();
  });

  test('can be left', async ({ page }) => {
    await page.goto('/sign-in');
    await page.route(ENTRANCE, (route) => route.abort());
    await page.getByRole('link', { name: 'Create account' }).first().click();
    await expect(missing(page)).toBeVisible();
    // The answer to this comes when another page is shown.
    const gate = await holdRequests(page, '**/pkg/holdfast-entrance.*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(gate.waiting).toBe(1);
    await page.goBack();
    await expect(heading(page, 'Sign in')).toBeVisible();
    gate.open();
    await page.getByRole('link', { name: 'Create account' }).first().click();
    await expect(heading(page, 'Create your account')).toBeVisible();
  });

  test('says so at the first load, too', async ({ page }) => {
    await page.route(SIGN_IN, (route) => route.abort());
    await openUnhydrated(page, '/sign-in');
    await expect(page.getByRole('alert')).toContainText('A part of this page did not arrive');
  });

  test('says so after a sign-in, too, and shows the account when it has arrived', async ({
    page,
    account,
  }) => {
    await page.goto('/sign-in');
    await page.route(ACCOUNT, (route) => route.abort());
    await fillIn(page, account);
    await signInButton(page).click();
    await expect(missing(page)).toBeVisible();
    await expect(page).toHaveURL('/account');
    await expect(page.getByText('Check your connection, and try again.')).toBeVisible();
    await page.unroute(ACCOUNT);
    await page.getByRole('button', { name: 'Try again' }).click();
    await seesAccount(page, account);
  });

  test('says so at the first load of a page of an account, which has nothing but its heading then', async ({
    page,
    account,
  }) => {
    await signIn(page, account);
    await page.route(ACCOUNT, (route) => route.abort());
    await openUnhydrated(page, '/account');
    const alert = page.getByRole('alert');
    await expect(alert).toContainText('A part of this page did not arrive');
    await expect(heading(page, 'Your account')).toBeVisible();
    await expect(page.getByText('Loading…')).toBeHidden();
    await page.unroute(ACCOUNT);
    await alert.getByRole('link', { name: 'Load the page again' }).click();
    await becomesAlive(page);
    await seesAccount(page, account);
  });

  test('does not take the account from the home page', async ({ page, account }) => {
    await signIn(page, account);
    await page.route(ACCOUNT, (route) => route.abort());
    await page.goto('/');
    const notice = page.getByRole('alert');
    await expect(notice).toContainText('A part of this page did not arrive.');
    await page.unroute(ACCOUNT);
    await notice.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('main').getByText(account.username)).toBeVisible();
    await expect(notice).toBeHidden();
  });

  test('a sign-in whose code does not arrive loses nothing', async ({ page, account }) => {
    await page.goto('/sign-in');
    await page.route(ENGINE, (route) => route.abort());
    await fillIn(page, account);
    await signInButton(page).click();
    await expect(page.getByRole('alert')).toContainText('did not arrive, so nothing was sent');
    await expect(page.getByLabel('Password', { exact: true })).toHaveValue(account.password);
    await page.unroute(ENGINE);
    await signInButton(page).click();
    await seesAccount(page, account);
  });

  test('a signed-in page whose session does not arrive says so', async ({ page, account }) => {
    await signIn(page, account);
    await page.route(ENGINE, (route) => route.abort());
    await openUnhydrated(page, '/');
    await expect(page.getByRole('alert')).toContainText('A part of this page did not arrive');
    await page.unroute(ENGINE);
    await page.getByRole('link', { name: 'Load the page again' }).click();
    await becomesAlive(page);
    await expect(page.getByRole('link', { name: 'Your account' })).toBeVisible();
  });
});

test.describe('after a deploy that took the old files away', () => {
  test.use({ mayComplain: lost });

  test('an open page says so when a person signs in, and is right after a reload', async ({
    page,
    account,
  }) => {
    await page.goto('/sign-in');
    await page.route('**/pkg/**', (route) => route.fulfill({ status: 404 }));
    await fillIn(page, account);
    await signInButton(page).click();
    await expect(page.getByRole('alert')).toContainText('load this page again');
    await page.unroute('**/pkg/**');
    await signIn(page, account);
  });

  test('an open page does not say that nobody is signed in when somebody is', async ({
    page,
    context,
    account,
  }) => {
    await page.goto('/');
    await page.route('**/pkg/**', (route) => route.fulfill({ status: 404 }));
    const tab = await context.newPage();
    await signIn(tab, account);
    const again = page.getByRole('button', { name: 'Reload this page' });
    await expect(again).toBeVisible();
    await expect(page.getByRole('link', { name: 'Create account' }).first()).toBeHidden();
    await page.unroute('**/pkg/**');
    await again.click();
    // The page before is alive, too.
    await expect(again).toHaveCount(0);
    await becomesAlive(page);
    await expect(page.getByRole('link', { name: 'Your account' })).toBeVisible();
  });

  test('the network comes back, and the open page learns who is signed in', async ({
    page,
    context,
    account,
  }) => {
    await page.goto('/');
    await page.route(ENGINE, (route) => route.abort());
    const tab = await context.newPage();
    await signIn(tab, account);
    await expect(page.getByRole('button', { name: 'Reload this page' })).toBeVisible();
    await page.unroute(ENGINE);
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await expect(page.getByRole('link', { name: 'Your account' })).toBeVisible();
    await expect(page.getByRole('button', { name: 'Reload this page' })).toBeHidden();
  });
});

test('a sign-in in another tab is not missed while a page starts', async ({
  page,
  context,
  account,
}) => {
  const gate = await holdRequests(page, '**/pkg/holdfast-sign_in.*');
  const module = page.waitForResponse(/\/pkg\/holdfast\.\w+\.wasm$/);
  await openUnhydrated(page, '/sign-in');
  await module;
  await expect.poll(gate.waiting).toBeGreaterThan(0);
  const tab = await context.newPage();
  await signIn(tab, account);
  gate.open();
  // A signed-in person is led on from the sign-in page.
  await seesAccount(page, account);
});

test('a sign-out without a network leads to the sign-in page', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/sessions');
  const arrived = page.waitForEvent('requestfinished', (request) =>
    /holdfast-sign_in\./.test(request.url()),
  );
  await page.goto('/account');
  await arrived;
  await context.setOffline(true);
  await signOut(page);
  await expect(missing(page)).toBeHidden();
  await expect(status(page)).toContainText('The server does not know it yet.');
  await context.setOffline(false);
  await expect(status(page)).toBeEmpty();
});

test('the browser requests the pieces of a page before the module has arrived', async ({
  page,
  account,
}) => {
  const requested = pieces(page);
  const gate = await holdRequests(page, '**/pkg/holdfast.*.wasm');
  await openUnhydrated(page, '/sign-in');
  await expect.poll(gate.waiting).toBeGreaterThan(0);
  await expect.poll(() => requested.some((file) => SIGN_IN.test(file))).toBe(true);
  expect(requested.filter((file) => ENGINE.test(file))).toEqual([]);
  gate.open();
  await becomesAlive(page);
  await signIn(page, account);

  // A signed-in person needs the session, too.
  requested.length = 0;
  const again = await holdRequests(page, '**/pkg/holdfast.*.wasm');
  await openUnhydrated(page, '/account');
  await expect.poll(again.waiting).toBeGreaterThan(0);
  for (const piece of [ACCOUNT, ENGINE]) {
    await expect.poll(() => requested.some((file) => piece.test(file))).toBe(true);
  }
  again.open();
  await seesAccount(page, account);
});

test('a signed-in page loads each file once', async ({ page, account }) => {
  await signIn(page, account);
  await page.evaluate(() => performance.clearResourceTimings());
  await page.goto('/account');
  await seesAccount(page, account);
  const files = await page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter((entry) => entry.name.includes('/pkg/'))
      .map((entry) => new URL(entry.name).pathname)
      .sort(),
  );
  expect(files.length).toBeGreaterThan(5);
  expect(files).toEqual([...new Set(files)]);
});

test('while a page is on its way, the page before stays and says so', async ({ page }) => {
  await page.goto('/sign-in');
  const gate = await holdRequests(page, '**/pkg/holdfast-entrance.*');
  await page.getByRole('link', { name: 'Create account' }).first().click();
  await expect(status(page)).toHaveText('Loading the page…');
  await expect(heading(page, 'Sign in')).toBeVisible();
  gate.open();
  await expect(heading(page, 'Create your account')).toBeFocused();
  await expect(status(page)).toBeEmpty();
});

test('a visitor gets no code for a session, until a person signs in', async ({ page, account }) => {
  const requested = pieces(page);
  await page.goto('/');
  await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).click();
  await expect(heading(page, 'Sign in')).toBeVisible();
  expect(requested.filter((file) => ENGINE.test(file) || ACCOUNT.test(file))).toEqual([]);
  await fillIn(page, account);
  await signInButton(page).click();
  await seesAccount(page, account);
  expect(requested.filter((file) => ENGINE.test(file))).toHaveLength(1);
});

test('a visitor’s open page learns of a sign-in in another tab', async ({ page, account }) => {
  const requested = pieces(page);
  await page.goto('/');
  await expect(page.getByRole('banner').getByRole('link', { name: 'Sign in' })).toBeVisible();
  const tab = await page.context().newPage();
  await signIn(tab, account);
  await expect(page.getByRole('link', { name: 'Your account' })).toBeVisible();
  // The link may be there a moment before the code is asked for.
  await expect.poll(() => requested.filter((file) => ENGINE.test(file))).toHaveLength(1);
  // And of the sign-out.
  await signOut(tab);
  await expect(page.getByRole('link', { name: 'Create account' }).first()).toBeVisible();
});

test('a browser that has stored something gets the code for a session at once', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await signOut(page);
  const requested = pieces(page);
  await page.goto('/');
  expect(requested.filter((file) => ENGINE.test(file))).toHaveLength(1);
});
