//! What travels between browser and server: paths and bodies.
//!
//! Requests refuse unknown members, so that a misspelt option is an error and not
//! a silent default; answers ignore them, so that an old page survives a newer
//! server. Times are Unix seconds. Names of token members are those of RFC 6749
//! §5.1.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::secret::Secret;

/// Where everything is.
pub mod paths {
    /// `POST` [`super::SignupRequest`] → 201 [`super::Tokens`].
    pub const SIGNUP: &str = "/api/v1/signup";
    /// `POST` [`super::LoginRequest`] → 200 [`super::Tokens`].
    pub const LOGIN: &str = "/api/v1/login";
    /// `POST` [`super::RefreshRequest`] with an `Idempotency-Key` → 200
    /// [`super::Tokens`].
    pub const REFRESH: &str = "/api/v1/refresh";
    /// `POST` [`super::LogoutRequest`] → 204, always.
    pub const LOGOUT: &str = "/api/v1/logout";
    /// `GET` → 200 [`super::Account`]; `DELETE` [`super::DeleteAccount`] → 204.
    pub const ACCOUNT: &str = "/api/v1/account";
    /// `PUT` [`super::ChangePassword`] → 200 [`super::Tokens`] of a new session.
    pub const PASSWORD: &str = "/api/v1/account/password";
    /// `POST` [`super::PasswordEstimateRequest`] → 200 [`super::PasswordEstimate`].
    pub const PASSWORD_ESTIMATE: &str = "/api/v1/password-estimate";
    /// `GET` → 200 [`super::SessionList`]; `DELETE` → 200 [`super::EndedSessions`].
    /// `DELETE` below it, with a session's id, → 204.
    pub const SESSIONS: &str = "/api/v1/sessions";
    /// `GET` with `before` and `limit` → 200 [`super::ActivityPage`].
    pub const ACTIVITY: &str = "/api/v1/activity";
    /// `POST`, a form: the token endpoint for OAuth clients (RFC 6749 §6).
    pub const OAUTH_TOKEN: &str = "/oauth/token";
    /// `POST`, a form: revocation for OAuth clients (RFC 7009).
    pub const OAUTH_REVOKE: &str = "/oauth/revoke";
    /// The metadata of the authorization server (RFC 8414).
    pub const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";
    /// The public keys of access tokens (RFC 7517).
    pub const JWKS: &str = "/.well-known/jwks.json";
    /// Answers as long as the process does.
    pub const HEALTHZ: &str = "/healthz";
    /// Answers 200 once the database is reachable and migrated.
    pub const READYZ: &str = "/readyz";
}

/// The header with which a sign-in shows that it comes from known browsers: the
/// [`Tokens::known_browser`] of earlier answers, separated by commas. Several people may
/// use one browser; the server picks the one that fits the username.
pub const KNOWN_BROWSER_HEADER: &str = "holdfast-known-browser";

/// How many of them the server looks at. Send the newest first.
pub const MOST_KNOWN_BROWSERS: usize = 5;

/// The largest request body, in bytes.
pub const MAX_BODY: usize = 16 * 1024;

fn yes() -> bool {
    true
}

/// Makes an account and signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignupRequest {
    /// See [`crate::username`].
    pub username: String,
    /// See [`crate::password`].
    pub password: Secret,
    /// `false` limits the session to hours and to this run of the browser.
    #[serde(default = "yes")]
    pub remember: bool,
}

/// Signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// Letter case does not count.
    pub username: String,
    /// The account's password.
    pub password: Secret,
    /// `false` limits the session to hours and to this run of the browser.
    #[serde(default = "yes")]
    pub remember: bool,
}

/// Asks for the successor of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The token to rotate.
    pub refresh_token: Secret,
}

/// Ends the session of a refresh token, current or spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutRequest {
    /// Any genuine token of the session.
    pub refresh_token: Secret,
}

