//! Whether a refresh token may be sent, and with which attempt key.

/// What to do about the attempt key of a link, with the keys in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The link has a key: this is the same attempt again.
    Use,
    /// The link has no key and may get one.
    Make,
    /// This browser has spent later links, so storage has lost its last changes. The token must
    /// not be sent as a new one.
    Behind,
}

/// Decides about the attempt key of link number `generation`. `highest` is the
/// highest link number that has a key in this browser.
pub fn attempt(generation: u32, has_key: bool, highest: Option<u32>) -> Attempt {
    match highest {
        Some(highest) if highest >= generation.saturating_add(2) => Attempt::Behind,
        _ if has_key => Attempt::Use,
        Some(highest) if highest > generation => Attempt::Behind,
        _ => Attempt::Make,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_attempt_keys_are_made() {
        use Attempt::*;
        for (generation, has_key, highest, expected) in [
            (0, false, None, Make),
            (5, false, Some(4), Make),
            (5, true, Some(5), Use),
            // The answer to 5 was stored, its successor was tried, and then storage lost both.
            (5, true, Some(6), Use),
            (5, false, Some(6), Behind),
            (5, true, Some(7), Behind),
            (5, false, Some(7), Behind),
        ] {
            assert_eq!(attempt(generation, has_key, highest), expected);
        }
    }
}
