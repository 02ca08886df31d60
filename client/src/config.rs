//! What the client has to know of the app around it.

use super::{address, names};

/// What the client has to know of the app around it. Every value has a default.
///
/// ```
/// use holdfast_client::{Config, OnAnonymous};
///
/// // An app with a sign-in page.
/// let config = Config::sign_in_at(|_back_to| "/sign-in".to_owned());
///
/// // A second app on the same origin. Its router nests Holdfast's routes below `/auth`.
/// let config = Config {
///     prefix: "shop",
///     api_base: "/auth",
///     on_anonymous: OnAnonymous::Stay,
/// };
/// assert_eq!(config.record_key(), "shop.session");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// The start of every name that the app's pages share in a browser: the entries of local storage
    /// and session storage, the IndexedDB database, the Web Lock, the `BroadcastChannel` and the
    /// cookies. Two apps on one origin need two prefixes. If an app changes its prefix, all its
    /// people have to sign in again. The default is `"holdfast"`.
    ///
    /// It must have 1 to 32 ASCII letters, digits, `-` or `_`.
    pub prefix: &'static str,
    /// The path on the page's own origin below which Holdfast's own routes are: `"/auth"` if the
    /// sign-in is at `/auth/api/v1/login`. [`Session::api`](super::Session::api) does not use it,
    /// because the app writes the paths of its calls in full. The default is `""`.
    ///
    /// It must be empty, or begin with `/` and not end with `/`, and have no `//` in it.
    pub api_base: &'static str,
    /// What [`RequireSession`](super::RequireSession) does when it is certain that no person is
    /// signed in. The default is [`OnAnonymous::Stay`].
    pub on_anonymous: OnAnonymous,
}

/// What [`RequireSession`](super::RequireSession) does when it is certain that no person is signed
/// in.
#[derive(Debug, Clone, Copy)]
pub enum OnAnonymous {
    /// Goes to another page: to the address that this function returns. If the function gets an
    /// address, it is that of the page that the person wanted: path, query and hash. Put it into the
    /// address of the sign-in page as the way back. An attacker can make such an address, too. So
    /// before the sign-in page follows a way back, it must check that the way back is a page of the
    /// app. The function gets no address after a sign-out, because the next person may be another
    /// one.
    GoTo(fn(back_to: Option<&str>) -> String),
    /// Stays on the page, and shows the property `anonymous` of the component, or nothing.
    Stay,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            prefix: names::DEFAULT_PREFIX,
            api_base: "",
            on_anonymous: OnAnonymous::Stay,
        }
    }
}

impl Config {
    /// The defaults, for an app that leads people to a sign-in page; see [`OnAnonymous::GoTo`].
    pub const fn sign_in_at(page: fn(back_to: Option<&str>) -> String) -> Self {
        Self {
            prefix: names::DEFAULT_PREFIX,
            api_base: "",
            on_anonymous: OnAnonymous::GoTo(page),
        }
    }

    /// The name of the entry in local storage that says who is signed in. The entry is a JSON object,
    /// and it has a member `session_id` if a person is signed in. A small script in the page can look
    /// for it before the page is drawn. Use it only for how the page looks: other code must not write
    /// the entry.
    pub fn record_key(&self) -> String {
        names::RECORD.after(self.prefix)
    }

    /// Checks the values, and uses them in this page.
    ///
    /// # Panics
    /// With a sentence for the developer, if a value is not allowed. In a browser also if the page has
    /// another `Config` already; a server may render the pages of several apps.
    pub(super) fn apply(&self) {
        self.apply_in_page(cfg!(target_arch = "wasm32"));
    }

    /// The same. `is_browser` says whether this is the only page, or a server that renders several.
    fn apply_in_page(&self, is_browser: bool) {
        assert!(
            names::is_prefix(self.prefix),
            "`Config::prefix` must have 1 to 32 ASCII letters, digits, `-` or `_`"
        );
        assert!(
            address::is_api_base(self.api_base),
            "`Config::api_base` must be empty or a path like `/auth`: it begins with `/`, does not \
             end with `/`, and has no `//`, no `?` and no `#` in it"
        );
        let is_the_same = self.is_of_this_page();
        assert!(
            is_the_same || !is_browser,
            "`provide_session` is called with another `Config` than before: a page has one session, so \
             every `provide_session` in it needs the same `prefix` and `api_base`"
        );
    }

    /// Uses the values in this page, if it has none yet. Returns whether the page has these values.
    fn is_of_this_page(&self) -> bool {
        let has_prefix = names::set_prefix(self.prefix);
        let has_api_base = address::set_api_base(self.api_base);
        has_prefix && has_api_base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_allowed_and_names_the_record_as_ever() {
        Config::default().apply();
        Config::sign_in_at(|_| String::new()).apply();
        assert_eq!(Config::default().record_key(), "holdfast.session");
    }

    #[test]
    #[should_panic(expected = "`Config::prefix` must have 1 to 32 ASCII letters")]
    fn a_prefix_that_is_not_allowed_is_told() {
        let prefix = "my shop";
        Config {
            prefix,
            ..Config::default()
        }
        .apply();
    }

    #[test]
    fn a_second_config_is_not_that_of_the_page() {
        let first = Config {
            prefix: "shop",
            ..Config::default()
        };
        assert!(first.is_of_this_page() && first.is_of_this_page());
        let other_base = Config {
            api_base: "/auth",
            ..first
        };
        assert!(!other_base.is_of_this_page() && !Config::default().is_of_this_page());
        // A server renders the pages of both.
        other_base.apply();
    }

    #[test]
    #[should_panic(expected = "`provide_session` is called with another `Config` than before")]
    fn a_second_config_in_a_browser_is_told() {
        let second = Config {
            api_base: "/auth",
            ..Config::default()
        };
        Config::default().apply_in_page(true);
        Config::default().apply_in_page(true);
        second.apply_in_page(true);
    }

    #[test]
    #[should_panic(expected = "`Config::api_base` must be empty or a path like `/auth`")]
    fn a_base_that_leads_to_another_origin_is_told() {
        let api_base = "//elsewhere.example";
        Config {
            api_base,
            ..Config::default()
        }
        .apply();
    }
}
