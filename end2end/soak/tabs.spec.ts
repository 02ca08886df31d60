// Ten tabs of one browser make calls all the time. The network and the servers fail from time to
// time. In one more tab two people sign in and out, and change their passwords. No tab may be
// signed out in any other way, and all tabs show who is signed in. In another tab a person types
// something, and a change of the password keeps it. One press on «Sign out» is enough. New browsers, which
// have no file of the pages yet, go from page to page: a page whose code does not arrive says so, and can be
// tried again.

import { type Browser, type BrowserContext, type Page, expect, test } from '@playwright/test';
import {
  type Account,
  Api,
  fillIn,
  heading,
  signInButton,
  signOutButton,
  somebody,
  storedSession,
} from '../holdfast';

const TABS = Number(process.env.SOAK_TABS ?? 10);
const SECONDS = Number(process.env.SOAK_SECONDS ?? 600);

/** After this time, a request that the client has given up does not arrive any more: the proxy delivers it up to
 * 20 s later, and a server that is frozen reads it when it goes on. */
const LATEST_DELIVERY_MS = 40_000;

/** What the test has seen. */
const tally = {
  answered: 0,
  failed: 0,
  reloads: 0,
  renewals: 0,
  retries: 0,
  conflicts: 0,
  signOuts: 0,
  changesOfPerson: 0,
  changesOfPassword: 0,
  changesNotKnown: 0,
  changesRefused: 0,
  pagesArrived: 0,
  pagesMissed: 0,
};

/** The account that is signed in. While a person does something, it is not known. */
const now: { person: Account; acts: number; isActing: boolean } = {
  person: somebody('soak'),
  acts: 0,
  isActing: false,
};

test('nobody is signed out', async ({ context, browser }) => {
  const end = Date.now() + SECONDS * 1000;
  const faults: string[] = [];
  watchRefreshes(context);

  const hands = await context.newPage();
  const other = await signUp(hands);
  await signOutAndStayOut(hands, faults);
  now.person = await signUp(hands);
  const tabs: Page[] = [];
  while (tabs.length < TABS) {
    tabs.push(await openTab(await context.newPage()));
  }

  const desk = await openTab(await context.newPage());
  const people = live(hands, desk, other, end, faults);
  const visits = visit(browser, end, faults);
  const lives = tabs.map(async (tab, number) => {
    let strangers = 0;
    while (Date.now() < end && faults.length === 0) {
      const { acts } = now;
      const isAnswered = await call(tab);
      const why = await isSignedOut(tab);
      const isAnother = isAnswered && !(await shows(tab, now.person));
      // An observation during a sign-in or a sign-out does not count.
      if (acts === now.acts && !now.isActing) {
        if (why) faults.push(`tab ${number} is signed out: ${why}`);
        // The answer may be to an earlier request.
        strangers = isAnother ? strangers + 1 : 0;
        if (strangers > 1) faults.push(`tab ${number} shows another person`);
      }
      // From time to time a person reloads the page. It may not load while servers fail.
      if (Math.random() < 0.02 || !(await isAlive(tab))) {
        tally.reloads += 1;
        await open(tab).catch(() => {});
      }
      await pause(500 + Math.random() * 2500);
    }
  });
  await Promise.all([people, visits, ...lives]);
  expect(faults, 'what went wrong').toEqual([]);

  // Everything is repaired now, or will be soon. Then each tab makes one more call.
  for (const [number, tab] of tabs.entries()) {
    await expect(async () => {
      if (!(await isAlive(tab))) await open(tab);
      expect(await call(tab), `tab ${number} is answered`).toBe(true);
    }).toPass({ timeout: 150_000 });
    const why = await isSignedOut(tab);
    if (why) faults.push(why);
    await expect(tab.getByText(`Signed in as ${now.person.username}`)).toBeVisible();
  }
  const session = await storedSession(hands);
  const counts = Object.entries(tally).map(([what, count]) => `${what} ${count}`);
  console.log(
    `Browser: ${TABS} tabs, ${counts.join(', ')}, ` +
      `generation ${session?.generation}, unwanted sign-outs and strangers ${faults.length}`,
  );
  expect(faults).toEqual([]);
  // A soak in which nothing happened has shown nothing. A short soak may have no time for all of
  // these.
  expect(tally.renewals).toBeGreaterThan(0);
  expect(tally.pagesArrived).toBeGreaterThan(0);
  if (SECONDS >= 300) {
    expect(tally.signOuts).toBeGreaterThan(0);
    expect(tally.changesOfPerson).toBeGreaterThan(0);
    expect(tally.changesOfPassword).toBeGreaterThan(0);
    expect(tally.pagesMissed).toBeGreaterThan(0);
  }
});

