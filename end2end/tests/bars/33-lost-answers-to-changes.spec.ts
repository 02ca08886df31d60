import type { Page, Route } from '@playwright/test';
import {
  type Account,
  type Api,
  becomesAlive,
  expect,
  fillIn,
  type Gate,
  heading,
  holdAnswers,
  holdRequests,
  isEnded,
  isSignedOut,
  keepCode,
  Network,
  notesOfChanges,
  pauseClock,
  seesAccount,
  signIn,
  signInButton,
  signOut,
  signOutButton,
  somebody,
  spoilAccessToken,
  test,
  theStoredSession,
  type Tokens,
} from '../../holdfast';

const NEW_PASSWORD = 'another horse battery staple';
const LAST_PASSWORD = 'the third horse of this battery';

const CHANGE = '**/api/v1/account/password';
const CHANGED = 'Your password is changed.';

/** Ways in which the first answer does not arrive, although the server has done the request. */
const LOSSES: [name: string, lose: (route: Route) => Promise<void>][] = [
  [
    'lost',
    async (route) => {
      await route.fetch();
      await route.abort();
    },
  ],
  [
    'cut',
    async (route) => {
      const response = await route.fetch();
      const text = await response.text();
      await route.fulfill({ response, body: text.slice(0, text.length / 2) });
    },
  ],
  [
    'replaced by a proxy',
    async (route) => {
      await route.fetch();
      await route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' });
    },
  ],
  [
    'a 503, because the database went away',
    async (route) => {
      await route.fetch();
      await route.fulfill({
        status: 503,
        headers: { 'content-type': 'application/problem+json', 'retry-after': '1' },
        body: JSON.stringify({
          type: 'urn:holdfast:problem:temporarily_unavailable',
          title: 'Temporarily unavailable',
          status: 503,
          detail: 'The service cannot answer this at the moment.',
          code: 'temporarily_unavailable',
        }),
      });
    },
  ],
];

for (const [name, lose] of LOSSES) {
  test(`bar 33: an answer to a sign-up that is ${name} is found out`, async ({ page, api }) => {
    const account = somebody();
    await loseFirst(page, '**/api/v1/signup', lose);
    await page.goto('/sign-up');
    await fillIn(page, account);
    await page.getByRole('button', { name: 'Create account' }).click();
    await seesAccount(page, account);
    // The recovery code was in the answer that was lost, so the page offers another one.
    await expect(page.getByRole('complementary', { name: 'Recovery code' })).toBeVisible();
    // The session of the lost answer has ended.
    await becomesTheOnlySession(page, api);
    await page.reload();
    await seesAccount(page, account);
    await api.logIn(account);
  });

  test(`bar 33: an answer to a password change that is ${name} is found out`, async ({
    page,
    api,
    account,
  }) => {
    await signIn(page, account);
    await page.goto('/password');
    await loseFirst(page, '**/api/v1/account/password', lose);
    await changePassword(page, account.password);
    await expect(page.getByRole('status').getByText('Your password is changed.')).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await becomesTheOnlySession(page, api);
    await page.goto('/account');
    await seesAccount(page, account);
    await api.logIn({ ...account, password: NEW_PASSWORD });
    expect(await codeOfLogIn(api, account)).toBe('invalid_credentials');
  });
}

for (const code of ['session_ended', 'invalid_credentials']) {
  test(`bar 33: a password change that a proxy sends twice is found out: ${code}`, async ({
    page,
    api,
    account,
  }) => {
    await signIn(page, account);
    await page.goto('/password');
    await loseFirst(page, CHANGE, (route) => sendTwice(route, code));
    await changePassword(page, account.password);
    await expect(page.getByRole('status').getByText(CHANGED)).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await becomesTheOnlySession(page, api);
    await page.goto('/account');
    await seesAccount(page, account);
    await api.logIn({ ...account, password: NEW_PASSWORD });
  });
}

