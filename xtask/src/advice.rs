//! Advice for errors of other programs.
//!
//! A program that fails says what was wrong. In these cases its message does not tell a newcomer
//! what to do.

/// One case.
struct Case {
    /// The texts that identify it.
    signs: &'static [&'static str],
    /// Whether it is about a file of this account. A program of the system, such as apt, uses the
    /// same words for other files.
    is_about_own_files: bool,
    what_to_do: &'static str,
}

const CASES: &[Case] = &[
    Case {
        signs: &["No space left on device", "ENOSPC", "os error 28"],
        is_about_own_files: false,
        what_to_do: "The disk is full. A build takes about 10 GB in `target`, and the compiler also writes \
                     to the temporary folder; free some space, then start the command again. What was \
                     compiled is kept.",
    },
    Case {
        signs: &["Packages need to be removed but remove is disabled"],
        is_about_own_files: false,
        what_to_do: "The packages of Debian that Holdfast needs cannot be beside others that are \
                     installed, such as `rustc`, `cargo` or `rustup`, and these are not removed. Install \
                     Rust with the installer of rustup (https://rustup.rs), or remove them yourself.",
    },
    Case {
        signs: &["Read-only file system", "EROFS", "os error 30"],
        is_about_own_files: true,
        what_to_do: "The checkout is on a disk that may not be written to. Clone it to a folder of \
                     your own.",
    },
    Case {
        signs: &["Permission denied", "EACCES", "os error 13"],
        is_about_own_files: true,
        what_to_do: "Your account may not write the file that is named above. If the file is in the \
                     checkout, another account has probably built here before: make the checkout \
                     yours (`sudo chown -R \"$USER\" .`), or clone it once more.",
    },
    Case {
        signs: &[
            "Could not resolve host",
            "Couldn't resolve host",
            "Could not connect to server",
            "could not download file",
            "failed to download from",
            "failed to query replaced source registry",
            "Temporary failure resolving",
            "ENOTFOUND",
            "EAI_AGAIN",
            "ECONNREFUSED",
            "ETIMEDOUT",
        ],
        is_about_own_files: false,
        what_to_do: "This machine could not reach a server on the internet: crates.io for crates, \
                     static.rust-lang.org for rustup, registry.npmjs.org for npm packages, your \
                     distribution's for apt. Look at the network or the proxy, then start the \
                     command again. What was fetched is kept.",
    },
];

/// What to do about a line of a program that works in the checkout.
pub fn on(line: &str) -> Option<&'static str> {
    CASES
        .iter()
        .find(|case| case.is_in(line))
        .map(|case| case.what_to_do)
}

/// What to do about a line of cargo. A warning is not a reason: cargo tries again after it. Lines of
/// the sources, which cargo shows beside an error, may contain any text.
pub fn on_cargo(line: &str) -> Option<&'static str> {
    let line = line.trim_start();
    let is_of_sources = line
        .trim_start_matches(|character: char| character.is_ascii_digit())
        .trim_start()
        .starts_with('|');
    if line.starts_with("warning:") || is_of_sources {
        return None;
    }
    on(line)
}

/// What to do about a line of a program that works as root on the whole machine.
pub fn on_the_system(line: &str) -> Option<&'static str> {
    CASES
        .iter()
        .find(|case| !case.is_about_own_files && case.is_in(line))
        .map(|case| case.what_to_do)
}

impl Case {
    fn is_in(&self, line: &str) -> bool {
        self.signs.iter().any(|sign| line.contains(sign))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_say_when_something_is_missing_is_understood() {
        let said = [
            (
                "error: failed to write `/x`: No space left on device (os error 28)",
                "disk is full",
            ),
            ("npm error code ENOSPC", "disk is full"),
            (
                "error: failed to create directory: Read-only file system",
                "may not be written",
            ),
            ("Permission denied (os error 13)", "chown"),
            (
                "  [6] Could not resolve hostname (Could not resolve host: index.crates.io)",
                "network",
            ),
            (
                "npm error network request to https://registry.npmjs.org/x failed, reason: getaddrinfo EAI_AGAIN",
                "network",
            ),
        ];
        for (line, expected) in said {
            let advice = on(line).unwrap_or_default();
            assert!(advice.contains(expected), "{line}: {advice}");
            assert_eq!(on_cargo(line), on(line));
        }
        assert_eq!(on("error[E0308]: mismatched types"), None);
    }

    #[test]
    fn a_try_that_cargo_repeats_is_not_a_reason() {
        let line =
            "warning: spurious network error (3 tries remaining): [6] Could not resolve host";
        assert_eq!(on_cargo(line), None);
    }

    #[test]
    fn a_line_of_the_sources_is_not_a_reason() {
        assert_eq!(on_cargo(r#"12 |     signs: &["Permission denied"],"#), None);
        assert_eq!(on_cargo(r#"   |     "os error 28""#), None);
    }

    #[test]
    fn a_file_of_the_system_is_not_a_file_of_the_checkout() {
        let line = "E: Could not open lock file - open (13: Permission denied)";
        assert_eq!(on_the_system(line), None);
        assert!(on_the_system("dpkg: error: No space left on device").is_some());
    }
}
