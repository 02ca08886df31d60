//! How requests become values, and answers become responses.

pub(crate) mod answer_errors;
pub(crate) mod client_info;
pub(crate) mod current_account;
pub(crate) mod every_request;
pub(crate) mod form;
pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod one_host;
pub(crate) mod request_id;
pub(crate) mod same_site;
pub(crate) mod tokens;

/// The first part of the addresses that programs use. Their errors are problem JSON, and no page.
pub const FOR_PROGRAMS: [&str; 3] = ["api", "oauth", ".well-known"];

pub use crate::client_address::ClientAddress;
pub use crate::error::ApiError;
pub(crate) use crate::error::timed_out;
pub use current_account::CurrentAccount;
pub(crate) use current_account::require_account;
pub use json::Json;
pub(crate) use tokens::TokenAnswer;
