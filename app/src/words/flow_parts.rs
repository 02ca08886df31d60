//! What a language has to say on the page of the flow.

use super::parts::Text;

/// The page of the flow.
pub struct FlowWords {
    pub title: Text,
    pub lead: Text,
    /// The list of the steps.
    pub list: Text,
    /// After the name of a step of which there was a line.
    pub seen: Text,
    pub steps: [StepWords; 10],
    pub card: CardWords,
    pub actions: ActionsWords,
    pub outcomes: OutcomeWords,
    pub diagram: DiagramWords,
    pub line: LineWords,
    pub events: EventWords,
    pub answers: AnswerWords,
    pub race: RaceWords,
    /// The heading of the panels.
    pub now: Text,
    pub reveal: Text,
    pub shorten: Text,
    pub countdown: CountdownWords,
    /// The panels: heading, and what each is about.
    pub panels: [(Text, Text); 4],
    /// What a panel without anything else has.
    pub nothing: Text,
    /// What a panel has before its content has come.
    pub reading: Text,
    pub tokens: TokenWords,
    pub entries: EntryWords,
    pub row: RowWords,
    pub theft: TheftWords,
}

/// One of the ten steps.
pub struct StepWords {
    /// Its name in a few words.
    pub name: Text,
    /// What happens.
    pub sentence: Text,
}

/// The card of a step.
pub struct CardWords {
    pub needs_session: Text,
    /// A hint for a person who is signed in already.
    pub signed_in: Text,
    /// The heading of the files.
    pub files: Text,
}

/// What the page can make happen.
pub struct ActionsWords {
    pub call_without_token: ActionWords,
    pub read_storage: ActionWords,
    pub call: ActionWords,
    pub expire_and_call: ActionWords,
    pub renew: ActionWords,
    pub lose_answer: ActionWords,
    pub race: ActionWords,
    pub call_with_refused_token: ActionWords,
    pub sign_out: ActionWords,
    pub present_made_up: ActionWords,
    pub steal: ActionWords,
}

/// One of these actions.
pub struct ActionWords {
    /// The text of its button.
    pub text: Text,
    /// What it does, if its text does not say it.
    pub hint: Text,
    /// What to say when it is done without an error.
    pub done: Text,
}

/// What came of an action, if not what it is for.
pub struct OutcomeWords {
    /// The last line of a call.
    pub all_you_see: Text,
    pub not_renewed: Text,
    pub has_to_wait: Text,
    pub nothing_lost: Text,
    /// The thief copies the refresh token with this number.
    pub copies: fn(u32) -> String,
    /// The thief presents the copy of it.
    pub presents: fn(u32) -> String,
    pub learns_later: Text,
    pub theft_not_seen: Text,
    /// Status and code.
    pub refused: fn(u16, &str) -> String,
}

/// The diagram.
pub struct DiagramWords {
    pub heading: Text,
    pub clear: Text,
    pub label: Text,
    pub empty: Text,
    pub aside: Text,
}

/// Who takes part in a line of the diagram, and what a screen reader says before its text.
pub struct LineWords {
    /// Person, browser, server and database, also above the diagram.
    pub lanes: [Text; 4],
    /// The same within a sentence.
    pub lanes_within: [Text; 4],
    /// The step and the lane within a sentence.
    pub note: fn(u32, Text) -> String,
    /// The step, the lane that sends, and the lane within a sentence that receives.
    pub message: fn(u32, Text, Text) -> String,
}

