import {
  checkAgain,
  expect,
  holdRequests,
  Network,
  seesAccount,
  signIn,
  spoilAccessToken,
  test,
} from '../../holdfast';

test('bar 5: a lock that a frozen tab holds for ever delays others by two seconds at most', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);

  // Which locks does a renewal take?
  const renewal = await holdRequests(page, '**/api/v1/refresh');
  await spoilAccessToken(page);
  const check = checkAgain(page);
  await expect.poll(renewal.waiting).toBe(1);
  const names = await page.evaluate(async () => {
    const { held = [] } = await navigator.locks.query();
    return held.map(({ name }) => name ?? '');
  });
  renewal.open();
  await check;
  await page.unrouteAll({ behavior: 'wait' });
  expect(names.length).toBeGreaterThan(0);

  // Another tab takes them and never lets go.
  const frozen = await context.newPage();
  await frozen.goto('/');
  await frozen.evaluate((names) => {
    const state = { stolen: false };
    Object.assign(window, { state });
    for (const name of names) {
      const held = navigator.locks.request(name, () => new Promise(() => {}));
      held.catch(() => (state.stolen = true));
    }
  }, names);
  await expect
    .poll(() => frozen.evaluate(async () => (await navigator.locks.query()).held?.length))
    .toBe(names.length);

  const network = new Network(page);
  const asked = page.waitForRequest('**/api/v1/refresh');
  await spoilAccessToken(page);
  const refused = page.waitForResponse(
    (response) => response.url().endsWith('/api/v1/account') && response.status() === 401,
  );
  const checked = checkAgain(page);
  await refused;
  const from = Date.now();
  await asked;
  const waited = Date.now() - from;
  await checked;
  await seesAccount(page, account);

  // It does wait, and half a second is for a busy machine.
  expect(waited).toBeGreaterThan(500);
  expect(waited).toBeLessThan(2500);
  expect((await network.refreshes()).map(({ status }) => status)).toEqual([200]);
  expect(await frozen.evaluate(() => (window as unknown as { state: object }).state)).toEqual({
    stolen: false,
  });
  expect(
    await frozen.evaluate(async () => (await navigator.locks.query()).held?.map(({ name }) => name)),
  ).toEqual(names);
});
