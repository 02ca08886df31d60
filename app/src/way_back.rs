//! The way back: the page to which a sign-in leads if the person wanted another page first.
//!
//! The address of the sign-in page names the wanted page as `?next=…`. An attacker can make
//! such an address and send it to a person, so `next` is treated as a hostile value. A value
//! that leads to another site would let an attacker use the sign-in page for a forged one
//! (OWASP: Unvalidated Redirects and Forwards). A value that the browser's history refuses
//! would break the page. A value that leads to the sign-in page would lead in a circle.
//!
//! The value is read from the raw query, not from the router's query map, because the map
//! decodes a value twice, and the wanted page may have a query with a `%` in it.

use crate::paths::{ACCOUNT, RECOVERY_CODE, SIGN_IN, SIGN_UP};

/// The sign-in page, with the way back to `wanted` if there is such a page: its path, query and
/// hash, as its address has them.
pub fn sign_in(wanted: Option<&str>) -> String {
    match wanted {
        Some(wanted) => with_way_back(SIGN_IN, wanted),
        None => SIGN_IN.to_owned(),
    }
}

/// The address `page` with the way back of `search`, the raw query of the present page. A way back
/// that a sign-in would not follow is left out.
pub fn hand_on(page: &str, search: &str) -> String {
    match wanted(search) {
        Some(wanted) => with_way_back(page, &wanted),
        None => page.to_owned(),
    }
}

/// The page to which a sign-in leads: the page that `search` names (the raw query of the present
/// page), or else the account page.
pub fn after_sign_in(search: &str) -> String {
    wanted(search).unwrap_or_else(|| ACCOUNT.to_owned())
}

/// The page to which the page with the recovery code leads: the same one, but never that page
/// itself.
pub fn after_recovery_code(search: &str) -> String {
    let wanted = after_sign_in(search);
    let end = wanted.find(['?', '#']).unwrap_or(wanted.len());
    if wanted[..end].trim_end_matches('/') == RECOVERY_CODE {
        return ACCOUNT.to_owned();
    }
    wanted
}

