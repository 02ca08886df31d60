//! Holdfast inside an application that has a state, routes and a pool of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::{Method, Request, StatusCode, header};
use axum::routing::get;
use holdfast_client::host::caller;
use holdfast_client::{CallError, SessionClient};
use holdfast_protocol::problem::{Code, Meaning, Problem};
use holdfast_protocol::wire::paths;
use holdfast_server::builder::Builder;
use holdfast_server::clock::Clock;
use holdfast_server::config::MasterSecret;
use holdfast_server::error::ApiError;
use holdfast_server::file_and_error_handler;
use holdfast_server::hooks::{Hooks, OpenedAccount};
use holdfast_server::random;
use holdfast_server::state::Holdfast;
use holdfast_server::store::{MIGRATOR, Schema};
use holdfast_testkit::{Fleet, Pooler};
use leptos::prelude::*;
use leptos_router::components::{Route, Router as Pages, Routes};
use leptos_router::path;
use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::guide;
use crate::guide::note::{Note, Notes};
use crate::guide::own::{self, Shop};
use crate::support::{PASSWORD, TestApp};

fn builder(pool: &PgPool) -> Builder {
    Holdfast::builder(pool, MasterSecret::generate()).issuer("https://shop.example")
}

/// An application with routes and a server function.
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
async fn an_unknown_address_of_the_api_is_a_problem_and_all_others_are_the_applications() {
    let mut app = TestApp::start().await;
    let holdfast = builder(app.pool()).start().await.unwrap();
    let own = Router::new()
        .route("/api/v1/notes", get(|| async { "The notes" }))
        .route("/api/v1/notes/{note}", get(|| async { "A note" }))
        .route("/oauth/{provider}", get(|| async { "A provider" }))
        .route(paths::OPENAPI, get(|| async { "A document of its own" }));
    app.serve_with(|_| {
        let page = || async { (StatusCode::NOT_FOUND, "There is no such page.") };
        let with_holdfast = own.merge(holdfast.routes::<()>());
        with_holdfast.fallback(page)
    });
    for (method, path) in [
        (Method::GET, "/api/v1/logn"),
        (Method::POST, "/api/v1/account/nothing/here"),
        (Method::PATCH, "/api/v1/notes/of/ada"),
    ] {
        let answer = app.send(to(method, path)).await;
        answer.is(Code::NotFound);
    }
    for (path, text) in [
        ("/api/v1/notes", "The notes"),
        ("/api/v1/notes/7", "A note"),
        ("/oauth/github", "A provider"),
        (paths::OPENAPI, "A document of its own"),
        ("/api/v2/logn", "There is no such page."),
        ("/logn", "There is no such page."),
    ] {
        assert_eq!(app.send(to(Method::GET, path)).await.text(), text);
    }
    for (path, allowed) in [
        (paths::LOGIN, "POST"),
        (paths::ACCOUNT, "GET,HEAD,DELETE"),
        (paths::READYZ, "GET,HEAD"),
    ] {
        let answer = app.send(to(Method::PATCH, path)).await;
        answer.is(Code::MethodNotAllowed);
        assert_eq!(answer.header("allow"), allowed, "{path}");
    }
    holdfast.stop().await;
}

