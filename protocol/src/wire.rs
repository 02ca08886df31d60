//! The requests and answers between browser and server: paths and bodies.
//!
//! The server refuses unknown members of a request, so a misspelt option is an error and
//! not a silent default. The client ignores unknown members of an answer, so an old page
//! works with a newer server. Times are Unix seconds. Members of token answers have the
//! names of RFC 6749 §5.1.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cause::Cause;
use crate::secret::Secret;

/// The paths of all endpoints.
pub mod paths {
    /// `POST` [`super::SignupRequest`] → 201 [`super::Tokens`], with a recovery code.
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
    /// `GET` → 200 [`super::AccountData`], as a file.
    pub const ACCOUNT_DATA: &str = "/api/v1/account/data";
    /// `PUT` [`super::ChangePassword`] → 200 [`super::Tokens`] of a new session.
    pub const PASSWORD: &str = "/api/v1/account/password";
    /// `PUT` [`super::ChangeUsername`] → 200 [`super::Account`].
    pub const USERNAME: &str = "/api/v1/account/username";
    /// `GET` → 200 [`super::SignInNotices`]. `POST` of
    /// `/api/v1/account/notices/{session_id}/read`, without a body → 204.
    pub const NOTICES: &str = "/api/v1/account/notices";
    /// `POST` [`super::RecoverRequest`] → 200 [`super::Recovered`].
    pub const RECOVER: &str = "/api/v1/recover";
    /// `GET` → 200 [`super::RecoveryCodeState`]; `PUT` [`super::ReplaceRecoveryCode`] → 200
    /// [`super::NewRecoveryCode`].
    pub const RECOVERY_CODE: &str = "/api/v1/account/recovery-code";
    /// `POST` [`super::ConfirmRecoveryCode`] → 204.
    pub const RECOVERY_CODE_CONFIRMED: &str = "/api/v1/account/recovery-code/confirmed";
    /// `POST` [`super::PasswordEstimateRequest`] → 200 [`super::PasswordEstimate`].
    pub const PASSWORD_ESTIMATE: &str = "/api/v1/password-estimate";
    /// `GET` → 200 [`super::SessionList`]; `DELETE` [`super::EndSessions`] → 200
    /// [`super::EndedCount`]. `DELETE` [`super::EndSessions`] of
    /// `/api/v1/sessions/{session_id}` → 204; the own session needs no body. `PUT`
    /// [`super::NameSession`] of `/api/v1/sessions/{session_id}/name` → 204.
    pub const SESSIONS: &str = "/api/v1/sessions";
    /// `GET` → 200 [`super::SessionRow`], of the caller's own session.
    pub const SESSION_ROW: &str = "/api/v1/sessions/current/stored";
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
    /// All of this as a document (OpenAPI 3.1).
    pub const OPENAPI: &str = "/openapi.json";
    /// Answers 200 while the process runs.
    pub const HEALTHZ: &str = "/healthz";
    /// Answers 200 once the database is reachable and migrated.
    pub const READYZ: &str = "/readyz";
}

/// The header with which the caller of [`paths::SESSION_ROW`] shows that it holds the current refresh
/// token: the SHA-256 of the token's secret, in hexadecimal digits.
pub const TOKEN_HASH_HEADER: &str = "holdfast-token-hash";

/// The header of a sign-in from a known browser. It has the [`Tokens::known_browser`] of
/// earlier answers, separated by commas. Several people may use one browser; the server
/// picks the token that fits the username.
pub const KNOWN_BROWSER_HEADER: &str = "holdfast-known-browser";

/// How many of these tokens the server reads. Send the newest first.
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
    /// Letter case does not matter.
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

/// The answer to a sign-in and to every refresh (RFC 6749 §5.1).
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
    /// Seconds until the session is over; no refresh moves this date.
    pub refresh_expires_in: u64,
    /// Seconds until the session is over if it is not renewed before.
    pub refresh_idle_expires_in: u64,
    /// The session.
    pub session_id: Uuid,
    /// A later sign-in to the same account sends this token. It shows that the browser
    /// has signed in before, so the failures of strangers do not keep the person out. The
    /// answer has it when a session is opened (sign-up, sign-in, password change), never
    /// after a refresh. The token alone does not sign a person in. It is valid for a year, and
    /// outlives the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_browser: Option<Secret>,
    /// The recovery code of a new account; only the answer to a sign-up contains it. See
    /// [`crate::recovery_code`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_code: Option<Secret>,
    /// Whether the person has confirmed that they keep the newest recovery code. The answer
    /// has it when a session is opened, never after a refresh. If it is `false`, the client
    /// offers a new code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_code_confirmed: Option<bool>,
    /// The account that is signed in.
    pub account_id: Uuid,
}

