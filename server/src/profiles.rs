//! A cache of the names and creation dates of accounts. Both never change. So a page that
//! shows them needs no query, and it works while the database does not answer.

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

    /// Removes an account that is being deleted.
    pub fn forget(&self, account_id: Uuid) {
        self.0.remove(&account_id);
    }
}
