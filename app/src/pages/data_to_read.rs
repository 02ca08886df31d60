//! The copy of all data that a person reads: one page of HTML, which needs no other file.
//!
//! A security duty: a name or the text with which a browser calls itself may have any character, and the
//! person opens the file outside of our pages and their policy. So [`Html`] escapes every text, and only
//! the tags of this file are written as they are. The policy in the file is a second guard: a script in
//! it would not run, and it loads and sends nothing.
//!
//! Each type is taken apart without `..`. So a member that a later version adds does not compile here until
//! the page shows it.

use std::cmp::Reverse;

use holdfast_protocol::wire::{
    Account, AccountData, ActivityData, ActivityEvent, EndReason, EventKind, FailedSignIns,
    FormerUsernameData, RecoveryCodeData, ResetLinkData, SessionData, SessionInfo,
    SignInNoticeData,
};

use super::activity::what_happened;
use crate::words::{DataToRead, Text, TimeUnit, Words};

/// The detail of an ending that is no [`EndReason`]; `what_happened` says it in words.
const SECRET_REPLACED: &str = "secret_replaced";

/// In place of a browser, in every language.
const NO_BROWSER: &str = "–";

/// Writes the page in the language of these words. `date` and `number` say a point in time (Unix seconds) and
/// a number in this language.
pub(super) fn page_to_read(
    data: &AccountData,
    all: Words,
    date: &dyn Fn(i64) -> String,
    number: &dyn Fn(u64) -> String,
) -> String {
    let AccountData {
        read_at,
        account,
        password_changed_at,
        previous_password_changed_at,
        former_usernames,
        failed_sign_ins,
        failures_forgiven_at,
        recovery_codes,
        reset_link,
        sessions,
        sign_in_notices,
        activity,
    } = data;
    let Account {
        account_id,
        username,
        created_at,
    } = account;
    let words = all.data_to_read();
    let teller = Teller {
        all,
        words,
        date,
        number,
    };
    let (failures, last_failure) = match failed_sign_ins {
        Some(FailedSignIns { times, last_at }) => (*times, Some(*last_at)),
        None => (0, None),
    };

    let mut html = Html(String::new());
    html.begin(all.dates().locale, words.title);
    html.paragraph(&(words.lead)(&date(*read_at)));
    html.paragraph(words.times);

    let forgiven = failures_forgiven_at.map(|at| (words.wrong_passwords_reset, teller.date(at)));
    let facts = [
        (words.username, cell(username)),
        (words.account_since, cell(date(*created_at))),
        (words.password_set, cell(date(*password_changed_at))),
        (
            words.password_set_before,
            teller.date_or_never(*previous_password_changed_at),
        ),
        (words.wrong_passwords, cell(number(failures))),
        (
            words.last_wrong_password,
            teller.date_or_never(last_failure),
        ),
    ];
    let number_of_account = (
        words.technical,
        technical([(words.account_number, Some(account_id.to_string()))]),
    );
    html.section(words.account);
    html.facts(facts.into_iter().chain(forgiven).chain([number_of_account]));

    html.section(words.former_usernames);
    html.table(
        [words.name, words.given_up, words.reserved_until],
        former_usernames.iter().map(|former| teller.former(former)),
        words.nothing,
    );

    html.section(words.recovery_codes);
    html.table(
        [words.made, words.confirmed],
        recovery_codes.iter().map(|code| teller.recovery_code(code)),
        words.nothing,
    );

    // Only a few people ever get one.
    if let Some(link) = reset_link {
        html.section(words.reset_link);
        html.table(
            [words.made, words.valid_until, words.used],
            [teller.reset_link(link)].into_iter(),
            words.nothing,
        );
    }

    html.section(words.browsers);
    for browser in sessions {
        let (heading, facts) = teller.browser(browser);
        html.subsection(&heading);
        html.facts(facts);
    }
    if sessions.is_empty() {
        html.paragraph(words.nothing);
    }

    html.section(words.notices);
    html.table(
        [words.when, words.technical],
        sign_in_notices.iter().map(|notice| teller.notice(notice)),
        words.nothing,
    );

    // The server lists wrong passwords at the beginning of their hour.
    let mut activity: Vec<&ActivityData> = activity.iter().collect();
    activity.sort_by_key(|stored| Reverse(stored.event.at));
    html.section(words.activity);
    html.table(
        [words.when, words.what, words.browser, words.technical],
        activity.into_iter().map(|event| teller.event(event)),
        words.nothing,
    );
    html.end()
}

