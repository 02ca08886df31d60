//! A pooler between the servers and Postgres.

use std::time::Duration;

use holdfast_server::config::MasterSecret;
use holdfast_server::store;
use sqlx::{Connection as _, PgConnection};

use crate::support::{Fleet, Pooler, Settings, until};

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_a_server_requires_the_direct_address() {
    let options = Fleet::migrated_database().await;
    let (pooler, direct) = (Pooler::before(&options).await, Fleet::url_of(&options));
    let settings = Settings::on(pooler.url().to_owned());
    let secret = settings.secret.encode().to_string();
    let mut variables = vec![
        ("DATABASE_URL", pooler.url()),
        ("HOLDFAST_SECRET", secret.as_str()),
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("HOLDFAST_ISSUER", "https://id.example"),
    ];
    for command in ["serve", "doctor"] {
        let ended = Fleet::run_command(&[command], &variables).await;
        assert!(!ended.success, "{command}");
        let said = &ended.said;
        assert!(
            said.contains("Set DATABASE_DIRECT_URL to the address of Postgres itself"),
            "{command}: {said}"
        );
    }
    variables.push(("DATABASE_DIRECT_URL", direct.as_str()));
    let told = Fleet::run_command(&["doctor"], &variables).await.said;
    for sentence in [
        "leads to the same database",
        "Statements that go through the pooler have no time limit",
    ] {
        assert!(told.contains(sentence), "{told}");
    }
    let foreign = Fleet::unmigrated_database().await;
    let other = Fleet::url_of(&foreign);
    variables.pop();
    variables.push(("DATABASE_DIRECT_URL", other.as_str()));
    let told = Fleet::run_command(&["doctor"], &variables).await.said;
    assert!(told.contains("leads to another database"), "{told}");
    // A server does not start with two databases, and no command makes tables in a foreign one.
    for command in ["serve", "migrate"] {
        let ended = Fleet::run_command(&[command], &variables).await;
        assert!(!ended.success, "{command}");
        let said = &ended.said;
        assert!(said.contains("lead to two databases"), "{command}: {said}");
        let mut connection = PgConnection::connect_with(&foreign).await.unwrap();
        let tables: i64 =
            sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'public'")
                .fetch_one(&mut connection)
                .await
                .unwrap();
        assert_eq!(tables, 0, "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_drops_settings_is_noticed_at_the_start() {
    let options = Fleet::migrated_database().await;
    let pooler = Pooler::that_drops_settings(&options).await;
    let secret = MasterSecret::generate().encode().to_string();
    let variables = [
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("HOLDFAST_ISSUER", "https://id.example"),
        ("HOLDFAST_SECRET", secret.as_str()),
        ("DATABASE_URL", pooler.url()),
        ("DATABASE_DIRECT_URL", pooler.url()),
    ];
    let sentence = "Set DATABASE_DIRECT_URL to the address of Postgres itself";
    for (arguments, variables) in [
        (["serve"].as_slice(), &variables[..4]),
        (&["serve", "--no-migrate"], &variables[..4]),
        (&["migrate"], &variables[..]),
    ] {
        let ended = Fleet::run_command(arguments, variables).await;
        assert!(!ended.success, "{arguments:?}");
        assert!(
            ended.said.contains(sentence),
            "{arguments:?}: {}",
            ended.said
        );
    }
    // The role may have the same settings.
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let role = "select format('alter role %I in database %I set statement_timeout = ''10s''',
        current_user, current_database())";
    let alter: String = sqlx::query_scalar(role)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    sqlx::query(sqlx::AssertSqlSafe(alter))
        .execute(&mut connection)
        .await
        .unwrap();
    let told = Fleet::run_command(&["doctor"], &variables[..4]).await.said;
    assert!(
        told.contains("There is a pooler, such as PgBouncer"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_a_role_without_the_path_of_the_schema_is_told_what_to_set() {
    let options = Fleet::unmigrated_database().await;
    let (pooler, direct) = (Pooler::before(&options).await, Fleet::url_of(&options));
    let secret = MasterSecret::generate().encode().to_string();
    let variables = [
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("DATABASE_URL", pooler.url()),
        ("DATABASE_DIRECT_URL", direct.as_str()),
        ("HOLDFAST_SECRET", secret.as_str()),
        ("HOLDFAST_ISSUER", "https://id.example"),
        // The role finds the schema of its own name without a setting.
        ("HOLDFAST_SCHEMA", "elsewhere"),
    ];
    for command in ["serve", "doctor"] {
        let ended = Fleet::run_command(&[command], &variables).await;
        assert!(!ended.success, "{command}: {}", ended.said);
        let sentence = "alter role … set search_path = elsewhere";
        assert!(ended.said.contains(sentence), "{command}: {}", ended.said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_direct_address_servers_behind_a_pooler_migrate_and_learn_of_endings() {
    let options = Fleet::unmigrated_database().await;
    let pooler = Pooler::before(&options).await;
    let settings = Settings {
        more: vec![("DATABASE_DIRECT_URL", Fleet::url_of(&options))],
        ..Settings::on(pooler.url().to_owned())
    };
    // No program listens at the pooler's address, so migrations cannot go through it.
    let direct = Fleet::url_of(&options);
    let variables = [
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing"),
        ("DATABASE_DIRECT_URL", direct.as_str()),
    ];
    let ended = Fleet::run_command(&["migrate"], &variables).await;
    assert!(ended.success, "{}", ended.said);
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    assert!(store::is_migrated(&mut connection).await.unwrap());

    let fleet = Fleet::with(2, settings, options).await;
    let listening = async || -> i64 {
        sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and query ilike 'listen %'",
        )
        .fetch_one(fleet.pool())
        .await
        .unwrap()
    };
    until("both listen", Duration::from_secs(10), async || {
        listening().await == 2
    })
    .await;
    let tokens = fleet.sign_up("ada").await;
    let tokens = fleet.http.renew(fleet.at(1), &tokens).await;
    assert!(fleet.http.accepts(fleet.at(1), &tokens).await);
    assert_eq!(fleet.http.log_out(fleet.at(0), &tokens).await.status, 204);
    until("heard", Duration::from_secs(2), async || {
        !fleet.http.accepts(fleet.at(1), &tokens).await
    })
    .await;
}
