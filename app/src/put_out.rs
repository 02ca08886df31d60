//! The browser that the person has just signed out with «It was not me», for the page of the password.
//!
//! Its name is not in the address: a crafted address could say anything there.

use leptos::prelude::*;

/// The name of the browser. It is empty after the page was loaded, and always on the server.
#[derive(Clone, Copy)]
pub struct PutOut(RwSignal<Option<String>>);

impl PutOut {
    /// Provides it to all pages.
    pub fn provide() {
        provide_context(Self(RwSignal::new(None)));
    }

    /// The one of the app.
    pub fn here() -> Self {
        expect_context()
    }

    /// The name, if it is known. Reactive.
    pub fn name(self) -> Option<String> {
        self.0.get()
    }

    /// Runs an effect again whenever a name is noted, also the same one.
    pub fn track(self) {
        self.0.track();
    }

    /// Forgets the name. This runs no effect.
    pub fn forget(self) {
        self.0.update_untracked(|name| *name = None);
    }

    /// Notes the name.
    pub fn note(self, name: Option<String>) {
        self.0.set(name);
    }
}