/// The only token type (RFC 6750).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    /// Every client that has the token may use it.
    #[default]
    Bearer,
}

/// The signed-in account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id, which never changes.
    pub account_id: Uuid,
    /// Its name, as the person wrote it.
    pub username: String,
    /// When it was made, in Unix seconds.
    pub created_at: i64,
}

/// Everything that Holdfast has stored about an account, for its person. What would help somebody to
/// get in is left out: hashes of the password, of codes and of tokens. The data of an application are
/// not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountData {
    /// When it was read, in Unix seconds.
    pub read_at: i64,
    /// The account.
    pub account: Account,
    /// When the person last set the password, in Unix seconds.
    pub password_changed_at: i64,
    /// When the person set the password before that, in Unix seconds.
    pub previous_password_changed_at: Option<i64>,
    /// The names that the person has given up, and that are still reserved, the last one first.
    #[serde(default)]
    pub former_usernames: Vec<FormerUsernameData>,
    /// The wrong passwords in a row under this name, if there are any.
    pub failed_sign_ins: Option<FailedSignIns>,
    /// When an operator last reset that count, in Unix seconds.
    pub failures_forgiven_at: Option<i64>,
    /// The recovery codes that are valid, or wait to be confirmed. There are at most two.
    pub recovery_codes: Vec<RecoveryCodeData>,
    /// The last link that an operator made for a new password, until it is deleted.
    pub reset_link: Option<ResetLinkData>,
    /// The live sessions.
    pub sessions: Vec<SessionData>,
    /// The sign-ins from unknown browsers that the person has not read about yet.
    #[serde(default)]
    pub sign_in_notices: Vec<SignInNoticeData>,
    /// What happened to the account, the newest first. The server sends it piece by piece, so it is the
    /// last member.
    pub activity: Vec<ActivityData>,
}

/// A name that the person has given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerUsernameData {
    /// The name, in lower case.
    pub username: String,
    /// When the person gave it up, in Unix seconds.
    pub given_up_at: i64,
    /// Until when nobody else can choose it, in Unix seconds.
    pub reserved_until: i64,
}

/// A sign-in from an unknown browser that the person has not read about yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInNoticeData {
    /// The session that it opened.
    pub session_id: Uuid,
    /// When it was, in Unix seconds.
    pub at: i64,
    /// From which address.
    pub ip: Option<String>,
    /// The browser's `User-Agent` header.
    pub user_agent: Option<String>,
}

/// Wrong passwords in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedSignIns {
    /// How many.
    pub times: u64,
    /// When the last one was, in Unix seconds.
    pub last_at: i64,
}

/// A live session, with everything that is stored about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionData {
    /// The session.
    #[serde(flatten)]
    pub session: SessionInfo,
    /// Whether the person chose to stay signed in.
    pub remember: bool,
    /// After how many seconds without a renewal it is over.
    pub idle_seconds: u64,
}

/// A recovery code, without the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodeData {
    /// When it was made, in Unix seconds.
    pub made_at: i64,
    /// When the person confirmed that they keep it, in Unix seconds.
    pub confirmed_at: Option<i64>,
}

/// An operator's link for a new password, without its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetLinkData {
    /// When it was made, in Unix seconds.
    pub made_at: i64,
    /// Until when it is valid, in Unix seconds.
    pub expires_at: i64,
    /// When it was used, in Unix seconds.
    pub used_at: Option<i64>,
}

/// An event, with everything that is stored about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityData {
    /// The event.
    #[serde(flatten)]
    pub event: ActivityEvent,
    /// The browser's `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `User-Agent` header of the session that ended. Absent if no session ended, or if it is not
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_user_agent: Option<String>,
}

/// Deletes the account. The person has to confirm the password.
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

