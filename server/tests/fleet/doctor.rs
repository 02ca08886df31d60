//! `holdfast doctor` on a database with faults.

use std::process::Command;

use holdfast_server::store::MIGRATOR;
use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;

use crate::support::{Cluster, Fleet, Settings};

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_a_forgotten_replication_slot_and_a_forgotten_proxy() {
    let cluster = Cluster::start(&["fsync=on"]).await;
    let options = cluster.create_database().await;
    let mut connection = options.connect().await.unwrap();
    let url = options.to_url_lossy().to_string();
    let holdfast = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(arguments)
            .env_clear()
            .env("DATABASE_URL", &url)
            .env("HOLDFAST_ISSUER", "https://id.example")
            .output()
            .unwrap()
    };
    assert!(holdfast(&["migrate"]).status.success());
    let trusted = ["doctor", "--trusted-proxies", "10.0.0.0/8"];
    // A database without accounts may be the wrong one.
    let empty = holdfast(&trusted);
    assert!(!empty.status.success());
    let said = String::from_utf8_lossy(&empty.stdout).into_owned();
    assert!(said.contains("has no accounts"), "{said}");
    sqlx::query(
        "insert into accounts (account_id, username, username_key, password_hash)
         values (gen_random_uuid(), 'ada', 'ada', 'never signed in')",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let well = holdfast(&trusted);
    let said = String::from_utf8_lossy(&well.stdout).into_owned();
    assert!(well.status.success(), "{said}{well:?}");
    assert!(
        said.contains("The clocks of this machine and of the database agree."),
        "{said}"
    );

    sqlx::query("select pg_create_physical_replication_slot('forgotten', true)")
        .execute(&mut connection)
        .await
        .unwrap();
    let ill = holdfast(&["doctor"]);
    assert!(!ill.status.success());
    let said = String::from_utf8_lossy(&ill.stdout).into_owned();
    for sentence in [
        "No standby reads the replication slot forgotten",
        "HOLDFAST_TRUSTED_PROXIES names none",
        "The tables of Holdfast are in the schema holdfast.",
    ] {
        assert!(said.contains(sentence), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_the_doctor_say_that_an_earlier_version_has_a_second_set_of_tables() {
    let options = Fleet::unmigrated_database().await;
    let url = Fleet::url_of(&options);
    let doctor = async || {
        let variables = [("DATABASE_URL", url.as_str())];
        Fleet::run_command(&["doctor"], &variables).await.said
    };
    let second = "two sets of Holdfast's tables";
    // As an earlier version makes them.
    let on_the_path = options.clone().options([("search_path", "public")]);
    let mut connection = on_the_path.connect().await.unwrap();
    let earlier = Migrator::with_migrations(MIGRATOR.iter().take(9).cloned().collect());
    earlier.run(&mut connection).await.unwrap();
    let told = doctor().await;
    let place = "in the schema public, where an earlier version has made them";
    assert!(told.contains(place) && !told.contains(second), "{told}");

    // As this version makes them, if it does not see the others.
    sqlx::query("alter table _sqlx_migrations rename to hidden")
        .execute(&mut connection)
        .await
        .unwrap();
    assert!(
        Fleet::run_command(&["migrate"], &[("DATABASE_URL", &url)])
            .await
            .success
    );
    sqlx::query("alter table hidden rename to _sqlx_migrations")
        .execute(&mut connection)
        .await
        .unwrap();
    let fleet = Fleet::with(1, Settings::on(url.clone()), options).await;
    for told in [doctor().await, fleet.instances[0].log()] {
        assert_eq!(told.matches(second).count(), 1, "{told}");
        assert!(told.contains("those in the schema public"), "{told}");
    }
    let told = doctor().await;
    assert!(told.contains("are in the schema holdfast."), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_the_doctor_say_that_there_are_too_few_connections() {
    // Three of these are reserved for superusers.
    let cluster = Cluster::start(&["max_connections=30"]).await;
    let sentence = "can be 28 together, but Postgres accepts 27 connections";
    let mut fleet = Fleet::start_on(1, &cluster).await;
    for (connections, is_said) in [("19", false), ("20", true)] {
        let variable = "HOLDFAST_DATABASE_CONNECTIONS";
        let settings = Settings {
            more: vec![(variable, connections.to_owned())],
            ..fleet.settings.clone()
        };
        fleet.restart(0, &settings).await;
        let log = fleet.instances[0].log();
        assert_eq!(log.contains(sentence), is_said, "{connections}: {log}");
        let url = settings.database_url.as_str();
        let variables = [
            ("DATABASE_URL", url),
            (variable, connections),
            // A pooler shares the connections of Postgres between many clients.
            ("DATABASE_DIRECT_URL", url),
        ];
        let told = Fleet::run_command(&["doctor"], &variables[..2]).await.said;
        assert_eq!(told.contains(sentence), is_said, "{connections}: {told}");
        let behind_pooler = Fleet::run_command(&["doctor"], &variables).await.said;
        assert!(
            !behind_pooler.contains("but Postgres accepts"),
            "{behind_pooler}"
        );
    }
}
