//! What the forms for signing in and signing up have in common.

use holdfast_protocol::problem::Code;
use leptos::html::Input;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};

use crate::routes::after_sign_in;
use crate::session::{ApiError, use_session};

/// What is wrong with a form, by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mistakes {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) form: Option<String>,
}

impl Mistakes {
    /// Puts the server's answer where it belongs.
    pub(super) fn of(error: &ApiError) -> Self {
        let text = Some(error.to_string());
        match error.code() {
            Some(Code::UsernameTaken | Code::UsernameNotAccepted) => Self {
                username: text,
                ..Self::default()
            },
            Some(Code::PasswordNotAccepted) => Self {
                password: text,
                ..Self::default()
            },
            _ => Self {
                form: text,
                ..Self::default()
            },
        }
    }

    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }

    /// Brings the person to the first field that has to be looked at.
    pub(super) fn focus(&self, username: NodeRef<Input>, password: NodeRef<Input>) {
        let field = match self {
            Self {
                username: Some(_), ..
            } => username,
            Self {
                password: Some(_), ..
            } => password,
            _ => return,
        };
        focus(field);
    }
}

pub(super) fn focus(field: NodeRef<Input>) {
    if let Some(field) = field.get_untracked() {
        let _ = field.focus();
    }
}

/// What stands in a field now, whoever put it there.
pub(super) fn value(field: NodeRef<Input>) -> String {
    field
        .get_untracked()
        .map_or_else(String::new, |field| field.value())
}

/// Leaves the page for the one that was wanted as soon as somebody is signed in,
/// be it through this form or in another tab.
pub(super) fn leave_when_signed_in() {
    let session = use_session();
    let query = use_query_map();
    let navigate = use_navigate();
    Effect::new(move |_| {
        if session.is_signed_in() {
            let next = query.with_untracked(|query| query.get("next"));
            let options = NavigateOptions {
                replace: true,
                ..NavigateOptions::default()
            };
            navigate(after_sign_in(next.as_deref()), options);
        }
    });
}

/// A link to the other form, with the way back.
pub(super) fn with_next(path: &'static str) -> impl Fn() -> String + Send + Sync + 'static {
    let query = use_query_map();
    move || match query.with(|query| query.get("next")) {
        Some(next) if after_sign_in(Some(&next)) == next => {
            format!("{path}?next={}", next.replace('/', "%2F"))
        }
        _ => path.to_owned(),
    }
}
