//! The listener by itself: no database, no process, limits as short or as long as a test
//! wants.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use holdfast_server::connections::{self, Limits};
use holdfast_server::metrics::ConnectionCounts;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const NEVER: Duration = Duration::from_secs(600);

/// Limits that no test lives to see.
const LONG: Limits = Limits {
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
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    fn start(limits: Limits) -> Self {
        let listener = connections::listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let service = Router::new()
            .route("/hello", get(|| async { "hello" }))
            .route("/never", get(std::future::pending::<&'static str>))
            .route("/body", post(|body: Bytes| async move { body }));
        let counts = ConnectionCounts::default();
        let (stop, stopped) = oneshot::channel();
        let serving = connections::serve(listener, service, limits, counts.clone(), async {
            let _ = stopped.await;
        });
        Self {
            address,
            counts,
            stop,
            serving: tokio::spawn(serving),
        }
    }

    /// A connection that has sent this, and no more.
    async fn after(&self, sent: &str) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(sent.as_bytes()).await.unwrap();
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

#[tokio::test]
async fn each_limit_closes_and_is_counted_under_its_name() {
    for (limits, sent, reason) in [
        (
            Limits {
                header: SHORT,
                ..LONG
            },
            HALF_A_HEADER,
            "header_limit",
        ),
        (
            Limits {
                idle: SHORT,
                ..LONG
            },
            "",
            "idle_limit",
        ),
        (
            Limits {
                idle: SHORT,
                ..LONG
            },
            HALF_A_HEADER,
            "idle_limit",
        ),
        (
            Limits {
                exchange: SHORT,
                write: SHORT,
                ..LONG
            },
            "GET /never HTTP/1.1\r\nhost: a\r\n\r\n",
            "exchange_limit",
        ),
        (
            Limits {
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
async fn a_new_client_gets_in_whatever_the_others_are_slow_at() {
    for sent in ["", HALF_A_HEADER, HALF_A_BODY] {
        let server = Server::start(LONG);
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(server.after(sent).await);
        }
        for _ in 0..20 {
            server.says_hello().await;
        }
        // One that the server is at work on makes no room, but the others do.
        let busy = server.after("GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
        for _ in 0..40 {
            server.says_hello().await;
        }
        let mut byte = [0];
        assert!(busy.try_read(&mut byte).is_err(), "the busy one was closed");
    }
}

#[tokio::test]
async fn a_stopping_server_closes_what_waits_and_finishes_what_is_under_way() {
    let server = Server::start(LONG);
    let idle = server.after("").await;
    let half = server.after(HALF_A_HEADER).await;
    let mut body = server.after(HALF_A_BODY).await;
    // Accepted in their order, so all of them are in by now.
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
