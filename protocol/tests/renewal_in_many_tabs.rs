//! The renewal machine in several tabs of one browser, against the server's own
//! rule, with everything that goes wrong in between.
//!
//! Simulated are: tabs that see each other's writes to storage late, that freeze
//! and crash; a browser that is killed and loses its last writes; a network that
//! loses, delays and repeats requests and loses answers; a server that is away; a
//! person who signs out and in as another; and, in a test of its own, a thief with a
//! copy of the storage. Steps are drawn by proptest, so a failure shrinks and
//! replays from its seed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeMap;

use holdfast_protocol::attempt_key::{AttemptKey, AttemptMark};
use holdfast_protocol::problem::{Code, Problem};
use holdfast_protocol::refresh_token::{ChainSecret, RefreshKey, UnverifiedRefreshToken, print};
use holdfast_protocol::renewal::{
    Access, Action, Attempt, Ending, Event, Failure, Link, Machine, Moment, Record, View, attempt,
    may_replace,
};
use holdfast_protocol::rotation::{
    Presented, Rotation, StoredSession, decide, new_marks, read_marks,
};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{TokenType, Tokens};
use proptest::prelude::*;
use uuid::Uuid;

const ACCESS_SECONDS: u64 = 300;
const START: i64 = 1_764_000_000_000;

/// The server: one row a session, and the rule of `rotation.rs`.
struct Server {
    key: RefreshKey,
    rows: BTreeMap<Uuid, Row>,
    made: u128,
    away: bool,
    /// Sessions that were ended because a spent token came back.
    reused: Vec<Uuid>,
    requests: u32,
}

struct Row {
    secret: ChainSecret,
    stored: StoredSession,
}

impl Server {
    fn new() -> Self {
        let key = RefreshKey {
            id: 1,
            mac: [2; 32],
            chain: [3; 32],
        };
        Self {
            key,
            rows: BTreeMap::new(),
            made: 0,
            away: false,
            reused: Vec::new(),
            requests: 0,
        }
    }

    fn open(&mut self, now_ms: i64) -> Tokens {
        self.made += 1;
        let session_id = Uuid::from_u128(self.made);
        let secret = ChainSecret::from_random([u8::try_from(self.made % 250).unwrap(); 32]);
        let stored = StoredSession {
            generation: 0,
            token_hash: secret.hash(),
            attempt_keys: Vec::new(),
            rotated_at: now_ms * 1000,
            expires_at: (now_ms + 90 * 86_400_000) * 1000,
            idle_seconds: 30 * 86_400,
        };
        self.rows.insert(session_id, Row { secret, stored });
        self.tokens(session_id)
    }

    fn tokens(&self, session_id: Uuid) -> Tokens {
        let row = &self.rows[&session_id];
        Tokens {
            access_token: Secret::from("access"),
            token_type: TokenType::Bearer,
            expires_in: ACCESS_SECONDS,
            refresh_token: print(&self.key, session_id, row.stored.generation, &row.secret),
            refresh_expires_in: 90 * 86_400,
            refresh_idle_expires_in: 30 * 86_400,
            session_id,
            known_browser: None,
            account_id: Uuid::nil(),
        }
    }

    fn refresh(
        &mut self,
        token: &Secret,
        key: &AttemptKey,
        now_ms: i64,
    ) -> Result<Tokens, Failure> {
        self.requests += 1;
        if self.away {
            return Err(Failure::Later { retry_after: None });
        }
        let no = |code| Err(Failure::of(&Problem::new(code, "")));
        let token = UnverifiedRefreshToken::parse(token.expose())
            .unwrap()
            .verify(std::slice::from_ref(&self.key))
            .unwrap();
        let successor = token.successor(Some(key)).unwrap();
        let presented = Presented {
            generation: token.generation,
            token_hash: token.secret.hash(),
            successor_hash: successor.hash(),
            attempt: AttemptMark::of(Some(key)),
            plain_client: false,
        };
        let row = self.rows.get(&token.session_id).map(|row| &row.stored);
        match decide(&presented, row, now_ms * 1000, 0) {
            Rotation::Rotate => {
                let row = self.rows.get_mut(&token.session_id).unwrap();
                let mut marks = read_marks(&new_marks(presented.attempt, 0));
                marks.extend_from_slice(&row.stored.attempt_keys);
                marks.truncate(16);
                row.stored.attempt_keys = marks;
                row.stored.generation += 1;
                row.stored.token_hash = successor.hash();
                row.stored.rotated_at = now_ms * 1000;
                row.secret = successor;
                Ok(self.tokens(token.session_id))
            }
            Rotation::Repeat { .. } => Ok(self.tokens(token.session_id)),
            Rotation::RotateForward { .. } => panic!("nothing here loses commits"),
            Rotation::Conflict => no(Code::RefreshConflict),
            Rotation::Ended => no(Code::SessionEnded),
            Rotation::Expired(_) => no(Code::RefreshTokenExpired),
            Rotation::Reuse => {
                self.rows.remove(&token.session_id);
                self.reused.push(token.session_id);
                no(Code::RefreshTokenReused)
            }
        }
    }

