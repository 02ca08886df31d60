// Takes pictures of every page, for a person: `cargo xtask pictures`.

import { join } from 'node:path';
import {
  expect,
  fillIn,
  FIREFOX_ON_LINUX,
  heading,
  inGerman,
  openPage,
  openUnhydrated,
  PAGES,
  renameOf,
  seesAccount,
  shownCode,
  signInInGerman,
  signOutButton,
  somebody,
  test,
} from '../holdfast';

const DIRECTORY = process.env.SCREENS ?? '';

const SCREENS = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
};

for (const [screen, viewport] of Object.entries(SCREENS)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(`${screen}, ${colorScheme}`, { tag: '@screens' }, () => {
      // Nothing moves while a picture is taken.
      test.use({ viewport, colorScheme, contextOptions: { reducedMotion: 'reduce' } });
      const path = (name: string) => join(DIRECTORY, `${name}-${screen}-${colorScheme}.png`);

      for (const one of PAGES) {
        test(one.name, async ({ page, account }) => {
          await openPage(page, account, one);
          await page.screenshot({ path: path(one.name), fullPage: true });
        });
      }

      test.describe('in German', () => {
        test.use({ locale: 'de-DE' });
        for (const one of PAGES) {
          test(`${one.name} in German`, async ({ page, account }) => {
            await openPage(page, account, inGerman(one), signInInGerman);
            await page.screenshot({ path: path(`${one.name}-german`), fullPage: true });
          });
        }
      });

      test('sign-up with mistakes', async ({ page }) => {
        await page.goto('/sign-up');
        await page.getByRole('button', { name: 'Create account' }).click();
        await expect(page.getByRole('alert').first()).toBeVisible();
        await page.screenshot({ path: path('sign-up-mistakes'), fullPage: true });
      });

      test('a new recovery code, and the offer of one', async ({ page }) => {
        const account = somebody();
        await page.goto('/sign-up');
        await fillIn(page, account);
        await page.getByRole('button', { name: 'Create account' }).click();
        await shownCode(page);
        await page.screenshot({ path: path('recovery-code-new'), fullPage: true });
        await page.getByRole('link', { name: 'Later' }).click();
        await seesAccount(page, account);
        await page.screenshot({ path: path('recovery-code-offered'), fullPage: true });
      });

      test('sessions, before one is ended', async ({ page, account, api }) => {
        await api.logIn(account);
        await openPage(page, account, PAGES.find(({ name }) => name === 'sessions')!);
        await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
        await expect(page.getByRole('dialog')).toBeVisible();
        await page.screenshot({ path: path('sessions-asked') });
      });

      test('sessions with names, and the question for one', async ({ page, account, api }) => {
        const other = await api.logIn(account, FIREFOX_ON_LINUX);
        await api.nameSession(other.access_token, other.session_id, 'The old laptop');
        await openPage(page, account, PAGES.find(({ name }) => name === 'sessions')!);
        await page.screenshot({ path: path('sessions-named'), fullPage: true });
        await renameOf(page).first().click();
        const dialog = page.getByRole('dialog');
        await dialog.getByLabel('Name', { exact: true }).fill('Work laptop');
        await page.screenshot({ path: path('sessions-renamed') });
      });

      test('the notice of a new sign-in', async ({ page, account, api }) => {
        await openPage(page, account, PAGES.find(({ name }) => name === 'account')!);
        await api.logIn(account, FIREFOX_ON_LINUX);
        await page.goto('/account');
        const wasNotMe = page.getByRole('button', { name: 'It was not me' });
        await expect(wasNotMe).not.toHaveAttribute('aria-disabled', 'true');
        await seesAccount(page, account);
        await page.screenshot({ path: path('sign-in-notice'), fullPage: true });
        await wasNotMe.click();
        const dialog = page.getByRole('dialog');
        await dialog.getByLabel('Password', { exact: true }).fill('not the right password');
        await page.keyboard.press('Enter');
        await expect(dialog.getByRole('alert')).toBeVisible();
        await page.screenshot({ path: path('sign-in-notice-asked') });
        await page.goto('/password?not-me');
        await expect(page.getByText('That browser is signed out.')).toBeVisible();
        await page.screenshot({ path: path('password-not-me'), fullPage: true });
      });

      test('a username that is taken', async ({ page, account, api }) => {
        const other = somebody('eve');
        await api.makeAccount(other);
        await openPage(page, account, PAGES.find(({ name }) => name === 'username')!);
        await page.getByLabel('New username').fill(other.username);
        await page.getByLabel('Password', { exact: true }).fill(account.password);
        await page.getByRole('button', { name: 'Change username' }).click();
        await expect(page.getByRole('alert')).toBeVisible();
        await page.screenshot({ path: path('username-taken'), fullPage: true });
      });

      test('a page whose script does not arrive', async ({ page }) => {
        await page.route('**/pkg/*.wasm', (route) => route.abort());
        await openUnhydrated(page, '/account');
        await expect(page.getByRole('alert')).toBeVisible();
        await page.screenshot({ path: path('trouble'), fullPage: true });
      });

      test('a fault of the server', async ({ page }) => {
        await openUnhydrated(page, '/language/fr');
        await expect(heading(page, 'Page not found')).toBeVisible();
        await page.screenshot({ path: path('fault'), fullPage: true });
      });

      test('home after signing out', async ({ page, account }) => {
        await openPage(page, account, PAGES.find(({ name }) => name === 'home-signed-in')!);
        await signOutButton(page).click();
        await expect(page.getByText('You have signed out.')).toBeVisible();
        await page.screenshot({ path: path('home-signed-out'), fullPage: true });
      });

      test('sign-in after signing out', async ({ page, account }) => {
        await openPage(page, account, PAGES.find(({ name }) => name === 'account')!);
        await page.getByRole('main').getByRole('button', { name: 'Sign out' }).click();
        await expect(heading(page, 'Sign in')).toBeVisible();
        await page.screenshot({ path: path('sign-in-signed-out'), fullPage: true });
      });
    });
  }
}

test.describe('the pictures of the README', { tag: '@readme' }, () => {
  test.use({
    viewport: SCREENS.desktop,
    colorScheme: 'light',
    contextOptions: { reducedMotion: 'reduce' },
  });
  const path = (name: string) => join(DIRECTORY, `${name}.png`);

  test('the account page', async ({ page, account }) => {
    await openPage(page, account, PAGES.find(({ name }) => name === 'account')!);
    await page.screenshot({ path: path('account'), fullPage: true });
  });

  test('the flow, after a refused call', async ({ page, account }) => {
    await openPage(page, account, PAGES.find(({ name }) => name === 'flow-signed-in')!);
    await page.goto('/flow#8');
    // The picture begins with the press, and has all lines.
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.locator('html').evaluate((root) => root.style.setProperty('--diagram', 'auto'));
    await page.getByRole('button', { name: 'Call with a token that the server refuses' }).click();
    const told = page.getByRole('region', { name: 'The diagram' });
    await expect(told.getByText('On any other page')).toBeVisible();
    await expect(told.getByText('for the panel «In the database»')).toBeVisible();
    // The steps and the diagram, without the panels below them.
    const diagram = page.getByRole('region', { name: 'What happens' });
    const bottom = await diagram.evaluate((it) => it.getBoundingClientRect().bottom + scrollY);
    const clip = { x: 0, y: 0, width: 1280, height: Math.ceil(bottom) + 20 };
    await page.screenshot({ path: path('flow'), fullPage: true, clip });
  });
});
