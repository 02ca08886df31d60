//! The names that all pages of an app share in a browser: the entries of storage, the database, the
//! lock, the channel and the cookies.
//!
//! Each name begins with the prefix of the app, so two apps on one origin do not touch each other if
//! they have different prefixes. A prefix has no dot, and an entry of storage has a dot directly after
//! its prefix. The other names have fixed endings. So no name of one app is a name of another app.

use std::cell::OnceCell;

/// The prefix of an app that sets no other one. People are signed in under these names, so no name
/// may change.
pub(super) const DEFAULT_PREFIX: &str = "holdfast";

/// The most bytes of a prefix.
const LONGEST_PREFIX: usize = 32;

thread_local! {
    /// A page has one app, and a browser has one thread.
    static PREFIX: OnceCell<&'static str> = const { OnceCell::new() };
}

/// A name without its prefix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name(&'static str);

/// The entry in local storage that says who is signed in: the copy of the database.
pub(super) const RECORD: Name = Name(".session");

/// Refresh tokens in local storage that are only used for a logout: those of version 1, and those of
/// a tab without the database.
pub(super) const LEAVING: Name = Name(".leaving");

/// The tokens that show the server that it knows this browser, in local storage of a browser without
/// the database.
pub(super) const KNOWN_BROWSERS: Name = Name(".known-browsers");

/// The order of sign-ins and sign-outs, in local storage of a browser without the database.
pub(super) const ORDER: Name = Name(".order");

/// The entry that tests whether local storage takes a value.
pub(super) const PROBE: Name = Name(".probe");

/// The copies of attempt keys in local storage. Without the database, the keys are only there.
pub(super) const ATTEMPTS: Name = Name(".attempts");

/// The start of the names of all notes in local storage about a session that will be replaced. The
/// mark of the tab follows.
pub(super) const REPLACED: Name = Name(".replaced.");

/// The entry in local storage with the account to whose person the pages offer a recovery code.
pub(super) const OFFERED_TO: Name = Name(".recovery-code-offered-to");

/// What the next page of this tab tells, in the storage of this tab.
pub(super) const TOLD: Name = Name(".told");

/// The entry in the storage of this tab with the new recovery code, while the page reloads.
pub(super) const HANDED_OVER: Name = Name(".new-recovery-code");

/// The database.
pub(super) const DATABASE: Name = Name("-2");

/// The lock for renewals, which all tabs share.
pub(super) const LOCK: Name = Name(".renewal");

/// The channel between the tabs.
pub(super) const CHANNEL: Name = Name("");

/// The channel between the tabs that demonstrate two renewals at once.
#[cfg(any(test, feature = "demonstration"))]
pub(super) const DEMONSTRATION: Name = Name(".demonstration");

/// The cookie that marks that the browser is open.
pub(super) const OPEN: Name = Name("_open");

/// The cookie that tests whether the browser stores cookies.
pub(super) const COOKIE_PROBE: Name = Name("_probe");

impl Name {
    /// The whole name in this page.
    pub(super) fn full(self) -> String {
        self.after(prefix())
    }

    /// The whole name in the pages of the app with this prefix.
    pub(super) fn after(self, prefix: &str) -> String {
        [prefix, self.0].concat()
    }
}

/// The database in which version 1 kept its attempt keys. Version 1 had no prefixes. With another
/// prefix there is no such database: the prefix `holdfast-2` would otherwise find the present
/// database of the default prefix, and delete it.
pub(super) fn database_of_version_1() -> Option<&'static str> {
    Some(prefix()).filter(|prefix| *prefix == DEFAULT_PREFIX)
}

/// Sets the prefix of this page. Only the first call has an effect, because the driver of the page
/// may already use the names. Returns whether the page has this prefix.
pub(super) fn set_prefix(prefix: &'static str) -> bool {
    PREFIX.with(|cell| *cell.get_or_init(|| prefix) == prefix)
}

