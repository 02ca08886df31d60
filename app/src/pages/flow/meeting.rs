//! Two tabs of one session that renew at the same moment: what a tab does after each event. It sends
//! nothing by itself.
//!
//! A tab only says what it knows: what it has done itself, and what the other tab has told.

use holdfast_protocol::renewal::Link;
use uuid::Uuid;

use crate::words::{RaceWords, Text};

/// How long a tab waits for the greeting of another tab that is open already.
const GREETING_MS: u64 = 500;

/// How long the person may take to let the second tab open.
const SECOND_TAB_MS: u64 = 30_000;

/// How long a tab that has renewed waits for the words of the other one.
const RESULT_MS: u64 = 5_000;

/// What a tab has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    /// Whether it has new tokens.
    pub(super) is_renewed: bool,
    /// The refresh that it has sent itself, and its answer.
    pub(super) sent: Option<SentRefresh>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentRefresh {
    pub(super) generation: u32,
    /// The start of the mark of its attempt key.
    pub(super) attempt: String,
    pub(super) status: u16,
}

impl Done {
    /// What the diagram says of the other tab.
    pub(super) fn in_words(&self, words: &RaceWords) -> String {
        match &self.sent {
            Some(sent) => (words.other_sent)(sent.generation, &sent.attempt, sent.status),
            None if self.is_renewed => words.other_sent_nothing.to_owned(),
            None => words.other_not_renewed.to_owned(),
        }
    }

    fn to_text(&self) -> String {
        let is_renewed = self.is_renewed;
        match &self.sent {
            Some(sent) => {
                let SentRefresh {
                    generation,
                    attempt,
                    status,
                } = sent;
                format!("{is_renewed} {generation} {attempt} {status}")
            }
            None => is_renewed.to_string(),
        }
    }

    fn read<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let is_renewed = words.next()?.parse().ok()?;
        let sent = match words.next() {
            None => None,
            Some(generation) => Some(SentRefresh {
                generation: generation.parse().ok()?,
                attempt: words.next()?.to_owned(),
                status: words.next()?.parse().ok()?,
            }),
        };
        Some(Self { is_renewed, sent })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// A tab has come, or looks for others.
    Hello,
    /// The answer to it.
    Here,
    /// All tabs renew now.
    Now,
    /// What a tab has done.
    Did(Done),
    /// A tab leaves.
    Bye,
}

/// What a tab says to the others. Each message names the link that the tab holds, or for
/// [`Word::Did`] the link that was renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    word: Word,
    of: Link,
}

impl Message {
    /// The last message of a tab.
    pub(super) fn bye(of: Link) -> Self {
        Self {
            word: Word::Bye,
            of,
        }
    }

    pub(super) fn to_text(&self) -> String {
        let (word, done) = match &self.word {
            Word::Hello => ("hello", None),
            Word::Here => ("here", None),
            Word::Now => ("now", None),
            Word::Did(done) => ("did", Some(done.to_text())),
            Word::Bye => ("bye", None),
        };
        let Link {
            session_id,
            generation,
        } = self.of;
        let done = done.unwrap_or_default();
        format!("{word} {session_id} {generation} {done}")
    }

    /// `None` for words of another version of this page.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let word = words.next()?;
        let of = Link {
            session_id: Uuid::parse_str(words.next()?).ok()?,
            generation: words.next()?.parse().ok()?,
        };
        let word = match word {
            "hello" => Word::Hello,
            "here" => Word::Here,
            "now" => Word::Now,
            "did" => Word::Did(Done::read(words)?),
            "bye" => Word::Bye,
            _ => return None,
        };
        Some(Self { word, of })
    }
}

/// An event of this tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happened {
    /// The page is there.
    Joined,
    /// The person wants both tabs to renew.
    Pressed,
    Heard(Message),
    /// The time of [`Do::WaitFor`] with this number is over.
    Waited(u32),
    /// The renewal of this tab has ended.
    Renewed(Done),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Do {
    Tell(Message),
    OpenTab,
    Renew,
    WaitFor {
        number: u32,
        ms: u64,
    },
    Say(Said),
    /// Adds a line about the other tab to the diagram.
    Draw(Done),
}

/// What a tab says to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// A second tab is still awaited.
    Awaited,
    UnderWay,
    NoneCame,
    OtherSilent,
    OtherLeft,
    SameRequest,
    ThisFaster,
    OtherFaster,
    SeeDiagram,
}

