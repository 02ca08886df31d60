// Runs once before all tests: checks that the release was built.

import { existsSync } from 'node:fs';
import { FIREFOX } from './firefox';
import { BINARY, SITE } from './server';

/** Says in one sentence what is missing, instead of a hundred failed tests or a silent skip. */
export default function isBuilt() {
  for (const path of [BINARY, SITE]) {
    if (!existsSync(path)) {
      throw new Error(`${path} is missing. Build it with: cargo xtask run`);
    }
  }
  if (!FIREFOX) {
    console.log('No Firefox is installed, so its test is skipped. HOLDFAST_FIREFOX may name one.');
  }
}
