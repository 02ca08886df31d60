// Takes pictures of every page and of its states, for a person: `cargo xtask pictures`.
//
// A state has one test for both languages. So a test finds fields by their names, sends a form with the Enter
// key, and finds buttons by their place. Each picture waits for the state that it shows; nothing is checked
// about looks.

import type { Page } from '@playwright/test';
import {
  type Account,
  denyStorage,
  everyEvent,
  expect,
  fieldNamed,
  FIREFOX_ON_LINUX,
  holdAnswers,
  inEveryLook,
  openPage,
  openUnhydrated,
  PAGES,
  pictureFile,
  problem,
  SCREENS,
  somebody,
  test,
} from '../holdfast';

const WRONG = 'not the right password';
const NEW = 'a completely different sentence';

/** After too many wrong passwords. */
const tooMany = (detail: string) =>
  problem(429, 'too_many_attempts', { 'retry-after': '120' }, detail);

const UNAVAILABLE = problem(
  503,
  'temporarily_unavailable',
  { 'retry-after': '3' },
  'The service cannot answer this at the moment. Try again in a few seconds.',
);

const ofMain = (page: Page) => page.getByRole('main');
const alerts = (page: Page) => page.getByRole('alert');
const dialogOf = (page: Page) => page.getByRole('dialog');
const statusBar = (page: Page) => page.locator('.status-bar');

/** The button at the top of every page that signs out. */
const signOutAtTop = (page: Page) => page.getByRole('banner').getByRole('button');

/** What stands in place of what is still loading, and buttons whose action is under way. */
const busyParts = (page: Page) => page.locator('[aria-busy="true"]:visible');

/** The seven groups of a new recovery code. */
const groupsOfCode = (page: Page) => ofMain(page).getByRole('list').getByRole('listitem');

/** Waits until the account page has its account. */
const seesName = (page: Page, account: Account) =>
  expect(ofMain(page).getByText(account.username)).toBeVisible();

/** Fills these fields in, and sends the form with the Enter key in the last one. */
async function send(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(fields)) {
    await fieldNamed(page, name).fill(text);
  }
  await fieldNamed(page, Object.keys(fields).at(-1)!).press('Enter');
}

/** Makes a new code on its page. */
async function makeCode(page: Page, { password }: Account): Promise<void> {
  await page.goto('/recovery-code');
  await send(page, { password });
  await expect(groupsOfCode(page)).toHaveCount(7);
}

