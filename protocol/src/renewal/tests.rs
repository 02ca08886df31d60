//! The machine of one tab.

use uuid::Uuid;

use super::patience::LONGEST_PAUSE_MS;
use super::*;
use crate::problem::{Code, Problem};
use crate::secret::Secret;
use crate::wire::EndReason;

const SESSION: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);
const ACCOUNT: Uuid = Uuid::from_u128(7);

/// The wall clock when the page started.
const START: i64 = 1_764_000_000_000;

fn at(ms: u64) -> Moment {
    Moment {
        wall_ms: START + i64::try_from(ms).unwrap(),
        running_ms: ms,
        jitter: u32::MAX / 2,
    }
}

/// A record obtained as the page started; its access token lives 300 s.
fn record(session_id: Uuid, generation: u32) -> Record {
    Record {
        version: RECORD_VERSION,
        epoch: 1,
        signed_in_epoch: 1,
        life: Uuid::nil(),
        account_id: ACCOUNT,
        session_id,
        generation,
        access_token: Secret::from(format!("access {generation}")),
        refresh_token: Secret::from(format!("refresh {generation}")),
        obtained_at: START,
        expires_in: 300,
        refresh_expires_in: 7_776_000,
        refresh_idle_expires_in: 2_592_000,
        remember: true,
    }
}

fn obtained(generation: u32, ms: u64) -> Record {
    Record {
        obtained_at: at(ms).wall_ms,
        ..record(SESSION, generation)
    }
}

fn link(generation: u32) -> Link {
    Link {
        session_id: SESSION,
        generation,
    }
}

fn started(stored: Option<Record>) -> Machine {
    let start = Event::Start {
        stored: stored.map_or_else(Stored::default, Stored::SignedIn),
        visible: true,
    };
    Machine::new().on(start, at(0)).0
}

fn era(epoch: u64) -> Era {
    let life = Uuid::nil();
    Era { life, epoch }
}

/// No person is signed in any more, as of the epoch after the first sign-in.
fn signed_out(session_id: Uuid, why: Ending) -> Stored {
    let account_id = ACCOUNT;
    let ended = Ended {
        account_id,
        session_id,
        why,
        is_read: false,
    };
    Stored::signed_out(era(2), Some(ended))
}

fn feed(machine: Machine, event: Event, ms: u64) -> (Machine, Vec<Action>) {
    let (machine, mut actions) = machine.on(event, at(ms));
    actions.retain(|action| !matches!(action, Action::Wake(_)));
    (machine, actions)
}

/// Generation 3 with an access token that is over, and its refresh on its way.
fn renewing() -> Machine {
    let (machine, actions) = feed(
        started(Some(record(SESSION, 3))),
        Event::CallWanted,
        400_000,
    );
    assert_eq!(actions, [Action::Refresh { of: link(3) }]);
    machine
}

fn fail(machine: Machine, failure: Failure, ms: u64) -> (Machine, Vec<Action>) {
    feed(
        machine,
        Event::NotRenewed {
            of: link(3),
            failure,
        },
        ms,
    )
}

fn ending(machine: &Machine) -> Option<Ending> {
    match machine.view() {
        View::Anonymous { ending } => ending,
        view => panic!("{view:?}"),
    }
}

fn is_signed_in(machine: &Machine) -> bool {
    matches!(machine.view(), View::SignedIn { .. })
}

fn is_reconnecting(machine: &Machine) -> bool {
    matches!(machine.view(), View::SignedIn { reconnecting, .. } if reconnecting)
}

#[test]
fn nothing_is_known_before_the_start() {
    assert_eq!(Machine::new().view(), View::Unknown);
    assert_eq!(Machine::new().access(at(0)), Access::Soon);
    assert_eq!(started(None).view(), View::Anonymous { ending: None });
    assert_eq!(started(None).access(at(0)), Access::SignedOut);
}

#[test]
fn a_good_access_token_is_used_without_a_refresh() {
    let machine = started(Some(record(SESSION, 3)));
    let (machine, actions) = feed(machine, Event::CallWanted, 200_000);
    assert!(actions.is_empty());
    assert!(matches!(machine.access(at(200_000)), Access::Ready { of, .. } if of == link(3)));
}

