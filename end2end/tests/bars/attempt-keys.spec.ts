import type { Page } from '@playwright/test';
import {
  checkAgain,
  expect,
  loseAnswers,
  Network,
  seesAccount,
  signIn,
  spoilAccessToken,
  test,
  theStoredSession,
} from '../../holdfast';

for (const [name, before, after] of [
  ['breaks', 'works', 'broken'],
  ['is mended', 'broken', 'works'],
] as const) {
  test(`a browser whose IndexedDB ${name} between two visits makes no second attempt key`, async ({
    page,
    account,
  }) => {
    await letIndexedDbBreak(page);
    await signIn(page, account);
    await setIndexedDb(page, before);
    await page.reload();
    await seesAccount(page, account);
    const { generation } = await theStoredSession(page);

    const network = new Network(page);
    const answers = await loseAnswers(page);
    await spoilAccessToken(page);
    await page.getByRole('button', { name: 'Check my sign-in' }).click();
    await expect.poll(answers.lost).toBeGreaterThan(0);
    await setIndexedDb(page, after);
    answers.back();
    await page.reload();
    await seesAccount(page, account);
    if (before === 'broken') {
      // The change that was made while the database was broken is only in the copy.
      await spoilAccessToken(page);
      await checkAgain(page);
    }
    await expect
      .poll(async () => (await theStoredSession(page)).generation)
      .toBe(generation + 1);

    const refreshes = await network.refreshes();
    expect(new Set(refreshes.map(({ attemptKey }) => attemptKey)).size).toBe(1);
    // The next refresh is a new attempt, in every place where its key can be kept.
    await spoilAccessToken(page);
    await checkAgain(page);
    expect((await theStoredSession(page)).generation).toBe(generation + 2);
  });
}

/** IndexedDB with damaged files: it exists, but opens no database. */
async function letIndexedDbBreak(page: Page): Promise<void> {
  await page.addInitScript(() => {
    if (localStorage.getItem('test.indexed-db') !== 'broken') return;
    IDBFactory.prototype.open = () => {
      throw new DOMException('Internal error opening backing store.', 'UnknownError');
    };
  });
}

/** IndexedDB works, or is broken, from the next visit on. */
async function setIndexedDb(page: Page, state: 'works' | 'broken'): Promise<void> {
  await page.evaluate((state) => localStorage.setItem('test.indexed-db', state), state);
}
