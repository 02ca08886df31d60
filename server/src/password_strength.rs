//! Whether a new password is easy to guess. This part of the rules needs a dictionary, and
//! so it cannot be in the browser's download.
//!
//! NIST SP 800-63B-4 §3.1.1.2 requires that new passwords are compared with a list of
//! common or expected ones. zxcvbn compares with lists of leaked passwords, words and
//! names, keyboard rows, dates, repetitions and runs, and with the username. The server
//! refuses a password that zxcvbn guesses within 10⁸ tries. This does not find passwords
//! that leaked from another account and are in none of these lists.

//!
//! A security duty: an estimate must not take much longer than the hash of a password, because
//! it runs on the same threads, and any client can request it. zxcvbn reads signs as letters
//! (`4` as `a`, `$` as `s`) and compares every reading of the password with its lists. With all
//! of these signs, 100 characters took more than a second. So the server only estimates as much
//! of a password as [`MOST_WORK`] allows. The rest can only make the password harder to guess.

use holdfast_protocol::cause::Cause;
use zxcvbn::feedback::Warning;
use zxcvbn::{Score, zxcvbn};

/// The most work for one estimate: the number of readings, times the square of the number of
/// characters, since every part of each reading is looked up. 15 characters fit, whatever they
/// are.
const MOST_WORK: usize = 260_000;

/// The most characters that zxcvbn looks at.
const MOST_CHARACTERS: usize = 100;

/// For each letter, the signs that zxcvbn reads as this letter. If it reads a sign as either of
/// two letters, it makes two readings where it would make one; so for one of these letters the
/// sign is here twice.
const SIGNS_OF_LETTERS: [&str; 12] = [
    "4@", "8", "({[<", "3", "69", "1!|", "11||77", "0", "$5", "+7", "%", "2",
];

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
    cause: Cause,
}

impl TooEasy {
    fn because(reason: &str, cause: Cause) -> Self {
        let warning = format!("This password is too easy to guess. {reason}");
        Self {
            warning: warning.trim_end().to_owned(),
            cause,
        }
    }

    /// Why it is refused.
    pub fn warning(&self) -> &str {
        &self.warning
    }

    /// The same as a cause.
    pub fn cause(&self) -> Cause {
        self.cause
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
            verdict: Err(TooEasy::because(
                "It is a well-known example.",
                Cause::WellKnownExample,
            )),
        };
    }
    let estimate = zxcvbn(estimated_part(password), &[username, "holdfast"]);
    let verdict = if estimate.score() >= Score::Three {
        Ok(())
    } else {
        let feedback = estimate.feedback();
        let warning = feedback.and_then(|feedback| feedback.warning());
        let reason = warning.map(|warning| warning.to_string());
        let cause = warning.map_or(Cause::EasyToGuess, cause_of);
        Err(TooEasy::because(&reason.unwrap_or_default(), cause))
    };
    Strength {
        score: u8::from(estimate.score()),
        verdict,
    }
}

/// What zxcvbn warns of, as a cause.
fn cause_of(warning: Warning) -> Cause {
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess => Cause::KeyboardRow,
        Warning::ShortKeyboardPatternsAreEasyToGuess => Cause::KeyboardPattern,
        Warning::RepeatsLikeAaaAreEasyToGuess => Cause::RepeatedCharacter,
        Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => Cause::RepeatedPattern,
        Warning::ThisIsATop10Password => Cause::Top10Password,
        Warning::ThisIsATop100Password => Cause::Top100Password,
        Warning::ThisIsACommonPassword => Cause::CommonPassword,
        Warning::ThisIsSimilarToACommonlyUsedPassword => Cause::LikeCommonPassword,
        Warning::SequencesLikeAbcAreEasyToGuess => Cause::Sequence,
        Warning::RecentYearsAreEasyToGuess => Cause::RecentYear,
        Warning::AWordByItselfIsEasyToGuess => Cause::SingleWord,
        Warning::DatesAreOftenEasyToGuess => Cause::Date,
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess => Cause::SingleName,
        Warning::CommonNamesAndSurnamesAreEasyToGuess => Cause::CommonName,
    }
}

