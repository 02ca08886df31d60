//! What a browser stores, and what each event may change in it.
//!
//! [`Vault::apply`] is the whole rule of who is signed in. The driver runs it within one
//! strict transaction of the database that all tabs share. Without that database the
//! driver runs it on local storage, or on the memory of one tab.
//!
//! The last sign-in or sign-out wins by construction: each of them gets the next epoch, and
//! every other change only applies while its own session is signed in. If two sign-ins are under
//! way at once, the one that was sent last wins, in any order of their answers ([`Order`]).
//! The module above defines the terms: life, epoch, era, place, order, blind and leave.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ending::Ending;
use super::record::{Ended, Era, Link, Record, Stored};
use crate::secret::Secret;
use crate::wire::MOST_KNOWN_BROWSERS;

/// The most sign-outs that are kept. If there are more, the oldest one is dropped, and its session
/// lives until it expires. So many only wait while the server cannot be reached.
pub const MOST_LEAVING: usize = 32;

/// How much is added to the epoch if a page signs in or out without having read the database. No
/// browser has that many sign-ins and sign-outs.
const BLIND_LEAP: u64 = 1 << 20;

/// What one browser stores.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vault {
    /// The state of the browser.
    pub stored: Stored,
    /// Refresh tokens whose sessions the server still has to end.
    pub leaving: Vec<Secret>,
    /// The tokens that show the server who has signed in here before, the newest first.
    pub known_browsers: Vec<KnownBrowser>,
    /// The order of sign-ins and sign-outs.
    pub order: Order,
    /// The place that has given the numbers of `order`.
    pub place: Place,
}

/// Where a browser stores all this. Each place counts sign-ins and sign-outs by itself, so numbers
/// of two places are not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// The database that all tabs share.
    #[default]
    Database,
    /// Local storage, without the database.
    Local,
    /// The memory of one tab.
    Memory,
}

/// The order in which the client asked for new sessions and made sign-outs. Each of these has a
/// number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Order {
    /// The last number that was given.
    given: u64,
    /// The number of the sign-in or sign-out that made the present state.
    current: u64,
    /// The epoch of that state. If storage has another epoch, a change without a number has been
    /// made: by a note in local storage, or by an earlier version of Holdfast.
    epoch: u64,
}

impl Order {
    /// Gives the next number.
    fn give(&mut self) -> u64 {
        self.given = self.given.saturating_add(1);
        self.given
    }

    /// Notes that the sign-in or sign-out with this number has made the state of this epoch.
    fn made(&mut self, number: u64, epoch: u64) {
        self.given = self.given.max(number);
        self.current = self.current.max(number);
        self.epoch = epoch;
    }
}

/// When the client asked for a new session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The era at that moment.
    pub era: Era,
    /// Its number in the order of `place`; see [`Vault::asked`].
    pub number: u64,
    /// The place that gave the number.
    pub place: Place,
}

/// A token that shows at a sign-in that this account has signed in here before. The token alone does
/// not sign a person in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBrowser {
    /// The account that signed in.
    pub account_id: Uuid,
    /// The token; see [`Tokens::known_browser`](crate::wire::Tokens::known_browser).
    pub token: Secret,
    /// Whether it stays after a sign-out. On a shared computer it does not.
    pub remember: bool,
}

/// An event that may change what the browser stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The client is about to ask for a new session. The request gets a number.
    Ask,
    /// A sign-in or a sign-up brought the tokens of a new session.
    SignIn {
        /// Its record.
        record: Record,
        /// The token of a known browser that came with it.
        known_browser: Option<Secret>,
        /// When the client asked for the session. If a person has signed out since then, or a
        /// session that was asked for later has already arrived, the client ends the new session.
        asked: Option<Asked>,
    },
    /// A change of the password ended a session and brought the tokens of a new one.
    ChangePassword {
        /// The session that sent the change.
        session_id: Uuid,
        /// The record of the new one.
        record: Record,
        /// The token of a known browser that came with it.
        known_browser: Option<Secret>,
        /// When the client asked for the change.
        asked: Option<Asked>,
        /// Whether the answer to the change was lost, and a sign-in with the new password brought
        /// this record. A sign-in ends no session, so the session before may still live.
        is_found_out: bool,
    },
    /// A refresh brought new tokens.
    Renew {
        /// The record of the next link.
        record: Record,
    },
    /// The person signs out.
    SignOut {
        /// The account. If another one is signed in meanwhile, it stays signed in.
        account_id: Uuid,
        /// Usually [`Ending::SignedOut`].
        why: Ending,
        /// The era that the tab knew when the person pressed the button. The database may hang, so
        /// this change may come late. If the same account has signed in again meanwhile, it stays
        /// signed in.
        pressed: Era,
    },
    /// The server said that a session is over.
    End {
        /// The session.
        session_id: Uuid,
        /// Why.
        why: Ending,
    },
    /// This link cannot be renewed. A later link of the same session does not change.
    EndLink {
        /// The link.
        of: Link,
        /// Why.
        why: Ending,
        /// Whether the server has to end the session.
        leave: bool,
    },
    /// The person has read why the last session ended.
    EndingRead,
    /// Another place has a copy of the state. The copy replaces the state if it is later. A copy of
    /// another life is never used, and the client ends its session, unless the state has this
    /// session, too.
    CatchUp(Stored),
    /// No place stores the session of this token, so the server has to end it.
    EndOnServer(Secret),
    /// The server has ended the session of this token.
    Left(Secret),
}

impl Vault {
    /// Makes a change if it still applies, and says whether it is done now. It is safe to make the
    /// same change twice. This happens: a page that is closing notes a sign-out in local storage, and
    /// later it may find its own note.
    pub fn apply(&mut self, change: &Change) -> bool {
        self.put_in_order();
        let is_done = self.make(change);
        self.put_in_order();
        self.forget_browsers();
        is_done
    }

