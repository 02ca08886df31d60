//! The server's whole decision about a refresh token.
//!
//! [`decide`] is the rule. The server first tries the common case, number 3, with one conditional
//! `update` (`server/src/store/sessions.rs`). If the `update` changes no row,
//! `server/src/sessions/refresh.rs` calls [`decide`]. A test runs both on random rows and tokens
//! and compares the results.
//!
//! In the table, `g` is the generation of the presented token, `n` is the generation of the row,
//! and `k` is the attempt key of the request. The MAC of the token is right.
//!
//! | # | case | answer |
//! | --- | --- | --- |
//! | 1 | no such session | [`Rotation::Ended`] |
//! | 2 | past its end, or idle for too long | [`Rotation::Expired`] |
//! | 3 | `g = n`, hash matches | [`Rotation::Rotate`] |
//! | 4 | `g = n`, hash differs | [`Rotation::Reuse`] |
//! | 5 | `n < g ≤ n + 4096` | [`Rotation::RotateForward`] |
//! | 6 | `g = n − 1`, `k` is the newest stored key, and the token and `k` together give the stored hash | [`Rotation::Repeat`] |
//! | 7 | `g < n`, and (`k` is remembered for `g`, or the row has a blank for `g`) | [`Rotation::Conflict`] |
//! | 8 | `g = n − 1`, another key, within 30 s | [`Rotation::Conflict`] |
//! | 9 | any other `g < n` | [`Rotation::Reuse`] |
//!
//! The last generation has no successor. If `g` is the last generation, the answer is
//! [`Rotation::Expired`] in case 3 and [`Rotation::Reuse`] in case 5.
//!
//! The list of attempt keys has a blank ([`AttemptMark::BLANK`]) for each generation that a
//! forward rotation has skipped.
//!
//! A plain OAuth client sends no attempt keys. Only for such a client, `g = n − 1` is also a repeat
//! under these conditions: the token leads to the stored hash, the rotation had no key, the request
//! has no key, and the rotation was at most 10 s ago.
//!
//! Reuse is an outcome, not an error: the caller ends the session, **commits**, and answers 401
//! after the commit (RFC 9700 §4.14.2).

use crate::attempt_key::AttemptMark;

/// How many attempt keys a session remembers. The number comes from a random exploration
/// with delayed and duplicated messages over three tabs: with one key the honest browser
/// was signed out in every run, with eight in 3 % of the runs, with sixteen in none of
/// 10,000.
pub const REMEMBERED_KEYS: usize = 16;

/// How many generations a genuine token may be ahead of the row. This only happens if the
/// database lost its last commits. We assume that the database never loses more generations of one
/// session than this.
pub const FORWARD_LIMIT: u32 = 4096;

/// The number of seconds after a rotation during which a request with another attempt key counts as
/// a race.
pub const RACE_SECONDS: i64 = 30;

/// The number of seconds after a rotation during which a client without attempt keys may repeat the
/// request.
pub const PLAIN_REPEAT_SECONDS: i64 = 10;

/// A point in time on the database's clock, or a duration on it, in microseconds.
pub type Micros = i64;

const SECOND: Micros = 1_000_000;

/// The token that the client presented; its MAC has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    /// Link number of the token.
    pub generation: u32,
    /// SHA-256 of its secret.
    pub token_hash: [u8; 32],
    /// SHA-256 of the secret that is derived from the token and the attempt key.
    pub successor_hash: [u8; 32],
    /// The mark of the attempt key.
    pub attempt: AttemptMark,
    /// Whether the token came to the OAuth endpoint, whose clients send no attempt keys.
    pub plain_client: bool,
}

/// The columns of the session's row that the rule reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Link number of the current token.
    pub generation: u32,
    /// SHA-256 of the current token's secret.
    pub token_hash: [u8; 32],
    /// The marks of the last attempt keys, newest first; the first one made the
    /// current token.
    pub attempt_keys: Vec<AttemptMark>,
    /// When the current token was made.
    pub rotated_at: Micros,
    /// When the session is over. It never changes.
    pub expires_at: Micros,
    /// After this many seconds without a renewal, the session expires.
    pub idle_seconds: i64,
}

/// Why a session has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// The end of the session, which was fixed at the sign-in, has come.
    Absolute,
    /// No client has renewed the session for too long.
    Idle,
}

