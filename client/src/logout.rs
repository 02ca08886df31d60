//! The logout of one session, and after which answer the client does not send it again.

use futures::FutureExt;
use gloo_net::http::Method;
use holdfast_protocol::problem::Meaning;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{LogoutRequest, paths};

use super::transport::{self, Call, CallError};

/// What the answer to a logout means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The session is over, and the server knows it.
    Over,
    /// The server has answered, and the session may still live. The answer is about this session or
    /// this request only, so the server may accept another logout.
    NotYet,
    /// The session may still live. The server may be overloaded, so the client sends no other
    /// logout for now. Or the server refuses only this session, for instance because the database
    /// of the session is lost.
    Later,
    /// There was no answer, or an answer of another program. Another logout would get the same.
    None,
}

/// The logouts that the server has refused for now, in the order in which it refused them last.
#[derive(Default)]
pub(super) struct Refused(Vec<Secret>);

impl Refused {
    /// The order of a round. The server may refuse a session for months, and a round ends with the
    /// first refusal. So the tokens that were not refused come first, the newest of them before all
    /// others. After them come the refused tokens: first the token that was refused the longest
    /// ago.
    pub(super) fn in_order(&self, mut leaving: Vec<Secret>) -> Vec<Secret> {
        leaving.reverse();
        leaving.sort_by_key(|token| {
            let at = self.0.iter().position(|refused| refused == token);
            at.map_or(0, |at| at + 1)
        });
        leaving
    }

    /// Notes the answer to the logout of this token.
    pub(super) fn note(&mut self, token: &Secret, answer: Answer) {
        if let Answer::Over | Answer::Later = answer {
            self.0.retain(|refused| refused != token);
        }
        if answer == Answer::Later {
            self.0.push(token.clone());
        }
    }
}

impl Answer {
    fn of(outcome: Result<(), CallError>) -> Self {
        match outcome {
            Ok(()) => Self::Over,
            // The code of a mistake in the request does not say that the session is over: the server
            // also answers it if the body of the request was slow or broke off on the way.
            Err(CallError::Problem(problem)) => match problem.code.meaning() {
                Meaning::SessionOver | Meaning::TokenUnknown => Self::Over,
                Meaning::Renew | Meaning::Conflict | Meaning::Request => Self::NotYet,
                Meaning::Later => Self::Later,
            },
            Err(_) => Self::None,
        }
    }
}

/// Sends the logout of the session of this token.
pub(super) async fn send(token: &Secret) -> Answer {
    let outcome = transport::send(&call(token), None).await;
    Answer::of(outcome.and_then(|body| transport::parse_nothing(&body)))
}

/// Sends the logout while the page ends, so the request begins before this returns. The page is
/// gone when the answer comes, so the answer is ignored.
pub(super) fn send_at_the_end(token: &Secret) {
    let _ = Box::pin(transport::send(&call(token), None)).now_or_never();
}

/// The request arrives even if the page is closed meanwhile.
fn call(token: &Secret) -> Call {
    let mut call = Call::new(Method::POST, paths::LOGOUT).with_json(&LogoutRequest {
        refresh_token: token.clone(),
    });
    call.keepalive = true;
    call
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::problem::{Code, Problem};

    use super::*;

    #[test]
    fn only_an_answer_about_the_session_is_the_last_one() {
        assert_eq!(Answer::of(Ok(())), Answer::Over);
        assert_eq!(Answer::of(Err(CallError::SILENCE)), Answer::None);
        assert_eq!(Answer::of(Err(CallError::NOT_OURS)), Answer::None);
        for &code in Code::ALL {
            let is_over = matches!(
                code,
                Code::SessionEnded
                    | Code::RefreshTokenInvalid
                    | Code::RefreshTokenExpired
                    | Code::RefreshTokenReused
                    | Code::AccountDisabled
            );
            let expected = match code {
                _ if is_over => Answer::Over,
                Code::TooManyAttempts | Code::TemporarilyUnavailable | Code::Internal => {
                    Answer::Later
                }
                _ => Answer::NotYet,
            };
            let problem = CallError::Problem(Problem::new(code, ""));
            assert_eq!(Answer::of(Err(problem)), expected, "{code:?}");
        }
    }

    #[test]
    fn a_fresh_sign_out_is_sent_before_those_that_the_server_has_refused() {
        let mut refused = Refused::default();
        let in_order = |refused: &Refused, leaving: &str| -> String {
            let leaving = leaving.chars().map(|name| Secret::from(name.to_string()));
            let order = refused.in_order(leaving.collect());
            order.iter().map(Secret::expose).collect()
        };
        // A page that has just started does not know which ones were refused.
        assert_eq!(in_order(&refused, "abc"), "cba");
        for (token, answer, expected) in [
            ("c", Answer::Later, "bac"),
            ("b", Answer::Later, "acb"),
            // A round that gets no answer forgets nothing.
            ("a", Answer::None, "acb"),
            ("c", Answer::None, "acb"),
            ("a", Answer::NotYet, "acb"),
            ("a", Answer::Later, "cba"),
            ("c", Answer::Later, "bac"),
        ] {
            refused.note(&Secret::from(token), answer);
            assert_eq!(in_order(&refused, "abc"), expected, "{token} {answer:?}");
        }
        assert_eq!(in_order(&refused, "abcde"), "edbac");
        refused.note(&Secret::from("a"), Answer::Over);
        assert_eq!(in_order(&refused, "bcd"), "dbc");
    }

    #[test]
    fn a_logout_has_no_result() {
        assert_eq!(transport::parse_nothing(""), Ok(()));
        assert_eq!(transport::parse_nothing("{}"), Err(CallError::NOT_OURS));
    }
}
