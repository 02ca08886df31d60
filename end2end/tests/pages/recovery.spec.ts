import { readFile } from 'node:fs/promises';
import type { Page, Request, Route } from '@playwright/test';
import {
  type Account,
  type Api,
  denyStorage,
  expect,
  fillIn,
  FIREFOX_ON_LINUX,
  fitsAPhone,
  heading,
  holdAnswers,
  holdRequests,
  isEnded,
  isSignedOut,
  keepCode,
  Network,
  openUnhydrated,
  seesAccount,
  shownCode,
  signIn,
  signInButton,
  signOut,
  signOutButton,
  somebody,
  test,
} from '../../holdfast';

const NEW = 'a completely different sentence';

/** A recovery code of another account. */
const foreignCode = (api: Api) => api.makeAccount(somebody('eve'));

/** Fills in the form of `/recover` and sends it. */
async function recover(
  page: Page,
  { username }: Account,
  code: string,
  password = NEW,
): Promise<void> {
  await page.goto('/recover');
  await fillInRecovery(page, { username }, code, password);
}

async function fillInRecovery(
  page: Page,
  { username }: Pick<Account, 'username'>,
  code: string,
  password = NEW,
): Promise<void> {
  // The page before may have a field of the same name.
  await expect(heading(page, 'Get back in')).toBeVisible();
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Recovery code').fill(code);
  await page.getByLabel('New password').fill(password);
  await page.getByRole('button', { name: 'Set new password' }).click();
}

/**
 * Opens the form in a page that has shown another account. Returns an account with its code, and a
 * third account.
 */
async function openRecoveryAfterAnother(
  page: Page,
  account: Account,
  api: Api,
): Promise<{ grace: Account; other: Account; code: string }> {
  await signIn(page, account);
  await signOut(page);
  const [grace, other] = [somebody('grace'), somebody('hedy')];
  const code = await api.makeAccount(grace);
  await api.makeAccount(other);
  await page.getByRole('link', { name: 'Use your recovery code' }).click();
  return { grace, other, code };
}

/** Counts how often the page loads from now on. */
function countLoads(page: Page): () => number {
  let loads = 0;
  page.on('domcontentloaded', () => (loads += 1));
  return () => loads;
}

/** What the browser stores for the page, as text. */
const stored = (page: Page) =>
  page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }));

const codeOfLogIn = async (api: Api, account: Account) =>
  (await api.call('POST', '/api/v1/login', { body: account })).body.code;

/** The offer of a recovery code, which every page shows. */
const offer = (page: Page) => page.getByRole('complementary', { name: 'Recovery code' });

/** Makes a new code, which the page then shows. */
async function makeNewCode(page: Page, { password }: Account): Promise<string> {
  await page.goto('/recovery-code');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Make a new code' }).click();
  return shownCode(page);
}

test('a person recovers the account by the name from before a thief changed it', async ({
  page,
  api,
}) => {
  const account = somebody();
  const code = await api.makeAccount(account);
  const thief = await api.logIn(account);
  const { username } = somebody('thief');
  const body = { username, password: account.password };
  const bearer = thief.access_token;
  expect((await api.call('PUT', '/api/v1/account/username', { body, bearer })).status).toBe(200);

  await recover(page, account, code);
  await expect(page.getByText(`Sign in with ${username} from now on.`)).toBeVisible();
  await page.getByLabel('I have kept it').check();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await seesAccount(page, { ...account, username });
});

