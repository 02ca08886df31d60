//! Starts servers, sends HTTP requests, and breaks the connections between them.
//!
//! Three kinds of programs share this crate:
//! - the tests of one service call its router without a port ([`app`]);
//! - the tests of a [`Fleet`] start server processes on one Postgres, and put a [`FaultProxy`], a
//!   [`DatabaseLink`] or a [`Pooler`] in between;
//! - the programs of this package, the soak and the benches, start the same [`Server`] and send
//!   over the same [`Connection`].

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

pub mod answer;
pub mod app;
pub mod bench;
mod browser;
mod chain;
mod cluster;
pub mod cpu;
mod database;
mod database_link;
mod fault_proxy;
mod fleet;
mod http;
mod instance;
mod load;
pub mod pgbench;
mod places;
mod pooler;
mod random;
mod server;
mod settings;
mod tokens;
mod under_way;
mod until;

pub use answer::Answer;
pub use browser::{Browser, Renewal};
pub use chain::{Chain, Rotated};
pub use cluster::Cluster;
pub use database::migrate;
pub use database_link::DatabaseLink;
pub use fault_proxy::{Fault, FaultProxy};
pub use fleet::{Fleet, some_client};
pub use http::{Connection, Http, NoAnswer};
pub use instance::{Ended, Instance};
pub use load::{Load, Tally};
pub use places::{named_program, program};
pub use pooler::Pooler;
pub use random::Random;
pub use server::{Server, variable};
pub use settings::Settings;
pub use tokens::{PASSWORD, generation, new_key};
pub use under_way::{Held, UnderWay};
pub use until::until;
