//! Another master secret, instance by instance, under load.

use std::time::Duration;

use holdfast_server::config::MasterSecret;

use crate::support::{Fleet, Load, Random, Settings, until};

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
        for n in 0..2 {
            fleet.restart(n, settings).await;
            load.renews(100).await;
            // A call with a token of one server passes at the other.
            let tokens = browsers[0].tokens().unwrap();
            if step < 2 {
                assert!(fleet.http.accepts(fleet.at(0), &tokens).await);
                assert!(fleet.http.accepts(fleet.at(1), &tokens).await);
            }
        }
        // "After the refresh lifetime": everybody has a token of the new secret.
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
    // Nothing was refused: connections to a server that is away, at the most.
    said.is_only(&["renewed", "no answer", "503 temporarily_unavailable"]);
    fleet.assert_nobody_was_signed_out(&browsers).await;
}