/// Whether an entry of storage with this name belongs to this app.
#[cfg(any(feature = "split", test))]
pub(super) fn is_entry(name: &str) -> bool {
    let rest = name.strip_prefix(prefix());
    rest.is_some_and(|rest| rest.starts_with('.'))
}

fn prefix() -> &'static str {
    PREFIX.with(|cell| cell.get().copied().unwrap_or(DEFAULT_PREFIX))
}

/// Whether an app may have this prefix. No character of it means anything in a cookie, and a dot
/// cannot be in it.
pub(super) fn is_prefix(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LONGEST_PREFIX).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    /// All names, with their text for the default prefix.
    const ALL: [(Name, &str); 16] = [
        (RECORD, "holdfast.session"),
        (LEAVING, "holdfast.leaving"),
        (KNOWN_BROWSERS, "holdfast.known-browsers"),
        (ORDER, "holdfast.order"),
        (PROBE, "holdfast.probe"),
        (ATTEMPTS, "holdfast.attempts"),
        (REPLACED, "holdfast.replaced."),
        (OFFERED_TO, "holdfast.recovery-code-offered-to"),
        (TOLD, "holdfast.told"),
        (HANDED_OVER, "holdfast.new-recovery-code"),
        (DATABASE, "holdfast-2"),
        (LOCK, "holdfast.renewal"),
        (CHANNEL, "holdfast"),
        (DEMONSTRATION, "holdfast.demonstration"),
        (OPEN, "holdfast_open"),
        (COOKIE_PROBE, "holdfast_probe"),
    ];

    #[test]
    fn an_entry_belongs_to_the_app_with_its_prefix() {
        for (name, is_own) in [
            ("holdfast.session", true),
            ("holdfast.replaced.7", true),
            ("holdfast", false),
            ("holdfast-page.reloaded", false),
            ("holdfast2.session", false),
            ("my-holdfast.session", false),
        ] {
            assert_eq!(is_entry(name), is_own, "{name}");
        }
    }

    #[test]
    fn without_a_prefix_every_name_is_what_it_has_always_been() {
        for (name, expected) in ALL {
            assert_eq!(name.full(), expected);
        }
        assert_eq!(database_of_version_1(), Some("holdfast"));
    }

    #[test]
    fn the_first_prefix_of_a_page_stays() {
        // The prefix belongs to the thread, and another test may run in this one.
        let page = thread::spawn(|| {
            assert!(set_prefix("shop"));
            assert!(!set_prefix("other"));
            assert_eq!(RECORD.full(), "shop.session");
            assert_eq!(DATABASE.full(), "shop-2");
            assert_eq!(CHANNEL.full(), "shop");
            assert_eq!(database_of_version_1(), None);
        });
        page.join().unwrap();
    }

    /// Entries of storage, databases, cookies and so on are different things, so only names of one
    /// kind could meet.
    #[test]
    fn two_apps_share_no_name() {
        let entries = ALL.map(|(name, _)| name).into_iter();
        let entries: Vec<_> = entries.filter(|name| name.0.starts_with('.')).collect();
        let kinds: [&[Name]; 4] = [&entries, &[DATABASE], &[CHANNEL], &[OPEN, COOKIE_PROBE]];
        let prefixes = [
            "holdfast",
            "holdfast-2",
            "holdfast_open",
            "Holdfast",
            "a",
            "a-2",
        ];
        for kind in kinds {
            let of_app = |prefix: &&str| kind.iter().map(|name| name.after(prefix)).collect();
            let names: HashSet<String> = prefixes.iter().flat_map::<Vec<_>, _>(of_app).collect();
            assert_eq!(names.len(), kind.len() * prefixes.len());
        }
    }

    #[test]
    fn a_prefix_is_short_and_plain() {
        for prefix in ["holdfast", "a", "Shop-2", "my_app", &"x".repeat(32)] {
            assert!(is_prefix(prefix), "{prefix:?}");
        }
        for prefix in ["", "a b", "a.b", "a=b", "a;b", "ä", "a/b", &"x".repeat(33)] {
            assert!(!is_prefix(prefix), "{prefix:?}");
        }
    }
}
