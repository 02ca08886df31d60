//! [`TestApp`]: the service with a database of its own. Its functions are the actions of a person.

pub mod log;
pub mod queries;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, header};
use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::wire::{Tokens, paths};
use holdfast_server::background::Background;
use holdfast_server::client_address::Proxies;
use holdfast_server::clock::Clock;
use holdfast_server::config::Config;
use holdfast_server::database_facts::DatabaseFacts;
use holdfast_server::endings::EndedSessions;
use holdfast_server::endings::reader::Reader;
use holdfast_server::events::EventQueue;
use holdfast_server::hooks::InstalledHooks;
use holdfast_server::keys::Keys;
use holdfast_server::lanes::{Lanes, RotationCommit};
use holdfast_server::limits::{Limits, Settings, failures};
use holdfast_server::metrics::Metrics;
use holdfast_server::password_hash::{Cost, PasswordHashes};
use holdfast_server::profiles::Profiles;
use holdfast_server::secrets_in_use::SecretsInUse;
use holdfast_server::site_files::{self, SiteFiles};
use holdfast_server::state::{Holdfast, Instance};
use holdfast_server::stopping::Stopping;
use holdfast_server::store::{Layout, Schema};
use holdfast_server::{router, store};
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection as _, PgConnection, PgPool};
use tower::ServiceExt as _;
use uuid::Uuid;
use zeroize::Zeroizing;

pub use crate::answer::Answer;

use crate::database::{self, TestDatabase};
pub use crate::tokens::{PASSWORD, generation, new_key};

/// What a Firefox on Linux says of itself.
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// The issuer of every instance in these tests.
pub const ISSUER: &str = "https://id.example";

/// The service, as one instance.
pub struct TestApp {
    /// The state of the instance.
    pub state: Holdfast,
    router: Router,
    pool: PgPool,
    database: TestDatabase,
}

impl TestApp {
    /// An instance with the default configuration and an empty database.
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// An instance with a changed configuration and an empty database.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let database = TestDatabase::create().await;
        // Sets the birth of the database before every session, as `DatabaseFacts::unknown` assumes.
        let mut connection = PgConnection::connect_with(&database.options).await.unwrap();
        store::database::begin_anew(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let mut config = Config {
            issuer: ISSUER.to_owned(),
            issuer_previous: Vec::new(),
            access_token_ttl: Duration::from_secs(300),
            refresh_token_ttl: Duration::from_secs(90 * 24 * 60 * 60),
            refresh_idle: Duration::from_secs(30 * 24 * 60 * 60),
            session_ttl_short: Duration::from_secs(12 * 60 * 60),
            sessions_per_account: 50,
            activity_kept: Duration::from_secs(180 * 24 * 60 * 60),
            proxies: Proxies::default(),
            password_cost: Cost {
                memory: 64,
                passes: 1,
            },
            limits: Settings {
                password_threads: 4,
                places: 1000,
                ..Settings::DEFAULT
            },
        };
        change(&mut config);
        Self::instance(config, database, &[1])
    }

    /// Another instance on the same database, with these master secrets.
    pub fn second_instance(&self, secrets: &[u8]) -> Self {
        Self::instance((*self.state.config).clone(), self.database.clone(), secrets)
    }

    /// Another instance on the same database, with the same secret and a changed
    /// configuration.
    pub fn second_instance_with(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = (*self.state.config).clone();
        change(&mut config);
        Self::instance(config, self.database.clone(), &[1])
    }

    fn instance(config: Config, database: TestDatabase, secrets: &[u8]) -> Self {
        let clock = Clock::system();
        let secrets = secrets
            .iter()
            .map(|n| Zeroizing::new(vec![*n; 32]))
            .collect();
        let pool = store::pool(database.options.clone(), &Layout::Own(Schema::default()), 5);
        let state = Instance {
            database: DatabaseFacts::unknown(config.longest_session(), clock.clone()),
            events: EventQueue::start(pool.clone()),
            lanes: Lanes::new(pool.clone(), 2, RotationCommit::Synchronous),
            limits: Limits::new(config.limits),
            passwords: PasswordHashes::new(config.password_cost, config.limits.password_threads),
            ended: EndedSessions::new(config.access_token_ttl),
            keys: Arc::new(Keys::new(secrets, clock.now())),
            database_connections: 7,
            profiles: Profiles::default(),
            metrics: Metrics::default(),
            stopping: Stopping::default(),
            background: Background::default(),
            hooks: InstalledHooks::default(),
            config: Arc::new(config),
            pool,
            leptos: site_files::leptos_options(),
            site_files: SiteFiles::without_hashes("holdfast"),
            clock,
        };
        let state = Holdfast::from(state);
        // The table is empty, so it is marked as read.
        state.ended.note_read();
        let failures = state.limits.failures().clone();
        tokio::spawn(failures::run(failures, state.pool.clone()));
        Self {
            router: router(state.clone()),
            pool: PgPoolOptions::new()
                .max_connections(3)
                .connect_lazy_with(database.options.clone()),
            state,
            database,
        }
    }

