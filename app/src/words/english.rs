//! English.

use holdfast_client::{Became, CallError, Cause, Code, Ending, Reload, Told};
use holdfast_protocol::password::MIN_LENGTH;
use holdfast_protocol::wire::EventKind;

use super::parts::{
    Account, Activity, Data, DataToRead, Dates, Devices, Document, EndSessions, Ended, Errors,
    Fields, Frame, Home, KeepCode, Link, Overview, Password, Recover, RecoveryCode, Rules,
    Sessions, SignIn, SignInNotice, SignUp, TimeUnit, Username,
};

pub static DOCUMENT: Document = Document {
    description: "Sign in once and stay signed in. What a thief copies soon stops working.",
    no_script: "<p>Holdfast keeps you signed in by a script, and scripts are \
        switched off here, so the buttons do nothing. Allow JavaScript for this site, then \
        <a href=\"\">load the page again</a>.</p>",
    slow: "A part of this page has not arrived yet, so its buttons do nothing. You can wait, or load \
        the page again.",
    failed: "A part of this page did not arrive or does not run here, so its buttons do nothing. \
        Check your connection and load the page again. If that does not help, allow JavaScript and \
        WebAssembly for this site, or use another browser.",
    old: "This page needs WebAssembly, and this browser does not run it, so the buttons do nothing. \
        Some browsers switch it off in a strict security mode. Allow it for this site, or use \
        another browser.",
    load_again: "Load the page again",
    would_be_lost: "The page loads again in the other language. What is only on this page is lost then: \
        what you have typed, a code that is shown once, or a sign-in that this browser cannot store. \
        Go on?",
};

pub static FRAME: Frame = Frame {
    skip: "Skip to content",
    navigation_signed_out: "Site",
    navigation_signed_in: "Account",
    sign_in: "Sign in",
    create_account: "Create account",
    account: "Account",
    sessions: "Devices",
    activity: "Activity",
    sign_out: "Sign out",
    slogan: "Sign in once and stay signed in. What a thief copies soon stops working.",
    flow: "How it works, for technical people",
    updated: "Holdfast was updated in another tab. Reload this page to go on.",
    reconnecting: "Reconnecting…",
    stores_nothing: "This browser does not let Holdfast store anything. You stay signed in \
        until you leave or reload this page.",
    is_leaving: "You are signed out in this browser. The server does not know it yet. \
        Holdfast tries until it does.",
    reads_nothing: "This browser does not let Holdfast read what it has stored. If you have signed \
        in before, load the page again.",
    loading_page: "Loading the page…",
    dismiss: "Dismiss",
    dismiss_this: "Dismiss this message",
    reload: "Reload this page",
    loading: "Loading…",
    try_again: "Try again",
    part_is_missing: "A part of this page did not arrive.",
    told,
    waits,
    why,
    offer_heading: "Recovery code",
    offer: "If you forget your password, your recovery code lets you back in. \
        You have not confirmed yet that you keep one.",
    offer_link: "Get your recovery code",
    missing_page: "This page did not arrive",
    missing_page_still: "The page has still not arrived. If other pages work, load this page again: \
        there may be a newer version of it.",
    missing_page_hint: "Check your connection, and try again.",
    load_again: "Load the page again",
    not_found: "Page not found",
    not_found_text: "There is nothing at this address. It may have been mistyped.",
    not_found_link: "Go to the start",
};

