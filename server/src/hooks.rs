//! What an application does when an account is opened or deleted.

use std::sync::Arc;

use anyhow::anyhow;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::ApiError;
use crate::store;

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
}
