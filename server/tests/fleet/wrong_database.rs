//! An instance that lost its database, or was given another one, signs nobody out.

use std::time::Duration;

use holdfast_protocol::problem::Code;

use crate::support::{Fleet, Renewal, Settings, until};

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
    // Nor does a command of an operator make one.
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
        "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)",
    )
    .execute(fleet.pool())
    .await
    .unwrap();
    let variables = [("DATABASE_URL", fleet.settings.database_url.as_str())];
    let ended = Fleet::run_command(&["account", "disable", "ada"], &variables).await;
    assert!(!ended.success);
    let said = &ended.said;
    assert!(said.contains("holdfast migrate"), "{said}");
}

#[tokio::test]
async fn bar_39_an_operator_who_begins_anew_gets_plain_answers() {
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
