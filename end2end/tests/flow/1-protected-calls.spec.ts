import { expect, forged, test } from '../../holdfast';

const PROTECTED = [
  ['GET', '/api/v1/account'],
  ['DELETE', '/api/v1/account'],
  ['PUT', '/api/v1/account/password'],
  ['GET', '/api/v1/sessions'],
  ['DELETE', '/api/v1/sessions'],
  ['GET', '/api/v1/sessions/current/stored'],
  ['DELETE', '/api/v1/sessions/01890a5d-ac96-774b-bcce-b302099a8057'],
  ['PUT', '/api/v1/sessions/01890a5d-ac96-774b-bcce-b302099a8057/name'],
  ['GET', '/api/v1/activity'],
] as const;

test.describe('step 1: a protected call', () => {
  for (const [method, path] of PROTECTED) {
    test(`without a token is answered 401: ${method} ${path}`, async ({ api }) => {
      const answer = await api.call(method, path);

      expect(answer.status).toBe(401);
      expect(answer.body.code).toBe('access_token_missing');
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer\b/);
    });
  }

  test('with a made-up or a forged token is answered 401', async ({ api, account }) => {
    const { access_token } = await api.logIn(account);
    expect((await api.account(access_token)).status).toBe(200);

    for (const bearer of ['made-up', 'a.b.c', forged(access_token)]) {
      const answer = await api.account(bearer);
      expect(answer.status).toBe(401);
      expect(answer.body.code).toBe('access_token_invalid');
    }
  });

  test('of a page of this site is answered 401 as well', async ({ page }) => {
    await page.goto('/');
    const status = await page.evaluate(async () => (await fetch('/api/v1/account')).status);
    expect(status).toBe(401);
  });
});
