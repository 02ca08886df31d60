//! The table `database`: what the database knows about itself. One row.

use sqlx::PgConnection;

/// The columns that an instance needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDatabase {
    /// When the database was made, in Unix seconds: the stored date, or the date of its
    /// oldest account if that is earlier. `None` after `begin-anew`.
    pub birth: Option<i64>,
    /// The issuer of the instances.
    pub issuer: Option<String>,
    /// The longest lifetime of a session in the settings of all instances. It counts until
    /// every session that was opened with it is over.
    pub longest_session_seconds: i64,
}

/// What an instance writes about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceFacts {
    /// Its issuer. `None` for the default issuer: no operator has chosen it, so the server does not
    /// write it into the database.
    pub issuer: Option<String>,
    /// The issuers that this one may replace in the database.
    pub replaces: Vec<String>,
    /// The longest lifetime of a session that it opens.
    pub longest_session_seconds: i64,
}

impl InstanceFacts {
    /// Returns `true` if this instance can serve while the database names this issuer.
    pub fn accepts(&self, issuer: &str) -> bool {
        let own = self.issuer.iter();
        own.chain(&self.replaces).any(|known| known == issuer)
    }
}

/// Writes what an instance says about itself when it starts. Returns the row.
///
/// If the database has no account, its birth is set to now, even if its tables are older. Without
/// an account there is no session either.
pub async fn arrive(
    connection: &mut PgConnection,
    facts: &InstanceFacts,
) -> sqlx::Result<StoredDatabase> {
    sqlx::query!(
        "update database
         set birth = clock_timestamp()
         where isfinite(birth) and not exists (select from accounts)"
    )
    .execute(&mut *connection)
    .await?;
    if let Some(issuer) = &facts.issuer {
        sqlx::query!(
            "update database
             set issuer = $1
             where (issuer is null or issuer = any($2)) and issuer is distinct from $1",
            issuer,
            &facts.replaces,
        )
        .execute(&mut *connection)
        .await?;
    }
    say_longest_session(connection, facts.longest_session_seconds).await?;
    lookup(connection).await
}

/// Writes how long the sessions of an instance live, if the row does not say so yet. An
/// instance calls this every few seconds.
///
/// The longest lifetime goes up at once. It goes down when every session that was opened
/// with it is over. For this, the row contains the moment until which the lifetime counts. This is
/// one lifetime and one day after an instance last wrote it. Because of the extra day, a running
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
/// Ids of accounts are UUIDv7, so the smallest id is the oldest account's, and the index
/// finds it.
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

/// Reads the row alone, without the table of accounts. So a migration that locks the accounts does
/// not block this read. The birth that it returns may be later than the oldest account.
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

/// Whether there is any account.
pub async fn has_accounts(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from accounts) as "exists!""#)
        .fetch_one(connection)
        .await
}

/// Sets the birth of the database to a time before every session.
pub async fn begin_anew(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("update database set birth = '-infinity'")
        .execute(connection)
        .await?;
    Ok(())
}
