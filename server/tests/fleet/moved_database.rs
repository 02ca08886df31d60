//! A database that is moved under running servers: its address leads elsewhere for new
//! connections, or its name is given to another one.

use std::time::Duration;

use holdfast_protocol::problem::Code;
use holdfast_server::config::MasterSecret;
use holdfast_server::keys::fingerprint;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::task::JoinSet;

use crate::support::{
    Browser, Cluster, DatabaseLink, Fleet, Instance, Renewal, Settings, migrate, new_key, until,
};

/// How many connections a server of these tests has at the most.
const CONNECTIONS: usize = 8;

/// Makes the database a year old, with an account.
const OF_A_YEAR_AGO: [&str; 2] = [
    "insert into accounts (account_id, username, username_key, password_hash, created_at)
     values (gen_random_uuid(), 'eve', 'eve', '', now() - interval '1 year')",
    "update database set birth = now() - interval '1 year'",
];

async fn execute(database: &PgConnectOptions, statement: String) {
    let mut connection = PgConnection::connect_with(database).await.unwrap();
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// Makes a database of a year ago, with an account. Servers with another secret use it, like those
/// of a staging fleet.
async fn becomes_another_fleets(database: &PgConnectOptions) {
    migrate(database).await;
    let mut connection = PgConnection::connect_with(database).await.unwrap();
    let theirs = fingerprint(&MasterSecret::generate().into_bytes());
    sqlx::query("insert into secrets (fingerprint, state) values ($1, 'in_use')")
        .bind(&theirs[..])
        .execute(&mut connection)
        .await
        .unwrap();
    for statement in OF_A_YEAR_AGO {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
}

/// All browsers renew at once, at every server. Returns how many were told to come later.
async fn renew_at_once(fleet: &Fleet, browsers: &[Browser]) -> usize {
    let mut renewing = JoinSet::new();
    for (n, browser) in browsers.iter().enumerate() {
        let (browser, server) = (browser.clone(), fleet.at(n));
        renewing.spawn(async move { browser.renew(server).await });
    }
    let mut later = 0;
    while let Some(renewal) = renewing.join_next().await {
        match renewal.unwrap() {
            Renewal::Renewed => {}
            Renewal::Later(_) => later += 1,
            renewal @ (Renewal::Conflict | Renewal::Over(_)) => panic!("{renewal:?}"),
        }
    }
    later
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_39_new_connections_that_lead_to_another_fleets_database_end_no_session() {
    let (right, wrong) = (Cluster::start(&[]).await, Cluster::start(&[]).await);
    let (database, other) = (right.create_database().await, wrong.create_database().await);
    let link = DatabaseLink::to(&database).await;
    let settings = Settings {
        more: vec![("HOLDFAST_DATABASE_CONNECTIONS", CONNECTIONS.to_string())],
        ..Settings::on(link.url(&database))
    };
    let fleet = Fleet::with(2, settings, database.clone()).await;
    sqlx::query("update database set birth = now() - interval '1 year'")
        .execute(fleet.pool())
        .await
        .unwrap();
    let browsers = fleet.browsers(40).await;
    // The browsers renew one after the other, because each server has few connections.
    for (n, browser) in browsers.iter().enumerate() {
        assert_eq!(browser.renew(fleet.at(n)).await, Renewal::Renewed);
    }
    becomes_another_fleets(&other).await;

    // The present connections go on. New connections lead to the wrong database. The servers still
    // read in the right one which secrets are in use.
    link.lead_new_connections_to(&other);
    let mut later = 0;
    for _ in 0..200 {
        later += renew_at_once(&fleet, &browsers).await;
        if later >= 40 {
            break;
        }
    }
    assert!(later >= 40, "only {later} renewals met the wrong database");
    println!("{later} renewals were told to come later");

    link.point_to(&database);
    for browser in &browsers {
        let renewal = browser.renew_until_answered(&fleet.addresses()).await;
        assert_eq!(renewal, Renewal::Renewed);
    }
    assert_eq!(fleet.events("refresh_token_reused").await, 0);
    assert_eq!(fleet.events("session_ended").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_39_a_database_whose_name_is_given_to_another_one_loses_no_session() {
    let cluster = Cluster::start(&[]).await;
    let fleet = Fleet::start_on(2, &cluster).await;
    let browsers = fleet.browsers(20).await;
    let tokens = fleet.sign_up("ada").await;
    assert_eq!(renew_at_once(&fleet, &browsers).await, 0);
    let postgres = cluster.options("postgres");
    let is_away = async |what: &str| {
        let later = renew_at_once(&fleet, &browsers).await;
        assert_eq!(later, browsers.len(), "{what}");
        let answer = fleet.http.log_out(fleet.at(0), &tokens).await;
        assert_eq!(answer.status, 503, "{what}");
    };

    let allow = |may: bool| format!("alter database holdfast with allow_connections {may}");
    execute(&postgres, allow(false)).await;
    execute(&postgres, end_connections("holdfast")).await;
    is_away("it may not be connected to").await;
    execute(&postgres, allow(true)).await;
    rename(&postgres, "holdfast", "elsewhere").await;
    is_away("no database has the name").await;
    execute(&postgres, "create database holdfast".to_owned()).await;
    is_away("another one without tables has it").await;
    let impostor = cluster.options("holdfast");
    migrate(&impostor).await;
    is_away("another one with empty tables has it").await;
    // The servers write no secret into it, and are not ready.
    for server in fleet.addresses() {
        until("not ready", Duration::from_secs(10), async || {
            fleet.http.get(server, "/readyz").await.unwrap().status == 503
        })
        .await;
    }
    assert_eq!(known_secrets(&impostor).await, 0);
    becomes_another_fleets(&impostor).await;
    is_away("another fleet's has it").await;

    rename(&postgres, "holdfast", "impostor").await;
    rename(&postgres, "elsewhere", "holdfast").await;
    for browser in &browsers {
        let renewal = browser.renew_until_answered(&fleet.addresses()).await;
        assert_eq!(renewal, Renewal::Renewed);
    }
    assert_eq!(fleet.http.log_out(fleet.at(0), &tokens).await.status, 204);
    assert_eq!(fleet.events("refresh_token_reused").await, 0);
    assert_eq!(fleet.events("session_ended").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_enter_their_secret_again_after_an_older_backup_is_restored_under_them() {
    let cluster = Cluster::start(&[]).await;
    let database = cluster.create_database().await;
    migrate(&database).await;
    let mut connection = PgConnection::connect_with(&database).await.unwrap();
    for statement in OF_A_YEAR_AGO {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
    // The backup is from before the master secret of the servers was used.
    let postgres = cluster.options("postgres");
    let backup = "create database backup template holdfast";
    execute(&postgres, backup.to_owned()).await;
    let settings = Settings::on(Fleet::url_of(&database));
    let fleet = Fleet::with(2, settings, database.clone()).await;
    let since = fleet.sign_up("ada").await;

    rename(&postgres, "holdfast", "damaged").await;
    rename(&postgres, "backup", "holdfast").await;
    for server in fleet.addresses() {
        // The session is not in the backup. The servers say so when their secret is in it.
        until("over", Duration::from_secs(30), async || {
            let answer = fleet.http.refresh(server, &since, &new_key()).await;
            let is_over = answer.status == 401;
            if is_over {
                answer.is(Code::SessionEnded);
            }
            is_over
        })
        .await;
        assert_eq!(fleet.http.get(server, "/readyz").await.unwrap().status, 200);
    }
    assert_eq!(known_secrets(&database).await, 1);
    let anew = fleet.sign_up("ada").await;
    fleet.http.renew(fleet.at(1), &anew).await;
    // The server that noticed it first has entered the secret for both.
    let logs: Vec<_> = fleet.instances.iter().map(Instance::log).collect();
    let notices = |log: &String| log.contains("The instance enters it again");
    assert!(logs.iter().any(notices), "{logs:?}");
}

/// How many master secrets a database knows.
async fn known_secrets(database: &PgConnectOptions) -> i64 {
    let mut connection = PgConnection::connect_with(database).await.unwrap();
    let known = sqlx::query_scalar("select count(*) from secrets")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    known
}

/// Renames a database while servers use it. It ends their connections first, as an operator has to
/// do.
async fn rename(postgres: &PgConnectOptions, from: &str, to: &str) {
    for statement in [
        format!("alter database {from} with allow_connections false"),
        end_connections(from),
        format!("alter database {from} rename to {to}"),
        format!("alter database {to} with allow_connections true"),
    ] {
        execute(postgres, statement).await;
    }
}

fn end_connections(to: &str) -> String {
    format!("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{to}'")
}
