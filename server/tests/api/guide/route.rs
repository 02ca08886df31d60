//! A protected route that reads and writes.

use super::note::{Note, Notes};

use axum::Router;
use axum::extract::Extension;
use axum::http::StatusCode;
use axum::routing::get;
use holdfast_server::http::{ApiError, CurrentAccount, Json};
use holdfast_server::state::Holdfast;

/// `GET /api/v1/note`: protected, because `CurrentAccount` is in the signature.
async fn show(current: CurrentAccount, Extension(notes): Extension<Notes>) -> Json<Note> {
    Json(notes.of(current.account_id))
}

// guide
/// `PUT /api/v1/note`: the account comes from the token, never from the body.
async fn write(
    current: CurrentAccount,
    Extension(notes): Extension<Notes>,
    Json(note): Json<Note>,
) -> Result<StatusCode, ApiError> {
    if note.text.len() > 1000 {
        let sentence = "A note can have at most 1000 bytes.";
        return Err(ApiError::MalformedRequest(sentence.to_owned()));
    }
    notes.write(current.account_id, note);
    Ok(StatusCode::NO_CONTENT)
}
// end

pub fn routes(notes: Notes) -> Router<Holdfast> {
    Router::new()
        .route("/api/v1/note", get(show).put(write))
        .layer(Extension(notes))
}
