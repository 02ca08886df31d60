//! The API from outside, one file a verb: the router without a port, a database of
//! its own for every test, the clock moved by hand.

mod support;

mod account;
mod activity;
mod bad_input;
mod ended_sessions;
mod health;
mod login;
mod logout;
mod password;
mod refresh;
mod refresh_races;
mod sessions;
mod signup;
mod sweep;
