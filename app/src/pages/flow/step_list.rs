use leptos::prelude::*;

use super::log::FlowLog;
use super::steps::{COUNT, step};

/// The ten steps as links. Each has an address of its own, such as `/flow#7`.
#[component]
pub(super) fn StepList(
    /// The step that the page shows.
    current: RwSignal<u32>,
) -> impl IntoView {
    let log = FlowLog::of_page();
    let links = move || {
        let link = |number: u32| {
            let (class, seen) = match log.has_seen(number) {
                true => ("flow-step-link flow-seen", ", seen here"),
                false => ("flow-step-link", ""),
            };
            view! {
                <li>
                    <a
                        class=class
                        href=format!("#{number}")
                        aria-current=(current.get() == number).then_some("step")
                    >
                        <span class="flow-step-number">{number}</span>
                        <span class="flow-step-name">{step(number).name}</span>
                        <span class="visually-hidden">{seen}</span>
                    </a>
                </li>
            }
        };
        (1..=COUNT).map(link).collect_view()
    };
    view! {
        <nav aria-label="The ten steps">
            <ol class="flow-steps" role="list">{links}</ol>
        </nav>
    }
}