    fn log_out(&mut self, token: &Secret) {
        let token = UnverifiedRefreshToken::parse(token.expose()).unwrap();
        self.rows.remove(&token.session_id());
    }
}

/// A refresh on its way. It may arrive late, twice or never, and its answer reaches
/// only the one flight it belongs to.
#[derive(Clone)]
struct Request {
    tab: usize,
    flight: u32,
    of: Link,
    sent_at: u64,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Sent {
        token: Secret,
        key: AttemptKey,
    },
    /// The driver found a reason not to send it.
    NotSent(Failure),
}

struct Tab {
    machine: Machine,
    frozen: bool,
    /// How many writes to storage have reached this tab.
    seen: usize,
    wake_at: Option<u64>,
    /// The refresh whose answer it waits for.
    flight: Option<u32>,
}

/// A write to storage.
#[derive(Clone)]
struct Write {
    at: u64,
    record: Option<Record>,
    why: Option<(Uuid, Ending)>,
}

struct World {
    server: Server,
    now: u64,
    writes: Vec<Write>,
    keys: BTreeMap<(Uuid, u32), AttemptKey>,
    tabs: Vec<Tab>,
    network: Vec<Request>,
    flights: u32,
    dice: u32,
    /// A killed browser has lost more writes than the promise covers.
    lost_too_much: bool,
    /// The highest generation that each life of a tab has held.
    highest_held: BTreeMap<(usize, Uuid), u32>,
}

impl World {
    fn new(tabs: usize) -> Self {
        let mut world = Self {
            server: Server::new(),
            now: 0,
            writes: vec![Write {
                at: 0,
                record: None,
                why: None,
            }],
            keys: BTreeMap::new(),
            tabs: Vec::new(),
            network: Vec::new(),
            flights: 0,
            dice: 1,
            lost_too_much: false,
            highest_held: BTreeMap::new(),
        };
        for tab in 0..tabs {
            world.tabs.push(Tab {
                machine: Machine::new(),
                frozen: false,
                seen: 1,
                wake_at: None,
                flight: None,
            });
            world.start(tab);
        }
        world.sign_in(0);
        world
    }

    fn moment(&mut self) -> Moment {
        self.dice = self
            .dice
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        Moment {
            wall_ms: START + i64::try_from(self.now).unwrap(),
            running_ms: self.now,
            dice: self.dice,
        }
    }

    fn wall(&self) -> i64 {
        START + i64::try_from(self.now).unwrap()
    }

    fn read(&self, tab: usize) -> Option<Record> {
        let seen = self.tabs[tab].seen;
        self.writes[seen - 1].record.clone()
    }

    fn write(&mut self, tab: usize, record: Option<Record>, why: Option<(Uuid, Ending)>) {
        let at = self.now;
        self.writes.push(Write { at, record, why });
        self.tabs[tab].seen = self.writes.len();
    }

    fn start(&mut self, tab: usize) {
        self.tabs[tab].machine = Machine::new();
        self.tabs[tab].frozen = false;
        self.tabs[tab].flight = None;
        self.tabs[tab].wake_at = None;
        self.highest_held.retain(|(of, _), _| *of != tab);
        let stored = self.read(tab);
        self.feed(
            tab,
            Event::Start {
                stored,
                visible: true,
            },
        );
    }

