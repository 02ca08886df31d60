//! The server's connections: how they are accepted, how long they may take, and how
//! they end.
//!
//! A security duty: a client that is slow on purpose must not keep other clients out.
//! Everything that a client can do slowly has a limit ([`ConnectionLimits`]): sending a header,
//! sending a body, taking an answer (with HTTP/2 also by opening no window), and doing nothing.
//! The number of connections has a limit, too. When it is reached and a new client connects, the
//! server closes connections on which it waits for the client, and begins with the address that has
//! the most. If there are none, and one address has more than half of all connections, the server
//! closes connections of that address for clients of other addresses, even while it works on their
//! requests. So a new client can connect even if another client holds thousands of connections
//! open.

mod activity;
mod body;
mod connection;
mod connection_limits;
mod files;
mod stream;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Notify, watch};

use crate::client_address::Proxies;
use crate::metrics::ConnectionCounts;
use activity::Activity;

pub use activity::Reason;
pub use body::TooSlow;
pub use connection_limits::ConnectionLimits;
pub use files::most_connections;

/// How many bytes of an answer the kernel keeps for one client that does not read. This is twice as
/// much as a distant client receives in one round trip, and it bounds the kernel's memory.
const SEND_BUFFER: u32 = 256 * 1024;

/// How long the server waits before it searches for room again.
const SEARCHED_AGAIN: Duration = Duration::from_millis(100);

/// How many new connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Listens on this address.
///
/// # Errors
/// If another program uses the address, or it is not an address of this machine.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // With this, a server that restarts can use its address again at once.
    socket.set_reuseaddr(true)?;
    // Connections inherit this size.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop`, and then until every request that is under way was answered.
pub async fn serve(
    listener: TcpListener,
    service: Router,
    limits: ConnectionLimits,
    proxies: Proxies,
    counts: ConnectionCounts,
    stop: impl Future<Output = ()>,
) {
    let open = Arc::new(Open::new(limits.most, proxies, counts));
    let (stopping, _) = watch::channel(false);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = open.accept(&listener) => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // A client that hung up is not logged. If the process may open no more files,
                // trying again at once would only waste processor time.
                if !is_about_one_connection(&error) {
                    tracing::error!(%error, "A connection could not be accepted.");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                continue;
            }
        };
        // Answers are small, and each is complete when it is sent.
        let _ = stream.set_nodelay(true);
        let place = Open::enter(&open, peer.ip());
        let serving = connection::serve(
            stream,
            peer,
            service.clone(),
            limits,
            Arc::clone(&place.activity),
            stopping.subscribe(),
        );
        tokio::spawn(async move {
            let closed = serving.await;
            place.leave(closed);
        });
    }
    drop(listener);
    stopping.send_replace(true);
    stopping.closed().await;
}

fn is_about_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// The connections that are open.
struct Open {
    most: usize,
    proxies: Proxies,
    counts: ConnectionCounts,
    connections: Mutex<Connections>,
    /// Notified when a connection was closed.
    closed: Notify,
}

/// Whether there is room for a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Free,
    /// There is no room yet.
    None,
    /// There is no room: the server works on a request of every connection, and the client's own
    /// address has more than half of them. The new connection is closed.
    OfItsOwn,
}

#[derive(Default)]
struct Connections {
    next: u64,
    by_number: HashMap<u64, Connection>,
}

struct Connection {
    /// The address for which it counts: an IPv4 address or an IPv6 /64.
    network: IpAddr,
    is_proxy: bool,
    activity: Arc<Activity>,
}

impl Connections {
    /// Ends the `count` oldest connections of this network, but none of a trusted proxy.
    fn end(&self, network: IpAddr, count: usize) {
        let of_it = |(_, connection): &(&u64, &Connection)| {
            connection.network == network
                && !connection.is_proxy
                && !connection.activity.room_is_wanted()
        };
        let mut ending: Vec<_> = self.by_number.iter().filter(of_it).collect();
        ending.sort_unstable_by_key(|(number, _)| **number);
        for (_, connection) in ending.into_iter().take(count) {
            connection.activity.end();
        }
    }
}

/// A connection's place among the open ones.
struct OpenConnection {
    open: Arc<Open>,
    number: u64,
    activity: Arc<Activity>,
}