/// What happens to a presented refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The current token: replace it by its successor.
    Rotate,
    /// Genuine and newer than the row: replace the row by the token's successor.
    RotateForward {
        /// The row goes from generation `n` to `g + 1`. This is `g − n`, the number of generations
        /// that it skips.
        skipped: u32,
    },
    /// The same request again: answer with the current token, change nothing.
    Repeat {
        /// Whether the repeat came so late that a race does not explain it. Then the caller writes
        /// an event.
        late: bool,
    },
    /// The token is spent, but a race or a late duplicate explains this. The caller answers 409 and
    /// changes nothing.
    Conflict,
    /// There is no such session.
    Ended,
    /// The session has expired. The caller ends it.
    Expired(Expiry),
    /// The token is spent, and nothing explains this. The caller ends the session and commits
    /// before it answers.
    Reuse,
}

/// Decides about one presented token.
///
/// `now` is the database's clock. `waited` is how long this request has already waited inside the
/// server. It is subtracted from the time since the last rotation, so that a slow database does not
/// turn a race into reuse.
pub fn decide(
    presented: &Presented,
    session: Option<&StoredSession>,
    now: Micros,
    waited: Micros,
) -> Rotation {
    let Some(session) = session else {
        return Rotation::Ended;
    };
    if let Some(expiry) = expiry(session, now) {
        return Rotation::Expired(expiry);
    }
    let (g, n) = (presented.generation, session.generation);
    if g == n {
        return if presented.token_hash != session.token_hash {
            Rotation::Reuse
        } else if g == crate::refresh_token::LAST_GENERATION {
            Rotation::Expired(Expiry::Absolute)
        } else {
            Rotation::Rotate
        };
    }
    if g > n {
        let skipped = g - n;
        // The last generation has no successor, so the session cannot go on.
        return if skipped <= FORWARD_LIMIT && g < crate::refresh_token::LAST_GENERATION {
            Rotation::RotateForward { skipped }
        } else {
            Rotation::Reuse
        };
    }

    let age = (now - session.rotated_at - waited).max(0);
    let spent_before = usize::try_from(n - 1 - g).unwrap_or(usize::MAX);
    let remembered = session.attempt_keys.get(spent_before).copied();
    let has_key = presented.attempt != AttemptMark::WITHOUT_KEY;
    if spent_before == 0 && presented.successor_hash == session.token_hash {
        if has_key && remembered == Some(presented.attempt) {
            return Rotation::Repeat {
                late: age > RACE_SECONDS * SECOND,
            };
        }
        if presented.plain_client
            && remembered == Some(AttemptMark::WITHOUT_KEY)
            && !has_key
            && age <= PLAIN_REPEAT_SECONDS * SECOND
        {
            return Rotation::Repeat { late: false };
        }
    }
    match remembered {
        Some(AttemptMark::BLANK) => Rotation::Conflict,
        Some(mark) if has_key && mark == presented.attempt => Rotation::Conflict,
        _ if spent_before == 0 && age <= RACE_SECONDS * SECOND => Rotation::Conflict,
        _ => Rotation::Reuse,
    }
}

/// Whether a session has expired at `now`, and why.
pub fn expiry(session: &StoredSession, now: Micros) -> Option<Expiry> {
    if now >= session.expires_at {
        Some(Expiry::Absolute)
    } else if now - session.rotated_at >= session.idle_seconds.saturating_mul(SECOND) {
        Some(Expiry::Idle)
    } else {
        None
    }
}

/// The marks that a rotation puts in front of the remembered ones: first the attempt's
/// own, then one blank for each generation that a forward rotation skipped. The row
/// keeps the first [`REMEMBERED_KEYS`] of all these marks.
pub fn new_marks(attempt: AttemptMark, skipped: u32) -> Vec<u8> {
    let blanks = usize::try_from(skipped)
        .unwrap_or(usize::MAX)
        .min(REMEMBERED_KEYS - 1);
    let mut marks = attempt.as_bytes().to_vec();
    marks.extend_from_slice(&AttemptMark::BLANK.as_bytes().repeat(blanks));
    marks
}

