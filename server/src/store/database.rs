//! The table `database`: what the database knows about itself. One row.

use sqlx::PgConnection;

/// The row, as far as an instance needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDatabase {
    /// When it was made, in Unix seconds: what was written then, or its oldest account,
    /// whichever is earlier. `None` when the operator began anew.
    pub birth: Option<i64>,
    /// Under which address the instances sign.
    pub issuer: Option<String>,
    /// The longest lifetime of a session that any instance was ever told.
    pub longest_session_seconds: i64,
}

/// The row, with the issuer and the lifetime of this instance where it had none or a
/// shorter one. A database without an account is born now, whenever its tables were made:
/// nobody can have signed in here yet.
pub async fn arrive(
    connection: &mut PgConnection,
    issuer: &str,
    previous_issuers: &[String],
    longest_session_seconds: i64,
) -> sqlx::Result<StoredDatabase> {
    sqlx::query!(
        "update database
         set
             issuer = case
                 when issuer is null or issuer = any($2) then $1
                 else issuer
             end,
             longest_session_seconds = greatest(longest_session_seconds, $3),
             birth = case
                 when isfinite(birth) and not exists (select from accounts)
                     then clock_timestamp()
                 else birth
             end
         where
             issuer is null
             or issuer = any($2)
             or longest_session_seconds < $3
             or (isfinite(birth) and not exists (select from accounts))",
        issuer,
        previous_issuers,
        longest_session_seconds,
    )
    .execute(&mut *connection)
    .await?;
    lookup(connection).await
}

/// The row.
///
/// Ids of accounts are UUIDv7, so the first by id is the oldest, and the index finds it.
pub async fn lookup(connection: &mut PgConnection) -> sqlx::Result<StoredDatabase> {
    let row = sqlx::query!(
        r#"select
             case
                 when isfinite(birth) then extract(epoch from least(
                     birth,
                     (select created_at from accounts order by account_id limit 1)
                 ))::bigint
             end as birth,
             issuer,
             longest_session_seconds
         from database"#
    )
    .fetch_one(connection)
    .await?;
    Ok(StoredDatabase {
        birth: row.birth,
        issuer: row.issuer,
        longest_session_seconds: row.longest_session_seconds,
    })
}

/// Whether anybody has an account.
pub async fn has_accounts(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from accounts) as "exists!""#)
        .fetch_one(connection)
        .await
}

/// Says that no session is older than this database, whatever its clock says.
pub async fn begin_anew(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("update database set birth = '-infinity'")
        .execute(connection)
        .await?;
    Ok(())
}
