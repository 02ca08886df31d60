// When the code of a page loads: for a visitor after the first paint, for a signed-in person at once.

import type { Page } from '@playwright/test';
import { becomesAlive, expect, openUnhydrated, seesAccount, signIn, test } from '../../holdfast';

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