#[tokio::test]
async fn routes_of_the_application_at_an_address_of_holdfast_stop_the_start() {
    let app = TestApp::start().await;
    let holdfast = builder(app.pool()).start().await.unwrap();
    let panic_of = |path: &str| {
        let own = Router::new().route(path, get(|| async {}).post(|| async {}));
        let merging = || own.clone().merge(holdfast.routes::<()>());
        let merged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(merging));
        *merged.unwrap_err().downcast::<String>().unwrap()
    };
    // One route, and a whole part of the addresses.
    let panic = panic_of(paths::LOGIN);
    assert!(
        panic.contains("`POST /api/v1/login` already exists"),
        "{panic}"
    );
    let panic = panic_of("/api/v1/{tenant}");
    assert!(
        panic.contains("\"/api/v1/{*address_of_holdfast}\""),
        "{panic}"
    );

    // Below a path of their own, Holdfast's routes are not in the way.
    let own = Router::new().route("/api/v1/{tenant}", get(|| async { "A tenant" }));
    let mut nested = TestApp::start().await;
    nested.serve_with(|_| own.nest("/auth", holdfast.routes()));
    let tenant = nested.send(to(Method::GET, "/api/v1/acme")).await;
    assert_eq!(tenant.text(), "A tenant");
    let body = json!({ "username": "ada", "password": PASSWORD });
    let path = format!("/auth{}", paths::SIGNUP);
    nested.call(Method::POST, &path, &body).await.tokens(201);
    let unknown = nested.send(to(Method::GET, "/auth/api/v1/logn")).await;
    unknown.is(Code::NotFound);
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
    let long = Duration::from_secs(3601);
    let error = refused(builder(&nowhere).access_token_ttl(long)).await;
    assert!(error.contains("`Builder::access_token_ttl`"), "{error}");
    let error = refused(builder(&nowhere).refresh_idle(Duration::from_secs(1))).await;
    assert!(error.contains("`Builder::refresh_idle`"), "{error}");
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
    assert!(error.contains("`Builder::previous_issuer`"), "{error}");
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
        "delete from holdfast_migrations
         where version = (select max(version) from holdfast_migrations)",
    )
    .execute(app.pool())
    .await
    .unwrap();
    let started = builder(app.pool()).without_migrations().start().await;
    let error = started.unwrap_err().to_string();
    assert!(
        error.contains("let a server migrate them at its start"),
        "{error}"
    );
}

#[tokio::test]
async fn a_database_without_tables_is_named_if_the_application_does_not_migrate() {
    let pool = PgPoolOptions::new().connect_lazy_with(Fleet::unmigrated_database().await);
    let started = builder(&pool).without_migrations().start().await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("not in the schema holdfast"), "{error}");
    assert!(
        error.contains("Migrate them with `holdfast migrate`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_pooler_in_front_of_the_database_is_named() {
    let options = Fleet::unmigrated_database().await;
    for pooler in [
        Pooler::before(&options).await,
        Pooler::that_drops_settings(&options).await,
    ] {
        let pool = PgPool::connect_lazy(pooler.url()).unwrap();
        for builder in [builder(&pool), builder(&pool).without_migrations()] {
            let error = builder.start().await.unwrap_err().to_string();
            assert!(error.contains("pooler, such as PgBouncer"), "{error}");
            let remedy = "Set `Builder::direct_database` to the address of Postgres itself";
            assert!(error.contains(remedy), "{error}");
        }
    }
}

#[tokio::test]
#[should_panic(expected = "there is no server function at /api/fn/add_lime")]
async fn a_misspelt_public_function_of_an_application_stops_its_start() {
    let app = TestApp::start().await;
    let holdfast = builder(app.pool()).start().await.unwrap();
    let _: Router = holdfast.server_functions(None, &["/api/fn/add_lime"]);
}

/// An application with tables of its own, whose names are those of Holdfast's tables, and with
/// migrations of its own. Its role finds them in `public`.
async fn database_of_an_application() -> PgPool {
    let options = Fleet::unmigrated_database().await;
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect_with(options.options([("search_path", "public")]))
        .await
        .unwrap();
    for statement in [
        "create table _sqlx_migrations (version bigint primary key, checksum bytea, success boolean)",
        "insert into _sqlx_migrations values (1, '\\x00', true)",
        "create table accounts (name text primary key)",
        "insert into accounts values ('of the application')",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool
}

/// The API of this instance, and nothing else.
async fn serve(holdfast: &Holdfast) -> TestApp {
    let mut app = TestApp::start().await;
    app.serve_with(|_| holdfast.routes());
    app
}

async fn count(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn the_tables_live_beside_those_of_an_application_and_its_tables_may_refer_to_them() {
    let pool = database_of_an_application().await;
    let builder = builder(&pool);
    let holdfast = builder.clone().start().await.unwrap();
    let refers = "create table notes (
        account_id uuid primary key references holdfast.accounts on delete cascade
    )";
    sqlx::query(refers).execute(&pool).await.unwrap();
    let app = serve(&holdfast).await;
    let tokens = app.sign_up("ada").await;
    let insert = "insert into notes select account_id from holdfast.accounts";
    sqlx::query(insert).execute(&pool).await.unwrap();
    assert_eq!(count(&pool, "select count(*) from notes").await, 1);
    let password = json!({ "password": PASSWORD });
    let deleted = app.call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&password));
    assert_eq!(deleted.await.status, 204);
    assert_eq!(count(&pool, "select count(*) from notes").await, 0);
    assert_eq!(count(&pool, "select count(*) from accounts").await, 1);
    assert_eq!(
        count(&pool, "select count(*) from _sqlx_migrations").await,
        1
    );
    holdfast.stop().await;

    // A later start finds them again.
    let again = builder.without_migrations().start().await;
    again.unwrap().stop().await;
}