    /// From now on the instance uses this set of ended sessions.
    pub fn replace_ended(&mut self, ended: EndedSessions) {
        self.change(|instance| instance.ended = ended);
    }

    /// From now on the instance has these facts about its database.
    pub fn replace_database(&mut self, facts: DatabaseFacts) {
        self.change(|instance| instance.database = facts);
    }

    /// Changes the instance. The change lasts from now on.
    pub fn change(&mut self, change: impl FnOnce(&mut Instance)) {
        let mut instance = (*self.state).clone();
        change(&mut instance);
        self.state = instance.into();
        self.router = router(self.state.clone());
    }

    /// The part of a running instance that updates the secrets in use.
    pub fn secrets_in_use(&self) -> SecretsInUse {
        let (keys, clock) = (self.state.keys.clone(), self.state.clock.clone());
        SecretsInUse::new(keys, clock, &self.state.config, self.state.database.clone())
    }

    /// The reader of a running instance, which reads the secrets and the endings.
    pub fn reader(&self) -> Reader {
        let (pool, ended) = (self.state.pool.clone(), self.state.ended.clone());
        let profiles = self.state.profiles.clone();
        Reader::new(pool, ended, self.secrets_in_use(), profiles)
    }

    /// From now on requests go to the router that `service` makes, as in an application that is
    /// built on Holdfast.
    pub fn serve_with(&mut self, service: impl FnOnce(Holdfast) -> Router) {
        self.router = service(self.state.clone());
    }