test('bar 53: a person signs up, keeps the code, loses the password and gets back in', async ({
  page,
  api,
  anotherBrowser,
}) => {
  const account = somebody();
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  const code = await keepCode(page);
  await seesAccount(page, account);
  await signOut(page);
  const elsewhere = await api.logIn(account);

  const browser = await (await anotherBrowser()).newPage();
  await browser.goto('/sign-in');
  await browser.getByRole('link', { name: 'Use your recovery code' }).click();
  await expect(heading(browser, 'Get back in')).toBeFocused();
  await browser.getByLabel('Username').fill(account.username);
  // A person types it without capital letters and hyphens.
  await browser.getByLabel('Recovery code').fill(code.toLowerCase().replaceAll('-', ' '));
  await browser.getByLabel('New password').fill(NEW);
  await browser.getByLabel('New password').press('Enter');

  await expect(browser.getByRole('status').getByText('Your new password is set.')).toBeVisible();
  await expect(browser.getByRole('heading', { name: 'Keep this code' })).toBeFocused();
  const next = await shownCode(browser);
  expect(next).not.toBe(code);
  await isEnded(api, elsewhere.access_token);
  await browser.getByLabel('I have kept it').check();
  await browser.getByRole('button', { name: 'Sign in', exact: true }).click();
  await seesAccount(browser, account);
  await expect(offer(browser)).toHaveCount(0);
  await browser.reload();
  await seesAccount(browser, account);
  await expect(offer(browser)).toHaveCount(0);

  expect(await codeOfLogIn(api, account)).toBe('invalid_credentials');
  await browser.getByRole('link', { name: 'Activity' }).click();
  await expect(browser.getByText('New password set without the old one')).toBeVisible();
  // The used code is void, and the next one works.
  await recover(page, account, code, 'yet another sentence of mine');
  await expect(page.getByRole('alert')).toContainText('The username or the recovery code is wrong.');
  await recover(page, account, next, 'yet another sentence of mine');
  await expect(page.getByRole('heading', { name: 'Keep this code' })).toBeVisible();
});

test('bar 53: a person who lost the code, too, gets back in by a link of the operator', async ({
  page,
  account,
  api,
  holdfast,
}) => {
  const before = await api.logIn(account);
  const printed = await holdfast.operator('account', 'reset-link', account.username);
  const link = new URL(printed.trim());
  expect(link.origin).toBe('https://holdfast.example');
  const sent: string[] = [];
  page.on('request', (request) => sent.push(`${request.url()} ${request.postData() ?? ''}`));
  await page.goto(`${link.pathname}${link.hash}`);
  await expect(page.getByText('Your link has filled in the username and the code.').first()).toBeVisible();
  await expect(page.getByText('Enter the recovery code')).toHaveCount(0);
  await expect(page.getByLabel('Username')).toHaveValue(account.username);
  await expect(page.getByLabel('New password')).toBeFocused();
  // Neither the address nor the history has the code any more, and no server was told it.
  const code = new URLSearchParams(link.hash.slice(1)).get('code')!;
  await expect(page).toHaveURL(/\/recover$/);
  expect(sent.filter((request) => request.includes(code))).toEqual([]);

  await page.getByLabel('New password').fill(NEW);
  await page.getByLabel('New password').press('Enter');
  await expect(page.getByRole('heading', { name: 'Keep this code' })).toBeFocused();
  await isEnded(api, before.access_token);
  await page.getByLabel('I have kept it').check();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await seesAccount(page, account);
  await page.getByRole('link', { name: 'Activity' }).click();
  await expect(page.getByText('The people who run this site made a link for a new password')).toBeVisible();

  // The link works once, and the page says so.
  await page.goto(`${link.pathname}${link.hash}`);
  await page.getByLabel('New password').fill('yet another sentence of mine');
  await page.getByLabel('New password').press('Enter');
  await expect(page.getByRole('alert')).toContainText('This link does not work any more.');
  await expect(page.getByLabel('Username')).toHaveValue(account.username);
});

test('bar 53: a wrong code and an unknown name are told in the same words, and change nothing', async ({
  page,
  account,
  api,
}) => {
  const wrong = await foreignCode(api);
  for (const one of [account, somebody('nobody')]) {
    await recover(page, one, wrong);
    await expect(page.getByRole('alert')).toHaveText(
      'The username or the recovery code is wrong. If you have made several codes, use the newest one.',
    );
    await expect(page.getByLabel('Recovery code')).toBeFocused();
    // The person corrects it, and types nothing twice.
    await expect(page.getByLabel('Username')).toHaveValue(one.username);
    await expect(page.getByLabel('Recovery code')).toHaveValue(wrong);
  }
  await api.logIn(account);
});

