//! The server that is measured.

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use holdfast_server::additions::Additions;
use holdfast_server::client_address::Proxies;
use holdfast_server::connections::{self, ConnectionLimits};
use holdfast_server::http::CurrentAccount;
use holdfast_server::metrics::ConnectionCounts;
use holdfast_server::router_with;
use holdfast_testkit::app::TestApp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

/// Where the handler is on bare axum, there with the headers of Holdfast's answers, as an open and as
/// a protected route of Holdfast.
pub(crate) const PATHS: [&str; 4] = [
    "/bench/bare",
    "/bench/with-headers",
    "/bench/open",
    "/bench/protected",
];

/// What the server says once it listens.
#[derive(Serialize, Deserialize)]
pub(crate) struct Served {
    pub(crate) bare: SocketAddr,
    pub(crate) holdfast: SocketAddr,
    pub(crate) access_token: String,
}

/// What the handler answers.
pub(crate) const BODY: &str = r#"{"answer":42}"#;

async fn open() -> Json<Value> {
    Json(json!({ "answer": 42 }))
}

async fn protected(_: CurrentAccount) -> Json<Value> {
    open().await
}

/// What Holdfast adds to the answer of the open route.
async fn headers_of(service: Router) -> anyhow::Result<HeaderMap> {
    // The header of a protected call is sent to the open route, too.
    let request = Request::get(PATHS[2])
        .header(header::HOST, "bench")
        .header(header::AUTHORIZATION, "Bearer");
    let response = service.oneshot(request.body(Body::empty())?).await?;
    let mut headers = response.headers().clone();
    for own in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        headers.remove(own);
    }
    Ok(headers)
}

/// Serves until its input ends.
pub(crate) fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve())
}

async fn serve() -> anyhow::Result<()> {
    // One access token lasts for the whole run.
    let app = TestApp::with(|config| config.access_token_ttl = Duration::from_secs(3600)).await;
    let tokens = app.sign_up("bench").await;
    let routes = Router::new()
        .route(PATHS[2], get(open))
        .route(PATHS[3], get(protected));
    let additions = Additions {
        routes,
        ..Additions::default()
    };
    let service = router_with(app.state.clone(), additions);
    let headers = headers_of(service.clone()).await?;
    let holdfast = TcpListener::bind("127.0.0.1:0").await?;
    let bare = TcpListener::bind("127.0.0.1:0").await?;
    let served = Served {
        bare: bare.local_addr()?,
        holdfast: holdfast.local_addr()?,
        access_token: tokens.access_token.expose().to_owned(),
    };
    tokio::spawn(connections::serve(
        holdfast,
        service,
        ConnectionLimits::default(),
        Proxies::default(),
        ConnectionCounts::default(),
        std::future::pending(),
    ));
    let with_headers = async move || {
        let mut response = open().await.into_response();
        response.headers_mut().extend(headers.clone());
        response
    };
    let router = Router::new()
        .route(PATHS[0], get(open))
        .route(PATHS[1], get(with_headers));
    tokio::spawn(async move { axum::serve(bare, router).await });
    println!("{}", serde_json::to_string(&served)?);
    let until_the_end = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(until_the_end).await??;
    Ok(())
}
