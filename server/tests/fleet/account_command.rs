//! `holdfast account`: the commands of an operator.

use axum::http::{Method, StatusCode};
use holdfast_protocol::wire::paths;
use serde_json::json;

use crate::support::{Fleet, PASSWORD};

/// A thief with the password may change the name. The person only tells the operator the name before.
#[tokio::test]
async fn the_commands_find_an_account_by_a_name_that_it_gave_up_lately() {
    let fleet = Fleet::start(1).await;
    let ada = fleet.sign_up("ada").await;
    let body = json!({"username": "lovelace", "password": PASSWORD});
    let renamed = fleet
        .http
        .call_as(&ada, Method::PUT, fleet.at(0), paths::USERNAME, Some(&body))
        .await
        .unwrap();
    assert_eq!(renamed.status, StatusCode::OK, "{}", renamed.text());

    let variables = [("DATABASE_URL", fleet.settings.database_url.as_str())];
    let run = async |command: &str, username: &str| {
        let ended = Fleet::run_command(&["account", command, username], &variables).await;
        (ended.success, ended.said)
    };
    let present = "The account that had the name ada has the name lovelace now.";
    for (command, said) in [
        ("unlock", "Unlocked."),
        ("reset-link", "#username=lovelace&code="),
        ("disable", "Sessions that ended: 1."),
        ("enable", "Enabled."),
    ] {
        let (done, told) = run(command, "ada").await;
        assert!(
            done && told.contains(said) && told.contains(present),
            "{command}: {told}"
        );
    }
    let (done, told) = run("unlock", "lovelace").await;
    assert!(done && !told.contains("has the name"), "{told}");
    let (done, told) = run("unlock", "eve").await;
    assert!(
        !done && told.contains("there is no account named eve"),
        "{told}"
    );
}