/// Says the parts of the data in words.
struct Teller<'a> {
    all: Words,
    words: &'static DataToRead,
    date: &'a dyn Fn(i64) -> String,
    number: &'a dyn Fn(u64) -> String,
}

impl Teller<'_> {
    fn date(&self, at: i64) -> Cell {
        cell((self.date)(at))
    }

    fn date_or_never(&self, at: Option<i64>) -> Cell {
        at.map_or_else(|| cell(self.words.never), |at| self.date(at))
    }

    fn date_or_not_yet(&self, at: Option<i64>) -> Cell {
        at.map_or_else(|| cell(self.words.not_yet), |at| self.date(at))
    }

    fn yes_or_no(&self, is_so: bool) -> Cell {
        cell(if is_so { self.words.yes } else { self.words.no })
    }

    fn former(&self, former: &FormerUsernameData) -> [Cell; 3] {
        let FormerUsernameData {
            username,
            given_up_at,
            reserved_until,
        } = former;
        [
            cell(username),
            self.date(*given_up_at),
            self.date(*reserved_until),
        ]
    }

    fn recovery_code(&self, code: &RecoveryCodeData) -> [Cell; 2] {
        let RecoveryCodeData {
            made_at,
            confirmed_at,
        } = *code;
        [self.date(made_at), self.date_or_not_yet(confirmed_at)]
    }

    fn reset_link(&self, link: &ResetLinkData) -> [Cell; 3] {
        let ResetLinkData {
            made_at,
            expires_at,
            used_at,
        } = *link;
        [
            self.date(made_at),
            self.date(expires_at),
            self.date_or_not_yet(used_at),
        ]
    }

    /// The heading of a browser in which the person is signed in, and what is stored about it.
    fn browser(&self, browser: &SessionData) -> (String, [(Text, Cell); 9]) {
        let SessionData {
            session,
            remember,
            idle_seconds,
        } = browser;
        let SessionInfo {
            session_id,
            current,
            created_at,
            last_used_at,
            expires_at,
            ip,
            user_agent,
            device,
            name,
        } = session;
        let words = self.words;
        let device = self.all.device(device.clone());
        let heading = name.clone().unwrap_or_else(|| device.clone());
        let facts = [
            (
                words.name,
                name.clone().map_or_else(|| cell(words.no_name), cell),
            ),
            (words.kind, cell(device)),
            (words.this_browser, self.yes_or_no(*current)),
            (words.signed_in, self.date(*created_at)),
            // The server rounds the last use down, so it may be before the sign-in.
            (words.last_used, self.date(*last_used_at.max(created_at))),
            (words.remembered, self.yes_or_no(*remember)),
            (words.ends, self.date(*expires_at)),
            (words.ends_unused, cell(self.span(*idle_seconds))),
            (
                words.technical,
                technical([
                    (words.connection, ip.clone()),
                    (words.says, user_agent.clone()),
                    (words.sign_in_number, Some(session_id.to_string())),
                ]),
            ),
        ];
        (heading, facts)
    }

    fn notice(&self, notice: &SignInNoticeData) -> [Cell; 2] {
        let SignInNoticeData {
            session_id,
            at,
            ip,
            user_agent,
        } = notice;
        let words = self.words;
        let technical = technical([
            (words.connection, ip.clone()),
            (words.says, user_agent.clone()),
            (words.sign_in_number, Some(session_id.to_string())),
        ]);
        [self.date(*at), technical]
    }

    fn event(&self, stored: &ActivityData) -> [Cell; 4] {
        let ActivityData {
            event,
            user_agent,
            ended_user_agent,
        } = stored;
        let ActivityEvent {
            event_id,
            kind,
            at,
            ip,
            device,
            ended_device,
            session_id,
            detail,
            // `what_happened` says it.
            times: _,
        } = event;
        let words = self.words;
        let detail = detail.as_deref();
        let renamed = detail.and_then(|detail| self.renamed(*kind, detail));
        let unknown = detail.filter(|detail| renamed.is_none() && !is_said(detail));
        let mut what = cell(what_happened(event, self.all, self.number));
        what.below.extend(renamed.map(|renamed| ("", renamed)));
        if let Some(ended) = ended_device {
            let ended = self.all.device(ended.clone());
            let was_signed_out = self.all.activity().was_signed_out;
            what.below.push(("", was_signed_out(&ended)));
        }
        // What the server or the people who run the site have done was in no browser.
        let browser = match user_agent {
            Some(_) => cell(self.all.device(device.clone())),
            None => cell(NO_BROWSER),
        };
        let technical = technical([
            (words.connection, ip.clone()),
            (words.says, user_agent.clone()),
            (words.ended_says, ended_user_agent.clone()),
            (words.detail, unknown.map(str::to_owned)),
            (words.sign_in_number, session_id.map(|id| id.to_string())),
            (words.entry_number, Some(event_id.to_string())),
        ]);
        [self.date(*at), what, browser, technical]
    }

    /// Both names of an event that tells of a new username.
    fn renamed(&self, kind: EventKind, detail: &str) -> Option<String> {
        let (old, new) = detail.strip_prefix("from ")?.split_once(" to ")?;
        (kind == EventKind::UsernameChanged).then(|| (self.words.renamed)(old, new))
    }

    /// A span of time, exactly, in the largest unit.
    fn span(&self, seconds: u64) -> String {
        let units = [
            (24 * 60 * 60, TimeUnit::Days),
            (60 * 60, TimeUnit::Hours),
            (60, TimeUnit::Minutes),
        ];
        let mut units = units.into_iter();
        let fits = units.find(|(length, _)| seconds > 0 && seconds.is_multiple_of(*length));
        let (length, unit) = fits.unwrap_or((1, TimeUnit::Seconds));
        let count = seconds / length;
        (self.words.span)(count, &(self.number)(count), unit)
    }
}

