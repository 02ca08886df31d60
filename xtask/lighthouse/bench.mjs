// `cargo xtask bench lighthouse`: what Lighthouse says about the public pages on a phone.
//
//   node xtask/lighthouse/bench.mjs <server> <rounds>
//
// Starts the server on a Postgres of its own, and Chromium with the flags of
// `end2end/holdfast/launch.ts`. Each page is measured several times, and the table has the middle
// result of each number. Lighthouse computes the times for a slow phone on a slow network from what
// it has measured on this machine.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { launch } from 'chrome-launcher';
import lighthouse from 'lighthouse';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const PAGES = ['/', '/sign-in', '/sign-up', '/recover', '/flow'];

/** The categories of scores, from 0 to 100. */
const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo'];

/** The audits with a number, its unit, and how many of these units are one of the table's. */
const AUDITS = [
  { name: 'first paint', id: 'first-contentful-paint', unit: 's', divisor: 1000, digits: 2 },
  { name: 'largest paint', id: 'largest-contentful-paint', unit: 's', divisor: 1000, digits: 2 },
  { name: 'blocking', id: 'total-blocking-time', unit: 'ms', divisor: 1, digits: 0 },
  { name: 'layout shift', id: 'cumulative-layout-shift', unit: '', divisor: 1, digits: 3 },
];

const isRoot = process.getuid?.() === 0;
const CHROMIUM_FLAGS = [
  '--headless=new',
  // Chromium's sandbox refuses to run as root.
  ...(isRoot ? ['--no-sandbox'] : []),
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

const [program, rounds] = process.argv.slice(2);
if (!(Number(rounds) > 0)) {
  console.error(`\`${rounds}\` is not a number of rounds.`);
  process.exit(2);
}

const data = await mkdtemp(join(tmpdir(), 'holdfast-lighthouse-'));
const server = serve(data);
// A signal ends this program at once. The server then still stops its Postgres.
process.once('exit', () => server.kill('SIGINT'));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
try {
  const address = await addressOf(server);
  const chromium = await launch({
    chromePath: process.env.HOLDFAST_CHROMIUM || playwrightsOwn(),
    chromeFlags: CHROMIUM_FLAGS,
  });
  try {
    const results = new Map(PAGES.map((page) => [page, []]));
    for (let round = 1; round <= Number(rounds); round++) {
      for (const page of PAGES) {
        console.error(`Round ${round} of ${rounds}: ${page} …`);
        results.get(page).push(await measure(address + page, chromium.port));
      }
    }
    print(results);
  } finally {
    chromium.kill();
  }
} finally {
  // If it has ended by itself, there is nothing to wait for.
  if (server.exitCode === null && server.signalCode === null) {
    server.kill('SIGINT');
    await once(server, 'exit');
  }
  await rm(data, { recursive: true, force: true });
}

/** The Chromium that the journeys use if there is no other one. */
function playwrightsOwn() {
  const { chromium } = createRequire(join(ROOT, 'end2end/package.json'))('@playwright/test');
  return chromium.executablePath();
}

/** Starts the server on a free port. */
function serve(data) {
  const named = process.env.HOLDFAST_BINARY;
  return spawn(program, ['serve'], {
    // A named server has its site beside it.
    cwd: named ? dirname(program) : ROOT,
    env: {
      PATH: process.env.PATH,
      ...(process.env.PG_BIN && { PG_BIN: process.env.PG_BIN }),
      HOLDFAST_DATA_DIR: data,
      HOLDFAST_LISTEN: '127.0.0.1:0',
      HOLDFAST_LOG: 'error',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Waits until the server is ready. */
async function addressOf(server) {
  for await (const line of createInterface(server.stdout)) {
    const address = line.match(/Holdfast is at (http:\/\/\S+)/)?.[1];
    if (address) {
      await ready(address);
      return address;
    }
  }
  throw new Error('The server does not start.');
}

async function ready(address) {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(`${address}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('The server does not become ready.');
}

/** One run of Lighthouse, with its settings for a phone. */
async function measure(url, port) {
  const { lhr } = await lighthouse(url, { port, onlyCategories: CATEGORIES, logLevel: 'error' });
  if (lhr.runtimeError) throw new Error(`${url}: ${lhr.runtimeError.message}`);
  return {
    version: lhr.lighthouseVersion,
    scores: CATEGORIES.map((id) => measured(id, lhr.categories[id].score) * 100),
    numbers: AUDITS.map(({ id }) => measured(id, lhr.audits[id].numericValue)),
    // What costs points, apart from the times.
    failed: Object.values(lhr.audits)
      .filter(({ id, score }) => score === 0 && categoryOf(lhr, id) !== 'performance')
      .map(({ title }) => title),
  };
}

/** Lighthouse leaves out what it could not measure. */
function measured(id, number) {
  if (!Number.isFinite(number)) throw new Error(`Lighthouse has not measured ${id}.`);
  return number;
}

function categoryOf(lhr, audit) {
  const weighs = ({ auditRefs }) => auditRefs.some(({ id, weight }) => id === audit && weight > 0);
  return CATEGORIES.find((category) => weighs(lhr.categories[category])) ?? 'performance';
}

function print(results) {
  const [{ version }] = results.get('/');
  console.log(`Lighthouse ${version}, phone; the middle result of ${rounds} rounds\n`);
  const names = [...CATEGORIES, ...AUDITS.map(({ name }) => name)];
  console.log(`| page | ${names.join(' | ')} |`);
  console.log(`| --- |${' --- |'.repeat(names.length)}`);
  for (const [page, runs] of results) {
    const middle = (of) => runs.map(of).sort((a, b) => a - b)[Math.floor(runs.length / 2)];
    const scores = CATEGORIES.map((_, at) => middle(({ scores }) => scores[at]).toFixed(0));
    const numbers = AUDITS.map(({ unit, divisor, digits }, at) => {
      const value = middle(({ numbers }) => numbers[at]) / divisor;
      return `${value.toFixed(digits)} ${unit}`.trim();
    });
    console.log(`| \`${page}\` | ${[...scores, ...numbers].join(' | ')} |`);
  }
  for (const [page, runs] of results) {
    const failed = new Set(runs.flatMap((run) => run.failed));
    if (failed.size > 0) console.log(`\n\`${page}\` fails: ${[...failed].join('; ')}`);
  }
}
