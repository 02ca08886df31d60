//! Serves the router of an application as `holdfast serve` does: slow clients have limits, and a stop
//! finishes the requests that are under way.
//!
//! `axum::serve` is enough behind a proxy that has such limits.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use axum::Router;
//! use holdfast_server::Holdfast;
//! use holdfast_server::serving::{ConnectionLimits, listen};
//!
//! # async fn example(holdfast: Holdfast, application: Router) -> anyhow::Result<()> {
//! use tokio::signal::unix::{SignalKind, signal};
//!
//! let operator = listen("127.0.0.1:9000".parse()?)?;
//! holdfast.serve_metrics(operator)?;
//! let listener = listen("0.0.0.0:3000".parse()?)?;
//! let mut terminate = signal(SignalKind::terminate())?;
//! let stop = async {
//!     tokio::select! {
//!         // A person has pressed Ctrl-C.
//!         _ = tokio::signal::ctrl_c() => {}
//!         // A supervisor stops the program. Its balancer needs time to notice that the instance is
//!         // not ready any more.
//!         _ = terminate.recv() => {
//!             holdfast.stops_soon();
//!             tokio::time::sleep(Duration::from_secs(5)).await;
//!         }
//!     }
//! };
//! let limits = ConnectionLimits::default();
//! holdfast.serve(listener, application, limits, stop).await?;
//! # Ok(())
//! # }
//! ```

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::anyhow;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::client_address::Proxies;
use crate::connections;
use crate::http::answer_errors::{LONGEST, LONGEST_WORK};
use crate::keys::Obstacle;
use crate::metrics::{self, ConnectionCounts};
use crate::state::Holdfast;

pub use crate::connections::{ConnectionLimits, listen};

/// How long requests may take to finish after the server has stopped listening. This is longer than
/// a request and the work that goes on after it may take together.
const SHUTDOWN: Duration = Duration::from_secs(LONGEST.as_secs() + LONGEST_WORK.as_secs() + 2);

/// The connections that may be open to the metrics.
const TO_METRICS: usize = 64;

impl Holdfast {
    /// Serves the application's router until `stop` is done. Then it accepts no new connections,
    /// answers the requests that are under way, finishes the work that goes on after its client has
    /// gone, and stops the instance as [`Holdfast::stop`] does. After 32 seconds it gives up the
    /// requests that have not finished.
    ///
    /// Call it once, because it stops the instance at its end. If its future is dropped, call
    /// [`Holdfast::stop`]. The router gets the addresses of clients (`ConnectInfo<SocketAddr>`). Take a
    /// listener from [`listen`], which bounds the memory for clients that do not read. If the limit of
    /// open files is too low for `limits.most` connections, it accepts fewer, and the log says so.
    ///
    /// # Errors
    /// If the master secret of this instance is forbidden after a leak: the instance has to stop at
    /// once.
    pub async fn serve(
        &self,
        listener: TcpListener,
        application: Router,
        limits: ConnectionLimits,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let wanted = u32::try_from(limits.most).unwrap_or(u32::MAX);
        let limits = ConnectionLimits {
            most: connections::most_connections(wanted, self.database_connections),
            ..limits
        };
        let (closing, closed) = oneshot::channel();
        let stop = async {
            stop.await;
            tracing::info!("Stopping: finishing the requests that are under way.");
            let _ = closing.send(());
        };
        let serving = async {
            let proxies = self.config.proxies.clone();
            let counts = self.metrics.connections();
            connections::serve(listener, application, limits, proxies, counts, stop).await;
            self.stopping.finished().await;
        };
        let served = tokio::select! {
            () = serving => Ok(()),
            () = self.keys.until_forbidden() => Err(anyhow!("{}.", Obstacle::Forbidden)),
            // A request that hangs must not keep the server alive for ever.
            () = async { let _ = closed.await; sleep(SHUTDOWN).await } => {
                tracing::warn!("Some requests did not finish in time.");
                Ok(())
            }
        };
        self.release().await;
        served
    }

    /// Serves [`Holdfast::metrics_routes`] on a listener of their own until the instance stops. Returns
    /// its address.
    ///
    /// # Errors
    /// If the listener has no address.
    pub fn serve_metrics(&self, listener: TcpListener) -> io::Result<SocketAddr> {
        let address = listener.local_addr()?;
        let limits = ConnectionLimits {
            most: TO_METRICS,
            ..ConnectionLimits::default()
        };
        let never = std::future::pending();
        let (proxies, counts) = (Proxies::default(), ConnectionCounts::default());
        let routes = self.metrics_routes();
        self.background.spawn(connections::serve(
            listener, routes, limits, proxies, counts, never,
        ));
        Ok(address)
    }

    /// `GET /metrics`: the counters of this instance, in the text format of OpenMetrics. They tell how
    /// many sessions were stolen, so only operators may reach them.
    pub fn metrics_routes(&self) -> Router {
        let (ended, events) = (self.ended.clone(), self.events.clone());
        let (pool, limits) = (self.pool.clone(), self.limits.clone());
        metrics::router(&self.metrics, ended, events, pool, limits)
    }
}
