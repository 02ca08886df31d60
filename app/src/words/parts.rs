//! What a language has to say: a field for each text, in one type for each page or part of the pages.
//!
//! A language is one value of each of these types, so a language with a missing text does not compile.
//! There are many types and not one, because the build puts each value into the piece of the code that
//! uses it. A text with parts in it, such as a name, is a function.

use holdfast_client::{CallError, Ending, Reload, Told};
use holdfast_protocol::password::PasswordError;
use holdfast_protocol::recovery_code::RecoveryCodeError;
use holdfast_protocol::session_name::SessionNameError;
use holdfast_protocol::username::UsernameError;
use holdfast_protocol::wire::{EventKind, PasswordEstimate};

/// A text without parts.
pub type Text = &'static str;

/// What the document around the app says. Only the server uses it.
pub struct Document {
    /// For search engines.
    pub description: Text,
    /// The page without scripts, as HTML.
    pub no_script: Text,
    /// The page has not started after a while.
    pub slow: Text,
    /// The page does not start.
    pub failed: Text,
    /// The browser runs no WebAssembly.
    pub old: Text,
    pub load_again: Text,
    /// Asked before another language, if the page would lose something.
    pub would_be_lost: Text,
}

/// What is around each page, and what each page may have to say.
pub struct Frame {
    pub skip: Text,
    pub navigation_signed_out: Text,
    pub navigation_signed_in: Text,
    pub sign_in: Text,
    pub create_account: Text,
    pub account: Text,
    pub sessions: Text,
    pub activity: Text,
    pub sign_out: Text,
    pub slogan: Text,
    /// The name of the page of the flow.
    pub flow: Text,
    pub updated: Text,
    pub reconnecting: Text,
    pub stores_nothing: Text,
    pub is_leaving: Text,
    pub reads_nothing: Text,
    pub loading_page: Text,
    pub dismiss: Text,
    /// It begins with `dismiss`.
    pub dismiss_this: Text,
    pub reload: Text,
    pub loading: Text,
    pub try_again: Text,
    pub part_is_missing: Text,
    /// What became of a form that is gone, or of a sign-out.
    pub told: fn(Told) -> Text,
    /// Why the page waits before it shows the other person.
    pub waits: fn(Reload) -> Text,
    /// Why the person is not signed in any more.
    pub why: fn(Ending) -> Text,
    pub offer_heading: Text,
    pub offer: Text,
    pub offer_link: Text,
    pub missing_page: Text,
    pub missing_page_still: Text,
    pub missing_page_hint: Text,
    pub load_again: Text,
    pub not_found: Text,
    pub not_found_text: Text,
    pub not_found_link: Text,
}

/// The home page.
pub struct Home {
    pub heading: Text,
    pub lead: Text,
    /// What is behind the sign-in.
    pub alone: Text,
    pub create_account: Text,
    pub sign_in: Text,
    pub your_account: Text,
    pub how: Text,
    /// The headings and the texts.
    pub steps: [(Text, Text); 4],
    /// The link to the page of the flow.
    pub watch: Text,
    /// The picture in a sentence.
    pub picture: Text,
    pub picture_browser: Text,
    pub picture_server: Text,
    /// What the browser and the server say in turn. The third and the fourth line are the renewal.
    pub picture_lines: [Text; 6],
}

/// The account on the home page.
pub struct Overview {
    pub signed_in_as: Text,
    pub sessions: Text,
    pub only_this: Text,
    /// In so many browsers.
    pub count: fn(&str) -> String,
    pub newest: Text,
    pub this_browser: Text,
    pub another_browser: Text,
}

/// Dates and numbers.
pub struct Dates {
    /// The language of the browser's dates and numbers. It also decides the order of day and month.
    pub locale: Text,
    pub today: Text,
    pub yesterday: Text,
}

/// The names of devices. The server says them in English: «Firefox on Linux».
///
/// A name stands at the beginning of a sentence or after a colon.
pub struct Devices {
    pub unknown: Text,
    pub unknown_browser: Text,
    /// Between the browser and the system.
    pub on: Text,
    /// What a person calls the [`SYSTEMS`], in their order.
    pub systems: [Text; SYSTEMS.len()],
}

