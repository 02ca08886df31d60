//! Access tokens: signed, short-lived, never stored.
//!
//! An access token is a JWT with `typ: at+jwt` (RFC 9068) and EdDSA. A verifier must fix the
//! algorithm, compare type, issuer and audience, and bound the lifetime (RFC 8725 §3.1,
//! §3.8–3.11). [`verify`] does all of this, with this server's own clock.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_protocol::secret::Secret;
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::added_claims::AddedClaims;
use super::signing::{ACCESS_TOKEN_TYPE, SigningKeys};
use super::verified_tokens::VerifiedToken;
use crate::lifetimes::LONGEST_ACCESS_TOKEN;

/// The client id of Holdfast's own pages.
pub const CLIENT_ID: &str = "holdfast-web";

/// How many seconds the clocks of two instances may differ.
pub const LEEWAY: u64 = 5;

/// The longest access token that is read, in bytes. Holdfast's have about 500, and the claims that an
/// application adds have up to 683.
const MAX_LENGTH: usize = 3072;

/// The claims of an access token (RFC 9068 §2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The audience. For Holdfast's own API it is the issuer.
    pub aud: String,
    /// The account.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The client for which it was made.
    pub client_id: String,
    /// When it was made, in Unix seconds.
    pub iat: u64,
    /// When it expires, in Unix seconds.
    pub exp: u64,
    /// The token's own id.
    pub jti: Uuid,
    /// What the application adds.
    #[serde(flatten, deserialize_with = "super::added_claims::from_token")]
    pub added: AddedClaims,
}

/// Why a token is not accepted. Many reasons have the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessTokenError {
    /// The token is genuine, but it has expired.
    Expired,
    /// Every other reason.
    Invalid,
}

