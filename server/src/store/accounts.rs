//! The table `accounts`.

use holdfast_protocol::username::Username;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::lifetimes::USERNAME_RESERVED;

/// The account's data with which a sign-in is compared.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub account_id: Uuid,
    /// argon2id in PHC format.
    pub password_hash: String,
    /// When the password of this hash was set.
    pub password_changed_at: OffsetDateTime,
    /// Set when an operator has disabled the account.
    pub disabled_at: Option<OffsetDateTime>,
}

impl Credentials {
    /// The hash that a typed password is compared with. `None` if the account is disabled: then
    /// the password is compared with a dummy hash, as under a name without an account. So the time
    /// of the answer does not tell whether the password of a disabled account is right. Also, the
    /// server does not replace an outdated hash of a disabled account.
    pub fn hash_to_compare(&self) -> Option<String> {
        match self.disabled_at {
            Some(_) => None,
            None => Some(self.password_hash.clone()),
        }
    }
}

/// What a sign-in under a name is compared with: the account, and the failures in a row.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The account, if there is one.
    pub account: Option<Credentials>,
    /// Failures of strangers under this name.
    pub strangers: Failed,
    /// Whether an operator has reset these failures since the last of them.
    pub forgiven: bool,
    /// When the account's previous password was set, if there was one.
    pub previous_password_changed_at: Option<OffsetDateTime>,
    /// How many failures there are under each of the other keys.
    pub others: Vec<u64>,
    /// Of each of the browsers, whether the account has revoked it.
    pub revoked: Vec<bool>,
    /// Whether the database takes no writes, as a standby does.
    pub is_read_only: bool,
}

/// What a confirmation of the password is compared with.
#[derive(Debug, Clone)]
pub struct Confirmable {
    /// The account.
    pub account: Credentials,
    /// Failures of the session.
    pub failed: Failed,
    /// Whether the database takes no writes, as a standby does.
    pub is_read_only: bool,
}

/// Failures in a row: wrong passwords since the last right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failed {
    /// How many.
    pub failures: u64,
    /// Seconds since the last of them.
    pub seconds_ago: u64,
}

/// What the account's own page shows.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The name as the person wrote it.
    pub username: String,
    /// When the account was made.
    pub created_at: OffsetDateTime,
}

/// Makes an account. `None` if the name is taken.
pub async fn insert(
    connection: &mut PgConnection,
    account_id: Uuid,
    username: &Username,
    password_hash: &str,
) -> sqlx::Result<Option<Credentials>> {
    sqlx::query_as!(
        Credentials,
        "insert into accounts (account_id, username, username_key, password_hash)
         values ($1, $2, $3, $4)
         on conflict on constraint accounts_username_key do nothing
         returning account_id, password_hash, password_changed_at, disabled_at",
        account_id,
        username.as_str(),
        username.key(),
        password_hash,
    )
    .fetch_optional(connection)
    .await
}

/// Reads what a sign-in under this name is compared with. It is one statement, which takes
/// the same time for names with and without an account.
pub async fn find_candidate(
    connection: &mut PgConnection,
    username_key: &str,
    strangers: &[u8],
    others: &[[u8; 16]],
    browser_ids: &[Uuid],
) -> sqlx::Result<Candidate> {
    let others: Vec<_> = others.iter().map(|key| key.to_vec()).collect();
    let row = sqlx::query!(
        r#"select
             a.account_id as "account_id?",
             a.password_hash as "password_hash?",
             a.password_changed_at as "password_changed_at?",
             a.disabled_at as "disabled_at?",
             a.previous_password_changed_at as "previous_password_changed_at?",
             coalesce(s.failures, 0) as "strangers!",
             coalesce(floor(extract(epoch from now() - s.last_at)), 0)::bigint as "strangers_ago!",
             coalesce(s.last_at < a.failures_forgiven_at, false) as "forgiven!",
             array(
                 select coalesce(other.failures, 0)
                 from unnest($3::bytea[]) with ordinality as asked (name_hash, position)
                 left join sign_in_failures other using (name_hash)
                 order by asked.position
             ) as "others!",
             array(
                 select revoked.browser_id is not null
                 from unnest($4::uuid[]) with ordinality as had (browser_id, position)
                 left join revoked_browsers revoked
                     on revoked.account_id = a.account_id
                     and revoked.browser_id = had.browser_id
                 order by had.position
             ) as "revoked!",
             current_setting('transaction_read_only')::boolean as "is_read_only!"
         from (values ($1)) as typed (username_key)
         left join accounts a on a.username_key = typed.username_key
         left join sign_in_failures s on s.name_hash = $2"#,
        username_key,
        strangers,
        &others,
        browser_ids,
    )
    .fetch_one(connection)
    .await?;
    let account = match (row.account_id, row.password_hash, row.password_changed_at) {
        (Some(account_id), Some(password_hash), Some(password_changed_at)) => Some(Credentials {
            account_id,
            password_hash,
            password_changed_at,
            disabled_at: row.disabled_at,
        }),
        _ => None,
    };
    let forgiven = row.forgiven;
    Ok(Candidate {
        account,
        strangers: if forgiven {
            Failed::default()
        } else {
            Failed::of(row.strangers, row.strangers_ago)
        },
        forgiven,
        previous_password_changed_at: row.previous_password_changed_at,
        others: row
            .others
            .into_iter()
            .map(|failures| failures.try_into().unwrap_or(0))
            .collect(),
        revoked: row.revoked,
        is_read_only: row.is_read_only,
    })
}