test('the page reports a mistyped code and a short password at their fields, and sends nothing', async ({
  page,
  account,
  api,
}) => {
  const code = await foreignCode(api);
  const network = new Network(page);
  const last = code.endsWith('Z') ? 'Y' : 'Z';
  await recover(page, account, code.slice(0, -1) + last);
  await expect(page.getByRole('alert')).toContainText('typing mistake');
  await expect(page.getByLabel('Recovery code')).toBeFocused();
  await recover(page, account, code.slice(0, 9));
  await expect(page.getByRole('alert')).toContainText('has 28 letters and digits; this one has 8');
  await recover(page, account, code, 'too short');
  await expect(page.getByRole('alert')).toContainText('15 characters');
  await expect(page.getByLabel('New password')).toBeFocused();
  expect(network.begun('POST /api/v1/recover')).toEqual([]);
});

for (const [what, lose] of [
  ['lost', (route: Route) => route.abort()],
  [
    'cut',
    async (route: Route, text: string) => route.fulfill({ body: text.slice(0, text.length / 2) }),
  ],
] as const) {
  test(`bar 53: an answer that is ${what} is asked for again, and has the same code`, async ({
    page,
    api,
  }) => {
    const account = somebody();
    const code = await api.makeAccount(account);
    let lost = '';
    await page.route(
      '**/api/v1/recover',
      async (route) => {
        const response = await route.fetch();
        lost = ((await response.json()) as { recovery_code: string }).recovery_code;
        await lose(route, await response.text());
      },
      { times: 1 },
    );
    const network = new Network(page);
    await recover(page, account, code);
    await expect(page.getByRole('heading', { name: 'Keep this code' })).toBeVisible();
    expect(await shownCode(page)).toBe(lost);
    expect(network.begun('POST /api/v1/recover')).toHaveLength(2);
    await page.getByLabel('I have kept it').check();
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await seesAccount(page, account);
    await api.logIn({ ...account, password: NEW });
  });
}

test('a code that was not confirmed is offered on every page, in every browser, until it is', async ({
  page,
  anotherBrowser,
}) => {
  const account = somebody();
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(heading(page, 'Your recovery code')).toBeVisible();
  await expect(offer(page)).toHaveCount(0);
  const code = await shownCode(page);

  // Without a tick in the box, the page does not go on.
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('alert')).toHaveText('Keep the code first, then tick this box.');
  await expect(page.getByLabel('I have kept it')).toBeFocused();
  await page.getByRole('link', { name: 'Later' }).click();
  await seesAccount(page, account);
  for (const path of ['/', '/sessions', '/activity', '/password', '/account']) {
    await page.goto(path);
    await expect(offer(page)).toBeVisible();
  }
  const other = await (await anotherBrowser()).newPage();
  await signIn(other, account);
  await expect(offer(other)).toBeVisible();
  await signOut(other);
  await expect(offer(other)).toHaveCount(0);

  const tab = await page.context().newPage();
  await tab.goto('/account');
  await expect(offer(tab)).toBeVisible();

  // The code was shown once. The page makes a new one.
  await offer(page).getByRole('link', { name: 'Get your recovery code' }).click();
  await expect(page.getByText('was never confirmed')).toBeVisible();
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Make a new code' }).click();
  await expect(page.getByRole('heading', { name: 'Keep this code' })).toBeFocused();
  expect(await shownCode(page)).not.toBe(code);
  await keepCode(page);
  await seesAccount(page, account);
  await expect(offer(page)).toHaveCount(0);
  await expect(offer(tab)).toHaveCount(0);
  await signIn(other, account);
  await expect(offer(other)).toHaveCount(0);
});

test('a code that was not kept yet is still there when the person comes back to its page', async ({
  page,
}) => {
  const account = somebody();
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  const code = await shownCode(page);
  await page.getByRole('link', { name: 'Later' }).click();
  await seesAccount(page, account);
  await offer(page).getByRole('link', { name: 'Get your recovery code' }).click();
  expect(await shownCode(page)).toBe(code);
});

