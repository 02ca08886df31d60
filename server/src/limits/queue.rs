//! The queue for password computations: bounded, and in turns.
//!
//! There are three lines, which are served in turn: confirming a password within a session,
//! known browsers, and strangers. Each line has places that no other line can fill.
//!
//! Within a line, the next attempt is that of the address that was served the longest ago.
//! An address that has not been served lately comes before all that have. So a flood that
//! keeps coming back waits behind people who sign in once. When a line is full, a new attempt may
//! take the place of the attempt that would be served last. It does so if the address of that
//! attempt has more places than the address of the new attempt, or had its turn more recently. If
//! the addresses of two known browsers are equal in this, the browser of the older account keeps
//! the place. The reason: an attacker makes new accounts for a flood.
//!
//! The queue treats the address of a proxy that the operator has not named like any other
//! address, although many people may share it: it takes its turns, and has at most half of
//! the strangers' places. So a flood through it leaves the other half to other addresses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::address::Address;
use crate::client_address::ClientAddress;

/// How long an attempt waits at most. A person has given up by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most attempts of one address that wait as strangers. A shared address may have half
/// of the line.
const STRANGERS_AN_ADDRESS: usize = 2;

/// For how many addresses the last turn is remembered.
const TURNS_REMEMBERED: usize = 10_000;

/// Places for confirming a password within a session, in addition to all others.
const CONFIRMING: usize = 16;

/// The line in which an attempt waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A signed-in person who confirms their password.
    Confirming,
    /// A browser that is known to the account.
    Known,
    /// Any other client.
    Strangers,
}

const LINES: [Line; 3] = [Line::Confirming, Line::Known, Line::Strangers];

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The address has as many places as it may have.
    Address,
    /// All places are taken.
    Full,
}

/// The queue. Clones share it.
#[derive(Clone)]
pub struct Queue(Arc<Mutex<Inner>>);

struct Inner {
    /// The number of free turns.
    free: usize,
    /// How many places each line has.
    places: [usize; 3],
    waiting: [Vec<Waiter>; 3],
    /// The line that was served last.
    line: usize,
    /// In which turn each address was served last.
    served: HashMap<Address, u64>,
    turns: u64,
    arrivals: u64,
}

struct Waiter {
    arrival: u64,
    /// `None` if addresses are not known: then each attempt counts as an attempt of a different
    /// client.
    address: Option<Address>,
    /// The account of a known browser. It is nil in the other lines.
    account_id: Uuid,
    turn: oneshot::Sender<Turn>,
}

/// A place in the queue, given back when it is dropped.
pub struct Place {
    queue: Queue,
    line: Line,
    arrival: u64,
    turn: oneshot::Receiver<Turn>,
}

/// A turn. When it is dropped, the next attempt gets it.
pub struct Turn(Option<Queue>);

impl Queue {
    /// A queue with `turns` at once, in which at most `places` attempts wait.
    pub fn new(turns: usize, places: usize) -> Self {
        // A quarter is kept for known browsers.
        let known = (places / 4).max(1);
        Self(Arc::new(Mutex::new(Inner {
            free: turns.max(1),
            places: [CONFIRMING, known, places.saturating_sub(known).max(1)],
            waiting: [Vec::new(), Vec::new(), Vec::new()],
            line: 0,
            served: HashMap::new(),
            turns: 0,
            arrivals: 0,
        })))
    }

    /// Takes a place.
    ///
    /// # Errors
    /// If there is none for this client.
    pub fn enter(&self, line: Line, from: ClientAddress) -> Result<Place, Refused> {
        self.enter_as(line, from, Uuid::nil(), 0)
    }

    /// Takes a place for an estimate of a password. A page asks for it while a person types, so it leaves a
    /// place to the form of the same address.
    ///
    /// # Errors
    /// If there is none for this client.
    pub fn enter_for_estimate(&self, from: ClientAddress) -> Result<Place, Refused> {
        self.enter_as(Line::Strangers, from, Uuid::nil(), 1)
    }

    /// Takes a place for a known browser of this account.
    ///
    /// # Errors
    /// If there is none for this client.
    pub fn enter_known(&self, from: ClientAddress, account_id: Uuid) -> Result<Place, Refused> {
        self.enter_as(Line::Known, from, account_id, 0)
    }

