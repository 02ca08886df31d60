//! What the buttons are for.

use crate::words::{ActionWords, FlowWords};

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

    /// What the page says of it.
    pub(super) fn words(self, words: &'static FlowWords) -> &'static ActionWords {
        let all = &words.actions;
        match self {
            Self::CallWithoutToken => &all.call_without_token,
            Self::ReadStorage => &all.read_storage,
            Self::Call => &all.call,
            Self::ExpireAndCall => &all.expire_and_call,
            Self::Renew => &all.renew,
            Self::LoseAnswer => &all.lose_answer,
            Self::Race => &all.race,
            Self::CallWithRefusedToken => &all.call_with_refused_token,
            Self::SignOut => &all.sign_out,
            Self::PresentMadeUp => &all.present_made_up,
            Self::Steal => &all.steal,
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
}
