// What the activity says after a real attack: a copied token was used, and passwords were guessed.

import type { Locator, Page } from '@playwright/test';
import {
  type Account,
  type ActivityEvent,
  type Api,
  attemptKey,
  expect,
  heading,
  signIn,
  signInInGerman,
  test,
  violations,
} from '../../holdfast';

/** One fewer than those after which strangers have to wait. If the day ends meanwhile, one of the two days
 * still has the five that come with advice. */
const GUESSES = 9;

/** A thief guesses passwords, and uses a copy of a refresh token that its owner has spent. */
async function isAttacked(api: Api, account: Account): Promise<void> {
  const { access_token: bearer } = await api.logIn(account);
  // Answers do not wait until their events are written.
  const arrive = async (kind: string, times: number) => {
    const counted = async () => {
      const answer = await api.call<{ events: ActivityEvent[] }>('GET', '/api/v1/activity', { bearer });
      const events = answer.body.events.filter((event) => event.kind === kind);
      return events.reduce((sum, event) => sum + event.times, 0);
    };
    await expect.poll(counted, kind).toBe(times);
  };
  const body = { ...account, password: 'not the right password' };
  for (let guesses = 0; guesses < GUESSES; guesses += 1) {
    expect((await api.call('POST', '/api/v1/login', { body })).status).toBe(401);
  }
  await arrive('sign_in_failed', GUESSES);

  const copied = (await api.logIn(account)).refresh_token;
  const next = await api.refresh(copied, attemptKey());
  expect((await api.refresh(next.body.refresh_token, attemptKey())).status).toBe(200);
  expect((await api.refresh(copied, attemptKey())).body.code).toBe('refresh_token_reused');
  await arrive('refresh_token_reused', 1);
}

const LANGUAGES = [
  {
    locale: 'en-GB',
    enter: (page: Page, account: Account) => signIn(page, account),
    list: 'Activity',
    copied: 'A copy of your sign-in was used, so both were signed out',
    aboutTheCopy: 'so the copy does not work any more. Choose a new password.',
    guessed: /^A wrong password at the sign-in/,
    aboutTheGuesses: /[5-9] wrong passwords on this day\. If this was not you, somebody may be guessing/,
    link: 'Change your password',
    leadsTo: 'Change password',
  },
  {
    locale: 'de-DE',
    enter: signInInGerman,
    list: 'Aktivität',
    copied: 'Eine Kopie Ihrer Anmeldung wurde benutzt, deshalb wurden beide abgemeldet',
    aboutTheCopy: 'also funktioniert die Kopie nicht mehr. Wählen Sie ein neues Passwort.',
    guessed: /^Falsches Passwort bei der Anmeldung/,
    aboutTheGuesses: /[5-9] falsche Passwörter an diesem Tag\. Wenn Sie das nicht waren, rät vielleicht jemand/,
    link: 'Passwort ändern',
    leadsTo: 'Passwort ändern',
  },
];

for (const { locale, enter, ...words } of LANGUAGES) {
  test.describe(locale, () => {
    test.use({ locale });

    test('a person reads that a token was copied and that passwords were guessed, and what to do', async ({
      page,
      account,
      api,
    }) => {
      await isAttacked(api, account);
      await enter(page, account);
      await page.goto('/activity');
      const events = page.getByRole('list', { name: words.list }).getByRole('listitem');

      const guessed = events.filter({ hasText: words.aboutTheGuesses });
      await expect(guessed).toHaveCount(1);
      // It is below the heading of the day.
      await expect(guessed.getByRole('heading', { level: 2 })).toBeVisible();
      const wrong = events.getByRole('heading', { level: 3, name: words.guessed });
      await expect(wrong.first()).toBeVisible();

      const copied = events.filter({ hasText: words.aboutTheCopy });
      await expect(copied).toHaveCount(1);
      await expect(copied.getByRole('heading', { level: 3 })).toHaveText(words.copied);
      // It stands out from what the person has done.
      const colourOf = (row: Locator) =>
        row
          .getByRole('heading', { level: 3 })
          .first()
          .evaluate((one) => getComputedStyle(one).color);
      const ordinary = await colourOf(events);
      expect(await colourOf(copied)).not.toBe(ordinary);
      expect(await violations(page)).toEqual([]);

      await copied.getByRole('link', { name: words.link }).click();
      await expect(heading(page, words.leadsTo)).toBeFocused();
    });
  });
}
