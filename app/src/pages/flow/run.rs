//! What the buttons do. Every request is a real one, and the client follows its answer as ever.

use holdfast_client::{CallError, Session};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Account, paths};

use super::action::Action;
use super::line::Lane::{Browser, Person};
use super::line::{Line, Tone};
use super::log::FlowLog;
use crate::words::{FlowWords, Words};

/// Does what a button is for, and says in a sentence what came of it.
pub(super) async fn run(
    action: Action,
    session: Session,
    log: FlowLog,
    words: &'static FlowWords,
) -> String {
    let (step, own) = (action.step(), action.words(words));
    log.add(Line::message(step, Person, Browser, own.text));
    let demonstration = session.demonstration();
    let outcome = match action {
        Action::CallWithoutToken => demonstration.call_without_token(paths::ACCOUNT).await,
        Action::CallWithRefusedToken => demonstration.call_with_refused_token(paths::ACCOUNT).await,
        Action::PresentMadeUp => demonstration.present_made_up_token().await,
        Action::Call | Action::ExpireAndCall | Action::Steal => {
            if action == Action::ExpireAndCall {
                demonstration.expire_access_token();
            }
            if action == Action::Steal
                && let Some(trouble) = steal(session, log, words).await
            {
                return trouble;
            }
            // After a theft, the client learns by this call that its session has ended.
            let answer = session.api().get::<Account>(paths::ACCOUNT).await;
            match (action, answer) {
                (Action::Steal, Err(CallError::Unreachable { .. })) => {
                    return words.outcomes.learns_later.to_owned();
                }
                (Action::Steal, _) => Ok(()),
                (_, answer) => answer.map(drop),
            }
        }
        Action::Renew | Action::LoseAnswer => {
            let (is_renewed, has_failed_first) = if action == Action::LoseAnswer {
                let renewal = demonstration.renew_and_lose_the_answer().await;
                if renewal.has_to_wait {
                    return words.outcomes.has_to_wait.to_owned();
                }
                (renewal.is_renewed, renewal.has_failed_first)
            } else {
                (demonstration.renew().await, true)
            };
            if !is_renewed {
                return not_renewed(session, words);
            }
            if !has_failed_first {
                return words.outcomes.nothing_lost.to_owned();
            }
            Ok(())
        }
        Action::SignOut => {
            session.sign_out();
            Ok(())
        }
        // The page does these by itself.
        Action::ReadStorage | Action::Race => return String::new(),
    };
    if outcome.is_ok() && action.ends_with_an_answer() {
        let text = words.outcomes.all_you_see;
        log.add(Line::message(step, Browser, Person, text));
    }
    in_words(words, outcome, own.done)
}

fn not_renewed(session: Session, words: &FlowWords) -> String {
    match session.demonstration().tokens() {
        Some(_) => words.outcomes.not_renewed.to_owned(),
        None => error_in_words(&CallError::SignedOut),
    }
}

/// What a thief does who has copied the storage, and uses the copy too late. Returns what went wrong,
/// if anything did.
async fn steal(session: Session, log: FlowLog, words: &'static FlowWords) -> Option<String> {
    let demonstration = session.demonstration();
    let Some(copy) = demonstration.copy_refresh_token() else {
        return Some(error_in_words(&CallError::SignedOut));
    };
    let generation = copy.generation();
    let theft = |text: fn(u32) -> String| {
        let text = text(generation);
        log.add(Line::message(10, Person, Browser, text).with(Tone::Refused));
    };
    theft(words.outcomes.copies);
    for _ in 0..2 {
        if !demonstration.renew().await {
            return Some(not_renewed(session, words));
        }
    }
    theft(words.outcomes.presents);
    match copy.present().await {
        Err(error) if error.code() == Some(Code::RefreshTokenReused) => None,
        outcome => Some(in_words(words, outcome, words.outcomes.theft_not_seen)),
    }
}

fn in_words(words: &FlowWords, outcome: Result<(), CallError>, done: &str) -> String {
    match outcome {
        Ok(()) => done.to_owned(),
        Err(CallError::Problem(problem)) => {
            (words.outcomes.refused)(problem.status, problem.code.as_str())
        }
        Err(error) => error_in_words(&error),
    }
}

/// Only the browser comes here.
fn error_in_words(error: &CallError) -> String {
    (Words::of_page().errors().call)(error)
}
