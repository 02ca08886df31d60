//! A command that cannot go on says why in one sentence and leaves with an exit code.

use std::fmt;
use std::process::{ExitCode, ExitStatus};

use crate::advice;

/// The result of a command.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Why a command stopped: a sentence for a person, a code for a script.
#[derive(Debug)]
pub struct Failure {
    sentence: String,
    next: Option<String>,
    code: u8,
}

impl Failure {
    /// A part is missing or wrong.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            next: None,
            code: 1,
        }
    }

    /// The command line was not understood.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            next: None,
            code: 2,
        }
    }

    /// A program that this one started has failed, and has said why. This program ends with the
    /// same exit code.
    pub fn of_program(what: &str, status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;

        match (status.code(), status.signal()) {
            (Some(code), _) => Self {
                sentence: format!("{what} failed with exit code {code}; the reason is above."),
                next: None,
                code: u8::try_from(code).unwrap_or(1),
            },
            // A shell uses this exit code for a program that a signal has ended.
            (None, Some(signal)) => Self {
                sentence: format!("{what} was ended by signal {signal}."),
                next: None,
                code: u8::try_from(128 + signal).unwrap_or(1),
            },
            (None, None) => Self::new(format!("{what} ended without an exit code.")),
        }
    }

    /// What the person can do now. This is shown last. The first one is kept: it comes from the
    /// place that knows most.
    pub fn next(mut self, what: impl Into<String>) -> Self {
        self.next.get_or_insert(what.into());
        self
    }

    /// The same failure with another advice.
    pub fn with_next(mut self, what: impl Into<String>) -> Self {
        self.next = Some(what.into());
        self
    }

    /// What the person can do, if somebody knows it. The sentence may have the words of the system,
    /// such as those for a full disk.
    pub fn what_next(&self) -> Option<&str> {
        self.next.as_deref().or_else(|| advice::on(&self.sentence))
    }

    /// Prints the sentence and gives the exit code.
    pub fn report(&self) -> ExitCode {
        eprintln!("\nxtask: {self}");
        if let Some(next) = self.what_next() {
            eprintln!("Next:  {next}");
        }
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_programs_exit_code_is_passed_on() {
        let failure = Failure::of_program("The build", ExitStatus::from_raw(101 << 8));
        assert_eq!(failure.code, 101);
    }

    #[test]
    fn a_full_disk_is_explained_wherever_it_is_met() {
        let error = std::io::Error::from_raw_os_error(28);
        let failure = Failure::new(format!("Cannot write target/xtask/release: {error}."));
        let next = failure.what_next().expect("an advice");
        assert!(next.starts_with("The disk is full."));
        let failure = failure.next("Another advice.");
        assert_eq!(failure.what_next(), Some("Another advice."));
    }

    #[test]
    fn a_signal_becomes_the_code_that_a_shell_would_give() {
        let failure = Failure::of_program("The server", ExitStatus::from_raw(2));
        assert_eq!(failure.code, 130);
    }
}
