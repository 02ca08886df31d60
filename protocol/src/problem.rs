//! Errors on the wire (RFC 9457), and what each one means to a client.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cause::Cause;
use crate::wire::EndReason;

/// The media type of every error answer.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The body of an error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A URI that names the kind of problem: `urn:holdfast:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: Box<str>,
    /// The kind of problem in a few words; the same for every occurrence.
    pub title: Box<str>,
    /// The HTTP status, repeated.
    pub status: u16,
    /// What happened this time, in a sentence for a person.
    pub detail: String,
    /// The code by which a program decides.
    pub code: Code,
    /// Why the session ended. Only with `session_ended`, and only as long as the server
    /// still knows the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
    /// Which of the errors with this code it is. `detail` says the same in English. A program
    /// decides by the code alone; a page in another language chooses its sentence by the cause, if
    /// the code may have it ([`Code::may_have`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The id of this request in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Box<str>>,
    /// Seconds to wait before trying again. Travels as the `Retry-After` header,
    /// not in the body; the client fills it in.
    #[serde(skip)]
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem with this code, and a sentence about what happened this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:holdfast:problem:{}", code.as_str()).into(),
            title: code.title().into(),
            status: code.status(),
            detail: detail.into(),
            code,
            reason: None,
            cause: None,
            request_id: None,
            retry_after: None,
        }
    }
}

impl Problem {
    /// What it means to a client's session. The status decides about a code that this client does not
    /// know, so that it works with a newer server: 429 and 5xx mean that nothing is lost, and that a
    /// later try may succeed. Any other status is about the request.
    pub fn meaning(&self) -> Meaning {
        match (self.code, self.status) {
            (Code::Other(_) | Code::Unknown, 429 | 500..) => Meaning::Later,
            (Code::Other(_) | Code::Unknown, 400..) => Meaning::Request,
            (code, _) => code.meaning(),
        }
    }
}

/// What an error means to a client's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The access token is invalid or has expired: renew once and repeat the call.
    Renew,
    /// The session is over and cannot be renewed: clear it.
    SessionOver,
    /// The server did not make this refresh token: clear it, if it is still the one in
    /// storage.
    TokenUnknown,
    /// Another request was faster: wait, then read storage again.
    Conflict,
    /// Nothing is lost; try again later, not before `Retry-After`.
    Later,
    /// The request itself is wrong; the session does not change.
    Request,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal, $meaning:ident;)*) => {
        /// Every error that Holdfast answers. One list for both sides.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// A code of an application, or of a newer server. The status says what it means
            /// ([`Problem::meaning`]). Nothing is lost.
            Other(OtherCode),
            /// Text that is no code. Treated in the same way.
            Unknown,
        }

        impl Code {
            /// Every code that a server of this version answers.
            pub const ALL: &'static [Code] = &[$(Self::$name,)*];

            /// The code as it is written in JSON.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(other) => other.as_str(),
                    Self::Unknown => "unknown",
                }
            }

            fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)*
                    "unknown" => Self::Unknown,
                    _ => OtherCode::new(text).map_or(Self::Unknown, Self::Other),
                }
            }

            /// The HTTP status it is answered with. An application may choose another one for its
            /// own code.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* Self::Other(_) => 400, Self::Unknown => 500 }
            }

            /// The kind of problem in a few words.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                    Self::Other(_) => "Request not accepted",
                    Self::Unknown => "Unknown problem",
                }
            }

            /// What it means to a client's session, if nothing else is known; see
            /// [`Problem::meaning`].
            pub fn meaning(self) -> Meaning {
                match self {
                    $(Self::$name => Meaning::$meaning,)*
                    Self::Other(_) => Meaning::Request,
                    Self::Unknown => Meaning::Later,
                }
            }
        }
    };
}

