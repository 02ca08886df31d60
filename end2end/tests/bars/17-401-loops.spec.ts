import { expect, Network, seesAccount, signIn, signOutButton, test } from '../../holdfast';

for (const code of ['access_token_expired', 'access_token_invalid']) {
  test(`bar 17: a call that is always refused as ${code} is made twice, with one refresh`, async ({
    page,
    account,
  }) => {
    await signIn(page, account);
    const network = new Network(page);
    await page.route('**/api/v1/account', (route) =>
      route.fulfill({
        status: 401,
        contentType: 'application/problem+json',
        json: { type: 'about:blank', title: code, status: 401, detail: 'Refused.', code },
      }),
    );
    await page.getByRole('button', { name: 'Check my sign-in' }).click();
    await expect(page.getByRole('alert')).toBeVisible();

    expect(await network.log()).toEqual([
      'GET /api/v1/account → 401',
      'POST /api/v1/refresh → 200',
      'GET /api/v1/account → 401',
    ]);
    await expect(signOutButton(page)).toBeVisible();

    // The next click makes exactly one more call.
    await page.getByRole('button', { name: 'Check my sign-in' }).click();
    await expect(page.getByRole('alert')).toBeVisible();
    await expect.poll(() => network.calls('GET /api/v1/account')).toHaveLength(4);
    expect(await network.refreshes()).toHaveLength(2);

    await page.unrouteAll({ behavior: 'wait' });
    await page.getByRole('button', { name: 'Check my sign-in' }).click();
    await seesAccount(page, account);
    await expect(page.getByRole('alert')).toHaveCount(0);
  });
}

test('bar 17: a 401 without a code of Holdfast renews nothing and ends no session', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const network = new Network(page);
  await page.route('**/api/v1/account', (route) => route.fulfill({ status: 401, body: 'no' }));
  await page.getByRole('button', { name: 'Check my sign-in' }).click();
  await expect(page.getByRole('alert')).toBeVisible();

  expect(await network.log()).toEqual(['GET /api/v1/account → 401']);
  await expect(signOutButton(page)).toBeVisible();
});
