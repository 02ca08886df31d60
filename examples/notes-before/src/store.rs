//! What the server keeps: its state, and the notes in the database.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::Json;
use axum_macros::FromRef;
use leptos::prelude::LeptosOptions;
use sqlx::{PgExecutor, PgPool};

use crate::note::Note;

#[derive(Clone, FromRef)]
pub struct AppState {
    pub leptos_options: LeptosOptions,
    pub pool: PgPool,
}

/// The notes, the oldest first.
pub async fn list(db: &PgPool) -> sqlx::Result<Vec<Note>> {
    let notes = sqlx::query_as("select * from notes order by written_at")
        .fetch_all(db)
        .await?;
    Ok(notes)
}

/// Writes a note.
pub async fn add(db: impl PgExecutor<'_>, text: &str) -> sqlx::Result<()> {
    sqlx::query("insert into notes (text) values ($1)")
        .bind(text)
        .execute(db)
        .await?;
    Ok(())
}

/// `GET /api/notes`: the notes as JSON, for other programs.
pub async fn export(State(pool): State<PgPool>) -> impl IntoResponse {
    let notes = list(&pool).await;
    notes
        .map(Json)
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
