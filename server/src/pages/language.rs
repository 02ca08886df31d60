//! What a request says about the language of its page, and the cookie of a person who has chosen one.
//!
//! A security duty: `next` in the address of the switch is a hostile value. The server only leads back to
//! a path of its own (OWASP: Unvalidated Redirects and Forwards). A page of another site must not choose
//! the language, although that would only be a nuisance.

use axum::http::{HeaderMap, HeaderValue, header};
use holdfast_app::Language;
use serde::Deserialize;

/// The cookie with the chosen language. It is set only for a person who has used the switch. It has no
/// secret, and it names no person.
const COOKIE: &str = "holdfast_language";

/// For how long a browser keeps it: a year.
const KEPT_SECONDS: u32 = 31_536_000;

/// The most characters of an address that the switch leads back to.
const LONGEST_WAY_BACK: usize = 2048;

/// The query of the switch.
#[derive(Debug, Default, Deserialize)]
pub struct Switch {
    next: Option<String>,
}

impl Switch {
    /// The page to which the switch leads back: a path of this site with its query, or else the home
    /// page. The script of the page names the page; without scripts, `Referer` has it.
    pub fn way_back(&self, headers: &HeaderMap) -> HeaderValue {
        let referer = headers.get(header::REFERER);
        let referer = referer.and_then(|referer| path_of(referer.to_str().ok()?));
        let next = self.next.as_deref().or(referer);
        let next = next.filter(|next| is_own_path(next));
        let next = next.and_then(|next| HeaderValue::from_str(next).ok());
        next.unwrap_or(HeaderValue::from_static("/"))
    }
}

/// The path of an address, with its query. The site before it is not looked at, because the switch leads
/// to this one.
fn path_of(address: &str) -> Option<&str> {
    let (_, after_scheme) = address.split_once("://")?;
    after_scheme
        .find('/')
        .and_then(|begin| after_scheme.get(begin..))
}

/// Whether this is a path of this site, and not that of the switch, which would lead back to itself.
/// Browsers take two slashes, or a backslash in place of a slash, for
/// the name of another site, and ignore tabs and line ends.
fn is_own_path(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    text.len() <= LONGEST_WAY_BACK
        && text.starts_with('/')
        && !text.starts_with("//")
        && !text.starts_with("/language/")
        && text.bytes().all(is_safe)
}

/// The language that the person has chosen, or else the one that their browser prefers.
pub fn of(headers: &HeaderMap) -> Language {
    let mut chosen = chosen(headers).filter_map(Language::named);
    chosen
        .next()
        .unwrap_or_else(|| Language::accepted(&accepted(headers)))
}

/// The tags of languages in the cookie. There may be several, of several paths or domains.
fn chosen(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let pairs = cookies
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'));
    pairs.filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

/// All values of `Accept-Language`.
fn accepted(headers: &HeaderMap) -> String {
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter();
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

/// Says that the page depends on the language (RFC 9110 §12.5.5).
pub fn vary(headers: &mut HeaderMap) {
    headers.append(
        header::VARY,
        HeaderValue::from_static("accept-language, cookie"),
    );
}

/// The header that lets the browser keep the language with this tag. Scripts cannot read the cookie.
pub fn keep(tag: &str, is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    format!("{COOKIE}={tag}; Path=/; Max-Age={KEPT_SECONDS}; SameSite=Lax; HttpOnly{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_only_leads_back_to_a_path_of_this_site() {
        let way_back = |next: &str| {
            let next = Some(next.to_owned());
            Switch { next }.way_back(&HeaderMap::new())
        };
        for next in [
            "/",
            "/sign-in",
            "/sign-in?next=%2Factivity%3Fshown%3D60",
            "/a%20b//c",
        ] {
            assert_eq!(way_back(next), next);
        }
        let long = format!("/{}", "a".repeat(LONGEST_WAY_BACK));
        for next in [
            "",
            "sign-in",
            "//elsewhere.example",
            "/\\elsewhere.example",
            "\\\\elsewhere.example",
            "https://elsewhere.example/",
            "javascript:alert(1)",
            "/\t/elsewhere.example",
            "/\r\nset-cookie: a=b",
            " /sign-in",
            "/sign in",
            "/ä",
            &long,
        ] {
            assert_eq!(way_back(next), "/", "{next:?}");
        }
        let came_from = |referer: &'static str| {
            let headers = [(header::REFERER, HeaderValue::from_static(referer))];
            Switch { next: None }.way_back(&HeaderMap::from_iter(headers))
        };
        for (referer, page) in [
            ("https://id.example/data?a=b", "/data?a=b"),
            ("https://id.example/", "/"),
            ("https://id.example", "/"),
            ("https://id.example//elsewhere.example", "/"),
            ("about:client", "/"),
            ("https://id.example/language/de", "/"),
        ] {
            assert_eq!(came_from(referer), page, "{referer}");
        }
        assert_eq!(Switch { next: None }.way_back(&HeaderMap::new()), "/");
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        for cookies in [
            "a=b; holdfast_language=de;c",
            "xholdfast_language=fr",
            "holdfast_language=en",
        ] {
            headers.append(header::COOKIE, HeaderValue::from_static(cookies));
        }
        let found: Vec<_> = chosen(&headers).collect();
        assert_eq!(found, ["de", "en"]);
    }

    #[test]
    fn only_an_https_site_keeps_its_cookie_from_http() {
        assert!(keep("de", true).ends_with("; HttpOnly; Secure"));
        assert!(!keep("de", false).contains("Secure"));
    }
}
