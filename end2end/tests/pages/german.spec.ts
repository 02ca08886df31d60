// The pages in German, for a person whose browser prefers it, and the switch between the languages.

import type { Page } from '@playwright/test';
import {
  becomesAlive,
  complainsOnlyOf404,
  complaintsOf,
  expect,
  fillIn,
  fitsSmallScreens,
  inGerman,
  isWhole,
  openPage,
  openUnhydrated,
  PAGES,
  shownWords,
  signIn,
  signInInGerman,
  somebody,
  test,
  violations,
} from '../../holdfast';

/** What a page says in each language: names, and a device of the test. */
const SAME_IN_BOTH = /^(Holdfast|Deutsch|English|[\d.:, ]+|[\w.-]+-[0-9a-f]{10}\.?)$/;

/** What the page of the flow says in each language: lanes, parts of tokens, and the names of entries. */
const SAME_ON_THE_FLOW_PAGE =
  /^((\d+\. )?Rotation|Person|Browser|Server|Header|Claims|Generation|IndexedDB · .+)$/;

/** What the page of the flow shows of the header or the claims of an access token. */
const MEMBERS_OF_A_TOKEN =
  /^((alg|typ|kid|iss|aud|sub|sid|client_id|iat|exp|jti): [^\n]+(\n|$))+$/;

/** Goes to the switch with the Tab key and follows it. */
async function switchByKeyboard(page: Page, name: string): Promise<void> {
  const link = page.getByRole('contentinfo').getByRole('link', { name });
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press('Tab');
    if (await link.evaluate((element) => element === document.activeElement)) break;
  }
  await expect(link).toBeFocused();
  await page.keyboard.press('Enter');
}

const language = (page: Page) => page.locator('html');

/** The lines of the diagram, as a screen reader reads them. */
const linesOfFlow = (page: Page) =>
  page.getByRole('region', { name: 'Das Diagramm' }).getByRole('listitem');

for (const one of PAGES) {
  test.describe('in German', () => {
    test.use({ locale: 'de-DE' });

    test(`${one.name}: whole, without a complaint, for everybody, on every screen`, async ({
      page,
      account,
    }) => {
      const complaints = await complaintsOf(page);
      const german = inGerman(one);
      await openPage(page, account, german, signInInGerman);
      const words = await shownWords(page);
      expect(words.length).toBeGreaterThan(8);
      await isWhole(page, german, 'de');
      await fitsSmallScreens(page);

      // Nothing of it is in English.
      await prefersEnglish(page);
      // Otherwise an address with a fragment would not be loaded again.
      await page.goto('about:blank');
      await openPage(page, account, { ...one, signedIn: false });
      await expect(language(page)).toHaveAttribute('lang', 'en');
      const english = await shownWords(page);
      const isSame = (text: string) =>
        SAME_IN_BOTH.test(text) ||
        (one.path.startsWith('/flow') &&
          (SAME_ON_THE_FLOW_PAGE.test(text) || MEMBERS_OF_A_TOKEN.test(text)));
      expect(words.filter((text) => english.includes(text) && !isSame(text))).toEqual([]);
      complainsOnlyOf404(complaints, one);
    });
  });
}

/** Chooses English, as the switch does. */
async function prefersEnglish(page: Page): Promise<void> {
  const { origin } = new URL(page.url());
  await page.context().addCookies([{ name: 'holdfast_language', value: 'en', url: origin }]);
}