/// Changes the username. The person has to confirm the password. No session ends.
///
/// The name until now stays reserved for the account for thirty days. A repeated request, whose name
/// the account already has, gets the same answer and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeUsername {
    /// See [`crate::username`].
    pub username: String,
    /// The account's password.
    pub password: Secret,
}

/// Sets a new password with the recovery code, and ends every session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoverRequest {
    /// Letter case does not matter.
    pub username: String,
    /// See [`crate::recovery_code`].
    pub recovery_code: Secret,
    /// See [`crate::password`].
    pub new_password: Secret,
}

/// The answer to a recovery. There is no session yet: the person signs in with the new
/// password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// The next recovery code. The code that was just used stays valid until the person has
    /// confirmed or used this new code.
    pub recovery_code: Secret,
    /// The account's present name, with which the person signs in. The request may have had a name that
    /// the account has given up. Absent from a server that does not know of changes of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The client sends this token with the next sign-in. It shows the server that this browser is
    /// known; see [`Tokens::known_browser`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_browser: Option<Secret>,
}

/// Whether an account has a recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodeState {
    /// When the newest code was made, in Unix seconds; absent if there is none.
    pub made_at: Option<i64>,
    /// Whether the person has confirmed that they keep the newest code.
    pub confirmed: bool,
}

/// Makes a new recovery code. The person has to confirm the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceRecoveryCode {
    /// The account's password.
    pub password: Secret,
}

/// A new recovery code, which is shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRecoveryCode {
    /// The code. The last code that the person has confirmed or used stays valid until the person
    /// has confirmed or used this one.
    pub recovery_code: Secret,
}

/// Confirms that the person keeps the newest recovery code. After that, the previous code is not
/// valid any more.
///
/// The request names the code. So a code that another tab has replaced meanwhile cannot be
/// confirmed by mistake, and a thief with an access token cannot confirm a code at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRecoveryCode {
    /// The code that the person keeps.
    pub recovery_code: Secret,
}

/// Asks, while a person types a new password, how easy it is to guess.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordEstimateRequest {
    /// The name of the account, if it is known.
    #[serde(default)]
    pub username: Option<String>,
    /// The password as far as it is typed.
    pub password: Secret,
}

/// How easy a password is to guess. The server does not keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordEstimate {
    /// From 0 (guessed at once) to 4. A score of 3 or 4 is accepted.
    pub score: u8,
    /// Why the password is not accepted, in the words of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The same as a cause, for a page in another language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// How to improve the password. The error answer contains the warning first, and then these
    /// suggestions.
    #[serde(default)]
    pub suggestions: Vec<String>,
}

/// The live sessions of an account, the most recently used first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// At most as many as the server allows for one account.
    pub sessions: Vec<SessionInfo>,
}

/// One live session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Its id.
    pub session_id: Uuid,
    /// Whether this request came from it.
    pub current: bool,
    /// The sign-in, in Unix seconds.
    pub created_at: i64,
    /// The last renewal, in Unix seconds, rounded down to 5 minutes, so that a thief
    /// cannot see when the person renews.
    pub last_used_at: i64,
    /// When it is over at the latest, in Unix seconds.
    pub expires_at: i64,
    /// The address from which it was last renewed.
    pub ip: Option<String>,
    /// The browser's `User-Agent` header.
    pub user_agent: Option<String>,
    /// The browser in words for a person: "Firefox on Linux".
    pub device: String,
    /// The name that the person has given to the browser. A thief may have given it, so show the device
    /// beside it. Absent from a server that knows no names.
    #[serde(default)]
    pub name: Option<String>,
}

/// Gives the browser of a session of the account a name, or takes the name away. A repeated request
/// changes nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameSession {
    /// See [`crate::session_name`]. `null` takes the name away; a request without this member is
    /// refused.
    #[serde(deserialize_with = "Option::deserialize")]
    pub name: Option<String>,
}

/// Ends other sessions of the account. The person has to confirm the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndSessions {
    /// The account's password.
    pub password: Secret,
}

/// Sign-ins from browsers that the account did not know, after the session of the caller was opened, the
/// newest first. Each of them is here until the person has read it in one of the sessions that are older
/// than the sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInNotices {
    /// The newest ones. When the person has read one, an older one may follow.
    pub notices: Vec<SignInNotice>,
}

