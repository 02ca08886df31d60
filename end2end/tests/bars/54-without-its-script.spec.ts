// Bar 54: if the script of a page does not arrive, the page says so within ten seconds, and says
// what to do. No text stays "Loading…" for ever, and no button is dead without an explanation.

import type { Page, Route } from '@playwright/test';
import {
  becomesAlive,
  expect,
  heading,
  holdRequests,
  openUnhydrated,
  seesAccount,
  signIn,
  test,
} from '../../holdfast';

const PAGES = ['/', '/sign-in', '/recover', '/account'];
const WITHIN = { timeout: 10_000 };

/** Half of an answer. */
async function cut(route: Route): Promise<void> {
  const response = await route.fetch();
  const body = await response.body();
  await route.fulfill({ response, body: body.subarray(0, body.length / 2) });
}

/** Puts each text of the page into elements of its own, as a browser does that translates it. */
function translate(): void {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    if (!text.data.trim() || text.parentElement?.closest('script,noscript')) continue;
    const translated = document.createElement('font');
    translated.textContent = text.data;
    text.replaceWith(translated);
  }
}

async function saysWhatIsWrong(page: Page, words: RegExp): Promise<void> {
  const alert = page.getByRole('alert');
  await expect(alert).toContainText(words, WITHIN);
  await expect(alert).toContainText('its buttons do nothing');
  await expect(alert.getByRole('link', { name: 'Load the page again' })).toBeVisible();
  await expect(page.getByText('Loading…')).toBeHidden();
  // The page itself says so as well, so that people with a screen reader and people without one
  // find the same text.
  await expect(alert).toBeInViewport();
}

test.afterEach(async ({ page }) => page.unrouteAll({ behavior: 'ignoreErrors' }));

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });
  for (const path of PAGES) {
    test(`bar 54: ${path} says what is missing`, async ({ page }) => {
      await openUnhydrated(page, path);
      const again = page.getByRole('link', { name: 'load the page again' });
      await expect(again).toBeVisible(WITHIN);
      await expect(again).toBeInViewport();
      // Playwright's text does not look into this element.
      const words = await page.locator('noscript').innerText();
      expect(words).toContain('scripts are switched off here, so the buttons do nothing');
      await expect(page.getByText('Loading…')).toBeHidden();
    });
  }
});

for (const [what, handle] of [
  ['refused', (route: Route) => route.fulfill({ status: 403 })],
  ['blocked', (route: Route) => route.abort('blockedbyclient')],
  ['cut', cut],
] as const) {
  for (const file of ['wasm', 'js']) {
    test(`bar 54: the ${file} file is ${what}`, async ({ page }) => {
      let pages = 0;
      page.on('request', (request) => {
        if (request.isNavigationRequest()) pages += 1;
      });
      await page.route(`**/pkg/*.${file}`, handle);
      await openUnhydrated(page, '/account');
      await saysWhatIsWrong(page, /did not arrive or does not run here/);
      // The page has reloaded once without success, and does not reload again.
      expect(pages).toBe(2);
    });
  }
}

test('bar 54: the WebAssembly hangs, and arrives later', async ({ page }) => {
  // These are ten seconds of the page's clock, also on a busy machine.
  await page.clock.install();
  const arrives = await holdRequests(page, '**/*.wasm');
  await openUnhydrated(page, '/sign-in');
  await page.waitForLoadState('domcontentloaded');
  await page.clock.runFor('00:10');
  await saysWhatIsWrong(page, /has not arrived yet/);

  arrives.open();
  await becomesAlive(page);
  await expect(page.getByRole('alert')).toHaveCount(0);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('alert')).toHaveCount(2);
});

test.describe('a page that another program has changed', () => {
  test.use({ mayComplain: [/panicked|RuntimeError|unreachable|RefCell/] });
  for (const [what, change] of [
    ['an extension puts an element into it', () => document.body.prepend(document.createElement('div'))],
    ['the browser translates it', translate],
  ] as const) {
    test(`bar 54: ${what} before the client takes it over`, async ({ page }) => {
      await page.addInitScript(`addEventListener('DOMContentLoaded', ${change.toString()})`);
      await openUnhydrated(page, '/sign-in');
      await saysWhatIsWrong(page, /did not arrive or does not run here/);
    });
  }
});

test('bar 54: browsers are asked to translate no page', async ({ page }) => {
  await page.goto('/');
  await expect(page.locator('html')).toHaveAttribute('translate', 'no');
  const google = page.locator('meta[name="google"][content="notranslate"]');
  await expect(google).toHaveCount(1);
});

test('bar 54: what was typed stays when the client fails late', async ({ page }) => {
  let pages = 0;
  page.on('request', (request) => {
    if (request.isNavigationRequest()) pages += 1;
  });
  let fail = () => {};
  const failed = new Promise<void>((resolve) => (fail = resolve));
  await page.route('**/pkg/*.wasm', async (route) => {
    await failed;
    await route.abort();
  });
  await openUnhydrated(page, '/sign-up');
  await page.getByLabel('Username').fill('ada');
  fail();
  await saysWhatIsWrong(page, /did not arrive/);
  await expect(page.getByLabel('Username')).toHaveValue('ada');
  expect(pages).toBe(1);
});

test('bar 54: the browser knows no WebAssembly', async ({ page }) => {
  await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'WebAssembly'));
  await openUnhydrated(page, '/sign-in');
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('needs WebAssembly', WITHIN);
  await expect(alert).toContainText('use another browser');
});

test('bar 54: loading the page again helps as soon as the files can be had', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.route('**/pkg/*.wasm', (route) => route.abort());
  await openUnhydrated(page, '/account');
  await saysWhatIsWrong(page, /did not arrive/);

  await page.unrouteAll({ behavior: 'wait' });
  await page.getByRole('link', { name: 'Load the page again' }).click();
  await becomesAlive(page);
  await seesAccount(page, account);
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(heading(page, 'Your account')).toBeVisible();
});