/// The lines about what this browser does.
pub struct EventWords {
    pub name_and_password: Text,
    pub access_token: Text,
    pub refresh_token: Text,
    pub numbered_refresh_token: fn(u32) -> String,
    pub no_token: Text,
    /// Its status.
    pub another_program: fn(u16) -> String,
    pub no_answer: Text,
    pub thrown_away: Text,
    pub repeated: Text,
    /// The start of the attempt key's mark, also in the next ones.
    pub key_made: fn(&str) -> String,
    pub key_stored: fn(&str) -> String,
    pub same_key: fn(&str) -> String,
    pub unknown_key: fn(&str) -> String,
    pub tokens_stored: Text,
    pub tokens_in_this_tab: Text,
    pub signed_in_elsewhere: Text,
    /// The number of the refresh token, also in the next ones.
    pub pair_stored: fn(u32) -> String,
    pub pair_in_this_tab: fn(u32) -> String,
    pub renewed_elsewhere: fn(u32) -> String,
    pub access_token_deleted: Text,
    pub tokens_deleted: Text,
    pub storage_deleted: Text,
    pub kept_elsewhere: Text,
    pub signed_out_elsewhere: Text,
    pub ended_elsewhere: Text,
    pub session_over: Text,
    pub sign_out_confirmed: Text,
}

/// The lines about what an answer says of the server. What stands after the status is called `answer_…`.
pub struct AnswerWords {
    pub insert_session: Text,
    pub answer_session: Text,
    pub delete_session: Text,
    pub answer_over: Text,
    pub select_row: Text,
    pub answer_row: Text,
    pub call_accepted: Text,
    /// The number of the next refresh token.
    pub is_current: fn(u32) -> String,
    pub answer_same: fn(u32) -> String,
    /// The number of the next refresh token, and of the one before.
    pub replaces: fn(u32, u32) -> String,
    pub answer_next: fn(u32) -> String,
    pub not_current: Text,
    pub reused: Text,
    pub wrong_mac: Text,
    pub too_old: Text,
    pub ended_before: Text,
    pub access_token_expired: Text,
    pub access_token_not_accepted: Text,
    pub ended: Text,
}

/// Two tabs that renew at once.
pub struct RaceWords {
    pub opening: Text,
    pub awaited: Text,
    pub not_opened: Text,
    pub under_way: Text,
    pub none_came: Text,
    pub other_silent: Text,
    pub other_left: Text,
    pub same_request: Text,
    pub this_faster: Text,
    pub other_faster: Text,
    pub see_diagram: Text,
    pub stores_nothing: Text,
    pub no_database: Text,
    /// The other tab has sent this refresh token with this attempt key, and got an answer with this status.
    pub other_sent: fn(u32, &str, u16) -> String,
    pub other_sent_nothing: Text,
    pub other_not_renewed: Text,
}

/// How long the access token is valid.
pub struct CountdownWords {
    pub none: Text,
    pub expired: Text,
    /// Minutes and seconds.
    pub left: fn(u64, u64) -> String,
}

/// The tokens, taken apart: the names of the parts, and what each is for.
pub struct TokenWords {
    pub none: Text,
    pub access: [(Text, Text); 3],
    pub refresh: [(Text, Text); 6],
}

/// What this browser has stored.
pub struct EntryWords {
    pub signed_out: Text,
    pub stores_nothing: Text,
    pub not_readable: Text,
    pub local_storage: Text,
    pub database: Text,
    pub attempt_key: Text,
    pub count_only: Text,
}

/// The row of the database.
pub struct RowWords {
    pub signed_out: Text,
    pub other_token: Text,
    pub generation: Text,
    pub hash: Text,
    pub hash_of_this: Text,
    pub hash_of_another: Text,
    pub marks: Text,
    pub no_marks: Text,
    pub marks_hint: Text,
    pub ends: Text,
    pub end_changed: Text,
    /// How many renewals have not moved it.
    pub end_is_same: fn(u32) -> String,
    pub signed_in: Text,
    pub renewed: Text,
    pub renewed_hint: Text,
    pub idle: Text,
    pub span: fn(i64, SpanUnit) -> String,
}

/// In what a span of time is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanUnit {
    Days,
    Hours,
    Minutes,
    Seconds,
}

/// The dialog before an old refresh token is presented.
pub struct TheftWords {
    pub question: Text,
    pub cancel: Text,
    pub confirm: Text,
}
