//! Configuration: flags and environment variables, checked before anything starts.
//!
//! A security duty: an attacker could guess a weak master secret offline from the public
//! keys. So the server only starts with 32 random bytes or more.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::header::InvalidHeaderName;
use axum::http::{HeaderName, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use holdfast_protocol::secret::Secret;
use ipnet::IpNet;
use sqlx::postgres::PgConnectOptions;
use tracing_subscriber::EnvFilter;
use zeroize::Zeroizing;

use crate::client_address::{self, Proxies};
use crate::connections;
use crate::database_address::parse;
use crate::lanes::RotationCommit;
use crate::lifetimes::LONGEST_ACCESS_TOKEN;
use crate::limits::Settings;
use crate::password_hash::Cost;
use crate::setting::Setting;
use crate::store::Schema;
use crate::store::database::InstanceFacts;

/// The fewest bytes of a master secret.
pub const MIN_SECRET_BYTES: usize = 32;

/// The issuer if none is set: for a first try on one machine.
pub(crate) const DEFAULT_ISSUER: &str = "http://localhost:3000";

/// How many database connections one instance opens, if no number is set.
pub(crate) const DATABASE_CONNECTIONS: u32 = 16;

/// How many database connections an instance may open.
const POSSIBLE_CONNECTIONS: RangeInclusive<i64> = 2..=1000;

/// How many statements may write rotations at once.
const POSSIBLE_LANES: RangeInclusive<i64> = 1..=64;

/// How many sessions an account may have.
const POSSIBLE_SESSIONS: RangeInclusive<i64> = 1..=10_000;

/// How many statements write rotations at once, if no number is set.
pub(crate) const ROTATION_LANES: u32 = 4;

/// The settings of `holdfast serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The address on which the server listens.
    #[arg(long, env = "HOLDFAST_LISTEN", default_value_t = default_listen(), value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// The address that answers `GET /metrics` (OpenMetrics). Do not use the address that
    /// browsers reach. If this is not set, metrics are not served.
    #[arg(long, env = "HOLDFAST_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "its members carry the help texts")]
    pub database: DatabaseArgs,

    /// Hidden: every user who may list the processes of a machine can read their flags.
    #[arg(long, env = "HOLDFAST_SECRET", hide = true, hide_env_values = true, value_parser = unchecked)]
    secret: Option<Secret>,

    /// A file with the master secret: base64url of at least 32 random bytes, made by
    /// `holdfast keys new-secret`. Or set the variable HOLDFAST_SECRET to the secret
    /// itself. The secret is required with a database of your own. With the private
    /// Postgres, the server makes it once and keeps it beside the data.
    #[arg(long, env = "HOLDFAST_SECRET_FILE", value_name = "FILE")]
    secret_file: Option<PathBuf>,

    /// Hidden, like the flag above.
    #[arg(long, env = "HOLDFAST_SECRET_PREVIOUS", hide = true, hide_env_values = true, value_parser = unchecked)]
    secret_previous: Option<Secret>,

    /// A file with master secrets that are also accepted, separated by commas or lines. Or
    /// set the variable HOLDFAST_SECRET_PREVIOUS to the secrets themselves.
    #[arg(long, env = "HOLDFAST_SECRET_PREVIOUS_FILE", value_name = "FILE")]
    secret_previous_file: Option<PathBuf>,

    /// The address at which browsers reach this service. It is the issuer and the
    /// audience of access tokens, so every instance must have the same. It must be
    /// https, except for an address of this machine.
    #[arg(long, env = "HOLDFAST_ISSUER", default_value = DEFAULT_ISSUER, value_parser = issuer, value_name = "URL")]
    pub issuer: String,

    /// Issuers that this service had before, separated by commas. Their access tokens are
    /// accepted, and the database may still name one of them.
    #[arg(long, env = "HOLDFAST_ISSUER_PREVIOUS", value_parser = previous_issuer, value_delimiter = ',', value_name = "URLS")]
    pub issuer_previous: Vec<String>,

    /// Never migrate the database, and start only if it is already at this version. Run
    /// `holdfast migrate` to migrate it.
    #[arg(long, env = "HOLDFAST_NO_MIGRATE", value_parser = on_or_off)]
    pub no_migrate: bool,

    /// How long an access token is valid (at least 1s, at most 1h).
    #[arg(long, env = "HOLDFAST_ACCESS_TOKEN_TTL", default_value = "5m", value_parser = duration, value_name = "DURATION")]
    pub access_token_ttl: Duration,

    /// How long a session lives at most (at least 1s). No use of it extends this time.
    #[arg(long, env = "HOLDFAST_REFRESH_TOKEN_TTL", default_value = "90d", value_parser = duration, value_name = "DURATION")]
    pub refresh_token_ttl: Duration,

    /// How long a session may stay unused (at least 1s).
    #[arg(long, env = "HOLDFAST_REFRESH_IDLE", default_value = "30d", value_parser = duration, value_name = "DURATION")]
    pub refresh_idle: Duration,

    /// How long a session lives if the person did not choose to stay signed in.
    #[arg(long, env = "HOLDFAST_SESSION_TTL_SHORT", default_value = "12h", value_parser = duration, value_name = "DURATION")]
    pub session_ttl_short: Duration,

    /// How many sessions an account may have. One more ends the least recently used one.
    #[arg(long, env = "HOLDFAST_SESSIONS_PER_ACCOUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(POSSIBLE_SESSIONS), value_name = "NUMBER")]
    pub sessions_per_account: u32,

    /// How long the activity of accounts is kept.
    #[arg(long, env = "HOLDFAST_ACTIVITY_KEPT", default_value = "180d", value_parser = duration, value_name = "DURATION")]
    pub activity_kept: Duration,

    /// The networks of the proxies in front of the server, separated by commas, such as
    /// `10.0.0.0/8`. Only these proxies may tell the server a client's address.
    #[arg(
        long,
        env = "HOLDFAST_TRUSTED_PROXIES",
        value_parser = client_address::network,
        value_delimiter = ',',
        value_name = "NETWORKS"
    )]
    pub trusted_proxies: Vec<IpNet>,

    /// The one header into which those proxies write the client's address, such as
    /// `x-forwarded-for`, `forwarded` or `x-real-ip`.
    #[arg(
        long,
        env = "HOLDFAST_PROXY_HEADER",
        default_value = "x-forwarded-for",
        value_parser = proxy_header,
        value_name = "NAME"
    )]
    pub proxy_header: HeaderName,

    /// How many connections of clients are open at most. The limit of open files may make
    /// it fewer.
    #[arg(long, env = "HOLDFAST_CONNECTIONS", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(16..=1_000_000), value_name = "NUMBER")]
    pub connections: u32,

    #[command(flatten)]
    #[allow(missing_docs, reason = "its members carry the help texts")]
    pub slowness: SlownessArgs,

    /// How long the server goes on serving after SIGTERM. It is not ready during this time,
    /// so that a balancer can notice. SIGINT stops the server without this delay.
    #[arg(long, env = "HOLDFAST_SHUTDOWN_DELAY", default_value = "5s", value_parser = delay, value_name = "DURATION")]
    pub shutdown_delay: Duration,

    /// How many database connections one instance opens.
    #[arg(long, env = "HOLDFAST_DATABASE_CONNECTIONS", default_value_t = DATABASE_CONNECTIONS, value_parser = clap::value_parser!(u32).range(POSSIBLE_CONNECTIONS), value_name = "NUMBER")]
    pub database_connections: u32,

    /// How many statements write rotations at once. Each has a database connection of its
    /// own, in addition to HOLDFAST_DATABASE_CONNECTIONS.
    #[arg(long, env = "HOLDFAST_ROTATION_LANES", default_value_t = ROTATION_LANES, value_parser = clap::value_parser!(u32).range(POSSIBLE_LANES), value_name = "NUMBER")]
    pub rotation_lanes: u32,

    /// Whether a rotation waits for the disk of the database. Asynchronous ones are
    /// cheaper. A crash of Postgres loses the rotations of up to one second, which ends no session.
    #[arg(
        long,
        env = "HOLDFAST_ROTATION_COMMIT",
        default_value = "synchronous",
        value_name = "HOW"
    )]
    pub rotation_commit: RotationCommit,

    /// How many sign-ins, sign-ups and recoveries one address (an IPv6 /64) may try at once.
    #[arg(long, env = "HOLDFAST_ATTEMPTS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..), value_name = "NUMBER")]
    pub attempts: u32,

    /// The time after which an address may try once more.
    #[arg(long, env = "HOLDFAST_ATTEMPTS_EVERY", default_value = "3s", value_parser = duration, value_name = "DURATION")]
    pub attempts_every: Duration,

    /// How many passwords are computed at once. Each computation has 19 MiB of its own. If
    /// this is not set, it is the number of cores less one, and at most 8.
    #[arg(long, env = "HOLDFAST_PASSWORD_THREADS", value_parser = clap::value_parser!(u16).range(1..=256), value_name = "NUMBER")]
    pub password_threads: Option<u16>,

    /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`), or levels by
    /// module, separated by commas. No level logs secrets.
    #[arg(long, env = "HOLDFAST_LOG", default_value = "info,sqlx=warn,h2=error", value_parser = log_filter, value_name = "FILTER")]
    pub log: String,

    /// How log lines are written.
    #[arg(
        long,
        env = "HOLDFAST_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
}

/// How slow a client may be. The defaults are right for browsers on bad networks, and
/// `docs/operations.md` says when to change them.
#[derive(Debug, Clone, Copy, Args)]
pub struct SlownessArgs {
    /// The time from the first byte of a request until its header is complete.
    #[arg(long, env = "HOLDFAST_HEADER_LIMIT", default_value = "10s", value_parser = duration)]
    pub header_limit: Duration,

    /// The time from the header of a request until its body is complete.
    #[arg(long, env = "HOLDFAST_BODY_LIMIT", default_value = "10s", value_parser = duration)]
    pub body_limit: Duration,

    /// How long a connection stays open without a request.
    #[arg(long, env = "HOLDFAST_IDLE_LIMIT", default_value = "75s", value_parser = duration)]
    pub idle_limit: Duration,

    /// How long a client may take for the next bytes of an answer.
    #[arg(long, env = "HOLDFAST_WRITE_LIMIT", default_value = "20s", value_parser = duration)]
    pub write_limit: Duration,

    /// How long a request and its answer may take together.
    #[arg(long, env = "HOLDFAST_EXCHANGE_LIMIT", default_value = "5m", value_parser = duration)]
    pub exchange_limit: Duration,
}

impl ServeArgs {
    /// The master secret, from the variable or the file.
    ///
    /// # Errors
    /// When both are set, or the file cannot be read.
    pub fn secret(&self) -> anyhow::Result<Option<Secret>> {
        given(
            "HOLDFAST_SECRET",
            self.secret.as_ref(),
            self.secret_file.as_deref(),
        )
    }

    /// The master secrets that are also accepted, from the variable or the file.
    ///
    /// # Errors
    /// When both are set, or the file cannot be read.
    pub fn previous_secrets(&self) -> anyhow::Result<Vec<Secret>> {
        let secrets = given(
            "HOLDFAST_SECRET_PREVIOUS",
            self.secret_previous.as_ref(),
            self.secret_previous_file.as_deref(),
        )?;
        let Some(secrets) = secrets else {
            return Ok(Vec::new());
        };
        let separate = secrets.expose().split([',', '\n']).map(str::trim);
        Ok(separate
            .filter(|one| !one.is_empty())
            .map(Secret::from)
            .collect())
    }

    /// Uses this master secret. Call it only if [`ServeArgs::secret`] has none.
    pub fn set_secret(&mut self, secret: &MasterSecret) {
        self.secret = Some(Secret::from(secret.encode().as_str()));
    }

    /// The limits of clients' connections.
    pub fn connection_limits(&self) -> connections::ConnectionLimits {
        connections::ConnectionLimits {
            most: usize::try_from(self.connections).unwrap_or(usize::MAX),
            header: self.slowness.header_limit,
            body: self.slowness.body_limit,
            idle: self.slowness.idle_limit,
            write: self.slowness.write_limit,
            exchange: self.slowness.exchange_limit,
        }
    }
}

/// The settings of the database.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// Hidden: it may contain a password, and every user who may list the processes of a
    /// machine can read their flags.
    #[arg(long, env = "DATABASE_URL", hide = true, hide_env_values = true, value_parser = unchecked)]
    database_url: Option<Secret>,

    /// A file with the URL of the Postgres to use. Or set the variable DATABASE_URL to the
    /// URL itself. Without either, a private Postgres is started.
    #[arg(long, env = "DATABASE_URL_FILE", value_name = "FILE")]
    database_url_file: Option<PathBuf>,

    /// Hidden, like the flag above.
    #[arg(long, env = "DATABASE_DIRECT_URL", hide = true, hide_env_values = true, value_parser = unchecked)]
    database_direct_url: Option<Secret>,

    /// A file with the URL of the same database without a pooler, needed if DATABASE_URL is
    /// a pooler's (PgBouncer in transaction mode). Migrations, notifications and the reads
    /// of every second use it. Or set the variable DATABASE_DIRECT_URL to the URL itself.
    #[arg(long, env = "DATABASE_DIRECT_URL_FILE", value_name = "FILE")]
    database_direct_url_file: Option<PathBuf>,

    /// Start the private Postgres although a setting suggests another database: a master
    /// secret is set, or the server listens beyond this machine.
    #[arg(long, env = "HOLDFAST_PRIVATE_POSTGRES", value_parser = on_or_off)]
    pub private_postgres: bool,

    /// The schema that Holdfast makes for its tables. Earlier versions made the tables where the
    /// `search_path` of the role leads, usually in `public`. In such a database they stay there.
    #[arg(long, env = "HOLDFAST_SCHEMA", default_value_t = Schema::default(), value_name = "NAME")]
    pub schema: Schema,

    /// The directory of the private Postgres and its secret.
    #[arg(
        long,
        env = "HOLDFAST_DATA_DIR",
        default_value = ".holdfast",
        value_name = "DIRECTORY"
    )]
    pub data_dir: PathBuf,
}

impl DatabaseArgs {
    /// The URL of the operator's Postgres, from the variable or the file.
    ///
    /// # Errors
    /// When both are set, or the file cannot be read.
    pub fn url(&self) -> anyhow::Result<Option<Secret>> {
        given(
            "DATABASE_URL",
            self.database_url.as_ref(),
            self.database_url_file.as_deref(),
        )
    }

    /// The URL of the same database without a pooler, from the variable or the file.
    ///
    /// # Errors
    /// When both are set, or the file cannot be read.
    pub fn direct_url(&self) -> anyhow::Result<Option<Secret>> {
        given(
            "DATABASE_DIRECT_URL",
            self.database_direct_url.as_ref(),
            self.database_direct_url_file.as_deref(),
        )
    }

    /// The address of the operator's Postgres; `None` if no setting names one.
    ///
    /// # Errors
    /// When both settings are set, the file cannot be read, or it is not a URL of Postgres.
    pub fn address(&self) -> anyhow::Result<Option<PgConnectOptions>> {
        let url = self.url()?;
        url.map(|url| parse("DATABASE_URL", &url)).transpose()
    }

    /// The address without a pooler.
    pub(crate) fn direct_address(&self) -> anyhow::Result<Option<PgConnectOptions>> {
        let url = self.direct_url()?;
        url.map(|url| parse("DATABASE_DIRECT_URL", &url))
            .transpose()
    }
}

/// A secret setting: from its variable, or from the file that its `…_FILE` names.
pub(crate) fn given(
    variable: &str,
    value: Option<&Secret>,
    file: Option<&Path>,
) -> anyhow::Result<Option<Secret>> {
    match (value, file) {
        (Some(_), Some(_)) => {
            anyhow::bail!("{variable} and {variable}_FILE are both set. Set one of them.")
        }
        (value, None) => Ok(value.cloned()),
        (None, Some(path)) => {
            let shown = path.display();
            let text = std::fs::read_to_string(path)
                .map(Zeroizing::new)
                .with_context(|| format!("cannot read {shown} ({variable}_FILE)"))?;
            let text = text.trim();
            anyhow::ensure!(!text.is_empty(), "{shown} is empty ({variable}_FILE).");
            Ok(Some(Secret::from(text)))
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// The address at which `cargo leptos watch` expects the server, else port 3000 of this
/// machine. A setting of the operator comes before both.
fn default_listen() -> SocketAddr {
    std::env::var("LEPTOS_SITE_ADDR")
        .ok()
        .and_then(|address| address.parse().ok())
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 3000)))
}

/// One core stays free for people who are already signed in. On hosts with many cores,
/// the number is bounded to save memory.
fn password_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    cores.saturating_sub(1).clamp(1, 8)
}

/// Takes a secret without a check. It is checked later, because clap would print it in an
/// error.
pub(crate) fn unchecked(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::from(text))
}

/// A switch. An empty value is the same as no value. A misspelt one must not switch anything on.
fn on_or_off(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "" | "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

/// A header in which proxies name their clients.
fn proxy_header(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName = text
        .parse()
        .map_err(|error: InvalidHeaderName| error.to_string())?;
    client_address::is_of_proxies(&name)?;
    Ok(name)
}

/// Checks a filter of log lines.
fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|_| "write a level, or levels by module such as info,sqlx=warn".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| "write it as a number with a unit, such as 30s, 5m, 12h or 90d".to_owned())?;
    lifetime_is_possible(duration)?;
    Ok(duration)
}

fn lifetime_is_possible(duration: Duration) -> Result<(), String> {
    if duration < Duration::from_secs(1) || duration.subsec_nanos() != 0 {
        return Err("it must be whole seconds, and at least one".to_owned());
    }
    if duration > Duration::from_secs(10 * 365 * 24 * 60 * 60) {
        return Err("it can be at most ten years".to_owned());
    }
    Ok(())
}

/// A duration, or zero.
fn delay(text: &str) -> Result<Duration, String> {
    if text == "0" || text == "0s" {
        return Ok(Duration::ZERO);
    }
    duration(text)
}

/// The address of this service, as a browser writes it. It is compared as text, and the first one
/// claims the database. So it must not be another way to write the address, or an address that no
/// browser can open.
pub(crate) fn issuer(text: &str) -> Result<String, String> {
    let issuer = previous_issuer(text)?;
    // Earlier releases accepted other forms.
    is_written_as_browsers_do(&issuer).map_err(|why| {
        format!(
            "{why}; if servers run with this issuer already, read \"Changing lifetimes and the issuer\" in docs/operations.md before you upgrade them"
        )
    })?;
    Ok(issuer)
}

fn is_written_as_browsers_do(issuer: &str) -> Result<(), String> {
    let (scheme, rest) = issuer.split_once("://").unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if scheme.contains(|c: char| c.is_ascii_uppercase())
        || authority.contains(|c: char| c.is_ascii_uppercase())
    {
        return Err("write the scheme and the host in lower case".to_owned());
    }
    // The colons of an IPv6 address are in brackets.
    let after_host = match authority.rfind(']') {
        Some(end) => &authority[end + 1..],
        None => &authority[authority.find(':').unwrap_or(authority.len())..],
    };
    let is_port = |port: &str| {
        let number = port.parse::<u16>().ok().filter(|number| *number != 0);
        number.is_some_and(|number| number.to_string() == port)
    };
    if authority.len() == after_host.len()
        || !after_host.is_empty() && !after_host.strip_prefix(':').is_some_and(is_port)
    {
        return Err("it must have a host, and a port from 1 to 65535 or none".to_owned());
    }
    if matches!((scheme, after_host), ("https", ":443") | ("http", ":80")) {
        return Err("leave out the port, as browsers do: it is the usual one".to_owned());
    }
    let segment_is_plain = |segment: &str| {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        !["", ".", ".."].contains(&dots.as_str())
    };
    if path.contains('\\') || !path.split('/').skip(1).all(segment_is_plain) {
        return Err(
            "its path must have no empty part, no dots as a part and no backslash".to_owned(),
        );
    }
    Ok(())
}

/// An https URL. Plain http is only allowed for a browser on this machine, because
/// passwords and tokens are sent to it.
fn previous_issuer(text: &str) -> Result<String, String> {
    const WHAT: &str = "it must be an http or https URL without query and fragment";
    let uri: Uri = text.parse().map_err(|_| WHAT)?;
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(WHAT.to_owned());
    };
    let printable = text.chars().all(|c| c.is_ascii_graphic() && c != '"');
    let names_a_person = uri.authority().is_some_and(|a| a.as_str().contains('@'));
    if !printable || names_a_person || text.contains(['?', '#']) {
        return Err(WHAT.to_owned());
    }
    match scheme {
        "https" => {}
        "http" if is_this_machine(host) => {}
        "http" => {
            return Err(
                "it must be https: http is for localhost and other loopback addresses".to_owned(),
            );
        }
        _ => return Err(WHAT.to_owned()),
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Whether browsers treat this host as their own machine.
fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || ip.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// A master secret: at least 32 bytes that an attacker cannot guess.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterSecret(Zeroizing<Vec<u8>>);

impl MasterSecret {
    /// A new one from the system's random generator.
    pub fn generate() -> Self {
        Self(Zeroizing::new(
            crate::random::bytes::<MIN_SECRET_BYTES>().to_vec(),
        ))
    }

    /// Its bytes, for the derivation of keys.
    pub fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    /// The secret as text, for a variable or a file.
    pub fn encode(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&*self.0))
    }
}

impl FromStr for MasterSecret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const HOW: &str = "make one with `holdfast keys new-secret`";
        let bytes = URL_SAFE_NO_PAD
            .decode(text.trim().trim_end_matches('='))
            .map(Zeroizing::new)
            .map_err(|_| format!("a master secret is base64url; {HOW}"))?;
        if bytes.len() < MIN_SECRET_BYTES {
            let length = bytes.len();
            return Err(format!(
                "{length} bytes are too few, {MIN_SECRET_BYTES} are needed; {HOW}"
            ));
        }
        // Random bytes hardly ever repeat. If 32 bytes have fewer than 12 different
        // values, a person has made them up.
        let mut seen = [false; 256];
        bytes
            .iter()
            .for_each(|byte| seen[usize::from(*byte)] = true);
        if seen.iter().filter(|seen| **seen).count() < 12 {
            return Err(format!("this is not random; {HOW}"));
        }
        Ok(Self(bytes))
    }
}

impl std::fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterSecret([redacted])")
    }
}

/// The settings that the rules of the running server need.
#[derive(Debug, Clone)]
pub struct Config {
    /// Issuer and audience of access tokens.
    pub issuer: String,
    /// Previous issuers, whose access tokens are accepted.
    pub issuer_previous: Vec<String>,
    /// How long an access token is valid.
    pub access_token_ttl: Duration,
    /// How long a session lives at most.
    pub refresh_token_ttl: Duration,
    /// How long a session may stay unused.
    pub refresh_idle: Duration,
    /// How long a session lives if the person did not choose to stay signed in.
    pub session_ttl_short: Duration,
    /// How many sessions an account may have.
    pub sessions_per_account: u32,
    /// How long the activity of accounts is kept.
    pub activity_kept: Duration,
    /// The proxies in front of the server.
    pub proxies: Proxies,
    /// How expensive one password hash is.
    pub password_cost: Cost,
    /// How often a client may try a password.
    pub limits: Settings,
}

impl ServeArgs {
    /// Which of these settings suggests a database that is not the private one. If such a
    /// setting is there without a `DATABASE_URL`, the URL was probably lost, and a new, empty
    /// database would sign everybody out.
    pub fn speaks_of_another_database(&self) -> Option<&'static str> {
        let has_secret = self.secret.is_some() || self.secret_file.is_some();
        let has_previous = self.secret_previous.is_some() || self.secret_previous_file.is_some();
        if has_secret || has_previous {
            Some("a master secret is set")
        } else if !self.listen.ip().is_loopback() {
            Some("the server listens beyond this machine")
        } else {
            None
        }
    }
}

impl Config {
    /// Whether browsers reach this service by https.
    pub fn is_https(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// Every issuer whose access tokens are accepted, the current one first.
    pub fn issuers(&self) -> Vec<&str> {
        let previous = self.issuer_previous.iter().map(String::as_str);
        std::iter::once(self.issuer.as_str())
            .chain(previous)
            .collect()
    }

    /// What an instance with this configuration writes about itself into the database.
    ///
    /// The default issuer does not claim a database, and another issuer replaces it: a
    /// first start without `HOLDFAST_ISSUER` must not keep the real issuer out.
    pub fn instance_facts(&self) -> InstanceFacts {
        let mut replaces = self.issuer_previous.clone();
        replaces.push(DEFAULT_ISSUER.to_owned());
        let longest = self.longest_session().as_secs();
        InstanceFacts {
            issuer: Some(self.issuer.clone()).filter(|issuer| issuer != DEFAULT_ISSUER),
            replaces,
            longest_session_seconds: i64::try_from(longest).unwrap_or(i64::MAX),
        }
    }

    /// The longest lifetime of a session.
    pub fn longest_session(&self) -> Duration {
        self.refresh_token_ttl.max(self.session_ttl_short)
    }

    /// Takes the settings of the rules, and checks those that depend on each other.
    ///
    /// # Errors
    /// One sentence about the settings that do not fit.
    pub fn new(args: &ServeArgs) -> anyhow::Result<Self> {
        let config = Self {
            issuer: args.issuer.clone(),
            issuer_previous: args.issuer_previous.clone(),
            access_token_ttl: args.access_token_ttl,
            refresh_token_ttl: args.refresh_token_ttl,
            refresh_idle: args.refresh_idle,
            session_ttl_short: args.session_ttl_short,
            sessions_per_account: args.sessions_per_account,
            activity_kept: args.activity_kept,
            proxies: Proxies::new(args.trusted_proxies.clone(), args.proxy_header.clone()),
            password_cost: Cost::OWASP,
            limits: Settings {
                attempts: args.attempts,
                attempts_every: args.attempts_every,
                password_threads: args
                    .password_threads
                    .map_or_else(password_threads, usize::from),
                reads: reads(args.database_connections),
                ..Settings::DEFAULT
            },
        };
        config.consistent()
    }

    /// The configuration of an instance with `connections` to its database and `lanes` for rotations,
    /// after the checks that the flags of `holdfast serve` make for each setting.
    ///
    /// # Errors
    /// One sentence about a setting that is wrong, or about settings that do not fit.
    pub(crate) fn checked(self, connections: u32, lanes: u32) -> anyhow::Result<Self> {
        let wrong = |setting: &'static str| {
            move |why: String| anyhow::anyhow!("The setting `{setting}` is wrong: {why}.")
        };
        let issuer = issuer(&self.issuer).map_err(wrong("issuer"))?;
        let previous = self
            .issuer_previous
            .iter()
            .map(|text| previous_issuer(text));
        let issuer_previous = previous
            .collect::<Result<_, _>>()
            .map_err(wrong("previous_issuer"))?;
        for (setting, lifetime) in [
            ("access_token_ttl", self.access_token_ttl),
            ("refresh_token_ttl", self.refresh_token_ttl),
            ("refresh_idle", self.refresh_idle),
            ("session_ttl_short", self.session_ttl_short),
            ("activity_kept", self.activity_kept),
        ] {
            lifetime_is_possible(lifetime).map_err(wrong(setting))?;
        }
        in_range(self.sessions_per_account, &POSSIBLE_SESSIONS)
            .map_err(wrong("sessions_per_account"))?;
        in_range(connections, &POSSIBLE_CONNECTIONS).map_err(wrong("database_connections"))?;
        in_range(lanes, &POSSIBLE_LANES).map_err(wrong("rotation_lanes"))?;
        let proxies = self.proxies.checked().map_err(wrong("trusted_proxies"))?;
        let limits = Settings {
            reads: reads(connections),
            ..self.limits
        };
        let config = Self {
            issuer,
            issuer_previous,
            proxies,
            limits,
            ..self
        };
        config.consistent()
    }

    /// Checks the settings that depend on each other.
    fn consistent(self) -> anyhow::Result<Self> {
        anyhow::ensure!(
            self.access_token_ttl <= LONGEST_ACCESS_TOKEN,
            "The lifetime of access tokens ({}) can be at most 1h: until an access token expires, only Holdfast itself learns that its session has ended.",
            Setting::AccessTokenTtl
        );
        anyhow::ensure!(
            self.access_token_ttl <= self.refresh_idle,
            "The time for which a session may stay unused ({}) is shorter than the lifetime of access tokens ({}): a session would be over before its first renewal.",
            Setting::RefreshIdle,
            Setting::AccessTokenTtl
        );
        Ok(Self {
            session_ttl_short: self.session_ttl_short.min(self.refresh_token_ttl),
            ..self
        })
    }
}

/// The defaults of `holdfast serve`.
impl Default for Config {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            issuer: DEFAULT_ISSUER.to_owned(),
            issuer_previous: Vec::new(),
            access_token_ttl: Duration::from_secs(5 * 60),
            refresh_token_ttl: 90 * DAY,
            refresh_idle: 30 * DAY,
            session_ttl_short: DAY / 2,
            sessions_per_account: 50,
            activity_kept: 180 * DAY,
            proxies: Proxies::default(),
            password_cost: Cost::OWASP,
            limits: Settings {
                password_threads: password_threads(),
                reads: reads(DATABASE_CONNECTIONS),
                ..Settings::DEFAULT
            },
        }
    }
}

fn in_range(number: u32, range: &RangeInclusive<i64>) -> Result<(), String> {
    if range.contains(&i64::from(number)) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(format!("{number} is not from {least} to {most}"))
}

/// How many of the connections to the database may read lists: all but four, which are for what
/// changes something.
fn reads(connections: u32) -> usize {
    usize::try_from(connections.saturating_sub(4).max(1)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn parse(args: &[&str]) -> Result<ServeArgs, String> {
        Cli::try_parse_from([&["holdfast"], args].concat())
            .map(|cli| cli.serve)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let config = Config::new(&parse(&[]).unwrap()).unwrap();
        let days = |n: u64| Duration::from_secs(n * 24 * 60 * 60);
        assert_eq!(config.access_token_ttl, Duration::from_secs(300));
        assert_eq!(config.refresh_token_ttl, days(90));
        assert_eq!(config.refresh_idle, days(30));
        assert_eq!(config.session_ttl_short, Duration::from_secs(12 * 60 * 60));
    }

    #[test]
    fn an_application_has_the_same_defaults_as_the_program() {
        let of_program = Config::new(&parse(&[]).unwrap()).unwrap();
        let of_application = Config::default()
            .checked(DATABASE_CONNECTIONS, ROTATION_LANES)
            .unwrap();
        assert_eq!(format!("{of_application:?}"), format!("{of_program:?}"));
    }

    #[test]
    fn a_wrong_setting_of_an_application_is_named() {
        let with = |change: &dyn Fn(&mut Config), connections| {
            let mut config = Config::default();
            change(&mut config);
            config
                .checked(connections, ROTATION_LANES)
                .unwrap_err()
                .to_string()
        };
        let second = Duration::from_secs(1);
        let networks = vec!["0.0.0.0/0".parse().unwrap()];
        let wide = Proxies::new(networks, HeaderName::from_static("forwarded"));
        let of_clients = Proxies::new(Vec::new(), HeaderName::from_static("host"));
        type Change<'a> = &'a dyn Fn(&mut Config);
        let wrong: [(Change, &str); 9] = [
            (
                &|c| c.issuer = "http://id.example".to_owned(),
                "`issuer` is wrong: it must be https",
            ),
            (
                &|c| c.issuer_previous = vec!["id.example".to_owned()],
                "`previous_issuer` is wrong: it must be an http or https URL",
            ),
            (
                &|c| c.refresh_idle = second / 2,
                "`refresh_idle` is wrong: it must be whole seconds",
            ),
            (
                &|c| c.refresh_token_ttl = 400_000_000 * second,
                "`refresh_token_ttl` is wrong: it can be at most ten years",
            ),
            (
                &|c| c.sessions_per_account = 0,
                "`sessions_per_account` is wrong: 0 is not from 1 to 10000",
            ),
            (&|c| c.access_token_ttl = 7200 * second, "at most 1h"),
            (&|c| c.refresh_idle = 2 * second, "before its first renewal"),
            (
                &|c| c.proxies = wide.clone(),
                "`trusted_proxies` is wrong: 0.0.0.0/0 is too wide",
            ),
            (
                &|c| c.proxies = of_clients.clone(),
                "`trusted_proxies` is wrong: clients write this header",
            ),
        ];
        for (change, sentence) in wrong {
            let error = with(change, 16);
            assert!(error.contains(sentence), "{error}");
        }
        // A network of IPv4 addresses that is written as IPv6 counts as the network of IPv4.
        let mapped = vec!["::ffff:10.0.0.0/104".parse().unwrap()];
        let mapped = Proxies::new(mapped, HeaderName::from_static("forwarded"));
        let config = Config {
            proxies: mapped,
            ..Config::default()
        };
        let proxies = config.checked(16, ROTATION_LANES).unwrap().proxies;
        assert!(proxies.trusts("10.1.2.3".parse().unwrap()));

        let error = with(&|_| (), 1);
        assert!(
            error.contains("`database_connections` is wrong: 1 is not"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_value_stops_the_start_with_a_sentence() {
        for (args, sentence) in [
            (["--access-token-ttl", "5"], "such as 30s, 5m"),
            (["--access-token-ttl", "10ms"], "whole seconds"),
            (["--issuer", "id.example"], "http or https URL"),
            (["--listen", "here"], "invalid socket address"),
            (["--log", "sqlx=loud"], "levels by module"),
            (["--trusted-proxies", "10.0.0.0/8,::/0"], "too wide"),
            (["--trusted-proxies", "2"], "networks such as"),
            (["--proxy-header", "not a name"], "invalid HTTP header name"),
            (["--proxy-header", "Host"], "clients write this header"),
            (
                ["--proxy-header", "user-agent"],
                "clients write this header",
            ),
        ] {
            let error = parse(&args).unwrap_err();
            assert!(error.contains(sentence), "{args:?}: {error}");
        }
        let contradiction = parse(&["--refresh-idle", "1m"]).unwrap();
        assert!(Config::new(&contradiction).is_err());
        let too_long = parse(&["--access-token-ttl", "2h"]).unwrap();
        assert!(Config::new(&too_long).is_err());
    }

    #[test]
    fn a_misspelt_switch_switches_nothing_on() {
        for (text, expected) in [
            ("true", Ok(true)),
            ("Yes", Ok(true)),
            ("1", Ok(true)),
            ("", Ok(false)),
            ("false", Ok(false)),
            ("off", Ok(false)),
            ("maybe", Err("write true or false".to_owned())),
            ("2", Err("write true or false".to_owned())),
        ] {
            assert_eq!(on_or_off(text), expected, "{text:?}");
        }
        let args = parse(&["--no-migrate", "--private-postgres"]).unwrap();
        assert!(args.no_migrate && args.database.private_postgres);
        let args = parse(&[]).unwrap();
        assert!(!args.no_migrate && !args.database.private_postgres);
    }

    #[test]
    fn a_secret_comes_from_its_variable_or_from_a_file() {
        let directory = std::env::temp_dir().join(format!("holdfast-given-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (one, two) = (
            file("one", "first\n"),
            file("two", "second, third\nfourth\n"),
        );
        let (url, empty) = (
            file("url", "postgres://ada:hunter2@db/x\n"),
            file("empty", "\n"),
        );

        let args = parse(&[
            "--secret-file",
            &one,
            "--secret-previous-file",
            &two,
            "--database-url-file",
            &url,
        ])
        .unwrap();
        assert_eq!(args.secret().unwrap(), Some(Secret::from("first")));
        let previous = args.previous_secrets().unwrap();
        assert_eq!(previous, ["second", "third", "fourth"].map(Secret::from));
        let url = args.database.url().unwrap().unwrap();
        assert_eq!(url.expose(), "postgres://ada:hunter2@db/x");
        assert!(!format!("{args:?}").contains("hunter2"));

        let both = parse(&["--secret", "first", "--secret-file", &one]).unwrap();
        let error = both.secret().unwrap_err().to_string();
        assert!(error.contains("both set"), "{error}");
        for path in [empty.as_str(), "/nowhere/at/all"] {
            let unreadable = parse(&["--secret-file", path]).unwrap();
            let error = unreadable.secret().unwrap_err().to_string();
            assert!(
                error.contains(path) && error.contains("HOLDFAST_SECRET_FILE"),
                "{error}"
            );
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn help_names_every_variable_of_a_secret_and_no_flag_for_it() {
        use clap::CommandFactory as _;
        let help = Cli::command().render_long_help().to_string();
        for variable in [
            "HOLDFAST_SECRET ",
            "HOLDFAST_SECRET_FILE",
            "HOLDFAST_SECRET_PREVIOUS ",
            "HOLDFAST_SECRET_PREVIOUS_FILE",
            "DATABASE_URL ",
            "DATABASE_URL_FILE",
            "DATABASE_DIRECT_URL ",
            "DATABASE_DIRECT_URL_FILE",
            "HOLDFAST_LOG=",
        ] {
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(help.contains(variable), "{variable} is missing in: {help}");
        }
        for flag in [
            "--secret ",
            "--secret-previous ",
            "--database-url ",
            "--database-direct-url ",
        ] {
            assert!(!help.contains(flag), "{flag} is in: {help}");
        }
    }

    #[test]
    fn an_issuer_that_is_not_this_machine_must_be_https() {
        for url in [
            "https://id.example",
            "https://id.example/auth",
            "http://localhost:3000",
            "http://holdfast.localhost",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
        ] {
            assert_eq!(issuer(url).as_deref(), Ok(url));
        }
        assert_eq!(issuer("https://id.example/").unwrap(), "https://id.example");
        for url in ["https://id.example:8443", "http://localhost:1/a/b"] {
            assert_eq!(issuer(url).as_deref(), Ok(url));
        }
        // A browser writes each of these addresses in another way, or cannot open it.
        for url in [
            "https://ID.Example",
            "HTTPS://id.example",
            "https://id.example:",
            "https://id.example:0",
            "https://id.example:99999",
            "https://id.example:0443",
            "https://id.example:443",
            "http://localhost:80",
            "https://id.example/../x",
            "https://id.example/a/./b",
            "https://id.example/a/%2E%2e/b",
            "https://id.example/a//b",
            "https://id.example/a\\b",
            "https://:443",
        ] {
            let why = issuer(url).unwrap_err();
            assert!(why.contains("before you upgrade"), "{url}: {why}");
        }
        // An issuer that was accepted before can be named as a previous one.
        let before = ["https://ID.Example", "https://id.example:443"];
        let args = parse(&["--issuer-previous", &before.join(",")]).unwrap();
        assert_eq!(args.issuer_previous, before);
        for url in [
            "http://id.example",
            "http://10.0.0.1",
            "http://localhost.example",
        ] {
            assert!(issuer(url).unwrap_err().contains("must be https"), "{url}");
        }
        for url in [
            "https://",
            "ftp://id.example",
            "https://a@id.example",
            "https://id.example?a",
        ] {
            assert!(issuer(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_weak_secret_is_refused_and_not_repeated() {
        for (text, sentence) in [
            ("not base64url!", "is base64url"),
            ("aHVudGVyMg", "7 bytes are too few, 32 are needed"),
            ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "not random"),
        ] {
            let error = text.parse::<MasterSecret>().unwrap_err();
            assert!(error.contains(sentence), "{error}");
            assert!(!error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_made_secret_is_accepted_and_does_not_print() {
        let secret = MasterSecret::generate();
        assert_eq!(secret.encode().parse::<MasterSecret>().unwrap(), secret);
        assert_eq!(format!("{secret:?}"), "MasterSecret([redacted])");
    }
}
