//! A cache of the names and creation dates of accounts. So a page that shows them needs no query, and
//! it works while the database does not answer.
//!
//! A name may change. The instance that changes it removes the account from its own cache. The others
//! learn of it within a second, from the same read as the endings (`endings/reader.rs`).

use std::sync::Arc;

use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::error::ApiError;
use crate::store::Pool;
use crate::store::accounts::{self, Profile};

/// The most accounts that are remembered; about 200 bytes each.
const MOST: usize = 10_000;

/// The profiles of the accounts that were used lately. Clones share them.
#[derive(Clone, Debug)]
pub struct Profiles(Arc<Cache<Uuid, Profile>>);

impl Default for Profiles {
    fn default() -> Self {
        Self(Arc::new(Cache::new(MOST)))
    }
}

impl Profiles {
    /// The profile of an account whose access token was just accepted. This does not check
    /// that the account still exists, because its deletion ends its sessions. `None` if
    /// there is no such account: [`crate::sessions::gone`] then says what to answer.
    ///
    /// # Errors
    /// 503 if the profile is not in the cache and the database does not answer.
    pub async fn get(&self, pool: &Pool, account_id: Uuid) -> Result<Option<Profile>, ApiError> {
        if let Some(profile) = self.0.get(&account_id) {
            return Ok(Some(profile));
        }
        let mut connection = pool.acquire().await?;
        let profile = accounts::lookup_profile(&mut connection, account_id).await?;
        connection.release();
        if let Some(profile) = &profile {
            self.0.insert(account_id, profile.clone());
        }
        Ok(profile)
    }

    /// Removes an account that was deleted or has a new name.
    pub fn forget(&self, account_id: Uuid) {
        self.0.remove(&account_id);
    }

    /// Removes all accounts, because names may have changed of which this instance did not learn.
    pub fn forget_all(&self) {
        self.0.clear();
    }
}
