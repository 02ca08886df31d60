use std::time::Duration;

use holdfast_client::use_session;
use leptos::prelude::*;

use crate::words::FlowWords;

/// How long the access token is still valid. It changes every second, so it is no live region.
#[component]
pub(super) fn Countdown() -> impl IntoView {
    let words = FlowWords::of_page();
    let session = use_session();
    let shown = RwSignal::new(String::new());
    let read = move || {
        let held = session.demonstration().tokens();
        let now = in_words(words, held.map(|held| held.seconds_left()));
        if shown.with_untracked(|shown| *shown != now) {
            shown.set(now);
        }
    };
    Effect::new(move |_| {
        session.view();
        read();
        let Ok(timer) = set_interval_with_handle(read, Duration::from_secs(1)) else {
            return;
        };
        on_cleanup(move || timer.clear());
    });
    view! { <p class="flow-countdown" role="timer">{move || shown.get()}</p> }
}

fn in_words(words: &FlowWords, left: Option<u64>) -> String {
    let words = &words.countdown;
    match left {
        None => words.none.to_owned(),
        Some(0) => words.expired.to_owned(),
        Some(left) => (words.left)(left / 60, left % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn the_time_that_is_left_is_said_in_minutes_and_seconds() {
        let [english, german] = [Language::English, Language::German].map(FlowWords::of);
        for (words, left, expected) in [
            (english, Some(287), "The access token is valid for 4:47"),
            (english, Some(7), "The access token is valid for 0:07"),
            (english, Some(0), "The access token has expired"),
            (english, None, "No access token"),
            (german, Some(287), "Das Zugriffstoken gilt noch 4:47 min"),
        ] {
            assert_eq!(in_words(words, left), expected);
        }
    }
}
