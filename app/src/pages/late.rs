use leptos::prelude::*;

use super::look_again::when_shown_again;
use crate::components::LoadError;
use crate::pieces::{Awaited, Piece};
use crate::words::Words;

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
    let missing = Words::of_page().frame().part_is_missing;
    let part = Awaited::new(piece);
    Effect::new(move |_| part.load());
    when_shown_again(move || {
        if untrack(|| part.is_missing()) {
            part.load();
        }
    });
    let trouble = Signal::derive(move || {
        let is_told = is_missed && part.is_missing();
        is_told.then(|| missing.to_owned())
    });
    let shown = move || match part.view() {
        Some(view) => Some(view),
        None if part.is_missing() => None,
        None => waiting.as_ref().map(ViewFn::run),
    };
    view! {
        <LoadError text=trouble busy=part.busy on_retry=move || part.load()/>
        {shown}
    }
}
