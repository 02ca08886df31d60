// The page `/flow`: each of the ten steps is made to happen there, and is seen there.

import { randomUUID } from 'node:crypto';
import type { BrowserContext, Locator, Page } from '@playwright/test';
import {
  type Account,
  Api,
  type Call,
  denyStorage,
  expect,
  fillIn,
  fitsAPhone,
  heading,
  holdAnswers,
  isEnded,
  keepCode,
  Network,
  signIn,
  signInButton,
  signOut,
  somebody,
  storedSession,
  tabTo,
  test,
  theStoredSession,
  violations,
} from '../../holdfast';

const HEADING = 'How it works, for technical people';

/** What a tab says at the end of a race. */
const LAST_WORDS = /same refresh token|was faster|what each of the two tabs did|has not said|was left/;

/** Opens the page at a step. */
async function openStep(page: Page, step: number): Promise<void> {
  await page.goto(`/flow#${step}`);
  await expect(heading(page, HEADING)).toBeVisible();
  await expect(card(page, step)).toBeVisible();
}

/** The card of a step. */
const card = (page: Page, step: number): Locator =>
  page.getByRole('region', { name: new RegExp(`^${step}\\. `) });

/** Goes to another step by its link. */
async function goToStep(page: Page, step: number): Promise<void> {
  await stepLink(page, step).click();
  await expect(card(page, step)).toBeVisible();
}

const stepLink = (page: Page, step: number): Locator =>
  page.getByRole('navigation', { name: 'The ten steps' }).getByRole('listitem').nth(step - 1)
    .getByRole('link');

/** The lines of the diagram, as a screen reader reads them. */
const lines = (page: Page): Locator =>
  page.getByRole('region', { name: 'The diagram' }).getByRole('listitem');

/** Presses a button of the card, and waits until its action has begun and is done. */
async function press(page: Page, name: string, how: 'click' | 'tap' = 'click'): Promise<void> {
  const begun = lines(page).filter({ hasText: `Person to browser: ${name}` });
  const before = await begun.count();
  // A sign-out hides its own button.
  const button = buttonOf(page, name);
  await button[how]();
  await expect(begun).toHaveCount(before + 1);
  await expect(button).not.toHaveAttribute('aria-busy', 'true');
}

const buttonOf = (page: Page, name: string): Locator =>
  page.getByRole('main').getByRole('button', { name, exact: true, includeHidden: true });

/** Waits until the diagram has these lines, in this order; there may be others between them. */
async function sees(page: Page, expected: (string | RegExp)[]): Promise<void> {
  await expect(async () => {
    const all = await lines(page).allInnerTexts();
    const rest = all.map((line) => line.replace(/\s+/g, ' ').trim());
    for (const one of expected) {
      const at = rest.findIndex((line) =>
        typeof one === 'string' ? line.includes(one) : one.test(line),
      );
      expect(at, `${one} in ${JSON.stringify(all)}`).toBeGreaterThanOrEqual(0);
      rest.splice(0, at + 1);
    }
  }).toPass({ timeout: 30_000 });
}

/** The calls without those that the panel of the database and the notice of a new browser make. */
const ofTheSteps = (log: string[]): string[] =>
  log.filter((call) => !/\/(stored|notices) /.test(call));

/** Signs in on another page, and opens a step. */
async function openSignedIn(page: Page, account: Account, step: number): Promise<void> {
  await signIn(page, account);
  await openStep(page, step);
  await hasRow(page);
}

/** The secret of a refresh token, as the panel writes it. */
const secretOf = (refreshToken: string): string =>
  Buffer.from(refreshToken.slice('hfr_'.length), 'base64url').subarray(21, 53).toString('hex');

/** Expects that the page shows neither this refresh token nor its secret. */
async function expectNothingOf(page: Page, refreshToken: string): Promise<void> {
  const text = await page.getByRole('main').innerText();
  expect(text).not.toContain(refreshToken);
  expect(text).not.toContain(secretOf(refreshToken));
}

/** Waits until the panel shows the row of the database. */
const hasRow = (page: Page): Promise<void> =>
  expect(page.getByText("It is the SHA-256 of the secret in this browser's refresh token"))
    .toBeVisible();

test('step 1: a call without a token is answered 401, without a session', async ({ page }) => {
  await openStep(page, 1);
  const network = new Network(page);
  await press(page, 'Call without a token');
  await sees(page, [
    'Step 1, Person to browser: Call without a token',
    'Step 1, Browser to server: GET /api/v1/account · no token',
    'Step 1, Server to browser: 401 access_token_missing',
  ]);
  expect(await network.log()).toEqual(['GET /api/v1/account → 401']);
  const said = page.getByRole('status').filter({ hasText: '401' });
  await expect(said).toBeVisible();
  await expect(stepLink(page, 1)).toHaveAccessibleName(/seen here$/);
  // It is not about the next step.
  await goToStep(page, 2);
  await expect(said).toHaveCount(0);
});

