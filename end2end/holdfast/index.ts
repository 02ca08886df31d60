// Everything that a test needs.

export * from './activity';
export * from './api';
export * from './chromium';
export * from './firefox';
export * from './keys';
export * from './launch';
export * from './looks';
export * from './network';
export * from './notes';
export * from './pages';
export * from './person';
export * from './pictures';
export { SITE } from './server';
export * from './storage';
export { becomesAlive, expect, openUnhydrated, pauseClock, test } from './test';