impl Open {
    fn new(most: usize, proxies: Proxies, counts: ConnectionCounts) -> Self {
        Self {
            most,
            proxies,
            counts,
            connections: Mutex::default(),
            closed: Notify::new(),
        }
    }

    /// The next connection, when there is room for it.
    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> std::io::Result<(tokio::net::TcpStream, SocketAddr)> {
        // Room is only made for a client that has connected, never in advance.
        let mut accepted = listener.accept().await?;
        loop {
            let closed = self.closed.notified();
            match self.make_room(accepted.1.ip()) {
                Room::Free => return Ok(accepted),
                // This client must not wait here, because every later client would wait behind it.
                // So its connection is closed, and the next one is accepted.
                Room::OfItsOwn => accepted = listener.accept().await?,
                // If the server works on a request of every connection, nothing wakes this
                // task when it has answered one. So the search is repeated.
                Room::None => {
                    let _ = tokio::time::timeout(SEARCHED_AGAIN, closed).await;
                }
            }
        }
    }

    /// Says whether there is room. If there is none, this tells connections to close on which the
    /// server waits for the client. It tells up to a sixteenth of all at once, so that the search
    /// is not repeated for every new client. They keep their places until they are closed.
    ///
    /// The address with the most connections comes first, and of these the connection on
    /// which the server has waited longest. A trusted proxy comes last, because it has many
    /// clients.
    ///
    /// If the server works on a request of every connection, this ends the oldest connections of an
    /// address that has more than half of all. It does not do so for a client of the same address:
    /// the address may be a proxy that the operator forgot to name.
    fn make_room(&self, client: IpAddr) -> Room {
        let connections = self.lock();
        if connections.by_number.len() < self.most {
            return Room::Free;
        }
        let mut told = 0;
        let mut of_network: HashMap<IpAddr, usize> = HashMap::new();
        let mut direct: HashMap<IpAddr, usize> = HashMap::new();
        let mut waiting = Vec::new();
        for connection in connections.by_number.values() {
            if connection.activity.room_is_wanted() {
                told += 1;
                continue;
            }
            *of_network.entry(connection.network).or_default() += 1;
            if !connection.is_proxy {
                *direct.entry(connection.network).or_default() += 1;
            }
            if let Some(since) = connection.activity.waiting_since() {
                waiting.push((since, connection));
            }
        }
        waiting.sort_unstable_by_key(|(since, _)| *since);
        // The rank of a connection has the number of connections that its address still has when
        // this one is chosen.
        let mut ranked: Vec<_> = waiting
            .into_iter()
            .map(|(since, connection)| {
                let left = of_network.entry(connection.network).or_default();
                let rank = (connection.is_proxy, Reverse(*left), since);
                *left = left.saturating_sub(1);
                (rank, connection)
            })
            .collect();
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        let wanted = (self.most / 16).max(1).saturating_sub(told);
        let has_most = |(_, count): &(&IpAddr, &usize)| **count > self.most / 2;
        let most = direct.iter().find(has_most).map(|(network, _)| *network);
        if most == Some(network(client)) && ranked.is_empty() {
            return Room::OfItsOwn;
        }
        // The address may be a proxy that the operator forgot to name. So the server closes none of
        // its connections at work for a client of the same address.
        let most = most.filter(|most| *most != network(client));
        if let Some(most) = most.filter(|_| ranked.is_empty()) {
            connections.end(most, wanted);
        }
        for (_, connection) in ranked.into_iter().take(wanted) {
            // On a connection of this address, another request has often begun before the
            // connection can close. So the server ends it in every case.
            if Some(connection.network) == most && !connection.is_proxy {
                connection.activity.end();
            } else {
                connection.activity.make_room();
            }
        }
        Room::None
    }

