//! A link between the servers and their Postgres: an address that a test can lead to another
//! Postgres, cut, or make silent, like the network of a failover.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Clone)]
struct State {
    /// The socket of the Postgres; `None` if the link is cut.
    socket: Option<PathBuf>,
    /// A test adds one to this number to end the present connections.
    cut: u32,
    /// A test adds one to this number to make the present connections silent: they neither end nor
    /// transport bytes.
    black_hole: u32,
}

/// A way to Postgres that can fail.
pub struct DatabaseLink {
    port: u16,
    state: Arc<watch::Sender<State>>,
    _accepting: JoinSet<()>,
}

impl DatabaseLink {
    /// A link to the Postgres of this database.
    pub async fn to(database: &PgConnectOptions) -> Self {
        let socket = socket(database);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, receiver) = watch::channel(State {
            socket: Some(socket),
            cut: 0,
            black_hole: 0,
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((server, _)) = listener.accept().await {
                connections.spawn(carry(server, receiver.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            port,
            state: Arc::new(sender),
            _accepting: accepting,
        }
    }

    /// `DATABASE_URL` of a server that reaches this database over the link.
    pub fn url(&self, database: &PgConnectOptions) -> String {
        let (user, name) = (database.get_username(), database.get_database().unwrap());
        let port = self.port;
        format!("postgres://{user}@127.0.0.1:{port}/{name}?sslmode=disable")
    }

    /// `primary_conninfo` of a replica that streams over the link.
    pub fn conninfo(&self, database: &PgConnectOptions) -> String {
        let (user, port) = (database.get_username(), self.port);
        format!("host=127.0.0.1 port={port} user={user} sslmode=disable")
    }

    /// Ends every connection, and refuses new ones.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.socket = None;
            state.cut += 1;
        });
    }

    /// Ends every connection; new ones go to this Postgres.
    pub fn point_to(&self, database: &PgConnectOptions) {
        self.state.send_modify(|state| {
            state.socket = Some(socket(database));
            state.cut += 1;
        });
    }

    /// New connections go to this Postgres, and the present connections stay where they lead. This
    /// is how a pooler behaves, or a host name that gets another address.
    pub fn lead_new_connections_to(&self, database: &PgConnectOptions) {
        self.state
            .send_modify(|state| state.socket = Some(socket(database)));
    }

    /// The host vanishes without closing its connections: the present ones neither end nor
    /// transport bytes. New ones work.
    pub fn lose_connections_silently(&self) {
        self.state.send_modify(|state| state.black_hole += 1);
    }
}

fn socket(database: &PgConnectOptions) -> PathBuf {
    let directory = database.get_socket().unwrap();
    directory.join(format!(".s.PGSQL.{}", database.get_port()))
}

async fn carry(mut server: TcpStream, mut changes: watch::Receiver<State>) {
    let begun = changes.borrow_and_update().clone();
    let Some(socket) = begun.socket else {
        return;
    };
    let Ok(mut postgres) = UnixStream::connect(socket).await else {
        return;
    };
    let mut losses = changes.clone();
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut server, &mut postgres) => {}
        () = changed(&mut changes, |now| now.cut != begun.cut) => {}
        () = changed(&mut losses, |now| now.black_hole != begun.black_hole) => {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits without keeping the lock of the state, which `select!` would keep.
async fn changed(state: &mut watch::Receiver<State>, done: impl FnMut(&State) -> bool) {
    let _ = state.wait_for(done).await;
}
