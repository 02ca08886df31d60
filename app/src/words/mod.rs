//! All words of the pages, in each language.
//!
//! `parts.rs` says which words a language needs, and each other file has them in one language. A person
//! who adds a language adds files like `german.rs` and `flow_german.rs`, a variant of [`Language`] and a
//! line at each place that names German; the compiler says what is missing.
//!
//! The words of English are in the code of the pages that say them. The words of another language are a
//! piece of the code of their own, which only the readers of that language load.
//!
//! The page of the flow has many words, and few people open it. So its words are in files of their own
//! (`flow_parts.rs` and one for each language), and those of both languages are in the piece of this page.
//! The few words of the page for a fault are in `fault.rs`, in all languages, because only the server has them.

mod english;
mod fault;
mod flow_english;
mod flow_german;
mod flow_parts;
mod german;
mod language;
mod parts;

use futures::FutureExt as _;

pub use fault::{Fault, faults};
pub use flow_parts::{
    ActionWords, AnswerWords, EventWords, FlowWords, LineWords, RaceWords, RowWords, SpanUnit,
    StepWords, TokenWords,
};
pub use language::Language;
use parts::{
    Account, Activity, Data, Dates, Devices, Document, EndSessions, Errors, Fields, Frame, Home,
    KeepCode, Overview, Password, Recover, RecoveryCode, Rules, Sessions, SignIn, SignInNotice,
    SignUp, Username,
};
pub use parts::{DataToRead, Ended, Link, Text, TimeUnit};

use crate::pieces::{self, Loading, Missing};

/// The words of the page, in its language.
#[derive(Clone, Copy)]
pub struct Words {
    /// All words of another language than English.
    other: Option<&'static All>,
}

/// Makes the type with all words of a language, a value of it for German, and a function of [`Words`] for
/// each part.
macro_rules! parts {
    ($($(#[$doc:meta])* $part:ident: $kind:ident = $value:ident;)*) => {
        struct All {
            $($part: &'static $kind,)*
        }

        static GERMAN: All = All {
            $($part: &german::$value,)*
        };

        impl Words {
            $($(#[$doc])*
            pub fn $part(self) -> &'static $kind {
                match self.other {
                    None => &english::$value,
                    Some(all) => all.$part,
                }
            })*
        }
    };
}

parts! {
    document: Document = DOCUMENT;
    frame: Frame = FRAME;
    home: Home = HOME;
    overview: Overview = OVERVIEW;
    dates: Dates = DATES;
    devices: Devices = DEVICES;
    errors: Errors = ERRORS;
    rules: Rules = RULES;
    fields: Fields = FIELDS;
    sign_in: SignIn = SIGN_IN;
    sign_up: SignUp = SIGN_UP;
    recover: Recover = RECOVER;
    keep_code: KeepCode = KEEP_CODE;
    recovery_code: RecoveryCode = RECOVERY_CODE;
    account: Account = ACCOUNT;
    sessions: Sessions = SESSIONS;
    end_sessions: EndSessions = END_SESSIONS;
    sign_in_notice: SignInNotice = SIGN_IN_NOTICE;
    activity: Activity = ACTIVITY;
    password: Password = PASSWORD;
    username: Username = USERNAME;
    data: Data = DATA;
    data_to_read: DataToRead = DATA_TO_READ;
}

/// The name of the piece with the words of German.
const GERMAN_PIECE: &str = "german";

#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(
    german,
    fallible,
    preload(
        #[allow(unsafe_code)]
        load_german
    ),
    wasm_split_path = leptos::wasm_split
)]
#[allow(unsafe_code)]
fn german_words() -> Result<&'static All, Missing> {
    Ok(&GERMAN)
}

#[cfg(not(feature = "split"))]
async fn german_words() -> Result<&'static All, Missing> {
    Ok(&GERMAN)
}

#[cfg(not(feature = "split"))]
async fn load_german() -> Result<(), Missing> {
    Ok(())
}

/// The name of the piece of the code that has the words of this language, if they are not in the module.
pub fn piece_of(language: Language) -> Option<&'static str> {
    match language {
        Language::English => None,
        Language::German => Some(GERMAN_PIECE),
    }
}

/// Loads the words of the document's language. The browser does this before it takes the page over.
///
/// # Errors
/// [`Missing`] if they do not arrive within 20 s.
pub async fn load() -> Result<(), Missing> {
    match Language::of_document() {
        Language::English => Ok(()),
        Language::German => {
            let loading: Loading<()> = Box::pin(async { load_german().await.or(Err(Missing)) });
            pieces::arrive(loading).await
        }
    }
}

