use leptos::prelude::*;
use leptos_meta::{provide_meta_context, MetaTags, Stylesheet, Title};
use leptos_router::{
    components::{Route, Router, Routes},
    StaticSegment,
};

use crate::note::Note;
#[cfg(feature = "ssr")]
use crate::store::{self, AppState};

pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <AutoReload options=options.clone() />
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

#[component]
pub fn App() -> impl IntoView {
    // Provides context that manages stylesheets, titles, meta tags, etc.
    provide_meta_context();

    view! {
        // injects a stylesheet into the document <head>
        // id=leptos means cargo-leptos will hot-reload this stylesheet
        <Stylesheet id="leptos" href="/pkg/notes.css"/>

        // sets the document title
        <Title text="Welcome to Leptos"/>

        // content for this welcome page
        <Router>
            <main>
                <Routes fallback=|| "Page not found.".into_view()>
                    <Route path=StaticSegment("") view=HomePage/>
                    <Route path=StaticSegment("notes") view=NotesPage/>
                </Routes>
            </main>
        </Router>
    }
}

/// The result of a server function.
pub type Answer<T> = Result<T, ServerFnError>;

/// The notes, the oldest first.
#[server]
pub async fn list_notes() -> Answer<Vec<Note>> {
    let AppState { pool, .. } = expect_context();
    Ok(store::list(&pool).await?)
}

/// Writes a note.
#[server]
pub async fn add_note(text: String) -> Answer<()> {
    let AppState { pool, .. } = expect_context();
    Ok(store::add(&pool, &text).await?)
}

/// Renders the home page of your application.
#[component]
fn HomePage() -> impl IntoView {
    // Creates a reactive value to update the button
    let count = RwSignal::new(0);
    let on_click = move |_| *count.write() += 1;

    view! {
        <h1>"Welcome to Leptos!"</h1>
        <button on:click=on_click>"Click Me: " {count}</button>
        <p><a href="/notes">"Notes"</a></p>
    }
}

/// Renders the page with the notes.
#[component]
fn NotesPage() -> impl IntoView {
    view! {
        <h1>"Notes"</h1>
        <Notes/>
    }
}

/// The notes, and a form for a new one.
#[component]
fn Notes() -> impl IntoView {
    let add = ServerAction::<AddNote>::new();
    let notes = LocalResource::new(move || {
        add.version().get();
        list_notes()
    });
    let mistake = move || add.value().get().and_then(Result::err);

    view! {
        <ActionForm action=add>
            <label>"New note " <input name="text" required/></label>
            <button>"Write it down"</button>
        </ActionForm>
        <p role="alert">{move || mistake().map(|error| error.to_string())}</p>
        {move || notes.get().map(|answer| match answer {
            Ok(notes) => view! { <NoteList notes/> }.into_any(),
            Err(error) => view! { <p role="alert">{error.to_string()}</p> }.into_any(),
        })}
    }
}

#[component]
fn NoteList(notes: Vec<Note>) -> impl IntoView {
    let items = notes.into_iter().map(|note| view! { <li>{note.text}</li> });
    view! { <ul aria-label="Notes">{items.collect_view()}</ul> }
}
