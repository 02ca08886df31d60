use leptos::html::H2;
use leptos::prelude::*;

use super::shown::{Shown, shortened};
use crate::components::LoadError;
use crate::words::FlowWords;

/// The ids of the panels below the diagram.
const PANELS: [&str; 4] = [
    "flow-access-token",
    "flow-refresh-token",
    "flow-in-browser",
    "flow-in-database",
];

/// The places of the panels.
pub(super) const ACCESS_TOKEN: usize = 0;
pub(super) const REFRESH_TOKEN: usize = 1;
pub(super) const IN_BROWSER: usize = 2;
pub(super) const IN_DATABASE: usize = 3;

/// What the panels show, in their order.
pub(super) type Panels = [Vec<Shown>; PANELS.len()];

/// The panels, each with its list of things.
#[component]
pub(super) fn PanelList(
    panels: RwSignal<Panels>,
    /// Whether long texts are shown in full.
    revealed: RwSignal<bool>,
    /// Why the row of the database could not be read.
    row_error: RwSignal<Option<String>>,
    /// Whether the row is being read now.
    is_reading_row: RwSignal<bool>,
    /// Called to read the row again.
    #[prop(into)]
    on_retry: Callback<()>,
) -> impl IntoView {
    let words = FlowWords::of_page();
    let rows = move |at: usize| {
        let is_revealed = revealed.get();
        let row = |item: &Shown| {
            let members = item.members.iter().map(|(name, value)| {
                let value = shortened(value.expose(), is_revealed);
                format!("{name}: {value}\n")
            });
            view! {
                <div class=format!("flow-part-{} flow-part", item.colour)>
                    <dt>{item.name.clone()}</dt>
                    <dd>
                        <code>{shortened(item.text.expose(), is_revealed)}</code>
                        <p class="flow-members">{members.collect::<String>()}</p>
                        <p class="hint">{item.meaning.clone()}</p>
                    </dd>
                </div>
            }
        };
        panels.read()[at].iter().map(row).collect_view()
    };
    let panel = |(at, id): (usize, &'static str)| {
        let (heading, about) = words.panels[at];
        let place = NodeRef::<H2>::new();
        view! {
            <section class="card stack" aria-labelledby=id>
                <h2 id=id tabindex="-1" node_ref=place>{heading}</h2>
                <p class="hint">{about}</p>
                {(at == IN_DATABASE).then(|| view! {
                    <LoadError text=row_error busy=is_reading_row on_retry heading=place/>
                })}
                <dl class="flow-parts">{move || rows(at)}</dl>
            </section>
        }
    };
    let all = PANELS.into_iter().enumerate().map(panel).collect_view();
    view! { <div class="flow-panels">{all}</div> }
}
