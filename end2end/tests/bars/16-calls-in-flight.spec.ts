import {
  checkAgain,
  expect,
  heading,
  holdRequests,
  Network,
  openTabs,
  signIn,
  spoilAccessToken,
  test,
  theStoredSession,
} from '../../holdfast';

test('bar 16: twenty calls in flight across a refresh all succeed', async ({ page, account }) => {
  await signIn(page, account);
  const { access_token, generation } = await theStoredSession(page);

  // The page sends ten calls before the refresh, and they arrive after it. It sends ten more calls
  // after the refresh.
  const early = await holdRequests(page, '**/api/v1/activity');
  const call = (times: number) =>
    page.evaluate(
      async ({ times, bearer }) => {
        const one = async () => {
          const headers = { authorization: `Bearer ${bearer}` };
          return (await fetch('/api/v1/activity', { headers })).status;
        };
        return Promise.all(Array.from({ length: times }, one));
      },
      { times, bearer: access_token },
    );
  const first = call(10);
  // A browser opens six connections to one server.
  await expect.poll(early.waiting).toBeGreaterThan(0);
  await spoilAccessToken(page);
  await checkAgain(page);
  expect((await theStoredSession(page)).generation).toBe(generation + 1);
  early.open();

  const statuses = [...(await first), ...(await call(10))];
  expect(statuses).toEqual(Array.from({ length: 20 }, () => 200));
});

test('bar 16: twenty calls across an expiry share one refresh, and all succeed', async ({
  page,
  context,
  account,
}) => {
  test.slow();
  await signIn(page, account);
  const tabs = await openTabs(page, account, 20);
  const { generation } = await theStoredSession(page);
  const network = new Network(context);

  await spoilAccessToken(page);
  await Promise.all(tabs.map((tab) => checkAgain(tab)));

  const answers = (await network.calls('GET /api/v1/account')).map(({ status }) => status);
  expect(answers.filter((status) => status === 200)).toHaveLength(20);
  expect((await network.refreshes()).map(({ status }) => status)).toEqual([200]);
  expect((await theStoredSession(page)).generation).toBe(generation + 1);
});

test('bar 16: a page whose calls wait for one renewal still reacts to the person', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const network = new Network(page);
  const refreshes = await holdRequests(page, '**/api/v1/refresh');
  await spoilAccessToken(page);

  // The first call is refused, renews and waits; the next page calls as well.
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect.poll(refreshes.waiting).toBe(1);
  await page.getByRole('link', { name: 'Devices' }).first().click();
  await expect(heading(page, 'Where you are signed in')).toBeVisible();
  await page.getByRole('link', { name: 'Activity' }).first().click();
  await expect(heading(page, 'Activity')).toBeVisible();
  // A task and a timer of the page run, so the page is not in a busy loop.
  await page.evaluate(() => new Promise((done) => setTimeout(done, 0)));
  expect(refreshes.waiting()).toBe(1);

  refreshes.open();
  await expect(page.getByRole('heading', { name: 'Signed in', exact: true }).first()).toBeVisible();
  expect((await network.refreshes()).map(({ status }) => status)).toEqual([200]);
});
