// Bar 35 in the browser: an answer that is late, and a person who was faster in another tab.

import type { Page } from '@playwright/test';
import {
  type Account,
  closeDatabase,
  denyIndexedDb,
  expect,
  failDatabase,
  fillIn,
  type Gate,
  heading,
  hearsNothing,
  holdAnswers,
  isEnded,
  isSignedOut,
  keepCode,
  seesAccount,
  sessionInDatabase,
  signIn,
  signInButton,
  signOut,
  signOutButton,
  somebody,
  storedSession,
  test,
  theStoredSession,
  type Tokens,
} from '../../holdfast';

interface Late extends Gate {
  /** The tokens of the answer. */
  tokens: () => Tokens;
}

/** The server signs a person in, but the page does not know it yet. */
async function signsInLate(page: Page, url: string, submit: () => Promise<void>): Promise<Late> {
  let tokens: Tokens | undefined;
  const gate = await holdAnswers(page, url, (_, body) => (tokens = JSON.parse(body) as Tokens));
  await submit();
  await expect.poll(gate.waiting).toBe(1);
  return { ...gate, tokens: () => tokens! };
}

const submitSignIn = (page: Page, account: Account) => async () => {
  await page.goto('/sign-in');
  await fillIn(page, account);
  await signInButton(page).click();
};

