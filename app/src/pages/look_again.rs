//! Looks again for what may have changed in another browser.

use std::time::Duration;

use leptos::prelude::*;

/// How long a page waits before it looks again.
const LOOKS_AGAIN: Duration = Duration::from_secs(10);

/// Looks again and again while the person looks at the page. So a change in another browser appears
/// here without a reload.
pub(super) fn watch_while_shown(look: impl Fn() + Copy + 'static) {
    Effect::new(move |_| {
        let look_if_shown = move || {
            if !document().hidden() {
                look();
            }
        };
        if let Ok(every) = set_interval_with_handle(look_if_shown, LOOKS_AGAIN) {
            on_cleanup(move || every.clear());
        }
    });
}

/// Looks again when the person comes back to this tab.
pub(super) fn when_shown_again(look: impl Fn() + Copy + 'static) {
    Effect::new(move |_| {
        let handle = window_event_listener_untyped("visibilitychange", move |_| {
            if !document().hidden() {
                look();
            }
        });
        on_cleanup(move || handle.remove());
    });
}
