// Bar 34: after a form was sent, no field contains the typed text. A change of the password keeps
// the text that was typed in other tabs. After a change of person the page is new.

import type { Locator, Page } from '@playwright/test';
import {
  becomesAlive,
  expect,
  fillIn,
  heading,
  hearsNothing,
  holdAnswers,
  holdRequests,
  Network,
  notesOfChanges,
  seesAccount,
  signIn,
  signInButton,
  signOut,
  somebody,
  spoilAccessToken,
  test,
  theStoredSession,
} from '../../holdfast';

const NEW = 'a completely different sentence';

const current = (page: Page): Locator => page.getByLabel('Current password');
const wanted = (page: Page): Locator => page.getByLabel('New password');
const password = (page: Page): Locator => page.getByLabel('Password', { exact: true });

async function change(page: Page, from: string, to: string): Promise<void> {
  await current(page).fill(from);
  await wanted(page).fill(to);
  await page.getByRole('button', { name: 'Change password' }).click();
}

/** Ends a tab in the middle of its change, as a browser that kills it. Returns the keys of its note. A tab
 * that is closed removes its note, and a tab that is killed cannot. */
async function kill(dying: Page, witness: Page): Promise<string[]> {
  const notes = await notesOfChanges(witness);
  expect(Object.keys(notes)).toHaveLength(1);
  await dying.close();
  expect(await notesOfChanges(witness)).toEqual({});
  await witness.evaluate((left) => {
    for (const [key, note] of Object.entries(left)) localStorage.setItem(key, JSON.stringify(note));
  }, notes);
  return Object.keys(notes);
}

test('bar 34: after a change of the password both fields are empty', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/password');
  await change(page, account.password, NEW);
  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  await expect(current(page)).toHaveValue('');
  await expect(wanted(page)).toHaveValue('');
  // The form is there, although it is not shown any more.
  await expect(page.getByText('At least 15 characters')).toBeAttached();
});

test('bar 34: a wrong current password is deleted, and the new one can be sent again', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/password');
  await change(page, 'not the right password', NEW);
  await expect(page.getByRole('alert')).toHaveText('This is not your current password.');
  await expect(current(page)).toHaveValue('');
  await expect(current(page)).toBeFocused();
  await expect(wanted(page)).toHaveValue(NEW);
});

test('bar 34: a wrong password is deleted, and the name stays', async ({ page, account }) => {
  await page.goto('/sign-in');
  await fillIn(page, { ...account, password: 'not the right password' });
  await signInButton(page).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page.getByLabel('Username')).toHaveValue(account.username);
  await expect(password(page)).toHaveValue('');
  await expect(password(page)).toBeFocused();
});

test('bar 34: after a sign-in the form is empty', async ({ page, account }) => {
  await signIn(page, account);
  await signOut(page);
  await expect(page.getByLabel('Username')).toHaveValue('');
  await expect(password(page)).toHaveValue('');
});

test('bar 34: a password that is shown is hidden before it is sent', async ({ page, account }) => {
  await page.goto('/sign-in');
  await fillIn(page, { ...account, password: 'not the right password' });
  await page.getByRole('button', { name: 'Show password' }).click();
  await expect(password(page)).toHaveAttribute('type', 'text');
  // The type of the field when the request is sent.
  await page.evaluate(() => {
    const send = window.fetch.bind(window);
    window.fetch = (input, init) => {
      const field = document.querySelector<HTMLInputElement>('input[name="password"]');
      document.documentElement.dataset['sentFrom'] = field?.type ?? 'nothing';
      return send(input, init);
    };
  });
  const requests = await holdRequests(page, '**/api/v1/login');
  await signInButton(page).click();
  await expect.poll(requests.waiting).toBe(1);
  await expect(page.locator('html')).toHaveAttribute('data-sent-from', 'password');
  await expect(page.getByRole('button', { name: 'Show password' })).toHaveAttribute(
    'aria-pressed',
    'false',
  );
  requests.open();
  await expect(page.getByRole('alert')).toBeVisible();
});