#[test]
fn calls_that_wait_share_one_refresh() {
    let mut machine = renewing();
    for ms in 400_001..400_020 {
        let (next, actions) = machine.clone().on(Event::CallWanted, at(ms));
        assert!(actions.is_empty());
        assert_eq!(next.access(at(ms)), Access::Soon);
        // The driver wakes the calls that wait whenever something changed, and each of
        // them asks again: their questions alone must change nothing.
        assert_eq!(next, machine);
        machine = next;
    }
}

#[test]
fn a_refused_access_token_is_renewed_once_and_only_if_it_is_still_ours() {
    for (refused, expected) in [
        (link(3), vec![Action::Refresh { of: link(3) }]),
        (link(2), vec![]),
        (
            Link {
                session_id: OTHER,
                generation: 3,
            },
            vec![],
        ),
    ] {
        let machine = started(Some(record(SESSION, 3)));
        let (machine, actions) = feed(machine, Event::CallRefused { of: refused }, 10);
        assert_eq!(actions, expected);
        let (_, again) = feed(machine, Event::CallRefused { of: refused }, 20);
        assert!(again.is_empty());
    }
}

#[test]
fn a_visible_page_renews_at_eighty_to_ninety_per_cent() {
    for (jitter, earliest) in [(0, 240_000), (u32::MAX / 2, 255_000), (u32::MAX, 270_000)] {
        let start = Event::Start {
            stored: Stored::SignedIn(record(SESSION, 3)),
            visible: true,
        };
        let moment = Moment { jitter, ..at(0) };
        let (machine, actions) = Machine::new().on(start, moment);
        let [Action::Wake(Some(wake))] = actions[..] else {
            panic!("{actions:?}");
        };
        assert!(wake.abs_diff(earliest) <= 1, "{wake}");
        let (_, early) = feed(machine.clone(), Event::Timer, wake - 10);
        assert!(early.is_empty());
        let (_, due) = feed(machine, Event::Timer, wake);
        assert_eq!(due, [Action::Refresh { of: link(3) }]);
    }
}

#[test]
fn a_hidden_page_renews_when_it_is_looked_at_or_calls() {
    let start = Event::Start {
        stored: Stored::SignedIn(record(SESSION, 3)),
        visible: false,
    };
    let (machine, actions) = Machine::new().on(start, at(0));
    assert!(actions.is_empty());
    let (machine, actions) = feed(machine, Event::Timer, 3_600_000);
    assert!(actions.is_empty());
    for event in [Event::Visible(true), Event::CallWanted] {
        let (_, actions) = feed(machine.clone(), event, 3_600_000);
        assert_eq!(actions, [Action::Refresh { of: link(3) }]);
    }
}

#[test]
fn only_elapsed_time_counts() {
    const TEN_YEARS: i64 = 315_360_000_000;
    // (offset of the wall clock at the start, at the call, milliseconds between)
    for (before, after, elapsed, refreshes) in [
        (0, 0, 10_000, false),
        (TEN_YEARS, TEN_YEARS, 10_000, false),
        (-TEN_YEARS, -TEN_YEARS, 10_000, false),
        (-TEN_YEARS, -TEN_YEARS, 400_000, true),
        // Set while we ran: forward costs one refresh, back costs none.
        (0, TEN_YEARS, 10_000, true),
        (0, -TEN_YEARS, 10_000, false),
        (0, -TEN_YEARS, 400_000, true),
    ] {
        let shifted = |ms, offset| Moment {
            wall_ms: at(ms).wall_ms + offset,
            ..at(ms)
        };
        let start = Event::Start {
            stored: Stored::SignedIn(Record {
                obtained_at: START + before,
                ..record(SESSION, 3)
            }),
            visible: false,
        };
        let machine = Machine::new().on(start, shifted(0, before)).0;
        let (_, actions) = machine.on(Event::CallWanted, shifted(elapsed, after));
        assert_eq!(
            actions.contains(&Action::Refresh { of: link(3) }),
            refreshes,
            "{before} {after} {elapsed}"
        );
    }
}