pub static HOME: Home = Home {
    heading: "Sign in once. Stay signed in.",
    lead: "Holdfast is a sign-in that lasts. You sign in once on your phone or computer, and you stay \
        signed in for months. If a stranger gets in, you see it, and you put them out.",
    alone: "You stay signed in when the phone is off, when there is no network, and when the laptop is \
        closed. This site is only the sign-in. A shop or a club that uses it has its own pages behind it.",
    create_account: "Create account",
    sign_in: "Sign in",
    your_account: "Your account",
    how: "How you stay signed in",
    steps: [
        (
            "A new pass every five minutes",
            "Your browser shows a pass for everything that is only for you. The pass is valid for five \
             minutes.",
        ),
        (
            "A key for ninety days",
            "Your browser keeps a key, too, and gets the next pass with it. Each use changes the key, so \
             an old copy of it is of no use.",
        ),
        (
            "You notice nothing",
            "When a pass has run out, your browser gets a new one and asks again. You can switch the \
             phone off, lose the network and close the laptop.",
        ),
        (
            "A copy is noticed",
            "If somebody has copied your key, Holdfast notices it when both of you have used it. It \
             signs both of you out, and the page tells you why.",
        ),
    ],
    watch: "For technical people: watch it happen, step by step",
    picture: "A browser asks for a page. Its pass has run out. It gets a new pass, asks again, and \
        gets the page.",
    picture_browser: "Your browser",
    picture_server: "Holdfast",
    picture_lines: [
        "“My page, please.”",
        "“Your pass has run out.”",
        "“A new one, please.”",
        "“Here is a new one.”",
        "“My page, please.”",
        "“Here it is.”",
    ],
};

pub static OVERVIEW: Overview = Overview {
    signed_in_as: "Signed in as",
    sessions: "Where you are signed in",
    only_this: "Only in this browser",
    count: |sessions| format!("In {sessions} browsers"),
    newest: "Newest sign-in",
    this_browser: ", this browser",
    another_browser: ", another browser",
};

pub static DATES: Dates = Dates {
    // In most countries the day comes before the month.
    locale: "en-GB",
    today: "Today",
    yesterday: "Yesterday",
};

pub static DEVICES: Devices = Devices {
    unknown: "A browser without a name",
    unknown_browser: "A browser",
    on: " on ",
    systems: [
        "a Windows computer",
        "a Mac or an iPad",
        "a Linux computer or tablet",
        "an Android phone or tablet",
        "an iPhone",
        "an iPad",
        "a Chromebook",
        "a FreeBSD computer",
    ],
};

pub static ERRORS: Errors = Errors { call: call_error };

pub static RULES: Rules = Rules {
    username_hint: "No spaces. Use the letters a to z, digits, and . _ - @ +, at least three of them. An \
        e-mail address works.",
    // This only mentions the length, so that the person reads no complaint in the middle of a word.
    password_hint: |length| match length {
        0 => format!(
            "At least {MIN_LENGTH} characters. Four or five unrelated words are easy to remember."
        ),
        length if length < MIN_LENGTH => match MIN_LENGTH - length {
            1 => "One more character.".to_owned(),
            more => format!("{more} more characters."),
        },
        _ => "Long enough.".to_owned(),
    },
    hard_to_guess: "Hard to guess.",
    easy_to_guess: |estimate| {
        let warning = estimate.warning.iter();
        let words: Vec<&str> = warning
            .chain(&estimate.suggestions)
            .map(String::as_str)
            .collect();
        words.join(" ")
    },
    username: |why| why.to_string(),
    password: |why| why.to_string(),
};

pub static FIELDS: Fields = Fields {
    username: "Username",
    password: "Password",
    new_password: "New password",
    show_password: "Show password",
    remember: "Keep me signed in on this browser",
    remember_hint: "Not on a computer that you share.",
    enter_username: "Enter your username.",
    enter_password: "Enter your password.",
    not_your_password: "This is not your password.",
    forgot: "Forgot your password? ",
    recover: "Get back in with your recovery code",
    recover_after: ". That signs you out everywhere.",
    sign_in: "Sign in",
    signing_in: "Signing in…",
};

pub static SIGN_IN: SignIn = SignIn {
    wrong: "The username or the password is wrong.",
    forgot: "Forgot your password? ",
    recover: "Use your recovery code",
    no_account: "No account yet? ",
    create_account: "Create account",
};

pub static SIGN_UP: SignUp = SignUp {
    title: "Create account",
    heading: "Create your account",
    submit: "Create account",
    submitting: "Creating account…",
    has_account: "Already have an account? ",
    sign_in: "Sign in",
    username_taken: "This username is taken. Choose another. If you have just made this account, \
        sign in.",
    overtaken: "Your account is made. Somebody has signed in or out in this browser meanwhile, so \
        sign in to use it.",
};

