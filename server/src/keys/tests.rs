use super::trust::RENEWAL_SLACK;
use super::*;
use crate::lifetimes::LONGEST_ACCESS_TOKEN;

fn keys(secrets: &[u8]) -> Keys {
    Keys::new(
        secrets
            .iter()
            .map(|s| Zeroizing::new(vec![*s; 32]))
            .collect(),
        0,
    )
}

#[test]
fn neighbouring_epochs_know_each_others_keys() {
    let keys = keys(&[1]);
    let epoch = |n: u64| keys.signing_keys(n * EPOCH_SECONDS);
    let (one, two, three) = (epoch(100), epoch(101), epoch(102));
    assert_ne!(one.kid, two.kid);
    let knows = |keys: &SigningKeys, kid: &str| keys.find(kid, 0).is_some();
    assert!(knows(&one, &two.kid) && knows(&two, &one.kid));
    assert!(knows(&three, &two.kid) && !knows(&three, &one.kid));
}

#[test]
fn instances_with_the_same_secret_have_the_same_keys() {
    let kid = |keys: &Keys| keys.signing_keys(7 * EPOCH_SECONDS).kid.clone();
    assert_eq!(kid(&keys(&[1])), kid(&keys(&[1, 2])));
    assert_ne!(kid(&keys(&[1])), kid(&keys(&[2, 1])));
}

#[test]
fn a_previous_secret_is_accepted_and_published() {
    let old = keys(&[1]).signing_keys(EPOCH_SECONDS);
    let new = keys(&[2, 1]).signing_keys(EPOCH_SECONDS);
    assert!(new.find(&old.kid, EPOCH_SECONDS).is_some());
    assert_eq!(new.jwks(0)["keys"].as_array().unwrap().len(), 6);
}

const NOW: u64 = 700 * EPOCH_SECONDS;
const TTL: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(90 * 24 * 60 * 60);

fn in_use(secret: u8, minted_ago: u64) -> SecretInUse {
    SecretInUse {
        fingerprint: fingerprint(&[secret; 32]).to_vec(),
        is_forbidden: false,
        minted_ago: Duration::from_secs(minted_ago),
    }
}

fn forbidden(secret: u8) -> SecretInUse {
    SecretInUse {
        is_forbidden: true,
        ..in_use(secret, 0)
    }
}

fn is_accepted(keys: &Keys, secret: u8) -> bool {
    let id = refresh_key(&[secret; 32]).mac;
    keys.refresh_keys().iter().any(|key| key.mac == id)
}

#[test]
fn access_tokens_of_a_previous_secret_are_accepted_for_one_lifetime_after_its_last_use() {
    let old_kid = keys(&[1]).signing_keys(NOW).kid.clone();
    let new = keys(&[2, 1]);
    new.learn(&[in_use(1, 100), in_use(2, 0)], LONGEST, NOW);
    let signing = new.signing_keys(NOW);
    let last = NOW - 100 + LONGEST_ACCESS_TOKEN.as_secs() + RENEWAL_SLACK;
    assert!(signing.find(&old_kid, last).is_some());
    assert!(signing.find(&old_kid, last + 1).is_none());
    let published = signing.jwks(last + 1)["keys"].as_array().unwrap().len();
    assert_eq!(published, 3);
    // Its refresh tokens are valid for as long as it is configured.
    assert!(is_accepted(&new, 1));
    // It is used again: a rollback.
    let later = last + 1000;
    new.learn(&[in_use(1, 0), in_use(2, 0)], LONGEST, later);
    assert!(new.signing_keys(NOW).find(&old_kid, later + 200).is_some());
}

#[test]
fn the_next_secret_is_trusted_before_an_instance_makes_tokens_with_it() {
    let announced = keys(&[1, 2]);
    announced.learn(&[in_use(1, 0)], LONGEST, NOW);
    let next = keys(&[2]).signing_keys(NOW).kid.clone();
    assert!(
        announced
            .signing_keys(NOW)
            .find(&next, NOW + 1000)
            .is_some()
    );
    assert_eq!(announced.obstacle(), None);
}

#[test]
fn an_instance_that_misses_a_secret_in_use_is_behind_until_that_is_long_ago() {
    let keys = keys(&[1]);
    keys.learn(&[in_use(1, 0), in_use(2, 0)], LONGEST, NOW);
    let missing = shown(&fingerprint(&[2; 32]));
    assert_eq!(keys.obstacle(), Some(Obstacle::Behind(vec![missing])));
    assert!(keys.may_mint());
    let long_ago = LONGEST.as_secs() + 1;
    keys.learn(&[in_use(1, 0), in_use(2, long_ago)], LONGEST, NOW);
    assert_eq!(keys.obstacle(), None);
}

#[test]
fn a_forbidden_secret_is_accepted_for_no_token() {
    let old_kid = keys(&[1]).signing_keys(NOW).kid.clone();
    let new = keys(&[2, 1]);
    new.learn(&[forbidden(1), in_use(2, 0)], LONGEST, NOW);
    assert!(new.signing_keys(NOW).find(&old_kid, NOW).is_none());
    assert!(!is_accepted(&new, 1) && is_accepted(&new, 2));
    assert_eq!(new.for_purpose::<32>(b"a purpose").count(), 1);
    assert_eq!((new.obstacle(), new.may_mint()), (None, true));
    let old = keys(&[1]);
    old.learn(&[forbidden(1), in_use(2, 0)], LONGEST, NOW);
    assert_eq!(old.obstacle(), Some(Obstacle::Forbidden));
    assert!(!old.may_mint() && old.refresh_keys().is_empty());
}

#[test]
fn an_instance_that_has_not_read_for_one_lifetime_makes_no_tokens() {
    let keys = keys(&[1]);
    assert!(keys.may_mint());
    let read_at = Instant::now();
    keys.note_read(read_at, TTL);
    let second = Duration::from_secs(1);
    assert!(keys.may_mint_at(read_at + TTL - second));
    assert!(!keys.may_mint_at(read_at + TTL));
    keys.note_read(read_at + TTL, TTL);
    assert!(keys.may_mint_at(read_at + TTL + second));
}

#[test]
fn keys_do_not_print() {
    assert_eq!(
        format!("{:?}", keys(&[1, 2])),
        "Keys(2 secrets, [redacted])"
    );
}