#[test]
fn a_clock_set_back_between_two_visits_costs_one_refresh() {
    let from_the_future = Record {
        obtained_at: START + 86_400_000,
        ..record(SESSION, 3)
    };
    let machine = started(Some(from_the_future));
    assert_eq!(machine.in_flight, Some(link(3)));
    let renewed = Event::Renewed {
        of: link(3),
        stored: Stored::SignedIn(obtained(4, 100)),
    };
    let (machine, _) = feed(machine, renewed, 100);
    assert_eq!(machine.in_flight, None);
}

#[test]
fn every_code_as_an_answer_to_a_refresh() {
    for &code in Code::ALL {
        let failure = Failure::of(&Problem::new(code, ""));
        let is_final = matches!(failure, Failure::Over(_) | Failure::TokenUnknown);
        let expected = matches!(
            code,
            Code::SessionEnded
                | Code::RefreshTokenInvalid
                | Code::RefreshTokenExpired
                | Code::RefreshTokenReused
                | Code::AccountDisabled
        );
        assert_eq!(is_final, expected, "{code:?}");
    }
}

#[test]
fn a_server_that_is_away_keeps_the_session_and_is_asked_seldom() {
    let mut machine = renewing();
    let mut requests = 0;
    let mut ms = 400_000;
    while ms < 400_000 + 3_600_000 {
        let (failed, _) = fail(machine, Failure::Later { retry_after: None }, ms);
        assert!(is_reconnecting(&failed));
        assert_eq!(failed.access(at(ms)), Access::NotNow);
        // Calls and timers in between change nothing.
        let (failed, actions) = feed(failed, Event::CallWanted, ms + 1);
        assert!(actions.is_empty());
        let wait = failed.pause.unwrap().until_ms - ms;
        assert!(wait <= LONGEST_PAUSE_MS);
        ms += wait;
        let (next, actions) = feed(failed, Event::Timer, ms);
        assert_eq!(actions, [Action::Refresh { of: link(3) }]);
        requests += 1;
        machine = next;
    }
    assert!(requests < 150, "{requests}");
}

#[test]
fn retry_after_is_honoured_whatever_happens() {
    let later = Failure::Later {
        retry_after: Some(30),
    };
    let (machine, _) = fail(renewing(), later, 400_000);
    for event in [
        Event::Timer,
        Event::Online,
        Event::Visible(true),
        Event::CallWanted,
    ] {
        let (_, early) = feed(machine.clone(), event.clone(), 429_999);
        assert!(early.is_empty(), "{event:?}");
        let (_, then) = feed(machine.clone(), event, 430_000);
        assert_eq!(then, [Action::Refresh { of: link(3) }]);
    }
}

#[test]
fn coming_back_online_does_not_wait_for_the_jitter() {
    let (machine, _) = fail(renewing(), Failure::Later { retry_after: None }, 400_000);
    let (_, actions) = feed(machine, Event::Online, 400_010);
    assert_eq!(actions, [Action::Refresh { of: link(3) }]);
}

#[test]
fn a_conflict_is_asked_again_often_enough_to_be_settled_in_a_minute_or_so() {
    let mut machine = renewing();
    let mut ms = 400_000;
    for _ in 0..100 {
        let (next, actions) = fail(machine, Failure::Conflict { retry_after: None }, ms);
        if !actions.is_empty() {
            assert!(ms - 400_000 < 80_000, "{ms}");
            return;
        }
        ms = next.pause.unwrap().until_ms;
        (machine, _) = feed(next, Event::Timer, ms);
    }
    panic!("the conflict never becomes final");
}

#[test]
fn a_record_that_moved_on_settles_a_conflict() {
    let conflict = Failure::Conflict { retry_after: None };
    let (machine, _) = fail(renewing(), conflict, 400_000);
    let stored = Event::Stored(Stored::SignedIn(obtained(4, 400_050)));
    let (machine, actions) = feed(machine, stored, 400_100);
    assert!(actions.is_empty());
    assert!(matches!(machine.access(at(400_100)), Access::Ready { of, .. } if of == link(4)));
}

