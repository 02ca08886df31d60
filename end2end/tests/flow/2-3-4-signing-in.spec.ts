import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  expect,
  fillIn,
  heading,
  Network,
  seesAccount,
  signIn,
  signInButton,
  signUp,
  somebody,
  test,
  theStoredSession,
  type Tokens,
} from '../../holdfast';

const DAY = 24 * 60 * 60;

test('step 2 and 3: a person signs in and the server answers with two tokens', async ({
  page,
  account,
}) => {
  const network = new Network(page);
  const answered = page.waitForResponse('**/api/v1/login');
  await signIn(page, account);

  const [login] = await network.calls('POST /api/v1/login');
  expect(login?.body).toEqual({ ...account, remember: true });
  expect(login?.status).toBe(200);
  const tokens = login?.answer as unknown as Tokens;
  expect(tokens.token_type).toBe('Bearer');
  expect(tokens.refresh_token).toMatch(/^hfr_[\w-]+$/);
  expect(tokens.access_token.split('.')).toHaveLength(3);
  // The access token lives for five minutes, less up to five per cent. The refresh token lives for
  // ninety days, less the time of the answer.
  expect(tokens.expires_in).toBeGreaterThanOrEqual(285);
  expect(tokens.expires_in).toBeLessThanOrEqual(300);
  for (const [left, days] of [
    [tokens.refresh_expires_in, 90],
    [tokens.refresh_idle_expires_in, 30],
  ] as const) {
    expect(left).toBeLessThanOrEqual(days * DAY);
    expect(left).toBeGreaterThan(days * DAY - 60);
  }
  expect((await answered).headers()['cache-control']).toContain('no-store');
});

test('step 2: the page reports a wrong password, and the next try succeeds', async ({ page, account }) => {
  await page.goto('/sign-in');
  await fillIn(page, { ...account, password: 'incorrect horse battery' });
  await signInButton(page).click();
  await expect(page.getByRole('alert')).toHaveText('The username or the password is wrong.');
  await expect(heading(page, 'Sign in')).toBeVisible();

  await fillIn(page, account);
  await signInButton(page).click();
  await seesAccount(page, account);
});

test('step 2: a new account is signed in at once and sees its page', async ({ page }) => {
  const account = somebody('grace');
  const network = new Network(page);
  await signUp(page, account);

  expect(new URL(page.url()).pathname).toBe('/account');
  const [call] = await network.calls('POST /api/v1/signup');
  expect(call?.status).toBe(201);
  expect((await theStoredSession(page)).refresh_token).toBe(call?.answer?.refresh_token);
});

test('step 3: the database contains a hash of the refresh token and no token', async ({
  page,
  account,
  data,
}) => {
  await signIn(page, account);
  const { refresh_token, access_token } = await theStoredSession(page);
  // key id 1, session id 16, generation 4, secret 32, mac 16.
  const secret = Buffer.from(refresh_token.replace('hfr_', ''), 'base64url').subarray(21, 53);
  const hash = createHash('sha256').update(secret).digest();

  const found = await search(join(data.path, 'postgres'), {
    name: Buffer.from(account.username),
    hash,
    secret,
    refreshToken: Buffer.from(refresh_token),
    accessToken: Buffer.from(access_token.split('.')[2] ?? access_token),
    password: Buffer.from(account.password),
  });

  expect([...found].sort()).toEqual(['hash', 'name']);
});

test('step 4: the browser keeps both tokens in its storage', async ({ page, account }) => {
  const network = new Network(page);
  await signIn(page, account);

  const [login] = await network.calls('POST /api/v1/login');
  const stored = await theStoredSession(page);
  expect(stored.access_token).toBe(login?.answer?.access_token);
  expect(stored.refresh_token).toBe(login?.answer?.refresh_token);
  expect(stored.session_id).toBe(login?.answer?.session_id);
});

test('step 4: a new tab and a reload find the tokens and refresh nothing', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  const before = await theStoredSession(page);

  const network = new Network(context);
  const tab = await context.newPage();
  await tab.goto('/account');
  await seesAccount(tab, account);
  await page.reload();
  await seesAccount(page, account);

  expect(await network.refreshes()).toEqual([]);
  expect(await theStoredSession(page)).toEqual(before);
});

/** Which of these byte strings are in any file of a directory. */
async function search<Name extends string>(
  directory: string,
  wanted: Record<Name, Buffer>,
): Promise<Set<Name>> {
  const found = new Set<Name>();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((entry) => entry.isFile())) {
    // The running database may remove a file meanwhile.
    const bytes = await readFile(join(entry.parentPath, entry.name)).catch(() => Buffer.alloc(0));
    for (const name of Object.keys(wanted) as Name[]) {
      if (bytes.includes(wanted[name])) found.add(name);
    }
  }
  return found;
}
