//! The server that is measured.

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::serve::ListenerExt as _;
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

/// One of the places of the handler.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On bare axum.
    Bare,
    /// On bare axum, with the headers of Holdfast's answers.
    WithHeaders,
    /// The same on the connections of Holdfast, which have limits for slow clients.
    WithLimits,
    /// As an open route of Holdfast.
    Open,
    /// As a protected route of Holdfast.
    Protected,
}

impl Place {
    /// All of them. Each adds something to the one before.
    pub(crate) const ALL: [Self; 5] = [
        Self::Bare,
        Self::WithHeaders,
        Self::WithLimits,
        Self::Open,
        Self::Protected,
    ];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Bare => "/bench/bare",
            Self::WithHeaders | Self::WithLimits => "/bench/with-headers",
            Self::Open => "/bench/open",
            Self::Protected => "/bench/protected",
        }
    }
}

/// What the server says once it listens.
#[derive(Serialize, Deserialize)]
pub(crate) struct Served {
    bare: SocketAddr,
    with_limits: SocketAddr,
    holdfast: SocketAddr,
    pub(crate) access_token: String,
}

impl Served {
    /// The address of the server that has the handler in this place.
    pub(crate) fn address(&self, place: Place) -> SocketAddr {
        match place {
            Place::Bare | Place::WithHeaders => self.bare,
            Place::WithLimits => self.with_limits,
            Place::Open | Place::Protected => self.holdfast,
        }
    }
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
    let request = Request::get(Place::Open.path())
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
        .route(Place::Open.path(), get(open))
        .route(Place::Protected.path(), get(protected));
    let additions = Additions {
        routes,
        ..Additions::default()
    };
    let service = router_with(app.state.clone(), additions);
    let headers = headers_of(service.clone()).await?;
    let with_headers = async move || {
        let mut response = open().await.into_response();
        response.headers_mut().extend(headers.clone());
        response
    };
    let router = Router::new()
        .route(Place::Bare.path(), get(open))
        .route(Place::WithHeaders.path(), get(with_headers));
    let bare = TcpListener::bind("127.0.0.1:0").await?;
    let served = Served {
        bare: bare.local_addr()?,
        with_limits: on_connections_of_holdfast(router.clone()).await?,
        holdfast: on_connections_of_holdfast(service).await?,
        access_token: tokens.access_token.expose().to_owned(),
    };
    // As on the connections of Holdfast: an answer does not wait for the next one.
    let bare = bare.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(bare, router).await });
    println!("{}", serde_json::to_string(&served)?);
    let until_the_end = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(until_the_end).await??;
    Ok(())
}

/// Serves as `holdfast serve` does, and returns the address.
async fn on_connections_of_holdfast(service: Router) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(connections::serve(
        listener,
        service,
        ConnectionLimits::default(),
        Proxies::default(),
        ConnectionCounts::default(),
        std::future::pending(),
    ));
    Ok(address)
}