#[test]
fn a_failure_about_a_link_with_a_fresh_access_token_is_no_reason_to_wait() {
    for failure in [
        Failure::Later { retry_after: None },
        Failure::Conflict { retry_after: None },
        Failure::Behind,
    ] {
        // Another tab has repeated the refresh before, and stored its answer.
        let stored = Event::Stored(Stored::SignedIn(obtained(3, 400_050)));
        let (machine, _) = feed(renewing(), stored, 400_100);
        let not_renewed = Event::NotRenewed {
            of: link(3),
            failure,
        };
        let (machine, actions) = machine.on(not_renewed, at(400_200));
        assert!(is_signed_in(&machine) && !is_reconnecting(&machine));
        let [Action::Wake(Some(wake))] = actions[..] else {
            panic!("{actions:?}");
        };
        assert!(wake > 200_000, "{wake}");
    }
}

#[test]
fn calls_without_an_answer_say_reconnecting_and_look_again() {
    let machine = started(Some(record(SESSION, 3)));
    let (machine, _) = feed(machine, Event::Unreachable, 1_000);
    assert!(is_reconnecting(&machine));
    assert!(matches!(machine.access(at(1_000)), Access::Ready { .. }));
    let until = machine.lost_until_ms.unwrap();
    let (machine, actions) = feed(machine, Event::Timer, until);
    assert_eq!(actions, [Action::Probe]);
    let (machine, _) = feed(machine, Event::ProbeAnswered, until + 10);
    assert!(!is_reconnecting(&machine));
    assert_eq!(machine.lost_in_a_row, 1);
    let (machine, _) = feed(machine, Event::Reached, until + 20);
    assert_eq!(machine.lost_in_a_row, 0);
}

#[test]
fn new_tokens_are_used_once_storage_has_them() {
    let renewed = Event::Renewed {
        of: link(3),
        stored: Stored::SignedIn(obtained(4, 400_100)),
    };
    let (machine, actions) = feed(renewing(), renewed, 400_100);
    assert_eq!(actions, []);
    assert!(matches!(machine.access(at(400_200)), Access::Ready { of, .. } if of == link(4)));
}

#[test]
fn what_an_answer_does_to_the_session() {
    use Failure::*;
    let over = |why| {
        Some(Change::End {
            session_id: SESSION,
            why,
        })
    };
    let unknown = Some(Change::EndLink {
        of: link(3),
        why: Ending::TokenUnknown,
        leave: false,
    });
    for (failure, expected) in [
        (Over(Ending::Expired), over(Ending::Expired)),
        (Over(Ending::Reused), over(Ending::Reused)),
        (Over(Ending::Ended), over(Ending::Ended)),
        (TokenUnknown, unknown),
        (Conflict { retry_after: None }, None),
        (Later { retry_after: None }, None),
        (Moved, None),
        (Behind, None),
        (Outdated, None),
    ] {
        let (machine, actions) = fail(renewing(), failure, 400_100);
        let is_over = expected.is_some();
        let expected: Vec<_> = expected.into_iter().map(Action::Change).collect();
        let changes = |action: &&Action| matches!(action, Action::Change(_));
        let done: Vec<_> = actions.iter().filter(changes).cloned().collect();
        assert_eq!(done, expected, "{failure:?}");
        // Nothing is sent before storage has said who is signed in now.
        let (machine, actions) = feed(machine, Event::CallWanted, 500_000);
        assert!(!is_over || actions.is_empty(), "{actions:?}");
        assert!(!is_over || machine.access(at(500_000)) == Access::Soon);
    }
}

#[test]
fn a_session_that_is_over_goes_once_storage_says_so() {
    let (machine, _) = fail(renewing(), Failure::Over(Ending::Expired), 400_100);
    assert!(is_signed_in(&machine));
    let ended = Event::Changed {
        stored: signed_out(SESSION, Ending::Expired),
        applied: true,
    };
    let (after, _) = feed(machine.clone(), ended, 400_101);
    assert_eq!(ending(&after), Some(Ending::Expired));
    // Another tab was faster, and a person has signed in.
    let next = Record {
        epoch: 3,
        ..record(OTHER, 0)
    };
    let moved = Event::Changed {
        stored: Stored::SignedIn(next.clone()),
        applied: false,
    };
    let (after, _) = feed(machine, moved, 400_101);
    assert_eq!(after.record(), Some(&next));
}

