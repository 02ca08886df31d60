// Bar 44: an attacker can make a link to the sign-in page. No value of `next` causes a panic, leads
// to another site or leads in a circle.

import type { Page } from '@playwright/test';
import { expect, fillIn, heading, seesAccount, signIn, signInButton, test } from '../../holdfast';

/** The values as the address has them. */
const LEAD_TO_THE_ACCOUNT = [
  '/.//elsewhere.example',
  '%2F.%2F%2Felsewhere.example',
  '/%252e//elsewhere.example',
  '%2F%252e%252e%2F%2Felsewhere.example',
  '/a/..//elsewhere.example',
  '/a/.%252e//elsewhere.example',
  '//elsewhere.example',
  '%2F%2Felsewhere.example',
  'https://elsewhere.example/',
  'https:/account',
  '/\\elsewhere.example',
  '%5C%5Celsewhere.example',
  '/%09/elsewhere.example',
  '%0A//elsewhere.example',
  '%20//elsewhere.example',
  'javascript:alert(1)',
  'data:text/html,elsewhere',
  '%',
  '%ff',
  '/%25ff',
  '%E0%A4%A',
  '/sign-in',
  '/sign-in/',
  '/sign%252Din',
  '/./sign-in',
  '/sign-up',
  '/sign-in%3Fnext%3D%2Fsign-in',
  '/sessions/../sign-in',
];

const LEAD_SOMEWHERE_HERE: [next: string, path: string, name: string][] = [
  ['/sessions', '/sessions', 'Where you are signed in'],
  ['%2Factivity%3Fshown%3D50%23newest', '/activity?shown=50#newest', 'Activity'],
  ['/no-such-page/../sessions', '/sessions', 'Where you are signed in'],
  ['/%25', '/%', 'Page not found'],
  ['/a//elsewhere.example', '/a//elsewhere.example', 'Page not found'],
];

/** A few in each test, because each one loads a page, which takes some time on a busy machine. */
const A_FEW = 5;

for (let first = 0; first < LEAD_TO_THE_ACCOUNT.length; first += A_FEW) {
  const some = LEAD_TO_THE_ACCOUNT.slice(first, first + A_FEW);
  test(`bar 44: no crafted way back panics, leaves the site or leads in a circle: ${some.join(' ')}`, async ({
    page,
    account,
    baseURL,
  }) => {
    test.slow();
    await signIn(page, account);
    const elsewhere = requestsElsewhere(page, baseURL);
    for (const next of some) {
      await page.goto(`/sign-in?next=${next}`);
      await seesAccount(page, account);
      await expect(page, next).toHaveURL('/account');
      await isAlive(page);
    }
    expect(elsewhere).toEqual([]);
  });
}

test('bar 44: every page of this site can be the way back', async ({
  page,
  account,
  baseURL,
}) => {
  test.slow();
  await signIn(page, account);
  const elsewhere = requestsElsewhere(page, baseURL);
  for (const [next, path, name] of LEAD_SOMEWHERE_HERE) {
    await page.goto(`/sign-in?next=${next}`);
    await expect(heading(page, name), next).toBeVisible();
    await expect(page, next).toHaveURL(path);
    await isAlive(page);
  }
  expect(elsewhere).toEqual([]);
});

test('bar 44: a person signs in with the first value that broke the page', async ({
  page,
  account,
  baseURL,
}) => {
  const elsewhere = requestsElsewhere(page, baseURL);
  await page.goto('/sign-in?next=/.//elsewhere.example');
  await expect(
    page.getByRole('main').getByRole('link', { name: 'Create account' }),
  ).toHaveAttribute('href', '/sign-up');
  await fillIn(page, account);
  await signInButton(page).click();
  await seesAccount(page, account);
  await isAlive(page);
  expect(elsewhere).toEqual([]);
});

test('bar 44: the way back is complete: path, query and hash', async ({ page, account }) => {
  await page.goto('/activity?shown=50&of=a%26b#newest');
  await expect(heading(page, 'Sign in')).toBeVisible();
  await page.getByRole('main').getByRole('link', { name: 'Create account' }).click();
  await expect(heading(page, 'Create your account')).toBeVisible();
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await expect(heading(page, 'Sign in')).toBeVisible();

  await fillIn(page, account);
  await signInButton(page).click();
  await expect(heading(page, 'Activity')).toBeVisible();
  await expect(page).toHaveURL('/activity?shown=50&of=a%26b#newest');
});

/** Checks that the router still works: a link leads to its page without a reload. */
async function isAlive(page: Page): Promise<void> {
  await page.evaluate(() => (document.documentElement.dataset['stays'] = 'yes'));
  await page.getByRole('banner').getByRole('link', { name: 'Holdfast' }).click();
  await expect(heading(page, 'Sign in once. Stay signed in.')).toBeVisible();
  await expect(page.locator('html[data-stays="yes"]')).toBeAttached();
}

function requestsElsewhere(page: Page, baseURL: string | undefined): string[] {
  const elsewhere: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(`${baseURL}/`)) elsewhere.push(request.url());
  });
  return elsewhere;
}
