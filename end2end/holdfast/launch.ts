// Which Chromium the journeys use, and how it starts.

import { existsSync } from 'node:fs';
import type { LaunchOptions } from '@playwright/test';

/** The browser: the one that HOLDFAST_CHROMIUM names, one of the system's, or Playwright's own. */
export function wholeChromium(): string | undefined {
  const ofTheSystem = [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/usr/bin/google-chrome-stable',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ];
  return process.env.HOLDFAST_CHROMIUM || ofTheSystem.find((path) => existsSync(path));
}

/** Chromium without windows, if there is one: the one that HOLDFAST_HEADLESS_SHELL names, or Debian's. A run
 * takes four fifths of the time with it. It has no back/forward cache and no settings of a profile, and it
 * closes a tab without its last events. */
export function headlessShell(): string | undefined {
  const ofTheSystem = '/usr/bin/chromium-headless-shell';
  const named = process.env.HOLDFAST_HEADLESS_SHELL;
  return named || (existsSync(ofTheSystem) ? ofTheSystem : undefined);
}

/** Starts this browser. */
export function launch(executablePath: string | undefined): LaunchOptions {
  const isRoot = process.getuid?.() === 0;
  return {
    executablePath,
    args: [
      // Chromium's sandbox refuses to run as root.
      ...(isRoot ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  };
}
