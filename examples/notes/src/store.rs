//! What the server keeps: its state, and the notes in the database.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::Json;
use axum_macros::FromRef;
use holdfast_server::{ApiError, CurrentAccount, Holdfast, OpenedAccount};
use leptos::prelude::LeptosOptions;
use sqlx::{types::Uuid, PgConnection, PgExecutor, PgPool};

use crate::note::Note;

#[derive(Clone, FromRef)]
pub struct AppState {
    pub leptos_options: LeptosOptions,
    pub pool: PgPool,
    pub holdfast: Holdfast,
}

/// The notes, the oldest first.
pub async fn list(db: &PgPool, account_id: Uuid) -> Result<Vec<Note>, ApiError> {
    let notes = sqlx::query_as("select * from notes where account_id = $1 order by written_at")
        .bind(account_id)
        .fetch_all(db)
        .await?;
    Ok(notes)
}

/// Writes a note.
pub async fn add(db: impl PgExecutor<'_>, account_id: Uuid, text: &str) -> Result<(), ApiError> {
    sqlx::query("insert into public.notes (account_id, text) values ($1, $2)")
        .bind(account_id)
        .bind(text)
        .execute(db)
        .await?;
    Ok(())
}

/// `GET /api/notes`: the notes as JSON, for other programs.
pub async fn export(State(pool): State<PgPool>, current: CurrentAccount) -> impl IntoResponse {
    list(&pool, current.account_id).await.map(Json)
}

/// Writes the first note, in the transaction of a sign-up.
pub async fn welcome(db: &mut PgConnection, new: OpenedAccount<'_>) -> Result<(), ApiError> {
    add(db, new.account_id, "Welcome to your notes.").await
}
