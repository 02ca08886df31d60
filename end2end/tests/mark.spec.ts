// Takes pictures of the mark as small as in a tab, for a person: `cargo xtask pictures`.

import { join } from 'node:path';
import { test } from '../holdfast';

const DIRECTORY = process.env.SCREENS ?? '';

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`the mark, ${colorScheme}`, { tag: '@screens' }, () => {
    test.use({ colorScheme, deviceScaleFactor: 1 });

    test('at 16 pixels', async ({ page, request }) => {
      const icon = (await (await request.get('/favicon.svg')).body()).toString('base64');
      // Around it is the background that the browser itself chooses.
      await page.setContent(
        `<meta name="color-scheme" content="light dark">
         <body style="margin: 4px">
         <img src="data:image/svg+xml;base64,${icon}" width="16" height="16" style="display: block">`,
      );
      await page.screenshot({
        path: join(DIRECTORY, `mark-${colorScheme}.png`),
        clip: { x: 0, y: 0, width: 24, height: 24 },
      });
    });
  });
}
