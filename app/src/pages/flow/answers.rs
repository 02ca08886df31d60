//! What an answer of the server says about the server and its database.

use super::line::Lane::{Browser, Database, Server};
use super::line::{Line, Tone};
use super::purpose::{Purpose, Refresh};

/// The lines of an answer: what the server has done, and the answer itself.
pub(super) fn lines(purpose: &Purpose, status: u16, code: &str) -> Vec<Line> {
    let is_good = (200..300).contains(&status);
    match purpose {
        Purpose::SignIn if is_good => done(
            3,
            "insert the session, with the hash of its refresh token",
            format!("{status} · access token, refresh token 0"),
        ),
        Purpose::Refresh(refresh) if is_good => renewed(refresh, status),
        Purpose::Refresh(_) => not_renewed(status, code),
        Purpose::SignOut if is_good => done(
            9,
            "delete the session, note its end",
            format!("{status} · the session is over"),
        ),
        Purpose::ReadRow if is_good => done(
            5,
            "select the row of this session",
            format!("{status} · for the panel «In the database»"),
        ),
        Purpose::Call if is_good => vec![
            Line::note(
                5,
                Server,
                "Signature, issuer and time are right: no query for the session",
            ),
            Line::message(5, Server, Browser, status.to_string()),
        ],
        Purpose::Call | Purpose::ReadRow => call_refused(status, code),
        Purpose::Probe => Vec::new(),
        Purpose::Other if is_good => vec![Line::message(1, Server, Browser, status.to_string())],
        Purpose::SignIn | Purpose::SignOut | Purpose::Other => {
            vec![refused(purpose.step(), status, code)]
        }
    }
}

/// What the server has done in the database, and its answer.
fn done(step: u32, change: impl Into<String>, answer: String) -> Vec<Line> {
    vec![
        Line::message(step, Server, Database, change),
        Line::message(step, Server, Browser, answer),
    ]
}

/// The answer with the error itself.
fn refused(step: u32, status: u16, code: &str) -> Line {
    let text = format!("{status} {code}");
    Line::message(step, Server, Browser, text.trim_end()).with(Tone::Refused)
}

/// A browser knows that a refresh was a repeat only if the same request was answered before: the other
/// tab may have sent it, or this page before a reload.
fn renewed(refresh: &Refresh, status: u16) -> Vec<Line> {
    let generation = refresh.generation;
    let next = generation.saturating_add(1);
    let (change, answer) = if refresh.was_carried_out {
        (
            format!("token {next} is current already: the same request again, so nothing changes"),
            format!("{status} · the same refresh token {next} again, a fresh access token"),
        )
    } else {
        (
            format!(
                "the hash of token {next} replaces that of token {generation}; or, if this request \
                 was carried out before, nothing changes"
            ),
            format!("{status} · refresh token {next} with the same last day, a fresh access token"),
        )
    };
    done(7, change, answer)
}

fn not_renewed(status: u16, code: &str) -> Vec<Line> {
    let refusal = |step| refused(step, status, code);
    match code {
        "refresh_conflict" => vec![
            Line::message(
                7,
                Server,
                Database,
                "the token is not current: another request was faster, nothing changes",
            ),
            refusal(7),
        ],
        "refresh_token_reused" => vec![
            Line::message(
                10,
                Server,
                Database,
                "an old token that nothing explains: delete the session, note «reuse»",
            )
            .with(Tone::Refused),
            refusal(10),
        ],
        "refresh_token_invalid" => vec![
            Line::note(
                10,
                Server,
                "This server has not made the token (wrong MAC): refused without a query",
            ),
            refusal(10),
        ],
        "refresh_token_expired" => vec![
            Line::message(
                10,
                Server,
                Database,
                "past its last day, or unused for too long: delete the session",
            ),
            refusal(10),
        ],
        "session_ended" => vec![
            Line::note(10, Server, "This session has ended before"),
            refusal(10),
        ],
        _ => vec![refusal(6)],
    }
}

fn call_refused(status: u16, code: &str) -> Vec<Line> {
    let (step, why) = match code {
        "access_token_expired" => (1, "The access token has expired"),
        "access_token_invalid" => (
            1,
            "The signature or a claim of the access token is not accepted",
        ),
        "session_ended" => (10, "This session is on the list of ended ones"),
        _ => return vec![refused(5, status, code)],
    };
    vec![Line::note(step, Server, why), refused(step, status, code)]
}
