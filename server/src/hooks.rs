//! What an application does when an account is opened or deleted.

use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::ApiError;

/// What an application does in the transactions of Holdfast. Each function does nothing unless the
/// application writes its own. Pass a value of the type to
/// [`Builder::hooks`](crate::builder::Builder::hooks).
///
/// In these transactions, Postgres looks for tables in the schema of Holdfast only. So name the
/// schema of your own tables: `public.notes`. If a function fails, the transaction is rolled back, and
/// the person gets the error. All its statements together may take 12 seconds.
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

/// The hooks of this instance. Clones share them.
#[derive(Clone)]
pub struct InstalledHooks(Arc<dyn DynHooks>);

impl InstalledHooks {
    /// Takes the hooks of an application.
    pub fn new(hooks: impl Hooks) -> Self {
        Self(Arc::new(hooks))
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
        self.0.account_opened(transaction, account).await
    }

    /// Tells the application that an account is about to be deleted.
    pub(crate) async fn account_is_deleted(
        &self,
        transaction: &mut PgConnection,
        account_id: Uuid,
    ) -> Result<(), ApiError> {
        self.0.account_is_deleted(transaction, account_id).await
    }
}

/// For an instance without hooks.
impl Default for InstalledHooks {
    fn default() -> Self {
        struct Nothing;
        impl Hooks for Nothing {}
        Self::new(Nothing)
    }
}

/// [`Hooks`] of any type: a trait with futures of its own is no type.
trait DynHooks: Send + Sync {
    fn account_opened<'a>(
        &'a self,
        transaction: &'a mut PgConnection,
        account: OpenedAccount<'a>,
    ) -> BoxFuture<'a, Result<(), ApiError>>;

    fn account_is_deleted<'a>(
        &'a self,
        transaction: &'a mut PgConnection,
        account_id: Uuid,
    ) -> BoxFuture<'a, Result<(), ApiError>>;
}

impl<T: Hooks> DynHooks for T {
    fn account_opened<'a>(
        &'a self,
        transaction: &'a mut PgConnection,
        account: OpenedAccount<'a>,
    ) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(Hooks::account_opened(self, transaction, account))
    }

    fn account_is_deleted<'a>(
        &'a self,
        transaction: &'a mut PgConnection,
        account_id: Uuid,
    ) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(Hooks::account_is_deleted(self, transaction, account_id))
    }
}
