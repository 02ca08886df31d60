//! Where a request goes: always to the page's own origin.
//!
//! A security duty: a call carries the access token, so it must never go to another origin. The
//! browser refuses such a request before it sends anything, because every request has the mode
//! `same-origin`. This file refuses it even earlier, and does not depend on a `<base>` element or on
//! how a browser reads an address.

use std::cell::OnceCell;

thread_local! {
    static API_BASE: OnceCell<&'static str> = const { OnceCell::new() };
}

/// Sets the path below which this page finds Holdfast's own routes. Only the first call has an
/// effect. Returns whether the page has this base.
pub(super) fn set_api_base(base: &'static str) -> bool {
    API_BASE.with(|cell| *cell.get_or_init(|| base) == base)
}

/// The address of one of Holdfast's own routes. An app writes the addresses of its own routes in
/// full, so they do not come here.
pub(super) fn of_holdfast(path: &str) -> String {
    let base = API_BASE.with(|cell| cell.get().copied().unwrap_or_default());
    [base, path].concat()
}

/// Whether an app may set this base: nothing, or a path without a slash at its end.
pub(super) fn is_api_base(base: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\?#".contains(&byte);
    let is_path = base.starts_with('/') && !base.ends_with('/') && !base.contains("//");
    base.is_empty() || is_path && base.bytes().all(is_plain)
}

/// Whether this address is a path, and nothing that leads to another origin.
pub(super) fn is_path(address: &str) -> bool {
    // A browser removes tabs and line breaks from an address first (URL standard, 4.4), and it reads
    // a backslash as a slash.
    let is_read = |letter: &char| !matches!(letter, '\t' | '\n' | '\r');
    let mut read = address.chars().filter(is_read);
    read.next() == Some('/') && !matches!(read.next(), Some('/' | '\\'))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn no_address_leads_to_another_origin() {
        for path in [
            "/",
            "/api/v1/note",
            "/api/v1/notes?of=https://elsewhere.example",
            "/a//b",
            "/.//elsewhere.example",
        ] {
            assert!(is_path(path), "{path:?}");
        }
        for address in [
            "",
            "api/v1/note",
            "?a=1",
            "//elsewhere.example/x",
            "///elsewhere.example/x",
            "/\\elsewhere.example/x",
            "\\\\elsewhere.example/x",
            "\\/elsewhere.example/x",
            "/\t/elsewhere.example/x",
            "\n/\r\n/elsewhere.example/x",
            "/\t\\elsewhere.example/x",
            " //elsewhere.example/x",
            "https://elsewhere.example/x",
            "https:/elsewhere.example/x",
            "javascript:alert(1)",
            "data:,x",
            "@elsewhere.example",
        ] {
            assert!(!is_path(address), "{address:?}");
        }
    }

    #[test]
    fn a_base_is_a_path_without_an_end() {
        for base in ["", "/auth", "/shop/auth", "/a-b_c.d~e"] {
            assert!(is_api_base(base), "{base:?}");
            assert!(is_path(&format!("{base}/api/v1/login")), "{base:?}");
        }
        for base in [
            "/",
            "auth",
            "/auth/",
            "//elsewhere.example",
            "/\\elsewhere.example",
            "/auth//x",
            "/auth\t",
            "/auth?a",
            "/auth#a",
            "/ä",
            "https://elsewhere.example",
        ] {
            assert!(!is_api_base(base), "{base:?}");
        }
    }

    #[test]
    fn the_base_comes_before_holdfasts_own_routes() {
        // The base belongs to the thread, and another test may run in this one.
        let page = thread::spawn(|| {
            assert_eq!(of_holdfast("/api/v1/login"), "/api/v1/login");
            assert!(set_api_base("/auth"));
            assert!(!set_api_base("/other"));
            assert_eq!(of_holdfast("/api/v1/login"), "/auth/api/v1/login");
        });
        page.join().unwrap();
    }
}
