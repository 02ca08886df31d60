//! Real answers, compared with the document.

use std::collections::BTreeSet;
use std::time::Duration;

use holdfast_protocol::cause::Cause;
use holdfast_protocol::problem::Code;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{
    EndReason, KNOWN_BROWSER_HEADER, MAX_BODY, TOKEN_HASH_HEADER, Tokens,
};
use holdfast_server::accounts::{self, ResetLink};
use serde_json::{Value, json};
use uuid::Uuid;

use super::document::{Document, Operation, members};
use super::server::{Call, Server};
use crate::limits::WRONG;
use crate::recovery_code::ANOTHER;
use crate::session_row::hash_of;
use crate::support::{FIREFOX, PASSWORD, TestApp, new_key};

const THIRD: &str = "eleven kettles behind the orchard";

#[tokio::test]
async fn every_success_in_the_life_of_an_account_is_as_the_document_says() {
    let app = TestApp::start().await;
    let document = Document::read();
    let mut server = Server::new(&app, &document);

    // The person makes an account, renews the session and changes the password.
    let sign_up = Call::with(json!({ "username": "ada", "password": PASSWORD }));
    let first: Tokens = server.answer("signUp", 201, sign_up).await.json();
    let refresh = Call::with(json!({ "refresh_token": first.refresh_token.expose() }));
    let refresh = refresh.header("idempotency-key", new_key().expose());
    let renewed: Tokens = server.answer("refresh", 200, refresh).await.json();
    let change = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
    let change = Call::by(&renewed).and(change);
    let opened: Tokens = server.answer("changePassword", 200, change).await.json();
    let here = app.renew(&opened).await;

    // Another browser signs in that the account knows, and one that it does not know.
    let body = json!({ "username": "ADA", "password": ANOTHER, "remember": false });
    let known = opened.known_browser.as_ref().unwrap().expose();
    let sign_in = Call::with(body.clone()).header(KNOWN_BROWSER_HEADER, known);
    let elsewhere: Tokens = server.answer("signIn", 200, sign_in).await.json();
    let sign_in = Call::with(body).header("user-agent", FIREFOX);
    let stranger: Tokens = server.answer("signIn", 200, sign_in).await.json();

    // The person looks at the sessions and at what happened, and gives names.
    server.answer("showAccount", 200, Call::by(&here)).await;
    for name in [json!(null), json!("Work laptop")] {
        let call = Call::by(&here).about(here.session_id);
        let call = call.and(json!({ "name": name }));
        server.answer("nameSession", 204, call).await;
    }
    let sessions = server.answer("listSessions", 200, Call::by(&here)).await;
    let sessions: Value = sessions.json();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 3);
    let row = Call::by(&here);
    let row: Value = server.answer("showStoredSession", 200, row).await.json();
    assert!(row["link"].is_null());
    let row = Call::by(&here).header(TOKEN_HASH_HEADER, &hash_of(&here));
    let row: Value = server.answer("showStoredSession", 200, row).await.json();
    assert_eq!(row["link"]["attempt_marks"].as_array().unwrap().len(), 1);
    let page = Call::by(&here).query("?limit=1");
    let page: Value = server.answer("listActivity", 200, page).await.json();
    let before = format!("?limit=100&before={}", page["next"].as_str().unwrap());
    let page = Call::by(&here).query(&before);
    let page: Value = server.answer("listActivity", 200, page).await.json();
    assert!(page["next"].is_null());

    // The person changes the name, and makes recovery codes. The second one is not confirmed.
    let rename = |name: &str| json!({ "username": name, "password": ANOTHER });
    let change = Call::by(&here).and(rename("lovelace"));
    server.answer("changeUsername", 200, change).await;
    let change = Call::by(&here).and(rename("countess"));
    let refused = server.answer("changeUsername", 422, change).await;
    assert_eq!(refused.problem().cause, Some(Cause::ChangedLately));
    assert!(!refused.header("retry-after").is_empty());
    let mut codes = Vec::new();
    for is_kept in [true, false] {
        let password = Call::by(&here).and(json!({ "password": ANOTHER }));
        let code = server.answer("replaceRecoveryCode", 200, password).await;
        let code = json!({ "recovery_code": code.json::<Value>()["recovery_code"] });
        if is_kept {
            let confirm = Call::by(&here).and(code.clone());
            server.answer("confirmRecoveryCode", 204, confirm).await;
        }
        codes.push(code["recovery_code"].clone());
        let state = server
            .answer("showRecoveryCode", 200, Call::by(&here))
            .await;
        assert_eq!(state.json::<Value>()["confirmed"], is_kept);
    }

    // The file with all data has something in each of its members.
    let username = Username::parse("lovelace").unwrap();
    let (pool, clock) = (&app.state.pool, &app.state.clock);
    let link = accounts::make_reset_link(pool, clock, &username).await;
    assert!(matches!(link.unwrap(), ResetLink::Made(_)));
    let forgiven = accounts::forgive_failures(pool, clock, &username).await;
    assert!(forgiven.unwrap());
    let lovelace =
        |password: &str| Call::with(json!({ "username": "lovelace", "password": password }));
    server.answer("signIn", 401, lovelace(WRONG)).await;
    app.state.limits.failures().written().await;
    let data = server.answer("showAccountData", 200, Call::by(&here)).await;
    let data: Value = data.json();
    for (name, member) in members(&data) {
        let items = member.as_array().map(Vec::len);
        assert!(!member.is_null() && items != Some(0), "{name} is empty");
    }

    // The person reads a notice, and ends sessions: the own one, another one, and all others.
    let notices = server.answer("listSignInNotices", 200, Call::by(&here));
    let notices: Value = notices.await.json();
    assert_eq!(notices["notices"].as_array().unwrap().len(), 1);
    let read = Call::by(&here).about(stranger.session_id);
    server.answer("readSignInNotice", 204, read).await;
    let own = Call::by(&elsewhere).about(elsewhere.session_id);
    server.answer("endSession", 204, own).await;
    let password = json!({ "password": ANOTHER });
    let other = Call::by(&here).about(stranger.session_id);
    let other = other.and(password.clone());
    server.answer("endSession", 204, other).await;
    let others = Call::by(&here).query("?keep_current=true").and(password);
    server.answer("endSessions", 200, others).await;

    // The person recovers the account with the code that was kept, and chooses a password.
    for typed in ["correct horse", THIRD] {
        let estimate = Call::with(json!({ "username": "lovelace", "password": typed }));
        let estimate = server.answer("estimatePassword", 200, estimate).await;
        let estimate: Value = estimate.json();
        for member in ["warning", "cause"] {
            assert_eq!(estimate.get(member).is_none(), typed == THIRD);
        }
    }
    let recover = json!({
        "username": "ada", "recovery_code": codes[0], "new_password": THIRD,
    });
    server.answer("recover", 200, Call::with(recover)).await;
    let over = server.answer("showAccount", 401, Call::by(&here)).await;
    assert_eq!(over.problem().reason, Some(EndReason::PasswordChanged));

    // An off-the-shelf client renews the session, and ends it.
    let tokens: Tokens = server.answer("signIn", 200, lovelace(THIRD)).await.json();
    let token = tokens.refresh_token.expose();
    let refresh = json!({ "grant_type": "refresh_token", "refresh_token": token });
    server.answer("oauthToken", 200, Call::with(refresh)).await;
    let revoke = json!({ "token": token, "client_id": "holdfast-web" });
    server.answer("oauthRevoke", 200, Call::with(revoke)).await;

    // The person signs out, and deletes the account.
    let tokens: Tokens = server.answer("signIn", 200, lovelace(THIRD)).await.json();
    let sign_out = json!({ "refresh_token": tokens.refresh_token.expose() });
    server.answer("signOut", 204, Call::with(sign_out)).await;
    let tokens: Tokens = server.answer("signIn", 200, lovelace(THIRD)).await.json();
    let delete = Call::by(&tokens).and(json!({ "password": THIRD }));
    server.answer("deleteAccount", 204, delete).await;

    for id in ["oauthMetadata", "publicKeys", "isAlive", "showContract"] {
        server.answer(id, 200, Call::default()).await;
    }
    // No task of this instance reads the endings, so the last read may be seconds ago.
    app.state.ended.note_read();
    for query in ["", "?strict", "?strict="] {
        let ready = Call::default().query(query);
        server.answer("isReady", 200, ready).await;
    }
    let all: BTreeSet<_> = document.operations().iter().map(Operation::id).collect();
    assert_eq!(server.succeeded, all);
}