test('bar 33: a password change that a proxy sends twice is not known if the page cannot find out', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/password');
  await loseFirst(page, CHANGE, (route) => sendTwice(route, 'invalid_credentials'));
  await page.route('**/api/v1/sessions', (route) => route.abort());
  await changePassword(page, account.password);
  await expect(page.getByRole('alert')).toHaveText(/It is not known whether/);
});

test('bar 33: a lost answer to a sign-up in a tab that has shown another account is found out', async ({
  page,
  api,
  account,
}) => {
  await page.clock.install();
  await signIn(page, account);
  await signOut(page);
  const other = somebody('grace');
  await page.getByRole('main').getByRole('link', { name: 'Create account' }).click();
  await expect(heading(page, 'Create your account')).toBeVisible();
  let lost: Tokens | undefined;
  await loseFirst(page, '**/api/v1/signup', async (route) => {
    lost = (await (await route.fetch()).json()) as Tokens;
    await route.abort();
  });
  const answers = await holdAnswers(page, '**/api/v1/login');
  await fillIn(page, other);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect.poll(answers.waiting).toBe(1);
  await pauseClock(page);
  answers.open();
  await isEnded(api, lost!.access_token);
  await page.clock.resume();
  // The page loads again for the other account.
  await seesAccount(page, other);
  await expect(page.getByRole('complementary', { name: 'Recovery code' })).toBeVisible();
  await becomesTheOnlySession(page, api);
});

test('bar 33: a session is stored although the lost one cannot be ended yet, and it is ended later', async ({
  page,
  api,
}) => {
  const account = somebody();
  const lists = await holdRequests(page, '**/api/v1/sessions');
  await loseFirst(page, '**/api/v1/signup', LOSSES[0]![1]);
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect.poll(lists.waiting).toBe(1);
  await seesAccount(page, account);
  const { access_token } = await theStoredSession(page);
  expect(await api.sessions(access_token)).toHaveLength(2);
  // The page asks again, now with the session that it has stored.
  await expect.poll(lists.waiting).toBeGreaterThan(1);
  lists.open();
  await becomesTheOnlySession(page, api);
});

test('bar 33: a page that is closed before it has stored the session that it found out ends it', async ({
  page,
  api,
}) => {
  await page.clock.install();
  const account = somebody();
  const lists = await holdRequests(page, '**/api/v1/sessions');
  const answers = await holdAnswers(page, '**/api/v1/login');
  await loseFirst(page, '**/api/v1/signup', LOSSES[0]![1]);
  await page.goto('/sign-up');
  await fillIn(page, account);
  const found = page.waitForResponse('**/api/v1/login');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect.poll(answers.waiting).toBe(1);
  // The page's clock is stopped, so the page waits for the list as long as the test does.
  await pauseClock(page);
  answers.open();
  const { access_token } = (await (await found).json()) as Tokens;
  await expect.poll(lists.waiting).toBe(1);
  expect((await api.account(access_token)).status).toBe(200);
  await page.close({ runBeforeUnload: true });
  await isEnded(api, access_token);
});

test('bar 33: a lost answer to a sign-up ends no session that the account had before', async ({
  page,
  api,
  account,
}) => {
  await page.goto('/sign-up');
  const elsewhere = await api.logIn(account, await page.evaluate(() => navigator.userAgent));
  const [before] = await api.sessions(elsewhere.access_token);
  // The server gives the opening time of a session in whole seconds.
  await expect.poll(() => Date.now() / 1000 - before!.created_at).toBeGreaterThan(5);

  // The person has forgotten that there is an account.
  const network = new Network(page);
  await loseFirst(page, '**/api/v1/signup', LOSSES[0]![1]);
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  await seesAccount(page, account);
  expect((await network.calls('GET /api/v1/sessions')).map(({ status }) => status)).toEqual([200]);
  const sessions = await api.sessions(elsewhere.access_token);
  const { session_id } = await theStoredSession(page);
  const ids = sessions.map((session) => session.session_id);
  expect(ids.sort()).toEqual([elsewhere.session_id, session_id].sort());
  // Only the time distinguishes the two sessions.
  const [one, other] = sessions;
  expect([one!.ip, one!.user_agent]).toEqual([other!.ip, other!.user_agent]);
});

