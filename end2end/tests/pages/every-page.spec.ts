import type { Page } from '@playwright/test';
import {
  complainsOnlyOf404,
  complaintsOf,
  expect,
  faultsNow,
  fillIn,
  fitsSmallScreens,
  heading,
  isWhole,
  keepsItsShapes,
  openPage,
  openUnhydrated,
  PAGES,
  renameOf,
  seesAccount,
  shownCode,
  showsTheFocus,
  signIn,
  signOutButton,
  somebody,
  test,
  violations,
} from '../../holdfast';

// The checks of a page share its visit: signing in and loading take longer than all of them.
for (const one of PAGES) {
  test(`${one.name}: whole, without a complaint, for everybody, on every screen`, async ({
    page,
    account,
  }) => {
    const complaints = await complaintsOf(page);
    await openPage(page, account, one);

    await isWhole(page, one, 'en');
    await test.step('by keyboard', () => showsTheFocus(page));
    await test.step('with forced colours', () => keepsItsShapes(page));
    await test.step('on a phone', () => suitsAPhone(page, one.name));
    await fitsSmallScreens(page);
    complainsOnlyOf404(complaints, one);
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
}

const WITH_FIELDS = ['sign-up', 'sign-in', 'recover', 'username', 'password', 'recovery-code', 'data'];

/** Which keyboard of a phone, and which help of a password manager, each field asks for. */
const FIELDS: Record<
  string,
  { autocomplete: RegExp; type: string | null; keyboard?: string; capitals?: string }
> = {
  username: { autocomplete: /^username( webauthn)?$/, type: 'text', keyboard: 'email' },
  password: { autocomplete: /^(current|new)-password$/, type: 'password' },
  current_password: { autocomplete: /^current-password$/, type: 'password' },
  new_password: { autocomplete: /^new-password$/, type: 'password' },
  // It has two lines.
  recovery_code: { autocomplete: /^off$/, type: null, capitals: 'characters' },
  confirm: { autocomplete: /^off$/, type: 'text', keyboard: 'email' },
};

/** Checks that a phone neither corrects nor enlarges what is typed, offers the right keyboard and writes from
 * right to left if need be, and that a finger hits. */
async function suitsAPhone(page: Page, name: string): Promise<void> {
  await page.setViewportSize({ width: 390, height: 844 });
  const fields = await page.locator('.input:visible').all();
  expect(fields.length > 0).toBe(WITH_FIELDS.includes(name));
  for (const field of fields) {
    const found = await field.evaluate((input) => ({
      name: input.getAttribute('name') ?? '',
      autocomplete: input.getAttribute('autocomplete') ?? '',
      type: input.getAttribute('type'),
      inputmode: input.getAttribute('inputmode'),
      autocapitalize: input.getAttribute('autocapitalize'),
      autocorrect: input.getAttribute('autocorrect'),
      spellcheck: input.getAttribute('spellcheck'),
      dir: input.getAttribute('dir'),
      size: parseFloat(getComputedStyle(input).fontSize),
    }));
    const expected = FIELDS[found.name];
    if (expected === undefined) throw new Error(`There is a new field: ${found.name}.`);
    expect(found.autocomplete, found.name).toMatch(expected.autocomplete);
    expect(found).toMatchObject({
      type: expected.type,
      inputmode: expected.keyboard ?? null,
      autocapitalize: expected.capitals ?? 'none',
      autocorrect: 'off',
      spellcheck: 'false',
      dir: 'auto',
    });
    // A phone enlarges the whole page if the text of a field is smaller.
    expect(found.size, found.name).toBeGreaterThanOrEqual(16);
  }
  expect(await faultsNow(page, ['target-size'])).toEqual([]);
}

test('messages and dialogs are accessible to everybody', async ({ page, account, api }) => {
  await api.logIn(account);
  await signIn(page, account);
  await page.goto('/sessions');
  await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press('Escape');

  await renameOf(page).first().click();
  const name = page.getByRole('dialog').getByLabel('Name', { exact: true });
  await expect(name).toBeFocused();
  expect(await violations(page)).toEqual([]);
  await name.fill('w'.repeat(65));
  await name.press('Enter');
  await expect(page.getByRole('dialog').getByRole('alert')).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await name.fill('Work laptop');
  await name.press('Enter');
  await expect(page.getByRole('heading', { level: 2, name: /^Work laptop/ })).toBeVisible();
  expect(await violations(page)).toEqual([]);

  await signOutButton(page).click();
  await expect(page.getByText('You have signed out.')).toBeVisible();
  await expect(heading(page, 'Sign in')).toBeVisible();
  expect(await violations(page)).toEqual([]);

  await page.route('**/pkg/*.wasm', (route) => route.abort());
  await openUnhydrated(page, '/account');
  await expect(page.getByRole('alert')).toBeVisible();
  expect(await violations(page)).toEqual([]);
});

test('the notice of a new sign-in is accessible to everybody', async ({ page, account, api }) => {
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
  await expect(page.getByText('The other browser is signed out.')).toBeVisible();
  expect(await violations(page)).toEqual([]);
});

test('a new recovery code and the offer of one are accessible to everybody', async ({ page }) => {
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
  await expect(page.getByRole('complementary', { name: 'Recovery code' })).toBeVisible();
  expect(await violations(page)).toEqual([]);
});

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

test.describe('an answer that is no page', () => {
  for (const [locale, title, start] of [
    ['en-GB', 'Page not found', 'Go to the start'],
    ['de-DE', 'Seite nicht gefunden', 'Zur Startseite'],
  ] as const) {
    test.describe(locale, () => {
      test.use({ locale });

      test('is told on a page with a way on, and a number for the people who run the site', async ({
        page,
      }) => {
        // A language that there is not: a problem for programs.
        const response = await page.request.get('/language/fr');
        expect(response.headers()['content-type']).toBe('application/problem+json');

        const answer = await openUnhydrated(page, '/language/fr');
        expect(answer?.status()).toBe(404);
        await expect(page).toHaveTitle(`${title} · Holdfast`);
        await expect(heading(page, title)).toBeVisible();
        const id = answer!.headers()['x-request-id'];
        await expect(page.getByText(id!, { exact: true })).toBeVisible();
        // Its style has arrived.
        await expect(page.getByRole('banner')).toHaveCSS('border-bottom-style', 'solid');
        expect(await violations(page)).toEqual([]);
        await fitsSmallScreens(page);
        await page.getByRole('link', { name: start }).click();
        await expect(page).toHaveURL(/\/$/);
      });
    });
  }
});
