//! Opening, refreshing and ending sessions: the engine that every route uses.
//!
//! A security duty: code that ends a session **commits before it answers**. Reuse is an outcome
//! here, not an error, because an error would roll back the ending.

mod end;
mod gone;
mod notes;
mod open;
mod refresh;
mod tokens;

pub use end::{
    BATCH, Caller, end, end_all, end_beyond_500, end_one_of, end_others, end_surplus, ids_of,
    log_out, note_ended,
};
pub use gone::{gone, must_have_row};
pub use notes::{note_failure, note_later};
pub use open::{Opened, PreparedSession, VerifiedPassword, open};
pub use refresh::{Refresh, refresh};
pub use tokens::may_mint;
