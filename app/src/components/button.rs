use leptos::prelude::*;

use super::Hydrated;

/// How important a button is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// The main action of the page.
    Primary,
    /// One of several actions.
    #[default]
    Plain,
    /// An action that cannot be undone.
    Danger,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button-primary",
            Self::Plain => "button",
            Self::Danger => "button button-danger",
        }
    }
}

/// A button that does something on this page.
///
/// While it is busy it keeps the focus and does nothing. A disabled button would lose the
/// focus, and a person with a keyboard would have to start again at the top of the page.
#[component]
pub fn Button(
    /// How important it is.
    #[prop(optional)]
    kind: Kind,
    /// What it does.
    #[prop(into)]
    on_press: Callback<()>,
    /// Whether its action is under way.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Its name, if its text alone would be ambiguous. It must begin with the text.
    #[prop(optional, into)]
    label: Option<Signal<String>>,
    /// Its text.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    element("button", kind, busy, label, text, move || on_press.run(()))
}

/// The button that sends a form. It is disabled until the page is hydrated, so that the Enter
/// key does not send the form to the server either. While the request is under way the button
/// keeps the focus, and the form is not sent a second time.
#[component]
pub fn SubmitButton(
    /// How important it is.
    #[prop(default = Kind::Primary)]
    kind: Kind,
    /// The request is under way.
    #[prop(into)]
    busy: Signal<bool>,
    /// Its text.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    element("submit", kind, busy, None, text, || {})
}

fn element(
    r#type: &'static str,
    kind: Kind,
    busy: Signal<bool>,
    label: Option<Signal<String>>,
    text: Signal<String>,
    press: impl Fn() + 'static,
) -> impl IntoView {
    let hydrated = Hydrated::of_page();
    view! {
        <button
            type=r#type
            class=kind.class()
            aria-label=move || label.map(|label| label.get())
            aria-busy=move || busy.get().then_some("true")
            aria-disabled=move || busy.get().then_some("true")
            disabled=move || !hydrated.get()
            on:click=move |_| {
                if !busy.get_untracked() {
                    press();
                }
            }
        >
            {move || text.get()}
        </button>
    }
}
