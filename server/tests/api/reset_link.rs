//! The link that an operator makes for a person who lost the password and the recovery code.

use holdfast_protocol::problem::Code;
use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{EndReason, Recovered};
use holdfast_server::accounts::{self, ResetLink};
use holdfast_server::sweep::Sweep;

use crate::limits::change_password;
use crate::recovery_code::{ANOTHER, code_of, confirm, replace, try_recover};
use crate::support::{PASSWORD, TestApp, new_key};

const THIRD: &str = "eleven kettles behind the orchard";

async fn make(app: &TestApp, username: &str) -> ResetLink {
    let (pool, clock) = (&app.state.pool, &app.state.clock);
    let username = Username::parse(username).unwrap();
    accounts::make_reset_link(pool, clock, &username)
        .await
        .unwrap()
}

/// The code of a new link.
async fn link(app: &TestApp) -> Secret {
    match make(app, "ada").await {
        ResetLink::Made(code) => code.print(),
        other => panic!("{other:?}"),
    }
}

/// Sets the password with this code. Returns the next recovery code.
async fn recover(app: &TestApp, code: &Secret, password: &str) -> Secret {
    let answer = try_recover(app, "ada", code.expose(), password).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json::<Recovered>().recovery_code
}

async fn is_refused(app: &TestApp, code: &Secret, password: &str) {
    try_recover(app, "ada", code.expose(), password)
        .await
        .is(Code::InvalidCredentials);
}

async fn links(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from reset_codes")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

async fn an_hour_goes_by(app: &TestApp) {
    sqlx::query("update reset_codes set expires_at = expires_at - interval '1 hour'")
        .execute(app.pool())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_link_gives_the_account_back_to_a_person_who_lost_everything() {
    let app = TestApp::start().await;
    let thief = app.sign_up("ada").await;
    let code = link(&app).await;
    assert!(app.accepts(&thief).await, "the link alone ends nothing");
    let next = recover(&app, &code, ANOTHER).await;

    let answer = app.refresh(&thief, &new_key()).await;
    answer.is(Code::SessionEnded);
    assert_eq!(answer.problem().reason, Some(EndReason::PasswordChanged));
    app.try_log_in("ada", PASSWORD)
        .await
        .is(Code::InvalidCredentials);
    app.try_log_in("ada", ANOTHER).await.tokens(200);
    // The earlier recovery code was lost, so somebody else may have it.
    is_refused(&app, &code_of(&thief), THIRD).await;
    recover(&app, &next, THIRD).await;
    let events = app.events("ada", 7).await;
    let has = |kind: &str| events.iter().any(|(of, _)| of == kind);
    assert!(has("reset_link_made") && has("recovered"), "{events:?}");
}

#[tokio::test]
async fn a_link_is_good_once_and_repeats_a_lost_answer() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let code = link(&app).await;
    let next = recover(&app, &code, ANOTHER).await;
    assert_eq!(recover(&app, &code, ANOTHER).await, next);
    an_hour_goes_by(&app).await;
    an_hour_goes_by(&app).await;
    is_refused(&app, &code, ANOTHER).await;
    let code = link(&app).await;
    recover(&app, &code, THIRD).await;
    is_refused(&app, &code, PASSWORD).await;
}

#[tokio::test]
async fn of_two_uses_at_the_same_moment_one_sets_the_password() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let code = link(&app).await;
    let (one, other) = tokio::join!(
        try_recover(&app, "ada", code.expose(), ANOTHER),
        try_recover(&app, "ada", code.expose(), THIRD),
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    let (set, refused) = if one.status == 200 {
        (ANOTHER, THIRD)
    } else {
        (THIRD, ANOTHER)
    };
    app.try_log_in("ada", set).await.tokens(200);
    app.try_log_in("ada", refused)
        .await
        .is(Code::InvalidCredentials);
}

#[tokio::test]
async fn a_link_is_over_after_an_hour_and_is_swept() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let code = link(&app).await;
    Sweep::from_the_beginning().round(&app.state).await;
    assert_eq!(links(&app).await, 1);
    an_hour_goes_by(&app).await;
    is_refused(&app, &code, ANOTHER).await;
    app.log_in("ada").await;
    Sweep::from_the_beginning().round(&app.state).await;
    assert_eq!(links(&app).await, 0);
}