impl Failed {
    fn of(failures: i64, seconds_ago: i64) -> Self {
        Self {
            failures: failures.try_into().unwrap_or(0),
            seconds_ago: seconds_ago.try_into().unwrap_or(0),
        }
    }
}

/// Reads what a confirmation of the password is compared with, and the failures of this
/// session.
pub async fn lookup_candidate(
    connection: &mut PgConnection,
    account_id: Uuid,
    session: &[u8],
) -> sqlx::Result<Option<Confirmable>> {
    let row = sqlx::query!(
        r#"select
             a.password_hash,
             a.password_changed_at,
             a.disabled_at,
             coalesce(s.failures, 0) as "failures!",
             coalesce(floor(extract(epoch from now() - s.last_at)), 0)::bigint as "ago!",
             current_setting('transaction_read_only')::boolean as "is_read_only!"
         from accounts a
         left join sign_in_failures s on s.name_hash = $2
         where a.account_id = $1"#,
        account_id,
        session,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Confirmable {
        account: Credentials {
            account_id,
            password_hash: row.password_hash,
            password_changed_at: row.password_changed_at,
            disabled_at: row.disabled_at,
        },
        failed: Failed::of(row.failures, row.ago),
        is_read_only: row.is_read_only,
    }))
}

/// Reads what the account's own page shows.
pub async fn lookup_profile(
    connection: &mut PgConnection,
    account_id: Uuid,
) -> sqlx::Result<Option<Profile>> {
    sqlx::query_as!(
        Profile,
        "select username, created_at from accounts where account_id = $1",
        account_id,
    )
    .fetch_optional(connection)
    .await
}

/// What is stored about an account, without the hash of its password.
#[derive(Debug, Clone)]
pub struct AccountFacts {
    /// Its name, as the person wrote it.
    pub username: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When the person last set the password.
    pub password_changed_at: OffsetDateTime,
    /// When the person set the password before that.
    pub previous_password_changed_at: Option<OffsetDateTime>,
    /// When an operator last reset the count of failures.
    pub failures_forgiven_at: Option<OffsetDateTime>,
}

/// Reads what is stored about an account.
pub async fn lookup_facts(
    connection: &mut PgConnection,
    account_id: Uuid,
) -> sqlx::Result<Option<AccountFacts>> {
    sqlx::query_as!(
        AccountFacts,
        "select
             username,
             created_at,
             password_changed_at,
             previous_password_changed_at,
             failures_forgiven_at
         from accounts
         where account_id = $1",
        account_id,
    )
    .fetch_optional(connection)
    .await
}

/// Locks the account's row until the transaction ends, so that a sign-in, a password change
/// and the limit of sessions run one after the other. `false` if the account is gone or
/// disabled, or if it has another password than the one that was verified.
pub async fn lock(
    connection: &mut PgConnection,
    account_id: Uuid,
    verified: OffsetDateTime,
) -> sqlx::Result<bool> {
    let row = sqlx::query!(
        "select password_changed_at, disabled_at
         from accounts
         where account_id = $1
         for no key update",
        account_id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some_and(|row| row.password_changed_at == verified && row.disabled_at.is_none()))
}

