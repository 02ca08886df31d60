//! Compares values with schemas: the part of JSON Schema that the document uses. A keyword, a format or a
//! pattern that this file does not know is an error, so that no schema is only half compared.

use std::collections::BTreeSet;

use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::problem::OtherCode;
use holdfast_protocol::username::Username;
use serde_json::Value;
use uuid::Uuid;

/// The schemas of a document.
pub struct Schemas<'a>(&'a Value);

impl<'a> Schemas<'a> {
    pub fn of(document: &'a Value) -> Self {
        Self(document)
    }

    /// What does not fit, a text for each fault. A member that the schema does not describe is a fault, too:
    /// the schema would lag behind.
    pub fn faults(&self, schema: &'a Value, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.compare(schema, value, "", &mut faults);
        faults
    }

    /// Compares a value and everything in it.
    fn compare(&self, schema: &'a Value, value: &Value, place: &str, faults: &mut Vec<String>) {
        self.compare_keywords(schema, value, place, faults);
        let (Some(members), Some(described)) = (value.as_object(), self.described(schema, value))
        else {
            return;
        };
        let others = members.keys().filter(|name| !described.contains(&***name));
        faults.extend(others.map(|name| format!("{place}/{name} is not described")));
    }

    fn compare_keywords(
        &self,
        schema: &'a Value,
        value: &Value,
        place: &str,
        faults: &mut Vec<String>,
    ) {
        for (keyword, rule) in schema.as_object().expect("a schema is an object") {
            match keyword.as_str() {
                "$ref" => self.compare_keywords(self.target(rule), value, place, faults),
                "allOf" => {
                    for part in list(rule) {
                        self.compare_keywords(part, value, place, faults);
                    }
                }
                "properties" => {
                    for (name, schema) in rule.as_object().unwrap() {
                        if let Some(member) = value.get(name) {
                            self.compare(schema, member, &format!("{place}/{name}"), faults);
                        }
                    }
                }
                "items" => {
                    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.compare(rule, item, &format!("{place}/{at}"), faults);
                    }
                }
                keyword => {
                    if !self.fits(keyword, rule, value) {
                        faults.push(format!(
                            "{place}: {value} has another {keyword} than {rule}"
                        ));
                    }
                }
            }
        }
    }

    fn fits(&self, keyword: &str, rule: &'a Value, value: &Value) -> bool {
        let number = || rule.as_i64().unwrap();
        let size = || usize::try_from(number()).unwrap();
        let length = value.as_str().map(|text| text.chars().count());
        let items = value.as_array().map(Vec::len);
        match keyword {
            // They are for a reader.
            "description" | "default" => true,
            // `described` heeds it.
            "additionalProperties" => rule.is_boolean(),
            "type" if rule.is_array() => list(rule).iter().any(|rule| is_of_type(rule, value)),
            "type" => is_of_type(rule, value),
            "const" => value == rule,
            "enum" => list(rule).contains(value),
            "required" => {
                let is_there = |name: &Value| value.get(name.as_str().unwrap()).is_some();
                !value.is_object() || list(rule).iter().all(is_there)
            }
            "anyOf" => list(rule)
                .iter()
                .any(|schema| self.faults(schema, value).is_empty()),
            "minimum" => value.as_i64().is_none_or(|value| value >= number()),
            "maximum" => value.as_i64().is_none_or(|value| value <= number()),
            "minLength" => length.is_none_or(|length| length >= size()),
            "maxLength" => length.is_none_or(|length| length <= size()),
            "minItems" => items.is_none_or(|items| items >= size()),
            "maxItems" => items.is_none_or(|items| items <= size()),
            "format" => has_format(rule, value),
            "pattern" => value.as_str().is_none_or(|text| has_pattern(rule, text)),
            other => panic!("the keyword {other} is not known here"),
        }
    }

    /// The names of the members that a schema describes. `None` if the value may have any member.
    fn described(&self, schema: &'a Value, value: &Value) -> Option<BTreeSet<&'a str>> {
        let mut names = BTreeSet::new();
        for (keyword, rule) in schema.as_object()? {
            match keyword.as_str() {
                "properties" => names.extend(rule.as_object()?.keys().map(String::as_str)),
                "$ref" => names.extend(self.described(self.target(rule), value)?),
                "allOf" => {
                    for part in list(rule) {
                        names.extend(self.described(part, value)?);
                    }
                }
                "anyOf" => {
                    for part in list(rule) {
                        if self.faults(part, value).is_empty() {
                            names.extend(self.described(part, value)?);
                        }
                    }
                }
                "additionalProperties" if rule.as_bool() == Some(true) => return None,
                _ => {}
            }
        }
        Some(names)
    }

    fn target(&self, reference: &'a Value) -> &'a Value {
        let address = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let found = address.and_then(|address| self.0.pointer(address));
        found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    /// Fails if this file does not know everything that a schema uses, also in its parts. References are not
    /// followed.
    pub fn must_be_known(&self, schema: &'a Value) {
        for (keyword, rule) in schema.as_object().expect("a schema is an object") {
            match keyword.as_str() {
                "$ref" => {
                    self.target(rule);
                }
                "items" => self.must_be_known(rule),
                "allOf" | "anyOf" => list(rule).iter().for_each(|part| self.must_be_known(part)),
                "properties" => {
                    let properties = rule.as_object().unwrap().values();
                    properties.for_each(|schema| self.must_be_known(schema));
                }
                // A text has every kind of format and pattern.
                keyword => {
                    self.fits(keyword, rule, &Value::from("a text"));
                }
            }
        }
    }
}

/// The items of an array.
fn list(rule: &Value) -> &[Value] {
    rule.as_array().expect("this keyword has a list")
}

fn is_of_type(rule: &Value, value: &Value) -> bool {
    match rule.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known here"),
    }
}

/// A format says nothing about a value of another type.
fn has_format(rule: &Value, value: &Value) -> bool {
    let text = value.as_str();
    match rule.as_str().unwrap() {
        "uuid" => text.is_none_or(|text| text.len() == 36 && Uuid::try_parse(text).is_ok()),
        "uri" => text.is_none_or(|text| text.contains(':') && !text.contains(' ')),
        // Pages hide what a person types there.
        "password" => true,
        "int64" => !value.is_number() || value.is_i64(),
        other => panic!("the format {other} is not known here"),
    }
}

/// The patterns of the document are those of texts that the protocol reads.
fn has_pattern(rule: &Value, text: &str) -> bool {
    let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    match rule.as_str().unwrap() {
        "^[0-9a-f]{16}$" => text.len() == 16 && text.bytes().all(is_digit),
        "^[0-9a-f]{64}$" => text.len() == 64 && text.bytes().all(is_digit),
        "^[a-z0-9_]{1,30}$" => OtherCode::new(text).is_some(),
        "^[!-~]{16,255}$" => AttemptKey::parse(text.as_bytes()).is_ok(),
        "^[A-Za-z0-9][A-Za-z0-9._@+-]{1,62}[A-Za-z0-9]$" => Username::parse(text).is_ok(),
        other => panic!("the pattern {other} is not known here"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_found() {
        let document = json!({
            "a": {
                "type": "object",
                "required": ["n"],
                "properties": { "n": { "type": "integer" } },
            },
        });
        let schemas = Schemas::of(&document);
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        for (schema, value, faults) in [
            (json!({ "$ref": "#/a" }), json!({ "n": 1 }), 0),
            (json!({ "$ref": "#/a" }), json!({ "n": "1" }), 1),
            (json!({ "$ref": "#/a" }), json!({ "n": 1.5 }), 1),
            (json!({ "$ref": "#/a" }), json!({ "n": null }), 1),
            (json!({ "$ref": "#/a" }), json!({}), 1),
            (json!({ "$ref": "#/a" }), json!([]), 1),
            // A member that is not described.
            (json!({ "$ref": "#/a" }), json!({ "n": 1, "m": 1 }), 1),
            (json!({ "type": "object" }), json!({ "m": 1 }), 1),
            (
                json!({ "additionalProperties": true }),
                json!({ "m": 1 }),
                0,
            ),
            // It is described by another part.
            (
                json!({ "allOf": [{ "$ref": "#/a" }, { "properties": { "m": {} } }] }),
                json!({ "n": 1, "m": 1 }),
                0,
            ),
            (
                json!({ "allOf": [{ "$ref": "#/a" }, { "required": ["m"] }] }),
                json!({ "n": 1 }),
                1,
            ),
            (
                json!({ "anyOf": [{ "$ref": "#/a" }, { "type": "null" }] }),
                json!({ "n": 1 }),
                0,
            ),
            (
                json!({ "anyOf": [{ "$ref": "#/a" }, { "type": "null" }] }),
                json!(null),
                0,
            ),
            // No part fits, so none describes a member.
            (
                json!({ "anyOf": [{ "$ref": "#/a" }, { "type": "null" }] }),
                json!({ "n": 1, "m": 1 }),
                3,
            ),
            // In a list, each item is compared.
            (
                json!({ "items": { "$ref": "#/a" } }),
                json!([{ "n": 1 }, {}, { "n": 1, "m": 1 }]),
                2,
            ),
            (json!({ "maxItems": 1 }), json!([1, 2]), 1),
            (json!({ "minItems": 1 }), json!([]), 1),
            (json!({ "type": ["string", "null"] }), json!(null), 0),
            (json!({ "type": ["string", "null"] }), json!(1), 1),
            (json!({ "type": "boolean" }), json!("true"), 1),
            (json!({ "const": "a" }), json!("b"), 1),
            (json!({ "enum": ["a", "b"] }), json!("b"), 0),
            (json!({ "enum": ["a", "b"] }), json!("c"), 1),
            (json!({ "minimum": 1, "maximum": 3 }), json!(0), 1),
            (json!({ "minimum": 1, "maximum": 3 }), json!(4), 1),
            (json!({ "minLength": 2, "maxLength": 3 }), json!("é"), 1),
            (json!({ "minLength": 2, "maxLength": 3 }), json!("éé"), 0),
            (json!({ "minLength": 2, "maxLength": 3 }), json!("éééé"), 1),
            (json!({ "format": "uuid" }), json!(id), 0),
            (json!({ "format": "uuid" }), json!(id.replace('-', "")), 1),
            (json!({ "format": "int64" }), json!(u64::MAX), 1),
            (json!({ "format": "uri" }), json!("a text"), 1),
            (
                json!({ "pattern": "^[0-9a-f]{16}$" }),
                json!("0".repeat(16)),
                0,
            ),
            (
                json!({ "pattern": "^[0-9a-f]{16}$" }),
                json!("G".repeat(16)),
                1,
            ),
        ] {
            let found = schemas.faults(&schema, &value);
            assert_eq!(found.len(), faults, "{schema} {value}: {found:?}");
        }
    }

    #[test]
    #[should_panic(expected = "the keyword multipleOf is not known here")]
    fn an_unknown_keyword_is_an_error() {
        let schema = json!({ "properties": { "n": { "multipleOf": 2 } } });
        Schemas::of(&schema).must_be_known(&schema);
    }
}
