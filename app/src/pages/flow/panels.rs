//! What the panels show: the tokens, the storage of this browser, and the row of the database.
//!
//! The functions are not inlined, so that the module of the browser has each of them once.

use holdfast_client::{HeldTokens, StoredContent, StoredEntry};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{SessionRow, StoredLink};
use js_sys::{Array, JSON, Object};
use wasm_bindgen::JsValue;

use super::log::End;
use super::panel_list::{ACCESS_TOKEN, IN_BROWSER, IN_DATABASE, Panels, REFRESH_TOKEN};
use super::shown::Shown;
use super::taken_apart;
use crate::components::date_in_words;
use crate::words::{FlowWords, RowWords, SpanUnit, Words};

/// What the panels show while no person is signed in. Storage may still have the refresh token of the
/// last session, and it is not shown: the next person may be another one.
#[inline(never)]
pub(super) fn without_session(words: &FlowWords) -> Panels {
    let mut panels = Panels::default();
    for (at, why) in [
        (ACCESS_TOKEN, words.tokens.none),
        (REFRESH_TOKEN, words.tokens.none),
        (IN_BROWSER, words.entries.signed_out),
        (IN_DATABASE, words.row.signed_out),
    ] {
        panels[at] = nothing(words, why);
    }
    panels
}

/// What the panels of a signed-in person show until their content has come.
#[inline(never)]
pub(super) fn reading(words: &FlowWords) -> Panels {
    std::array::from_fn(|_| vec![Shown::new(4, words.reading, "", "")])
}

/// The parts of the access token.
#[inline(never)]
pub(super) fn access_token(words: &FlowWords, held: &HeldTokens) -> Vec<Shown> {
    let with_members = |(shown, json): (Shown, Option<String>)| Shown {
        members: json.map(|json| members_of(&json)).unwrap_or_default(),
        ..shown
    };
    let parts = taken_apart::access_token(&words.tokens, &held.access_token);
    parts.into_iter().map(with_members).collect()
}

/// The entries of local storage and of IndexedDB. `is_alone`: only the memory of this tab has the session.
#[inline(never)]
pub(super) fn entries(all: &FlowWords, entries: &[StoredEntry], is_alone: bool) -> Vec<Shown> {
    let words = &all.entries;
    if entries.is_empty() {
        let why = if is_alone {
            words.stores_nothing
        } else {
            words.not_readable
        };
        return nothing(all, why);
    }
    let shown = entries.iter().map(|entry| {
        let (colour, place) = match entry.in_database {
            true => (1, words.database),
            false => (2, words.local_storage),
        };
        let name = format!("{place} · {}", entry.name);
        let is_key = entry.in_database && entry.name.starts_with("attempt_keys");
        match &entry.content {
            StoredContent::Text(text) if is_key => {
                Shown::new(colour, name, text.expose(), words.attempt_key)
            }
            StoredContent::Text(text) => Shown::new(colour, name, text.expose(), ""),
            StoredContent::Count(count) => {
                Shown::new(colour, name, count.to_string(), words.count_only)
            }
        }
    });
    shown.collect()
}

/// What the database holds of the session.
#[inline(never)]
pub(super) fn row(
    all: &FlowWords,
    row: &SessionRow,
    held: Option<&HeldTokens>,
    end: End,
) -> Vec<Shown> {
    let words = &all.row;
    let mut shown = match &row.link {
        Some(link) => link_of_row(words, link, held),
        None => nothing(all, words.other_token),
    };
    let page = Words::of_page();
    let date = |at| date_in_words(at, page, false);
    shown.extend([
        Shown::new(
            1,
            words.ends,
            date(row.expires_at),
            explained_end(words, end),
        ),
        Shown::new(4, words.signed_in, date(row.created_at), ""),
        Shown::new(4, words.renewed, date(row.last_used_at), words.renewed_hint),
        Shown::new(4, words.idle, span_in_words(words, row.idle_seconds), ""),
    ]);
    shown
}

fn link_of_row(words: &RowWords, link: &StoredLink, held: Option<&HeldTokens>) -> Vec<Shown> {
    let compared = match held.and_then(HeldTokens::token_hash) {
        Some(expected) if expected == link.token_hash => words.hash_of_this,
        _ => words.hash_of_another,
    };
    let marks = match link.attempt_marks.len() {
        0 => words.no_marks.to_owned(),
        _ => link.attempt_marks.join(", "),
    };
    vec![
        Shown::new(2, words.generation, link.generation.to_string(), ""),
        Shown::new(3, words.hash, &*link.token_hash, compared),
        Shown::new(4, words.marks, marks, words.marks_hint),
    ]
}