test('a code can be copied, downloaded and printed', async ({ page, context, account }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await signIn(page, account);
  const code = await makeNewCode(page, account);

  await page.getByRole('button', { name: 'Copy' }).click();
  await expect(page.getByRole('status').getByText('The code is copied.')).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(code);

  // The name comes with an answer of its own, and only paper shows it.
  await expect(page.getByText(`Recovery code of ${account.username}`)).toBeAttached();
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe('holdfast-recovery-code.txt');
  const text = await readFile(await download.path(), 'utf8');
  expect(text).toContain(code);
  expect(text).toContain(account.username);
  // The page is still there.
  await expect(page.getByRole('list', { name: 'Recovery code' })).toBeVisible();
  await expect(page.getByText('on the sign-in page of')).toBeHidden();

  await page.evaluate(() => {
    window.print = () => document.documentElement.setAttribute('data-printed', 'yes');
  });
  await page.getByRole('button', { name: 'Print' }).click();
  await expect(page.locator('html[data-printed="yes"]')).toBeAttached();
  await page.emulateMedia({ media: 'print' });
  await expect(page.getByRole('list', { name: 'Recovery code' })).toBeVisible();
  await expect(page.getByText(`Recovery code of ${account.username}`)).toBeVisible();
  const { origin } = new URL(page.url());
  await expect(page.getByText(`on the sign-in page of ${origin}`)).toBeVisible();
  await expect(page.getByText(/^Made on \d+ \w+ \d{4}\./)).toBeVisible();
  await expect(page.getByRole('banner')).toBeHidden();
  await expect(page.getByRole('button', { name: 'Print' })).toBeHidden();
  await expect(page.getByLabel('I have kept it')).toBeHidden();
});

test('a browser that lets no page copy says so', async ({ page, account }) => {
  await page.addInitScript(() => {
    Object.defineProperty(navigator, 'clipboard', { value: undefined });
  });
  await signIn(page, account);
  await makeNewCode(page, account);
  await page.getByRole('button', { name: 'Copy' }).click();
  await expect(page.getByRole('alert').getByText('does not let the page copy')).toBeVisible();

  // A later success takes the place of what went wrong.
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('alert')).toHaveCount(2);
  await page.getByRole('link', { name: 'Download' }).click();
  await expect(page.getByRole('status').getByText('The file is in your downloads.')).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('a new code needs the right password', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/recovery-code');
  await page.getByRole('button', { name: 'Make a new code' }).click();
  await expect(page.getByRole('alert')).toHaveText('Enter your password.');
  await page.getByLabel('Password', { exact: true }).fill('not the right password');
  await page.getByRole('button', { name: 'Make a new code' }).click();
  await expect(page.getByRole('alert')).toHaveText('This is not your password.');
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused();
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
  // No code was made, so no page offers one.
  await page.getByRole('banner').getByRole('link', { name: 'Account', exact: true }).click();
  await seesAccount(page, account);
  await expect(offer(page)).toHaveCount(0);
});

test('a code that another tab has replaced cannot be confirmed, and the page says so', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  await makeNewCode(page, account);
  const tab = await context.newPage();
  const newest = await makeNewCode(tab, account);

  await page.getByLabel('I have kept it').check();
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('alert')).toContainText('not your newest recovery code');
  await expect(page.getByRole('alert')).toContainText('Throw it away, and make a new one.');
  await expect(page.getByRole('button', { name: 'Make a new code' })).toBeVisible();
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused();
  // The void code does not come back.
  await page.getByRole('banner').getByRole('link', { name: 'Account', exact: true }).click();
  await page.getByRole('main').getByRole('link', { name: 'Your recovery code' }).click();
  await expect(page.getByRole('button', { name: 'Make a new code' })).toBeVisible();
  expect(await keepCode(tab)).toBe(newest);
  await seesAccount(tab, account);
});

test('a code is shown no more once a later one was confirmed in another tab', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  await makeNewCode(page, account);
  await page.getByRole('link', { name: 'Later' }).click();
  await seesAccount(page, account);
  const tab = await context.newPage();
  await makeNewCode(tab, account);
  await keepCode(tab);

  await page.getByRole('main').getByRole('link', { name: 'Your recovery code' }).click();
  await expect(page.getByText(/^You have a code, made on/)).toBeVisible();
  await expect(page.getByRole('list', { name: 'Recovery code' })).toHaveCount(0);
});

