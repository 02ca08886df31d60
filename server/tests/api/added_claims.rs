//! The claims that a hook of an application adds to access tokens.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use axum::routing::get;
use holdfast_client::{CallError, SessionClient};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Tokens, paths};
use holdfast_server::additions::Additions;
use holdfast_server::error::ApiError;
use holdfast_server::hooks::{AddedClaims, Hooks, InstalledHooks, NewAccessToken, OpenedAccount};
use holdfast_server::http::CurrentAccount;
use holdfast_server::router_with;
use holdfast_server::server_functions::to_function_error;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::support::queries::QueryCount;
use crate::support::{Answer, PASSWORD, TestApp, new_key, refresh_request};

const ANOTHER: &str = "seven lanterns under the bridge";

/// What the hook answers: claims, or nothing, and then it fails.
#[derive(Clone, Default)]
struct Members {
    claims: Arc<Mutex<Option<Value>>>,
    asked: Arc<Mutex<Vec<NewAccessToken>>>,
}

impl Members {
    fn answer(&self, claims: Value) {
        *self.claims.lock().unwrap() = Some(claims);
    }

    fn fail(&self) {
        *self.claims.lock().unwrap() = None;
    }

    fn last_asked(&self) -> NewAccessToken {
        *self.asked.lock().unwrap().last().unwrap()
    }
}

