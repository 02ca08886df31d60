//! The address that the server keeps for a client behind proxies.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::{HeaderName, Method};
use holdfast_protocol::wire::{SessionList, paths};
use holdfast_server::client_address::Proxies;
use serde_json::json;

use crate::support::{PASSWORD, TestApp, json_request};

/// Signs up through this peer with this header, and returns the address that the list of
/// sessions shows.
async fn address_shown(app: &TestApp, username: &str, peer: [u8; 4], forwarded: &str) -> String {
    let body = json!({"username": username, "password": PASSWORD});
    let mut request = json_request(Method::POST, paths::SIGNUP, &body);
    let peer = SocketAddr::from((peer, 4711));
    request.extensions_mut().insert(ConnectInfo(peer));
    let headers = request.headers_mut();
    headers.insert("x-forwarded-for", forwarded.parse().unwrap());
    let tokens = app.send(request).await.tokens(201);
    let sessions: SessionList = app.get_as(&tokens, paths::SESSIONS).await.json();
    sessions.sessions[0].ip.clone().unwrap()
}

#[tokio::test]
async fn the_address_is_the_one_that_a_trusted_proxy_wrote() {
    let app = TestApp::with(|config| {
        let networks = vec!["10.0.0.0/8".parse().unwrap()];
        config.proxies = Proxies::new(networks, HeaderName::from_static("x-forwarded-for"));
    })
    .await;
    let list = "6.6.6.6, [2001:db8::1]:4711, 10.0.0.2:80";
    assert_eq!(
        address_shown(&app, "ada", [10, 0, 0, 1], list).await,
        "2001:db8::1"
    );
    let stranger = [198, 51, 100, 1];
    assert_eq!(
        address_shown(&app, "bob", stranger, list).await,
        "198.51.100.1"
    );
}

#[tokio::test]
async fn a_forgotten_proxy_is_counted_and_its_header_is_ignored() {
    let app = TestApp::start().await;
    assert_eq!(
        address_shown(&app, "ada", [10, 0, 0, 1], "6.6.6.6").await,
        "10.0.0.1"
    );
    let counted = crate::metrics::counted(&app).await;
    let line = "holdfast_requests_through_unknown_proxies_total 1";
    assert!(counted.lines().any(|l| l == line), "{counted}");
}
