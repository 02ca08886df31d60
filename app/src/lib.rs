//! The pages of Holdfast, made to be read and copied.
//!
//! [`App`] is the page, on the server and in the browser; [`shell()`] is the document around
//! it. Read on in [`holdfast_client`], which tells every page and component whether a person is
//! signed in, and keeps the person signed in.
//!
//! Three rules keep the two renderings the same and the tokens in one place. The first
//! rendering knows nothing of the session. Storage, time and network are only used in effects
//! and event handlers. And only [`holdfast_client`] uses them.

mod app;
pub mod components;
mod focus;
pub mod pages;
pub mod paths;
pub mod routes;
mod shell;
pub mod way_back;
pub mod words;

pub use app::App;
pub use shell::{PageFiles, root, shell};
