//! The lines of the diagram, while the page is open and during a sign-in that leads back to it: what
//! happens on the sign-in page belongs to the flow, too.
//!
//! Some functions are not inlined, so that the module of the browser has each of them once.

use std::collections::VecDeque;
use std::sync::Arc;

use holdfast_client::{ClientEvent, Session, Watch};
use holdfast_protocol::renewal::Link;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use uuid::Uuid;

use super::line::{Lane, Line};
use super::meeting::SentRefresh;
use super::story::Story;
use crate::kept::Kept;
use crate::paths;
use crate::words::FlowWords;

/// More lines than these are not shown. The oldest disappear.
const MOST_LINES: usize = 60;

#[derive(Default)]
struct Log {
    story: Story,
    /// With their numbers.
    lines: VecDeque<(u64, Line)>,
    /// How many lines there were.
    added: u64,
    /// One bit for each step of which there was a line.
    seen: u32,
    account_id: Option<Uuid>,
    /// The newest link of the session.
    newest: Option<Link>,
    renewals: u32,
    /// When the session ends at the latest, as the database said first.
    first_end: Option<FirstEnd>,
    answered: Option<SentRefresh>,
}

struct FirstEnd {
    session_id: Uuid,
    expires_at: i64,
    /// How often the session had been renewed here before.
    renewals: u32,
}

/// What the last day of a session is, compared with what the database said first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) is_same: bool,
    /// How often the session was renewed since.
    pub(super) renewals: u32,
}

const NOTHING_COMPARED: End = End {
    is_same: true,
    renewals: 0,
};

/// What stays while the person signs in and comes back. Its parts belong to no page.
#[derive(Clone)]
struct Lasting {
    log: ArcStoredValue<Log>,
    added: ArcRwSignal<u32>,
    changes: ArcRwSignal<u32>,
}

impl Lasting {
    fn take(&self, words: &FlowWords, event: &ClientEvent, stores_nothing: bool) {
        self.log.update_value(|log| {
            log.story.stores_nothing = stores_nothing;
            log.take(words, event);
        });
        self.added.update(|added| *added += 1);
        if matches!(
            event,
            ClientEvent::Stored { .. } | ClientEvent::Cleared { .. }
        ) {
            self.changes.update(|changes| *changes += 1);
        }
    }
}

/// The log, and the watch that fills it. The watch ends when the place in [`Kept`] is emptied.
#[derive(Clone)]
struct Watched {
    lasting: Lasting,
    _watch: Arc<Watch>,
}

/// What has happened since the page was opened, as the page uses it. After the page was left, it does
/// nothing.
#[derive(Clone, Copy)]
pub(super) struct FlowLog {
    log: StoredValue<Log>,
    /// Counts the lines.
    added: RwSignal<u32>,
    /// Counts the changes of the stored tokens.
    changes: RwSignal<u32>,
}

impl FlowLog {
    /// Provides it to the components of the page, and listens to the client while the person is on this
    /// page, or signs in and comes back.
    pub(super) fn provide(session: Session) -> Self {
        let words = FlowWords::of_page();
        let kept = Kept::here();
        let before = kept.get::<Watched>().map(|watched| watched.lasting);
        let lasting = before.unwrap_or_else(|| Lasting {
            log: ArcStoredValue::new(Log::default()),
            added: ArcRwSignal::new(0),
            changes: ArcRwSignal::new(0),
        });
        let log = Self {
            log: lasting.log.clone().into(),
            added: lasting.added.clone().into(),
            changes: lasting.changes.clone().into(),
        };
        provide_context(log);
        let path = use_location().pathname;
        // The path changes before the next page is there. From then on, this page listens no more.
        Effect::new(move |_| {
            let is_here = path.read().trim_end_matches('/') == paths::FLOW;
            if !is_here || kept.get::<Watched>().is_some() {
                return;
            }
            let heard = lasting.clone();
            let watch = session.watch(move |event| {
                heard.take(words, event, session.demonstration().stores_nothing());
            });
            kept.keep(Watched {
                lasting: lasting.clone(),
                _watch: Arc::new(watch),
            });
        });
        log
    }

    /// The log of the page. Only its components call this.
    #[inline(never)]
    pub(super) fn of_page() -> Self {
        expect_context()
    }