pub static RECOVER: Recover = Recover {
    heading: "Get back in",
    done: "Your new password is set. You are signed out everywhere.",
    shown_again: "Sign in with your new password. Then you see your new recovery code again.",
    again: "Use a recovery code once more",
    remembers: "You remember your password? ",
    sign_in: "Sign in",
    lead: "Enter the recovery code that you have kept, and choose a new password. This signs \
        you out everywhere.",
    is_signed_in: "A person is signed in in this browser. If you sign in afterwards, that person is \
        signed out.",
    filled_in: "Your link has filled in the username and the code. Choose a new password. This signs \
        you out everywhere.",
    code: "Recovery code",
    code_hint: "28 letters and digits. Gaps, lines and capital letters do not matter.",
    wrong_code: |why| why.to_string(),
    wrong_name_or_code: "The username or the recovery code is wrong. If you have made several codes, use \
        the newest one.",
    used_link: "This link does not work any more. A link works once, and for an hour. If you \
        have just set a password with it, try to sign in. Otherwise ask the people who run \
        this site for another link.",
    submit: "Set new password",
    submitting: "Setting the password…",
    renamed_before: "The username of this account was changed. Sign in with ",
    renamed_after: " from now on. If you did not change it, you can choose another one afterwards.",
    next_code: "This is your new recovery code. As soon as you say that you have kept it, no earlier code \
        works any more.",
    later: "Sign in later",
    no_code: "No code? The people who run this site can send you a link with which you choose a new \
        password.",
};

pub static KEEP_CODE: KeepCode = KeepCode {
    heading: "Keep this code",
    lead: "If you forget your password, this code lets you back in. Take a photo of this screen, or \
        write the code on paper, and keep it where nobody else looks. An app that keeps your passwords is \
        good, too. When you leave this page, the code cannot always be shown again.",
    kept: "I have kept it",
    unticked: "Keep the code first, then tick this box.",
    later: "Later",
    code: "Recovery code",
    code_of: |username| format!(" of {username}"),
    copy: "Copy",
    copied: "The code is copied. Paste it where only you find it.",
    not_copied: "This browser does not let the page copy. Select the code and copy it, or write \
        it down.",
    download: "Download",
    downloaded: "The file is in your downloads.",
    print: "Print",
    file_name: "holdfast-recovery-code.txt",
    use_of: |site, day| {
        format!(
            "Made on {day}. If you forget your password, choose “Use your recovery code” on the \
             sign-in page of {site} and enter this code. Keep it where only you find it."
        )
    },
    file: |code, username, use_of| {
        let of = match username {
            "" => String::new(),
            name => format!(" of {name}"),
        };
        format!("Holdfast recovery code{of}\n\n{code}\n\n{use_of}\n")
    },
};

pub static RECOVERY_CODE: RecoveryCode = RecoveryCode {
    title: "Recovery code",
    heading: "Your recovery code",
    go_on: "Go on",
    going_on: "One moment…",
    not_newest: "This is not your newest recovery code any more. Throw it away, and make a new one.",
    updated: "Holdfast was updated in another tab. Write the code down, then reload this page.",
    lead: "If you forget your password, a recovery code lets you back in.",
    may_be_made: "The server may have made a new code. Then a code that you have not \
        confirmed does not work any more. Make a new one.",
    submit: "Make a new code",
    submitting: "Making a new code…",
    none_yet: "You have none yet.",
    made_before: "You have a code, made on ",
    made_after: ". If you make a new code, this one works until you say that you have kept the new one.",
    not_confirmed_before: "Your code of ",
    not_confirmed_after: " was never confirmed. If you keep it, it works. If you make a new code, \
        this one stops working at once.",
};