#[test]
fn a_conflict_is_final_after_a_minute_and_three_attempts() {
    let conflict = Failure::Conflict {
        retry_after: Some(1),
    };
    // (times of the attempts, final at the last one)
    for (times, is_final) in [
        (vec![0, 1_000], false),
        (vec![0, 1_000, 59_999], false),
        (vec![0, 60_000], false),
        (vec![0, 1_000, 60_000], true),
        (vec![0, 1_000, 2_000, 4_000, 61_000], true),
    ] {
        let mut machine = renewing();
        let mut actions = Vec::new();
        for ms in &times {
            machine.in_flight = Some(link(3));
            (machine, actions) = fail(machine, conflict, 400_000 + ms);
        }
        let clears = Action::Change(Change::EndLink {
            of: link(3),
            why: Ending::Conflict,
            leave: true,
        });
        assert_eq!(actions.contains(&clears), is_final, "{times:?}");
    }
}

#[test]
fn what_storage_holds_and_what_is_taken_up() {
    let stored = |epoch, record| Stored::SignedIn(Record { epoch, ..record });
    for (seen, holds) in [
        (stored(1, record(SESSION, 3)), Some((SESSION, 3))),
        (stored(1, record(SESSION, 4)), Some((SESSION, 4))),
        // A copy that is older: the next change puts it right.
        (stored(1, record(SESSION, 2)), Some((SESSION, 3))),
        (stored(0, record(OTHER, 9)), Some((SESSION, 3))),
        (Stored::default(), Some((SESSION, 3))),
        (Stored::signed_out(era(1), None), Some((SESSION, 3))),
        (stored(2, record(OTHER, 0)), Some((OTHER, 0))),
        (signed_out(SESSION, Ending::Expired), None),
    ] {
        let machine = started(Some(record(SESSION, 3)));
        let (machine, done) = feed(machine, Event::Stored(seen.clone()), 10);
        let held = machine
            .record()
            .map(|held| (held.session_id, held.generation));
        assert_eq!(held, holds, "{seen:?}");
        assert_eq!(done, []);
    }
}

#[test]
fn another_tab_says_why_in_its_own_words_and_the_next_page_as_well() {
    for (noted, told, later) in [
        (Ending::SignedOut, Ending::SignedOutElsewhere, None),
        (Ending::Reused, Ending::Reused, Some(Ending::Reused)),
    ] {
        let stored = signed_out(SESSION, noted);
        let event = Event::Stored(stored.clone());
        let (machine, _) = feed(started(Some(record(SESSION, 3))), event, 10);
        assert_eq!(ending(&machine), Some(told));
        let start = Event::Start {
            stored,
            visible: true,
        };
        let (machine, _) = feed(Machine::new(), start, 10);
        assert_eq!(ending(&machine), later);
    }
}

#[test]
fn the_tab_that_signs_out_says_so_and_sends_nothing_meanwhile() {
    let (machine, _) = feed(started(Some(record(SESSION, 3))), Event::Changing, 10);
    assert_eq!(machine.access(at(10)), Access::Soon);
    // Its own writes may reach it first, as if another tab had made them.
    let own = Event::Stored(signed_out(SESSION, Ending::SignedOut));
    let (machine, _) = feed(machine, own, 11);
    let changed = Event::Changed {
        stored: signed_out(SESSION, Ending::SignedOut),
        applied: true,
    };
    let (machine, _) = feed(machine, changed, 12);
    assert_eq!(ending(&machine), Some(Ending::SignedOut));
    assert_eq!(machine.access(at(12)), Access::SignedOut);
}

#[test]
fn a_late_answer_changes_nothing_for_whoever_came_after() {
    let sign_out = Event::Stored(signed_out(SESSION, Ending::SignedOut));
    let sign_in = Event::Stored(Stored::SignedIn(Record {
        epoch: 3,
        obtained_at: at(400_000).wall_ms,
        ..record(OTHER, 0)
    }));
    let (signed_out, _) = feed(renewing(), sign_out, 400_010);
    let (signed_in, _) = feed(signed_out.clone(), sign_in, 400_020);
    for before in [signed_out, signed_in] {
        for late in [
            Event::Renewed {
                of: link(3),
                stored: Stored::SignedIn(obtained(4, 400_030)),
            },
            Event::NotRenewed {
                of: link(3),
                failure: Failure::Over(Ending::Ended),
            },
            Event::NotRenewed {
                of: link(3),
                failure: Failure::TokenUnknown,
            },
            Event::CallOver {
                session_id: SESSION,
                why: Ending::Ended,
            },
        ] {
            let (after, actions) = feed(before.clone(), late.clone(), 400_030);
            assert_eq!(after.view(), before.view(), "{late:?}");
            assert_eq!(actions, [], "{late:?}");
        }
    }
}