    /// Notes whose session the page shows.
    #[inline(never)]
    pub(super) fn shows(self, account_id: Uuid, held: Link) {
        self.log.update_value(|log| {
            log.belongs_to(account_id);
            log.renewed_to(held);
        });
    }

    /// Adds a line of the page itself.
    #[inline(never)]
    pub(super) fn add(self, line: Line) {
        if self.log.try_update_value(|log| log.add(line)).is_some() {
            self.added.update(|added| *added += 1);
        }
    }

    pub(super) fn clear(self) {
        self.log.update_value(|log| log.lines.clear());
        self.added.update(|added| *added += 1);
    }

    /// The lines with their numbers, the oldest first. Reactive, like the next two.
    pub(super) fn lines(self) -> Vec<(u64, Line)> {
        self.track();
        self.log
            .with_value(|log| log.lines.iter().cloned().collect())
    }

    /// Whether there was a line of this step, also if it has disappeared since.
    pub(super) fn has_seen(self, step: u32) -> bool {
        self.track();
        self.log.with_value(|log| log.seen & (1 << step) != 0)
    }

    pub(super) fn track(self) {
        self.added.track();
    }

    /// Reactive: runs again when the stored tokens have changed.
    pub(super) fn track_changes(self) {
        self.changes.track();
    }

    /// Compares when the session ends at the latest with what the database said first.
    pub(super) fn compare_end(self, session_id: Uuid, expires_at: i64) -> End {
        let end = self
            .log
            .try_update_value(|log| log.compare_end(session_id, expires_at));
        end.unwrap_or(NOTHING_COMPARED)
    }

    /// Whether a refresh of the client is under way.
    pub(super) fn is_refreshing(self) -> bool {
        self.log
            .try_with_value(|log| log.story.is_refreshing())
            .unwrap_or_default()
    }

    /// Takes the last refresh that this tab has sent, and its answer.
    pub(super) fn take_answered(self) -> Option<SentRefresh> {
        self.log.try_update_value(|log| log.answered.take())?
    }
}

impl Log {
    fn take(&mut self, words: &FlowWords, event: &ClientEvent) {
        match *event {
            ClientEvent::Answered {
                request, status, ..
            } => {
                if let Some(refresh) = self.story.refresh_of(request)
                    && !refresh.is_demonstration
                {
                    self.answered = Some(SentRefresh {
                        generation: refresh.generation,
                        attempt: refresh.attempt.clone(),
                        status,
                    });
                }
            }
            ClientEvent::Stored {
                account_id,
                session_id,
                generation,
                ..
            } => {
                self.belongs_to(account_id);
                self.renewed_to(Link {
                    session_id,
                    generation,
                });
            }
            _ => {}
        }
        for line in self.story.tell(words, event) {
            self.add(line);
        }
    }

    /// A person sees nothing of what another person has done.
    fn belongs_to(&mut self, account_id: Uuid) {
        if self.account_id.is_some_and(|before| before != account_id) {
            // The browser is the same.
            let stores_nothing = self.story.stores_nothing;
            *self = Self::default();
            self.story.stores_nothing = stores_nothing;
        }
        self.account_id = Some(account_id);
    }

    /// Counts the renewals. A repeated refresh brings the same link again, and is none.
    fn renewed_to(&mut self, link: Link) {
        match self.newest {
            Some(newest) if newest.session_id == link.session_id => {
                self.renewals += link.generation.saturating_sub(newest.generation);
                if link.generation < newest.generation {
                    return;
                }
            }
            _ => self.renewals = 0,
        }
        self.newest = Some(link);
    }

    fn compare_end(&mut self, session_id: Uuid, expires_at: i64) -> End {
        match &self.first_end {
            Some(first) if first.session_id == session_id => End {
                is_same: first.expires_at == expires_at,
                renewals: self.renewals.saturating_sub(first.renewals),
            },
            _ => {
                self.first_end = Some(FirstEnd {
                    session_id,
                    expires_at,
                    renewals: self.renewals,
                });
                NOTHING_COMPARED
            }
        }
    }

