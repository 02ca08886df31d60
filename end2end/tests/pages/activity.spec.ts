// What the activity says about events that are hard to make: the server's answer is changed on its way.

import { randomUUID } from 'node:crypto';
import type { Locator, Page } from '@playwright/test';
import {
  type Account,
  type ActivityEvent,
  everyEvent,
  expect,
  signIn,
  signInInGerman,
  test,
  violations,
} from '../../holdfast';

/** Noon of a day in the past. */
const NOON = Date.UTC(2026, 0, 15, 12) / 1000;
const HOUR = 60 * 60;

/** The page gets these events, the newest first, in the place of its own. */
async function happened(page: Page, events: Partial<ActivityEvent>[]): Promise<void> {
  await page.route('**/api/v1/activity?*', async (route) => {
    const response = await route.fetch();
    const answer = (await response.json()) as { events: ActivityEvent[] };
    const shown = events.map((event, at) => ({
      ...answer.events[0],
      event_id: `00000000-0000-7000-8000-00000000000${events.length - at}`,
      ...event,
    }));
    await route.fulfill({ response, json: { ...answer, events: shown } });
  });
}

const rows = (page: Page, list = 'Activity'): Locator =>
  page.getByRole('list', { name: list }).getByRole('listitem');

const ALARMING = /row-alarming/;
const failed = (hour: number, times: number): Partial<ActivityEvent> => ({
  kind: 'sign_in_failed',
  at: NOON + hour * HOUR,
  session_id: null,
  times,
});

test('a mistyped password is no alarm', async ({ page, account }) => {
  await signIn(page, account);
  await happened(page, [failed(0, 1)]);
  await page.goto('/activity');
  await expect(rows(page)).toContainText('A wrong password at the sign-in');
  await expect(rows(page)).not.toHaveClass(ALARMING);
  await expect(page.getByText('guessing your password')).toHaveCount(0);
});

test('few wrong passwords in each hour are many on one day, and come with one advice', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await happened(page, [failed(1, 2), failed(0, 2), failed(-1, 2), failed(-72, 2)]);
  await page.goto('/activity');
  await expect(rows(page)).toHaveCount(4);
  const [newest, ...others] = await rows(page).all();
  await expect(newest!.locator('.notice-danger')).toContainText('6 wrong passwords on this day.');
  for (const other of others) {
    await expect(other).not.toHaveClass(ALARMING);
    await expect(other).not.toContainText('guessing');
  }
  expect(await violations(page)).toEqual([]);
});

test('the advice about the wrong passwords of a day stands above all events of the day', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await happened(page, [{ kind: 'sign_in', at: NOON + 2 * HOUR, times: 1 }, failed(1, 7), failed(0, 1)]);
  await page.goto('/activity');
  await expect(rows(page)).toHaveCount(3);
  const advice = rows(page).first().getByText('8 wrong passwords on this day.');
  const event = rows(page).first().getByRole('heading', { level: 3 });
  await expect(event).toHaveText('Signed in');
  const [above, below] = [await advice.boundingBox(), await event.boundingBox()];
  expect(above!.y + above!.height).toBeLessThanOrEqual(below!.y);
  await expect(page.getByText('wrong passwords on this day.')).toHaveCount(1);
});

test('the wrong passwords of a day are «at least» as many until all its events are loaded', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await page.route('**/api/v1/activity?*', async (route) => {
    const isOlder = new URL(route.request().url()).searchParams.has('before');
    // As many as the page shows at first, so it asks for no more by itself.
    const events = Array.from({ length: isOlder ? 1 : 25 }, () => ({
      ...everyEvent()[0],
      ...failed(0, 1),
      event_id: randomUUID(),
    }));
    await route.fulfill({ json: { events, next: isOlder ? null : randomUUID() } });
  });
  await page.goto('/activity');
  await expect(rows(page)).toHaveCount(25);
  await expect(rows(page).first()).toContainText('At least 25 wrong passwords on this day.');
  await page.getByRole('button', { name: 'Show older' }).click();
  await expect(rows(page)).toHaveCount(26);
  await expect(rows(page).first()).toContainText('26 wrong passwords on this day.');
  await expect(page.getByText('At least')).toHaveCount(0);
});

test('a session that was ended because of a copy comes with the advice for a copy', async ({
  page,
  account,
}) => {
  await signIn(page, account);
  await happened(page, [{ kind: 'session_ended', detail: 'reuse', times: 1 }]);
  await page.goto('/activity');
  await expect(rows(page)).toHaveClass(ALARMING);
  await expect(rows(page)).toContainText('Signed out for your safety');
  await expect(rows(page)).toContainText('Somebody copied your sign-in and used it.');
  const link = rows(page).getByRole('link', { name: 'Change your password' });
  await expect(link).toHaveAttribute('href', '/password');
});

test('the page says for how long activity is kept', async ({ page, account }) => {
  await signIn(page, account);
  await page.goto('/activity');
  await expect(
    page.getByText('There is nothing older. Activity is deleted after 180 days.'),
  ).toBeVisible();
});

for (const { language, locale, enter, list, ...words } of [
  {
    language: 'English',
    locale: 'en-GB',
    enter: (page: Page, account: Account) => signIn(page, account),
    list: 'Activity',
    times: '1,234 times within an hour',
    last: /last at \d/,
    nothing: 'Nothing has happened lately. Activity is deleted after 180 days.',
  },
  {
    language: 'German',
    locale: 'de-DE',
    enter: signInInGerman,
    list: 'Aktivität',
    times: '1.234-mal innerhalb einer Stunde',
    last: /zuletzt um \d/,
    nothing: 'In letzter Zeit ist nichts geschehen. Einträge werden nach 180 Tagen gelöscht.',
  },
]) {
  test.describe(`in ${language}`, () => {
    test.use({ locale });

    test(`a large number is written as in ${language}`, async ({ page, account }) => {
      await enter(page, account);
      await happened(page, [failed(0, 1234)]);
      await page.goto('/activity');
      await expect(rows(page, list)).toContainText(words.times);
    });

    test(`many wrong passwords come with the time of the last one in ${language}`, async ({
      page,
      account,
    }) => {
      await enter(page, account);
      await happened(page, [failed(1, 3), failed(0, 1)]);
      await page.goto('/activity');
      await expect(rows(page, list)).toHaveCount(2);
      await expect(rows(page, list).first()).toContainText(words.last);
      await expect(rows(page, list).last()).not.toContainText(words.last);
    });

    test(`an activity without any event says so in ${language}`, async ({ page, account }) => {
      await enter(page, account);
      await happened(page, []);
      await page.goto('/activity');
      await expect(page.getByText(words.nothing)).toBeVisible();
      await expect(page.getByRole('list', { name: list })).toHaveCount(0);
    });
  });
}