/// A sign-in from a browser that the account did not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInNotice {
    /// The session that it opened. It may be over.
    pub session_id: Uuid,
    /// When it was, in Unix seconds.
    pub at: i64,
    /// From which address.
    pub ip: Option<String>,
    /// The browser, in words for a person.
    pub device: String,
}

/// What the database holds of the caller's own session.
///
/// The database has no token, so this has none either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session.
    pub session_id: Uuid,
    /// The sign-in, in Unix seconds.
    pub created_at: i64,
    /// The last renewal, in Unix seconds, rounded like [`SessionInfo::last_used_at`].
    pub last_used_at: i64,
    /// When it is over at the latest, in Unix seconds. No statement changes it after the sign-in.
    pub expires_at: i64,
    /// How many seconds it may go without a renewal.
    pub idle_seconds: i64,
    /// What a renewal changes. It is there only if the request has shown by [`TOKEN_HASH_HEADER`] that
    /// the caller holds the current refresh token. With an access token alone, the caller learns of a
    /// renewal no more than from the rounded time.
    pub link: Option<StoredLink>,
}

/// What the database holds of the current refresh token of a session.
///
/// The hashes may be shown to the owner: each is made from 128 or 256 random bits, which an attacker
/// cannot find by trying, and the server accepts no hash in place of a token or an attempt key. Nothing
/// here helps to make a token, because its MAC needs a key of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLink {
    /// The link number of the current refresh token.
    pub generation: u32,
    /// SHA-256 of the secret in the current refresh token, in hexadecimal digits. The hash of the
    /// token before is not there: the hash of its successor has overwritten it.
    pub token_hash: String,
    /// The marks of the last attempt keys, the newest first, in hexadecimal digits: the first eight
    /// bytes of the SHA-256 of each. A rotation without a key is not among them.
    pub attempt_marks: Vec<String>,
}

/// How many sessions a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedCount {
    /// Their number.
    pub ended: u64,
}

/// A page of an account's activity, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityPage {
    /// The events of this page.
    pub events: Vec<ActivityEvent>,
    /// Pass it as `before` for the next page; absent on the last one. It is not always the id of the last
    /// event: wrong passwords may stand before events with larger ids.
    pub next: Option<String>,
    /// For how long events are kept. Absent from a server that does not say it.
    #[serde(default)]
    pub kept_seconds: Option<u64>,
}

/// Something that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityEvent {
    /// Its id; later events have larger ones. If an entry counts several occurrences, its id may be up to
    /// an hour older than `at`.
    pub event_id: Uuid,
    /// What happened.
    pub kind: EventKind,
    /// When, in Unix seconds. If an entry counts several occurrences, this is the last one.
    pub at: i64,
    /// The client's address.
    pub ip: Option<String>,
    /// The browser, in words for a person. If a session was ended from another one, it is the browser of
    /// the other one.
    pub device: String,
    /// The browser of the session that ended, in words for a person. Absent if no session ended, or if it
    /// is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_device: Option<String>,
    /// The session to which it happened, if there is one.
    pub session_id: Option<Uuid>,
    /// More about it, such as the reason of an ending.
    pub detail: Option<String>,
    /// How often it happened within an hour, up to `at`. The failed sign-ins of one hour are one entry for
    /// each session, one for all browsers that the account knows, and up to four for all others. A change of
    /// the password begins new entries.
    #[serde(default = "once")]
    pub times: u64,
}

fn once() -> u64 {
    1
}

/// What the home page shows to a signed-in person about their account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The name of the account.
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
    /// Whether it opened the session of this request.
    pub current: bool,
}

/// What can happen to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The account was made.
    SignUp,
    /// A client signed in.
    SignIn,
    /// A client tried to sign in with a wrong password. With a `session_id`, it was entered in that session, to
    /// confirm something.
    SignInFailed,
    /// A client signed out.
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
    /// The username was changed; `detail` has both names.
    UsernameChanged,
    /// A person set a new password with the recovery code or an operator's link. All sessions ended.
    Recovered,
    /// A new recovery code was made, after the person had confirmed the password.
    RecoveryCodeMade,
    /// The person confirmed that they keep the newest recovery code.
    RecoveryCodeConfirmed,
    /// An operator disabled the account.
    AccountDisabled,
    /// An operator enabled the account again.
    AccountEnabled,
    /// An operator reset the count of failed sign-ins, so that the person can sign in.
    FailuresForgiven,
    /// An operator made a link with which the person can set a new password.
    ResetLinkMade,
    /// A kind that only a newer server knows.
    #[serde(other)]
    Unknown,
}

