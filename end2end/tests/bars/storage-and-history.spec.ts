import { type BrowserContext, chromium } from '@playwright/test';
import {
  becomesAlive,
  checkAgain,
  expect,
  isSignedOut,
  seesAccount,
  signIn,
  storedSession,
  test,
} from '../../holdfast';

/** What a browser does that is told to block all cookies and site data. */
async function blockStorage(context: BrowserContext, names: string[]): Promise<void> {
  await context.addInitScript((names) => {
    for (const name of names) {
      Object.defineProperty(window, name, {
        get: () => {
          throw new DOMException('The operation is insecure.', 'SecurityError');
        },
      });
    }
  }, names);
}

test.describe('with short-lived tokens', () => {
  test.use({ lifetimes: { accessTokenTtl: '2s' } });

  test('a browser that stores nothing keeps the session in its tab, and says so', async ({
    page,
    context,
    account,
  }) => {
    await blockStorage(context, ['localStorage', 'sessionStorage', 'indexedDB']);
    await signIn(page, account);
    await expect(
      page.getByRole('status').getByText('You stay signed in until you close this tab.'),
    ).toBeVisible();

    for (let times = 0; times < 3; times += 1) {
      await page.waitForResponse((response) => response.url().endsWith('/api/v1/refresh'));
      await checkAgain(page);
    }
    await seesAccount(page, account);

    await page.reload();
    await isSignedOut(page);
  });

  test('a browser without IndexedDB renews all the same', async ({ page, context, account }) => {
    await blockStorage(context, ['indexedDB']);
    await signIn(page, account);
    for (let times = 0; times < 3; times += 1) {
      await page.waitForResponse((response) => response.url().endsWith('/api/v1/refresh'));
      await checkAgain(page);
    }
    await page.reload();
    await seesAccount(page, account);
  });
});

test('the back button does not bring a signed-out person back in', async ({
  launchOptions,
  account,
  baseURL,
}) => {
  // Playwright usually switches the back/forward cache off.
  const browser = await chromium.launch({
    ...launchOptions,
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  await page.goto('/sign-in');
  await becomesAlive(page);
  await page.getByLabel('Username').fill(account.username);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await seesAccount(page, account);

  await page.goto('/healthz');
  const tab = await context.newPage();
  await tab.goto('/account');
  await becomesAlive(tab);
  await seesAccount(tab, account);
  await tab.getByRole('main').getByRole('button', { name: 'Sign out', exact: true }).click();
  await isSignedOut(tab);
  expect(await storedSession(tab)).toBeNull();

  await page.goBack();
  await isSignedOut(page);
  await expect(page.getByText(`Signed in as ${account.username}`)).toHaveCount(0);
  await browser.close();
});
