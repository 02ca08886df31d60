//! The language of a page: the cookie of the switch, `Accept-Language`, and the switch itself.

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use holdfast_protocol::problem::Code;

use crate::support::{Answer, TestApp};

async fn send(app: &TestApp, request: Builder) -> Answer {
    app.send(request.body(Body::empty()).unwrap()).await
}

fn page(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

/// The names of the headers on which an answer depends. It may have several headers `Vary`.
fn vary(answer: &Answer) -> Vec<String> {
    let values = answer.headers.get_all("vary").iter();
    let names = values.flat_map(|value| value.to_str().unwrap().split(','));
    names.map(|name| name.trim().to_owned()).collect()
}

#[tokio::test]
async fn the_cookie_comes_before_the_browsers_language_and_english_is_the_last() {
    let app = TestApp::start().await;
    let german = "<html lang=\"de\"";
    let english = "<html lang=\"en\"";
    for (accepted, cookie, expected) in [
        (None, None, english),
        (Some("de-AT,de;q=0.9,en;q=0.8"), None, german),
        (Some("fr, it;q=0.5"), None, english),
        (Some("en"), Some("holdfast_language=de"), german),
        (Some("de"), Some("a=b; holdfast_language=en"), english),
        // A value that the server never sets does not count.
        (Some("de"), Some("holdfast_language=fr"), german),
        (Some("de"), Some("holdfast_language=\"><script>"), german),
    ] {
        for path in ["/", "/sign-in", "/no-such-page"] {
            let mut request = Request::builder().uri(path);
            if let Some(accepted) = accepted {
                request = request.header("accept-language", accepted);
            }
            if let Some(cookie) = cookie {
                request = request.header("cookie", cookie);
            }
            let answer = send(&app, request).await;
            let vary = vary(&answer);
            assert!(
                page(&answer).contains(expected),
                "{path} {accepted:?} {cookie:?}"
            );
            for name in ["accept-language", "cookie", "accept-encoding"] {
                assert!(vary.contains(&name.to_owned()), "{path}: {vary:?}");
            }
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            assert_eq!(answer.header("set-cookie"), "", "{path}");
        }
    }
}

#[tokio::test]
async fn the_document_itself_is_in_the_language_of_the_page() {
    let app = TestApp::start().await;
    let request = Request::builder().uri("/").header("accept-language", "de");
    let answer = send(&app, request).await;
    for words in [
        "Was ein Dieb kopiert, nützt ihm bald nichts mehr.",
        "Skripte sind hier",
        "Ein Teil dieser Seite ist noch nicht angekommen",
        "Zum Inhalt springen",
    ] {
        assert!(page(&answer).contains(words), "{words}");
    }
    assert!(!page(&answer).contains("A part of this page"));
}

#[tokio::test]
async fn an_answer_that_is_no_page_does_not_depend_on_the_language() {
    let app = TestApp::start().await;
    let request = Request::builder().uri("/api/v1/nothing");
    let answer = send(&app, request.header("accept-language", "de")).await;
    assert_eq!(vary(&answer), Vec::<String>::new());
    assert!(page(&answer).contains("There is nothing at this address."));
}

#[tokio::test]
async fn the_switch_keeps_the_choice_and_leads_back() {
    let app = TestApp::start().await;
    let request = Request::builder().uri("/language/de?next=%2Fsign-in%3Fnext%3D%252Fdata");
    let answer = send(&app, request).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "/sign-in?next=%2Fdata");
    assert_eq!(
        answer.header("set-cookie"),
        "holdfast_language=de; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly; Secure"
    );
    assert_eq!(answer.header("cache-control"), "no-store");

    let by_link = Request::builder()
        .uri("/language/en")
        .header("referer", "https://holdfast.example/data")
        .header("sec-fetch-site", "same-origin");
    let answer = send(&app, by_link).await;
    assert_eq!(answer.header("location"), "/data");
    assert!(
        answer
            .header("set-cookie")
            .starts_with("holdfast_language=en;")
    );
}

#[tokio::test]
async fn the_switch_leads_to_no_other_site_and_another_site_cannot_use_it() {
    let app = TestApp::start().await;
    for next in [
        "%2F%2Felsewhere.example",
        "https%3A%2F%2Felsewhere.example",
        "%2F%5Celsewhere.example",
        "%2F%09%2Felsewhere.example",
        "",
    ] {
        let request = Request::builder().uri(format!("/language/de?next={next}"));
        let answer = send(&app, request).await;
        assert_eq!(answer.header("location"), "/", "{next}");
    }
    let request = Request::builder()
        .uri("/language/de")
        .header("sec-fetch-site", "cross-site");
    let answer = send(&app, request).await;
    answer.is(Code::MalformedRequest);
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn a_language_that_there_is_not_is_not_kept() {
    let app = TestApp::start().await;
    for tag in ["fr", "DE", "de-AT"] {
        let request = Request::builder().uri(format!("/language/{tag}?next=%2F"));
        let answer = send(&app, request).await;
        assert_eq!(answer.status, 404, "{tag}");
        assert_eq!(answer.header("set-cookie"), "", "{tag}");
    }
}

#[tokio::test]
async fn a_site_on_this_machine_keeps_the_choice_without_https() {
    let app = TestApp::with(|config| config.issuer = "http://localhost:3000".to_owned()).await;
    let answer = send(&app, Request::builder().uri("/language/de")).await;
    assert!(answer.header("set-cookie").ends_with("; HttpOnly"));
}
