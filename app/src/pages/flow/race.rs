//! Two tabs that renew at the same moment. The page policy allows no frame, so the second one is a
//! real tab with this page. [`Meeting`] decides, and this carries it out.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use holdfast_client::{OtherTabs, Session};
use holdfast_protocol::renewal::Link;
use leptos::prelude::*;

use super::action::Action;
use super::line::Lane::{Browser, Person};
use super::line::Line;
use super::log::FlowLog;
use super::meeting::{Do, Done, Happened, Meeting, Message};
use super::visit::Visit;
use crate::paths;
use crate::words::FlowWords;

/// How often, and how many times, a tab looks whether its own refresh was answered.
const LOOKS_AGAIN: Duration = Duration::from_millis(100);
const MOST_LOOKS: u32 = 100;

const NOTHING_DONE: Done = Done {
    is_renewed: false,
    sent: None,
};

/// What the two tabs do in this tab. It belongs to one session.
pub(super) struct Race {
    session: Session,
    log: FlowLog,
    visit: Visit,
    others: Option<OtherTabs>,
    /// What this tab held when it joined.
    joined_with: Option<Link>,
    meeting: RefCell<Meeting>,
    said: RwSignal<String>,
    words: &'static FlowWords,
}

impl Race {
    /// Listens to the other tabs, and greets them. Call it in an effect, when a person is signed in.
    pub(super) fn join(
        session: Session,
        log: FlowLog,
        visit: Visit,
        said: RwSignal<String>,
        words: &'static FlowWords,
    ) -> Rc<Self> {
        let race = Rc::new_cyclic(|race: &Weak<Self>| {
            let heard_by = race.clone();
            let hear = move |words: String| {
                let message = Message::read(&words);
                if let (Some(race), Some(message)) = (heard_by.upgrade(), message) {
                    race.take(Happened::Heard(message));
                }
            };
            let joined_with = held(session);
            Self {
                joined_with,
                session,
                log,
                visit,
                others: session.demonstration().other_tabs(hear),
                meeting: RefCell::default(),
                said,
                words,
            }
        });
        race.take(Happened::Joined);
        race
    }

    /// Both tabs renew, after a second one was opened if there is none.
    pub(super) fn press(self: &Rc<Self>) {
        let words = &self.words.race;
        let text = Action::Race.words(self.words).text;
        self.log.add(Line::message(7, Person, Browser, text));
        if self.session.demonstration().stores_nothing() {
            self.say(words.stores_nothing);
        } else if !self.session.demonstration().can_race() {
            self.say(words.no_database);
        } else {
            self.take(Happened::Pressed);
        }
    }

    #[inline(never)]
    fn take(self: &Rc<Self>, event: Happened) {
        let Some(held) = held(self.session) else {
            return;
        };
        let words = &self.words.race;
        let all = self.meeting.borrow_mut().take(event, held);
        for one in all {
            match one {
                Do::Tell(message) => self.tell(&message),
                Do::OpenTab => self.open_tab(),
                Do::Renew => self.renew(),
                Do::WaitFor { number, ms } => {
                    let waiting = Rc::downgrade(self);
                    let end = move || {
                        if let Some(race) = waiting.upgrade() {
                            race.take(Happened::Waited(number));
                        }
                    };
                    set_timeout(end, Duration::from_millis(ms));
                }
                Do::Say(said) => self.say(said.in_words(words)),
                Do::Draw(done) => {
                    self.log.add(Line::note(7, Browser, done.in_words(words)));
                }
            }
        }
    }

    fn open_tab(&self) {
        let address = format!("{}#7", paths::FLOW);
        let opened = window().open_with_url_and_target(&address, "_blank");
        let words = &self.words.race;
        self.say(if matches!(opened, Ok(Some(_))) {
            words.opening
        } else {
            words.not_opened
        });
    }

    fn renew(self: &Rc<Self>) {
        self.log.take_answered();
        let demonstration = self.session.demonstration();
        if !demonstration.can_race() {
            return self.take(Happened::Renewed(NOTHING_DONE));
        }
        let race = Rc::downgrade(self);
        self.visit
            .run(demonstration.renew_without_lock(), move |renewal| {
                Self::finish(&race, renewal.is_renewed, MOST_LOOKS);
            });
    }

    /// The tokens of the other tab may be here before the answer to this tab's own request, so this waits
    /// for the answer.
    ///
    /// The race is over when the page was left, or when the session has changed.
    fn finish(race: &Weak<Self>, is_renewed: bool, looks: u32) {
        let Some(it) = race.upgrade() else { return };
        if looks > 0 && it.log.is_refreshing() {
            let race = race.clone();
            let look_again = move || Self::finish(&race, is_renewed, looks - 1);
            set_timeout(look_again, LOOKS_AGAIN);
        } else {
            let sent = it.log.take_answered();
            it.take(Happened::Renewed(Done { is_renewed, sent }));
        }
    }

    fn tell(&self, message: &Message) {
        if let Some(others) = &self.others {
            others.tell(&message.to_text());
        }
    }

    /// The page may have been left meanwhile.
    fn say(&self, words: &str) {
        let _ = self.said.try_set(words.to_owned());
    }
}

impl Drop for Race {
    fn drop(&mut self) {
        // This tab may have another session by now, and a new part in the race for it.
        if let Some(joined_with) = self.joined_with {
            self.tell(&Message::bye(joined_with));
        }
    }
}

/// The link that this tab holds now.
fn held(session: Session) -> Option<Link> {
    let held = session.demonstration().tokens()?;
    Some(Link {
        session_id: held.session_id,
        generation: held.generation,
    })
}
