use std::time::Duration;

use holdfast_client::use_session;
use leptos::prelude::*;

/// How long the access token is still valid. It changes every second, so it is no live region.
#[component]
pub(super) fn Countdown() -> impl IntoView {
    let session = use_session();
    let words = RwSignal::new(String::new());
    let read = move || {
        let held = session.demonstration().tokens();
        let now = in_words(held.map(|held| held.seconds_left()));
        if words.with_untracked(|words| *words != now) {
            words.set(now);
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
    view! { <p class="flow-countdown" role="timer">{move || words.get()}</p> }
}

fn in_words(left: Option<u64>) -> String {
    match left {
        None => "No access token".to_owned(),
        Some(0) => "The access token has expired".to_owned(),
        Some(left) => {
            let (minutes, seconds) = (left / 60, left % 60);
            format!("The access token is valid for {minutes}:{seconds:02}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_is_said_in_minutes_and_seconds() {
        for (left, expected) in [
            (Some(287), "The access token is valid for 4:47"),
            (Some(7), "The access token is valid for 0:07"),
            (Some(0), "The access token has expired"),
            (None, "No access token"),
        ] {
            assert_eq!(in_words(left), expected);
        }
    }
}
