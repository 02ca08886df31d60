//! Every error answer of the API.
//!
//! There is one variant for each answer that a client can act on. All other errors are
//! [`ApiError::Internal`]: they are logged once, and the client never sees why. Several
//! reasons may have the same answer: an unknown account and a wrong password are the same
//! variant.
//!
//! Variants with the same code have different sentences. [`ApiError::cause`] says the same as the
//! sentence, for a page in another language.
//!
//! A security duty: a cause never says more than the sentence.
//!
//! A handler returns an `ApiError`. Only `server/src/http/answer_errors.rs` turns it into a body
//! and a log line.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_protocol::attempt_key::MalformedAttemptKey;
use holdfast_protocol::cause::Cause;
use holdfast_protocol::password::PasswordError;
use holdfast_protocol::problem::{Code, OtherCode, Problem, pause_in_words};
use holdfast_protocol::session_name::SessionNameError;
use holdfast_protocol::username::UsernameError;
use holdfast_protocol::wire::{EndReason, MAX_BODY};

use crate::keys::Obstacle;
use crate::keys::access_token::AccessTokenError;
use crate::lanes::RotationError;
use crate::lifetimes::MOST_USERNAMES_RESERVED;
use crate::limits::Refusal;
use crate::password_hash::Unfinished;
use crate::password_strength::TooEasy;

/// After how many seconds a client may try again, if a part of the service does not answer
/// for a moment.
const RETRY_AFTER: u32 = 2;

