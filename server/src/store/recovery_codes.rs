//! The table `recovery_codes`.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::accounts::Credentials;
use crate::lifetimes::USERNAME_RESERVED;

/// The account under a name, as a recovery needs it.
#[derive(Debug, Clone)]
pub struct Recoverable {
    /// The account.
    pub account: Credentials,
    /// Its present name.
    pub username: String,
    /// What the presented code is; `None` if it is none of the account's.
    pub presented: Option<Presented>,
    /// The hash of the account's newest code, if the person has not confirmed that they keep
    /// it.
    pub unconfirmed: Option<Vec<u8>>,
}

/// A code that a person may recover an account with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// A recovery code of the account.
    RecoveryCode,
    /// The code of an operator's link that has not expired, and is newer than the password.
    ResetLink {
        /// Whether a password was set with it. Then it only gets the same answer again.
        used: bool,
    },
}

/// The newest code of an account.
#[derive(Debug, Clone, Copy)]
pub struct Newest {
    /// When it was made.
    pub made_at: OffsetDateTime,
    /// Whether the person has confirmed that they keep it.
    pub confirmed: bool,
}

/// Reads what a recovery under this name is compared with; `None` if there is no such account. If no
/// account has the name, it is the account for which the name is reserved.
///
/// It is one statement, which takes the same time for names with and without an account.
pub async fn find(
    connection: &mut PgConnection,
    username_key: &str,
    code_hash: &[u8; 32],
) -> sqlx::Result<Option<Recoverable>> {
    let row = sqlx::query!(
        r#"select
             a.account_id as "account_id?",
             a.username as "username?",
             a.password_hash as "password_hash?",
             a.password_changed_at as "password_changed_at?",
             a.disabled_at as "disabled_at?",
             (presented.account_id is not null) as "is_recovery_code!",
             (link.account_id is not null) as "is_link!",
             (link.used_at is not null) as "is_used!",
             newest.code_hash as "unconfirmed?"
         from (values ($1)) as typed (username_key)
         left join accounts named on named.username_key = typed.username_key
         left join former_usernames former
             on former.username_key = typed.username_key
             and former.given_up_at > clock_timestamp() - make_interval(secs => $3)
         left join accounts a on a.account_id = coalesce(named.account_id, former.account_id)
         left join recovery_codes presented
             on presented.account_id = a.account_id and presented.code_hash = $2
         left join reset_codes link
             on link.account_id = a.account_id
             and link.code_hash = $2
             and link.expires_at > clock_timestamp()
             and (link.used_at is not null or link.made_at > a.password_changed_at)
         left join recovery_codes newest
             on newest.account_id = a.account_id and newest.confirmed_at is null"#,
        username_key,
        code_hash.as_slice(),
        USERNAME_RESERVED.as_secs_f64(),
    )
    .fetch_one(connection)
    .await?;
    let (Some(account_id), Some(username), Some(password_hash), Some(password_changed_at)) = (
        row.account_id,
        row.username,
        row.password_hash,
        row.password_changed_at,
    ) else {
        return Ok(None);
    };
    Ok(Some(Recoverable {
        account: Credentials {
            account_id,
            password_hash,
            password_changed_at,
            disabled_at: row.disabled_at,
        },
        username,
        presented: match (row.is_recovery_code, row.is_link) {
            (true, _) => Some(Presented::RecoveryCode),
            (false, true) => Some(Presented::ResetLink { used: row.is_used }),
            (false, false) => None,
        },
        unconfirmed: row.unconfirmed,
    }))
}

/// Whether this is one of the account's codes.
pub async fn is_right(
    connection: &mut PgConnection,
    account_id: Uuid,
    code_hash: &[u8; 32],
) -> sqlx::Result<bool> {
    let row = sqlx::query!(
        "select from recovery_codes where account_id = $1 and code_hash = $2",
        account_id,
        code_hash.as_slice(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// The newest code of an account, if it has one.
pub async fn lookup_newest(
    connection: &mut PgConnection,
    account_id: Uuid,
) -> sqlx::Result<Option<Newest>> {
    sqlx::query_as!(
        Newest,
        r#"select
             made_at,
             (confirmed_at is not null) as "confirmed!"
         from recovery_codes
         where account_id = $1
         order by confirmed_at is null desc
         limit 1"#,
        account_id,
    )
    .fetch_optional(connection)
    .await
}

/// A code, without its hash.
#[derive(Debug, Clone, Copy)]
pub struct CodeFacts {
    /// When it was made.
    pub made_at: OffsetDateTime,
    /// When the person confirmed that they keep it.
    pub confirmed_at: Option<OffsetDateTime>,
}

/// All codes of an account, the newest first.
pub async fn list(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<Vec<CodeFacts>> {
    sqlx::query_as!(
        CodeFacts,
        "select made_at, confirmed_at
         from recovery_codes
         where account_id = $1
         order by made_at desc",
        account_id,
    )
    .fetch_all(connection)
    .await
}

/// Whether the person has confirmed that they keep the account's newest code.
pub async fn is_confirmed(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<bool> {
    let newest = lookup_newest(connection, account_id).await?;
    Ok(newest.is_some_and(|newest| newest.confirmed))
}

/// Deletes all codes of the account. The caller has locked the account's row.
pub async fn delete_all(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from recovery_codes where account_id = $1",
        account_id
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores a new code. It replaces one that was not confirmed; a confirmed one stays. The caller
/// has locked the account's row.
pub async fn insert(
    connection: &mut PgConnection,
    account_id: Uuid,
    code_hash: &[u8; 32],
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from recovery_codes where account_id = $1 and confirmed_at is null",
        account_id,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into recovery_codes (account_id, code_hash) values ($1, $2)",
        account_id,
        code_hash.as_slice(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that the person keeps this code, and deletes the account's other codes. Returns `false`
/// and deletes nothing if the code was confirmed before, or if the account has no such code. The
/// caller has locked the account's row.
pub async fn confirm(
    connection: &mut PgConnection,
    account_id: Uuid,
    code_hash: &[u8; 32],
) -> sqlx::Result<bool> {
    let confirmed = sqlx::query!(
        "update recovery_codes
         set confirmed_at = clock_timestamp()
         where account_id = $1 and code_hash = $2 and confirmed_at is null",
        account_id,
        code_hash.as_slice(),
    )
    .execute(&mut *connection)
    .await?;
    if confirmed.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "delete from recovery_codes where account_id = $1 and code_hash <> $2",
        account_id,
        code_hash.as_slice(),
    )
    .execute(connection)
    .await?;
    Ok(true)
}
