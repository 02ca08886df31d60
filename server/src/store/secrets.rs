//! The table `secrets`: which master secrets are in use, and which are forbidden.

use sqlx::PgConnection;

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSecret {
    /// A fingerprint, from which the secret cannot be computed.
    pub fingerprint: Vec<u8>,
    /// Whether it must not be trusted any more.
    pub is_forbidden: bool,
    /// Seconds since an instance last said that it makes tokens with the secret.
    pub minted_seconds_ago: f64,
    /// Seconds since it was entered.
    pub entered_seconds_ago: f64,
}

/// Every secret that was ever entered.
pub async fn list(connection: &mut PgConnection) -> sqlx::Result<Vec<StoredSecret>> {
    sqlx::query_as!(
        StoredSecret,
        r#"select
             fingerprint,
             state = 'forbidden' as "is_forbidden!",
             extract(epoch from clock_timestamp() - last_minted_at)::float8
                 as "minted_seconds_ago!",
             extract(epoch from clock_timestamp() - entered_at)::float8
                 as "entered_seconds_ago!"
         from secrets
         order by fingerprint"#
    )
    .fetch_all(connection)
    .await
}

/// Lets one instance at a time decide about its secret, until the transaction ends.
pub async fn lock(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("lock table secrets in share row exclusive mode")
        .execute(connection)
        .await?;
    Ok(())
}

/// Enters a secret, or says again that an instance makes tokens with it. A forbidden secret
/// stays forbidden.
///
/// The table `secret_fingerprint` gets the same secret, because an instance of the previous release
/// only starts if it has the secret of that table.
pub async fn enter(connection: &mut PgConnection, fingerprint: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into secrets (fingerprint, state)
         values ($1, 'in_use')
         on conflict (fingerprint) do update set last_minted_at = clock_timestamp()
         where secrets.state = 'in_use'",
        fingerprint,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into secret_fingerprint (fingerprint)
         values ($1)
         on conflict (only_row) do update set fingerprint = $1
         where secret_fingerprint.fingerprint <> $1",
        fingerprint,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that an instance still makes tokens with a secret. `false` if the database does not know
/// the secret, or if the secret is forbidden.
pub async fn renew(connection: &mut PgConnection, fingerprint: &[u8]) -> sqlx::Result<bool> {
    let renewed = sqlx::query!(
        "update secrets
         set last_minted_at = clock_timestamp()
         where fingerprint = $1 and state = 'in_use'",
        fingerprint,
    )
    .execute(connection)
    .await?;
    Ok(renewed.rows_affected() > 0)
}

/// Forbids every secret except this one. Returns how many.
pub async fn forbid_all_but(
    connection: &mut PgConnection,
    fingerprint: &[u8],
) -> sqlx::Result<u64> {
    let forbidden = sqlx::query!(
        "update secrets
         set state = 'forbidden', forbidden_at = clock_timestamp()
         where fingerprint <> $1 and state <> 'forbidden'",
        fingerprint,
    )
    .execute(connection)
    .await?;
    Ok(forbidden.rows_affected())
}

/// Takes over the secret that an instance of the release before has written.
pub async fn adopt_fingerprint(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into secrets (fingerprint, state)
         select fingerprint, 'in_use'
         from secret_fingerprint
         on conflict (fingerprint) do nothing"
    )
    .execute(connection)
    .await?;
    Ok(())
}