impl Words {
    /// English, for tests.
    #[cfg(test)]
    pub const ENGLISH: Self = Self { other: None };

    /// The words of a language. In the browser, [`load`] has loaded them before.
    pub fn of(language: Language) -> Self {
        let other = match language {
            Language::English => None,
            Language::German => german_words().now_or_never().and_then(Result::ok),
        };
        Self { other }
    }

    /// The words of the page, in its language.
    // Many components call it, and a browser downloads each copy.
    #[inline(never)]
    pub fn of_page() -> Self {
        Self::of(Language::of_page())
    }

    /// Whether the server does not know what kind of device it is.
    pub fn is_unknown(device: &str) -> bool {
        device == UNKNOWN_DEVICE
    }

    /// The name of a device, which the server says in English. What the server may say one day stays as it
    /// is.
    pub fn device(self, name: String) -> String {
        let words = self.devices();
        let Some((browser, system)) = name.split_once(" on ") else {
            return match name.as_str() {
                UNKNOWN_DEVICE => words.unknown.to_owned(),
                _ => name,
            };
        };
        let browser = match browser {
            "Unknown browser" => words.unknown_browser,
            browser => browser,
        };
        let mut systems = parts::SYSTEMS.iter().zip(words.systems);
        let known = systems.find(|(known, _)| **known == system);
        let system = known.map_or(system, |(_, said)| said);
        [browser, words.on, system].concat()
    }
}

/// What the server says of a device that does not say what it is.
const UNKNOWN_DEVICE: &str = "Unknown device";

