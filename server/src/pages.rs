//! The pages. The server renders a page, and the browser takes it over.
//!
//! A security duty: the policy in `page_policy.rs` protects the tokens in the browser's storage from
//! foreign scripts, so no page is served without it.

pub(crate) mod fault;
mod language;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use holdfast_app::{Language, Overviews, PageFiles, root, shell};
use leptos::context::{provide_context, use_context};
use leptos_axum::{LeptosRoutes, generate_route_list_with_exclusions};
use tower::ServiceExt as _;
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;

use crate::http::same_site::is_of_another_site;
use crate::http::{ApiError, ClientAddress, CurrentAccount, FOR_PROGRAMS};
use crate::overview::overview;
use crate::page_policy;
use crate::server_functions::{paths, to_function_error};
use crate::shared_files::SharedFiles;
use crate::site_files;
use crate::state::Holdfast;

/// The routes of all pages and of the files that they load, and the answer to all other
/// paths.
pub fn pages(state: &Holdfast) -> Router<Holdfast> {
    let options = state.leptos.clone();
    // Without this, `leptos_routes` would serve every server function without a token.
    let routes = generate_route_list_with_exclusions(root, Some(paths()));
    let pages = Router::new()
        // A form that is sent before the client has started arrives here. The server sends
        // the browser back to the page, and does not use what was typed.
        .route("/sign-in", post(|| async { Redirect::to("/sign-in") }))
        .route("/sign-up", post(|| async { Redirect::to("/sign-up") }))
        .route("/password", post(|| async { Redirect::to("/password") }))
        .route("/username", post(|| async { Redirect::to("/username") }))
        .route("/recover", post(|| async { Redirect::to("/recover") }))
        .route(
            "/recovery-code",
            post(|| async { Redirect::to("/recovery-code") }),
        )
        .route("/data", post(|| async { Redirect::to("/data") }))
        // Password managers open this address (W3C, «A Well-Known URL for Changing Passwords»).
        .route(
            "/.well-known/change-password",
            get(|| async { Redirect::to("/password") }),
        )
        .route("/language/{tag}", get(choose_language))
        .leptos_routes_with_context(state, routes, for_a_page, {
            let (options, files) = (options.clone(), page_files(state));
            move || shell(options.clone(), &files)
        });
    let site = PathBuf::from(&*options.site_root);
    let shared = SharedFiles::default();
    let package = Site::new(site.join(&*options.site_pkg_dir), &shared);
    let package = Router::new()
        .fallback(move |client, request| async move { package.file(client, request).await })
        .layer(middleware::from_fn(site_files::kept));
    let root = Site::new(site, &shared);
    pages
        .nest(&format!("/{}", options.site_pkg_dir), package)
        .fallback(move |state, client, request| file_or_not_found(root, state, client, request))
        .layer(CompressionLayer::new().compress_when(is_page))
        .layer(middleware::map_response(whole_page))
        .layer(middleware::map_request(answers_may_be_as_they_are))
}

/// Sets the policy of the page that is being rendered, and gives it the language of its request.
fn for_a_page() {
    page_policy();
    if let Some(request) = use_context::<Parts>() {
        provide_context(language::of(&request.headers));
    }
}

