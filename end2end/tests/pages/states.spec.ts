// The states of pages that a person seldom sees are for everybody, too, in both languages.

import type { Page } from '@playwright/test';
import {
  type Account,
  denyStorage,
  expect,
  signIn,
  signInInGerman,
  somebody,
  test,
  violations,
} from '../../holdfast';

const LANGUAGES = [
  {
    locale: 'en-GB',
    enter: (page: Page, account: Account) => signIn(page, account),
    username: 'Username',
    code: 'Recovery code',
    newPassword: 'New password',
    signUp: 'Create account',
    signIn: 'Sign in',
    recover: 'Set new password',
    rename: 'Change username',
    remove: 'Delete my account',
    keepTheNext: 'Keep this code',
    storesNothing: 'You stay signed in until you leave or reload this page.',
    loading: 'Loading…',
    tryAgain: 'Try again',
    nameBrowser: /^Rename: /,
  },
  {
    locale: 'de-DE',
    enter: signInInGerman,
    username: 'Benutzername',
    code: 'Wiederherstellungscode',
    newPassword: 'Neues Passwort',
    signUp: 'Konto anlegen',
    signIn: 'Anmelden',
    recover: 'Neues Passwort festlegen',
    rename: 'Benutzernamen ändern',
    remove: 'Mein Konto löschen',
    keepTheNext: 'Bewahren Sie diesen Code auf',
    storesNothing: 'Sie bleiben angemeldet, bis Sie diese Seite verlassen oder neu laden.',
    loading: 'Wird geladen',
    tryAgain: 'Noch einmal versuchen',
    nameBrowser: /^Umbenennen: /,
  },
];

for (const { locale, enter, ...words } of LANGUAGES) {
  test.describe(locale, () => {
    test.use({ locale });

    test('mistakes, the next code, and a browser that stores nothing are accessible to everybody', async ({
      page,
      context,
      account,
      api,
    }) => {
      test.slow();
      // A page of its own, because it is denied its storage for good.
      const tab = await context.newPage();
      for (const storage of ['indexedDB', 'localStorage'] as const) await denyStorage(tab, storage);
      await enter(tab, account);
      await expect(tab.getByRole('status').getByText(words.storesNothing)).toBeVisible();
      expect(await violations(tab)).toEqual([]);
      await tab.close();

      for (const [path, button] of [
        ['/sign-up', words.signUp],
        ['/sign-in', words.signIn],
        ['/recover', words.recover],
      ] as const) {
        await page.goto(path);
        await isSentEmpty(page, button);
      }

      const person = somebody();
      const code = await api.makeAccount(person);
      await page.getByLabel(words.username).fill(person.username);
      await page.getByLabel(words.code).fill(code);
      await page.getByLabel(words.newPassword).fill('a completely different sentence');
      await page.getByRole('button', { name: words.recover, exact: true }).click();
      await expect(page.getByRole('heading', { name: words.keepTheNext })).toBeVisible();
      expect(await violations(page)).toEqual([]);
    });

    test('mistakes, loading, a failed load and a dialog of a signed-in person are accessible to everybody', async ({
      page,
      account,
    }) => {
      test.slow();
      await enter(page, account);
      for (const [path, button] of [
        ['/username', words.rename],
        ['/data', words.remove],
      ] as const) {
        await page.goto(path);
        await expect(page.getByText(account.username).first()).toBeVisible();
        await isSentEmpty(page, button);
      }

      let fail = () => {};
      const failing = new Promise<void>((resolve) => (fail = resolve));
      await page.route('**/api/v1/activity*', async (route) => {
        await failing;
        await route.abort();
      });
      await page.goto('/activity');
      await expect(page.getByText(words.loading).first()).toBeVisible();
      expect(await violations(page)).toEqual([]);
      fail();
      await expect(page.getByRole('button', { name: words.tryAgain })).toBeVisible();
      await expect(page.getByText(words.loading)).toHaveCount(0);
      expect(await violations(page)).toEqual([]);

      await page.goto('/sessions');
      await page.getByRole('button', { name: words.nameBrowser }).click();
      await expect(page.getByRole('dialog').getByRole('textbox')).toBeFocused();
      expect(await violations(page)).toEqual([]);
    });
  });
}

/** Sends the form without anything in it, and checks the page with its complaints. */
async function isSentEmpty(page: Page, button: string): Promise<void> {
  await page.getByRole('main').getByRole('button', { name: button, exact: true }).click();
  await expect(page.getByRole('alert').first()).toBeVisible();
  expect(await violations(page), button).toEqual([]);
}
