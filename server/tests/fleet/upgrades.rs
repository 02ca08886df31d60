//! Different releases on one database.

use std::time::Duration;

use holdfast_protocol::problem::Code;
use holdfast_server::store::MIGRATOR;
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};

use crate::support::{Browser, Fleet, PASSWORD, Renewal, Settings, new_key, until};

#[tokio::test(flavor = "multi_thread")]
async fn bar_41_instances_restart_in_any_order_on_the_schema_of_a_later_release() {
    let mut fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(5).await;
    // A later release leaves a migration that this release does not know, and its table.
    sqlx::query("create table of_a_later_release (id bigint)")
        .execute(fleet.pool())
        .await
        .unwrap();
    sqlx::query(
        "insert into holdfast_migrations (version, description, success, checksum, execution_time)
         values (99990101000000, 'of a later release', true, '\\x00', 1)",
    )
    .execute(fleet.pool())
    .await
    .unwrap();
    let settings = fleet.settings.clone();
    for n in [0, 1, 0] {
        fleet.restart(n, &settings).await;
        for browser in &browsers {
            assert_eq!(browser.renew(fleet.at(n)).await, Renewal::Renewed);
        }
    }
    let variables = [("DATABASE_URL", settings.database_url.as_str())];
    let ended = Fleet::run_command(&["migrate"], &variables).await;
    assert!(ended.success, "{}", ended.said);
    fleet.assert_nobody_was_signed_out(&browsers).await;
}

