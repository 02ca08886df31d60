//! How requests become values, and answers become responses.

pub mod answer_errors;
pub mod client_info;
pub mod current_account;
pub mod form;
pub mod headers;
pub mod json;
pub mod one_host;
pub mod same_site;
pub mod tokens;

/// The first part of the addresses that programs use. Their errors are problem JSON, and no page.
pub const FOR_PROGRAMS: [&str; 3] = ["api", "oauth", ".well-known"];

pub use crate::error::{ApiError, timed_out};
pub use current_account::{CurrentAccount, require_account};
pub use json::Json;
pub use tokens::TokenAnswer;