test('an answer about the codes that comes late does not hide a code that was made meanwhile', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const url = '**/api/v1/account/recovery-code';
  const isQuestion = (request: Request) =>
    request.method() === 'GET' && request.url().endsWith('/api/v1/account/recovery-code');
  const answers = await holdAnswers(page, url);
  await page.route(url, (route) =>
    isQuestion(route.request()) ? route.fallback() : route.continue(),
  );
  await page.getByRole('main').getByRole('link', { name: 'Your recovery code' }).click();
  await expect.poll(answers.waiting).toBe(1);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Make a new code' }).click();
  const code = await shownCode(page);
  const answered = page.waitForEvent('requestfinished', isQuestion);
  answers.open();
  await answered;

  await page.getByRole('link', { name: 'Later' }).click();
  await seesAccount(page, account);
  await offer(page).getByRole('link', { name: 'Get your recovery code' }).click();
  expect(await shownCode(page)).toBe(code);
});

test('a browser without local storage offers the code as well', async ({ page }) => {
  await denyStorage(page, 'localStorage');
  const account = somebody();
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  await shownCode(page);
  await page.getByRole('link', { name: 'Later' }).click();
  await seesAccount(page, account);
  await expect(offer(page)).toBeVisible();
});

test('a new code whose answer is lost may have made an unconfirmed one void, and the page says so', async ({
  page,
}) => {
  const account = somebody();
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  const first = await shownCode(page);
  // A reload loses the code, but the person may have kept it.
  await page.goto('/recovery-code');
  await expect(page.getByText('If you keep it, it works.')).toBeVisible();
  await page.route(
    '**/api/v1/account/recovery-code',
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Make a new code' }).click();
  await expect(page.getByRole('alert')).toContainText('Make a new one');
  await page.getByRole('button', { name: 'Make a new code' }).click();
  expect(await shownCode(page)).not.toBe(first);
  await keepCode(page);
  await seesAccount(page, account);
});

test('a person who signs up after another one sees their own code, and nothing stays behind', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await signOut(page);
  // The page has shown one account, so it reloads before it shows another.
  await page.getByRole('banner').getByRole('link', { name: 'Create account' }).click();
  await expect(heading(page, 'Create your account')).toBeVisible();
  const fresh = somebody('grace');
  await fillIn(page, fresh);
  const loads = countLoads(page);
  await page.getByRole('button', { name: 'Create account' }).click();
  const code = await shownCode(page);
  expect(loads()).toBe(1);
  expect(await stored(page)).not.toContain(code);
  expect(await keepCode(page)).toBe(code);
  await seesAccount(page, fresh);
  expect(await stored(page)).not.toContain(code);
});

test('a person who recovers after another one keeps the next code', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  await signOut(page);
  const grace = somebody('grace');
  const code = await api.makeAccount(grace);
  // In the same page, which has shown another account.
  await page.getByRole('link', { name: 'Use your recovery code' }).click();
  await fillInRecovery(page, grace, code);
  const next = await shownCode(page);
  const loads = countLoads(page);
  await page.getByLabel('I have kept it').check();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();

  // The page has reloaded, and shows the code once more.
  expect(await keepCode(page)).toBe(next);
  expect(loads()).toBe(1);
  await seesAccount(page, grace);
  await expect(offer(page)).toHaveCount(0);
  expect(await stored(page)).not.toContain(next);
  await page.goto('/recovery-code');
  await expect(page.getByText(/^You have a code, made on/)).toBeVisible();
  await signOut(page);
  await recover(page, grace, next, 'yet another sentence of mine');
  await expect(page.getByRole('heading', { name: 'Keep this code' })).toBeVisible();
});

test('a person who leaves the next code for later sees it again after signing in', async ({
  page,
  api,
}) => {
  const account = somebody();
  const code = await api.makeAccount(account);
  await page.goto('/recover?next=/sessions');
  await fillInRecovery(page, account, code);
  const next = await shownCode(page);
  await expect(page.getByText('You remember your password?')).toBeHidden();
  await page.getByRole('link', { name: 'Sign in later' }).click();
  // The letter case of a name has no meaning.
  await fillIn(page, { username: account.username.toUpperCase(), password: NEW });
  await signInButton(page).click();
  expect(await keepCode(page)).toBe(next);
  // The page goes where `next` of the first page leads.
  await expect(heading(page, 'Where you are signed in')).toBeVisible();
  await expect(offer(page)).toHaveCount(0);
});

