//! Whether a new password is easily guessed: the part of the rules that needs a
//! dictionary, and so cannot be in the browser's download.
//!
//! NIST SP 800-63B-4 §3.1.1.2 wants new passwords compared with a list of those that are
//! commonly used or expected. zxcvbn compares with lists of leaked passwords, words and
//! names, keyboard rows, dates, repetitions and runs, and the username; what it guesses
//! within 10⁸ tries is refused. That says nothing about passwords that leaked from
//! somebody else's account and are in no list here.

use zxcvbn::{Score, zxcvbn};

/// Passphrases that every article about passphrases has. Written without spaces.
const FAMOUS: [&str; 8] = [
    "correcthorsebatterystaple",
    "horsebatterystaplecorrect",
    "maytheforcebewithyou",
    "thequickbrownfoxjumpsoverthelazydog",
    "tobeornottobethatisthequestion",
    "loremipsumdolorsitamet",
    "allyourbasearebelongtous",
    "iloveyoumorethananything",
];

/// How many characters around a famous passphrase do not hide it.
const AROUND: usize = 8;

/// What to do instead.
const ADVICE: &str = "Use four or five words that have nothing to do with each other.";

/// A password that is guessed early. Prints as a sentence about why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{warning} {ADVICE}")]
pub struct TooEasy {
    warning: String,
}

impl TooEasy {
    fn because(reason: &str) -> Self {
        let warning = format!("This password is too easy to guess. {reason}");
        Self {
            warning: warning.trim_end().to_owned(),
        }
    }

    /// Why it is refused.
    pub fn warning(&self) -> &str {
        &self.warning
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        ADVICE
    }
}

/// How easily a password is guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strength {
    /// From 0 to 4.
    pub score: u8,
    /// Whether it may be used.
    pub verdict: Result<(), TooEasy>,
}

/// Says whether this password may be used by the account of this name.
///
/// # Errors
/// Why not, in words for a person. They never repeat the password.
pub fn check(password: &str, username: &str) -> Result<(), TooEasy> {
    estimate(password, username).verdict
}

/// Says how easily this password is guessed by somebody who knows the account's name.
pub fn estimate(password: &str, username: &str) -> Strength {
    if is_famous(password) {
        return Strength {
            score: 0,
            verdict: Err(TooEasy::because("It is a well-known example.")),
        };
    }
    let estimate = zxcvbn(password, &[username, "holdfast"]);
    let verdict = if estimate.score() >= Score::Three {
        Ok(())
    } else {
        let feedback = estimate.feedback();
        let warning = feedback.and_then(|feedback| feedback.warning());
        let reason = warning.map(|warning| warning.to_string());
        Err(TooEasy::because(&reason.unwrap_or_default()))
    };
    Strength {
        score: u8::from(estimate.score()),
        verdict,
    }
}

fn is_famous(password: &str) -> bool {
    let letters: String = password
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    FAMOUS
        .iter()
        .any(|famous| letters.contains(famous) && letters.chars().count() < famous.len() + AROUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_early_is_refused_with_a_reason_and_a_way_out() {
        for password in [
            "password1234567",
            "qwertyuiop12345",
            "correct horse battery staple",
            "Correct-Horse-Battery-Staple1",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "abcdefghijklmnopqrst",
            "letmeinletmeinletmein",
            "P@ssw0rdP@ssw0rd!",
            "ada.lovelace1234",
            "holdfastholdfast1",
            "iloveyou12345678",
        ] {
            let Err(error) = check(password, "ada.lovelace") else {
                panic!("{password} is accepted");
            };
            let error = error.to_string();
            assert!(error.starts_with("This password is too easy to guess."));
            assert!(error.contains("Use four or five words"), "{error}");
            assert!(!error.contains(password), "{error}");
        }
    }

    #[test]
    fn what_is_not_is_accepted() {
        for password in [
            "velvet anchor drifting northward",
            "пятнадцать букв и ещё немного",
            "kT9#vLq2!mZx7Rp",
            "the kettle of my second neighbour whistles",
        ] {
            assert_eq!(check(password, "ada"), Ok(()), "{password}");
        }
    }

    #[test]
    fn the_longest_password_is_looked_at() {
        let long: String = ('!'..='~').cycle().take(256).collect();
        let _ = check(&long, "ada");
        let many = "\u{1f600}\u{301}".repeat(128);
        let _ = check(&many, "ada");
    }
}