codes! {
    /// 401. A protected call without an access token.
    AccessTokenMissing = "access_token_missing", 401, "Access token missing", Request;
    /// 401. This server did not make the access token, or the token is for another server.
    AccessTokenInvalid = "access_token_invalid", 401, "Access token invalid", Renew;
    /// 401. A genuine access token that has expired.
    AccessTokenExpired = "access_token_expired", 401, "Access token expired", Renew;
    /// 401. The session is over; sign in again.
    SessionEnded = "session_ended", 401, "Session ended", SessionOver;
    /// 401. Not a refresh token of this server.
    RefreshTokenInvalid = "refresh_token_invalid", 401, "Refresh token invalid", TokenUnknown;
    /// 401. The session has expired; sign in again.
    RefreshTokenExpired = "refresh_token_expired", 401, "Refresh token expired", SessionOver;
    /// 401. A spent refresh token came back and nothing explains it. The session
    /// has been ended.
    RefreshTokenReused = "refresh_token_reused", 401, "Refresh token reused", SessionOver;
    /// 409. The token was spent by a race or is a late duplicate. Nothing changed.
    RefreshConflict = "refresh_conflict", 409, "Refresh conflict", Conflict;
    /// 401. Unknown account or wrong password: one answer for both.
    InvalidCredentials = "invalid_credentials", 401, "Wrong username or password", Request;
    /// 409. Another account has this name.
    UsernameTaken = "username_taken", 409, "Username taken", Request;
    /// 422. The username breaks a rule; `cause` and `detail` say which.
    UsernameNotAccepted = "username_not_accepted", 422, "Username not accepted", Request;
    /// 422. The password breaks a rule; `cause` and `detail` say which.
    PasswordNotAccepted = "password_not_accepted", 422, "Password not accepted", Request;
    /// 422. The name of a browser breaks a rule; `cause` and `detail` say which.
    SessionNameNotAccepted = "session_name_not_accepted", 422, "Session name not accepted", Request;
    /// 403. The account has been disabled.
    AccountDisabled = "account_disabled", 403, "Account disabled", SessionOver;
    /// 429. Slow down; `Retry-After` says for how long.
    TooManyAttempts = "too_many_attempts", 429, "Too many attempts", Later;
    /// 400 (415 for a wrong content type, 408 for a body that came too slowly, 403 for a
    /// page of another site). The request is not well formed.
    MalformedRequest = "malformed_request", 400, "Malformed request", Request;
    /// 413. The body is larger than the limit.
    PayloadTooLarge = "payload_too_large", 413, "Request too large", Request;
    /// 404. There is nothing at this address.
    NotFound = "not_found", 404, "Not found", Request;
    /// 405. The address does not have this method; `Allow` lists the methods that it has.
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed", Request;
    /// 503. Try again after `Retry-After`; nothing is lost.
    TemporarilyUnavailable = "temporarily_unavailable", 503, "Temporarily unavailable", Later;
    /// 500. The server has a fault; its log says more.
    Internal = "internal", 500, "Internal error", Later;
}

impl Code {
    /// Whether an error with this code can have this cause. A newer server may give a known cause to
    /// another code, and so may an application. A sentence about the cause would be wrong there.
    pub fn may_have(self, cause: Cause) -> bool {
        match cause {
            Cause::Empty | Cause::TooLong | Cause::ForbiddenCharacter => matches!(
                self,
                Self::UsernameNotAccepted
                    | Self::PasswordNotAccepted
                    | Self::SessionNameNotAccepted
            ),
            Cause::TooShort => {
                matches!(self, Self::UsernameNotAccepted | Self::PasswordNotAccepted)
            }
            Cause::EdgeCharacter
            | Cause::InPassword
            | Cause::ChangedLately
            | Cause::TooManyReserved => matches!(self, Self::UsernameNotAccepted),
            Cause::Unchanged
            | Cause::SimplePattern
            | Cause::EasyToGuess
            | Cause::WellKnownExample
            | Cause::Top10Password
            | Cause::Top100Password
            | Cause::CommonPassword
            | Cause::LikeCommonPassword
            | Cause::KeyboardRow
            | Cause::KeyboardPattern
            | Cause::RepeatedCharacter
            | Cause::RepeatedPattern
            | Cause::Sequence
            | Cause::RecentYear
            | Cause::Date
            | Cause::SingleWord
            | Cause::SingleName
            | Cause::CommonName => matches!(self, Self::PasswordNotAccepted),
            Cause::TooManyFailures => matches!(self, Self::TooManyAttempts),
            Cause::WrongPassword | Cause::WrongRecoveryCode => {
                matches!(self, Self::InvalidCredentials)
            }
            Cause::NoSuchSession | Cause::NotTheRecoveryCode => matches!(self, Self::NotFound),
            Cause::Saturated => matches!(self, Self::TemporarilyUnavailable),
            Cause::OtherSite | Cause::TooSlow | Cause::MediaType => {
                matches!(self, Self::MalformedRequest)
            }
            Cause::Unknown => false,
        }
    }
}

/// The most bytes of the code of an application.
const LONGEST_OTHER: usize = 30;

/// A code that is not one of Holdfast: 1 to 30 lower-case letters of ASCII, digits and `_`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OtherCode {
    bytes: [u8; LONGEST_OTHER],
    length: u8,
}

impl OtherCode {
    /// `None` if the text has another form.
    pub fn new(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if text.is_empty() || !text.bytes().all(fits) {
            return None;
        }
        let mut bytes = [0; LONGEST_OTHER];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        let length = u8::try_from(text.len()).ok()?;
        Some(Self { bytes, length })
    }

    /// The code as it is written in JSON.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length));
        bytes
            .and_then(|bytes| str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl fmt::Debug for OtherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self::parse(&text))
    }
}

