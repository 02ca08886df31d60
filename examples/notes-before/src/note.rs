use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(sqlx::FromRow))]
pub struct Note {
    pub note_id: Uuid,
    pub text: String,
}
