//! The page of the flow in English.

use super::flow_parts::{
    ActionWords, ActionsWords, AnswerWords, CardWords, CountdownWords, DiagramWords, EntryWords,
    EventWords, FlowWords, LineWords, OutcomeWords, RaceWords, RowWords, SpanUnit, StepWords,
    TheftWords, TokenWords,
};

pub static FLOW: FlowWords = FlowWords {
    title: "The flow",
    lead: "This page is for technical people. Ten steps keep a person signed in and a thief out. Make each \
        of them happen with your own session, and watch the requests of this browser.",
    list: "The ten steps",
    seen: ", seen here",
    steps: STEPS,
    card: CardWords {
        needs_session: "This needs a session. After the sign-in you come back to this step.",
        signed_in: "You are signed in. To see it happen here, sign out in step 9 and sign in again.",
        files: "Decided in",
    },
    actions: ACTIONS,
    outcomes: OUTCOMES,
    diagram: DiagramWords {
        heading: "What happens",
        clear: "Clear",
        label: "The diagram",
        empty: "Nothing yet. Press a button of a step: the requests of this browser are drawn here \
            while they happen.",
        aside: "These are the real requests of this browser. It does not see the database, so what \
            happens there is concluded from the answer.",
    },
    line: LineWords {
        lanes: ["Person", "Browser", "Server", "Database"],
        lanes_within: ["person", "browser", "server", "database"],
        note: |step, at| format!("Step {step}, {at}: "),
        message: |step, from, to| format!("Step {step}, {from} to {to}: "),
    },
    events: EVENTS,
    answers: ANSWERS,
    race: RACE,
    now: "What is there now",
    reveal: "Show everything in full",
    shorten: "Shorten everything",
    countdown: CountdownWords {
        none: "No access token",
        expired: "The access token has expired",
        left: |minutes, seconds| format!("The access token is valid for {minutes}:{seconds:02}"),
    },
    panels: [
        (
            "The access token",
            "Every protected call needs it. It is valid for a few minutes, and the server does not store \
             it.",
        ),
        ("The refresh token", "It brings the next two tokens, once."),
        (
            "In this browser",
            "Local storage has a copy for the first moment of a page. If the two differ, IndexedDB \
             counts.",
        ),
        (
            "In the database",
            "One row for each session. It has no token, so the server cannot show yours.",
        ),
    ],
    nothing: "Nothing",
    reading: "Reading…",
    tokens: TOKENS,
    entries: EntryWords {
        signed_out: "This page reads storage only while a person is signed in. After a sign-out, the \
            refresh token is kept until the server has confirmed.",
        stores_nothing: "This browser stores nothing of this session: only this tab has it.",
        not_readable: "The page could not read what is stored of this session.",
        local_storage: "Local storage",
        database: "IndexedDB",
        attempt_key: "The attempt key of the refresh token with this number.",
        count_only: "Only their number: they may belong to other sessions.",
    },
    row: ROW,
    theft: TheftWords {
        question: "This ends your session, here and on the server. Your activity will warn you of a \
            copied token, and you sign in again afterwards. Go on?",
        cancel: "Cancel",
        confirm: "End my session",
    },
};

/// The sentences are those of the README.
const STEPS: [StepWords; 10] = [
    StepWords {
        name: "No token",
        sentence: "A protected call without a valid access token is answered 401.",
    },
    StepWords {
        name: "Sign-in",
        sentence: "A person signs in with username and password.",
    },
    StepWords {
        name: "Two tokens",
        sentence: "The server answers with an access token (5 minutes by default, never stored by \
            the server) and a refresh token (90 days by default, stored as a hash).",
    },
    StepWords {
        name: "Stored",
        sentence: "The browser keeps both in its storage.",
    },
    StepWords {
        name: "A call",
        sentence: "Every call carries the access token; the server verifies it without the \
            database.",
    },
    StepWords {
        name: "Expired",
        sentence: "When the access token has expired, the browser presents the refresh token.",
    },
    StepWords {
        name: "Rotation",
        sentence: "The server rotates the refresh token: it answers with a new refresh token that \
            has the same expiration date, and with a new access token.",
    },
    StepWords {
        name: "Repeated",
        sentence: "The browser stores the new pair and sends the call with the new access token. It \
            repeats a call only if the server refused the access token of that call. The person \
            notices nothing.",
    },
    StepWords {
        name: "Sign-out",
        sentence: "Sign-out deletes the refresh token on the server and both tokens in the browser.",
    },
    StepWords {
        name: "Refused",
        sentence: "The server refuses an expired or invalid refresh token. Then the browser clears \
            its storage.",
    },
];

