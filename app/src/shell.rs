//! The document around the app.

use leptos::config::LeptosOptions;
use leptos::hydration::{AutoReload, HydrationScripts};
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::App;
use crate::session::storage::RECORD;

/// The HTML document, rendered on the server. The caller provides the contexts of
/// a request; the nonce comes from there.
pub fn shell(options: LeptosOptions) -> AnyView {
    // Runs before anything is drawn, so that nobody who is signed in sees the
    // signed-out page flash by. It only marks `<html>`, which is not hydrated;
    // `style/session.css` shows and hides by the mark.
    let mark_session = format!(
        "try{{var s=localStorage.getItem('{RECORD}')}}catch(e){{}}\
         document.documentElement.dataset.session=s?'maybe':'none'"
    );
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta
                    name="theme-color"
                    content="#f6f5f0"
                    media="(prefers-color-scheme: light)"
                />
                <meta name="theme-color" content="#0c1413" media="(prefers-color-scheme: dark)"/>
                <meta
                    name="description"
                    content="Sign in once and stay signed in. A stolen token does not live."
                />
                <script nonce=use_nonce() inner_html=mark_session></script>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <HashedStylesheet options=options.clone() id="leptos"/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                {root()}
            </body>
        </html>
    }
    .into_any()
}

/// The client, with its type erased: the server and the browser's entry would
/// otherwise compile the whole view once more, at each change of theirs.
pub fn root() -> AnyView {
    view! { <App/> }.into_any()
}
