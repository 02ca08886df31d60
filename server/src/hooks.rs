//! What an application does when an account is opened or deleted, and what it adds to access tokens.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures::future::BoxFuture;
use sqlx::PgConnection;
use tokio::time::timeout;
use uuid::Uuid;

use crate::error::ApiError;
use crate::store;

pub use crate::keys::added_claims::AddedClaims;

/// How long the application may take to find the claims of an access token.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an application does in the transactions of Holdfast. Pass a value of the type to
/// [`Builder::hooks`](crate::builder::Builder::hooks).
///
/// You only write the functions that you need. In these transactions, Postgres looks for tables in the
/// schema of Holdfast only. So name the schema of your own tables: `public.notes`. If a function fails,
/// the transaction is rolled back, and the person gets the error.
///
/// - Return every error of a statement. After an error, Postgres commits nothing of the transaction. To
///   go on after an error, use a savepoint (`transaction.begin()`).
/// - Do not commit, and do not change the role or the `search_path`. Otherwise the request fails.
/// - Only write to the database. The transaction may still be rolled back, the client may have gone, and
///   a client that got no answer sends the request again. The whole request may take 18 seconds.
///
/// ```
/// use holdfast_server::error::ApiError;
/// use holdfast_server::hooks::{Hooks, OpenedAccount};
/// use sqlx::PgConnection;
///
/// struct Notebooks;
///
/// impl Hooks for Notebooks {
///     async fn account_opened(
///         &self,
///         transaction: &mut PgConnection,
///         account: OpenedAccount<'_>,
///     ) -> Result<(), ApiError> {
///         sqlx::query("insert into public.notebooks (account_id) values ($1)")
///             .bind(account.account_id)
///             .execute(transaction)
///             .await?;
///         Ok(())
///     }
/// }
/// ```
pub trait Hooks: Send + Sync + 'static {
    /// An account was opened, and the transaction that opens it is not committed yet.
    ///
    /// # Errors
    /// The sign-up fails with this error, and there is no account.
    fn account_opened(
        &self,
        transaction: &mut PgConnection,
        account: OpenedAccount<'_>,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        let _ = (transaction, account);
        async { Ok(()) }
    }

    /// An account is about to be deleted in this transaction, because its person has asked for it.
    /// All its sessions have ended.
    ///
    /// # Errors
    /// The deletion fails with this error, and the account stays.
    fn account_is_deleted(
        &self,
        transaction: &mut PgConnection,
        account_id: Uuid,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        let _ = (transaction, account_id);
        async { Ok(()) }
    }

    /// The claims to add to an access token that is about to be made: at a sign-in, a sign-up, a
    /// refresh and a change of the password. A handler reads them with `CurrentAccount::claims`,
    /// without the database. Other services find them in the token.
    ///
    /// The claims stay as they are until the access token expires (after five minutes by default),
    /// even if their source changes. The next refresh asks again. Everybody who has the token can
    /// read them.
    ///
    /// This function runs outside of Holdfast's transactions, and often: once for each refresh. So
    /// only read here, and use connections of the application's own. It has five seconds. At a
    /// sign-up ([`NewAccessToken::is_sign_up`]), the account is not in the database yet, so return
    /// what every new account has.
    ///
    /// ```
    /// use holdfast_server::hooks::{AddedClaims, Hooks, NewAccessToken};
    /// use serde::{Deserialize, Serialize};
    /// use sqlx::PgPool;
    ///
    /// struct Members {
    ///     pool: PgPool,
    /// }
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Membership {
    ///     role: String,
    /// }
    ///
    /// impl Hooks for Members {
    ///     async fn access_token_claims(
    ///         &self,
    ///         token: NewAccessToken,
    ///     ) -> anyhow::Result<AddedClaims> {
    ///         let role = "select role from public.members where account_id = $1";
    ///         let role = sqlx::query_scalar(role)
    ///             .bind(token.account_id)
    ///             .fetch_optional(&self.pool)
    ///             .await?;
    ///         let role = role.unwrap_or_else(|| "reader".to_owned());
    ///         Ok(AddedClaims::new(&Membership { role })?)
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// The request is answered with 503, nothing is lost, and the client tries again. The error is for
    /// the log only. To refuse a person, disable the account instead.
    fn access_token_claims(
        &self,
        token: NewAccessToken,
    ) -> impl Future<Output = anyhow::Result<AddedClaims>> + Send {
        let _ = token;
        async { Ok(AddedClaims::default()) }
    }
}

