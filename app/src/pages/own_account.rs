//! The account of the person, for forms that need its name.

use holdfast_client::{SessionResource, use_session};
use holdfast_protocol::wire::{Account, paths as api};
use leptos::prelude::*;

/// The account, and its name; the name is empty until the account has arrived. Password managers need
/// the name beside a password.
pub(super) fn own_account() -> (SessionResource<Account>, Memo<String>) {
    let session = use_session();
    let account = session.resource(|api| async move { api.get::<Account>(api::ACCOUNT).await });
    let username = Memo::new(move |_| match account.get() {
        Some(Ok(account)) => account.username,
        _ => String::new(),
    });
    (account, username)
}