test('step 2 and 3 and 4: a sign-in leads back, and the diagram has what happened', async ({
  page,
  account,
}) => {
  await openStep(page, 2);
  await card(page, 2).getByRole('link', { name: 'Sign in' }).click();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await fillIn(page, account);
  await signInButton(page).click();

  await expect(heading(page, HEADING)).toBeVisible();
  await expect(card(page, 2)).toBeVisible();
  await sees(page, [
    'Step 2, Browser to server: POST /api/v1/login · name and password',
    'Step 3, Server to database: insert the session, with the hash of its refresh token',
    'Step 3, Server to browser: 200 · access token, refresh token 0',
    'Step 4, browser: Both tokens are stored',
  ]);

  await goToStep(page, 4);
  await press(page, 'Read the storage again');
  const { refresh_token, access_token } = await theStoredSession(page);
  const browser = page.getByRole('region', { name: 'In this browser' });
  await expect(browser.getByText('Local storage · holdfast.session')).toBeVisible();
  await expect(browser.getByText('IndexedDB · state: current')).toBeVisible();
  // Tokens are shortened until the person wants to see them.
  expect(await page.getByRole('main').innerText()).not.toContain(refresh_token.slice(4, 40));
  expect(await page.getByRole('main').innerText()).not.toContain(access_token.split('.')[2]);
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  const access = page.getByRole('region', { name: 'The access token' });
  for (const part of access_token.split('.')) {
    await expect(access.getByText(part, { exact: true })).toBeVisible();
  }
  await expect(browser.getByText(refresh_token)).toHaveCount(2);
  // The tokens by which the server knows this browser are only counted.
  const known = browser.getByText('IndexedDB · state: known_browsers');
  await expect(known).toBeVisible();
  await expect(browser.getByText('Only their number').first()).toBeVisible();
});

test('step 5: a call carries the access token, and the person sees the answer', async ({
  page,
  account,
}) => {
  await openSignedIn(page, account, 5);
  const network = new Network(page);
  await press(page, 'Call a protected address');
  await sees(page, [
    'Step 5, Person to browser: Call a protected address',
    'Step 5, Browser to server: GET /api/v1/account · access token',
    'Step 5, server: Signature, issuer and time are right',
    'Step 5, Server to browser: 200',
    'Step 5, Browser to person: On any other page, this answer is all that you see',
  ]);
  expect(ofTheSteps(await network.log())).toEqual(['GET /api/v1/account → 200']);
});

test('step 6: an expired token is renewed before the call', async ({ page, account }) => {
  await openSignedIn(page, account, 6);
  const network = new Network(page);
  await press(page, 'Let the access token expire, and call');
  await sees(page, [
    'Step 6, browser: An attempt key',
    'Step 6, Browser to server: POST /api/v1/refresh · refresh token 0',
    'Step 8, browser: The new pair is stored: refresh token 1',
    'Step 5, Browser to server: GET /api/v1/account · access token',
    'Step 5, Server to browser: 200',
  ]);
  const calls = ofTheSteps(await network.log());
  expect(calls).toEqual(['POST /api/v1/refresh → 200', 'GET /api/v1/account → 200']);
});

/** A part of a panel, with its name and what it shows. */
const part = (panel: Locator, name: string): Locator =>
  panel.getByText(name, { exact: true }).locator('..');

test('step 7: a rotation changes both tokens and the row, and not the last day', async ({
  page,
  account,
  api,
}) => {
  await openSignedIn(page, account, 7);
  const endOf = async () => {
    const { access_token, session_id } = await theStoredSession(page);
    const all = await api.sessions(access_token);
    return all.find((session) => session.session_id === session_id)?.expires_at;
  };
  const before = await endOf();
  expect(before).toBeGreaterThan(0);
  const token = page.getByRole('region', { name: 'The refresh token' });
  const row = page.getByRole('region', { name: 'In the database' });
  const marks = part(row, 'Marks of the last attempt keys');
  const browser = page.getByRole('region', { name: 'In this browser' });
  const attemptKey = browser.getByText('IndexedDB · attempt_keys: 0', { exact: true });
  for (const panel of [token, row]) {
    await expect(part(panel, 'Generation')).toHaveText(/^Generation\s*0(?!\d)/);
  }
  await expect(marks).toContainText('None yet.');
  await expect(browser.getByText('IndexedDB · state: current')).toBeVisible();
  await expect(attemptKey).toHaveCount(0);
  await press(page, 'Refresh now');
  await sees(page, [
    'Step 7, Server to database: the hash of token 1 replaces that of token 0',
    'Step 7, Server to browser: 200 · refresh token 1 with the same last day',
    'Step 8, browser: The new pair is stored: refresh token 1',
    'Step 5, Server to database: select the row of this session',
  ]);
  await expect(row.getByText('One renewal here, and the date is the same.')).toBeVisible();
  await hasRow(page);
  expect(await endOf()).toBe(before);
  expect((await theStoredSession(page)).generation).toBe(1);
  for (const panel of [token, row]) {
    await expect(part(panel, 'Generation')).toHaveText(/^Generation\s*1(?!\d)/);
  }
  await expect(marks).toContainText(/[0-9a-f]{16}/);
  await expect(attemptKey).toBeVisible();
  await hasThreeColours(page.getByRole('region', { name: 'The access token' }));
});

/** Checks that each of the three parts of the access token has a line of its own colour beside it. */
async function hasThreeColours(panel: Locator): Promise<void> {
  const colours = new Set<string>();
  for (const name of ['Header', 'Claims', 'Signature']) {
    const line = await part(panel, name).evaluate((one) => {
      const { borderInlineStartStyle, borderInlineStartWidth, borderInlineStartColor } =
        getComputedStyle(one);
      return [borderInlineStartStyle, parseFloat(borderInlineStartWidth), borderInlineStartColor] as const;
    });
    expect(line[0], name).toBe('solid');
    expect(line[1], name).toBeGreaterThan(0);
    colours.add(line[2]);
  }
  expect(colours.size).toBe(3);
}