    fn look(&mut self, tab: usize) {
        let stored = self.read(tab);
        let held = self.tabs[tab].machine.record().cloned();
        if stored != held {
            let seen = self.tabs[tab].seen;
            let ending = self.writes[seen - 1].why.and_then(|(session_id, why)| {
                (Some(session_id) == held.map(|held| held.session_id)).then_some(why)
            });
            self.feed(tab, Event::Stored { stored, ending });
        }
    }

    fn feed(&mut self, tab: usize, event: Event) {
        let moment = self.moment();
        let machine = std::mem::take(&mut self.tabs[tab].machine);
        let (machine, actions) = machine.on(event, moment);
        self.tabs[tab].machine = machine;
        let mut look_again = false;
        for action in actions {
            match action {
                Action::Refresh { of } => self.refresh(tab, of),
                Action::Store(record) => {
                    if may_replace(self.read(tab).as_ref(), &record) {
                        self.write(tab, Some(record), None);
                    } else {
                        look_again = true;
                    }
                }
                Action::StoreNew(record) => self.write(tab, Some(record), None),
                Action::Clear { session_id, why } => {
                    if self
                        .read(tab)
                        .is_some_and(|stored| stored.session_id == session_id)
                    {
                        self.write(tab, None, Some((session_id, why)));
                    }
                }
                Action::ClearLink { of, why, leave } => match self.read(tab) {
                    Some(stored) if stored.link() == of => {
                        if leave {
                            self.server.log_out(&stored.refresh_token);
                        }
                        self.write(tab, None, Some((of.session_id, why)));
                    }
                    _ => look_again = true,
                },
                Action::Leave(token) => self.server.log_out(&token),
                Action::Wake(after) => {
                    self.tabs[tab].wake_at = after.map(|after| self.now + after);
                }
                Action::Broadcast | Action::Probe | Action::Tell(_) => {}
            }
        }
        if look_again {
            self.look(tab);
        }
        self.check(tab);
    }

    /// The driver's part of a refresh: read, get or add the key, send.
    fn refresh(&mut self, tab: usize, of: Link) {
        assert_eq!(
            self.tabs[tab].flight, None,
            "one refresh of a tab at a time"
        );
        self.flights += 1;
        self.tabs[tab].flight = Some(self.flights);
        let content = match self.read(tab).filter(|stored| stored.link() == of) {
            None => Content::NotSent(Failure::Moved),
            Some(stored) => match self.key_for(of) {
                Some(key) => Content::Sent {
                    token: stored.refresh_token.clone(),
                    key,
                },
                None => Content::NotSent(Failure::Behind),
            },
        };
        self.network.push(Request {
            tab,
            flight: self.flights,
            of,
            sent_at: self.now,
            content,
        });
    }

    fn key_for(&mut self, of: Link) -> Option<AttemptKey> {
        let session = (of.session_id, 0)..=(of.session_id, u32::MAX);
        let highest = self.keys.range(session).next_back().map(|((_, g), _)| *g);
        let at = (of.session_id, of.generation);
        match attempt(of.generation, self.keys.contains_key(&at), highest) {
            Attempt::Use => Some(self.keys[&at].clone()),
            Attempt::Make => {
                let mut random = [0; 16];
                random[..4].copy_from_slice(&self.flights.to_be_bytes());
                let key = AttemptKey::from_random(random);
                self.keys.insert(at, key.clone());
                Some(key)
            }
            Attempt::Behind => None,
        }
    }

    /// Lets a request arrive, perhaps not for the last time, and its answer come
    /// back or be lost.
    fn deliver(&mut self, at: usize, keep: bool, lose_answer: bool) {
        let request = self.network[at].clone();
        let is_sent = matches!(request.content, Content::Sent { .. });
        if !(keep && is_sent) {
            self.network.remove(at);
        }
        // No network delays for longer, and the server remembers sixteen links.
        if self.now - request.sent_at > 1_800_000 {
            return self.answer(&request, Err(Failure::Later { retry_after: None }));
        }
        let answer = match &request.content {
            Content::Sent { token, key } => self.server.refresh(token, key, self.wall()),
            Content::NotSent(failure) => Err(*failure),
        };
        if lose_answer && is_sent {
            self.answer(&request, Err(Failure::Later { retry_after: None }));
        } else {
            self.answer(&request, answer);
        }
    }

