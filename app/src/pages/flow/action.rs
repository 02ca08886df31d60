//! What the buttons are for.

/// Something that this page can make happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    CallWithoutToken,
    ReadStorage,
    Call,
    ExpireAndCall,
    Renew,
    LoseAnswer,
    Race,
    CallWithRefusedToken,
    SignOut,
    PresentMadeUp,
    Steal,
}

impl Action {
    #[cfg(test)]
    pub(super) const ALL: [Self; 11] = [
        Self::CallWithoutToken,
        Self::ReadStorage,
        Self::Call,
        Self::ExpireAndCall,
        Self::Renew,
        Self::LoseAnswer,
        Self::Race,
        Self::CallWithRefusedToken,
        Self::SignOut,
        Self::PresentMadeUp,
        Self::Steal,
    ];

    /// The text of its button.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::CallWithoutToken => "Call without a token",
            Self::ReadStorage => "Read the storage again",
            Self::Call => "Call a protected address",
            Self::ExpireAndCall => "Let the access token expire, and call",
            Self::Renew => "Refresh now",
            Self::LoseAnswer => "Lose an answer, and recover it",
            Self::Race => "Renew in two tabs at once",
            Self::CallWithRefusedToken => "Call with a token that the server refuses",
            Self::SignOut => "Sign out here",
            Self::PresentMadeUp => "Send an invalid refresh token",
            Self::Steal => "Send an old refresh token",
        }
    }

    /// What it does, if its text does not say it.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::ExpireAndCall => {
                "This tab treats its access token as expired. It renews first, and sends the call \
                 after that."
            }
            Self::LoseAnswer => {
                "The server answers with new tokens, and this page throws them away. The client sends the \
                 same request again, with the same attempt key."
            }
            Self::Race => {
                "Opens this page in a second tab, if there is none. Then both tabs renew at the same \
                 moment, without the lock that they usually wait for."
            }
            Self::CallWithRefusedToken => {
                "One character of the signature is changed. The server answers 401, the client \
                 renews, and sends the call once more."
            }
            Self::PresentMadeUp => "It harms nothing, and needs no session.",
            Self::Steal => {
                "What a thief with a copy would do: the copy is made, this browser renews twice, \
                 and then the copy comes back. The server ends the session."
            }
            Self::CallWithoutToken => "It needs no session.",
            Self::ReadStorage | Self::Call | Self::Renew | Self::SignOut => "",
        }
    }

    pub(super) fn needs_session(self) -> bool {
        !matches!(self, Self::CallWithoutToken | Self::PresentMadeUp)
    }

    /// The step of its button.
    pub(super) fn step(self) -> u32 {
        match self {
            Self::CallWithoutToken => 1,
            Self::ReadStorage => 4,
            Self::Call => 5,
            Self::ExpireAndCall => 6,
            Self::Renew | Self::LoseAnswer | Self::Race => 7,
            Self::CallWithRefusedToken => 8,
            Self::SignOut => 9,
            Self::PresentMadeUp | Self::Steal => 10,
        }
    }

    /// Whether the person sees an answer at its end, if there is no error.
    pub(super) fn ends_with_an_answer(self) -> bool {
        matches!(
            self,
            Self::Call | Self::ExpireAndCall | Self::CallWithRefusedToken
        )
    }

    /// What to say when it is done without an error.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Call | Self::ExpireAndCall => "The call was answered 200.",
            Self::CallWithRefusedToken => "The call was answered 200, at its second try.",
            Self::Renew => "Both tokens are new.",
            Self::LoseAnswer => {
                "The answer was lost, and this tab has new tokens now. The diagram shows how it got them."
            }
            Self::SignOut => "The sign-out has begun. The diagram shows how it goes on.",
            Self::ReadStorage => "It is shown below, «In this browser».",
            Self::Steal => {
                "The server has ended the session. You and the thief are signed out, and every page \
                 says why."
            }
            Self::CallWithoutToken | Self::Race | Self::PresentMadeUp => "",
        }
    }
}