test('step 7: a lost answer is recovered with the same attempt key', async ({ page, account }) => {
  await openSignedIn(page, account, 7);
  const network = new Network(page);
  await press(page, 'Lose an answer, and recover it');
  await sees(page, [
    'Step 6, browser: An attempt key',
    'Step 7, browser: This page throws the answer away',
    'Step 7, browser: The same attempt key once more',
    'Step 7, Server to database: token 1 is current already',
    'Step 7, Server to browser: 200 · the same refresh token 1 again',
    'Step 8, browser: The new pair is stored: refresh token 1',
  ]);
  await expect(page.getByRole('status').getByText('this tab has new tokens now')).toBeVisible();
  const [first, second] = await network.refreshes();
  expect(second?.attemptKey).toBe(first?.attemptKey);
  expect(second?.body).toEqual(first?.body);
  expect(second?.answer?.refresh_token).toBe(first?.answer?.refresh_token);
  expect((await theStoredSession(page)).generation).toBe(1);
});

test('step 7: a real refusal is not thrown away, and the tokens after it are', async ({
  page,
  account,
}) => {
  await openSignedIn(page, account, 7);
  let refused = 0;
  await page.route('**/api/v1/refresh', async (route) => {
    if (refused > 0) return route.continue();
    refused += 1;
    const problem = { type: 'about:blank', title: '', status: 503, detail: 'Later.' };
    await route.fulfill({
      status: 503,
      contentType: 'application/problem+json',
      headers: { 'retry-after': '1' },
      body: JSON.stringify({ ...problem, code: 'temporarily_unavailable' }),
    });
  });
  await press(page, 'Lose an answer, and recover it');
  await sees(page, [
    'Step 6, Server to browser: 503 temporarily_unavailable',
    'Step 7, browser: The same attempt key once more',
    // The first request was not carried out, and the page does not know it.
    'Step 7, Server to database: the hash of token 1 replaces that of token 0; or',
    'Step 7, browser: This page throws the answer away',
    'Step 7, Server to database: token 1 is current already',
    'Step 8, browser: The new pair is stored: refresh token 1',
  ]);
  await expect(lines(page).filter({ hasText: 'throws the answer away' })).toHaveCount(1);
});

test('step 7: a demonstration that a sign-out has overtaken does not lose a later answer', async ({
  page,
  account,
}) => {
  await openSignedIn(page, account, 7);
  // The refresh of the demonstration never reaches the server.
  const never = new Promise<void>(() => {});
  await page.route('**/api/v1/refresh', () => never);
  await buttonOf(page, 'Lose an answer, and recover it').click();
  await sees(page, ['Step 6, Browser to server: POST /api/v1/refresh']);
  await page.getByRole('banner').getByRole('button', { name: 'Sign out', exact: true }).click();
  await sees(page, ['Step 9, browser: The access token is deleted']);
  await page.unroute('**/api/v1/refresh');

  await card(page, 7).getByRole('link', { name: 'Sign in' }).click();
  await fillIn(page, account);
  await signInButton(page).click();
  await hasRow(page);
  const network = new Network(page);
  await press(page, 'Refresh now');
  await expect(page.getByRole('status').getByText('Both tokens are new.')).toBeVisible();
  expect(await network.refreshes()).toHaveLength(1);
  await expect(lines(page).filter({ hasText: 'throws the answer away' })).toHaveCount(0);
});

test('step 7: without a network the page says that there is no answer, and renews later', async ({
  page,
  context,
  account,
}) => {
  await openSignedIn(page, account, 7);
  await context.setOffline(true);
  await buttonOf(page, 'Refresh now').click();
  await sees(page, ['Step 6, Server to browser: No answer']);
  await context.setOffline(false);
  await sees(page, [
    'Step 7, browser: The same attempt key once more',
    'Step 7, Server to database: the hash of token 1 replaces that of token 0; or',
    'Step 8, browser: The new pair is stored: refresh token 1',
  ]);
  await expect(page.getByRole('status').getByText('Both tokens are new.')).toBeVisible();
});

test("step 7: a portal's answer is not drawn as an answer of the server", async ({
  page,
  account,
}) => {
  await openSignedIn(page, account, 7);
  let answered = 0;
  await page.route('**/api/v1/{refresh,account}', async (route) => {
    answered += 1;
    if (answered === 1) return route.fulfill({ json: { welcome: true } });
    if (answered === 2) {
      return route.fulfill({ contentType: 'text/html', body: '<h1>Welcome</h1>' });
    }
    await route.continue();
  });
  await press(page, 'Refresh now');
  await sees(page, [
    'Step 6, browser: 200, but not from this server',
    'Step 6, browser: 200, but not from this server',
    'Step 8, browser: The new pair is stored: refresh token 1',
  ]);
  // Only the last of the three answers was one of the server.
  await expect(lines(page).filter({ hasText: 'Step 7, Server to database' })).toHaveCount(1);
});

/** The refreshes of both tabs are answered when both are sent. */
async function meetAtServer(context: BrowserContext): Promise<Call[]> {
  const network = new Network(context);
  const gate = await holdAnswers(context, '**/api/v1/refresh');
  await expect.poll(() => gate.waiting(), { timeout: 60_000 }).toBe(2);
  gate.open();
  const refreshes = await network.refreshes();
  await context.unroute('**/api/v1/refresh');
  return refreshes;
}