    fn answer(&mut self, request: &Request, answer: Result<Tokens, Failure>) {
        let (tab, of) = (request.tab, request.of);
        if self.tabs[tab].flight != Some(request.flight) {
            return;
        }
        self.tabs[tab].flight = None;
        if answer == Err(Failure::Moved) {
            self.look(tab);
        }
        let event = match answer {
            Ok(tokens) => {
                let record = Record::new(&tokens, true, self.wall()).unwrap();
                Event::Renewed { of, record }
            }
            Err(failure) => Event::NotRenewed { of, failure },
        };
        self.feed(tab, event);
    }

    fn sign_in(&mut self, tab: usize) {
        self.look(tab);
        let tokens = self.server.open(self.wall());
        let record = Record::new(&tokens, true, self.wall()).unwrap();
        self.feed(tab, Event::SignedIn { record });
    }

    fn sign_out(&mut self, tab: usize) {
        self.look(tab);
        let why = Ending::SignedOut;
        self.feed(tab, Event::SignOut { why });
    }

    /// Time passes. Tabs that run see what was written at least a second ago.
    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        for turn in 0.. {
            assert!(turn < 2000, "a busy loop");
            let next = self
                .tabs
                .iter()
                .enumerate()
                .filter(|(_, tab)| !tab.frozen)
                .filter_map(|(at, tab)| tab.wake_at.map(|ms| (ms.max(self.now), at)))
                .min()
                .filter(|(ms, _)| *ms <= end);
            let Some((ms, tab)) = next else { break };
            self.now = ms;
            self.propagate();
            if self.tabs[tab].wake_at.is_some_and(|at| at <= self.now) {
                self.tabs[tab].wake_at = None;
                self.look(tab);
                self.feed(tab, Event::Timer);
            }
            // Whatever was sent is answered before minutes pass.
            self.settle();
        }
        self.now = end;
        self.propagate();
    }

    fn propagate(&mut self) {
        for tab in 0..self.tabs.len() {
            if self.tabs[tab].frozen {
                continue;
            }
            let due = self
                .writes
                .iter()
                .rposition(|write| write.at + 1000 <= self.now)
                .map_or(0, |at| at + 1);
            if due > self.tabs[tab].seen {
                self.tabs[tab].seen = due;
                self.look(tab);
            }
        }
    }

    fn settle(&mut self) {
        let mut left = 20;
        while let Some(at) = self
            .network
            .iter()
            .position(|request| !self.tabs[request.tab].frozen)
            && left > 0
        {
            left -= 1;
            self.deliver(at, false, false);
        }
    }

    /// The browser is killed: all tabs are gone, and so are some of the writes of the
    /// last 45 seconds, which is the most that was measured.
    fn kill(&mut self, lost: usize) {
        let is_fresh = |write: &&Write| write.at + 45_000 > self.now;
        let lost = self
            .writes
            .iter()
            .rev()
            .take(lost)
            .take_while(is_fresh)
            .count();
        let kept = (self.writes.len() - lost).max(1);
        // One lost link is got back by repeating its refresh; more are out of reach,
        // and so is a session that was signed out before the sign-out was lost.
        let stored = self.writes[kept - 1].record.as_ref().map(Record::link);
        let row = stored.and_then(|link| self.server.rows.get(&link.session_id));
        self.lost_too_much |= match (stored, row) {
            (Some(link), Some(row)) => row.stored.generation > link.generation + 1,
            (stored, _) => stored.is_some(),
        };
        self.writes.truncate(kept);
        for tab in 0..self.tabs.len() {
            self.tabs[tab].seen = kept;
            self.start(tab);
        }
    }

    fn check(&mut self, tab: usize) {
        if let Some(held) = self.tabs[tab].machine.record() {
            let highest = self
                .highest_held
                .entry((tab, held.session_id))
                .or_insert(held.generation);
            assert!(held.generation >= *highest, "went back a generation");
            *highest = held.generation;
        }
    }

    /// Nobody is signed out who did not want to be.
    fn check_session(&self) {
        if self.lost_too_much {
            return;
        }
        assert!(
            self.server.reused.is_empty(),
            "honest tabs looked like a thief"
        );
        for tab in &self.tabs {
            if let View::Anonymous { ending: Some(why) } = tab.machine.view() {
                assert!(
                    matches!(
                        why,
                        Ending::SignedOut | Ending::SignedOutElsewhere | Ending::Ended
                    ),
                    "{why:?}"
                );
            }
        }
    }
}