/// Locks the account's row until the transaction ends. `false` if the account is gone or is not
/// disabled.
pub async fn lock_disabled(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<bool> {
    let row = sqlx::query!(
        "select from accounts
         where account_id = $1 and disabled_at is not null
         for no key update",
        account_id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Locks the account's row until the transaction ends, whether the account is disabled or not.
/// Locks nothing if there is no such account.
pub async fn lock_any(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "select from accounts where account_id = $1 for no key update",
        account_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes the password of a locked account. Returns the time of the change.
pub async fn change_password(
    connection: &mut PgConnection,
    account_id: Uuid,
    password_hash: &str,
) -> sqlx::Result<OffsetDateTime> {
    sqlx::query_scalar!(
        "update accounts
         set
             password_hash = $2,
             password_changed_at = clock_timestamp(),
             previous_password_changed_at = password_changed_at
         where account_id = $1
         returning password_changed_at",
        account_id,
        password_hash,
    )
    .fetch_one(connection)
    .await
}

/// Gives a locked account another name. `false` if another account has this name.
pub async fn change_username(
    connection: &mut PgConnection,
    account_id: Uuid,
    username: &Username,
) -> sqlx::Result<bool> {
    let changed = sqlx::query!(
        "update accounts set username = $2, username_key = $3 where account_id = $1",
        account_id,
        username.as_str(),
        username.key(),
    )
    .execute(connection)
    .await;
    match changed {
        Ok(changed) => Ok(changed.rows_affected() == 1),
        Err(sqlx::Error::Database(error))
            if error.constraint() == Some("accounts_username_key") =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Stores a hash of the same password with the current parameters. This never waits: it returns
/// `false` if the password has changed, or if another transaction has locked the account. In the
/// second case the next sign-in tries again.
pub async fn rehash(
    connection: &mut PgConnection,
    account_id: Uuid,
    old_hash: &str,
    new_hash: &str,
) -> sqlx::Result<bool> {
    let stored = sqlx::query!(
        "update accounts
         set password_hash = $3
         where
             password_hash = $2
             and account_id = (
                 select account_id
                 from accounts
                 where account_id = $1
                 for no key update skip locked
             )",
        account_id,
        old_hash,
        new_hash,
    )
    .execute(connection)
    .await?;
    Ok(stored.rows_affected() > 0)
}

/// Disables or enables the account. `None` if there is no such account.
pub async fn set_disabled(
    connection: &mut PgConnection,
    username: &Username,
    disabled: bool,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "update accounts
         set disabled_at = case when $2 then coalesce(disabled_at, clock_timestamp()) end
         where username_key = $1
         returning account_id",
        username.key(),
        disabled,
    )
    .fetch_optional(connection)
    .await
}

/// Locks the row of the account with this name until the transaction ends. Returns its id and when it
/// was disabled; `None` if there is no such account.
pub async fn lock_named(
    connection: &mut PgConnection,
    username: &Username,
) -> sqlx::Result<Option<(Uuid, Option<OffsetDateTime>)>> {
    let row = sqlx::query!(
        "select account_id, disabled_at
         from accounts
         where username_key = $1
         for no key update",
        username.key(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.account_id, row.disabled_at)))
}

/// The present name of the account that has this name. If no account has it, the present name of the
/// account for which it is reserved.
pub async fn find_present_name(
    connection: &mut PgConnection,
    username: &Username,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select a.username
         from (values ($1)) as typed (username_key)
         left join accounts named on named.username_key = typed.username_key
         left join former_usernames former
             on former.username_key = typed.username_key
             and former.given_up_at > clock_timestamp() - make_interval(secs => $2)
         join accounts a on a.account_id = coalesce(named.account_id, former.account_id)",
        username.key(),
        USERNAME_RESERVED.as_secs_f64(),
    )
    .fetch_optional(connection)
    .await
}

/// Resets the count of failures. `None` if there is no such account.
pub async fn forgive_failures(
    connection: &mut PgConnection,
    username: &Username,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "update accounts
         set failures_forgiven_at = clock_timestamp()
         where username_key = $1
         returning account_id",
        username.key(),
    )
    .fetch_optional(connection)
    .await
}

/// Deletes the account and its sessions. The sweep deletes its events, because there may be
/// millions.
pub async fn delete(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "with deleted as (
             delete from accounts where account_id = $1 returning account_id
         )
         insert into deleted_accounts (account_id)
         select account_id from deleted",
        account_id,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected() == 1)
}
