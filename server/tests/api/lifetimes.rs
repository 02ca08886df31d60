//! The longest lifetime of a session, which the instances share through the database.

use std::time::Duration;

use holdfast_protocol::wire::EndReason;
use holdfast_server::random;
use holdfast_server::store;
use holdfast_server::sweep::Sweep;

use crate::support::TestApp;

const DAY: u64 = 24 * 60 * 60;

fn days(days: u64) -> Duration {
    Duration::from_secs(days * DAY)
}

/// Writes what a starting instance says about itself.
async fn arrive(app: &TestApp) {
    let mut connection = app.state.pool.acquire().await.unwrap();
    app.secrets_in_use().enter(&mut connection).await.unwrap();
}

/// The longest lifetime in the database, as this instance reads it.
async fn read(app: &TestApp) -> Duration {
    app.reader().read().await.unwrap();
    app.state.database.longest_session()
}

async fn endings(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from session_ends")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_instance_learns_of_a_longer_lifetime_and_keeps_endings_for_it() {
    let app = TestApp::start().await;
    arrive(&app).await;
    assert_eq!(read(&app).await, days(90));
    let longer = app.second_instance_with(|config| config.refresh_token_ttl = days(365));
    arrive(&longer).await;
    assert_eq!(read(&app).await, days(365));

    let ended = [random::id(&app.state.clock)];
    let mut connection = app.state.pool.acquire().await.unwrap();
    store::session_ends::insert(&mut connection, &ended, EndReason::Reuse)
        .await
        .unwrap();
    for (age, kept) in [(91, 1), (364, 1), (366, 0)] {
        sqlx::query("update session_ends set ended_at = now() - make_interval(days => $1)")
            .bind(age)
            .execute(app.pool())
            .await
            .unwrap();
        let round = Sweep::from_the_beginning().round(&app.state).await;
        assert!(round.failed.is_empty(), "{:?}", round.failed);
        assert_eq!(endings(&app).await, kept, "after {age} days");
    }
}

#[tokio::test]
async fn the_longest_lifetime_goes_down_when_every_session_with_it_is_over() {
    let app = TestApp::start().await;
    let longer = app.second_instance_with(|config| config.refresh_token_ttl = days(365));
    arrive(&longer).await;
    arrive(&app).await;
    assert_eq!(read(&app).await, days(365));
    // This is a year and a day after an instance last said so.
    let time_passes = async || {
        sqlx::query("update database set longest_session_until = now() - interval '1 second'")
            .execute(app.pool())
            .await
            .unwrap();
    };
    time_passes().await;
    arrive(&app).await;
    assert_eq!(read(&app).await, days(90));
    // An instance that still opens such sessions says so again by itself.
    longer.secrets_in_use().say(&longer.state.pool).await;
    assert_eq!(read(&app).await, days(365));
    // It does so before the time is over, but not every second.
    let until = async || -> f64 {
        sqlx::query_scalar(
            "select extract(epoch from longest_session_until - now())::float8 from database",
        )
        .fetch_one(app.pool())
        .await
        .unwrap()
    };
    let written: i64 = sqlx::query_scalar("select xmin::text::bigint from database")
        .fetch_one(app.pool())
        .await
        .unwrap();
    longer.secrets_in_use().say(&longer.state.pool).await;
    let again: i64 = sqlx::query_scalar("select xmin::text::bigint from database")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(written, again);
    sqlx::query("update database set longest_session_until = now() + interval '364 days'")
        .execute(app.pool())
        .await
        .unwrap();
    longer.secrets_in_use().say(&longer.state.pool).await;
    assert!(until().await > 365.5 * 86_400.0, "{}", until().await);
}

#[tokio::test]
async fn the_default_issuer_claims_no_database_and_a_chosen_issuer_replaces_it() {
    let app = TestApp::start().await;
    let unset = app.second_instance_with(|config| {
        config.issuer = "http://localhost:3000".to_owned();
    });
    let issuer = async || -> Option<String> {
        let mut connection = app.state.pool.acquire().await.unwrap();
        let stored = store::database::lookup(&mut connection).await.unwrap();
        stored.issuer
    };
    arrive(&unset).await;
    assert_eq!(issuer().await, None);
    // An earlier release let it claim the database.
    sqlx::query("update database set issuer = 'http://localhost:3000'")
        .execute(app.pool())
        .await
        .unwrap();
    assert!(
        app.state
            .config
            .instance_facts()
            .accepts("http://localhost:3000")
    );
    arrive(&app).await;
    assert_eq!(issuer().await.as_deref(), Some(crate::support::ISSUER));
    arrive(&unset).await;
    assert_eq!(issuer().await.as_deref(), Some(crate::support::ISSUER));
    assert!(
        !unset
            .state
            .config
            .instance_facts()
            .accepts(crate::support::ISSUER)
    );
}

#[tokio::test]
async fn an_instance_with_a_wrong_secret_does_not_change_the_issuer_and_the_lifetime() {
    let app = TestApp::start().await;
    arrive(&app).await;
    let mut wrong = app.second_instance(&[2]);
    let mut config = (*wrong.state.config).clone();
    config.issuer = "https://other.example".to_owned();
    config.issuer_previous = vec![crate::support::ISSUER.to_owned()];
    config.refresh_token_ttl = days(3650);
    wrong.change(|instance| instance.config = std::sync::Arc::new(config));
    arrive(&wrong).await;
    assert!(!wrong.state.keys.may_mint());
    let mut connection = app.state.pool.acquire().await.unwrap();
    let stored = store::database::lookup(&mut connection).await.unwrap();
    assert_eq!(stored.issuer.as_deref(), Some(crate::support::ISSUER));
    assert_eq!(stored.longest_session_seconds, 90 * 24 * 60 * 60);
}