/// An answer that is not a success.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// 401. Send an access token.
    #[error("This call needs an access token.")]
    AccessTokenMissing,
    /// 401. This server did not make the access token, or it is for another server; renew it.
    #[error("The access token is not valid here.")]
    AccessTokenInvalid,
    /// 401. The access token is genuine, but it has expired; renew it.
    #[error("The access token has expired.")]
    AccessTokenExpired,
    /// 401. The session is over, with the reason if it is still known; sign in again.
    #[error("The session is over. Sign in again.")]
    SessionEnded(Option<EndReason>),
    /// 401. This server did not make the refresh token.
    #[error("The refresh token is not valid here.")]
    RefreshTokenInvalid,
    /// 401. The session has expired; sign in again.
    #[error("The session has expired. Sign in again.")]
    RefreshTokenExpired,
    /// 401. A spent token came back; its session has been ended.
    #[error("The refresh token was used before, so its session was ended. Sign in again.")]
    RefreshTokenReused,
    /// 409. Another request was faster; read the storage again.
    #[error("Another request has already renewed this session. Use the token that it got.")]
    RefreshConflict,
    /// 401. Unknown account, wrong password or disabled account.
    #[error("The username or the password is wrong.")]
    InvalidCredentials,
    /// 401. Unknown account, wrong recovery code or disabled account.
    #[error("The username or the recovery code is wrong.")]
    WrongRecoveryCode,
    /// 401. The password that confirms a change is wrong; the session stays.
    #[error("The password is wrong.")]
    WrongPassword,
    /// 404. The account has no such recovery code; make a new one.
    #[error("This is not your newest recovery code any more. Make a new one.")]
    NotTheRecoveryCode,
    /// 409. Choose another name.
    #[error("This username is taken. Choose another. If you have just made this account, sign in.")]
    UsernameTaken,
    /// 422. The name breaks a rule.
    #[error("{0}")]
    UsernameNotAccepted(#[from] UsernameError),
    /// 422. The password breaks a rule.
    #[error("{0}")]
    PasswordNotAccepted(#[from] PasswordError),
    /// 422. The password is easy to guess; the sentence says why and what to do.
    #[error("{0}")]
    PasswordTooEasy(#[from] TooEasy),
    /// 422. The new password is the current one.
    #[error("This is the password that you have already. Choose another.")]
    PasswordUnchanged,
    /// 422. The name of a browser breaks a rule.
    #[error("{0}")]
    SessionNameNotAccepted(#[from] SessionNameError),
    /// 422. The account's password contains the name.
    #[error("Your password contains this name. Choose another name, or change the password first.")]
    UsernameInPassword,
    /// 422. The name was changed less than a day ago; this many seconds are left.
    ///
    /// It is not 429, because a client repeats a request that gets 429.
    #[error(
        "You can change your username once in 24 hours. You can change it again in {}. You can take back your last name at any time.",
        pause_in_words(*.0)
    )]
    UsernameChangedLately(u32),
    /// 422. As many names are reserved for the account as there may be.
    #[error(
        "Your account keeps {} names that you had before, and it can keep no more. A name is kept for 30 days. You can take back one of them at any time.",
        MOST_USERNAMES_RESERVED
    )]
    TooManyUsernames,
    /// 429. The caller has tried too often; wait for this many seconds.
    #[error("Too many attempts. Try again in {}.", pause_in_words(*.0))]
    TooManyAttempts(u32),
    /// 429. Too many wrong passwords under this name; wait for this many seconds.
    #[error(
        "Too many wrong passwords were tried for this username. Try again in {}, or sign in from a browser that you have signed in from before.",
        pause_in_words(*.0)
    )]
    TooManyFailures(u32),
    /// 400. The request is not well formed; the sentence says where.
    #[error("{0}")]
    MalformedRequest(String),
    /// 403. A page of another site sent it.
    #[error("A page of another site may not do this.")]
    OtherSite,
    /// 408. The body did not arrive in time.
    #[error("The body of the request did not arrive in time.")]
    TooSlow,
    /// 415. The body has another media type than the call needs.
    #[error("The body of this call must be {0}.")]
    UnsupportedMediaType(&'static str),
    /// 413. The body is too large.
    #[error("The body of a request can have at most {MAX_BODY} bytes.")]
    PayloadTooLarge,
    /// 404. There is nothing at this address.
    #[error("There is nothing at this address.")]
    NotFound,
    /// 404. There is no such session, or it belongs to another account: both get one answer.
    #[error("You have no such session.")]
    NoSuchSession,
    /// 405. The address has other methods.
    #[error("This address does not have this method.")]
    MethodNotAllowed,
    /// A status of the application, from 400 to 599. Make one with [`ApiError::of_application`].
    #[error("{detail}")]
    OfApplication {
        /// The status of the answer.
        status: StatusCode,
        /// The code by which the client of the application decides.
        code: Code,
        /// A sentence for the person.
        detail: String,
    },
    /// Any status. The problem that a server function returned.
    #[error("{}", .0.detail)]
    OfServerFunction(Problem),
    /// 503. Try again later; nothing is lost.
    #[error("The service cannot answer this at the moment. Try again in a few seconds.")]
    Unavailable(#[source] anyhow::Error),
    /// 503. The token may be valid. Logged at `debug` only: every client can make up such a token.
    #[error("The service cannot answer this at the moment. Try again in a few seconds.")]
    Unsure(&'static str),
    /// 503. Too many passwords are already waiting to be checked.
    #[error("Too many people are signing in at this moment. Try again in a few seconds.")]
    Saturated,
    /// 500. The server has a fault. The cause is logged and never shown.
    #[error("Something went wrong on our side. It has been noted.")]
    Internal(#[source] anyhow::Error),
}

impl ApiError {
    /// An error of an application, with a code and a status of its own. The client of the application
    /// gets it as `Code::Other`: it says something about the request, and the session stays. The
    /// sentence is for the person.
    ///
    /// # Panics
    /// If the code is not 1 to 30 lower-case letters of ASCII, digits and `_`, or is one of
    /// Holdfast's, or if the status is not from 400 to 599.
    pub fn of_application(
        status: StatusCode,
        code: &'static str,
        sentence: impl Into<String>,
    ) -> Self {
        let is_known = Code::ALL.iter().any(|known| known.as_str() == code);
        assert!(
            !is_known,
            "the code `{code}` is one of Holdfast: choose another"
        );
        let Some(code) = OtherCode::new(code) else {
            panic!("the code `{code}` is not 1 to 30 of the characters a to z, 0 to 9 and _");
        };
        let is_error = status.is_client_error() || status.is_server_error();
        assert!(is_error, "the status {status} is not one of an error");
        Self::OfApplication {
            status,
            code: Code::Other(code),
            detail: sentence.into(),
        }
    }

    /// The code that a client decides by.
    pub fn code(&self) -> Code {
        match self {
            Self::AccessTokenMissing => Code::AccessTokenMissing,
            Self::AccessTokenInvalid => Code::AccessTokenInvalid,
            Self::AccessTokenExpired => Code::AccessTokenExpired,
            Self::SessionEnded(_) => Code::SessionEnded,
            Self::RefreshTokenInvalid => Code::RefreshTokenInvalid,
            Self::RefreshTokenExpired => Code::RefreshTokenExpired,
            Self::RefreshTokenReused => Code::RefreshTokenReused,
            Self::RefreshConflict => Code::RefreshConflict,
            Self::InvalidCredentials | Self::WrongPassword | Self::WrongRecoveryCode => {
                Code::InvalidCredentials
            }
            Self::UsernameTaken => Code::UsernameTaken,
            Self::UsernameNotAccepted(_)
            | Self::UsernameInPassword
            | Self::UsernameChangedLately(_)
            | Self::TooManyUsernames => Code::UsernameNotAccepted,
            Self::PasswordNotAccepted(_) | Self::PasswordTooEasy(_) | Self::PasswordUnchanged => {
                Code::PasswordNotAccepted
            }
            Self::SessionNameNotAccepted(_) => Code::SessionNameNotAccepted,
            Self::TooManyAttempts(_) | Self::TooManyFailures(_) => Code::TooManyAttempts,
            Self::MalformedRequest(_)
            | Self::OtherSite
            | Self::TooSlow
            | Self::UnsupportedMediaType(_) => Code::MalformedRequest,
            Self::PayloadTooLarge => Code::PayloadTooLarge,
            Self::NotFound | Self::NoSuchSession | Self::NotTheRecoveryCode => Code::NotFound,
            Self::MethodNotAllowed => Code::MethodNotAllowed,
            Self::Unavailable(_) | Self::Unsure(_) | Self::Saturated => {
                Code::TemporarilyUnavailable
            }
            Self::Internal(_) => Code::Internal,
            Self::OfServerFunction(problem) => problem.code,
            Self::OfApplication { code, .. } => *code,
        }
    }

    /// Which of the errors with this code it is. `None` for the usual one of a code, and for one that
    /// has its code for itself.
    pub fn cause(&self) -> Option<Cause> {
        Some(match self {
            Self::WrongPassword => Cause::WrongPassword,
            Self::WrongRecoveryCode => Cause::WrongRecoveryCode,
            Self::UsernameNotAccepted(why) => Cause::from(*why),
            Self::UsernameInPassword => Cause::InPassword,
            Self::UsernameChangedLately(_) => Cause::ChangedLately,
            Self::TooManyUsernames => Cause::TooManyReserved,
            Self::PasswordNotAccepted(why) => Cause::from(*why),
            Self::PasswordTooEasy(why) => why.cause(),
            Self::PasswordUnchanged => Cause::Unchanged,
            Self::SessionNameNotAccepted(why) => Cause::from(*why),
            Self::TooManyFailures(_) => Cause::TooManyFailures,
            Self::OtherSite => Cause::OtherSite,
            Self::TooSlow => Cause::TooSlow,
            Self::UnsupportedMediaType(_) => Cause::MediaType,
            Self::NoSuchSession => Cause::NoSuchSession,
            Self::NotTheRecoveryCode => Cause::NotTheRecoveryCode,
            Self::Saturated => Cause::Saturated,
            Self::OfServerFunction(problem) => {
                return problem.cause.filter(|cause| *cause != Cause::Unknown);
            }
            Self::AccessTokenMissing
            | Self::AccessTokenInvalid
            | Self::AccessTokenExpired
            | Self::SessionEnded(_)
            | Self::RefreshTokenInvalid
            | Self::RefreshTokenExpired
            | Self::RefreshTokenReused
            | Self::RefreshConflict
            | Self::InvalidCredentials
            | Self::UsernameTaken
            | Self::TooManyAttempts(_)
            | Self::MalformedRequest(_)
            | Self::PayloadTooLarge
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::OfApplication { .. }
            | Self::Unavailable(_)
            | Self::Unsure(_)
            | Self::Internal(_) => return None,
        })
    }

    /// The status of the answer. Each code has one status, except `malformed_request`, because HTTP
    /// has several statuses for such mistakes, and the codes of an application.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::OtherSite => StatusCode::FORBIDDEN,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::OfApplication { status, .. } => *status,
            Self::OfServerFunction(problem) if matches!(problem.code, Code::Other(_)) => {
                StatusCode::from_u16(problem.status)
                    .ok()
                    .filter(|status| status.is_client_error() || status.is_server_error())
                    .unwrap_or(StatusCode::BAD_REQUEST)
            }
            _ => StatusCode::from_u16(self.code().status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The body of the answer.
    pub fn problem(&self, request_id: Option<String>) -> Problem {
        let mut problem = Problem::new(self.code(), self.to_string());
        problem.status = self.status().as_u16();
        problem.request_id = request_id.map(Into::into);
        problem.cause = self.cause();
        if let Self::SessionEnded(reason) = self {
            problem.reason = reason.filter(|reason| *reason != EndReason::Unknown);
        }
        problem
    }

    /// After how many seconds the client should try again. With a status that makes no client repeat
    /// its request, this is for the person (RFC 9110 §10.2.3 allows it with any status).
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::RefreshConflict => Some(1),
            Self::TooManyAttempts(seconds)
            | Self::TooManyFailures(seconds)
            | Self::UsernameChangedLately(seconds) => Some(*seconds),
            Self::Unavailable(_) | Self::Unsure(_) | Self::Saturated => Some(RETRY_AFTER),
            _ => None,
        }
    }

    /// The challenge of a 401, which says how to authenticate (RFC 6750 §3). It names the
    /// error only if the request had a token.
    pub fn challenge(&self) -> Option<HeaderValue> {
        if self.status() != StatusCode::UNAUTHORIZED {
            return None;
        }
        Some(match self.code() {
            Code::AccessTokenMissing | Code::InvalidCredentials | Code::Other(_) => {
                HeaderValue::from_static(r#"Bearer realm="holdfast""#)
            }
            _ => HeaderValue::from_static(r#"Bearer realm="holdfast", error="invalid_token""#),
        })
    }
}

/// An answer that has no body yet. `answer_errors` knows the id of the request; it fills in
/// the body and logs the error.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl From<AccessTokenError> for ApiError {
    fn from(error: AccessTokenError) -> Self {
        match error {
            AccessTokenError::Expired => Self::AccessTokenExpired,
            AccessTokenError::Invalid => Self::AccessTokenInvalid,
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooMany { retry_after } => Self::TooManyAttempts(retry_after),
            Refusal::TooManyFailures { retry_after } => Self::TooManyFailures(retry_after),
            Refusal::Busy => Self::Saturated,
        }
    }
}

impl From<Obstacle> for ApiError {
    fn from(obstacle: Obstacle) -> Self {
        Self::Unavailable(obstacle.into())
    }
}

impl From<Unfinished> for ApiError {
    fn from(error: Unfinished) -> Self {
        Self::Internal(error.into())
    }
}

impl From<MalformedAttemptKey> for ApiError {
    fn from(error: MalformedAttemptKey) -> Self {
        Self::MalformedRequest(error.to_string())
    }
}

/// If the database does not answer, is overloaded, is read-only or is in the middle of a
/// failover, the answer is 503: nothing is lost, and the client tries again. Any other error
/// of the database is a fault of the server.
impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if is_passing(&error) {
            Self::Unavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

impl From<RotationError> for ApiError {
    fn from(error: RotationError) -> Self {
        match &error {
            RotationError::Database(cause) if !is_passing(cause) => Self::Internal(error.into()),
            _ => Self::Unavailable(error.into()),
        }
    }
}

/// Whether an error of the database is temporary.
fn is_passing(error: &sqlx::Error) -> bool {
    use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    match error {
        Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed => true,
        Database(error) => error.code().is_some_and(|code| is_passing_code(&code)),
        _ => false,
    }
}

/// Whether a Postgres error (its SQLSTATE) is temporary.
fn is_passing_code(code: &str) -> bool {
    // These are errors of the connection, of resources, of operator intervention, of
    // transaction conflicts and lock time-outs, and of a server that is read-only for now.
    // Others disappear when an operator has acted: a database, a schema or a table that is
    // missing during a restore, a database that accepts no connections while it is renamed, a
    // role that may not sign in or may not read, a pooler that lost a prepared statement.
    ["08", "53", "57", "58", "40", "28", "3D", "3F"]
        .iter()
        .any(|class| code.starts_with(class))
        || matches!(
            code,
            "25006" | "55P03" | "55000" | "42P01" | "42501" | "26000"
        )
}

/// How long a client should wait, as a header.
pub fn retry_after(seconds: u32) -> (header::HeaderName, HeaderValue) {
    (header::RETRY_AFTER, HeaderValue::from(seconds))
}

/// The error for a database that takes no writes, as a standby does. A request that compares a
/// password answers it before the comparison. Otherwise a right password would get this 503, at
/// the first write, and a wrong one a 401.
pub fn read_only() -> ApiError {
    ApiError::Unavailable(anyhow::anyhow!("the database is read-only"))
}

/// The error for work that took too long.
pub fn timed_out(after: Duration) -> ApiError {
    ApiError::Unavailable(anyhow::anyhow!("no answer within {after:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_error_of_the_database_is_a_503() {
        for (code, passing) in [
            ("57P01", true),
            ("57P03", true),
            ("25006", true),
            ("53300", true),
            ("40001", true),
            ("55P03", true),
            ("55000", true),
            ("28P01", true),
            ("28000", true),
            ("3D000", true),
            ("3F000", true),
            ("42P01", true),
            ("42501", true),
            ("26000", true),
            ("23505", false),
            ("42703", false),
            ("42601", false),
        ] {
            assert_eq!(is_passing_code(code), passing, "{code}");
        }
        assert_eq!(ApiError::from(sqlx::Error::PoolTimedOut).status(), 503);
        assert_eq!(ApiError::from(sqlx::Error::RowNotFound).status(), 500);
    }

    #[test]
    fn an_internal_cause_is_not_shown() {
        let error = ApiError::Internal(anyhow::anyhow!("the secret cause"));
        assert!(!error.problem(None).detail.contains("cause"));
    }

    /// All errors that share their code with another one.
    fn of_shared_codes() -> Vec<ApiError> {
        let mut errors = vec![
            ApiError::InvalidCredentials,
            ApiError::WrongRecoveryCode,
            ApiError::WrongPassword,
            ApiError::UsernameInPassword,
            ApiError::UsernameChangedLately(3600),
            ApiError::TooManyUsernames,
            ApiError::PasswordUnchanged,
            ApiError::TooManyAttempts(1),
            ApiError::TooManyFailures(1),
            ApiError::MalformedRequest("The body is not JSON.".to_owned()),
            ApiError::OtherSite,
            ApiError::TooSlow,
            ApiError::UnsupportedMediaType("application/json"),
            ApiError::NotFound,
            ApiError::NoSuchSession,
            ApiError::NotTheRecoveryCode,
            ApiError::Unavailable(anyhow::anyhow!("no database")),
            ApiError::Unsure("no end was read yet"),
            ApiError::Saturated,
        ];
        let of_usernames = [
            UsernameError::Empty,
            UsernameError::TooShort,
            UsernameError::TooLong,
            UsernameError::Character,
            UsernameError::Edge,
        ];
        errors.extend(of_usernames.map(ApiError::from));
        let of_passwords = [
            PasswordError::Empty,
            PasswordError::TooShort,
            PasswordError::TooLong,
            PasswordError::ControlCharacter,
            PasswordError::Expected,
        ];
        errors.extend(of_passwords.map(ApiError::from));
        let of_sessions = [
            SessionNameError::Empty,
            SessionNameError::TooLong,
            SessionNameError::Character,
        ];
        errors.extend(of_sessions.map(ApiError::from));
        let easy = [
            "correct horse battery staple",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "letmeinletmeinletmein",
            "abcdefghijklmnopqrst",
        ];
        let refused = easy.map(|it| crate::password_strength::check(it, "ada").unwrap_err());
        errors.extend(refused.map(ApiError::from));
        errors
    }

    /// An unknown account and a wrong password are one variant, so they have one cause, too.
    #[test]
    fn a_cause_says_as_much_as_the_sentence_and_no_more() {
        let errors = of_shared_codes();
        for one in &errors {
            for other in errors.iter().filter(|other| other.code() == one.code()) {
                let same_sentence = one.to_string() == other.to_string();
                let same_cause = one.cause() == other.cause();
                assert_eq!(same_sentence, same_cause, "{one:?}, {other:?}");
            }
        }
    }

    #[test]
    fn a_cause_belongs_to_the_code_beside_it() {
        for error in of_shared_codes() {
            let belongs = error
                .cause()
                .is_none_or(|cause| error.code().may_have(cause));
            assert!(belongs, "{error:?}");
        }
    }

    #[test]
    fn an_error_says_its_cause_in_the_body() {
        for (error, cause) in [
            (ApiError::WrongPassword, "wrong_password"),
            (ApiError::WrongRecoveryCode, "wrong_recovery_code"),
            (UsernameError::Edge.into(), "edge_character"),
            (ApiError::UsernameInPassword, "in_password"),
            (ApiError::UsernameChangedLately(1), "changed_lately"),
            (ApiError::TooManyUsernames, "too_many_reserved"),
            (PasswordError::Expected.into(), "simple_pattern"),
            (ApiError::PasswordUnchanged, "unchanged"),
            (SessionNameError::TooLong.into(), "too_long"),
            (ApiError::TooManyFailures(1), "too_many_failures"),
            (ApiError::NoSuchSession, "no_such_session"),
            (ApiError::NotTheRecoveryCode, "not_the_recovery_code"),
            (ApiError::Saturated, "saturated"),
            (ApiError::OtherSite, "other_site"),
            (ApiError::TooSlow, "too_slow"),
            (ApiError::UnsupportedMediaType("text/plain"), "media_type"),
        ] {
            let json = serde_json::to_value(error.problem(None)).unwrap();
            assert_eq!(json["cause"], cause, "{error:?}");
        }
        for error in [
            ApiError::InvalidCredentials,
            ApiError::NotFound,
            ApiError::TooManyAttempts(1),
            ApiError::SessionEnded(Some(EndReason::Reuse)),
            ApiError::Internal(anyhow::anyhow!("a fault")),
        ] {
            let json = serde_json::to_value(error.problem(None)).unwrap();
            assert_eq!(json.get("cause"), None, "{error:?}");
        }
    }

    #[test]
    fn a_server_function_hands_on_a_cause_that_is_known() {
        let mut problem = Problem::new(Code::PasswordNotAccepted, "Choose another password.");
        for (cause, told) in [
            (Cause::Unchanged, Some(Cause::Unchanged)),
            (Cause::Unknown, None),
        ] {
            problem.cause = Some(cause);
            let error = ApiError::OfServerFunction(problem.clone());
            assert_eq!(error.problem(None).cause, told);
        }
    }

    #[test]
    fn the_challenge_names_an_error_only_for_a_presented_token() {
        let challenge = |error: ApiError| error.challenge().map(|c| c.to_str().unwrap().to_owned());
        assert_eq!(
            challenge(ApiError::AccessTokenMissing).as_deref(),
            Some(r#"Bearer realm="holdfast""#)
        );
        assert!(
            challenge(ApiError::AccessTokenExpired)
                .unwrap()
                .contains("invalid_token")
        );
        assert_eq!(challenge(ApiError::NotFound), None);
    }
}
