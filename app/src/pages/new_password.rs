//! The hint below the field of a new password.

use std::time::Duration;

use holdfast_client::use_session;
use holdfast_protocol::password::MIN_LENGTH;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::PasswordEstimate;
use leptos::prelude::*;

use super::asker::Asker;
use crate::words::Words;

/// How long a person pauses before the server is asked. It limits how often one address may ask.
const PAUSE: Duration = Duration::from_millis(600);

/// What is still missing in the new password that is typed, and then how easy it is to guess. The server
/// knows the answer, so it is asked when the person pauses. Without an answer the hint says the length
/// only, and the form can be sent all the same.
pub(super) fn new_password_hint(
    typed: RwSignal<String>,
    username: impl Fn() -> String + Clone + 'static,
) -> Signal<Option<String>> {
    let words = Words::of_page();
    let session = use_session();
    let asker = Asker::here();
    // About the text that is in the field now.
    let told = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        let text = typed.get();
        if told.get_untracked().is_some() {
            told.set(None);
        }
        if text.chars().count() < MIN_LENGTH {
            return;
        }
        let username = username.clone();
        let ask = move || {
            let password = Secret::from(text.clone());
            let estimate = session.estimate_password(Some(username()), password);
            asker.ask(estimate, move |estimate| {
                if let Ok(estimate) = estimate
                    && *typed.read_untracked() == text
                {
                    told.set(Some(in_words(words, &estimate)));
                }
            });
        };
        if let Ok(timer) = set_timeout_with_handle(ask, PAUSE) {
            on_cleanup(move || timer.clear());
        }
    });
    Signal::derive(move || {
        Some(
            told.get()
                .unwrap_or_else(|| length_hint(words, &typed.read())),
        )
    })
}

/// What an estimate means for the person.
fn in_words(words: Words, estimate: &PasswordEstimate) -> String {
    match estimate.warning {
        None => words.rules().hard_to_guess.to_owned(),
        Some(_) => (words.rules().easy_to_guess)(estimate),
    }
}

/// What is still missing in a new password.
fn length_hint(words: Words, typed: &str) -> String {
    (words.rules().password_hint)(typed.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_counts_what_is_missing() {
        for (typed, expected) in [
            ("correct", "8 more characters."),
            ("fourteen chars", "One more character."),
            ("пятнадцать букв", "Long enough."),
        ] {
            assert_eq!(length_hint(Words::ENGLISH, typed), expected);
        }
    }

    #[test]
    fn an_estimate_says_why_and_what_to_do() {
        let accepted = PasswordEstimate {
            score: 4,
            warning: None,
            suggestions: Vec::new(),
        };
        assert_eq!(in_words(Words::ENGLISH, &accepted), "Hard to guess.");
        let refused = PasswordEstimate {
            score: 1,
            warning: Some("It is a common password.".to_owned()),
            suggestions: vec!["Add a word.".to_owned()],
        };
        assert_eq!(
            in_words(Words::ENGLISH, &refused),
            "It is a common password. Add a word."
        );
    }
}
