//! Counters for the operator, such as the answers to refreshes and sign-ins, in the text
//! format of OpenMetrics.
//!
//! They have an address of their own (`HOLDFAST_METRICS_LISTEN`), which is off by default:
//! only the operator may know how many sessions were stolen.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use holdfast_protocol::problem::Code;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::endings::EndedSessions;
use crate::error::ApiError;
use crate::events::EventQueue;
use crate::limits::Limits;
use crate::setting::Setting;
use crate::store::Pool;

/// The counters of one instance. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    refreshes: Family<Answer, Counter>,
    sign_ins: Family<Answer, Counter>,
    recoveries: Family<Answer, Counter>,
    through_unknown_proxies: Counter,
    connections: ConnectionCounts,
}

/// The connections of clients. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct ConnectionCounts {
    open: Gauge,
    closed: Family<Why, Counter>,
}

/// Why a connection was closed.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Why {
    reason: &'static str,
}

impl ConnectionCounts {
    /// Counts a connection that was accepted.
    pub fn opened(&self) {
        self.open.inc();
    }

    /// Counts a connection that was closed for this reason.
    pub fn closed(&self, reason: &'static str) {
        self.open.dec();
        self.closed.get_or_create(&Why { reason }).inc();
    }

    /// How many are open.
    pub fn open(&self) -> i64 {
        self.open.get()
    }

    /// How many were closed for this reason.
    pub fn closed_for(&self, reason: &'static str) -> u64 {
        self.closed.get_or_create(&Why { reason }).get()
    }
}

/// How a request was answered: one of about a dozen fixed words, never anything that a
/// client sent.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answer {
    answer: &'static str,
}

impl Metrics {
    /// Counts a refresh: `rotated`, `rotated_forward`, `repeated`, or the code of the
    /// error.
    pub fn refreshed(&self, answer: Result<&'static str, &ApiError>) {
        count(&self.refreshes, answer);
    }

    /// Counts a sign-in: `signed_in`, or the code of the error.
    pub fn signed_in(&self, answer: Result<(), &ApiError>) {
        count(&self.sign_ins, answer.map(|()| "signed_in"));
    }

    /// Counts a recovery with a code: `recovered`, `repeated`, or the code of the error.
    pub fn recovered(&self, answer: Result<&'static str, &ApiError>) {
        count(&self.recoveries, answer);
    }

    /// The connections of clients.
    pub fn connections(&self) -> ConnectionCounts {
        self.connections.clone()
    }

    /// Counts a request whose client's address is hidden behind a proxy that was not
    /// named. Only the first one logs a warning; after that an operator sees the count.
    pub fn came_through_unknown_proxy(&self, proxy: IpAddr) {
        if self.through_unknown_proxies.inc() == 0 {
            tracing::warn!(proxy.address = %proxy, "Requests come through a proxy, and the server cannot read the clients' addresses. All these clients take turns as one address, with half of the places for sign-ins, and have no limit of attempts by address. Set the proxy's network with {}, and the header in which it writes the client's address with {}.", Setting::TrustedProxies, Setting::ProxyHeader);
        }
    }
}

fn count(counters: &Family<Answer, Counter>, answer: Result<&'static str, &ApiError>) {
    let answer = answer.unwrap_or_else(|error| {
        let code = error.code();
        let known = Code::ALL.iter().find(|known| **known == code);
        known.map_or("other", Code::as_str)
    });
    counters.get_or_create(&Answer { answer }).inc();
}

/// Values that are read when the metrics are requested.
#[derive(Debug)]
struct Gauges {
    ended: EndedSessions,
    events: EventQueue,
    pool: Pool,
    limits: Limits,
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name, help, value: usize| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(encoder)
        };
        gauge(
            "ended_sessions_remembered",
            "Sessions whose access tokens are refused although they have not expired",
            self.ended.len(),
        )?;
        if let Some(age) = self.ended.since_read() {
            gauge(
                "ended_sessions_read_age_seconds",
                "Seconds since the ended sessions were last read from the database",
                usize::try_from(age.as_secs()).unwrap_or(usize::MAX),
            )?;
        }
        gauge(
            "events_dropped",
            "Events that were not written, because too many were waiting",
            usize::try_from(self.events.dropped()).unwrap_or(usize::MAX),
        )?;
        gauge(
            "database_connections",
            "Connections to the database, in use or not",
            self.pool.len(),
        )?;
        gauge(
            "password_queue",
            "Sign-ins and sign-ups that wait for their password to be computed",
            self.limits.waiting(),
        )?;
        gauge(
            "limited_addresses",
            "Addresses that have tried to sign in or sign up lately; beyond 200,000 the networks of new addresses",
            self.limits.addresses(),
        )
    }
}

/// The service that answers `GET /metrics`.
pub fn router(
    metrics: &Metrics,
    ended: EndedSessions,
    events: EventQueue,
    pool: Pool,
    limits: Limits,
) -> Router {
    let mut registry = Registry::with_prefix("holdfast");
    registry.register(
        "refreshes",
        "Refreshes, by how they were answered",
        metrics.refreshes.clone(),
    );
    registry.register(
        "sign_ins",
        "Sign-ins, by how they were answered",
        metrics.sign_ins.clone(),
    );
    registry.register(
        "recoveries",
        "Recoveries with a code, by how they were answered",
        metrics.recoveries.clone(),
    );
    registry.register(
        "requests_through_unknown_proxies",
        "Requests whose client's address is hidden behind a proxy that was not named",
        metrics.through_unknown_proxies.clone(),
    );
    registry.register(
        "connections",
        "Connections of clients that are open",
        metrics.connections.open.clone(),
    );
    registry.register(
        "connections_closed",
        "Connections of clients that were closed, by the reason",
        metrics.connections.closed.clone(),
    );
    registry.register(
        "refused_attempts",
        "Attempts that were refused, by the limit that refused them",
        limits.refusals(),
    );
    registry.register_collector(Box::new(Gauges {
        ended,
        events,
        pool,
        limits,
    }));
    Router::new()
        .route("/metrics", get(show))
        .with_state(Arc::new(registry))
}

async fn show(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