/// The systems that the server knows, as it says them.
///
/// An iPad may call itself a Mac, and an Android tablet a computer with Linux.
pub const SYSTEMS: [&str; 8] = [
    "Windows", "macOS", "Linux", "Android", "iPhone", "iPad", "ChromeOS", "FreeBSD",
];

/// What went wrong with a call.
pub struct Errors {
    pub call: fn(&CallError) -> String,
}

/// What is accepted as a username, a password and a recovery code.
pub struct Rules {
    pub username_hint: Text,
    /// What is still missing in a new password of this length.
    pub password_hint: fn(usize) -> String,
    /// A new password that the server accepts.
    pub hard_to_guess: Text,
    /// The sentence about a new password that the server refuses, made from its estimate.
    pub easy_to_guess: fn(&PasswordEstimate) -> String,
    pub username: fn(UsernameError) -> String,
    pub password: fn(PasswordError) -> String,
}

/// The fields of the forms.
pub struct Fields {
    pub username: Text,
    pub password: Text,
    pub new_password: Text,
    pub show_password: Text,
    pub remember: Text,
    pub remember_hint: Text,
    pub enter_username: Text,
    pub enter_password: Text,
    pub not_your_password: Text,
    pub forgot: Text,
    /// The link to the page of the recovery code for a person who forgot the password.
    pub recover: Text,
    pub recover_after: Text,
    pub sign_in: Text,
    pub signing_in: Text,
}

/// The sign-in page.
pub struct SignIn {
    pub wrong: Text,
    pub forgot: Text,
    pub recover: Text,
    pub no_account: Text,
    pub create_account: Text,
}

/// The sign-up page.
pub struct SignUp {
    pub title: Text,
    pub heading: Text,
    pub submit: Text,
    pub submitting: Text,
    pub has_account: Text,
    pub sign_in: Text,
    pub username_taken: Text,
    pub overtaken: Text,
}

/// The page for a person who forgot the password.
pub struct Recover {
    pub heading: Text,
    pub done: Text,
    /// For a person who has left the page with the next code: they see it again.
    pub shown_again: Text,
    /// Shows the form to that person.
    pub again: Text,
    pub remembers: Text,
    pub sign_in: Text,
    pub lead: Text,
    pub is_signed_in: Text,
    pub filled_in: Text,
    pub code: Text,
    pub code_hint: Text,
    /// What is wrong with the typed code.
    pub wrong_code: fn(RecoveryCodeError) -> String,
    pub wrong_name_or_code: Text,
    pub used_link: Text,
    pub submit: Text,
    pub submitting: Text,
    pub renamed_before: Text,
    pub renamed_after: Text,
    pub next_code: Text,
    pub later: Text,
    pub no_code: Text,
}

/// A new recovery code.
pub struct KeepCode {
    pub heading: Text,
    pub lead: Text,
    pub kept: Text,
    pub unticked: Text,
    pub later: Text,
    pub code: Text,
    pub code_of: fn(&str) -> String,
    pub copy: Text,
    pub copied: Text,
    pub not_copied: Text,
    pub download: Text,
    pub downloaded: Text,
    pub print: Text,
    pub file_name: Text,
    /// What the code is for, and how it is used. Its parts are the site, and the day on which the code was
    /// made.
    pub use_of: fn(&str, &str) -> String,
    /// The file with the code. Its parts are the code, the username, which may be empty, and `use_of`.
    pub file: fn(&str, &str, &str) -> String,
}

/// The page of the recovery code.
pub struct RecoveryCode {
    pub title: Text,
    pub heading: Text,
    pub go_on: Text,
    pub going_on: Text,
    pub not_newest: Text,
    pub updated: Text,
    pub lead: Text,
    pub may_be_made: Text,
    pub submit: Text,
    pub submitting: Text,
    pub none_yet: Text,
    pub made_before: Text,
    pub made_after: Text,
    pub not_confirmed_before: Text,
    pub not_confirmed_after: Text,
}

