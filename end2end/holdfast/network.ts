// The network log: which calls a browser made, in the order in which it made them.

import { type BrowserContext, expect, type Page, type Request, type Route } from '@playwright/test';
import type { Api, Tokens } from './api';

/** One call of the API. */
export interface Call {
  method: string;
  path: string;
  /** `undefined` while there is no answer. */
  status?: number;
  bearer?: string;
  attemptKey?: string;
  body: Record<string, unknown>;
  answer?: Record<string, unknown>;
}

/** All calls of a browser, or of one of its tabs, to `/api/`. */
export class Network {
  private all: Call[] = [];
  private reading: Promise<void>[] = [];

  constructor(browser: Page | BrowserContext) {
    const listener = browser as Page;
    listener.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (pathname.startsWith('/api/')) {
        const call = begun(request, pathname);
        this.all.push(call);
        this.reading.push(finish(request, call));
      }
    });
  }

  /** Forgets the calls so far. */
  clear(): void {
    this.all = [];
    this.reading = [];
  }

  /** The calls so far, of one kind or of all, with their answers. */
  async calls(kind?: string): Promise<Call[]> {
    // A call that begins meanwhile has no answer yet.
    const calls = this.begun(kind);
    await Promise.all(this.reading);
    return calls;
  }

  /** The same calls, without waiting for answers. */
  begun(kind?: string): Call[] {
    return this.all.filter((call) => !kind || `${call.method} ${call.path}` === kind);
  }

  /** The calls that renewed, or tried to. */
  async refreshes(): Promise<Call[]> {
    return this.calls('POST /api/v1/refresh');
  }

  /** The log in words: one line for each call. */
  async log(): Promise<string[]> {
    const calls = await this.calls();
    return calls.map((call) => `${call.method} ${call.path} → ${call.status ?? 'no answer'}`);
  }
}

function begun(request: Request, path: string): Call {
  const headers = request.headers();
  const isJson = headers['content-type']?.includes('json');
  const text = isJson && request.postData();
  return {
    method: request.method(),
    path,
    bearer: headers['authorization']?.replace(/^Bearer /, ''),
    attemptKey: headers['idempotency-key'],
    body: text ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

async function finish(request: Request, call: Call): Promise<void> {
  const response = await request.response().catch(() => null);
  call.status = response?.status();
  const answer: unknown = await response?.json().catch(() => undefined);
  call.answer = answer as Call['answer'];
}

/** An answer that a test gives in place of the server. */
export type Fulfilment = NonNullable<Parameters<Route['fulfill']>[0]>;

/** A problem of Holdfast, in the form of RFC 9457. */
export function problem(
  status: number,
  code: string,
  headers: Record<string, string> = {},
  detail = code,
): Fulfilment {
  const body = { type: `urn:holdfast:problem:${code}`, title: code, status, detail, code };
  return {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
    body: JSON.stringify(body),
  };
}

/** A gate in the network. */
export interface Gate {
  /** How many requests or answers wait at the gate. */
  waiting: () => number;
  open: () => void;
}

/** Requests wait on their way to the server until the gate is opened. */
export async function holdRequests(browser: Page | BrowserContext, url: string): Promise<Gate> {
  const gate = closedGate();
  await browser.route(url, async (route) => {
    await gate.pass();
    await route.continue().catch(abandoned);
  });
  return gate;
}

/** The server answers at once, and the answers wait until the gate is opened. */
export async function holdAnswers(
  browser: Page | BrowserContext,
  url: string,
  see: (status: number, body: string) => void = () => {},
): Promise<Gate> {
  const gate = closedGate();
  await browser.route(url, async (route) => {
    const response = await route.fetch();
    see(response.status(), await response.text());
    await gate.pass();
    await route.fulfill({ response }).catch(abandoned);
  });
  return gate;
}

/** The server answers the first request, but the answer is lost. All later requests are lost
 * until the test calls `back`. */
export async function loseAnswers(page: Page): Promise<{ lost: () => number; back: () => void }> {
  let lost = 0;
  let away = true;
  await page.context().route('**/api/v1/refresh', async (route) => {
    if (!away) return route.continue();
    // Only the first request reaches the server.
    if (lost === 0) await route.fetch();
    lost += 1;
    return route.abort();
  });
  return { lost: () => lost, back: () => (away = false) };
}

/** The client believes that tokens live longer than they do, so the server refuses a call
 * before the client renews. */
export async function believeTokensLiveLonger(page: Page): Promise<void> {
  await page.route(/\/api\/v1\/(login|refresh)$/, async (route) => {
    const response = await route.fetch();
    const tokens = (await response.json()) as Tokens;
    await route.fulfill({ response, json: { ...tokens, expires_in: 3600 } });
  });
}

/** Waits until the server refuses the token. It allows clocks a difference of five seconds. */
export async function expires(api: Api, accessToken: string): Promise<void> {
  await expect
    .poll(async () => (await api.account(accessToken)).body.code, { timeout: 15_000 })
    .toBe('access_token_expired');
}

function closedGate() {
  let waiting = 0;
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const pass = async () => {
    waiting += 1;
    await opened;
    waiting -= 1;
  };
  return { waiting: () => waiting, open: () => open(), pass };
}

/** The page that sent the request is gone, so its error does not matter. */
function abandoned(): void {}