/// Whether `what_happened` says this detail of an event in words. A newer server may have other details.
fn is_said(detail: &str) -> bool {
    EndReason::read(detail) != EndReason::Unknown || detail == SECRET_REPLACED
}

/// A cell of a table: a text, which may be empty, and small texts below it, each with a name, which may be
/// empty, too.
struct Cell {
    text: String,
    below: Vec<(Text, String)>,
}

fn cell(text: impl Into<String>) -> Cell {
    Cell {
        text: text.into(),
        below: Vec::new(),
    }
}

/// What only technical people can use, each value with its name. What is not stored is left out.
fn technical(values: impl IntoIterator<Item = (Text, Option<String>)>) -> Cell {
    let values = values.into_iter();
    Cell {
        text: String::new(),
        below: values
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
    }
}

/// The page as far as it is written.
struct Html(String);

impl Html {
    /// Writes tags of this file. A text that is made from data does not live long enough for it.
    fn tags(&mut self, tags: &'static str) {
        self.0.push_str(tags);
    }

    /// Writes a text between tags, and changes nothing around it: some names are written from right to left.
    fn text(&mut self, text: &str) {
        self.tags("<bdi>");
        self.0.push_str(&escaped(text));
        self.tags("</bdi>");
    }

    fn begin(&mut self, language: Text, title: Text) {
        self.tags("<!doctype html>\n<html lang=\"");
        self.0.push_str(&escaped(language));
        self.tags("\">\n<head>\n<meta charset=\"utf-8\">\n");
        // Before everything that it may forbid.
        self.tags(
            "<meta http-equiv=\"Content-Security-Policy\" \
             content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n",
        );
        self.tags(
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
        );
        self.0.push_str(&escaped(title));
        self.tags("</title>\n<style>\n");
        self.tags(include_str!("data_to_read.css"));
        self.tags("</style>\n</head>\n<body>\n<main>\n<h1>");
        self.text(title);
        self.tags("</h1>\n");
    }

    fn end(mut self) -> String {
        self.tags("</main>\n</body>\n</html>\n");
        self.0
    }

    fn section(&mut self, heading: &str) {
        self.tags("<h2>");
        self.text(heading);
        self.tags("</h2>\n");
    }

    fn subsection(&mut self, heading: &str) {
        self.tags("<h3>");
        self.text(heading);
        self.tags("</h3>\n");
    }

    fn paragraph(&mut self, text: &str) {
        self.tags("<p>");
        self.text(text);
        self.tags("</p>\n");
    }

    /// A table of names and values.
    fn facts(&mut self, facts: impl IntoIterator<Item = (Text, Cell)>) {
        self.tags("<table>\n");
        for (name, value) in facts {
            self.tags("<tr><th scope=\"row\">");
            self.text(name);
            self.tags("</th><td>");
            self.in_cell(&value);
            self.tags("</tr>\n");
        }
        self.tags("</table>\n");
    }

