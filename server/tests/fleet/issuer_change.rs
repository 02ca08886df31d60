//! A change of the issuer, instance by instance, as `docs/operations.md` describes it.

use crate::support::{Fleet, Settings};
use holdfast_protocol::wire::Tokens;

const OLD: &str = "https://old.example";
const NEW: &str = "https://new.example";

/// Renews at each instance, and presents the access token to each.
async fn every_instance_accepts_the_tokens_of_every_other(fleet: &Fleet, tokens: &mut Tokens) {
    for from in fleet.addresses() {
        *tokens = fleet.http.renew(from, tokens).await;
        for to in fleet.addresses() {
            assert!(fleet.http.accepts(to, tokens).await, "{from} at {to}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_changes_in_three_rolling_steps_and_no_token_is_refused() {
    let mut fleet = Fleet::start_told(2, vec![("HOLDFAST_ISSUER", OLD.to_owned())]).await;
    let mut tokens = fleet.sign_up("ada").await;
    let told = |issuer: &str, previous: &str| Settings {
        more: vec![
            ("HOLDFAST_ISSUER", issuer.to_owned()),
            ("HOLDFAST_ISSUER_PREVIOUS", previous.to_owned()),
        ],
        ..fleet.settings.clone()
    };
    let (accepted, swapped) = (told(OLD, NEW), told(NEW, OLD));
    let dropped = Settings {
        more: vec![("HOLDFAST_ISSUER", NEW.to_owned())],
        ..fleet.settings.clone()
    };
    // In the middle of the second step, an instance with the first step's settings restarts.
    for (instance, step) in [
        (0, &accepted),
        (1, &accepted),
        (0, &swapped),
        (1, &accepted),
        (1, &swapped),
        (0, &dropped),
        (1, &dropped),
    ] {
        fleet.restart(instance, step).await;
        every_instance_accepts_the_tokens_of_every_other(&fleet, &mut tokens).await;
    }
    // An instance with the old settings does not become ready.
    let left = fleet.settings.clone();
    fleet.restart_unready(1, &left).await;
    let answer = fleet.http.get(fleet.at(1), "/readyz").await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(fleet.events("session_ended").await, 0);
}