fn step(world: &mut World, (kind, tab, amount): (u8, u8, u16)) {
    let tab = usize::from(tab) % world.tabs.len();
    let frozen = world.tabs[tab].frozen;
    match kind % 16 {
        0..=2 if !frozen => {
            world.look(tab);
            world.feed(tab, Event::CallWanted);
        }
        3..=5 if !world.network.is_empty() => {
            let at = usize::from(amount) % world.network.len();
            world.deliver(at, false, false);
        }
        6 if !world.network.is_empty() => {
            let at = usize::from(amount) % world.network.len();
            world.deliver(at, true, amount % 3 == 0);
        }
        7 if !world.network.is_empty() => {
            let at = usize::from(amount) % world.network.len();
            world.deliver(at, false, true);
        }
        8 => world.pass(u64::from(amount)),
        9 | 10 => world.pass(u64::from(amount) * 20),
        11 => world.tabs[tab].frozen = !frozen,
        12 => world.start(tab),
        13 if amount % 8 == 0 => world.kill(usize::from(amount / 8 % 3)),
        14 if amount % 16 == 0 && !frozen => world.sign_out(tab),
        14 if amount % 16 == 1 && !frozen => world.sign_in(tab),
        15 => world.server.away = !world.server.away && amount % 4 == 0,
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_signed_out_by_races_losses_and_crashes(
        tabs in 1_usize..=4,
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u16>()), 0..300),
    ) {
        let mut world = World::new(tabs);
        for drawn in steps {
            step(&mut world, drawn);
            world.check_session();
        }
        // Once all is calm, whoever is signed in can make calls.
        world.server.away = false;
        for tab in &mut world.tabs {
            tab.frozen = false;
        }
        world.settle();
        world.pass(120_000);
        world.settle();
        world.pass(120_000);
        if !world.lost_too_much {
            for tab in 0..world.tabs.len() {
                world.look(tab);
                world.feed(tab, Event::CallWanted);
                world.settle();
                let moment = world.moment();
                let access = world.tabs[tab].machine.access(moment);
                prop_assert!(
                    matches!(access, Access::Ready { .. } | Access::SignedOut),
                    "{access:?}"
                );
            }
            world.check_session();
        }
    }

    #[test]
    fn a_copy_does_not_outlive_the_next_refreshes(
        tabs in 1_usize..=3,
        before in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u16>()), 0..60),
        with_pending_key in any::<bool>(),
        rhythm in 60_u64..300,
    ) {
        let mut world = World::new(tabs);
        // No kills and no second person: they end sessions by themselves.
        for drawn in before.into_iter().filter(|(kind, ..)| !matches!(kind % 16, 13 | 14)) {
            step(&mut world, drawn);
        }
        world.server.away = false;
        for tab in &mut world.tabs {
            tab.frozen = false;
        }
        world.settle();
        world.pass(120_000);
        let mut stolen = world.read(0).unwrap();
        let session_id = stolen.session_id;
        let pending = world.keys.get(&(session_id, stolen.generation)).cloned();
        let mut pending = pending.filter(|_| with_pending_key);
        let mut refreshes: u32 = 0;
        while world.server.rows.contains_key(&session_id) {
            prop_assert!(world.now < 40_000_000, "the copy still lives");
            refreshes += 1;
            let mut random = [0xee; 16];
            random[..4].copy_from_slice(&refreshes.to_be_bytes());
            let key = pending.take().unwrap_or(AttemptKey::from_random(random));
            let wall = world.wall();
            if let Ok(tokens) = world.server.refresh(&stolen.refresh_token, &key, wall) {
                stolen = Record::new(&tokens, true, wall).unwrap();
            }
            world.pass(rhythm * 1000);
            world.settle();
        }
        // Both refresh at least every five minutes, so both have after ten; a
        // conflict may take a minute more to become final.
        prop_assert!(refreshes * u32::try_from(rhythm).unwrap() < 1000, "{refreshes}");
        world.pass(400_000);
        for tab in &world.tabs {
            let View::Anonymous { ending: Some(why) } = tab.machine.view() else {
                panic!("a tab still believes in the session");
            };
            let told = [Ending::Reused, Ending::Conflict, Ending::Ended];
            prop_assert!(told.contains(&why), "{why:?}");
        }
    }
}
