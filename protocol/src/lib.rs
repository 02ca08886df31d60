//! The rules of Holdfast, shared by the server and the browser.
//!
//! No code here does I/O, reads a clock or draws a random number. A rule gets what it
//! needs as arguments, so every rule can be tested as a table.
//!
//! # The terms
//!
//! - An **account** signs in. A **session** is one sign-in on one browser. It owns a chain of
//!   **refresh tokens**; the number of a link in that chain is its **generation**.
//! - To **rotate** is to replace the current refresh token by its successor. The old token is then
//!   **spent**.
//! - An **attempt key** is the random `Idempotency-Key` that the client makes for one refresh and
//!   stores *before* it sends anything. The server stores a **mark** of the key.
//! - A **repeat**: a client presents the same refresh token with the same attempt key again.
//! - A **conflict**: a client presents a spent token, and a race or a late duplicate is the reason.
//!   Nothing changes.
//! - **Reuse**: a client presents a genuine, spent token for no known reason. The session **ends**.
//! - A **forward rotation**: a client presents a token that is newer than the row, because the
//!   database has lost its last commits. The server replaces the row by the successor of this token.
//!   For each generation that the row never had, it stores a **blank** instead of a mark.
//! - An **ending** is the end of a session, for any reason.
//!
//! The client has more terms: life, epoch, era, place, order and leave. See [`renewal`].
//!
//! # The flow
//!
//! 1. A protected call without a valid access token is answered 401
//!    ([`problem::Code::AccessTokenMissing`]).
//! 2. The person signs in with username and password ([`wire::LoginRequest`]).
//! 3. The server answers with [`wire::Tokens`]: a short-lived access token, which
//!    it never stores, and a refresh token, of which it stores a hash.
//! 4. The browser keeps both in its storage.
//! 5. Every call carries the access token; the server verifies it without a query.
//! 6. Once the access token has expired, the browser presents its refresh token.
//! 7. The server decides ([`rotation::decide`]) and rotates: it makes a new token with
//!    the same expiration date.
//! 8. The browser stores the new pair and sends the call with the new access token.
//!    It repeats a call only if the server refused the access token of that call.
//!    The person notices nothing.
//! 9. Logout deletes the refresh token on both sides.
//! 10. The server refuses an expired or invalid refresh token, and the browser clears
//!     its storage.
//!
//! # Where to read on
//!
//! [`refresh_token`] is the token's format, [`rotation`] the server's decision,
//! [`renewal`] the client's decision, [`wire`] the requests and answers, [`problem`]
//! what each error means to a client, and [`cause`] what a page can tell a person about it.
//! [`username`] and [`password`] say which names and passwords a new account may have, and
//! [`session_name`] which names a person may give to their browsers. [`recovery_code`] is the
//! format of the code that gives an account back to a person who lost the password.

pub mod attempt_key;
pub mod cause;
pub mod hexadecimal;
pub mod password;
pub mod problem;
pub mod recovery_code;
pub mod refresh_token;
pub mod renewal;
pub mod rotation;
pub mod secret;
pub mod session_name;
pub mod username;
pub mod wire;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
