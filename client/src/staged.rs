//! A fault of the network or of the browser that a demonstration has arranged for one refresh of this
//! tab. The server and the other tabs cannot tell it from a real fault.
//!
//! A duty: a fault only happens to the link for which it was arranged, it happens once, and not after
//! its demonstration has ended. Otherwise it could hit a renewal of the next person. A real answer that
//! is not a success is never thrown away, because the client has to obey it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use holdfast_protocol::refresh_token::UnverifiedRefreshToken;
use holdfast_protocol::renewal::Link;
use holdfast_protocol::renewal::driver::RefreshAnswer;
use holdfast_protocol::secret::Secret;

use super::watch::{self, ClientEvent};

/// What a refresh does differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The new tokens are thrown away, like an answer that the network has lost.
    LostAnswer,
    /// The refresh does not wait for the lock, like in a browser without Web Locks.
    WithoutLock,
}

/// The place for the fault of this tab.
#[derive(Debug, Default)]
pub(super) struct Stage(RefCell<Option<Rc<Arranged>>>);

#[derive(Debug)]
struct Arranged {
    of: Link,
    fault: Fault,
    has_happened: Cell<bool>,
}

/// A fault that may happen until this is dropped.
#[derive(Debug)]
pub(super) struct Arrangement {
    stage: Rc<Stage>,
    arranged: Rc<Arranged>,
}

impl Arrangement {
    /// Whether the fault has happened.
    pub(super) fn has_happened(&self) -> bool {
        self.arranged.has_happened.get()
    }
}

impl Drop for Arrangement {
    fn drop(&mut self) {
        self.stage.0.take();
    }
}

impl Stage {
    /// Arranges a fault for the next refresh of this link. `None` if another fault is arranged.
    pub(super) fn arrange(self: &Rc<Self>, of: Link, fault: Fault) -> Option<Arrangement> {
        let mut place = self.0.borrow_mut();
        if place.is_some() {
            return None;
        }
        let arranged = Rc::new(Arranged {
            of,
            fault,
            has_happened: Cell::new(false),
        });
        *place = Some(arranged.clone());
        Some(Arrangement {
            stage: self.clone(),
            arranged,
        })
    }

    /// Whether this fault happens to a refresh of this link now.
    pub(super) fn happens(&self, of: Link, fault: Fault) -> bool {
        let place = self.0.borrow();
        place.as_ref().is_some_and(|arranged| {
            (arranged.of, arranged.fault) == (of, fault) && !arranged.has_happened.replace(true)
        })
    }

    /// What the client gets of the answer to a refresh with this token.
    pub(super) fn after(&self, token: &Secret, answer: RefreshAnswer) -> RefreshAnswer {
        let of = UnverifiedRefreshToken::parse(token.expose()).map(|token| Link {
            session_id: token.session_id(),
            generation: token.generation(),
        });
        match (answer, of) {
            (RefreshAnswer::Tokens(_), Ok(of)) if self.happens(of, Fault::LostAnswer) => {
                watch::tell(|| ClientEvent::AnswerThrownAway);
                RefreshAnswer::NoAnswer
            }
            (answer, _) => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::problem::{Code, Problem};
    use holdfast_protocol::refresh_token::made_up;
    use holdfast_protocol::wire::Tokens;
    use uuid::Uuid;

    use super::*;

    /// A refresh token and its link.
    fn token(random: u8) -> (Secret, Link) {
        let token = made_up(1_764_000_000_000, [random; 16]);
        let parsed = UnverifiedRefreshToken::parse(token.expose()).unwrap();
        let of = Link {
            session_id: parsed.session_id(),
            generation: parsed.generation(),
        };
        (token, of)
    }

    fn success() -> RefreshAnswer {
        let tokens: Tokens = serde_json::from_value(serde_json::json!({
            "access_token": "a", "token_type": "Bearer", "expires_in": 300,
            "refresh_token": "r", "refresh_expires_in": 1, "refresh_idle_expires_in": 1,
            "session_id": Uuid::nil(), "account_id": Uuid::nil(),
        }))
        .unwrap();
        RefreshAnswer::Tokens(Box::new(tokens))
    }

    fn is_lost(answer: &RefreshAnswer) -> bool {
        matches!(answer, RefreshAnswer::NoAnswer)
    }

    #[test]
    fn an_answer_is_lost_once_and_only_that_of_the_link() {
        let stage = Rc::new(Stage::default());
        let ((token, of), (other, _)) = (token(1), token(2));
        let arranged = stage.arrange(of, Fault::LostAnswer).unwrap();
        assert!(!is_lost(&stage.after(&other, success())));
        assert!(!arranged.has_happened());
        assert!(is_lost(&stage.after(&token, success())));
        assert!(arranged.has_happened());
        assert!(!is_lost(&stage.after(&token, success())));
    }

    #[test]
    fn a_fault_does_not_outlive_its_demonstration() {
        let stage = Rc::new(Stage::default());
        let (token, of) = token(1);
        // Another tab has renewed first, so this tab has sent no refresh.
        drop(stage.arrange(of, Fault::LostAnswer));
        assert!(!is_lost(&stage.after(&token, success())));
        drop(stage.arrange(of, Fault::WithoutLock));
        assert!(!stage.happens(of, Fault::WithoutLock));
    }

    #[test]
    fn a_refusal_reaches_the_client_and_the_fault_waits_for_tokens() {
        let stage = Rc::new(Stage::default());
        let (token, of) = token(1);
        let arranged = stage.arrange(of, Fault::LostAnswer).unwrap();
        let problem = Problem {
            retry_after: Some(30),
            ..Problem::new(Code::TooManyAttempts, "Later.")
        };
        let RefreshAnswer::Refused(refused) =
            stage.after(&token, RefreshAnswer::Refused(problem.clone()))
        else {
            panic!("the refusal was thrown away");
        };
        assert_eq!(refused, problem);
        assert!(is_lost(&stage.after(&token, RefreshAnswer::NoAnswer)));
        assert!(!arranged.has_happened());
        assert!(is_lost(&stage.after(&token, success())));
        assert!(arranged.has_happened());
    }

    #[test]
    fn a_second_demonstration_does_not_replace_the_first() {
        let stage = Rc::new(Stage::default());
        let (token, of) = token(1);
        let lost = stage.arrange(of, Fault::LostAnswer).unwrap();
        assert!(stage.arrange(of, Fault::WithoutLock).is_none());
        assert!(!stage.happens(of, Fault::WithoutLock));
        assert!(is_lost(&stage.after(&token, success())));
        drop(lost);
        assert!(stage.arrange(of, Fault::WithoutLock).is_some());
    }
}