pub static ACCOUNT: Account = Account {
    heading: "Your account",
    account: "Account",
    signed_in_as: "Signed in as ",
    member_since: "Member since",
    check: "Check my sign-in",
    checking: "Checking…",
    checked: "You are signed in.",
    this_session: "This browser",
    renewed: "Last used",
    ends: "Stays signed in until",
    idle_ends: "If you stay away, only until",
    remembered: "At the later of these two times you have to sign in again in any case.",
    not_remembered: "Closing the browser signs you out before that.",
    sign_out: "Sign out",
    all_sessions: "Where you are signed in",
    username: Link {
        heading: "Username",
        text: "Choose another name to sign in with.",
        link: "Change username",
    },
    password: Link {
        heading: "Password",
        text: "Changing it signs you out everywhere but here.",
        link: "Change password",
    },
    recovery: Link {
        heading: "Recovery code",
        text: "With it you get back in if you forget your password.",
        link: "Your recovery code",
    },
    data: Link {
        heading: "Your data",
        text: "Take a copy of everything that is stored about you, or delete your account.",
        link: "Copy or delete",
    },
};

pub static SESSIONS: Sessions = Sessions {
    heading: "Where you are signed in",
    lead: "Every browser in which you are signed in, on your phone and on each computer. A browser that \
        you sign out here is out within a second.",
    ended: |device| format!("{device} is signed out."),
    ended_unnamed: "That browser is signed out.",
    all_ended: "All other browsers are signed out.",
    list: "Devices",
    end_all_question: "Sign out everywhere but in this browser?",
    end_all: "Sign out everywhere else",
    this_browser: "This browser",
    device: "Device",
    signed_in: "Signed in",
    last_used: "Last used",
    ends: "Stays signed in until",
    connection: "Connection (for technical people)",
    end: "Sign out",
    end_of: |device| format!("Sign out: {device}"),
    rename: "Rename",
    rename_of: |device| format!("Rename: {device}"),
    name: "Name",
    name_hint: "Up to 64 characters. Leave it empty to see the device only.",
    wrong_name: |why| why.to_string(),
    save: "Save",
    saving: "Saving…",
    saved: "Saved.",
    name_removed: "The name is removed.",
};

pub static END_SESSIONS: EndSessions = EndSessions {
    question: |device| format!("Sign out: {device}?"),
    confirm: "Confirm it with your password. You stay signed in here.",
    wait_or_sign_in: "If you do not want to wait, sign out in this browser and sign in again. \
        Then you can try at once.",
    cancel: "Cancel",
    submit: "Sign out",
    submitting: "Signing out…",
};

pub static SIGN_IN_NOTICE: SignInNotice = SignInNotice {
    heading: "New sign-in to your account",
    signed_in: "Somebody signed in to your account on ",
    device: ". The device: ",
    was_it_you: ". Was it you?",
    connection: " Connection (for technical people): ",
    thanks: "Thank you. There is nothing more to do.",
    was_me: "This was me",
    was_not_me: "It was not me",
};

pub static ACTIVITY: Activity = Activity {
    heading: "Activity",
    lead_before: "What happened to your account. If you do not recognise something, ",
    lead_link: "change your password",
    lead_after: ".",
    older: "Show older",
    times: |what, times| format!("{what}, {times} times within an hour"),
    several_devices: "Several devices",
    last_at: "last at ",
    copied: "Somebody copied your sign-in and used it. Both are signed out, so the copy does not work any \
        more. Choose a new password. If you have just restored a browser from a backup, that was the copy.",
    guessed: |times| {
        format!(
            "{times} wrong passwords on this day. If this was not you, somebody may be guessing your \
             password. These tries were refused. If you use the same password elsewhere, change it."
        )
    },
    at_least: |times| format!("At least {times}"),
    change_password: "Change your password",
    oldest: "There is nothing older.",
    nothing: "Nothing has happened lately.",
    kept: |days, number| match days {
        1 => "Activity is deleted after a day.".to_owned(),
        _ => format!("Activity is deleted after {number} days."),
    },
    what,
    not_confirmed: "Wrong password entered while signed in",
    was_signed_out: |browser| format!("{browser} was signed out"),
    connection: "Connection: ",
};

