import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import {
  checkAgain,
  expect,
  forged,
  heading,
  Network,
  signIn,
  test,
  theStoredSession,
} from '../../holdfast';

/** The only calls without an access token: they get tokens or end a session. */
const WITHOUT_TOKEN = [
  '/api/v1/signup',
  '/api/v1/login',
  '/api/v1/refresh',
  '/api/v1/logout',
];

test('step 5: every call of every page carries the access token', async ({ page, account }) => {
  const network = new Network(page);
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  await checkAgain(page);
  await page.getByRole('banner').getByRole('link', { name: 'Devices' }).click();
  // The page before has the text of the row, too.
  await expect(heading(page, 'Where you are signed in')).toBeVisible();
  await expect(page.getByText('This browser', { exact: true })).toBeVisible();
  await page.getByRole('banner').getByRole('link', { name: 'Activity' }).click();
  await expect(page.getByRole('heading', { name: 'Signed in', exact: true })).toBeVisible();

  const calls = (await network.calls()).filter((call) => !WITHOUT_TOKEN.includes(call.path));
  const paths = new Set(calls.map((call) => call.path));
  expect([...paths].sort()).toEqual([
    '/api/v1/account',
    '/api/v1/account/notices',
    '/api/v1/activity',
    '/api/v1/sessions',
  ]);
  for (const call of calls) {
    expect(call.bearer, call.path).toBe(access_token);
    expect(call.status, call.path).toBe(200);
  }
});

test('step 5: the calls that get or end tokens carry no token', async ({ page, account }) => {
  const network = new Network(page);
  await signIn(page, account);
  await page.getByRole('main').getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(heading(page, 'Sign in')).toBeVisible();
  await expect.poll(() => network.calls('POST /api/v1/logout')).toHaveLength(1);

  const calls = (await network.calls()).filter((call) => WITHOUT_TOKEN.includes(call.path));
  expect(calls.map((call) => call.path)).toEqual(['/api/v1/login', '/api/v1/logout']);
  expect(calls.map((call) => call.bearer)).toEqual([undefined, undefined]);
});

test('step 5: an access token can be verified with the public keys alone', async ({
  api,
  account,
}) => {
  const tokens = await api.logIn(account);
  const { body: person } = await api.account(tokens.access_token);
  const { body: jwks } = await api.call<{ keys: Jwk[] }>('GET', '/.well-known/jwks.json');

  const token = read(tokens.access_token);
  expect(token.header).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' });
  expect(token.claims).toMatchObject({ sub: person.account_id, sid: tokens.session_id });
  expect(token.claims.exp - token.claims.iat).toBeLessThanOrEqual(300);

  const key = jwks.keys.find(({ kid }) => kid === token.header.kid);
  expect(isSigned(tokens.access_token, key)).toBe(true);
  expect(isSigned(forged(tokens.access_token), key)).toBe(false);
});

test('step 5 and 6: no token is accepted in place of the other', async ({ api, account }) => {
  const tokens = await api.logIn(account);

  const asBearer = await api.account(tokens.refresh_token);
  expect(asBearer.status).toBe(401);
  expect(asBearer.body.code).toBe('access_token_invalid');
  const asRefresh = await api.refresh(tokens.access_token);
  expect(asRefresh.status).toBe(401);
  expect(asRefresh.body.code).toBe('refresh_token_invalid');

  // The session has survived both mistakes.
  expect((await api.account(tokens.access_token)).status).toBe(200);
  expect((await api.refresh(tokens.refresh_token)).status).toBe(200);
});

type Jwk = JsonWebKey & { kid: string };

interface Jwt {
  header: { alg: string; typ: string; kid: string };
  claims: { sub: string; sid: string; iat: number; exp: number };
}

function read(token: string): Jwt {
  const [header, claims] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
  return { header, claims };
}

function isSigned(token: string, key: Jwk | undefined): boolean {
  const [header, claims, signature] = token.split('.');
  return verify(
    null,
    Buffer.from(`${header}.${claims}`),
    createPublicKey({ key: key ?? {}, format: 'jwk' }),
    Buffer.from(signature ?? '', 'base64url'),
  );
}