    fn enter_as(
        &self,
        line: Line,
        from: ClientAddress,
        account_id: Uuid,
        left_free: usize,
    ) -> Result<Place, Refused> {
        let mut inner = self.lock();
        inner.make_room(line, from, account_id, left_free)?;
        inner.arrivals += 1;
        let arrival = inner.arrivals;
        let (sender, turn) = oneshot::channel();
        inner.waiting[line as usize].push(Waiter {
            arrival,
            address: from.ip().map(Address::of),
            account_id,
            turn: sender,
        });
        inner.serve(self);
        Ok(Place {
            queue: self.clone(),
            line,
            arrival,
            turn,
        })
    }

    /// How many attempts wait.
    pub fn len(&self) -> usize {
        self.lock().waiting.iter().map(Vec::len).sum()
    }

    /// Whether no attempt waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|p| p.into_inner())
    }
}

impl Inner {
    /// Makes room for an attempt that leaves so many places of its address free.
    fn make_room(
        &mut self,
        line: Line,
        from: ClientAddress,
        account_id: Uuid,
        left_free: usize,
    ) -> Result<(), Refused> {
        let address = from.ip().map(Address::of);
        let places = self.places[line as usize];
        let waiting = &self.waiting[line as usize];
        let of = |address: Option<Address>| match address {
            Some(_) => waiting.iter().filter(|w| w.address == address).count(),
            None => 0,
        };
        let mine = of(address);
        if line == Line::Strangers {
            // If many people share the address, the client may not be the cause. So it is
            // told that the server is busy.
            let (most, refused) = if from.is_shared() {
                ((places / 2).max(1), Refused::Full)
            } else {
                (STRANGERS_AN_ADDRESS, Refused::Address)
            };
            if mine + left_free >= most {
                return Err(refused);
            }
        }
        if waiting.len() < places {
            return Ok(());
        }
        // The attempt with the largest value loses its place: first by how many other
        // attempts of its address wait, then by when the address had its last turn, then by when
        // the account was made, which its id tells (UUIDv7).
        let last = waiting
            .iter()
            .enumerate()
            .map(|(at, waiter)| {
                let others = of(waiter.address).saturating_sub(1);
                let last_turn = self.last_turn(waiter.address);
                ((others, last_turn, waiter.account_id), waiter.arrival, at)
            })
            .max();
        let Some((last, _, at)) = last else {
            return Err(Refused::Full);
        };
        if last <= (mine, self.last_turn(address), account_id) {
            return Err(Refused::Full);
        }
        self.waiting[line as usize].swap_remove(at);
        Ok(())
    }

    fn last_turn(&self, address: Option<Address>) -> u64 {
        address
            .and_then(|address| self.served.get(&address).copied())
            .unwrap_or(0)
    }

    /// Gives the free turns to attempts that wait.
    fn serve(&mut self, queue: &Queue) {
        while self.free > 0 {
            let Some(waiter) = self.next() else {
                return;
            };
            self.turns += 1;
            if let Some(address) = waiter.address {
                if self.served.len() >= TURNS_REMEMBERED {
                    let long_ago = self.turns.saturating_sub(TURNS_REMEMBERED as u64 / 2);
                    self.served.retain(|_, turn| *turn > long_ago);
                }
                self.served.insert(address, self.turns);
            }
            match waiter.turn.send(Turn(Some(queue.clone()))) {
                Ok(()) => self.free -= 1,
                // The attempt has gone away meanwhile. The turn was not used yet, so it must
                // not be given back when it is dropped.
                Err(mut turn) => turn.0 = None,
            }
        }
    }

    fn next(&mut self) -> Option<Waiter> {
        let after = |n: usize| (self.line + 1 + n) % LINES.len();
        let line = (0..LINES.len())
            .map(after)
            .find(|line| !self.waiting[*line].is_empty())?;
        self.line = line;
        let waiting = &self.waiting[line];
        let rank = |waiter: &Waiter| (self.last_turn(waiter.address), waiter.arrival);
        let first = (0..waiting.len()).min_by_key(|at| rank(&waiting[*at]))?;
        Some(self.waiting[line].swap_remove(first))
    }
}

