use leptos::html::H2;
use leptos::prelude::*;

use super::action::Action;
use super::steps::{step, words_of};
use crate::components::{Button, Kind};
use crate::words::{FlowWords, Words};
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
    let words = FlowWords::of_page();
    let sign_in = Words::of_page().frame().sign_in;
    let content = move || {
        let number = current.get();
        let (step, own) = (step(number), words_of(number, words));
        let button = |action: Action| {
            let own = action.words(words);
            let condition = match action.needs_session() {
                true => " if-signed-in",
                false => "",
            };
            let kind = match action {
                Action::Steal => Kind::Danger,
                _ => Kind::Primary,
            };
            let busy = Signal::derive(move || busy.read().contains(&action));
            view! {
                <div class=format!("flow-action{condition}")>
                    <Button kind on_press=move || on_press.run(action) busy text=own.text/>
                    <p class="hint">{own.hint}</p>
                </div>
            }
        };
        let offer = step.needs_session().then(|| {
            let back = way_back::sign_in(Some(&format!("{}#{number}", paths::FLOW)));
            view! {
                <div class="flow-action if-signed-out">
                    <a class="button button-primary" href=back>{sign_in}</a>
                    <p class="hint">{words.card.needs_session}</p>
                </div>
            }
        });
        let signed_in = match step.is_sign_in {
            true => words.card.signed_in,
            false => "",
        };
        let files = step
            .files
            .iter()
            .map(|file| view! { <li><code>{*file}</code></li> });
        view! {
            <h2 id="flow-step" node_ref=heading tabindex="-1">
                {format!("{number}. {}", own.name)}
            </h2>
            <p>{own.sentence}</p>
            {step.actions.iter().map(|action| button(*action)).collect_view()}
            {offer}
            <p class="hint if-signed-in">{signed_in}</p>
            <div class="flow-files">
                <h3>{words.card.files}</h3>
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