#[test]
fn a_day_of_retry_after_is_two_minutes() {
    let later = Failure::Later {
        retry_after: Some(86_400),
    };
    let (machine, _) = fail(renewing(), later, 400_000);
    let (machine, early) = feed(machine, Event::CallWanted, 519_999);
    assert_eq!(early, []);
    let (_, then) = feed(machine, Event::Timer, 520_000);
    assert_eq!(then, [Action::Refresh { of: link(3) }]);
    let mut problem = Problem::new(Code::TemporarilyUnavailable, "");
    problem.retry_after = Some(86_400);
    let capped = Failure::Later {
        retry_after: Some(LONGEST_RETRY_AFTER_S),
    };
    assert_eq!(Failure::of(&problem), capped);
}

#[test]
fn a_token_that_lasts_to_the_end_of_its_session_is_not_renewed() {
    let last = Record {
        expires_in: 200,
        refresh_expires_in: 200,
        ..record(SESSION, 3)
    };
    let mut machine = started(Some(last));
    for ms in [160_000, 180_000, 199_000] {
        for event in [Event::Timer, Event::CallWanted, Event::Visible(true)] {
            let (next, actions) = feed(machine, event, ms);
            assert_eq!(actions, []);
            assert!(matches!(next.access(at(ms)), Access::Ready { .. }));
            machine = next;
        }
    }
    // Then the server says that the session is over.
    let (_, actions) = feed(machine, Event::Timer, 200_000);
    assert_eq!(actions, [Action::Refresh { of: link(3) }]);
}

#[test]
fn a_refresh_that_brings_a_token_which_is_over_is_not_repeated_at_once() {
    let fruitless = Record {
        obtained_at: at(300_000).wall_ms,
        expires_in: 1,
        ..record(SESSION, 4)
    };
    let renewed = Event::Renewed {
        of: link(3),
        stored: Stored::SignedIn(fruitless),
    };
    let (mut machine, actions) = feed(renewing(), renewed, 400_000);
    assert_eq!(actions, []);
    for event in [Event::CallWanted, Event::Timer] {
        let (next, actions) = feed(machine, event, 400_999);
        assert_eq!(actions, []);
        machine = next;
    }
    let (_, actions) = feed(machine, Event::Timer, 401_000);
    assert_eq!(actions, [Action::Refresh { of: link(4) }]);
}

#[test]
fn sessions_that_were_left_are_ended_within_a_minute_of_the_servers_return() {
    let machine = started(None);
    let (mut machine, actions) = feed(machine, Event::LeavingFound, 10);
    assert_eq!(actions, [Action::SendLeaving]);
    let mut ms = 10;
    for _ in 0..40 {
        let (waiting, actions) = machine.on(Event::LeavingSent { all: false }, at(ms));
        assert!(waiting.is_leaving());
        let [Action::Wake(Some(wait))] = actions[..] else {
            panic!("{actions:?}");
        };
        assert!((500..=30_000).contains(&wait), "{wait}");
        let (waiting, early) = feed(waiting, Event::Timer, ms + wait - 1);
        assert_eq!(early, []);
        ms += wait;
        let (next, actions) = feed(waiting, Event::Timer, ms);
        assert_eq!(actions, [Action::SendLeaving]);
        machine = next;
    }
    let (machine, actions) = machine.on(Event::LeavingSent { all: true }, at(ms));
    assert_eq!(actions, []);
    assert!(!machine.is_leaving());
}