test('bar 34: a change of the password keeps what was typed in another tab', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/password');
  await wanted(tab).fill('half of a sentence');
  await wanted(tab).evaluate((field) => field.setAttribute('data-same', 'yes'));

  await page.goto('/password');
  await change(page, account.password, NEW);
  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  // The other tab goes on with the new session.
  await tab.bringToFront();
  await expect(wanted(tab)).toHaveValue('half of a sentence');
  await current(tab).fill(NEW);
  await wanted(tab).fill('another sentence that is quite long');
  await tab.getByRole('button', { name: 'Change password' }).click();
  await expect(tab.getByRole('status').getByText('Your password is changed')).toBeVisible();
  await expect(wanted(tab)).toHaveAttribute('data-same', 'yes');
});

for (const [what, spoilsToken] of [
  ['calls', false],
  ['renews', true],
] as const) {
  test(`bar 34: a tab that ${what} while the password is changed keeps what was typed`, async ({
    page,
    context,
    account,
  }) => {
    await signIn(page, account);
    const tab = await context.newPage();
    await tab.goto('/password');
    await current(tab).fill(account.password);
    await wanted(tab).fill('another sentence that is quite long');
    await wanted(tab).evaluate((field) => field.setAttribute('data-same', 'yes'));

    // The server has changed the password, but the page does not know it yet.
    await page.goto('/password');
    const late = await holdAnswers(page, '**/api/v1/account/password');
    await change(page, account.password, NEW);
    await expect.poll(late.waiting).toBe(1);

    await tab.bringToFront();
    if (spoilsToken) await spoilAccessToken(tab);
    const refused = tab.waitForResponse(
      (response) =>
        response.url().endsWith(spoilsToken ? '/api/v1/refresh' : '/api/v1/account') &&
        response.status() === 401,
    );
    await tab.getByRole('button', { name: 'Change password' }).click();
    await refused;
    late.open();
    await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();

    // The tab goes on with the new session, and the current password is another one by now.
    await expect(tab.getByRole('alert')).toHaveText('This is not your current password.');
    await expect(wanted(tab)).toHaveValue('another sentence that is quite long');
    await current(tab).fill(NEW);
    await tab.getByRole('button', { name: 'Change password' }).click();
    await expect(tab.getByRole('status').getByText('Your password is changed')).toBeVisible();
    await expect(wanted(tab)).toHaveAttribute('data-same', 'yes');
  });
}

test('bar 34: a tab that died during a change hides no other change', async ({
  page,
  context,
  account,
}) => {
  test.slow();
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/password');
  await current(tab).fill(account.password);
  await wanted(tab).fill('another sentence that is quite long');
  await wanted(tab).evaluate((field) => field.setAttribute('data-same', 'yes'));

  // This tab asks for a change, and is killed before its request is sent.
  const dying = await context.newPage();
  await dying.goto('/password');
  // The browser would send a request that is only held when the tab is closed. The server would then
  // compute its password, and refuse another change of the same session until that is done.
  let requests = 0;
  await dying.route('**/api/v1/account/password', async (route) => {
    requests += 1;
    await route.abort().catch(() => {});
  });
  await change(dying, account.password, NEW);
  await expect.poll(() => requests).toBeGreaterThan(0);
  const ofTheDead = await kill(dying, tab);

  // The next tab lives, and renews its note again and again.
  await page.goto('/password');
  const statuses: number[] = [];
  const late = await holdAnswers(page, '**/api/v1/account/password', (status) => {
    statuses.push(status);
  });
  await change(page, account.password, NEW);
  await expect.poll(late.waiting).toBe(1);
  expect(statuses).toEqual([200]);
  const counts = async (): Promise<number> => {
    const living = Object.entries(await notesOfChanges(tab));
    const ofTheLiving = living.filter(([key]) => !ofTheDead.includes(key));
    return Math.max(0, ...ofTheLiving.map(([, note]) => note.until_ms));
  };
  const atFirst = await counts();
  expect(atFirst).toBeGreaterThan(0);
  await expect.poll(counts, { timeout: 40_000 }).toBeGreaterThan(atFirst);

  // The note of the dead tab does not count any more.
  await tab.evaluate((keys) => keys.forEach((key) => localStorage.removeItem(key)), ofTheDead);
  await tab.bringToFront();
  const refused = tab.waitForResponse(
    (response) => response.url().endsWith('/api/v1/account') && response.status() === 401,
  );
  await tab.getByRole('button', { name: 'Change password' }).click();
  await refused;
  late.open();
  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  await expect(tab.getByRole('alert')).toHaveText('This is not your current password.');
  await expect(wanted(tab)).toHaveValue('another sentence that is quite long');
  await expect(wanted(tab)).toHaveAttribute('data-same', 'yes');
  expect(await notesOfChanges(page)).toEqual({});
});

