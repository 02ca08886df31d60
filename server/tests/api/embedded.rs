//! Holdfast inside an application that has a state, routes and a pool of its own.

use std::sync::Arc;
use std::time::Duration;

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

use crate::guide;
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
    // So do the answers of the router.
    let wrong_method = app.call_as(&ada, Method::PUT, "/greet", None).await;
    wrong_method.is(Code::MethodNotAllowed);
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

    let refused = guide::add_line(&app, None, "Milk").await;
    refused.is(Code::AccessTokenMissing);
    let token = ada.access_token.expose();
    let note: Note = guide::add_line(&app, Some(token), "Milk").await.json();
    assert_eq!(note.text, "Milk\n");
    holdfast.stop().await;
}

#[tokio::test]
async fn a_token_of_one_instance_is_valid_in_another_one_with_the_same_secret() {
    let mut app = TestApp::start().await;
    let secret = MasterSecret::generate();
    let start = async || own::start(app.pool(), secret.clone()).await.unwrap();
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
    let mut app = TestApp::start().await;
    let holdfast = builder(app.pool()).start().await.unwrap();
    let pool = app.pool().clone();
    let connections = async || {
        sqlx::query_scalar::<_, i64>(
            "select count(*) from pg_stat_activity
             where datname = current_database() and application_name like 'holdfast%'",
        )
        .fetch_one(&pool)
        .await
        .unwrap()
    };
    app.serve_with(|_| application(&holdfast));
    app.sign_up("ada").await;
    // What counts wrong passwords has a connection of its own.
    app.try_log_in("ada", "a wrong password").await;
    assert_ne!(connections().await, 0);
    holdfast.stop().await;
    holdfast.stop().await;
    // Postgres ends a process a moment after its client has closed the connection.
    for _ in 0..200 {
        if connections().await == 0 {
            let failures: i64 = sqlx::query_scalar("select count(*) from sign_in_failures")
                .fetch_one(&pool)
                .await
                .unwrap();
            assert_ne!(failures, 0, "the wrong password was forgotten");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} connections are left", connections().await);
}

#[tokio::test]
async fn a_wrong_setting_is_named_before_anything_starts() {
    // Nothing listens here.
    let nowhere = PgPool::connect_lazy("postgres://holdfast:hunter2@127.0.0.1:1/holdfast").unwrap();
    let refused = async |builder: Builder| builder.start().await.unwrap_err().to_string();

    let error = refused(builder(&nowhere).issuer("http://shop.example")).await;
    assert!(
        error.contains("`issuer` is wrong: it must be https"),
        "{error}"
    );
    let error = refused(Holdfast::builder(&nowhere, MasterSecret::generate())).await;
    assert!(error.contains("`issuer` is missing"), "{error}");
    let error = refused(builder(&nowhere).sessions_per_account(0)).await;
    assert!(error.contains("0 is not from 1 to 10000"), "{error}");
    let shown = format!("{:?}", builder(&nowhere));
    assert!(
        shown.contains("shop.example") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[tokio::test]
async fn an_instance_that_the_others_would_refuse_does_not_start() {
    let app = TestApp::start().await;
    let secret = MasterSecret::generate();
    let first = own::start(app.pool(), secret.clone()).await.unwrap();
    let refused = async |builder: Builder| builder.start().await.unwrap_err().to_string();

    let other_issuer = Holdfast::builder(app.pool(), secret.clone()).issuer("https://b.example");
    let error = refused(other_issuer.clone()).await;
    assert!(
        error.contains("have the issuer https://shop.example"),
        "{error}"
    );
    // An instance to which the issuer changes says so.
    let changed = other_issuer.previous_issuer("https://shop.example");
    let second = changed.start().await.unwrap();

    let error = refused(builder(app.pool()).previous_issuer("https://b.example")).await;
    assert!(error.contains("secret"), "{error}");
    for instance in [first, second] {
        instance.stop().await;
    }
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

#[tokio::test]
async fn the_migrations_of_another_application_are_left_alone() {
    let app = TestApp::start().await;
    let change = "update _sqlx_migrations set checksum = '\\x00', description = 'shops'
                  where version = (select min(version) from _sqlx_migrations)";
    sqlx::query(change).execute(app.pool()).await.unwrap();
    let error = builder(app.pool()).start().await.unwrap_err().to_string();
    assert!(error.contains("belongs to another application"), "{error}");
}

#[tokio::test]
async fn a_migration_waits_for_a_lock() {
    let app = TestApp::start().await;
    let last = "delete from _sqlx_migrations
                where version = (select max(version) from _sqlx_migrations)";
    sqlx::query(last).execute(app.pool()).await.unwrap();
    let mut holder = app.pool().begin().await.unwrap();
    sqlx::query("lock table _sqlx_migrations in access exclusive mode")
        .execute(&mut *holder)
        .await
        .unwrap();
    let mut starting = Box::pin(builder(app.pool()).start());
    // A migration gives up after a second, and is tried again.
    let early = tokio::time::timeout(Duration::from_secs(3), &mut starting).await;
    assert!(early.is_err(), "it did not wait: {early:?}");
    holder.rollback().await.unwrap();
    starting.await.unwrap().stop().await;
}
