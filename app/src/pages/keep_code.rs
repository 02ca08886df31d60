//! A new recovery code, which is shown until the person says that they keep it.

use leptos::ev::SubmitEvent;
use leptos::html::{H2, Input};
use leptos::prelude::*;

use crate::components::{FormError, RecoveryCode, SubmitButton};
use crate::words::Words;

/// The code, the ways to keep it, the box «I have kept it» and the button that goes on.
#[component]
pub(super) fn KeepCode(
    /// The code.
    code: String,
    /// The username of the account of the code.
    #[prop(into)]
    username: Signal<String>,
    /// Called when the person has ticked the box and goes on.
    #[prop(into)]
    on_kept: Callback<()>,
    /// Whether the work of `on_kept` is under way.
    #[prop(into)]
    busy: Signal<bool>,
    /// The text of the button.
    #[prop(into)]
    text: Signal<String>,
    /// What went wrong with it.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// The page for a person who does not keep the code now.
    #[prop(into)]
    later: Signal<String>,
    /// The text of the link to it.
    later_text: &'static str,
    /// Whether this replaces a form that the person has just sent. Then it takes the focus.
    takes_focus: bool,
    /// More fields.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let words = Words::of_page().keep_code();
    let heading = NodeRef::<H2>::new();
    let kept = NodeRef::<Input>::new();
    let unticked = RwSignal::new(false);
    Effect::new(move |_| {
        if takes_focus && let Some(heading) = heading.get() {
            let _ = heading.focus();
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let Some(kept) = kept.get_untracked() else {
            return;
        };
        unticked.set(!kept.checked());
        if kept.checked() {
            on_kept.run(());
        } else {
            let _ = kept.focus();
        }
    };

    view! {
        <section class="card stack keep-code" aria-labelledby="keep-code">
            <h2 id="keep-code" node_ref=heading tabindex="-1">{words.heading}</h2>
            <p>{words.lead}</p>
            <RecoveryCode code username on_saved=move || unticked.set(false)/>
            <form method="post" class="stack keep-code-form" novalidate on:submit=submit>
                <FormError text=error/>
                <div class="check-field">
                    <input
                        node_ref=kept
                        type="checkbox"
                        id="kept"
                        name="kept"
                        value="yes"
                        aria-invalid=move || unticked.get().then_some("true")
                        aria-describedby=move || unticked.get().then_some("kept-error")
                        on:change=move |_| unticked.set(false)
                    />
                    <div>
                        <label for="kept">{words.kept}</label>
                        {move || unticked.get().then(|| view! {
                            <p id="kept-error" class="field-error" role="alert">{words.unticked}</p>
                        })}
                    </div>
                </div>
                {children.map(|children| children())}
                <SubmitButton busy text/>
                <p class="aside">
                    <a href=move || later.get()>{later_text}</a>
                </p>
            </form>
        </section>
    }
}