test('bar 33: a lost answer to a password change is found out although the tokens end meanwhile', async ({
  page,
  api,
  account,
}) => {
  await signIn(page, account);
  await page.goto('/password');
  const network = new Network(page);
  await loseFirst(page, '**/api/v1/account/password', async (route) => {
    await route.fetch();
    await spoilAccessToken(page);
    await route.abort();
  });
  await changePassword(page, account.password);
  await expect(page.getByRole('status').getByText('Your password is changed.')).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
  // The old session did not go on.
  const renewals = (await network.refreshes()).map(({ status }) => status);
  expect(new Set(renewals)).toEqual(new Set([401]));
  await page.goto('/account');
  await seesAccount(page, account);
  await api.logIn({ ...account, password: NEW_PASSWORD });
});

test('bar 33: while no answer comes, the page says so', async ({ page }) => {
  const account = somebody();
  let isAway = true;
  await page.route('**/api/v1/signup', (route) => (isAway ? route.abort() : route.continue()));
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  const waits = page.getByRole('status').getByText('The server has not answered yet.');
  await expect(waits).toBeVisible();
  isAway = false;
  await keepCode(page);
  await seesAccount(page, account);
  await expect(waits).toHaveCount(0);
});

test('bar 33: a sign-up whose request was lost is made', async ({ page }) => {
  const account = somebody();
  await loseFirst(page, '**/api/v1/signup', (route) => route.abort());
  await page.goto('/sign-up');
  await fillIn(page, account);
  await page.getByRole('button', { name: 'Create account' }).click();
  await keepCode(page);
  await seesAccount(page, account);
});

test('bar 33: a refusal stays true although the first answer was lost', async ({
  page,
  api,
  account,
}) => {
  await page.goto('/sign-up');
  await loseFirst(page, '**/api/v1/signup', LOSSES[0]![1]);
  await fillIn(page, { ...account, password: 'not the same horse at all' });
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByLabel('Username')).toHaveAccessibleDescription(/taken|another/i);

  await signIn(page, account);
  await page.goto('/password');
  const network = new Network(page);
  await loseFirst(page, '**/api/v1/account/password', LOSSES[0]![1]);
  await changePassword(page, 'not my current password');
  await expect(page.getByText('This is not your current password.')).toBeVisible();
  // A sign-in with a password that was never set would be shown in the person's activity.
  expect(network.begun('POST /api/v1/login')).toEqual([]);
  await api.logIn(account);
});

test('bar 33: a change that comes after that of another tab is kept', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/password');
  const requests = await holdRequests(tab, '**/api/v1/account/password');
  await changePassword(tab, NEW_PASSWORD, LAST_PASSWORD);
  await expect.poll(requests.waiting).toBe(1);

  await page.goto('/password');
  await changePassword(page, account.password);
  await expect(page.getByRole('status').getByText('Your password is changed.')).toBeVisible();
  // The session that this request names is over, and the tab has the new one.
  requests.open();
  await expect(tab.getByRole('status').getByText('Your password is changed.')).toBeVisible();

  for (const one of [tab, page]) {
    await one.goto('/account');
    await seesAccount(one, account);
  }
  const { access_token } = await api.logIn({ ...account, password: LAST_PASSWORD });
  expect(await api.sessions(access_token)).toHaveLength(2);
});

