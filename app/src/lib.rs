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
mod carried_name;
mod components;
mod fault_page;
mod focus;
mod kept;
mod pages;
mod paths;
mod pieces;
mod put_out;
mod routes;
mod shell;
mod way_back;
mod words;

pub use app::App;
pub use fault_page::fault_page;
pub use pages::Overviews;
pub use shell::{PageFiles, load, root, shell};
pub use words::Language;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
