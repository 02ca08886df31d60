//! A small proxy between browser and server that fails on purpose. It handles one request at a
//! time, and reads the whole request and the whole answer. So a fault comes at exactly one place:
//! if the proxy drops an answer, the server has already committed.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::under_way::UnderWay;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    Pass,
    /// The server answers, and the answer is lost.
    DropAnswer,
    /// The connection ends during the answer.
    CutAnswer,
    /// The connection ends during the request.
    CutRequest,
    /// The request is delayed by this time.
    DelayRequest(Duration),
    /// The answer is delayed by this time.
    DelayAnswer(Duration),
    /// The server gets the request twice at once.
    Duplicate,
    /// The client gets no answer and gives up; the server gets the request later.
    LoseAndDeliverLater(Duration),
}

type Plan = Box<dyn FnMut() -> Fault + Send>;

/// Gets each request that a server has answered, and the answer.
type Watch = Box<dyn Fn(&[u8], &[u8]) + Send + Sync>;

/// A running proxy.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

struct Shared {
    servers: Vec<SocketAddr>,
    turn: AtomicUsize,
    answered: AtomicUsize,
    plan: Mutex<Plan>,
    watch: Watch,
    under_way: UnderWay,
}

impl FaultProxy {
    /// A proxy in front of these servers, in turn. `plan` decides about every request.
    pub async fn start(
        servers: Vec<SocketAddr>,
        plan: impl FnMut() -> Fault + Send + 'static,
    ) -> Self {
        Self::start_watched(servers, plan, |_, _| {}).await
    }

    /// Like [`start`](Self::start), but `watch` sees every answer, also those that do not reach the
    /// client.
    pub async fn start_watched(
        servers: Vec<SocketAddr>,
        plan: impl FnMut() -> Fault + Send + 'static,
        watch: impl Fn(&[u8], &[u8]) + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(servers, Box::new(plan), Box::new(watch), UnderWay::none()).await
    }

    /// Like [`start`](Self::start), but the proxy notes in `under_way` every request that it has,
    /// even if the client has given it up.
    pub async fn start_noting(
        servers: Vec<SocketAddr>,
        plan: impl FnMut() -> Fault + Send + 'static,
        under_way: UnderWay,
    ) -> Self {
        Self::start_with(servers, Box::new(plan), Box::new(|_, _| {}), under_way).await
    }

    async fn start_with(
        servers: Vec<SocketAddr>,
        plan: Plan,
        watch: Watch,
        under_way: UnderWay,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            servers,
            turn: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            plan: Mutex::new(plan),
            watch,
            under_way,
        });
        let mut accepting = JoinSet::new();
        let theirs = Arc::clone(&shared);
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&theirs);
                connections.spawn(async move {
                    // Broken connections are part of the tests.
                    let _ = shared.carry(client).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            shared,
            _accepting: accepting,
        }
    }

    /// One fault after the other, and no more after that.
    pub async fn with(servers: Vec<SocketAddr>, faults: Vec<Fault>) -> Self {
        let mut faults = faults.into_iter();
        Self::start(servers, move || faults.next().unwrap_or(Fault::Pass)).await
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests the servers have answered, whether the answer came to the client or not.
    pub fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Relaxed)
    }
}

impl Shared {
    async fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let request = read_request(&mut client).await?;
        let _held = self.under_way.hold_request(&request);
        let fault = (self.plan.lock().unwrap())();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let server = self.servers[turn % self.servers.len()];
        match fault {
            Fault::Pass => client.write_all(&self.ask(server, &request).await?).await,
            Fault::DropAnswer => self.ask(server, &request).await.map(drop),
            Fault::CutAnswer => {
                let answer = self.ask(server, &request).await?;
                client.write_all(&answer[..answer.len() * 2 / 3]).await
            }
            Fault::CutRequest => {
                let mut server = TcpStream::connect(server).await?;
                server.write_all(&request[..request.len() * 2 / 3]).await
            }
            Fault::DelayRequest(by) => {
                tokio::time::sleep(by).await;
                client.write_all(&self.ask(server, &request).await?).await
            }
            Fault::DelayAnswer(by) => {
                let answer = self.ask(server, &request).await?;
                tokio::time::sleep(by).await;
                client.write_all(&answer).await
            }
            Fault::Duplicate => {
                let other = self.servers[(turn + 1) % self.servers.len()];
                let (answer, duplicate) =
                    tokio::join!(self.ask(server, &request), self.ask(other, &request));
                duplicate?;
                client.write_all(&answer?).await
            }
            Fault::LoseAndDeliverLater(by) => {
                drop(client);
                tokio::time::sleep(by).await;
                self.ask(server, &request).await.map(drop)
            }
        }
    }

    async fn ask(&self, server: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(server).await?;
        server.write_all(request).await?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await?;
        if answer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
        (self.watch)(request, &answer);
        Ok(answer)
    }
}

/// A complete request, marked as the last one of its connection.
async fn read_request(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let head = loop {
        if client.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let length = String::from_utf8_lossy(&request[..head])
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse::<usize>().ok())
        .unwrap_or_default();
    while request.len() < head + length {
        if client.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let last = b"connection: close\r\n";
    request.splice(head - 2..head - 2, last.iter().copied());
    Ok(request)
}
