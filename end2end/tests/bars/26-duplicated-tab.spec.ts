import { checkAgain, expect, seesAccount, signIn, test, theStoredSession } from '../../holdfast';

test.describe('with short-lived tokens', () => {
  test.use({ lifetimes: { accessTokenTtl: '2s' } });

  test('bar 26: a duplicated tab of a session for hours renews with its twin', async ({
    page,
    account,
  }) => {
    test.slow();
    await signIn(page, account, { remember: false });
    const { generation, session_id } = await theStoredSession(page);
    // Like "Duplicate tab": the copy starts with the same session storage.
    const opened = page.waitForEvent('popup');
    await page.evaluate(() => void window.open('/account'));
    const twin = await opened;
    await seesAccount(twin, account);

    await expect
      .poll(async () => (await theStoredSession(twin)).generation, { timeout: 60_000 })
      .toBeGreaterThanOrEqual(generation + 10);

    for (const tab of [page, twin]) {
      await checkAgain(tab);
      await seesAccount(tab, account);
      expect((await theStoredSession(tab)).session_id).toBe(session_id);
    }
  });
});
