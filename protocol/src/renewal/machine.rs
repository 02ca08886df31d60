//! One tab.

use uuid::Uuid;

use super::ending::Ending;
use super::held::Held;
use super::moment::Moment;
use super::patience::{
    FRUITLESS_PAUSE_MS, LONGEST_CONFLICT_PAUSE_MS, LONGEST_PAUSE_MS, Leaving, Pause, pause_ms,
};
use super::record::{Era, Link, Position, Record, Stored};
use super::vault::Change;
use super::words::{Access, Action, Event, Failure, Notice, View};

/// The state of one tab.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    started: bool,
    visible: bool,
    /// The last sign-in or sign-out that this tab knows of.
    era: Era,
    held: Option<Held>,
    ending: Option<Ending>,
    /// The number of this tab's changes that storage has not made yet. Until storage has made them,
    /// the tab does not know who is signed in. So it renews nothing and gives no token to a call.
    changing: u32,
    /// The link of the refresh that is under way.
    pub(super) in_flight: Option<Link>,
    pub(super) pause: Option<Pause>,
    /// When to probe the server again. It is set while calls get no answer although the access
    /// token is valid.
    pub(super) lost_until_ms: Option<u64>,
    /// How many calls and probes in a row got no answer. An answered call, a renewal, a new session
    /// and the end of the session reset it. An answered probe does not reset it, because a call
    /// that never gets through must not become a busy loop.
    pub(super) lost_in_a_row: u32,
    leaving: Leaving,
    /// A later version of Holdfast has taken over storage. This page does not renew any more,
    /// because it could not store new tokens. A reload loads the later version.
    outdated: bool,
    wake_at_ms: Option<u64>,
}

impl Machine {
    /// A tab that has not read storage yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the person sees.
    pub fn view(&self) -> View {
        match &self.held {
            _ if !self.started => View::Unknown,
            None => View::Anonymous {
                ending: self.ending,
            },
            Some(held) => View::SignedIn {
                account_id: held.record.account_id,
                session_id: held.record.session_id,
                // With a later version nothing is tried again.
                reconnecting: !self.outdated
                    && (self.pause.is_some_and(|pause| !pause.in_conflict)
                        || self.lost_until_ms.is_some()),
            },
        }
    }

    /// Whether a later version of Holdfast has taken over storage.
    pub fn is_outdated(&self) -> bool {
        self.outdated
    }

    /// The record of this tab.
    pub fn record(&self) -> Option<&Record> {
        self.held.as_ref().map(|held| &held.record)
    }

    /// The account that is signed in, as far as this tab knows.
    pub fn stored(&self) -> Stored {
        match &self.held {
            Some(held) => Stored::SignedIn(held.record.clone()),
            None => Stored::signed_out(self.era, None),
        }
    }

    /// Whether there are sessions that the server still has to end.
    pub fn is_leaving(&self) -> bool {
        self.leaving != Leaving::Nothing
    }

    /// Whether sending a sign-out to the server has failed so far. During the first attempt this is
    /// `false`, because the person need not know.
    pub fn is_kept_from_leaving(&self) -> bool {
        self.leaving.has_failed()
    }

    /// What a call may do now. Send [`Event::CallWanted`] first.
    pub fn access(&self, at: Moment) -> Access {
        if !self.started || self.changing > 0 {
            return Access::Soon;
        }
        let Some(held) = &self.held else {
            return Access::SignedOut;
        };
        if !held.is_over(at) {
            return Access::Ready {
                account_id: held.record.account_id,
                of: held.record.link(),
                token: held.record.access_token.clone(),
            };
        }
        match self.pause {
            _ if self.outdated => Access::Outdated,
            Some(pause) if !pause.in_conflict && self.in_flight.is_none() => Access::NotNow,
            _ => Access::Soon,
        }
    }

    /// Takes an event and says what to do.
    #[must_use]
    pub fn on(mut self, event: Event, at: Moment) -> (Self, Vec<Action>) {
        let mut actions = Vec::new();
        self.take(event, at, &mut actions);
        self.renew_if_due(at, &mut actions);
        let wake_at = self.next_look(at);
        if wake_at != self.wake_at_ms {
            self.wake_at_ms = wake_at;
            actions.push(Action::Wake(
                wake_at.map(|ms| ms.saturating_sub(at.running_ms)),
            ));
        }
        (self, actions)
    }

