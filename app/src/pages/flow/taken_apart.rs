//! Takes the tokens of this browser apart, for their owner to see.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_protocol::hexadecimal::in_hexadecimal;
use holdfast_protocol::refresh_token::{PREFIX, UnverifiedRefreshToken};
use holdfast_protocol::secret::Secret;

use super::shown::Shown;

/// The parts of an access token, which is a JWT, and the JSON of the parts that have it.
pub(super) fn access_token(token: &Secret) -> Vec<(Shown, Option<String>)> {
    let named = [
        (1, "Header", "How it is signed, and with which key."),
        (
            2,
            "Claims",
            "Who it is for, and for how long. Times are Unix seconds.",
        ),
        (
            3,
            "Signature",
            "The server checks it with its public key, without a query.",
        ),
    ];
    let parts = token.expose().split('.').zip(named);
    let parts = parts.map(|(text, (colour, name, meaning))| {
        let decoded = URL_SAFE_NO_PAD.decode(text).ok();
        let json = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let json = json.filter(|text| text.starts_with('{'));
        (Shown::new(colour, name, text, meaning), json)
    });
    parts.collect()
}

/// The parts of a refresh token, in their order.
pub(super) fn refresh_token(token: &Secret) -> Vec<Shown> {
    let Ok(token) = UnverifiedRefreshToken::parse(token.expose()) else {
        return Vec::new();
    };
    let parts = token.parts();
    [
        (
            4,
            "Prefix",
            PREFIX.to_owned(),
            "So that secret scanners recognise it.",
        ),
        (
            4,
            "Key",
            in_hexadecimal(&[parts.key_id]),
            "Which key of the server has made it: a hint.",
        ),
        (
            1,
            "Session",
            parts.session_id.to_string(),
            "It stays the same.",
        ),
        (
            2,
            "Generation",
            parts.generation.to_string(),
            "Each renewal adds one.",
        ),
        (
            3,
            "Secret",
            in_hexadecimal(parts.secret),
            "32 bytes. The database holds their SHA-256 only.",
        ),
        (
            5,
            "Check value (MAC)",
            in_hexadecimal(parts.mac),
            "The server checks it before it asks the database.",
        ),
    ]
    .map(|(colour, name, text, meaning)| Shown::new(colour, name, text, meaning))
    .into()
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::refresh_token::made_up;

    use super::*;

    #[test]
    fn an_access_token_is_a_header_claims_and_a_signature() {
        let [header, claims] = [r#"{"alg":"EdDSA"}"#, r#"{"sub":"ada","exp":1}"#];
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.c2ln", encoded(header), encoded(claims));
        let parts = access_token(&Secret::from(token));
        let names: Vec<_> = parts.iter().map(|(part, _)| &*part.name).collect();
        assert_eq!(names, ["Header", "Claims", "Signature"]);
        assert_eq!(parts[0].1.as_deref(), Some(header));
        assert_eq!(parts[1].1.as_deref(), Some(claims));
        assert_eq!((parts[2].0.text.expose(), &parts[2].1), ("c2ln", &None));
        for other in ["", "x", "ä.ö.ü", "a.b.c.d"] {
            let parts = access_token(&Secret::from(other));
            assert!(parts.iter().all(|(_, json)| json.is_none()), "{other}");
        }
    }

    #[test]
    fn a_refresh_token_has_six_parts() {
        let token = made_up(1_764_000_000_000, [7; 16]);
        let parts = refresh_token(&token);
        assert_eq!(parts.len(), 6);
        assert_eq!(
            (parts[0].text.expose(), parts[3].text.expose()),
            ("hfr_", "0")
        );
        assert_eq!(parts[4].text.expose().len(), 64);
        assert_eq!(refresh_token(&Secret::from("hfr_x")), []);
    }
}