for (const [what, told] of [
  ['done', 'The new password is set with the recovery code'],
  ['refused', 'No new password was set with the recovery code.'],
] as const) {
  test(`a person who has left the form is told that the recovery was ${what}`, async ({
    page,
    api,
  }) => {
    const account = somebody();
    const code = await api.makeAccount(account);
    const answers = await holdAnswers(page, '**/api/v1/recover');
    await recover(page, account, what === 'done' ? code : await foreignCode(api));
    await expect.poll(answers.waiting).toBe(1);
    await page.getByRole('banner').getByRole('link', { name: 'Holdfast' }).click();
    await expect(heading(page, 'Sign in once. Stay signed in.')).toBeVisible();
    answers.open();
    await expect(page.getByRole('status').getByText(told)).toBeVisible();
    await api.logIn(what === 'done' ? { ...account, password: NEW } : account);
  });
}

test('a page that loads for another person first waits for the answer to a recovery, and tells it', async ({
  page,
  account,
  api,
}) => {
  const { grace, other, code } = await openRecoveryAfterAnother(page, account, api);
  const answers = await holdAnswers(page, '**/api/v1/recover');
  await fillInRecovery(page, grace, code);
  await expect.poll(answers.waiting).toBe(1);
  const loads = countLoads(page);
  await signIn(await page.context().newPage(), other);
  await expect(page.getByText('This page waits for an answer of the server')).toBeVisible();
  expect(loads()).toBe(0);

  answers.open();
  const told = page.getByRole('status').getByText('The new password is set with the recovery code');
  await expect.poll(loads).toBe(1);
  await expect(told).toBeVisible();
  await api.logIn({ ...grace, password: NEW });
});

test('a page with the next code that loads for another person tells that the password is set', async ({
  page,
  account,
  api,
}) => {
  const { grace, other, code } = await openRecoveryAfterAnother(page, account, api);
  await fillInRecovery(page, grace, code);
  const next = await shownCode(page);
  const loads = countLoads(page);
  await signIn(await page.context().newPage(), other);
  await expect.poll(loads).toBe(1);
  const told = page.getByRole('status').getByText('The new password is set with the recovery code');
  await expect(told).toBeVisible();
  expect(await stored(page)).not.toContain(next);
});

test('the recovery of the account that is signed in here signs it out and in again', async ({
  page,
  api,
}) => {
  const account = somebody();
  const code = await api.makeAccount(account);
  await page.goto('/recover');
  const hint = page.getByText('A person is signed in in this browser.');
  await expect(hint).toHaveCount(0);
  await signIn(page, account);
  await page.goto('/recover');
  await expect(hint).toBeVisible();
  await fillInRecovery(page, account, code);
  await expect(page.getByRole('heading', { name: 'Keep this code' })).toBeVisible();
  await page.getByLabel('I have kept it').check();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await seesAccount(page, account);
  await page.reload();
  await seesAccount(page, account);
});

