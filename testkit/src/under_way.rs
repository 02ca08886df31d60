//! How late a request may arrive. The promise about late requests counts generations: a request
//! that arrives up to sixteen generations late ends no session. So a test that delays requests
//! makes its browsers wait until no request is later than that. This works on slow and on fast
//! machines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use holdfast_protocol::refresh_token::UnverifiedRefreshToken;
use holdfast_protocol::secret::Secret;
use tokio::sync::watch;
use uuid::Uuid;

/// How many generations a request may be older than the row.
const REMEMBERED: u32 = 16;

/// Every request that is under way, by its session and its link. Clones share them.
#[derive(Clone)]
pub struct UnderWay {
    links: Arc<Mutex<BTreeMap<(Uuid, u32), usize>>>,
    changes: watch::Sender<()>,
}

/// One request, until it is dropped.
pub struct Held {
    of: UnderWay,
    link: (Uuid, u32),
}

impl UnderWay {
    /// No request.
    pub fn none() -> Self {
        Self {
            links: Arc::default(),
            changes: watch::Sender::new(()),
        }
    }

    /// Notes that a request with this token is under way from now on.
    pub fn hold(&self, refresh_token: &Secret) -> Held {
        let link = link_of(refresh_token.expose()).expect("a token of ours");
        self.hold_link(link)
    }

    /// Does the same for the bytes of a request.
    pub fn hold_request(&self, request: &[u8]) -> Option<Held> {
        let request = String::from_utf8_lossy(request);
        let (_, token) = request.split_once("\"refresh_token\":\"")?;
        let link = link_of(token.split('"').next()?)?;
        Some(self.hold_link(link))
    }

    fn hold_link(&self, link: (Uuid, u32)) -> Held {
        *self.links.lock().unwrap().entry(link).or_default() += 1;
        Held {
            of: self.clone(),
            link,
        }
    }

    /// Waits until the link of this token can be spent without leaving a request too far behind.
    pub async fn until_none_is_too_late(&self, refresh_token: &Secret) {
        let (session_id, spent) = link_of(refresh_token.expose()).expect("a token of ours");
        let mut changes = self.changes.subscribe();
        while self
            .oldest(session_id)
            .is_some_and(|oldest| spent + 1 > oldest + REMEMBERED)
        {
            changes.changed().await.unwrap();
        }
    }

    fn oldest(&self, session_id: Uuid) -> Option<u32> {
        let links = self.links.lock().unwrap();
        let of_session = (session_id, 0)..=(session_id, u32::MAX);
        links.range(of_session).next().map(|((_, link), _)| *link)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut links = self.of.links.lock().unwrap();
        if let Some(count) = links.get_mut(&self.link) {
            *count -= 1;
            if *count == 0 {
                links.remove(&self.link);
            }
        }
        drop(links);
        self.of.changes.send_replace(());
    }
}

fn link_of(refresh_token: &str) -> Option<(Uuid, u32)> {
    let token = UnverifiedRefreshToken::parse(refresh_token).ok()?;
    Some((token.session_id(), token.generation()))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use holdfast_protocol::refresh_token::{self, ChainSecret};
    use holdfast_server::keys::refresh_key;

    use super::*;

    #[tokio::test]
    async fn a_browser_waits_until_no_request_is_more_than_sixteen_links_behind() {
        let key = refresh_key(&[7; 32]);
        let session_id = Uuid::from_u128(1);
        let token = |generation| {
            let secret = ChainSecret::from_random([1; 32]);
            refresh_token::print(&key, session_id, generation, &secret)
        };
        let under_way = UnderWay::none();
        let late = under_way.hold(&token(3));
        // Spending link 18 makes a row of generation 19, sixteen after 3.
        let in_time = token(18);
        assert!(
            under_way
                .until_none_is_too_late(&in_time)
                .now_or_never()
                .is_some()
        );
        let too_far = token(19);
        let waiting = under_way.until_none_is_too_late(&too_far);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(late);
        waiting.await;
    }
}
