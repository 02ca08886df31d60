//! One button that counts, taken over from `public/page.html`. With the feature `client`, a person can
//! also sign in, see data of their own, and sign out.

use leptos::prelude::*;

/// Takes over the page.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_body(|| {
        #[cfg(feature = "client")]
        holdfast_client::provide_session(holdfast_client::Config::sign_in_at(|_| {
            "/sign-in".to_owned()
        }));
        let (count, set_count) = signal(0);
        view! {
            <button on:click=move |_| set_count.update(|count| *count += 1)>{count}</button>
            {rest()}
        }
    });
}

#[cfg(not(feature = "client"))]
fn rest() -> impl IntoView {}

#[cfg(feature = "client")]
fn rest() -> impl IntoView {
    use holdfast_client::{RequireSession, use_session};

    let session = use_session();
    let sign_in = move |_| {
        leptos::task::spawn_local(async move {
            let _ = session
                .sign_in("ada".to_owned(), "correct horse battery".to_owned().into(), true)
                .await;
        });
    };
    view! {
        <button on:click=sign_in>"Sign in"</button>
        <RequireSession fallback=|| ()>
            <OfThePerson/>
        </RequireSession>
    }
}

/// Data of the person, loaded with the access token.
#[cfg(feature = "client")]
#[component]
fn OfThePerson() -> impl IntoView {
    let session = holdfast_client::use_session();
    let note = session.resource(|api| async move { api.get::<String>("/api/v1/note").await });
    view! {
        {move || match note.get() {
            None => String::new(),
            Some(Ok(note)) => note,
            Some(Err(error)) => error.to_string(),
        }}
        <button on:click=move |_| session.sign_out()>"Sign out"</button>
    }
}
