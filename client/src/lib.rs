//! The client of a Leptos app whose people sign in with Holdfast: it keeps them signed in, and makes
//! calls as them.
//!
//! # The smallest app
//!
//! ```no_run
//! use holdfast_client::{Config, RequireSession, provide_session, use_session};
//! use leptos::prelude::*;
//!
//! #[component]
//! fn App() -> impl IntoView {
//!     // Once, at the root. It starts itself in the browser.
//!     provide_session(Config::sign_in_at(|_back_to| "/sign-in".to_owned()));
//!     view! {
//!         <RequireSession fallback=|| view! { <p>"One moment…"</p> }>
//!             <Note/>
//!         </RequireSession>
//!     }
//! }
//!
//! #[component]
//! fn Note() -> impl IntoView {
//!     let session = use_session();
//!     let note = session.resource(|api| async move { api.get::<String>("/api/v1/note").await });
//!     view! {
//!         {move || match note.get() {
//!             None => "Loading…".to_owned(),
//!             Some(Ok(note)) => note,
//!             Some(Err(error)) => error.to_string(),
//!         }}
//!         <button on:click=move |_| session.sign_out()>"Sign out"</button>
//!     }
//! }
//! ```
//!
//! The sign-in page calls [`Session::sign_in`]. The rest of the app need not know about tokens: a call
//! carries the access token, an expired token is renewed first, and a call whose token the server
//! refuses is sent once more.
//!
//! # The parts
//!
//! - [`Config`]: what the client has to know of the app.
//! - [`Session`]: whether a person is signed in, and what they can do. Reading it is reactive.
//! - [`RequireSession`]: shows its children to a signed-in person only.
//! - [`Session::resource`]: data that are loaded as the person whom the page shows.
//! - [`Session::api`]: calls with JSON, and [`Api::request`] for headers, bytes, forms and files.
//! - [`SessionClient`]: server functions.
//! - [`Session::watch`]: what the client does, as it happens. With the feature `demonstration`,
//!   `Session::demonstration` makes it happen, and shows the tokens of this browser. Switch it on only for
//!   a page that teaches.
//!
//! The client works in a page that the server renders first (feature `hydrate` of Leptos), and in a
//! page that the browser renders alone (feature `csr`, `leptos::mount::mount_to_body`). It reads
//! storage, time and the network only in effects and event handlers. So both renderings of a page know
//! nothing of the session at first, and are the same.
//!
//! A page has one session. If it mounts two apps, they must share one `provide_session`.
//!
//! # Errors
//!
//! Every call returns a [`CallError`]. [`CallError::Problem`] is the server's own answer: decide by its
//! code, and show its text. The text is in English: for another language, choose a sentence by the code
//! and the [`Cause`]. After [`CallError::Unreachable`] nothing is lost, and a later call may
//! succeed. Every error as text is a sentence for a person.
//!
//! # What a page may rely on
//!
//! - **One page, one person.** A page that has shown one account reloads before it shows another
//!   ([`Session::account_id`]), so the next person finds no typed text, no loaded data and no
//!   running timer of the previous person.
//! - **A call belongs to the person whom the page showed** when [`Session::api`] was called. It
//!   never runs as the next person: it fails with [`CallError::SessionChanged`]. The same is true
//!   for a change of the password and for a server function. A sign-out has no result, and it never
//!   signs out another person.
//! - **A token goes to the page's own origin only.** A call to another address is not sent, redirects
//!   are refused, and calls carry no cookies.
//! - **An account's new session** (after a change of the password) keeps the open pages and the
//!   text that was typed in them; [`Session::session_id`] changes, `account_id` does not.
//! - **The last sign-in or sign-out wins**, in every tab, also after the browser was
//!   killed.
//! - **Two apps on one origin** do not touch each other, if they have different prefixes
//!   ([`Config::prefix`]).
//!
//! # Pieces
//!
//! With the feature `split`, the code that keeps a session is a piece of its own, `engine`, and a browser
//! that has stored nothing does not load it until a person types a new password, signs in, signs up or
//! recovers an account. This needs a build that cuts the WebAssembly at `wasm_split` (the crate
//! `wasm_split_cli_support`), and an app that calls [`load_if_needed`] before it takes over the page. Do not
//! turn it on without both. It is off by default: then all code is in one file.
//!
//! # The layers
//!
//! Each layer only imports the layers after it, and a test of the architecture checks this:
//! `require_session`, `resource` (data of the person), `recovery` (the recovery code), `renaming` (the
//! username), `leaving` (the deletion of the account), `new_password` (how easy it is to guess) and `demonstration` (renewals and calls on purpose);
//! `session` (what components see); `engine`
//! (what every page uses of the engine), `late_engine` (an engine whose code is loaded later) and
//! `engine_code` (the way into it); `recovering` (a new password with a recovery code) and `estimating`
//! (how easy a password is to guess);
//! `changes`, `request`, `server_functions` and `host` (requests); `calls` (a call with its token);
//! `driver`, which carries out what the pure machine in
//! `holdfast_protocol::renewal` decides; `turns` (the machine and its events), `vault` (what is stored, and
//! where), `logout` (which answer ends a session), `new_code` (a new recovery code) and `staged` (a fault
//! that a demonstration has arranged); `config`, `told` (what became of a form that
//! is gone), `transport` (one request), `download` (a file for the person), `lock`, `surroundings` (other
//! tabs, visibility, network), `traces` (whether anything is stored) and `other_tabs` (tabs that demonstrate
//! two renewals at once); `names` and `address` (what the prefix and the base of the app
//! decide), `watch` (tells a page what the client does), and `clock`, which is the only one that reads the
//! time.
//!
//! Only this crate uses storage, time and the network in the browser, and only in effects and event
//! handlers. It knows no page: the app says where a person signs in ([`Config`]).

mod address;
mod calls;
mod changes;
mod clock;
mod config;
#[cfg(feature = "demonstration")]
mod demonstration;
mod download;
mod driver;
mod engine;
mod engine_code;
mod estimating;
pub mod host;
#[cfg(feature = "split")]
mod late_engine;
mod leaving;
mod lock;
mod logout;
mod names;
mod new_code;
mod new_password;
#[cfg(feature = "demonstration")]
mod other_tabs;
mod recovering;
mod recovery;
mod renaming;
mod request;
mod require_session;
mod resource;
mod server_functions;
mod session;
#[cfg(feature = "demonstration")]
mod staged;
mod surroundings;
mod told;
#[cfg(feature = "split")]
mod traces;
mod transport;
mod turns;
mod vault;
mod watch;

pub use calls::Api;
pub use config::{Config, OnAnonymous};
#[cfg(feature = "demonstration")]
pub use demonstration::{CopiedToken, Demonstration, HeldTokens, Renewal};
pub use download::save_text;
pub use driver::Reload;
pub use engine::load_if_needed;
pub use gloo_net::http::Method;
pub use holdfast_protocol::cause::Cause;
pub use holdfast_protocol::problem::{Code, Problem};
pub use holdfast_protocol::renewal::{Ending, Notice, View};
#[cfg(feature = "demonstration")]
pub use other_tabs::OtherTabs;
pub use recovering::BackIn;
pub use request::{ApiAnswer, ApiRequest};
pub use require_session::RequireSession;
pub use resource::SessionResource;
pub use server_functions::{ProblemJson, SessionClient, SessionRequest, SessionResponse};
pub use session::{Facts, Session, provide_session, use_session};
pub use told::{Became, Told};
pub use transport::CallError;
#[cfg(feature = "demonstration")]
pub use vault::{StoredContent, StoredEntry};
pub use watch::{ClientEvent, Watch};

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