    /// Makes a change in a page that could never read the database, although the browser has one.
    /// There may have been sign-ins and sign-outs that this page does not know, because a browser
    /// that is killed loses what it has written to local storage last. What the person does now is
    /// later than all of them, so the epoch is increased by a large number.
    pub fn apply_blind(&mut self, change: &Change) -> bool {
        let before = self.stored.era().epoch;
        let is_done = self.apply(change);
        let is_by_the_person = match change {
            Change::SignIn { .. } | Change::ChangePassword { .. } => true,
            Change::SignOut { why, .. } => *why == Ending::SignedOut,
            _ => false,
        };
        let epoch = self.stored.era().epoch;
        if is_by_the_person && epoch != before {
            let epoch = epoch.saturating_add(BLIND_LEAP);
            self.stored.set_epoch(epoch);
            self.order.epoch = epoch;
        }
        is_done
    }

    /// Forgets the tokens that were not to stay. Their sessions may have ended in any way, for
    /// instance by the server or by the sign-in of another person.
    pub fn forget_browsers(&mut self) {
        let held = self.stored.record().map(|held| held.account_id);
        self.known_browsers
            .retain(|known| known.remember || held == Some(known.account_id));
    }

    /// If a change without a number has been made, this gives it the next number, as if it had
    /// happened now. The exact time is not known.
    fn put_in_order(&mut self) {
        let epoch = self.stored.era().epoch;
        if self.order.epoch != epoch {
            let number = self.order.give();
            self.order.made(number, epoch);
        }
    }

    fn make(&mut self, change: &Change) -> bool {
        let era = self.stored.era();
        match change {
            Change::Ask => {
                self.order.give();
                true
            }
            Change::SignIn {
                record,
                known_browser,
                asked,
            } => {
                if self.holds(record.session_id) {
                    return true;
                }
                if asked.is_some_and(|asked| !self.is_the_last(asked)) {
                    self.leave(record.refresh_token.clone());
                    return false;
                }
                self.leave_held();
                let record = Record {
                    signed_in_epoch: era.next().epoch,
                    ..record.clone()
                };
                self.open(record, known_browser.as_ref(), era.next(), *asked);
                true
            }
            Change::ChangePassword {
                session_id,
                record,
                known_browser,
                asked,
                is_found_out,
            } => {
                if self.holds(record.session_id) {
                    return true;
                }
                let is_replaced = self.holds(*session_id);
                if !is_replaced
                    && !self.was_ended_by_the_server(*session_id)
                    && !self.holds_an_earlier_one(record.account_id, *asked)
                {
                    self.leave(record.refresh_token.clone());
                    return false;
                }
                if *is_found_out || !is_replaced {
                    self.leave_held();
                }
                let held = self.stored.record();
                let record = Record {
                    signed_in_epoch: held.map_or(era.next().epoch, |held| held.signed_in_epoch),
                    ..record.clone()
                };
                self.open(record, known_browser.as_ref(), era.next(), *asked);
                true
            }
            Change::Renew { record } => match &mut self.stored {
                Stored::SignedIn(held)
                    if held.session_id == record.session_id
                        && held.generation <= record.generation =>
                {
                    *held = Record {
                        epoch: held.epoch,
                        signed_in_epoch: held.signed_in_epoch,
                        life: held.life,
                        ..record.clone()
                    };
                    true
                }
                _ => false,
            },
            Change::SignOut {
                account_id,
                why,
                pressed,
            } => {
                let is_theirs = |held: &&Record| {
                    held.account_id == *account_id
                        && held.signed_in_epoch <= pressed.epoch
                        && !era.is_of_another_life(*pressed)
                };
                let Some(_) = self.stored.record().filter(is_theirs) else {
                    return self
                        .ended()
                        .is_some_and(|ended| ended.account_id == *account_id && ended.why == *why);
                };
                self.leave_held();
                self.close(*why, era.next());
                let number = self.order.give();
                self.order.made(number, self.stored.era().epoch);
                true
            }
            Change::End { session_id, why } => {
                if self.holds(*session_id) {
                    self.close(*why, era.next());
                }
                self.was_ended(*session_id, *why)
            }
            Change::EndLink { of, why, leave } => {
                if self.stored.record().map(Record::link) == Some(*of) {
                    if *leave {
                        self.leave_held();
                    }
                    self.close(*why, era.next());
                }
                self.was_ended(of.session_id, *why)
            }
            Change::EndingRead => {
                // The ending is not removed, because it still says whether the session goes on in
                // another place.
                if let Stored::SignedOut(tombstone) = &mut self.stored
                    && let Some(ended) = &mut tombstone.ended
                {
                    ended.is_read = true;
                }
                true
            }
            Change::CatchUp(other) if era.is_of_another_life(other.era()) => {
                // A session that is stored here does not end because another tab has another life
                // for its sign-in.
                if let Some(record) = other.record()
                    && !self.holds(record.session_id)
                {
                    self.leave(record.refresh_token.clone());
                }
                false
            }
            Change::CatchUp(other) => {
                let is_later = other.position() > self.stored.position();
                if is_later {
                    if self.is_left_behind_by(other) {
                        self.leave_held();
                    }
                    // An ending by the server gets no number, also if a tab has noted it first.
                    if self.was_only_ended_by_the_server(other) {
                        self.order.epoch = other.era().epoch;
                    }
                    self.stored = other.clone();
                }
                self.begin_life(if era.life.is_nil() {
                    other.era().life
                } else {
                    era.life
                });
                is_later
            }
            Change::EndOnServer(token) => {
                self.leave(token.clone());
                true
            }
            Change::Left(token) => {
                let before = self.leaving.len();
                self.leaving.retain(|other| other != token);
                self.leaving.len() < before
            }
        }
    }

    /// The last request for a session, or the last sign-out. In the transaction of [`Change::Ask`],
    /// this is the request of that change.
    pub fn asked(&self) -> Asked {
        Asked {
            era: self.stored.era(),
            number: self.order.given,
            place: self.place,
        }
    }

