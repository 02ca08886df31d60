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
use crate::words::Words;

/// What the panels show while no person is signed in. Storage may still have the refresh token of the
/// last session, and it is not shown: the next person may be another one.
#[inline(never)]
pub(super) fn without_session() -> Panels {
    let mut panels = Panels::default();
    for (at, why) in [
        (ACCESS_TOKEN, NO_TOKEN),
        (REFRESH_TOKEN, NO_TOKEN),
        (
            IN_BROWSER,
            "This page reads storage only while a person is signed in. After a sign-out, the refresh \
             token is kept until the server has confirmed.",
        ),
        (IN_DATABASE, "There is no session, so there is no row."),
    ] {
        panels[at] = nothing(why);
    }
    panels
}

const NO_TOKEN: &str = "No person is signed in, so no token is shown.";

/// The parts of the access token.
#[inline(never)]
pub(super) fn access_token(held: &HeldTokens) -> Vec<Shown> {
    let with_members = |(shown, json): (Shown, Option<String>)| Shown {
        members: json.map(|json| members_of(&json)).unwrap_or_default(),
        ..shown
    };
    let parts = taken_apart::access_token(&held.access_token);
    parts.into_iter().map(with_members).collect()
}

/// The entries of local storage and of IndexedDB. `is_alone`: only the memory of this tab has the session.
#[inline(never)]
pub(super) fn entries(entries: &[StoredEntry], is_alone: bool) -> Vec<Shown> {
    if entries.is_empty() {
        return nothing(if is_alone {
            "This browser stores nothing of this session: only this tab has it."
        } else {
            "The page could not read what is stored of this session."
        });
    }
    let shown = entries.iter().map(|entry| {
        let (colour, place) = match entry.in_database {
            true => (1, "IndexedDB"),
            false => (2, "Local storage"),
        };
        let name = format!("{place} · {}", entry.name);
        let is_key = entry.in_database && entry.name.starts_with("attempt_keys");
        match &entry.content {
            StoredContent::Text(text) if is_key => Shown::new(
                colour,
                name,
                text.expose(),
                "The attempt key of the refresh token with this number.",
            ),
            StoredContent::Text(text) => Shown::new(colour, name, text.expose(), ""),
            StoredContent::Count(count) => Shown::new(
                colour,
                name,
                count.to_string(),
                "Only their number: they may belong to other sessions.",
            ),
        }
    });
    shown.collect()
}

/// What the database holds of the session.
#[inline(never)]
pub(super) fn row(row: &SessionRow, held: Option<&HeldTokens>, end: End) -> Vec<Shown> {
    let words = Words::of_page();
    let mut shown = match &row.link {
        Some(link) => link_of_row(link, held),
        None => nothing(
            "The server shows the refresh token's number and hash only to the holder of the current \
             one, and this tab had another one when it asked.",
        ),
    };
    shown.extend([
        Shown::new(
            1,
            "Ends at the latest",
            date_in_words(row.expires_at, words, false),
            explained_end(end),
        ),
        Shown::new(4, "Signed in", date_in_words(row.created_at, words, false), ""),
        Shown::new(
            4,
            "Last renewed",
            date_in_words(row.last_used_at, words, false),
            "Rounded to five minutes, so that a thief with an access token cannot see when you renew.",
        ),
        Shown::new(4, "Ends if unused for", span_in_words(row.idle_seconds), ""),
    ]);
    shown
}

fn link_of_row(link: &StoredLink, held: Option<&HeldTokens>) -> Vec<Shown> {
    let compared = match held.and_then(HeldTokens::token_hash) {
        Some(expected) if expected == link.token_hash => {
            "It is the SHA-256 of the secret in this browser's refresh token. No hash of an earlier \
             token is kept."
        }
        _ => "It belongs to another refresh token than the one of this page.",
    };
    let marks = match link.attempt_marks.len() {
        0 => "None yet.".to_owned(),
        _ => link.attempt_marks.join(", "),
    };
    vec![
        Shown::new(2, "Generation", link.generation.to_string(), ""),
        Shown::new(3, "Hash of the refresh token", &*link.token_hash, compared),
        Shown::new(
            4,
            "Marks of the last attempt keys",
            marks,
            "The newest first. The server uses them to tell a repeated request from a theft.",
        ),
    ]
}

fn explained_end(end: End) -> String {
    match (end.is_same, end.renewals) {
        (false, _) => "It has changed since this page was opened.".to_owned(),
        (true, 0) => "No renewal moves this date.".to_owned(),
        (true, 1) => "One renewal here, and the date is the same.".to_owned(),
        (true, times) => format!("{times} renewals here, and the date is the same."),
    }
}

/// A number of seconds in the largest unit that has no rest.
fn span_in_words(seconds: i64) -> String {
    let units = [
        (86_400, "day"),
        (3600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let fits = |(length, _): &(i64, &str)| seconds % length == 0;
    let (length, unit) = units.into_iter().find(fits).unwrap_or((1, "second"));
    match seconds / length {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

/// Nothing, and why.
#[inline(never)]
pub(super) fn nothing(why: impl Into<String>) -> Vec<Shown> {
    vec![Shown::new(4, "Nothing", "", why)]
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

    #[test]
    fn a_span_is_said_in_its_largest_unit() {
        for (seconds, expected) in [
            (30 * 86_400, "30 days"),
            (86_400, "1 day"),
            (12 * 3600, "12 hours"),
            (300, "5 minutes"),
            (90, "90 seconds"),
            (1, "1 second"),
        ] {
            assert_eq!(span_in_words(seconds), expected);
        }
    }

    #[test]
    fn without_a_session_no_panel_has_a_text() {
        let panels = without_session();
        let all = panels.iter().flatten();
        assert_eq!(all.clone().count(), 4);
        assert!(
            all.clone().all(|shown| shown.text.expose().is_empty()),
            "{panels:?}"
        );
        assert!(all.clone().all(|shown| !shown.meaning.is_empty()));
    }

    #[test]
    fn a_list_of_other_tokens_is_a_number() {
        let entry = |name: &str, content| StoredEntry {
            in_database: true,
            name: name.to_owned(),
            content,
        };
        let shown = entries(
            &[
                entry("state: leaving", StoredContent::Count(2)),
                entry("state: current", StoredContent::Text(Secret::from("{}"))),
            ],
            false,
        );
        let texts: Vec<_> = shown.iter().map(|shown| shown.text.expose()).collect();
        assert_eq!(texts, ["2", "{}"]);
        assert!(
            entries(&[], true)[0]
                .meaning
                .contains("only this tab has it")
        );
        assert!(!entries(&[], false)[0].meaning.contains("only this tab"));
    }

    #[test]
    fn a_date_that_has_moved_is_not_called_the_same() {
        let explained = |renewals, is_same| explained_end(End { is_same, renewals });
        let twice = "2 renewals here, and the date is the same.";
        assert_eq!(explained(2, true), twice);
        let once = "One renewal here, and the date is the same.";
        assert_eq!(explained(1, true), once);
        assert_eq!(explained(0, true), "No renewal moves this date.");
        assert!(explained(2, false).contains("has changed"));
    }
}