test('bar 34: the page tells a change that died with its tab, when its note does not count any more', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  const dying = await context.newPage();
  await dying.goto('/password');
  const late = await holdAnswers(dying, '**/api/v1/account/password');
  await change(dying, account.password, NEW);
  await expect.poll(late.waiting).toBe(1);
  await kill(dying, page);

  // The server has changed the password, and the new session is lost with that tab.
  const refused = page.waitForResponse(
    (response) => response.url().endsWith('/api/v1/account') && response.status() === 401,
  );
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await refused;
  await expect(heading(page, 'Your account')).toBeVisible();
  await page.evaluate(() => {
    for (const [key, text] of Object.entries<string>({ ...localStorage })) {
      if (!key.startsWith('holdfast.replaced')) continue;
      const note = JSON.parse(text) as object;
      localStorage.setItem(key, JSON.stringify({ ...note, until_ms: Date.now() }));
    }
  });
  // The next call is told, or this one after it has waited long enough.
  await page.reload();
  await expect(page.getByText('Your password was changed. Sign in with the new one.')).toBeVisible();
  await signIn(page, { ...account, password: NEW });
});

test('bar 34: what is typed while the form is under way stays', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/password');
  const late = await holdAnswers(page, '**/api/v1/account/password');
  await change(page, account.password, NEW);
  await expect.poll(late.waiting).toBe(1);
  await wanted(page).fill('one that came to mind meanwhile');
  late.open();
  await expect(page.getByRole('status').getByText('Your password is changed')).toBeVisible();
  await expect(current(page)).toHaveValue('');
  await expect(wanted(page)).toHaveValue('one that came to mind meanwhile');
  await expect(wanted(page)).toBeVisible();
});

test('bar 34: a name and a password that are typed while a sign-in is refused stay', async ({
  page,
  account,
}) => {
  await page.goto('/sign-in');
  await fillIn(page, { ...account, password: 'not the right password' });
  const late = await holdAnswers(page, '**/api/v1/login');
  await signInButton(page).click();
  await expect.poll(late.waiting).toBe(1);
  await password(page).fill(account.password);
  late.open();
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(password(page)).toHaveValue(account.password);
  await signInButton(page).click();
  await seesAccount(page, account);
});

const ANOTHER = 'Another person has signed in in this browser.';

