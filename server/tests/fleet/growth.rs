//! The size of the tables after a hundred thousand rotations.

use std::time::{Duration, Instant};

use holdfast_protocol::attempt_key::{AttemptKey, AttemptMark};
use holdfast_server::store::sessions::{Rotate, rotate};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::support::{Cluster, Fleet, some_client, until};

const CONNECTIONS: u32 = 4;
// A busy instance has this many sessions, and their rotations come in no order. A page of the
// table has room for six rotations before old rows must be removed. They can only be removed
// when no backend can see them any more, even a backend that the scheduler has stopped for a
// second.
const SESSIONS: u32 = CONNECTIONS * 2500;
const ROTATIONS: u32 = 100_000;

struct Table {
    rows: i64,
    updates: i64,
    hot: i64,
    bytes: i64,
    wal: i64,
}

async fn measure(connection: &mut PgConnection) -> Table {
    let (rows, updates, hot, bytes, wal) = sqlx::query_as(
        "select
             (select count(*) from sessions),
             n_tup_upd,
             n_tup_hot_upd,
             pg_table_size('sessions'),
             (pg_current_wal_insert_lsn() - '0/0')::bigint
         from pg_stat_user_tables
         where relid = to_regclass('sessions')",
    )
    .fetch_one(connection)
    .await
    .unwrap();
    Table {
        rows,
        updates,
        hot,
        bytes,
        wal,
    }
}

/// The data that a browser has of its session, for this test.
#[derive(Clone)]
struct Session {
    session_id: Uuid,
    generation: u32,
    hash: [u8; 32],
}

/// Rotates each session of a connection in turn, like a refresh.
async fn rotate_all(mut connection: PgConnection, mut sessions: Vec<Session>, times: u32) {
    for _ in 0..times {
        for session in &mut sessions {
            let to_hash = holdfast_server::random::bytes();
            let key = AttemptKey::from_random(holdfast_server::random::bytes());
            let rotation = Rotate {
                session_id: session.session_id,
                from_generation: session.generation,
                from_hash: session.hash,
                to_generation: session.generation + 1,
                to_hash,
                attempt: AttemptMark::of(Some(&key)),
                client: some_client(),
            };
            let limits = rotate(&mut connection, &rotation).await.unwrap();
            assert!(limits.is_some());
            session.generation += 1;
            session.hash = to_hash;
        }
    }
    // The counters of a connection are complete when it is closed.
    connection.close().await.unwrap();
}

async fn rotate_everything(fleet: &Fleet, options: &PgConnectOptions, times: u32) {
    let rows: Vec<(Uuid, i64, Vec<u8>)> = sqlx::query_as(
        "select session_id, generation, token_hash from sessions order by md5(session_id::text)",
    )
    .fetch_all(fleet.pool())
    .await
    .unwrap();
    let sessions: Vec<_> = rows
        .into_iter()
        .map(|(session_id, generation, hash)| Session {
            session_id,
            generation: u32::try_from(generation).unwrap(),
            hash: hash.try_into().unwrap(),
        })
        .collect();
    let mut browsers = tokio::task::JoinSet::new();
    for own in sessions.chunks((SESSIONS / CONNECTIONS) as usize) {
        let connection = PgConnection::connect_with(options).await.unwrap();
        browsers.spawn(rotate_all(connection, own.to_vec(), times));
    }
    while let Some(done) = browsers.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_12_a_hundred_thousand_rotations_are_all_hot_and_leave_the_table_as_small_as_it_was() {
    // The test does not wait for commits, because it only measures what is written.
    let cluster = Cluster::start(&[
        "synchronous_commit=off",
        "checkpoint_timeout=1h",
        "max_wal_size=4GB",
        // An ANALYZE reads the whole table in one transaction, and meanwhile this test rotates
        // each row ten thousand times as often as a browser does. A VACUUM is not needed either.
        "autovacuum=off",
    ])
    .await;
    let fleet = Fleet::start_on(0, &cluster).await;
    let options = cluster.options("holdfast");
    fleet.browsers(SESSIONS as usize).await;
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    // The table reaches its final size: each page has its live rows and room for their
    // successors.
    let warm_up = 2;
    rotate_everything(&fleet, &options, warm_up).await;
    let counted = async |wanted: i64| {
        until("counted", Duration::from_secs(20), async || {
            let mut connection = PgConnection::connect_with(&options).await.unwrap();
            measure(&mut connection).await.updates >= wanted
        })
        .await;
    };
    counted(i64::from(warm_up * SESSIONS)).await;
    let before = measure(&mut connection).await;

    let times = ROTATIONS.div_ceil(SESSIONS);
    let rotations = i64::from(times * SESSIONS);
    let begun = Instant::now();
    rotate_everything(&fleet, &options, times).await;
    let took = begun.elapsed();
    counted(before.updates + rotations).await;
    let after = measure(&mut connection).await;

    let updates = after.updates - before.updates;
    let hot = after.hot - before.hot;
    let wal = (after.wal - before.wal) as f64 / rotations as f64;
    println!(
        "{rotations} rotations of {SESSIONS} sessions on {CONNECTIONS} connections in {took:.1?}: \
         {hot} of {updates} updates HOT, {wal:.0} bytes of WAL for each, \
         table {} bytes before and {} after",
        before.bytes, after.bytes
    );
    assert_eq!(after.rows, i64::from(SESSIONS));
    assert_eq!(updates, rotations);
    assert_eq!(hot, updates);
    assert!(after.bytes <= before.bytes * 11 / 10);
    // One whole page for each rotation would be 8 KB.
    assert!(wal < 1000.0);
}
