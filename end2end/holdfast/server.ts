// Processes of `holdfast serve`, with lifetimes that are short enough for a test.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(__dirname, '../..');
export const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR || 'target');

/** The release build, or the binary that `HOLDFAST_BINARY` names, with its `site` beside it. */
const INSTALLED = process.env.HOLDFAST_BINARY;
export const BINARY = INSTALLED ? resolve(INSTALLED) : join(TARGET, 'release/holdfast');

/** The files that the browser loads. */
export const SITE = INSTALLED ? join(dirname(BINARY), 'site/pkg') : join(ROOT, 'target/site/pkg');

/** How long a start may take. The first start makes a database. */
const PATIENCE_MS = 60_000;

/** The settings of a server. Durations have a unit: `2s`, `5m`, `90d`. */
export interface Settings {
  accessTokenTtl?: string;
  refreshTokenTtl?: string;
  refreshIdle?: string;
  sessionTtlShort?: string;
  /** The folder of another release's files. */
  site?: string;
  /** If it is not set, the server uses a free port. */
  port?: number;
}

/** A database. It runs while at least one process uses it. */
export class DataDirectory {
  private constructor(readonly path: string) {}

  static async create(): Promise<DataDirectory> {
    return new DataDirectory(await mkdtemp(join(tmpdir(), 'holdfast-e2e-')));
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** These processes are killed when the tests are interrupted. */
export const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A running `holdfast serve`. */
export class Server {
  private constructor(
    private readonly process: ChildProcess,
    private readonly output: Output,
    private readonly settings: NodeJS.ProcessEnv,
    /** Its address, without a slash at the end. */
    readonly url: string,
  ) {}

  /** Starts a server and waits until it is ready. Several servers may share a directory. */
  static async start(data: DataDirectory, settings: Settings = {}): Promise<Server> {
    const env = environment(data, settings);
    const child = spawn(BINARY, ['serve'], {
      cwd: INSTALLED ? dirname(BINARY) : ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child.once('exit', () => running.delete(child)));
    const output = new Output(child);
    const deadline = Date.now() + PATIENCE_MS;
    const url = await output.line(/Holdfast is at (http:\/\/\S+)/, deadline);
    const server = new Server(child, output, env, url);
    await server.becomesReady(deadline);
    return server;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Runs a command of an operator beside it, such as `account unlock ada`. Returns its output. */
  async operator(...command: string[]): Promise<string> {
    const run = promisify(execFile);
    const cwd = INSTALLED ? dirname(BINARY) : ROOT;
    const { stdout } = await run(BINARY, command, { cwd, env: { ...this.settings } });
    return stdout;
  }

  /** Everything it has logged so far. */
  get log(): string {
    return this.output.text;
  }

  /** Stops it with a signal, and fails if it does not end well. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) {
      return;
    }
    const gone = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    const impatience = setTimeout(() => this.process.kill('SIGKILL'), 20_000);
    const [code, signal] = (await gone) as [number | null, string | null];
    clearTimeout(impatience);
    if (code !== 0) {
      throw new Error(`The server ended with ${code ?? signal}.\n${this.log}`);
    }
  }

  private async becomesReady(deadline: number): Promise<void> {
    for (;;) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (answer?.status === 200) {
        return;
      }
      if (this.output.ended || Date.now() > deadline) {
        throw new Error(`The server does not become ready.\n${this.log}`);
      }
      await soon();
    }
  }
}

/** The output of a process, on both channels. */
export class Output {
  text = '';
  ended = false;

  constructor(child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.text += text));
    }
    child.once('error', (error) => {
      this.text += `${error}\n`;
      this.ended = true;
    });
    child.once('exit', () => (this.ended = true));
  }

  /** Waits for a line and returns its first group. */
  async line(pattern: RegExp, deadline: number): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.text)?.[1];
      if (found) {
        return found;
      }
      if (this.ended || Date.now() > deadline) {
        throw new Error(`The server does not start.\n${this.text}`);
      }
      await soon();
    }
  }
}

/** The environment of a test's server. It takes no setting of Holdfast from the shell, so that
 * a test never uses a real database. */
function environment(data: DataDirectory, settings: Settings): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(HOLDFAST_|LEPTOS_|DATABASE_URL$|PG)/.test(name),
  );
  const told: Record<string, string | undefined> = {
    HOLDFAST_DATA_DIR: data.path,
    HOLDFAST_LISTEN: `127.0.0.1:${settings.port ?? 0}`,
    // The same on every instance, so that they accept each other's access tokens.
    HOLDFAST_ISSUER: 'https://holdfast.example',
    HOLDFAST_SHUTDOWN_DELAY: '0s',
    HOLDFAST_ACCESS_TOKEN_TTL: settings.accessTokenTtl,
    HOLDFAST_REFRESH_TOKEN_TTL: settings.refreshTokenTtl,
    HOLDFAST_REFRESH_IDLE: settings.refreshIdle,
    HOLDFAST_SESSION_TTL_SHORT: settings.sessionTtlShort,
    LEPTOS_SITE_ROOT: settings.site,
    // All browsers of the tests have the same address.
    HOLDFAST_ATTEMPTS: '1000000',
    NO_COLOR: '1',
  };
  const wished = Object.entries(told).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...inherited, ...wished]);
}

/** The pause between two checks. */
const soon = () => new Promise((resolve) => setTimeout(resolve, 50));
