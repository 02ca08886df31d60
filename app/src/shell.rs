//! The document around the app.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use holdfast_client::{CallError, load_if_needed};
use leptos::config::LeptosOptions;
use leptos::hydration::AutoReload;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;
use leptos_router::location::RequestUrl;

use crate::app::{App, CONFIG};
use crate::pages::FlowStyle;
use crate::routes::{FLOW, HOME, piece_at};
use crate::words::{self, Language, Words};

/// The names of the files that a page loads, in the site's package folder. The host
/// knows them.
#[derive(Debug, Clone)]
pub struct PageFiles {
    /// The script that loads the module.
    pub js: String,
    /// The WebAssembly module.
    pub wasm: String,
    /// The style sheet.
    pub css: String,
    /// The files of each piece that the build has cut out of the module, by the name of the piece: its
    /// code, and its style if it has one of its own. It is empty if everything is in the module.
    pub pieces: BTreeMap<String, Vec<String>>,
}

/// The name of the piece with the code that keeps a person signed in.
const ENGINE: &str = "engine";

/// How the name of a file of style ends.
const STYLE: &str = ".css";

/// Starts the page: `start.js` without its comments and its indentation.
static START: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("start.js").lines().map(str::trim);
    let code: Vec<&str> = lines.filter(|line| !line.starts_with("//")).collect();
    code.join("\n")
});

/// The HTML document, rendered on the server. The caller provides the contexts of
/// a request; the nonce and the [`Language`] come from there.
pub fn shell(options: LeptosOptions, files: &PageFiles) -> AnyView {
    // This runs before the page is drawn, so that a signed-in person never sees the
    // signed-out page. It only marks `<html>`, which is not hydrated; `style/session.css`
    // shows and hides elements by the mark.
    let record = CONFIG.record_key();
    let mark_session = format!(
        "try{{var s=JSON.parse(localStorage.getItem('{record}')).session_id}}catch(e){{}}\
         document.documentElement.dataset.session=s?'maybe':'none'"
    );
    let address = |name: &str| format!("/{}/{name}", options.site_pkg_dir);
    let (js, wasm, css) = (
        address(&files.js),
        address(&files.wasm),
        address(&files.css),
    );
    let addresses_of = |piece: &str| -> Vec<String> {
        let files = files
            .pieces
            .get(piece)
            .map(Vec::as_slice)
            .unwrap_or_default();
        files.iter().map(|file| address(file)).collect()
    };
    let engine = addresses_of(ENGINE);
    let language = Language::of_page();
    let words = Words::of(language).document();
    let sentences = [
        words.slow,
        words.failed,
        words.old,
        words.load_again,
        words.would_be_lost,
    ];
    let url = use_context::<RequestUrl>().and_then(|url| url.parse().ok());
    let page = url.and_then(|url| piece_at(url.path()));
    let of_page = page.map(|page| addresses_of(page.name)).unwrap_or_default();
    let of_words = words::piece_of(language).map(addresses_of);
    let parts = of_page.into_iter().chain(of_words.unwrap_or_default());
    let parts: Vec<String> = parts.filter(|file| !file.ends_with(STYLE)).collect();
    let prefix = CONFIG.prefix;
    let is_only_links = page.is_some_and(|page| page.name == HOME.name);
    let start = format!(
        "{}({js:?}, {wasm:?}, {parts:?}, {engine:?}, {sentences:?}, {prefix:?}, {is_only_links})",
        START.as_str()
    );
    let mut of_flow = files.pieces.get(FLOW.name).into_iter().flatten();
    let flow_style = of_flow.find(|file| file.ends_with(STYLE));
    let flow_style = FlowStyle(flow_style.map(|file| address(file)));
    provide_context(flow_style.clone());
    // The browser draws the page once, with both styles. For a person who comes from another page, the link is
    // within the page.
    let is_flow = page.is_some_and(|page| page.name == FLOW.name);
    let style_of_page = flow_style.0.clone().filter(|_| is_flow);
    let style_of_page = style_of_page.map(|href| view! { <link rel="stylesheet" href=href/> });
    view! {
        <!DOCTYPE html>
        // A browser that translates the page replaces its texts. Then the client would change texts
        // that are not in the page any more, and could not take the page over.
        <html lang=language.tag() data-language=language.tag() translate="no" data-flow-style=flow_style.0>
            <head>
                <meta name="google" content="notranslate"/>
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
                    content=words.description
                />
                <script nonce=use_nonce() inner_html=mark_session></script>
                <script nonce=use_nonce() inner_html=start></script>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="apple-touch-icon" href="/apple-touch-icon.png"/>
                <link rel="stylesheet" id="leptos" href=css/>
                {style_of_page}
                <AutoReload options/>
                <MetaTags/>
            </head>
            <body>
                {root()}
                // A browser that runs scripts treats all of this as text, not as part of the page.
                <noscript class="page-trouble" inner_html=words.no_script></noscript>
            </body>
        </html>
    }
    .into_any()
}

/// Loads the code that the browser needs to take over the page at this path: that of the page, the
/// words of its language, and the code of the session if this browser has one. Without pieces there is
/// nothing to load.
///
/// # Errors
/// [`CallError::NotLoaded`] if a piece does not arrive within 20 s.
pub async fn load(path: &str) -> Result<(), CallError> {
    let page = async {
        match piece_at(path) {
            Some(page) => page.load().await.or(Err(CallError::NotLoaded)),
            None => Ok(()),
        }
    };
    let words = async { words::load().await.or(Err(CallError::NotLoaded)) };
    let (page, words, engine) = futures::join!(page, words, load_if_needed(&CONFIG));
    page.and(words).and(engine)
}

/// The client with its type erased. Otherwise each change of the server, or of the browser's entry,
/// would compile the whole view again.
pub fn root() -> AnyView {
    view! { <App/> }.into_any()
}