/// Signs the claims.
///
/// The library would read the key anew for each signature, which costs as much as the
/// signature does.
///
/// # Panics
/// Never in practice, because the server made the claims.
pub fn mint(keys: &SigningKeys, claims: &Claims) -> Secret {
    /// As long as the claims usually are. A text that grows is copied again and again.
    const USUAL_CLAIMS: usize = 512;
    /// As long as a token with such claims.
    const USUAL_TOKEN: usize = 1024;
    let mut json = Vec::with_capacity(USUAL_CLAIMS);
    serde_json::to_writer(&mut json, claims).expect("claims are JSON");
    let mut token = String::with_capacity(USUAL_TOKEN);
    token.push_str(&keys.header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(json, &mut token);
    let signature = keys.pair.sign(token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Secret::from(token)
}

/// Checks a token that was presented at `now` (Unix seconds).
///
/// # Errors
/// [`AccessTokenError::Expired`] only for a token that is right in everything else.
pub fn verify(
    keys: &SigningKeys,
    token: &str,
    issuers: &[impl AsRef<str>],
    now: u64,
) -> Result<VerifiedToken, AccessTokenError> {
    if token.len() > MAX_LENGTH {
        return Err(AccessTokenError::Invalid);
    }
    let place = keys.verified.place(token);
    if let Some(verified) = place.get() {
        let checked = check(&verified, issuers, now);
        if checked.is_err() {
            place.remove();
        }
        return checked.map(|()| verified);
    }
    let verified = verify_signature(keys, token, issuers, now)?;
    check(&verified, issuers, now)?;
    place.insert(verified.clone());
    Ok(verified)
}

/// Checks everything about a token whose result cannot change later: type, key, signature, issuer and
/// lifetime.
fn verify_signature(
    keys: &SigningKeys,
    token: &str,
    issuers: &[impl AsRef<str>],
    now: u64,
) -> Result<VerifiedToken, AccessTokenError> {
    use AccessTokenError::Invalid;
    let header = jsonwebtoken::decode_header(token).map_err(|_| Invalid)?;
    let right_type = header
        .typ
        .as_deref()
        .is_some_and(|typ| typ.eq_ignore_ascii_case(ACCESS_TOKEN_TYPE));
    if header.alg != Algorithm::EdDSA || !right_type {
        return Err(Invalid);
    }
    let key = header
        .kid
        .as_deref()
        .and_then(|kid| keys.find(kid, now))
        .ok_or(Invalid)?;

    let mut validation = Validation::new(Algorithm::EdDSA);
    let issuers: Vec<_> = issuers.iter().map(AsRef::as_ref).collect();
    validation.set_issuer(&issuers);
    validation.set_audience(&issuers);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The library would use the system's clock; the server's clock is compared in `check`.
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation)
        .map_err(|_| Invalid)?
        .claims;

    // A token of one issuer for another one is invalid.
    if claims.aud != claims.iss {
        return Err(Invalid);
    }
    let lifetime = claims.exp.checked_sub(claims.iat).ok_or(Invalid)?;
    // This compares with the largest value of the setting, not with the setting, because
    // another instance may have another lifetime.
    if lifetime > LONGEST_ACCESS_TOKEN.as_secs() {
        return Err(Invalid);
    }
    Ok(VerifiedToken {
        issuer: claims.iss.into(),
        account_id: claims.sub,
        session_id: claims.sid,
        iat: claims.iat,
        exp: claims.exp,
        added: claims.added,
        key_until: key.until,
    })
}

/// Checks what can change between two calls: the accepted issuers, the key and the time.
fn check(
    verified: &VerifiedToken,
    issuers: &[impl AsRef<str>],
    now: u64,
) -> Result<(), AccessTokenError> {
    let is_ours = issuers
        .iter()
        .any(|issuer| issuer.as_ref() == &*verified.issuer);
    let key_is_good = verified.key_until.is_none_or(|until| now <= until);
    if !is_ours || !key_is_good || verified.iat > now + LEEWAY {
        return Err(AccessTokenError::Invalid);
    }
    if verified.exp + LEEWAY <= now {
        return Err(AccessTokenError::Expired);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Header;
    use zeroize::Zeroizing;

    use super::*;
    use crate::keys::added_claims::MOST_BYTES;
    use crate::keys::{EPOCH_SECONDS, Keys};

    const ISSUER: &str = "https://id.example";
    const NOW: u64 = 700 * EPOCH_SECONDS;

    fn keys(secret: u8) -> std::sync::Arc<SigningKeys> {
        Keys::new(vec![Zeroizing::new(vec![secret; 32])], NOW).signing_keys(NOW)
    }

    fn claims() -> Claims {
        Claims {
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            sub: Uuid::from_u128(1),
            sid: Uuid::from_u128(2),
            client_id: CLIENT_ID.into(),
            iat: NOW,
            exp: NOW + 300,
            jti: Uuid::from_u128(3),
            added: AddedClaims::default(),
        }
    }

    fn said_by(claims: &Claims) -> VerifiedToken {
        VerifiedToken {
            issuer: claims.iss.as_str().into(),
            account_id: claims.sub,
            session_id: claims.sid,
            iat: claims.iat,
            exp: claims.exp,
            added: claims.added.clone(),
            key_until: None,
        }
    }

    fn check(claims: &Claims, now: u64) -> Result<VerifiedToken, AccessTokenError> {
        let token = mint(&keys(1), claims);
        verify(&keys(1), token.expose(), &[ISSUER], now)
    }

    #[test]
    fn a_token_is_valid_until_five_seconds_after_its_expiry() {
        assert_eq!(check(&claims(), NOW), Ok(said_by(&claims())));
        assert!(check(&claims(), NOW + 304).is_ok());
        assert_eq!(check(&claims(), NOW + 305), Err(AccessTokenError::Expired));
    }

    #[test]
    fn a_token_of_another_issuer_for_another_audience_or_for_too_long_is_invalid() {
        let wrong = [
            Claims {
                iss: "https://other.example".into(),
                ..claims()
            },
            Claims {
                aud: "https://other.example".into(),
                ..claims()
            },
            Claims {
                exp: NOW + 3601,
                ..claims()
            },
            Claims {
                iat: NOW + 6,
                exp: NOW + 60,
                ..claims()
            },
            Claims {
                iat: NOW + 1,
                exp: NOW,
                ..claims()
            },
        ];
        for claims in wrong {
            assert_eq!(
                check(&claims, NOW),
                Err(AccessTokenError::Invalid),
                "{claims:?}"
            );
        }
    }

    #[test]
    fn a_token_of_a_previous_issuer_is_valid_if_the_setting_names_it() {
        let before = Claims {
            iss: "https://before.example".into(),
            aud: "https://before.example".into(),
            ..claims()
        };
        let token = mint(&keys(1), &before);
        let check = |issuers: &[&str]| verify(&keys(1), token.expose(), issuers, NOW);
        assert_eq!(check(&[ISSUER]), Err(AccessTokenError::Invalid));
        assert_eq!(
            check(&[ISSUER, "https://before.example"]),
            Ok(said_by(&before))
        );
        let mixed = Claims {
            iss: "https://before.example".into(),
            ..claims()
        };
        let mixed = mint(&keys(1), &mixed);
        let both = [ISSUER, "https://before.example"];
        let checked = verify(&keys(1), mixed.expose(), &both, NOW);
        assert_eq!(checked, Err(AccessTokenError::Invalid));
    }

    #[test]
    fn a_token_of_an_instance_with_another_lifetime_is_valid() {
        let of_an_hour = Claims {
            exp: NOW + 3600,
            ..claims()
        };
        assert_eq!(check(&of_an_hour, NOW + 3599), Ok(said_by(&of_an_hour)));
    }

    #[test]
    fn another_key_another_type_or_another_algorithm_is_invalid() {
        let verified = |token: &str| verify(&keys(1), token, &[ISSUER], NOW);
        let foreign = mint(&keys(2), &claims());
        assert_eq!(verified(foreign.expose()), Err(AccessTokenError::Invalid));

        let keys = keys(1);
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(keys.kid.clone());
        let pair = keys.pair.to_pkcs8v1().unwrap();
        let pair = jsonwebtoken::EncodingKey::from_ed_der(pair.as_ref());
        let untyped = jsonwebtoken::encode(&header, &claims(), &pair).unwrap();
        assert_eq!(verified(&untyped), Err(AccessTokenError::Invalid));

        // The token is signed with the public key as an HMAC secret, which is a known attack.
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(ACCESS_TOKEN_TYPE.into());
        header.kid = Some(keys.kid.clone());
        let confused = jsonwebtoken::EncodingKey::from_secret(keys.kid.as_bytes());
        let confused = jsonwebtoken::encode(&header, &claims(), &confused).unwrap();
        assert_eq!(verified(&confused), Err(AccessTokenError::Invalid));
        for garbage in ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", &"a".repeat(5000)] {
            assert_eq!(verified(garbage), Err(AccessTokenError::Invalid));
        }
    }

    #[test]
    fn a_token_that_was_verified_is_found_again_and_only_that_one() {
        let keys = keys(1);
        let token = mint(&keys, &claims());
        let token = token.expose();
        let verified = |token: &str| verify(&keys, token, &[ISSUER], NOW);
        assert!(keys.verified.place(token).get().is_none());
        assert_eq!(verified(token), Ok(said_by(&claims())));
        assert_eq!(keys.verified.place(token).get(), Some(said_by(&claims())));
        assert_eq!(verified(token), Ok(said_by(&claims())));

        // Another claim under the same signature, and the same claims under another one.
        let other = Claims {
            sub: Uuid::from_u128(9),
            ..claims()
        };
        let other = mint(&keys, &other);
        let (_, signature) = token.rsplit_once('.').unwrap();
        let (forged, other_signature) = other.expose().rsplit_once('.').unwrap();
        let (signed, _) = token.rsplit_once('.').unwrap();
        for wrong in [
            format!("{forged}.{signature}"),
            format!("{signed}.{other_signature}"),
            format!("{signed}."),
            token.to_uppercase(),
        ] {
            assert_eq!(verified(&wrong), Err(AccessTokenError::Invalid), "{wrong}");
            assert_eq!(keys.verified.place(&wrong).get(), None);
        }
    }

    #[test]
    fn the_claims_of_an_application_come_back_and_replace_none_of_holdfast() {
        let plan = serde_json::json!({ "role": "editor", "seats": 7 });
        let with_plan = Claims {
            added: AddedClaims::new(&plan).unwrap(),
            ..claims()
        };
        let keys = keys(1);
        let token = mint(&keys, &with_plan);
        // The second time, the token is remembered.
        for _ in 0..2 {
            let verified = verify(&keys, token.expose(), &[ISSUER], NOW).unwrap();
            assert_eq!(verified, said_by(&with_plan));
            assert_eq!(verified.added.read::<serde_json::Value>().unwrap(), plan);
        }
        let without = check(&claims(), NOW).unwrap();
        assert_eq!(without.added, AddedClaims::default());
    }

    #[test]
    fn the_largest_claims_and_a_long_issuer_fit_into_a_token() {
        let issuer = format!("https://{}.example", "i".repeat(240));
        let largest = serde_json::json!({ "a": "x".repeat(MOST_BYTES - 8) });
        let claims = Claims {
            iss: issuer.clone(),
            aud: issuer.clone(),
            added: AddedClaims::new(&largest).unwrap(),
            ..claims()
        };
        let token = mint(&keys(1), &claims);
        assert!(verify(&keys(1), token.expose(), &[issuer], NOW).is_ok());
    }

    #[test]
    fn time_issuer_and_key_count_with_every_call() {
        let keys = keys(1);
        let token = mint(&keys, &claims());
        let verified = |issuers: &[&str], now| verify(&keys, token.expose(), issuers, now);
        let known = || keys.verified.place(token.expose()).get().is_some();
        assert!(verified(&[ISSUER], NOW).is_ok() && known());
        // The clock was set back by more than two instances' clocks may differ.
        assert_eq!(verified(&[ISSUER], NOW - 6), Err(AccessTokenError::Invalid));
        assert!(verified(&[ISSUER], NOW).is_ok() && known());
        assert_eq!(
            verified(&["https://other.example"], NOW),
            Err(AccessTokenError::Invalid)
        );
        assert!(verified(&[ISSUER], NOW).is_ok() && known());
        assert_eq!(
            verified(&[ISSUER], NOW + 305),
            Err(AccessTokenError::Expired)
        );
        assert!(!known());

        let limited = VerifiedToken {
            key_until: Some(NOW + 10),
            ..said_by(&claims())
        };
        keys.verified.place(token.expose()).insert(limited.clone());
        assert_eq!(verified(&[ISSUER], NOW + 10), Ok(limited));
        assert_eq!(
            verified(&[ISSUER], NOW + 11),
            Err(AccessTokenError::Invalid)
        );
    }

    #[test]
    fn other_keys_have_verified_nothing() {
        let keys = Keys::new(vec![Zeroizing::new(vec![1; 32])], NOW);
        let token = mint(&keys.signing_keys(NOW), &claims());
        let token = token.expose();
        assert!(verify(&keys.signing_keys(NOW), token, &[ISSUER], NOW).is_ok());
        assert!(keys.signing_keys(NOW).verified.place(token).get().is_some());
        let next = keys.signing_keys(NOW + EPOCH_SECONDS);
        assert!(next.verified.place(token).get().is_none());
    }
}
