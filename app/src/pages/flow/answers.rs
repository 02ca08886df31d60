//! What an answer of the server says about the server and its database.

use super::line::Lane::{Browser, Database, Server};
use super::line::{Line, Tone};
use super::purpose::{Purpose, Refresh};
use crate::words::AnswerWords;

/// The lines of an answer: what the server has done, and the answer itself.
pub(super) fn lines(words: &AnswerWords, purpose: &Purpose, status: u16, code: &str) -> Vec<Line> {
    let is_good = (200..300).contains(&status);
    match purpose {
        Purpose::SignIn if is_good => done(3, words.insert_session, status, words.answer_session),
        Purpose::Refresh(refresh) if is_good => renewed(words, refresh, status),
        Purpose::Refresh(_) => not_renewed(words, status, code),
        Purpose::SignOut if is_good => done(9, words.delete_session, status, words.answer_over),
        Purpose::ReadRow if is_good => done(5, words.select_row, status, words.answer_row),
        Purpose::Call if is_good => vec![
            Line::note(5, Server, words.call_accepted),
            Line::message(5, Server, Browser, status.to_string()),
        ],
        Purpose::Call | Purpose::ReadRow => call_refused(words, status, code),
        Purpose::Probe => Vec::new(),
        Purpose::Other if is_good => vec![Line::message(1, Server, Browser, status.to_string())],
        Purpose::SignIn | Purpose::SignOut | Purpose::Other => {
            vec![refused(purpose.step(), status, code)]
        }
    }
}

/// What the server has done in the database, and its answer.
fn done(step: u32, change: impl Into<String>, status: u16, answer: &str) -> Vec<Line> {
    vec![
        Line::message(step, Server, Database, change),
        Line::message(step, Server, Browser, format!("{status} · {answer}")),
    ]
}

/// The answer with the error itself.
fn refused(step: u32, status: u16, code: &str) -> Line {
    let text = format!("{status} {code}");
    Line::message(step, Server, Browser, text.trim_end()).with(Tone::Refused)
}

/// A browser knows that a refresh was a repeat only if the same request was answered before: the other
/// tab may have sent it, or this page before a reload.
fn renewed(words: &AnswerWords, refresh: &Refresh, status: u16) -> Vec<Line> {
    let generation = refresh.generation;
    let next = generation.saturating_add(1);
    let (change, answer) = if refresh.was_carried_out {
        ((words.is_current)(next), (words.answer_same)(next))
    } else {
        (
            (words.replaces)(next, generation),
            (words.answer_next)(next),
        )
    };
    done(7, change, status, &answer)
}

fn not_renewed(words: &AnswerWords, status: u16, code: &str) -> Vec<Line> {
    let refusal = |step| refused(step, status, code);
    match code {
        "refresh_conflict" => vec![
            Line::message(7, Server, Database, words.not_current),
            refusal(7),
        ],
        "refresh_token_reused" => vec![
            Line::message(10, Server, Database, words.reused).with(Tone::Refused),
            refusal(10),
        ],
        "refresh_token_invalid" => vec![Line::note(10, Server, words.wrong_mac), refusal(10)],
        "refresh_token_expired" => vec![
            Line::message(10, Server, Database, words.too_old),
            refusal(10),
        ],
        "session_ended" => vec![Line::note(10, Server, words.ended_before), refusal(10)],
        _ => vec![refusal(6)],
    }
}

fn call_refused(words: &AnswerWords, status: u16, code: &str) -> Vec<Line> {
    let (step, why) = match code {
        "access_token_expired" => (1, words.access_token_expired),
        "access_token_invalid" => (1, words.access_token_not_accepted),
        "session_ended" => (10, words.ended),
        _ => return vec![refused(5, status, code)],
    };
    vec![Line::note(step, Server, why), refused(step, status, code)]
}
