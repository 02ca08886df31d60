// When the code of a page loads: for a visitor after the first paint, for a signed-in person at once. The
// home page of a new browser waits until a person reaches for something.

import type { Page } from '@playwright/test';
import {
  becomesAlive,
  expect,
  heading,
  openUnhydrated,
  seesAccount,
  signIn,
  test,
} from '../../holdfast';

const isAlive = (page: Page) => page.locator('html[data-hydrated="true"]');

/** Notes in which order the page asks for its code and gets its style, which waits for `open`. */
async function holdStyle(page: Page) {
  const order: string[] = [];
  page.on('request', (request) => {
    if (/\.(wasm|js)$/.test(new URL(request.url()).pathname)) order.push('code');
  });
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  let waiting = 0;
  await page.route('**/pkg/*.css', async (route) => {
    waiting += 1;
    await opened;
    order.push('style');
    await route.continue();
  });
  return { order, open, waiting: () => waiting };
}

/** Lets no page begin because it has waited for the first paint for too long. */
async function neverTooLong(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const later = window.setTimeout.bind(window);
    window.setTimeout = ((call: () => void, ms?: number) =>
      ms === 1500 ? 0 : later(call, ms)) as typeof window.setTimeout;
  });
}

/** Draws no frame. */
async function neverDrawn(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.requestAnimationFrame = () => 0;
  });
}

test('the code of a visitor’s page loads after its style has come', async ({ page }) => {
  await neverTooLong(page);
  const style = await holdStyle(page);
  await openUnhydrated(page, '/sign-in');
  await expect.poll(style.waiting).toBe(1);
  expect(style.order).toEqual([]);
  style.open();
  await becomesAlive(page);
  expect(style.order.slice(0, 2)).toEqual(['style', 'code']);
});

test('the code of a signed-in person’s page does not wait for the style', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await neverTooLong(page);
  const style = await holdStyle(page);
  await openUnhydrated(page, '/account');
  await expect.poll(() => style.order).toContain('code');
  expect(style.order).not.toContain('style');
  style.open();
  await becomesAlive(page);
  await seesAccount(page, account);
});

test('a page that is not drawn for too long starts', async ({ page }) => {
  await neverDrawn(page);
  await page.goto('/sign-in');
  await expect(page.getByLabel('Username')).toBeEditable();
});

test('a page in the background starts', async ({ page }) => {
  await neverDrawn(page);
  await neverTooLong(page);
  await page.addInitScript(() => {
    Object.defineProperty(document, 'hidden', { get: () => true });
  });
  await page.goto('/sign-in');
  await expect(page.getByLabel('Username')).toBeEditable();
});

test.describe('the home page of a browser that has stored nothing', () => {
  /** Opens it, and waits longer than any other page waits with its code. */
  async function openHome(page: Page): Promise<string[]> {
    const code: string[] = [];
    page.on('request', (request) => {
      if (/\.(wasm|js)$/.test(new URL(request.url()).pathname)) code.push(request.url());
    });
    await page.clock.install();
    await openUnhydrated(page, '/');
    await page.waitForLoadState('networkidle');
    await page.clock.runFor('01:00');
    expect(code).toEqual([]);
    return code;
  }

  test('loads no code until the pointer is on a link, and its links work before', async ({ page }) => {
    const code = await openHome(page);
    await page.getByRole('heading', { level: 1 }).hover();
    expect(code).toEqual([]);
    await page.getByRole('main').getByRole('link', { name: 'Sign in' }).hover();
    await expect(isAlive(page)).toBeAttached();
    expect(code.length).toBeGreaterThan(0);

    await page.route(/\.wasm$/, (route) => route.abort());
    await openUnhydrated(page, '/');
    await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
    await expect(heading(page, 'Sign in')).toBeVisible();
  });

  test('starts when a person comes to a link by keyboard, and not for a finger that follows one', async ({
    page,
    anotherBrowser,
  }) => {
    await openHome(page);
    await page.keyboard.press('Tab');
    await expect(isAlive(page)).toBeAttached();

    const phone = await (await anotherBrowser()).newPage();
    const code = await openHome(phone);
    const link = phone.getByRole('main').getByRole('link', { name: 'Sign in' });
    await link.dispatchEvent('pointerdown', { pointerType: 'touch' });
    await phone.clock.runFor('00:10');
    expect(code).toEqual([]);
    await link.click();
    await expect(heading(phone, 'Sign in')).toBeVisible();
  });

  test('learns of a sign-in in another tab', async ({ page, context, account }) => {
    await openHome(page);
    await signIn(await context.newPage(), account);
    await expect(page.getByRole('link', { name: 'Your account' })).toBeVisible();
  });

  test('starts when it comes back and only the database of the browser has something', async ({ page }) => {
    await openHome(page);
    await page.evaluate(
      () => new Promise((resolve) => (indexedDB.open('holdfast-2', 1).onsuccess = resolve)),
    );
    await expect(isAlive(page)).toHaveCount(0);
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await expect(isAlive(page)).toBeAttached();
    await openUnhydrated(page, '/');
    await expect(isAlive(page)).toBeAttached();
  });

  test('goes on without its code if that does not arrive, until it has something to show', async ({
    page,
    context,
    account,
  }) => {
    await openHome(page);
    let pages = 0;
    page.on('request', (request) => (pages += Number(request.isNavigationRequest())));
    await page.route(/\.wasm$/, (route) => route.abort());
    const missed = page.waitForEvent('console', (it) => it.text().includes('could not be started'));
    await page.getByRole('main').getByRole('link', { name: 'Sign in' }).hover();
    await missed;
    await page.clock.runFor('00:20');
    await expect(page.getByRole('alert')).toHaveCount(0);
    expect(pages).toBe(0);

    await page.unroute(/\.wasm$/);
    await signIn(await context.newPage(), account);
    // The page shows the link a moment before it loads again.
    await expect(isAlive(page)).toBeAttached();
    await expect(page.getByRole('link', { name: 'Your account' })).toBeVisible();
    expect(pages).toBe(1);
  });
});
