//! An instance that lost its database, or has the address of another one, signs no person out.

use std::time::Duration;

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Tokens, paths};
use holdfast_server::config::MasterSecret;
use holdfast_server::store;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::support::{Answer, Cluster, Fleet, Instance, Renewal, Settings, new_key, until};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test(flavor = "multi_thread")]
async fn bar_39_an_empty_database_signs_none_of_fifty_browsers_out() {
    let mut fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(50).await;
    for browser in &browsers {
        assert_eq!(browser.renew(fleet.at(0)).await, Renewal::Renewed);
    }
    let signing_out = fleet.sign_up("ada").await;
    let right = fleet.settings.clone();
    let empty = Settings {
        database_url: Fleet::empty_database_url().await,
        ..right.clone()
    };
    fleet.restart(0, &empty).await;
    for browser in &browsers {
        let renewal = browser.renew(fleet.at(0)).await;
        assert!(matches!(renewal, Renewal::Later(_)), "{renewal:?}");
    }
    let answer = fleet.http.log_out(fleet.at(0), &signing_out).await;
    answer.is(Code::TemporarilyUnavailable);
    let log = fleet.instances[0].log();
    assert!(log.contains("probably the wrong database"), "{log}");
    assert_eq!(log.matches("probably the wrong database").count(), 1);

    fleet.restart(0, &right).await;
    assert_eq!(
        fleet.http.log_out(fleet.at(0), &signing_out).await.status,
        204
    );
    fleet.assert_nobody_was_signed_out(&browsers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_39_a_database_that_is_a_day_old_signs_no_older_session_out() {
    let mut fleet = Fleet::start(1).await;
    let browsers = fleet.browsers_of_before(3, 2 * DAY).await;
    for browser in &browsers {
        assert_eq!(browser.renew(fleet.at(0)).await, Renewal::Renewed);
    }
    let right = fleet.settings.clone();
    // A person signed up there a day ago.
    let options = Fleet::migrated_database().await;
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    for statement in [
        "insert into accounts (account_id, username, username_key, password_hash, created_at)
         values (gen_random_uuid(), 'eve', 'eve', '', now() - interval '1 day')",
        "update database set birth = now() - interval '1 day'",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let wrong = Settings {
        database_url: Fleet::url_of(&options),
        ..right.clone()
    };
    fleet.restart(0, &wrong).await;
    for browser in &browsers {
        let renewal = browser.renew(fleet.at(0)).await;
        assert!(matches!(renewal, Renewal::Later(_)), "{renewal:?}");
        let tokens = browser.tokens().unwrap();
        for answer in [
            account(&fleet, &tokens).await,
            fleet.http.log_out(fleet.at(0), &tokens).await,
        ] {
            answer.is(Code::TemporarilyUnavailable);
        }
    }
    fleet.restart(0, &right).await;
    fleet.assert_nobody_was_signed_out(&browsers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_39_an_older_copy_of_the_database_goes_on_with_the_sessions_that_it_has() {
    let options = Fleet::migrated_database().await;
    let right = Settings::on(Fleet::url_of(&options));
    let mut fleet = Fleet::with(1, right.clone(), options.clone()).await;
    sqlx::query("update database set birth = now() - interval '1 year'")
        .execute(fleet.pool())
        .await
        .unwrap();
    let browsers = fleet.browsers(3).await;
    let (staying, leaving) = (fleet.sign_up("ada").await, fleet.log_in("ada").await);
    // The copy is made, and production goes on.
    fleet.instances[0].stop().await;
    fleet.pool().close().await;
    let copy = Settings {
        database_url: Fleet::url_of(&Fleet::copy_of(&options).await),
        ..right.clone()
    };
    fleet.look_into(options);
    fleet.restart(0, &right).await;
    let mut staying = fleet.http.renew(fleet.at(0), &staying).await;
    for _ in 0..3 {
        staying = fleet.http.renew(fleet.at(0), &staying).await;
        for browser in &browsers {
            assert_eq!(browser.renew(fleet.at(0)).await, Renewal::Renewed);
        }
    }
    let since = fleet.log_in("ada").await;

    fleet.restart(0, &copy).await;
    // The tokens are newer than the copy, and genuine.
    for browser in &browsers {
        assert_eq!(browser.renew(fleet.at(0)).await, Renewal::Renewed);
    }
    assert_eq!(account(&fleet, &staying).await.status, 200);
    fleet.http.renew(fleet.at(0), &staying).await;
    assert_eq!(fleet.http.log_out(fleet.at(0), &leaving).await.status, 204);
    // Sessions that were opened since then are not in the copy. The copy is older than they are, so
    // the server cannot distinguish them from sessions that are over.
    assert_eq!(account(&fleet, &since).await.status, 200);
    fleet
        .http
        .refresh(fleet.at(0), &since, &new_key())
        .await
        .is(Code::SessionEnded);
    assert_eq!(fleet.http.log_out(fleet.at(0), &since).await.status, 204);

    // In production the same sessions go on, although the copy refused them.
    fleet.restart(0, &right).await;
    fleet.http.renew(fleet.at(0), &since).await;
    fleet.http.renew(fleet.at(0), &leaving).await;
    fleet.assert_nobody_was_signed_out(&browsers).await;
}

/// `GET /api/v1/account` with this access token.
async fn account(fleet: &Fleet, tokens: &Tokens) -> Answer {
    let (server, path) = (fleet.at(0), paths::ACCOUNT);
    let answer = fleet
        .http
        .call_as(tokens, Method::GET, server, path, None)
        .await;
    answer.unwrap()
}

#[tokio::test]
async fn bar_39_a_server_that_lost_its_database_address_does_not_start_and_makes_nothing() {
    let fleet = Fleet::start(1).await;
    let directory = std::env::temp_dir().join(format!(
        "holdfast-lost-{:016x}",
        u64::from_le_bytes(holdfast_server::random::bytes())
    ));
    let data_dir = directory.display().to_string();
    let secret = fleet.settings.secret.encode().to_string();
    for (name, value) in [
        ("HOLDFAST_SECRET", secret.as_str()),
        ("HOLDFAST_SECRET_PREVIOUS", secret.as_str()),
        ("HOLDFAST_LISTEN", "0.0.0.0:0"),
    ] {
        let variables = [(name, value), ("HOLDFAST_DATA_DIR", data_dir.as_str())];
        let ended = Fleet::run_command(&["serve"], &variables).await;
        assert!(!ended.success, "{name}");
        let said = &ended.said;
        assert!(said.contains("DATABASE_URL is missing"), "{name}: {said}");
    }
    // A command of an operator does not make a database either.
    for command in [
        &["account", "disable", "ada"][..],
        &["migrate"],
        &["database", "begin-anew"],
        &["keys", "replace", "--after-leak"],
    ] {
        let variables = [("HOLDFAST_DATA_DIR", data_dir.as_str())];
        let ended = Fleet::run_command(command, &variables).await;
        assert!(!ended.success, "{command:?}");
        let said = &ended.said;
        assert!(said.contains("There is no database"), "{command:?}: {said}");
    }
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_command_of_an_operator_does_not_migrate() {
    let fleet = Fleet::start(1).await;
    sqlx::query(
        "delete from holdfast_migrations
         where version = (select max(version) from holdfast_migrations)",
    )
    .execute(fleet.pool())
    .await
    .unwrap();
    let variables = [("DATABASE_URL", fleet.settings.database_url.as_str())];
    let secret = MasterSecret::generate().encode().to_string();
    let variables = [variables[0], ("HOLDFAST_SECRET", secret.as_str())];
    for command in [
        &["account", "disable", "ada"][..],
        &["account", "enable", "ada"],
        &["account", "unlock", "ada"],
        &["database", "begin-anew"],
        &["keys", "replace", "--after-leak"],
    ] {
        let ended = Fleet::run_command(command, &variables).await;
        assert!(!ended.success, "{command:?}");
        let said = &ended.said;
        assert!(said.contains("holdfast migrate"), "{command:?}: {said}");
    }
    let mut connection = fleet.pool().acquire().await.unwrap();
    assert!(!store::is_migrated(&mut connection).await.unwrap());
}

#[tokio::test]
async fn bar_39_after_begin_anew_unknown_sessions_get_definite_answers() {
    let mut fleet = Fleet::start(1).await;
    let browser = fleet.browsers(1).await.remove(0);
    let empty = Settings {
        database_url: Fleet::empty_database_url().await,
        ..fleet.settings.clone()
    };
    fleet.restart(0, &empty).await;
    let renewal = browser.renew(fleet.at(0)).await;
    assert!(matches!(renewal, Renewal::Later(_)), "{renewal:?}");
    let variables = [("DATABASE_URL", empty.database_url.as_str())];
    let ended = Fleet::run_command(&["database", "begin-anew"], &variables).await;
    assert!(ended.success, "{}", ended.said);
    until("told", Duration::from_secs(10), async || {
        browser.renew(fleet.at(0)).await == Renewal::Over("401 session_ended".to_owned())
    })
    .await;
}

async fn execute(database: &PgConnectOptions, statement: &str) {
    let mut connection = PgConnection::connect_with(database).await.unwrap();
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_waiting_does_not_mend_is_told_at_once() {
    const MAKE_IT: &str = "Make it with `create schema holdfast authorization";
    let cluster = Cluster::start(&[]).await;
    let options = cluster.create_database().await;
    execute(&options, "create role powerless login").await;
    let powerless = Fleet::url_of(&options.clone().username("powerless"));
    let no_role = Fleet::url_of(&options.clone().username("no_such_role"));
    let no_database = Fleet::url_of(&options.database("no_such_database"));
    let foreign = "mysql://ada:hunter2@127.0.0.1/holdfast";
    let secret = MasterSecret::generate().encode().to_string();
    for (command, url, sentence) in [
        ("serve", powerless.as_str(), MAKE_IT),
        ("serve", foreign, "is not a Postgres URL"),
        ("migrate", powerless.as_str(), MAKE_IT),
        ("migrate", foreign, "is not a Postgres URL"),
        // A person who types a command wants to know at once.
        ("migrate", no_role.as_str(), "no_such_role"),
        ("migrate", no_database.as_str(), "no_such_database"),
    ] {
        let variables = [
            ("DATABASE_URL", url),
            ("HOLDFAST_SECRET", secret.as_str()),
            ("HOLDFAST_LISTEN", "127.0.0.1:0"),
            ("HOLDFAST_ISSUER", "https://id.example"),
        ];
        let ended = Fleet::run_command(&[command], &variables).await;
        assert!(!ended.success, "{command} {sentence}");
        assert!(ended.said.contains(sentence), "{}", ended.said);
        assert!(!ended.said.contains("trying again"), "{}", ended.said);
        assert!(!ended.said.contains("hunter2"), "{}", ended.said);
    }
}

/// In a new deployment, the role and the database may be made while the server starts.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_waits_for_a_role_and_a_database_that_are_made_while_it_starts() {
    let cluster = Cluster::start(&[]).await;
    let postgres = cluster.options("postgres");
    let options = cluster.options("made_later").username("made_later");
    let settings = Settings::on(Fleet::url_of(&options));
    let starting = tokio::spawn(async move { Instance::start(&settings, None).await });
    let steps = [
        (
            "role \"made_later\" does not exist",
            "create role made_later login",
        ),
        (
            "database \"made_later\" does not exist",
            "create database made_later owner made_later",
        ),
    ];
    for (missing, made) in steps {
        until(missing, Duration::from_secs(60), async || {
            assert!(!starting.is_finished(), "it did not wait: {missing}");
            cluster.log().contains(missing)
        })
        .await;
        execute(&postgres, made).await;
    }
    let instance = starting.await.unwrap();
    for (missing, _) in steps {
        assert!(instance.log().contains(missing), "{}", instance.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_two_databases_to_choose_from_does_not_start() {
    let url = Fleet::url_of(&Fleet::migrated_database().await);
    let secret = MasterSecret::generate().encode().to_string();
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("HOLDFAST_PRIVATE_POSTGRES", "true"),
        ("HOLDFAST_SECRET", secret.as_str()),
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("HOLDFAST_ISSUER", "https://id.example"),
    ];
    let ended = Fleet::run_command(&["serve"], &variables).await;
    assert!(!ended.success);
    assert!(ended.said.contains("Set one of them"), "{}", ended.said);
}
