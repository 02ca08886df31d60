//! The addresses of the pages, and the piece of code in which a page is.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::{FlatRoutes, Route};
use leptos_router::{ChooseView, path};

use crate::carried_name::CarriedName;
use crate::components::MissingPage;
use crate::kept::Kept;
use crate::pages::{
    AccountPage, ActivityPage, DataPage, FlowPage, HomePage, NotFoundPage, PasswordPage,
    RecoverPage, RecoveryCodePage, SessionsPage, SignInPage, SignUpPage, UsernamePage,
};
use crate::paths;
use crate::pieces::{Piece, piece};

piece!(SIGN_IN: SignInPage in sign_in, load_sign_in, sign_in);
piece!(SIGN_UP: SignUpPage in entrance, load_sign_up, sign_up);
piece!(RECOVER: RecoverPage in entrance, load_recover, recover);
piece!(ACCOUNT: AccountPage in account, load_account, account);
piece!(SESSIONS: SessionsPage in account, load_sessions, sessions);
piece!(ACTIVITY: ActivityPage in account, load_activity, activity);
piece!(PASSWORD: PasswordPage in account, load_password, password);
piece!(USERNAME: UsernamePage in account, load_username, username);
piece!(RECOVERY_CODE: RecoveryCodePage in account, load_recovery_code, recovery_code);
piece!(DATA: DataPage in account, load_data, data);
piece!(FLOW: FlowPage in flow, load_flow, flow);

/// The home page is in the module itself, because it is small. It has links and nothing to fill in, so in a new
/// browser the code loads when a person reaches for something (`start.js`).
pub const HOME: Piece = Piece {
    name: "home",
    load_code: || Box::pin(async { Ok(()) }),
    make: || Box::pin(async { Ok(view! { <HomePage/> }.into_any()) }),
};

/// The pages by path.
#[component]
pub fn Pages() -> impl IntoView {
    Kept::here().follow_pages();
    CarriedName::provide();
    view! {
        <FlatRoutes fallback=NotFoundPage>
            <Route path=path!("/") view=Page(HOME)/>
            <Route path=path!("/sign-up") view=Page(SIGN_UP)/>
            <Route path=path!("/sign-in") view=Page(SIGN_IN)/>
            <Route path=path!("/account") view=Page(ACCOUNT)/>
            <Route path=path!("/sessions") view=Page(SESSIONS)/>
            <Route path=path!("/activity") view=Page(ACTIVITY)/>
            <Route path=path!("/password") view=Page(PASSWORD)/>
            <Route path=path!("/username") view=Page(USERNAME)/>
            <Route path=path!("/recover") view=Page(RECOVER)/>
            <Route path=path!("/recovery-code") view=Page(RECOVERY_CODE)/>
            <Route path=path!("/data") view=Page(DATA)/>
            <Route path=path!("/flow") view=Page(FLOW)/>
        </FlatRoutes>
    }
}

/// The piece of the page at a path. There is none for the page that says that nothing is there.
pub fn piece_at(path: &str) -> Option<Piece> {
    // The router ignores a slash at the end.
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    match format!("/{}", names.join("/")).as_str() {
        "/" => Some(HOME),
        paths::SIGN_UP => Some(SIGN_UP),
        paths::SIGN_IN => Some(SIGN_IN),
        paths::ACCOUNT => Some(ACCOUNT),
        paths::SESSIONS => Some(SESSIONS),
        paths::ACTIVITY => Some(ACTIVITY),
        paths::PASSWORD => Some(PASSWORD),
        paths::USERNAME => Some(USERNAME),
        paths::RECOVER => Some(RECOVER),
        paths::RECOVERY_CODE => Some(RECOVERY_CODE),
        paths::DATA => Some(DATA),
        paths::FLOW => Some(FLOW),
        _ => None,
    }
}

/// Loads the sign-in page of a signed-in person ahead of time, because a sign-out leads there, also without
/// a network.
pub fn load_for_sign_out() {
    spawn_local(async {
        // If it does not arrive, the page itself says so later.
        let _ = SIGN_IN.load().await;
    });
}

/// Whether the person waits for a page. The app provides it, and says so.
#[derive(Clone, Copy)]
pub struct PageOnItsWay {
    /// Reactive.
    pub is_awaited: RwSignal<bool>,
    /// The number of the page that was chosen last. An earlier page may still be on its way.
    chosen: StoredValue<u32>,
}

impl PageOnItsWay {
    /// Provides it to all components below. `App` calls this once.
    pub fn provide() -> Self {
        let on_its_way = Self {
            is_awaited: RwSignal::new(false),
            chosen: StoredValue::new(0),
        };
        provide_context(on_its_way);
        on_its_way
    }

    /// Notes that the person has chosen another page. Returns its number.
    fn choose(self, is_awaited: bool) -> u32 {
        self.chosen
            .update_value(|chosen| *chosen = chosen.wrapping_add(1));
        self.set(is_awaited);
        self.chosen.get_value()
    }

    /// Notes that this page has come, or does not come.
    fn end(self, number: u32) {
        if self.chosen.get_value() == number {
            self.set(false);
        }
    }

    fn set(self, is_awaited: bool) {
        if self.is_awaited.get_untracked() != is_awaited {
            self.is_awaited.set(is_awaited);
        }
    }
}

/// A page whose code may be in a piece. Until it is there, the router shows the page before.
#[derive(Clone, Copy)]
struct Page(Piece);

impl ChooseView for Page {
    async fn choose(self) -> AnyView {
        // Hydration takes over the server's view, so it must not wait: `load` has loaded the code before.
        let on_its_way: PageOnItsWay = expect_context();
        let page = self.0.view_now();
        let number = on_its_way.choose(page.is_none());
        if let Some(page) = page {
            return page;
        }
        let loaded = self.0.load().await;
        on_its_way.end(number);
        match loaded.ok().and_then(|()| self.0.view_now()) {
            Some(page) => page,
            None => view! { <MissingPage page=self.0/> }.into_any(),
        }
    }

    async fn preload(&self) {}
}
