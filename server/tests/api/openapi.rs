//! `GET /openapi.json`: the document says what the server does, and nothing else.
//!
//! This file compares its addresses, codes, words and bounds with those of the sources. `openapi/answers.rs`
//! compares real answers with it.

mod answers;
mod document;
mod schema;
mod server;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use holdfast_protocol::cause::Cause;
use holdfast_protocol::problem::{Code, MEDIA_TYPE};
use holdfast_protocol::wire::{EndReason, EventKind, MAX_BODY, paths};
use holdfast_protocol::{attempt_key, password, session_name, username};
use serde_json::{Value, json};
use uuid::Uuid;

use self::document::{Document, Operation, codes, line_about, members};
use self::schema::Schemas;
use crate::support::TestApp;

#[tokio::test]
async fn every_client_can_read_the_document_of_this_version() {
    let app = TestApp::start().await;
    let request = Request::builder().uri(paths::OPENAPI);
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
    let document: Value = answer.json();
    assert_eq!(document, *Document::read().whole());
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_document_has_every_route_and_no_other() {
    let document = Document::read();
    let operations = document.operations();
    let documented: BTreeSet<_> = operations
        .iter()
        .map(|operation| (operation.path.to_owned(), operation.method.to_string()))
        .collect();
    assert_eq!(documented, document::routes());
    let paths = document::paths();
    assert!(paths.len() > 20, "{paths:?}");
    for (name, path) in paths {
        let is_documented = operations.iter().any(|operation| operation.path == path);
        assert!(is_documented, "{name}");
    }
}

#[tokio::test]
async fn the_router_has_the_methods_of_the_document_and_no_others() {
    let app = TestApp::start().await;
    let document = Document::read();
    let operations = document.operations();
    for (path, _) in members(&document.whole()["paths"]) {
        let address = path.replace("{session_id}", &Uuid::nil().to_string());
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
            Method::TRACE,
        ] {
            let request = Request::builder().method(method.clone()).uri(&address);
            let answer = app.send(request.body(Body::empty()).unwrap()).await;
            let mut operations = operations.iter();
            let documented = operations.find(|it| it.path == path && it.method == method);
            let Some(operation) = documented else {
                answer.is(Code::MethodNotAllowed);
                continue;
            };
            let status = answer.status.as_u16();
            assert!(![404, 405].contains(&status), "{method} {path}: {status}");
            // Without an access token, a protected call is refused, and every other call is not.
            let is_refused = answer.code() == Some(Code::AccessTokenMissing);
            assert_eq!(is_refused, operation.is_protected(), "{method} {path}");
        }
    }
}

#[test]
fn the_codes_and_their_statuses_are_those_of_the_protocol() {
    let document = Document::read();
    let schema = document.schema("Code");
    let all: BTreeSet<_> = Code::ALL.iter().map(Code::as_str).collect();
    let listed = schema["anyOf"][0]["enum"].as_array().unwrap();
    assert_eq!(listed.len(), all.len());
    let listed: BTreeSet<_> = listed.iter().filter_map(Value::as_str).collect();
    assert_eq!(listed, all);
    let description = schema["description"].as_str().unwrap();
    for code in Code::ALL {
        let line = format!("- `{}` ({}): ", code.as_str(), code.status());
        assert!(description.contains(&line), "{line}");
    }

    let mut answered = BTreeSet::new();
    for operation in document.operations() {
        for (status, response) in operation.responses(&document) {
            let place = format!("{} {status}", operation.id());
            let is_problem = response["content"].get(MEDIA_TYPE).is_some();
            // An application chooses its codes.
            if status == "default" {
                assert!(is_problem, "{place}");
                continue;
            }
            let codes = codes(response);
            assert_eq!(codes.is_empty(), !is_problem, "{place}");
            for code in codes {
                let statuses = match code {
                    Code::MalformedRequest => vec![400, 403, 408, 415],
                    code => vec![code.status()],
                };
                let status: u16 = status.parse().unwrap();
                assert!(statuses.contains(&status), "{place}: {code:?}");
                answered.insert(code.as_str().to_owned());
            }
        }
    }
    let answered: BTreeSet<_> = answered.iter().map(String::as_str).collect();
    let others: Vec<_> = all.difference(&answered).copied().collect();
    // No operation is called with a method that it does not have, and no call answers the other code.
    let expected = [Code::AccountDisabled, Code::MethodNotAllowed];
    assert_eq!(others, expected.each_ref().map(Code::as_str));
}

