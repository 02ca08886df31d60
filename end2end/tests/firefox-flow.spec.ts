// The ten steps on the page `/flow`, in Firefox. `pages/flow-page.spec.ts` does the same in Chromium.

import { eventually, expect, Firefox, FIREFOX, test as base } from '../holdfast';

const test = base.extend<{ firefox: Firefox }>({
  firefox: async ({}, use) => {
    const firefox = await Firefox.start();
    await use(firefox);
    await firefox.stop();
  },
});

// The first start of Firefox makes a profile.
test.describe.configure({ timeout: 180_000 });

test.skip(!FIREFOX, 'No Firefox is installed.');

/** The lines of the diagram, as a screen reader reads them. */
const lines = (firefox: Firefox): Promise<string[]> =>
  firefox.run(
    `return [...document.querySelectorAll('.flow-lines > li')]
       .map((line) => line.textContent.replace(/\\s+/g, ' ').trim())`,
  );

/** Waits until the diagram has these texts, in this order; there may be others between them. */
async function sees(firefox: Firefox, expected: string[]): Promise<void> {
  await eventually(`the lines ${expected.join(' | ')}`, async () => {
    let rest = await lines(firefox);
    for (const one of expected) {
      const at = rest.findIndex((line) => line.includes(one));
      if (at < 0) return false;
      rest = rest.slice(at + 1);
    }
    return true;
  });
}

/** Waits until the diagram says that the session is over. Either tab may learn of it first. */
async function seesTheEnd(firefox: Firefox): Promise<void> {
  const end = /Both tokens are deleted|Another tab has found that the session is over/;
  await eventually('the session is over in the diagram', async () =>
    (await lines(firefox)).some((line) => end.test(line)),
  );
}

test('Firefox: each of the ten steps is made to happen on the flow page', async ({
  firefox,
  baseURL,
  account,
}) => {
  const goTo = async (step: number) => {
    await firefox.run(`document.querySelector('.flow-steps a[href="#${step}"]').click()`);
    await eventually(`step ${step} is open`, () =>
      firefox.run<boolean>(
        `return document.querySelector('#flow-step').textContent.startsWith('${step}. ')`,
      ),
    );
  };

  await firefox.open(`${baseURL}/flow#1`);
  await firefox.press('Call without a token');
  await sees(firefox, ['401 access_token_missing']);

  await goTo(2);
  await firefox.run(`document.querySelector('.flow-step-card a.button').click()`);
  await firefox.sees('No account yet?');
  await firefox.fill('Username', account.username);
  await firefox.fill('Password', account.password);
  await firefox.press('Sign in');
  await firefox.sees('How it works, for technical people');
  await sees(firefox, [
    'Step 2, Browser to server: POST /api/v1/login',
    'Step 3, Server to browser: 200',
    'Step 4, browser: Both tokens are stored',
  ]);
  await firefox.sees('It is the SHA-256 of the secret');

  await goTo(5);
  await firefox.press('Call a protected address');
  await sees(firefox, ['Step 5, Browser to person']);

  await goTo(6);
  await firefox.press('Let the access token expire, and call');
  await sees(firefox, ['refresh token 0', 'The new pair is stored: refresh token 1']);

  await goTo(7);
  await firefox.press('Lose an answer, and recover it');
  await sees(firefox, [
    'This page throws the answer away',
    'The same attempt key once more',
    'The new pair is stored: refresh token 2',
  ]);

  // A test may not open a tab from the page, so the second tab is opened first.
  const first = await firefox.tab();
  const second = await firefox.openTab(`${baseURL}/flow#7`);
  await firefox.sees('It is the SHA-256 of the secret');
  await firefox.press('Renew in two tabs at once');
  await sees(firefox, ['Step 7, browser: The other tab']);
  await firefox.lookAt(first);
  await sees(firefox, ['Step 7, browser: The other tab']);

  await goTo(8);
  await firefox.press('Call with a token that the server refuses');
  await sees(firefox, ['401 access_token_invalid', 'Step 8, Browser to person']);

  await goTo(10);
  await firefox.press('Send an invalid refresh token');
  await sees(firefox, ['401 refresh_token_invalid']);
  await firefox.press('Send an old refresh token');
  await firefox.press('End my session');
  await sees(firefox, ['401 refresh_token_reused']);
  await seesTheEnd(firefox);
  await firefox.sees('for your safety');
  await firefox.lookAt(second);
  await seesTheEnd(firefox);
  await firefox.sees('for your safety');
  expect(await firefox.run('return JSON.parse(localStorage["holdfast.session"]).refresh_token'))
    .toBeNull();
});

test('Firefox: a sign-out is drawn on the flow page', async ({ firefox, baseURL, account }) => {
  await firefox.open(`${baseURL}/sign-in?next=%2Fflow%239`);
  await firefox.fill('Username', account.username);
  await firefox.fill('Password', account.password);
  await firefox.press('Sign in');
  await firefox.sees('It is the SHA-256 of the secret');
  await firefox.press('Sign out here');
  await sees(firefox, [
    'Step 9, browser: The access token is deleted',
    'Step 9, Server to database: delete the session',
    'Step 9, browser: The server has confirmed it',
  ]);
  await firefox.sees('There is no session, so there is no row.');
});
