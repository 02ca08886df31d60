import type { Locator, Page } from '@playwright/test';
import { expect, heading, isSignedOut, seesAccount, signInButton, test } from '../../holdfast';

/** Presses Tab until the element has the focus. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab');
    if (await target.evaluate((element) => element === document.activeElement)) {
      return;
    }
  }
  throw new Error('The keyboard does not lead there.');
}

test('a person signs in, looks around and signs out by the keyboard alone', async ({
  page,
  account,
}) => {
  await page.goto('/sign-in');
  await tabTo(page, page.getByLabel('Username'));
  await page.keyboard.type(account.username);
  await tabTo(page, page.getByLabel('Password', { exact: true }));
  await page.keyboard.type(account.password);
  await page.keyboard.press('Enter');
  await seesAccount(page, account);

  await tabTo(page, page.getByRole('button', { name: 'Check again' }));
  const answered = page.waitForResponse('**/api/v1/account');
  await page.keyboard.press('Enter');
  expect((await answered).status()).toBe(200);

  await page.keyboard.press('Shift+Tab');
  await tabTo(page, page.getByRole('main').getByRole('button', { name: 'Sign out', exact: true }));
  await page.keyboard.press('Space');
  await isSignedOut(page);
});

test('the checkbox and the button are reached in the order in which they stand', async ({
  page,
  account,
}) => {
  await page.goto('/sign-in');
  const remember = page.getByLabel('Keep me signed in on this browser');
  await page.getByLabel('Username').fill(account.username);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Show password' })).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(remember).toBeFocused();
  await expect(remember).toBeChecked();
  await page.keyboard.press('Space');
  await expect(remember).not.toBeChecked();
  await page.keyboard.press('Tab');
  await expect(signInButton(page)).toBeFocused();
  await page.keyboard.press('Enter');
  await seesAccount(page, account);
});

test('the first Tab leads past the navigation', async ({ page }) => {
  await page.goto('/sign-in');
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to content' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('Username')).toBeFocused();
});

test('a link within the app brings the focus to the heading of its page', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('banner').getByRole('link', { name: 'Create account' }).press('Enter');
  await expect(heading(page, 'Create your account')).toBeFocused();
});

test('password managers find what they need', async ({ page, account }) => {
  const password = page.getByLabel('Password', { exact: true });
  const autocomplete = 'autocomplete';

  await page.goto('/sign-up');
  await expect(page.getByLabel('Username')).toHaveAttribute(autocomplete, 'username');
  await expect(password).toHaveAttribute(autocomplete, 'new-password');

  await page.goto('/sign-in');
  await expect(page.getByLabel('Username')).toHaveAttribute(autocomplete, 'username');
  await expect(password).toHaveAttribute(autocomplete, 'current-password');

  // They write into the fields without a key being pressed.
  const write = (input: HTMLElement | SVGElement, value: string) => {
    (input as HTMLInputElement).value = value;
  };
  await page.getByLabel('Username').evaluate(write, account.username);
  await password.evaluate(write, account.password);
  await signInButton(page).click();
  await seesAccount(page, account);

  await page.goto('/password');
  const current = page.getByLabel('Current password');
  await expect(current).toHaveAttribute(autocomplete, 'current-password');
  await expect(page.getByLabel('New password')).toHaveAttribute(autocomplete, 'new-password');
});