impl EventKind {
    /// Every kind that a server of this version writes. [`EventKind::Unknown`] is only read.
    pub const ALL: &'static [Self] = &[
        Self::SignUp,
        Self::SignIn,
        Self::SignInFailed,
        Self::SignOut,
        Self::SessionEnded,
        Self::RefreshTokenReused,
        Self::RefreshRepeated,
        Self::RefreshedForward,
        Self::PasswordChanged,
        Self::UsernameChanged,
        Self::Recovered,
        Self::RecoveryCodeMade,
        Self::RecoveryCodeConfirmed,
        Self::AccountDisabled,
        Self::AccountEnabled,
        Self::FailuresForgiven,
        Self::ResetLinkMade,
    ];

    /// The kind as it is written in JSON and in the database.
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
            Self::UsernameChanged => "username_changed",
            Self::Recovered => "recovered",
            Self::RecoveryCodeMade => "recovery_code_made",
            Self::RecoveryCodeConfirmed => "recovery_code_confirmed",
            Self::AccountDisabled => "account_disabled",
            Self::AccountEnabled => "account_enabled",
            Self::FailuresForgiven => "failures_forgiven",
            Self::ResetLinkMade => "reset_link_made",
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
    /// It expired, or it was idle for too long.
    Expired,
    /// The password was changed.
    PasswordChanged,
    /// The person ended it from another browser, or the account had too many sessions.
    EndedElsewhere,
    /// An operator disabled the account.
    AccountDisabled,
    /// The account was deleted.
    AccountDeleted,
    /// A reason that only a newer server knows, or a reason that the server does not know any more.
    #[serde(other)]
    Unknown,
}

