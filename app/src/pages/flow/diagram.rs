use leptos::prelude::*;

use super::line::Line;
use super::log::FlowLog;
use crate::components::Button;

/// The diagram: a list whose items `style/flow.css` draws as arrows between four lanes. A screen
/// reader reads it as a list of sentences.
#[component]
pub(super) fn Diagram() -> impl IntoView {
    let log = FlowLog::of_page();
    // A line that stays keeps its element, so only a new line appears.
    let line = |(_, line): (u64, Line)| {
        let (class, spoken) = (line.class(), line.spoken());
        view! {
            <li class=class>
                <span class="flow-line-step" aria-hidden="true">{line.step}</span>
                <span class="flow-text">
                    <span class="visually-hidden">{spoken}</span>
                    {line.text}
                </span>
                <span class="flow-arrow" aria-hidden="true"></span>
            </li>
        }
    };
    view! {
        <section class="card flow-diagram" aria-labelledby="flow-diagram">
            <div class="cluster flow-diagram-head">
                <h2 id="flow-diagram">"What happens"</h2>
                <Button on_press=move || log.clear() text="Clear"/>
            </div>
            <div class="flow-lanes" aria-hidden="true">
                <span>"Person"</span>
                <span>"Browser"</span>
                <span>"Server"</span>
                <span>"Database"</span>
            </div>
            // A person with a keyboard scrolls it, so it can have the focus. `style/flow.css` keeps it at its
            // end, where the newest line is.
            <div
                class="flow-scrolled"
                tabindex="0"
                role="region"
                aria-label="The diagram"
            >
                <ol class="flow-lines" role="list">
                    <For each=move || log.lines() key=|(number, _)| *number children=line/>
                </ol>
                <p class="hint flow-empty">
                    "Nothing yet. Press a button of a step: the requests of this browser are drawn "
                    "here while they happen."
                </p>
            </div>
            <p class="hint">
                "These are the real requests of this browser. It does not see the database, so what "
                "happens there is concluded from the answer."
            </p>
        </section>
    }
}
