use leptos::html::H2;
use leptos::prelude::*;

use super::action::Action;
use super::steps::step;
use crate::components::{Button, Kind};
use crate::{paths, way_back};

/// The step that the page shows: its sentence, its buttons, and where it is decided.
#[component]
pub(super) fn StepCard(
    /// Its number.
    current: RwSignal<u32>,
    /// Its heading, which gets the focus when a person chooses another step.
    heading: NodeRef<H2>,
    /// The actions that are under way. The other buttons stay usable.
    busy: RwSignal<Vec<Action>>,
    /// Called with the action of a button.
    #[prop(into)]
    on_press: Callback<Action>,
    /// What came of the last action.
    said: RwSignal<String>,
) -> impl IntoView {
    let content = move || {
        let number = current.get();
        let step = step(number);
        let button = |action: Action| {
            let class = match action.needs_session() {
                true => "flow-action if-signed-in",
                false => "flow-action",
            };
            let kind = match action {
                Action::Steal => Kind::Danger,
                _ => Kind::Primary,
            };
            let busy = Signal::derive(move || busy.read().contains(&action));
            view! {
                <div class=class>
                    <Button kind on_press=move || on_press.run(action) busy text=action.text()/>
                    <p class="hint">{action.hint()}</p>
                </div>
            }
        };
        let sign_in = step.needs_session().then(|| {
            let back = way_back::sign_in(Some(&format!("{}#{number}", paths::FLOW)));
            view! {
                <div class="flow-action if-signed-out">
                    <a class="button button-primary" href=back>"Sign in"</a>
                    <p class="hint">
                        "This needs a session. After the sign-in you come back to this step."
                    </p>
                </div>
            }
        });
        let files = step
            .files
            .iter()
            .map(|file| view! { <li><code>{*file}</code></li> });
        view! {
            <h2 id="flow-step" node_ref=heading tabindex="-1">
                {format!("{number}. {}", step.name)}
            </h2>
            <p>{step.sentence}</p>
            {step.actions.iter().map(|action| button(*action)).collect_view()}
            {sign_in}
            <p class="hint if-signed-in">{step.signed_in}</p>
            <div class="flow-files">
                <h3>"Decided in"</h3>
                <ul role="list">{files.collect_view()}</ul>
            </div>
        }
    };
    view! {
        <section class="card stack flow-step-card" aria-labelledby="flow-step">
            {content}
            <p class="status-line" role="status">{move || Some(said.get()).filter(|said| !said.is_empty())}</p>
        </section>
    }
}
