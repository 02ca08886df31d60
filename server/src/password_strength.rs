//! Whether a new password is easy to guess. This part of the rules needs a dictionary, and
//! so it cannot be in the browser's download.
//!
//! NIST SP 800-63B-4 §3.1.1.2 requires that new passwords are compared with a list of
//! common or expected ones. zxcvbn compares with lists of leaked passwords, words and
//! names, keyboard rows, dates, repetitions and runs, and with the username. The server
//! refuses a password that zxcvbn guesses within 10⁸ tries. This does not find passwords
//! that leaked from another account and are in none of these lists.

use zxcvbn::{Score, zxcvbn};

/// Well-known examples of passphrases, written without spaces.
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

/// How many other characters a password may have beside a famous passphrase and still
/// count as this passphrase.
const AROUND: usize = 8;

/// What to do instead.
const ADVICE: &str = "Use four or five words that have nothing to do with each other.";

/// A password that is easy to guess. It prints as a sentence that says why, and what to do.
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

/// How easy a password is to guess.
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
/// Why the password is refused, in words for a person. They never repeat the password.
pub fn check(password: &str, username: &str) -> Result<(), TooEasy> {
    estimate(password, username).verdict
}

/// Says how easy this password is to guess for an attacker who knows the account's name.
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
    fn a_password_that_is_easy_to_guess_is_refused_with_a_reason_and_advice() {
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
    fn a_password_that_is_hard_to_guess_is_accepted() {
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
    fn the_longest_password_is_checked() {
        let long: String = ('!'..='~').cycle().take(256).collect();
        let _ = check(&long, "ada");
        let many = "\u{1f600}\u{301}".repeat(128);
        let _ = check(&many, "ada");
    }
}