test.describe('a person who prefers German', () => {
  test.use({ locale: 'de-AT' });

  test('signs up, keeps the code, makes mistakes and is told so in German', async ({ page }) => {
    const account = somebody();
    await page.goto('/sign-up');
    await page.getByRole('button', { name: 'Konto anlegen' }).click();
    await expect(page.getByText('Geben Sie einen Benutzernamen ein.')).toBeVisible();
    await expect(page.getByText('Geben Sie ein Passwort ein.')).toBeVisible();
    await page.getByLabel('Benutzername').fill(account.username);
    await page.getByLabel('Passwort', { exact: true }).fill('correct horse battery staple');
    await page.getByRole('button', { name: 'Konto anlegen' }).click();
    // Only the server knows this rule.
    await expect(page.getByRole('alert')).toHaveText(
      'Dieses Passwort ist zu leicht zu erraten. Es ist ein bekanntes Beispiel. ' +
        'Nehmen Sie vier oder fünf Wörter, die nichts miteinander zu tun haben.',
    );
    await page.getByLabel('Passwort', { exact: true }).fill(account.password);
    await page.getByRole('button', { name: 'Konto anlegen' }).click();

    await expect(page.getByRole('heading', { name: 'Ihr Wiederherstellungscode' })).toBeVisible();
    const groups = page.getByRole('list', { name: 'Wiederherstellungscode' });
    await expect(groups.getByRole('listitem')).toHaveCount(7);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Weiter' }).click();
    await expect(page.getByText('kreuzen Sie dann dieses Feld an')).toBeVisible();
    await page.getByLabel('Ich habe ihn aufbewahrt').check();
    await page.getByRole('button', { name: 'Weiter' }).click();
    await expect(page.getByText(`Angemeldet als ${account.username}`)).toBeVisible();
  });

  test('reads a wrong password and the end of a session in German', async ({ page, account }) => {
    await page.goto('/sign-in');
    await page.getByLabel('Benutzername').fill(account.username);
    await page.getByLabel('Passwort', { exact: true }).fill('not the right password');
    await page.getByRole('button', { name: 'Anmelden', exact: true }).click();
    await expect(page.getByRole('alert')).toHaveText(
      'Der Benutzername oder das Passwort ist falsch.',
    );
    await signInInGerman(page, account);
    await page.getByRole('banner').getByRole('button', { name: 'Abmelden' }).click();
    await expect(page.getByText('Sie haben sich abgemeldet.')).toBeVisible();
  });

  test('reads in German what exactly is wrong', async ({ page, account, api }) => {
    const alert = page.getByRole('alert');
    const code = await api.makeAccount(somebody('eve'));
    // A sign-in after that of the page would be told on the page.
    const { access_token: bearer } = await api.logIn(account);
    await page.goto('/recover');
    await page.getByLabel('Benutzername').fill(account.username);
    await page.getByLabel('Wiederherstellungscode').fill(code);
    await page.getByLabel('Neues Passwort').fill('a completely different sentence');
    await page.getByRole('button', { name: 'Neues Passwort festlegen' }).click();
    await expect(alert).toContainText(
      'Der Benutzername oder der Wiederherstellungscode ist falsch.',
    );

    await signInInGerman(page, account);
    await page.goto('/password');
    await page.getByLabel('Bisheriges Passwort').fill(account.password);
    await page.getByLabel('Neues Passwort').fill(account.password);
    await page.getByRole('button', { name: 'Passwort ändern' }).click();
    await expect(alert).toHaveText('Dieses Passwort haben Sie schon. Wählen Sie ein anderes.');

    const renamed = { ...account, username: somebody('lovelace').username };
    const answer = await api.call('PUT', '/api/v1/account/username', { body: renamed, bearer });
    expect(answer.status).toBe(200);
    await page.goto('/username');
    await expect(page.getByText(`Ihr Benutzername ist ${renamed.username}.`)).toBeVisible();
    await page.getByLabel('Neuer Benutzername').fill(somebody('countess').username);
    await page.getByLabel('Passwort', { exact: true }).fill(account.password);
    await page.getByRole('button', { name: 'Benutzernamen ändern' }).click();
    await expect(alert).toHaveText(
      'Sie können Ihren Benutzernamen einmal in 24 Stunden ändern. Das geht wieder in 24 Stunden. ' +
        'Ihren letzten Namen können Sie jederzeit wieder annehmen.',
    );
  });

  test('reads in German how long strangers keep a browser waiting', async ({ page }) => {
    await page.route('**/api/v1/login', (route) =>
      route.fulfill({
        status: 429,
        contentType: 'application/problem+json',
        headers: { 'retry-after': '900' },
        body: JSON.stringify({
          type: 'urn:holdfast:problem:too_many_attempts',
          title: 'Too many attempts',
          status: 429,
          detail: 'Too many wrong passwords were tried for this username.',
          code: 'too_many_attempts',
          cause: 'too_many_failures',
        }),
      }),
    );
    const account = somebody();
    await page.goto('/sign-in');
    await page.getByLabel('Benutzername').fill(account.username);
    await page.getByLabel('Passwort', { exact: true }).fill(account.password);
    await page.getByRole('button', { name: 'Anmelden', exact: true }).click();
    await expect(page.getByRole('alert')).toHaveText(
      'Für diesen Benutzernamen wurden zu viele falsche Passwörter eingegeben. Versuchen Sie es in ' +
        '15 Minuten noch einmal, oder melden Sie sich in einem Browser an, in dem Sie schon ' +
        'angemeldet waren.',
    );
  });

  test('reads dates and devices in German', async ({ page, account }) => {
    await signInInGerman(page, account);
    await page.goto('/activity');
    await expect(page.getByRole('heading', { level: 2, name: 'Heute' })).toBeVisible();
    await expect(page.getByText(/^Chrome auf /).first()).toBeVisible();
    const date = new Intl.DateTimeFormat('de', { dateStyle: 'medium' }).format(new Date());
    await page.goto('/account');
    await expect(page.getByText('Konto seit').locator('..')).toContainText(date);
  });

  test('makes a step of the flow happen, and reads in German what happened', async ({ page }) => {
    await page.goto('/flow#1');
    await page.getByRole('button', { name: 'Ohne Token aufrufen', exact: true }).click();
    await expect(linesOfFlow(page)).toContainText([
      'Schritt 1, Person an Browser: Ohne Token aufrufen',
      'Schritt 1, Browser an Server: GET /api/v1/account · kein Token',
      'Schritt 1, Server an Browser: 401 access_token_missing',
    ]);
    const said = page.getByRole('status').filter({ hasText: 'Der Server hat abgelehnt: 401' });
    await expect(said).toBeVisible();
    const steps = page.getByRole('navigation', { name: 'Die zehn Schritte' }).getByRole('link');
    await expect(steps.first()).toHaveAccessibleName(/Kein Token.*hier gesehen$/);
    expect(await violations(page)).toEqual([]);
  });

  test('renews on the page of the flow, and reads tokens, dates and spans in German', async ({
    page,
    account,
  }) => {
    await signInInGerman(page, account);
    await page.goto('/flow#7');
    const row = page.getByRole('region', { name: 'In der Datenbank' });
    await expect(row.getByText('Keine Erneuerung verschiebt dieses Datum.')).toBeVisible();
    await page.getByRole('button', { name: 'Jetzt erneuern', exact: true }).click();
    await expect(linesOfFlow(page)).toContainText([
      'Schritt 7, Person an Browser: Jetzt erneuern',
      'Schritt 7, Server an Datenbank: der Hash von Token 1 ersetzt den von Token 0',
      'Schritt 8, Browser: Das neue Paar ist gespeichert: Refresh-Token 1',
    ]);
    await expect(row.getByText('Eine Erneuerung hier, und das Datum ist dasselbe.')).toBeVisible();
    await expect(row.getByText(/^\d{2}\.\d{2}\.\d{4}, \d{2}:\d{2}$/).first()).toBeVisible();
    await expect(row.getByText(/^\d+ Tagen$/)).toBeVisible();
    await expect(page.getByRole('timer')).toHaveText(/^Das Zugriffstoken gilt noch 4:\d\d min$/);
  });

  test.describe('and whose words do not arrive', () => {
    test.use({ mayComplain: [/Failed to fetch/] });

    test('is told so in German', async ({ page }) => {
      await page.route('**/pkg/*german*.wasm', (route) => route.abort());
      await openUnhydrated(page, '/sign-in');
      const alert = page.getByRole('alert');
      await expect(alert).toContainText('Ein Teil dieser Seite ist nicht angekommen');
      await expect(alert.getByRole('link')).toHaveText('Seite neu laden');
      await expect(language(page)).not.toHaveAttribute('data-hydrated', 'true');
    });
  });
});