#[tokio::test]
async fn the_schema_has_another_name_if_the_application_wants_it() {
    let pool = database_of_an_application().await;
    let schema = "sign_in".parse::<Schema>().unwrap();
    let holdfast = builder(&pool).schema(schema).start().await.unwrap();
    serve(&holdfast).await.sign_up("ada").await;
    assert_eq!(
        count(&pool, "select count(*) from sign_in.accounts").await,
        1
    );
    let of_the_default = "select count(*) from pg_namespace where nspname = 'holdfast'";
    assert_eq!(count(&pool, of_the_default).await, 0);
    holdfast.stop().await;
}

#[tokio::test]
async fn a_setting_that_names_another_schema_makes_no_second_set_of_tables() {
    let pool = database_of_an_application().await;
    let builder = builder(&pool);
    builder.clone().start().await.unwrap().stop().await;
    let other = builder.schema("elsewhere".parse().unwrap());
    for builder in [other.clone(), other.without_migrations()] {
        let error = format!("{:#}", builder.start().await.unwrap_err());
        assert!(error.contains("elsewhere"), "{error}");
    }
    let schemas = "select count(*) from pg_namespace where nspname = 'elsewhere'";
    assert_eq!(count(&pool, schemas).await, 0);
}

#[tokio::test]
async fn a_schema_with_tables_of_another_application_is_left_alone() {
    let pool = database_of_an_application().await;
    let public = "public".parse::<Schema>().unwrap();
    let started = builder(&pool).schema(public).start().await;
    let error = started.unwrap_err().to_string();
    assert!(
        error.contains("The schema public has a table accounts that is not one of Holdfast"),
        "{error}"
    );
    assert!(error.contains("with `Builder::schema`"), "{error}");
    let tables = "select count(*) from pg_tables where schemaname in ('public', 'holdfast')";
    assert_eq!(count(&pool, tables).await, 2);
}