inEveryLook((look) => {
  for (const { name } of PAGES) {
    test(name, async ({ page, account }) => {
      await look.open(page, account, name);
      await look.take(page, name);
    });
  }

  test('a sign-up with mistakes', async ({ page }) => {
    await page.goto('/sign-up');
    await send(page, { password: '' });
    await expect(alerts(page)).toHaveCount(2);
    await look.take(page, 'sign-up-mistakes');
  });

  test('a sign-in with a wrong password, and after too many of them', async ({ page, account }) => {
    await page.goto('/sign-in');
    await send(page, { username: account.username, password: WRONG });
    await expect(alerts(page)).toBeVisible();
    await look.take(page, 'sign-in-mistakes');

    const detail =
      'Too many wrong passwords were tried for this username. Try again in 2 minutes, or sign in ' +
      'from a browser that you have signed in from before.';
    await page.route('**/api/v1/login', (route) => route.fulfill(tooMany(detail)));
    await send(page, { password: WRONG });
    await expect(alerts(page)).toContainText(/ 2 (minutes|Minuten)/);
    await look.take(page, 'sign-in-too-many');
  });

  test('home after signing out', async ({ page, account }) => {
    await look.open(page, account, 'home-signed-in');
    await signOutAtTop(page).click();
    await expect(page.getByText(look.words.signedOut)).toBeVisible();
    await look.take(page, 'home-signed-out');
  });

  test('sign-in after signing out, while the server does not know it yet', async ({
    page,
    context,
    account,
  }) => {
    await look.open(page, account, 'account');
    await context.route('**/api/v1/logout', (route) => route.abort());
    await signOutAtTop(page).click();
    await expect(fieldNamed(page, 'username')).toBeVisible();
    await expect(page.getByText(look.words.signedOut)).toBeVisible();
    await expect(statusBar(page)).toContainText(look.words.isLeaving);
    await look.take(page, 'sign-in-signed-out');
  });

  test('a recovery: a link of the operator, mistakes, and the next code', async ({
    page,
    api,
    holdfast,
  }) => {
    const account = somebody();
    const code = await api.makeAccount(account);
    const printed = await holdfast.operator('account', 'reset-link', account.username);
    const link = new URL(printed.trim());
    await page.goto(`${link.pathname}${link.hash}`);
    await expect(fieldNamed(page, 'recovery_code')).not.toHaveValue('');
    await expect(page).toHaveURL(/\/recover$/);
    await look.take(page, 'recover-link');

    await page.goto('/recover');
    await send(page, { new_password: '' });
    await expect(alerts(page)).toHaveCount(3);
    await look.take(page, 'recover-mistakes');

    // A thief has changed the name.
    const { access_token: bearer } = await api.logIn(account);
    const body = { username: somebody('lovelace').username, password: account.password };
    await api.call('PUT', '/api/v1/account/username', { body, bearer });
    const { username } = account;
    await send(page, { username, recovery_code: code, new_password: NEW });
    await expect(groupsOfCode(page)).toHaveCount(7);
    // The box is not ticked.
    await fieldNamed(page, 'kept').press('Enter');
    await expect(alerts(page)).toBeVisible();
    await look.take(page, 'recover-done');
  });

  test('a new recovery code, on paper as well, and the offer of one', async ({ page }) => {
    const account = somebody();
    await page.goto('/sign-up');
    await send(page, { username: account.username, password: account.password });
    await expect(groupsOfCode(page)).toHaveCount(7);
    await look.take(page, 'recovery-code-new');
    // Neither these colours nor paper depend on the screen, and paper has no dark design.
    if (look.screen === 'desktop') {
      await page.emulateMedia({ forcedColors: 'active' });
      await look.take(page, 'recovery-code-forced-colours');
      await page.emulateMedia({ forcedColors: null });
    }
    if (look.screen === 'desktop' && look.colorScheme === 'light') {
      await page.emulateMedia({ media: 'print' });
      await seesName(page, account);
      await look.take(page, 'recovery-code-printed');
      await page.emulateMedia({ media: null });
    }

    await page.goto('/account');
    await expect(page.getByRole('complementary')).toBeVisible();
    await seesName(page, account);
    await look.take(page, 'recovery-code-offered');
  });

  test('a recovery code that another tab has replaced, and a mistake after it', async ({
    page,
    context,
    account,
  }) => {
    await look.signIn(page, account);
    await makeCode(page, account);
    await makeCode(await context.newPage(), account);
    await fieldNamed(page, 'kept').check();
    await fieldNamed(page, 'kept').press('Enter');
    await expect(alerts(page)).toBeVisible();
    await send(page, { password: '' });
    await expect(alerts(page)).toHaveCount(2);
    await expect(busyParts(page)).toHaveCount(0);
    await look.take(page, 'recovery-code-replaced');
  });

  test('pages that are still loading', async ({ page, account }) => {
    await look.signIn(page, account);
    for (const [name, path, call] of [
      ['account-loading', '/account', '**/api/v1/account'],
      ['activity-loading', '/activity', '**/api/v1/activity?*'],
    ] as const) {
      const answers = await holdAnswers(page, call);
      await page.goto(path);
      await expect.poll(answers.waiting).toBeGreaterThan(0);
      await expect(busyParts(page).first()).toBeVisible();
      await look.take(page, name);
      answers.open();
    }
  });

  test('a page that finds no network', async ({ page, context, account }) => {
    await look.signIn(page, account);
    await context.route(/\/(api\/|healthz)/, (route) => route.abort());
    await page.goto('/account');
    await expect(statusBar(page)).toContainText(look.words.reconnecting);
    await expect(alerts(page)).toBeVisible();
    await look.take(page, 'account-offline');
  });

  test('a browser that stores nothing', async ({ page, account }) => {
    for (const storage of ['indexedDB', 'localStorage'] as const) {
      await denyStorage(page, storage);
    }
    await look.signIn(page, account);
    await expect(statusBar(page)).toContainText(look.words.storesNothing);
    await expect(busyParts(page)).toHaveCount(0);
    await look.take(page, 'account-stores-nothing');
  });

  test('an activity without events, and one with every kind of event and a failed load', async ({
    page,
    account,
  }) => {
    const call = '**/api/v1/activity?*';
    await look.signIn(page, account);
    await page.route(call, (route) => route.fulfill({ json: { events: [], next: null } }));
    await page.goto('/activity');
    await expect(page.getByText(look.words.noEvent)).toBeVisible();
    await look.take(page, 'activity-empty');

    const events = everyEvent();
    await page.unroute(call);
    await page.route(call, (route) => {
      const isAboutOlder = new URL(route.request().url()).searchParams.has('before');
      return route.fulfill(isAboutOlder ? UNAVAILABLE : { json: { events, next: 'older' } });
    });
    await page.goto('/activity');
    await expect(ofMain(page).getByRole('listitem')).toHaveCount(events.length);
    await ofMain(page).getByRole('button').click();
    await expect(alerts(page)).toBeVisible();
    await expect(busyParts(page)).toHaveCount(0);
    await look.take(page, 'activity-failed');
  });

  test('sessions with names, and the questions about them with mistakes', async ({
    page,
    account,
    api,
  }) => {
    const other = await api.logIn(account, FIREFOX_ON_LINUX);
    await api.nameSession(other.access_token, other.session_id, 'ThinkPad');
    await look.open(page, account, 'sessions');
    const rows = ofMain(page).getByRole('listitem');
    await expect(rows).toHaveCount(2);
    await rows.first().getByRole('button').first().click();
    await send(page, { 'session-name': 'w'.repeat(65) });
    await expect(dialogOf(page).getByRole('alert')).toBeVisible();
    await look.takeScreen(page, 'sessions-renamed');

    await send(page, { 'session-name': 'Laptop' });
    await expect(dialogOf(page)).toBeHidden();
    await expect(rows.first()).toContainText('Laptop');
    await look.take(page, 'sessions-named');

    await ofMain(page).getByRole('button').last().click();
    await send(page, { 'end-password': WRONG });
    await expect(dialogOf(page).getByRole('alert')).toBeVisible();
    await look.takeScreen(page, 'sessions-asked');
  });

  test('the notice of a new sign-in, and the new password after it', async ({
    page,
    account,
    api,
  }) => {
    await look.open(page, account, 'account');
    await api.logIn(account, FIREFOX_ON_LINUX);
    await page.goto('/account');
    const wasNotMe = page.getByRole('complementary').getByRole('button').last();
    await expect(wasNotMe).not.toHaveAttribute('aria-disabled', 'true');
    await seesName(page, account);
    await look.take(page, 'sign-in-notice');

    const call = '**/api/v1/sessions/*';
    const detail = 'Too many attempts. Try again in 2 minutes.';
    await page.route(call, (route) => route.fulfill(tooMany(detail)));
    await wasNotMe.click();
    await send(page, { 'end-password': account.password });
    await expect(dialogOf(page).getByRole('alert')).toBeVisible();
    await look.takeScreen(page, 'sign-in-notice-asked');

    await page.unroute(call);
    await send(page, { 'end-password': account.password });
    await expect(page.getByText(look.words.notMe)).toBeVisible();
    await send(page, { new_password: '' });
    await expect(alerts(page)).toHaveCount(2);
    await look.take(page, 'password-not-me');

    await send(page, { current_password: account.password, new_password: NEW });
    await expect(ofMain(page).getByRole('status')).not.toBeEmpty();
    await expect(busyParts(page)).toHaveCount(0);
    await look.take(page, 'password-changed');
  });

  test('a username that is taken, and one that is not', async ({ page, account, api }) => {
    const other = somebody('eve');
    await api.makeAccount(other);
    await look.open(page, account, 'username');
    await send(page, { username: other.username, password: account.password });
    await expect(alerts(page)).toBeVisible();
    await look.take(page, 'username-taken');

    await send(page, { username: somebody('lovelace').username, password: account.password });
    await expect(ofMain(page).getByRole('status')).not.toBeEmpty();
    await expect(busyParts(page)).toHaveCount(0);
    await look.take(page, 'username-changed');
  });

  test('data on their way beside mistakes, and a deleted account', async ({ page, account }) => {
    await look.open(page, account, 'data');
    const answers = await holdAnswers(page, '**/api/v1/account/data');
    await ofMain(page).getByRole('button').first().click();
    await expect.poll(answers.waiting).toBe(1);
    await send(page, { confirm: 'ada', password: '' });
    await expect(alerts(page)).toHaveCount(2);
    await expect(busyParts(page)).toHaveCount(1);
    await look.take(page, 'data-downloading');

    const arriving = page.waitForEvent('download');
    answers.open();
    await arriving;
    await send(page, { confirm: account.username, password: account.password });
    await expect(page.getByText(look.words.accountDeleted)).toBeVisible();
    await expect(fieldNamed(page, 'username')).toBeVisible();
    await look.take(page, 'data-deleted');
  });

  test('the flow after a refused call, and a theft', async ({ page, account }) => {
    const card = (step: number) => page.getByRole('region', { name: new RegExp(`^${step}\\. `) });
    await look.open(page, account, 'flow-signed-in');
    await page.goto('/flow#8');
    await card(8).getByRole('button').click();
    await expect(page.getByText(look.words.allYouSee)).toBeVisible();
    await expect(page.getByText(look.words.oneRenewal)).toBeVisible();
    await page.locator('.flow-now').getByRole('button').click();
    await expect(busyParts(page)).toHaveCount(0);
    await look.take(page, 'flow-used');

    await page.goto('/flow#10');
    await card(10).getByRole('button').last().click();
    await expect(dialogOf(page)).toBeVisible();
    await look.takeScreen(page, 'flow-theft-asked');

    await dialogOf(page).getByRole('button').last().click();
    await expect(page.getByRole('status').getByText(look.words.sessionReused)).toBeVisible();
    await expect(page.getByText(look.words.tokensDeleted).last()).toBeVisible();
    await look.take(page, 'flow-theft');
  });

  test('a page whose script does not arrive', async ({ page }) => {
    await page.route('**/pkg/*.wasm', (route) => route.abort());
    await openUnhydrated(page, '/account');
    await expect(alerts(page)).toBeVisible();
    await look.take(page, 'trouble');
  });

  test('a fault of the server', async ({ page }) => {
    await openUnhydrated(page, '/language/fr');
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await page.waitForLoadState();
    await look.take(page, 'fault');
  });

  test.describe('a part of the code', () => {
    test.use({ mayComplain: [/Failed to fetch|HTTP status code is not ok/] });

    test('that does not arrive: a page, and then the session of another tab', async ({
      page,
      context,
      account,
    }) => {
      await page.goto('/');
      await page.route('**/pkg/**', (route) => route.abort());
      await ofMain(page).locator('a[href="/sign-in"]').click();
      // The home page has links only.
      await expect(ofMain(page).getByRole('button')).toBeVisible();
      await look.signIn(await context.newPage(), account);
      await expect(alerts(page)).toBeVisible();
      await look.take(page, 'missing-page');
    });
  });
});