/// What a sign-in and every refresh answer (RFC 6749 §5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// The bearer token of API calls.
    pub access_token: Secret,
    /// Always `Bearer`.
    pub token_type: TokenType,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// The token of the next refresh.
    pub refresh_token: Secret,
    /// Seconds until the session is over for good; the date never moves.
    pub refresh_expires_in: u64,
    /// Seconds until the session is over unless it is renewed before.
    pub refresh_idle_expires_in: u64,
    /// The session.
    pub session_id: Uuid,
    /// Shows at a later sign-in to the same account that it comes from a browser which
    /// has signed in before, so that the failures of strangers do not keep the person
    /// out. Answered when a session is opened (sign-up, sign-in, password change), never
    /// by a refresh. It opens nothing by itself, is good for a year, and outlives the
    /// session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_browser: Option<Secret>,
    /// Who is signed in with it.
    pub account_id: Uuid,
}

/// The one token type there is (RFC 6750).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    /// Whoever holds the token may use it.
    #[default]
    Bearer,
}

/// The signed-in account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id, for ever.
    pub account_id: Uuid,
    /// Its name, as the person wrote it.
    pub username: String,
    /// When it was made, in Unix seconds.
    pub created_at: i64,
}

/// Deletes the account. The password is asked for again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteAccount {
    /// The account's password.
    pub password: Secret,
}

/// Changes the password and ends every session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    pub current_password: Secret,
    /// See [`crate::password`].
    pub new_password: Secret,
}

/// Asks how easily a new password is guessed, while a person types it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordEstimateRequest {
    /// The name of the account that it will be for, as far as it is known.
    #[serde(default)]
    pub username: Option<String>,
    /// What was typed so far.
    pub password: Secret,
}

/// How easily a password is guessed. Kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordEstimate {
    /// From 0 (guessed at once) to 4. From 3 on it is accepted.
    pub score: u8,
    /// Why it is not accepted, in the words of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// What to do about it. The refusal says the warning and then these.
    #[serde(default)]
    pub suggestions: Vec<String>,
}

/// The live sessions of an account, the most recently used first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// At most as many as the server allows per account.
    pub sessions: Vec<SessionInfo>,
}

/// One live session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Its id.
    pub session_id: Uuid,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The sign-in, in Unix seconds.
    pub created_at: i64,
    /// The last renewal, rounded down to 5 minutes, so that a thief cannot time
    /// his moves by it.
    pub last_used_at: i64,
    /// When it is over at the latest.
    pub expires_at: i64,
    /// The address it was last renewed from.
    pub ip: Option<String>,
    /// The browser's own words.
    pub user_agent: Option<String>,
    /// The same in words for a person: "Firefox on Linux".
    pub device: String,
}

/// How many sessions a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedSessions {
    /// Their number.
    pub ended: u64,
}

/// A page of an account's activity, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityPage {
    /// The events of this page.
    pub events: Vec<ActivityEvent>,
    /// Pass it as `before` for the next page; absent on the last one.
    pub next: Option<String>,
}

/// Something that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityEvent {
    /// Its id; later events have larger ones.
    pub event_id: Uuid,
    /// What happened.
    pub kind: EventKind,
    /// When, in Unix seconds.
    pub at: i64,
    /// The address it came from.
    pub ip: Option<String>,
    /// The browser, in words for a person.
    pub device: String,
    /// The session concerned.
    pub session_id: Option<Uuid>,
    /// More about it, such as the reason of an ending.
    pub detail: Option<String>,
    /// How often it happened since then: the failed sign-ins of one hour are one entry.
    #[serde(default = "once")]
    pub times: u64,
}

fn once() -> u64 {
    1
}

/// An account in a few words: what the home page shows to whoever is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Who is signed in.
    pub username: String,
    /// How many live sessions the account has, this one included.
    pub sessions: u32,
    /// The newest of them.
    pub newest: NewestSignIn,
}

/// The sign-in that opened the newest live session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestSignIn {
    /// When, in Unix seconds.
    pub at: i64,
    /// The browser, in words for a person.
    pub device: String,
    /// Whether it is the session that asks.
    pub current: bool,
}

