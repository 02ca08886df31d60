// Holdfast without a browser: the calls of its HTTP API.

import { randomBytes } from 'node:crypto';

/** A person's name and password. */
export interface Account {
  username: string;
  password: string;
}

/** The answer to a sign-in and to every refresh. */
export interface Tokens {
  access_token: string;
  token_type: string;
  expires_in: number;
  refresh_token: string;
  refresh_expires_in: number;
  refresh_idle_expires_in: number;
  session_id: string;
  /** Only the answer to a sign-up has it. */
  recovery_code?: string;
}

/** A live session, as the list of sessions shows it. */
export interface SessionInfo {
  session_id: string;
  current: boolean;
  created_at: number;
  expires_at: number;
  device: string;
  ip: string;
  user_agent: string;
  name: string | null;
}

/** An answer with any status. */
export interface Answer<Body = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: Body;
}

interface Request {
  body?: unknown;
  bearer?: string;
  attemptKey?: string;
  userAgent?: string;
}

/** A new name that no account has, and a good password. */
export function somebody(name = 'ada'): Account {
  return {
    username: `${name}-${randomBytes(5).toString('hex')}`,
    password: 'velvet anchor drifting northward',
  };
}

/** A new attempt key. A client makes one for each attempt to refresh. */
export const attemptKey = () => randomBytes(16).toString('hex');

/** The API of one server. */
export class Api {
  constructor(private readonly url: string) {}

  /** Makes an account whose person keeps the recovery code, and ends the session that comes with
   * it. Returns the code. */
  async makeAccount(account: Account): Promise<string> {
    const tokens = await this.signUp(account);
    const code = tokens.recovery_code!;
    await this.keepCode(tokens.access_token, code);
    await this.logOut(tokens.refresh_token);
    return code;
  }

  /** Confirms that the person keeps this recovery code. */
  async keepCode(bearer: string, code: string): Promise<void> {
    const answer = await this.call('POST', '/api/v1/account/recovery-code/confirmed', {
      body: { recovery_code: code },
      bearer,
    });
    if (answer.status !== 204) {
      throw new Error(`The code was refused: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
  }

  async signUp(account: Account): Promise<Tokens> {
    return this.tokens(await this.call('POST', '/api/v1/signup', { body: account }), 201);
  }

  /** Signs in, also as a browser with this `User-Agent` header. */
  async logIn(account: Account, userAgent?: string): Promise<Tokens> {
    const request = { body: account, userAgent };
    return this.tokens(await this.call('POST', '/api/v1/login', request), 200);
  }

  async refresh(refreshToken: string, key?: string): Promise<Answer<Tokens & { code?: string }>> {
    const request = { body: { refresh_token: refreshToken }, attemptKey: key };
    return this.call('POST', '/api/v1/refresh', request);
  }

  async logOut(refreshToken: string): Promise<Answer> {
    return this.call('POST', '/api/v1/logout', { body: { refresh_token: refreshToken } });
  }

  async account(bearer?: string): Promise<Answer> {
    return this.call('GET', '/api/v1/account', { bearer });
  }

  async sessions(bearer: string): Promise<SessionInfo[]> {
    const answer = await this.call<{ sessions: SessionInfo[] }>('GET', '/api/v1/sessions', {
      bearer,
    });
    if (answer.status !== 200) {
      throw new Error(`The sessions were refused: ${JSON.stringify(answer.body)}`);
    }
    return answer.body.sessions;
  }

  /** Ends another session of the account, with the password. */
  async endSession(bearer: string, sessionId: string, account: Account): Promise<void> {
    const body = { password: account.password };
    const answer = await this.call('DELETE', `/api/v1/sessions/${sessionId}`, { body, bearer });
    if (answer.status !== 204) {
      throw new Error(`The session was not ended: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
  }

  /** Gives the browser of a session of the account a name. */
  async nameSession(bearer: string, sessionId: string, name: string): Promise<void> {
    const request = { body: { name }, bearer };
    const answer = await this.call('PUT', `/api/v1/sessions/${sessionId}/name`, request);
    if (answer.status !== 204) {
      throw new Error(`The name was refused: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
  }

  async call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    { body, bearer, attemptKey, userAgent }: Request = {},
  ): Promise<Answer<Body>> {
    const headers = new Headers({ accept: 'application/json, application/problem+json' });
    if (body !== undefined) headers.set('content-type', 'application/json');
    if (bearer !== undefined) headers.set('authorization', `Bearer ${bearer}`);
    if (attemptKey !== undefined) headers.set('idempotency-key', attemptKey);
    if (userAgent !== undefined) headers.set('user-agent', userAgent);
    const answer = await fetch(this.url + path, { method, headers, body: JSON.stringify(body) });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: (text ? JSON.parse(text) : {}) as Body,
    };
  }

  private tokens(answer: Answer, expected: number): Tokens {
    if (answer.status !== expected) {
      throw new Error(`No tokens: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body as unknown as Tokens;
  }
}
