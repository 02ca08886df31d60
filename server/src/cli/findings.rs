//! What `holdfast doctor` has found.

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    good: Vec<String>,
    bad: Vec<String>,
}

impl Findings {
    /// Notes that something is right.
    pub(super) fn good(&mut self, sentence: impl Into<String>) {
        self.good.push(sentence.into());
    }

    /// Notes a fault; the sentence says what to do.
    pub(super) fn bad(&mut self, sentence: impl Into<String>) {
        self.bad.push(sentence.into());
    }

    /// Prints one line for each.
    pub(super) fn print(&self) {
        for sentence in &self.good {
            println!("good     {sentence}");
        }
        for sentence in &self.bad {
            println!("look at  {sentence}");
        }
    }

    /// How many faults there are.
    pub(super) fn to_look_at(&self) -> usize {
        self.bad.len()
    }
}
