use holdfast_client::{ClientEvent, Ending, Method};
use holdfast_protocol::attempt_key::{AttemptKey, AttemptMark};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;

use super::story::Story;
use crate::words::{FlowWords, Language};

fn english() -> &'static FlowWords {
    FlowWords::of(Language::English)
}

fn mark(number: u8) -> AttemptMark {
    AttemptMark::of(Some(&AttemptKey::from_random([number; 16])))
}

fn sent(request: u32, path: &str, with_access_token: bool) -> ClientEvent {
    ClientEvent::Sent {
        request,
        method: Method::POST,
        path: path.to_owned(),
        with_access_token,
    }
}

fn answered(request: u32, status: u16, code: Option<Code>) -> ClientEvent {
    ClientEvent::Answered {
        request,
        status,
        code,
    }
}

fn refreshing(generation: u32, key: u8, is_demonstration: bool) -> ClientEvent {
    ClientEvent::Refreshing {
        generation,
        attempt: mark(key),
        is_demonstration,
    }
}

/// The lines of these events: step, lanes and text.
fn told(events: &[ClientEvent]) -> Vec<String> {
    let mut story = Story::default();
    let lines = events.iter().flat_map(|event| story.tell(english(), event));
    let in_words =
        |line: super::line::Line| format!("{}{}", line.spoken(&english().line), line.text);
    lines.map(in_words).collect()
}

#[test]
fn a_call_does_not_reach_the_database_for_its_session() {
    let lines = told(&[sent(1, paths::ACCOUNT, true), answered(1, 200, None)]);
    assert_eq!(
        lines,
        [
            "Step 5, Browser to server: POST /api/v1/account · access token",
            "Step 5, server: Signature, issuer and time are right: no query for the session",
            "Step 5, Server to browser: 200",
        ]
    );
}

#[test]
fn a_refused_call_is_renewed_and_repeated() {
    let lines = told(&[
        sent(1, paths::ACCOUNT, true),
        answered(1, 401, Some(Code::AccessTokenExpired)),
        refreshing(3, 1, false),
        sent(2, paths::REFRESH, false),
        answered(2, 200, None),
        ClientEvent::Repeating {
            method: Method::GET,
            path: paths::ACCOUNT.to_owned(),
        },
    ]);
    let steps: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split(',').next())
        .collect();
    let expected = [5, 1, 1, 6, 6, 7, 7, 8].map(|step| format!("Step {step}"));
    assert_eq!(steps, expected);
    assert!(lines[2].ends_with("401 access_token_expired"), "{lines:?}");
    assert!(lines[4].ends_with("refresh token 3"), "{lines:?}");
    assert!(
        lines[6].contains("refresh token 4 with the same last day"),
        "{lines:?}"
    );
}

#[test]
fn the_same_attempt_key_brings_the_same_successor() {
    let lines = told(&[
        refreshing(3, 1, false),
        sent(1, paths::REFRESH, false),
        answered(1, 200, None),
        ClientEvent::AnswerThrownAway,
        refreshing(3, 1, false),
        sent(2, paths::REFRESH, false),
        answered(2, 200, None),
    ]);
    assert!(
        lines[2].contains("the hash of token 4 replaces that of token 3; or"),
        "{lines:?}"
    );
    assert!(
        lines[5].contains("The same attempt key once more"),
        "{lines:?}"
    );
    assert!(
        lines[7].contains("the same request again, so nothing changes"),
        "{lines:?}"
    );
    assert!(
        lines[8].contains("the same refresh token 4 again"),
        "{lines:?}"
    );
}

#[test]
fn a_second_try_after_no_answer_or_a_503_may_be_the_first_that_is_carried_out() {
    for first in [
        ClientEvent::NotAnswered { request: 1 },
        answered(1, 503, Some(Code::TemporarilyUnavailable)),
        ClientEvent::AnsweredByAnother {
            request: 1,
            status: 200,
        },
    ] {
        let lines = told(&[
            refreshing(3, 1, false),
            sent(1, paths::REFRESH, false),
            first,
            refreshing(3, 1, false),
            sent(2, paths::REFRESH, false),
            answered(2, 200, None),
        ]);
        let concluded = &lines[lines.len() - 2];
        assert!(
            concluded.contains("the hash of token 4 replaces that of token 3; or"),
            "{lines:?}"
        );
    }
}

#[test]
fn another_programs_answer_says_nothing_about_the_server() {
    for (path, with_access_token) in [(paths::ACCOUNT, true), (paths::REFRESH, false)] {
        let lines = told(&[
            refreshing(0, 1, false),
            sent(1, path, with_access_token),
            ClientEvent::AnsweredByAnother {
                request: 1,
                status: 200,
            },
        ]);
        let last = &lines[lines.len() - 1];
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(last.contains("another program answered"), "{last}");
        assert!(!last.contains("Server"), "{last}");
    }
}

#[test]
fn a_refresh_is_under_way_until_it_is_answered() {
    let end = |event| {
        let mut story = Story::default();
        story.tell(english(), &refreshing(3, 1, false));
        story.tell(english(), &sent(1, paths::REFRESH, false));
        assert!(story.is_refreshing());
        story.tell(english(), &event);
        story.is_refreshing()
    };
    assert!(!end(answered(1, 200, None)));
    assert!(!end(ClientEvent::NotAnswered { request: 1 }));
    assert!(end(answered(2, 200, None)));
}

#[test]
fn requests_that_are_never_answered_are_forgotten() {
    let mut story = Story::default();
    for request in 0..1000 {
        story.tell(english(), &sent(request, paths::ACCOUNT, true));
    }
    assert!(format!("{story:?}").matches("Call").count() < 100);
}

