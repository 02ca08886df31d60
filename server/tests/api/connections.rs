//! The listener alone: without a database and without a process, with limits as short or as
//! long as a test needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use holdfast_server::client_address::Proxies;
use holdfast_server::connections::{self, ConnectionLimits};
use holdfast_server::metrics::ConnectionCounts;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

const NEVER: Duration = Duration::from_secs(600);

/// Limits that are longer than any test.
const LONG: ConnectionLimits = ConnectionLimits {
    most: 16,
    header: NEVER,
    body: NEVER,
    idle: NEVER,
    write: NEVER,
    exchange: NEVER,
};

const SHORT: Duration = Duration::from_millis(300);

struct Server {
    address: SocketAddr,
    counts: ConnectionCounts,
    /// Lets `/later` answer.
    later: Arc<Notify>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    fn start(limits: ConnectionLimits) -> Self {
        let listener = connections::listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let later = Arc::new(Notify::new());
        let told = Arc::clone(&later);
        let answer_later = async move || {
            told.notified().await;
            "later"
        };
        let service = Router::new()
            .route("/later", get(answer_later))
            .route("/hello", get(|| async { "hello" }))
            .route("/never", get(std::future::pending::<&'static str>))
            .route("/body", post(|body: Bytes| async move { body }));
        let counts = ConnectionCounts::default();
        let (stop, stopped) = oneshot::channel();
        let until_stopped = async {
            let _ = stopped.await;
        };
        let proxies = Proxies::default();
        let serving = connections::serve(
            listener,
            service,
            limits,
            proxies,
            counts.clone(),
            until_stopped,
        );
        Self {
            address,
            counts,
            later,
            stop,
            serving: tokio::spawn(serving),
        }
    }

    /// A connection that has sent these bytes, and no more.
    async fn after(&self, sent: impl AsRef<[u8]>) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(sent.as_ref()).await.unwrap();
        connection
    }

    async fn says_hello(&self) {
        let request = "GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let received = until_closed(self.after(request).await).await;
        assert!(received.ends_with("hello"), "{received}");
    }
}

async fn until_closed(mut connection: TcpStream) -> String {
    let mut received = Vec::new();
    let reading = connection.read_to_end(&mut received);
    let closed = tokio::time::timeout(Duration::from_secs(60), reading).await;
    let _ = closed.expect("the connection is still open");
    String::from_utf8_lossy(&received).into_owned()
}

const HALF_A_HEADER: &str = "GET /hello HTTP/1.1\r\nhost: ";
const HALF_A_BODY: &str = "POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345";

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const HEADERS: u8 = 1;
/// An empty settings frame.
const NO_SETTINGS: &[u8] = &[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
/// Settings with an initial window of zero bytes: the client takes no body of an answer.
const NO_WINDOW: &[u8] = &[0, 0, 6, SETTINGS, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];

/// A complete request on this stream (RFC 9113 §6.2, RFC 7541 appendix A).
fn get_over_http2(stream: u8, path: &str) -> Vec<u8> {
    // `:method: GET`, `:scheme: http`, `:authority: a` and the path.
    let mut fields = vec![0x82, 0x86, 0x01, 1, b'a', 0x04];
    fields.push(u8::try_from(path.len()).unwrap());
    fields.extend(path.as_bytes());
    let length = u8::try_from(fields.len()).unwrap();
    // The end of the stream and of the header.
    let mut frame = vec![0, 0, length, HEADERS, 0x5, 0, 0, 0, stream];
    frame.extend(fields);
    frame
}

/// The payload of the next frame of this kind on this stream.
async fn next_frame(connection: &mut TcpStream, kind: u8, stream: u32) -> Vec<u8> {
    let reading = async {
        loop {
            let mut head = [0; 9];
            connection.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            connection.read_exact(&mut payload).await.unwrap();
            let of = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            if (head[3], of) == (kind, stream) {
                return payload;
            }
        }
    };
    let read = tokio::time::timeout(Duration::from_secs(60), reading).await;
    read.expect("no such frame")
}

#[tokio::test]
async fn a_client_of_http2_is_told_how_many_requests_it_may_have_under_way() {
    let server = Server::start(LONG);
    let mut connection = server.after([PREFACE, NO_SETTINGS].concat()).await;
    let settings = next_frame(&mut connection, SETTINGS, 0).await;
    let value_of = |id: u8| {
        let mut all = settings.chunks_exact(6);
        let setting = all.find(|setting| setting[..2] == [0, id]).unwrap();
        u32::from_be_bytes(setting[2..].try_into().unwrap())
    };
    // The number of requests at once, and the bytes that each may send at first.
    assert_eq!(value_of(3), 16);
    assert_eq!(value_of(4), 64 * 1024);
}

#[tokio::test]
async fn a_request_beside_one_that_took_too_long_is_still_answered() {
    let server = Server::start(ConnectionLimits {
        exchange: SHORT,
        ..LONG
    });
    let (never, later) = (get_over_http2(1, "/never"), get_over_http2(3, "/later"));
    let mut connection = server
        .after([PREFACE, NO_SETTINGS, &never, &later].concat())
        .await;
    // The first request has reached its limit.
    next_frame(&mut connection, GOAWAY, 0).await;
    server.later.notify_one();
    let header = next_frame(&mut connection, HEADERS, 3).await;
    // `:status: 200`
    assert_eq!(header.first(), Some(&0x88));
}

#[tokio::test]
async fn each_limit_closes_and_is_counted_under_its_name() {
    for (limits, sent, reason) in [
        (
            ConnectionLimits {
                header: SHORT,
                ..LONG
            },
            HALF_A_HEADER,
            "header_limit",
        ),
        (
            ConnectionLimits {
                idle: SHORT,
                ..LONG
            },
            "",
            "idle_limit",
        ),
        (
            ConnectionLimits {
                idle: SHORT,
                ..LONG
            },
            HALF_A_HEADER,
            "idle_limit",
        ),
        (
            ConnectionLimits {
                exchange: SHORT,
                write: SHORT,
                ..LONG
            },
            "GET /never HTTP/1.1\r\nhost: a\r\n\r\n",
            "exchange_limit",
        ),
        (
            ConnectionLimits {
                body: SHORT,
                ..LONG
            },
            HALF_A_BODY,
            "finished",
        ),
    ] {
        let server = Server::start(limits);
        let received = until_closed(server.after(sent).await).await;
        let answered = received.starts_with("HTTP/1.1 400 ");
        assert_eq!(answered, sent == HALF_A_BODY, "{received}");
        for _ in 0..500 {
            if server.counts.closed_for(reason) == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(server.counts.closed_for(reason), 1, "{reason}");
        assert_eq!(server.counts.open(), 0);
    }
}

#[tokio::test]
async fn a_new_client_gets_in_although_others_are_slow_in_every_way() {
    let not_taken = [PREFACE, NO_WINDOW, &get_over_http2(1, "/hello")].concat();
    for sent in [
        b"".as_slice(),
        HALF_A_HEADER.as_bytes(),
        HALF_A_BODY.as_bytes(),
        &not_taken,
    ] {
        let server = Server::start(LONG);
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(server.after(sent).await);
        }
        for _ in 0..20 {
            server.says_hello().await;
        }
        // The server closes other connections to make room, but none on whose request it works.
        let busy = server.after("GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
        for _ in 0..40 {
            server.says_hello().await;
        }
        let mut byte = [0];
        assert!(busy.try_read(&mut byte).is_err(), "the busy one was closed");
    }
}

#[tokio::test]
async fn a_stopping_server_closes_idle_connections_and_finishes_requests() {
    let server = Server::start(LONG);
    let idle = server.after("").await;
    let half = server.after(HALF_A_HEADER).await;
    let mut body = server.after(HALF_A_BODY).await;
    // The server accepts connections in their order, so it has accepted all of them by now.
    server.says_hello().await;
    server.stop.send(()).unwrap();
    assert_eq!(until_closed(idle).await, "");
    assert_eq!(until_closed(half).await, "");
    assert!(!server.serving.is_finished());
    body.write_all(b"67890").await.unwrap();
    let received = until_closed(body).await;
    assert!(received.ends_with("1234567890"), "{received}");
    server.serving.await.unwrap();
}
