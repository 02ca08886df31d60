// The browser's part of `cargo xtask soak`, which starts the servers, the faults and this part.

import type { PlaywrightTestConfig } from '@playwright/test';
import journeys from './playwright.config';

const seconds = Number(process.env.SOAK_SECONDS ?? 600);

const config: PlaywrightTestConfig = {
  ...journeys,
  testDir: './soak',
  testIgnore: undefined,
  globalSetup: undefined,
  workers: 1,
  reporter: 'line',
  // All tabs open at the start, and each makes one more call at the end, when a person may still
  // be doing something.
  timeout: (seconds + 700) * 1000,
  use: { ...journeys.use, baseURL: process.env.SOAK_URL, trace: 'off' },
};

export default config;