    fn add(&mut self, line: Line) {
        // The press of a button alone makes no step happen.
        if line.from != Lane::Person {
            self.seen |= 1 << line.step;
        }
        self.added += 1;
        let line = (self.added, line);
        self.lines.push_back(line);
        if self.lines.len() > MOST_LINES {
            self.lines.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::wire::paths as api;

    use super::*;
    use crate::words::Language;

    const ADA: Uuid = Uuid::from_u128(1);
    const BERT: Uuid = Uuid::from_u128(2);

    fn stored(account_id: Uuid, generation: u32) -> ClientEvent {
        ClientEvent::Stored {
            account_id,
            session_id: account_id,
            generation,
            is_new_session: generation == 0,
            by_this_tab: true,
        }
    }

    fn after(events: impl IntoIterator<Item = ClientEvent>) -> Log {
        let mut log = Log::default();
        events
            .into_iter()
            .for_each(|event| log.take(english(), &event));
        log
    }

    fn english() -> &'static FlowWords {
        FlowWords::of(Language::English)
    }

    #[test]
    fn only_a_later_generation_is_a_renewal() {
        let mut log = Log::default();
        log.renewed_to(Link {
            session_id: ADA,
            generation: 2,
        });
        assert_eq!(log.renewals, 0);
        for (generation, expected) in [(3, 1), (3, 1), (2, 1), (3, 1), (5, 3)] {
            log.take(english(), &stored(ADA, generation));
            assert_eq!(log.renewals, expected);
        }
    }

    #[test]
    fn another_account_finds_no_lines() {
        let log = after([
            ClientEvent::AnswerThrownAway,
            stored(ADA, 0),
            stored(ADA, 1),
        ]);
        assert_eq!((log.lines.len(), log.renewals), (3, 1));
        let log = after([
            ClientEvent::AnswerThrownAway,
            stored(ADA, 0),
            stored(ADA, 1),
            ClientEvent::Cleared {
                why: None,
                by_this_tab: true,
            },
            stored(BERT, 0),
        ]);
        assert_eq!((log.lines.len(), log.renewals), (1, 0));
        assert_eq!(log.account_id, Some(BERT));
    }

    #[test]
    fn the_answer_to_a_refresh_of_the_client_is_kept() {
        let events = |is_demonstration| {
            [
                ClientEvent::Refreshing {
                    generation: 3,
                    attempt: holdfast_protocol::attempt_key::AttemptMark::of(None),
                    is_demonstration,
                },
                ClientEvent::Sent {
                    request: 1,
                    method: holdfast_client::Method::POST,
                    path: api::REFRESH.to_owned(),
                    with_access_token: false,
                },
                ClientEvent::Answered {
                    request: 1,
                    status: 200,
                    code: None,
                },
            ]
        };
        let answered = after(events(false)).answered.map(|sent| sent.generation);
        assert_eq!(answered, Some(3));
        assert_eq!(after(events(true)).answered, None);
    }

    #[test]
    fn only_renewals_after_the_first_look_at_the_last_day_are_counted() {
        let mut log = after([stored(ADA, 0), stored(ADA, 1)]);
        assert_eq!(log.compare_end(ADA, 100), NOTHING_COMPARED);
        log.take(english(), &stored(ADA, 3));
        let end = |is_same, renewals| End { is_same, renewals };
        assert_eq!(log.compare_end(ADA, 100), end(true, 2));
        assert_eq!(log.compare_end(ADA, 101), end(false, 2));
        assert_eq!(log.compare_end(BERT, 7), NOTHING_COMPARED);
    }

    #[test]
    fn the_log_is_full_at_some_point() {
        let mut log = Log::default();
        for _ in 0..200 {
            log.take(english(), &ClientEvent::AnswerThrownAway);
        }
        assert_eq!(log.lines.len(), MOST_LINES);
        assert_eq!(log.lines.back().map(|(number, _)| *number), Some(200));
    }

    #[test]
    fn the_press_of_a_button_is_no_step_that_was_seen() {
        let mut log = Log::default();
        log.add(Line::message(7, Lane::Person, Lane::Browser, "Refresh now"));
        assert_eq!(log.seen, 0);
        log.add(Line::note(
            7,
            Lane::Browser,
            "The same attempt key once more",
        ));
        assert_eq!(log.seen, 1 << 7);
    }
}
