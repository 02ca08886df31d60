//! The logouts of sessions that this browser has left.

use crate::problem::{Meaning, Problem};
use crate::secret::Secret;

/// What the answer to a logout means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutAnswer {
    /// The session is over, and the server knows it.
    Over,
    /// The server has answered, and the session may still be open. The answer is about this session
    /// or this request only, so the server may accept the logout of another session.
    NotYet,
    /// The session may still be open. The server may be overloaded, so the client sends no other
    /// logout for now. Or the server refuses only this session, for instance because the database
    /// of the session is lost.
    Later,
    /// There was no answer, or an answer of another program. Another logout would have the same
    /// result.
    NoAnswer,
}

impl LogoutAnswer {
    /// The meaning of a problem.
    pub fn of(problem: &Problem) -> Self {
        // An error about the request does not say that the session is over: the server also sends
        // such an error if the body of the request was slow or broke off on the way.
        match problem.meaning() {
            Meaning::SessionOver | Meaning::TokenUnknown => Self::Over,
            Meaning::Renew | Meaning::Conflict | Meaning::Request => Self::NotYet,
            Meaning::Later => Self::Later,
        }
    }
}

/// The logouts that the server has refused for now, in the order of their last refusals.
#[derive(Debug, Default)]
pub struct RefusedLogouts(Vec<Secret>);

impl RefusedLogouts {
    /// The order of a round. The server may refuse a session for months, and a round ends with the
    /// first refusal. So the tokens that were not refused come first, the newest token before all
    /// others. The refused tokens come after them. Among these, the token whose refusal is the
    /// oldest comes first.
    pub fn in_order(&self, mut leaving: Vec<Secret>) -> Vec<Secret> {
        leaving.reverse();
        leaving.sort_by_key(|token| {
            let at = self.0.iter().position(|refused| refused == token);
            at.map_or(0, |at| at + 1)
        });
        leaving
    }

    /// Notes the answer to the logout of this token.
    pub fn note(&mut self, token: &Secret, answer: LogoutAnswer) {
        if let LogoutAnswer::Over | LogoutAnswer::Later = answer {
            self.0.retain(|refused| refused != token);
        }
        if answer == LogoutAnswer::Later {
            self.0.push(token.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::problem::Code;

    use super::*;

    #[test]
    fn only_an_answer_about_the_session_is_the_last_one() {
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
                _ if is_over => LogoutAnswer::Over,
                Code::TooManyAttempts | Code::TemporarilyUnavailable | Code::Internal => {
                    LogoutAnswer::Later
                }
                _ => LogoutAnswer::NotYet,
            };
            assert_eq!(
                LogoutAnswer::of(&Problem::new(code, "")),
                expected,
                "{code:?}"
            );
        }
    }

    #[test]
    fn a_fresh_sign_out_is_sent_before_those_that_the_server_has_refused() {
        let mut refused = RefusedLogouts::default();
        let in_order = |refused: &RefusedLogouts, leaving: &str| -> String {
            let leaving = leaving.chars().map(|name| Secret::from(name.to_string()));
            let order = refused.in_order(leaving.collect());
            order.iter().map(Secret::expose).collect()
        };
        // A page that has just started does not know which ones were refused.
        assert_eq!(in_order(&refused, "abc"), "cba");
        for (token, answer, expected) in [
            ("c", LogoutAnswer::Later, "bac"),
            ("b", LogoutAnswer::Later, "acb"),
            // A round that gets no answer forgets nothing.
            ("a", LogoutAnswer::NoAnswer, "acb"),
            ("c", LogoutAnswer::NoAnswer, "acb"),
            ("a", LogoutAnswer::NotYet, "acb"),
            ("a", LogoutAnswer::Later, "cba"),
            ("c", LogoutAnswer::Later, "bac"),
        ] {
            refused.note(&Secret::from(token), answer);
            assert_eq!(in_order(&refused, "abc"), expected, "{token} {answer:?}");
        }
        assert_eq!(in_order(&refused, "abcde"), "edbac");
        refused.note(&Secret::from("a"), LogoutAnswer::Over);
        assert_eq!(in_order(&refused, "bcd"), "dbc");
    }
}
