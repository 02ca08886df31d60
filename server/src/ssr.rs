//! The pages: rendered here, taken over by the browser. The only file that knows
//! both `app` and axum.
//!
//! A security duty: the policy in [`content_security_policy`] is what stands between
//! a script that does not belong here and the tokens in the browser's storage. No
//! page is served without it.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use holdfast_app::{root, shell};
use leptos::config::{Env, LeptosOptions};
use leptos::context::use_context;
use leptos::nonce::use_nonce;
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list};
use tower_http::services::ServeDir;

use crate::http::ApiError;
use crate::state::AppState;

/// Where the pages' files are, from what cargo-leptos sets, or from where they stand
/// after a release build.
pub fn leptos_options() -> LeptosOptions {
    let variable = |name: &str| std::env::var(name).ok();
    let site_root = variable("LEPTOS_SITE_ROOT").map_or_else(default_site_root, PathBuf::from);
    LeptosOptions::builder()
        .output_name(env!("LEPTOS_OUTPUT_NAME"))
        .site_root(site_root.to_string_lossy().into_owned())
        .site_pkg_dir(variable("LEPTOS_SITE_PKG_DIR").unwrap_or_else(|| "pkg".to_owned()))
        .env(if is_watched() { Env::DEV } else { Env::PROD })
        .reload_port(
            variable("LEPTOS_RELOAD_PORT")
                .and_then(|port| port.parse().ok())
                .unwrap_or(3001),
        )
        .build()
}

/// Whether `cargo leptos watch` runs this.
pub fn is_watched() -> bool {
    std::env::var_os("LEPTOS_WATCH").is_some()
}

/// `target/site` below the current directory, else `site` beside the binary.
fn default_site_root() -> PathBuf {
    let built = PathBuf::from("target/site");
    if built.is_dir() {
        return built;
    }
    std::env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(|directory| directory.join("site")))
        .filter(|site| site.is_dir())
        .unwrap_or(built)
}

/// Whether the pages' files are where they should be.
pub fn site_is_built(options: &LeptosOptions) -> bool {
    Path::new(&*options.site_root)
        .join(&*options.site_pkg_dir)
        .is_dir()
}

/// Every page, the files they load, and what answers anything else.
pub fn pages(state: &AppState) -> Router<AppState> {
    let options = state.leptos.clone();
    let routes = generate_route_list(root);
    let pages = Router::new()
        // A form that is sent before the page has come alive arrives here. The
        // browser is sent back to the page; what was typed goes nowhere.
        .route("/sign-in", post(|| async { Redirect::to("/sign-in") }))
        .route("/sign-up", post(|| async { Redirect::to("/sign-up") }))
        .route("/password", post(|| async { Redirect::to("/password") }))
        .leptos_routes_with_context(state, routes, set_policy, {
            let options = options.clone();
            move || shell(options.clone())
        });
    let site = PathBuf::from(&*options.site_root);
    let files = |path: PathBuf| ServeDir::new(path).precompressed_br().precompressed_gzip();
    let package = Router::new()
        .fallback_service(files(site.join(&*options.site_pkg_dir)))
        .layer(middleware::from_fn(revalidated));
    pages
        .nest(&format!("/{}", options.site_pkg_dir), package)
        .fallback(file_or_not_found)
}

/// A file at the root of the site (icons, `robots.txt`), else an error: problem JSON
/// for programs, a page for people.
async fn file_or_not_found(State(state): State<AppState>, request: Request) -> Response {
    let path = request.uri().path();
    let first = path.split('/').nth(1).unwrap_or_default();
    if ["api", "oauth", ".well-known"].contains(&first) {
        return ApiError::NotFound.into_response();
    }
    let handler =
        leptos_axum::file_and_error_handler_with_context::<AppState, _>(set_policy, shell);
    handler(request.uri().clone(), State(state), request)
        .await
        .into_response()
}

/// Files keep their names from build to build, so a browser asks each time whether
/// its copy is still good; the answer is a 304 without a body.
async fn revalidated(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// Runs for every page, once its nonce is known.
fn set_policy() {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else {
        return;
    };
    if let Ok(policy) = HeaderValue::from_str(&content_security_policy(&nonce, is_watched())) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// Scripts with this page's nonce and our own files, nothing from elsewhere, no
/// frames, no `eval` but WebAssembly's.
fn content_security_policy(nonce: &str, watched: bool) -> String {
    // `cargo leptos watch` reloads pages through a socket of its own.
    let reload = if watched {
        " ws://localhost:3001 ws://127.0.0.1:3001"
    } else {
        ""
    };
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; \
         style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'{reload}; manifest-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}
