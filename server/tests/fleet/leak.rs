//! A master secret that leaked: after one command no server accepts a token of it.

use std::time::Duration;

use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::EndReason;
use holdfast_server::config::MasterSecret;

use crate::support::{Fleet, Settings, new_key, until};

#[tokio::test(flavor = "multi_thread")]
async fn bar_40_after_one_command_no_server_accepts_a_token_of_the_leaked_secret() {
    let mut fleet = Fleet::start(3).await;
    let leaked = fleet.settings.secret.clone();
    let new = MasterSecret::generate();
    // One instance already has the new secret, and accepts the old one.
    let swapped = Settings {
        secret: new.clone(),
        previous: vec![leaked.clone()],
        ..fleet.settings.clone()
    };
    let announced = Settings {
        previous: vec![new.clone()],
        ..fleet.settings.clone()
    };
    for n in 0..3 {
        fleet.restart(n, &announced).await;
    }
    fleet.restart(2, &swapped).await;
    let tokens = fleet.sign_up("ada").await;
    // This session was opened with the new secret before the old one was forbidden. It may be a
    // thief's.
    let with_new = fleet
        .http
        .log_in(fleet.at(2), "ada", crate::support::PASSWORD)
        .await
        .tokens(200);
    for server in fleet.addresses() {
        assert!(fleet.http.accepts(server, &tokens).await);
        assert!(fleet.http.accepts(server, &with_new).await);
    }

    let secret = new.encode().to_string();
    let variables = [
        ("DATABASE_URL", fleet.settings.database_url.as_str()),
        ("HOLDFAST_SECRET", secret.as_str()),
    ];
    let command = ["keys", "replace", "--after-leak"];
    let ended = Fleet::run_command(&command, &variables).await;
    assert!(ended.success, "{}", ended.said);
    assert!(
        ended.said.contains("Sessions that were deleted: 2"),
        "{}",
        ended.said
    );
    for tokens in [&tokens, &with_new] {
        assert_eq!(fleet.row(tokens.session_id).await, None);
    }

    // The instances whose current secret leaked answer no calls, and stop by themselves.
    for n in 0..2 {
        fleet.instances[n]
            .until_ended(Duration::from_secs(20))
            .await;
        let log = fleet.instances[n].log();
        assert!(log.contains("forbidden after a leak"), "{log}");
    }
    // The instance that accepted it as a previous secret does not accept it any more.
    let server = fleet.at(2);
    until("dropped", Duration::from_secs(5), async || {
        !fleet.http.accepts(server, &tokens).await
    })
    .await;
    // It learns of the ended sessions and of the forbidden secret by two reads, in either order.
    until("unknown", Duration::from_secs(5), async || {
        let answer = fleet.http.refresh(server, &tokens, &new_key()).await;
        let code = answer.problem().code;
        assert!([Code::SessionEnded, Code::RefreshTokenInvalid].contains(&code));
        code == Code::RefreshTokenInvalid
    })
    .await;
    // The tokens of the new secret are genuine, and their session has ended.
    until("ended", Duration::from_secs(5), async || {
        !fleet.http.accepts(server, &with_new).await
    })
    .await;
    let answer = fleet.http.refresh(server, &with_new, &new_key()).await;
    answer.is(Code::SessionEnded);
    let reason = answer.problem().reason;
    assert_eq!(reason, Some(EndReason::EndedElsewhere));
    // A server does not start with the leaked secret any more, even if another secret follows it.
    let old = leaked.encode().to_string();
    let variables = [
        ("DATABASE_URL", fleet.settings.database_url.as_str()),
        ("HOLDFAST_SECRET", old.as_str()),
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("HOLDFAST_ISSUER", "https://id.example"),
    ];
    let ended = Fleet::run_command(&["serve"], &variables).await;
    assert!(!ended.success);
    assert!(
        ended.said.contains("forbidden after a leak"),
        "{}",
        ended.said
    );
    // Every person has to sign in again.
    let signed_in = fleet
        .http
        .log_in(server, "ada", crate::support::PASSWORD)
        .await
        .tokens(200);
    fleet.http.renew(server, &signed_in).await;
}
