//! What a request of this browser is for.

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A sign-in or a sign-up.
    SignIn,
    Refresh(Refresh),
    SignOut,
    /// This page reads the row of the session.
    ReadRow,
    /// A call with the access token.
    Call,
    /// The client asks whether the server can be reached. It is no part of the flow, so it is not drawn.
    Probe,
    /// A request without an access token.
    Other,
}

/// A refresh that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refresh {
    pub(super) generation: u32,
    /// The start of the mark of its attempt key.
    pub(super) attempt: String,
    /// Whether the same request was answered with tokens before.
    pub(super) was_carried_out: bool,
    /// Whether this page presents a token in place of the client.
    pub(super) is_demonstration: bool,
}

impl Purpose {
    /// The step to which a request belongs.
    pub(super) fn step(&self) -> u32 {
        match self {
            Self::SignIn => 2,
            Self::Refresh(refresh) if refresh.is_demonstration => 10,
            Self::Refresh(_) => 6,
            Self::SignOut => 9,
            Self::ReadRow | Self::Call => 5,
            Self::Probe | Self::Other => 1,
        }
    }
}