/** Two people use the browser in turns, and change their passwords from time to time. */
async function live(
  hands: Page,
  desk: Page,
  other: Account,
  end: number,
  faults: string[],
): Promise<void> {
  while (Date.now() < end && faults.length === 0) {
    await pause(5_000 + Math.random() * 10_000);
    now.isActing = true;
    const what = Math.random();
    if (what < 0.4) {
      const text = await type(desk);
      const fate = await changePassword(hands, now.person, faults);
      tally[fate] += 1;
      if (fate !== 'changesNotKnown') {
        // Calls of that tab may have been under way until now.
        await pause(Math.random() * 5_000);
        const kept = await desk.getByLabel('New password').inputValue({ timeout: 1_000 }).catch(() => null);
        if (kept !== text) faults.push(`a change of the password lost what was typed at ${desk.url()}`);
      }
    } else {
      await signOutAndStayOut(hands, faults);
      tally.signOuts += 1;
      if (what < 0.7) {
        [now.person, other] = [other, now.person];
        tally.changesOfPerson += 1;
      }
      await signIn(hands, now.person);
    }
    now.acts += 1;
    now.isActing = false;
  }
}

/** New browsers go from the sign-in to the sign-up, whose code is in a piece of its own. */
async function visit(browser: Browser, end: number, faults: string[]): Promise<void> {
  while (Date.now() < end && faults.length === 0) {
    const visitor = await browser.newContext({ baseURL: process.env.SOAK_URL });
    const page = await visitor.newPage();
    await expect(async () => openAt(page, '/sign-in')).toPass({ timeout: 180_000 });
    await page.getByRole('link', { name: 'Create account' }).first().click();
    const arrived = heading(page, 'Create your account');
    const missed = heading(page, 'This page did not arrive');
    const isTold = await arrived.or(missed).waitFor({ timeout: 60_000 }).then(() => true, () => false);
    if (!isTold) faults.push(`a page that did not arrive says nothing at ${page.url()}`);
    if (await missed.isVisible()) {
      tally.pagesMissed += 1;
      await expect(async () => {
        const again = page.getByRole('button', { name: 'Try again' });
        if (await again.isVisible()) await again.click({ timeout: 5_000 });
        await expect(arrived).toBeVisible({ timeout: 30_000 });
      }).toPass({ timeout: 180_000 });
    }
    tally.pagesArrived += 1;
    await visitor.close();
    await pause(1_000 + Math.random() * 3_000);
  }
}

/** Types something that is not sent. */
async function type(desk: Page): Promise<string> {
  const text = somebody('half of a sentence').username;
  await expect(async () => {
    await openAt(desk, '/password');
    await desk.getByLabel('New password').fill(text);
  }).toPass({ timeout: 120_000 });
  return text;
}

/** Makes an account. If the answer gets lost, it makes another account. */
async function signUp(page: Page): Promise<Account> {
  const tried: Account[] = [];
  let made: Account | undefined;
  await expect(async () => {
    // An answer may have come after the patience with it had ended. Then the person is signed in.
    const isSignedIn = (await storedSession(page).catch(() => null)) !== null;
    if (!isSignedIn) {
      await openAt(page, '/sign-up');
      const account = somebody('soak');
      tried.push(account);
      await fillIn(page, account);
      await page.getByRole('button', { name: 'Create account' }).click();
      // If an answer got lost, the page has no recovery code to show.
      const arrived = heading(page, 'Your recovery code').or(heading(page, 'Your account'));
      await expect(arrived).toBeVisible();
    }
    await openAt(page, '/account');
    await expect(page.getByText(/^Signed in as/).first()).toBeVisible();
    for (const account of tried) {
      if (await shows(page, account)) made = account;
    }
    expect(made, 'the account that is signed in').toBeDefined();
  }).toPass({ timeout: 120_000 });
  return made!;
}

/** Signs out with one press. This needs no answer of the server, and no tab undoes it. */
async function signOutAndStayOut(page: Page, faults: string[]): Promise<void> {
  await expect(async () => {
    if (!(await isAlive(page))) await openAt(page, '/account');
    await expect(signOutButton(page)).toBeVisible();
  }).toPass({ timeout: 120_000 });
  await signOutButton(page).click();
  const isOut = await heading(page, 'Sign in')
    .waitFor({ timeout: 60_000 })
    .then(() => true, () => false);
  if (!isOut) faults.push(`a press on «Sign out» did nothing at ${page.url()}`);
  expect(await storedSession(page), 'a sign-out holds').toBeNull();
}

/** Signs in. If the answer gets lost, it tries again. */
async function signIn(page: Page, account: Account): Promise<void> {
  await expect(async () => {
    if (await signOutButton(page).isVisible()) return;
    if (!(await isAlive(page)) || !(await heading(page, 'Sign in').isVisible())) {
      await openAt(page, '/sign-in');
    }
    await fillIn(page, account);
    await signInButton(page).click();
    await expect(signOutButton(page)).toBeVisible();
  }).toPass({ timeout: 120_000 });
  await expect(async () => {
    if (!(await isAlive(page)) || !(await heading(page, 'Your account').isVisible())) {
      await openAt(page, '/account');
    }
    await expect(page.getByText(`Signed in as ${account.username}`)).toBeVisible();
  }).toPass({ timeout: 120_000 });
}