#[tokio::test]
async fn a_new_link_and_a_password_that_was_set_otherwise_make_a_link_void() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let (first, second) = (link(&app).await, link(&app).await);
    is_refused(&app, &first, ANOTHER).await;
    change_password(&app, &tokens, PASSWORD, ANOTHER).await;
    is_refused(&app, &second, THIRD).await;
    // A server of an earlier version does not know the table of links.
    let third = link(&app).await;
    sqlx::query("update accounts set password_changed_at = clock_timestamp()")
        .execute(app.pool())
        .await
        .unwrap();
    is_refused(&app, &third, THIRD).await;
    let third = link(&app).await;
    recover(&app, &code_of(&tokens), THIRD).await;
    is_refused(&app, &third, PASSWORD).await;
    app.try_log_in("ada", THIRD).await.tokens(200);
}

#[tokio::test]
async fn a_link_is_for_one_account_that_is_not_disabled() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    app.sign_up("eve").await;
    let code = link(&app).await;
    try_recover(&app, "eve", code.expose(), ANOTHER)
        .await
        .is(Code::InvalidCredentials);
    let (pool, clock) = (&app.state.pool, &app.state.clock);
    let ada = Username::parse("ada").unwrap();
    accounts::disable(pool, clock, &ada).await.unwrap();
    is_refused(&app, &code, ANOTHER).await;
    assert!(matches!(make(&app, "ada").await, ResetLink::Disabled));
    // The operator may have disabled it because of the link.
    assert!(accounts::enable(pool, clock, &ada).await.unwrap());
    is_refused(&app, &code, ANOTHER).await;
    app.log_in("ada").await;
    assert!(matches!(make(&app, "nobody").await, ResetLink::NoAccount));
}

#[tokio::test]
async fn an_answer_that_was_lost_at_the_end_of_the_hour_is_repeated() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let code = link(&app).await;
    sqlx::query("update reset_codes set expires_at = clock_timestamp() + interval '5 seconds'")
        .execute(app.pool())
        .await
        .unwrap();
    let next = recover(&app, &code, ANOTHER).await;
    let left: f64 = sqlx::query_scalar(
        "select extract(epoch from expires_at - clock_timestamp())::float8 from reset_codes",
    )
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert!(
        left > 120.0,
        "a client repeats for two minutes; {left} s are left"
    );
    assert_eq!(recover(&app, &code, ANOTHER).await, next);
}

/// A used link may be found in a mail or in the history of a browser.
#[tokio::test]
async fn with_a_used_link_nobody_finds_out_the_password() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let code = link(&app).await;
    let next = recover(&app, &code, ANOTHER).await;
    is_refused(&app, &code, THIRD).await;
    // After the wrong guess, the right one tells nothing.
    is_refused(&app, &code, ANOTHER).await;

    let code = link(&app).await;
    recover(&app, &code, THIRD).await;
    let tokens = app.try_log_in("ada", THIRD).await.tokens(200);
    let kept = replace(&app, &tokens, THIRD).await;
    confirm(&app, &tokens, &kept).await;
    is_refused(&app, &code, THIRD).await;
    assert_ne!(kept, next);
}

#[tokio::test]
async fn the_database_has_only_the_hash_of_a_link() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let code = link(&app).await;
    let stored: Vec<u8> = sqlx::query_scalar("select code_hash from reset_codes")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let code = RecoveryCode::parse(code.expose()).unwrap();
    assert_eq!(stored, code.hash());
}
