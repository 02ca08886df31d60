// The looks in which `cargo xtask pictures` shows the pages: each screen, each design, each language.

import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { Account } from './api';
import { inGerman, openPage, PAGES, type PageOfHoldfast } from './pages';
import { signIn, signInInGerman } from './person';
import { test } from './test';

export const SCREENS = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
};

/** The texts by which a test knows that a state has come. A test finds the fields and the buttons without
 * their words. */
const ENGLISH = {
  accountDeleted: 'This account has been deleted.',
  allYouSee: 'On any other page, this answer is all that you see',
  isLeaving: 'The server does not know it yet.',
  noEvent: 'Nothing has happened lately.',
  notMe: 'Firefox on a Linux computer or tablet is signed out.',
  oneRenewal: 'One renewal here',
  reconnecting: 'Reconnecting',
  sessionReused: 'You were signed out for your safety',
  signedOut: 'You have signed out.',
  storesNothing: 'This browser does not let Holdfast store anything.',
  tokensDeleted: 'Both tokens are deleted',
};

type Words = Record<keyof typeof ENGLISH, string>;

/** As in `app/src/words/german.rs` and `flow_german.rs`. */
const GERMAN: Words = {
  accountDeleted: 'Dieses Konto wurde gelöscht.',
  allYouSee: 'Auf jeder anderen Seite ist diese Antwort alles, was Sie sehen',
  isLeaving: 'Der Server weiß es noch nicht.',
  noEvent: 'In letzter Zeit ist nichts geschehen.',
  notMe: 'Firefox auf einem Linux-Computer oder -Tablet ist jetzt abgemeldet.',
  oneRenewal: 'Eine Erneuerung hier',
  reconnecting: 'Verbindung wird wiederhergestellt',
  sessionReused: 'Sie wurden zu Ihrer Sicherheit abgemeldet',
  signedOut: 'Sie haben sich abgemeldet.',
  storesNothing: 'Dieser Browser lässt Holdfast nichts speichern.',
  tokensDeleted: 'Beide Token sind gelöscht',
};

interface Language {
  name: string;
  locale: string;
  /** How the names of its pictures end. */
  ending: string;
  words: Words;
  translated: (one: PageOfHoldfast) => PageOfHoldfast;
  signIn: (page: Page, account: Account) => Promise<void>;
}

const LANGUAGES: Language[] = [
  {
    name: 'English',
    locale: 'en-GB',
    ending: '',
    words: ENGLISH,
    translated: (one) => one,
    signIn,
  },
  {
    name: 'German',
    locale: 'de-DE',
    ending: '-german',
    words: GERMAN,
    translated: inGerman,
    signIn: signInInGerman,
  },
];

/** One way to see the pages. */
export interface Look {
  screen: keyof typeof SCREENS;
  colorScheme: 'light' | 'dark';
  words: Words;
  /** Signs in, and arrives at the account page. */
  signIn: (page: Page, account: Account) => Promise<void>;
  /** Opens the page of this name (`PAGES`) as a person who may see it, and waits until it is complete. */
  open: (page: Page, account: Account, name: string) => Promise<void>;
  /** Takes a picture of the whole page. */
  take: (page: Page, name: string) => Promise<void>;
  /** Takes a picture of what the screen shows: a dialog covers the screen, and not the whole page. */
  takeScreen: (page: Page, name: string) => Promise<void>;
}

/** The file of a picture. */
export const pictureFile = (name: string): string =>
  join(process.env.SCREENS ?? '', `${name}.png`);

/** Declares these tests once for each look. */
export function inEveryLook(declare: (look: Look) => void): void {
  for (const screen of ['desktop', 'phone'] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const language of LANGUAGES) {
        const name = `${screen}, ${colorScheme}, ${language.name}`;
        test.describe(name, { tag: '@screens' }, () => {
          test.use({
            viewport: SCREENS[screen],
            colorScheme,
            locale: language.locale,
            // Nothing moves while a picture is taken.
            contextOptions: { reducedMotion: 'reduce' },
          });
          declare(lookOf(screen, colorScheme, language));
        });
      }
    }
  }
}

function lookOf(
  screen: Look['screen'],
  colorScheme: Look['colorScheme'],
  { ending, words, translated, signIn }: Language,
): Look {
  const file = (name: string) => pictureFile(`${name}${ending}-${screen}-${colorScheme}`);
  return {
    screen,
    colorScheme,
    words,
    signIn,
    open: async (page, account, name) => {
      const one = PAGES.find((one) => one.name === name);
      if (one === undefined) throw new Error(`There is no page with the name ${name}.`);
      await openPage(page, account, translated(one), signIn);
    },
    take: async (page, name) => {
      await page.screenshot({ path: file(name), fullPage: true });
    },
    takeScreen: async (page, name) => {
      await page.screenshot({ path: file(name) });
    },
  };
}