impl EndReason {
    /// Every reason that a server of this version writes. [`EndReason::Unknown`] is only read.
    pub const ALL: &'static [Self] = &[
        Self::Logout,
        Self::Reuse,
        Self::Expired,
        Self::PasswordChanged,
        Self::EndedElsewhere,
        Self::AccountDisabled,
        Self::AccountDeleted,
    ];

    /// The reason as it is written in the database and in logs.
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

    /// The reason that is written as `text`; [`EndReason::Unknown`] for any other text.
    pub fn read(text: &str) -> Self {
        let mut known = Self::ALL.iter().copied();
        known
            .find(|reason| reason.as_str() == text)
            .unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind that is written. A kind that is missing here does not compile.
    fn kinds() -> Vec<EventKind> {
        use EventKind::{
            AccountDisabled, AccountEnabled, FailuresForgiven, PasswordChanged, Recovered,
            RecoveryCodeConfirmed, RecoveryCodeMade, RefreshRepeated, RefreshTokenReused,
            RefreshedForward, ResetLinkMade, SessionEnded, SignIn, SignInFailed, SignOut, SignUp,
            Unknown, UsernameChanged,
        };
        let next = |kind| match kind {
            SignUp => Some(SignIn),
            SignIn => Some(SignInFailed),
            SignInFailed => Some(SignOut),
            SignOut => Some(SessionEnded),
            SessionEnded => Some(RefreshTokenReused),
            RefreshTokenReused => Some(RefreshRepeated),
            RefreshRepeated => Some(RefreshedForward),
            RefreshedForward => Some(PasswordChanged),
            PasswordChanged => Some(UsernameChanged),
            UsernameChanged => Some(Recovered),
            Recovered => Some(RecoveryCodeMade),
            RecoveryCodeMade => Some(RecoveryCodeConfirmed),
            RecoveryCodeConfirmed => Some(AccountDisabled),
            AccountDisabled => Some(AccountEnabled),
            AccountEnabled => Some(FailuresForgiven),
            FailuresForgiven => Some(ResetLinkMade),
            // This is read from a newer server, and never written.
            ResetLinkMade | Unknown => None,
        };
        std::iter::successors(Some(SignUp), |kind| next(*kind)).collect()
    }

    /// Every reason that is written. A reason that is missing here does not compile.
    fn reasons() -> Vec<EndReason> {
        use EndReason::{
            AccountDeleted, AccountDisabled, EndedElsewhere, Expired, Logout, PasswordChanged,
            Reuse, Unknown,
        };
        let next = |reason| match reason {
            Logout => Some(Reuse),
            Reuse => Some(Expired),
            Expired => Some(PasswordChanged),
            PasswordChanged => Some(EndedElsewhere),
            EndedElsewhere => Some(AccountDisabled),
            AccountDisabled => Some(AccountDeleted),
            AccountDeleted | Unknown => None,
        };
        std::iter::successors(Some(Logout), |reason| next(*reason)).collect()
    }

    #[test]
    fn the_lists_have_every_word_that_is_written() {
        assert_eq!(EventKind::ALL, kinds());
        assert_eq!(EndReason::ALL, reasons());
    }

    #[test]
    fn a_misspelt_member_is_refused() {
        let misspelt = r#"{"username": "ada", "password": "x", "rember": false}"#;
        assert!(serde_json::from_str::<LoginRequest>(misspelt).is_err());
    }

    /// The client of this version reads what a newer server answers.
    #[test]
    fn a_member_or_a_word_of_a_newer_server_is_ignored() {
        fn reads<T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
            value: T,
        ) {
            let mut json = serde_json::to_value(&value).unwrap();
            json["made_up_next_year"] = serde_json::json!({ "a": [1] });
            assert_eq!(serde_json::from_value::<T>(json).unwrap(), value);
        }
        reads(Tokens {
            access_token: "a".into(),
            token_type: TokenType::Bearer,
            expires_in: 300,
            refresh_token: "r".into(),
            refresh_expires_in: 1,
            refresh_idle_expires_in: 1,
            session_id: Uuid::from_u128(1),
            known_browser: None,
            recovery_code: None,
            recovery_code_confirmed: None,
            account_id: Uuid::from_u128(2),
        });
        reads(Account {
            account_id: Uuid::from_u128(2),
            username: "ada".to_owned(),
            created_at: 0,
        });
        reads(SessionList {
            sessions: Vec::new(),
        });
        reads(EndedCount { ended: 1 });
        reads(SessionRow {
            session_id: Uuid::from_u128(1),
            created_at: 0,
            last_used_at: 0,
            expires_at: 0,
            idle_seconds: 1,
            link: Some(StoredLink {
                generation: 3,
                token_hash: "ab".to_owned(),
                attempt_marks: vec!["cd".to_owned()],
            }),
        });
        let event = r#"{
            "event_id": "00000000-0000-0000-0000-000000000001", "kind": "made_up_next_year",
            "at": 0, "ip": null, "device": "", "session_id": null, "detail": null, "more": 1
        }"#;
        let event: ActivityEvent = serde_json::from_str(event).unwrap();
        assert_eq!(event.kind, EventKind::Unknown);
        assert_eq!(event.ended_device, None);
    }

    #[test]
    fn a_session_of_a_server_that_knows_no_names_has_none() {
        let session = r#"{
            "session_id": "00000000-0000-0000-0000-000000000001", "current": true, "created_at": 0,
            "last_used_at": 0, "expires_at": 0, "ip": null, "user_agent": null, "device": ""
        }"#;
        let session: SessionInfo = serde_json::from_str(session).unwrap();
        assert_eq!(session.name, None);
    }

    #[test]
    fn a_name_is_taken_away_by_null_alone() {
        let read = |json| serde_json::from_str::<NameSession>(json);
        assert_eq!(read(r#"{"name": null}"#).unwrap().name, None);
        assert_eq!(read(r#"{"name": "x"}"#).unwrap().name.as_deref(), Some("x"));
        assert!(read("{}").is_err());
        assert!(read(r#"{"nmae": "x"}"#).is_err());
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
        for kind in [
            EventKind::Recovered,
            EventKind::RecoveryCodeMade,
            EventKind::RecoveryCodeConfirmed,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        let reason = serde_json::to_value(EndReason::EndedElsewhere).unwrap();
        assert_eq!(reason, EndReason::EndedElsewhere.as_str());
        assert_eq!(
            EndReason::read("ended_elsewhere"),
            EndReason::EndedElsewhere
        );
        assert_eq!(EndReason::read("made_up"), EndReason::Unknown);
    }
}