pub static PASSWORD: Password = Password {
    heading: "Change password",
    done: "Your password is changed. All other browsers are signed out.",
    not_me: |browser| {
        format!(
            "{browser} is signed out. Whoever was there probably knows your password. Choose a new one \
             now."
        )
    },
    other_browser: "The other browser",
    was_known_before: "Did somebody know your password? Then ",
    was_known_link: "make a new recovery code after the change",
    was_known_now: "make a new recovery code now",
    was_known_after: ".",
    new_code_why: "Whoever knew your password may have made a recovery code with it. Make a new one now: \
        then no earlier code works.",
    new_code: "Make a new recovery code",
    wrong: "This is not your current password.",
    current: "Current password",
    submit: "Change password",
    submitting: "Changing password…",
};

pub static USERNAME: Username = Username {
    heading: "Change username",
    done: |username| format!("Your username is changed. Sign in as {username} from now on."),
    aside: "Nobody else can choose your old name for 30 days, and you can take it back in this \
        time. You can choose a new name once in 24 hours.",
    present_before: "Your username is ",
    present_after: ".",
    new: "New username",
    submit: "Change username",
    submitting: "Changing username…",
    is_present: "This is your username already.",
    taken: "This username is taken. Choose another.",
    not_known: "It is not known whether your username was changed. Try again: if it is changed, \
        this page will say so.",
};

pub static DATA: Data = Data {
    heading: "Your data",
    copy: "Take a copy",
    copy_lead: "You get a page to read, with everything that Holdfast stores about you: your name, where you \
        are signed in, and your activity. It has no password and no code.",
    copy_submit: "Download your data",
    copy_submitting: "Collecting your data…",
    copied: |file| format!("The file is in your downloads. Its name is {file}."),
    copies_lead: "There is also a file with the same content for other programs. You can save both until you \
        leave this page.",
    copy_to_read: "Save the copy to read",
    copy_for_programs: "Save the file for other programs",
    delete: "Delete your account",
    delete_lead: "This deletes your account, your recovery code and your activity, and signs you out in \
        all browsers. This cannot be undone. Afterwards another person can choose your username.",
    confirm: "Your username, typed again",
    confirm_hint: |username| format!("Type this name: {username}"),
    confirm_wrong: |username| format!("Type your username: {username}"),
    no_name_yet: "Your name has not arrived yet. Wait a moment, and try again.",
    may_be_deleted: "The server may have deleted your account. Try again: if it is deleted, \
        this page will say so.",
    submit: "Delete my account",
    submitting: "Deleting your account…",
};

/// The sentences of the client and of the server, except those with words that no other page has.
fn call_error(error: &CallError) -> String {
    let CallError::Problem(problem) = error else {
        return error.to_string();
    };
    let text = match (problem.code, problem.cause) {
        (
            Code::SessionEnded
            | Code::RefreshTokenExpired
            | Code::RefreshTokenReused
            | Code::RefreshTokenInvalid,
            _,
        ) => "You are not signed in here any more. Sign in again.",
        (Code::RefreshConflict, _) => "Another request was faster. Try again.",
        (Code::NotFound, Some(Cause::NoSuchSession)) => "That browser is signed out already.",
        _ => return error.to_string(),
    };
    text.to_owned()
}

