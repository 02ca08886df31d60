//! An application serves Holdfast as `holdfast serve` does, with public functions only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use holdfast_protocol::wire::paths;
use holdfast_server::Holdfast;
use holdfast_server::builder::Builder;
use holdfast_server::config::MasterSecret;
use holdfast_server::hooks::Hooks;
use holdfast_server::serving::{ConnectionLimits, listen};
use holdfast_testkit::{Fleet, Pooler, until};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

use crate::support::TestApp;

fn builder(pool: &PgPool) -> Builder {
    Holdfast::builder(pool, MasterSecret::generate()).issuer("https://shop.example")
}

fn any_port() -> TcpListener {
    listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

/// A connection that has sent this request.
async fn asking(address: SocketAddr, path: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

/// The whole answer.
async fn answer(mut connection: TcpStream) -> String {
    let mut received = Vec::new();
    connection.read_to_end(&mut received).await.unwrap();
    String::from_utf8(received).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_answers_the_requests_under_way_before_it_stops() {
    let app = TestApp::start().await;
    let holdfast = builder(app.pool()).start().await.unwrap();
    let (arrived, later) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let answer_later = {
        let (arrived, later) = (Arc::clone(&arrived), Arc::clone(&later));
        let pool = holdfast.pool.clone();
        async move || {
            arrived.notify_one();
            later.notified().await;
            // The instance still works for a request that is under way.
            let works = pool.acquire().await.is_ok();
            if works { "later" } else { "too late" }
        }
    };
    let own = Router::new().route("/later", get(answer_later));
    let application = own.merge(holdfast.routes());
    let metrics = holdfast.serve_metrics(any_port()).unwrap();
    let listener = any_port();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = tokio::spawn({
        let holdfast = holdfast.clone();
        async move {
            let stopped = async { drop(stopped.await) };
            let limits = ConnectionLimits::default();
            holdfast.serve(listener, application, limits, stopped).await
        }
    });
    let ready = answer(asking(address, paths::READYZ).await).await;
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    // The connection of this request is on another listener, which does not count.
    let counted = async || {
        let counters = answer(asking(metrics, "/metrics").await).await;
        counters.contains("holdfast_connections 0")
    };
    until("no client is connected", Duration::from_secs(60), counted).await;

    let under_way = asking(address, "/later").await;
    arrived.notified().await;
    stop.send(()).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    // An instance that does not wait releases its connections at once.
    let waits = tokio::time::timeout(Duration::from_secs(1), &mut serving).await;
    assert!(waits.is_err(), "a request is under way");
    later.notify_one();
    let answered = answer(under_way).await;
    assert!(answered.ends_with("later"), "{answered}");
    serving.await.unwrap().unwrap();
    // The instance has stopped: its work in the background, and its connections.
    assert!(TcpStream::connect(metrics).await.is_err());
    assert!(holdfast.pool.acquire().await.is_err());
}

#[tokio::test]
async fn an_instance_beside_others_with_another_issuer_starts_unready() {
    let app = TestApp::start().await;
    let secret = MasterSecret::generate();
    let of = |issuer: &str| Holdfast::builder(app.pool(), secret.clone()).issuer(issuer);
    let first = of("https://shop.example").start().await.unwrap();
    let second = of("https://b.example").start_unready().await.unwrap();
    assert_eq!(first.secret_fingerprint(), second.secret_fingerprint());
    let mut asked = TestApp::start().await;
    for (instance, status) in [(&first, 200), (&second, 503)] {
        asked.serve_with(|_| instance.routes());
        let ready = Request::get(paths::READYZ).body(Body::empty());
        assert_eq!(asked.send(ready.unwrap()).await.status, status);
    }
    for instance in [first, second] {
        instance.stop().await;
    }
}

#[tokio::test]
async fn behind_a_pooler_an_application_names_the_address_without_it() {
    let options = Fleet::unmigrated_database().await;
    let pooler = Pooler::before(&options).await;
    let pool = PgPool::connect_lazy(pooler.url()).unwrap();
    let holdfast = builder(&pool).direct_database(options).start().await;
    holdfast.unwrap().stop().await;

    let other = Fleet::unmigrated_database().await;
    let error = builder(&pool).direct_database(other.clone()).start().await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("lead to two databases"), "{error}");
    assert!(error.contains("`Builder::direct_database`"), "{error}");
    // It has made no tables in the other database.
    let other = PgPoolOptions::new().connect_lazy_with(other);
    let tables = "select count(*) from pg_tables where schemaname = 'holdfast'";
    let tables: i64 = sqlx::query_scalar(tables).fetch_one(&other).await.unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn hooks_that_are_set_twice_stop_the_start() {
    struct Nothing;

    impl Hooks for Nothing {}

    let app = TestApp::start().await;
    let twice = builder(app.pool()).hooks(Nothing).hooks(Nothing);
    let error = twice.start().await.unwrap_err().to_string();
    assert!(error.contains("The hooks are set twice"), "{error}");
}