/// A time to wait before the next try, for a person: seconds up to a minute and a half, then minutes
/// up to an hour and a half, then hours, rounded up.
pub fn pause_in_words(seconds: u32) -> String {
    match seconds {
        0 | 1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        91..=5400 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(60 * 60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_written_and_read_the_same() {
        for code in Code::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{}\"", code.as_str()));
            assert_eq!(serde_json::from_str::<Code>(&json).unwrap(), *code);
            assert!((400..600).contains(&code.status()));
        }
        assert_eq!(Code::ALL.len(), 21);
    }

    #[test]
    fn a_code_from_the_future_loses_nothing() {
        let code: Code = serde_json::from_str("\"made_up_next_year\"").unwrap();
        assert_eq!(code.as_str(), "made_up_next_year");
        assert_eq!(code.meaning(), Meaning::Request);
        let json = serde_json::to_string(&code).unwrap();
        assert_eq!(json, "\"made_up_next_year\"");
        let long = format!("\"{}\"", "a".repeat(31));
        for no_code in ["\"\"", "\"Two words\"", "\"ä\"", &long] {
            let code: Code = serde_json::from_str(no_code).unwrap();
            assert_eq!(code, Code::Unknown, "{no_code}");
            assert_eq!(code.meaning(), Meaning::Later);
        }
    }

    #[test]
    fn the_status_says_what_a_code_from_the_future_means() {
        for code in ["\"made_up_next_year\"", "\"No code\""] {
            let mut problem = Problem::new(serde_json::from_str(code).unwrap(), "");
            for (status, meaning) in [
                (400, Meaning::Request),
                (401, Meaning::Request),
                (403, Meaning::Request),
                (404, Meaning::Request),
                (429, Meaning::Later),
                (500, Meaning::Later),
                (503, Meaning::Later),
            ] {
                problem.status = status;
                assert_eq!(problem.meaning(), meaning, "{code} {status}");
            }
        }
        // The status of a known code says nothing more.
        let mut problem = Problem::new(Code::SessionEnded, "");
        problem.status = 503;
        assert_eq!(problem.meaning(), Meaning::SessionOver);
    }

    /// A newer server may add members to every body.
    #[test]
    fn a_member_from_the_future_is_ignored() {
        let problem = Problem::new(Code::TooManyAttempts, "Wait.");
        let mut json = serde_json::to_value(&problem).unwrap();
        json["made_up_next_year"] = serde_json::json!({ "a": [1] });
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }

    /// Clippy warns of larger errors, also in an application whose functions return them.
    #[test]
    fn a_problem_is_a_small_error() {
        assert!(size_of::<Problem>() < 128, "{}", size_of::<Problem>());
    }

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_our_code() {
        let problem = Problem::new(Code::SessionEnded, "The session is over.");
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:holdfast:problem:session_ended",
                "title": "Session ended",
                "status": 401,
                "detail": "The session is over.",
                "code": "session_ended",
            })
        );
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }

    #[test]
    fn a_reason_is_told_and_one_from_the_future_loses_nothing() {
        let mut problem = Problem::new(Code::SessionEnded, "The session is over.");
        problem.reason = Some(EndReason::PasswordChanged);
        let mut json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["reason"], "password_changed");
        json["reason"] = "made_up_next_year".into();
        let read: Problem = serde_json::from_value(json).unwrap();
        assert_eq!(read.code, Code::SessionEnded);
        assert_eq!(read.reason, Some(EndReason::Unknown));
    }

    #[test]
    fn a_cause_is_told_and_one_from_the_future_changes_nothing() {
        let mut problem = Problem::new(Code::UsernameNotAccepted, "Choose another name.");
        problem.cause = Some(Cause::InPassword);
        let mut json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["cause"], "in_password");
        let read: Problem = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(read, problem);
        json["cause"] = "made_up_next_year".into();
        let read: Problem = serde_json::from_value(json).unwrap();
        assert_eq!(read.cause, Some(Cause::Unknown));
        assert_eq!(read.code, problem.code);
        assert_eq!(read.meaning(), problem.meaning());
    }

    #[test]
    fn a_cause_belongs_to_the_codes_that_its_documentation_names() {
        let documentation = include_str!("cause.rs");
        for &cause in Cause::ALL {
            let value = format!("= \"{}\";", cause.as_str());
            let (before, _) = documentation.split_once(&value).unwrap();
            let lines: Vec<_> = before.lines().rev().skip(1).map(str::trim).collect();
            let of_value = lines.iter().take_while(|line| line.starts_with("///"));
            let said: String = of_value.copied().collect();
            for &code in Code::ALL {
                let is_named = said.contains(&format!("`{}`", code.as_str()));
                assert_eq!(code.may_have(cause), is_named, "{code:?} {cause:?}");
            }
        }
        for code in [
            Code::Other(OtherCode::new("too_late").unwrap()),
            Code::Unknown,
        ] {
            assert!(
                !Cause::ALL.iter().any(|cause| code.may_have(*cause)),
                "{code:?}"
            );
        }
    }

    #[test]
    fn only_an_answer_about_the_session_ends_it() {
        for code in Code::ALL {
            let over = matches!(code.meaning(), Meaning::SessionOver | Meaning::TokenUnknown);
            assert!(!over || matches!(code.status(), 401 | 403), "{code:?}");
        }
    }

    #[test]
    fn a_pause_is_never_said_shorter_than_it_is() {
        for (seconds, words) in [
            (0, "a second"),
            (1, "a second"),
            (2, "2 seconds"),
            (90, "90 seconds"),
            (91, "2 minutes"),
            (120, "2 minutes"),
            (121, "3 minutes"),
        ] {
            assert_eq!(pause_in_words(seconds), words);
        }
    }
}