#[test]
fn the_causes_the_reasons_and_the_kinds_are_those_of_the_protocol() {
    let document = Document::read();
    let causes = Cause::ALL.iter().copied().map(Cause::as_str);
    let reasons = EndReason::ALL.iter().copied().map(EndReason::as_str);
    // A server answers this kind if a newer one has written the event.
    let kinds = EventKind::ALL.iter().copied().chain([EventKind::Unknown]);
    let kinds = kinds.map(EventKind::as_str);
    for (name, words) in [
        ("Cause", causes.collect::<Vec<_>>()),
        ("EndReason", reasons.collect()),
        ("EventKind", kinds.collect()),
    ] {
        let schema = document.schema(name);
        assert_eq!(schema["enum"], json!(words), "{name}");
        for word in words {
            assert!(!line_about(schema, word).is_empty(), "{name}: {word}");
        }
    }
}

#[test]
fn the_bounds_are_those_of_the_protocol() {
    let document = Document::read();
    for (schema, member) in [
        ("SignupRequest", "username"),
        ("ChangeUsername", "username"),
    ] {
        let bounds = &document.schema(schema)["properties"][member];
        assert_eq!(bounds["minLength"], username::MIN_LENGTH);
        assert_eq!(bounds["maxLength"], username::MAX_LENGTH);
    }
    for (schema, member) in [
        ("SignupRequest", "password"),
        ("ChangePassword", "new_password"),
        ("RecoverRequest", "new_password"),
    ] {
        let bounds = &document.schema(schema)["properties"][member];
        assert_eq!(bounds["minLength"], password::MIN_LENGTH);
        assert_eq!(bounds["maxLength"], password::MAX_LENGTH);
    }
    let name = &document.schema("SessionInfo")["properties"]["name"];
    assert_eq!(name["maxLength"], session_name::MAX_LENGTH);
    let refresh = document.operation("refresh");
    let key = &refresh.value["parameters"][0];
    let name = key["name"].as_str().unwrap();
    assert!(name.eq_ignore_ascii_case(attempt_key::HEADER), "{name}");
    assert_eq!(key["schema"]["minLength"], attempt_key::MIN_LENGTH);
    assert_eq!(key["schema"]["maxLength"], attempt_key::MAX_LENGTH);
    let too_large = document.at("#/components/responses/PayloadTooLarge");
    let description = too_large["description"].as_str().unwrap();
    assert!(description.contains(&format!(" {MAX_BODY} bytes")));
}

#[test]
fn everything_in_the_document_is_told_once_and_leads_somewhere() {
    let document = Document::read();
    let mut ids = BTreeSet::new();
    for operation in document.operations() {
        let Operation { path, value, .. } = operation;
        let id = operation.id();
        assert!(ids.insert(id), "{id} is there twice");
        for member in ["summary", "description"] {
            let text = value[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{id} has no {member}");
        }
        let parameters = value["parameters"].as_array();
        let parameters = parameters.into_iter().flatten();
        let in_path: Vec<_> = parameters
            .map(|parameter| document.resolved(parameter))
            .filter(|parameter| parameter["in"] == "path" && parameter["required"] == true)
            .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
            .collect();
        let parts: Vec<_> = path.split('/').filter(|part| part.contains('{')).collect();
        assert_eq!(in_path, parts, "{id}");

        let statuses: Vec<_> = operation.responses(&document).collect();
        let succeeds = statuses.iter().any(|(status, _)| status.starts_with('2'));
        assert!(succeeds, "{id}");
        for (status, response) in statuses {
            let text = response["description"].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{id} {status}");
            let request_id = &response["headers"]["X-Request-Id"]["$ref"];
            assert_eq!(
                request_id, "#/components/headers/RequestId",
                "{id} {status}"
            );
        }
    }

    let references = document.all("$ref");
    let references: BTreeSet<_> = references.into_iter().filter_map(Value::as_str).collect();
    for reference in &references {
        document.at(reference);
    }
    for kind in ["parameters", "headers", "responses", "schemas"] {
        for (name, _) in members(&document.whole()["components"][kind]) {
            let reference = format!("#/components/{kind}/{name}");
            assert!(references.contains(&*reference), "{reference} is not used");
        }
    }
}

#[test]
fn every_example_fits_and_no_schema_has_a_keyword_that_is_not_compared() {
    let document = Document::read();
    let schemas = Schemas::of(document.whole());
    let all = document.schemas();
    assert!(all.len() > 100, "{}", all.len());
    for schema in all {
        schemas.must_be_known(schema);
    }
    for operation in document.operations() {
        if let Some((_, body)) = operation.request_body() {
            let faults = schemas.faults(&body["schema"], &body["example"]);
            assert!(faults.is_empty(), "{}: {faults:#?}", operation.id());
        }
    }
}
