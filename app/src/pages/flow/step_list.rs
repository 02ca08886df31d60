use leptos::prelude::*;

use super::log::FlowLog;
use super::steps::{COUNT, words_of};
use crate::words::FlowWords;

/// The ten steps as links. Each has an address of its own, such as `/flow#7`.
#[component]
pub(super) fn StepList(
    /// The step that the page shows.
    current: RwSignal<u32>,
) -> impl IntoView {
    let words = FlowWords::of_page();
    let log = FlowLog::of_page();
    let links = move || {
        let link = |number: u32| {
            let (mark, seen) = match log.has_seen(number) {
                true => (" flow-seen", words.seen),
                false => ("", ""),
            };
            view! {
                <li>
                    <a
                        class=format!("flow-step-link{mark}")
                        href=format!("#{number}")
                        aria-current=(current.get() == number).then_some("step")
                    >
                        <span class="flow-step-number">{number}</span>
                        <span class="flow-step-name">{words_of(number, words).name}</span>
                        <span class="visually-hidden">{seen}</span>
                    </a>
                </li>
            }
        };
        (1..=COUNT).map(link).collect_view()
    };
    view! {
        <nav aria-label=words.list>
            <ol class="flow-steps" role="list">{links}</ol>
        </nav>
    }
}
