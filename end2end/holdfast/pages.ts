// Every page, for the tests that check all of them.

import type { Page } from '@playwright/test';
import type { Account } from './api';
import { heading, signIn } from './person';

/** A page: its address, its heading, and whether only a signed-in person sees it. */
export interface PageOfHoldfast {
  name: string;
  path: string;
  heading: string;
  signedIn: boolean;
}

export const PAGES: PageOfHoldfast[] = [
  { name: 'home', path: '/', heading: 'Sign in once. Stay signed in.', signedIn: false },
  { name: 'sign-up', path: '/sign-up', heading: 'Create your account', signedIn: false },
  { name: 'sign-in', path: '/sign-in', heading: 'Sign in', signedIn: false },
  { name: 'recover', path: '/recover', heading: 'Get back in', signedIn: false },
  { name: 'flow', path: '/flow', heading: 'How it works, for technical people', signedIn: false },
  { name: 'not-found', path: '/no-such-page', heading: 'Page not found', signedIn: false },
  {
    name: 'home-signed-in',
    path: '/',
    heading: 'Sign in once. Stay signed in.',
    signedIn: true,
  },
  { name: 'account', path: '/account', heading: 'Your account', signedIn: true },
  { name: 'sessions', path: '/sessions', heading: 'Where you are signed in', signedIn: true },
  { name: 'activity', path: '/activity', heading: 'Activity', signedIn: true },
  { name: 'username', path: '/username', heading: 'Change username', signedIn: true },
  {
    name: 'flow-signed-in',
    path: '/flow#7',
    heading: 'How it works, for technical people',
    signedIn: true,
  },
  { name: 'password', path: '/password', heading: 'Change password', signedIn: true },
  {
    name: 'recovery-code',
    path: '/recovery-code',
    heading: 'Your recovery code',
    signedIn: true,
  },
  { name: 'data', path: '/data', heading: 'Your data', signedIn: true },
];

/** The headings of the same pages in German. */
const GERMAN: Record<string, string> = {
  home: 'Einmal anmelden. Angemeldet bleiben.',
  'sign-up': 'Legen Sie Ihr Konto an',
  'sign-in': 'Anmelden',
  recover: 'Wieder in Ihr Konto kommen',
  flow: 'Wie es funktioniert, für Fachleute',
  'not-found': 'Seite nicht gefunden',
  'home-signed-in': 'Einmal anmelden. Angemeldet bleiben.',
  account: 'Ihr Konto',
  sessions: 'Wo Sie angemeldet sind',
  activity: 'Aktivität',
  username: 'Benutzernamen ändern',
  'flow-signed-in': 'Wie es funktioniert, für Fachleute',
  password: 'Passwort ändern',
  'recovery-code': 'Ihr Wiederherstellungscode',
  data: 'Ihre Daten',
};

/** The same page for a person who reads German. */
export function inGerman(one: PageOfHoldfast): PageOfHoldfast {
  const heading = GERMAN[one.name];
  if (heading === undefined) throw new Error(`${one.name} has no heading in German.`);
  return { ...one, name: `${one.name}, German`, heading };
}

/** Opens one of them as a person who may see it, and waits until it is complete. */
export async function openPage(
  page: Page,
  account: Account,
  one: PageOfHoldfast,
  enter: (page: Page, account: Account) => Promise<void> = signIn,
): Promise<void> {
  if (one.signedIn) {
    await enter(page, account);
  }
  await page.goto(one.path);
  await heading(page, one.heading).waitFor();
  await hasLoaded(page, one, account);
}

/** Waits until the page has loaded its data. */
async function hasLoaded(page: Page, one: PageOfHoldfast, account: Account): Promise<void> {
  const last = {
    'home-signed-in': page.getByText('Newest sign-in'),
    account: page.getByText(`Signed in as ${account.username}`),
    sessions: page.getByText('This browser', { exact: true }),
    activity: page.getByRole('heading', { name: 'Signed in', exact: true }).first(),
    username: page.getByText(`Your username is ${account.username}.`),
    'flow-signed-in': page.getByText('It is the SHA-256 of the secret'),
    password: page.getByLabel('New password'),
    'recovery-code': page.getByText(/^You have a code, made on/),
    data: page.getByText(`Type this name: ${account.username}`),
    'home-signed-in, German': page.getByText('Letzte Anmeldung'),
    'account, German': page.getByText(`Angemeldet als ${account.username}`),
    'sessions, German': page.getByText('Dieser Browser', { exact: true }),
    'activity, German': page.getByRole('heading', { name: 'Angemeldet', exact: true }).first(),
    'username, German': page.getByText(`Ihr Benutzername ist ${account.username}.`),
    'flow-signed-in, German': page.getByText('Das ist der SHA-256 des Geheimnisses'),
    'password, German': page.getByLabel('Neues Passwort'),
    'recovery-code, German': page.getByText(/^Sie haben einen Code vom/),
    'data, German': page.getByText(`Geben Sie diesen Namen ein: ${account.username}`),
  }[one.name];
  await last?.waitFor();
}