test('a person whose browser wants no language of ours reads English, and a German loads the words', async ({
  browser,
  baseURL,
}) => {
  const files = async (locale: string, tag: string) => {
    const context = await browser.newContext({ baseURL, locale });
    const page = await context.newPage();
    const loaded: string[] = [];
    page.on('request', (request) => loaded.push(new URL(request.url()).pathname));
    await page.goto('/sign-in');
    await becomesAlive(page);
    await expect(language(page)).toHaveAttribute('lang', tag);
    // Only the switch sets the cookie.
    expect(await context.cookies()).toEqual([]);
    await context.close();
    return new Set(loaded);
  };
  const french = await files('fr-FR', 'en');
  const german = await files('de-CH', 'de');
  expect(french.size).toBeGreaterThan(8);
  const more = [...german].filter((path) => !french.has(path));
  // The build may put what the words share with another piece into a small file of its own.
  const shared = more.filter((path) => /^\/pkg\/holdfast-chunk_\d+\.\w+\.wasm$/.test(path));
  expect(shared.length, shared.join()).toBeLessThanOrEqual(1);
  const words = more.filter((path) => !shared.includes(path));
  expect(words).toEqual([expect.stringMatching(/^\/pkg\/holdfast-german\.\w+\.wasm$/)]);
  expect(german.size).toBe(french.size + more.length);
});