    fn enter(open: &Arc<Self>, peer: IpAddr) -> OpenConnection {
        let activity = Arc::new(Activity::new());
        let mut connections = open.lock();
        let number = connections.next;
        connections.next += 1;
        let connection = Connection {
            network: network(peer),
            is_proxy: open.proxies.trusts(peer),
            activity: Arc::clone(&activity),
        };
        connections.by_number.insert(number, connection);
        drop(connections);
        open.counts.opened();
        OpenConnection {
            open: Arc::clone(open),
            number,
            activity,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnection {
    fn leave(self, closed: Reason) {
        self.open.counts.closed(closed.as_str());
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.open.lock().by_number.remove(&self.number);
        self.open.closed.notify_waiters();
    }
}

/// The address for which a connection counts. With IPv6, one customer has at least a /64.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, Version};

    use super::*;
    use crate::client_address;

    /// The address of the client that wants to get in.
    const NEW: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    /// The connections of these addresses, as many as there may be, the oldest first.
    fn full(addresses: &[&str]) -> (Arc<Open>, Vec<OpenConnection>) {
        let proxies = vec![client_address::network("10.0.0.0/8").unwrap()];
        let proxies = Proxies::new(proxies, HeaderName::from_static("forwarded"));
        let counts = ConnectionCounts::default();
        let open = Arc::new(Open::new(addresses.len(), proxies, counts));
        let enter = |ip: &&str| Open::enter(&open, ip.parse().unwrap());
        let places = addresses.iter().map(enter).collect();
        (open, places)
    }

    /// Which connections were told to make room.
    fn told(places: &[OpenConnection]) -> Vec<usize> {
        let is_told = |at: &usize| places[*at].activity.room_is_wanted();
        (0..places.len()).filter(is_told).collect()
    }

    #[test]
    fn the_address_that_has_the_most_makes_room_and_a_proxy_comes_last() {
        let (proxy, one, many) = ("10.0.0.1", "192.0.2.1", ["2001:db8::1", "2001:db8::2"]);
        let (open, mut places) = full(&[proxy, proxy, proxy, one, many[0], many[1]]);
        for expected in [4, 3, 3] {
            assert_eq!(open.make_room(NEW), Room::None);
            assert_eq!(told(&places), [expected]);
            // No other connection is told until this one has gone.
            assert_eq!(open.make_room(NEW), Room::None);
            assert_eq!(told(&places), [expected]);
            drop(places.remove(expected));
            assert_eq!(open.make_room(NEW), Room::Free);
            // Another proxy's connection takes its place.
            places.push(Open::enter(&open, "10.0.0.2".parse().unwrap()));
        }
        // Only proxies are left.
        assert_eq!(open.make_room(NEW), Room::None);
        assert_eq!(told(&places), [0]);
    }

    #[test]
    fn a_connection_on_which_a_request_has_begun_meanwhile_stays() {
        let (open, places) = full(&["192.0.2.1", "192.0.2.2"]);
        open.make_room(NEW);
        assert_eq!(told(&places), [0]);
        let exchange = Activity::begin(&places[0].activity, Version::HTTP_11);
        assert!(!places[0].activity.gives_way());
        open.make_room(NEW);
        assert_eq!(told(&places), [1]);
        assert!(places[1].activity.gives_way());
        // When it is answered, the server waits for its client.
        exchange.set_waiting(Some(tokio::time::Instant::now()));
        places[0].activity.make_room();
        assert!(places[0].activity.gives_way());
    }

    #[test]
    fn an_address_with_more_than_half_of_all_makes_room_for_others_although_it_is_served() {
        let (flood, proxy) = ("192.0.2.1", "10.0.0.1");
        let serve = |place: &OpenConnection| Activity::begin(&place.activity, Version::HTTP_11);
        let (open, places) = full(&[proxy, flood, flood, flood]);
        let _exchanges: Vec<_> = places.iter().map(serve).collect();
        let more = open.make_room(flood.parse().unwrap());
        assert_eq!(more, Room::OfItsOwn);
        assert_eq!(told(&places), [0; 0], "it may be a forgotten proxy");
        for _ in 0..2 {
            assert_eq!(open.make_room(NEW), Room::None);
            assert_eq!(told(&places), [1]);
        }
        assert!(places[1].activity.gives_way());

        // It ends as well if the server has waited for it, and a request has begun meanwhile.
        let (open, places) = full(&[flood, flood]);
        open.make_room(NEW);
        assert_eq!(told(&places), [0]);
        let _exchange = serve(&places[0]);
        assert!(places[0].activity.gives_way());

        // Half of all is not enough, and a trusted proxy may have all.
        for addresses in [[flood, flood, proxy, proxy], [proxy; 4]] {
            let (open, places) = full(&addresses);
            let _exchanges: Vec<_> = places.iter().map(serve).collect();
            assert_eq!(open.make_room(NEW), Room::None);
            assert_eq!(told(&places), [0; 0]);
        }
    }
}