/// Reads `sessions.attempt_keys`: marks of eight bytes, newest first.
pub fn read_marks(stored: &[u8]) -> Vec<AttemptMark> {
    stored
        .chunks_exact(AttemptMark::LENGTH)
        .filter_map(AttemptMark::from_stored)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt_key::AttemptKey;

    const NOW: Micros = 1_000_000 * SECOND;

    fn mark(n: u8) -> AttemptMark {
        AttemptMark::of(Some(&AttemptKey::from_random([n; 16])))
    }

    /// A session at generation 20 whose keys of the last 16 rotations are
    /// `mark(20)` (made generation 20), `mark(19)`, …
    fn session() -> StoredSession {
        StoredSession {
            generation: 20,
            token_hash: [20; 32],
            attempt_keys: (5..=20).rev().map(mark).collect(),
            rotated_at: NOW - 5 * SECOND,
            expires_at: NOW + 1000 * SECOND,
            idle_seconds: 500,
        }
    }

    /// The token of a generation, presented with the attempt key that spent it.
    fn token(generation: u8) -> Presented {
        Presented {
            generation: generation.into(),
            token_hash: [generation; 32],
            successor_hash: [generation + 1; 32],
            attempt: mark(generation + 1),
            plain_client: false,
        }
    }

    fn with_age(seconds: i64) -> StoredSession {
        StoredSession {
            rotated_at: NOW - seconds * SECOND,
            ..session()
        }
    }

    fn on(presented: Presented, session: &StoredSession) -> Rotation {
        decide(&presented, Some(session), NOW, 0)
    }

    #[test]
    fn case_1_no_session() {
        assert_eq!(decide(&token(20), None, NOW, 0), Rotation::Ended);
    }

    #[test]
    fn case_2_expired_whatever_the_token() {
        let over = StoredSession {
            expires_at: NOW,
            ..session()
        };
        let idle = with_age(500);
        for generation in [3, 19, 20, 21] {
            assert_eq!(
                on(token(generation), &over),
                Rotation::Expired(Expiry::Absolute)
            );
            assert_eq!(
                on(token(generation), &idle),
                Rotation::Expired(Expiry::Idle)
            );
        }
        let last_moment = StoredSession {
            expires_at: NOW + 1,
            ..with_age(499)
        };
        assert_eq!(on(token(20), &last_moment), Rotation::Rotate);
    }

    #[test]
    fn case_3_the_current_token_rotates_with_any_key() {
        assert_eq!(on(token(20), &session()), Rotation::Rotate);
        let keyless = Presented {
            attempt: AttemptMark::WITHOUT_KEY,
            ..token(20)
        };
        assert_eq!(on(keyless, &session()), Rotation::Rotate);
    }

    #[test]
    fn case_4_another_branch_of_the_same_generation_is_reuse() {
        let branch = Presented {
            token_hash: [99; 32],
            ..token(20)
        };
        assert_eq!(on(branch, &session()), Rotation::Reuse);
    }

    #[test]
    fn case_5_a_newer_token_rotates_forward_within_the_limit() {
        for (ahead, expected) in [
            (1, Rotation::RotateForward { skipped: 1 }),
            (
                FORWARD_LIMIT,
                Rotation::RotateForward {
                    skipped: FORWARD_LIMIT,
                },
            ),
            (FORWARD_LIMIT + 1, Rotation::Reuse),
            (u32::MAX - 20, Rotation::Reuse),
        ] {
            let newer = Presented {
                generation: 20 + ahead,
                ..token(20)
            };
            assert_eq!(on(newer, &session()), expected, "{ahead}");
        }
    }

    #[test]
    fn case_6_a_repeat_gets_the_same_successor_at_any_time() {
        assert_eq!(on(token(19), &session()), Rotation::Repeat { late: false });
        assert_eq!(
            on(token(19), &with_age(30)),
            Rotation::Repeat { late: false }
        );
        assert_eq!(
            on(token(19), &with_age(31)),
            Rotation::Repeat { late: true }
        );
        assert_eq!(
            on(token(19), &with_age(499)),
            Rotation::Repeat { late: true }
        );
    }

    #[test]
    fn case_6_needs_the_key_and_the_hash() {
        let another_branch = Presented {
            successor_hash: [99; 32],
            ..token(19)
        };
        assert_eq!(on(another_branch, &with_age(60)), Rotation::Conflict);
        let another_key = Presented {
            attempt: mark(99),
            ..token(19)
        };
        assert_eq!(on(another_key, &with_age(60)), Rotation::Reuse);
    }

    #[test]
    fn case_7_a_late_duplicate_is_a_conflict_up_to_sixteen_generations() {
        for generation in 4..=18 {
            assert_eq!(
                on(token(generation), &with_age(400)),
                Rotation::Conflict,
                "{generation}"
            );
        }
        assert_eq!(on(token(3), &with_age(400)), Rotation::Reuse);
    }

    #[test]
    fn case_7_a_key_is_remembered_for_its_own_generation_only() {
        let shifted = Presented {
            attempt: mark(10),
            ..token(10)
        };
        assert_eq!(on(shifted, &with_age(60)), Rotation::Reuse);
    }

    #[test]
    fn case_7_a_skipped_generation_conflicts_with_any_key() {
        let mut session = with_age(60);
        session.attempt_keys[4] = AttemptMark::BLANK; // made generation 16, spent 15
        let unknown = Presented {
            attempt: mark(99),
            ..token(15)
        };
        assert_eq!(on(unknown, &session), Rotation::Conflict);
        let keyless = Presented {
            attempt: AttemptMark::WITHOUT_KEY,
            ..token(15)
        };
        assert_eq!(on(keyless, &session), Rotation::Conflict);
    }

    #[test]
    fn case_8_a_race_is_a_conflict_for_thirty_seconds() {
        let other = Presented {
            attempt: mark(99),
            ..token(19)
        };
        assert_eq!(on(other, &with_age(30)), Rotation::Conflict);
        assert_eq!(on(other, &with_age(31)), Rotation::Reuse);
        let older = Presented {
            attempt: mark(99),
            ..token(18)
        };
        assert_eq!(on(older, &with_age(1)), Rotation::Reuse);
    }

    /// What the row remembers of the generation that is presented.
    #[derive(Clone, Copy, PartialEq)]
    enum Remembered {
        Key,
        Blank,
        WithoutKey,
    }

    /// Which attempt key the request has.
    #[derive(Clone, Copy, PartialEq)]
    enum Sent {
        Same,
        Another,
        Absent,
    }

    /// One combination of everything that the rule reads; the row's generation is 20.
    #[derive(Clone, Copy)]
    struct Combination {
        generation: u32,
        right_hash: bool,
        right_successor: bool,
        remembered: Remembered,
        sent: Sent,
        plain_client: bool,
        age: i64,
        over: bool,
    }

    impl Combination {
        fn decided(&self) -> Rotation {
            let mut session = with_age(self.age);
            if self.over {
                session.expires_at = NOW;
            }
            let spent_with = (self.generation + 1).to_be_bytes()[3];
            let at = 19_usize.checked_sub(self.generation as usize);
            if let Some(stored) = at.and_then(|at| session.attempt_keys.get_mut(at)) {
                *stored = match self.remembered {
                    Remembered::Key => mark(spent_with),
                    Remembered::Blank => AttemptMark::BLANK,
                    Remembered::WithoutKey => AttemptMark::WITHOUT_KEY,
                };
            }
            let hash = |right| if right { [20; 32] } else { [99; 32] };
            let presented = Presented {
                generation: self.generation,
                token_hash: hash(self.right_hash),
                successor_hash: hash(self.right_successor),
                attempt: match self.sent {
                    Sent::Same => mark(spent_with),
                    Sent::Another => mark(200),
                    Sent::Absent => AttemptMark::WITHOUT_KEY,
                },
                plain_client: self.plain_client,
            };
            on(presented, &session)
        }

        /// The first row of the table that fits. This code follows the table at the top of the file
        /// word by word.
        fn row_of_the_table(&self) -> (usize, Rotation) {
            let (g, n) = (self.generation, 20);
            let within_sixteen = g < n && n - g <= 16;
            let same_key = self.remembered == Remembered::Key && self.sent == Sent::Same;
            let neither_key =
                self.remembered == Remembered::WithoutKey && self.sent == Sent::Absent;
            let late = self.age > 30;
            if self.over {
                (2, Rotation::Expired(Expiry::Absolute))
            } else if self.age >= 500 {
                (2, Rotation::Expired(Expiry::Idle))
            } else if g == n && self.right_hash {
                (3, Rotation::Rotate)
            } else if g == n {
                (4, Rotation::Reuse)
            } else if g > n && g - n <= 4096 {
                (5, Rotation::RotateForward { skipped: g - n })
            } else if g == n - 1 && same_key && self.right_successor {
                (6, Rotation::Repeat { late })
            } else if g == n - 1
                && self.plain_client
                && neither_key
                && self.right_successor
                && self.age <= 10
            {
                (6, Rotation::Repeat { late: false })
            } else if within_sixteen && (same_key || self.remembered == Remembered::Blank) {
                (7, Rotation::Conflict)
            } else if g == n - 1 && !late {
                (8, Rotation::Conflict)
            } else {
                (9, Rotation::Reuse)
            }
        }
    }

    #[test]
    fn every_combination_is_decided_by_the_first_row_of_the_table_that_fits() {
        let mut decided = [0; 10];
        let both = [false, true];
        let remembered = [Remembered::Key, Remembered::Blank, Remembered::WithoutKey];
        let sent = [Sent::Same, Sent::Another, Sent::Absent];
        let mut check = |combination: Combination| {
            let (row, answer) = combination.row_of_the_table();
            let g = combination.generation;
            assert_eq!(combination.decided(), answer, "row {row}, generation {g}");
            decided[row] += 1;
        };
        for generation in (0..=24).chain([20 + 4096, 20 + 4097, u32::MAX - 1]) {
            for age in [0, 10, 11, 30, 31, 499, 500] {
                for (remembered, sent) in remembered
                    .into_iter()
                    .flat_map(|remembered| sent.map(|sent| (remembered, sent)))
                {
                    for bits in 0..16 {
                        check(Combination {
                            generation,
                            right_hash: both[bits & 1],
                            right_successor: both[bits >> 1 & 1],
                            remembered,
                            sent,
                            plain_client: both[bits >> 2 & 1],
                            age,
                            over: both[bits >> 3],
                        });
                    }
                }
            }
        }
        assert!(decided[2..].iter().all(|times| *times > 0), "{decided:?}");
    }

    #[test]
    fn time_spent_waiting_in_the_server_does_not_age_a_race() {
        let other = Presented {
            attempt: mark(99),
            ..token(19)
        };
        let session = with_age(50);
        assert_eq!(
            decide(&other, Some(&session), NOW, 19 * SECOND),
            Rotation::Reuse
        );
        assert_eq!(
            decide(&other, Some(&session), NOW, 20 * SECOND),
            Rotation::Conflict
        );
    }

    #[test]
    fn a_clock_that_went_back_counts_as_no_age() {
        let other = Presented {
            attempt: mark(99),
            ..token(19)
        };
        assert_eq!(on(other, &with_age(-3600)), Rotation::Conflict);
    }

    #[test]
    fn a_request_without_a_key_matches_no_remembered_one() {
        let mut session = with_age(60);
        session.attempt_keys.fill(AttemptMark::WITHOUT_KEY);
        for generation in 4..=19 {
            let keyless = Presented {
                attempt: AttemptMark::WITHOUT_KEY,
                ..token(generation)
            };
            assert_eq!(on(keyless, &session), Rotation::Reuse, "{generation}");
        }
    }

    #[test]
    fn a_plain_client_may_repeat_for_ten_seconds() {
        let plain = Presented {
            attempt: AttemptMark::WITHOUT_KEY,
            plain_client: true,
            ..token(19)
        };
        let rotated_without_key = |age| {
            let mut session = with_age(age);
            session.attempt_keys[0] = AttemptMark::WITHOUT_KEY;
            session
        };
        assert_eq!(
            on(plain, &rotated_without_key(10)),
            Rotation::Repeat { late: false }
        );
        assert_eq!(on(plain, &rotated_without_key(11)), Rotation::Conflict);
        assert_eq!(on(plain, &rotated_without_key(31)), Rotation::Reuse);
        // The request is no repeat if the rotation had a key, or if the request came to Holdfast's
        // own endpoint.
        assert_eq!(on(plain, &with_age(5)), Rotation::Conflict);
        let own = Presented {
            plain_client: false,
            ..plain
        };
        assert_eq!(on(own, &rotated_without_key(5)), Rotation::Conflict);
    }

    #[test]
    fn the_last_generation_has_no_successor() {
        let last = StoredSession {
            generation: u32::MAX,
            ..session()
        };
        let presented = Presented {
            generation: u32::MAX,
            ..token(20)
        };
        assert_eq!(on(presented, &last), Rotation::Expired(Expiry::Absolute));
        let nearly = StoredSession {
            generation: u32::MAX - 1,
            ..session()
        };
        assert_eq!(on(presented, &nearly), Rotation::Reuse);
    }

    #[test]
    fn a_forward_rotation_leaves_blanks_for_what_it_skipped() {
        let marks = read_marks(&new_marks(mark(1), 3));
        assert_eq!(
            marks,
            [
                mark(1),
                AttemptMark::BLANK,
                AttemptMark::BLANK,
                AttemptMark::BLANK
            ]
        );
        assert_eq!(read_marks(&new_marks(mark(1), 4096)).len(), REMEMBERED_KEYS);
        assert_eq!(read_marks(&new_marks(mark(1), 0)), [mark(1)]);
    }
}