test.describe('the pictures of the README', { tag: '@readme' }, () => {
  test.use({
    viewport: SCREENS.desktop,
    colorScheme: 'light',
    contextOptions: { reducedMotion: 'reduce' },
  });

  test('the account page', async ({ page, account }) => {
    await openPage(page, account, PAGES.find(({ name }) => name === 'account')!);
    await page.screenshot({ path: pictureFile('account'), fullPage: true });
  });

  test('the flow, after a refused call', async ({ page, account }) => {
    await openPage(page, account, PAGES.find(({ name }) => name === 'flow-signed-in')!);
    await page.goto('/flow#8');
    // The picture begins with the press, and has all lines.
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.locator('html').evaluate((root) => root.style.setProperty('--diagram', 'auto'));
    await page.getByRole('button', { name: 'Call with a token that the server refuses' }).click();
    const told = page.getByRole('region', { name: 'The diagram' });
    await expect(told.getByText('On any other page')).toBeVisible();
    await expect(told.getByText('for the panel «In the database»')).toBeVisible();
    // The steps and the diagram, without the panels below them.
    const diagram = page.getByRole('region', { name: 'What happens' });
    const bottom = await diagram.evaluate((it) => it.getBoundingClientRect().bottom + scrollY);
    const clip = { x: 0, y: 0, width: 1280, height: Math.ceil(bottom) + 20 };
    await page.screenshot({ path: pictureFile('flow'), fullPage: true, clip });
  });
});
