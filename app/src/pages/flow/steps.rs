//! The ten steps of the flow, in the words and with the numbers of the README.

use super::action::Action;

/// One of the ten steps.
pub(super) struct Step {
    /// Its name in a few words.
    pub(super) name: &'static str,
    /// What happens.
    pub(super) sentence: &'static str,
    /// The files in which it is decided.
    pub(super) files: &'static [&'static str],
    /// What the page can do to make it happen.
    pub(super) actions: &'static [Action],
    /// A hint for a person who is signed in already.
    pub(super) signed_in: &'static str,
}

impl Step {
    /// Whether a person has to sign in to see it happen.
    pub(super) fn needs_session(&self) -> bool {
        let needs_none = |action: &Action| !action.needs_session();
        !self.actions.iter().any(needs_none) || self.actions.contains(&Action::Steal)
    }
}

/// The number of steps.
pub(super) const COUNT: u32 = 10;

/// The step with this number.
pub(super) fn step(number: u32) -> &'static Step {
    &STEPS[number.clamp(1, COUNT) as usize - 1]
}

/// The number in the hash of an address, such as `#7`.
pub(super) fn number_in(hash: &str) -> Option<u32> {
    let number = hash.strip_prefix('#').unwrap_or(hash).parse().ok()?;
    (1..=COUNT).contains(&number).then_some(number)
}

const SIGNED_IN: &str =
    "You are signed in. To see it happen here, sign out in step 9 and sign in again.";

const STEPS: [Step; COUNT as usize] = [
    Step {
        name: "No token",
        sentence: "A protected call without a valid access token is answered 401.",
        files: &["server/src/http/current_account.rs"],
        actions: &[Action::CallWithoutToken],
        signed_in: "",
    },
    Step {
        name: "Sign-in",
        sentence: "A person signs in with username and password.",
        files: &["server/src/routes/login.rs"],
        actions: &[],
        signed_in: SIGNED_IN,
    },
    Step {
        name: "Two tokens",
        sentence: "The server answers with an access token (5 minutes by default, never stored by \
                   the server) and a refresh token (90 days by default, stored as a hash).",
        files: &[
            "server/src/sessions/open.rs",
            "server/src/sessions/tokens.rs",
        ],
        actions: &[],
        signed_in: SIGNED_IN,
    },
    Step {
        name: "Stored",
        sentence: "The browser keeps both in its storage.",
        files: &["protocol/src/renewal/vault.rs", "client/src/vault/mod.rs"],
        actions: &[Action::ReadStorage],
        signed_in: SIGNED_IN,
    },
    Step {
        name: "A call",
        sentence: "Every call carries the access token; the server verifies it without the \
                   database.",
        files: &["client/src/calls.rs", "server/src/keys/access_token.rs"],
        actions: &[Action::Call],
        signed_in: "",
    },
    Step {
        name: "Expired",
        sentence: "When the access token has expired, the browser presents the refresh token.",
        files: &["protocol/src/renewal/machine.rs"],
        actions: &[Action::ExpireAndCall],
        signed_in: "",
    },
    Step {
        name: "Rotation",
        sentence: "The server rotates the refresh token: it answers with a new refresh token that \
                   has the same expiration date, and with a new access token.",
        files: &["protocol/src/rotation.rs", "server/src/sessions/refresh.rs"],
        actions: &[Action::Renew, Action::LoseAnswer, Action::Race],
        signed_in: "",
    },
    Step {
        name: "Repeated",
        sentence: "The browser stores the new pair and sends the call with the new access token. It \
                   repeats a call only if the server refused the access token of that call. The \
                   person notices nothing.",
        files: &["client/src/calls.rs", "protocol/src/renewal/driver.rs"],
        actions: &[Action::CallWithRefusedToken],
        signed_in: "",
    },
    Step {
        name: "Sign-out",
        sentence: "Sign-out deletes the refresh token on the server and both tokens in the browser.",
        files: &["client/src/logout.rs", "server/src/sessions/end.rs"],
        actions: &[Action::SignOut],
        signed_in: "",
    },
    Step {
        name: "Refused",
        sentence: "The server refuses an expired or invalid refresh token. Then the browser clears \
                   its storage.",
        files: &["protocol/src/rotation.rs", "protocol/src/problem.rs"],
        actions: &[Action::PresentMadeUp, Action::Steal],
        signed_in: "",
    },
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    #[test]
    fn the_steps_are_those_of_the_readme_word_for_word() {
        let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
        let (_, flow) = readme.split_once("\n## The flow\n").expect("the section");
        let words: Vec<&str> = flow.split_whitespace().collect();
        let flow = words.join(" ").replace("**", "");
        for number in 1..=COUNT {
            let sentence = format!("{number}. {}", step(number).sentence);
            assert!(flow.contains(&sentence), "{sentence}");
        }
    }

    #[test]
    fn every_named_file_exists() {
        for file in STEPS.iter().flat_map(|step| step.files) {
            assert!(root().join(file).is_file(), "{file}");
        }
    }

    #[test]
    fn every_action_belongs_to_its_step() {
        for action in Action::ALL {
            for number in 1..=COUNT {
                let has_it = step(number).actions.contains(&action);
                assert_eq!(has_it, action.step() == number, "{action:?}");
            }
        }
    }

    #[test]
    fn the_hash_of_an_address_names_a_step() {
        for (hash, expected) in [
            ("#7", Some(7)),
            ("7", Some(7)),
            ("#10", Some(10)),
            ("", None),
            ("#0", None),
            ("#11", None),
            ("#-1", None),
            ("#seven", None),
        ] {
            assert_eq!(number_in(hash), expected, "{hash:?}");
        }
    }
}