test('bar 33: a lost answer is found out beside a change of another tab that never left', async ({
  page,
  context,
  account,
  api,
}) => {
  test.slow();
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/password');
  let isAway = true;
  let asked = 0;
  await tab.route('**/api/v1/account/password', async (route) => {
    asked += 1;
    await (isAway ? route.abort() : route.fallback());
  });
  await changePassword(tab, account.password, LAST_PASSWORD);
  await expect.poll(() => asked).toBeGreaterThan(0);

  await page.goto('/password');
  await loseFirst(page, '**/api/v1/account/password', LOSSES[0]![1]);
  await changePassword(page, account.password);
  const changed = page.getByRole('status').getByText('Your password is changed.');
  await expect(changed).toBeVisible({ timeout: 60_000 });
  isAway = false;
  const told = tab.getByText('This is not your current password.');
  await expect(told).toBeVisible({ timeout: 60_000 });
  await expect(tab.getByLabel('New password')).toHaveValue(LAST_PASSWORD);
  for (const one of [tab, page]) {
    await one.goto('/account');
    await seesAccount(one, account);
  }
  await api.logIn({ ...account, password: NEW_PASSWORD });
});

test('bar 33: a change of the password that ends the session of a sign-in under way signs nobody out', async ({
  page,
  context,
  account,
  api,
}) => {
  const tab = await context.newPage();
  const [first, second] = [
    await holdAnswers(page, '**/api/v1/login'),
    await holdAnswers(tab, '**/api/v1/login'),
  ];
  for (const [one, answers] of [
    [page, first],
    [tab, second],
  ] as const) {
    await one.goto('/sign-in');
    await becomesAlive(one);
    await fillIn(one, account);
    await signInButton(one).click();
    await expect.poll(answers.waiting).toBe(1);
  }
  first.open();
  await seesAccount(page, account);

  await page.goto('/password');
  let isDone = false;
  let lose = () => {};
  const isLost = new Promise<void>((resolve) => (lose = resolve));
  await loseFirst(page, CHANGE, async (route) => {
    await route.fetch();
    isDone = true;
    await isLost;
    await route.abort();
  });
  await changePassword(page, account.password);
  await expect.poll(() => isDone).toBe(true);

  // The tab stores the session of its sign-in, and learns that this session is over.
  const refused = tab.waitForResponse((response) => response.status() === 401);
  second.open();
  await refused;
  lose();
  await expect(page.getByRole('status').getByText(CHANGED)).toBeVisible();
  await seesAccount(tab, account);
  await becomesTheOnlySession(page, api);
  await page.goto('/account');
  await seesAccount(page, account);
  await api.logIn({ ...account, password: NEW_PASSWORD });
});

test('bar 33: of two tabs that send the same change, each session that is not kept is ended', async ({
  page,
  context,
  account,
  api,
}) => {
  test.slow();
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/password');
  let isAway = true;
  let asked = 0;
  await tab.route(CHANGE, async (route) => {
    asked += 1;
    await (isAway ? route.abort() : route.fallback());
  });
  await changePassword(tab, account.password);
  await expect.poll(() => asked).toBeGreaterThan(0);
  await page.goto('/password');
  await changePassword(page, account.password);
  await expect(page.getByRole('status').getByText(CHANGED)).toBeVisible();

  // The server refuses the tab's request. By a sign-in the tab finds out that the password is
  // already the one that it wants.
  isAway = false;
  await expect(tab.getByRole('status').getByText(CHANGED)).toBeVisible({ timeout: 60_000 });
  await becomesTheOnlySession(page, api);
  for (const one of [tab, page]) {
    await one.goto('/account');
    await seesAccount(one, account);
  }
});

