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
    /// The longest lifetime of a session that any instance was told, until every session
    /// that was opened under it is over.
    pub longest_session_seconds: i64,
}

/// What an instance says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Under which address it signs. `None` where that is the default one, which nobody
    /// has chosen: it is no claim on the database.
    pub issuer: Option<String>,
    /// The issuers that this one may replace in the database.
    pub replaces: Vec<String>,
    /// The longest lifetime of a session that it opens.
    pub longest_session_seconds: i64,
}

impl Told {
    /// Whether an instance that says this can serve where the database names this issuer.
    pub fn accepts(&self, issuer: &str) -> bool {
        let own = self.issuer.iter();
        own.chain(&self.replaces).any(|known| known == issuer)
    }
}

/// Writes down what an instance says when it starts. Answers the row.
///
/// A database without an account is born now, whenever its tables were made: nobody can
/// have signed in here yet.
pub async fn arrive(connection: &mut PgConnection, told: &Told) -> sqlx::Result<StoredDatabase> {
    sqlx::query!(
        "update database
         set birth = clock_timestamp()
         where isfinite(birth) and not exists (select from accounts)"
    )
    .execute(&mut *connection)
    .await?;
    if let Some(issuer) = &told.issuer {
        sqlx::query!(
            "update database
             set issuer = $1
             where (issuer is null or issuer = any($2)) and issuer is distinct from $1",
            issuer,
            &told.replaces,
        )
        .execute(&mut *connection)
        .await?;
    }
    say_longest_session(connection, told.longest_session_seconds).await?;
    lookup(connection).await
}

/// Writes down how long the sessions live that an instance opens, where that is news. For
/// every few seconds.
///
/// The longest lifetime goes up at once. It goes down when it was last said so long ago
/// that every session which was opened under it is over. For this, the row knows until
/// when it counts: one lifetime after it was last said, and a day more, so that a running
/// instance writes only once a day.
pub async fn say_longest_session(connection: &mut PgConnection, seconds: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "update database
         set
             longest_session_seconds = $1,
             longest_session_until = now() + make_interval(secs => $2) + interval '1 day'
         where
             longest_session_seconds < $1
             or longest_session_until < now()
             or (
                 longest_session_seconds = $1
                 and longest_session_until < now() + make_interval(secs => $2)
             )",
        seconds,
        seconds as f64,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The row.
///
/// Ids of accounts are UUIDv7, so the first by id is the oldest, and the index finds it.
pub async fn lookup(connection: &mut PgConnection) -> sqlx::Result<StoredDatabase> {
    sqlx::query_as!(
        StoredDatabase,
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
    .await
}

/// The row alone: a migration that holds the accounts must not keep anybody from reading it.
/// Its birth may be later than the oldest account.
pub async fn lookup_row(connection: &mut PgConnection) -> sqlx::Result<StoredDatabase> {
    sqlx::query_as!(
        StoredDatabase,
        r#"select
             case when isfinite(birth) then extract(epoch from birth)::bigint end as birth,
             issuer,
             longest_session_seconds
         from database"#
    )
    .fetch_one(connection)
    .await
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
