//! `docs/build-on-holdfast.md`: every block of Rust in it is in `examples/notes` or here, where it is
//! compiled and does what the guide says. The parts of an application around it are here, too.

mod claims;
mod code;
pub mod note;
pub mod own;
mod page;
mod public;
mod route;
mod serve;
mod server_function;
#[path = "../../../../examples/notes/src/sign_in.rs"]
mod sign_in;
mod testing;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use holdfast_client::{Config, provide_session};
use holdfast_protocol::problem::Code;
use holdfast_server::state::Holdfast;
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes as _, generate_route_list_with_exclusions};
use leptos_router::components::{Route, Router as Pages, Routes};
use leptos_router::path;
use serde_json::json;

use self::note::Note;
use crate::support::{Answer, TestApp};

const NOTE: &str = "/api/v1/note";
const ADD_LINE: &str = "/api/fn/add_line";

mod wiring {
    use super::note::Notes;
    use super::route;

    use std::sync::Arc;

    use axum::Router;
    use holdfast_server::additions::Additions;
    use holdfast_server::router_with;
    use holdfast_server::state::Holdfast;
    use leptos::prelude::provide_context;

    pub fn service(state: Holdfast) -> Router {
        let notes = Notes::default();
        let lent = notes.clone();
        let additions = Additions {
            routes: route::routes(notes),
            lend: Some(Arc::new(move || provide_context(lent.clone()))),
            ..Additions::default()
        };
        router_with(state, additions)
    }
}

async fn start() -> TestApp {
    let mut app = TestApp::start().await;
    app.serve_with(wiring::service);
    app
}

/// Calls the server function as the browser does.
pub async fn add_line(app: &TestApp, bearer: Option<&str>, line: &str) -> Answer {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(ADD_LINE)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(token) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    app.send(request.body(format!("line={line}").into()).unwrap())
        .await
}

#[tokio::test]
async fn the_route_is_protected_and_keeps_everybody_to_their_own() {
    let app = start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let nobody = Request::builder().uri(NOTE).body(Body::empty()).unwrap();
    app.send(nobody).await.is(Code::AccessTokenMissing);

    let write = async |text: &str| {
        let body = json!({"text": text});
        app.call_as(&ada, Method::PUT, NOTE, Some(&body)).await
    };
    assert_eq!(write("hello").await.status, 204);
    let read: Note = app.get_as(&ada, NOTE).await.json();
    assert_eq!(read.text, "hello");
    let read: Note = app.get_as(&eve, NOTE).await.json();
    assert_eq!(read, Note::default());
    write(&"x".repeat(1001)).await.is(Code::MalformedRequest);
    // The limit of the body is the same as in the API.
    write(&"x".repeat(100_000)).await.is(Code::PayloadTooLarge);
    app.call_as(&ada, Method::POST, NOTE, None)
        .await
        .is(Code::MethodNotAllowed);
}

#[tokio::test]
async fn the_server_function_is_protected_and_shares_its_data_with_the_route() {
    let app = start().await;
    let ada = app.sign_up("ada").await;
    add_line(&app, None, "x").await.is(Code::AccessTokenMissing);

    let token = ada.access_token.expose();
    let added: Note = add_line(&app, Some(token), "Buy+milk.").await.json();
    assert_eq!(added.text, "Buy milk.\n");
    let read: Note = app.get_as(&ada, NOTE).await.json();
    assert_eq!(read, added);
}

/// A whole document around the guide's page, like the document that `app` has.
#[component]
fn Site() -> impl IntoView {
    provide_session(Config::sign_in_at(|_| "/sign-in".to_owned()));
    view! {
        <Pages>
            <Routes fallback=|| "Not found">
                <Route path=path!("/note") view=page::NotePage/>
                <Route path=path!("/add") view=server_function::AddLine/>
                <Route path=path!("/form") view=sign_in::SignIn/>
                <Route path=path!("/leave") view=sign_in::SignOut/>
                <Route path=path!("/code") view=code::KeepCode/>
            </Routes>
        </Pages>
    }
}

fn pages(state: &Holdfast) -> Router<Holdfast> {
    let functions = leptos::server_fn::axum::server_fn_paths();
    let functions = functions.map(|(path, _)| path.to_owned()).collect();
    let routes = generate_route_list_with_exclusions(Site, Some(functions));
    Router::new().leptos_routes(state, routes, Site)
}