pub static DATA_TO_READ: DataToRead = DataToRead {
    title: "Your data at Holdfast",
    lead: |date| {
        format!(
            "This is everything that Holdfast has stored about you, as it was on {date}. No password and no \
             code is in it."
        )
    },
    times: "The times are those of your phone or computer.",
    nothing: "Nothing is stored here.",
    no_name: "None",
    never: "Never",
    not_yet: "Not yet",
    yes: "Yes",
    no: "No",
    account: "Your account",
    username: "Username",
    account_since: "Account since",
    password_set: "Password set",
    password_set_before: "The password before was set",
    wrong_passwords: "Wrong passwords since the last correct sign-in",
    last_wrong_password: "Last wrong password since the last correct sign-in",
    wrong_passwords_reset: "New tries for your password, given by the people who run this site",
    former_usernames: "Usernames that you had before",
    name: "Name",
    given_up: "Used until",
    reserved_until: "Kept for you until",
    recovery_codes: "Recovery codes",
    made: "Made",
    confirmed: "You said that you have kept it",
    reset_link: "Link for a new password, from the people who run this site",
    valid_until: "Works until",
    used: "Used",
    browsers: "Where you are signed in",
    kind: "Browser and device",
    this_browser: "This file was made in this browser",
    signed_in: "Signed in",
    last_used: "Last used",
    remembered: "You chose to stay signed in",
    ends: "Stays signed in until",
    ends_unused: "Signed out if not used for",
    notices: "Sign-ins from new browsers that you have not answered yet",
    activity: "What happened to your account",
    when: "When",
    what: "What happened",
    browser: "Browser",
    technical: "For technical people",
    connection: "Connection:",
    says: "The browser says about itself:",
    ended_says: "The browser that was signed out says about itself:",
    account_number: "Number of the account:",
    sign_in_number: "Number of the sign-in:",
    entry_number: "Number of the entry:",
    detail: "Detail:",
    renamed: |old, new| format!("From {old} to {new}"),
    span: |count, number, unit| {
        let unit = match (unit, count) {
            (TimeUnit::Days, 1) => "day",
            (TimeUnit::Days, _) => "days",
            (TimeUnit::Hours, 1) => "hour",
            (TimeUnit::Hours, _) => "hours",
            (TimeUnit::Minutes, 1) => "minute",
            (TimeUnit::Minutes, _) => "minutes",
            (TimeUnit::Seconds, 1) => "second",
            (TimeUnit::Seconds, _) => "seconds",
        };
        format!("{number} {unit}")
    },
};

/// What became of a form that is gone, or of a sign-out.
fn told(told: Told) -> &'static str {
    match told {
        Told::PasswordChanged => {
            "Your password is changed. Somebody has signed in or out in this browser \
             meanwhile, so sign in with the new password."
        }
        Told::AccountMade => {
            "Your account is made. Somebody has signed in or out in this browser meanwhile, \
             so sign in to use it."
        }
        Told::SignInOvertaken => {
            "Somebody has signed in or out in this browser meanwhile, so your sign-in was \
             ended."
        }
        Told::SignInStays => {
            "You have signed in again in another tab meanwhile, so you are still signed in. Sign \
             out once more if you want to."
        }
        Told::PasswordChange {
            became,
            is_of_another,
        } => what_became(became, is_of_another),
        Told::NoAnswerYet => {
            "The server has not answered yet. This page asks again for up to two minutes."
        }
        Told::Recovery(Became::Done) => {
            "The new password is set with the recovery code, and that account is signed out \
             everywhere. Sign in with the new password."
        }
        Told::Recovery(Became::NotDone) => {
            "No new password was set with the recovery code. Try again."
        }
        Told::Recovery(Became::NotKnown) => {
            "It is not known whether the new password was set with the recovery code. Try to sign \
             in with it first."
        }
    }
}

/// Why the page waits before it shows the other person.
fn waits(reload: Reload) -> &'static str {
    match reload {
        Reload::AfterAnswer { is_own: false } => {
            "Another person has signed in in this browser. This page waits for an answer of \
             the server, and then it loads again."
        }
        Reload::AfterAnswer { is_own: true } => {
            "You are signed in. Another request of this page is under way. The page loads again \
             after it."
        }
        Reload::Loading => "You are signed in. Your page is loading.",
        Reload::ByPerson { is_own: true } => "You are signed in, but your page has not loaded yet.",
        Reload::ByPerson { is_own: false } => "Another person has signed in in this browser.",
    }
}

