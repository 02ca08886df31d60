//! An account that an operator disables.

use holdfast_protocol::problem::Code;
use holdfast_protocol::username::Username;
use holdfast_server::accounts::set_disabled;

use crate::support::{PASSWORD, TestApp, new_key};

#[tokio::test]
async fn disabling_ends_every_session_and_enabling_allows_sign_ins_again() {
    let app = TestApp::start().await;
    let tokens = [app.sign_up("ada").await, app.log_in("ada").await];
    let ada = Username::parse("Ada").unwrap();
    let ended = set_disabled(&app.state.pool, &app.state.clock, &ada, true)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.len(), 2);
    for tokens in &tokens {
        app.refresh(tokens, &new_key()).await.is(Code::SessionEnded);
    }
    app.try_log_in("ada", PASSWORD)
        .await
        .is(Code::InvalidCredentials);
    set_disabled(&app.state.pool, &app.state.clock, &ada, false)
        .await
        .unwrap()
        .unwrap();
    app.log_in("ada").await;
    let nobody = Username::parse("nobody").unwrap();
    assert!(
        set_disabled(&app.state.pool, &app.state.clock, &nobody, true)
            .await
            .unwrap()
            .is_none()
    );
}
