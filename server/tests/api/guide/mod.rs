//! `docs/build-on-holdfast.md`: every block of Rust in it is also here, where it is
//! compiled and does what the guide says.

pub mod note;
pub mod own;
mod page;
mod route;
mod server_function;
mod sign_in;

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

    // guide
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
    // end
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
    ] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(pages.clone(), request).await;
        let answer = Answer::read(response.unwrap()).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains(there), "{}", answer.text());
        assert!(!answer.text().contains(not_there), "{}", answer.text());
    }
}

/// The regions of these files between `// guide` and `// end`. The indentation of the
/// first line is removed from each line.
fn regions() -> Vec<String> {
    let files = [
        include_str!("mod.rs"),
        include_str!("note.rs"),
        include_str!("own.rs"),
        include_str!("page.rs"),
        include_str!("route.rs"),
        include_str!("server_function.rs"),
        include_str!("sign_in.rs"),
    ];
    let mut regions = Vec::new();
    for file in files {
        let mut region = None::<Vec<&str>>;
        let mut space = 0;
        for line in file.lines() {
            match line.trim() {
                "// guide" => {
                    assert!(region.is_none(), "a region within a region");
                    space = line.len() - line.trim_start().len();
                    region = Some(Vec::new());
                }
                "// end" => regions.push(region.take().unwrap().join("\n")),
                _ => {
                    if let Some(region) = &mut region {
                        region.push(line.get(space..).unwrap_or_default());
                    }
                }
            }
        }
        assert!(region.is_none(), "a region without an end");
    }
    regions
}

/// The blocks of Rust in the guide.
fn blocks() -> Vec<String> {
    let guide = include_str!("../../../../docs/build-on-holdfast.md");
    let mut blocks = Vec::new();
    let mut block = None::<Vec<&str>>;
    for line in guide.lines() {
        match (line, &mut block) {
            ("```", Some(_)) => blocks.extend(block.take().map(|lines| lines.join("\n"))),
            (_, Some(lines)) => lines.push(line),
            (_, None) if line.starts_with("```rust") => block = Some(Vec::new()),
            (_, None) => {}
        }
    }
    assert!(block.is_none(), "a block without an end");
    blocks
}

#[test]
fn every_block_of_the_guide_is_compiled_and_tried_here() {
    let (regions, blocks) = (regions(), blocks());
    assert!(blocks.len() >= 4, "{blocks:?}");
    for block in &blocks {
        assert!(regions.contains(block), "only in the guide:\n{block}");
    }
    for region in &regions {
        assert!(blocks.contains(region), "not in the guide:\n{region}");
    }
}
