//! Tests with real server processes: two or more instances of `holdfast serve` on one Postgres.
//! The tests break everything between browser and database that can break.
//!
//! Tests are named after their bar: a promise that another system with refresh tokens did not
//! keep.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use holdfast_testkit as support;

mod account_command;
mod database_faults;
mod deaf;
mod doctor;
mod endings;
mod expiry;
mod failover;
mod floods;
mod forged;
mod growth;
mod issuer_change;
mod late_requests;
mod leak;
mod lost_answers;
mod moved_database;
mod password_change;
mod pooler;
mod private_postgres;
mod races;
mod secret_change;
mod server_faults;
mod site;
mod slow_clients;
mod stopping;
mod theft;
mod upgrades;
mod wrong_database;
