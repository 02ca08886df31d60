//! The rules of Holdfast, shared by the server and the browser.
//!
//! Nothing here does I/O, asks a clock or draws a random number: what a rule
//! needs comes in as an argument, so every rule can be tested as a table.
//!
//! # The words
//!
//! An **account** signs in. A **session** is one sign-in on one browser; it owns
//! a chain of **refresh tokens**, and the number of a link in that chain is its
//! **generation**. To **rotate** is to replace the current refresh token by its
//! successor. An **attempt key** is the random `Idempotency-Key` that the client
//! makes for one refresh and stores *before* it sends anything. A **repeat** is
//! the same refresh token with the same attempt key again. A **conflict** is a
//! spent token that a race or a late duplicate explains. **Reuse** is a genuine,
//! spent token that nothing explains: the session **ends**.
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
//! 7. The server decides ([`rotation::decide`]) and rotates: a new token, the same
//!    expiration date.
//! 8. The browser stores the new pair and repeats the failed call; nobody notices.
//! 9. Logout deletes the refresh token on both sides.
//! 10. An expired or invalid refresh token is refused, and the browser clears its
//!     storage.
//!
//! # Where to read on
//!
//! [`refresh_token`] is the token's format, [`rotation`] the server's decision,
//! [`renewal`] the client's,
//! [`wire`] what travels, [`problem`] what each error means to a client, and
//! [`username`] and [`password`] what is accepted when an account is made.

pub mod attempt_key;
pub mod password;
pub mod problem;
pub mod refresh_token;
pub mod renewal;
pub mod rotation;
pub mod secret;
pub mod username;
pub mod wire;
