//! The table `secret_fingerprint`: which master secret this database works with.

use sqlx::PgConnection;

/// The fingerprint in the database; `current` where there was none yet.
pub async fn get_or_insert(connection: &mut PgConnection, current: &[u8]) -> sqlx::Result<Vec<u8>> {
    // Two instances may start at once: the second insert waits for the first and
    // then does nothing, and the read after it sees the row.
    sqlx::query!(
        "insert into secret_fingerprint (fingerprint) values ($1) on conflict do nothing",
        current,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar!("select fingerprint from secret_fingerprint")
        .fetch_one(connection)
        .await
}

/// Writes down that another secret has become the current one.
pub async fn replace(
    connection: &mut PgConnection,
    old: &[u8],
    current: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "update secret_fingerprint set fingerprint = $2 where fingerprint = $1",
        old,
        current,
    )
    .execute(connection)
    .await?;
    Ok(())
}
