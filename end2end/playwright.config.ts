// The journeys of a person through Holdfast, in a real browser, against the release build.
//
//   npx playwright test                            everything except the pictures
//   npx playwright test tests/bars                 the bars (docs/bars.md)
//   TRACE=1 npx playwright test <file>             with a trace of each test that fails
//   cargo xtask pictures                           the pictures of every page and state

import { defineConfig, devices } from '@playwright/test';
import { headlessShell, launch, wholeChromium } from './holdfast/launch';
import type { Options } from './holdfast/test';

export default defineConfig<Options>({
  testDir: './tests',
  outputDir: './test-results',
  globalSetup: './holdfast/is-built.ts',
  // Each worker has a server and a Postgres of its own.
  workers: 2,
  fullyParallel: true,
  // A test that passes at the second try has found something.
  retries: 0,
  forbidOnly: !!process.env.CI,
  reporter: 'list',
  // A busy machine is slow. These limits end what hangs; none of them is a promise.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  // The pictures are for a person; they are not a test.
  grepInvert: process.env.SCREENS ? undefined : /@screens|@readme/,
  use: {
    ...devices['Desktop Chrome'],
    actionTimeout: 20_000,
    navigationTimeout: 30_000,
    // A trace of every test takes a tenth of the time of a whole run, and its film a quarter more.
    trace: process.env.TRACE
      ? { mode: 'retain-on-failure', screenshots: false, snapshots: true, sources: true }
      : 'off',
    launchOptions: launch(headlessShell() ?? wholeChromium()),
  },
});