fn with_way_back(page: &str, wanted: &str) -> String {
    let mut address = format!("{page}?next=");
    for byte in wanted.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                address.push(char::from(byte));
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

fn wanted(search: &str) -> Option<String> {
    let next = search
        .split('&')
        .find_map(|pair| pair.strip_prefix("next="))?;
    page_of_this_site(&decoded(next)?)
}

/// The address as a browser will understand it, if it is a page of this site and not the
/// sign-in or the sign-up page.
///
/// The dot segments are resolved first, as the URL standard says, because the browser does the
/// same: `/.//elsewhere.example` is `//elsewhere.example`. Only characters that an address
/// contains without a change are accepted: the browser would remove a tab, and read a
/// backslash as a slash.
fn page_of_this_site(address: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    if !address.starts_with('/') || !address.bytes().all(is_plain) {
        return None;
    }
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let (path, rest) = address.split_at(end);
    let path = without_dot_segments(path);
    if path.starts_with("//") {
        return None;
    }
    let page = decoded(&path)?;
    let page = page.trim_end_matches('/');
    (page != SIGN_IN && page != SIGN_UP).then(|| format!("{path}{rest}"))
}

/// The path without `.` and `..`, also where their dots are escaped.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        match dots.as_str() {
            "." | ".." => {
                if dots == ".." {
                    kept.pop();
                }
                // A path that ends in dots is a folder.
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Removes the escapes; `None` if the result is not text.
fn decoded(escaped: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (*first, after) {
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
                bytes.push(u8::try_from(digit(*high) * 16 + digit(*low)).unwrap_or_default());
                rest = after;
            }
            // In a query, a plus sign is a space.
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    /// The result of [`after_sign_in`] for this value of `next`.
    fn followed(next: &str) -> String {
        after_sign_in(&with_way_back("", next)[1..])
    }

    #[test]
    fn a_page_of_this_site_is_the_way_back() {
        for (next, expected) in [
            ("/", "/"),
            ("/sessions", "/sessions"),
            ("/activity?shown=60", "/activity?shown=60"),
            (
                "/activity?a=1&b=%2F%26#newest",
                "/activity?a=1&b=%2F%26#newest",
            ),
            ("/notes/../sessions", "/sessions"),
            ("/sessions/.", "/sessions/"),
            ("/a//b", "/a//b"),
            (
                "/account?of=http://elsewhere.example",
                "/account?of=http://elsewhere.example",
            ),
            ("/sign-in-help", "/sign-in-help"),
        ] {
            assert_eq!(followed(next), expected, "{next:?}");
        }
    }

    #[test]
    fn everything_else_leads_to_the_account() {
        for next in [
            "",
            "sessions",
            "//elsewhere.example",
            "///elsewhere.example",
            "/.//elsewhere.example",
            "/%2e//elsewhere.example",
            "/%2E/%2e%2E//elsewhere.example",
            "/a/..//elsewhere.example",
            "/a/.%2e//elsewhere.example",
            "/..//elsewhere.example",
            "/./",
            "/.//",
            "/\\elsewhere.example",
            "\\\\elsewhere.example",
            "/\t/elsewhere.example",
            "\t//elsewhere.example",
            " /account",
            "/acc ount",
            "/\u{0}",
            "/ä",
            "/%",
            "/%ff",
            "https://elsewhere.example",
            "https:/account",
            "javascript:alert(1)",
            "data:text/html,x",
            "?next=/sessions",
            "#content",
            "/sign-in",
            "/sign-in/",
            "/sign-in//",
            "/sign-up",
            "/sign-in?next=/sign-in",
            "/sign-in#again",
            "/sign%2Din",
            "/./sign-in",
            "/sessions/../sign-in",
            "/sign%2din/.",
        ] {
            let expected = match next {
                // The start page is allowed.
                "/./" => "/",
                // The browser handles an escape of no character; it leads to no other site.
                "/%" => "/%",
                _ => ACCOUNT,
            };
            assert_eq!(followed(next), expected, "{next:?}");
        }
        assert_eq!(after_sign_in(""), ACCOUNT);
        assert_eq!(after_sign_in("next"), ACCOUNT);
        assert_eq!(after_sign_in("next=%ff"), ACCOUNT);
        assert_eq!(after_sign_in("next=%"), ACCOUNT);
    }

    #[test]
    fn the_page_with_the_recovery_code_does_not_lead_to_itself() {
        for (next, expected) in [
            ("/sessions?a=1", "/sessions?a=1"),
            ("/recovery-code", ACCOUNT),
            ("/recovery-code/", ACCOUNT),
            ("/recovery-code?next=/sessions#a", ACCOUNT),
            ("/recovery-codes", "/recovery-codes"),
            ("//elsewhere.example", ACCOUNT),
        ] {
            let search = &with_way_back("", next)[1..];
            assert_eq!(after_recovery_code(search), expected, "{next:?}");
        }
        assert_eq!(after_recovery_code(""), ACCOUNT);
    }

    #[test]
    fn the_way_back_is_whole_and_one_value() {
        let address = sign_in(Some("/activity?shown=60&x=%26#newest"));
        assert_eq!(
            address,
            "/sign-in?next=%2Factivity%3Fshown%3D60%26x%3D%2526%23newest"
        );
        let search = address.split_once('?').map_or("", |(_, search)| search);
        assert_eq!(after_sign_in(search), "/activity?shown=60&x=%26#newest");
        assert_eq!(
            hand_on(SIGN_UP, search),
            "/sign-up?next=%2Factivity%3Fshown%3D60%26x%3D%2526%23newest"
        );
    }

    #[test]
    fn a_way_back_that_would_not_be_followed_is_not_handed_on() {
        for search in ["", "next=", "next=%2F%2Felsewhere.example", "other=1"] {
            assert_eq!(hand_on(SIGN_UP, search), SIGN_UP, "{search:?}");
        }
    }

    /// Pieces of addresses that browsers treat in special ways.
    fn crafted() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/".to_owned()),
            Just("//".to_owned()),
            Just(".".to_owned()),
            Just("..".to_owned()),
            Just("%2e".to_owned()),
            Just("%2E%2e".to_owned()),
            Just("%2f".to_owned()),
            Just("%5c".to_owned()),
            Just("%25".to_owned()),
            Just("\\".to_owned()),
            Just("\t".to_owned()),
            Just("\n".to_owned()),
            Just(" ".to_owned()),
            Just("?".to_owned()),
            Just("#".to_owned()),
            Just("@".to_owned()),
            Just(":".to_owned()),
            Just("https:".to_owned()),
            Just("javascript:".to_owned()),
            Just("elsewhere.example".to_owned()),
            Just("sign-in".to_owned()),
            Just("sign-up".to_owned()),
            Just("sign%2Din".to_owned()),
            Just("account".to_owned()),
            Just("next=".to_owned()),
            any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// The `url` crate reads addresses as browsers do.
        #[test]
        fn no_crafted_value_leaves_the_site_or_leads_in_a_circle(
            rooted in any::<bool>(),
            crafted in crafted(),
        ) {
            let next = if rooted { format!("/{crafted}") } else { crafted };
            let to = followed(&next);
            let site = Url::parse("https://holdfast.example/sign-in").expect("an address");
            let arrived = site.join(&to).expect("an address");

            prop_assert_eq!(arrived.origin(), site.origin());
            prop_assert!(!arrived.path().starts_with("//"), "{} of {:?}", arrived, next);
            let page = arrived.path().trim_end_matches('/');
            prop_assert!(page != SIGN_IN && page != SIGN_UP, "{} of {:?}", arrived, next);
            // The router writes only the path into the browser's history.
            let again = site.join(&arrived.as_str()[arrived.origin().ascii_serialization().len()..]);
            prop_assert_eq!(again.expect("an address"), arrived);
        }

        #[test]
        fn the_raw_query_never_panics(search in any::<String>()) {
            let to = after_sign_in(&search);
            prop_assert!(to.starts_with('/') && !to.starts_with("//"));
        }
    }
}