impl Hooks for Members {
    async fn access_token_claims(&self, token: NewAccessToken) -> anyhow::Result<AddedClaims> {
        self.asked.lock().unwrap().push(token);
        let claims = self.claims.lock().unwrap().clone();
        let claims = claims.ok_or_else(|| anyhow::anyhow!("the members cannot be read"))?;
        Ok(AddedClaims::new(&claims)?)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Membership {
    role: String,
}

async fn role(current: CurrentAccount) -> Result<String, ApiError> {
    current.claims::<Membership>().map(|member| member.role)
}

#[server(client = SessionClient, prefix = "/api/fn", endpoint = "test/role", input = GetUrl)]
async fn role_in_a_function() -> Result<String, CallError> {
    let current = use_context::<CurrentAccount>().ok_or(CallError::SignedOut)?;
    let member = current.claims::<Membership>().map_err(to_function_error)?;
    Ok(member.role)
}

const ROLE: &str = "/api/v1/role";
const ROLE_IN_A_FUNCTION: &str = "/api/fn/test/role";

/// An application with this hook, and with a route that reads the claims.
async fn start(hooks: impl Hooks) -> TestApp {
    let mut app = TestApp::start().await;
    app.change(|instance| instance.hooks = InstalledHooks::new(hooks));
    app.serve_with(|state| {
        let additions = Additions {
            routes: Router::new().route(ROLE, get(role)),
            ..Additions::default()
        };
        router_with(state, additions)
    });
    app
}

async fn start_with_role(name: &str) -> (TestApp, Members) {
    let members = Members::default();
    members.answer(json!({ "role": name }));
    (start(members.clone()).await, members)
}

async fn refresh_plainly(app: &TestApp, refresh_token: &str) -> Answer {
    let form = format!("grant_type=refresh_token&refresh_token={refresh_token}");
    let request = Request::builder()
        .method(Method::POST)
        .uri(paths::OAUTH_TOKEN)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    app.send(request.body(Body::from(form)).unwrap()).await
}

async fn change_password(app: &TestApp, tokens: &Tokens) -> Answer {
    let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
    app.call_as(tokens, Method::PUT, paths::PASSWORD, Some(&body))
        .await
}

async fn count(app: &TestApp, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn every_access_token_has_the_claims_and_a_handler_reads_them() {
    let (app, members) = start_with_role("reader").await;
    let role_of = async |tokens: &Tokens| app.get_as(tokens, ROLE).await.text();

    let signed_up = app.sign_up("ada").await;
    assert!(members.last_asked().is_sign_up);
    assert_eq!(members.last_asked().account_id, signed_up.account_id);
    assert_eq!(members.last_asked().session_id, signed_up.session_id);
    // The second call finds the token among those that were verified already.
    for _ in 0..2 {
        assert_eq!(role_of(&signed_up).await, "reader");
    }
    let in_a_function = app.get_as(&signed_up, ROLE_IN_A_FUNCTION).await;
    assert_eq!(in_a_function.json::<String>(), "reader");

    members.answer(json!({ "role": "editor" }));
    // The claims stay as they are until the next token.
    assert_eq!(role_of(&signed_up).await, "reader");
    let renewed = app.renew(&signed_up).await;
    assert_eq!(role_of(&renewed).await, "editor");
    assert!(!members.last_asked().is_sign_up);
    assert_eq!(members.last_asked().session_id, signed_up.session_id);

    let signed_in = app.log_in("ada").await;
    assert_eq!(role_of(&signed_in).await, "editor");
    assert_eq!(members.last_asked().session_id, signed_in.session_id);
    let plain = refresh_plainly(&app, signed_in.refresh_token.expose()).await;
    let access_token = plain.json::<Value>()["access_token"]
        .as_str()
        .unwrap()
        .into();
    let plain = Tokens {
        access_token,
        ..signed_in
    };
    assert_eq!(role_of(&plain).await, "editor");

    let changed = change_password(&app, &renewed).await.tokens(200);
    assert_eq!(role_of(&changed).await, "editor");
    assert_eq!(members.last_asked().session_id, changed.session_id);
    assert_eq!(members.last_asked().account_id, signed_up.account_id);
}

#[tokio::test]
async fn a_token_without_the_claims_that_a_handler_needs_is_renewed() {
    let (app, members) = start_with_role("reader").await;
    // As an instance without the hook, and one with an older form of the claims, make it.
    for claims in [json!({}), json!({ "role": 7 })] {
        members.answer(claims);
        let tokens = match app.try_log_in("ada", PASSWORD).await {
            answer if answer.status == 200 => answer.tokens(200),
            _ => app.sign_up("ada").await,
        };
        app.get_as(&tokens, ROLE).await.is(Code::AccessTokenInvalid);
        assert!(app.accepts(&tokens).await);
    }
}

#[tokio::test]
async fn a_refresh_whose_hook_fails_can_be_repeated() {
    let (app, members) = start_with_role("reader").await;
    let tokens = app.sign_up("ada").await;
    let key = new_key();
    members.fail();
    for _ in 0..2 {
        let failed = app.refresh(&tokens, &key).await;
        failed.is(Code::TemporarilyUnavailable);
        assert_eq!(failed.header("retry-after"), "2");
        assert!(!failed.text().contains("members"), "{}", failed.text());
        // The outage of the application may take a while.
        app.let_pass(tokens.session_id, 3600).await;
    }
    members.answer(json!({ "role": "editor" }));
    let renewed = app.refresh(&tokens, &key).await.tokens(200);
    assert_eq!(app.get_as(&renewed, ROLE).await.text(), "editor");
    app.renew(&renewed).await;
}

#[tokio::test]
async fn a_refresh_without_an_attempt_key_changes_nothing_if_the_hook_fails() {
    let (app, members) = start_with_role("reader").await;
    let tokens = app.sign_up("ada").await;
    let refresh_token = tokens.refresh_token.expose();
    let before = app.row(tokens.session_id).await;
    members.fail();
    let failed = refresh_plainly(&app, refresh_token).await;
    failed.is(Code::TemporarilyUnavailable);
    let failed = app.send(refresh_request(refresh_token, None)).await;
    failed.is(Code::TemporarilyUnavailable);
    assert_eq!(app.row(tokens.session_id).await, before);
    app.let_pass(tokens.session_id, 3600).await;

    members.answer(json!({ "role": "editor" }));
    let renewed = refresh_plainly(&app, refresh_token).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());

    // A spent token ends the session, also while the hook fails.
    members.fail();
    app.let_pass(tokens.session_id, 3600).await;
    let reused = app.send(refresh_request(refresh_token, None)).await;
    reused.is(Code::RefreshTokenReused);
    assert!(!app.is_alive(tokens.session_id).await);
}

#[tokio::test]
async fn nothing_is_opened_or_changed_if_the_hook_fails() {
    let (app, members) = start_with_role("reader").await;
    let tokens = app.sign_up("ada").await;
    members.fail();
    let body = json!({ "username": "eve", "password": PASSWORD });
    let signed_up = app.call(Method::POST, paths::SIGNUP, &body).await;
    let signed_in = app.try_log_in("ada", PASSWORD).await;
    let changed = change_password(&app, &tokens).await;
    for failed in [signed_up, signed_in, changed] {
        failed.is(Code::TemporarilyUnavailable);
    }
    assert_eq!(count(&app, "select count(*) from accounts").await, 1);
    assert_eq!(count(&app, "select count(*) from sessions").await, 1);
    members.answer(json!({ "role": "reader" }));
    app.call(Method::POST, paths::SIGNUP, &body)
        .await
        .tokens(201);
    app.log_in("ada").await;
    change_password(&app, &tokens).await.tokens(200);
}

#[tokio::test]
async fn a_hook_cannot_replace_a_claim_of_holdfast_or_add_too_much() {
    let (app, members) = start_with_role("reader").await;
    let tokens = app.sign_up("ada").await;
    let (key, before) = (new_key(), app.get_as(&tokens, ROLE).await.text());
    for claims in [
        json!({ "sub": "eve" }),
        json!({ "exp": 9_999_999_999_u64 }),
        json!({ "cnf": {} }),
        json!({ "bio": "x".repeat(600) }),
        json!("editor"),
    ] {
        members.answer(claims);
        let refused = app.refresh(&tokens, &key).await;
        refused.is(Code::TemporarilyUnavailable);
    }
    assert_eq!(app.get_as(&tokens, ROLE).await.text(), before);
    members.answer(json!({ "role": "editor" }));
    let renewed = app.refresh(&tokens, &key).await.tokens(200);
    assert_eq!(app.get_as(&renewed, ROLE).await.text(), "editor");
}

/// An application that adds no claims.
struct Others;

impl Hooks for Others {
    async fn account_opened(
        &self,
        _: &mut PgConnection,
        _: OpenedAccount<'_>,
    ) -> Result<(), ApiError> {
        Ok(())
    }
}

async fn statements_of_a_rotation(app: &TestApp) -> usize {
    let tokens = app.renew(&app.sign_up("ada").await).await;
    let queries = QueryCount::start();
    app.renew(&tokens).await;
    queries.so_far()
}

#[tokio::test]
async fn a_rotation_stays_one_statement_with_claims() {
    let (app, _) = start_with_role("reader").await;
    assert_eq!(statements_of_a_rotation(&app).await, 1);
}

#[tokio::test]
async fn a_rotation_stays_one_statement_with_other_hooks() {
    let app = start(Others).await;
    assert_eq!(statements_of_a_rotation(&app).await, 1);
}