impl Said {
    pub(super) fn in_words(self, words: &RaceWords) -> Text {
        match self {
            Self::Awaited => words.awaited,
            Self::UnderWay => words.under_way,
            Self::NoneCame => words.none_came,
            Self::OtherSilent => words.other_silent,
            Self::OtherLeft => words.other_left,
            Self::SameRequest => words.same_request,
            Self::ThisFaster => words.this_faster,
            Self::OtherFaster => words.other_faster,
            Self::SeeDiagram => words.see_diagram,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    /// The person has pressed, and another tab may answer.
    Greeting,
    /// A second tab is opening.
    Opening,
    Renewing {
        of: Link,
        own: Option<Done>,
        other: Other,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Other {
    Awaited,
    Did(Done),
    Left,
}

/// The part of one tab. A new session needs a new one.
#[derive(Debug, Default)]
pub(super) struct Meeting {
    phase: Phase,
    /// The number of the last wait. The end of an earlier wait means nothing.
    waits: u32,
}

impl Meeting {
    /// Takes an event. `held` is the link that this tab holds now. Messages about another session mean
    /// nothing.
    pub(super) fn take(&mut self, event: Happened, held: Link) -> Vec<Do> {
        match event {
            Happened::Joined => vec![tell(Word::Hello, held)],
            Happened::Pressed => self.press(held),
            Happened::Heard(message) if message.of.session_id != held.session_id => Vec::new(),
            Happened::Heard(message) => self.hear(message, held),
            Happened::Waited(number) if number == self.waits => self.give_up(),
            Happened::Waited(_) => Vec::new(),
            Happened::Renewed(done) => self.renewed(done),
        }
    }

    fn press(&mut self, held: Link) -> Vec<Do> {
        match self.phase {
            Phase::Idle => {
                self.phase = Phase::Greeting;
                vec![tell(Word::Hello, held), self.wait(GREETING_MS)]
            }
            // The browser may have opened no tab.
            Phase::Opening => vec![Do::Say(Said::Awaited)],
            Phase::Renewing { .. } => vec![Do::Say(Said::UnderWay)],
            // The words come in half a second.
            Phase::Greeting => Vec::new(),
        }
    }

    fn hear(&mut self, message: Message, held: Link) -> Vec<Do> {
        let mut all = Vec::new();
        match message.word {
            Word::Hello | Word::Here => {
                if message.word == Word::Hello {
                    all.push(tell(Word::Here, held));
                }
                if matches!(self.phase, Phase::Greeting | Phase::Opening) {
                    all.push(tell(Word::Now, held));
                    all.push(self.begin(held));
                }
            }
            // A tab with another token would not renew at the same moment.
            Word::Now if message.of != held => {}
            Word::Now => {
                if !matches!(self.phase, Phase::Renewing { .. }) {
                    all.push(self.begin(held));
                }
            }
            Word::Did(done) => {
                all.push(Do::Draw(done.clone()));
                if let Phase::Renewing { of, other, .. } = &mut self.phase
                    && *of == message.of
                    && *other == Other::Awaited
                {
                    *other = Other::Did(done);
                    all.extend(self.conclude());
                }
            }
            Word::Bye => {
                if let Phase::Renewing { other, .. } = &mut self.phase
                    && *other == Other::Awaited
                {
                    *other = Other::Left;
                    all.extend(self.conclude());
                }
            }
        }
        all
    }

    fn begin(&mut self, of: Link) -> Do {
        self.waits += 1;
        self.phase = Phase::Renewing {
            of,
            own: None,
            other: Other::Awaited,
        };
        Do::Renew
    }

    fn renewed(&mut self, done: Done) -> Vec<Do> {
        let Phase::Renewing { of, own, .. } = &mut self.phase else {
            return Vec::new();
        };
        *own = Some(done.clone());
        let mut all = vec![tell(Word::Did(done), *of)];
        let last = self.conclude();
        if last.is_none() {
            all.push(self.wait(RESULT_MS));
        }
        all.extend(last);
        all
    }

    /// The last words, if everything is known.
    fn conclude(&mut self) -> Option<Do> {
        let Phase::Renewing {
            own: Some(own),
            other,
            ..
        } = &self.phase
        else {
            return None;
        };
        let said = match other {
            Other::Awaited => return None,
            Other::Left => Said::OtherLeft,
            Other::Did(other) => outcome_of(own, other),
        };
        self.phase = Phase::Idle;
        Some(Do::Say(said))
    }

    fn give_up(&mut self) -> Vec<Do> {
        match self.phase {
            Phase::Idle => Vec::new(),
            Phase::Greeting => {
                self.phase = Phase::Opening;
                vec![Do::OpenTab, self.wait(SECOND_TAB_MS)]
            }
            Phase::Opening => {
                self.phase = Phase::Idle;
                vec![Do::Say(Said::NoneCame)]
            }
            Phase::Renewing { .. } => {
                self.phase = Phase::Idle;
                vec![Do::Say(Said::OtherSilent)]
            }
        }
    }

    fn wait(&mut self, ms: u64) -> Do {
        self.waits += 1;
        let number = self.waits;
        Do::WaitFor { number, ms }
    }
}

fn tell(word: Word, of: Link) -> Do {
    Do::Tell(Message { word, of })
}

fn outcome_of(own: &Done, other: &Done) -> Said {
    match (&own.sent, &other.sent) {
        (Some(own), Some(other)) if own == other && own.status == 200 => Said::SameRequest,
        (Some(sent), None) if sent.status == 200 && own.is_renewed && other.is_renewed => {
            Said::ThisFaster
        }
        (None, Some(sent)) if sent.status == 200 && own.is_renewed && other.is_renewed => {
            Said::OtherFaster
        }
        _ => Said::SeeDiagram,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: Link = Link {
        session_id: Uuid::from_u128(1),
        generation: 3,
    };

    const OF_ANOTHER: Link = Link {
        session_id: Uuid::from_u128(2),
        generation: 3,
    };

    fn done(status: u16) -> Done {
        Done {
            is_renewed: status == 200,
            sent: Some(SentRefresh {
                generation: 3,
                attempt: "1f2e3d4c…".to_owned(),
                status,
            }),
        }
    }

    const SENT_NOTHING: Done = Done {
        is_renewed: true,
        sent: None,
    };

    fn heard(word: Word, of: Link) -> Happened {
        Happened::Heard(Message { word, of })
    }

    fn after(events: impl IntoIterator<Item = Happened>) -> Meeting {
        let mut meeting = Meeting::default();
        for event in events {
            meeting.take(event, HELD);
        }
        meeting
    }

    #[test]
    fn a_message_is_read_as_it_was_told() {
        for word in [
            Word::Hello,
            Word::Here,
            Word::Now,
            Word::Did(done(200)),
            Word::Did(SENT_NOTHING),
            Word::Bye,
        ] {
            let message = Message { word, of: HELD };
            assert_eq!(Message::read(&message.to_text()), Some(message));
        }
        let id = HELD.session_id;
        for text in [
            "",
            "hello",
            "hello me 3",
            &format!("shout {id} 3"),
            &format!("did {id} 3 perhaps"),
        ] {
            assert_eq!(Message::read(text), None, "{text}");
        }
    }

    #[test]
    fn two_tabs_that_are_there_renew_and_then_both_speak() {
        let (mut first, mut second) = (Meeting::default(), Meeting::default());
        let greeting = first.take(Happened::Pressed, HELD);
        assert_eq!(greeting[0], tell(Word::Hello, HELD));
        let here = second.take(heard(Word::Hello, HELD), HELD);
        assert_eq!(here, [tell(Word::Here, HELD)]);
        let begun = first.take(heard(Word::Here, HELD), HELD);
        assert_eq!(begun, [tell(Word::Now, HELD), Do::Renew]);
        assert_eq!(second.take(heard(Word::Now, HELD), HELD), [Do::Renew]);
        for tab in [&mut first, &mut second] {
            // Both hold the next token by now.
            let now = Link {
                generation: 4,
                ..HELD
            };
            let told = tab.take(Happened::Renewed(done(200)), now);
            assert_eq!(told[0], tell(Word::Did(done(200)), HELD));
            let is_said = |all: &[Do]| all.iter().any(|one| matches!(one, Do::Say(_)));
            assert!(!is_said(&told), "{told:?}");
            let last = tab.take(heard(Word::Did(done(200)), HELD), now);
            assert!(is_said(&last), "{last:?}");
            assert_eq!(tab.phase, Phase::Idle);
        }
    }

    #[test]
    fn each_outcome_has_a_name() {
        let failed = Done {
            is_renewed: false,
            sent: None,
        };
        let same = outcome_of(&done(200), &done(200));
        let faster = outcome_of(&done(200), &SENT_NOTHING);
        let slower = outcome_of(&SENT_NOTHING, &done(200));
        assert_eq!(same, Said::SameRequest);
        assert_eq!(faster, Said::ThisFaster);
        assert_eq!(slower, Said::OtherFaster);
        // A tab whose request was refused was not faster, also if it has new tokens by now.
        for (own, other) in [
            (done(200), done(409)),
            (done(503), done(503)),
            (done(200), failed.clone()),
            (failed, SENT_NOTHING),
            (
                Done {
                    is_renewed: true,
                    ..done(409)
                },
                SENT_NOTHING,
            ),
        ] {
            let outcome = outcome_of(&own, &other);
            assert_eq!(outcome, Said::SeeDiagram, "{own:?} {other:?}");
        }
    }

    #[test]
    fn without_another_tab_one_is_opened_and_repeated_presses_open_no_more() {
        let mut meeting = after([Happened::Pressed]);
        assert_eq!(meeting.take(Happened::Pressed, HELD), []);
        let opened = meeting.take(Happened::Waited(1), HELD);
        assert_eq!(opened[0], Do::OpenTab);
        assert_eq!(
            meeting.take(Happened::Pressed, HELD),
            [Do::Say(Said::Awaited)]
        );
        let begun = meeting.take(heard(Word::Hello, HELD), HELD);
        assert!(begun.contains(&Do::Renew), "{begun:?}");
        // The end of the wait for the second tab means nothing any more.
        assert_eq!(meeting.take(Happened::Waited(2), HELD), []);
    }

    #[test]
    fn a_wish_for_a_second_tab_ends() {
        let mut meeting = after([Happened::Pressed, Happened::Waited(1)]);
        let said = meeting.take(Happened::Waited(2), HELD);
        assert_eq!(said, [Do::Say(Said::NoneCame)]);
        // A tab that the person opens much later only gets an answer to its greeting.
        let late = meeting.take(heard(Word::Hello, HELD), HELD);
        assert_eq!(late, [tell(Word::Here, HELD)]);
    }

    #[test]
    fn a_tab_that_was_closed_is_not_spoken_of() {
        let begun = || after([Happened::Pressed, heard(Word::Here, HELD)]);
        // It says goodbye.
        let mut meeting = begun();
        assert_eq!(meeting.take(heard(Word::Bye, HELD), HELD), []);
        let told = meeting.take(Happened::Renewed(done(200)), HELD);
        assert_eq!(told.last(), Some(&Do::Say(Said::OtherLeft)));
        // Or the browser ends it.
        let mut meeting = begun();
        let told = meeting.take(Happened::Renewed(done(200)), HELD);
        let Some(Do::WaitFor { number, .. }) = told.last() else {
            panic!("it does not wait: {told:?}");
        };
        let said = meeting.take(Happened::Waited(*number), HELD);
        assert_eq!(said, [Do::Say(Said::OtherSilent)]);
        // Then the next press looks for another tab again.
        let next = meeting.take(Happened::Pressed, HELD);
        assert_eq!(next[0], tell(Word::Hello, HELD));
    }

    #[test]
    fn messages_about_another_session_mean_nothing() {
        let mut meeting = after([Happened::Pressed]);
        for word in [
            Word::Hello,
            Word::Here,
            Word::Now,
            Word::Did(done(200)),
            Word::Bye,
        ] {
            assert_eq!(meeting.take(heard(word, OF_ANOTHER), HELD), []);
        }
        assert_eq!(meeting.phase, Phase::Greeting);
    }

    #[test]
    fn a_tab_with_another_token_of_the_session_does_not_renew() {
        let mut meeting = Meeting::default();
        let older = Link {
            generation: 2,
            ..HELD
        };
        assert_eq!(meeting.take(heard(Word::Now, older), HELD), []);
        assert_eq!(meeting.take(heard(Word::Now, HELD), HELD), [Do::Renew]);
        // It is renewing already.
        assert_eq!(meeting.take(heard(Word::Now, HELD), HELD), []);
    }
}
