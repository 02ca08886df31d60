//! Looks again for what may have changed in another browser.

use std::time::Duration;

use leptos::prelude::*;

/// How long a page waits before it looks again.
const LOOKS_AGAIN: Duration = Duration::from_secs(10);

/// Looks again and again while the person looks at the page. So a change in another browser appears
/// here without a reload.
pub(super) fn watch_while_shown(look: impl Fn() + Copy + 'static) {
    until_gone(move || {
        let look_if_shown = move || {
            if !document().hidden() {
                look();
            }
        };
        let every = set_interval_with_handle(look_if_shown, LOOKS_AGAIN).ok()?;
        Some(move || every.clear())
    });
}

/// Looks again when the person comes back to this tab.
pub(super) fn when_shown_again(look: impl Fn() + Copy + 'static) {
    until_gone(move || {
        let handle = window_event_listener_untyped("visibilitychange", move |_| {
            if !document().hidden() {
                look();
            }
        });
        Some(move || handle.remove())
    });
}

/// Starts something in the browser, and ends it when the component is gone: at once, and not only when the
/// effect is.
fn until_gone<End: FnOnce() + Send + Sync + 'static>(
    start: impl FnOnce() -> Option<End> + 'static,
) {
    let end = StoredValue::new(None::<End>);
    let mut start = Some(start);
    Effect::new(move |_| {
        let started = start.take().and_then(|start| start());
        // The component may be gone already.
        if let Some(Some(started)) = end.try_set_value(started) {
            started();
        }
    });
    on_cleanup(move || {
        if let Some(started) = end.try_update_value(Option::take).flatten() {
            started();
        }
    });
}
