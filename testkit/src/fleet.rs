//! A fleet: server processes, a database, and parts between them that can break.

use std::net::SocketAddr;
use std::time::Duration;

use holdfast_protocol::refresh_token::{self, ChainSecret};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::Tokens;
use holdfast_server::clock::Clock;
use holdfast_server::keys::refresh_key;
use holdfast_server::random;
use holdfast_server::store::{ClientInfo, accounts, sessions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgPool};
use uuid::Uuid;

use crate::browser::{Browser, Renewal};
use crate::cluster::Cluster;
use crate::database::{self, TestDatabase, migrate};
use crate::database_link::DatabaseLink;
use crate::http::Http;
use crate::instance::{self, Ended, Instance};
use crate::settings::Settings;
use crate::tokens::PASSWORD;
use crate::until::until;

/// Two servers, or more, on one database.
pub struct Fleet {
    /// Its servers.
    pub instances: Vec<Instance>,
    /// The HTTP client.
    pub http: Http,
    /// Their settings.
    pub settings: Settings,
    pool: PgPool,
}

impl Fleet {
    /// `count` servers on an empty database of the Postgres that all tests share.
    pub async fn start(count: usize) -> Self {
        let options = TestDatabase::create().await.options;
        let settings = Settings::on(options.to_url_lossy().to_string());
        Self::with(count, settings, options).await
    }

