import {
  expect,
  fillIn,
  heading,
  holdAnswers,
  isSignedOut,
  Network,
  seesAccount,
  signIn,
  signInButton,
  somebody,
  storedSession,
  test,
  theStoredSession,
} from '../../holdfast';

test('a reload keeps the session and refreshes nothing while the token is good', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const before = await theStoredSession(page);
  const network = new Network(page);

  for (let times = 0; times < 3; times += 1) {
    await page.reload();
    await seesAccount(page, account);
  }

  expect(await network.refreshes()).toEqual([]);
  expect(await theStoredSession(page)).toEqual(before);
});

test('signing in in one tab signs the other tabs in', async ({ page, context, account }) => {
  const tab = await context.newPage();
  await tab.goto('/account');
  await isSignedOut(tab);

  await signIn(page, account);

  await seesAccount(tab, account);
});

test('another browser knows nothing of the session', async ({ page, account, anotherBrowser }) => {
  await signIn(page, account);
  const other = await (await anotherBrowser()).newPage();
  await other.goto('/account');
  await isSignedOut(other);
});

test('without "keep me signed in" the session is for hours and for this run of the browser', async ({
  page,
  account,
  context,
}) => {
  await signIn(page, account, { remember: false });
  expect((await theStoredSession(page)).refresh_expires_in).toBeLessThanOrEqual(12 * 60 * 60);
  await page.reload();
  await seesAccount(page, account);

  // A browser that is closed forgets the cookies of its run, and nothing else.
  await context.clearCookies();
  await page.reload();
  await expect(heading(page, 'Sign in')).toBeVisible();
  expect(await storedSession(page)).toBeNull();
});

test('a sign-in that arrives after another one leaves that one alone', async ({
  page,
  context,
  account,
  api,
}) => {
  const late = await context.newPage();
  const answers = await holdAnswers(late, '**/api/v1/login');
  const other = somebody('grace');
  await api.makeAccount(other);
  await late.goto('/sign-in');
  await fillIn(late, other);
  await signInButton(late).click();
  await expect.poll(answers.waiting).toBe(1);

  await signIn(page, account);
  const { session_id } = await theStoredSession(page);
  const answered = late.waitForResponse('**/api/v1/login');
  answers.open();
  await answered;
  await seesAccount(late, account);
  await page.reload();
  await seesAccount(page, account);
  expect((await theStoredSession(page)).session_id).toBe(session_id);
});
