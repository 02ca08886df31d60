//! The claims that an application adds to access tokens.
//!
//! A security duty: an application cannot replace a claim by which Holdfast or another service
//! decides whether a token is good. So a reserved name is refused when the claims are made.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// The most bytes that the added claims may have as JSON. Every call carries them in its header.
pub const MOST_BYTES: usize = 512;

/// The claims of Holdfast, and those that have a meaning in RFC 7519, RFC 7800, RFC 8693, RFC 9068 or
/// OpenID Connect which Holdfast may give them later.
const RESERVED: [&str; 18] = [
    "iss",
    "aud",
    "sub",
    "sid",
    "client_id",
    "iat",
    "exp",
    "nbf",
    "jti",
    "cnf",
    "act",
    "may_act",
    "scope",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "nonce",
];

/// Names with this beginning are reserved for claims that Holdfast may add later.
const RESERVED_BEGINNING: &str = "holdfast";

/// Some libraries do not distinguish capital letters in names, and some treat other letters alike, such
/// as `ſ` and `s`. In a service with such a library, `Sub` would replace `sub`.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED.contains(&name.as_str()) || name.starts_with(RESERVED_BEGINNING) || !name.is_ascii()
}

/// Claims that an application adds to an access token; none by default. Clones share them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AddedClaims(Option<Arc<Map<String, Value>>>);

/// Why claims cannot be added to an access token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongClaims {
    /// They are not a JSON object.
    #[error("the claims to add to an access token must be a JSON object")]
    NotAnObject,
    /// This name belongs to Holdfast.
    #[error("the claim `{0}` cannot be added to an access token, because its name is reserved")]
    Reserved(String),
    /// They have this number of bytes as JSON.
    #[error(
        "the claims to add to an access token have {0} bytes as JSON, and at most {MOST_BYTES} are allowed, because every call carries them"
    )]
    TooLarge(usize),
}

impl AddedClaims {
    /// The claims of this value: a struct or a map, each member of which becomes a claim.
    ///
    /// # Errors
    /// If the value is not a JSON object, has a reserved name, or has more than [`MOST_BYTES`] bytes
    /// as JSON. Reserved are the names that begin with `holdfast`, and `iss`, `aud`, `sub`, `sid`,
    /// `client_id`, `iat`, `exp`, `nbf`, `jti`, `cnf`, `act`, `may_act`, `scope`, `auth_time`,
    /// `acr`, `amr`, `azp` and `nonce`, in capital letters, too, and every name that is not ASCII.
    pub fn new(claims: &impl Serialize) -> Result<Self, WrongClaims> {
        let Ok(Value::Object(claims)) = serde_json::to_value(claims) else {
            return Err(WrongClaims::NotAnObject);
        };
        if let Some(name) = claims.keys().find(|name| is_reserved(name)) {
            return Err(WrongClaims::Reserved(name.clone()));
        }
        let bytes = serde_json::to_vec(&claims).map_or(usize::MAX, |json| json.len());
        if bytes > MOST_BYTES {
            return Err(WrongClaims::TooLarge(bytes));
        }
        Ok(Self::of(claims))
    }

    fn of(claims: Map<String, Value>) -> Self {
        Self((!claims.is_empty()).then(|| Arc::new(claims)))
    }

    /// The claims as this type.
    ///
    /// # Errors
    /// If they do not have its form.
    pub fn read<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        let claims = self.0.as_deref().cloned().unwrap_or_default();
        T::deserialize(Value::Object(claims))
    }
}

/// Only the names, because a value may be about a person.
impl fmt::Debug for AddedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().flat_map(|claims| claims.keys());
        f.debug_set().entries(names).finish()
    }
}

impl Serialize for AddedClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().flat_map(|claims| claims.iter()))
    }
}

/// Reads the claims of a token that this fleet has signed. A later version may have added a claim of its
/// own; that one is left out. This is not `Deserialize`, because an application must go through
/// [`AddedClaims::new`].
pub(super) fn from_token<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<AddedClaims, D::Error> {
    let mut claims: Map<String, Value> = Map::deserialize(deserializer)?;
    claims.retain(|name, _| !is_reserved(name));
    Ok(AddedClaims::of(claims))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reserved_name_is_refused() {
        for name in RESERVED.into_iter().chain(["holdfast", "holdfast_plan"]) {
            let error = AddedClaims::new(&json!({ "role": "editor", name: 1 })).unwrap_err();
            assert_eq!(error, WrongClaims::Reserved(name.to_owned()));
            assert!(error.to_string().contains(name), "{error}");
        }
        for name in ["Sub", "EXP", "\u{17f}ub", "Holdfast_plan"] {
            let error = AddedClaims::new(&json!({ name: 1 })).unwrap_err();
            assert_eq!(error, WrongClaims::Reserved(name.to_owned()));
        }
    }

    #[test]
    fn claims_have_a_largest_size_and_are_an_object() {
        // Six bytes are `{"a":` and `}`, and two are the quotation marks.
        let of = |bytes: usize| AddedClaims::new(&json!({ "a": "x".repeat(bytes - 8) }));
        assert!(of(MOST_BYTES).is_ok());
        assert_eq!(of(MOST_BYTES + 1), Err(WrongClaims::TooLarge(513)));
        assert!(of(600).unwrap_err().to_string().contains("at most 512"));
        for other in [json!(null), json!("editor"), json!(["editor"])] {
            assert_eq!(AddedClaims::new(&other), Err(WrongClaims::NotAnObject));
        }
    }

    #[test]
    fn the_values_are_not_printed() {
        let claims = AddedClaims::new(&json!({ "email": "ada@example.org" })).unwrap();
        assert_eq!(format!("{claims:?}"), r#"{"email"}"#);
    }
}
