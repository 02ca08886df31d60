// How a page looks to people who see, hear or move differently.

import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

/** Faults of a page for people who see, hear or move differently. */
export async function violations(page: Page): Promise<string[]> {
  // A text that is just appearing has too little contrast.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html }) => html).join('\n  ')}`,
  );
}

/** Whether the page has no scroll bar from left to right. */
export async function fitsAPhone(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const root = document.documentElement;
    return root.scrollWidth <= root.clientWidth;
  });
}

/** Every text of the page that a person sees or hears: the texts of elements, and the names of
 * elements without a text. */
export async function shownWords(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const words: string[] = [document.title];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode as Text;
      if (!text.parentElement?.closest('script, noscript')) words.push(text.data.trim());
    }
    for (const element of document.querySelectorAll('[aria-label]')) {
      words.push(element.getAttribute('aria-label')!.trim());
    }
    const description = document.querySelector('meta[name="description"]');
    words.push(description?.getAttribute('content') ?? '');
    return words.filter((text) => text !== '');
  });
}
