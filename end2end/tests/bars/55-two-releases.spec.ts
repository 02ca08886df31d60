// Bar 55: during a rolling deploy two releases run side by side, and a browser may send each
// request to either of them. A page never gets the script, the WebAssembly or the style of the
// other release. A page that misses its files reloads once.

import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Page, Route } from '@playwright/test';
import {
  becomesAlive,
  expect,
  heading,
  openUnhydrated,
  seesAccount,
  signIn,
  SITE,
  test as base,
} from '../../holdfast';

/** The names of the files of a release. */
interface Names {
  js: string;
  wasm: string;
  css: string;
  /** The files of each piece of the module. */
  pieces: Record<string, string[]>;
}

interface Release {
  /** Its folder of files. */
  site: string;
  names: Names;
}

const test = base.extend<{ next: Release }>({
  /** The next release: the same files under other names. */
  next: async ({}, use) => {
    const site = await mkdtemp(join(tmpdir(), 'holdfast-site-'));
    await cp(dirname(SITE), site, { recursive: true });
    const names = await renameAll(join(site, 'pkg'));
    await use({ site, names });
    await rm(site, { recursive: true });
  },
});

const namesIn = async (pkg: string): Promise<Names> =>
  JSON.parse(await readFile(join(pkg, 'files.json'), 'utf8')) as Names;

async function renameAll(pkg: string): Promise<Names> {
  const other = (name: string) =>
    name.replace(/\.([0-9a-f]{16})\./g, (_, hash: string) => `.${[...hash].reverse().join('')}.`);
  for (const file of await readdir(pkg)) {
    await rename(join(pkg, file), join(pkg, other(file)));
  }
  await writeFile(join(pkg, 'files.json'), other(await readFile(join(pkg, 'files.json'), 'utf8')));
  const names = await namesIn(pkg);
  // The script names the pieces. Its compressed forms have the old names.
  const script = join(pkg, names.js);
  await writeFile(script, other(await readFile(script, 'utf8')));
  await Promise.all([rm(`${script}.br`), rm(`${script}.gz`)]);
  return names;
}

/** How often a page was requested, and which of its files it got and missed. */
class Loads {
  pages = 0;
  readonly got: string[] = [];
  readonly missed: string[] = [];

  constructor(page: Page) {
    // The event of an answer may come after the requests for the page's files.
    page.on('request', (request) => {
      if (request.isNavigationRequest()) this.pages += 1;
    });
    page.on('response', (response) => {
      const file = fileOf(response.url());
      if (file && response.ok()) this.got.push(file);
    });
  }

  /** Another instance answers, as behind a balancer: the browser knows one address only. */
  async answeredBy(server: { url: string }, route: Route): Promise<void> {
    const { pathname } = new URL(route.request().url());
    const response = await route.fetch({ url: server.url + pathname });
    const file = fileOf(pathname);
    // A page that reloads at once has no event for the answer any more.
    if (file && !response.ok()) this.missed.push(file);
    await route.fulfill({ response });
  }
}

const fileOf = (address: string): string | undefined => /\/pkg\/([^/?]+)/.exec(address)?.[1];

