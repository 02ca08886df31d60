//! `/healthz`, `/readyz` and the public keys.

use axum::body::Body;
use axum::http::Request;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;
use holdfast_server::database_facts::DatabaseFacts;
use holdfast_server::endings::EndedSessions;
use holdfast_server::store;
use holdfast_server::store::database::InstanceFacts;
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
async fn when_the_database_goes_away_every_server_stays_ready_at_first() {
    let app = TestApp::start().await;
    app.state.pool.close().await;
    assert_eq!(get(&app, paths::HEALTHZ).await.status, 200);
    assert_eq!(get(&app, paths::READYZ).await.text(), "ready\n");
    assert_eq!(get(&app, "/readyz?strict").await.status, 200);
}

#[tokio::test]
async fn a_server_that_has_never_read_the_endings_is_alive_but_not_ready() {
    let mut app = TestApp::start().await;
    app.replace_ended(EndedSessions::new(app.state.config.access_token_ttl));
    assert_eq!(get(&app, paths::HEALTHZ).await.status, 200);
    get(&app, paths::READYZ)
        .await
        .is(Code::TemporarilyUnavailable);
    app.reader().read().await.unwrap();
    assert_eq!(get(&app, paths::READYZ).await.status, 200);
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
    let mut app = TestApp::start().await;
    app.replace_ended(EndedSessions::new(app.state.config.access_token_ttl));
    sqlx::query(
        "delete from holdfast_migrations
         where version = (select max(version) from holdfast_migrations)",
    )
    .execute(app.pool())
    .await
    .unwrap();
    assert!(app.reader().read().await.is_err());
    get(&app, paths::READYZ)
        .await
        .is(Code::TemporarilyUnavailable);
}

#[tokio::test]
async fn an_instance_with_another_issuer_is_not_ready_unless_it_names_the_one_before() {
    let mut app = TestApp::start().await;
    let arrive = async |issuer: &str, previous: &[&str]| {
        let told = InstanceFacts {
            issuer: Some(issuer.to_owned()),
            replaces: previous.iter().map(|&issuer| issuer.to_owned()).collect(),
            longest_session_seconds: 1,
        };
        let mut connection = app.state.pool.acquire().await.unwrap();
        let stored = store::database::arrive(&mut connection, &told).await;
        DatabaseFacts::new(stored.unwrap(), &told, app.state.clock.clone()).unwrap()
    };
    assert_eq!(arrive("https://a.example", &[]).await.other_issuer(), None);
    let differs = arrive("https://b.example", &[]).await;
    assert_eq!(differs.other_issuer(), Some("https://a.example"));
    let named = arrive("https://b.example", &["https://a.example"]).await;
    assert_eq!(named.other_issuer(), None);
    assert_eq!(arrive("https://b.example", &[]).await.other_issuer(), None);
    app.replace_database(differs);
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