for (const [arrives, isFirst] of [
  ['first', 'first'],
  ['first', 'second'],
  // Here the session of the second tab is the older one. It must stay, also if it is not stored yet
  // when the first tab finds out.
  ['second', 'first'],
  ['second', 'second'],
] as const) {
  test(`bar 33: two tabs change at once, both answers are lost, the ${arrives} change arrives first, and the ${isFirst} tab finds out first`, async ({
    page,
    context,
    account,
    api,
  }) => {
    test.slow();
    await signIn(page, account);
    const tab = await context.newPage();
    const first = await changeAndLoseAnswer(page, account.password, NEW_PASSWORD);
    const second = await changeAndLoseAnswer(tab, account.password, NEW_PASSWORD);
    for (const one of arrives === 'first' ? [first, second] : [second, first]) {
      one.arrive();
      await expect.poll(one.signIn.waiting, { timeout: 30_000 }).toBe(1);
    }
    const both = [
      { ...first, page },
      { ...second, page: tab },
    ];
    for (const one of isFirst === 'first' ? both : both.reverse()) {
      one.signIn.open();
      await expect(one.page.getByRole('status').getByText(CHANGED)).toBeVisible();
      await expect(one.page.getByText(/signed in or out/)).toHaveCount(0);
    }
    // The change that was sent later is kept.
    const { session_id } = await theStoredSession(page);
    expect(session_id).toBe(second.tokens().session_id);
    await isEnded(api, first.tokens().access_token);
    await becomesTheOnlySession(page, api);
    for (const one of [tab, page]) {
      await expect(one.getByText(/signed in or out/)).toHaveCount(0);
      await one.goto('/account');
      await seesAccount(one, account);
    }
  });
}

for (const isDone of [true, false]) {
  test(`bar 33: two tabs want different passwords, both answers are lost, and the first change is ${isDone ? 'done' : 'found out last'}`, async ({
    page,
    context,
    account,
    api,
  }) => {
    test.slow();
    await signIn(page, account);
    const tab = await context.newPage();
    const first = await changeAndLoseAnswer(page, account.password, NEW_PASSWORD);
    const second = await changeAndLoseAnswer(tab, account.password, LAST_PASSWORD);
    first.arrive();
    await expect.poll(first.signIn.waiting, { timeout: 30_000 }).toBe(1);
    second.arrive();
    await expect.poll(second.signIn.waiting, { timeout: 30_000 }).toBe(1);
    const changed = page.getByRole('status').getByText(CHANGED);
    if (isDone) {
      first.signIn.open();
      await expect(changed).toBeVisible();
      second.signIn.open();
    } else {
      second.signIn.open();
      first.signIn.open();
      await expect(changed).toBeVisible();
    }
    // The session goes on, and the current password is another one by now.
    await expect(tab.getByText('This is not your current password.')).toBeVisible();
    await expect(tab.getByLabel('New password')).toHaveValue(LAST_PASSWORD);
    await becomesTheOnlySession(page, api);
    for (const one of [tab, page]) {
      await one.goto('/account');
      await seesAccount(one, account);
    }
    await api.logIn({ ...account, password: NEW_PASSWORD });
  });
}

test('bar 33: two tabs whose session ends before their changes arrive do not wait for each other', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const tab = await context.newPage();
  const gates: Gate[] = [];
  for (const one of [page, tab]) {
    await one.goto('/password');
    const gate = await holdRequests(one, CHANGE);
    await changePassword(one, account.password);
    await expect.poll(gate.waiting).toBe(1);
    gates.push(gate);
  }
  const { session_id } = await theStoredSession(page);
  const elsewhere = await api.logIn(account);
  await api.endSession(elsewhere.access_token, session_id, account);
  for (const gate of gates) gate.open();
  for (const one of [page, tab]) await isSignedOut(one);
  await api.logIn(account);
});