test('step 7: two tabs that renew at once send one request and get the same refresh token', async ({
  page,
  context,
  account,
  api,
}) => {
  await openSignedIn(page, account, 7);
  const opened = context.waitForEvent('page');
  const met = meetAtServer(context);
  await press(page, 'Renew in two tabs at once');
  const second = await opened;
  const bothSay = async (times: number) => {
    for (const tab of [page, second]) {
      const told = lines(tab).filter({ hasText: 'Step 7, browser: The other tab sent' });
      await expect(told).toHaveCount(times, { timeout: 60_000 });
      const words = 'Both tabs sent the same request, and both got the same refresh token.';
      await expect(tab.getByRole('status').getByText(words)).toBeVisible();
      await hasRow(tab);
      // Neither tab knows whether its own request was the one that the server carried out.
      const done = lines(tab).filter({ hasText: 'Step 7, Server to database' });
      await expect(done.last()).toContainText('or, if this request was carried out before');
    }
  };
  const isOneRequest = (refreshes: Call[], generation: number) => {
    expect(refreshes).toHaveLength(2);
    const [one, other] = refreshes;
    expect(one?.attemptKey).toBeTruthy();
    expect(other?.attemptKey).toBe(one?.attemptKey);
    expect(other?.body).toEqual(one?.body);
    expect([one?.status, other?.status]).toEqual([200, 200]);
    expect(other?.answer?.refresh_token).toBe(one?.answer?.refresh_token);
    expect(generation).toBe(generationOf(one?.body.refresh_token) + 1);
  };
  isOneRequest(await met, 1);
  await bothSay(1);
  expect((await theStoredSession(page)).generation).toBe(1);
  // The second answer brought no second renewal.
  for (const tab of [page, second]) {
    await expect(tab.getByText('One renewal here')).toBeVisible();
  }

  // Both are there now, so no new tab is opened.
  const again = meetAtServer(context);
  await press(page, 'Renew in two tabs at once');
  isOneRequest(await again, 2);
  await bothSay(2);
  expect(context.pages()).toHaveLength(2);
  const { generation, access_token } = await theStoredSession(page);
  expect(generation).toBe(2);
  expect((await api.account(access_token)).status).toBe(200);
});

/** The link number in a refresh token. */
function generationOf(token: unknown): number {
  const bytes = Buffer.from(String(token).slice('hfr_'.length), 'base64url');
  return bytes.readUInt32BE(1 + 16);
}

test('step 7: a demonstration ends with the page, so it loses no later answer', async ({
  page,
  account,
}) => {
  await openSignedIn(page, account, 7);
  const network = new Network(page);
  const late = await holdAnswers(page, '**/api/v1/refresh');
  await buttonOf(page, 'Lose an answer, and recover it').click();
  await expect.poll(late.waiting).toBe(1);
  await page.getByRole('banner').getByRole('link', { name: 'Holdfast' }).click();
  await expect(heading(page, HEADING)).toHaveCount(0);
  late.open();
  await expect.poll(async () => (await theStoredSession(page)).generation).toBe(1);
  expect(await network.refreshes()).toHaveLength(1);
});

test('step 7: after the second tab was closed, the next press opens another one', async ({
  page,
  context,
  account,
}) => {
  await openSignedIn(page, account, 7);
  for (const times of [1, 2]) {
    const opened = context.waitForEvent('page');
    await press(page, 'Renew in two tabs at once');
    const second = await opened;
    const told = lines(page).filter({ hasText: 'Step 7, browser: The other tab' });
    await expect(told).toHaveCount(times, { timeout: 60_000 });
    // The race of this tab ends with these words.
    await expect(page.getByRole('status').getByText(LAST_WORDS)).toBeVisible();
    await second.close();
  }
});

test('step 7: repeated presses open one tab, and a tab of another page is none', async ({
  page,
  context,
  account,
}) => {
  await openSignedIn(page, account, 7);
  // It has the session, and does not show the flow.
  const other = await context.newPage();
  await other.goto('/account');
  await expect(heading(other, 'Your account')).toBeVisible();
  await page.bringToFront();
  const button = buttonOf(page, 'Renew in two tabs at once');
  for (let presses = 0; presses < 3; presses += 1) {
    await button.click();
  }
  await sees(page, ['Step 7, browser: The other tab']);
  expect(context.pages()).toHaveLength(3);
});

test('a browser that stores nothing has no second tab, and the panel says so', async ({
  page,
  context,
  account,
}) => {
  for (const storage of ['indexedDB', 'localStorage'] as const) {
    await denyStorage(page, storage);
  }
  await page.goto('/sign-in?next=%2Fflow%237');
  await fillIn(page, account);
  await signInButton(page).click();
  await hasRow(page);
  const browser = page.getByRole('region', { name: 'In this browser' });
  await expect(browser.getByText('only this tab has it')).toBeVisible();
  await press(page, 'Renew in two tabs at once');
  const said = page.getByRole('status').getByText('Only this tab has the session');
  await expect(said).toBeVisible();
  expect(context.pages()).toHaveLength(1);
  await press(page, 'Refresh now');
  await sees(page, ['Step 8, browser: Only this tab has the new pair: refresh token 1']);
});

test('another person finds nothing of the person before', async ({ page, context, account, api }) => {
  await openSignedIn(page, account, 7);
  await press(page, 'Refresh now');
  await sees(page, ['Step 8, browser: The new pair is stored']);
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  const before = await theStoredSession(page);

  const next = somebody();
  await api.makeAccount(next);
  const other = await context.newPage();
  await other.goto('/account');
  await signOut(other);
  await signIn(other, next);

  await expect(lines(page).filter({ hasText: 'The new pair is stored' })).toHaveCount(0);
  // Until the page has loaded again, it shows the row of the person before.
  await hasRow(page);
  await expect(page.getByRole('button', { name: 'Show everything in full' })).toBeVisible();
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  const { refresh_token } = await theStoredSession(page);
  await expect(page.getByRole('main').getByText(refresh_token).first()).toBeVisible();
  const text = await page.getByRole('main').innerText();
  expect(text).toContain(refresh_token);
  expect(text).not.toContain(before.refresh_token);
  expect(text).not.toContain(before.session_id);
});

