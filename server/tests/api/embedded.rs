//! Holdfast inside an application that has a state, routes and a pool of its own.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;
use holdfast_server::builder::Builder;
use holdfast_server::config::MasterSecret;
use holdfast_server::state::Holdfast;
use leptos::prelude::provide_context;
use sqlx::PgPool;

use crate::guide::note::{Note, Notes};
use crate::guide::own::{self, Shop};
use crate::support::TestApp;

fn builder(pool: &PgPool) -> Builder {
    Holdfast::builder(pool, MasterSecret::generate()).issuer("https://shop.example")
}

/// The application of the guide, with a server function.
fn application(holdfast: &Holdfast) -> Router {
    let notes = Notes::default();
    let lend = Arc::new(move || provide_context(notes.clone()));
    let functions = holdfast.server_functions(Some(lend), &[]);
    let shop = Shop {
        holdfast: holdfast.clone(),
        greeting: "Hello".to_owned(),
    };
    own::application(shop).merge(functions)
}

fn to(method: Method, path: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn an_application_signs_people_in_and_protects_its_own_routes() {
    let mut app = TestApp::start().await;
    let secret = MasterSecret::generate();
    let holdfast = own::start(app.pool(), secret).await.unwrap();
    app.serve_with(|_| application(&holdfast));

    let ada = app.sign_up("ada").await;
    let account = app.get_as(&ada, paths::ACCOUNT).await;
    assert_eq!(account.status, 200);
    let id = account.json::<serde_json::Value>()["account_id"].clone();
    let greeting = app.get_as(&ada, "/greet").await;
    assert_eq!(greeting.text(), format!("Hello, {}", id.as_str().unwrap()));

    // The answers to errors have the form that the client understands, as in Holdfast's own routes.
    let refused = app.send(to(Method::GET, "/greet")).await;
    refused.is(Code::AccessTokenMissing);
    assert!(refused.headers.contains_key(header::WWW_AUTHENTICATE));
    // The page of the application is its own.
    let page = app.send(to(Method::GET, "/")).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text(), "Welcome");
    holdfast.stop().await;
}

#[tokio::test]
async fn the_server_functions_of_an_application_need_an_access_token() {
    let mut app = TestApp::start().await;
    let holdfast = builder(app.pool()).start().await.unwrap();
    app.serve_with(|_| application(&holdfast));
    let ada = app.sign_up("ada").await;

    let add = |bearer: Option<&str>| {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/api/fn/add_line")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        app.send(request.body("line=Milk".into()).unwrap())
    };
    add(None).await.is(Code::AccessTokenMissing);
    let note: Note = add(Some(ada.access_token.expose())).await.json();
    assert_eq!(note.text, "Milk\n");
    holdfast.stop().await;
}

#[tokio::test]
async fn a_token_of_one_instance_is_valid_in_another_one_with_the_same_secret() {
    let mut app = TestApp::start().await;
    let secret = MasterSecret::generate();
    let start = async || {
        let builder = Holdfast::builder(app.pool(), secret.clone());
        builder
            .issuer("https://shop.example")
            .start()
            .await
            .unwrap()
    };
    let (one, two) = (start().await, start().await);
    app.serve_with(|_| application(&one));
    let ada = app.sign_up("ada").await;
    app.serve_with(|_| application(&two));
    assert_eq!(app.get_as(&ada, "/greet").await.status, 200);
    for instance in [one, two] {
        instance.stop().await;
    }
}

#[tokio::test]
async fn a_stopped_instance_has_no_connection_to_the_database() {
    let app = TestApp::start().await;
    let holdfast = builder(app.pool()).start().await.unwrap();
    let connections = async || {
        sqlx::query_scalar::<_, i64>(
            "select count(*) from pg_stat_activity
             where datname = current_database() and application_name like 'holdfast%'",
        )
        .fetch_one(app.pool())
        .await
        .unwrap()
    };
    assert_ne!(connections().await, 0);
    holdfast.stop().await;
    // Postgres ends a process a moment after its client has closed the connection.
    for _ in 0..200 {
        if connections().await == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{} connections are left", connections().await);
}

#[tokio::test]
async fn a_wrong_setting_is_named_before_anything_starts() {
    // Nothing listens here.
    let nowhere = PgPool::connect_lazy("postgres://holdfast@127.0.0.1:1/holdfast").unwrap();
    let error = builder(&nowhere).issuer("http://shop.example").start();
    let error = error.await.unwrap_err().to_string();
    assert!(
        error.contains("`issuer` is wrong: it must be https"),
        "{error}"
    );
    let error = builder(&nowhere).start().await.unwrap_err().to_string();
    assert!(!error.contains("is wrong"), "{error}");
}

#[tokio::test]
async fn tables_of_an_earlier_version_are_named_if_the_application_does_not_migrate() {
    let app = TestApp::start().await;
    sqlx::query(
        "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)",
    )
    .execute(app.pool())
    .await
    .unwrap();
    let started = builder(app.pool()).without_migrations().start().await;
    let error = started.unwrap_err().to_string();
    assert!(
        error.contains("Migrate them with `holdfast migrate`"),
        "{error}"
    );
}