/// The account page.
pub struct Account {
    pub heading: Text,
    pub account: Text,
    pub signed_in_as: Text,
    pub member_since: Text,
    pub check: Text,
    pub checking: Text,
    /// The answer to `check`.
    pub checked: Text,
    pub this_session: Text,
    pub renewed: Text,
    pub ends: Text,
    pub idle_ends: Text,
    pub remembered: Text,
    pub not_remembered: Text,
    pub sign_out: Text,
    pub all_sessions: Text,
    pub username: Link,
    pub password: Link,
    pub recovery: Link,
    pub data: Link,
}

/// A card that leads to another page.
pub struct Link {
    pub heading: Text,
    pub text: Text,
    pub link: Text,
}

/// The list of sessions.
pub struct Sessions {
    pub heading: Text,
    pub lead: Text,
    /// This device is signed out.
    pub ended: fn(&str) -> String,
    /// The same about a device that is not in the list any more.
    pub ended_unnamed: Text,
    pub all_ended: Text,
    pub list: Text,
    pub end_all_question: Text,
    pub end_all: Text,
    pub this_browser: Text,
    /// Beside the name of a browser that has one.
    pub device: Text,
    pub signed_in: Text,
    pub last_used: Text,
    pub ends: Text,
    /// The address of the connection.
    pub connection: Text,
    pub end: Text,
    /// It begins with `end`.
    pub end_of: fn(&str) -> String,
    pub rename: Text,
    /// It begins with `rename`.
    pub rename_of: fn(&str) -> String,
    pub name: Text,
    pub name_hint: Text,
    /// What is wrong with the typed name.
    pub wrong_name: fn(SessionNameError) -> String,
    pub save: Text,
    pub saving: Text,
    pub saved: Text,
    pub name_removed: Text,
}

/// The dialog that ends sessions.
pub struct EndSessions {
    /// Whether to sign out this device.
    pub question: fn(&str) -> String,
    pub confirm: Text,
    pub wait_or_sign_in: Text,
    pub cancel: Text,
    pub submit: Text,
    pub submitting: Text,
}

/// The notice of a new browser.
pub struct SignInNotice {
    pub heading: Text,
    /// Before the time.
    pub signed_in: Text,
    /// Between the time and the device.
    pub device: Text,
    pub was_it_you: Text,
    /// Before the address of the connection.
    pub connection: Text,
    pub was_me: Text,
    pub was_not_me: Text,
    /// After «This was me».
    pub thanks: Text,
}

/// What happened to the account.
pub struct Activity {
    pub heading: Text,
    pub lead_before: Text,
    pub lead_link: Text,
    pub lead_after: Text,
    pub older: Text,
    /// What happened so many times within an hour.
    pub times: fn(Text, &str) -> String,
    /// Of what came from more than one.
    pub several_devices: Text,
    /// Before the time of the last one of them.
    pub last_at: Text,
    pub copied: Text,
    /// So many wrong passwords on one day.
    pub guessed: fn(&str) -> String,
    /// The number in `guessed`, if older events of the day are not shown yet.
    pub at_least: fn(&str) -> String,
    pub change_password: Text,
    /// There is no older event.
    pub oldest: Text,
    /// There is no event at all. Older ones may have been deleted.
    pub nothing: Text,
    /// For how many days events are kept, as a number and as a text.
    pub kept: fn(u64, &str) -> String,
    /// What happened.
    pub what: fn(EventKind, Ended) -> Text,
    /// A wrong password that was entered in a session, to confirm something.
    pub not_confirmed: Text,
    /// The person has ended a session of this browser from another one.
    pub was_signed_out: fn(&str) -> String,
    /// Before the address of the connection.
    pub connection: Text,
}

/// Why a session was ended, in the detail of an event.
pub enum Ended {
    Expired,
    PasswordChanged,
    Reuse,
    SecretReplaced,
    AccountDisabled,
    /// By the person, in another browser.
    Elsewhere,
}

