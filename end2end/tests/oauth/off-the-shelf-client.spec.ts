// An OAuth client that does not know Holdfast: oauth4webapi, which checks every answer
// against the RFCs (6749, 7009, 8414, 9068).

import * as oauth from 'oauth4webapi';
import { expect, test } from '../../holdfast';
import type { Server } from '../../holdfast/server';

/** The issuer of the servers in these tests. */
const ISSUER = new URL('https://holdfast.example');
const CLIENT: oauth.Client = { client_id: 'holdfast-web' };

/** Sends requests for the issuer's address to the server, as a proxy does. */
function reaching(server: Server) {
  const send = (url: string, options: RequestInit) =>
    fetch(url.replace(ISSUER.origin, server.url), options);
  return { [oauth.customFetch]: send as typeof fetch };
}

async function discover(server: Server): Promise<oauth.AuthorizationServer> {
  const options = { algorithm: 'oauth2' as const, ...reaching(server) };
  const answer = await oauth.discoveryRequest(ISSUER, options);
  return oauth.processDiscoveryResponse(ISSUER, answer);
}

async function refresh(
  server: Server,
  issuer: oauth.AuthorizationServer,
  refreshToken: string,
): Promise<oauth.TokenEndpointResponse> {
  const answer = await oauth.refreshTokenGrantRequest(
    issuer,
    CLIENT,
    oauth.None(),
    refreshToken,
    reaching(server),
  );
  return oauth.processRefreshTokenResponse(issuer, CLIENT, answer);
}

/** The error code of RFC 6749 with which a call is refused. */
async function refusal(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof oauth.ResponseBodyError)) {
    throw new Error(`Not refused, or not as OAuth does it: ${error}`);
  }
  return error.error;
}

test('an off-the-shelf client finds the endpoints, refreshes and verifies the access token', async ({
  holdfast,
  api,
  account,
}) => {
  const issuer = await discover(holdfast);
  expect(issuer.grant_types_supported).toEqual(['refresh_token']);
  let { refresh_token: refreshToken } = await api.logIn(account);

  for (let round = 0; round < 3; round += 1) {
    const tokens = await refresh(holdfast, issuer, refreshToken);
    expect(tokens.refresh_token).toBeDefined();
    expect(tokens.refresh_token).not.toBe(refreshToken);
    refreshToken = tokens.refresh_token ?? '';

    const call = new Request(`${ISSUER.origin}/anything`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    const claims = await oauth.validateJwtAccessToken(
      issuer,
      call,
      ISSUER.origin,
      reaching(holdfast),
    );
    expect(claims.client_id).toBe('holdfast-web');
    expect((await api.account(tokens.access_token)).status).toBe(200);
  }
});

test('an off-the-shelf client that lost an answer may repeat the request at once', async ({
  holdfast,
  api,
  account,
}) => {
  const issuer = await discover(holdfast);
  const { refresh_token: refreshToken } = await api.logIn(account);
  const lost = await refresh(holdfast, issuer, refreshToken);
  const again = await refresh(holdfast, issuer, refreshToken);
  expect(again.refresh_token).toBe(lost.refresh_token);
});

test('an off-the-shelf client that presents a spent token is refused, and the session is over', async ({
  holdfast,
  api,
  account,
}) => {
  const issuer = await discover(holdfast);
  const { refresh_token: stolen } = await api.logIn(account);
  const second = await refresh(holdfast, issuer, stolen);
  const third = await refresh(holdfast, issuer, second.refresh_token ?? '');
  expect(await refusal(refresh(holdfast, issuer, stolen))).toBe('invalid_grant');
  expect(await refusal(refresh(holdfast, issuer, third.refresh_token ?? ''))).toBe('invalid_grant');
});

test('an off-the-shelf client may revoke its token twice', async ({
  holdfast,
  api,
  account,
}) => {
  const issuer = await discover(holdfast);
  const { refresh_token: refreshToken, access_token: accessToken } = await api.logIn(account);
  for (let time = 0; time < 2; time += 1) {
    const answer = await oauth.revocationRequest(
      issuer,
      CLIENT,
      oauth.None(),
      refreshToken,
      reaching(holdfast),
    );
    await oauth.processRevocationResponse(answer);
  }
  expect(await refusal(refresh(holdfast, issuer, refreshToken))).toBe('invalid_grant');
  expect((await api.account(accessToken)).status).toBe(401);
});

test('an off-the-shelf client is refused for a made-up token', async ({ holdfast }) => {
  const issuer = await discover(holdfast);
  expect(await refusal(refresh(holdfast, issuer, 'hfr_made-up'))).toBe('invalid_grant');
});