#[test]
fn only_a_sign_out_that_failed_is_said_to_wait_for_the_server() {
    let (machine, _) = feed(started(None), Event::LeavingFound, 10);
    assert!(machine.is_leaving() && !machine.is_kept_from_leaving());
    let (done, _) = feed(machine.clone(), Event::LeavingSent { all: true }, 20);
    assert!(!done.is_kept_from_leaving());
    let (machine, _) = feed(machine, Event::LeavingSent { all: false }, 20);
    assert!(machine.is_kept_from_leaving());
    // Trying again is no answer yet.
    let (machine, actions) = feed(machine, Event::Online, 30);
    assert_eq!(actions, [Action::SendLeaving]);
    assert!(machine.is_kept_from_leaving());
    let (machine, _) = feed(machine, Event::LeavingSent { all: true }, 40);
    assert!(!machine.is_kept_from_leaving());
}

#[test]
fn a_server_that_no_longer_knows_why_is_not_said_to_have_been_asked_from_elsewhere() {
    let mut problem = Problem::new(Code::SessionEnded, "");
    assert_eq!(Ending::of(&problem), Ending::Unknown);
    problem.reason = Some(EndReason::Unknown);
    assert_eq!(Ending::of(&problem), Ending::Unknown);
    problem.reason = Some(EndReason::EndedElsewhere);
    assert_eq!(Ending::of(&problem), Ending::Ended);
}

#[test]
fn a_session_past_its_own_limits_has_expired_whatever_the_server_remembers() {
    let idle_limit_ms = 2_592_000_000;
    for (failure, before, after) in [
        (
            Failure::Over(Ending::Unknown),
            Ending::Unknown,
            Ending::Expired,
        ),
        (Failure::TokenUnknown, Ending::TokenUnknown, Ending::Expired),
        (
            Failure::Over(Ending::Reused),
            Ending::Reused,
            Ending::Reused,
        ),
    ] {
        for (ms, expected) in [(400_000, before), (idle_limit_ms, after)] {
            let (_, actions) = fail(renewing(), failure, ms);
            let why = actions.iter().find_map(|action| match action {
                Action::Change(Change::End { why, .. } | Change::EndLink { why, .. }) => Some(*why),
                _ => None,
            });
            assert_eq!(why, Some(expected), "{failure:?} {ms}");
        }
    }
}

#[test]
fn a_start_forgets_what_the_machine_held() {
    let start = Event::Start {
        stored: Stored::signed_out(era(1), None),
        visible: true,
    };
    let (machine, _) = feed(started(Some(record(SESSION, 3))), start, 10);
    assert_eq!(machine.view(), View::Anonymous { ending: None });
    assert_eq!(machine.record(), None);
}

#[test]
fn a_sign_out_that_waits_is_sent_whenever_the_server_may_be_there() {
    let (machine, _) = feed(started(Some(record(SESSION, 3))), Event::LeavingFound, 10);
    let (machine, _) = feed(machine, Event::LeavingSent { all: false }, 20);
    for event in [
        Event::Online,
        Event::Visible(true),
        Event::Reached,
        Event::LeavingFound,
    ] {
        let (machine, actions) = feed(machine.clone(), event.clone(), 30);
        assert_eq!(actions, [Action::SendLeaving], "{event:?}");
        // One at a time; what is found meanwhile has its turn afterwards.
        let (machine, actions) = feed(machine, Event::LeavingFound, 40);
        assert_eq!(actions, []);
        let (_, actions) = feed(machine, Event::LeavingSent { all: true }, 50);
        assert_eq!(actions, [Action::SendLeaving]);
    }
}

#[test]
fn a_browser_whose_data_were_deleted_is_signed_out_and_its_session_ended() {
    let (machine, actions) = feed(started(Some(record(SESSION, 3))), Event::Gone, 10);
    assert_eq!(ending(&machine), Some(Ending::StorageCleared));
    let leave = Change::EndOnServer(Secret::from("refresh 3"));
    assert_eq!(actions, [Action::Change(leave)]);
    // The next sign-in begins to count anew.
    let changed = Event::Changed {
        stored: Stored::default(),
        applied: true,
    };
    let (machine, _) = feed(machine, changed, 20);
    let first = Stored::SignedIn(record(OTHER, 0));
    let (machine, _) = feed(machine, Event::Stored(first), 30);
    assert!(is_signed_in(&machine));
}

