//! Takes the tokens of this browser apart, for their owner to see.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_protocol::hexadecimal::in_hexadecimal;
use holdfast_protocol::refresh_token::{PREFIX, UnverifiedRefreshToken};
use holdfast_protocol::secret::Secret;

use super::shown::Shown;
use crate::words::TokenWords;

/// The parts of an access token, which is a JWT, and the JSON of the parts that have it.
pub(super) fn access_token(words: &TokenWords, token: &Secret) -> Vec<(Shown, Option<String>)> {
    let parts = token.expose().split('.').zip(words.access).zip(1..);
    let parts = parts.map(|((text, (name, meaning)), colour)| {
        let decoded = URL_SAFE_NO_PAD.decode(text).ok();
        let json = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let json = json.filter(|text| text.starts_with('{'));
        (Shown::new(colour, name, text, meaning), json)
    });
    parts.collect()
}

/// The parts of a refresh token, in their order.
pub(super) fn refresh_token(words: &TokenWords, token: &Secret) -> Vec<Shown> {
    let Ok(token) = UnverifiedRefreshToken::parse(token.expose()) else {
        return Vec::new();
    };
    let parts = token.parts();
    let parts = [
        (4, PREFIX.to_owned()),
        (4, in_hexadecimal(&[parts.key_id])),
        (1, parts.session_id.to_string()),
        (2, parts.generation.to_string()),
        (3, in_hexadecimal(parts.secret)),
        (5, in_hexadecimal(parts.mac)),
    ];
    let parts = parts.into_iter().zip(words.refresh);
    parts
        .map(|((colour, text), (name, meaning))| Shown::new(colour, name, text, meaning))
        .collect()
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::refresh_token::made_up;

    use super::*;
    use crate::words::{FlowWords, Language};

    fn english() -> &'static TokenWords {
        &FlowWords::of(Language::English).tokens
    }

    #[test]
    fn an_access_token_is_a_header_claims_and_a_signature() {
        let [header, claims] = [r#"{"alg":"EdDSA"}"#, r#"{"sub":"ada","exp":1}"#];
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.c2ln", encoded(header), encoded(claims));
        let parts = access_token(english(), &Secret::from(token));
        let names: Vec<_> = parts.iter().map(|(part, _)| &*part.name).collect();
        assert_eq!(names, ["Header", "Claims", "Signature"]);
        assert_eq!(parts[0].1.as_deref(), Some(header));
        assert_eq!(parts[1].1.as_deref(), Some(claims));
        assert_eq!((parts[2].0.text.expose(), &parts[2].1), ("c2ln", &None));
        for other in ["", "x", "ä.ö.ü", "a.b.c.d"] {
            let parts = access_token(english(), &Secret::from(other));
            assert!(parts.iter().all(|(_, json)| json.is_none()), "{other}");
        }
    }

    #[test]
    fn a_refresh_token_has_six_parts() {
        let token = made_up(1_764_000_000_000, [7; 16]);
        let parts = refresh_token(english(), &token);
        assert_eq!(parts.len(), 6);
        assert_eq!(
            (parts[0].text.expose(), parts[3].text.expose()),
            ("hfr_", "0")
        );
        assert_eq!(parts[4].text.expose().len(), 64);
        assert_eq!(refresh_token(english(), &Secret::from("hfr_x")), []);
    }
}