#[tokio::test]
async fn the_page_is_rendered_without_what_it_protects() {
    let app = TestApp::start().await;
    let pages = pages(&app.state).with_state(app.state.clone());
    for (path, there, not_there) in [
        ("/note", "One moment", "Loading"),
        ("/add", "Add a line", "Not found"),
        ("/form", "Create an account", "Not found"),
        ("/leave", "Sign out", "Not found"),
        // The server never knows a code.
        ("/code", "", "lets you back in"),
    ] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(pages.clone(), request).await;
        let answer = Answer::read(response.unwrap()).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains(there), "{}", answer.text());
        assert!(!answer.text().contains(not_there), "{}", answer.text());
    }
}

/// The text of each file in this folder, and in a folder of the example.
fn texts(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        texts.insert(name, fs::read_to_string(path).unwrap());
    }
    texts
}

/// Lines without the indentation of the first one.
fn without_indentation<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let first = lines.first().copied().unwrap_or_default();
    let space = first.len() - first.trim_start().len();
    let line = |line: &&'a str| line.get(space..).unwrap_or_default();
    lines.iter().map(line).collect()
}

/// The regions of the files in this folder between `// guide` and `// end`.
fn regions() -> Vec<String> {
    let mut regions = Vec::new();
    for text in texts("tests/api/guide").values() {
        let mut region = None::<Vec<&str>>;
        for line in text.lines() {
            match line.trim() {
                "// guide" => {
                    assert!(region.is_none(), "a region within a region");
                    region = Some(Vec::new());
                }
                "// end" => {
                    let lines = region.take().unwrap();
                    regions.push(without_indentation(&lines).join("\n"));
                }
                _ => region.iter_mut().for_each(|region| region.push(line)),
            }
        }
        assert!(region.is_none(), "a region without an end");
    }
    regions
}

/// Whether a file of the example has these lines one after the other, with any indentation.
fn is_in_the_example(block: &str) -> bool {
    let block: Vec<&str> = block.lines().collect();
    let folders = ["../examples/notes/src", "../examples/notes/migrations"];
    let mut files = folders.iter().flat_map(|folder| texts(folder));
    files.any(|(_, text)| {
        let lines: Vec<&str> = text.lines().collect();
        let mut parts = lines.windows(block.len());
        parts.any(|part| without_indentation(part) == block)
    })
}

/// The blocks of Rust and SQL in the guide.
fn blocks() -> Vec<String> {
    let guide = include_str!("../../../../docs/build-on-holdfast.md");
    let mut blocks = Vec::new();
    let mut block = None::<Vec<&str>>;
    for line in guide.lines() {
        match (line, &mut block) {
            ("```", Some(_)) => blocks.extend(block.take().map(|lines| lines.join("\n"))),
            (_, Some(lines)) => lines.push(line),
            ("```rust" | "```sql", None) => block = Some(Vec::new()),
            (_, None) => {}
        }
    }
    assert!(block.is_none(), "a block without an end");
    blocks
}

#[test]
fn every_block_of_the_guide_is_in_the_example_or_here() {
    let (regions, blocks) = (regions(), blocks());
    let of_example = blocks.iter().filter(|block| is_in_the_example(block));
    assert!(of_example.count() >= 4, "{blocks:?}");
    for block in &blocks {
        let count = |letter| block.matches(letter).count();
        assert_eq!(count('{'), count('}'), "a part of a function:\n{block}");
        let is_compiled = regions.contains(block) || is_in_the_example(block);
        assert!(is_compiled, "only in the guide:\n{block}");
    }
    for region in &regions {
        assert!(blocks.contains(region), "not in the guide:\n{region}");
    }
}

#[test]
fn a_changed_line_or_a_gap_is_not_the_example() {
    let whole = "pub mod app;\npub mod note;\nmod sign_in;";
    assert!(is_in_the_example(whole));
    assert!(is_in_the_example(
        "use crate::app::*;\nconsole_error_panic_hook::set_once();"
    ));
    for other in [
        "pub mod app;\nmod sign_in;",
        "pub mod App;",
        "pub mod app; // First.",
    ] {
        assert!(!is_in_the_example(other), "{other}");
    }
}
