//! An account that an operator disables.

use holdfast_protocol::problem::Code;
use holdfast_protocol::username::Username;
use holdfast_server::accounts::{disable, enable};

use crate::support::{PASSWORD, TestApp, new_key};

#[tokio::test]
async fn disabling_ends_every_session_and_enabling_allows_sign_ins_again() {
    let app = TestApp::start().await;
    let tokens = [app.sign_up("ada").await, app.log_in("ada").await];
    let ada = Username::parse("Ada").unwrap();
    let (pool, clock) = (&app.state.pool, &app.state.clock);
    let ended = disable(pool, clock, &ada).await.unwrap();
    assert_eq!(ended, Some(2));
    for tokens in &tokens {
        app.refresh(tokens, &new_key()).await.is(Code::SessionEnded);
    }
    app.try_log_in("ada", PASSWORD)
        .await
        .is(Code::InvalidCredentials);
    assert!(enable(pool, clock, &ada).await.unwrap());
    app.log_in("ada").await;
    let nobody = Username::parse("nobody").unwrap();
    assert_eq!(disable(pool, clock, &nobody).await.unwrap(), None);
    assert!(!enable(pool, clock, &nobody).await.unwrap());
}

#[tokio::test]
async fn disabling_ends_any_number_of_sessions_in_transactions_of_five_hundred() {
    let app = TestApp::with(|config| config.sessions_per_account = 10_000).await;
    let tokens = app.sign_up("ada").await;
    app.open_unused(tokens.account_id, 1700).await;
    let (pool, clock) = (&app.state.pool, &app.state.clock);
    let ada = Username::parse("ada").unwrap();
    assert_eq!(disable(pool, clock, &ada).await.unwrap(), Some(1701));
    assert_eq!(app.most_endings_of_one_transaction().await, 500);
    assert!(!app.is_alive(tokens.session_id).await);
    let of_kind = async |kind: &str| -> i64 {
        sqlx::query_scalar("select count(*) from events where kind = $1")
            .bind(kind)
            .fetch_one(app.pool())
            .await
            .unwrap()
    };
    assert_eq!(of_kind("session_ended").await, 1701);
    assert_eq!(of_kind("account_disabled").await, 1);
    // The operator may repeat it.
    assert_eq!(disable(pool, clock, &ada).await.unwrap(), Some(0));
}

#[tokio::test]
async fn a_sign_in_that_is_under_way_while_an_account_is_disabled_opens_no_session() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let (pool, clock) = (&app.state.pool, &app.state.clock);
    let ada = Username::parse("ada").unwrap();
    // The sessions cannot be ended yet, but the account is disabled already.
    let mut held = app.pool().begin().await.unwrap();
    sqlx::query("select from sessions where session_id = $1 for update")
        .bind(tokens.session_id)
        .execute(&mut *held)
        .await
        .unwrap();
    let (disabled, ()) = tokio::join!(disable(pool, clock, &ada), async {
        app.until_waiting(1).await;
        app.try_log_in("ada", PASSWORD)
            .await
            .is(Code::InvalidCredentials);
        held.commit().await.unwrap();
    });
    assert_eq!(disabled.unwrap(), Some(1));
}
