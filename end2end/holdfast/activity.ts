// An activity with every kind of event, in the form in which the server answers it.

import { randomUUID } from 'node:crypto';

/** An event of the activity (`ActivityEvent` in `protocol/src/wire.rs`). */
export interface ActivityEvent {
  event_id: string;
  kind: string;
  at: number;
  ip: string | null;
  device: string;
  ended_device?: string;
  session_id: string | null;
  detail: string | null;
  times: number;
}

const LAPTOP = { device: 'Firefox on Linux', ip: '203.0.113.7' };
const PHONE = { device: 'Safari on iPhone', ip: '2001:db8::7' };
const STRANGER = { device: 'Chrome on Windows', ip: '198.51.100.23' };
const OPERATOR = { device: 'Unknown device', ip: null };

/** The newest comes first. */
const HISTORY: (Partial<ActivityEvent> & Pick<ActivityEvent, 'kind' | 'device' | 'ip'>)[] = [
  { kind: 'sign_in', ...LAPTOP },
  { kind: 'refresh_token_reused', ...STRANGER },
  { kind: 'session_ended', detail: 'reuse', ...STRANGER },
  { kind: 'sign_in_failed', times: 12, ...STRANGER },
  { kind: 'sign_in_failed', ...PHONE },
  { kind: 'password_changed', ...LAPTOP },
  { kind: 'session_ended', detail: 'password_changed', ...PHONE },
  { kind: 'session_ended', detail: 'ended_elsewhere', ...STRANGER },
  { kind: 'username_changed', ...LAPTOP },
  { kind: 'recovered', ...LAPTOP },
  { kind: 'reset_link_made', ...OPERATOR },
  { kind: 'failures_forgiven', ...OPERATOR },
  { kind: 'account_enabled', ...OPERATOR },
  { kind: 'session_ended', detail: 'account_disabled', ...PHONE },
  { kind: 'account_disabled', ...OPERATOR },
  { kind: 'session_ended', detail: 'secret_replaced', ...PHONE },
  { kind: 'session_ended', detail: 'expired', ...PHONE },
  { kind: 'refreshed_forward', ...LAPTOP },
  { kind: 'refresh_repeated', ...PHONE },
  { kind: 'sign_out', ...LAPTOP },
  { kind: 'sign_in', ...LAPTOP },
  { kind: 'made_up_next_year', ...LAPTOP },
  { kind: 'recovery_code_confirmed', ...LAPTOP },
  { kind: 'recovery_code_made', ...LAPTOP },
  { kind: 'sign_up', ...LAPTOP },
];

const SEVEN_HOURS = 7 * 60 * 60;

/** Every kind of event, on several days until now. There are as many as the page shows at first, so it asks
 * for no more by itself. */
export function everyEvent(): ActivityEvent[] {
  const now = Math.floor(Date.now() / 1000);
  return HISTORY.map((event, place) => ({
    event_id: randomUUID(),
    at: now - place * SEVEN_HOURS,
    session_id: null,
    detail: null,
    times: 1,
    ...event,
  }));
}