test('bar 34: a page that the person does not leave shows no account, and can be reloaded', async ({
  page,
  context,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  await signIn(page, account);
  // Other code than Holdfast's asks before the page is left.
  await page.evaluate(() => addEventListener('beforeunload', (event) => event.preventDefault()));
  let asked = 0;
  page.on('dialog', async (dialog) => {
    asked += 1;
    await (asked === 1 ? dialog.dismiss() : dialog.accept());
  });

  const tab = await context.newPage();
  await tab.goto('/account');
  await signOut(tab);
  await signIn(tab, other);
  await expect.poll(() => asked).toBe(1);
  await expect(page.getByText('Signed in as')).toHaveCount(0);
  await expect(page.getByRole('alert').getByText(ANOTHER)).toBeVisible();
  await page.getByRole('button', { name: 'Reload this page' }).click();
  await expect.poll(() => asked).toBe(2);
  await becomesAlive(page);
  await seesAccount(page, other);
});

test('bar 34: a page whose reload was stopped can be reloaded', async ({
  page,
  context,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  await signIn(page, account);
  // This does the same as Esc, just after the reload has begun.
  await page.evaluate(() => {
    addEventListener('beforeunload', () => setTimeout(() => window.stop(), 0), { once: true });
  });
  // The new page takes longer than the stop, also on a busy machine.
  const delay = await delayAnswers(page, 10_000);
  const tab = await context.newPage();
  await tab.goto('/account');
  await signOut(tab);
  await signIn(tab, other);

  await expect(page.getByRole('alert').getByText(ANOTHER)).toBeVisible();
  await expect(page.getByText('Signed in as')).toHaveCount(0);
  await delay.end();
  await page.getByRole('button', { name: 'Reload this page' }).click();
  await expect(page.getByText(ANOTHER)).toHaveCount(0);
  await becomesAlive(page);
  await seesAccount(page, other);
});

/** Every answer to this page takes longer by this time, until `end`. */
async function delayAnswers(page: Page, ms: number): Promise<{ end: () => Promise<unknown> }> {
  const cdp = await page.context().newCDPSession(page);
  const delay = (latency: number) =>
    cdp.send('Network.emulateNetworkConditions', {
      offline: false,
      latency,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
  await delay(ms);
  return { end: () => delay(0) };
}

test('bar 34: a person whose own page loads slowly does not read that another one has signed in', async ({
  page,
  context,
  account,
  api,
}) => {
  test.slow();
  const other = somebody('grace');
  await api.makeAccount(other);
  await signIn(page, account);
  await signOut(page);
  let asked = 0;
  let answer = () => {};
  const isAnswered = new Promise<void>((resolve) => (answer = resolve));
  await page.route('**/*', async (route) => {
    if (!route.request().isNavigationRequest()) return route.fallback();
    asked += 1;
    await isAnswered;
    await route.continue();
  });

  // While a new page loads, only another tab can say what the old one shows.
  const tab = await context.newPage();
  await tab.goto('/robots.txt');
  const shown = () => tab.evaluate(() => localStorage.getItem('shown') ?? '');
  await page.evaluate(() => {
    const note = () => {
      const before = localStorage.getItem('shown') ?? '';
      localStorage.setItem('shown', before + document.body.innerText);
    };
    new MutationObserver(note).observe(document.body, { childList: true, subtree: true });
  });

  await fillIn(page, other);
  await signInButton(page).click();
  await expect.poll(() => asked).toBe(1);
  await expect.poll(shown).toContain('You are signed in. Your page is loading.');
  await expect.poll(shown, { timeout: 30_000 }).toContain('Reload this page');
  expect(await shown()).toContain('your page has not loaded yet');
  expect(await shown()).not.toContain(ANOTHER);
  answer();
  await becomesAlive(page);
  await seesAccount(page, other);
});

test('bar 34: a tab that slept through a change of person has nothing of the first one', async ({
  page,
  context,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  await signIn(page, account);
  const tab = await context.newPage();
  await hearsNothing(tab);
  await tab.goto('/password');
  await current(tab).fill(account.password);
  await wanted(tab).fill(NEW);
  await tab.evaluate(() => (document.documentElement.dataset['page'] = 'of the first person'));

  await signOut(page);
  await signIn(page, other);
  const network = new Network(tab);
  await tab.getByRole('button', { name: 'Change password' }).click();

  // The page is a new one, and it shows the other person.
  await expect(tab.locator('html[data-page]')).toHaveCount(0);
  await becomesAlive(tab);
  await expect(heading(tab, 'Change password')).toBeVisible();
  await expect(current(tab)).toHaveValue('');
  await expect(wanted(tab)).toHaveValue('');
  const { access_token } = await theStoredSession(page);
  const changes = await network.calls('PUT /api/v1/account/password');
  expect(changes.filter(({ bearer }) => bearer === access_token)).toEqual([]);

  await tab.goto('/account');
  await seesAccount(tab, other);
  await signOut(tab);
  await signIn(tab, account);
});
