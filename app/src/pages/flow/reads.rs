//! The order of the reads of one panel.

/// Numbers the reads. An answer may come after the answer to a later read, and must not overwrite it.
#[derive(Debug, Default)]
pub(super) struct Reads {
    last: u32,
}

impl Reads {
    /// The number of a read that begins now.
    pub(super) fn begin(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    /// Whether no later read has begun. Only then its answer is shown.
    pub(super) fn is_last(&self, number: u32) -> bool {
        self.last == number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_answer_is_not_shown_after_a_later_read_has_begun() {
        let mut reads = Reads::default();
        let (first, second) = (reads.begin(), reads.begin());
        assert!(reads.is_last(second));
        assert!(!reads.is_last(first));
    }
}
