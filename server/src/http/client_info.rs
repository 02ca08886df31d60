//! The address and the browser of a request. A person sees them in the list of sessions, and
//! limits by address count them.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};

use crate::client_address::ClientAddress;
use crate::state::Holdfast;
use crate::store::ClientInfo;

/// Whether the log says already that requests come without an address.
static WITHOUT_ADDRESS: Once = Once::new();

/// The most bytes of a user agent that are kept.
const USER_AGENT_BYTES: usize = 256;

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress
where
    Holdfast: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(*known);
        }
        let state = Holdfast::from_ref(state);
        let address = state
            .config
            .proxies
            .client(&parts.headers, peer(&parts.extensions));
        match address {
            Self::Client(_) => {}
            Self::Proxy(proxy) => state.metrics.came_through_unknown_proxy(proxy),
            // This is a fault of the program around the router, so one line is enough.
            Self::Unknown => WITHOUT_ADDRESS.call_once(|| {
                tracing::error!(
                    "Requests come without the address of their client, so no limit by address works. Serve the application with `into_make_service_with_connect_info::<SocketAddr>()`."
                );
            }),
        }
        // A handler may extract the address twice, but an unknown proxy is counted once.
        parts.extensions.insert(address);
        Ok(address)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientInfo
where
    Holdfast: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let address = ClientAddress::from_request_parts(parts, state).await?;
        Ok(Self {
            ip: address.ip().map(|ip| ip.to_string()),
            user_agent: user_agent(&parts.headers),
        })
    }
}

/// The address that opened the connection; a test without a connection has none.
pub fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip())
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

    #[test]
    fn a_long_user_agent_is_cut_at_a_character() {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, "x".repeat(300).parse().unwrap());
        assert_eq!(user_agent(&headers).unwrap().len(), 256);
        assert_eq!(user_agent(&HeaderMap::new()), None);
    }
}
