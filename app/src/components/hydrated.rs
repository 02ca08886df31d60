use leptos::prelude::*;

/// Whether the browser has taken over the page that the server rendered. Before that, a
/// button would do nothing, or something wrong, so it is disabled.
#[derive(Clone, Copy)]
pub struct Hydrated(RwSignal<bool>);

impl Hydrated {
    /// Provides it to all components below. `App` calls this once.
    pub fn provide() -> Self {
        let hydrated = Self(RwSignal::new(false));
        provide_context(hydrated);
        hydrated
    }

    /// The value that [`Hydrated::provide`] has provided.
    pub fn of_page() -> Self {
        expect_context()
    }

    /// Notes that the page is hydrated.
    pub fn set(self) {
        self.0.set(true);
    }

    /// Reactive.
    pub fn get(self) -> bool {
        self.0.get()
    }

    /// The present value, not reactive.
    pub fn get_untracked(self) -> bool {
        self.0.get_untracked()
    }
}
