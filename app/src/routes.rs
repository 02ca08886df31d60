//! The addresses of the pages.

use leptos::prelude::*;
use leptos_router::components::{FlatRoutes, Route};
use leptos_router::path;

use crate::pages::{
    AccountPage, ActivityPage, DataPage, HomePage, NotFoundPage, PasswordPage, RecoverPage,
    RecoveryCodePage, SessionsPage, SignInPage, SignUpPage, UsernamePage,
};

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
            <Route path=path!("/username") view=UsernamePage/>
            <Route path=path!("/recover") view=RecoverPage/>
            <Route path=path!("/recovery-code") view=RecoveryCodePage/>
            <Route path=path!("/data") view=DataPage/>
        </FlatRoutes>
    }
}