/// Makes the tables as the first release left them.
async fn migrate_to(connection: &mut PgConnection, version: i64) {
    let migrations: Vec<_> = MIGRATOR
        .iter()
        .filter(|migration| migration.version <= version)
        .cloned()
        .collect();
    let migrator = Migrator::with_migrations(migrations);
    migrator.run(connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_41_a_migration_waits_for_an_open_reader_and_lets_other_statements_pass() {
    let options = Fleet::unmigrated_database().await;
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    migrate_to(&mut connection, 4).await;
    sqlx::query("insert into secret_fingerprint (fingerprint) values ('\\x0102030405060708')")
        .execute(&mut connection)
        .await
        .unwrap();
    // An open transaction that has read the table blocks its migration.
    let mut reader = PgConnection::connect_with(&options).await.unwrap();
    let mut reading = reader.begin().await.unwrap();
    sqlx::query("select count(*) from events")
        .execute(&mut *reading)
        .await
        .unwrap();
    let url = Fleet::url_of(&options);
    let migrating = tokio::spawn({
        let url = url.clone();
        async move { Fleet::run_command(&["migrate"], &[("DATABASE_URL", url.as_str())]).await }
    });
    let waits = "select count(*) from pg_stat_activity
         where application_name = 'holdfast migrate' and wait_event_type = 'Lock'
             and datname = current_database()";
    let connection = tokio::sync::Mutex::new(connection);
    until("it waits", Duration::from_secs(60), async || {
        let mut connection = connection.lock().await;
        let waiting: i64 = sqlx::query_scalar(waits)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        waiting == 1
    })
    .await;
    // Statements behind the migration are answered when it gives up, a second later.
    let mut connection = connection.into_inner();
    for statement in ["set lock_timeout = '4s'", "select count(*) from events"] {
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    assert!(!migrating.is_finished());
    reading.commit().await.unwrap();
    let ended = migrating.await.unwrap();
    assert!(ended.success, "{}", ended.said);
    // The secret of the first release is known.
    let known: i64 = sqlx::query_scalar(
        "select count(*) from secrets where fingerprint = '\\x0102030405060708'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(known, 1);

    // A server that may not migrate starts on these tables now. It did not start before.
    let settings = Settings {
        more: vec![("HOLDFAST_NO_MIGRATE", "true".to_owned())],
        ..Settings::on(url)
    };
    sqlx::query("delete from secrets")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("delete from secret_fingerprint")
        .execute(&mut connection)
        .await
        .unwrap();
    let fleet = Fleet::with(1, settings, options).await;
    fleet.sign_up("ada").await;
}

/// The migrations that have been applied to tables in the path of the role.
async fn applied(fleet: &Fleet) -> Vec<i64> {
    sqlx::query_scalar("select version from _sqlx_migrations where success order by version")
        .fetch_all(fleet.pool())
        .await
        .unwrap()
}

/// Every browser renews at every instance, twice. One answer of each is lost on the way, and the
/// request is sent again to the instance that comes next.
async fn renew_everywhere(fleet: &Fleet, browsers: &[Browser]) {
    for n in 0..2 * fleet.instances.len() {
        for browser in browsers {
            assert_eq!(browser.renew(fleet.at(n)).await, Renewal::Renewed);
            let (refresh_token, key) = browser.attempt();
            let lost = fleet.http.try_refresh(fleet.at(n), &refresh_token, &key);
            let lost = lost.await.unwrap().tokens(200);
            assert_eq!(browser.renew(fleet.at(n + 1)).await, Renewal::Renewed);
            assert!(browser.refresh_token() == lost.refresh_token);
        }
    }
}

/// A session that one instance ends is over at the other one, and both have the same accounts.
async fn agree(fleet: &Fleet, name: &str) {
    for n in 0..2 {
        let name = format!("{name}-{n}");
        let (here, there) = (fleet.at(n), fleet.at(n + 1));
        let made = fleet.http.sign_up(here, &name).await.tokens(201);
        let other = fleet.http.log_in(there, &name, PASSWORD).await.tokens(200);
        for server in [here, there] {
            assert!(fleet.http.accepts(server, &made).await);
            assert!(fleet.http.accepts(server, &other).await);
        }
        assert_eq!(fleet.http.log_out(here, &other).await.status, 204);
        until("heard", Duration::from_secs(5), async || {
            !fleet.http.accepts(there, &other).await
        })
        .await;
        let again = fleet.http.refresh(there, &other, &new_key()).await;
        again.is(Code::SessionEnded);
        fleet.http.renew(there, &made).await;
    }
}

/// Run it with the program of an earlier release. Nothing here builds that program:
/// `HOLDFAST_OLDER_BINARY=… cargo test --test fleet older -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a program of an earlier release: set HOLDFAST_OLDER_BINARY and add --ignored"]
async fn bar_41_an_older_release_serves_beside_this_one_and_can_be_rolled_back_to() {
    let program = std::env::var_os("HOLDFAST_OLDER_BINARY");
    let program = program.expect("HOLDFAST_OLDER_BINARY names a program of an earlier release");
    let options = Fleet::unmigrated_database().await;
    let new = Settings::on(Fleet::url_of(&options));
    let old = Settings {
        program: Some(program.into()),
        ..new.clone()
    };
    let mut fleet = Fleet::with(2, old.clone(), options).await;
    let mut browsers = Vec::new();
    fleet.sign_up("ada").await;
    for _ in 0..5 {
        let tokens = fleet.log_in("ada").await;
        browsers.push(Browser::new(fleet.http.clone(), tokens.refresh_token));
    }
    renew_everywhere(&fleet, &browsers).await;
    let before = applied(&fleet).await;

    // The releases run side by side. The first instance is this release, and it makes its tables.
    fleet.restart(0, &new).await;
    let after = applied(&fleet).await;
    let added: Vec<_> = after.iter().filter(|one| !before.contains(one)).collect();
    println!("this release has added these migrations: {added:?}");
    assert!(before.iter().all(|one| after.contains(one)));
    renew_everywhere(&fleet, &browsers).await;
    agree(&fleet, "beside").await;

    // The older one starts on the newer tables, beside the newer one and alone.
    for (n, settings) in [
        (1, &old),
        (0, &old),
        (1, &new),
        (0, &new),
        (0, &old),
        (0, &new),
    ] {
        fleet.restart(n, settings).await;
        renew_everywhere(&fleet, &browsers).await;
    }
    agree(&fleet, "forward").await;
    for n in [0, 1] {
        fleet.restart(n, &old).await;
    }
    renew_everywhere(&fleet, &browsers).await;
    agree(&fleet, "rolled-back").await;
    for n in [1, 0] {
        fleet.restart(n, &new).await;
    }
    assert_eq!(applied(&fleet).await, after);
    fleet.assert_nobody_was_signed_out(&browsers).await;
}
