//! Advice for errors of other programs.
//!
//! A program that fails says what was wrong. In these cases its message does not tell a newcomer
//! what to do.

/// The texts that identify a case, and what to do.
pub fn on(line: &str) -> Option<&'static str> {
    let cases: &[(&[&str], &str)] = &[
        (
            &["No space left on device", "ENOSPC", "os error 28"],
            "The disk is full. A build takes about 6 GB in `target`; free some space, then start \
             the command again. What was compiled is kept.",
        ),
        (
            &["Read-only file system", "EROFS", "os error 30"],
            "The checkout is on a disk that may not be written to. Clone it to a folder of \
             your own.",
        ),
        (
            &["Permission denied", "EACCES", "os error 13"],
            "Your account may not write a file here. Another account has probably built here \
             before. Make the checkout yours (`sudo chown -R \"$USER\" .`), or clone it once more.",
        ),
        (
            &[
                "Could not resolve host",
                "Couldn't resolve host",
                "Could not connect to server",
                "failed to download from",
                "spurious network error",
                "failed to query replaced source registry",
                "Temporary failure resolving",
                "ENOTFOUND",
                "EAI_AGAIN",
                "ECONNREFUSED",
                "ETIMEDOUT",
            ],
            "This machine could not reach a server on the internet: crates.io for crates, \
             registry.npmjs.org for npm packages, your distribution's for apt. Look at the network \
             or the proxy, then start the command again. What was fetched is kept.",
        ),
    ];
    cases
        .iter()
        .find(|(signs, _)| signs.iter().any(|sign| line.contains(sign)))
        .map(|(_, what_to_do)| *what_to_do)
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
        }
        assert_eq!(on("error[E0308]: mismatched types"), None);
    }
}