fn what_became(became: Became, is_of_another: bool) -> &'static str {
    match (became, is_of_another) {
        (Became::Done, false) => "Your password is changed. All other browsers are signed out.",
        (Became::NotDone, false) => "Your password was not changed. Try again.",
        (Became::NotKnown, false) => {
            "It is not known whether your password was changed. Try to sign in with the new \
             password first."
        }
        (Became::Done, true) => {
            "The password of the account that was open here before is changed. Sign in there \
             with the new password."
        }
        (Became::NotDone, true) => {
            "The password of the account that was open here before was not changed."
        }
        (Became::NotKnown, true) => {
            "It is not known whether the password of the account that was open here before was \
             changed. Try to sign in there with the new password first."
        }
    }
}

/// Why the person is not signed in any more, each reason in its own words.
fn why(ending: Ending) -> &'static str {
    match ending {
        Ending::SignedOut => "You have signed out.",
        Ending::SignedOutElsewhere => "You signed out in another tab.",
        Ending::Expired => "Your sign-in has expired. Sign in to go on.",
        Ending::Ended => "You were signed out from another browser.",
        Ending::PasswordChanged => {
            "Your password was changed. Sign in with the new one. Was it not you? Get back in with your \
             recovery code."
        }
        Ending::Reused => {
            "You were signed out for your safety: somebody copied your sign-in and used it. Both are \
             signed out now. Sign in again and choose a new password. If you have just restored this \
             browser from a backup, that was the copy."
        }
        Ending::Conflict => {
            "You were signed out for your safety: either somebody else has used your sign-in, or this \
             browser had lost what it had stored last. Look at your activity after signing in."
        }
        Ending::TokenUnknown => "What this browser had stored is not valid here. Sign in again.",
        Ending::AccountDisabled => "The people who run this site have blocked this account.",
        Ending::AccountDeleted => "This account has been deleted.",
        Ending::StorageCleared => "What this browser had stored for Holdfast was deleted.",
        Ending::KeptInAnotherTab => {
            "This browser cannot store your sign-in any more. Only one other tab is still signed in, \
             until it is closed."
        }
        Ending::Unknown => "You are not signed in any more. Sign in to go on.",
        Ending::PageLeft => {
            "This browser does not let Holdfast store anything, so leaving the page signed you out."
        }
        Ending::BrowserClosed => {
            "You asked not to stay signed in, so closing the browser signed you out."
        }
    }
}

/// What happened, in words for a person.
fn what(kind: EventKind, ended: Ended) -> &'static str {
    match kind {
        EventKind::SignUp => "Account created",
        EventKind::SignIn => "Signed in",
        EventKind::SignInFailed => "A wrong password at the sign-in",
        EventKind::SignOut => "Signed out",
        EventKind::SessionEnded => match ended {
            Ended::Expired => "Sign-in expired",
            Ended::PasswordChanged => "Signed out by the new password",
            Ended::Reuse => "Signed out for your safety",
            Ended::SecretReplaced => "Signed out for safety: everybody had to sign in again",
            Ended::AccountDisabled => "Signed out because the account was blocked",
            Ended::Elsewhere => "Signed out from another browser",
        },
        EventKind::RefreshTokenReused => "A copy of your sign-in was used, so both were signed out",
        EventKind::RefreshRepeated => "A browser had not received an answer, and asked again",
        EventKind::RefreshedForward => "Stayed signed in after a fault on our side",
        EventKind::PasswordChanged => "Password changed",
        EventKind::UsernameChanged => "Username changed",
        EventKind::Recovered => "New password set without the old one",
        EventKind::RecoveryCodeMade => "New recovery code made",
        EventKind::RecoveryCodeConfirmed => "You said that you have kept your recovery code",
        EventKind::AccountDisabled => "The people who run this site blocked your account",
        EventKind::AccountEnabled => "The people who run this site opened your account again",
        EventKind::FailuresForgiven => {
            "The people who run this site gave you new tries for your password"
        }
        EventKind::ResetLinkMade => "The people who run this site made a link for a new password",
        EventKind::Unknown => "Something this page does not know yet",
    }
}