/// Keeps the language that the person has chosen, and leads back to the page. The switch is a link, so it
/// also works without scripts.
async fn choose_language(
    State(state): State<Holdfast>,
    Path(tag): Path<String>,
    switch: Result<Query<language::Switch>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if is_of_another_site(&headers) {
        return Err(ApiError::OtherSite);
    }
    let language = Language::named(&tag).ok_or(ApiError::NotFound)?;
    // A way back that cannot be read leads to the home page.
    let switch = switch.map_or_else(|_| language::Switch::default(), |Query(switch)| switch);
    let answer = [
        (header::LOCATION, switch.way_back(&headers)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let cookie = language::keep(language.tag(), state.config.is_https());
    let cookie = [(header::SET_COOKIE, cookie)];
    Ok((StatusCode::SEE_OTHER, answer, cookie).into_response())
}

/// A client may say that it accepts no answer as it is. The layer for compression would answer 406
/// then, with the content and with the time for which a cache keeps it. Clients use an answer that is
/// not encoded anyway, so the server ignores the header (RFC 9110 §12.5.3 allows this).
async fn answers_may_be_as_they_are(mut request: Request) -> Request {
    let mut values = request.headers().get_all(header::ACCEPT_ENCODING).iter();
    if values.any(|value| value.to_str().is_ok_and(forbids_identity)) {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    request
}

/// Whether one of these encodings is `identity` or `*` with the weight zero.
fn forbids_identity(accepted: &str) -> bool {
    accepted.split(',').any(|encoding| {
        let mut parts = encoding.split(';').map(str::trim);
        let is_identity = parts
            .next()
            .is_some_and(|name| name == "*" || name.eq_ignore_ascii_case("identity"));
        let weight = |part: &str| part.split_once('=')?.1.trim().parse::<f32>().ok();
        is_identity && parts.any(|part| weight(part) == Some(0.0))
    })
}

/// Compresses a page to its end before it is sent. Otherwise a client that does not take the
/// page would hold the compressor, which is much larger than the page.
async fn whole_page(response: Response) -> Response {
    if !has_page(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    language::vary(&mut parts.headers);
    match to_bytes(body, usize::MAX).await {
        Ok(page) => Response::from_parts(parts, Body::from(page)),
        Err(error) => ApiError::Internal(error.into()).into_response(),
    }
}

/// A folder with files of the site.
#[derive(Clone)]
struct Site {
    path: PathBuf,
    folder: ServeDir,
    shared: SharedFiles,
}

impl Site {
    fn new(path: PathBuf, shared: &SharedFiles) -> Self {
        Self {
            folder: ServeDir::new(&path)
                .append_index_html_on_directories(false)
                .precompressed_br()
                .precompressed_gzip(),
            path,
            shared: shared.clone(),
        }
    }

    /// The file with this name, if there is one.
    async fn file(&self, client: ClientAddress, request: Request) -> Response {
        let Some(file) = site_files::named(&self.path, request.uri().path()) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let open = async |request| {
            let opened = self.folder.clone().oneshot(request).await;
            opened.map_or_else(|never| match never {}, |file| file.map(Body::new))
        };
        self.shared.answer(client, &file, request, open).await
    }
}

/// Lends the server function of the home page the closure that it calls.
pub fn lend(state: &Holdfast) {
    let state = state.clone();
    let from = use_context().unwrap_or(ClientAddress::Unknown);
    provide_context(Overviews(Arc::new(move |caller| {
        let state = state.clone();
        Box::pin(async move {
            let current = CurrentAccount::new(caller.account_id, caller.session_id);
            overview(&state, &current, from)
                .await
                .map_err(to_function_error)
        })
    })));
}

/// The names of the pages' files, in the client's type.
fn page_files(state: &Holdfast) -> PageFiles {
    let names = state.site_files.clone();
    PageFiles {
        js: names.js,
        wasm: names.wasm,
        css: names.css,
        pieces: names.pieces,
    }
}

/// A file at the root of the site (icons, `robots.txt`), or else an error: problem JSON
/// for programs, a page for people.
async fn file_or_not_found(
    root: Site,
    State(state): State<Holdfast>,
    client: ClientAddress,
    request: Request,
) -> Response {
    // A CONNECT names a host and no path.
    if request.uri().path_and_query().is_none() {
        let allow = [(header::ALLOW, HeaderValue::from_static("GET, HEAD"))];
        return (allow, ApiError::MethodNotAllowed).into_response();
    }
    let path = request.uri().path();
    let first = path.split('/').nth(1).unwrap_or_default();
    if FOR_PROGRAMS.contains(&first) {
        return ApiError::NotFound.into_response();
    }
    // A body is not read here, because it belongs to no file and to no page.
    let (parts, _) = request.into_parts();
    let request = || Request::from_parts(parts.clone(), Body::empty());
    let file = root.file(client, request()).await;
    if [StatusCode::OK, StatusCode::NOT_MODIFIED].contains(&file.status()) {
        return site_files::kept_for_a_day(file);
    }
    // The file may be there, but the client asks for too much, or the server has a fault.
    if file.status() == StatusCode::TOO_MANY_REQUESTS || file.status().is_server_error() {
        return file;
    }
    let (options, files) = (state.leptos.clone(), page_files(&state));
    let render = leptos_axum::render_app_async_with_context(for_a_page, move || {
        shell(options.clone(), &files)
    });
    let mut page = render(request()).await;
    if page.status() == StatusCode::OK {
        *page.status_mut() = StatusCode::NOT_FOUND;
    }
    page
}

/// Only pages are compressed when they are sent. Files are compressed already. An answer
/// with a token must not be compressed, because its length would tell something about the
/// text beside the token (the BREACH attack). The only secret of a page is its nonce, which
/// is never used twice.
fn is_page(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    has_page(headers)
}

fn has_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|media_type| media_type.to_str().ok())
        .is_some_and(|media_type| media_type.starts_with("text/html"))
}
