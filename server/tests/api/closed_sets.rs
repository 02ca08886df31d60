//! Columns with a closed set of words accept no other word.

use holdfast_protocol::wire::{EndReason, EventKind};
use holdfast_server::random;
use holdfast_server::store::{ClientInfo, events, session_ends};

use crate::support::TestApp;

/// Every kind that is written. A kind that is missing here does not compile.
fn kinds() -> Vec<EventKind> {
    use EventKind::{
        AccountDisabled, AccountEnabled, FailuresForgiven, PasswordChanged, Recovered,
        RecoveryCodeConfirmed, RecoveryCodeMade, RefreshRepeated, RefreshTokenReused,
        RefreshedForward, ResetLinkMade, SessionEnded, SignIn, SignInFailed, SignOut, SignUp,
        Unknown, UsernameChanged,
    };
    let next = |kind| match kind {
        SignUp => Some(SignIn),
        SignIn => Some(SignInFailed),
        SignInFailed => Some(SignOut),
        SignOut => Some(SessionEnded),
        SessionEnded => Some(RefreshTokenReused),
        RefreshTokenReused => Some(RefreshRepeated),
        RefreshRepeated => Some(RefreshedForward),
        RefreshedForward => Some(PasswordChanged),
        PasswordChanged => Some(UsernameChanged),
        UsernameChanged => Some(Recovered),
        Recovered => Some(RecoveryCodeMade),
        RecoveryCodeMade => Some(RecoveryCodeConfirmed),
        RecoveryCodeConfirmed => Some(AccountDisabled),
        AccountDisabled => Some(AccountEnabled),
        AccountEnabled => Some(FailuresForgiven),
        FailuresForgiven => Some(ResetLinkMade),
        // This is read from a newer server, and never written.
        ResetLinkMade | Unknown => None,
    };
    std::iter::successors(Some(SignUp), |kind| next(*kind)).collect()
}

/// Every reason that is written. A reason that is missing here does not compile.
fn reasons() -> Vec<EndReason> {
    use EndReason::{
        AccountDeleted, AccountDisabled, EndedElsewhere, Expired, Logout, PasswordChanged, Reuse,
        Unknown,
    };
    let next = |reason| match reason {
        Logout => Some(Reuse),
        Reuse => Some(Expired),
        Expired => Some(PasswordChanged),
        PasswordChanged => Some(EndedElsewhere),
        EndedElsewhere => Some(AccountDisabled),
        AccountDisabled => Some(AccountDeleted),
        AccountDeleted | Unknown => None,
    };
    std::iter::successors(Some(Logout), |reason| next(*reason)).collect()
}

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
    for kind in kinds().into_iter().chain([EventKind::Unknown]) {
        let event = events::NewEvent {
            event_id: random::id(&app.state.clock),
            account_id: tokens.account_id,
            session_id: None,
            kind,
            client: &nobody,
            detail: None,
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
    for reason in reasons().into_iter().chain([EndReason::Unknown]) {
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
