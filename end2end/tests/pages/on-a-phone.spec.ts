// What a person on a phone needs, and what moves on a page.

import type { Locator } from '@playwright/test';
import {
  CHROME_ON_ANDROID,
  expect,
  FIREFOX_ON_LINUX,
  heading,
  holdAnswers,
  pauseClock,
  sessionRows,
  signIn,
  signInButton,
  somebody,
  test,
} from '../../holdfast';

const PHONE = { width: 390, height: 844 };

test.describe('on a phone', () => {
  test.use({ viewport: PHONE });

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
  const rows = sessionRows(page);
  await expect(rows).toHaveCount(2);
  await expect(rows.first().getByText('This browser', { exact: true })).toBeVisible();
});

test('the icon of a session is that of a phone or of a computer', async ({ page, account, api }) => {
  for (const userAgent of [CHROME_ON_ANDROID, FIREFOX_ON_LINUX]) await api.logIn(account, userAgent);
  await signIn(page, account);
  await page.goto('/sessions');
  const shapeIn = async (device: string) => {
    const row = sessionRows(page).filter({ hasText: device });
    await expect(row).toHaveCount(1);
    // An icon that is decoration has no role.
    return row.locator('svg path').evaluate((path) => {
      const { width, height } = (path as SVGPathElement).getBBox();
      return { line: path.getAttribute('d'), isUpright: height > width };
    });
  };
  const phone = await shapeIn('Chrome on an Android phone or tablet');
  const computer = await shapeIn('Firefox on a Linux computer');
  expect(phone.isUpright).toBe(true);
  expect(computer.isUpright).toBe(false);
  expect((await shapeIn('This browser')).line).toBe(computer.line);
});

test('a person who comes back to the list of sessions sees what has changed at once', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  // The page does not look again by itself after ten seconds.
  await page.addInitScript(() => {
    const later = window.setInterval.bind(window);
    window.setInterval = ((call: () => void, ms: number) =>
      later(ms === 10_000 ? () => {} : call, ms)) as typeof window.setInterval;
  });
  await page.goto('/sessions');
  const rows = sessionRows(page);
  await expect(rows).toHaveCount(1);
  await api.logIn(account);
  await page.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true })),
  );
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
  const present = navigation.getByRole('link', { name: 'Devices' });
  await expect(present).toHaveCSS('text-decoration-line', 'underline');
  await expect(navigation.getByRole('link', { name: 'Activity' })).toHaveCSS(
    'text-decoration-line',
    'none',
  );
});

test('with forced colours a field with a mistake has another border than one without', async ({
  page,
}) => {
  await page.emulateMedia({ forcedColors: 'active' });
  await page.goto('/sign-in');
  const [name, password] = [page.getByLabel('Username'), page.getByLabel('Password', { exact: true })];
  await name.fill('ada');
  await signInButton(page).click();
  await expect(password).toHaveAttribute('aria-invalid', 'true');
  await expect(name).not.toHaveAttribute('aria-invalid', 'true');
  const border = (field: Locator) =>
    field.evaluate((input) => {
      const { borderTopStyle, borderTopWidth } = getComputedStyle(input);
      return `${borderTopStyle} ${borderTopWidth}`;
    });
  const without = await border(name);
  expect(await border(password)).not.toBe(without);
  await password.fill('velvet');
  await expect(password).not.toHaveAttribute('aria-invalid', 'true');
  expect(await border(password)).toBe(without);
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
  const estimates: { username: string; password: string }[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/api/v1/password-estimate')) estimates.push(request.postDataJSON());
  });
  await page.clock.install();
  await page.goto('/sign-up');
  await expect(heading(page, 'Create your account')).toBeVisible();
  // From now on, only the test lets time pass.
  await pauseClock(page);
  const { username } = somebody();
  await page.getByLabel('Username').fill(username);
  const field = page.getByLabel('Password', { exact: true });
  const hint = page.locator('#password-hint');
  await field.fill('too short');
  await expect(hint).toHaveText('6 more characters.');
  await field.fill('a sentence that is long '.repeat(20));
  await expect(hint).toHaveText(/at most/);
  await page.clock.runFor(1000);
  await field.fill('');
  // The server is asked when the person pauses, and not at every key.
  await field.pressSequentially('password1234567');
  await expect(hint).toHaveText('Long enough.');
  await page.clock.runFor(1000);
  await expect(hint).not.toHaveText('Long enough.');
  expect(estimates).toEqual([{ username, password: 'password1234567' }]);
  await field.fill('velvet anchor drifting northward');
  await page.clock.runFor(1000);
  await expect(hint).toHaveText('Hard to guess.');
  await expect(field).toHaveAccessibleDescription('Hard to guess.');
  // Another name may make the same password easy to guess.
  await page.getByLabel('Username').fill(`${username}-2`);
  await expect(hint).toHaveText('Long enough.');
  await page.clock.runFor(1000);
  await expect(hint).toHaveText('Hard to guess.');
  expect(estimates.map(({ username }) => username)).toEqual([username, username, `${username}-2`]);
});

test('the newest text is asked about after an older answer, one request at a time', async ({
  page,
}) => {
  const gate = await holdAnswers(page, '**/api/v1/password-estimate');
  let asked = 0;
  page.on('request', (request) => {
    if (request.url().endsWith('/api/v1/password-estimate')) asked += 1;
  });
  await page.goto('/sign-up');
  const field = page.getByLabel('Password', { exact: true });
  await field.fill('password1234567');
  await expect.poll(gate.waiting).toBe(1);
  await field.fill('velvet anchor drifting northward');
  await expect(page.locator('#password-hint')).toHaveText('Long enough.');
  expect(asked).toBe(1);
  gate.open();
  await expect(page.locator('#password-hint')).toHaveText('Hard to guess.');
  expect(asked).toBe(2);
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