/// An access token that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewAccessToken {
    /// The account for which it is made.
    pub account_id: Uuid,
    /// The session for which it is made.
    pub session_id: Uuid,
    /// Whether a sign-up opens the account. Then the account is not in the database yet.
    pub is_sign_up: bool,
}

/// An account that was opened by a sign-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenedAccount<'a> {
    /// Its id, which never changes.
    pub account_id: Uuid,
    /// Its name, as the person has written it.
    pub username: &'a str,
}

/// An `async fn` that is the hook of an opened account; see
/// [`Builder::account_opened`](crate::builder::Builder::account_opened). Every `async fn` with these
/// arguments and this result is one.
pub trait OnOpened<'a>: Send + Sync + 'static {
    /// What it returns before it is awaited.
    type Done: Future<Output = Result<(), ApiError>> + Send + 'a;

    /// Calls it.
    fn run(&self, transaction: &'a mut PgConnection, account: OpenedAccount<'a>) -> Self::Done;
}

impl<'a, F, D> OnOpened<'a> for F
where
    F: Fn(&'a mut PgConnection, OpenedAccount<'a>) -> D + Send + Sync + 'static,
    D: Future<Output = Result<(), ApiError>> + Send + 'a,
{
    type Done = D;

    fn run(&self, transaction: &'a mut PgConnection, account: OpenedAccount<'a>) -> D {
        self(transaction, account)
    }
}

/// Hooks that are only a function for an opened account.
struct OnlyOpened<F>(F);

impl<F: for<'a> OnOpened<'a>> DynHooks for OnlyOpened<F> {
    fn run<'a>(
        &'a self,
        transaction: &'a mut PgConnection,
        change: Change<'a>,
    ) -> BoxFuture<'a, Result<(), ApiError>> {
        match change {
            Change::Opened(account) => Box::pin(self.0.run(transaction, account)),
            Change::IsDeleted(_) => Box::pin(async { Ok(()) }),
        }
    }

    fn access_token_claims(&self, _: NewAccessToken) -> BoxFuture<'_, anyhow::Result<AddedClaims>> {
        Box::pin(async { Ok(AddedClaims::default()) })
    }

    fn may_add_claims(&self) -> bool {
        false
    }
}

/// The hooks of this instance. Clones share them.
#[derive(Clone, Default)]
pub struct InstalledHooks(Option<Arc<dyn DynHooks>>);

impl InstalledHooks {
    /// Takes the hooks of an application.
    pub fn new(hooks: impl Hooks) -> Self {
        Self(Some(Arc::new(hooks)))
    }

    /// Takes only the function for an opened account.
    pub(crate) fn of_opened(hook: impl for<'a> OnOpened<'a>) -> Self {
        Self(Some(Arc::new(OnlyOpened(hook))))
    }

    /// Whether an application has hooks.
    pub(crate) fn are_some(&self) -> bool {
        self.0.is_some()
    }

    /// Tells the application that an account was opened.
    pub(crate) async fn account_opened(
        &self,
        transaction: &mut PgConnection,
        account_id: Uuid,
        username: &str,
    ) -> Result<(), ApiError> {
        let account = OpenedAccount {
            account_id,
            username,
        };
        self.tell(transaction, Change::Opened(account)).await
    }

    /// Tells the application that an account is about to be deleted.
    pub(crate) async fn account_is_deleted(
        &self,
        transaction: &mut PgConnection,
        account_id: Uuid,
    ) -> Result<(), ApiError> {
        self.tell(transaction, Change::IsDeleted(account_id)).await
    }

    /// Whether an application may add claims.
    pub(crate) fn are_installed(&self) -> bool {
        self.0.as_ref().is_some_and(|hooks| hooks.may_add_claims())
    }

    /// The claims that the application adds to this access token.
    pub(crate) async fn access_token_claims(
        &self,
        token: NewAccessToken,
    ) -> Result<AddedClaims, ApiError> {
        self.claims_within(PATIENCE, token).await
    }

    async fn claims_within(
        &self,
        patience: Duration,
        token: NewAccessToken,
    ) -> Result<AddedClaims, ApiError> {
        let Some(hooks) = &self.0 else {
            return Ok(AddedClaims::default());
        };
        let found = match timeout(patience, hooks.access_token_claims(token)).await {
            Ok(found) => found,
            Err(_) => Err(anyhow!("it did not answer within {patience:?}")),
        };
        found
            .context("the hook `access_token_claims` of the application failed")
            .map_err(ApiError::Unavailable)
    }

