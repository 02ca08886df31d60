//! The API from outside, one file for each verb. The tests call the router without a port,
//! each test has a database of its own, and they move the clock themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use holdfast_testkit::app as support;

mod account;
mod account_data;
mod activity;
mod added_claims;
mod bad_input;
mod closed_sets;
mod confirming;
mod connections;
mod diagnosis;
mod disabled;
mod embedded;
mod ended_sessions;
mod guide;
mod headers;
mod health;
mod keys;
mod known_browsers;
mod lanes;
mod language;
mod leaks;
mod lifetimes;
mod limits;
mod lock_order;
mod login;
mod logout;
mod metrics;
mod notices;
mod oauth;
mod openapi;
mod password;
mod password_estimate;
mod pool;
mod proxies;
mod recover;
mod recovery_code;
mod refresh;
mod refresh_races;
mod reset_link;
mod security_log;
mod server_functions;
mod serving;
mod session_name;
mod session_row;
mod sessions;
mod signup;
mod sweep;
mod timing;
mod username;
mod wrong_database;
