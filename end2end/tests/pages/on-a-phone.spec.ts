// What a person on a phone needs, and what moves on a page.

import AxeBuilder from '@axe-core/playwright';
import { expect, heading, openPage, PAGES, signIn, somebody, test } from '../../holdfast';

const PHONE = { width: 390, height: 844 };

test.describe('on a phone', () => {
  test.use({ viewport: PHONE });

  for (const one of PAGES) {
    test(`${one.name}: fields are not corrected and not enlarged, targets are large enough`, async ({
      page,
      account,
    }) => {
      await openPage(page, account, one);
      for (const field of await page.locator('input.input:visible').all()) {
        await expect(field).toHaveAttribute('autocorrect', 'off');
        // A phone enlarges the whole page if the text of a field is smaller.
        const size = await field.evaluate((input) => parseFloat(getComputedStyle(input).fontSize));
        expect(size).toBeGreaterThanOrEqual(16);
      }
      const { violations } = await new AxeBuilder({ page }).withRules(['target-size']).analyze();
      expect(violations.flatMap(({ nodes }) => nodes.map(({ html }) => html))).toEqual([]);
    });
  }

  test('the keyboard of a phone does not cover the question about a sign-out', async ({
    page,
    account,
    api,
  }) => {
    await api.logIn(account);
    await signIn(page, account);
    await page.goto('/sessions');
    await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
    const button = page.getByRole('dialog').getByRole('button', { name: 'Sign out', exact: true });
    const box = await button.boundingBox();
    expect(box!.y + box!.height).toBeLessThan(PHONE.height / 2);
  });
});

test('this browser is the first in the list of sessions', async ({ page, account, api }) => {
  await signIn(page, account);
  await api.logIn(account);
  await page.goto('/sessions');
  const rows = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem');
  await expect(rows).toHaveCount(2);
  await expect(rows.first().getByText('This browser', { exact: true })).toBeVisible();
});

test('a person who comes back to the list of sessions sees what has changed at once', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  await page.goto('/sessions');
  const rows = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem');
  await expect(rows).toHaveCount(1);
  await api.logIn(account);
  const looked = page.waitForRequest('**/api/v1/sessions');
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await looked;
  await expect(rows).toHaveCount(2);
});

test('the picture of the home page moves once and for less than five seconds', async ({ page }) => {
  await page.goto('/');
  const picture = page.getByRole('img', { name: /^A browser asks for a page\./ });
  const times = await picture.evaluate((svg) =>
    svg.getAnimations({ subtree: true }).map((animation) => {
      const { endTime, iterations } = animation.effect!.getComputedTiming();
      return { endTime: Number(endTime), iterations };
    }),
  );
  expect(times).toHaveLength(6);
  for (const { endTime, iterations } of times) {
    expect(iterations).toBe(1);
    expect(endTime).toBeLessThan(5000);
  }
});

test('with reduced motion the picture of the home page is complete at once', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto('/');
  const lines = page.getByRole('img', { name: /^A browser asks for a page\./ }).locator('g');
  await expect(lines).toHaveCount(6);
  const opacities = await lines.evaluateAll((all) => all.map((g) => getComputedStyle(g).opacity));
  expect(opacities).toEqual(Array(6).fill('1'));
});

test('with forced colours the present page is marked in the navigation', async ({
  page,
  account,
}) => {
  await page.emulateMedia({ forcedColors: 'active' });
  await signIn(page, account);
  await page.goto('/sessions');
  const navigation = page.getByRole('banner');
  const present = navigation.getByRole('link', { name: 'Sessions' });
  await expect(present).toHaveCSS('text-decoration-line', 'underline');
  await expect(navigation.getByRole('link', { name: 'Activity' })).toHaveCSS(
    'text-decoration-line',
    'none',
  );
});

test('passkeys may be offered where a person signs in, and not where they sign up', async ({
  page,
}) => {
  await page.goto('/sign-in');
  await expect(page.getByLabel('Username')).toHaveAttribute('autocomplete', 'username webauthn');
  await page.goto('/sign-up');
  await expect(page.getByLabel('Username')).toHaveAttribute('autocomplete', 'username');
});

test('an icon for the home screen of a phone is there', async ({ page, request }) => {
  await page.goto('/');
  const address = await page.locator('link[rel="apple-touch-icon"]').getAttribute('href');
  const icon = await request.get(address!);
  expect(icon.headers()['content-type']).toBe('image/png');
});

test('a person reads whether a new password is hard to guess before they send it', async ({
  page,
}) => {
  const estimates: string[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/api/v1/password-estimate')) estimates.push(request.postData()!);
  });
  await page.goto('/sign-up');
  await expect(heading(page, 'Create your account')).toBeVisible();
  const { username } = somebody();
  await page.getByLabel('Username').fill(username);
  const field = page.getByLabel('Password', { exact: true });
  await field.fill('too short');
  await expect(page.getByText('6 more characters.')).toBeVisible();
  await field.pressSequentially(' password1234', { delay: 1 });
  const hint = page.locator('#password-hint');
  await expect(hint).not.toHaveText(/^(Long enough\.|\d+ more characters\.)$/);
  await field.fill('password1234567');
  await expect(hint).toHaveText(/password|guess/i);
  await expect(hint).not.toHaveText('Hard to guess.');
  await field.fill('velvet anchor drifting northward');
  await expect(hint).toHaveText('Hard to guess.');
  await expect(field).toHaveAccessibleDescription('Hard to guess.');
  // The server was asked when the person paused, and not at every key.
  expect(estimates.length).toBeLessThanOrEqual(4);
  expect(JSON.parse(estimates.at(-1)!)).toEqual({
    username,
    password: 'velvet anchor drifting northward',
  });
});

test('a server that does not estimate passwords keeps nobody from a sign-up', async ({ page }) => {
  await page.route('**/api/v1/password-estimate', (route) => route.abort());
  await page.goto('/sign-up');
  const { username, password } = somebody();
  await page.getByLabel('Username').fill(username);
  const asked = page.waitForRequest('**/api/v1/password-estimate');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await asked;
  await expect(page.getByText('Long enough.')).toBeVisible();
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(heading(page, 'Your recovery code')).toBeVisible();
});