test('before the client has started, the form puts nothing into the address', async ({ page }) => {
  const addresses: string[] = [];
  page.on('request', (request) => addresses.push(request.url()));
  const alive = await holdRequests(page, '**/*.wasm*');
  await openUnhydrated(page, '/recover');
  await expect(page.getByRole('button', { name: 'Set new password' })).toBeDisabled();
  await page.getByLabel('Recovery code').fill('0000-0000');
  await page.getByLabel('New password').fill(NEW);
  await page.getByLabel('New password').press('Enter');
  await expect(page.getByLabel('Recovery code')).toHaveValue('0000-0000');

  const sent = page.waitForRequest((request) => request.method() === 'POST');
  await page.evaluate(() => document.forms[0]?.submit());
  expect(new URL((await sent).url()).pathname).toBe('/recover');
  await expect(page.getByLabel('Recovery code')).toHaveValue('');
  expect(addresses.filter((address) => /0000|sentence/.test(address))).toEqual([]);
  alive.open();
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

test('a person gets back in with the keyboard alone, on a phone', async ({ page, api }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  const account = somebody();
  const code = await api.makeAccount(account);
  await page.goto('/recover');
  await page.getByLabel('Username').focus();
  await page.keyboard.type(account.username);
  await page.keyboard.press('Tab');
  await page.keyboard.type(code);
  await page.keyboard.press('Tab');
  await page.keyboard.type(NEW);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Keep this code' })).toBeFocused();
  expect(await fitsAPhone(page)).toBe(true);
  for (const name of ['Copy', 'Download', 'Print']) {
    await page.keyboard.press('Tab');
    await expect(page.getByRole(name === 'Download' ? 'link' : 'button', { name })).toBeFocused();
  }
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('I have kept it')).toBeFocused();
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await seesAccount(page, account);
});

test('a signed-out person who wants the page of the code signs in first and comes back', async ({
  page,
  account,
}) => {
  await page.goto('/recovery-code');
  await isSignedOut(page);
  await fillIn(page, account);
  await signInButton(page).click();
  await expect(heading(page, 'Your recovery code')).toBeVisible();
  await expect(page.getByText(/^You have a code, made on/)).toBeVisible();
});

test('the typed name goes along between the forms by their links, and nothing else does', async ({
  page,
  account,
}) => {
  const name = page.getByLabel('Username');
  const main = page.getByRole('main');
  await page.goto('/sign-in');
  await fillIn(page, account);
  await main.getByRole('link', { name: 'Use your recovery code' }).click();
  await expect(heading(page, 'Get back in')).toBeFocused();
  await expect(name).toHaveValue(account.username);
  await expect(page.getByLabel('Recovery code')).toHaveValue('');
  const wanted = page.getByLabel('New password');
  await expect(wanted).toHaveValue('');
  // The hint knows the name, too.
  await wanted.fill(`${account.username} 1234`);
  await expect(wanted).toHaveAccessibleDescription(/has your username in it/);
  // The name is there, so the first mistake is in the next field.
  await page.getByRole('button', { name: 'Set new password' }).click();
  await expect(page.getByLabel('Recovery code')).toBeFocused();
  expect(page.url()).not.toContain(account.username);
  expect(await stored(page)).not.toContain(account.username);

  await main.getByRole('link', { name: 'Sign in', exact: true }).click();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await expect(name).toHaveValue(account.username);
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
  await main.getByRole('link', { name: 'Create account' }).click();
  await expect(heading(page, 'Create your account')).toBeVisible();
  await expect(name).toHaveValue(account.username);

  const { username } = somebody('grace');
  await name.fill(username);
  await main.getByRole('link', { name: 'Sign in', exact: true }).click();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await expect(name).toHaveValue(username);
  await name.fill('');
  await main.getByRole('link', { name: 'Create account' }).click();
  await expect(heading(page, 'Create your account')).toBeVisible();
  await expect(name).toHaveValue('');
});

test('the typed name does not outlive another page, a reload or a sign-out', async ({
  page,
  account,
}) => {
  const name = page.getByLabel('Username');
  const toSignIn = page.getByRole('main').getByRole('link', { name: 'Sign in', exact: true });
  const isEmpty = async () => {
    await expect(heading(page, 'Sign in')).toBeVisible();
    await expect(name).toHaveValue('');
  };
  await page.goto('/recover');
  await name.fill('grace');
  await page.getByRole('banner').getByRole('link', { name: 'Holdfast' }).click();
  await expect(heading(page, 'Sign in once. Stay signed in.')).toBeVisible();
  await toSignIn.click();
  await isEmpty();

  await name.fill('grace');
  await page.reload();
  await isEmpty();

  await signIn(page, account);
  await page.goto('/recover');
  await name.fill('grace');
  await signOutButton(page).click();
  await expect(page.getByText('You have signed out.')).toBeVisible();
  await toSignIn.click();
  await isEmpty();
});

test('the name of an operator’s link wins over a typed one', async ({ page, api }) => {
  const code = await foreignCode(api);
  const { username } = somebody('grace');
  await page.goto('/sign-in');
  await page.getByLabel('Username').fill('hedy');
  await page.evaluate((address) => {
    const link = document.createElement('a');
    link.href = address;
    link.textContent = 'Set a new password';
    document.body.append(link);
  }, `/recover#username=${username}&code=${code}`);
  await page.getByRole('link', { name: 'Set a new password' }).click();
  await expect(page.getByLabel('New password')).toBeFocused();
  await expect(page.getByLabel('Username')).toHaveValue(username);
  await expect(page.getByLabel('Recovery code')).toHaveValue(code);
  await expect(page).toHaveURL(/\/recover$/);
});

for (const width of [320, 390]) {
  test(`a page of ${width} pixels shows the whole code that was typed, and Enter sends it`, async ({
    page,
    api,
  }) => {
    await page.setViewportSize({ width, height: 844 });
    const account = somebody();
    const code = await api.makeAccount(account);
    await page.goto('/recover');
    await page.getByLabel('Username').fill(account.username);
    await page.getByLabel('New password').fill(NEW);
    const field = page.getByLabel('Recovery code');
    // A text program may have broken the line.
    await field.fill(`${code.slice(0, 20)}\n${code.slice(20)}`);
    await expect(field).toHaveValue(`${code.slice(0, 20)} ${code.slice(20)}`);
    await field.fill(code);
    const isWhole = (area: HTMLElement) =>
      area.scrollWidth <= area.clientWidth && area.scrollHeight <= area.clientHeight;
    expect(await field.evaluate(isWhole)).toBe(true);
    await field.press('Enter');
    await expect(page.getByRole('heading', { name: 'Keep this code' })).toBeFocused();
  });
}

test('a person who goes back from the next code reads that the password is set, and gets the code again', async ({
  page,
  api,
}) => {
  const account = somebody();
  const code = await api.makeAccount(account);
  await page.goto('/sign-in');
  await page.getByRole('link', { name: 'Use your recovery code' }).click();
  await fillInRecovery(page, account, code);
  await expect(page.getByRole('heading', { name: 'Keep this code' })).toBeVisible();
  const next = await shownCode(page);
  await page.goBack();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await page.goForward();
  await expect(heading(page, 'Get back in')).toBeVisible();
  await expect(page.getByText('Your new password is set.')).toBeVisible();
  await expect(page.getByText('Then you see your new recovery code again.')).toBeVisible();
  expect(await stored(page)).not.toContain(next);
  // The form is there only for a person who wants it.
  const field = page.getByLabel('Recovery code', { exact: true });
  await expect(field).toHaveCount(0);
  const toSignIn = page.getByRole('main').getByRole('link', { name: 'Sign in', exact: true });
  await page.getByRole('button', { name: 'Use a recovery code once more' }).click();
  await expect(heading(page, 'Get back in')).toBeFocused();
  await expect(field).toBeVisible();
  await page.goBack();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await page.goForward();
  await expect(heading(page, 'Get back in')).toBeVisible();
  await expect(field).toHaveCount(0);

  await toSignIn.click();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await fillIn(page, { ...account, password: NEW });
  await signInButton(page).click();
  await expect(heading(page, 'Your recovery code')).toBeVisible();
  expect(await shownCode(page)).toBe(next);
});

test('after a recovery, the name goes along to the sign-in page', async ({ page, api }) => {
  const account = somebody();
  const code = await api.makeAccount(account);
  await recover(page, account, code);
  await expect(page.getByRole('heading', { name: 'Keep this code' })).toBeVisible();
  await page.getByRole('link', { name: 'Sign in later' }).click();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await expect(page.getByLabel('Username')).toHaveValue(account.username);
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
});

test('a signed-in person who has forgotten the password finds the way to the recovery code', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  await api.logIn(account, FIREFOX_ON_LINUX);
  const arrives = async () => {
    await expect(heading(page, 'Get back in')).toBeFocused();
    await expect(page.getByText('A person is signed in in this browser.')).toBeVisible();
    await expect(page.getByRole('dialog')).toBeHidden();
  };
  for (const path of ['/password', '/username', '/recovery-code']) {
    await page.goto(path);
    await page.getByRole('main').getByRole('link', { name: 'Get back in with your recovery code' }).click();
    await arrives();
  }

  // A question closes, also the one of the notice, which is above every page.
  const notice = page.getByRole('complementary', { name: 'New sign-in to your account' });
  for (const [path, opener] of [
    ['/sessions', page.getByRole('button', { name: 'Sign out everywhere else' })],
    ['/account', notice.getByRole('button', { name: 'It was not me' })],
  ] as const) {
    await page.goto(path);
    await expect(opener).not.toHaveAttribute('aria-disabled', 'true');
    await opener.click();
    const question = page.getByRole('dialog');
    await question.getByRole('link', { name: 'Get back in with your recovery code' }).click();
    await arrives();
  }
});