const ACTIONS: ActionsWords = ActionsWords {
    call_without_token: ActionWords {
        text: "Call without a token",
        hint: "It needs no session.",
        done: "",
    },
    read_storage: ActionWords {
        text: "Read the storage again",
        hint: "",
        done: "It is shown below, «In this browser».",
    },
    call: ActionWords {
        text: "Call a protected address",
        hint: "",
        done: "The call was answered 200.",
    },
    expire_and_call: ActionWords {
        text: "Let the access token expire, and call",
        hint: "This tab treats its access token as expired. It renews first, and sends the call after \
            that.",
        done: "The call was answered 200.",
    },
    renew: ActionWords {
        text: "Refresh now",
        hint: "",
        done: "Both tokens are new.",
    },
    lose_answer: ActionWords {
        text: "Lose an answer, and recover it",
        hint: "The server answers with new tokens, and this page throws them away. The client sends the \
            same request again, with the same attempt key.",
        done: "The answer was lost, and this tab has new tokens now. The diagram shows how it got them.",
    },
    race: ActionWords {
        text: "Renew in two tabs at once",
        hint: "Opens this page in a second tab, if there is none. Then both tabs renew at the same \
            moment, without the lock that they usually wait for.",
        done: "",
    },
    call_with_refused_token: ActionWords {
        text: "Call with a token that the server refuses",
        hint: "One character of the signature is changed. The server answers 401, the client \
            renews, and sends the call once more.",
        done: "The call was answered 200, at its second try.",
    },
    sign_out: ActionWords {
        text: "Sign out here",
        hint: "",
        done: "The sign-out has begun. The diagram shows how it goes on.",
    },
    present_made_up: ActionWords {
        text: "Send an invalid refresh token",
        hint: "It harms nothing, and needs no session.",
        done: "",
    },
    steal: ActionWords {
        text: "Send an old refresh token",
        hint: "What a thief with a copy would do: the copy is made, this browser renews twice, and \
            then the copy comes back. The server ends the session.",
        done: "The server has ended the session. You and the thief are signed out, and every page \
            says why.",
    },
};

const OUTCOMES: OutcomeWords = OutcomeWords {
    all_you_see: "On any other page, this answer is all that you see",
    not_renewed: "There are no new tokens so far. The diagram has the requests and their answers. \
        After a failure, the client may wait before it sends the next request.",
    has_to_wait: "Another renewal of this page is still under way, so nothing was done. Try it again \
        after that.",
    nothing_lost: "Both tokens are new, but no answer was lost: another renewal was faster.",
    copies: |generation| format!("A thief copies refresh token {generation}"),
    presents: |generation| format!("The thief presents the copy of refresh token {generation}"),
    learns_later: "The server has ended the session. This tab learns it by its next call.",
    theft_not_seen: "The server has not seen the theft.",
    refused: |status, code| format!("The server has refused: {status} {code}."),
};

const EVENTS: EventWords = EventWords {
    name_and_password: "name and password",
    access_token: "access token",
    refresh_token: "refresh token",
    numbered_refresh_token: |generation| format!("refresh token {generation}"),
    no_token: "no token",
    another_program: |status| {
        format!("{status}, but not from this server: another program answered")
    },
    no_answer: "No answer",
    thrown_away: "This page throws the answer away, as if it had not arrived",
    repeated: "The call is sent once more, with the new access token",
    key_made: |attempt| format!("An attempt key ({attempt}) is made first"),
    key_stored: |attempt| format!("An attempt key ({attempt}) is stored first"),
    same_key: |attempt| format!("The same attempt key once more ({attempt})"),
    unknown_key: |attempt| format!("A new attempt key ({attempt}) that this browser never used"),
    tokens_stored: "Both tokens are stored",
    tokens_in_this_tab: "This browser stores nothing, so only this tab has the tokens",
    signed_in_elsewhere: "Another tab has signed in: this tab uses its tokens",
    pair_stored: |generation| format!("The new pair is stored: refresh token {generation}"),
    pair_in_this_tab: |generation| {
        format!("Only this tab has the new pair: refresh token {generation}")
    },
    renewed_elsewhere: |generation| {
        format!("Another tab has renewed: this tab uses refresh token {generation}")
    },
    access_token_deleted: "The access token is deleted. The refresh token is kept until the server has \
        confirmed",
    tokens_deleted: "Both tokens are deleted",
    storage_deleted: "What this browser had stored was deleted",
    kept_elsewhere: "This browser stores nothing any more: only one other tab has the session",
    signed_out_elsewhere: "Another tab has signed out",
    ended_elsewhere: "Another tab has found that the session is over",
    session_over: "The session is over, and this browser has said why",
    sign_out_confirmed: "The server has confirmed it: the refresh token is deleted here, too",
};

