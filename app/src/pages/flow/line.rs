//! One line of the diagram.

use crate::words::LineWords;

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Person,
    Browser,
    Server,
    Database,
}

impl Lane {
    /// Its place among the lanes, also in [`LineWords`].
    fn place(self) -> usize {
        self as usize
    }

    /// Its name in the classes of `style/flow.css`.
    fn class(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Browser => "browser",
            Self::Server => "server",
            Self::Database => "database",
        }
    }
}

/// How a line looks. Its words say the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    /// A refusal, or the end of the session.
    Refused,
    /// Something that did not arrive.
    Lost,
}

/// A message from one lane to another, or a note about one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The step to which it belongs.
    pub(super) step: u32,
    pub(super) from: Lane,
    /// The same lane for a note.
    pub(super) to: Lane,
    pub(super) text: String,
    pub(super) tone: Tone,
}

impl Line {
    pub(super) fn message(step: u32, from: Lane, to: Lane, text: impl Into<String>) -> Self {
        Self {
            step,
            from,
            to,
            text: text.into(),
            tone: Tone::Plain,
        }
    }

    pub(super) fn note(step: u32, at: Lane, text: impl Into<String>) -> Self {
        Self::message(step, at, at, text)
    }

    pub(super) fn with(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    /// What a screen reader says before the text, because it does not see the arrow.
    pub(super) fn spoken(&self, words: &LineWords) -> String {
        let from = words.lanes[self.from.place()];
        let to = words.lanes_within[self.to.place()];
        if self.from == self.to {
            (words.note)(self.step, to)
        } else {
            (words.message)(self.step, from, to)
        }
    }

    /// The classes of `style/flow.css`.
    pub(super) fn class(&self) -> String {
        let direction = match self.from.cmp(&self.to) {
            std::cmp::Ordering::Less => "flow-rightwards",
            std::cmp::Ordering::Equal => "flow-note",
            std::cmp::Ordering::Greater => "flow-leftwards",
        };
        let tone = match self.tone {
            Tone::Plain => "",
            Tone::Refused => " flow-refused",
            Tone::Lost => " flow-lost",
        };
        let (start, end) = (self.from.min(self.to), self.from.max(self.to));
        let (start, end) = (start.class(), end.class());
        format!("flow-line {direction} flow-from-{start} flow-to-{end}{tone}")
    }
}
