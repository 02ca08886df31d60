// A Firefox of the system. The test controls it with Firefox's own remote protocol
// (Marionette: JSON over TCP).
//
// Playwright needs a Firefox of its own, which some machines cannot download. Playwright does not
// work with the older Firefox versions of the distributions. The few steps of a smoke test need
// neither Playwright's Firefox nor another dependency.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The Firefox that is named, or one of the system's. */
export const FIREFOX: string | undefined =
  process.env.HOLDFAST_FIREFOX ||
  [
    '/usr/bin/firefox',
    '/usr/bin/firefox-esr',
    '/Applications/Firefox.app/Contents/MacOS/firefox',
  ].find((path) => existsSync(path) && !isOfSnap(path));

/** The Firefox of snap sees another `/tmp`, so the test cannot speak to it. */
function isOfSnap(path: string): boolean {
  return path === '/usr/bin/firefox' && existsSync('/snap/bin/firefox');
}

const PATIENCE_MS = 45_000;

/** The key under which WebDriver names an element. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** A running Firefox and its current tab. */
export class Firefox {
  private constructor(
    private readonly process: ChildProcess,
    private readonly profile: string,
    private readonly connection: Connection,
  ) {}

  static async start(): Promise<Firefox> {
    const profile = await mkdtemp(join(tmpdir(), 'holdfast-firefox-'));
    await writeFile(join(profile, 'user.js'), 'user_pref("marionette.port", 0);\n');
    const args = ['--headless', '--marionette', '--no-remote', '--profile', profile];
    const child = spawn(FIREFOX ?? 'firefox', args, { stdio: 'ignore' });
    process.once('exit', () => child.kill('SIGKILL'));
    const port = await eventually('Firefox starts', () =>
      readFile(join(profile, 'MarionetteActivePort'), 'utf8').catch(() => ''),
    );
    const connection = await Connection.open(Number(port));
    await connection.ask('WebDriver:NewSession', {});
    return new Firefox(child, profile, connection);
  }

  async stop(): Promise<void> {
    const gone = once(this.process, 'exit');
    this.process.kill();
    await gone;
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async open(url: string): Promise<void> {
    await this.connection.ask('WebDriver:Navigate', { url });
    await this.becomesAlive();
  }

  async reload(): Promise<void> {
    await this.connection.ask('WebDriver:Refresh', {});
    await this.becomesAlive();
  }

  /** The handle of the current tab. */
  async tab(): Promise<string> {
    const { value } = await this.connection.ask('WebDriver:GetWindowHandle', {});
    return value as string;
  }

  /** Opens another tab, which is the current one from then on. */
  async openTab(url: string): Promise<string> {
    const { handle } = await this.connection.ask('WebDriver:NewWindow', { type: 'tab' });
    await this.lookAt(handle as string);
    await this.open(url);
    return handle as string;
  }

  async lookAt(handle: string): Promise<void> {
    await this.connection.ask('WebDriver:SwitchToWindow', { handle });
  }

  async fill(label: string, text: string): Promise<void> {
    const id = await this.find(`//input[@id=//label[normalize-space()="${label}"]/@for]`);
    await this.connection.ask('WebDriver:ElementClear', { id });
    await this.connection.ask('WebDriver:ElementSendKeys', { id, text });
  }

  async press(button: string): Promise<void> {
    const id = await this.find(`//main//button[normalize-space()="${button}"]`);
    await this.connection.ask('WebDriver:ElementClick', { id });
  }

  /** Waits until the page contains this text. Any white space of the page counts as one space. */
  async sees(text: string): Promise<void> {
    await eventually(
      `Firefox sees "${text}"`,
      async () => (await this.text()).includes(text),
      async () => `It sees:\n${await this.text()}`,
    );
  }

  private text(): Promise<string> {
    return this.run<string>('return document.body.innerText.replace(/\\s+/g, " ")');
  }

  /** Runs the body of a function in the page. */
  async run<Result>(script: string, ...args: unknown[]): Promise<Result> {
    const { value } = await this.connection.ask('WebDriver:ExecuteScript', { script, args });
    return value as Result;
  }

  private async becomesAlive(): Promise<void> {
    await eventually('the page becomes alive', () =>
      this.run<boolean>('return document.documentElement.dataset.hydrated === "true"'),
    );
  }

  private async find(xpath: string): Promise<string> {
    return eventually(`there is ${xpath}`, async () => {
      const wanted = { using: 'xpath', value: xpath };
      const found = await this.connection
        .ask('WebDriver:FindElement', wanted)
        .catch(() => undefined);
      return (found?.value as Record<string, string> | undefined)?.[ELEMENT] ?? '';
    });
  }
}

/** Requests and answers, each with its length in front: `17:[0,1,"Name",{}]`. */
class Connection {
  private received = Buffer.alloc(0);
  private asked = new Map<number, (answer: unknown[]) => void>();
  private last = 0;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes) => this.receive(bytes));
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Connection(socket);
  }

  async ask(command: string, parameters: object): Promise<Record<string, unknown>> {
    const id = (this.last += 1);
    const question = JSON.stringify([0, id, command, parameters]);
    const answered = new Promise<unknown[]>((resolve) => this.asked.set(id, resolve));
    this.socket.write(`${Buffer.byteLength(question)}:${question}`);
    const [, , error, result] = await answered;
    if (error) {
      throw new Error(`${command}: ${JSON.stringify(error)}`);
    }
    return (result ?? {}) as Record<string, unknown>;
  }

  private receive(bytes: Buffer): void {
    this.received = Buffer.concat([this.received, bytes]);
    for (;;) {
      const colon = this.received.indexOf(':');
      const end = colon + 1 + Number(this.received.subarray(0, colon));
      if (colon < 0 || this.received.length < end) {
        return;
      }
      const message: unknown = JSON.parse(this.received.subarray(colon + 1, end).toString());
      this.received = this.received.subarray(end);
      // The first message is a greeting, which is not an array.
      if (Array.isArray(message)) {
        this.asked.get(message[1] as number)?.(message);
      }
    }
  }
}

/**
 * Repeats a query until its result is not empty, zero or false. If that takes too long, the error ends with
 * what `instead` returns.
 */
export async function eventually<Value>(
  what: string,
  ask: () => Promise<Value>,
  instead: () => Promise<string> = async () => '',
): Promise<Value> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await ask();
    if (value) {
      return value;
    }
    if (Date.now() > deadline) {
      throw new Error(`This did not happen in time: ${what}. ${await instead()}`.trim());
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
