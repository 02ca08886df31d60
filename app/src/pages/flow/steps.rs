//! The ten steps of the flow, with the numbers of the README, whose words are those of
//! `words/flow_english.rs`.

use super::action::Action;
use crate::words::{FlowWords, StepWords};

/// One of the ten steps.
pub(super) struct Step {
    /// The files in which it is decided.
    pub(super) files: &'static [&'static str],
    /// What the page can do to make it happen.
    pub(super) actions: &'static [Action],
    /// Whether it only happens during a sign-in.
    pub(super) is_sign_in: bool,
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
    &STEPS[place(number)]
}

/// What the page says of the step with this number.
pub(super) fn words_of(number: u32, words: &'static FlowWords) -> &'static StepWords {
    &words.steps[place(number)]
}

fn place(number: u32) -> usize {
    number.clamp(1, COUNT) as usize - 1
}

/// The number in the hash of an address, such as `#7`.
pub(super) fn number_in(hash: &str) -> Option<u32> {
    let number = hash.strip_prefix('#').unwrap_or(hash).parse().ok()?;
    (1..=COUNT).contains(&number).then_some(number)
}

static STEPS: [Step; COUNT as usize] = [
    Step {
        files: &["server/src/http/current_account.rs"],
        actions: &[Action::CallWithoutToken],
        is_sign_in: false,
    },
    Step {
        files: &["server/src/routes/login.rs"],
        actions: &[],
        is_sign_in: true,
    },
    Step {
        files: &[
            "server/src/sessions/open.rs",
            "server/src/sessions/tokens.rs",
        ],
        actions: &[],
        is_sign_in: true,
    },
    Step {
        files: &["protocol/src/renewal/vault.rs", "client/src/vault/mod.rs"],
        actions: &[Action::ReadStorage],
        is_sign_in: true,
    },
    Step {
        files: &["client/src/calls.rs", "server/src/keys/access_token.rs"],
        actions: &[Action::Call],
        is_sign_in: false,
    },
    Step {
        files: &["protocol/src/renewal/machine.rs"],
        actions: &[Action::ExpireAndCall],
        is_sign_in: false,
    },
    Step {
        files: &["protocol/src/rotation.rs", "server/src/sessions/refresh.rs"],
        actions: &[Action::Renew, Action::LoseAnswer, Action::Race],
        is_sign_in: false,
    },
    Step {
        files: &["client/src/calls.rs", "protocol/src/renewal/driver.rs"],
        actions: &[Action::CallWithRefusedToken],
        is_sign_in: false,
    },
    Step {
        files: &["client/src/logout.rs", "server/src/sessions/end.rs"],
        actions: &[Action::SignOut],
        is_sign_in: false,
    },
    Step {
        files: &["protocol/src/rotation.rs", "protocol/src/problem.rs"],
        actions: &[Action::PresentMadeUp, Action::Steal],
        is_sign_in: false,
    },
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::words::Language;

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
            let words = words_of(number, FlowWords::of(Language::English));
            let sentence = format!("{number}. {}", words.sentence);
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
