// The essentials in another browser. All other tests run in Chromium.

import {
  eventually,
  expect,
  Firefox,
  FIREFOX,
  type StoredSession,
  test as base,
} from '../holdfast';

const test = base.extend<{ firefox: Firefox }>({
  firefox: async ({}, use) => {
    const firefox = await Firefox.start();
    await use(firefox);
    await firefox.stop();
  },
});

test.use({ lifetimes: { accessTokenTtl: '2s' } });

// The first start of Firefox makes a profile.
test.describe.configure({ timeout: 180_000 });

test.skip(!FIREFOX, 'No Firefox is installed.');

test('Firefox: sign in, renew, two tabs, reload, sign out', async ({
  firefox,
  baseURL,
  account,
  api,
}) => {
  const stored = async () => {
    const text = await firefox.run<string | null>('return localStorage["holdfast.session"]');
    // A sign-out leaves a note, which is not a record.
    const stored = JSON.parse(text ?? '{}') as Partial<StoredSession>;
    return stored.session_id ? (stored as StoredSession) : undefined;
  };
  const renewed = async (times: number) => {
    const generation = (await stored())!.generation + times;
    await eventually('it is renewed', async () => (await stored())!.generation >= generation);
  };

  await firefox.open(`${baseURL}/sign-in`);
  await firefox.fill('Username', account.username);
  await firefox.fill('Password', account.password);
  await firefox.press('Sign in');
  await firefox.sees(`Signed in as ${account.username}`);
  await renewed(2);
  await firefox.press('Check my sign-in');
  await firefox.sees('Check my sign-in');

  const first = await firefox.tab();
  const second = await firefox.openTab(`${baseURL}/account`);
  await firefox.sees(`Signed in as ${account.username}`);
  await renewed(2);
  for (const tab of [first, second]) {
    await firefox.lookAt(tab);
    await firefox.press('Check my sign-in');
    await firefox.sees('Check my sign-in');
    await firefox.reload();
    await firefox.sees(`Signed in as ${account.username}`);
  }
  const { access_token, refresh_token } = (await stored())!;
  expect(await api.sessions(access_token)).toHaveLength(1);

  await firefox.press('Sign out');
  await firefox.sees('No account yet?');
  await firefox.lookAt(first);
  await firefox.sees('No account yet?');
  expect(await stored()).toBeUndefined();
  await expect.poll(async () => (await api.refresh(refresh_token)).body.code).toBe('session_ended');
});
