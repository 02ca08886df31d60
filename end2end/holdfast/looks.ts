// How a page looks to people who see, hear or move differently.

import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';
import type { PageOfHoldfast } from './pages';

/** The rules about colours. All others find the same in every design. */
const ABOUT_COLOURS = ['color-contrast', 'link-in-text-block'];

/** Faults of a page for people who see, hear or move differently, in the light and in the dark
 * design. */
export async function violations(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ['dark', 'light'] as const) {
    // A text that is just appearing has too little contrast.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const rules = colorScheme === 'dark' ? ABOUT_COLOURS : undefined;
    found.push(...(await faultsNow(page, rules)).map((fault) => `${colorScheme}: ${fault}`));
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  return found;
}

/** Faults of the page as it looks now, by these rules or by all. */
export async function faultsNow(page: Page, rules?: string[]): Promise<string[]> {
  // Our pages have no frames. The other mode opens a page of its own each time, which takes a second.
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (rules ? axe.withRules(rules) : axe.withTags(TAGS)).analyze();
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html }) => html).join('\n  ')}`,
  );
}

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Checks the page while the system chooses all colours, and backgrounds and shadows are not drawn: each
 * button and field still has a shape, the main action is marked, and only the element with the focus has an
 * outline. */
export async function keepsItsShapes(page: Page): Promise<void> {
  await page.emulateMedia({ colorScheme: 'light', forcedColors: 'active', reducedMotion: 'reduce' });
  expect(await page.evaluate(() => matchMedia('(forced-colors: active)').matches)).toBe(true);
  const faults = await page.evaluate(() => {
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    const shown = (selector: string) =>
      [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    const html = (one: Element) => one.outerHTML.slice(0, 160);
    // The browser draws the shape of a checkbox.
    const shaped = shown('button, .button, input:not([type="checkbox"], .visually-hidden)');
    const shapeless = shaped.filter((one) => {
      const { borderTopStyle, borderTopWidth, textDecorationLine } = getComputedStyle(one);
      const hasBorder = borderTopStyle !== 'none' && parseFloat(borderTopWidth) > 0;
      return !hasBorder && !textDecorationLine.includes('underline');
    });
    const border = (one: Element) => parseFloat(getComputedStyle(one).borderTopWidth);
    const widest = Math.max(0, ...shown('.button:not(.button-primary)').map(border));
    const unmarked = shown('.button-primary').filter((one) => border(one) <= widest);
    const outlined = shown('a, button, input').filter(
      (one) => getComputedStyle(one).outlineStyle !== 'none',
    );
    return [
      ...shapeless.map((one) => `${html(one)}: no shape`),
      ...unmarked.map((one) => `${html(one)}: like any other button`),
      ...outlined.map((one) => `${html(one)}: an outline without the focus`),
    ];
  });
  expect(faults).toEqual([]);
  expect(await faultsNow(page, ABOUT_COLOURS)).toEqual([]);
  await page.emulateMedia({ colorScheme: null, forcedColors: null, reducedMotion: null });
}

/** Checks the parts that every page has, and that everybody can use it. */
export async function isWhole(page: Page, one: PageOfHoldfast, language: string): Promise<void> {
  await expect(page).toHaveTitle(one.path === '/' ? 'Holdfast' : /^.+ · Holdfast$/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(one.heading);
  await expect(page.locator('html')).toHaveAttribute('lang', language);
  await expect(page.getByRole('main')).toHaveCount(1);
  expect(await violations(page)).toEqual([]);
}

/** Checks what the browser has complained about. It tells of each 404 as well. */
export function complainsOnlyOf404(complaints: string[], one: PageOfHoldfast): void {
  const expected = one.name === 'not-found' ? /status of 404/ : /^$/;
  expect(complaints.filter((complaint) => !expected.test(complaint))).toEqual([]);
}

/** Whether the page has no scroll bar from left to right. */
export async function fitsAPhone(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const root = document.documentElement;
    return root.scrollWidth <= root.clientWidth;
  });
}

/** Checks that the page fits the narrowest phone, and a screen of 1280 pixels that is enlarged to
 * 200 %: 640 CSS pixels (WCAG 2.2, 1.4.4 and 1.4.10). */
export async function fitsSmallScreens(page: Page): Promise<void> {
  for (const viewport of [
    { width: 640, height: 400 },
    { width: 320, height: 640 },
  ]) {
    await page.setViewportSize(viewport);
    await fits(page, `${viewport.width} pixels`);
  }
  // A fault of the server is told on a page without the client.
  const isAlive = (await page.locator('html').getAttribute('data-hydrated')) === 'true';
  if (!isAlive) return;
  // A page may also depend on the width that the screen had when it was loaded.
  await page.reload();
  await page.getByRole('heading', { level: 1 }).waitFor();
  await fits(page, 'loaded on the narrowest phone');
}

async function fits(page: Page, screen: string): Promise<void> {
  expect(await fitsAPhone(page), screen).toBe(true);
  expect(await cutOff(page), screen).toEqual([]);
}

/** The texts of buttons, links and headings that do not fit their place. */
async function cutOff(page: Page): Promise<string[]> {
  return page.locator('button, a, h1, h2, h3').evaluateAll((all) =>
    all
      .filter((element) => element.clientWidth > 0 && !element.closest('.visually-hidden'))
      .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
      .map((element) => element.textContent ?? ''),
  );
}

/** What the browser complains about from now on, violations of the policy included. */
export async function complaintsOf(page: Page): Promise<string[]> {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`${event.violatedDirective} forbids ${event.blockedURI}`);
    });
  });
  return complaints;
}

/** Every text of the page that a person sees or hears: the texts of elements, and the names of
 * elements without a text. Code is in no language. */
export async function shownWords(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const words: string[] = [document.title];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode as Text;
      if (!text.parentElement?.closest('script, noscript, code')) words.push(text.data.trim());
    }
    for (const element of document.querySelectorAll('[aria-label]')) {
      words.push(element.getAttribute('aria-label')!.trim());
    }
    const description = document.querySelector('meta[name="description"]');
    words.push(description?.getAttribute('content') ?? '');
    return words.filter((text) => text !== '');
  });
}
