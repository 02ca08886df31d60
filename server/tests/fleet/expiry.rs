//! The expiration date of a session.

use holdfast_protocol::problem::Code;

use crate::support::{Fleet, new_key};

const DAY: u32 = 24 * 60 * 60;

#[tokio::test]
async fn bar_15_a_session_ends_after_ninety_days_however_often_and_wherever_it_is_renewed() {
    let fleet = Fleet::start(2).await;
    let mut tokens = fleet.sign_up("ada").await;
    let session_id = tokens.session_id;
    assert_eq!(tokens.refresh_expires_in, u64::from(90 * DAY));
    assert_eq!(tokens.refresh_idle_expires_in, u64::from(30 * DAY));
    let mut left = 90 * DAY;
    // The session is idle three times for almost as long as it may be. Only its expiration date
    // ends it.
    for n in 0..3 {
        fleet.let_pass(session_id, 29 * DAY).await;
        left -= 29 * DAY;
        tokens = fleet.http.renew(fleet.at(n), &tokens).await;
        let told = tokens.refresh_expires_in;
        assert!(
            (u64::from(left) - 60..=u64::from(left)).contains(&told),
            "{told}"
        );
        assert_eq!(
            tokens.refresh_idle_expires_in,
            told.min(u64::from(30 * DAY))
        );
    }
    fleet.let_pass(session_id, left - 60).await;
    tokens = fleet.http.renew(fleet.at(1), &tokens).await;
    assert!(tokens.refresh_expires_in <= 60);
    assert!(tokens.expires_in <= 60);

    fleet.let_pass(session_id, 60).await;
    let over = fleet.http.refresh(fleet.at(0), &tokens, &new_key()).await;
    over.is(Code::RefreshTokenExpired);
    assert_eq!(fleet.row(session_id).await, None);
}

#[tokio::test]
async fn bar_15_the_end_in_the_database_never_moves() {
    let fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(5).await;
    let ends = async || -> Vec<String> {
        sqlx::query_scalar("select expires_at::text from sessions order by session_id")
            .fetch_all(fleet.pool())
            .await
            .unwrap()
    };
    let before = ends().await;
    for n in 0..20 {
        for browser in &browsers {
            browser.renew(fleet.at(n)).await;
        }
    }
    assert_eq!(ends().await, before);
    assert!(browsers.iter().all(|browser| browser.generation() == 20));
}