for (const [what, typed, told] of [
  ['done', undefined, CHANGED + ' All other browsers are signed out.'],
  ['refused', 'not my current password', 'Your password was not changed.'],
] as const) {
  test(`bar 33: a person who has left the page is told that a change was ${what}`, async ({
    page,
    account,
  }) => {
    await signIn(page, account);
    await page.goto('/password');
    const late = await holdAnswers(page, CHANGE);
    await changePassword(page, typed ?? account.password);
    await expect.poll(late.waiting).toBe(1);
    await page.getByRole('link', { name: 'Account', exact: true }).click();
    await expect(heading(page, 'Your account')).toBeVisible();
    late.open();
    await expect(page.getByRole('status').getByText(told)).toBeVisible();
    await page.getByRole('button', { name: 'Dismiss this message' }).click();
    await expect(page.getByText(told)).toHaveCount(0);
    await seesAccount(page, account);
  });
}

for (const isDone of [true, false]) {
  test(`bar 33: after the sign-in of another person the page tells what became of a change that was ${isDone ? 'done' : 'lost'}`, async ({
    page,
    context,
    account,
    api,
  }) => {
    test.slow();
    const other = somebody('grace');
    await api.makeAccount(other);
    await signIn(page, account);
    const tab = await context.newPage();
    await tab.goto('/account');
    await page.goto('/password');
    // The other person signs in before an answer comes.
    let waiting = 0;
    let lose = () => {};
    const isOver = new Promise<void>((resolve) => (lose = resolve));
    await loseFirst(page, CHANGE, async (route) => {
      if (isDone) await route.fetch();
      waiting += 1;
      await isOver;
      await route.abort();
    });
    await changePassword(page, account.password);
    await expect.poll(() => waiting).toBe(1);
    await signOut(tab);
    await signIn(tab, other);
    lose();
    // The request that is lost here could still be under way.
    const told = isDone
      ? 'The password of the account that was open here before is changed.'
      : 'It is not known whether the password of the account that was open here before was changed.';
    await expect(page.getByRole('status').getByText(told)).toBeVisible({ timeout: 30_000 });
    await becomesAlive(page);
    await page.goto('/account');
    await seesAccount(page, other);
    await api.logIn({ ...account, password: isDone ? NEW_PASSWORD : account.password });
  });
}

test('bar 33: what was dismissed before the page loads for another person is not told again', async ({
  page,
  context,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/account');
  await page.goto('/password');
  const late = await holdAnswers(page, CHANGE);
  await changePassword(page, account.password);
  await expect.poll(late.waiting).toBe(1);
  // The page loads for the other person in vain: a page whose answer is 204 is not replaced.
  let reloads = 0;
  await page.route('**/*', (route) => {
    if (route.request().resourceType() !== 'document') return route.fallback();
    reloads += 1;
    return reloads === 1 ? route.fulfill({ status: 204 }) : route.continue();
  });
  await signOut(tab);
  await signIn(tab, other);
  late.open();
  await expect.poll(() => reloads).toBe(1);
  const told = page.getByText('The password of the account that was open here before is changed.');
  await expect(told).toBeVisible();
  const reload = page.getByRole('button', { name: 'Reload this page' });
  await expect(reload).toBeVisible();
  await page.getByRole('button', { name: 'Dismiss this message' }).click();
  await reload.click();
  await expect(reload).toHaveCount(0);
  await becomesAlive(page);
  await page.goto('/account');
  await seesAccount(page, other);
  await expect(told).toHaveCount(0);
});

test('bar 33: a person who signs out meanwhile stays signed out', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/account');
  await page.goto('/password');
  // The server changes the password, and the answer waits until the person has signed out.
  let tokens: Tokens | undefined;
  const late = await holdAnswers(page, '**/api/v1/account/password', (_, body) => {
    tokens = JSON.parse(body) as Tokens;
  });
  await changePassword(page, account.password);
  await expect.poll(late.waiting).toBe(1);
  await signOut(tab);
  await isSignedOut(page);
  late.open();
  // The session that the change has opened is stored nowhere.
  await isEnded(api, tokens!.access_token);
  // The form has disappeared, and the person has to learn what happened.
  const told = page.getByRole('status').getByText('Your password is changed.');
  await expect(told).toBeVisible();
  await page.getByRole('button', { name: 'Dismiss this message' }).click();
  await expect(told).toBeHidden();
  await page.goto('/account');
  await isSignedOut(page);
  await isSignedOut(tab);
  const { access_token } = await api.logIn({ ...account, password: NEW_PASSWORD });
  expect(await api.sessions(access_token)).toHaveLength(1);
});