    async fn tell(
        &self,
        transaction: &mut PgConnection,
        change: Change<'_>,
    ) -> Result<(), ApiError> {
        let Some(hooks) = &self.0 else {
            return Ok(());
        };
        let before = store::transaction(transaction).await?;
        hooks.run(transaction, change).await.map_err(of_hook)?;
        is_as_before(transaction, &before).await
    }
}

/// What happens to an account.
enum Change<'a> {
    Opened(OpenedAccount<'a>),
    IsDeleted(Uuid),
}

/// Checks that a hook has left the transaction as it was. After an error that the hook has not
/// returned, Postgres would answer a commit with success and commit nothing. The error rolls back what
/// the hook has set.
async fn is_as_before(
    transaction: &mut PgConnection,
    before: &store::Transaction,
) -> Result<(), ApiError> {
    let now = store::transaction(transaction).await;
    let why = match now {
        Ok(now) if now == *before => return Ok(()),
        Ok(_) => anyhow!("it has ended the transaction, or changed the role or the search_path"),
        Err(error) => anyhow!(error),
    };
    let what = "a hook of the application has not left the transaction as it was";
    Err(ApiError::Internal(why.context(what)))
}

/// A table or a schema that is missing is a fault of the hook. Elsewhere it means that the database
/// is being restored, and the client would try again.
fn of_hook(error: ApiError) -> ApiError {
    match error {
        ApiError::Unavailable(cause) if is_wrong_statement(&cause) => {
            ApiError::Internal(cause.context("a statement of a hook of the application failed"))
        }
        error => error,
    }
}

fn is_wrong_statement(cause: &anyhow::Error) -> bool {
    let error = cause.downcast_ref::<sqlx::Error>();
    let error = error.and_then(sqlx::Error::as_database_error);
    let code = error.and_then(|error| error.code());
    code.is_some_and(|code| ["42P01", "42501", "3F000"].contains(&&*code))
}

/// [`Hooks`] of any type. A trait whose functions return futures cannot be used with `dyn`.
trait DynHooks: Send + Sync {
    fn run<'a>(
        &'a self,
        transaction: &'a mut PgConnection,
        change: Change<'a>,
    ) -> BoxFuture<'a, Result<(), ApiError>>;

    fn access_token_claims(
        &self,
        token: NewAccessToken,
    ) -> BoxFuture<'_, anyhow::Result<AddedClaims>>;

    /// `false` if it is known that it adds no claims.
    fn may_add_claims(&self) -> bool {
        true
    }
}

impl<T: Hooks> DynHooks for T {
    fn run<'a>(
        &'a self,
        transaction: &'a mut PgConnection,
        change: Change<'a>,
    ) -> BoxFuture<'a, Result<(), ApiError>> {
        match change {
            Change::Opened(account) => Box::pin(self.account_opened(transaction, account)),
            Change::IsDeleted(account_id) => {
                Box::pin(self.account_is_deleted(transaction, account_id))
            }
        }
    }

    fn access_token_claims(
        &self,
        token: NewAccessToken,
    ) -> BoxFuture<'_, anyhow::Result<AddedClaims>> {
        Box::pin(Hooks::access_token_claims(self, token))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Adds(&'static str);

    impl Hooks for Adds {
        async fn access_token_claims(&self, _: NewAccessToken) -> anyhow::Result<AddedClaims> {
            match self.0 {
                "nothing" => std::future::pending().await,
                name => Ok(AddedClaims::new(&json!({ name: 1 }))?),
            }
        }
    }

    #[tokio::test]
    async fn the_log_says_why_the_application_could_add_no_claims() {
        let token = NewAccessToken {
            account_id: Uuid::from_u128(1),
            session_id: Uuid::from_u128(2),
            is_sign_up: false,
        };
        for (name, sentence) in [
            ("sub", "the claim `sub` cannot be added"),
            ("nothing", "did not answer within 10ms"),
        ] {
            let hooks = InstalledHooks::new(Adds(name));
            let asked = hooks.claims_within(Duration::from_millis(10), token);
            let Err(ApiError::Unavailable(cause)) = asked.await else {
                panic!("{name} was added");
            };
            let cause = format!("{cause:#}");
            assert!(cause.contains("`access_token_claims`"), "{cause}");
            assert!(cause.contains(sentence), "{cause}");
        }
    }
}