#[test]
fn an_old_token_with_a_new_attempt_key_ends_the_session() {
    let lines = told(&[
        refreshing(3, 1, false),
        refreshing(3, 1, true),
        sent(1, paths::REFRESH, false),
        answered(1, 401, Some(Code::RefreshTokenReused)),
        sent(2, paths::ACCOUNT, true),
        answered(2, 401, Some(Code::SessionEnded)),
        ClientEvent::Cleared {
            why: Some(Ending::Reused),
            by_this_tab: true,
        },
    ]);
    assert!(
        lines[1].contains("that this browser never used"),
        "{lines:?}"
    );
    assert!(lines[3].contains("delete the session"), "{lines:?}");
    assert!(lines[4].ends_with("401 refresh_token_reused"), "{lines:?}");
    assert!(lines[6].contains("on the list of ended ones"), "{lines:?}");
    let last = lines.last().expect("a line");
    assert_eq!(last, "Step 10, browser: Both tokens are deleted");
}

#[test]
fn a_made_up_token_is_refused_without_a_query() {
    let lines = told(&[
        refreshing(0, 1, true),
        sent(1, paths::REFRESH, false),
        answered(1, 401, Some(Code::RefreshTokenInvalid)),
    ]);
    assert!(
        lines.iter().all(|line| !line.contains("database")),
        "{lines:?}"
    );
    assert!(
        lines.iter().all(|line| line.starts_with("Step 10")),
        "{lines:?}"
    );
    assert!(lines[2].contains("refused without a query"), "{lines:?}");
}

#[test]
fn signing_in_and_out_has_its_steps() {
    let lines = told(&[
        sent(1, paths::LOGIN, false),
        answered(1, 200, None),
        ClientEvent::Stored {
            account_id: uuid::Uuid::nil(),
            session_id: uuid::Uuid::nil(),
            generation: 0,
            is_new_session: true,
            by_this_tab: true,
        },
        sent(2, paths::LOGOUT, false),
        answered(2, 204, None),
        ClientEvent::Cleared {
            why: Some(Ending::SignedOut),
            by_this_tab: true,
        },
        ClientEvent::SignOutsConfirmed,
    ]);
    let steps: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split(',').next())
        .collect();
    let expected = [2, 3, 3, 4, 9, 9, 9, 9, 9].map(|step| format!("Step {step}"));
    assert_eq!(steps, expected);
    // The refresh token is still stored until the server has confirmed.
    assert!(lines[7].contains("is kept until the server"), "{lines:?}");
    assert!(
        lines[8].contains("the refresh token is deleted"),
        "{lines:?}"
    );
}

#[test]
fn no_answer_is_a_line_as_well() {
    for (path, with_access_token) in [(paths::ACCOUNT, true), (paths::REFRESH, false)] {
        let lines = told(&[
            sent(1, path, with_access_token),
            ClientEvent::NotAnswered { request: 1 },
        ]);
        assert!(
            lines[1].ends_with("Server to browser: No answer"),
            "{lines:?}"
        );
    }
}

#[test]
fn an_answer_to_no_known_request_is_not_told() {
    for end in [
        answered(9, 200, None),
        answered(9, 503, None),
        ClientEvent::NotAnswered { request: 9 },
    ] {
        assert_eq!(told(&[end]), [""; 0]);
    }
}

#[test]
fn a_browser_that_stores_nothing_is_not_said_to_store_tokens() {
    let mut story = Story::default();
    story.stores_nothing = true;
    let stored = |generation, is_new_session| ClientEvent::Stored {
        account_id: uuid::Uuid::nil(),
        session_id: uuid::Uuid::nil(),
        generation,
        is_new_session,
        by_this_tab: true,
    };
    let events = [stored(0, true), refreshing(0, 1, false), stored(1, false)];
    for event in &events {
        for line in story.tell(english(), event) {
            assert!(!line.text.contains("stored"), "{}", line.text);
        }
    }
}

#[test]
fn what_is_said_of_the_tokens_is_what_the_client_did_with_them() {
    let said = |why, by_this_tab| told(&[ClientEvent::Cleared { why, by_this_tab }]).concat();
    for why in [Ending::SignedOut, Ending::Conflict, Ending::BrowserClosed] {
        let line = said(Some(why), true);
        assert!(
            line.contains("kept until the server has confirmed"),
            "{why:?}: {line}"
        );
    }
    for why in [Ending::Reused, Ending::Expired, Ending::AccountDeleted] {
        let line = said(Some(why), true);
        assert!(line.contains("Both tokens are deleted"), "{why:?}: {line}");
    }
    for (why, words) in [
        (
            Some(Ending::SignedOutElsewhere),
            "Another tab has signed out",
        ),
        (
            Some(Ending::Reused),
            "Another tab has found that the session is over",
        ),
        (
            Some(Ending::StorageCleared),
            "What this browser had stored was deleted",
        ),
        (
            Some(Ending::KeptInAnotherTab),
            "only one other tab has the session",
        ),
        (None, "The session is over, and this browser has said why"),
    ] {
        assert!(said(why, false).contains(words), "{why:?}");
    }
}

#[test]
fn a_look_whether_the_server_is_there_is_not_drawn() {
    for end in [
        answered(1, 200, None),
        ClientEvent::NotAnswered { request: 1 },
        ClientEvent::AnsweredByAnother {
            request: 1,
            status: 200,
        },
    ] {
        assert_eq!(told(&[sent(1, paths::HEALTHZ, false), end]), [""; 0]);
    }
}