    /// The database, for everything that no function here does. These are not the service's own
    /// connections.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Sends a request as it is, with a `Host` unless it has one.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        let host = HeaderValue::from_static("id.example");
        request.headers_mut().entry(header::HOST).or_insert(host);
        let response = self.router.clone().oneshot(request).await.unwrap();
        Answer::read(response).await.unwrap()
    }

    /// Sends a JSON body.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(json_request(method, path, body)).await
    }

    /// Calls a protected address.
    pub async fn call_as(
        &self,
        tokens: &Tokens,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(
            header::AUTHORIZATION,
            format!("Bearer {}", tokens.access_token.expose()),
        );
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// Reads a protected address.
    pub async fn get_as(&self, tokens: &Tokens, path: &str) -> Answer {
        self.call_as(tokens, Method::GET, path, None).await
    }

    /// Makes an account and signs in.
    pub async fn sign_up(&self, username: &str) -> Tokens {
        let body = json!({"username": username, "password": PASSWORD});
        self.call(Method::POST, paths::SIGNUP, &body)
            .await
            .tokens(201)
    }

    /// Signs in once more.
    pub async fn log_in(&self, username: &str) -> Tokens {
        self.try_log_in(username, PASSWORD).await.tokens(200)
    }

    /// Signs in from a Firefox on Linux.
    pub async fn log_in_from_firefox(&self, username: &str) -> Tokens {
        let body = json!({"username": username, "password": PASSWORD});
        let mut request = json_request(Method::POST, paths::LOGIN, &body);
        request
            .headers_mut()
            .insert(header::USER_AGENT, HeaderValue::from_static(FIREFOX));
        self.send(request).await.tokens(200)
    }

    /// Tries to sign in with this password, and returns the answer.
    pub async fn try_log_in(&self, username: &str, password: &str) -> Answer {
        let body = json!({"username": username, "password": password});
        self.call(Method::POST, paths::LOGIN, &body).await
    }

    /// Refreshes with this token and attempt key.
    pub async fn refresh(&self, tokens: &Tokens, key: &AttemptKey) -> Answer {
        self.send(refresh_request(tokens.refresh_token.expose(), Some(key)))
            .await
    }

    /// Refreshes with a new attempt key and expects success.
    pub async fn renew(&self, tokens: &Tokens) -> Tokens {
        self.refresh(tokens, &new_key()).await.tokens(200)
    }

    /// Signs out.
    pub async fn log_out(&self, tokens: &Tokens) -> Answer {
        let body = json!({"refresh_token": tokens.refresh_token.expose()});
        self.call(Method::POST, paths::LOGOUT, &body).await
    }

    /// Ends another session of the account, with the password.
    pub async fn end_session(&self, by: &Tokens, session_id: Uuid) -> Answer {
        let path = format!("{}/{session_id}", paths::SESSIONS);
        let body = json!({"password": PASSWORD});
        self.call_as(by, Method::DELETE, &path, Some(&body)).await
    }

    /// Ends all other sessions of the account, with the password.
    pub async fn end_others(&self, by: &Tokens) -> Answer {
        let body = json!({"password": PASSWORD});
        self.call_as(by, Method::DELETE, paths::SESSIONS, Some(&body))
            .await
    }

    /// Whether an access token is still accepted.
    pub async fn accepts(&self, tokens: &Tokens) -> bool {
        self.get_as(tokens, paths::ACCOUNT).await.status == 200
    }

    /// Opens `count` sessions of an account. No client has their tokens.
    pub async fn open_unused(&self, account_id: Uuid, count: i32) {
        sqlx::query(
            "insert into sessions (
                 session_id, account_id, generation, token_hash, attempt_keys, expires_at,
                 idle_seconds, remember
             )
             select
                 gen_random_uuid(), $1, 0, sha256(n::text::bytea), '', now() + interval '1 day',
                 1000, true
             from generate_series(1, $2) as n",
        )
        .bind(account_id)
        .bind(count)
        .execute(self.pool())
        .await
        .unwrap();
    }

    /// How many sessions were ended by the transaction that ended the most.
    pub async fn most_endings_of_one_transaction(&self) -> i64 {
        // Rows that were written in one transaction have its id in common.
        sqlx::query_scalar(
            "select max(n) from (
                 select count(*) as n from session_ends group by xmin::text
             ) as of_one_transaction",
        )
        .fetch_one(self.pool())
        .await
        .unwrap()
    }

    /// Whether the session has its row.
    pub async fn is_alive(&self, session_id: Uuid) -> bool {
        self.row(session_id).await.is_some()
    }

    /// Generation and hash of the session's row.
    pub async fn row(&self, session_id: Uuid) -> Option<(i64, Vec<u8>)> {
        database::row(self.pool(), session_id).await
    }

    /// Makes the session's last renewal this much older, as if time had passed for
    /// the database.
    pub async fn let_pass(&self, session_id: Uuid, seconds: u32) {
        database::let_pass(self.pool(), session_id, seconds).await;
    }

    /// Waits until this many statements wait for another transaction's lock.
    pub async fn until_waiting(&self, count: i64) {
        for _ in 0..2000 {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_one(self.pool())
            .await
            .unwrap();
            if waiting == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not {count} statements wait");
    }

    /// Reads the present row, so that [`roll_back_to`](Self::roll_back_to) can restore it later. So
    /// a test imitates a failover that loses commits.
    pub async fn remember_row(&self, session_id: Uuid) -> SavedRow {
        let (generation, token_hash, attempt_keys) = sqlx::query_as(
            "select generation, token_hash, attempt_keys from sessions where session_id = $1",
        )
        .bind(session_id)
        .fetch_one(self.pool())
        .await
        .unwrap();
        SavedRow {
            session_id,
            generation,
            token_hash,
            attempt_keys,
        }
    }

    /// Sets the row back to the state that [`remember_row`](Self::remember_row) has read.
    pub async fn roll_back_to(&self, row: &SavedRow) {
        let changed = sqlx::query(
            "update sessions
             set generation = $2, token_hash = $3, attempt_keys = $4
             where session_id = $1",
        )
        .bind(row.session_id)
        .bind(row.generation)
        .bind(&row.token_hash)
        .bind(&row.attempt_keys)
        .execute(self.pool())
        .await
        .unwrap();
        assert_eq!(changed.rows_affected(), 1);
    }

    /// The kinds of the account's events, oldest first. Waits until there are `count`, because
    /// answers do not wait for some events.
    pub async fn events(&self, username: &str, count: usize) -> Vec<(String, Option<String>)> {
        for _ in 0..200 {
            let events: Vec<(String, Option<String>)> = sqlx::query_as(
                "select kind, detail
                 from events join accounts using (account_id)
                 where username_key = $1
                 order by event_id",
            )
            .bind(username)
            .fetch_all(self.pool())
            .await
            .unwrap();
            if events.len() >= count {
                return events;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("fewer than {count} events");
    }
}

/// A session's row of an earlier moment.
pub struct SavedRow {
    session_id: Uuid,
    generation: i64,
    token_hash: Vec<u8>,
    attempt_keys: Vec<u8>,
}

/// A request with a body of JSON.
pub fn json_request(method: Method, path: &str, body: &Value) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// A refresh, with an attempt key or without.
pub fn refresh_request(refresh_token: &str, key: Option<&AttemptKey>) -> Request<Body> {
    let body = json!({"refresh_token": refresh_token});
    let mut request = json_request(Method::POST, paths::REFRESH, &body);
    if let Some(key) = key {
        request
            .headers_mut()
            .insert("idempotency-key", key.expose().parse().unwrap());
    }
    request
}