test('bar 35: a late sign-in does not undo the sign-in of another person', async ({
  page,
  context,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  const late = await signsInLate(page, '**/api/v1/login', submitSignIn(page, account));
  const tab = await context.newPage();
  await signIn(tab, other);
  late.open();
  await isEnded(api, late.tokens().access_token);
  await tab.reload();
  await seesAccount(tab, other);
  await page.goto('/account');
  await seesAccount(page, other);
});

for (const isFirst of ['earlier', 'later'] as const) {
  test(`bar 35: of two sign-ins at once the later one wins, although the ${isFirst} one is answered first`, async ({
    page,
    context,
    account,
    api,
  }) => {
    const other = somebody('grace');
    await api.makeAccount(other);
    const earlier = await signsInLate(page, '**/api/v1/login', submitSignIn(page, account));
    const tab = await context.newPage();
    const later = await signsInLate(tab, '**/api/v1/login', submitSignIn(tab, other));
    const [first, second] = isFirst === 'earlier' ? [earlier, later] : [later, earlier];
    first.open();
    await expect
      .poll(async () => (await storedSession(tab))?.session_id)
      .toBe(first.tokens().session_id);
    second.open();

    await isEnded(api, earlier.tokens().access_token);
    await seesAccount(tab, other);
    await page.goto('/account');
    await seesAccount(page, other);
    expect((await theStoredSession(page)).session_id).toBe(later.tokens().session_id);
  });
}

test('bar 35: in one tab the last form that was sent wins', async ({ page, account, api }) => {
  const fresh = somebody('edsger');
  const earlier = await signsInLate(page, '**/api/v1/signup', async () => {
    await page.goto('/sign-up');
    await fillIn(page, fresh);
    await page.getByRole('button', { name: 'Create account' }).click();
  });
  const later = await signsInLate(page, '**/api/v1/login', async () => {
    await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
    await expect(heading(page, 'Sign in')).toBeVisible();
    await fillIn(page, account);
    await signInButton(page).click();
  });
  earlier.open();
  await keepCode(page);
  await seesAccount(page, fresh);
  later.open();
  await seesAccount(page, account);
  await isEnded(api, earlier.tokens().access_token);
});

test('bar 35: a late sign-in does not undo a sign-out, and says so', async ({
  page,
  context,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  await hearsNothing(page);
  const late = await signsInLate(page, '**/api/v1/login', submitSignIn(page, account));
  const tab = await context.newPage();
  await signIn(tab, other);
  await signOut(tab);
  late.open();
  await expect(page.getByRole('alert')).toHaveText(/signed in or out in this browser meanwhile/);
  await isEnded(api, late.tokens().access_token);
  await isSignedOut(tab);
  await page.goto('/account');
  await isSignedOut(page);
});

test('bar 35: a late sign-up does not undo a sign-out, and says that the account is made', async ({
  page,
  context,
  account,
  api,
}) => {
  const fresh = somebody('edsger');
  await hearsNothing(page);
  const late = await signsInLate(page, '**/api/v1/signup', async () => {
    await page.goto('/sign-up');
    await fillIn(page, fresh);
    await page.getByRole('button', { name: 'Create account' }).click();
  });
  const tab = await context.newPage();
  await signIn(tab, account);
  await signOut(tab);
  late.open();
  await expect(page.getByRole('alert')).toHaveText(/Your account is made/);
  await isEnded(api, late.tokens().access_token);
  await page.goto('/account');
  await isSignedOut(page);
  await signIn(page, fresh);
});

test('bar 35: a tab that slept through a sign-out signs in', async ({ page, context, account }) => {
  await hearsNothing(page);
  await page.goto('/sign-in');
  await fillIn(page, account);
  const tab = await context.newPage();
  await signIn(tab, account);
  await signOut(tab);
  await signInButton(page).click();
  await seesAccount(page, account);
  await expect(heading(tab, 'Your account')).toBeVisible();
});

test('bar 35: a sign-out that hangs in one tab does not undo a later sign-in of the same person', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/account');
  await seesAccount(tab, account);
  const free = await closeDatabase(tab);
  await signOutButton(tab).click();
  // The other tabs know it at once.
  await isSignedOut(page);
  await signIn(page, account);
  const { session_id } = await theStoredSession(page);

  await free();
  // This read has its turn after the tab's write.
  expect((await sessionInDatabase(tab))?.session_id).toBe(session_id);
  await seesAccount(tab, account);
  await page.reload();
  await seesAccount(page, account);

  // The person who has pressed the button reads that it had no effect.
  const told = tab.getByRole('status').getByText('You have signed in again in another tab meanwhile');
  await expect(told).toBeVisible();
  await signOutButton(tab).click();
  await isSignedOut(page);
  await isSignedOut(tab);
  await expect(told).toHaveCount(0);
});

test('bar 35: a tab that slept while the data were deleted does not sign the person in again', async ({
  page,
  context,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  // After this, the page has a higher count than the next life of the storage will have.
  await signIn(page, account);
  await signOut(page);
  await hearsNothing(page);
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);

  const tab = await context.newPage();
  await tab.goto('/robots.txt');
  await DELETIONS['local storage'](tab);
  await DELETIONS['the database'](tab);
  await signIn(tab, other);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();

  await seesAccount(page, other);
  await tab.reload();
  await seesAccount(tab, other);
  await isEnded(api, access_token);
});

const DELETIONS = {
  'local storage': (tab: Page) => tab.evaluate(() => localStorage.clear()),
  'the database': (tab: Page) =>
    tab.evaluate(async () => {
      const asked = indexedDB.deleteDatabase('holdfast-2');
      await new Promise((resolve, reject) => {
        asked.onsuccess = resolve;
        asked.onerror = reject;
      });
    }),
};

for (const [first, second] of [
  ['local storage', 'the database'],
  ['the database', 'local storage'],
] as const) {
  test(`bar 35: deleted data stay deleted beside a tab that is awake: first ${first}`, async ({
    page,
    context,
    account,
    api,
  }) => {
    await signIn(page, account);
    const { access_token } = await theStoredSession(page);
    const tab = await context.newPage();
    await tab.goto('/robots.txt');
    // The browser does not delete both in one instant, and the page looks in between.
    await DELETIONS[first](tab);
    if (first === 'local storage') {
      await expect.poll(() => storedSession(page)).not.toBeNull();
    } else {
      await page.evaluate(() => window.dispatchEvent(new Event('online')));
      await isEnded(api, access_token);
    }
    await DELETIONS[second](tab);

    await isSignedOut(page);
    await isEnded(api, access_token);
    await page.goto('/account');
    await isSignedOut(page);
    expect(await storedSession(page)).toBeNull();
    expect(await sessionInDatabase(page)).toBeNull();
  });
}

test('bar 35: deleted data stay deleted beside a tab that is awake: no database', async ({
  page,
  context,
  account,
  api,
}) => {
  await denyIndexedDb(page);
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  const tab = await context.newPage();
  await tab.goto('/robots.txt');
  await DELETIONS['local storage'](tab);
  await isSignedOut(page);
  await isEnded(api, access_token);
  await page.goto('/account');
  await isSignedOut(page);
  expect(await storedSession(page)).toBeNull();
});

for (const [copy, isSamePerson] of [
  ['old', false],
  ['old', true],
  ['missing', false],
] as const) {
  test(`bar 35: a sign-in in a page whose database fails wins, although the copy is ${copy}: ${isSamePerson ? 'the same' : 'another'} person`, async ({
    page,
    context,
    account,
    api,
  }) => {
    const next = isSamePerson ? account : somebody('grace');
    if (!isSamePerson) await api.makeAccount(next);
    await signIn(page, account);
    await signOut(page);
    const before = await page.evaluate(() => localStorage.getItem('holdfast.session'));
    await signIn(page, account);
    const first = await theStoredSession(page);
    await page.close();
    // A browser that is killed loses its last writes to local storage.
    const plain = await context.newPage();
    await plain.goto('/robots.txt');
    await plain.evaluate(
      ([copy, before]) => {
        if (copy === 'old') localStorage.setItem('holdfast.session', before!);
        else localStorage.removeItem('holdfast.session');
      },
      [copy, before] as const,
    );
    const tab = await context.newPage();
    await failDatabase(tab);
    await signIn(tab, next);
    const { access_token } = await theStoredSession(tab);

    const other = await context.newPage();
    await other.goto('/account');
    await seesAccount(other, next);
    await isEnded(api, first.access_token);
    expect((await api.account(access_token)).status).toBe(200);
    await seesAccount(tab, next);
    await signOut(other);
    await isEnded(api, access_token);
    await isSignedOut(tab);
  });
}
