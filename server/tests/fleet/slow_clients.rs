//! Clients that are slow on purpose.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Browser, Fleet, Renewal, until};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: id.example\r\n\r\n";

const HALF_A_HEADER: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: id.exa";

/// Far longer than every limit of these tests, and far shorter than the default ones.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short limits, but for those that a test replaces.
fn short_limits(others: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let short = [
        ("HOLDFAST_HEADER_LIMIT", "2s"),
        ("HOLDFAST_BODY_LIMIT", "2s"),
        ("HOLDFAST_IDLE_LIMIT", "3s"),
        ("HOLDFAST_WRITE_LIMIT", "2s"),
    ];
    let kept = short
        .into_iter()
        .filter(|(name, _)| others.iter().all(|(other, _)| other != name));
    kept.chain(others.iter().copied())
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

/// Connections that have sent this, and no more.
async fn after_sending(count: usize, server: SocketAddr, bytes: &[u8]) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut connection = TcpStream::connect(server).await.unwrap();
        connection.write_all(bytes).await.unwrap();
        connections.push(connection);
    }
    connections
}

/// Everything that the server sends until it closes the connection.
async fn until_closed(connection: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let reading = connection.read_to_end(&mut received);
    // A reset closes it as well.
    let _ = tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("the connection is still open");
    String::from_utf8_lossy(&received).into_owned()
}

/// Renews until the work beside it is done: others are answered all the time.
async fn while_others_are_answered<T>(
    browser: &Browser,
    server: SocketAddr,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            renewal = browser.renew(server) => assert_eq!(renewal, Renewal::Renewed),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_38_half_sent_headers_and_bodies_and_idle_connections_are_closed() {
    let fleet = Fleet::start_told(1, short_limits(&[])).await;
    let server = fleet.at(0);
    let browser = fleet.browsers(1).await.remove(0);
    let half_a_header = "POST /api/v1/login HTTP/1.1\r\nhost: id.example\r\ncontent-le";
    let half_a_body = "POST /api/v1/login HTTP/1.1\r\nhost: id.example\r\n\
        content-type: application/json\r\ncontent-length: 100\r\n\r\n{\"username\"";
    for (sent, answered) in [
        (half_a_header, ""),
        ("PRI * HTTP/2.0\r\n", ""),
        (half_a_body, "HTTP/1.1 408 "),
        ("", ""),
        // One request, and then nothing.
        (HEALTH, "HTTP/1.1 200 "),
    ] {
        let mut connections = after_sending(100, server, sent.as_bytes()).await;
        let closed = async {
            for connection in &mut connections {
                let received = until_closed(connection).await;
                assert!(received.starts_with(answered), "{sent}: {received}");
                assert_eq!(received.is_empty(), answered.is_empty(), "{sent}");
            }
        };
        while_others_are_answered(&browser, server, closed).await;
    }
    assert_eq!(fleet.faults_of_our_own(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_38_a_header_that_comes_byte_by_byte_has_the_same_limit() {
    let fleet = Fleet::start_told(1, short_limits(&[("HOLDFAST_IDLE_LIMIT", "10m")])).await;
    let mut connection = TcpStream::connect(fleet.at(0)).await.unwrap();
    connection.write_all(HALF_A_HEADER).await.unwrap();
    // Each byte arrives well within every limit; the header never ends.
    until("closed", PATIENCE, async || {
        connection.try_write(b"x").is_err()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_38_a_client_that_does_not_read_is_closed() {
    let fleet = Fleet::start_told(1, short_limits(&[("HOLDFAST_IDLE_LIMIT", "10m")])).await;
    let server = fleet.at(0);
    let browser = fleet.browsers(1).await.remove(0);
    let mut deaf = Vec::new();
    for _ in 0..20 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let connection = socket.connect(server).await.unwrap();
        deaf.push(connection);
    }
    // Many more answers than the buffers on the way can hold.
    let closed = async {
        for connection in &mut deaf {
            until("closed", PATIENCE, async || {
                loop {
                    match connection.try_write(HEALTH.as_bytes()) {
                        Ok(_) => {}
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                            return false;
                        }
                        Err(_) => return true,
                    }
                }
            })
            .await;
        }
    };
    while_others_are_answered(&browser, server, closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_38_a_new_client_gets_in_although_all_connections_are_held() {
    // With these limits no connection closes by itself while the test runs.
    let limits = [
        ("HOLDFAST_CONNECTIONS", "32"),
        ("HOLDFAST_HEADER_LIMIT", "10m"),
        ("HOLDFAST_IDLE_LIMIT", "10m"),
    ];
    let fleet = Fleet::start_told(1, short_limits(&limits)).await;
    let server = fleet.at(0);
    let browsers = fleet.browsers(10).await;
    let mut held = after_sending(100, server, HALF_A_HEADER).await;
    for browser in &browsers {
        assert_eq!(browser.renew(server).await, Renewal::Renewed);
        held.extend(after_sending(20, server, HALF_A_HEADER).await);
    }
    // The ones that waited for the longest have made room.
    let mut longest = held.swap_remove(0);
    assert_eq!(until_closed(&mut longest).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_more_than_16_kib_is_refused() {
    let fleet = Fleet::start_told(1, short_limits(&[])).await;
    for (size, status) in [(15 * 1024, "HTTP/1.1 200 "), (17 * 1024, "HTTP/1.1 431 ")] {
        let filler = "x".repeat(size);
        let request = format!(
            "GET /healthz HTTP/1.1\r\nhost: id.example\r\nconnection: close\r\nfiller: {filler}\r\n\r\n"
        );
        let mut connection = TcpStream::connect(fleet.at(0)).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let received = until_closed(&mut connection).await;
        assert!(received.starts_with(status), "{size}: {received}");
    }
}
