import type { BrowserContext, Page } from '@playwright/test';
import {
  checkAgain,
  expect,
  heading,
  isSignedOut,
  signIn,
  test,
  type Account,
} from '../../holdfast';

async function signInIn(browser: BrowserContext, account: Account): Promise<Page> {
  const page = await browser.newPage();
  await signIn(page, account);
  return page;
}

const rows = (page: Page) =>
  page.getByRole('listitem').filter({
    has: page.getByRole('button', { name: /^Sign out this session/ }),
  });

test('a person sees where they are signed in, and which browser this is', async ({
  page,
  account,
  anotherBrowser,
}) => {
  await signIn(page, account);
  await signInIn(await anotherBrowser(), account);

  await page.goto('/sessions');
  await expect(rows(page)).toHaveCount(2);
  await expect(page.getByText('This browser', { exact: true })).toHaveCount(1);
});

test('a person ends the session of another browser', async ({ page, account, anotherBrowser }) => {
  await signIn(page, account);
  const other = await signInIn(await anotherBrowser(), account);

  await page.goto('/sessions');
  const foreign = rows(page).filter({ hasNot: page.getByText('This browser', { exact: true }) });
  await foreign.getByRole('button').click();

  await expect(rows(page)).toHaveCount(1);
  await expect(page.getByText('This browser', { exact: true })).toBeVisible();
  await other.getByRole('button', { name: 'Check again' }).click();
  await isSignedOut(other);
});

test('ending the session of this browser signs out here', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/sessions');
  await page.getByRole('button', { name: /^Sign out this session/ }).click();
  await isSignedOut(page);
});

test('"everywhere else" ends all sessions but this one', async ({
  page,
  account,
  anotherBrowser,
}) => {
  await signIn(page, account);
  const others = [
    await signInIn(await anotherBrowser(), account),
    await signInIn(await anotherBrowser(), account),
  ];

  await page.goto('/sessions');
  await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
  await expect(rows(page)).toHaveCount(1);

  for (const other of others) {
    await other.getByRole('button', { name: 'Check again' }).click();
    await isSignedOut(other);
  }
  await page.goto('/account');
  await checkAgain(page);
});

test('the activity tells what happened, the newest first', async ({ page, account }) => {
  await signIn(page, account);
  await page.getByRole('banner').getByRole('link', { name: 'Activity' }).click();
  await expect(heading(page, 'Activity')).toBeVisible();

  const happened = page.getByRole('list').getByRole('heading', { level: 2 });
  await expect(happened).toHaveText(['Signed in', 'Signed out', 'Account created']);
});
