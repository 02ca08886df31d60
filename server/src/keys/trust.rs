//! What the instances know of each other's master secrets, and what this instance accepts because
//! of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_protocol::refresh_token::RefreshKey;

use super::master::{Fingerprint, Master, shown};
use crate::lifetimes::LONGEST_ACCESS_TOKEN;
use crate::setting::Setting;

/// Extra seconds for which access tokens of another secret are accepted. Instances report a use only
/// every ten seconds, so the last use may be later than the report.
pub(super) const RENEWAL_SLACK: u64 = 20;

/// For what a secret of this instance is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Refresh tokens and access tokens.
    All,
    /// Refresh tokens, and access tokens until this Unix time.
    AccessTokensUntil(u64),
    /// Nothing.
    Forbidden,
}

/// Why the secrets keep an instance from being ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// Other instances make tokens with secrets that this instance does not accept.
    #[error(
        "this instance does not accept every master secret in use (fingerprints: {}): a step of the change was skipped. Add that secret to {} here",
        .0.join(", "),
        Setting::PreviousSecrets
    )]
    Behind(Vec<String>),
    /// The current secret leaked.
    #[error(
        "the master secret of this instance was forbidden after a leak. Set {} to the new one",
        Setting::Secret
    )]
    Forbidden,
}

/// What the database says about one secret.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretInUse {
    /// Which secret.
    pub fingerprint: Vec<u8>,
    /// Whether it must not be trusted any more.
    pub is_forbidden: bool,
    /// How long ago an instance last made tokens with it.
    pub minted_ago: Duration,
}

impl SecretInUse {
    fn is(&self, fingerprint: &Fingerprint) -> bool {
        self.fingerprint[..] == fingerprint[..]
    }
}

/// What is known about the secrets that the instances use.
pub(super) struct Standing {
    /// For each secret of this instance.
    pub(super) uses: Vec<Use>,
    /// The refresh keys of the secrets that are not forbidden.
    pub(super) refresh: Arc<[RefreshKey]>,
    /// Counts the changes of the two above.
    pub(super) version: u64,
    pub(super) obstacle: Option<Obstacle>,
    /// `true` if the fingerprint of the current secret is in the database, or if no task writes it
    /// there.
    pub(super) is_entered: bool,
    /// When the secrets were last read, and how long this read allows the instance to make
    /// tokens. `None` if no task reads them.
    pub(super) read: Option<(Instant, Duration)>,
}

impl Standing {
    /// Every secret is accepted until the database says something else.
    pub(super) fn new(secrets: &[Master]) -> Self {
        let uses = vec![Use::All; secrets.len()];
        Self {
            refresh: accepted(secrets, &uses),
            uses,
            version: 0,
            obstacle: None,
            is_entered: true,
            read: None,
        }
    }

    /// See [`Keys::learn`](super::Keys::learn).
    pub(super) fn learn(
        &mut self,
        secrets: &[Master],
        in_use: &[SecretInUse],
        longest_session: Duration,
        now: u64,
    ) {
        let uses = uses(secrets, in_use, now);
        let missing = missing(secrets, in_use, longest_session);
        self.obstacle = if uses[0] == Use::Forbidden {
            Some(Obstacle::Forbidden)
        } else if missing.is_empty() {
            None
        } else {
            Some(Obstacle::Behind(missing))
        };
        // The last report about a secret gets newer every ten seconds. A second more or less is
        // no reason to derive the keys again.
        let is_news = self.uses.iter().zip(&uses).any(|pair| match pair {
            (Use::AccessTokensUntil(before), Use::AccessTokensUntil(after)) => {
                before.abs_diff(*after) > RENEWAL_SLACK / 4
            }
            (before, after) => before != after,
        });
        if is_news {
            self.refresh = accepted(secrets, &uses);
            self.uses = uses;
            self.version += 1;
        }
    }

    pub(super) fn is_forbidden(&self) -> bool {
        self.obstacle == Some(Obstacle::Forbidden)
    }

    pub(super) fn may_mint_at(&self, now: Instant) -> bool {
        let is_fresh = |(at, good_for): (Instant, Duration)| at + good_for > now;
        self.is_entered && !self.is_forbidden() && self.read.is_none_or(is_fresh)
    }
}

/// For what each secret is accepted. The current one comes first.
fn uses(secrets: &[Master], in_use: &[SecretInUse], now: u64) -> Vec<Use> {
    let use_of = |(n, secret): (usize, &Master)| {
        let mut in_use = in_use.iter();
        match in_use.find(|known| known.is(&secret.fingerprint)) {
            Some(known) if known.is_forbidden => Use::Forbidden,
            Some(known) if n > 0 => {
                let minted_at = now.saturating_sub(known.minted_ago.as_secs());
                Use::AccessTokensUntil(minted_at + LONGEST_ACCESS_TOKEN.as_secs() + RENEWAL_SLACK)
            }
            _ => Use::All,
        }
    };
    secrets.iter().enumerate().map(use_of).collect()
}

/// The secrets that other instances use and that this instance does not have, as an operator sees
/// them.
fn missing(secrets: &[Master], in_use: &[SecretInUse], longest_session: Duration) -> Vec<String> {
    let is_ours = |known: &&SecretInUse| {
        let mut ours = secrets.iter();
        ours.any(|secret| known.is(&secret.fingerprint))
    };
    in_use
        .iter()
        .filter(|known| !known.is_forbidden && known.minted_ago <= longest_session)
        .filter(|known| !is_ours(known))
        .map(|known| shown(&known.fingerprint))
        .collect()
}

/// See [`Keys::belong_to`](super::Keys::belong_to).
pub(super) fn belong_to(
    secrets: &[Master],
    in_use: &[SecretInUse],
    longest_session: Duration,
) -> bool {
    let is_entered = in_use
        .iter()
        .any(|known| known.is(&secrets[0].fingerprint) && !known.is_forbidden);
    is_entered && missing(secrets, in_use, longest_session).is_empty()
}

fn accepted(secrets: &[Master], uses: &[Use]) -> Arc<[RefreshKey]> {
    let uses = secrets.iter().zip(uses);
    uses.filter(|(_, usable)| **usable != Use::Forbidden)
        .map(|(secret, _)| secret.refresh.clone())
        .collect()
}