impl FlowWords {
    /// The words of the page of the flow in this language. Only this page calls it, so that the words of
    /// both languages are in its piece.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &flow_english::FLOW,
            Language::German => &flow_german::FLOW,
        }
    }

    /// The same in the language of the page.
    #[inline(never)]
    pub fn of_page() -> &'static Self {
        Self::of(Language::of_page())
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::wire::EventKind;

    use super::*;

    #[test]
    fn words_within_html_need_no_escapes() {
        for language in Language::ALL {
            let words = Words::of(*language);
            let (home, frame) = (words.home(), words.frame());
            let steps = home
                .steps
                .iter()
                .flat_map(|(heading, text)| [*heading, *text]);
            let others = [
                frame.flow,
                frame.slogan,
                home.watch,
                home.picture,
                home.picture_browser,
                home.picture_server,
            ];
            for text in steps.chain(others).chain(home.picture_lines) {
                assert!(!text.contains(['<', '>', '&', '"']), "{text}");
            }
        }
    }

    /// Every reason of an ending. A reason that is missing here does not compile.
    fn endings() -> Vec<Ended> {
        let next = |ended: &Ended| match ended {
            Ended::Expired => Some(Ended::PasswordChanged),
            Ended::PasswordChanged => Some(Ended::Reuse),
            Ended::Reuse => Some(Ended::SecretReplaced),
            Ended::SecretReplaced => Some(Ended::AccountDisabled),
            Ended::AccountDisabled => Some(Ended::Elsewhere),
            Ended::Elsewhere => None,
        };
        std::iter::successors(Some(Ended::Expired), next).collect()
    }

    /// Words of developers, in lower case. `end2end/tests/pages/journey.spec.ts` has the English ones, too.
    const JARGON: [&str; 21] = [
        "token",
        "cookie",
        "storage",
        "hash",
        "jwt",
        "json",
        "http",
        "api",
        "server",
        "rotation",
        "refresh",
        "generation",
        "client",
        "database",
        "ip address",
        "secret",
        "session",
        // In German.
        "sitzung",
        "ip-adresse",
        "datenbank",
        "geheimnis",
    ];

    #[test]
    fn what_happened_is_said_without_words_of_developers() {
        for language in Language::ALL {
            let all = Words::of(*language);
            let (activity, notice) = (all.activity(), all.sign_in_notice());
            let kinds = EventKind::ALL.iter().copied().chain([EventKind::Unknown]);
            let kinds = kinds.filter(|kind| *kind != EventKind::SessionEnded);
            let of_kinds = kinds.map(|kind| (activity.what)(kind, Ended::Elsewhere).to_owned());
            let endings = endings().into_iter();
            let of_endings = endings.map(|ended| (activity.what)(EventKind::SessionEnded, ended));
            let others = [
                activity.copied.to_owned(),
                (activity.guessed)("5"),
                (activity.guessed)(&(activity.at_least)("5")),
                (activity.times)("", "5"),
                activity.not_confirmed.to_owned(),
                activity.last_at.to_owned(),
                (activity.kept)(180, "180"),
                activity.oldest.to_owned(),
                activity.nothing.to_owned(),
                notice.signed_in.to_owned(),
                notice.device.to_owned(),
                notice.was_it_you.to_owned(),
                notice.connection.to_owned(),
                notice.thanks.to_owned(),
            ];
            let texts = of_kinds.chain(of_endings.map(str::to_owned)).chain(others);
            let texts: Vec<String> = texts.collect();
            assert!(texts.len() > 30, "{texts:?}");
            for text in texts {
                let plain = text.to_lowercase();
                let found = JARGON.iter().find(|word| plain.contains(**word));
                assert_eq!(found, None, "{text}");
            }
        }
    }

    /// Words that only technical people know, in lower case. The pages of the flow may have them.
    const TECHNICAL: [&str; 15] = [
        "application",
        "operator",
        "hyphen",
        "password manager",
        "user agent",
        "user-agent",
        "internet address",
        "unknown device",
        // In German.
        "anwendung",
        "betreiber",
        "bindestrich",
        "passwortmanager",
        "passwort-manager",
        "internetadresse",
        "adresse im internet",
    ];

    /// The texts in quotation marks of a file of words, without its tests, each in one line.
    fn texts_of(file: &str) -> Vec<String> {
        let words = file.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = words.lines().map(str::trim_start);
        let lines: Vec<&str> = lines.filter(|line| !line.starts_with("//")).collect();
        let code = lines.join("\n").replace("\\\"", "'").replace("\\\n", "");
        let parts = code.split('"').skip(1).step_by(2);
        parts.map(str::to_owned).collect()
    }

    #[test]
    fn no_page_but_those_of_the_flow_has_a_word_that_only_technical_people_know() {
        for file in [
            include_str!("english.rs"),
            include_str!("german.rs"),
            include_str!("fault.rs"),
        ] {
            let texts = texts_of(file);
            assert!(texts.len() > 10, "{texts:?}");
            for text in texts {
                let plain = text.to_lowercase();
                let found = TECHNICAL.iter().find(|word| plain.contains(**word));
                assert_eq!(found, None, "{text}");
                let mut words = plain.split(|sign: char| !sign.is_alphanumeric());
                assert!(words.all(|word| word != "ip"), "{text}");
            }
        }
    }

    #[test]
    fn a_cause_that_the_code_does_not_have_changes_no_sentence() {
        use holdfast_client::{CallError, Cause, Code, Problem};
        use holdfast_protocol::problem::OtherCode;

        let own = OtherCode::new("too_late").map(Code::Other);
        let codes = Code::ALL.iter().copied().chain(own);
        let foreign = codes.flat_map(|code| {
            let causes = Cause::ALL
                .iter()
                .filter(move |cause| !code.may_have(**cause));
            causes.map(move |cause| (code, *cause))
        });
        for (code, cause) in foreign {
            for language in Language::ALL {
                let told = |cause| {
                    let mut problem = Problem::new(code, "The sentence of the server.");
                    problem.cause = cause;
                    (Words::of(*language).errors().call)(&CallError::Problem(problem))
                };
                assert_eq!(told(Some(cause)), told(None), "{code:?} {cause:?}");
            }
        }
    }

    #[test]
    fn the_hint_about_a_name_says_how_long_it_may_be() {
        use holdfast_protocol::session_name::{MAX_LENGTH, SessionNameError};

        for language in Language::ALL {
            let words = Words::of(*language).sessions();
            let limit = format!(" {MAX_LENGTH} ");
            assert!(words.name_hint.contains(&limit), "{}", words.name_hint);
            let too_long = (words.wrong_name)(SessionNameError::TooLong);
            assert!(too_long.contains(&limit), "{too_long}");
        }
    }

    #[test]
    fn a_device_has_a_name_in_each_language() {
        let german = Words::of(Language::German);
        for (name, in_english, in_german) in [
            (
                "Firefox on Linux",
                "Firefox on a Linux computer or tablet",
                "Firefox auf einem Linux-Computer oder -Tablet",
            ),
            (
                "Unknown browser on iPhone",
                "A browser on an iPhone",
                "Ein Browser auf einem iPhone",
            ),
            (
                "Unknown device",
                "A browser without a name",
                "Ein Browser ohne Namen",
            ),
            // A later server may know more.
            ("Opera on Fridge", "Opera on Fridge", "Opera auf Fridge"),
            ("curl", "curl", "curl"),
        ] {
            assert_eq!(Words::ENGLISH.device(name.to_owned()), in_english);
            assert_eq!(german.device(name.to_owned()), in_german);
        }
        for system in parts::SYSTEMS {
            let name = format!("Chrome on {system}");
            assert_ne!(Words::ENGLISH.device(name.clone()), name);
        }
    }
}
