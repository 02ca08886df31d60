//! What the page of the flow keeps while the person signs in and comes back to it.
//!
//! The frame of every page has the place, and does not know what is in it. So the code for the content
//! stays in the piece of that page.

use std::any::Any;

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::paths;

/// The place. It is empty until the page puts something into it, and on the server always.
#[derive(Clone, Copy)]
pub struct Kept(StoredValue<Option<Box<dyn Any + Send + Sync>>>);

impl Kept {
    /// Provides the place to all pages.
    pub fn provide() {
        provide_context(Self(StoredValue::new(None)));
    }

    /// The place of the app.
    pub fn here() -> Self {
        expect_context()
    }

    /// Drops the content when the person goes to a page that does not lead back. Call it inside of the
    /// router.
    pub fn follow_pages(self) {
        let path = use_location().pathname;
        Effect::new(move |_| {
            if !leads_back(&path.read()) {
                // It is dropped when the place is free again, because its destructor may use the place.
                let content = self.0.try_update_value(Option::take);
                drop(content);
            }
        });
    }

    /// Puts this into the place.
    pub fn keep<T: Any + Send + Sync>(self, content: T) {
        self.0.set_value(Some(Box::new(content)));
    }

    /// A copy of the content, if there is one of this type.
    pub fn get<T: Any + Clone>(self) -> Option<T> {
        self.0
            .with_value(|content| content.as_ref()?.downcast_ref::<T>().cloned())
    }
}

/// Whether the page at this path is the page of the flow, or leads a person back to it.
fn leads_back(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    // After a sign-up, the page with the recovery code comes first.
    let leading = [paths::SIGN_IN, paths::SIGN_UP, paths::RECOVERY_CODE];
    path == paths::FLOW || leading.contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_back_to_the_flow() {
        for (path, expected) in [
            ("/flow", true),
            ("/flow/", true),
            ("/sign-in", true),
            ("/sign-up", true),
            ("/recovery-code", true),
            ("/", false),
            ("/account", false),
            ("/flowers", false),
        ] {
            assert_eq!(leads_back(path), expected, "{path}");
        }
    }

    #[test]
    fn the_content_is_found_by_its_type() {
        Owner::new().with(|| {
            Kept::provide();
            let kept = Kept::here();
            assert_eq!(kept.get::<u32>(), None);
            kept.keep(7_u32);
            assert_eq!(kept.get::<u32>(), Some(7));
            assert_eq!(kept.get::<String>(), None);
        });
    }
}
