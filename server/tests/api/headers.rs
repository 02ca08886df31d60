//! The headers of every answer, and the calls that are refused because another site sent
//! them.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, Version};
use axum::routing::get;
use futures::stream;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;
use holdfast_server::additions::Additions;
use holdfast_server::{ApiError, router_with};
use serde_json::json;
use tower::ServiceExt as _;

use crate::support::log::Log;
use crate::support::{Answer, PASSWORD, TestApp, json_request};

async fn get_from(app: &TestApp, path: &str) -> Answer {
    app.send(Request::builder().uri(path).body(Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_a_request_id() {
    let app = TestApp::start().await;
    for path in [
        "/healthz",
        "/api/v1/nothing",
        paths::ACCOUNT,
        paths::JWKS,
        paths::OPENAPI,
        "/",
    ] {
        let answer = get_from(&app, path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        let permissions = answer.header("permissions-policy");
        assert!(permissions.contains("camera=()"), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; "),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(
            policy.contains("script-src"),
            path == "/",
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_made_while_it_is_sent_is_logged_with_the_id_of_its_request() {
    let mut app = TestApp::start().await;
    app.serve_with(|state| {
        let pieces = get(async || {
            Body::from_stream(stream::once(async {
                tracing::warn!("A piece is made.");
                Ok::<_, Infallible>("a piece")
            }))
        });
        let additions = Additions {
            routes: Router::new().route("/pieces", pieces),
            ..Additions::default()
        };
        router_with(state, additions)
    });
    let log = Log::start();
    let answer = get_from(&app, "/pieces").await;
    assert_eq!(answer.text(), "a piece");
    let text = log.finish();
    let mut lines = text.lines();
    let line = lines.find(|line| line.contains("A piece is made."));
    let id = answer.header("x-request-id");
    assert!(line.is_some_and(|line| line.contains(id)), "{id}: {text}");
}

#[tokio::test]
async fn only_an_https_issuer_asks_browsers_for_https() {
    let app = TestApp::with(|config| config.issuer = "http://localhost:3000".to_owned()).await;
    let answer = get_from(&app, "/healthz").await;
    assert_eq!(answer.header("strict-transport-security"), "");
}

#[tokio::test]
async fn no_cache_stores_an_answer_about_a_person() {
    let mut app = TestApp::start().await;
    app.serve_with(|state| {
        let routes = Router::new().route("/mine", get(|| async { "mine" }));
        let additions = Additions {
            routes,
            ..Additions::default()
        };
        router_with(state, additions)
    });
    let tokens = app.sign_up("ada").await;
    for path in [
        paths::ACCOUNT,
        paths::SESSIONS,
        paths::SESSION_ROW,
        paths::ACTIVITY,
        paths::ACCOUNT_DATA,
        paths::RECOVERY_CODE,
        "/mine",
    ] {
        let answer = app.get_as(&tokens, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    // An answer that is the same for every client may be stored.
    for path in [paths::JWKS, paths::OPENAPI] {
        let answer = app.get_as(&tokens, path).await;
        assert_eq!(answer.header("cache-control"), "public, max-age=3600");
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_change_anything() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let log_in = async |site: Option<&str>| {
        let body = json!({"username": "ada", "password": PASSWORD});
        let mut request = json_request(Method::POST, paths::LOGIN, &body);
        if let Some(site) = site {
            let site = site.parse().unwrap();
            request.headers_mut().insert("sec-fetch-site", site);
        }
        app.send(request).await
    };
    for site in [None, Some("same-origin"), Some("none")] {
        log_in(site).await.tokens(200);
    }
    let refused = log_in(Some("cross-site")).await;
    refused.is(Code::MalformedRequest);
    assert_eq!(refused.status, 403);
    // A second value does not hide the first one, in either order.
    for sites in [["same-origin", "cross-site"], ["cross-site", "same-origin"]] {
        let body = json!({"username": "ada", "password": PASSWORD});
        let mut request = json_request(Method::POST, paths::LOGIN, &body);
        for site in sites {
            request
                .headers_mut()
                .append("sec-fetch-site", site.parse().unwrap());
        }
        assert_eq!(app.send(request).await.status, 403, "{sites:?}");
    }
    // A link on another site may still lead to this site.
    let followed = Request::builder()
        .uri("/")
        .header("sec-fetch-site", "cross-site");
    let answer = app.send(followed.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_panic_of_a_handler_is_answered_as_a_fault_of_the_server() {
    let mut app = TestApp::start().await;
    app.serve_with(|state| {
        let panics = get(async || -> &'static str { panic!("with a secret in it") });
        let additions = Additions {
            routes: Router::new().route("/panics", panics),
            ..Additions::default()
        };
        router_with(state, additions)
    });
    let answer = get_from(&app, "/panics").await;
    answer.is(Code::Internal);
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("secret"), "{}", answer.text());
}

#[tokio::test]
async fn a_person_gets_a_page_in_the_place_of_a_problem_and_a_program_does_not() {
    let mut app = TestApp::start().await;
    app.serve_with(|state| {
        let panics = get(async || -> &'static str { panic!("with a secret in it") });
        let own = get(async || {
            let sentence = "Delete some notes first.";
            ApiError::of_application(StatusCode::FORBIDDEN, "quota", sentence)
        });
        let additions = Additions {
            routes: Router::new().route("/panics", panics).route("/own", own),
            ..Additions::default()
        };
        router_with(state, additions)
    });
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    let answer = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        app.send(request.body(Body::empty()).unwrap()).await
    };
    for (path, status, headers, words) in [
        (
            "/panics",
            500,
            vec![("sec-fetch-dest", "document")],
            "Something went wrong on our side",
        ),
        // A browser without this header.
        ("/panics", 500, vec![("accept", html)], "on our side"),
        (
            "/panics?a=%3Cscript%3E",
            500,
            vec![("accept", html), ("accept-language", "de")],
            "Bei uns ist etwas schiefgegangen",
        ),
        (
            "/language/fr",
            404,
            vec![("accept", html), ("cookie", "holdfast_language=de")],
            "Seite nicht gefunden",
        ),
        (
            "/language/de",
            403,
            vec![("accept", html), ("sec-fetch-site", "cross-site")],
            "This does not work here",
        ),
    ] {
        let page = answer(path, &headers).await;
        assert_eq!(page.status, status, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(page.header("vary").contains("cookie"), "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; "));
        let (text, id) = (page.text(), page.header("x-request-id"));
        assert!(text.contains(words) && text.contains(id), "{path}: {text}");
        assert!(
            !text.contains("secret") && !text.contains("<script"),
            "{text}"
        );
    }
    app.state.stopping.tell();
    for (path, headers) in [
        ("/panics", vec![("accept", "*/*")]),
        ("/panics", vec![]),
        // A script of a page says that it accepts HTML.
        (
            "/panics",
            vec![("sec-fetch-dest", "empty"), ("accept", html)],
        ),
        (
            "/panics",
            vec![("sec-fetch-dest", "iframe"), ("accept", html)],
        ),
        // What an application says, and what an operator wants to know.
        ("/own", vec![("sec-fetch-dest", "document")]),
        ("/readyz", vec![("accept", html)]),
        (
            "/openapi.json",
            vec![
                ("accept", html),
                ("host", "a.example"),
                ("host", "b.example"),
            ],
        ),
        ("/api/v1/nothing", vec![("sec-fetch-dest", "document")]),
        ("/oauth/nothing", vec![("accept", html)]),
        ("/.well-known/nothing", vec![("accept", html)]),
    ] {
        let problem = answer(path, &headers).await;
        assert_eq!(
            problem.header("content-type"),
            "application/problem+json",
            "{path}"
        );
        assert_eq!(problem.header("vary"), "", "{path}");
    }
}

#[tokio::test]
async fn a_request_of_http_1_1_names_its_host_once() {
    let app = TestApp::start().await;
    let router = router_with(app.state.clone(), Additions::default());
    for (version, hosts, status) in [
        (Version::HTTP_11, vec!["id.example"], 200),
        (Version::HTTP_11, vec![], 400),
        (Version::HTTP_11, vec!["id.example", "other.example"], 400),
        (Version::HTTP_11, vec!["id.example", "id.example"], 400),
        (Version::HTTP_10, vec![], 200),
        // Such a request names its host in another way.
        (Version::HTTP_2, vec![], 200),
    ] {
        let mut request = Request::builder().uri("/healthz").version(version);
        for host in &hosts {
            request = request.header("host", *host);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{version:?} {hosts:?}");
    }
}

#[tokio::test]
async fn a_password_manager_finds_the_page_that_changes_the_password() {
    let app = TestApp::start().await;
    let answer = get_from(&app, "/.well-known/change-password").await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "/password");
    // Password managers believe the redirect only if an address that nobody has is answered otherwise
    // (W3C, «Detecting the reliability of HTTP status codes»).
    let unknown = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
    assert_eq!(get_from(&app, unknown).await.status, 404);
}
