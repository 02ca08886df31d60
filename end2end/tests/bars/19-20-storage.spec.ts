import {
  checkAgain,
  expect,
  holdAnswers,
  seesAccount,
  signIn,
  spoilAccessToken,
  test,
  theStoredSession,
} from '../../holdfast';

test('bar 19: a late answer of an earlier generation does not overwrite a later one', async ({
  page,
  context,
  account,
}) => {
  await context.addInitScript(() => {
    // Otherwise the second tab would wait for the first one.
    Object.defineProperty(navigator, 'locks', { value: undefined });
  });
  await signIn(page, account);
  const tab = await context.newPage();
  await tab.goto('/account');
  await seesAccount(tab, account);
  const { generation } = await theStoredSession(page);

  const late = await holdAnswers(page, '**/api/v1/refresh');
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check again' }).click();
  await expect.poll(late.waiting).toBe(1);
  for (let times = 0; times < 2; times += 1) {
    await spoilAccessToken(tab);
    await checkAgain(tab);
  }
  const latest = await theStoredSession(tab);
  expect(latest.generation).toBe(generation + 2);

  const answered = page.waitForResponse('**/api/v1/refresh');
  late.open();
  await answered;
  await expect(page.getByRole('button', { name: 'Check again' })).toBeEnabled();
  await seesAccount(page, account);

  expect(await theStoredSession(page)).toEqual(latest);
  await checkAgain(page);
  await checkAgain(tab);
});

test('bar 19: an older record that another tab writes back is put right', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const old = await theStoredSession(page);
  await spoilAccessToken(page);
  await checkAgain(page);
  const latest = await theStoredSession(page);
  expect(latest.generation).toBe(old.generation + 1);

  await page.evaluate((text) => localStorage.setItem('holdfast.session', text), JSON.stringify(old));
  await checkAgain(page);
  expect(await theStoredSession(page)).toEqual(latest);
});

test('bar 20: tokens are in storage before they are used, renewal after renewal', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const uses: { used?: string; stored: string }[] = [];
  await page.route('**/api/v1/account', async (route) => {
    const used = route.request().headers()['authorization']?.replace('Bearer ', '');
    uses.push({ used, stored: (await theStoredSession(page)).access_token });
    await route.continue();
  });

  for (let times = 0; times < 5; times += 1) {
    await spoilAccessToken(page);
    await checkAgain(page);
  }

  expect(uses).toHaveLength(10);
  for (const { used, stored } of uses) {
    expect(used).toBe(stored);
  }
});
