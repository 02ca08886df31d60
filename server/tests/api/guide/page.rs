//! A protected page, and what it loads from a route.

use holdfast_client::{RequireSession, use_session};
use leptos::prelude::*;

use super::note::Note;

/// The page. A person who is not signed in is led to the sign-in page first, and back
/// here afterwards.
#[component]
pub fn NotePage() -> impl IntoView {
    view! {
        <h1>"Your note"</h1>
        <RequireSession fallback=|| view! { <p>"One moment…"</p> }>
            <TheNote/>
        </RequireSession>
    }
}

// guide
/// The note, fetched with the access token.
#[component]
fn TheNote() -> impl IntoView {
    let session = use_session();
    // This loads the note again for another person, and when the server is back.
    let note = session.resource(|api| async move { api.get::<Note>("/api/v1/note").await });
    move || match note.get() {
        None => view! { <p>"Loading…"</p> }.into_any(),
        Some(Ok(note)) => view! { <p>{note.text}</p> }.into_any(),
        Some(Err(error)) => view! { <p role="alert">{error.to_string()}</p> }.into_any(),
    }
}
// end