test('bar 33: what was told about a change is over with the next sign-in, and hides no later reason', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/account');
  await page.goto('/password');
  const late = await holdAnswers(page, CHANGE);
  await changePassword(page, account.password);
  await expect.poll(late.waiting).toBe(1);
  await signOut(tab);
  await isSignedOut(page);
  late.open();
  await expect(page.getByRole('status').getByText(CHANGED)).toBeVisible();

  await fillIn(page, { ...account, password: NEW_PASSWORD });
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('link', { name: 'Account', exact: true }).click();
  await seesAccount(page, account);
  await expect(page.getByText(CHANGED)).toHaveCount(0);

  const { session_id } = await theStoredSession(page);
  const changed = { ...account, password: NEW_PASSWORD };
  const elsewhere = await api.logIn(changed);
  await api.endSession(elsewhere.access_token, session_id, changed);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await isSignedOut(page);
  const why = page.getByText('You were signed out from another browser.');
  await expect(why).toBeVisible();
});

test('bar 33: a page that waits for an answer shows no account, and signs out who is signed in', async ({
  page,
  context,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/account');
  await page.goto('/password');
  const late = await holdAnswers(page, CHANGE);
  await changePassword(page, account.password);
  await expect.poll(late.waiting).toBe(1);
  await signOut(tab);
  await signIn(tab, other);

  await expect(page.getByRole('alert').getByText(/This page waits for an answer/)).toBeVisible();
  await expect(page.getByRole('banner').getByRole('link', { name: 'Sign in' })).toBeHidden();
  await signOutButton(page).click();
  await isSignedOut(tab);
  late.open();
  await expect(page.getByText(/This page waits for an answer/)).toHaveCount(0);
  await isSignedOut(page);
});

test('bar 33: a person who signs out after a lost answer stays signed out', async ({
  page,
  context,
  account,
  api,
}) => {
  // All tabs have this clock, so the test installs it before their first timer.
  await page.clock.install();
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/account');
  await page.goto('/password');
  let tokens: Tokens | undefined;
  const answers = await holdAnswers(page, '**/api/v1/login', (_, body) => {
    tokens = JSON.parse(body) as Tokens;
  });
  await loseFirst(page, '**/api/v1/account/password', LOSSES[0]![1]);
  await changePassword(page, account.password);
  // The page finds out by a sign-in whether the password was changed.
  await expect.poll(answers.waiting).toBe(1);
  await signOut(tab);
  await isSignedOut(page);
  await pauseClock(page);
  answers.open();
  await isEnded(api, tokens!.access_token);
  await page.clock.resume();
  await page.goto('/account');
  await isSignedOut(page);
  // The session of the lost answer has ended, too.
  const { access_token } = await api.logIn({ ...account, password: NEW_PASSWORD });
  expect(await api.sessions(access_token)).toHaveLength(1);
});

test('bar 33: a second try while the first one is under way says so', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  await page.goto('/password');
  let isAway = true;
  let asked = 0;
  await page.route('**/api/v1/account/password', async (route) => {
    asked += 1;
    await (isAway ? route.abort() : route.fallback());
  });
  await changePassword(page, account.password);
  await expect.poll(() => asked).toBeGreaterThan(0);
  await page.getByRole('link', { name: 'Account', exact: true }).click();
  await seesAccount(page, account);
  await page.goBack();
  await changePassword(page, account.password);
  await expect(page.getByRole('alert')).toHaveText(/is being changed already/);

  const changed = page.waitForResponse(
    (response) => response.url().endsWith('/account/password') && response.status() === 200,
    { timeout: 40_000 },
  );
  isAway = false;
  await changed;
  await api.logIn({ ...account, password: NEW_PASSWORD });
  // Until the page has stored the new tokens, it says that a change is under way, and another page waits.
  await expect.poll(() => notesOfChanges(page)).toEqual({});
  await page.goto('/account');
  await seesAccount(page, account);
  expect(await notesOfChanges(page)).toEqual({});
});