/** Changes the password. What the page says about the result must be true. */
async function changePassword(
  page: Page,
  account: Account,
  faults: string[],
): Promise<'changesOfPassword' | 'changesNotKnown' | 'changesRefused'> {
  const wanted = `${somebody('a new password of').username} and more`;
  await expect(async () => openAt(page, '/password')).toPass({ timeout: 120_000 });
  await page.getByLabel('Current password').fill(account.password);
  await page.getByLabel('New password').fill(wanted);
  await page.getByRole('button', { name: 'Change password' }).click();
  const done = page.getByRole('status').getByText('Your password is changed.');
  const trouble = page.getByRole('alert');
  const signedOut = heading(page, 'Sign in');
  await expect(done.or(trouble).or(signedOut).first()).toBeVisible({ timeout: 300_000 });
  if (await done.isVisible()) {
    account.password = wanted;
    return 'changesOfPassword';
  }
  if (await signedOut.isVisible()) {
    const text = await page.locator('body').innerText();
    faults.push(`a change of the password signed out: ${text.replaceAll(/\s+/g, ' ').slice(0, 300)}`);
  }
  const told = (await trouble.allInnerTexts()).join(' ');
  const isNotKnown = /it is not known whether this was done/i.test(told);
  // Until then the request may arrive, and it would sign out whoever has signed in meanwhile.
  if (isNotKnown) await pause(LATEST_DELIVERY_MS);
  const isChanged = await isGood({ ...account, password: wanted });
  if (isChanged) account.password = wanted;
  if (!isNotKnown) {
    if (isChanged) faults.push(`a change of the password was done, and the page said: ${told}`);
    return 'changesRefused';
  }
  await signIn(page, account);
  return 'changesNotKnown';
}

/** Whether a person can sign in with this password. */
async function isGood(account: Account): Promise<boolean> {
  const api = new Api(process.env.SOAK_URL!);
  let status = 0;
  await expect(async () => {
    const answer = await api.call('POST', '/api/v1/login', { body: account });
    expect([200, 401]).toContain(answer.status);
    status = answer.status;
  }).toPass({ timeout: 120_000 });
  return status === 200;
}

/** Whether the account page shows this person. */
async function shows(page: Page, person: Account): Promise<boolean> {
  return page.getByText(`Signed in as ${person.username}`).isVisible();
}

/** Opens the account page, again and again, until all its files have come. */
async function openTab(page: Page): Promise<Page> {
  await expect(async () => open(page)).toPass({ timeout: 180_000 });
  return page;
}

/** Opens the account page. */
const open = (page: Page) => openAt(page, '/account');

/** Opens a page. All tabs share six connections, so its files may have to wait. */
async function openAt(page: Page, path: string): Promise<void> {
  await page.goto(path, { waitUntil: 'commit', timeout: 30_000 });
  await comesAlive(page);
}

const alive = (page: Page) => page.locator('html[data-hydrated="true"]');
const isAlive = async (page: Page) => (await alive(page).count()) > 0;
const comesAlive = (page: Page) => alive(page).waitFor({ state: 'attached', timeout: 30_000 });

/** Loads the account with the button of the page. Returns whether an answer came. */
async function call(page: Page): Promise<boolean> {
  const button = page.getByRole('button', { name: /^(Check my sign-in|Try again)$/ });
  try {
    // While a call waits for its renewal, the button says so and is disabled.
    await button.click({ timeout: 45_000 });
    await expect(button).toBeEnabled({ timeout: 45_000 });
  } catch {
    tally.failed += 1;
    return false;
  }
  const isAnswered = (await page.getByRole('alert').count()) === 0;
  tally[isAnswered ? 'answered' : 'failed'] += 1;
  return isAnswered;
}

/** How a person would notice that they are signed out: the page says so, or storage is empty. */
async function isSignedOut(page: Page): Promise<string | null> {
  const session = await storedSession(page).catch(() => 'the page is just being loaded');
  if (session !== null && !(await heading(page, 'Sign in').isVisible())) {
    return null;
  }
  // A page that could not be loaded says nothing.
  const text = await page.locator('main').innerText({ timeout: 5_000 }).catch(() => '');
  return `${page.url()} says: ${text.replaceAll(/\s+/g, ' ').slice(0, 300)}`;
}

/** Counts the refreshes of all tabs. */
function watchRefreshes(browser: BrowserContext): void {
  const keys = new Set<string | undefined>();
  const isRefresh = (url: string) => new URL(url).pathname === '/api/v1/refresh';
  browser.on('request', (request) => {
    if (isRefresh(request.url())) {
      const key = request.headers()['idempotency-key'];
      if (keys.has(key)) tally.retries += 1;
      keys.add(key);
    }
  });
  browser.on('response', (response) => {
    if (isRefresh(response.url())) {
      if (response.status() === 200) tally.renewals += 1;
      if (response.status() === 409) tally.conflicts += 1;
    }
  });
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
