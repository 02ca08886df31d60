use leptos::prelude::*;

use super::line::Line;
use super::log::FlowLog;
use crate::components::Button;
use crate::words::FlowWords;

/// The diagram: a list whose items `style/flow.css` draws as arrows between four lanes. A screen
/// reader reads it as a list of sentences.
#[component]
pub(super) fn Diagram() -> impl IntoView {
    let all = FlowWords::of_page();
    let words = &all.diagram;
    let log = FlowLog::of_page();
    // A line that stays keeps its element, so only a new line appears.
    let line = move |(_, line): (u64, Line)| {
        let (class, spoken) = (line.class(), line.spoken(&all.line));
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
    let lanes = all.line.lanes.into_iter();
    let lanes = lanes.map(|lane| view! { <span>{lane}</span> });
    view! {
        <section class="card flow-diagram" aria-labelledby="flow-diagram">
            <div class="cluster flow-diagram-head">
                <h2 id="flow-diagram">{words.heading}</h2>
                <Button on_press=move || log.clear() text=words.clear/>
            </div>
            <div class="flow-lanes" aria-hidden="true">
                {lanes.collect_view()}
            </div>
            // A person with a keyboard scrolls it, so it can have the focus. `style/flow.css` keeps it at its
            // end, where the newest line is.
            <div
                class="flow-scrolled"
                tabindex="0"
                role="region"
                aria-label=words.label
            >
                <ol class="flow-lines" role="list">
                    <For each=move || log.lines() key=|(number, _)| *number children=line/>
                </ol>
                <p class="hint flow-empty">{words.empty}</p>
            </div>
            <p class="hint">{words.aside}</p>
        </section>
    }
}