    /// A table with a row for each of several things. Without a row, it is the text `nothing`. A narrow page
    /// shows each row as a block, so each cell has the name of its column.
    fn table<const COLUMNS: usize>(
        &mut self,
        columns: [Text; COLUMNS],
        rows: impl Iterator<Item = [Cell; COLUMNS]>,
        nothing: Text,
    ) {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return self.paragraph(nothing);
        }
        self.tags("<table>\n<thead>\n<tr>");
        for column in columns {
            self.tags("<th scope=\"col\">");
            self.text(column);
            self.tags("</th>");
        }
        self.tags("</tr>\n</thead>\n<tbody>\n");
        for row in rows {
            self.tags("<tr>");
            for (column, value) in columns.iter().zip(&row) {
                self.tags("<td data-label=\"");
                self.0.push_str(&escaped(column));
                self.tags("\">");
                self.in_cell(value);
            }
            self.tags("</tr>\n");
        }
        self.tags("</tbody>\n</table>\n");
    }

    /// Writes what is in a cell, and its end.
    fn in_cell(&mut self, cell: &Cell) {
        if !cell.text.is_empty() {
            self.text(&cell.text);
        }
        for (name, text) in &cell.below {
            self.tags("<small>");
            if !name.is_empty() {
                self.text(name);
                self.tags(" ");
            }
            self.text(text);
            self.tags("</small>");
        }
        self.tags("</td>");
    }
}

