// What a browser downloads for the public pages. `budgets.json` has the limits in bytes: for a page that is
// shown and that nobody has touched, and for a page that is alive.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { becomesAlive, expect, openUnhydrated, test } from '../../holdfast';

const BUDGETS: Record<string, { shown?: number; alive: number }> = JSON.parse(
  readFileSync(resolve(__dirname, '../../budgets.json'), 'utf8'),
);

interface Loaded {
  path: string;
  /** Bytes on the wire, with the headers of the answer. */
  bytes: number;
  /** Bytes of the file itself. */
  raw: number;
}

/** Counts what Chromium itself loads over the network from now on. */
async function count(page: Page): Promise<Loaded[]> {
  const cdp = await page.context().newCDPSession(page);
  const paths = new Map<string, string>();
  const kept = new Set<string>();
  const raw = new Map<string, number>();
  const loaded: Loaded[] = [];
  cdp.on('Network.requestWillBeSent', ({ requestId, request }) =>
    paths.set(requestId, new URL(request.url).pathname),
  );
  cdp.on('Network.requestServedFromCache', ({ requestId }) => kept.add(requestId));
  cdp.on('Network.responseReceived', ({ requestId, response }) => {
    if (response.fromDiskCache || response.fromPrefetchCache) kept.add(requestId);
  });
  cdp.on('Network.dataReceived', ({ requestId, dataLength }) =>
    raw.set(requestId, (raw.get(requestId) ?? 0) + dataLength),
  );
  cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (kept.has(requestId)) return;
    loaded.push({
      path: paths.get(requestId) ?? requestId,
      bytes: encodedDataLength,
      raw: raw.get(requestId) ?? 0,
    });
  });
  await cdp.send('Network.enable');
  return loaded;
}

/** Opens a page that nobody touches, and then brings it to life. */
async function open(page: Page, path: string, state: 'shown' | 'alive'): Promise<void> {
  await openUnhydrated(page, path);
  await page.waitForLoadState('load');
  if (state === 'alive') await becomesAlive(page);
  await page.waitForLoadState('networkidle');
  await expect(page.locator('html[data-hydrated]')).toHaveCount(state === 'alive' ? 1 : 0);
}

const CASES = Object.entries(BUDGETS).flatMap(([path, budgets]) =>
  (['shown', 'alive'] as const).flatMap((state) => {
    const budget = budgets[state];
    return budget === undefined ? [] : [{ path, state, budget }];
  }),
);

for (const { path, state, budget } of CASES) {
  test(`${path}, ${state}, stays below its budget, and a second visit loads the page alone`, async ({
    page,
  }) => {
    const loaded = await count(page);
    await open(page, path, state);
    const table = [...loaded].sort((one, other) => other.bytes - one.bytes);
    const sum = (of: (file: Loaded) => number) => table.reduce((all, file) => all + of(file), 0);
    const bytes = sum((file) => file.bytes);
    const lines = [
      `| \`${path}\`, ${state}: ${bytes} of ${budget} bytes | with Brotli | raw |`,
      '| --- | --- | --- |',
      ...table.map((file) => `| ${file.path} | ${file.bytes} | ${file.raw} |`),
      `| together | ${bytes} | ${sum((file) => file.raw)} |`,
    ];
    console.log(`\n${lines.join('\n')}\n`);
    const least = state === 'alive' ? 4 : 2;
    expect(table.length, 'the page, its style, its script and its module').toBeGreaterThanOrEqual(least);
    expect(bytes, lines.join('\n')).toBeLessThanOrEqual(budget);

    loaded.length = 0;
    await open(page, path, state);
    expect(loaded.map((file) => file.path)).toEqual([path]);
  });
}
