import {
  checkAgain,
  expect,
  Network,
  seesAccount,
  signIn,
  test,
  theStoredSession,
} from '../../holdfast';

const DECADE = 10 * 365.25 * 24 * 60 * 60 * 1000;

for (const [name, offset] of [
  ['ten years fast', DECADE],
  ['ten years slow', -DECADE],
] as const) {
  test(`bar 7: a clock that is ${name} from the start changes nothing`, async ({
    page,
    account,
  }) => {
    await page.clock.install({ time: Date.now() + offset });
    const network = new Network(page);
    await signIn(page, account);
    await checkAgain(page);
    await page.reload();
    await seesAccount(page, account);
    await checkAgain(page);

    expect(await network.refreshes()).toEqual([]);
  });

  test(`bar 7: a clock that is set ${name} while the page runs costs one refresh at most`, async ({
    page,
    account,
  }) => {
    await page.clock.install();
    await signIn(page, account);
    const { session_id } = await theStoredSession(page);
    const network = new Network(page);

    await page.clock.setSystemTime(Date.now() + offset);
    for (let times = 0; times < 3; times += 1) {
      await checkAgain(page);
    }
    await page.reload();
    await seesAccount(page, account);
    await checkAgain(page);

    expect((await network.refreshes()).length).toBeLessThanOrEqual(1);
    expect((await theStoredSession(page)).session_id).toBe(session_id);
  });

  test(`bar 7: a clock that is set ${name} between two visits costs one refresh at most`, async ({
    page,
    context,
    account,
  }) => {
    await signIn(page, account);
    const { session_id } = await theStoredSession(page);
    await page.close();

    const network = new Network(context);
    const later = await context.newPage();
    await later.clock.install({ time: Date.now() + offset });
    await later.goto('/account');
    await seesAccount(later, account);
    await checkAgain(later);
    await later.reload();
    await seesAccount(later, account);

    expect((await network.refreshes()).length).toBeLessThanOrEqual(1);
    expect((await theStoredSession(later)).session_id).toBe(session_id);
  });
}
