// How long a saved change takes until it is seen, under `cargo leptos watch`.
//
//   node xtask/bench/dev.mjs ADDRESS CHECKOUT ROUNDS
//
// It changes files of the checkout: a word in a page, a value in the style, a sentence of the
// server. It prints one line for each kind: the median, the fastest and the slowest round.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { chromium } = createRequire(resolve(ROOT, 'end2end/package.json'))('@playwright/test');
const [address, checkout, rounds] = process.argv.slice(2);

/** A change that is not seen after this time has failed. */
const PATIENCE_MS = 5 * 60_000;

/** The tool may still read the last change. A person needs longer, too. */
const BETWEEN_CHANGES_MS = 3_000;

const isRoot = process.getuid?.() === 0;
const browser = await chromium.launch({
  executablePath: process.env.HOLDFAST_CHROMIUM || undefined,
  args: isRoot ? ['--no-sandbox'] : [],
});
const page = await browser.newPage();
page.setDefaultTimeout(PATIENCE_MS);
await page.goto(address);

/** Replaces `old` in the file, which must contain it once. */
function change(file, old, replacement) {
  const path = resolve(checkout, file);
  const parts = readFileSync(path, 'utf8').split(old);
  if (parts.length !== 2) throw new Error(`${file} contains ${old} ${parts.length - 1} times.`);
  writeFileSync(path, parts.join(replacement));
}

/** Changes a phrase of a file once a round, and waits each time until the new one is seen. */
async function measure(title, { file, first, nth, seen }) {
  const seconds = [];
  let old = first;
  // The first change compiles what the first build did not keep, so it does not count.
  for (let round = 0; round <= rounds; round += 1) {
    await pause(BETWEEN_CHANGES_MS);
    const next = nth(round);
    const begun = performance.now();
    change(file, old, next);
    await seen(next);
    if (round > 0) seconds.push((performance.now() - begun) / 1000);
    old = next;
  }
  seconds.sort((a, b) => a - b);
  const median = seconds[Math.floor(seconds.length / 2)];
  const say = (time) => `${time.toFixed(1)} s`;
  console.log(`| ${title} | ${say(median)} | ${say(seconds[0])} | ${say(seconds.at(-1))} |`);
}

try {
  console.log('| a change | median | fastest | slowest |\n| --- | --- | --- | --- |');
  await measure('a word in a page', {
    file: 'app/src/words/english.rs',
    first: 'How you stay signed in',
    nth: (round) => `How you stay signed in, ${round}`,
    seen: (words) => page.getByRole('heading', { name: words, exact: true }).waitFor(),
  });
  const style = '.home {\n  outline-offset: 0px;\n}\n';
  writeFileSync(
    resolve(checkout, 'style/home.css'),
    readFileSync(resolve(checkout, 'style/home.css'), 'utf8') + style,
  );
  await measure('a value in the style', {
    file: 'style/home.css',
    first: 'outline-offset: 0px',
    nth: (round) => `outline-offset: ${round + 1}px`,
    seen: (rule) =>
      page.waitForFunction(
        (expected) =>
          getComputedStyle(document.querySelector('.home')).outlineOffset === expected.split(': ')[1],
        rule,
      ),
  });
  await measure('a sentence of the server', {
    file: 'server/src/error.rs',
    first: '#[error("There is nothing at this address.")]',
    nth: (round) => `#[error("There is nothing at this address, ${round}.")]`,
    seen: async (line) => {
      const sentence = line.split('"')[1];
      const deadline = performance.now() + PATIENCE_MS;
      while (performance.now() < deadline) {
        const signal = AbortSignal.timeout(5_000);
        const answer = await fetch(`${address}/api/v1/nothing`, { signal }).catch(() => null);
        if ((await answer?.json().catch(() => null))?.detail === sentence) return;
        await pause(20);
      }
      throw new Error(`The server has not answered «${sentence}» in time.`);
    },
  });
} finally {
  await browser.close();
}