    fn take(&mut self, event: Event, at: Moment, actions: &mut Vec<Action>) {
        match event {
            Event::Start { stored, visible } => self.start(stored, visible, at),
            // The read may be older than the change that is under way.
            Event::Stored(_) | Event::Gone if self.changing > 0 => {}
            Event::Stored(stored) => {
                self.storage_changed(stored, Ending::seen_from_another_tab, at, actions);
            }
            Event::Gone => self.lose_storage(actions),
            Event::Changing => self.changing += 1,
            Event::Changed { stored, applied } => {
                self.changing = self.changing.saturating_sub(1);
                let told = if applied {
                    |ending| ending
                } else {
                    Ending::seen_from_another_tab
                };
                self.storage_changed(stored, told, at, actions);
            }
            Event::CallWanted => {
                if self.held.as_ref().is_some_and(|held| held.is_over(at)) {
                    self.renew(at, actions);
                }
            }
            Event::CallRefused { of } => {
                if let Some(held) = &mut self.held
                    && held.record.link() == of
                {
                    held.refused = true;
                    self.renew(at, actions);
                }
            }
            Event::CallOver { session_id, why } => self.end(session_id, why, at, actions),
            Event::Unreachable => self.server_unreachable(at),
            Event::Reached => {
                self.server_reachable();
                self.leave_again(actions);
            }
            Event::ProbeAnswered => {
                self.lost_until_ms = None;
                self.leave_again(actions);
            }
            Event::Renewed { of, stored } => self.renewed(of, stored, at, actions),
            Event::NotRenewed { of, failure } => self.not_renewed(of, failure, at, actions),
            Event::Timer => self.look_around(at, actions),
            Event::Visible(visible) => {
                self.visible = visible;
                if visible {
                    self.retry_now(at, actions);
                }
            }
            Event::Online => self.retry_now(at, actions),
            Event::LeavingFound => {
                if self.leaving.begin() {
                    actions.push(Action::SendLeaving);
                }
            }
            Event::LeavingSent { all } => {
                if self.leaving.sent(all, at) {
                    actions.push(Action::SendLeaving);
                }
            }
            Event::StorageFailed => actions.push(Action::Tell(Notice::ThisTabOnly)),
            Event::StorageOfLaterVersion => self.outdate(actions),
        }
    }

    fn start(&mut self, stored: Stored, visible: bool, at: Moment) {
        self.started = true;
        self.visible = visible;
        self.held = None;
        self.era = stored.era();
        match stored {
            Stored::SignedIn(record) => self.hold(record, at),
            Stored::SignedOut(tombstone) => {
                self.ending = tombstone.unread().and_then(Ending::seen_later);
            }
        }
    }

    fn position(&self) -> Position {
        self.stored().position()
    }

    /// Takes over the content of storage, unless this tab knows a later state.
    fn storage_changed(
        &mut self,
        stored: Stored,
        told: fn(Ending) -> Ending,
        at: Moment,
        actions: &mut Vec<Action>,
    ) {
        if stored.era().is_of_another_life(self.stored().era()) {
            let stored_session = stored.record().map(|record| record.session_id);
            // The same session goes on, even if its sign-in has another life.
            if stored_session.is_none() || stored_session != self.session_id() {
                self.lose_storage(actions);
            }
            self.era = stored.era();
            if let Stored::SignedIn(record) = stored {
                self.hold(record, at);
            }
            return;
        }
        if stored.position() < self.position() {
            return;
        }
        match stored {
            Stored::SignedIn(record) => {
                if self.record() != Some(&record) {
                    self.hold(record, at);
                }
            }
            Stored::SignedOut(tombstone) => {
                if self.held.is_some() || tombstone.epoch > self.era.epoch {
                    self.forget();
                    self.ending = tombstone.unread().map(told);
                    self.era = Stored::SignedOut(tombstone).era();
                }
            }
        }
    }

    /// Takes over a record, and forgets the state of the record before.
    fn hold(&mut self, record: Record, at: Moment) {
        if self.session_id() != Some(record.session_id) {
            self.server_reachable();
        }
        self.held = Some(Held::new(record, at));
        self.era = self.stored().era();
        self.pause = None;
        self.ending = None;
    }

    fn forget(&mut self) {
        self.held = None;
        self.pause = None;
        self.server_reachable();
    }

