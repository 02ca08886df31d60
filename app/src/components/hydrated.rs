use leptos::prelude::*;

/// Whether the browser has taken over the page that the server rendered. Until
/// then a button would do nothing, or the wrong thing, so it is disabled.
#[derive(Clone, Copy)]
pub struct Hydrated(RwSignal<bool>);

impl Hydrated {
    /// Provides it to everything below. Called once, in `App`.
    pub fn provide() -> Self {
        let hydrated = Self(RwSignal::new(false));
        provide_context(hydrated);
        hydrated
    }

    /// The one of this page.
    pub fn of_page() -> Self {
        expect_context()
    }

    /// From now on, everything works.
    pub fn set(self) {
        self.0.set(true);
    }

    /// Reactive.
    pub fn get(self) -> bool {
        self.0.get()
    }

    /// Not reactive: as it is now.
    pub fn get_untracked(self) -> bool {
        self.0.get_untracked()
    }
}
