import type { Page } from '@playwright/test';
import {
  checkAgain,
  expect,
  fillIn,
  forged,
  holdAnswers,
  isSignedOut,
  Network,
  seesAccount,
  sendSignOut,
  sessionRows,
  signIn,
  signInButton,
  signOut,
  signOutOf,
  somebody,
  spoilAccessToken,
  tamper,
  test,
  theStoredSession,
} from '../../holdfast';

test('bar 9: a refresh that answers after a new sign-in changes nothing', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const late = await holdAnswers(page, '**/api/v1/refresh');
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect.poll(late.waiting).toBe(1);

  // The page must not reload here, because it would forget the request that is under way. The
  // sign-in of another person reloads it.
  await signOut(page);
  await fillIn(page, account);
  await signInButton(page).click();
  await seesAccount(page, account);
  const theirs = await theStoredSession(page);
  const answered = page.waitForResponse('**/api/v1/refresh');
  late.open();
  await answered;

  await checkAgain(page);
  await seesAccount(page, account);
  expect(await theStoredSession(page)).toEqual(theirs);
  await page.reload();
  await seesAccount(page, account);
});

test('bar 9: another person who signs in gets a new page, and stays signed in on it', async ({
  page,
  account,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  await signIn(page, account);
  const late = await holdAnswers(page, '**/api/v1/refresh');
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect.poll(late.waiting).toBe(1);
  await page.evaluate(() => Object.assign(window, { isOfTheFirstPerson: true }));

  await signOut(page);
  await fillIn(page, other);
  await signInButton(page).click();
  await seesAccount(page, other);
  expect(await page.evaluate(() => 'isOfTheFirstPerson' in window)).toBe(false);
  const theirs = await theStoredSession(page);
  late.open();

  await checkAgain(page);
  expect(await theStoredSession(page)).toEqual(theirs);
  await page.reload();
  await seesAccount(page, other);
});

test('bar 9: a refresh that answers after a sign-out signs nobody in again', async ({
  page,
  account,
  api,
}) => {
  await signIn(page, account);
  const { refresh_token } = await theStoredSession(page);
  const late = await holdAnswers(page, '**/api/v1/refresh');
  await spoilAccessToken(page);
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect.poll(late.waiting).toBe(1);
  await signOut(page);
  const answered = page.waitForResponse('**/api/v1/refresh');
  late.open();
  const successor = (await (await answered).json()) as { refresh_token: string };

  await page.goto('/account');
  await isSignedOut(page);
  for (const token of [refresh_token, successor.refresh_token]) {
    expect((await api.refresh(token)).body.code).toBe('session_ended');
  }
});

test('bar 31: a failed call is not repeated as the person who signed in meanwhile', async ({
  page,
  context,
  account,
  anotherBrowser,
  api,
}) => {
  const other = somebody('grace');
  await api.makeAccount(other);
  const elsewhere = await (await anotherBrowser()).newPage();
  await signIn(elsewhere, account);
  await signIn(page, account);

  // A call that would do harm: it ends the session of the other browser.
  await page.goto('/sessions');
  const foreign = sessionRows(page).filter({
    hasNot: page.getByText('This browser', { exact: true }),
  });
  const network = new Network(page);
  const late = await holdAnswers(page, '**/api/v1/sessions/*');
  await signOutOf(foreign).click();
  // The dialog loads the name. After that, the next call is the one that ends the session.
  const name = page.getByRole('dialog').locator('[autocomplete=username]');
  await expect(name).toHaveValue(account.username);
  const { access_token } = await theStoredSession(page);
  await tamper(page, { access_token: forged(access_token) });
  await sendSignOut(page, account);
  await expect.poll(late.waiting).toBe(1);

  // In another tab the person signs out, and another person signs in.
  const tab = await context.newPage();
  await tab.goto('/account');
  await signOutAndSignInAs(tab, other);
  const theirs = await theStoredSession(tab);
  late.open();
  await expect(page.getByText('This browser', { exact: true })).toBeVisible();
  // The page before has loaded the list from time to time, too.
  await expect
    .poll(async () => {
      const lists = await network.calls('GET /api/v1/sessions');
      return lists.filter(({ bearer }) => bearer === theirs.access_token);
    })
    .not.toEqual([]);

  const deletes = (await network.calls()).filter(({ method }) => method === 'DELETE');
  expect(deletes).toMatchObject([{ bearer: forged(access_token) }]);
  // Only new calls are made as the new person.
  const asThem = (await network.calls()).filter(({ bearer }) => bearer === theirs.access_token);
  expect(new Set(asThem.map(({ method }) => method))).toEqual(new Set(['GET']));
  await checkAgain(elsewhere);
});

async function signOutAndSignInAs(page: Page, other: { username: string; password: string }) {
  await page.getByRole('main').getByRole('button', { name: 'Sign out', exact: true }).click();
  await isSignedOut(page);
  await signIn(page, other);
}