const ANSWERS: AnswerWords = AnswerWords {
    insert_session: "insert the session, with the hash of its refresh token",
    answer_session: "access token, refresh token 0",
    delete_session: "delete the session, note its end",
    answer_over: "the session is over",
    select_row: "select the row of this session",
    answer_row: "for the panel «In the database»",
    call_accepted: "Signature, issuer and time are right: no query for the session",
    is_current: |next| {
        format!("token {next} is current already: the same request again, so nothing changes")
    },
    answer_same: |next| format!("the same refresh token {next} again, a fresh access token"),
    replaces: |next, before| {
        format!(
            "the hash of token {next} replaces that of token {before}; or, if this request was \
             carried out before, nothing changes"
        )
    },
    answer_next: |next| {
        format!("refresh token {next} with the same last day, a fresh access token")
    },
    not_current: "the token is not current: another request was faster, nothing changes",
    reused: "an old token that nothing explains: delete the session, note «reuse»",
    wrong_mac: "This server has not made the token (wrong MAC): refused without a query",
    too_old: "past its last day, or unused for too long: delete the session",
    ended_before: "This session has ended before",
    access_token_expired: "The access token has expired",
    access_token_not_accepted: "The signature or a claim of the access token is not accepted",
    ended: "This session is on the list of ended ones",
};

const RACE: RaceWords = RaceWords {
    opening: "The second tab is opening. Both tabs renew as soon as it is there.",
    awaited: "Both tabs renew as soon as there is a second tab with this page.",
    not_opened: "The browser did not let this page open a tab. Open this page in a second tab: both \
        tabs renew when it is there.",
    under_way: "The two tabs are renewing already.",
    none_came: "No second tab with this session has come, so nothing was renewed.",
    other_silent: "This tab is done. The other tab has not said what it did.",
    other_left: "The other tab was left before it had said what it did.",
    same_request: "Both tabs sent the same request, and both got the same refresh token.",
    this_faster: "This tab was faster: the other tab uses its tokens.",
    other_faster: "The other tab was faster: this tab uses its tokens.",
    see_diagram: "The diagram says what each of the two tabs did.",
    stores_nothing: "Only this tab has the session, because this browser stores nothing.",
    no_database: "This browser gives the page no database. Without it, two renewals at the same moment \
        could end the session, so nothing was renewed.",
    other_sent: |generation, attempt, status| {
        format!(
            "The other tab sent refresh token {generation} with the attempt key {attempt}, and was \
             answered {status}"
        )
    },
    other_sent_nothing: "The other tab sent nothing, and uses the new tokens",
    other_not_renewed: "The other tab got no new tokens",
};

const TOKENS: TokenWords = TokenWords {
    none: "No person is signed in, so no token is shown.",
    access: [
        ("Header", "How it is signed, and with which key."),
        (
            "Claims",
            "Who it is for, and for how long. Times are Unix seconds.",
        ),
        (
            "Signature",
            "The server checks it with its public key, without a query.",
        ),
    ],
    refresh: [
        ("Prefix", "So that secret scanners recognise it."),
        ("Key", "Which key of the server has made it: a hint."),
        ("Session", "It stays the same."),
        ("Generation", "Each renewal adds one."),
        ("Secret", "32 bytes. The database holds their SHA-256 only."),
        (
            "Check value (MAC)",
            "The server checks it before it asks the database.",
        ),
    ],
};

const ROW: RowWords = RowWords {
    signed_out: "There is no session, so there is no row.",
    other_token: "The server shows the refresh token's number and hash only to the holder of the current \
        one, and this tab had another one when it asked.",
    generation: "Generation",
    hash: "Hash of the refresh token",
    hash_of_this: "It is the SHA-256 of the secret in this browser's refresh token. No hash of an \
        earlier token is kept.",
    hash_of_another: "It belongs to another refresh token than the one of this page.",
    marks: "Marks of the last attempt keys",
    no_marks: "None yet.",
    marks_hint: "The newest first. The server uses them to tell a repeated request from a theft.",
    ends: "Ends at the latest",
    end_changed: "It has changed since this page was opened.",
    end_is_same: |renewals| match renewals {
        0 => "No renewal moves this date.".to_owned(),
        1 => "One renewal here, and the date is the same.".to_owned(),
        times => format!("{times} renewals here, and the date is the same."),
    },
    signed_in: "Signed in",
    renewed: "Last renewed",
    renewed_hint: "Rounded to five minutes, so that a thief with an access token cannot see when you \
        renew.",
    idle: "Ends if unused for",
    span,
};

fn span(count: i64, unit: SpanUnit) -> String {
    let unit = match unit {
        SpanUnit::Days => "day",
        SpanUnit::Hours => "hour",
        SpanUnit::Minutes => "minute",
        SpanUnit::Seconds => "second",
    };
    match count {
        1 => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    }
}
