// Checks whether the page at the given address is alive. It signs a person up in Chromium. This
// only works when the WebAssembly runs.
//
//   node xtask/newcomer/alive.mjs http://127.0.0.1:3000

import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { chromium } = createRequire(resolve(ROOT, 'end2end/package.json'))('@playwright/test');
const [address] = process.argv.slice(2);

const isRoot = process.getuid?.() === 0;
const browser = await chromium.launch({
  executablePath: process.env.HOLDFAST_CHROMIUM || undefined,
  args: isRoot ? ['--no-sandbox'] : [],
});
try {
  const page = await browser.newPage();
  await page.goto(`${address}/sign-up`);
  await page.getByLabel('Username').fill(`newcomer-${process.pid}`);
  await page.getByLabel('Password', { exact: true }).fill(`first start ${crypto.randomUUID()}`);
  await page.getByRole('button', { name: 'Create account' }).click();
  // A form that the browser sends by itself comes back to the same page.
  await page.waitForURL((url) => url.pathname !== '/sign-up');
} finally {
  await browser.close();
}
