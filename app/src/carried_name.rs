//! The name that a person has typed into a form, for the next form to which they go.
//!
//! A person may notice on the sign-in page that they have forgotten the password, or that they have no
//! account yet. They do not type the name a second time. Only the memory of the page has the name: it is
//! neither in the address nor in what the browser stores. A password is never carried.

use holdfast_client::use_session;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::paths;

/// The name. It is empty if there is none, and always on the server.
#[derive(Clone, Copy)]
pub struct CarriedName(StoredValue<String>);

impl CarriedName {
    /// Provides it to all pages. Call it once, inside of the router.
    pub fn provide() {
        let carried = Self::new();
        provide_context(carried);
        carried.forget_in_time();
    }

    fn new() -> Self {
        Self(StoredValue::new(String::new()))
    }

    /// The one of the app.
    pub fn here() -> Self {
        expect_context()
    }

    /// The present name.
    pub fn get(self) -> String {
        self.0.get_value()
    }

    /// Carries this name from now on.
    pub fn keep(self, name: String) {
        self.0.set_value(name);
    }

    /// Forgets the name when the person goes to another page, and when a person signs in or out: the next
    /// person at this browser may be another one.
    fn forget_in_time(self) {
        let session = use_session();
        let path = use_location().pathname;
        Effect::new(move |was_signed_in: Option<bool>| {
            let is_signed_in = session.is_signed_in();
            let is_asked = asks_for_the_name(&path.read());
            let has_changed = was_signed_in.is_some_and(|before| before != is_signed_in);
            if has_changed || !is_asked {
                self.keep(String::new());
            }
            is_signed_in
        });
    }
}

/// Whether the page at this path has a form for a person who is not signed in.
fn asks_for_the_name(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    [paths::SIGN_IN, paths::SIGN_UP, paths::RECOVER].contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_goes_along_between_the_forms_and_to_no_other_page() {
        for (path, expected) in [
            ("/sign-in", true),
            ("/sign-in/", true),
            ("/sign-up", true),
            ("/recover", true),
            ("/recovery-code", false),
            ("/username", false),
            ("/account", false),
            ("/", false),
        ] {
            assert_eq!(asks_for_the_name(path), expected, "{path}");
        }
    }

    #[test]
    fn the_last_name_is_carried() {
        Owner::new().with(|| {
            provide_context(CarriedName::new());
            assert_eq!(CarriedName::here().get(), "");
            CarriedName::here().keep("ada".to_owned());
            CarriedName::here().keep("grace".to_owned());
            assert_eq!(CarriedName::here().get(), "grace");
        });
    }
}