    /// The browser's data for this site were deleted. This page forgets the session, too, and lets
    /// the server end it. Otherwise only this page would go on with the session, and the person does
    /// not expect that.
    fn lose_storage(&mut self, actions: &mut Vec<Action>) {
        self.era = Era::default();
        let Some(held) = &self.held else { return };
        let token = held.record.refresh_token.clone();
        self.forget();
        self.ending = Some(Ending::StorageCleared);
        self.change(Change::EndOnServer(token), actions);
    }

    fn change(&mut self, change: Change, actions: &mut Vec<Action>) {
        self.changing += 1;
        actions.push(Action::Change(change));
    }

    /// The server has said that this session is over. If this tab has this session, the tab ends it
    /// in storage.
    fn end(&mut self, session_id: Uuid, why: Ending, at: Moment, actions: &mut Vec<Action>) {
        if self.session_id() == Some(session_id) {
            let why = self.more_exactly(why, at);
            self.change(Change::End { session_id, why }, actions);
        }
    }

    /// The server forgets a session some time after its end. Then it does not know the reason
    /// any more, but the record says how long its session could last.
    fn more_exactly(&self, why: Ending, at: Moment) -> Ending {
        let has_expired = self.held.as_ref().is_some_and(|held| held.has_expired(at));
        match why {
            Ending::Unknown | Ending::TokenUnknown if has_expired => Ending::Expired,
            _ => why,
        }
    }

    fn session_id(&self) -> Option<Uuid> {
        self.held.as_ref().map(|held| held.record.session_id)
    }

    fn renewed(&mut self, of: Link, stored: Stored, at: Moment, actions: &mut Vec<Action>) {
        if self.in_flight == Some(of) {
            self.in_flight = None;
        }
        if self.changing == 0 {
            self.storage_changed(stored, Ending::seen_from_another_tab, at, actions);
        }
        self.server_reachable();
        self.leave_again(actions);
        // If the new access token has already expired, the next renewal waits for a second.
        if self.held.as_ref().is_some_and(|held| held.is_over(at)) {
            let pause = self.pause.get_or_insert_default();
            pause.until_ms = at.running_ms + FRUITLESS_PAUSE_MS;
        }
    }

    fn not_renewed(&mut self, of: Link, failure: Failure, at: Moment, actions: &mut Vec<Action>) {
        if self.in_flight == Some(of) {
            self.in_flight = None;
        }
        // An answer about an older link may be about the session, but never about the present
        // record.
        let ours = self.held.as_ref().filter(|held| held.record.link() == of);
        let is_ours = ours.is_some();
        // Another tab may have repeated this refresh and stored a new access token for the same
        // link. Then there is nothing to wait for.
        let is_wanted = ours.is_some_and(|held| held.is_due(at));
        match failure {
            Failure::Over(why) => self.end(of.session_id, why, at, actions),
            Failure::TokenUnknown if is_ours => {
                let end_link = Change::EndLink {
                    of,
                    why: self.more_exactly(Ending::TokenUnknown, at),
                    leave: false,
                };
                self.change(end_link, actions);
            }
            Failure::Conflict { retry_after } if is_wanted => {
                self.conflict(of, retry_after, at, actions);
            }
            // A tab that was frozen may read an old value of storage for a moment. So the tab
            // treats `Behind` like a conflict: it is final only after a minute and three attempts.
            Failure::Behind if is_wanted => self.conflict(of, None, at, actions),
            Failure::Later { retry_after } if is_wanted => {
                let pause = self.pause.get_or_insert_default();
                pause.lengthen(retry_after, LONGEST_PAUSE_MS, at);
                pause.in_conflict = false;
            }
            Failure::Outdated => self.outdate(actions),
            // This result does not change the present record. If that record is due, it is renewed
            // separately.
            _ => {}
        }
    }

    /// Stops renewing. A pause would show «reconnecting», which would be wrong.
    fn outdate(&mut self, actions: &mut Vec<Action>) {
        self.outdated = true;
        self.pause = None;
        actions.push(Action::Tell(Notice::Outdated));
    }

