//! What a page may load and do (Content Security Policy).
//!
//! A security duty: the policy protects the tokens in the browser's storage from foreign scripts, so
//! no page is served without it.

use axum::http::{HeaderValue, header};
use leptos::context::use_context;
use leptos::nonce::use_nonce;
use leptos_axum::ResponseOptions;

use crate::site_files;

/// Sets the policy of the page that is being rendered. It runs as the additional context of
/// `leptos_axum`, when the nonce of the page is known.
///
/// Without a nonce the page gets a policy that lets it load nothing.
pub fn page_policy() {
    let Some(response) = use_context::<ResponseOptions>() else {
        return;
    };
    response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nonce = use_nonce();
    let reload_port = site_files::is_watched().then(|| site_files::leptos_options().reload_port);
    let policy = nonce.map(|nonce| content_security_policy(&nonce, reload_port));
    let policy = policy.and_then(|policy| HeaderValue::from_str(&policy).ok());
    if policy.is_none() {
        tracing::error!("A page has no nonce, so it was served without its scripts.");
    }
    let nothing =
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'self'");
    response.insert_header(header::CONTENT_SECURITY_POLICY, policy.unwrap_or(nothing));
}

/// Allows scripts with this page's nonce and files of this origin. It allows nothing from
/// another origin, no frames, and no `eval` except that of WebAssembly.
fn content_security_policy(nonce: &str, reload_port: Option<u32>) -> String {
    // `cargo leptos watch` reloads pages through a socket on a port of its own.
    let reload = reload_port.map_or_else(String::new, |port| {
        format!(" ws://localhost:{port} ws://127.0.0.1:{port}")
    });
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; \
         style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'{reload}; manifest-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_watched_page_may_open_the_socket_of_the_watcher_and_on_its_port() {
        let connect = |reload_port| {
            let policy = content_security_policy("nonce", reload_port);
            let directive = policy.split(';').find(|part| part.contains("connect-src"));
            directive.unwrap().trim().to_owned()
        };
        assert_eq!(connect(None), "connect-src 'self'");
        assert_eq!(
            connect(Some(4001)),
            "connect-src 'self' ws://localhost:4001 ws://127.0.0.1:4001"
        );
    }
}
