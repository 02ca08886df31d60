// Pages under conditions that are easy to forget: the longest name, other scripts, a slow first paint.

import type { Page } from '@playwright/test';
import {
  expect,
  fitsAPhone,
  heading,
  seesAccount,
  signIn,
  test,
} from '../../holdfast';

test('the longest name fits a phone on every page that shows it', async ({ page, api }) => {
  const account = { username: 'w'.repeat(64), password: 'velvet anchor drifting northward' };
  await api.makeAccount(account);
  await page.setViewportSize({ width: 320, height: 640 });
  await signIn(page, account);
  for (const path of ['/account', '/', '/username', '/data']) {
    await page.goto(path);
    await expect(page.getByText(account.username).first()).toBeVisible();
    expect(await fitsAPhone(page), path).toBe(true);
  }
});

test('a name in another script or with a picture is refused at its field, and nothing is lost', async ({
  page,
}) => {
  for (const name of ['שלום עליכם', '🦀🦀🦀', 'ada🦀']) {
    await page.goto('/sign-up');
    await page.getByLabel('Username').fill(name);
    await page.getByLabel('Password', { exact: true }).fill('velvet anchor drifting northward');
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(page.getByLabel('Username')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('Username')).toHaveValue(name);
  }
});

/** What is painted while a page loads: each different set of visible parts, each heading, and by how much
 * parts jump. A part is in the page a moment before its frame, so a test asks until the frame has come. */
interface Film {
  frames: () => Promise<string[]>;
  headings: () => Promise<string[]>;
  jump: () => Promise<number>;
}

async function film(page: Page): Promise<Film> {
  await page.addInitScript(() => {
    const frames: string[] = [];
    const headings: string[] = [];
    let jump = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number })[]) {
        jump += entry.value;
      }
    }).observe({ type: 'layout-shift', buffered: true });
    const look = () => {
      const isShown = (part: string) =>
        [...document.querySelectorAll(part)].some((element) => element.getClientRects().length > 0);
      const shown = ['if-signed-in', 'if-signed-out'].filter((name) => isShown(`.${name}`));
      const frame = shown.join(' and ');
      if (document.body && frames.at(-1) !== frame) frames.push(frame);
      for (const title of document.querySelectorAll('h1')) {
        const isVisible = getComputedStyle(title).visibility === 'visible';
        const text = title.textContent ?? '';
        if (isVisible && title.getClientRects().length > 0 && headings.at(-1) !== text) {
          headings.push(text);
        }
      }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    Object.assign(window, {
      film: () => frames.filter(Boolean),
      headings: () => headings,
      jump: () => jump,
    });
  });
  return {
    frames: () => page.evaluate('film()'),
    headings: () => page.evaluate('headings()'),
    jump: () => page.evaluate('jump()'),
  };
}

for (const [screen, viewport] of [
  ['desktop', { width: 1280, height: 800 }],
  ['phone', { width: 390, height: 844 }],
] as const) {
  test(`a signed-in person never sees the page of a signed-out one, and nothing jumps: ${screen}`, async ({
    page,
    account,
  }) => {
    await page.setViewportSize(viewport);
    await signIn(page, account);
    const { frames, jump } = await film(page);
    for (const path of ['/account', '/']) {
      await page.goto(path);
      await (path === '/'
        ? expect(page.getByText('Newest sign-in')).toBeVisible()
        : seesAccount(page, account));
      await expect.poll(frames, path).toEqual(['if-signed-in']);
      expect(await jump(), path).toBe(0);
    }
  });
}

test('a signed-out person never sees the page of a signed-in one, and nothing jumps', async ({
  page,
}) => {
  const { frames, jump } = await film(page);
  for (const path of ['/', '/sign-in', '/sign-up', '/recover']) {
    await page.goto(path);
    await expect.poll(frames, path).toEqual(['if-signed-out']);
    expect(await jump(), path).toBe(0);
  }
});

test('a signed-out person who opens a page of an account sees the way in, and nothing before', async ({
  page,
}) => {
  const { frames, headings } = await film(page);
  for (const path of ['/account', '/sessions']) {
    await page.goto(path);
    await expect(heading(page, 'Sign in')).toBeVisible();
    await expect.poll(headings, path).toEqual(['Sign in']);
    await expect.poll(frames, path).toEqual(['if-signed-out']);
  }
});

test('a signed-in person sees the heading of the page from the first frame on', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  const { headings } = await film(page);
  await page.goto('/account');
  await seesAccount(page, account);
  await expect.poll(headings).toEqual(['Your account']);
});
