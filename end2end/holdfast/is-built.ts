import { existsSync } from 'node:fs';
import { BINARY, SITE } from './server';

/** One sentence instead of a hundred failures. */
export default function isBuilt() {
  for (const path of [BINARY, SITE]) {
    if (!existsSync(path)) {
      throw new Error(`${path} is missing. Build it with: cargo leptos build --release`);
    }
  }
}
