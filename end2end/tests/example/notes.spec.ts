// `examples/notes`: an application that has adopted Holdfast. Its sign-in form, its pages, its route
// and its server functions are its own.

import type { Locator, Page } from '@playwright/test';
import {
  type Account,
  believeTokensLiveLonger,
  expect,
  expires,
  Network,
  somebody,
  storedSession,
  testOfNotes as test,
} from '../../holdfast';

// `HOLDFAST_BINARY` names a server without the example.
test.skip(!!process.env.HOLDFAST_BINARY, 'another build is tested, which has no example');

const notes = (page: Page): Locator => page.getByRole('list', { name: 'Notes' }).getByRole('listitem');

const signInButton = (page: Page): Locator => page.getByRole('button', { name: 'Sign in' });

async function fillIn(page: Page, account: Account): Promise<void> {
  await page.getByLabel('Username').fill(account.username);
  await page.getByLabel('Password').fill(account.password);
}

async function signUp(page: Page): Promise<Account> {
  const account = somebody();
  await page.goto('/notes');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create an account' }).click();
  await expect(notes(page)).toHaveText(['Welcome to your notes.']);
  return account;
}

async function signIn(page: Page, account: Account): Promise<void> {
  await fillIn(page, account);
  await signInButton(page).click();
  await expect(notes(page)).toHaveText(['Welcome to your notes.']);
}

async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel('New note').fill(text);
  await page.getByRole('button', { name: 'Write it down' }).click();
}

/** The access token of this browser. */
async function accessToken(page: Page): Promise<string> {
  return (await storedSession(page))!.access_token;
}

test('a sign-up makes the first note, and a person sees only their own notes', async ({
  page,
  browser,
  notes: { url },
}) => {
  await signUp(page);
  await write(page, 'Buy milk.');
  await expect(notes(page)).toHaveText(['Welcome to your notes.', 'Buy milk.']);

  const other = await browser.newContext({ baseURL: url });
  await signUp(await other.newPage());
  await other.close();

  await page.reload();
  await expect(notes(page)).toHaveText(['Welcome to your notes.', 'Buy milk.']);
});

test('a refused call of a server function is repeated with a renewed token', async ({
  page,
  notes: { api },
}) => {
  const account = await signUp(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await believeTokensLiveLonger(page);
  await signIn(page, account);
  await expires(api, await accessToken(page));

  const network = new Network(page);
  await write(page, 'After the renewal.');
  await expect(notes(page)).toHaveText(['Welcome to your notes.', 'After the renewal.']);
  const log = await network.log();
  const [refused, refresh, repeated] = log.map((line) => line.replace(/note[0-9]+/, 'note'));
  expect([refused, refresh, repeated]).toEqual([
    'POST /api/add_note → 401',
    'POST /api/v1/refresh → 200',
    'POST /api/add_note → 200',
  ]);
});

test('the token is renewed before it expires', async ({ page }) => {
  await signUp(page);
  const { generation } = (await storedSession(page))!;
  // The person does nothing.
  await expect
    .poll(async () => (await storedSession(page))!.generation)
    .toBeGreaterThan(generation + 1);
  await expect(notes(page)).toHaveText(['Welcome to your notes.']);
});

test('a person who has signed out sees the form in place of the notes, signs in and is back', async ({
  page,
}) => {
  const account = await signUp(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(signInButton(page)).toBeVisible();
  await expect(notes(page)).toHaveCount(0);

  // So does a person who opens the page.
  await page.goto('/');
  await page.getByRole('link', { name: 'Notes' }).click();
  await fillIn(page, { ...account, password: 'not the password of Ada' });
  await signInButton(page).click();
  await expect(page.getByRole('alert')).not.toBeEmpty();
  await signIn(page, account);
  await expect(page).toHaveURL('/notes');
});

test('the route and the server functions refuse a call without a token', async ({
  page,
  notes: { api },
}) => {
  await signUp(page);
  const network = new Network(page);
  await write(page, 'Buy milk.');
  await expect(notes(page)).toHaveCount(2);
  const calls = await network.calls();
  const functions = [...new Set(calls.map((call) => call.path))].filter((path) =>
    /^\/api\/(list|add)_note/.test(path),
  );
  expect(functions).toHaveLength(2);
  for (const path of functions) {
    const refused = await api.call('POST', path, { body: {} });
    expect([refused.status, refused.body.code]).toEqual([401, 'access_token_missing']);
  }

  const refused = await api.call('GET', '/api/notes');
  expect([refused.status, refused.body.code]).toEqual([401, 'access_token_missing']);
  const bearer = await accessToken(page);
  const exported = await api.call<{ text: string }[]>('GET', '/api/notes', { bearer });
  expect(exported.body.map((note) => note.text)).toEqual(['Welcome to your notes.', 'Buy milk.']);
});

test('a person who deletes the account is signed out, and nothing of it is left', async ({
  page,
  notes: { api },
}) => {
  const account = await signUp(page);
  await write(page, 'Buy milk.');
  await expect(notes(page)).toHaveCount(2);
  const deleted = await api.call('DELETE', '/api/v1/account', {
    body: { password: account.password },
    bearer: await accessToken(page),
  });
  expect(deleted.status).toBe(204);
  // The next renewal finds out.
  await expect(signInButton(page)).toBeVisible();
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create an account' }).click();
  await expect(notes(page)).toHaveText(['Welcome to your notes.']);
});
