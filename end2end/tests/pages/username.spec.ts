import type { Page } from '@playwright/test';
import {
  expect,
  fillIn,
  heading,
  holdAnswers,
  Network,
  seesAccount,
  signIn,
  signInButton,
  signOut,
  somebody,
  test,
  type Account,
} from '../../holdfast';

async function changeUsername(page: Page, account: Account, wanted: string): Promise<void> {
  await page.goto('/username');
  await expect(page.getByText(`Your username is ${account.username}.`)).toBeVisible();
  await page.getByLabel('New username').fill(wanted);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Change username' }).click();
}

const changed = (page: Page) => page.getByRole('status').getByText('Your username is changed.');

test('a person changes the username, in all sessions, and signs in with the new one', async ({
  page,
  account,
  anotherBrowser,
}) => {
  const other = await (await anotherBrowser()).newPage();
  await signIn(other, account);
  await signIn(page, account);
  await page.getByRole('main').getByRole('link', { name: 'Change username' }).click();
  await expect(heading(page, 'Change username')).toBeVisible();
  const renamed = somebody('lovelace');
  await changeUsername(page, account, renamed.username);
  await expect(changed(page)).toContainText(`Sign in as ${renamed.username} from now on.`);
  await expect(heading(page, 'Change username')).toBeFocused();
  const name = page.getByLabel('New username');
  await expect(name).toBeHidden();
  await page.getByRole('main').getByRole('link', { name: 'Your account' }).click();
  await seesAccount(page, renamed);
  await page.goBack();
  await expect(page.getByText(`Your username is ${renamed.username}.`)).toBeVisible();
  await expect(name).toHaveValue('');
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');

  // The other browser stays signed in, and shows the new name when it asks again.
  await other.getByRole('button', { name: 'Check my sign-in' }).click();
  await seesAccount(other, renamed);
  await page.goto('/activity');
  await expect(page.getByRole('heading', { name: 'Username changed' })).toBeVisible();

  await signOut(page);
  await fillIn(page, account);
  await signInButton(page).click();
  await expect(page.getByRole('alert')).toHaveText('The username or the password is wrong.');
  await fillIn(page, renamed);
  await signInButton(page).click();
  await expect(page.getByRole('heading', { name: 'Activity' }).or(page.getByText('Signed in as'))).toBeVisible();
  await page.goto('/account');
  await seesAccount(page, renamed);
});

test('each mistake is told at its field, and what was typed stays', async ({
  page,
  account,
  api,
}) => {
  const other = somebody('eve');
  await api.makeAccount(other);
  await signIn(page, account);
  const name = page.getByLabel('New username');
  const password = page.getByLabel('Password', { exact: true });
  const alert = page.getByRole('alert');

  await changeUsername(page, account, account.username);
  await expect(alert).toHaveText('This is your username already.');
  await expect(name).toBeFocused();

  await changeUsername(page, account, other.username);
  await expect(alert).toHaveText('This username is taken. Choose another.');
  await expect(name).toBeFocused();
  await expect(name).toHaveValue(other.username);
  await expect(password).toHaveValue(account.password);

  const wanted = somebody('lovelace').username;
  await changeUsername(page, { ...account, password: 'not the right password' }, wanted);
  await expect(alert).toHaveText('This is not your password.');
  await expect(password).toBeFocused();
  await expect(password).toHaveValue('');
  await expect(name).toHaveValue(wanted);
});

test('a second new name within a day is refused, and the last name can be taken back', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const renamed = somebody('lovelace');
  await changeUsername(page, account, renamed.username);
  await expect(changed(page)).toBeVisible();

  await changeUsername(page, renamed, somebody('countess').username);
  await expect(page.getByRole('alert')).toContainText('You can change it again in 24 hours.');
  await expect(changed(page)).toHaveCount(0);

  await changeUsername(page, renamed, account.username);
  await expect(changed(page)).toContainText(`Sign in as ${account.username} from now on.`);
});

test('a lost answer is asked for again', async ({ page, account }) => {
  await signIn(page, account);
  const renamed = somebody('lovelace');
  let lost = 0;
  await page.route('**/api/v1/account/username', async (route) => {
    if (lost > 0) return route.continue();
    lost += 1;
    await route.fetch();
    return route.abort();
  });
  const network = new Network(page);
  await changeUsername(page, account, renamed.username);
  await expect(changed(page)).toContainText(renamed.username);
  const calls = await network.calls('PUT /api/v1/account/username');
  expect(calls.map(({ status }) => status).filter((status) => status !== undefined)).toContain(200);
  expect(lost).toBe(1);
});

test('an answer that comes after the person has left the page does no harm', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const renamed = somebody('lovelace');
  const answers = await holdAnswers(page, '**/api/v1/account/username');
  await changeUsername(page, account, renamed.username);
  await expect.poll(answers.waiting).toBe(1);
  await page.getByRole('banner').getByRole('link', { name: 'Devices' }).click();
  await expect(page.getByText('This browser', { exact: true })).toBeVisible();
  answers.open();
  await page.getByRole('banner').getByRole('link', { name: 'Account', exact: true }).click();
  await seesAccount(page, renamed);
});
