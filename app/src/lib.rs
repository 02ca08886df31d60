//! The client of Holdfast: everything that the browser shows or does.
//!
//! [`App`] is the page, on the server and in the browser; [`shell()`] is the document around
//! it. Read on in [`session`], which tells every page and component whether a person is
//! signed in, and keeps the person signed in.
//!
//! Three rules keep the two renderings the same and the tokens in one place. The first
//! rendering knows nothing of the session. Storage, time and network are only used in effects
//! and event handlers. And only [`session`] uses them.

mod app;
pub mod components;
mod focus;
pub mod host;
pub mod pages;
pub mod paths;
pub mod routes;
pub mod session;
mod shell;
pub mod way_back;
pub mod words;

pub use app::App;
pub use shell::{PageFiles, root, shell};
