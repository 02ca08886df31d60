//! The document, and the routes of the server as its sources have them.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, StatusCode};
use holdfast_protocol::problem::{Code, MEDIA_TYPE};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../../../src/routes/openapi.json");
const ROUTER: &str = include_str!("../../../src/routes/mod.rs");
const WIRE: &str = include_str!("../../../../protocol/src/wire.rs");

/// The contract as a document.
pub struct Document(Value);

/// A method of an address.
pub struct Operation<'a> {
    pub path: &'a str,
    pub method: Method,
    pub value: &'a Value,
}

impl Document {
    pub fn read() -> Self {
        Self(serde_json::from_str(DOCUMENT).unwrap())
    }

    pub fn whole(&self) -> &Value {
        &self.0
    }

    /// The value at this address, such as `#/components/schemas/Tokens`.
    pub fn at(&self, reference: &str) -> &Value {
        let address = reference.strip_prefix('#');
        let found = address.and_then(|address| self.0.pointer(address));
        found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    /// The value, or the value to which it refers.
    pub fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.at(reference),
            None => value,
        }
    }

    pub fn schema(&self, name: &str) -> &Value {
        self.at(&format!("#/components/schemas/{name}"))
    }

    pub fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, methods) in members(&self.0["paths"]) {
            for (method, value) in members(methods) {
                let method = method.to_uppercase().parse().unwrap();
                operations.push(Operation {
                    path,
                    method,
                    value,
                });
            }
        }
        operations
    }

    pub fn operation(&self, id: &str) -> Operation<'_> {
        let mut operations = self.operations().into_iter();
        let found = operations.find(|operation| operation.id() == id);
        found.unwrap_or_else(|| panic!("there is no operation {id}"))
    }

    /// What the document says about an answer with this status.
    pub fn response<'a>(&'a self, operation: &Operation<'a>, status: StatusCode) -> &'a Value {
        let responses = &operation.value["responses"];
        let response = responses.get(status.as_str());
        let response = response.or_else(|| responses.get("default"));
        let id = operation.id();
        self.resolved(response.unwrap_or_else(|| panic!("{id} does not have {status}")))
    }

    /// All schemas: those with a name, and those of bodies, parameters and headers.
    pub fn schemas(&self) -> Vec<&Value> {
        let mut found = self.all("schema");
        found.extend(members(&self.0["components"]["schemas"]).map(|(_, schema)| schema));
        found
    }

    /// The members of this name, wherever they are.
    pub fn all(&self, name: &str) -> Vec<&Value> {
        let mut found = Vec::new();
        collect(&self.0, name, &mut found);
        found
    }
}

impl<'a> Operation<'a> {
    pub fn id(&self) -> &'a str {
        self.value["operationId"].as_str().unwrap()
    }

    /// Whether the call needs an access token.
    pub fn is_protected(&self) -> bool {
        let security = &self.value["security"];
        let is_protected = *security == json!([{ "accessToken": [] }]);
        assert!(is_protected || *security == json!([]), "{}", self.id());
        is_protected
    }

    /// The answers, each with its status.
    pub fn responses(&self, document: &'a Document) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let responses = members(&self.value["responses"]);
        responses.map(move |(status, response)| (status, document.resolved(response)))
    }

    /// The media type of the body that the call takes, and what the document says about it.
    pub fn request_body(&self) -> Option<(&'a str, &'a Value)> {
        let body = self.value.get("requestBody")?;
        members(&body["content"]).next()
    }
}

/// The members of an object.
pub fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, member)| (name.as_str(), member))
}

fn collect<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    found.extend(value.get(name));
    for (_, member) in members(value) {
        collect(member, name, found);
    }
    for item in value.as_array().into_iter().flatten() {
        collect(item, name, found);
    }
}

/// The codes that the description of an answer has, if the answer may be a problem.
pub fn codes(response: &Value) -> Vec<Code> {
    if response["content"].get(MEDIA_TYPE).is_none() {
        return Vec::new();
    }
    let description = response["description"].as_str().unwrap();
    let quoted = description.split('`').skip(1).step_by(2);
    let code = |word: &str| Code::ALL.iter().find(|code| code.as_str() == word);
    quoted.filter_map(code).copied().collect()
}

/// What the description of a schema says about one of its words.
pub fn line_about<'a>(schema: &'a Value, word: &str) -> &'a str {
    let description = schema["description"].as_str().unwrap();
    let beginning = format!("- `{word}`: ");
    let mut lines = description.lines();
    let found = lines.find_map(|line| line.strip_prefix(&*beginning));
    found.unwrap_or_else(|| panic!("{word} is not described"))
}

/// The addresses of `protocol/src/wire.rs`, by the names of their constants.
pub fn paths() -> BTreeMap<&'static str, &'static str> {
    let module = WIRE.split_once("pub mod paths {").unwrap().1;
    let module = module.split_once("\n}\n").unwrap().0;
    let constants = module.split("pub const ").skip(1);
    let path = |constant: &'static str| {
        let (name, rest) = constant.split_once(": &str = \"").unwrap();
        (name, rest.split_once('"').unwrap().0)
    };
    constants.map(path).collect()
}

/// The addresses and methods of `server/src/routes/mod.rs`.
pub fn routes() -> BTreeSet<(String, String)> {
    let paths = paths();
    let mut routes = BTreeSet::new();
    for call in ROUTER.split(".route(").skip(1) {
        let (address, methods) = arguments(call);
        // It answers every other address below `/api/v1` with 404.
        if address == "OTHERS" {
            continue;
        }
        let name = address.split("paths::").nth(1).unwrap();
        let name = name.trim_end_matches([')', ',', ' ', '\n']);
        let path = match address.split('"').nth(1) {
            Some(form) => form
                .replace("{}", paths[name])
                .replace("{{", "{")
                .replace("}}", "}"),
            None => paths[name].to_owned(),
        };
        let before = routes.len();
        for method in ["get", "post", "put", "patch", "delete"] {
            if methods.contains(&format!("{method}(")) {
                routes.insert((path.clone(), method.to_uppercase()));
            }
        }
        assert!(routes.len() > before, "no method was found in {call}");
    }
    routes
}

/// The two arguments of a call, whose text begins behind its parenthesis.
fn arguments(call: &str) -> (&str, &str) {
    let (mut depth, mut comma) = (1, None);
    for (at, sign) in call.char_indices() {
        match sign {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 1 && comma.is_none() => comma = Some(at),
            _ => {}
        }
        if depth == 0 {
            let (first, second) = call[..at].split_at(comma.unwrap());
            return (first.trim(), second);
        }
    }
    panic!("a call has no end: {call}")
}