/// The text without any character that ends a text or an attribute in HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // The two quotation marks.
            '\u{22}' => escaped.push_str("&quot;"),
            '\u{27}' => escaped.push_str("&#39;"),
            sign => escaped.push(sign),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::words::Language;

    /// A text that would run a script, end a cell and an attribute, and change the direction of what follows.
    const HOSTILE: &str = "</td></bdi><script>alert('1')</script>\" onload=\"x & שלום\u{202e}";

    fn event(number: u128, kind: EventKind, detail: Option<&str>) -> ActivityData {
        ActivityData {
            event: ActivityEvent {
                event_id: Uuid::from_u128(number),
                kind,
                at: 900,
                ip: Some("192.0.2.9".to_owned()),
                device: "Firefox on Linux".to_owned(),
                ended_device: Some("Safari on iPhone".to_owned()),
                session_id: Some(Uuid::from_u128(0x77)),
                detail: detail.map(str::to_owned),
                times: 1,
            },
            user_agent: Some("Mozilla of the event".to_owned()),
            ended_user_agent: Some("Mozilla of the ended one".to_owned()),
        }
    }

    /// Each member has a value that no other one has.
    fn everything() -> AccountData {
        let mut failed = event(0xe1, EventKind::SignInFailed, None);
        failed.event.times = 12;
        AccountData {
            read_at: 100,
            account: Account {
                account_id: Uuid::from_u128(0xa1),
                username: "ada".to_owned(),
                created_at: 101,
            },
            password_changed_at: 102,
            previous_password_changed_at: Some(103),
            former_usernames: vec![FormerUsernameData {
                username: "ada-before".to_owned(),
                given_up_at: 104,
                reserved_until: 105,
            }],
            failed_sign_ins: Some(FailedSignIns {
                times: 7,
                last_at: 106,
            }),
            failures_forgiven_at: Some(107),
            recovery_codes: vec![
                RecoveryCodeData {
                    made_at: 108,
                    confirmed_at: Some(109),
                },
                RecoveryCodeData {
                    made_at: 110,
                    confirmed_at: None,
                },
            ],
            reset_link: Some(ResetLinkData {
                made_at: 111,
                expires_at: 112,
                used_at: Some(113),
            }),
            sessions: vec![SessionData {
                session: SessionInfo {
                    session_id: Uuid::from_u128(0x51),
                    current: true,
                    created_at: 114,
                    last_used_at: 115,
                    expires_at: 116,
                    ip: Some("192.0.2.1".to_owned()),
                    user_agent: Some("Mozilla of the browser".to_owned()),
                    device: "Safari on iPhone".to_owned(),
                    name: Some("Pocket".to_owned()),
                },
                remember: false,
                idle_seconds: 14 * 24 * 60 * 60,
            }],
            sign_in_notices: vec![SignInNoticeData {
                session_id: Uuid::from_u128(0x61),
                at: 117,
                ip: Some("192.0.2.2".to_owned()),
                user_agent: Some("Mozilla of the stranger".to_owned()),
            }],
            activity: vec![
                failed,
                event(
                    0xe2,
                    EventKind::UsernameChanged,
                    Some("from ada-before to ada"),
                ),
            ],
        }
    }

    fn page_in(language: Language, data: &AccountData) -> String {
        let date = |at: i64| format!("day {at}.");
        page_to_read(data, Words::of(language), &date, &|number| {
            number.to_string()
        })
    }

    #[test]
    fn the_page_shows_every_member() {
        let page = page_in(Language::English, &everything());
        for at in (100..=117).chain([900]) {
            assert!(page.contains(&format!("day {at}.")), "{at}: {page}");
        }
        for number in [0xa1, 0x51, 0x61, 0x77, 0xe1, 0xe2] {
            let id = Uuid::from_u128(number).to_string();
            assert!(page.contains(&id), "{id}: {page}");
        }
        for shown in [
            "<bdi>ada</bdi>",
            "<bdi>ada-before</bdi>",
            "<bdi>7</bdi>",
            "<h3><bdi>Pocket</bdi></h3>",
            "<bdi>Safari on an iPhone</bdi>",
            "Mozilla of the browser",
            "Mozilla of the stranger",
            "Mozilla of the event",
            "Mozilla of the ended one",
            "<bdi>Firefox on a Linux computer or tablet</bdi>",
            "Safari on an iPhone was signed out",
            "<bdi>192.0.2.1</bdi>",
            "<bdi>192.0.2.2</bdi>",
            "<bdi>192.0.2.9</bdi>",
            "<bdi>14 days</bdi>",
            "<bdi>Yes</bdi>",
            "<bdi>No</bdi>",
            "<bdi>Not yet</bdi>",
            ", 12 times within an hour",
            "From ada-before to ada",
        ] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
    }

    #[test]
    fn a_hostile_text_stays_a_text() {
        let mut data = everything();
        let hostile = || Some(HOSTILE.to_owned());
        data.account.username = HOSTILE.to_owned();
        data.former_usernames[0].username = HOSTILE.to_owned();
        let browser = &mut data.sessions[0].session;
        browser.name = hostile();
        browser.device = HOSTILE.to_owned();
        browser.ip = hostile();
        browser.user_agent = hostile();
        data.sign_in_notices[0].ip = hostile();
        data.sign_in_notices[0].user_agent = hostile();
        let stored = &mut data.activity[1];
        stored.user_agent = hostile();
        stored.ended_user_agent = hostile();
        stored.event.ended_device = hostile();
        stored.event.kind = EventKind::Unknown;
        stored.event.ip = hostile();
        stored.event.device = HOSTILE.to_owned();
        stored.event.detail = hostile();
        let isolated = format!("<bdi>{}</bdi>", escaped(HOSTILE));
        for language in Language::ALL {
            let page = page_in(*language, &data);
            // The name of the browser is its heading, too.
            assert_eq!(page.matches(&isolated).count(), 14, "{page}");
            assert!(!page.contains("<script"), "{page}");
            assert!(!page.contains("onload=\""), "{page}");
            // Only what this file wrote opens and closes a tag.
            assert_eq!(page.matches("<td").count(), page.matches("</td>").count());
            assert_eq!(
                page.matches("<bdi>").count(),
                page.matches("</bdi>").count()
            );
        }
    }

    #[test]
    fn each_cell_of_a_row_has_the_name_of_its_column() {
        let page = page_in(Language::English, &everything());
        let words = Words::ENGLISH.data_to_read();
        for column in [words.when, words.what, words.browser, words.technical] {
            let label = format!("<td data-label=\"{}\">", escaped(column));
            assert!(page.matches(&label).count() >= 2, "{label}: {page}");
        }
    }

    #[test]
    fn every_special_character_is_escaped() {
        assert_eq!(
            escaped("<a href=\"x\">Tom & 'Eve'</a>"),
            "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;Eve&#39;&lt;/a&gt;"
        );
        assert_eq!(escaped("Größe שלום 🏠"), "Größe שלום 🏠");
    }

    #[test]
    fn the_page_is_in_the_language_of_its_reader_and_needs_nothing_else() {
        for (language, beginning, unused) in [
            (
                Language::English,
                "<!doctype html>\n<html lang=\"en-GB\">",
                "<bdi>14 days</bdi>",
            ),
            (
                Language::German,
                "<!doctype html>\n<html lang=\"de\">",
                "<bdi>14\u{a0}Tage</bdi>",
            ),
        ] {
            let page = page_in(language, &everything());
            assert!(page.starts_with(beginning), "{page}");
            assert!(page.ends_with("</main>\n</body>\n</html>\n"), "{page}");
            assert!(page.contains(unused), "{page}");
            for other_file in ["src=", "href=", "url(", "@import"] {
                assert!(!page.contains(other_file), "{other_file}: {page}");
            }
        }
    }

    #[test]
    fn what_is_not_stored_is_said_in_words() {
        let data = AccountData {
            previous_password_changed_at: None,
            former_usernames: Vec::new(),
            failed_sign_ins: None,
            failures_forgiven_at: None,
            recovery_codes: Vec::new(),
            reset_link: None,
            sessions: Vec::new(),
            sign_in_notices: Vec::new(),
            activity: Vec::new(),
            ..everything()
        };
        let page = page_in(Language::English, &data);
        assert_eq!(page.matches("Nothing is stored here.").count(), 5, "{page}");
        assert_eq!(page.matches("<bdi>Never</bdi>").count(), 2, "{page}");
        let words = Words::ENGLISH.data_to_read();
        for of_few in [words.reset_link, words.wrong_passwords_reset] {
            assert!(!page.contains(of_few), "{of_few}: {page}");
            let full = page_in(Language::English, &everything());
            assert!(full.contains(of_few), "{of_few}: {full}");
        }
        assert_eq!(page.matches("<bdi>0</bdi>").count(), 1, "{page}");

        let mut data = everything();
        data.sessions[0].session.name = None;
        for (language, no_name) in [(Language::English, "None"), (Language::German, "Keiner")] {
            let page = page_in(language, &data);
            let said = format!("<td><bdi>{no_name}</bdi></td>");
            assert_eq!(page.matches(&said).count(), 1, "{page}");
        }
    }

    #[test]
    fn the_newest_event_comes_first() {
        let mut data = everything();
        data.activity = [(0xe6, 901), (0xe7, 903), (0xe8, 902)]
            .map(|(number, at)| {
                let mut stored = event(number, EventKind::SignInFailed, None);
                stored.event.at = at;
                stored
            })
            .into();
        let page = page_in(Language::English, &data);
        let places = [903, 902, 901].map(|at| page.find(&format!("day {at}.")).unwrap());
        assert!(places.is_sorted(), "{page}");
    }

    #[test]
    fn a_span_is_told_exactly() {
        let told = |idle_seconds: u64| {
            let mut data = everything();
            data.sessions[0].idle_seconds = idle_seconds;
            page_in(Language::English, &data)
        };
        for (seconds, expected) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "90 seconds"),
            (120, "2 minutes"),
            (60 * 60, "1 hour"),
            (36 * 60 * 60, "36 hours"),
            (24 * 60 * 60, "1 day"),
        ] {
            let page = told(seconds);
            assert!(page.contains(&format!("<bdi>{expected}</bdi>")), "{page}");
        }
    }

    #[test]
    fn the_reason_of_an_ending_is_told_once() {
        let told = |detail| {
            let mut data = everything();
            data.activity = vec![event(0xe3, EventKind::SessionEnded, Some(detail))];
            page_in(Language::English, &data)
        };
        let reasons = EndReason::ALL.iter().map(|reason| reason.as_str());
        for reason in reasons.chain([SECRET_REPLACED]) {
            let page = told(reason);
            assert!(!page.contains(&format!("<bdi>{reason}</bdi>")), "{page}");
        }
        // A newer server may have other reasons.
        let unknown = "<small><bdi>Detail:</bdi> <bdi>made_up</bdi></small>";
        assert!(told("made_up").contains(unknown));
    }

    #[test]
    fn a_sign_out_and_what_the_site_did_are_told_without_words_of_the_server() {
        let mut data = everything();
        let mut of_site = event(0xe5, EventKind::ResetLinkMade, None);
        of_site.event.device = "Unknown device".to_owned();
        of_site.event.ended_device = None;
        of_site.user_agent = None;
        data.activity = vec![
            event(0xe4, EventKind::SignOut, Some(EndReason::Logout.as_str())),
            of_site,
        ];
        for language in Language::ALL {
            let page = page_in(*language, &data);
            assert!(!page.contains("logout"), "{page}");
            assert!(page.contains("\"><bdi>–</bdi></td>"), "{page}");
        }
    }
}
