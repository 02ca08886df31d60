import {
  expect,
  fillIn,
  fitsAPhone,
  heading,
  openPage,
  openUnhydrated,
  PAGES,
  seesAccount,
  shownCode,
  signIn,
  signOutButton,
  somebody,
  test,
  violations,
} from '../../holdfast';

for (const one of PAGES) {
  test(`${one.name}: no error in the console and no violated policy`, async ({ page, account }) => {
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`${event.violatedDirective} forbids ${event.blockedURI}`);
      });
    });
    await openPage(page, account, one);

    const expected = one.name === 'not-found' ? /status of 404/ : /^$/;
    expect(complaints.filter((complaint) => !expected.test(complaint))).toEqual([]);
  });

  test(`${one.name}: has a policy that forbids foreign scripts`, async ({ request }) => {
    const response = await request.get(one.path);
    const policy = response.headers()['content-security-policy'] ?? '';
    expect(policy).toMatch(/script-src 'self' 'nonce-[^']+' 'wasm-unsafe-eval'(;|$)/);
    expect(policy).not.toContain('unsafe-inline');
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("base-uri 'none'");
    expect(response.headers()['cache-control']).toContain('no-store');
    // A nonce must not be used twice.
    const again = (await request.get(one.path)).headers()['content-security-policy'];
    expect(again).not.toBe(policy);
  });

  test(`${one.name}: has a title, one main heading and one language`, async ({
    page,
    account,
  }) => {
    await openPage(page, account, one);
    await expect(page).toHaveTitle(one.path === '/' ? 'Holdfast' : /^.+ · Holdfast$/);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(one.heading);
    await expect(page.locator('html')).toHaveAttribute('lang', 'en');
    await expect(page.getByRole('main')).toHaveCount(1);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${one.name}: accessible to everybody, ${colorScheme}`, async ({ page, account }) => {
      await page.emulateMedia({ colorScheme });
      await openPage(page, account, one);
      expect(await violations(page)).toEqual([]);
    });
  }

  test(`${one.name}: fits a phone without scrolling sideways`, async ({ page, account }) => {
    await page.setViewportSize({ width: 320, height: 640 });
    await openPage(page, account, one);
    expect(await fitsAPhone(page)).toBe(true);
  });
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`messages and dialogs are accessible to everybody, ${colorScheme}`, async ({
    page,
    account,
    api,
  }) => {
    await page.emulateMedia({ colorScheme });
    await api.logIn(account);
    await signIn(page, account);
    await page.goto('/sessions');
    await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');

    await signOutButton(page).click();
    await expect(page.getByText('You have signed out.')).toBeVisible();
    expect(await violations(page)).toEqual([]);

    await page.route('**/pkg/*.wasm', (route) => route.abort());
    await openUnhydrated(page, '/account');
    await expect(page.getByRole('alert')).toBeVisible();
    expect(await violations(page)).toEqual([]);
  });
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the notice of a new sign-in is accessible to everybody, ${colorScheme}`, async ({
    page,
    account,
    api,
  }) => {
    await page.emulateMedia({ colorScheme });
    await signIn(page, account);
    await api.logIn(account);
    await page.goto('/account');
    const wasNotMe = page.getByRole('button', { name: 'It was not me' });
    await expect(wasNotMe).not.toHaveAttribute('aria-disabled', 'true');
    expect(await violations(page)).toEqual([]);
    await wasNotMe.click();
    await expect(page.getByRole('dialog')).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await page.goto('/password?not-me');
    await expect(page.getByText('That browser is signed out.')).toBeVisible();
    expect(await violations(page)).toEqual([]);
  });
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`a new recovery code and the offer of one are accessible to everybody, ${colorScheme}`, async ({
    page,
  }) => {
    await page.emulateMedia({ colorScheme });
    const account = somebody();
    await page.goto('/sign-up');
    await fillIn(page, account);
    await page.getByRole('button', { name: 'Create account' }).click();
    await shownCode(page);
    await page.getByRole('button', { name: 'Go on' }).click();
    await expect(page.getByRole('alert')).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('link', { name: 'Later' }).click();
    await seesAccount(page, account);
    expect(await violations(page)).toEqual([]);
  });
}

test('an unknown page is a 404 with a link to the home page', async ({ page }) => {
  const response = await page.goto('/no-such-page');
  expect(response?.status()).toBe(404);
  await expect(heading(page, 'Page not found')).toBeVisible();

  await page.getByRole('main').getByRole('link').click();
  await expect(heading(page, 'Sign in once. Stay signed in.')).toBeVisible();
});

test('an unknown call is a 404 as problem JSON', async ({ api }) => {
  const answer = await api.call('GET', '/api/v1/no-such-call');
  expect(answer.status).toBe(404);
  expect(answer.body.code).toBe('not_found');
});