/// The page that changes the password.
pub struct Password {
    pub heading: Text,
    pub done: Text,
    /// After «It was not me»: this browser is signed out.
    pub not_me: fn(&str) -> String,
    /// The browser in `not_me`, if its name is not known.
    pub other_browser: Text,
    pub was_known_before: Text,
    pub was_known_link: Text,
    /// The same after the change.
    pub was_known_now: Text,
    pub was_known_after: Text,
    /// After «It was not me» and the change.
    pub new_code_why: Text,
    pub new_code: Text,
    pub wrong: Text,
    pub current: Text,
    pub submit: Text,
    pub submitting: Text,
}

/// The page that changes the username.
pub struct Username {
    pub heading: Text,
    pub done: fn(&str) -> String,
    pub aside: Text,
    pub present_before: Text,
    pub present_after: Text,
    pub new: Text,
    pub submit: Text,
    pub submitting: Text,
    pub is_present: Text,
    pub taken: Text,
    pub not_known: Text,
}

/// The page with a copy of the data, on which a person deletes the account.
pub struct Data {
    pub heading: Text,
    pub copy: Text,
    pub copy_lead: Text,
    pub copy_submit: Text,
    pub copy_submitting: Text,
    /// A file of this name has arrived.
    pub copied: fn(&str) -> String,
    /// Above the buttons that save a file again.
    pub copies_lead: Text,
    pub copy_to_read: Text,
    pub copy_for_programs: Text,
    pub delete: Text,
    pub delete_lead: Text,
    pub confirm: Text,
    /// Type this name. No full stop follows, because a name may end with one.
    pub confirm_hint: fn(&str) -> String,
    pub confirm_wrong: fn(&str) -> String,
    pub no_name_yet: Text,
    pub may_be_deleted: Text,
    pub submit: Text,
    pub submitting: Text,
}

/// The file with all data that a person reads.
pub struct DataToRead {
    pub title: Text,
    /// What the file has, as it was at this time.
    pub lead: fn(&str) -> String,
    pub times: Text,
    pub nothing: Text,
    /// The person has given no name.
    pub no_name: Text,
    pub never: Text,
    pub not_yet: Text,
    pub yes: Text,
    pub no: Text,
    pub account: Text,
    pub username: Text,
    pub account_since: Text,
    pub password_set: Text,
    pub password_set_before: Text,
    /// How many wrong passwords there were in a row.
    pub wrong_passwords: Text,
    pub last_wrong_password: Text,
    pub wrong_passwords_reset: Text,
    pub former_usernames: Text,
    pub name: Text,
    pub given_up: Text,
    pub reserved_until: Text,
    pub recovery_codes: Text,
    pub made: Text,
    pub confirmed: Text,
    pub reset_link: Text,
    pub valid_until: Text,
    pub used: Text,
    pub browsers: Text,
    pub kind: Text,
    pub this_browser: Text,
    pub signed_in: Text,
    pub last_used: Text,
    pub remembered: Text,
    pub ends: Text,
    /// It is over if it is not used for so long.
    pub ends_unused: Text,
    pub notices: Text,
    pub activity: Text,
    pub when: Text,
    pub what: Text,
    pub browser: Text,
    /// What only technical people can use: the addresses of connections, numbers, and what browsers say.
    pub technical: Text,
    /// Before the address of the connection.
    pub connection: Text,
    /// Before the text with which the browser calls itself.
    pub says: Text,
    /// The same of the browser that was signed out.
    pub ended_says: Text,
    /// Before the number of the account.
    pub account_number: Text,
    /// Before the number of the sign-in.
    pub sign_in_number: Text,
    /// Before the number of the entry.
    pub entry_number: Text,
    /// Before a word of the server that this page does not know.
    pub detail: Text,
    /// The username before, and the new one.
    pub renamed: fn(&str, &str) -> String,
    /// A span of time, as a number and as a text.
    pub span: fn(u64, &str, TimeUnit) -> String,
}

/// A unit of a span of time.
pub enum TimeUnit {
    Days,
    Hours,
    Minutes,
    Seconds,
}
