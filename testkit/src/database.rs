//! A database for every test, copied from a migrated template, on a Postgres that is
//! started once.

use holdfast_local_postgres::{Durability, LocalPostgres, Options};
use holdfast_server::store::schema::{self, Schema};
use holdfast_server::{private_postgres, random};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::places::directory_of_tests;

/// The database of a test. The next run drops it, so that a person can look at the database of a
/// failed test.
#[derive(Clone)]
pub(crate) struct TestDatabase {
    pub(crate) options: PgConnectOptions,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();

struct Server {
    options: PgConnectOptions,
    run: i64,
    template: String,
    // Its lock tells other runs that this one still needs its databases.
    _lock: PgConnection,
    // Keeps Postgres in use as long as the tests run.
    _postgres: LocalPostgres,
}

impl TestDatabase {
    pub(crate) async fn create() -> Self {
        let server = SERVER.get_or_init(Server::start).await;
        Self::create_from(server, &server.template).await
    }

    /// A database without any table.
    pub(crate) async fn create_empty() -> Self {
        let server = SERVER.get_or_init(Server::start).await;
        Self::create_from(server, "template1").await
    }

    /// A copy of this database. There must be no connection to it.
    pub(crate) async fn copy(&self) -> Self {
        let server = SERVER.get_or_init(Server::start).await;
        let name = self.options.get_database().unwrap();
        Self::create_from(server, name).await
    }

    async fn create_from(server: &Server, template: &str) -> Self {
        let name = format!(
            "test_{}_{}",
            server.run,
            u64::from_le_bytes(random::bytes())
        );
        let mut connection = PgConnection::connect_with(&server.options).await.unwrap();
        let create = format!(r#"create database "{name}" template "{template}""#);
        sqlx::query(AssertSqlSafe(create))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        Self {
            options: server.options.clone().database(&name),
        }
    }
}

impl Server {
    async fn start() -> Self {
        let data_dir = directory_of_tests().join("postgres");
        let options = Options {
            durability: Durability::Throwaway,
            keep_running: true,
            ..private_postgres::options(&data_dir)
        };
        let postgres = LocalPostgres::start(options).await.unwrap();
        let options = postgres.connect_options();
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        let old: Vec<String> = sqlx::query_scalar(
            "select datname from pg_database
             where datname like 'test_%' or datname like 'template\\_%'",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        for name in old {
            // Databases that another run uses stay, with or without a connection.
            if let Some(run) = run_of(&name)
                && try_lock(&mut connection, run).await
            {
                let drop = format!(r#"drop database if exists "{name}""#);
                let _ = sqlx::query(AssertSqlSafe(drop))
                    .execute(&mut connection)
                    .await;
            }
        }
        connection.close().await.unwrap();

        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        let run = i64::from(u32::from_le_bytes(random::bytes()));
        assert!(
            try_lock(&mut connection, run).await,
            "another run has this number"
        );
        let template = format!("template_{run}");
        let create = format!(r#"create database "{template}""#);
        sqlx::query(AssertSqlSafe(create))
            .execute(&mut connection)
            .await
            .unwrap();
        migrate(&options.clone().database(&template)).await;
        Self {
            options,
            run,
            template,
            _lock: connection,
            _postgres: postgres,
        }
    }
}

/// Makes the tables of Holdfast in a schema of their own. The role of the tests has the name of the
/// schema, so the queries of tests find the tables.
pub async fn migrate(options: &PgConnectOptions) {
    let layout = schema::migrate(options, &Schema::default()).await;
    layout.unwrap().unwrap();
}

/// The number of the run that made a database: `template_<run>` or `test_<run>_<number>`. A
/// database whose name has an earlier form belongs to no run, so its lock is free.
fn run_of(database: &str) -> Option<i64> {
    let number = database.split('_').nth(1)?;
    Some(number.parse().unwrap_or_default())
}

/// Held until the connection is closed.
async fn try_lock(connection: &mut PgConnection, run: i64) -> bool {
    sqlx::query_scalar("select pg_try_advisory_lock($1)")
        .bind(run)
        .fetch_one(connection)
        .await
        .unwrap()
}

/// Generation and hash of a session's row.
pub(crate) async fn row(pool: &PgPool, session_id: Uuid) -> Option<(i64, Vec<u8>)> {
    sqlx::query_as("select generation, token_hash from sessions where session_id = $1")
        .bind(session_id)
        .fetch_optional(pool)
        .await
        .unwrap()
}

/// Makes a session this much older, as if time had passed for the database.
pub(crate) async fn let_pass(pool: &PgPool, session_id: Uuid, seconds: u32) {
    let changed = sqlx::query(
        "update sessions
         set
             created_at = created_at - make_interval(secs => $2),
             rotated_at = rotated_at - make_interval(secs => $2),
             expires_at = expires_at - make_interval(secs => $2)
         where session_id = $1",
    )
    .bind(session_id)
    .bind(f64::from(seconds))
    .execute(pool)
    .await
    .unwrap();
    assert_eq!(changed.rows_affected(), 1);
}
