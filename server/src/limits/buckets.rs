//! Buckets by key: a number of attempts at once, and then one more in each period.
//!
//! governor does the arithmetic (the generic cell rate algorithm). The map is our own,
//! because a flood from many addresses must not fill the memory: there are never more buckets
//! than the bound allows. A key that finds no room is not limited until a sweep has made
//! room. If such keys were refused, or shared one bucket, an attacker with many keys could
//! keep all others out. The queue and the pool have bounds of their own.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};

/// Buckets of one size, by key.
pub struct Buckets<K: Hash + Eq + Copy, C: Clock = MonotonicClock>(
    RateLimiter<K, Kept<K>, C, NoOpMiddleware<C::Instant>>,
);

/// The key whose bucket is used if there is no room for a bucket of its own.
type Fold<K> = fn(&K) -> K;

struct Kept<K> {
    buckets: Mutex<HashMap<K, Nanos>>,
    /// How many keys have a bucket of their own.
    most: usize,
    /// The key whose bucket is used beyond that, and how many buckets there may be in all.
    fold: Option<(Fold<K>, usize)>,
}

impl<K: Hash + Eq + Copy> Buckets<K> {
    /// Allows `at_once` attempts, and then one more in each `every`. Beyond `most` keys, new
    /// ones are not limited until a sweep has made room.
    pub fn new(at_once: u32, every: Duration, most: usize) -> Self {
        Self::with(at_once, every, most, None, MonotonicClock)
    }

    /// Does the same, but beyond `most` keys a new one uses the bucket of the key that `fold`
    /// returns for it. There is room for `most / 4` of these shared buckets.
    pub fn folding(at_once: u32, every: Duration, most: usize, fold: Fold<K>) -> Self {
        Self::with(at_once, every, most, Some(fold), MonotonicClock)
    }
}

impl<K: Hash + Eq + Copy, C: Clock> Buckets<K, C> {
    fn with(at_once: u32, every: Duration, most: usize, fold: Option<Fold<K>>, clock: C) -> Self {
        let at_once = NonZeroU32::new(at_once).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(every.max(Duration::from_nanos(1)))
            .unwrap_or_else(|| unreachable!("the period is not zero"))
            .allow_burst(at_once);
        let kept = Kept {
            buckets: Mutex::default(),
            most,
            fold: fold.map(|fold| (fold, most + most / 4)),
        };
        Self(RateLimiter::new(quota, kept, clock))
    }

    /// Takes one attempt out of the bucket of this key.
    ///
    /// # Errors
    /// How long to wait for the next one, if the bucket is empty.
    pub fn take(&self, key: &K) -> Result<(), Duration> {
        self.0.check_key(key).map_err(|not_until| {
            let now = self.0.clock().now();
            not_until.earliest_possible().duration_since(now).into()
        })
    }

    /// Forgets the buckets that are full again.
    pub fn sweep(&self) {
        self.0.retain_recent();
        self.0.shrink_to_fit();
    }

    /// How many buckets are remembered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq + Copy> StateStore for Kept<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut buckets = self.buckets.lock().unwrap_or_else(|p| p.into_inner());
        let Some(key) = self.counted_as(&buckets, *key) else {
            return measure(None).map(|(taken, _)| taken);
        };
        let (taken, bucket) = measure(buckets.get(&key).copied())?;
        buckets.insert(key, bucket);
        Ok(taken)
    }
}

impl<K: Hash + Eq + Copy> Kept<K> {
    /// The key whose bucket counts for this one. `None` if there is no room for a bucket.
    fn counted_as(&self, buckets: &HashMap<K, Nanos>, key: K) -> Option<K> {
        let has_room = |key: &K, most| buckets.len() < most || buckets.contains_key(key);
        if has_room(&key, self.most) {
            return Some(key);
        }
        let (fold, most) = self.fold?;
        let folded = fold(&key);
        has_room(&folded, most).then_some(folded)
    }
}

impl<K: Hash + Eq + Copy> ShrinkableKeyedStateStore<K> for Kept<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        let mut buckets = self.buckets.lock().unwrap_or_else(|p| p.into_inner());
        buckets.retain(|_, bucket| *bucket > drop_below);
    }

    fn shrink_to_fit(&self) {
        let mut buckets = self.buckets.lock().unwrap_or_else(|p| p.into_inner());
        buckets.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.buckets.lock().unwrap_or_else(|p| p.into_inner()).len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const EVERY: Duration = Duration::from_secs(3);

    fn buckets(most: usize, fold: Option<fn(&u32) -> u32>) -> Buckets<u32, FakeRelativeClock> {
        Buckets::with(20, EVERY, most, fold, FakeRelativeClock::default())
    }

    fn taken(buckets: &Buckets<u32, FakeRelativeClock>, key: u32, tries: usize) -> usize {
        (0..tries).filter(|_| buckets.take(&key).is_ok()).count()
    }

    #[test]
    fn a_number_at_once_and_then_one_every_three_seconds() {
        let buckets = buckets(100, None);
        assert_eq!(taken(&buckets, 1, 30), 20);
        assert_eq!(buckets.take(&1), Err(EVERY));
        assert_eq!(taken(&buckets, 2, 1), 1);
        buckets.0.clock().advance(EVERY);
        assert_eq!(taken(&buckets, 1, 30), 1);
        buckets.0.clock().advance(EVERY * 100);
        assert_eq!(taken(&buckets, 1, 30), 20);
    }

    #[test]
    fn a_full_bucket_is_forgotten_and_an_empty_one_is_not() {
        let buckets = buckets(100, None);
        taken(&buckets, 1, 20);
        taken(&buckets, 2, 1);
        buckets.0.clock().advance(EVERY * 2);
        buckets.sweep();
        assert_eq!(buckets.len(), 1);
        assert_eq!(taken(&buckets, 1, 20), 2);
    }

    #[test]
    fn beyond_the_bound_new_keys_share_a_bucket_and_old_ones_do_not() {
        let buckets = buckets(10, Some(|_| 1000));
        (0..10).for_each(|key| assert_eq!(taken(&buckets, key, 1), 1));
        let shared: usize = (100..200).map(|key| taken(&buckets, key, 1)).sum();
        assert_eq!(shared, 20);
        assert_eq!(buckets.len(), 11);
        assert_eq!(taken(&buckets, 5, 30), 19);
    }

    #[test]
    fn there_are_never_more_buckets_than_the_bound() {
        // Each new key would use the bucket of another key.
        let buckets = buckets(8, Some(|key| key + 1_000_000));
        let let_through: usize = (0..1000).map(|key| taken(&buckets, key, 1)).sum();
        assert_eq!(buckets.len(), 10);
        // A key that finds no room is let through, and a key with a bucket is still counted.
        assert_eq!(let_through, 1000);
        assert_eq!(taken(&buckets, 7, 30), 19);
        assert_eq!(taken(&buckets, 9, 30), 19);
        assert_eq!(taken(&buckets, 10, 30), 30);
        assert_eq!(buckets.len(), 10);
    }

    #[test]
    fn without_folding_the_bound_holds_as_well() {
        let buckets = buckets(8, None);
        let let_through: usize = (0..1000).map(|key| taken(&buckets, key, 1)).sum();
        assert_eq!((let_through, buckets.len()), (1000, 8));
        assert_eq!(taken(&buckets, 7, 30), 19);
    }
}
