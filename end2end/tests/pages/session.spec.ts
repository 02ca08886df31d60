import {
  checkAgain,
  expect,
  fillIn,
  heading,
  hearsNothing,
  holdAnswers,
  inDatabase,
  isEnded,
  isSignedOut,
  Network,
  openUnhydrated,
  seesAccount,
  signIn,
  signInButton,
  signOut,
  signOutButton,
  somebody,
  spoilAccessToken,
  storedSession,
  test,
  theStoredSession,
} from '../../holdfast';

test('a reload keeps the session and does not refresh while the token is valid', async ({
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

test('a browser of before 2022, without signals that come after a time, signs in and renews', async ({
  page,
  account,
}) => {
  await page.addInitScript(() => Reflect.deleteProperty(AbortSignal, 'timeout'));
  await signIn(page, account);
  const network = new Network(page);
  await spoilAccessToken(page);
  await checkAgain(page);
  expect(await network.refreshes()).toHaveLength(1);
  await signOut(page);
});

test('a sign-in in one tab signs the other tabs in', async ({ page, context, account }) => {
  const tab = await context.newPage();
  await tab.goto('/account');
  await isSignedOut(tab);

  await signIn(page, account);

  await seesAccount(tab, account);
});

test('a page that starts while another tab signs in learns of it', async ({
  page,
  context,
  account,
}) => {
  // A browser that has stored nothing does not read the database.
  await signIn(page, account);
  await signOut(page);
  const late = await context.newPage();
  // The page has read the database, but does not know it yet.
  await late.addInitScript(() => {
    const setter = Object.getOwnPropertyDescriptor(IDBTransaction.prototype, 'oncomplete')!.set!;
    let isFirst = true;
    Object.defineProperty(IDBTransaction.prototype, 'oncomplete', {
      set(this: IDBTransaction, call: (event: Event) => void) {
        setter.call(this, (event: Event) => {
          if (!isFirst || this.db.name !== 'holdfast-2') return call(event);
          isFirst = false;
          Object.assign(window, { goOn: () => call(event) });
        });
      },
    });
  });
  await openUnhydrated(late, '/account');
  await late.waitForFunction(() => 'goOn' in window);
  await signIn(page, account);
  await late.evaluate('goOn()');
  await seesAccount(late, account);
});

test('another browser is not signed in', async ({ page, account, anotherBrowser }) => {
  await signIn(page, account);
  const other = await (await anotherBrowser()).newPage();
  await other.goto('/account');
  await isSignedOut(other);
});

test('without "keep me signed in" the session lives for hours, and only in this run of the browser', async ({
  page,
  account,
  context,
}) => {
  await signIn(page, account, { remember: false });
  expect((await theStoredSession(page)).refresh_expires_in).toBeLessThanOrEqual(12 * 60 * 60);
  await page.reload();
  await seesAccount(page, account);

  // A closed browser only forgets the cookies of its run.
  await context.clearCookies();
  await page.reload();
  await expect(heading(page, 'Sign in')).toBeVisible();
  expect(await storedSession(page)).toBeNull();
});

test('without "keep me signed in" the browser forgets the person when another one signs in', async ({
  page,
  context,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  const known = async (): Promise<string[]> => {
    const text = (await inDatabase(page))['known_browsers'] ?? '[]';
    const all = JSON.parse(text) as { account_id: string }[];
    return all.map(({ account_id }) => account_id);
  };
  const tab = await context.newPage();
  await hearsNothing(tab);
  await tab.goto('/sign-in');
  await signIn(page, account, { remember: false });
  const { account_id } = await theStoredSession(page);
  expect(await known()).toEqual([account_id]);
  await fillIn(tab, other);
  await signInButton(tab).click();
  await seesAccount(tab, other);
  expect(await known()).toEqual([(await theStoredSession(tab)).account_id]);
});

test('the late answer to a sign-in does not replace another sign-in', async ({
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
  // The page says so, because its person must not use the other person's account by mistake.
  await expect(late.getByRole('status').getByText(/your sign-in was ended/)).toBeVisible();
  await page.reload();
  await seesAccount(page, account);
  expect((await theStoredSession(page)).session_id).toBe(session_id);
});

test('a press of «Sign out» counts although storage is not read yet', async ({
  page,
  context,
  account,
  api,
}) => {
  await signIn(page, account);
  const { access_token } = await theStoredSession(page);
  // Another page locks the database until the test ends that.
  const other = await context.newPage();
  await other.goto('/healthz');
  await other.evaluate(async () => {
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const asked = indexedDB.open('holdfast-2', 1);
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
    const transaction = database.transaction('state', 'readwrite');
    const state = { isOver: false, isHeld: false };
    Object.assign(window, { state });
    const hold = () => {
      const asked = transaction.objectStore('state').get('current');
      asked.onsuccess = () => {
        state.isHeld = true;
        if (!state.isOver) hold();
      };
    };
    hold();
  });
  await other.waitForFunction('window.state.isHeld');

  await page.reload();
  await expect(page.locator('html[data-hydrated=true]')).toHaveCount(1);
  await signOutButton(page).click();
  await other.evaluate('window.state.isOver = true');

  await isSignedOut(page);
  await isEnded(api, access_token);
  await page.reload();
  await isSignedOut(page);
});
