//! A server whose answers are compared with the document.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, header};
use holdfast_protocol::problem::MEDIA_TYPE;
use holdfast_protocol::wire::Tokens;
use serde_json::{Value, json};
use uuid::Uuid;

use super::document::{Document, Operation, codes, line_about, members};
use super::schema::Schemas;
use crate::support::{Answer, TestApp};

/// A request. What it leaves out is not sent.
#[derive(Default)]
pub struct Call<'a> {
    by: Option<&'a Tokens>,
    session_id: Option<Uuid>,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl<'a> Call<'a> {
    /// A call as this person.
    pub fn by(tokens: &'a Tokens) -> Self {
        Self {
            by: Some(tokens),
            ..Self::default()
        }
    }

    /// A call with this body, as JSON or as a form.
    pub fn with(body: Value) -> Self {
        Self::default().and(body)
    }

    pub fn and(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// With this session in the address.
    pub fn about(mut self, session_id: Uuid) -> Self {
        self.session_id = Some(session_id);
        self
    }

    pub fn query(mut self, query: &str) -> Self {
        self.query = query.to_owned();
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A server whose answers are compared with the document.
pub struct Server<'a> {
    app: &'a TestApp,
    document: &'a Document,
    /// The operations that have succeeded.
    pub succeeded: BTreeSet<&'a str>,
    /// The codes of the problems so far.
    pub problems: BTreeSet<String>,
}

impl<'a> Server<'a> {
    pub fn new(app: &'a TestApp, document: &'a Document) -> Self {
        Self {
            app,
            document,
            succeeded: BTreeSet::new(),
            problems: BTreeSet::new(),
        }
    }

    /// Calls an operation, and checks that the answer is as the document says, with this status.
    pub async fn answer(&mut self, id: &str, status: u16, call: Call<'_>) -> Answer {
        let operation = self.document.operation(id);
        let answer = self.app.send(request(&operation, &call)).await;
        assert_eq!(answer.status, status, "{id}: {}", answer.text());
        self.compare(&operation, &answer);
        if answer.status.is_success() {
            self.succeeded.insert(operation.id());
            let schemas = Schemas::of(self.document.whole());
            if let (Some(sent), Some((_, body))) = (&call.body, operation.request_body()) {
                let faults = schemas.faults(&body["schema"], sent);
                assert!(faults.is_empty(), "{id} was sent {sent}: {faults:#?}");
            }
        }
        answer
    }

    /// Checks that the headers and the body of an answer are as the document says.
    fn compare(&mut self, operation: &Operation<'a>, answer: &Answer) {
        let place = format!("{} {}", operation.id(), answer.status);
        let document = self.document;
        let schemas = Schemas::of(document.whole());
        let response = document.response(operation, answer.status);
        // These two say what a client does next, so the document names them.
        for name in ["Retry-After", "WWW-Authenticate"] {
            let is_described = !response["headers"][name].is_null();
            let is_there = answer.headers.contains_key(name);
            assert!(is_described || !is_there, "{place} has {name}");
        }
        for (name, header) in members(&response["headers"]) {
            let header = document.resolved(header);
            if header["required"] != true && !answer.headers.contains_key(name) {
                continue;
            }
            let schema = &header["schema"];
            let text = answer.header(name);
            let value = match schema["type"].as_str() {
                Some("integer") => json!(text.parse::<u32>().unwrap()),
                _ => json!(text),
            };
            let faults = schemas.faults(schema, &value);
            assert!(faults.is_empty(), "{place}, {name}: {faults:#?}");
        }
        let Some(content) = response.get("content") else {
            assert_eq!(answer.text(), "", "{place}");
            return;
        };
        let media_type = answer.header("content-type");
        let media_type = media_type.split(';').next().unwrap();
        let Some(schema) = content[media_type].get("schema") else {
            panic!("{place} has another type: {media_type}");
        };
        let body = match media_type {
            "text/plain" => json!(answer.text()),
            _ => answer.json(),
        };
        let faults = schemas.faults(schema, &body);
        assert!(faults.is_empty(), "{place}: {faults:#?} in {body:#}");
        if media_type == MEDIA_TYPE {
            let problem = answer.problem();
            let code = problem.code;
            assert!(codes(response).contains(&code), "{place}: {code:?}");
            if let Some(cause) = problem.cause {
                let line = line_about(document.schema("Cause"), cause.as_str());
                let quoted = format!("`{}`", code.as_str());
                assert!(line.contains(&quoted), "{place}: {cause:?}");
            }
            self.problems.insert(code.as_str().to_owned());
        }
    }
}

fn request(operation: &Operation<'_>, call: &Call<'_>) -> Request<Body> {
    let mut address = operation.path.to_owned();
    if let Some(session_id) = call.session_id {
        address = address.replace("{session_id}", &session_id.to_string());
    }
    address.push_str(&call.query);
    let mut request = Request::builder()
        .method(operation.method.clone())
        .uri(address);
    if let Some(tokens) = call.by {
        let bearer = format!("Bearer {}", tokens.access_token.expose());
        request = request.header(header::AUTHORIZATION, bearer);
    }
    for (name, value) in &call.headers {
        request = request.header(*name, value);
    }
    let mut text = String::new();
    if let (Some(body), Some((media_type, _))) = (&call.body, operation.request_body()) {
        request = request.header(header::CONTENT_TYPE, media_type);
        text = match media_type {
            "application/json" => body.to_string(),
            _ => serde_urlencoded::to_string(body).unwrap(),
        };
    }
    request.body(Body::from(text)).unwrap()
}