    fn conflict(
        &mut self,
        of: Link,
        retry_after: Option<u32>,
        at: Moment,
        actions: &mut Vec<Action>,
    ) {
        let pause = self.pause.get_or_insert_default();
        pause.lengthen(retry_after, LONGEST_CONFLICT_PAUSE_MS, at);
        if pause.meets_conflict(at) {
            let end_link = Change::EndLink {
                of,
                why: Ending::Conflict,
                leave: true,
            };
            self.change(end_link, actions);
        }
    }

    fn server_unreachable(&mut self, at: Moment) {
        if self.held.is_none() {
            return;
        }
        let pause = 500 + pause_ms(self.lost_in_a_row, LONGEST_PAUSE_MS, at);
        self.lost_until_ms = Some(at.running_ms + pause);
        self.lost_in_a_row = self.lost_in_a_row.saturating_add(1);
    }

    fn server_reachable(&mut self) {
        self.lost_until_ms = None;
        self.lost_in_a_row = 0;
    }

    /// Probes the server if that is due, and sends the logouts if they can be sent again.
    fn look_around(&mut self, at: Moment, actions: &mut Vec<Action>) {
        self.wake_at_ms = None;
        let is_time = |until: Option<u64>| until.is_some_and(|ms| ms <= at.running_ms);
        if self.visible && is_time(self.lost_until_ms) {
            self.probe(at, actions);
        }
        if is_time(self.leaving.until_ms()) {
            self.leave_again(actions);
        }
    }

    /// Probes whether the server can be reached. If the server answers, there are no more probes.
    /// If the probe fails, the next one comes after a pause. If no result comes at all, the next
    /// one comes after a minute.
    fn probe(&mut self, at: Moment, actions: &mut Vec<Action>) {
        actions.push(Action::Probe);
        self.lost_until_ms = Some(at.running_ms + LONGEST_PAUSE_MS);
    }

    /// The server answers, or may answer again: the waiting logouts are sent.
    fn leave_again(&mut self, actions: &mut Vec<Action>) {
        if self.leaving.until_ms().is_some() && self.leaving.begin() {
            actions.push(Action::SendLeaving);
        }
    }

    /// The page is visible, or the network is back. Ends the pause now, but not before the time of
    /// `Retry-After`.
    fn retry_now(&mut self, at: Moment, actions: &mut Vec<Action>) {
        if let Some(pause) = &mut self.pause {
            pause.until_ms = at.running_ms.max(pause.not_before_ms);
        }
        if self.lost_until_ms.is_some() {
            self.probe(at, actions);
        }
        self.leave_again(actions);
    }

    /// Renews by itself: while the page is visible, or to settle a conflict.
    fn renew_if_due(&mut self, at: Moment, actions: &mut Vec<Action>) {
        let Some(held) = &self.held else { return };
        let wanted = self.visible || self.pause.is_some_and(|pause| pause.in_conflict);
        if wanted && held.is_due(at) {
            self.renew(at, actions);
        }
    }

    /// Sends a refresh, unless one is under way or has to wait.
    fn renew(&mut self, at: Moment, actions: &mut Vec<Action>) {
        let Some(held) = &self.held else { return };
        let waits = self
            .pause
            .is_some_and(|pause| pause.until_ms > at.running_ms);
        if self.in_flight.is_some() || self.changing > 0 || waits || self.outdated {
            return;
        }
        let of = held.record.link();
        self.in_flight = Some(of);
        actions.push(Action::Refresh { of });
    }

    /// When this tab has to wake up by itself.
    fn next_look(&self, at: Moment) -> Option<u64> {
        let leaving = self.leaving.until_ms();
        let renewal = self.next_renewal(at);
        match (leaving, renewal) {
            (Some(leaving), Some(renewal)) => Some(leaving.min(renewal)),
            (leaving, renewal) => leaving.or(renewal),
        }
    }

    fn next_renewal(&self, at: Moment) -> Option<u64> {
        let held = self.held.as_ref()?;
        let in_conflict = self.pause.is_some_and(|pause| pause.in_conflict);
        let waits = self.in_flight.is_some() || self.changing > 0 || self.outdated;
        if waits || !(self.visible || in_conflict) {
            return None;
        }
        // The timer is never early, because a timer that finds nothing to do would be set again
        // at once.
        let due = at.running_ms + held.due_in(at);
        let renewal = self.pause.map_or(due, |pause| pause.until_ms.max(due));
        Some(self.lost_until_ms.map_or(renewal, |ms| ms.min(renewal)))
    }
}
