//! Clients that are slow on purpose.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::site::Site;
use crate::support::{Browser, Fleet, Renewal, until};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: id.example\r\n\r\n";

const HALF_A_HEADER: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: id.exa";

const HALF_A_BODY: &[u8] = b"POST /api/v1/login HTTP/1.1\r\nhost: id.example\r\n\
    content-type: application/json\r\ncontent-length: 100\r\n\r\n{\"username\"";

/// Much longer than every limit of these tests, and much shorter than the default limits.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short limits, except those that a test replaces.
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

/// Connections that have sent these bytes, and no more.
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

/// Renews until the other work is done, which shows that other clients are answered all the time.
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
    let half_a_body = std::str::from_utf8(HALF_A_BODY).unwrap();
    for (sent, answered) in [
        (half_a_header, ""),
        ("PRI * HTTP/2.0\r\n", ""),
        (half_a_body, "HTTP/1.1 408 "),
        ("", ""),
        // One request, and then no more.
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
    // There are many more answers than the buffers on the way can keep.
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
        ("HOLDFAST_BODY_LIMIT", "10m"),
        ("HOLDFAST_IDLE_LIMIT", "10m"),
    ];
    let fleet = Fleet::start_told(1, short_limits(&limits)).await;
    let server = fleet.at(0);
    let browsers = fleet.browsers(10).await;
    for half in [HALF_A_HEADER, HALF_A_BODY] {
        let mut held = after_sending(100, server, half).await;
        for browser in &browsers {
            assert_eq!(browser.renew(server).await, Renewal::Renewed);
            held.extend(after_sending(20, server, half).await);
        }
        // The connections that have waited longest have made room.
        let mut longest = held.swap_remove(0);
        assert_eq!(until_closed(&mut longest).await, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_38_a_request_that_takes_too_long_in_all_is_closed_although_bytes_keep_coming() {
    let limits = [
        ("HOLDFAST_BODY_LIMIT", "10m"),
        ("HOLDFAST_IDLE_LIMIT", "10m"),
        ("HOLDFAST_EXCHANGE_LIMIT", "2s"),
    ];
    let fleet = Fleet::start_told(1, short_limits(&limits)).await;
    let server = fleet.at(0);
    let browser = fleet.browsers(1).await.remove(0);
    let mut connections = after_sending(20, server, HALF_A_BODY).await;
    let closed = async {
        for connection in &mut connections {
            until("closed", PATIENCE, async || {
                connection.try_write(b" ").is_err()
            })
            .await;
        }
    };
    while_others_are_answered(&browser, server, closed).await;
}

/// The bytes that open a connection of HTTP/2, with empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The header of a request on this stream (RFC 9113 §6.2, RFC 7541 appendix A). `flags`
/// are 4 for the end of the header, and 1 for the end of the request.
fn header_of_http2(stream: u8, flags: u8, method: u8, path: &str) -> Vec<u8> {
    header_with(stream, flags, method, path, &[])
}

/// The same with more fields.
fn header_with(stream: u8, flags: u8, method: u8, path: &str, more: &[u8]) -> Vec<u8> {
    // `:method`, `:scheme: http`, `:authority: a` and the path.
    let mut fields = vec![method, 0x86, 0x01, 1, b'a', 0x04];
    fields.push(u8::try_from(path.len()).unwrap());
    fields.extend(path.as_bytes());
    fields.extend(more);
    let length = u8::try_from(fields.len()).unwrap();
    let mut frame = vec![0, 0, length, HEADERS, flags, 0, 0, 0, stream];
    frame.extend(fields);
    frame
}

const HEADERS: u8 = 1;
const GET: u8 = 0x82;
const POST: u8 = 0x83;

/// The first field of the header of the answer on this stream.
async fn answer_on_stream(connection: &mut TcpStream, stream: u32) -> u8 {
    loop {
        let (kind, of, payload) = next_frame(connection).await;
        if (kind, of) == (HEADERS, stream) {
            return payload[0];
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_38_a_half_sent_body_does_not_block_other_streams_of_its_connection() {
    let limits = [
        ("HOLDFAST_BODY_LIMIT", "10m"),
        ("HOLDFAST_IDLE_LIMIT", "10m"),
    ];
    let fleet = Fleet::start_told(1, short_limits(&limits)).await;
    let half = header_of_http2(1, 4, POST, "/api/v1/login");
    let whole = header_of_http2(3, 5, GET, "/healthz");
    let sent = [PREFACE, &half, &whole].concat();
    let mut connection = after_sending(1, fleet.at(0), &sent).await.remove(0);
    // `:status: 200`
    assert_eq!(answer_on_stream(&mut connection, 3).await, 0x88);
    // The server answers once more, while the first request still waits for its body.
    let again = header_of_http2(5, 5, GET, "/healthz");
    connection.write_all(&again).await.unwrap();
    assert_eq!(answer_on_stream(&mut connection, 5).await, 0x88);
}

/// `accept-encoding: br`.
const ACCEPT_BROTLI: &[u8] = b"\x0f\x01\x02br";

/// The bytes that open a connection of HTTP/2 on which the server may send one byte of each
/// answer (SETTINGS_INITIAL_WINDOW_SIZE, RFC 9113 §6.5.2).
const PREFACE_OF_A_MISER: &[u8] =
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\x01";

#[tokio::test(flavor = "multi_thread")]
async fn downloads_that_clients_do_not_take_read_each_file_once_and_hold_no_open_file() {
    const CONNECTIONS: usize = 60;
    let site = Site::make();
    let mut more = short_limits(&[
        ("HOLDFAST_IDLE_LIMIT", "10m"),
        ("HOLDFAST_WRITE_LIMIT", "10m"),
    ]);
    more.push(site.setting());
    let fleet = Fleet::start_told(1, more).await;
    let (server, instance) = (fleet.at(0), &fleet.instances[0]);
    let (files, memory) = (instance.open_files(), instance.memory());
    let bytes_read = instance.bytes_read();
    let mut sent = PREFACE_OF_A_MISER.to_vec();
    // As many requests as one connection may have under way, for files and for pages, which the
    // server compresses.
    let paths = ["/pkg/large.wasm", "/icon.svg", "/sign-in", "/no-such-page"];
    for (stream, path) in (0..16).map(|n| 2 * n + 1).zip(paths.into_iter().cycle()) {
        sent.extend(header_with(stream, 5, GET, path, ACCEPT_BROTLI));
    }
    let mut connections = after_sending(CONNECTIONS, server, &sent).await;
    for connection in &mut connections {
        for _ in 0..16 {
            next_header(connection).await;
        }
    }
    let held = instance.open_files() - files;
    let grown = instance.memory().saturating_sub(memory);
    let read = instance.bytes_read() - bytes_read;
    println!("{held} open files, {grown} MiB and {read} bytes read for {CONNECTIONS} connections");
    // The two files have 1.1 MB together. Each download would be as much again.
    assert!(read <= 20_000_000, "{read}");
    // Each connection is one open file, and a few files may be open for other work.
    assert!(held <= CONNECTIONS + 20, "{held}");
    // 64 KiB for each download, and a compressor for each page, would be much more.
    assert!(grown <= 45, "{grown} MiB");
    // A browser gets the whole file meanwhile.
    let whole = fleet.http.get(server, "/pkg/large.wasm").await.unwrap();
    assert_eq!((whole.status.as_u16(), whole.body.len()), (200, 1_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_38_a_client_of_http2_that_opens_no_window_is_closed() {
    let site = Site::make();
    let mut more = short_limits(&[("HOLDFAST_IDLE_LIMIT", "10m")]);
    more.push(site.setting());
    let fleet = Fleet::start_told(1, more).await;
    let server = fleet.at(0);
    let browser = fleet.browsers(1).await.remove(0);
    let requests = [1, 3].map(|stream| header_of_http2(stream, 5, GET, "/pkg/large.wasm"));
    let sent = [PREFACE_OF_A_MISER, &requests.concat()].concat();
    let mut connections = after_sending(20, server, &sent).await;
    let closed = async {
        for connection in &mut connections {
            until_closed(connection).await;
        }
    };
    while_others_are_answered(&browser, server, closed).await;
}

/// Waits for the header of the next answer.
async fn next_header(connection: &mut TcpStream) {
    while next_frame(connection).await.0 != HEADERS {}
}

/// The next frame: its type, its stream and its content.
async fn next_frame(connection: &mut TcpStream) -> (u8, u32, Vec<u8>) {
    let reading = async {
        let mut head = [0; 9];
        connection.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        connection.read_exact(&mut payload).await.unwrap();
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        (head[3], stream, payload)
    };
    let read = tokio::time::timeout(PATIENCE, reading).await;
    read.expect("no frame")
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