/// What can happen to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The account was made.
    SignUp,
    /// Somebody signed in.
    SignIn,
    /// Somebody tried to, with a wrong password.
    SignInFailed,
    /// Somebody signed out.
    SignOut,
    /// A session ended in another way; `detail` is the [`EndReason`].
    SessionEnded,
    /// A spent refresh token came back; its session was ended.
    RefreshTokenReused,
    /// A refresh was repeated long after its answer.
    RefreshRepeated,
    /// A refresh was ahead of the database, which had lost commits.
    RefreshedForward,
    /// The password was changed.
    PasswordChanged,
    /// An operator disabled the account.
    AccountDisabled,
    /// An operator enabled the account again.
    AccountEnabled,
    /// An operator forgave the failed sign-ins, so that the person can sign in.
    FailuresForgiven,
    /// A kind of a newer server.
    #[serde(other)]
    Unknown,
}

impl EventKind {
    /// The kind as it stands in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::SignIn => "sign_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SignOut => "sign_out",
            Self::SessionEnded => "session_ended",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::RefreshRepeated => "refresh_repeated",
            Self::RefreshedForward => "refreshed_forward",
            Self::PasswordChanged => "password_changed",
            Self::AccountDisabled => "account_disabled",
            Self::AccountEnabled => "account_enabled",
            Self::FailuresForgiven => "failures_forgiven",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The person signed out.
    Logout,
    /// A spent refresh token came back.
    Reuse,
    /// Its time was over, or it was idle for too long.
    Expired,
    /// The password was changed.
    PasswordChanged,
    /// The person ended it from another browser, or the cap on sessions did.
    EndedElsewhere,
    /// An operator disabled the account.
    AccountDisabled,
    /// The account was deleted.
    AccountDeleted,
    /// A reason of a newer server, or one that is not known any more.
    #[serde(other)]
    Unknown,
}

impl EndReason {
    /// The reason as it stands in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Reuse => "reuse",
            Self::Expired => "expired",
            Self::PasswordChanged => "password_changed",
            Self::EndedElsewhere => "ended_elsewhere",
            Self::AccountDisabled => "account_disabled",
            Self::AccountDeleted => "account_deleted",
            Self::Unknown => "unknown",
        }
    }

    /// The reason that is written like this; [`EndReason::Unknown`] for any other text.
    pub fn read(text: &str) -> Self {
        let known = [
            Self::Logout,
            Self::Reuse,
            Self::Expired,
            Self::PasswordChanged,
            Self::EndedElsewhere,
            Self::AccountDisabled,
            Self::AccountDeleted,
        ];
        known
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_member_is_refused() {
        let misspelt = r#"{"username": "ada", "password": "x", "rember": false}"#;
        assert!(serde_json::from_str::<LoginRequest>(misspelt).is_err());
    }

    #[test]
    fn remember_is_the_default() {
        let plain = r#"{"username": "ada", "password": "x"}"#;
        assert!(
            serde_json::from_str::<LoginRequest>(plain)
                .unwrap()
                .remember
        );
    }

    #[test]
    fn requests_and_answers_do_not_print_secrets() {
        let login = LoginRequest {
            username: "ada".into(),
            password: "correct horse".into(),
            remember: true,
        };
        assert!(!format!("{login:?}").contains("horse"));
    }

    #[test]
    fn kinds_and_reasons_are_the_same_words_in_json_and_sql() {
        let kind = serde_json::to_value(EventKind::RefreshTokenReused).unwrap();
        assert_eq!(kind, EventKind::RefreshTokenReused.as_str());
        let reason = serde_json::to_value(EndReason::EndedElsewhere).unwrap();
        assert_eq!(reason, EndReason::EndedElsewhere.as_str());
        assert_eq!(
            EndReason::read("ended_elsewhere"),
            EndReason::EndedElsewhere
        );
        assert_eq!(EndReason::read("made_up"), EndReason::Unknown);
    }
}
