//! A protected server function of a crate that knows no database, and the page's use of it.

use super::note::{Note, Notes};

use holdfast_client::{CallError, SessionClient};
use leptos::prelude::*;

/// Adds a line to the caller's note and returns the whole note.
#[server(client = SessionClient, prefix = "/api/fn", endpoint = "add_line")]
pub async fn add_line(line: String) -> Result<Note, CallError> {
    use holdfast_client::host::{caller, lent};

    let notes = lent::<Notes>()?;
    let account_id = caller()?.account_id;
    let mut note = notes.of(account_id);
    note.text.push_str(&line);
    note.text.push('\n');
    notes.write(account_id, note.clone());
    Ok(note)
}

/// A button that adds a line.
#[component]
pub fn AddLine() -> impl IntoView {
    let add = Action::new(|line: &String| add_line(line.clone()));
    let outcome = move || match add.value().get() {
        None => String::new(),
        Some(Ok(note)) => format!("The note has {} lines now.", note.text.lines().count()),
        Some(Err(error)) => error.to_string(),
    };
    view! {
        <button on:click=move |_| {
            add.dispatch("Buy milk.".to_owned());
        }>"Add a line"</button>
        <p role="status">{outcome}</p>
    }
}