impl Place {
    /// Waits for the turn. `None` if it did not come.
    pub async fn turn(self) -> Option<Turn> {
        self.turn_within(PATIENCE).await
    }

    async fn turn_within(mut self, patience: Duration) -> Option<Turn> {
        let turn = tokio::time::timeout(patience, &mut self.turn).await;
        turn.ok()?.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.queue.lock();
        inner.waiting[self.line as usize].retain(|waiter| waiter.arrival != self.arrival);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            let mut inner = queue.lock();
            inner.free += 1;
            inner.serve(&queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> ClientAddress {
        ClientAddress::Client([192, 0, 2, n].into())
    }

    /// A queue with one turn, which is taken.
    async fn busy(places: usize) -> (Queue, Turn) {
        let queue = Queue::new(1, places);
        let turn = queue.enter(Line::Strangers, address(255)).unwrap();
        let turn = turn.turn().await.unwrap();
        (queue, turn)
    }

    /// Ends the turn and finds the attempt that has the next one.
    fn next(turn: &mut Turn, places: &mut Vec<(&'static str, Place)>) -> &'static str {
        drop(std::mem::replace(turn, Turn(None)));
        for at in 0..places.len() {
            if let Ok(theirs) = places[at].1.turn.try_recv() {
                *turn = theirs;
                return places.remove(at).0;
            }
        }
        panic!("no attempt has the turn");
    }

    #[tokio::test]
    async fn addresses_take_turns_and_one_that_was_not_served_comes_first() {
        let (queue, mut turn) = busy(100).await;
        let mut places = Vec::new();
        for (name, n) in [("one a", 1), ("one b", 1), ("two a", 2), ("two b", 2)] {
            places.push((name, queue.enter(Line::Strangers, address(n)).unwrap()));
        }
        assert_eq!(next(&mut turn, &mut places), "one a");
        assert_eq!(next(&mut turn, &mut places), "two a");
        let late = queue.enter(Line::Strangers, address(3)).unwrap();
        places.push(("three", late));
        assert_eq!(next(&mut turn, &mut places), "three");
        assert_eq!(next(&mut turn, &mut places), "one b");
        assert_eq!(next(&mut turn, &mut places), "two b");
        assert!(queue.is_empty());
    }

    #[tokio::test]
    async fn at_most_two_attempts_of_an_address_wait() {
        let (queue, _turn) = busy(100).await;
        let one = queue.enter(Line::Strangers, address(1)).unwrap();
        let _two = queue.enter(Line::Strangers, address(1)).unwrap();
        let third = queue.enter(Line::Strangers, address(1)).map(drop);
        assert_eq!(third, Err(Refused::Address));
        let _known = queue.enter(Line::Known, address(1)).unwrap();
        drop(one);
        assert!(queue.enter(Line::Strangers, address(1)).is_ok());
        // Without addresses, no attempts count together.
        let unknown: Vec<_> = (0..5)
            .map(|_| {
                queue
                    .enter(Line::Strangers, ClientAddress::Unknown)
                    .map(drop)
            })
            .collect();
        assert_eq!(unknown, [Ok(()); 5]);
    }

    #[tokio::test]
    async fn estimates_leave_a_place_to_the_form_of_their_address() {
        let (queue, _turn) = busy(100).await;
        let _estimate = queue.enter_for_estimate(address(1)).unwrap();
        let second = queue.enter_for_estimate(address(1)).map(drop);
        assert_eq!(second, Err(Refused::Address));
        let _form = queue.enter(Line::Strangers, address(1)).unwrap();
        let _other = queue.enter_for_estimate(address(2)).unwrap();
    }

    #[tokio::test]
    async fn a_shared_address_has_half_of_the_strangers_places_and_takes_its_turns() {
        let (queue, mut turn) = busy(8).await;
        let shared = ClientAddress::Proxy([10, 0, 0, 1].into());
        let mut places = Vec::new();
        for _ in 0..3 {
            places.push(("shared", queue.enter(Line::Strangers, shared).unwrap()));
        }
        let fourth = queue.enter(Line::Strangers, shared).map(drop);
        assert_eq!(fourth, Err(Refused::Full));
        for n in 1..=3 {
            let place = queue.enter(Line::Strangers, address(n)).unwrap();
            places.push(("other", place));
        }
        let order: Vec<_> = (0..6).map(|_| next(&mut turn, &mut places)).collect();
        let expected = ["shared", "other", "other", "other", "shared", "shared"];
        assert_eq!(order, expected);
    }

    #[tokio::test]
    async fn lines_take_turns_and_have_places_of_their_own() {
        let (queue, mut turn) = busy(4).await;
        let mut places = Vec::new();
        for n in 1..=3 {
            let place = queue.enter(Line::Strangers, address(n)).unwrap();
            places.push(("stranger", place));
        }
        let more = queue.enter(Line::Strangers, address(4)).map(drop);
        assert_eq!(more, Err(Refused::Full));
        places.push(("known", queue.enter(Line::Known, address(5)).unwrap()));
        places.push((
            "confirming",
            queue
                .enter(Line::Confirming, ClientAddress::Unknown)
                .unwrap(),
        ));
        let order: Vec<_> = (0..5).map(|_| next(&mut turn, &mut places)).collect();
        let mut first_three = order[..3].to_vec();
        first_three.sort_unstable();
        assert_eq!(first_three, ["confirming", "known", "stranger"]);
    }

    #[tokio::test]
    async fn a_newcomer_takes_the_place_of_an_address_that_has_had_more() {
        let (queue, _turn) = busy(4).await;
        let served = queue.enter(Line::Strangers, address(255)).unwrap();
        let one = queue.enter(Line::Strangers, address(1)).unwrap();
        let second = queue.enter(Line::Strangers, address(1)).unwrap();
        // The second attempt of one address loses its place first, then that of an address
        // that was served before.
        let two = queue.enter(Line::Strangers, address(2)).unwrap();
        assert!(second.turn().await.is_none());
        let three = queue.enter(Line::Strangers, address(3)).unwrap();
        assert!(served.turn().await.is_none());
        // Among equals, the attempt that came first stays.
        let four = queue.enter(Line::Strangers, address(4)).map(drop);
        assert_eq!(four, Err(Refused::Full));
        assert_eq!(queue.len(), 3);
        drop((one, two, three));
    }

    #[tokio::test]
    async fn between_known_browsers_of_new_addresses_the_older_account_keeps_the_place() {
        let (queue, _turn) = busy(8).await;
        let made = |seconds: u64| {
            uuid::Builder::from_unix_timestamp_millis(seconds * 1000, &[7; 10]).into_uuid()
        };
        let enter = |n, seconds| queue.enter_known(address(n), made(seconds));
        // There are two places. Accounts that were made for a flood have them.
        let (first, second) = (enter(1, 200).unwrap(), enter(2, 201).unwrap());
        assert_eq!(enter(3, 202).map(drop), Err(Refused::Full));
        assert_eq!(enter(3, 201).map(drop), Err(Refused::Full));
        let older = enter(4, 100).unwrap();
        assert!(second.turn().await.is_none());
        let oldest = enter(5, 50).unwrap();
        assert!(first.turn().await.is_none());
        assert_eq!(enter(6, 200).map(drop), Err(Refused::Full));
        // An address that has two attempts makes room for one that has none, however old its
        // account is.
        drop(older);
        let _again = enter(5, 40).unwrap();
        let _young = enter(7, 300).unwrap();
        assert!(oldest.turn().await.is_none());
    }

    #[tokio::test]
    async fn a_client_that_goes_away_gives_place_and_turn_back() {
        let (queue, turn) = busy(4).await;
        let gone = queue.enter(Line::Strangers, address(1)).unwrap();
        let granted = queue.enter(Line::Strangers, address(2)).unwrap();
        let stays = queue.enter(Line::Strangers, address(3)).unwrap();
        drop(gone);
        // The second attempt gets the turn, but goes away before it looks.
        drop(turn);
        drop(granted);
        let turn = stays.turn().await;
        assert!(turn.is_some());
        drop(turn);
        assert_eq!(queue.lock().free, 1);
        assert!(queue.is_empty());
    }

    #[tokio::test]
    async fn no_attempt_waits_for_ever() {
        let (queue, _turn) = busy(4).await;
        let place = queue.enter(Line::Strangers, address(1)).unwrap();
        assert!(place.turn_within(Duration::ZERO).await.is_none());
        assert!(queue.is_empty());
    }
}