/** The names to which a page has links. */
const namesOf = (page: Page): Promise<string[]> =>
  page
    .locator('link[href^="/pkg/"]')
    .evaluateAll((links) =>
      [...new Set(links.map((link) => (link as HTMLLinkElement).href.replace(/.*\//, '')))].sort(),
    );

/** The files that a page with these pieces names. */
const sorted = ({ js, wasm, css, pieces }: Names, ...of: string[]) =>
  [...new Set([js, wasm, css, ...of.flatMap((piece) => pieces[piece] ?? [])])].sort();

// The browser complains about an answer that is not a style sheet.
test.use({ mayComplain: [/MIME type/] });

test.afterEach(async ({ page }) => page.unrouteAll({ behavior: 'ignoreErrors' }));

test('bar 55: a page that misses its files reloads once, and works', async ({
  page,
  account,
  server,
  next,
}) => {
  await signIn(page, account);
  const newer = await server({ site: next.site });
  // An instance of the next release answers for the files of the first page.
  let itsTurn = true;
  const loads = new Loads(page);
  await page.route('**/pkg/**', (route) =>
    itsTurn && loads.pages < 2 ? loads.answeredBy(newer, route) : route.continue(),
  );
  await openUnhydrated(page, '/account');
  await becomesAlive(page);
  itsTurn = false;

  await seesAccount(page, account);
  expect(loads.pages).toBe(2);
  expect(loads.missed).not.toEqual([]);
  const names = await namesIn(SITE);
  expect(await namesOf(page)).toEqual(sorted(names, 'account', 'engine'));
  // The sign-in page of a signed-in person is loaded ahead of time.
  const all = sorted(names, 'account', 'engine', 'sign_in');
  expect(all).toEqual(expect.arrayContaining(loads.got));
});

test('bar 55: a page that always misses its files says so, and mixes nothing', async ({
  page,
  server,
  next,
}) => {
  const newer = await server({ site: next.site });
  const loads = new Loads(page);
  await page.route('**/pkg/**', (route) => loads.answeredBy(newer, route));
  await openUnhydrated(page, '/sign-in');
  await expect(page.getByRole('alert')).toContainText('did not arrive');
  // The page says so only after a reload without success.
  expect(loads.pages).toBe(2);
  expect(loads.missed).not.toEqual([]);
  expect(loads.got).toEqual([]);
});

test('bar 55: with the files of both releases on both sides every page works at once', async ({
  page,
  holdfast,
  server,
  next,
}) => {
  // The operator keeps the files of the old release beside those of the new one.
  const names = await namesIn(SITE);
  await cp(SITE, join(next.site, 'pkg'), {
    recursive: true,
    filter: (path) => !path.endsWith('files.json'),
  });
  const newer = await server({ site: next.site });
  const loads = new Loads(page);
  // The two releases answer for the pages in turn. The newer one answers for all files.
  let turn = 0;
  await page.route('**/sign-in', (route) =>
    loads.answeredBy(turn++ % 2 === 0 ? holdfast : newer, route),
  );
  await page.route('**/pkg/**', (route) => loads.answeredBy(newer, route));
  for (const expected of [names, next.names, names, next.names]) {
    loads.got.length = 0;
    await page.goto('/sign-in');
    await expect(heading(page, 'Sign in')).toBeVisible();
    expect(await namesOf(page)).toEqual(sorted(expected, 'sign_in'));
    expect(sorted(expected, 'sign_in')).toEqual(expect.arrayContaining(loads.got));
  }
  expect(loads.pages).toBe(4);
  expect(loads.missed).toEqual([]);
});

test('bar 55: browsers keep files without a limit, but no pages and no missing files', async ({
  request,
}) => {
  const { js, wasm, css } = await namesIn(SITE);
  for (const name of [js, wasm, css]) {
    expect(name).toMatch(/^holdfast\.[0-9a-f]{16}\.(js|wasm|css)$/);
    const file = await request.get(`/pkg/${name}`);
    expect(file.status()).toBe(200);
    expect(file.headers()['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(file.headers()['content-encoding']).toBe('br');
  }
  const missing = await request.get('/pkg/holdfast.0000000000000000.js');
  expect(missing.status()).toBe(404);
  expect(missing.headers()['cache-control']).toBe('no-store');

  for (const path of ['/', '/sign-in', '/no-such-page']) {
    const page = await request.get(path);
    expect(page.headers()['cache-control']).toContain('no-store');
    expect(page.headers()['content-encoding']).toBe('br');
    expect(await page.text()).toContain(`/pkg/${js}`);
  }
});

test('bar 55: only pages are compressed when they are sent; an answer with tokens never is', async ({
  account,
  holdfast,
}) => {
  const answer = await fetch(`${holdfast.url}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept-encoding': 'br, gzip' },
    body: JSON.stringify(account),
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-encoding')).toBeNull();
});