#[test]
fn a_tab_that_slept_while_the_data_were_deleted_takes_up_who_came_after() {
    let in_life = |life, epoch, record| {
        Stored::SignedIn(Record {
            life: Uuid::from_u128(life),
            epoch,
            ..record
        })
    };
    let start = Event::Start {
        stored: in_life(1, 5, record(SESSION, 3)),
        visible: true,
    };
    let (machine, _) = feed(Machine::new(), start, 0);
    let leave = Action::Change(Change::EndOnServer(Secret::from("refresh 3")));
    // It counts less, and is of another life.
    let next = in_life(2, 1, record(OTHER, 0));
    let (seen, actions) = feed(machine.clone(), Event::Stored(next.clone()), 10);
    assert_eq!(seen.record(), next.record());
    assert_eq!(actions, std::slice::from_ref(&leave));
    // The same session under another life goes on.
    let same = in_life(3, 1, record(SESSION, 4));
    let (seen, actions) = feed(machine.clone(), Event::Stored(same.clone()), 10);
    assert_eq!(seen.record(), same.record());
    assert_eq!(seen.stored().era(), same.era());
    assert!(!actions.contains(&leave), "{actions:?}");
    // A person has signed in and out again.
    let gone = Stored::signed_out(
        Era {
            life: Uuid::from_u128(2),
            epoch: 2,
        },
        None,
    );
    let (seen, actions) = feed(machine, Event::Stored(gone.clone()), 10);
    assert_eq!(ending(&seen), Some(Ending::StorageCleared));
    assert_eq!(seen.stored().era(), gone.era());
    assert_eq!(actions, [leave]);
}

#[test]
fn why_a_session_ended_is_not_told_once_it_was_read() {
    let Stored::SignedOut(mut tombstone) = signed_out(SESSION, Ending::Reused) else {
        panic!("no person is signed in");
    };
    tombstone.ended.as_mut().unwrap().is_read = true;
    let start = Event::Start {
        stored: Stored::SignedOut(tombstone),
        visible: true,
    };
    assert_eq!(ending(&feed(Machine::new(), start, 0).0), None);
}

#[test]
fn a_page_beside_a_later_version_renews_no_more_and_says_so() {
    let outdated = Action::Tell(Notice::Outdated);
    let not_renewed = Event::NotRenewed {
        of: link(3),
        failure: Failure::Outdated,
    };
    let later = Failure::Later { retry_after: None };
    let (paused, _) = fail(renewing(), later, 400_000);
    for (machine, event) in [
        (renewing(), not_renewed),
        (paused, Event::StorageOfLaterVersion),
    ] {
        let (mut machine, actions) = machine.on(event, at(400_100));
        assert!(actions.contains(&outdated), "{actions:?}");
        assert!(machine.is_outdated() && is_signed_in(&machine));
        assert!(!is_reconnecting(&machine));
        assert_eq!(machine.access(at(400_200)), Access::Outdated);
        for event in [
            Event::Timer,
            Event::CallWanted,
            Event::CallRefused { of: link(3) },
            Event::Online,
            Event::Visible(false),
            Event::Visible(true),
        ] {
            let (next, actions) = machine.on(event.clone(), at(3_600_000));
            let asks =
                |action: &Action| matches!(action, Action::Refresh { .. } | Action::Wake(Some(_)));
            assert!(!actions.iter().any(asks), "{event:?} {actions:?}");
            machine = next;
        }
    }
}

#[test]
fn a_refresh_that_fails_beside_a_later_version_is_no_reconnecting() {
    let (machine, _) = feed(renewing(), Event::StorageOfLaterVersion, 400_100);
    let later = Failure::Later { retry_after: None };
    let (machine, _) = fail(machine, later, 400_200);
    assert!(!is_reconnecting(&machine));
    let (machine, _) = feed(machine, Event::Unreachable, 400_300);
    assert!(!is_reconnecting(&machine));
}

#[test]
fn a_page_beside_a_later_version_uses_its_access_token_while_it_is_good() {
    let machine = started(Some(record(SESSION, 3)));
    let (machine, _) = feed(machine, Event::StorageOfLaterVersion, 10);
    assert!(matches!(machine.access(at(200_000)), Access::Ready { .. }));
    assert_eq!(machine.access(at(300_000)), Access::Outdated);
}