#[tokio::test]
async fn a_role_that_may_not_make_a_schema_is_told_what_to_do() {
    let pool = database_of_an_application().await;
    let name = format!("without_rights_{}", random::id(&Clock::system()).simple());
    let create = format!("create role {name} login");
    sqlx::query(sqlx::AssertSqlSafe(create))
        .execute(&pool)
        .await
        .unwrap();
    let options = pool.connect_options().as_ref().clone().username(&name);
    let without_rights = PgPoolOptions::new().connect_lazy_with(options);
    let started = builder(&without_rights).start().await;
    let error = started.unwrap_err().to_string();
    assert!(
        error.contains("create schema holdfast authorization"),
        "{error}"
    );
    // After an operator has done that, it starts.
    for statement in [
        format!("create schema holdfast authorization {name}"),
        format!("grant usage on schema public to {name}"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&pool)
            .await
            .unwrap();
    }
    builder(&without_rights).start().await.unwrap().stop().await;
    for statement in [
        format!("drop owned by {name} cascade"),
        format!("drop role {name}"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&pool)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn tables_of_an_earlier_version_stay_where_the_path_of_the_role_leads() {
    let options = Fleet::unmigrated_database().await;
    let pool = PgPoolOptions::new().connect_lazy_with(options);
    // As earlier versions made them.
    let mut earlier = Migrator::with_migrations(MIGRATOR.iter().take(9).cloned().collect());
    earlier.set_ignore_missing(true);
    earlier.run(&pool).await.unwrap();
    let builder = builder(&pool);
    let holdfast = builder.clone().start().await.unwrap();
    serve(&holdfast).await.sign_up("ada").await;
    holdfast.stop().await;
    assert_eq!(
        count(&pool, "select count(*) from public.accounts").await,
        1
    );
    let schemas = "select count(*) from pg_namespace where nspname = 'holdfast'";
    assert_eq!(count(&pool, schemas).await, 0);
    builder.start().await.unwrap().stop().await;
}

#[tokio::test]
async fn a_migration_waits_for_a_lock() {
    let app = TestApp::start().await;
    // This migration can be applied a second time.
    let one = "delete from holdfast_migrations where version = 24";
    sqlx::query(one).execute(app.pool()).await.unwrap();
    let mut holder = app.pool().begin().await.unwrap();
    sqlx::query("lock table holdfast_migrations in access exclusive mode")
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

/// An application with a table that has a row for each account.
struct Notebooks;

impl Hooks for Notebooks {
    async fn account_opened(
        &self,
        transaction: &mut PgConnection,
        account: OpenedAccount<'_>,
    ) -> Result<(), ApiError> {
        if account.username == "mallory" {
            // This hides an error of a statement.
            let wrong = sqlx::query("insert into public.notebooks values (null)");
            let _ = wrong.execute(transaction).await;
            return Ok(());
        }
        if account.username == "trent" {
            sqlx::query("set search_path = public")
                .execute(transaction)
                .await?;
            return Ok(());
        }
        if account.username == "walter" {
            sqlx::query("insert into notebooks values (null)")
                .execute(&mut *transaction)
                .await?;
        }
        if account.username == "eve" {
            let (status, sentence) = (StatusCode::FORBIDDEN, "Eve may not sign up here.");
            return Err(ApiError::of_application(status, "not_invited", sentence));
        }
        sqlx::query("insert into public.notebooks values ($1, $2)")
            .bind(account.account_id)
            .bind(account.username)
            .execute(transaction)
            .await?;
        Ok(())
    }

    async fn account_is_deleted(
        &self,
        transaction: &mut PgConnection,
        account_id: Uuid,
    ) -> Result<(), ApiError> {
        let deleted = sqlx::query("delete from public.notebooks where id = $1 and not locked")
            .bind(account_id)
            .execute(transaction)
            .await?;
        if deleted.rows_affected() == 1 {
            return Ok(());
        }
        let sentence = "Unlock your notebook first.";
        Err(ApiError::of_application(
            StatusCode::CONFLICT,
            "notebook_locked",
            sentence,
        ))
    }
}

#[tokio::test]
async fn an_application_opens_and_deletes_its_own_rows_in_the_same_transaction() {
    let pool = database_of_an_application().await;
    let table = "create table notebooks (
        id uuid primary key, name text, locked boolean default false
    )";
    sqlx::query(table).execute(&pool).await.unwrap();
    let holdfast = builder(&pool).hooks(Notebooks).start().await.unwrap();
    let app = serve(&holdfast).await;
    let tokens = app.sign_up("ada").await;
    let books = "select count(*) from notebooks where name = 'ada'";
    assert_eq!(count(&pool, books).await, 1);

    // What the application refuses is answered with its own code and status, and nothing is left.
    let body = json!({ "username": "eve", "password": PASSWORD });
    let refused = app.call(Method::POST, paths::SIGNUP, &body).await;
    assert_eq!(refused.status, 403);
    let problem: Problem = refused.json();
    assert_eq!(problem.code.as_str(), "not_invited");
    assert_eq!(problem.code.meaning(), Meaning::Request);
    assert_eq!(problem.status, 403);
    assert_eq!(problem.detail, "Eve may not sign up here.");
    assert!(problem.request_id.is_some());
    assert_eq!(
        count(&pool, "select count(*) from holdfast.accounts").await,
        1
    );

    // So is what a hook has done wrong. The client must not take this for an outage.
    for username in ["mallory", "trent", "walter"] {
        let body = json!({ "username": username, "password": PASSWORD });
        let failed = app.call(Method::POST, paths::SIGNUP, &body).await;
        failed.is(Code::Internal);
    }
    assert_eq!(
        count(&pool, "select count(*) from holdfast.accounts").await,
        1
    );
    // What a hook has set does not stay on the connection.
    app.log_in("ada").await;

    let lock = "update notebooks set locked = true";
    sqlx::query(lock).execute(&pool).await.unwrap();
    let password = json!({ "password": PASSWORD });
    let delete = async || {
        app.call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&password))
            .await
    };
    let refused = delete().await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json::<Problem>().code.as_str(), "notebook_locked");
    // The account stays, and its session goes on.
    assert_eq!(app.get_as(&tokens, paths::ACCOUNT).await.status, 200);

    let unlock = "update notebooks set locked = false";
    sqlx::query(unlock).execute(&pool).await.unwrap();
    assert_eq!(delete().await.status, 204);
    assert_eq!(count(&pool, "select count(*) from notebooks").await, 0);
    assert_eq!(
        count(&pool, "select count(*) from holdfast.accounts").await,
        0
    );
    holdfast.stop().await;
}

