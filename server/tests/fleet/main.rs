//! The sessions as real server processes keep them: two or more instances of
//! `holdfast serve` on one Postgres, and everything between browser and database that
//! can break, broken on purpose.
//!
//! Tests are named after the bar that they hold: a complaint of people who use another
//! refresh-token system today.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod support;

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
mod password_change;
mod pooler;
mod races;
mod secret_change;
mod server_faults;
mod slow_clients;
mod stopping;
mod theft;
mod upgrades;
mod wrong_database;
