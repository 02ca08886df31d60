//! The hint below the field of a new password.

use std::time::Duration;

use holdfast_client::use_session;
use holdfast_protocol::password::{self, MIN_LENGTH};
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
    username: Signal<String>,
) -> Signal<Option<String>> {
    let words = Words::of_page();
    let session = use_session();
    let asker = Asker::here();
    // The name and the password that the server was asked about last, and what it said about them.
    let told = RwSignal::new((String::new(), String::new(), None::<String>));
    // One request at a time. The text that is typed meanwhile is asked about afterwards.
    let is_under_way = RwSignal::new(false);
    let told_about = move |name: &str, text: &str| {
        told.with(|(of_name, of_text, said)| {
            (of_name == name && of_text == text).then(|| said.clone())
        })
    };
    Effect::new(move |_| {
        let (name, text) = (username.get(), typed.get());
        let is_told = told_about(&name, &text).is_some();
        if is_under_way.get() || is_told || password::check(&text, &name).is_err() {
            return;
        }
        let ask = move || {
            let password = Secret::from(text.clone());
            let estimate = session.estimate_password(Some(name.clone()), password);
            is_under_way.set(true);
            asker.ask(estimate, move |estimate| {
                told.set((name, text, estimate.ok().map(|it| in_words(words, &it))));
                is_under_way.set(false);
            });
        };
        if let Ok(timer) = set_timeout_with_handle(ask, PAUSE) {
            on_cleanup(move || timer.clear());
        }
    });
    Signal::derive(move || {
        let (name, text) = (username.read(), typed.read());
        let said = told_about(&name, &text).flatten();
        Some(said.unwrap_or_else(|| rule_hint(words, &text, &name)))
    })
}

/// What an estimate means for the person.
fn in_words(words: Words, estimate: &PasswordEstimate) -> String {
    match estimate.warning {
        None => words.rules().hard_to_guess.to_owned(),
        Some(_) => (words.rules().easy_to_guess)(estimate),
    }
}

/// What the page knows by itself: what is still missing, or which rule the password does not follow.
fn rule_hint(words: Words, typed: &str, username: &str) -> String {
    let length = typed.chars().count();
    match password::check(typed, username) {
        Err(why) if length >= MIN_LENGTH => (words.rules().password)(why),
        _ => (words.rules().password_hint)(length),
    }
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
            assert_eq!(rule_hint(Words::ENGLISH, typed, "ada"), expected);
        }
        let too_long = "a long sentence ".repeat(100);
        let hint = rule_hint(Words::ENGLISH, &too_long, "ada");
        assert!(hint != "Long enough.", "{hint}");
        let name = "ada.lovelace.1815";
        assert!(rule_hint(Words::ENGLISH, name, name) != "Long enough.");
    }

    #[test]
    fn an_estimate_says_why_and_what_to_do() {
        let accepted = PasswordEstimate {
            score: 4,
            warning: None,
            cause: None,
            suggestions: Vec::new(),
        };
        assert_eq!(in_words(Words::ENGLISH, &accepted), "Hard to guess.");
        let refused = PasswordEstimate {
            score: 1,
            warning: Some("It is a common password.".to_owned()),
            cause: None,
            suggestions: vec!["Add a word.".to_owned()],
        };
        assert_eq!(
            in_words(Words::ENGLISH, &refused),
            "It is a common password. Add a word."
        );
    }
}