fn explained_end(words: &RowWords, end: End) -> String {
    match end.is_same {
        false => words.end_changed.to_owned(),
        true => (words.end_is_same)(end.renewals),
    }
}

/// A number of seconds in the largest unit that has no rest.
fn span_in_words(words: &RowWords, seconds: i64) -> String {
    let units = [
        (86_400, SpanUnit::Days),
        (3600, SpanUnit::Hours),
        (60, SpanUnit::Minutes),
    ];
    let fits = |(length, _): &(i64, SpanUnit)| seconds % length == 0;
    let unit = units.into_iter().find(fits);
    let (length, unit) = unit.unwrap_or((1, SpanUnit::Seconds));
    (words.span)(seconds / length, unit)
}

/// Nothing, and why.
#[inline(never)]
fn nothing(words: &FlowWords, why: &str) -> Vec<Shown> {
    vec![Shown::new(4, words.nothing, "", why)]
}

/// The members of a JSON object. The browser reads JSON by itself.
fn members_of(json: &str) -> Vec<(String, Secret)> {
    let Ok(object) = JSON::parse(json) else {
        return Vec::new();
    };
    let text = |value: JsValue| {
        value
            .as_string()
            .or_else(|| JSON::stringify(&value).ok().map(String::from))
            .unwrap_or_default()
    };
    let entries = Object::entries(&Object::from(object)).into_iter();
    let entries = entries.map(|entry| {
        let entry = Array::from(&entry);
        (text(entry.get(0)), text(entry.get(1)).into())
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    fn english() -> &'static FlowWords {
        FlowWords::of(Language::English)
    }

    #[test]
    fn a_span_is_said_in_its_largest_unit() {
        let german = FlowWords::of(Language::German);
        // «Ends if unused for», «Endet ohne Benutzung nach».
        for (seconds, in_english, in_german) in [
            (30 * 86_400, "30 days", "30 Tagen"),
            (86_400, "1 day", "1 Tag"),
            (12 * 3600, "12 hours", "12 Stunden"),
            (300, "5 minutes", "5 Minuten"),
            (90, "90 seconds", "90 Sekunden"),
            (1, "1 second", "1 Sekunde"),
        ] {
            assert_eq!(span_in_words(&english().row, seconds), in_english);
            assert_eq!(span_in_words(&german.row, seconds), in_german);
        }
    }

    #[test]
    fn without_a_session_no_panel_has_a_text() {
        let panels = without_session(english());
        let all = panels.iter().flatten();
        assert_eq!(all.clone().count(), 4);
        assert!(
            all.clone().all(|shown| shown.text.expose().is_empty()),
            "{panels:?}"
        );
        assert!(all.clone().all(|shown| !shown.meaning.is_empty()));
    }

    #[test]
    fn a_signed_in_person_does_not_read_that_there_is_no_session() {
        let none = without_session(english());
        for (panel, without) in reading(english()).iter().zip(&none) {
            assert_eq!(panel.len(), 1);
            assert_eq!(panel[0].name, "Reading…");
            assert_ne!(panel, without);
        }
    }

    #[test]
    fn a_list_of_other_tokens_is_a_number() {
        let entry = |name: &str, content| StoredEntry {
            in_database: true,
            name: name.to_owned(),
            content,
        };
        let shown = entries(
            english(),
            &[
                entry("state: leaving", StoredContent::Count(2)),
                entry("state: current", StoredContent::Text(Secret::from("{}"))),
            ],
            false,
        );
        let texts: Vec<_> = shown.iter().map(|shown| shown.text.expose()).collect();
        assert_eq!(texts, ["2", "{}"]);
        assert!(
            entries(english(), &[], true)[0]
                .meaning
                .contains("only this tab has it")
        );
        assert!(
            !entries(english(), &[], false)[0]
                .meaning
                .contains("only this tab")
        );
    }

    #[test]
    fn a_date_that_has_moved_is_not_called_the_same() {
        let explained =
            |renewals, is_same| explained_end(&english().row, End { is_same, renewals });
        let twice = "2 renewals here, and the date is the same.";
        assert_eq!(explained(2, true), twice);
        let once = "One renewal here, and the date is the same.";
        assert_eq!(explained(1, true), once);
        assert_eq!(explained(0, true), "No renewal moves this date.");
        assert!(explained(2, false).contains("has changed"));
    }
}
