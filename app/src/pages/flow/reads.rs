//! The order of the reads of a panel.

/// Numbers the reads of storage. An answer may come after the answer to a later read, and must not
/// overwrite it.
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

/// Reads of the server, one at a time. A read may renew the tokens, and new tokens ask for a read. If the
/// server refuses new tokens, too, this must not go on for ever: so a refused read is not repeated.
#[derive(Debug, Default)]
pub(super) struct OneRead {
    is_under_way: bool,
    is_wanted_again: bool,
}

impl OneRead {
    /// Whether a read begins now. If one is under way, another one is noted.
    pub(super) fn begin(&mut self) -> bool {
        self.is_wanted_again = self.is_under_way;
        !std::mem::replace(&mut self.is_under_way, true)
    }

    /// Notes that the read has ended. Returns whether another one begins now.
    pub(super) fn end(&mut self, is_answered: bool) -> bool {
        self.is_under_way = false;
        std::mem::take(&mut self.is_wanted_again) && is_answered
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

    #[test]
    fn what_is_wanted_during_a_read_is_read_after_it_and_once() {
        let mut read = OneRead::default();
        assert!(read.begin());
        assert!(!read.begin() && !read.begin());
        assert!(read.end(true));
        assert!(read.begin());
        assert!(!read.end(true));
    }

    #[test]
    fn a_refused_read_is_not_repeated() {
        let mut read = OneRead::default();
        assert!(read.begin());
        assert!(!read.begin());
        assert!(!read.end(false));
        assert!(read.begin());
    }
}