test('the switch changes the language of the same page, and the choice stays', async ({
  page,
  account,
}) => {
  await page.goto('/sign-in?next=%2Factivity%3Fshown%3D50');
  await switchByKeyboard(page, 'Deutsch');
  // The page before has the same address, and is alive, too.
  await expect(language(page)).toHaveAttribute('lang', 'de');
  await expect(page).toHaveURL(/\/sign-in\?next=%2Factivity%3Fshown%3D50$/);
  await becomesAlive(page);
  await page.reload();
  await expect(language(page)).toHaveAttribute('lang', 'de');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Anmelden');

  await page.getByLabel('Benutzername').fill(account.username);
  await page.getByLabel('Passwort', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Anmelden', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Aktivität');
  await page.goto('/account');
  await expect(page.getByText(`Angemeldet als ${account.username}`)).toBeVisible();

  await switchByKeyboard(page, 'English');
  await expect(page.getByText(`Signed in as ${account.username}`)).toBeVisible();
  await expect(language(page)).toHaveAttribute('lang', 'en');
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({
    name: 'holdfast_language',
    value: 'en',
    path: '/',
    sameSite: 'Lax',
    httpOnly: true,
  });
});

test('a person who has typed something is asked before the switch', async ({ page }) => {
  await page.goto('/sign-in');
  await fillIn(page, somebody());
  const link = page.getByRole('contentinfo').getByRole('link', { name: 'Deutsch' });
  page.once('dialog', (dialog) => dialog.dismiss());
  await link.click();
  await expect(page.getByLabel('Username')).toHaveValue(/./);
  await expect(language(page)).toHaveAttribute('lang', 'en');

  let asked = '';
  page.once('dialog', (dialog) => {
    asked = dialog.message();
    return dialog.accept();
  });
  await link.click();
  await expect(page.getByLabel('Benutzername')).toHaveValue('');
  expect(asked).toContain('is lost');
});

test('a person who has typed a recovery code is asked before the switch', async ({ page }) => {
  await page.goto('/recover');
  await page.getByLabel('Recovery code').fill('0000-0000');
  page.once('dialog', (dialog) => dialog.dismiss());
  await page.getByRole('contentinfo').getByRole('link', { name: 'Deutsch' }).click();
  await expect(page.getByLabel('Recovery code')).toHaveValue('0000-0000');
  await expect(language(page)).toHaveAttribute('lang', 'en');
});

test('a form that only names the signed-in person asks nothing', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/password');
  await expect(page.locator('input[autocomplete="username"]')).toHaveValue(account.username);
  let asked = false;
  page.on('dialog', (dialog) => {
    asked = true;
    return dialog.accept();
  });
  await page.getByRole('contentinfo').getByRole('link', { name: 'Deutsch' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Passwort ändern');
  expect(asked).toBe(false);
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });

  test('the switch leads back to the page', async ({ page }) => {
    await openUnhydrated(page, '/recover?next=%2Fdata');
    await page.getByRole('contentinfo').getByRole('link', { name: 'Deutsch' }).click();
    await expect(language(page)).toHaveAttribute('lang', 'de');
    await expect(page).toHaveURL(/\/recover\?next=%2Fdata$/);
    // Playwright's text does not look into this element.
    expect(await page.locator('noscript').innerText()).toContain('Skripte sind hier');
  });
});
