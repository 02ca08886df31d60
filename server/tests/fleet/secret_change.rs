//! A change of the master secret, instance by instance, under load.

use std::time::Duration;

use holdfast_server::config::MasterSecret;

use crate::support::{Fleet, Load, Random, Renewal, Settings, until};

#[tokio::test(flavor = "multi_thread")]
async fn bar_29_a_skipped_step_and_a_secret_that_was_dropped_too_early_sign_nobody_out() {
    let mut fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(10).await;
    let old = fleet.settings.secret.clone();
    let new = MasterSecret::generate();
    let told = |secret: &MasterSecret, previous: &[&MasterSecret]| Settings {
        secret: secret.clone(),
        previous: previous.iter().map(|&secret| secret.clone()).collect(),
        ..fleet.settings.clone()
    };
    let (swapped, announced, dropped) = (told(&new, &[&old]), told(&old, &[&new]), told(&new, &[]));
    // The first step is skipped: the second instance does not have the new secret.
    fleet.restart(0, &swapped).await;
    for browser in &browsers {
        assert_eq!(browser.renew(fleet.at(0)).await, Renewal::Renewed);
    }
    until("not ready", Duration::from_secs(10), async || {
        let answer = fleet.http.get(fleet.at(1), "/readyz").await;
        answer.unwrap().status == 503
    })
    .await;
    for browser in &browsers {
        let renewal = browser.renew(fleet.at(1)).await;
        assert!(matches!(renewal, Renewal::Later(_)), "{renewal:?}");
    }
    let log = fleet.instances[1].log();
    assert!(
        log.contains("Add that secret to HOLDFAST_SECRET_PREVIOUS"),
        "{log}"
    );
    // With the new secret, it serves again.
    fleet.restart(1, &announced).await;
    for browser in &browsers {
        assert_eq!(browser.renew(fleet.at(1)).await, Renewal::Renewed);
    }
    // The old secret is removed while browsers still have tokens of it.
    fleet.restart_unready(0, &dropped).await;
    for browser in &browsers {
        let renewal = browser.renew(fleet.at(0)).await;
        assert!(matches!(renewal, Renewal::Later(_)), "{renewal:?}");
    }
    fleet.restart(0, &swapped).await;
    for browser in &browsers {
        assert_eq!(browser.renew(fleet.at(0)).await, Renewal::Renewed);
    }
    assert_eq!(fleet.events("session_ended").await, 0);
    assert_eq!(fleet.events("refresh_token_reused").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_29_a_rolling_change_of_the_master_secret_under_load_signs_nobody_out() {
    let mut random = Random::seeded("secret change");
    let mut fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(30).await;
    let pause = Duration::from_millis(40);
    let load = Load::start(&browsers, &fleet.addresses(), pause, &mut random);
    load.renews(100).await;

    let old = fleet.settings.secret.clone();
    let new = MasterSecret::generate();
    let told = |secret: &MasterSecret, previous: &[&MasterSecret]| Settings {
        secret: secret.clone(),
        previous: previous.iter().map(|&secret| secret.clone()).collect(),
        ..fleet.settings.clone()
    };
    let steps = [told(&old, &[&new]), told(&new, &[&old]), told(&new, &[])];
    for (step, settings) in steps.iter().enumerate() {
        if step == 2 {
            // Now the refresh lifetime seems to have passed since the old secret was last used.
            let long_ago = sqlx::query(
                "update secrets set last_minted_at = now() - interval '91 days'
                 where fingerprint = $1",
            );
            let fingerprint = holdfast_server::keys::fingerprint(&old.clone().into_bytes());
            let done = long_ago.bind(&fingerprint[..]).execute(fleet.pool()).await;
            assert_eq!(done.unwrap().rows_affected(), 1);
        }
        for n in 0..2 {
            fleet.restart(n, settings).await;
            load.renews(100).await;
            // Each server accepts the access tokens of the other.
            let tokens = browsers[0].tokens().unwrap();
            if step < 2 {
                assert!(fleet.http.accepts(fleet.at(0), &tokens).await);
                assert!(fleet.http.accepts(fleet.at(1), &tokens).await);
            }
        }
        // After the refresh lifetime, every browser has a token of the new secret.
        let before: Vec<_> = browsers
            .iter()
            .map(|browser| browser.generation())
            .collect();
        until(
            "everybody has renewed",
            Duration::from_secs(60),
            async || {
                let renewed = browsers.iter().zip(&before);
                renewed
                    .into_iter()
                    .all(|(browser, n)| browser.generation() > n + 1)
            },
        )
        .await;
    }
    let said = load.stop().await;
    println!("{said:?}");
    // No request was refused, except connections to a server that had stopped.
    said.is_only(&["renewed", "no answer", "503 temporarily_unavailable"]);
    fleet.assert_nobody_was_signed_out(&browsers).await;
}
