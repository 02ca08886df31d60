//! The sign-outs that are noted outside of the database.
//!
//! A sign-out is noted in local storage before the database has it, because the database may fail at
//! that moment. A page without the database, and a page beside a later version of Holdfast, note their
//! sign-outs there as well. A full local storage takes no note. Then this page remembers the token, so
//! that the logout is at least sent while the page lives.

use std::cell::{Cell, RefCell};

use holdfast_protocol::secret::Secret;

use super::local;

/// The tokens of sessions that the server still has to end.
#[derive(Default)]
pub(super) struct Noted {
    /// The tokens that local storage did not take.
    unstored: RefCell<Vec<Secret>>,
    /// Whether a token was added that the driver has not been told of yet.
    has_news: Cell<bool>,
}

impl Noted {
    /// The tokens of all pages, and those that only this page knows.
    pub(super) fn all(&self) -> Vec<Secret> {
        joined(local::leaving(), &self.unstored.borrow())
    }

    /// The tokens that are lost with this page.
    pub(super) fn unstored(&self) -> Vec<Secret> {
        self.unstored.borrow().clone()
    }

    /// Replaces the list.
    pub(super) fn write(&self, tokens: &[Secret]) {
        let is_stored = local::write_leaving(tokens).is_ok();
        let stored = if is_stored {
            tokens.to_vec()
        } else {
            local::leaving()
        };
        *self.unstored.borrow_mut() = without(tokens, &stored);
    }

    /// Adds the tokens of a change that the database may never get. Call [`Noted::take_news`] after
    /// the change.
    pub(super) fn add(&self, tokens: &[Secret]) {
        let before = self.all();
        let after = joined(before.clone(), tokens);
        if after != before {
            self.write(&after);
            self.has_news.set(true);
        }
    }

    /// Tries again to store what local storage had no room for.
    pub(super) fn store(&self) {
        if !self.unstored.borrow().is_empty() {
            self.write(&self.all());
        }
    }

    /// Removes tokens: the database has them by now, or their sessions are over. Other pages may have
    /// added to the list meanwhile.
    pub(super) fn remove(&self, tokens: &[Secret]) {
        let before = self.all();
        let after = without(&before, tokens);
        if after != before {
            self.write(&after);
        }
    }

    /// Whether a token was added since the last call.
    pub(super) fn take_news(&self) -> bool {
        self.has_news.take()
    }
}

/// Both lists, without doubles.
pub(super) fn joined(mut tokens: Vec<Secret>, more: &[Secret]) -> Vec<Secret> {
    let new = without(more, &tokens);
    tokens.extend(new);
    tokens
}

fn without(tokens: &[Secret], removed: &[Secret]) -> Vec<Secret> {
    let is_kept = |token: &&Secret| !removed.contains(token);
    tokens.iter().filter(is_kept).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(names: &[&str]) -> Vec<Secret> {
        names.iter().map(|name| Secret::from(*name)).collect()
    }

    #[test]
    fn no_token_is_sent_twice_and_the_oldest_comes_first() {
        let all = joined(tokens(&["a", "b"]), &tokens(&["b", "c"]));
        assert_eq!(all, tokens(&["a", "b", "c"]));
        assert_eq!(without(&all, &tokens(&["b"])), tokens(&["a", "c"]));
    }
}