#[tokio::test]
async fn every_problem_is_as_the_document_says() {
    let app = TestApp::start().await;
    let document = Document::read();
    let mut server = Server::new(&app, &document);
    let tokens = app.sign_up("ada").await;
    app.sign_up("eve").await;

    // A body, and what comes with it.
    let good = || Call::with(json!({ "username": "bob", "password": PASSWORD }));
    let cross_site = good().header("sec-fetch-site", "cross-site");
    let two_hosts = Call::default().header("host", "a.example");
    for (id, status, call) in [
        ("signUp", 400, Call::with(json!({ "username": "bob" }))),
        ("signUp", 400, Call::with(json!(["bob", PASSWORD]))),
        ("signUp", 403, cross_site),
        ("signUp", 413, good().and(json!("x".repeat(MAX_BODY)))),
        ("signUp", 415, Call::default()),
        ("isAlive", 400, two_hosts.header("host", "b.example")),
        ("listActivity", 400, Call::by(&tokens).query("?limit=0")),
        ("endSessions", 400, Call::by(&tokens).query("?keep=no")),
        ("endSessions", 400, Call::by(&tokens)),
    ] {
        server.answer(id, status, call).await;
    }

    // The name and the password.
    let named = |name: &str, password: &str| {
        let body = json!({ "username": name, "password": password });
        Call::with(body)
    };
    let rename = |name: &str| json!({ "username": name, "password": PASSWORD });
    let change = |old: &str, new: &str| json!({ "current_password": old, "new_password": new });
    let by = || Call::by(&tokens);
    for (id, status, call) in [
        ("signUp", 409, named("EVE", PASSWORD)),
        ("signUp", 422, named("a name", PASSWORD)),
        ("signUp", 422, named("bob", "too short")),
        ("signIn", 401, named("bob", PASSWORD)),
        ("changeUsername", 409, by().and(rename("eve"))),
        ("changeUsername", 422, by().and(rename("a name"))),
        ("changePassword", 401, by().and(change(WRONG, ANOTHER))),
        ("changePassword", 422, by().and(change(PASSWORD, PASSWORD))),
    ] {
        server.answer(id, status, call).await;
    }

    // Sessions and codes that are not there.
    let no_session = || Call::by(&tokens).about(Uuid::nil());
    let hidden = json!({ "name": "\u{200b}" });
    let code = json!({ "recovery_code": "9C4T-K2WQ-7HXM-0P3R-V8NE-5DZA-JG6B" });
    let recover = json!({
        "username": "ada", "recovery_code": code["recovery_code"], "new_password": ANOTHER,
    });
    let own = Call::by(&tokens).about(tokens.session_id);
    for (id, status, call) in [
        ("readSignInNotice", 404, own),
        (
            "nameSession",
            404,
            no_session().and(json!({ "name": null })),
        ),
        ("nameSession", 422, no_session().and(hidden)),
        ("endSession", 400, no_session()),
        (
            "endSession",
            404,
            no_session().and(json!({ "password": PASSWORD })),
        ),
        ("confirmRecoveryCode", 404, Call::by(&tokens).and(code)),
        ("recover", 401, Call::with(recover)),
    ] {
        server.answer(id, status, call).await;
    }

    // Access tokens.
    let wrong = Call::default().header("authorization", "Bearer wrong");
    server.answer("showAccount", 401, Call::default()).await;
    server.answer("showAccount", 401, wrong).await;

    // An off-the-shelf client.
    let session = app.log_in("ada").await;
    let token = session.refresh_token.expose();
    let grant = |name: &str, value: &str| {
        let mut grant = json!({ "grant_type": "refresh_token", "refresh_token": token });
        grant[name] = json!(value);
        Call::with(grant)
    };
    for (status, call) in [
        (400, Call::with(json!({}))),
        (400, grant("grant_type", "password")),
        (400, grant("refresh_token", "hfr_x")),
        (400, grant("scope", "admin")),
        (401, grant("client_id", "other")),
        (
            403,
            grant("scope", "").header("sec-fetch-site", "cross-site"),
        ),
        (413, grant("more", &"x".repeat(MAX_BODY))),
    ] {
        server.answer("oauthToken", status, call).await;
    }
    server.answer("oauthToken", 200, grant("scope", "")).await;
    app.let_pass(session.session_id, 20).await;
    server.answer("oauthToken", 503, grant("scope", "")).await;
    let revoke = Call::with(json!({ "client_id": "holdfast-web" }));
    server.answer("oauthRevoke", 400, revoke).await;
    let revoke = Call::with(json!({ "token": token, "client_id": "other" }));
    server.answer("oauthRevoke", 401, revoke).await;

    // Refresh tokens.
    let session = app.log_in("ada").await;
    let refresh = |token: &str| Call::with(json!({ "refresh_token": token }));
    let spent = || refresh(session.refresh_token.expose());
    let short = spent().header("idempotency-key", "short");
    server.answer("refresh", 400, short).await;
    server.answer("refresh", 401, refresh("hfr_x")).await;
    app.renew(&session).await;
    server.answer("refresh", 409, spent()).await;
    app.let_pass(session.session_id, 60).await;
    for code in [Code::RefreshTokenReused, Code::SessionEnded] {
        server.answer("refresh", 401, spent()).await.is(code);
    }
    let session = app.log_in("ada").await;
    app.let_pass(session.session_id, 31 * 24 * 60 * 60).await;
    let idle = refresh(session.refresh_token.expose());
    let idle = server.answer("refresh", 401, idle).await;
    idle.is(Code::RefreshTokenExpired);

    // A client that tries too often, and a server that cannot answer.
    let strict = app.second_instance_with(|config| {
        config.limits.attempts = 1;
        config.limits.attempts_every = Duration::from_secs(3600);
    });
    let mut strict = Server::new(&strict, &document);
    for status in [401, 429] {
        let wrong = Call::by(&tokens).and(json!({ "password": WRONG }));
        strict.answer("endSessions", status, wrong).await;
    }
    server.problems.append(&mut strict.problems);
    app.state.stopping.tell();
    server.answer("isReady", 503, Call::default()).await;
    app.state.pool.close().await;
    server.answer("listSessions", 503, Call::by(&tokens)).await;
    let lifetime = Duration::from_secs(tokens.expires_in + 10);
    app.state.clock.advance(lifetime);
    let expired = server.answer("showAccount", 401, Call::by(&tokens)).await;
    expired.is(Code::AccessTokenExpired);

    let mut seen: Vec<_> = server.problems.iter().map(String::as_str).collect();
    // No operation answers the first and the last of these, and nothing here is a fault of the server.
    seen.extend(["account_disabled", "internal", "method_not_allowed"]);
    seen.sort_unstable();
    let mut all: Vec<_> = Code::ALL.iter().map(Code::as_str).collect();
    all.sort_unstable();
    assert_eq!(seen, all);
}