test('another person in a browser that stores nothing finds no line of the person before', async ({
  page,
  account,
  api,
}) => {
  for (const storage of ['indexedDB', 'localStorage'] as const) {
    await denyStorage(page, storage);
  }
  await page.goto('/sign-in?next=%2Fflow%239');
  await fillIn(page, account);
  await signInButton(page).click();
  await hasRow(page);
  // Without storage, the page does not reload for the next person.
  await page.evaluate(() => Object.assign(window, { isTheSamePage: true }));
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  const session = page.getByRole('region', { name: 'The refresh token' }).getByText(/^[0-9a-f-]{36}$/);
  const before = await session.innerText();
  await press(page, 'Sign out here');
  await sees(page, ['Step 9, browser: The access token is deleted']);

  const next = somebody();
  await api.makeAccount(next);
  await card(page, 9).getByRole('link', { name: 'Sign in' }).click();
  await fillIn(page, next);
  await signInButton(page).click();
  await hasRow(page);
  await sees(page, ['Step 4, browser: This browser stores nothing, so only this tab has the tokens']);
  await expect(lines(page).filter({ hasText: 'The access token is deleted' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  await expect(session).not.toHaveText(before);
  expect(await page.getByRole('main').innerText()).not.toContain(before);
  expect(await page.evaluate(() => 'isTheSamePage' in window)).toBe(true);
});

test('a page that waits for its reload shows nothing of the next person, and does nothing as them', async ({
  page,
  context,
  account,
  api,
}) => {
  await openSignedIn(page, account, 9);
  await goToStep(page, 10);
  // Other code than Holdfast's asks before the page is left, and the person stays.
  await page.evaluate(() => addEventListener('beforeunload', (event) => event.preventDefault()));
  let asked = 0;
  page.on('dialog', async (dialog) => {
    asked += 1;
    await dialog.dismiss();
  });
  await buttonOf(page, 'Send an old refresh token').click();
  await expect(page.getByRole('dialog')).toBeVisible();

  const next = somebody();
  await api.makeAccount(next);
  const other = await context.newPage();
  await other.goto('/account');
  await signOut(other);
  await signIn(other, next);
  const ofNext = await theStoredSession(other);
  await expect.poll(() => asked).toBe(1);
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(page.getByRole('alert').getByText('Another person has signed in')).toBeVisible();

  await goToStep(page, 4);
  await press(page, 'Read the storage again');
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  await goToStep(page, 7);
  await press(page, 'Refresh now');
  await expect(page.getByRole('status').getByText('You are not signed in.')).toBeVisible();
  await expectNothingOf(page, ofNext.refresh_token);
  const text = await page.getByRole('main').innerText();
  // The panel has the three parts of a token one below the other.
  for (const part of ofNext.access_token.split('.')) {
    expect(text).not.toContain(part);
  }
  expect(text).not.toContain(ofNext.session_id);
  expect(await theStoredSession(other)).toEqual(ofNext);
  expect((await api.account(ofNext.access_token)).status).toBe(200);
});

/** The panel of the database. */
const database = (page: Page): Locator => page.getByRole('region', { name: 'In the database' });

test('a signed-in person does not read that there is no session while the page reads it', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const late = await holdAnswers(page, '**/api/v1/sessions/current/stored');
  await openStep(page, 7);
  await expect.poll(late.waiting).toBeGreaterThan(0);
  await expect(database(page).getByText('Reading…')).toBeVisible();
  await expect(page.getByText(/There is no session|No person is signed in/)).toHaveCount(0);
  late.open();
  await hasRow(page);
  await expect(page.getByText('Reading…')).toHaveCount(0);
});

test('a row that cannot be read can be read again', async ({ page, account }) => {
  await signIn(page, account);
  const row = '**/api/v1/sessions/current/stored';
  await page.route(row, (route) => route.abort());
  await openStep(page, 7);
  const alert = database(page).getByRole('alert');
  await expect(alert).toContainText('The server cannot be reached');
  const again = alert.getByRole('button', { name: 'Try again' });
  const failed = page.waitForEvent('requestfailed');
  await again.press('Enter');
  await failed;
  await expect(again).not.toHaveAttribute('aria-busy', 'true');
  await expect(again).toBeFocused();
  expect(await violations(page)).toEqual([]);

  await page.unroute(row);
  await again.press('Enter');
  await hasRow(page);
  await expect(alert).toHaveCount(0);
  // The panel is far below the heading of the page.
  await expect(database(page).getByRole('heading', { level: 2 })).toBeFocused();
});

test('a server that refuses every access token is not asked for ever', async ({ page, account }) => {
  await signIn(page, account);
  await page.route('**/api/v1/sessions/current/stored', (route) =>
    route.fulfill({
      status: 401,
      contentType: 'application/problem+json',
      headers: { 'x-request-id': randomUUID() },
      body: JSON.stringify({
        type: 'about:blank',
        title: 'Unauthorized',
        status: 401,
        detail: 'The access token has expired.',
        code: 'access_token_expired',
      }),
    }),
  );
  const network = new Network(page);
  await openStep(page, 5);
  await sees(page, ['Step 8, browser: The new pair is stored: refresh token 1']);
  // Each call takes as long as one more renewal would.
  for (let calls = 0; calls < 5; calls += 1) {
    await press(page, 'Call a protected address');
  }
  expect(await network.refreshes()).toHaveLength(1);
});

test('a link to the page moves the focus to its heading, after its style has come', async ({
  page,
}) => {
  await page.goto('/');
  await page.getByRole('link', { name: 'For technical people: watch it happen, step by step' }).click();
  await expect(heading(page, HEADING)).toBeFocused();
  await expect(page.locator('.flow-steps')).toHaveCSS('display', 'grid');
});

test('a style that does not come does not hide the page', async ({ page }) => {
  // It never gets an answer.
  await page.route('**/pkg/holdfast-flow.*.css', () => {});
  await page.goto('/');
  await page.getByRole('link', { name: 'For technical people: watch it happen, step by step' }).click();
  await expect(heading(page, HEADING)).toBeFocused();
  await press(page, 'Call without a token');
  await sees(page, ['401 access_token_missing']);
});

test('a sign-up that leads back is in the diagram', async ({ page }) => {
  await openStep(page, 2);
  await card(page, 2).getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('main').getByRole('link', { name: 'Create account' }).click();
  await expect(heading(page, 'Create your account')).toBeVisible();
  await fillIn(page, somebody());
  await page.getByRole('button', { name: 'Create account' }).click();
  await keepCode(page);
  await sees(page, [
    'Step 2, Browser to server: POST /api/v1/signup · name and password',
    'Step 4, browser: Both tokens are stored',
  ]);
});

test('a step stays while the next page is on its way', async ({ page }) => {
  const gate = await holdAnswers(page, '**/pkg/holdfast-sign_in.*.wasm');
  await openStep(page, 7);
  await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).click();
  await expect.poll(() => gate.waiting()).toBe(1);
  await expect(page.getByRole('status').getByText('Loading the page…')).toBeVisible();
  expect(await page.getByRole('heading', { level: 2, name: /^\d+\. / }).innerText()).toMatch(/^7\./);
  gate.open();
  await expect(heading(page, 'Sign in')).toBeVisible();
});

test('the diagram is empty after the person was on another page', async ({ page }) => {
  await openStep(page, 1);
  await press(page, 'Call without a token');
  await sees(page, ['401 access_token_missing']);
  await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).click();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await page.goBack();
  await sees(page, ['401 access_token_missing']);
  await page.getByRole('banner').getByRole('link', { name: 'Holdfast' }).click();
  await expect(heading(page, HEADING)).toHaveCount(0);
  await page.goBack();
  await expect(heading(page, HEADING)).toBeVisible();
  await expect(lines(page)).toHaveCount(0);
});