/// The beginning of a password that can be estimated with [`MOST_WORK`]: nearly always all of it.
fn estimated_part(password: &str) -> &str {
    let mut characters = Vec::new();
    for (at, character) in password.char_indices() {
        characters.push(character);
        let work = most_readings(&characters) * characters.len().pow(2);
        if work > MOST_WORK || characters.len() > MOST_CHARACTERS {
            return &password[..at];
        }
    }
    password
}

/// A bound of the number of readings that zxcvbn makes of these characters.
fn most_readings(characters: &[char]) -> usize {
    let present = |signs: &str| signs.chars().filter(|it| characters.contains(it)).count();
    let of_letters = SIGNS_OF_LETTERS.iter();
    of_letters.map(|signs| present(signs).max(1)).product()
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
    fn a_refusal_has_a_cause_that_says_the_same() {
        for (password, cause, said) in [
            (
                "correct horse battery staple",
                Cause::WellKnownExample,
                "a well-known example",
            ),
            (
                "aaaaaaaaaaaaaaaaaaaaaaaa",
                Cause::RepeatedCharacter,
                "Repeats like \"aaa\"",
            ),
            (
                "letmeinletmeinletmein",
                Cause::RepeatedPattern,
                "Repeats like \"abcabcabc\"",
            ),
            (
                "abcdefghijklmnopqrst",
                Cause::Sequence,
                "Sequences like abc",
            ),
        ] {
            let refused = check(password, "ada").unwrap_err();
            assert_eq!(refused.cause(), cause, "{password}");
            assert!(refused.warning().contains(said), "{}", refused.warning());
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

    /// Every sign that can be read as a letter, again and again.
    fn signs(length: usize) -> String {
        let signs = "4@8({[<3691!|70$5+7%2";
        signs.chars().cycle().take(length).collect()
    }

    #[test]
    fn the_part_that_is_estimated_is_bounded_and_ordinary_passwords_are_estimated_whole() {
        for (password, estimated) in [
            ("velvet anchor drifting northward".to_owned(), 32),
            ("V3lv3t @nch0r dr1ft1ng n0rthw4rd!".to_owned(), 33),
            ("word ".repeat(50), 100),
            (signs(15), 15),
            (signs(256), 17),
            ("4@8({[<".to_owned() + &"x".repeat(200), 100),
        ] {
            let part = estimated_part(&password);
            assert!(password.starts_with(part));
            assert_eq!(part.chars().count(), estimated, "{password}");
        }
        // Whatever the characters of the shortest password are, it is estimated whole.
        let all: Vec<char> = signs(100).chars().collect();
        assert!(most_readings(&all) * 15 * 15 <= MOST_WORK);
    }

    #[test]
    fn no_password_takes_much_longer_to_estimate_than_an_ordinary_one() {
        use std::time::{Duration, Instant};
        let fastest = |password: &str| -> Duration {
            let times = (0..5).map(|_| {
                let begun = Instant::now();
                let _ = check(password, "ada");
                begun.elapsed()
            });
            times.min().unwrap_or_default()
        };
        let ordinary: String = "velvet anchor drifting northward ".repeat(4);
        let ordinary = fastest(&ordinary);
        // The longest takes 500 times as long as an ordinary one if all of it is estimated.
        for costly in [signs(100), signs(256), signs(20) + &"ab".repeat(100)] {
            let costly = fastest(&costly);
            assert!(costly < ordinary * 60, "{costly:?} and {ordinary:?}");
        }
    }

    #[test]
    fn a_password_of_which_only_the_beginning_is_estimated_may_be_accepted() {
        assert_eq!(check(&signs(100), "ada"), Ok(()));
        assert!(check(&("P@ssw0rdP@ssw0rd!".to_owned() + &"!".repeat(200)), "ada").is_err());
    }

    #[test]
    fn the_longest_password_is_checked() {
        let long: String = ('!'..='~').cycle().take(256).collect();
        let _ = check(&long, "ada");
        let many = "\u{1f600}\u{301}".repeat(128);
        let _ = check(&many, "ada");
    }
}