test('bar 33: a page that is loaded again during a change does not wait for the change', async ({
  page,
  context,
  account,
}) => {
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/account');
  await page.goto('/password');
  const late = await holdAnswers(page, CHANGE);
  await changePassword(page, account.password);
  await expect.poll(late.waiting).toBe(1);
  expect(Object.keys(await notesOfChanges(tab))).toHaveLength(1);

  // The server has ended the old session, and nobody receives the new one.
  await page.goto('/account');
  for (const one of [page, tab]) {
    await expect(heading(one, 'Sign in')).toBeVisible();
    await expect(one.getByText(/^Your password was changed\. Sign in/)).toBeVisible();
  }
  expect(await notesOfChanges(page)).toEqual({});
  await signIn(page, { ...account, password: NEW_PASSWORD });
});

/** Changes the password in this tab. The first request arrives when the test says so, and its
 * answer is lost. The page finds out by a sign-in, whose answer waits at a gate. */
async function changeAndLoseAnswer(
  page: Page,
  current: string,
  wanted: string,
): Promise<{ arrive: () => void; signIn: Gate; tokens: () => Tokens }> {
  await page.goto('/password');
  let tokens: Tokens | undefined;
  let waiting = 0;
  let arrive = () => {};
  const hasArrived = new Promise<void>((resolve) => (arrive = resolve));
  await loseFirst(page, CHANGE, async (route) => {
    waiting += 1;
    await hasArrived;
    await route.fetch();
    await route.abort();
  });
  const gate = await holdAnswers(page, '**/api/v1/login', (_, body) => {
    tokens = JSON.parse(body) as Tokens;
  });
  await changePassword(page, current, wanted);
  await expect.poll(() => waiting).toBe(1);
  return { arrive, signIn: gate, tokens: () => tokens! };
}

/** The server ends all sessions except the one that this browser keeps. */
async function becomesTheOnlySession(page: Page, api: Api): Promise<void> {
  await expect
    .poll(async () => {
      const { access_token, session_id } = await theStoredSession(page);
      const sessions = await api.sessions(access_token);
      return sessions.map((session) => session.session_id === session_id);
    })
    .toEqual([true]);
}

async function changePassword(page: Page, current: string, wanted = NEW_PASSWORD): Promise<void> {
  await page.getByLabel('Current password').fill(current);
  await page.getByLabel('New password').fill(wanted);
  await page.getByRole('button', { name: 'Change password' }).click();
}

async function loseFirst(
  page: Page,
  url: string,
  lose: (route: Route) => Promise<void>,
): Promise<void> {
  let is_first = true;
  await page.route(url, async (route) => {
    if (!is_first) return route.continue();
    is_first = false;
    return lose(route);
  });
}

/**
 * A proxy sends a change twice, and the page gets the second answer. An instance that does not know
 * yet that the session has ended checks the password first, and answers `invalid_credentials`.
 */
async function sendTwice(route: Route, code: string): Promise<void> {
  await route.fetch();
  const second = await route.fetch();
  const problem = (await second.json()) as Record<string, unknown>;
  expect(problem['code']).toBe('session_ended');
  if (code === 'session_ended') return route.fulfill({ response: second });
  const body = JSON.stringify({ ...problem, code, reason: undefined });
  return route.fulfill({ status: 401, contentType: 'application/problem+json', body });
}

async function codeOfLogIn(api: Api, account: Account): Promise<unknown> {
  return (await api.call('POST', '/api/v1/login', { body: account })).body.code;
}