test('step 8: a refused call is sent once more with the new access token', async ({
  page,
  account,
}) => {
  await openSignedIn(page, account, 8);
  const network = new Network(page);
  await press(page, 'Call with a token that the server refuses');
  await sees(page, [
    'Step 5, Browser to server: GET /api/v1/account · access token',
    'Step 1, Server to browser: 401 access_token_invalid',
    'Step 6, Browser to server: POST /api/v1/refresh · refresh token 0',
    'Step 8, browser: The call is sent once more, with the new access token',
    'Step 5, Server to browser: 200',
    'Step 8, Browser to person: On any other page, this answer is all that you see',
  ]);
  const calls = ofTheSteps(await network.log());
  expect([...calls].sort()).toEqual([
    'GET /api/v1/account → 200',
    'GET /api/v1/account → 401',
    'POST /api/v1/refresh → 200',
  ]);
});

test('step 9: a sign-out deletes the row and both tokens', async ({ page, account, api }) => {
  await openSignedIn(page, account, 9);
  const { access_token } = await theStoredSession(page);
  await press(page, 'Sign out here');
  await sees(page, [
    'Step 9, browser: The access token is deleted',
    'Step 9, Browser to server: POST /api/v1/logout · refresh token',
    'Step 9, Server to database: delete the session, note its end',
    'Step 9, browser: The server has confirmed it: the refresh token is deleted here, too',
  ]);
  await expect(page.getByText('There is no session, so there is no row.')).toBeVisible();
  await expect(page.getByText('No person is signed in, so no token is shown.')).toHaveCount(2);
  await expect(page.getByRole('heading', { level: 2, name: /^9\. / })).toBeFocused();
  expect(await storedSession(page)).toBeNull();
  await isEnded(api, access_token);
});

test('step 9: a refresh token that waits for the server is shown to no person', async ({
  page,
  account,
  api,
}) => {
  await openSignedIn(page, account, 9);
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  const { refresh_token, access_token } = await theStoredSession(page);
  await expect(page.getByRole('main').getByText(refresh_token).first()).toBeVisible();
  let isDown = true;
  await page.route('**/api/v1/logout', (route) => (isDown ? route.abort() : route.continue()));
  await press(page, 'Sign out here');
  await sees(page, [
    'Step 9, browser: The access token is deleted. The refresh token is kept until',
    'Step 9, Server to browser: No answer',
  ]);
  const browser = page.getByRole('region', { name: 'In this browser' });
  await expect(browser.getByText('is kept until the server has confirmed')).toBeVisible();
  // The end of the session has shortened everything.
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  await expectNothingOf(page, refresh_token);

  // The next person sees that something is kept, and not what.
  const next = somebody();
  await api.makeAccount(next);
  await card(page, 9).getByRole('link', { name: 'Sign in' }).click();
  await fillIn(page, next);
  await signInButton(page).click();
  await hasRow(page);
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  await expect(browser.getByText('IndexedDB · state: leaving')).toBeVisible();
  await expectNothingOf(page, refresh_token);

  isDown = false;
  // The pause before the next try has grown.
  await isEnded(api, access_token, { timeout: 60_000 });
  await sees(page, ['Step 9, browser: The server has confirmed it']);
});

