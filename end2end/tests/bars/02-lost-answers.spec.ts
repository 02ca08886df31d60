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

for (const [delay, name] of [
  [0, 'at once'],
  [70, 'after 70 seconds'],
  [24 * 60 * 60, 'after a day'],
] as const) {
  test(`bar 2: after a lost answer the request is repeated ${name}`, async ({ page, account }) => {
    await page.clock.install();
    await signIn(page, account);
    const before = await theStoredSession(page);
    const network = new Network(page);
    const answers = await loseAnswers(page);
    await page.clock.fastForward('01:00:00');
    await expect.poll(answers.lost).toBeGreaterThan(0);
    expect(await theStoredSession(page)).toEqual(before);

    await page.clock.fastForward(delay * 1000);
    answers.back();
    await expect
      .poll(async () => (await theStoredSession(page)).generation, { timeout: 60_000 })
      .toBe(before.generation + 1);
    await checkAgain(page);
    await seesAccount(page, account);

    const refreshes = await network.refreshes();
    expect(new Set(refreshes.map((call) => call.attemptKey)).size).toBe(1);
    expect(new Set(refreshes.map((call) => call.body.refresh_token)).size).toBe(1);
    expect(refreshes.at(-1)?.status).toBe(200);
  });
}

test('bar 2: a tab that crashes between request and answer is not reported as theft', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  const before = await theStoredSession(page);
  const network = new Network(context);
  const answers = await loseAnswers(page);
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect.poll(answers.lost).toBeGreaterThan(0);
  await page.close();

  answers.back();
  const tab = await context.newPage();
  await tab.goto('/account');
  await seesAccount(tab, account);

  expect((await theStoredSession(tab)).generation).toBe(before.generation + 1);
  const refreshes = await network.refreshes();
  expect(new Set(refreshes.map((call) => call.attemptKey)).size).toBe(1);
});
