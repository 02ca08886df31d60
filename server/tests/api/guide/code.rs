//! The recovery code of a new account.

use holdfast_client::use_session;
use leptos::prelude::*;
use leptos::task::spawn_local;

// guide
/// The recovery code of a new account, until the person says that they keep it.
#[component]
pub fn KeepCode() -> impl IntoView {
    let session = use_session();
    let code = RwSignal::new(session.new_recovery_code());
    let keep = move |_| {
        let Some(kept) = code.get_untracked() else {
            return;
        };
        spawn_local(async move {
            if session.confirm_recovery_code(kept).await.is_ok() {
                code.try_set(None);
            }
        });
    };
    move || {
        code.get().map(|code| {
            view! {
                <p>"If you forget your password, this code lets you back in:"</p>
                <p><code>{code.expose().to_owned()}</code></p>
                <button on:click=keep>"I have kept it"</button>
            }
        })
    }
}
// end