    /// Like [`start`](Self::start), with these settings in addition.
    pub async fn start_told(count: usize, more: Vec<(&'static str, String)>) -> Self {
        let options = TestDatabase::create().await.options;
        let mut settings = Settings::on(options.to_url_lossy().to_string());
        settings.more = more;
        Self::with(count, settings, options).await
    }

    /// Like [`start`](Self::start), with a link between the servers and Postgres that can fail.
    pub async fn start_behind_link(count: usize) -> (Self, DatabaseLink) {
        let options = TestDatabase::create().await.options;
        let link = DatabaseLink::to(&options).await;
        let settings = Settings::on(link.url(&options));
        (Self::with(count, settings, options).await, link)
    }

    /// Like [`start`](Self::start), on a Postgres of the test's own.
    pub async fn start_on(count: usize, cluster: &Cluster) -> Self {
        Self::start_told_on(count, &[], cluster).await
    }

    /// Like [`start_on`](Self::start_on), with these settings in addition.
    pub async fn start_told_on(
        count: usize,
        more: &[(&'static str, &str)],
        cluster: &Cluster,
    ) -> Self {
        let options = cluster.create_database().await;
        let mut settings = Settings::on(options.to_url_lossy().to_string());
        let more = more
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        settings.more.extend(more);
        Self::with(count, settings, options).await
    }

    /// `count` servers with these settings. The tests themselves reach the database by `options`,
    /// also if there is a link between it and the servers.
    pub async fn with(count: usize, settings: Settings, options: PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(options.clone());
        // Another release makes its own tables.
        if settings.program.is_none() {
            migrate(&options).await;
        }
        let mut instances = Vec::new();
        for _ in 0..count {
            instances.push(Instance::start(&settings, None).await);
        }
        Self {
            instances,
            http: Http,
            settings,
            pool,
        }
    }

    /// The address of another database with empty tables.
    pub async fn empty_database_url() -> String {
        Self::url_of(&Self::migrated_database().await)
    }

    /// Another database with empty tables.
    pub async fn migrated_database() -> PgConnectOptions {
        TestDatabase::create().await.options
    }

    /// A copy of a database. There must be no connection to it.
    pub async fn copy_of(options: &PgConnectOptions) -> PgConnectOptions {
        let original = TestDatabase {
            options: options.clone(),
        };
        original.copy().await.options
    }

    /// Another database, without any table.
    pub async fn unmigrated_database() -> PgConnectOptions {
        TestDatabase::create_empty().await.options
    }

    /// `DATABASE_URL` of a database.
    pub fn url_of(options: &PgConnectOptions) -> String {
        options.to_url_lossy().to_string()
    }

    /// Runs `holdfast` with these variables only, to its end.
    pub async fn run_command(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        instance::run(arguments, variables).await
    }

    /// The addresses of all instances.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.instances.iter().map(Instance::address).collect()
    }

    /// The address of one instance.
    pub fn at(&self, n: usize) -> SocketAddr {
        self.instances[n % self.instances.len()].address()
    }

    /// The database, for everything that no request does.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// From now on the tests read this database.
    pub fn look_into(&mut self, options: PgConnectOptions) {
        self.pool = PgPoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(options);
    }

    /// Stops an instance normally and starts one with these settings at the same address, like a
    /// deployment.
    pub async fn restart(&mut self, n: usize, settings: &Settings) {
        let address = self.instances[n].address();
        self.instances[n].stop().await;
        self.instances[n] = Instance::start(settings, Some(address)).await;
    }

    /// Like [`restart`](Self::restart), for settings that keep the instance from becoming ready.
    pub async fn restart_unready(&mut self, n: usize, settings: &Settings) {
        let address = self.instances[n].address();
        self.instances[n].stop().await;
        self.instances[n] = Instance::start_unready(settings, Some(address)).await;
    }

    /// Makes an account and signs in, on the first instance.
    pub async fn sign_up(&self, username: &str) -> Tokens {
        self.http.sign_up(self.at(0), username).await.tokens(201)
    }

    /// Signs in, on the first instance.
    pub async fn log_in(&self, username: &str) -> Tokens {
        self.http
            .log_in(self.at(0), username, PASSWORD)
            .await
            .tokens(200)
    }

    /// Browsers that are signed in, without a password hash for each: sessions of one
    /// account, opened by the store's own functions.
    pub async fn browsers(&self, count: usize) -> Vec<Browser> {
        self.browsers_of_before(count, Duration::ZERO).await
    }

    /// Like [`browsers`](Self::browsers), with sessions that were opened this long ago, as their
    /// ids say.
    pub async fn browsers_of_before(&self, count: usize, ago: Duration) -> Vec<Browser> {
        open_sessions(&self.pool, &self.settings, count, ago)
            .await
            .into_iter()
            .map(|refresh_token| Browser::new(self.http.clone(), refresh_token))
            .collect()
    }

    /// Number and hash of the session's row.
    pub async fn row(&self, session_id: Uuid) -> Option<(i64, Vec<u8>)> {
        database::row(&self.pool, session_id).await
    }

    /// Makes the session this much older, as if time had passed for the database.
    pub async fn let_pass(&self, session_id: Uuid, seconds: u32) {
        database::let_pass(&self.pool, session_id, seconds).await;
    }

    /// Waits until this many statements wait for the lock of another transaction.
    pub async fn until_waiting_for_locks(&self, count: i64) {
        until("statements wait", Duration::from_secs(10), async || {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_one(&self.pool)
            .await
            .unwrap();
            waiting == count
        })
        .await;
    }

    /// How many events of this kind there are.
    pub async fn events(&self, kind: &str) -> i64 {
        sqlx::query_scalar("select count(*) from events where kind = $1")
            .bind(kind)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// The errors and panics in the logs of the instances, which are faults of Holdfast itself.
    pub fn faults_of_our_own(&self) -> Vec<String> {
        let logs = self.instances.iter().map(Instance::log);
        logs.flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| line.contains("ERROR") || line.contains("panicked"))
            .collect()
    }

    /// Asserts that no session ended, that there was no reuse, and that no server had a fault.
    pub async fn assert_nobody_was_signed_out(&self, browsers: &[Browser]) {
        for browser in browsers {
            let renewal = browser.renew_until_answered(&self.addresses()).await;
            assert_eq!(renewal, Renewal::Renewed, "{}", browser.session_id());
        }
        assert_eq!(self.events("refresh_token_reused").await, 0);
        assert_eq!(self.events("session_ended").await, 0);
        assert_eq!(self.faults_of_our_own(), Vec::<String>::new());
    }
}

/// The client data of a browser.
pub fn some_client() -> ClientInfo {
    ClientInfo {
        ip: Some("203.0.113.7".to_owned()),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0".to_owned()),
    }
}

/// Opens sessions of a new account. Returns their first refresh tokens.
async fn open_sessions(
    pool: &PgPool,
    settings: &Settings,
    count: usize,
    ago: Duration,
) -> Vec<Secret> {
    let clock = Clock::system();
    let key = refresh_key(&settings.secret.clone().into_bytes());
    let account_id = random::id(&clock);
    let username = Username::parse(&format!("load-{}", account_id.simple())).unwrap();
    let client = some_client();
    let mut transaction = pool.begin().await.unwrap();
    accounts::insert(&mut transaction, account_id, &username, "never signed in")
        .await
        .unwrap()
        .unwrap();
    let mut tokens = Vec::new();
    for _ in 0..count {
        let opened_at = (clock.now_micros() / 1000).saturating_sub(ago.as_millis() as u64);
        let unguessable = random::bytes();
        let session_id =
            uuid::Builder::from_unix_timestamp_millis(opened_at, &unguessable).into_uuid();
        let secret = ChainSecret::from_random(random::bytes());
        let new = sessions::NewSession {
            session_id,
            account_id,
            token_hash: secret.hash(),
            lifetime_seconds: 90 * 24 * 60 * 60,
            idle_seconds: 30 * 24 * 60 * 60,
            remember: true,
            browser_id: session_id,
            name: None,
            client: &client,
        };
        sessions::insert(&mut transaction, new).await.unwrap();
        tokens.push(refresh_token::print(&key, session_id, 0, &secret));
    }
    transaction.commit().await.unwrap();
    tokens
}
