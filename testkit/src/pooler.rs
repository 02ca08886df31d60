//! A pooler as a starting client sees it: like PgBouncer, it refuses or drops the settings that the
//! client sends, and passes on everything else.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

/// A running pooler.
pub struct Pooler {
    url: String,
    _accepting: JoinSet<()>,
}

impl Pooler {
    /// A pooler in front of the Postgres of this database. It refuses a client that sends settings.
    pub async fn before(database: &PgConnectOptions) -> Self {
        Self::that(database, true).await
    }

    /// A pooler that drops the settings without an error, as PgBouncer does with
    /// `ignore_startup_parameters`.
    pub async fn that_drops_settings(database: &PgConnectOptions) -> Self {
        Self::that(database, false).await
    }

    async fn that(database: &PgConnectOptions, refuses: bool) -> Self {
        let directory = database.get_socket().unwrap();
        let socket = directory.join(format!(".s.PGSQL.{}", database.get_port()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (user, name) = (database.get_username(), database.get_database().unwrap());
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let socket = socket.clone();
                // If a connection breaks, its two ends notice it themselves.
                connections.spawn(async move { drop(carry(client, socket, refuses).await) });
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            url: format!("postgres://{user}@{address}/{name}?sslmode=disable"),
            _accepting: accepting,
        }
    }

    /// `DATABASE_URL` of a server behind it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The first message is its own length, a version, and names and values that end with 0.
async fn carry(mut client: TcpStream, socket: PathBuf, refuses: bool) -> std::io::Result<()> {
    let length = client.read_u32().await?;
    let mut startup = vec![0; usize::try_from(length).unwrap() - 4];
    client.read_exact(&mut startup).await?;
    let is_setting = |name: &[u8]| [b"options".as_slice(), b"extra_float_digits"].contains(&name);
    let (version, texts) = startup.split_at(4);
    let texts: Vec<_> = texts.split(|byte| *byte == 0).collect();
    let settings = texts.chunks(2).filter(|pair| is_setting(pair[0]));
    if refuses && settings.count() > 0 {
        let refusal = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        client.write_u8(b'E').await?;
        client
            .write_u32(u32::try_from(refusal.len()).unwrap() + 4)
            .await?;
        return client.write_all(refusal).await;
    }
    let mut postgres = UnixStream::connect(socket).await?;
    let mut passed_on = version.to_vec();
    // The last name is empty, and has no value.
    let others = texts.chunks(2).filter(|pair| !is_setting(pair[0]));
    for text in others.flatten().take_while(|text| !text.is_empty()) {
        passed_on.extend_from_slice(text);
        passed_on.push(0);
    }
    passed_on.push(0);
    let length = u32::try_from(passed_on.len()).unwrap() + 4;
    postgres.write_u32(length).await?;
    postgres.write_all(&passed_on).await?;
    tokio::io::copy_bidirectional(&mut client, &mut postgres).await?;
    Ok(())
}