test('step 10: an invalid refresh token is refused without a query, also without a session', async ({
  page,
}) => {
  await openStep(page, 10);
  await press(page, 'Send an invalid refresh token');
  await sees(page, [
    'Step 10, Browser to server: POST /api/v1/refresh · refresh token 0',
    'Step 10, server: This server has not made the token (wrong MAC): refused without a query',
    'Step 10, Server to browser: 401 refresh_token_invalid',
  ]);
});

test('step 10: an invalid refresh token does not touch the session', async ({ page, account }) => {
  await openSignedIn(page, account, 10);
  const before = await theStoredSession(page);
  await press(page, 'Send an invalid refresh token');
  await sees(page, ['Step 10, Server to browser: 401 refresh_token_invalid']);
  expect(await theStoredSession(page)).toEqual(before);
});

test('step 10: an old refresh token ends the session, and the page says so before and after', async ({
  page,
  account,
  api,
}) => {
  await openSignedIn(page, account, 10);
  const { access_token } = await theStoredSession(page);
  await buttonOf(page, 'Send an old refresh token').click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('This ends your session');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toBeHidden();
  expect((await api.account(access_token)).status).toBe(200);

  await buttonOf(page, 'Send an old refresh token').click();
  await dialog.getByRole('button', { name: 'End my session' }).click();
  await sees(page, [
    'Step 10, Person to browser: A thief copies refresh token 0',
    'Step 8, browser: The new pair is stored: refresh token 1',
    'Step 8, browser: The new pair is stored: refresh token 2',
    'Step 10, Person to browser: The thief presents the copy of refresh token 0',
    'Step 10, Browser to server: POST /api/v1/refresh · refresh token 0',
    'Step 10, Server to database: an old token that nothing explains',
    'Step 10, Server to browser: 401 refresh_token_reused',
  ]);
  // The panel of the database may ask at the same time, and be answered first.
  await sees(page, [
    'Step 10, server: This session is on the list of ended ones',
    'Step 10, Server to browser: 401 session_ended',
    'Step 10, browser: Both tokens are deleted',
  ]);
  await expect(page.getByRole('status').getByText('for your safety')).toBeVisible();
  await expect(page.getByRole('heading', { level: 2, name: /^10\. / })).toBeFocused();
  expect(await storedSession(page)).toBeNull();
  await isEnded(api, access_token);
});

