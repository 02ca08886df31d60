// What a person does with the keyboard alone, and whether they see where they are.

import { expect, type Locator, type Page } from '@playwright/test';

/** No page has so many places for the focus. */
const MOST_PRESSES = 100;

/** Presses Tab until the element has the focus. After the last element of the page, the first one follows. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < MOST_PRESSES; presses += 1) {
    await page.keyboard.press('Tab');
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`The Tab key does not reach ${target}.`);
}

/** Checks that the Tab key reaches everything that a person can use, and that they see where they are: the
 * element with the focus has an outline, which stands out from what is around it, and nothing covers it
 * (WCAG 2.2, 1.4.11, 2.1.1, 2.4.7 and 2.4.11). */
export async function showsTheFocus(page: Page): Promise<void> {
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.evaluate(beginWalk);
  const faults: string[] = [];
  let last: Focused | null = null;
  for (let presses = 0; presses < MOST_PRESSES && !last?.isKnown; presses += 1) {
    await page.keyboard.press('Tab');
    // It is nowhere in the page between the last element and the first one.
    last = await page.evaluate(lookAtFocus);
    if (last !== null && !last.isKnown) faults.push(...faultsOf(last));
  }
  const missed = await page.evaluate(missedByWalk);
  expect([...faults, ...missed.map((what) => `${what}: not reached`)]).toEqual([]);

  // One rule draws all outlines, so one of them tells of the dark design.
  await page.emulateMedia({ colorScheme: 'dark' });
  const inTheDark = await page.evaluate(lookAtFocus);
  if (inTheDark === null) throw new Error('The Tab key has not come back to the first element.');
  expect(faultsOf(inTheDark), 'in the dark').toEqual([]);
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}

/** What the page notes while the Tab key goes through it. */
interface Walk {
  /** Everything that a person can use, with its outline without the focus. */
  outlines: Map<Element, string>;
  reached: Set<Element>;
  outlineOf: (element: Element) => string;
}

/** The element with the focus. */
interface Focused {
  /** The start of its HTML. */
  what: string;
  /** Whether it had the focus before. */
  isKnown: boolean;
  outlineStyle: string;
  /** In pixels. */
  outlineWidth: number;
  outlineColour: string;
  /** Whether the outline is another one without the focus. */
  isMarked: boolean;
  /** The colour of what is around it. */
  around: string;
  /** Whether its middle is on the screen, and nothing is above it. */
  isOpen: boolean;
}

/** Runs in the page, like the two functions below. */
function beginWalk(): void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  const outlineOf = (element: Element) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return `${outlineStyle} ${outlineWidth}`;
  };
  const all = [...document.querySelectorAll('a[href], button, input, [tabindex="0"]')];
  const usable = all.filter(
    (one) => one.checkVisibility() && !one.matches(':disabled, [tabindex="-1"]'),
  );
  const outlines = new Map(usable.map((one) => [one, outlineOf(one)] as const));
  const walk: Walk = { outlines, reached: new Set(), outlineOf };
  Object.assign(window, { walk });
}

function lookAtFocus(): Focused | null {
  const { walk } = window as unknown as { walk: Walk };
  const element = document.activeElement;
  if (element === null || element === document.body) return null;
  const isKnown = walk.reached.has(element);
  walk.reached.add(element);
  const colourOf = (one: Element) => getComputedStyle(one).backgroundColor;
  let around = element.parentElement;
  while (around !== null && colourOf(around) === 'rgba(0, 0, 0, 0)') around = around.parentElement;
  const place = [...element.getClientRects()].find(({ width }) => width > 0);
  const { x, y, width, height } = place ?? element.getBoundingClientRect();
  const above = document.elementFromPoint(x + width / 2, y + height / 2);
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
  return {
    what: element.outerHTML.slice(0, 160),
    isKnown,
    outlineStyle,
    outlineWidth: parseFloat(outlineWidth),
    outlineColour: outlineColor,
    isMarked: walk.outlineOf(element) !== walk.outlines.get(element),
    around: around === null ? 'rgb(255, 255, 255)' : colourOf(around),
    isOpen: above !== null && element.contains(above),
  };
}

function missedByWalk(): string[] {
  const { walk } = window as unknown as { walk: Walk };
  const missed = [...walk.outlines.keys()].filter((one) => !walk.reached.has(one));
  return missed.map((one) => one.outerHTML.slice(0, 160));
}

function faultsOf(focused: Focused): string[] {
  const { what, outlineStyle, outlineWidth, outlineColour, isMarked, around, isOpen } = focused;
  const faults: string[] = [];
  if (outlineStyle === 'none' || outlineWidth < 2) faults.push(`${what}: no outline of two pixels`);
  if (!isMarked) faults.push(`${what}: the same outline without the focus`);
  const found = contrast(outlineColour, around);
  if (found < 3) faults.push(`${what}: ${outlineColour} on ${around} is ${found.toFixed(2)} to 1`);
  if (!isOpen) faults.push(`${what}: covered, or not on the screen`);
  return faults;
}

/** The contrast of two colours (WCAG 2.2): 1 if they are the same, and 21 for black on white. */
function contrast(one: string, other: string): number {
  const [first, second] = [luminance(one), luminance(other)];
  return (Math.max(first, second) + 0.05) / (Math.min(first, second) + 0.05);
}

function luminance(colour: string): number {
  const found = /^rgba?\((\d+), (\d+), (\d+)/.exec(colour);
  if (found === null) throw new Error(`${colour} is not written as expected.`);
  const [red, green, blue] = found.slice(1).map((text) => {
    const value = Number(text) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
