// A process of `examples/notes`, on a Postgres of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test as base } from '@playwright/test';
import { Api } from './api';
import { Output, TARGET, running } from './server';

const BINARY = join(TARGET, 'release/notes');
const POSTGRES = join(TARGET, 'release/local-postgres');
const SITE = join(TARGET, 'xtask/notes/site');

/** How long a start may take. It makes a database. */
const PATIENCE_MS = 60_000;

/** What a test of the example needs. */
export interface Notes {
  /** The address of the example. */
  url: string;
  /** Holdfast's API in it. */
  api: Api;
}

interface WorkerFixtures {
  notes: Notes;
}

interface TestFixtures {
  /** Every test: no uncaught error, no violated policy. */
  browserIsContent: void;
}

/** `test` with the example behind it. */
export const testOfNotes = base.extend<TestFixtures, WorkerFixtures>({
  notes: [
    async ({}, use) => {
      for (const path of [BINARY, POSTGRES, SITE]) {
        if (!existsSync(path)) {
          throw new Error(`${path} is missing. Build it with: cargo xtask test e2e`);
        }
      }
      const data = await mkdtemp(join(tmpdir(), 'holdfast-notes-'));
      const place = ['--name', 'notes', '--throwaway', '--data-dir', data];
      const postgres = spawn(POSTGRES, ['run', ...place], { stdio: ['pipe', 'pipe', 'pipe'] });
      const deadline = Date.now() + PATIENCE_MS;
      running.add(postgres);
      try {
        const database = await new Output(postgres).line(/(postgres\S+)/, deadline);
        const env = environment(database);
        const server = spawn(BINARY, { env, stdio: ['ignore', 'pipe', 'pipe'] });
        running.add(server);
        const output = new Output(server);
        const url = await output.line(/listening on (http:\/\/\S+)/, deadline);
        await use({ url, api: new Api(url) });
        expect(output.ended, output.text).toBe(false);
        await ended(server, () => server.kill('SIGTERM'));
        expect(output.text).not.toContain('panicked');
      } finally {
        await ended(postgres, () => postgres.stdin?.end());
        await rm(data, { recursive: true, force: true });
      }
    },
    { scope: 'worker', timeout: 120_000 },
  ],

  baseURL: async ({ notes }, use) => use(notes.url),

  browserIsContent: [
    async ({ context }, use) => {
      const complaints: string[] = [];
      context.on('weberror', (error) => complaints.push(String(error.error())));
      context.on('console', (message) => {
        // Chromium reports each 4xx here as well. The tests check those themselves.
        const isStatus = message.text().startsWith('Failed to load resource');
        if (message.type() === 'error' && !isStatus) complaints.push(message.text());
      });
      await use();
      expect(complaints, 'what the browser complained about').toEqual([]);
    },
    { auto: true },
  ],
});

/** Ends a process in this way, unless it has ended already. */
async function ended(child: ChildProcess, end: () => void): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    end();
    await gone;
  }
  running.delete(child);
}

/** The environment of the example. It takes no setting from the shell. */
function environment(database: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(HOLDFAST_|LEPTOS_|DATABASE_URL$|PG)/.test(name),
  );
  return {
    ...Object.fromEntries(inherited),
    DATABASE_URL: database,
    HOLDFAST_SECRET: randomBytes(32).toString('base64url'),
    // Every test waits for a renewal.
    HOLDFAST_ACCESS_TOKEN_TTL: '2s',
    HOLDFAST_ATTEMPTS: '1000000',
    LEPTOS_OUTPUT_NAME: 'notes',
    LEPTOS_SITE_ROOT: SITE,
    LEPTOS_SITE_ADDR: '127.0.0.1:0',
  };
}
