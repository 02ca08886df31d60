//! The logout of one session.

use futures::FutureExt;
use gloo_net::http::Method;
use holdfast_protocol::renewal::LogoutAnswer;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{LogoutRequest, paths};

use super::transport::{self, Call, CallError};

fn answer_of(outcome: Result<(), CallError>) -> LogoutAnswer {
    match outcome {
        Ok(()) => LogoutAnswer::Over,
        Err(CallError::Problem(problem)) => LogoutAnswer::of(&problem),
        Err(_) => LogoutAnswer::NoAnswer,
    }
}

/// Sends the logout of the session of this token.
pub(super) async fn send(token: &Secret) -> LogoutAnswer {
    let outcome = transport::send(&call(token), None).await;
    answer_of(outcome.and_then(|body| transport::parse_nothing(&body)))
}

/// Sends the logout while the page ends, so the request begins before this returns. The page is
/// gone when the answer comes, so the answer is ignored.
pub(super) fn send_at_the_end(token: &Secret) {
    let _ = Box::pin(transport::send(&call(token), None)).now_or_never();
}

/// The request arrives even if the page is closed meanwhile.
fn call(token: &Secret) -> Call {
    let mut call = Call::to_holdfast(Method::POST, paths::LOGOUT).with_json(&LogoutRequest {
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
    fn only_an_answer_of_the_server_says_something_about_the_session() {
        let ended = CallError::Problem(Problem::new(Code::SessionEnded, ""));
        assert_eq!(answer_of(Ok(())), LogoutAnswer::Over);
        assert_eq!(answer_of(Err(ended)), LogoutAnswer::Over);
        assert_eq!(answer_of(Err(CallError::SILENCE)), LogoutAnswer::NoAnswer);
        assert_eq!(answer_of(Err(CallError::NOT_OURS)), LogoutAnswer::NoAnswer);
    }

    #[test]
    fn a_logout_has_no_result() {
        assert_eq!(transport::parse_nothing(""), Ok(()));
        assert_eq!(transport::parse_nothing("{}"), Err(CallError::NOT_OURS));
    }
}