test('an address leads to its step, and a link to another step moves the focus there', async ({
  page,
}) => {
  await openStep(page, 7);
  await expect(stepLink(page, 7)).toHaveAttribute('aria-current', 'step');
  await expect(card(page, 7)).toContainText('protocol/src/rotation.rs');
  await stepLink(page, 9).press('Enter');
  await expect(page.getByRole('heading', { level: 2, name: /^9\. / })).toBeFocused();
  await expect(page).toHaveURL(/\/flow#9$/);
  await page.goBack();
  await expect(card(page, 7)).toBeVisible();

  await page.goto('/flow#eleven');
  await expect(card(page, 1)).toBeVisible();
});

test('without a session the page offers to sign in where a session is needed', async ({ page }) => {
  for (const step of [5, 6, 7, 8, 9]) {
    await openStep(page, step);
    await expect(card(page, step).getByRole('button')).toHaveCount(0);
    await expect(card(page, step).getByRole('link', { name: 'Sign in' }).first()).toBeVisible();
  }
});

test('a step is made to happen with the keyboard alone, and the diagram is scrolled by keys', async ({
  page,
  account,
}) => {
  await openSignedIn(page, account, 1);
  await stepLink(page, 5).press('Enter');
  const button = page.getByRole('button', { name: 'Call a protected address' });
  await expect(page.getByRole('heading', { level: 2, name: /^5\. / })).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(button).toBeFocused();
  await page.keyboard.press('Enter');
  await sees(page, ['Step 5, Browser to person']);
  await expect(button).toBeFocused();
  await expect(page.getByRole('status').filter({ hasText: 'answered 200' })).toBeVisible();

  const diagram = page.getByRole('region', { name: 'The diagram' });
  for (let tabs = 0; tabs < 4; tabs += 1) {
    await page.keyboard.press('Tab');
    if (await diagram.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error('The Tab key does not reach the diagram.');
});

test('the tokens in full, an empty diagram and a theft, by the keyboard alone', async ({
  page,
  account,
  api,
}) => {
  await openSignedIn(page, account, 10);
  const { access_token, refresh_token } = await theStoredSession(page);
  const keys = page.keyboard;
  const full = page.getByRole('region', { name: 'In this browser' }).getByText(refresh_token);
  await tabTo(page, page.getByRole('button', { name: 'Show everything in full' }));
  await keys.press('Enter');
  await expect(full.first()).toBeVisible();
  await expect(page.getByRole('button', { name: 'Shorten everything' })).toBeFocused();
  await keys.press('Space');
  await expect(full).toHaveCount(0);

  await expect(lines(page)).not.toHaveCount(0);
  const clear = page.getByRole('button', { name: 'Clear', exact: true });
  await tabTo(page, clear);
  await keys.press('Enter');
  await expect(lines(page)).toHaveCount(0);
  await expect(page.getByText('Nothing yet. Press a button of a step')).toBeVisible();
  await expect(clear).toBeFocused();

  const opener = buttonOf(page, 'Send an old refresh token');
  const dialog = page.getByRole('dialog');
  const cancel = dialog.getByRole('button', { name: 'Cancel' });
  await tabTo(page, opener);
  await keys.press('Enter');
  await expect(cancel).toBeFocused();
  await keys.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(opener).toBeFocused();
  expect((await api.account(access_token)).status).toBe(200);
  await keys.press('Enter');
  await expect(cancel).toBeFocused();
  await keys.press('Tab');
  await expect(dialog.getByRole('button', { name: 'End my session' })).toBeFocused();
  await keys.press('Enter');
  await sees(page, ['Step 10, browser: Both tokens are deleted']);
  await expect(page.getByRole('heading', { level: 2, name: /^10\. / })).toBeFocused();
  await isEnded(api, access_token);
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test('three steps are made to happen by touch', async ({ page, account }) => {
    await openSignedIn(page, account, 1);
    for (const [step, name, seen] of [
      [1, 'Call without a token', 'Step 1, Server to browser: 401 access_token_missing'],
      [5, 'Call a protected address', 'Step 5, Browser to person'],
      [7, 'Refresh now', 'Step 8, browser: The new pair is stored: refresh token 1'],
    ] as const) {
      await stepLink(page, step).tap();
      await expect(card(page, step)).toBeVisible();
      await expect(stepLink(page, step)).toHaveAttribute('aria-current', 'step');
      await press(page, name, 'tap');
      await sees(page, [seen]);
      await expect(stepLink(page, step)).toHaveAccessibleName(/seen here$/);
    }
    expect(await fitsAPhone(page)).toBe(true);
  });
});

test('a full diagram, revealed tokens and a theft are accessible to everybody', async ({
  page,
  account,
}) => {
  // A line that is just appearing is pale. A check resets what is emulated.
  const withoutMotion = () => page.emulateMedia({ reducedMotion: 'reduce' });
  await withoutMotion();
  await openSignedIn(page, account, 8);
  await press(page, 'Call with a token that the server refuses');
  await sees(page, ['Step 8, Browser to person']);
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  expect(await violations(page)).toEqual([]);

  await withoutMotion();
  await goToStep(page, 10);
  await buttonOf(page, 'Send an old refresh token').click();
  await expect(page.getByRole('dialog')).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await withoutMotion();
  await page.getByRole('button', { name: 'End my session' }).click();
  await sees(page, ['Step 10, browser: Both tokens are deleted']);
  expect(await violations(page)).toEqual([]);
});

test('everything in full fits every screen without scrolling sideways', async ({
  page,
  account,
}) => {
  await openSignedIn(page, account, 7);
  await press(page, 'Refresh now');
  await sees(page, ['Step 8, browser: The new pair is stored']);
  await page.getByRole('button', { name: 'Show everything in full' }).click();
  const diagram = page.getByRole('region', { name: 'The diagram' });
  for (const width of [1280, 390, 320]) {
    await page.setViewportSize({ width, height: 700 });
    expect(await fitsAPhone(page), `${width} pixels`).toBe(true);
    // The diagram itself does not scroll sideways either.
    const hidden = await diagram.evaluate((element) => element.scrollWidth - element.clientWidth);
    expect(hidden, `${width} pixels`).toBeLessThanOrEqual(0);
  }
});

test('with reduced motion no line moves, and with forced colours the arrows are there', async ({
  page,
}) => {
  await page.emulateMedia({ reducedMotion: 'reduce', forcedColors: 'active' });
  await openStep(page, 1);
  await press(page, 'Call without a token');
  await sees(page, ['401 access_token_missing']);
  const { durations, borders } = await lines(page).evaluateAll((all) => {
    const arrows = all.flatMap((line) => [...line.querySelectorAll('.flow-arrow')]);
    const drawn = arrows.map((arrow) => getComputedStyle(arrow));
    const shown = drawn.filter(({ display }) => display !== 'none');
    return {
      durations: [...all, ...arrows].map((one) => getComputedStyle(one).animationDuration),
      borders: shown.map((style) => style.borderBlockEndWidth),
    };
  });
  expect(new Set(durations)).toEqual(new Set(['0s']));
  expect(borders.length).toBeGreaterThan(1);
  expect(new Set(borders)).toEqual(new Set(['2px']));
});

test('the countdown counts, and a renewal begins it anew', async ({ page, account }) => {
  await page.clock.install();
  await openSignedIn(page, account, 7);
  const timer = page.getByRole('timer');
  await expect(timer).toHaveText(/is valid for 4:\d\d$/);
  await page.clock.runFor(60_000);
  await expect(timer).toHaveText(/is valid for 3:\d\d$/);
  await press(page, 'Refresh now');
  await expect(timer).toHaveText(/is valid for 4:\d\d$/);
});

test('a thief with an access token sees nothing that a renewal changes', async ({
  account,
  baseURL,
}) => {
  const api = new Api(baseURL!);
  const tokens = await api.logIn(account);
  const read = async () => {
    const path = '/api/v1/sessions/current/stored';
    const answer = await api.call('GET', path, { bearer: tokens.access_token });
    expect(answer.status).toBe(200);
    expect(JSON.stringify(answer.body)).not.toMatch(/hfr_|eyJ/);
    return { ...(answer.body as Record<string, unknown>), last_used_at: 0 };
  };
  const before = await read();
  expect(before).toHaveProperty('link', null);
  expect((await api.refresh(tokens.refresh_token, '0123456789abcdef')).status).toBe(200);
  expect(await read()).toEqual(before);
});