#[tokio::test]
async fn a_function_is_a_hook_of_an_opened_account() {
    async fn invite(db: &mut PgConnection, new: OpenedAccount<'_>) -> Result<(), ApiError> {
        if new.username == "eve" {
            let sentence = "Eve may not sign up here.";
            return Err(ApiError::of_application(
                StatusCode::FORBIDDEN,
                "not_invited",
                sentence,
            ));
        }
        sqlx::query("insert into public.notebooks values ($1)")
            .bind(new.account_id)
            .execute(db)
            .await?;
        Ok(())
    }

    let pool = database_of_an_application().await;
    let table = "create table notebooks (id uuid primary key)";
    sqlx::query(table).execute(&pool).await.unwrap();
    let builder = builder(&pool).account_opened(invite);
    let holdfast = builder.start().await.unwrap();
    let app = serve(&holdfast).await;
    let tokens = app.sign_up("ada").await;
    let books = "select count(*) from notebooks join holdfast.accounts on account_id = id";
    assert_eq!(count(&pool, books).await, 1);
    let body = json!({ "username": "eve", "password": PASSWORD });
    let refused = app.call(Method::POST, paths::SIGNUP, &body).await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        count(&pool, "select count(*) from holdfast.accounts").await,
        1
    );
    // A deletion needs no function.
    let password = json!({ "password": PASSWORD });
    let deleted = app.call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&password));
    assert_eq!(deleted.await.status, 204);
    holdfast.stop().await;
}

#[tokio::test]
async fn the_example_adopts_holdfast_beside_its_own_migrations_and_keeps_what_it_had() {
    let options = Fleet::unmigrated_database().await;
    let options = options.options([("search_path", "public")]);
    let pool = PgPoolOptions::new().connect_lazy_with(options);
    let migrations = sqlx::migrate!("../examples/notes/migrations");
    let before = migrations.iter().take(1).cloned().collect();
    Migrator::with_migrations(before).run(&pool).await.unwrap();
    let note = "insert into notes (text) values ('from before')";
    sqlx::query(note).execute(&pool).await.unwrap();

    let holdfast = builder(&pool).start().await.unwrap();
    migrations.run(&pool).await.unwrap();
    let app = serve(&holdfast).await;
    let tokens = app.sign_up("ada").await;
    let note = "insert into notes (text, account_id)
                select 'of ada', account_id from holdfast.accounts";
    sqlx::query(note).execute(&pool).await.unwrap();
    assert_eq!(count(&pool, "select count(*) from notes").await, 2);
    let password = json!({ "password": PASSWORD });
    let deleted = app.call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&password));
    assert_eq!(deleted.await.status, 204);
    let left = "select count(*) from notes where text = 'from before' and account_id is null";
    assert_eq!(count(&pool, left).await, 1);
    assert_eq!(count(&pool, "select count(*) from notes").await, 1);
    holdfast.stop().await;
}