    /// Whether the last session that was asked for has not arrived yet. The server may also have
    /// refused it; storage does not note refusals.
    pub fn is_awaiting(&self) -> bool {
        self.order.given > self.order.current
    }

    /// Whether this request is later than the request or the sign-out that made the present state.
    fn is_the_last(&self, asked: Asked) -> bool {
        let era = self.stored.era();
        let is_later = if asked.place == self.place {
            asked.number > self.order.current
        } else {
            // The database has failed since then. No number tells what happened meanwhile, so the
            // new session only counts if nothing has happened.
            era.epoch == asked.era.epoch
        };
        is_later
            // The browser's data were not deleted since then.
            && era.epoch >= asked.era.epoch
            && !era.is_of_another_life(asked.era)
    }

    /// Whether storage has a session of this account, and the session was asked for earlier than this
    /// one. Two tabs may change the password at once; then the later one of two new sessions is kept.
    fn holds_an_earlier_one(&self, account_id: Uuid, asked: Option<Asked>) -> bool {
        let held = self.stored.record();
        held.is_some_and(|held| held.account_id == account_id)
            && asked.is_some_and(|asked| self.is_the_last(asked))
    }

    /// Whether storage contains a state without a life.
    pub fn needs_life(&self) -> bool {
        self.stored != Stored::default() && self.stored.era().life.is_nil()
    }

    /// Gives this life to a state without one.
    pub fn begin_life(&mut self, life: Uuid) {
        if self.needs_life() {
            self.stored.set_life(life);
        }
    }

    /// Whether a later copy ends the session that is stored here. It does not if the session goes
    /// on in the copy, or if the server has already ended it.
    fn is_left_behind_by(&self, other: &Stored) -> bool {
        match other {
            Stored::SignedIn(record) => !self.holds(record.session_id),
            Stored::SignedOut(tombstone) => tombstone
                .ended
                .is_none_or(|ended| !self.holds(ended.session_id) || ended.why.asks_to_leave()),
        }
    }

    /// Whether a later copy only says that the server has ended the session that is stored here.
    fn was_only_ended_by_the_server(&self, other: &Stored) -> bool {
        let Stored::SignedOut(tombstone) = other else {
            return false;
        };
        let is_next = tombstone.epoch == self.stored.era().next().epoch;
        let is_ours = |ended: Ended| self.holds(ended.session_id) && !ended.why.is_by_a_person();
        is_next && tombstone.ended.is_some_and(is_ours)
    }

    fn holds(&self, session_id: Uuid) -> bool {
        self.stored
            .record()
            .is_some_and(|held| held.session_id == session_id)
    }

    /// The change of a password ends the old session on the server, and another tab may have
    /// learnt of that before the answer came. But a person who signed out meanwhile stays signed
    /// out.
    fn was_ended_by_the_server(&self, session_id: Uuid) -> bool {
        [Ending::Ended, Ending::PasswordChanged, Ending::Unknown]
            .iter()
            .any(|why| self.was_ended(session_id, *why))
    }

    fn was_ended(&self, session_id: Uuid, why: Ending) -> bool {
        self.ended()
            .is_some_and(|ended| ended.session_id == session_id && ended.why == why)
    }

    fn ended(&self) -> Option<Ended> {
        match &self.stored {
            Stored::SignedIn(_) => None,
            Stored::SignedOut(tombstone) => tombstone.ended,
        }
    }

    fn open(
        &mut self,
        record: Record,
        known_browser: Option<&Secret>,
        era: Era,
        asked: Option<Asked>,
    ) {
        if let Some(token) = known_browser {
            let known = KnownBrowser {
                account_id: record.account_id,
                token: token.clone(),
                remember: record.remember,
            };
            self.known_browsers
                .retain(|other| other.account_id != record.account_id);
            self.known_browsers.insert(0, known);
            self.known_browsers.truncate(MOST_KNOWN_BROWSERS);
        }
        self.stored = Stored::SignedIn(Record {
            epoch: era.epoch,
            life: era.life,
            ..record
        });
        let number = match asked {
            Some(asked) if asked.place == self.place => asked.number,
            _ => self.order.give(),
        };
        self.order.made(number, era.epoch);
    }

    /// Ends the session in storage. This keeps the number of the state, because no person has done
    /// this. A sign-out gets its number afterwards.
    fn close(&mut self, why: Ending, era: Era) {
        let ended = self.stored.record().map(|held| Ended {
            account_id: held.account_id,
            session_id: held.session_id,
            why,
            is_read: false,
        });
        self.stored = Stored::signed_out(era, ended);
        self.order.epoch = era.epoch;
    }

    fn leave_held(&mut self) {
        if let Some(held) = self.stored.record() {
            let token = held.refresh_token.clone();
            self.leave(token);
        }
    }

