//! Instances that cannot learn of endings.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;

use crate::support::{Answer, Cluster, DatabaseLink, Fleet, Settings, until};

/// How soon an instance learns of an ending while the database answers.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// How long a busy machine may take for it.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn bar_43_endings_arrive_although_the_listeners_connection_is_cut_again_and_again() {
    let fleet = Fleet::start(2).await;
    let pool = fleet.pool().clone();
    let cut = Arc::new(AtomicI64::new(0));
    // Every listening connection is cut, as long as the test lasts.
    let cutting = tokio::spawn({
        let cut = Arc::clone(&cut);
        async move {
            loop {
                let count = sqlx::query_scalar::<_, i64>(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity
                     where datname = current_database() and query ilike 'listen %'",
                );
                cut.fetch_add(count.fetch_one(&pool).await.unwrap(), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    until("it is cut", Duration::from_secs(20), async || {
        cut.load(Ordering::Relaxed) >= 2
    })
    .await;
    let mut times = Vec::new();
    for round in 0..5 {
        times.push(an_ending_is_heard(&fleet, &format!("ada{round}")).await);
    }
    cutting.abort();
    are_soon_enough(&times);
}

/// The quickest round shows how soon the server learns of an ending. The others may have waited
/// for the machine, but the ending arrived in all of them.
fn are_soon_enough(times: &[Duration]) {
    assert!(
        times.iter().min().is_some_and(|time| *time <= HEARD_WITHIN),
        "{times:?}"
    );
}

/// One instance ends a session, and the other one learns of it. Returns how long that took.
async fn an_ending_is_heard(fleet: &Fleet, username: &str) -> Duration {
    let tokens = fleet.sign_up(username).await;
    assert!(fleet.http.accepts(fleet.at(1), &tokens).await);
    assert_eq!(
        fleet.http.log_out(fleet.at(0), &tokens).await.status,
        204,
        "{username}"
    );
    until("heard", PATIENCE, async || {
        !fleet.http.accepts(fleet.at(1), &tokens).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_43_endings_arrive_although_every_connection_is_cut_or_goes_silent() {
    let options = Fleet::migrated_database().await;
    let mut fleet = Fleet::with(2, Settings::on(Fleet::url_of(&options)), options.clone()).await;
    // The instance that has to learn of endings uses a link to the database; the other does not.
    let link = DatabaseLink::to(&options).await;
    let listening = Settings {
        database_url: link.url(&options),
        ..fleet.settings.clone()
    };
    fleet.restart(1, &listening).await;
    an_ending_is_heard(&fleet, "ada").await;
    let (mut silent, mut cut) = (Vec::new(), Vec::new());
    for round in 0..3 {
        // The reader's connection, the listener's and those of the pool go silent: they
        // are not closed, and nothing comes through.
        link.lose_connections_silently();
        silent.push(an_ending_is_heard(&fleet, &format!("silent{round}")).await);
        // They are closed.
        link.point_to(&options);
        cut.push(an_ending_is_heard(&fleet, &format!("cut{round}")).await);
    }
    are_soon_enough(&silent);
    are_soon_enough(&cut);
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_43_a_stopped_database_degrades_first_and_refuses_after_one_lifetime() {
    let cluster = Cluster::start(&[]).await;
    let options = cluster.create_database().await;
    let lifetime = Duration::from_secs(20);
    let mut fleet = Fleet::with(2, Settings::on(Fleet::url_of(&options)), options).await;
    // The tested instance makes short access tokens. The test calls it with tokens of the other
    // instance, which are valid for longer than the test lasts.
    let short = Settings {
        more: vec![("HOLDFAST_ACCESS_TOKEN_TTL", "20s".to_owned())],
        ..fleet.settings.clone()
    };
    fleet.restart(1, &short).await;
    let ended_here = fleet.sign_up("ada").await;
    let staying = fleet.log_in("ada").await;
    assert!(staying.expires_in > 240);
    let ready = async |path: &str| {
        let answer = fleet.http.get(fleet.at(1), path).await.unwrap();
        (answer.status.as_u16(), answer.text())
    };
    // The call is refused because of its parameter, after the token was accepted. It needs no
    // query.
    let is_accepted = |answer: Answer| {
        answer.is(Code::MalformedRequest);
        assert_eq!(answer.status, 400);
    };
    let call = async || {
        let path = format!("{}?limit=0", paths::ACTIVITY);
        let answer = fleet
            .http
            .call_as(&staying, Method::GET, fleet.at(1), &path, None)
            .await;
        answer.unwrap()
    };
    assert_eq!(ready("/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(ready("/readyz?strict").await.0, 200);
    is_accepted(call().await);
    let stopped_at = Instant::now();
    tokio::task::block_in_place(|| cluster.stop("fast"));
    until("degraded", Duration::from_secs(15), async || {
        ready("/readyz").await == (200, "degraded\n".to_owned())
    })
    .await;
    for strict in ["/readyz?strict", "/readyz?strict="] {
        assert_eq!(ready(strict).await.0, 503, "{strict}");
    }
    // A read is trusted for one lifetime, and access tokens are accepted that long.
    let accepted = call().await;
    assert!(
        stopped_at.elapsed() < lifetime - Duration::from_secs(2),
        "the machine is too busy to tell"
    );
    is_accepted(accepted);
    until("not ready", Duration::from_secs(60), async || {
        ready("/readyz").await.0 == 503
    })
    .await;
    assert!(stopped_at.elapsed() >= lifetime - Duration::from_secs(3));
    // The token has not expired: it is refused because the instance does not learn of endings.
    call().await.is(Code::TemporarilyUnavailable);

    tokio::task::block_in_place(|| cluster.run_again());
    until("ready again", Duration::from_secs(30), async || {
        ready("/readyz").await.0 == 200
    })
    .await;
    is_accepted(call().await);
    // Afterwards no ending is missed.
    let renewed = until_renewed(&fleet, &ended_here).await;
    fleet.http.log_out(fleet.at(0), &renewed).await;
    until("heard", HEARD_WITHIN, async || {
        !fleet.http.accepts(fleet.at(1), &renewed).await
    })
    .await;
    fleet
        .http
        .refresh(fleet.at(1), &renewed, &crate::support::new_key())
        .await
        .is(Code::SessionEnded);
}

async fn until_renewed(
    fleet: &Fleet,
    tokens: &holdfast_protocol::wire::Tokens,
) -> holdfast_protocol::wire::Tokens {
    let key = crate::support::new_key();
    for _ in 0..500 {
        let answer = fleet.http.refresh(fleet.at(0), tokens, &key).await;
        if answer.status == 200 {
            return answer.tokens(200);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server does not come back");
}

#[tokio::test]
async fn an_instance_accepts_the_access_tokens_of_one_with_another_lifetime() {
    let mut fleet = Fleet::start(2).await;
    let longer = Settings {
        more: vec![("HOLDFAST_ACCESS_TOKEN_TTL", "10m".to_owned())],
        ..fleet.settings.clone()
    };
    fleet.restart(0, &longer).await;
    let tokens = fleet.sign_up("ada").await;
    assert!(tokens.expires_in > 300);
    for server in fleet.addresses() {
        assert!(fleet.http.accepts(server, &tokens).await);
    }
}
