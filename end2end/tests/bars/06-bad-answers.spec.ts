import type { Page } from '@playwright/test';
import {
  expect,
  type Fulfilment,
  Network,
  problem,
  seesAccount,
  signIn,
  signOutButton,
  spoilAccessToken,
  test,
  theStoredSession,
} from '../../holdfast';

const html = (status: number): Fulfilment => ({
  status,
  contentType: 'text/html',
  body: '<title>Welcome</title><p>Please accept our terms to use this network.</p>',
});

const BAD_ANSWERS: Record<string, Fulfilment | 'nothing'> = {
  'no answer': 'nothing',
  '408': { status: 408 },
  '409 of ours': problem(409, 'refresh_conflict', { 'retry-after': '1' }),
  '429 of ours': problem(429, 'too_many_attempts', { 'retry-after': '1' }),
  '429 of a proxy': { status: 429, body: 'slow down' },
  '500 of ours': problem(500, 'internal'),
  '502 of a proxy': html(502),
  '503 of ours': problem(503, 'temporarily_unavailable', { 'retry-after': '1' }),
  'a captive portal with status 200': html(200),
  'a captive portal with status 401': html(401),
  'a 401 of somebody else': { status: 401, json: { error: 'unauthorized' } },
  'a 200 with JSON that is not ours': { status: 200, json: { ok: true } },
  'a 200 that breaks off': { status: 200, contentType: 'application/json', body: '{"access_' },
  'a code from the future': problem(401, 'made_up_next_year'),
};

for (const [name, answer] of Object.entries(BAD_ANSWERS)) {
  test(`bar 6: ${name} to a refresh keeps the tokens, and a later refresh succeeds`, async ({
    page,
    account,
  }) => {
    await signIn(page, account);
    await spoilAccessToken(page);
    const before = await theStoredSession(page);
    let answered = 0;
    await page.route('**/api/v1/refresh', async (route) => {
      await (answer === 'nothing' ? route.abort() : route.fulfill(answer));
      answered += 1;
    });
    await page.getByRole('button', { name: 'Check my sign-in' }).click();

    await expect.poll(() => answered).toBeGreaterThanOrEqual(2);
    expect(await theStoredSession(page)).toEqual(before);
    await expect(signOutButton(page)).toBeVisible();
    await seesAccount(page, account);
    if (!name.startsWith('409')) {
      await expect(page.getByRole('status').getByText('Reconnecting…')).toBeVisible();
    }

    await page.unroute('**/api/v1/refresh');
    // Each failed try has made the pause before the next one longer.
    await expect
      .poll(async () => (await theStoredSession(page)).generation, { timeout: 60_000 })
      .toBe(before.generation + 1);
    await expect(page.getByRole('status').getByText('Reconnecting…')).toHaveCount(0);
    await page.reload();
    await seesAccount(page, account);
  });
}

test('bar 6: Retry-After of a 429 is honoured', async ({ page, account }) => {
  await signIn(page, account);
  await spoilAccessToken(page);
  const times: number[] = [];
  await page.route('**/api/v1/refresh', async (route) => {
    times.push(Date.now());
    await route.fulfill(problem(429, 'too_many_attempts', { 'retry-after': '4' }));
  });
  await page.getByRole('button', { name: 'Check my sign-in' }).click();

  // More clicks do not make it faster.
  await expect.poll(() => times.length).toBe(1);
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await expect.poll(() => times.length, { timeout: 20_000 }).toBe(2);
  expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(3950);
});

test('bar 6: while the server is down for twenty minutes, the number of requests is bounded', async ({
  page,
  account,
}) => {
  test.slow();
  await page.clock.install();
  await signIn(page, account);
  await page.route('**/{api,healthz}/**', (route) => route.abort());
  await page.route('**/healthz', (route) => route.abort());
  const network = new Network(page);
  let probes = 0;
  page.on('request', (request) => {
    if (request.url().endsWith('/healthz')) probes += 1;
  });

  await page.clock.fastForward('00:10:00');
  for (let seconds = 0; seconds < 1200; seconds += 3) {
    await page.clock.runFor(3000);
    await hasTried(page);
  }

  // When the pauses have grown, the client sends about two requests in a minute.
  const asked = (await network.calls()).length + probes;
  expect(asked).toBeGreaterThan(10);
  expect(asked).toBeLessThan(100);
  await expect(signOutButton(page)).toBeVisible();

  await page.unrouteAll({ behavior: 'wait' });
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await expect(page.getByRole('status').getByText('Reconnecting…')).toHaveCount(0);
  await page.reload();
  await seesAccount(page, account);
});

/** Only the timers run fast; an attempt that has begun takes its real time. */
async function hasTried(page: Page): Promise<void> {
  await page.evaluate(async () => {
    while ((await navigator.locks.query()).held?.length);
  });
}
