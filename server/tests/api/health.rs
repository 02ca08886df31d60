//! `/healthz`, `/readyz` and the public keys.

use axum::body::Body;
use axum::http::Request;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;
use serde_json::Value;

use crate::support::{Answer, TestApp};

async fn get(app: &TestApp, path: &str) -> Answer {
    app.send(Request::builder().uri(path).body(Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn a_server_with_a_migrated_database_is_ready() {
    let app = TestApp::start().await;
    assert_eq!(get(&app, paths::HEALTHZ).await.status, 200);
    assert_eq!(get(&app, paths::READYZ).await.status, 200);
}

#[tokio::test]
async fn a_server_whose_database_is_away_is_alive_but_not_ready() {
    let app = TestApp::start().await;
    app.state.pool.close().await;
    assert_eq!(get(&app, paths::HEALTHZ).await.status, 200);
    get(&app, paths::READYZ)
        .await
        .is(Code::TemporarilyUnavailable);
}

#[tokio::test]
async fn a_server_that_was_told_to_stop_is_not_ready_and_still_answers() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    app.state.stopping.tell();
    let ready = get(&app, paths::READYZ).await;
    ready.is(Code::TemporarilyUnavailable);
    assert_eq!(get(&app, paths::HEALTHZ).await.status, 200);
    app.renew(&tokens).await;
}

#[tokio::test]
async fn a_database_that_lacks_a_migration_is_not_ready() {
    let app = TestApp::start().await;
    sqlx::query(
        "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)",
    )
    .execute(app.pool())
    .await
    .unwrap();
    get(&app, paths::READYZ)
        .await
        .is(Code::TemporarilyUnavailable);
}

#[tokio::test]
async fn the_public_keys_verify_an_access_token() {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation};

    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let answer = get(&app, paths::JWKS).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
    let keys: JwkSet = answer.json();
    let token = tokens.access_token.expose();
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[crate::support::ISSUER]);
    validation.set_issuer(&[crate::support::ISSUER]);
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)
        .unwrap()
        .claims;
    assert_eq!(claims["sid"], tokens.session_id.to_string());
    let mut names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(
        names,
        ["aud", "client_id", "exp", "iat", "iss", "jti", "sid", "sub"]
    );
}
