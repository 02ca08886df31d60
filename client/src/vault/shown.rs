//! What a page may show of this browser's storage: the entries of the session of this tab.
//!
//! A security duty: a token of another session does not leave the vault. A sign-out keeps its refresh
//! token until the server has confirmed it, and the next person must not see it. So of such lists only
//! the count is shown.

use holdfast_protocol::renewal::{Reading, Stored};
use holdfast_protocol::secret::Secret;
use serde::de::IgnoredAny;
use uuid::Uuid;

use super::keys::Keys;

/// One entry of this browser's storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Whether it is in IndexedDB. Otherwise it is in local storage.
    pub in_database: bool,
    /// Its name.
    pub name: String,
    /// What is in it.
    pub content: StoredContent,
}

/// What is in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredContent {
    /// The text as it is stored. It may have tokens of the session of this tab.
    Text(Secret),
    /// A list that may have tokens of other sessions, so only its length is here.
    Count(usize),
}

/// The kinds of entries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// The stored state.
    State,
    /// The copies of attempt keys.
    Keys,
    /// A list of tokens.
    List,
}

impl Kind {
    /// What may be shown of such an entry while this session is signed in.
    pub(super) fn content(self, text: &str, session_id: Uuid) -> Option<StoredContent> {
        let is_of_session = match self {
            Self::State => match Stored::read(text) {
                Reading::Stored(stored) => stored
                    .record()
                    .is_some_and(|record| record.session_id == session_id),
                Reading::Later | Reading::Unreadable => false,
            },
            Self::Keys => {
                serde_json::from_str::<Keys>(text).is_ok_and(|keys| keys.session_id == session_id)
            }
            Self::List => {
                let list: Vec<IgnoredAny> = serde_json::from_str(text).unwrap_or_default();
                let count = list.len();
                return (count > 0).then_some(StoredContent::Count(count));
            }
        };
        is_of_session.then(|| StoredContent::Text(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn record(session_id: Uuid) -> String {
        serde_json::json!({
            "version": 2, "epoch": 1, "account_id": Uuid::from_u128(9), "session_id": session_id,
            "generation": 3, "access_token": "a", "refresh_token": "hfr_of_it", "obtained_at": 1.5,
            "expires_in": 300, "refresh_expires_in": 9, "refresh_idle_expires_in": 9,
            "remember": true,
        })
        .to_string()
    }

    #[test]
    fn a_record_and_its_keys_are_shown_to_their_session_only() {
        let keys = serde_json::json!({"session_id": SESSION, "keys": [[3, "a-key"]]}).to_string();
        for (kind, text) in [(Kind::State, record(SESSION)), (Kind::Keys, keys)] {
            let shown = Some(StoredContent::Text(text.as_str().into()));
            assert_eq!(kind.content(&text, SESSION), shown);
            assert_eq!(kind.content(&text, OTHER), None);
        }
    }

    #[test]
    fn a_list_of_other_tokens_is_only_counted() {
        let leaving = r#"["hfr_left", "hfr_left_before"]"#;
        let content = Kind::List.content(leaving, SESSION);
        assert_eq!(content, Some(StoredContent::Count(2)));
        assert_eq!(Kind::List.content("[]", SESSION), None);
    }

    #[test]
    fn what_is_not_understood_is_not_shown() {
        let later = record(SESSION).replace("\"version\":2", "\"version\":9");
        assert_ne!(later, record(SESSION));
        let signed_out = Stored::default().to_json();
        for text in ["", "{}", "hfr_text", &later, &signed_out] {
            for kind in [Kind::State, Kind::Keys, Kind::List] {
                assert_eq!(kind.content(text, SESSION), None, "{kind:?}: {text}");
            }
        }
    }
}
