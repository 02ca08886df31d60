//! Instances that cannot hear of endings.

use std::time::{Duration, Instant};

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;

use crate::support::{Cluster, Fleet, Settings, until};

#[tokio::test(flavor = "multi_thread")]
async fn bar_43_endings_are_heard_although_the_listeners_connection_is_cut_again_and_again() {
    let fleet = Fleet::start(2).await;
    let pool = fleet.pool().clone();
    // Whatever listens is cut, for as long as the test lasts.
    let cutting = tokio::spawn(async move {
        let mut cut = 0_i64;
        loop {
            cut += sqlx::query_scalar::<_, i64>(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity
                 where datname = current_database() and query ilike 'listen %'",
            )
            .fetch_one(&pool)
            .await
            .unwrap();
            CUT.store(cut, std::sync::atomic::Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    until("it is cut", Duration::from_secs(20), async || {
        CUT.load(std::sync::atomic::Ordering::Relaxed) >= 2
    })
    .await;
    for round in 0..5 {
        let tokens = fleet.sign_up(&format!("ada{round}")).await;
        assert!(fleet.http.accepts(fleet.at(1), &tokens).await);
        fleet.http.log_out(fleet.at(0), &tokens).await;
        let took = until("heard", Duration::from_secs(5), async || {
            !fleet.http.accepts(fleet.at(1), &tokens).await
        })
        .await;
        println!("heard after {took:?}");
    }
    cutting.abort();
}

static CUT: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);

#[tokio::test(flavor = "multi_thread")]
async fn bar_43_a_stopped_database_degrades_first_and_refuses_after_one_lifetime() {
    let cluster = Cluster::start(&[]).await;
    let options = cluster.create_database().await;
    let lifetime = Duration::from_secs(20);
    let settings = Settings {
        more: vec![("HOLDFAST_ACCESS_TOKEN_TTL", "20s".to_owned())],
        ..Settings::on(Fleet::url_of(&options))
    };
    let fleet = Fleet::with(2, settings, options).await;
    let ended_here = fleet.sign_up("ada").await;
    let staying = fleet.log_in("ada").await;
    let ready = async |path: &str| {
        let answer = fleet.http.get(fleet.at(1), path).await.unwrap();
        (answer.status.as_u16(), answer.body)
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
    let stopped_at = Instant::now();
    tokio::task::block_in_place(|| cluster.stop("fast"));
    until("degraded", Duration::from_secs(30), async || {
        ready("/readyz").await == (200, "degraded\n".to_owned())
    })
    .await;
    assert_eq!(ready("/readyz?strict").await.0, 503);
    // A read is trusted for one lifetime; access tokens are good that long.
    if stopped_at.elapsed() < lifetime - Duration::from_secs(4) {
        let answer = call().await;
        assert_ne!(answer.status, 503, "{}", answer.body);
    }
    until("not ready", Duration::from_secs(60), async || {
        ready("/readyz").await.0 == 503
    })
    .await;
    assert!(stopped_at.elapsed() >= lifetime - Duration::from_secs(3));
    // Its time may be over as well by now; what counts is that it is not accepted.
    assert!(matches!(call().await.status.as_u16(), 503 | 401));

    tokio::task::block_in_place(|| cluster.run_again());
    until("ready again", Duration::from_secs(30), async || {
        ready("/readyz").await.0 == 200
    })
    .await;
    // Nothing is missed afterwards.
    let renewed = until_renewed(&fleet, &ended_here).await;
    fleet.http.log_out(fleet.at(0), &renewed).await;
    until("heard", Duration::from_secs(5), async || {
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
