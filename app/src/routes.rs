//! Where the pages are.

use leptos::prelude::*;
use leptos_router::components::{FlatRoutes, Route};
use leptos_router::path;

use crate::pages::{
    AccountPage, ActivityPage, HomePage, NotFoundPage, PasswordPage, SessionsPage, SignInPage,
    SignUpPage,
};

/// The sign-in page.
pub const SIGN_IN: &str = "/sign-in";

/// The account page: where a sign-in leads if no other page was wanted.
pub const ACCOUNT: &str = "/account";

/// The pages by path.
#[component]
pub fn Pages() -> impl IntoView {
    view! {
        <FlatRoutes fallback=NotFoundPage>
            <Route path=path!("/") view=HomePage/>
            <Route path=path!("/sign-up") view=SignUpPage/>
            <Route path=path!("/sign-in") view=SignInPage/>
            <Route path=path!("/account") view=AccountPage/>
            <Route path=path!("/sessions") view=SessionsPage/>
            <Route path=path!("/activity") view=ActivityPage/>
            <Route path=path!("/password") view=PasswordPage/>
        </FlatRoutes>
    }
}

/// The sign-in page, with the way back to `path`.
pub fn sign_in_and_return(path: &str) -> String {
    format!("{SIGN_IN}?next={}", path.replace('/', "%2F"))
}

/// The page to go to after a sign-in: `next` if it is a path of this site, else the
/// account page. Anything a browser could read as another site is refused: it
/// would make the sign-in page a stepping stone for a forged one.
pub fn after_sign_in(next: Option<&str>) -> &str {
    let is_local = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && !path.chars().any(char::is_control)
    };
    next.filter(is_local).unwrap_or(ACCOUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_site_is_gone_to_after_a_sign_in() {
        for (next, expected) in [
            (None, "/account"),
            (Some(""), "/account"),
            (Some("/sessions"), "/sessions"),
            (Some("/activity?before=1"), "/activity?before=1"),
            (Some("sessions"), "/account"),
            (Some("//evil.example"), "/account"),
            (Some("/\\evil.example"), "/account"),
            (Some("/\t/evil.example"), "/account"),
            (Some("https://evil.example"), "/account"),
            (Some("javascript:alert(1)"), "/account"),
        ] {
            assert_eq!(after_sign_in(next), expected, "{next:?}");
        }
    }

    #[test]
    fn the_way_back_is_one_query_value() {
        assert_eq!(sign_in_and_return("/account"), "/sign-in?next=%2Faccount");
    }
}