/// The state of an application with pages of its own.
#[derive(Clone)]
struct Gallery {
    leptos_options: LeptosOptions,
    opening_hours: &'static str,
}

impl FromRef<Gallery> for LeptosOptions {
    fn from_ref(gallery: &Gallery) -> Self {
        gallery.leptos_options.clone()
    }
}

/// A server function that uses this state.
#[server(client = SessionClient, prefix = "/api/fn", endpoint = "opening_hours")]
async fn opening_hours() -> Result<String, CallError> {
    let gallery: Gallery = expect_context();
    if gallery.opening_hours.is_empty() {
        let sentence = "The gallery is closed.";
        Err(ApiError::of_application(
            StatusCode::CONFLICT,
            "closed",
            sentence,
        ))?;
    }
    caller()?;
    Ok(gallery.opening_hours.to_owned())
}

#[component]
fn Rooms() -> impl IntoView {
    view! {
        <Pages>
            <Routes fallback=|| "There is no such room.">
                <Route path=path!("/rooms") view=|| "Room 1"/>
            </Routes>
        </Pages>
    }
}

fn document(_: LeptosOptions) -> impl IntoView {
    view! { <html><body><Rooms/></body></html> }
}

#[tokio::test]
async fn the_pages_of_an_application_have_a_policy_and_its_server_functions_a_gate() {
    let mut app = TestApp::start().await;
    let holdfast = builder(app.pool()).start().await.unwrap();
    let pages = |opening_hours| {
        let gallery = Gallery {
            leptos_options: holdfast.leptos.clone(),
            opening_hours,
        };
        Router::new()
            .merge(holdfast.routes())
            .merge(holdfast.leptos_routes(&gallery, Rooms, document))
            .fallback(file_and_error_handler::<Gallery, _>(document))
            .with_state(gallery)
    };
    app.serve_with(|_| pages("from ten"));
    for (path, status, text) in [
        ("/rooms", 200, "Room 1"),
        ("/nowhere", 404, "There is no such room."),
    ] {
        let page = app.send(to(Method::GET, path)).await;
        assert_eq!(page.status, status);
        assert!(page.text().contains(text), "{}", page.text());
        let policy = page.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(policy.contains("script-src 'self' 'nonce-"), "{policy}");
    }

    let call = async |app: &TestApp, bearer: Option<&str>| {
        let mut request = to(Method::POST, "/api/fn/opening_hours");
        if let Some(token) = bearer {
            let value = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let kind = "application/x-www-form-urlencoded".parse().unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        app.send(request).await
    };
    let ada = app.sign_up("ada").await;
    let token = ada.access_token.expose();
    call(&app, None).await.is(Code::AccessTokenMissing);
    let told: String = call(&app, Some(token)).await.json();
    assert_eq!(told, "from ten");

    // An error of the application passes through the server function.
    app.serve_with(|_| pages(""));
    let refused = call(&app, Some(token)).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json::<Problem>().code.as_str(), "closed");
    holdfast.stop().await;
}

#[test]
fn a_code_of_an_application_is_one_that_holdfast_does_not_have() {
    let make = |status, code| {
        let made = std::panic::catch_unwind(|| ApiError::of_application(status, code, ""));
        made.map_err(|panic| {
            panic
                .downcast::<String>()
                .map_or_else(|_| String::new(), |text| *text)
        })
    };
    assert!(make(StatusCode::CONFLICT, "note_too_long").is_ok());
    for (status, code, sentence) in [
        (
            StatusCode::UNAUTHORIZED,
            "session_ended",
            "is one of Holdfast",
        ),
        (StatusCode::CONFLICT, "Too Long", "is not 1 to 30"),
        (StatusCode::OK, "fine", "is not one of an error"),
    ] {
        let error = make(status, code).unwrap_err();
        assert!(error.contains(sentence), "{code}: {error}");
    }
}
