//! Where a request came from: what a person sees beside their sessions.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::state::AppState;
use crate::store::ClientInfo;

/// The most bytes of a user agent that are kept.
const USER_AGENT_BYTES: usize = 256;

impl<S: Send + Sync> FromRequestParts<S> for ClientInfo
where
    AppState: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let proxies = AppState::from_ref(state).config.trusted_proxies;
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|peer| peer.0.ip());
        Ok(Self {
            ip: address(&parts.headers, peer, proxies).map(|ip| ip.to_canonical().to_string()),
            user_agent: user_agent(&parts.headers),
        })
    }
}

/// The address in front of the trusted proxies. Each proxy appends the address it
/// saw to `X-Forwarded-For`; what stands left of theirs is the client's own word
/// and counts for nothing.
fn address(headers: &HeaderMap, peer: Option<IpAddr>, proxies: usize) -> Option<IpAddr> {
    if proxies == 0 {
        return peer;
    }
    headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect::<Vec<_>>()
        .iter()
        .rev()
        .nth(proxies - 1)
        .and_then(|address| address.trim().parse().ok())
        .or(peer)
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    let printable: String = text.chars().filter(|c| !c.is_control()).collect();
    let cut = printable.floor_char_boundary(USER_AGENT_BYTES);
    (cut > 0).then(|| printable[..cut].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(value: &str) -> HeaderMap {
        HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        let peer: Option<IpAddr> = Some("10.0.0.1".parse().unwrap());
        let headers = forwarded("6.6.6.6, 203.0.113.9, 10.0.0.2");
        for (proxies, expected) in [
            (0, "10.0.0.1"),
            (1, "10.0.0.2"),
            (2, "203.0.113.9"),
            (9, "10.0.0.1"),
        ] {
            let address = address(&headers, peer, proxies).unwrap();
            assert_eq!(address.to_string(), expected, "{proxies}");
        }
    }

    #[test]
    fn a_long_user_agent_is_cut_at_a_character() {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, "x".repeat(300).parse().unwrap());
        assert_eq!(user_agent(&headers).unwrap().len(), 256);
        assert_eq!(user_agent(&HeaderMap::new()), None);
    }
}