    fn leave(&mut self, token: Secret) {
        self.leaving.retain(|other| *other != token);
        self.leaving.push(token);
        let surplus = self.leaving.len().saturating_sub(MOST_LEAVING);
        self.leaving.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::renewal::{RECORD_VERSION, begun_blind};

    const ADA: Uuid = Uuid::from_u128(100);
    const GRACE: Uuid = Uuid::from_u128(200);

    fn record(account_id: Uuid, session: u128, generation: u32) -> Record {
        Record {
            version: RECORD_VERSION,
            epoch: 0,
            signed_in_epoch: 0,
            life: Uuid::nil(),
            account_id,
            session_id: Uuid::from_u128(session),
            generation,
            access_token: Secret::from(format!("access {session}.{generation}")),
            refresh_token: token(session, generation),
            obtained_at: 0,
            expires_in: 300,
            refresh_expires_in: 7_776_000,
            refresh_idle_expires_in: 2_592_000,
            remember: true,
        }
    }

    fn token(session: u128, generation: u32) -> Secret {
        Secret::from(format!("refresh {session}.{generation}"))
    }

    fn sign_in(record: Record) -> Change {
        Change::SignIn {
            record,
            known_browser: None,
            asked: None,
        }
    }

    fn sign_out(account_id: Uuid) -> Change {
        sign_out_of(account_id, u64::MAX)
    }

    /// The person pressed the button when this epoch was the last that the tab knew.
    fn sign_out_of(account_id: Uuid, epoch: u64) -> Change {
        Change::SignOut {
            account_id,
            why: Ending::SignedOut,
            pressed: Era {
                life: Uuid::nil(),
                epoch,
            },
        }
    }

    fn change_password(from: u128, record: Record, asked: Option<Asked>) -> Change {
        Change::ChangePassword {
            session_id: Uuid::from_u128(from),
            record,
            known_browser: None,
            asked,
            is_found_out: false,
        }
    }

    fn after(changes: &[Change]) -> Vault {
        let mut vault = Vault::default();
        for change in changes {
            vault.apply(change);
        }
        vault
    }

    /// Ada's session 1, generation 3.
    fn ada() -> Vault {
        after(&[sign_in(record(ADA, 1, 3))])
    }

    fn session(vault: &Vault) -> Option<(u128, u32)> {
        let record = vault.stored.record()?;
        Some((record.session_id.as_u128(), record.generation))
    }

    fn why(vault: &Vault) -> Option<Ending> {
        let Stored::SignedOut(tombstone) = vault.stored else {
            return None;
        };
        let ended = tombstone.ended.filter(|ended| !ended.is_read);
        ended.map(|ended| ended.why)
    }

    #[test]
    fn each_sign_in_and_sign_out_is_an_epoch_and_leaves_what_was_there() {
        let vault = after(&[
            sign_in(record(ADA, 1, 0)),
            sign_in(record(GRACE, 2, 0)),
            sign_out(GRACE),
        ]);
        assert_eq!(vault.stored.era().epoch, 3);
        assert_eq!(vault.leaving, [token(1, 0), token(2, 0)]);
        assert_eq!(why(&vault), Some(Ending::SignedOut));
    }

    #[test]
    fn nobody_signs_somebody_else_out() {
        let mut vault = after(&[sign_in(record(ADA, 1, 0)), sign_in(record(GRACE, 2, 0))]);
        assert!(!vault.apply(&sign_out(ADA)));
        assert_eq!(session(&vault), Some((2, 0)));
        assert_eq!(vault.leaving, [token(1, 0)]);
    }

    /// A browser that was killed has lost the last writes to local storage, and then the database
    /// fails in one page.
    #[test]
    fn what_the_person_does_without_having_seen_the_database_is_later_than_all_that_it_has() {
        let database = {
            let mut database = after(&[
                sign_in(record(ADA, 1, 0)),
                sign_out(ADA),
                sign_in(record(ADA, 2, 0)),
            ]);
            database.begin_life(Uuid::from_u128(1));
            database
        };
        let old_copy = {
            let mut old = after(&[sign_in(record(ADA, 1, 0)), sign_out(ADA)]);
            old.begin_life(Uuid::from_u128(1));
            old
        };
        for mut blind in [Vault::default(), old_copy] {
            assert!(blind.apply_blind(&sign_in(record(GRACE, 3, 0))));
            blind.begin_life(begun_blind(Uuid::from_u128(2)));
            // Renewals of the new session go on as usual.
            let renewed = Change::Renew {
                record: record(GRACE, 3, 1),
            };
            assert!(blind.apply_blind(&renewed));
            let signed_in = blind.stored.record().map(|held| held.signed_in_epoch);
            assert_eq!(signed_in, Some(blind.stored.era().epoch));
            assert!(blind.is_the_last(Asked {
                number: blind.order.given + 1,
                ..blind.asked()
            }));

            let mut seen = database.clone();
            let copy = blind.stored.clone().in_life_of(&database.stored);
            assert!(seen.apply(&Change::CatchUp(copy)));
            assert_eq!(session(&seen), Some((3, 1)));
            assert_eq!(seen.leaving, [token(1, 0), token(2, 0)]);
            assert_eq!(seen.stored.era().life, Uuid::from_u128(1));
            // The page finds its own session in the life of the database.
            assert!(!seen.apply(&Change::CatchUp(blind.stored)));
            assert_eq!(seen.leaving, [token(1, 0), token(2, 0)]);
        }
    }

    #[test]
    fn what_the_server_says_to_a_page_without_the_database_is_not_later_than_the_database() {
        let mut blind = ada();
        let before = blind.stored.era().epoch;
        let end = Change::End {
            session_id: Uuid::from_u128(1),
            why: Ending::Expired,
        };
        assert!(blind.apply_blind(&end));
        assert_eq!(blind.stored.era().epoch, before + 1);
        // The copy of a page that has seen the database keeps its life.
        let copy = blind.stored.clone().in_life_of(&Stored::default());
        assert_eq!(copy, blind.stored);
    }

    #[test]
    fn every_change_may_be_made_twice() {
        let link = record(ADA, 1, 3).link();
        for change in [
            sign_in(record(GRACE, 2, 0)),
            change_password(1, record(ADA, 2, 0), None),
            Change::Renew {
                record: record(ADA, 1, 4),
            },
            sign_out(ADA),
            Change::End {
                session_id: Uuid::from_u128(1),
                why: Ending::Expired,
            },
            Change::EndLink {
                of: link,
                why: Ending::Conflict,
                leave: true,
            },
            Change::EndingRead,
            Change::CatchUp(after(&[sign_in(record(ADA, 1, 5))]).stored),
        ] {
            let mut once = ada();
            assert!(once.apply(&change), "{change:?}");
            let mut twice = once.clone();
            let again = twice.apply(&change);
            assert!(again || matches!(change, Change::CatchUp(_)), "{change:?}");
            assert_eq!(once, twice, "{change:?}");
        }
    }

    #[test]
    fn a_renewal_of_an_old_session_changes_nothing() {
        let late = Change::Renew {
            record: record(ADA, 1, 4),
        };
        for meanwhile in [sign_out(ADA), sign_in(record(GRACE, 2, 0))] {
            let mut vault = ada();
            vault.apply(&meanwhile);
            let before = vault.clone();
            assert!(!vault.apply(&late), "{meanwhile:?}");
            assert_eq!(vault, before, "{meanwhile:?}");
        }
    }

    #[test]
    fn a_renewal_never_goes_back_a_generation() {
        for (generation, applies) in [(2, false), (3, true), (4, true)] {
            let mut vault = ada();
            let renewed = Change::Renew {
                record: record(ADA, 1, generation),
            };
            assert_eq!(vault.apply(&renewed), applies, "{generation}");
            assert_eq!(session(&vault), Some((1, generation.max(3))));
            assert_eq!(vault.stored.era().epoch, 1);
        }
    }

    #[test]
    fn an_ending_ends_its_own_session_or_link_and_no_other() {
        let end = |session: u128| Change::End {
            session_id: Uuid::from_u128(session),
            why: Ending::Expired,
        };
        let end_link = |generation| Change::EndLink {
            of: record(ADA, 1, generation).link(),
            why: Ending::Conflict,
            leave: true,
        };
        for (change, left) in [
            (end(2), Some((1, 3))),
            (end(1), None),
            (end_link(2), Some((1, 3))),
            (end_link(3), None),
        ] {
            let mut vault = ada();
            assert_eq!(vault.apply(&change), left.is_none(), "{change:?}");
            assert_eq!(session(&vault), left, "{change:?}");
        }
        // A session that the server has ended need not be ended again.
        assert_eq!(after(&[sign_in(record(ADA, 1, 3)), end(1)]).leaving, []);
        let conflict = after(&[sign_in(record(ADA, 1, 3)), end_link(3)]);
        assert_eq!(conflict.leaving, [token(1, 3)]);
    }

    #[test]
    fn a_password_change_replaces_the_session_that_asked_for_it_and_no_other() {
        let ended = |why| Change::End {
            session_id: Uuid::from_u128(1),
            why,
        };
        for (meanwhile, applies) in [
            (Change::Left(token(9, 9)), true),
            // The change has ended the session, and a call found that out before the answer came.
            (ended(Ending::Ended), true),
            (ended(Ending::PasswordChanged), true),
            (ended(Ending::Unknown), true),
            (ended(Ending::Reused), false),
            (sign_out(ADA), false),
            (sign_in(record(GRACE, 2, 0)), false),
            (sign_in(record(ADA, 2, 0)), false),
        ] {
            let mut vault = ada();
            vault.apply(&meanwhile);
            let changed = change_password(1, record(ADA, 3, 0), None);
            assert_eq!(vault.apply(&changed), applies, "{meanwhile:?}");
            assert_eq!(session(&vault) == Some((3, 0)), applies, "{meanwhile:?}");
            assert_eq!(vault.leaving.contains(&token(3, 0)), !applies);
            // The old session is already over.
            assert!(!applies || vault.leaving.is_empty(), "{meanwhile:?}");
        }
    }

    /// A new session is asked for.
    fn ask(vault: &mut Vault) -> Asked {
        assert!(vault.apply(&Change::Ask));
        vault.asked()
    }

    #[test]
    fn a_session_is_awaited_until_it_comes_or_cannot_come_any_more() {
        let mut vault = ada();
        assert!(!vault.is_awaiting());
        let first = ask(&mut vault);
        let second = ask(&mut vault);
        assert!(vault.apply(&answer(2, ADA, first)));
        assert!(vault.is_awaiting());
        assert!(vault.apply(&answer(3, ADA, second)));
        assert!(!vault.is_awaiting());
        let third = ask(&mut vault);
        assert!(vault.is_awaiting());
        // Its answer would be older than the sign-out.
        assert!(vault.apply(&sign_out(ADA)));
        assert!(!vault.is_awaiting());
        assert!(!vault.apply(&answer(4, ADA, third)));
    }

    /// Its answer, as soon as it comes.
    fn answer(session: u128, account_id: Uuid, asked: Asked) -> Change {
        Change::SignIn {
            record: record(account_id, session, 0),
            known_browser: None,
            asked: Some(asked),
        }
    }

    #[test]
    fn a_session_that_was_long_in_coming_is_ended_if_somebody_was_faster() {
        let mut vault = ada();
        let asked = ask(&mut vault);
        let late = answer(3, ADA, asked);
        assert!(vault.clone().apply(&late));
        for meanwhile in [sign_out(ADA), sign_in(record(GRACE, 2, 0))] {
            let mut vault = vault.clone();
            vault.apply(&meanwhile);
            assert!(!vault.apply(&late), "{meanwhile:?}");
            assert!(vault.leaving.contains(&token(3, 0)), "{meanwhile:?}");
        }
    }

    #[test]
    fn bar_35_of_two_sign_ins_the_one_that_was_asked_for_last_wins() {
        for mut vault in [Vault::default(), ada()] {
            let first = ask(&mut vault);
            let second = ask(&mut vault);
            let (first, second) = (answer(2, ADA, first), answer(3, GRACE, second));
            for (answers, replaces) in [([&first, &second], true), ([&second, &first], false)] {
                let mut vault = vault.clone();
                assert!(vault.apply(answers[0]));
                assert_eq!(vault.apply(answers[1]), replaces);
                assert_eq!(session(&vault), Some((3, 0)));
                assert!(vault.leaving.contains(&token(2, 0)));
                assert!(!vault.leaving.contains(&token(3, 0)));
            }
            // What a person does after both were asked for is later than both.
            let mut vault = vault.clone();
            vault.apply(&first);
            vault.apply(&sign_out(ADA));
            assert!(!vault.apply(&second));
            assert_eq!(session(&vault), None);
            assert!(vault.leaving.contains(&token(3, 0)));
        }
    }

    #[test]
    fn a_change_of_the_password_stands_where_it_was_asked_for() {
        let mut vault = ada();
        let before = ask(&mut vault);
        let change = ask(&mut vault);
        let after = ask(&mut vault);
        let changed = change_password(1, record(ADA, 2, 0), Some(change));
        assert!(vault.apply(&changed));
        assert!(!vault.clone().apply(&answer(3, GRACE, before)));
        assert!(vault.apply(&answer(4, GRACE, after)));
    }

    #[test]
    fn of_two_changes_of_the_password_the_later_one_is_kept_and_the_other_session_is_left() {
        let mut vault = ada();
        let first = ask(&mut vault);
        let second = ask(&mut vault);
        let first = change_password(1, record(ADA, 2, 0), Some(first));
        let second = change_password(1, record(ADA, 3, 0), Some(second));
        for (answers, replaces) in [([&first, &second], true), ([&second, &first], false)] {
            let mut vault = vault.clone();
            assert!(vault.apply(answers[0]));
            assert_eq!(vault.apply(answers[1]), replaces);
            assert_eq!(session(&vault), Some((3, 0)));
            assert_eq!(vault.leaving, [token(2, 0)]);
            // The person has signed in once, before both.
            assert_eq!(vault.stored.record().unwrap().signed_in_epoch, 1);
        }
        // A change signs no other person out.
        vault.apply(&sign_in(record(GRACE, 4, 0)));
        let late = ask(&mut vault);
        assert!(!vault.apply(&change_password(1, record(ADA, 5, 0), Some(late))));
        assert_eq!(session(&vault), Some((4, 0)));
        assert!(vault.leaving.contains(&token(5, 0)));
    }

    #[test]
    fn a_change_that_is_found_out_leaves_the_session_that_it_replaces() {
        // Another tab has sent the same change, so it was done, and this is that tab's session.
        let mut vault = after(&[
            sign_in(record(ADA, 1, 3)),
            change_password(1, record(ADA, 2, 0), None),
        ]);
        assert_eq!(vault.leaving, []);
        let asked = ask(&mut vault);
        assert!(vault.apply(&Change::ChangePassword {
            session_id: Uuid::from_u128(2),
            record: record(ADA, 3, 0),
            known_browser: None,
            asked: Some(asked),
            is_found_out: true,
        }));
        assert_eq!(session(&vault), Some((3, 0)));
        assert_eq!(vault.leaving, [token(2, 0)]);
    }

    #[test]
    fn a_sign_out_that_is_made_late_ends_no_later_sign_in_of_the_same_account() {
        let again = [
            sign_in(record(ADA, 1, 3)),
            sign_out(ADA),
            sign_in(record(ADA, 2, 0)),
        ];
        for (changes, signs_out) in [
            (&again[..1], true),
            (&again[..2], true),
            (&again[..], false),
            // The tab did not know of this sign-out yet.
            (&[again[0].clone(), again[2].clone()][..], false),
            // A renewal, or a change of the password, is no sign-in.
            (
                &[
                    again[0].clone(),
                    Change::Renew {
                        record: record(ADA, 1, 4),
                    },
                    change_password(1, record(ADA, 2, 0), None),
                    Change::Renew {
                        record: record(ADA, 2, 1),
                    },
                ][..],
                true,
            ),
        ] {
            let mut vault = after(changes);
            let before = vault.clone();
            assert_eq!(vault.apply(&sign_out_of(ADA, 1)), signs_out, "{changes:?}");
            assert_eq!(session(&vault).is_none(), signs_out, "{changes:?}");
            assert!(signs_out || vault == before, "{changes:?}");
        }
        // A record of a version that does not know when the person signed in.
        let mut vault = ada();
        if let Stored::SignedIn(record) = &mut vault.stored {
            record.signed_in_epoch = 0;
        }
        assert!(vault.apply(&sign_out_of(ADA, 1)));
        // The data were deleted since, and the person has signed in again.
        let mut vault = ada();
        vault.begin_life(Uuid::from_u128(2));
        let before = Change::SignOut {
            account_id: ADA,
            why: Ending::SignedOut,
            pressed: Era {
                life: Uuid::from_u128(1),
                epoch: 7,
            },
        };
        assert!(!vault.apply(&before));
    }

    #[test]
    fn a_sign_in_holds_although_the_server_ended_a_session_since() {
        let end = Change::End {
            session_id: Uuid::from_u128(1),
            why: Ending::Expired,
        };
        // A tab may have noted the ending in local storage first.
        let note = Change::CatchUp(after(&[sign_in(record(ADA, 1, 3)), end.clone()]).stored);
        for changes in [vec![end.clone()], vec![note.clone()], vec![note, end]] {
            let mut vault = ada();
            let asked = ask(&mut vault);
            for change in &changes {
                vault.apply(change);
            }
            assert_eq!(session(&vault), None, "{changes:?}");
            assert!(vault.apply(&answer(2, GRACE, asked)), "{changes:?}");
        }
    }

    #[test]
    fn a_note_of_the_server_that_hides_what_a_person_did_is_later_than_what_was_asked_for() {
        let mut vault = ada();
        let asked = ask(&mut vault);
        let noted = after(&[
            sign_in(record(ADA, 1, 3)),
            sign_in(record(GRACE, 2, 0)),
            Change::End {
                session_id: Uuid::from_u128(2),
                why: Ending::Expired,
            },
        ]);
        vault.apply(&Change::CatchUp(noted.stored));
        assert!(!vault.apply(&answer(3, ADA, asked)));
    }

    #[test]
    fn numbers_of_two_places_are_not_compared() {
        // The database has counted far, and local storage has not.
        let mut database = ada();
        for _ in 0..9 {
            ask(&mut database);
        }
        let asked = ask(&mut database);
        let local = Vault {
            stored: database.stored.clone(),
            place: Place::Local,
            ..Vault::default()
        };
        assert!(local.clone().apply(&answer(2, GRACE, asked)));
        for meanwhile in [sign_out(ADA), sign_in(record(GRACE, 3, 0))] {
            let mut local = local.clone();
            local.apply(&meanwhile);
            assert!(!local.apply(&answer(2, GRACE, asked)), "{meanwhile:?}");
        }
        // And the other way round: local storage has counted further.
        let mut local = local;
        for _ in 0..99 {
            local.apply(&Change::Ask);
        }
        assert!(local.apply(&sign_out(ADA)));
        assert!(local.apply(&sign_in(record(ADA, 4, 0))));
        let mut local = Vault {
            stored: database.stored.clone(),
            ..local
        };
        assert!(local.apply(&answer(2, GRACE, asked)));
        let later = ask(&mut local);
        assert!(local.apply(&answer(5, ADA, later)));
    }

    #[test]
    fn what_gave_no_number_is_later_than_what_was_asked_for_before() {
        // A sign-out that is in local storage only, and one of an earlier version.
        let signed_out = after(&[sign_in(record(ADA, 1, 3)), sign_out(ADA)]).stored;
        let mut noted = ada();
        let asked = ask(&mut noted);
        let mut unordered = noted.clone();
        assert!(noted.apply(&Change::CatchUp(signed_out.clone())));
        unordered.stored = signed_out;
        for mut vault in [noted, unordered] {
            assert!(!vault.apply(&answer(2, GRACE, asked)));
            assert_eq!(session(&vault), None);
            // And what is asked for from now on is later still.
            let asked = ask(&mut vault);
            assert!(vault.apply(&answer(3, GRACE, asked)));
        }
    }

    #[test]
    fn a_sign_in_that_was_asked_for_before_the_data_were_deleted_is_ended() {
        let mut before = ada();
        before.begin_life(Uuid::from_u128(1));
        let asked = ask(&mut before);
        let mut emptied = Vault::default();
        assert!(!emptied.apply(&answer(2, GRACE, asked)));
        let mut begun_anew = ada();
        begun_anew.begin_life(Uuid::from_u128(2));
        assert!(!begun_anew.apply(&answer(2, GRACE, asked)));
    }

    #[test]
    fn the_later_copy_counts_and_the_session_of_the_earlier_one_is_left() {
        let signed_out = after(&[sign_in(record(ADA, 1, 3)), sign_out(ADA)]).stored;
        let another = after(&[
            sign_in(record(ADA, 1, 3)),
            sign_out(ADA),
            sign_in(record(GRACE, 2, 0)),
        ]);
        let renewed = after(&[sign_in(record(ADA, 1, 4))]).stored;
        for (copy, holds, leaves) in [
            (Stored::default(), Some((1, 3)), vec![]),
            (renewed, Some((1, 4)), vec![]),
            (signed_out, None, vec![token(1, 3)]),
            (another.stored, Some((2, 0)), vec![token(1, 3)]),
        ] {
            let mut vault = ada();
            vault.apply(&Change::CatchUp(copy.clone()));
            assert_eq!(session(&vault), holds, "{copy:?}");
            assert_eq!(vault.leaving, leaves, "{copy:?}");
        }
    }

    #[test]
    fn a_copy_from_before_the_data_were_deleted_brings_nobody_back() {
        let in_life = |life, changes: &[Change]| {
            let mut vault = after(changes);
            vault.begin_life(Uuid::from_u128(life));
            vault
        };
        let ada = [
            sign_in(record(GRACE, 1, 0)),
            sign_out(GRACE),
            sign_in(record(ADA, 2, 3)),
        ];
        let before = in_life(1, &ada).stored;
        let mut vault = in_life(2, &[sign_in(record(GRACE, 3, 0))]);
        assert!(before.position() > vault.stored.position());
        assert!(!vault.apply(&Change::CatchUp(before.clone())));
        assert_eq!(session(&vault), Some((3, 0)));
        assert_eq!(vault.leaving, [token(2, 3)]);
        // The same life goes on, also in a copy without a life.
        for copy in [in_life(2, &ada), after(&ada)] {
            let mut vault = in_life(2, &[sign_in(record(GRACE, 3, 0))]);
            assert!(vault.apply(&Change::CatchUp(copy.stored)));
            assert_eq!(session(&vault), Some((2, 3)));
            assert_eq!(vault.stored.era().life, Uuid::from_u128(2));
        }
        // A session that is stored here does not end either, even if another tab has another life
        // for it.
        let mut vault = in_life(2, &[sign_in(record(ADA, 2, 4))]);
        assert!(!vault.apply(&Change::CatchUp(before)));
        assert_eq!(session(&vault), Some((2, 4)));
        assert_eq!(vault.leaving, []);
        // In a browser in which no person has ever signed in, nothing is written.
        let mut vault = Vault::default();
        vault.begin_life(Uuid::from_u128(3));
        assert_eq!(vault, Vault::default());
    }

    #[test]
    fn a_note_of_an_ending_leaves_the_session_only_if_the_server_is_to_end_it() {
        for (why, leaves) in [
            (Ending::SignedOut, true),
            (Ending::SignedOutElsewhere, true),
            (Ending::BrowserClosed, true),
            (Ending::PageLeft, true),
            (Ending::Conflict, true),
            (Ending::Expired, false),
            (Ending::Ended, false),
            (Ending::PasswordChanged, false),
            (Ending::Reused, false),
            (Ending::TokenUnknown, false),
            (Ending::AccountDisabled, false),
            (Ending::AccountDeleted, false),
            (Ending::Unknown, false),
            // The session goes on in the other tab.
            (Ending::KeptInAnotherTab, false),
        ] {
            let end = |session: u128| Change::End {
                session_id: Uuid::from_u128(session),
                why,
            };
            let mut vault = ada();
            let note = after(&[sign_in(record(ADA, 1, 3)), end(1)]).stored;
            // Another tab may already have read that note.
            let mut read = Vault {
                stored: note.clone(),
                ..Vault::default()
            };
            read.apply(&Change::EndingRead);
            let mut beside = vault.clone();
            beside.apply(&Change::CatchUp(read.stored));
            vault.apply(&Change::CatchUp(note));
            assert_eq!(beside.leaving, vault.leaving, "{why:?}");
            assert_eq!(session(&vault), None, "{why:?}");
            assert_eq!(vault.leaving == [token(1, 3)], leaves, "{why:?}");
            assert_eq!(vault.leaving.is_empty(), !leaves, "{why:?}");
            // The note is about another session, so this one was not ended.
            let mut vault = ada();
            let note = after(&[sign_in(record(GRACE, 2, 0)), end(2)]).stored;
            vault.apply(&Change::CatchUp(note));
            assert_eq!(vault.leaving, [token(1, 3)], "{why:?}");
        }
    }

    #[test]
    fn a_sign_out_that_finds_its_own_note_forgets_who_was_not_to_stay() {
        let known = |account_id, session, remember| Change::SignIn {
            record: Record {
                remember,
                ..record(account_id, session, 0)
            },
            known_browser: Some(Secret::from(format!("known {session}"))),
            asked: None,
        };
        for remember in [true, false] {
            let mut vault = after(&[known(GRACE, 1, false), known(ADA, 2, remember)]);
            let mut note = Vault {
                stored: vault.stored.clone(),
                ..Vault::default()
            };
            assert!(note.apply(&sign_out(ADA)));
            vault.apply(&Change::CatchUp(note.stored));
            assert!(vault.apply(&sign_out(ADA)));
            let accounts: Vec<_> = vault.known_browsers.iter().map(|k| k.account_id).collect();
            let expected: &[Uuid] = if remember { &[ADA] } else { &[] };
            assert_eq!(accounts, expected);
            assert!(vault.leaving.contains(&token(2, 0)));
        }
    }

    #[test]
    fn a_browser_forgets_who_was_not_to_stay_however_the_session_ends() {
        let known = |account_id, session, remember| Change::SignIn {
            record: Record {
                remember,
                ..record(account_id, session, 0)
            },
            known_browser: Some(Secret::from(format!("known {session}"))),
            asked: None,
        };
        let end = |why| Change::End {
            session_id: Uuid::from_u128(1),
            why,
        };
        let noted = |why| Change::CatchUp(after(&[sign_in(record(ADA, 1, 0)), end(why)]).stored);
        let conflict = Change::EndLink {
            of: record(ADA, 1, 0).link(),
            why: Ending::Conflict,
            leave: true,
        };
        for change in [
            sign_out(ADA),
            end(Ending::Expired),
            end(Ending::Ended),
            conflict,
            noted(Ending::Expired),
            noted(Ending::SignedOut),
            known(GRACE, 2, true),
            Change::CatchUp(
                after(&[sign_in(record(ADA, 1, 0)), sign_in(record(GRACE, 2, 0))]).stored,
            ),
        ] {
            for remember in [true, false] {
                let mut vault = after(&[known(ADA, 1, remember)]);
                vault.apply(&change);
                let is_known = vault.known_browsers.iter().any(|k| k.account_id == ADA);
                assert_eq!(is_known, remember, "{change:?}");
            }
        }
        // It goes on while the session goes on.
        let mut vault = after(&[known(ADA, 1, false)]);
        vault.apply(&Change::Renew {
            record: record(ADA, 1, 1),
        });
        vault.apply(&change_password(1, record(ADA, 2, 0), None));
        assert_eq!(vault.known_browsers.len(), 1);
    }

    #[test]
    fn the_list_of_sessions_to_leave_is_bounded_and_forgets_the_oldest() {
        let mut vault = Vault::default();
        for session in 0..40 {
            vault.apply(&sign_in(record(ADA, session + 1, 0)));
        }
        assert_eq!(vault.leaving.len(), MOST_LEAVING);
        assert_eq!(vault.leaving.last(), Some(&token(39, 0)));
        assert!(vault.apply(&Change::Left(token(39, 0))));
        assert!(!vault.apply(&Change::Left(token(39, 0))));
    }

    #[test]
    fn a_browser_is_known_to_the_last_five_accounts_and_forgets_who_was_not_to_stay() {
        let known = |account: u128, remember| Change::SignIn {
            record: Record {
                remember,
                ..record(Uuid::from_u128(account), account, 0)
            },
            known_browser: Some(Secret::from(format!("known {account}"))),
            asked: None,
        };
        let accounts = |vault: &Vault| -> Vec<u128> {
            let known = vault.known_browsers.iter();
            known.map(|known| known.account_id.as_u128()).collect()
        };
        let mut vault = Vault::default();
        for account in [1, 2, 3, 2, 4, 5, 6] {
            vault.apply(&known(account, account != 6));
        }
        assert_eq!(accounts(&vault), [6, 5, 4, 2, 3]);
        vault.apply(&sign_out(Uuid::from_u128(6)));
        assert_eq!(accounts(&vault), [5, 4, 2, 3]);
        vault.apply(&known(5, true));
        vault.apply(&sign_out(Uuid::from_u128(5)));
        assert_eq!(accounts(&vault), [5, 4, 2, 3]);
    }

    #[test]
    fn why_a_session_ended_is_kept_until_it_was_read_or_somebody_signs_in() {
        let end = Change::End {
            session_id: Uuid::from_u128(1),
            why: Ending::Reused,
        };
        for (change, kept) in [
            (Change::CatchUp(Stored::default()), Some(Ending::Reused)),
            (Change::EndingRead, None),
            (sign_in(record(GRACE, 2, 0)), None),
        ] {
            let vault = after(&[sign_in(record(ADA, 1, 3)), end.clone(), change.clone()]);
            assert_eq!(why(&vault), kept, "{change:?}");
        }
    }
}
