//! Columns with a closed set of words accept no other word.

use holdfast_protocol::wire::{EndReason, EventKind};
use holdfast_server::random;
use holdfast_server::store::{ClientInfo, events, session_ends};

use crate::support::TestApp;

fn constraint_of(result: sqlx::Result<()>) -> Option<String> {
    let error = result.err()?;
    error.as_database_error()?.constraint().map(str::to_owned)
}

#[tokio::test]
async fn every_kind_of_event_is_accepted_and_no_other() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let mut connection = app.state.pool.acquire().await.unwrap();
    let nobody = ClientInfo::default();
    for kind in EventKind::ALL.iter().copied().chain([EventKind::Unknown]) {
        let event = events::NewEvent {
            event_id: random::id(&app.state.clock),
            account_id: tokens.account_id,
            session_id: None,
            kind,
            client: &nobody,
            detail: None,
            ended_user_agent: None,
        };
        let refused = constraint_of(events::insert(&mut connection, event).await);
        let unknown = kind == EventKind::Unknown;
        assert_eq!(
            refused.as_deref(),
            unknown.then_some("events_kind"),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn every_reason_of_an_ending_is_accepted_and_no_other() {
    let app = TestApp::start().await;
    let mut connection = app.state.pool.acquire().await.unwrap();
    for reason in EndReason::ALL.iter().copied().chain([EndReason::Unknown]) {
        let session_id = random::id(&app.state.clock);
        let inserted = session_ends::insert(&mut connection, &[session_id], reason).await;
        let refused = constraint_of(inserted);
        let unknown = reason == EndReason::Unknown;
        assert_eq!(
            refused.as_deref(),
            unknown.then_some("session_ends_reason"),
            "{reason:?}"
        );
    }
}
