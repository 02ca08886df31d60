//! Sessions that end, on every server.

use std::time::Duration;

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;
use serde_json::json;

use crate::support::{Cluster, Fleet, PASSWORD, new_key, until};

const A_SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn bar_10_a_sign_out_with_the_current_token_ends_the_session_on_every_server() {
    let fleet = Fleet::start(2).await;
    let first = fleet.sign_up("ada").await;
    let current = fleet.http.renew(fleet.at(0), &first).await;
    assert_eq!(fleet.http.log_out(fleet.at(1), &current).await.status, 204);
    for server in fleet.addresses() {
        for token in [&first, &current] {
            let answer = fleet.http.refresh(server, token, &new_key()).await;
            answer.is(Code::SessionEnded);
        }
    }
    // A second sign-out does no harm.
    assert_eq!(fleet.http.log_out(fleet.at(0), &current).await.status, 204);
    assert_eq!(fleet.events("sign_out").await, 1);
}

#[tokio::test]
async fn bar_10_a_sign_out_with_a_spent_token_ends_the_successor_too() {
    let fleet = Fleet::start(2).await;
    let spent = fleet.sign_up("ada").await;
    let current = fleet.http.renew(fleet.at(0), &spent).await;
    fleet.let_pass(spent.session_id, 24 * 60 * 60).await;
    assert_eq!(fleet.http.log_out(fleet.at(1), &spent).await.status, 204);
    for server in fleet.addresses() {
        let answer = fleet.http.refresh(server, &current, &new_key()).await;
        answer.is(Code::SessionEnded);
        until("refused", A_SECOND, async || {
            !fleet.http.accepts(server, &current).await
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_10_a_sign_out_wins_against_refreshes_under_way_at_both_servers() {
    let fleet = Fleet::start(2).await;
    for browser in fleet.browsers(20).await {
        let (token, key) = browser.attempt();
        let refreshes = (0..6).map(|n| fleet.http.try_refresh(fleet.at(n), &token, &key));
        let body = serde_json::json!({"refresh_token": token.expose()});
        let (_, out) = tokio::join!(
            futures::future::join_all(refreshes),
            fleet.http.post(fleet.at(1), paths::LOGOUT, &body)
        );
        assert_eq!(out.unwrap().status, 204);
        assert_eq!(fleet.row(browser.session_id()).await, None);
    }
}

#[tokio::test]
async fn bar_11_a_sign_out_ends_this_browser_only() {
    let fleet = Fleet::start(2).await;
    let here = fleet.sign_up("ada").await;
    let elsewhere = fleet.log_in("ada").await;
    fleet.http.log_out(fleet.at(0), &here).await;
    until("refused", A_SECOND, async || {
        !fleet.http.accepts(fleet.at(1), &here).await
    })
    .await;
    for server in fleet.addresses() {
        assert!(fleet.http.accepts(server, &elsewhere).await);
    }
    fleet.http.renew(fleet.at(1), &elsewhere).await;
}

#[tokio::test]
async fn bar_11_ending_all_other_sessions_is_a_call_of_its_own() {
    let fleet = Fleet::start(2).await;
    let here = fleet.sign_up("ada").await;
    let elsewhere = fleet.log_in("ada").await;
    let body = json!({"password": PASSWORD});
    let (delete, http) = (Method::DELETE, &fleet.http);
    let others = http.call_as(&here, delete, fleet.at(0), paths::SESSIONS, Some(&body));
    let others = others.await;
    assert_eq!(others.unwrap().body, r#"{"ended":1}"#);
    until("refused", A_SECOND, async || {
        !fleet.http.accepts(fleet.at(1), &elsewhere).await
    })
    .await;
    assert!(fleet.http.accepts(fleet.at(1), &here).await);
    fleet.http.renew(fleet.at(1), &here).await;
}

#[tokio::test]
async fn an_ending_takes_effect_on_every_server_within_a_second() {
    let fleet = Fleet::start(3).await;
    for round in 0..5 {
        let tokens = fleet.sign_up(&format!("ada{round}")).await;
        for server in fleet.addresses() {
            assert!(fleet.http.accepts(server, &tokens).await);
        }
        fleet.http.log_out(fleet.at(round), &tokens).await;
        // At the instance that ended it, the ending takes effect before the answer.
        assert!(!fleet.http.accepts(fleet.at(round), &tokens).await);
        let took = until("refused everywhere", A_SECOND, async || {
            !fleet.http.accepts(fleet.at(round + 1), &tokens).await
                && !fleet.http.accepts(fleet.at(round + 2), &tokens).await
        })
        .await;
        println!("everywhere after {took:?}");
    }
}

/// How many statements of this kind wait for a standby.
async fn waiting(fleet: &Fleet, kind: &str) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity
         where datname = current_database() and wait_event = 'SyncRep' and query ilike $1",
    )
    .bind(kind)
    .fetch_one(fleet.pool())
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn endings_that_are_committed_at_the_same_moment_do_not_wait_for_each_other() {
    const COUNT: i64 = 8;
    let cluster = Cluster::start(&[]).await;
    let fleet = Fleet::start_on(1, &cluster).await;
    let mut sessions = vec![fleet.sign_up("ada").await];
    while sessions.len() < COUNT.unsigned_abs() as usize {
        sessions.push(fleet.log_in("ada").await);
    }
    let set = async |statement: &'static str| {
        for statement in [statement, "select pg_reload_conf()"] {
            sqlx::query(statement).execute(fleet.pool()).await.unwrap();
        }
    };
    // From now on a commit waits for a standby, but there is none.
    set("alter system set synchronous_standby_names = 'nobody'").await;
    // The checkpointer has to read the setting before a commit waits.
    until("commits wait", Duration::from_secs(60), async || {
        let pool = fleet.pool().clone();
        let mut committing = tokio::spawn(async move {
            let commit = "create table if not exists waits (); drop table waits";
            sqlx::raw_sql(commit).execute(&pool).await.unwrap();
        });
        until("it waits or is done", Duration::from_secs(60), async || {
            committing.is_finished() || waiting(&fleet, "create table%").await == 1
        })
        .await;
        if !committing.is_finished() {
            return true;
        }
        (&mut committing).await.unwrap();
        false
    })
    .await;
    let (http, server) = (&fleet.http, fleet.at(0));
    let endings = futures::future::join_all(
        sessions
            .iter()
            .map(|tokens| async move { http.log_out(server, tokens).await.status.as_u16() }),
    );
    let counted = async {
        // With a notification inside the transaction, one of them would wait for the standby,
        // and the others for the lock of the first.
        until("all commits wait", Duration::from_secs(8), async || {
            waiting(&fleet, "commit%").await == COUNT
        })
        .await;
        set("alter system reset synchronous_standby_names").await;
    };
    let (statuses, ()) = futures::join!(endings, counted);
    assert!(statuses.iter().all(|status| *status == 204), "{statuses:?}");
}
