//! What the buttons do. Every request is a real one, and the client follows its answer as ever.

use holdfast_client::{CallError, Session};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Account, paths};

use super::action::Action;
use super::line::Lane::{Browser, Person};
use super::line::{Line, Tone};
use super::log::FlowLog;

const NOT_RENEWED: &str = "There are no new tokens so far. The diagram has the requests and their answers. \
                           After a failure, the client may wait before it sends the next request.";

const HAS_TO_WAIT: &str = "Another renewal of this page is still under way, so nothing was done. Try it again \
                           after that.";

/// Does what a button is for, and says in a sentence what came of it.
pub(super) async fn run(action: Action, session: Session, log: FlowLog) -> String {
    log.add(Line::message(action.step(), Person, Browser, action.text()));
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
                && let Some(trouble) = steal(session, log).await
            {
                return trouble;
            }
            // After a theft, the client learns by this call that its session has ended.
            let answer = session.api().get::<Account>(paths::ACCOUNT).await;
            match (action, answer) {
                (Action::Steal, Err(CallError::Unreachable { .. })) => {
                    return "The server has ended the session. This tab learns it by its next call."
                        .to_owned();
                }
                (Action::Steal, _) => Ok(()),
                (_, answer) => answer.map(drop),
            }
        }
        Action::Renew | Action::LoseAnswer => {
            let (is_renewed, has_failed_first) = if action == Action::LoseAnswer {
                let renewal = demonstration.renew_and_lose_the_answer().await;
                if renewal.has_to_wait {
                    return HAS_TO_WAIT.to_owned();
                }
                (renewal.is_renewed, renewal.has_failed_first)
            } else {
                (demonstration.renew().await, true)
            };
            if !is_renewed {
                return not_renewed(session);
            }
            if !has_failed_first {
                return "Both tokens are new, but no answer was lost: another renewal was faster."
                    .to_owned();
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
        let text = "On any other page, this answer is all that you see";
        log.add(Line::message(action.step(), Browser, Person, text));
    }
    in_words(outcome, action.done())
}

fn not_renewed(session: Session) -> String {
    match session.demonstration().tokens() {
        Some(_) => NOT_RENEWED.to_owned(),
        None => CallError::SignedOut.to_string(),
    }
}

/// What a thief does who has copied the storage, and uses the copy too late. Returns what went wrong,
/// if anything did.
async fn steal(session: Session, log: FlowLog) -> Option<String> {
    let demonstration = session.demonstration();
    let Some(copy) = demonstration.copy_refresh_token() else {
        return Some(CallError::SignedOut.to_string());
    };
    let generation = copy.generation();
    let theft = |what: &str| {
        let text = format!("{what} refresh token {generation}");
        log.add(Line::message(10, Person, Browser, text).with(Tone::Refused));
    };
    theft("A thief copies");
    for _ in 0..2 {
        if !demonstration.renew().await {
            return Some(not_renewed(session));
        }
    }
    theft("The thief presents the copy of");
    match copy.present().await {
        Err(error) if error.code() == Some(Code::RefreshTokenReused) => None,
        outcome => Some(in_words(outcome, "The server has not seen the theft.")),
    }
}

fn in_words(outcome: Result<(), CallError>, words: &str) -> String {
    match outcome {
        Ok(()) => words.to_owned(),
        Err(CallError::Problem(problem)) => {
            let code = problem.code.as_str();
            format!("The server has refused: {} {code}.", problem.status)
        }
        Err(error) => error.to_string(),
    }
}
