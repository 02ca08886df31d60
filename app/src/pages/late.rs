use leptos::prelude::*;

use super::asker::Asker;
use super::look_again::when_shown_again;
use crate::components::LoadError;
use crate::pieces::Piece;

/// A part of a page whose code is in a piece. Until it is there, this shows `waiting`.
#[component]
pub fn Late(
    /// The part.
    piece: Piece,
    /// What to show until then.
    #[prop(optional, into)]
    waiting: Option<ViewFn>,
    /// Whether this says so if the part does not arrive.
    #[prop(default = true)]
    is_missed: bool,
) -> impl IntoView {
    let asker = Asker::here();
    let has_arrived = RwSignal::new(false);
    let trouble = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let load = move || {
        busy.set(true);
        asker.ask(piece.load(), move |outcome| {
            busy.set(false);
            has_arrived.set(outcome.is_ok());
            trouble.set(
                outcome
                    .err()
                    .map(|_| "A part of this page did not arrive.".to_owned()),
            );
        });
    };
    Effect::new(move |_| load());
    when_shown_again(move || {
        if trouble.read_untracked().is_some() {
            load();
        }
    });
    let part = move || match has_arrived.get().then(|| piece.view_now()).flatten() {
        Some(part) => Some(part),
        None if trouble.read().is_some() => None,
        None => waiting.as_ref().map(|waiting| waiting.run()),
    };
    let told = Signal::derive(move || trouble.get().filter(|_| is_missed));
    view! {
        <LoadError text=told busy on_retry=load/>
        {part}
    }
}
