//! Keys change, and nobody is signed out.

use std::time::Duration;

use holdfast_protocol::problem::Code;
use holdfast_server::keys::{EPOCH_SECONDS, Keys};
use holdfast_server::secrets;
use zeroize::Zeroizing;

use crate::support::{TestApp, generation, new_key};

#[tokio::test]
async fn two_rotations_of_the_signing_key_and_a_change_of_the_master_secret_sign_nobody_out() {
    let app = TestApp::start().await;
    let mut tokens = app.sign_up("ada").await;
    for _ in 0..2 {
        // A token made just before the key changes is good after it.
        let until_the_change = EPOCH_SECONDS - app.state.clock.now() % EPOCH_SECONDS;
        app.state
            .clock
            .advance(Duration::from_secs(until_the_change - 2));
        tokens = app.renew(&tokens).await;
        let kid = app
            .state
            .keys
            .signing_keys(app.state.clock.now())
            .kid
            .clone();
        app.state.clock.advance(Duration::from_secs(4));
        assert_ne!(app.state.keys.signing_keys(app.state.clock.now()).kid, kid);
        assert!(app.accepts(&tokens).await);
        tokens = app.renew(&tokens).await;
        assert!(app.accepts(&tokens).await);
    }
    // Three rolling steps on two instances: announce, swap, drop.
    let announced = app.second_instance(&[1, 2]);
    let swapped = app.second_instance(&[2, 1]);
    for instance in [&announced, &swapped] {
        instance.state.clock.advance(Duration::from_secs(
            app.state.clock.now() - instance.state.clock.now(),
        ));
    }
    for _ in 0..3 {
        for (renewing, other) in [(&announced, &swapped), (&swapped, &announced)] {
            tokens = renewing.renew(&tokens).await;
            assert!(renewing.accepts(&tokens).await);
            assert!(other.accepts(&tokens).await);
        }
    }
    let dropped = app.second_instance(&[2]);
    tokens = swapped.renew(&tokens).await;
    tokens = dropped.renew(&tokens).await;
    assert_eq!(generation(&tokens), 12);
}

#[tokio::test]
async fn a_token_of_a_secret_that_was_dropped_is_not_ours_any_more() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let dropped = app.second_instance(&[2]);
    dropped
        .refresh(&tokens, &new_key())
        .await
        .is(Code::RefreshTokenInvalid);
    assert!(!dropped.accepts(&tokens).await);
}

#[tokio::test]
async fn an_instance_that_knows_no_secret_in_use_does_not_start() {
    let app = TestApp::start().await;
    let keys = |secrets: &[u8]| {
        Keys::new(
            secrets
                .iter()
                .map(|n| Zeroizing::new(vec![*n; 32]))
                .collect(),
            0,
        )
    };
    let check = async |secrets: &[u8]| {
        secrets::check(&app.state.pool, &keys(secrets))
            .await
            .map_err(|error| error.to_string())
    };
    assert_eq!(check(&[1]).await, Ok(()));
    assert!(
        check(&[2])
            .await
            .unwrap_err()
            .contains("HOLDFAST_SECRET_PREVIOUS")
    );
    // The three rolling steps, in any order that two instances may restart in.
    for step in [&[1, 2][..], &[2, 1], &[1, 2], &[2, 1], &[2]] {
        assert_eq!(check(step).await, Ok(()), "{step:?}");
    }
    assert!(check(&[1]).await.is_err());
}
