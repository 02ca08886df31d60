use holdfast_protocol::secret::Secret;

/// One thing that a panel shows, such as a part of a token. A text may be secret, so none of them is
/// printed, and their memory is overwritten when the panel changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// The name of its colour in `style/flow-panels.css`, from 1 to 5.
    pub(super) colour: u8,
    pub(super) name: String,
    /// As it is written. It may be long.
    pub(super) text: Secret,
    /// What is in it.
    pub(super) members: Vec<(String, Secret)>,
    /// What it is for, in a sentence.
    pub(super) meaning: String,
}

impl Shown {
    pub(super) fn new(
        colour: u8,
        name: impl Into<String>,
        text: impl Into<Secret>,
        meaning: impl Into<String>,
    ) -> Self {
        Self {
            colour,
            name: name.into(),
            text: text.into(),
            members: Vec::new(),
            meaning: meaning.into(),
        }
    }
}

/// The text, or only its start and its end.
pub(super) fn shortened(text: &str, is_revealed: bool) -> String {
    const START: usize = 10;
    const END: usize = 4;
    let count = text.chars().count();
    if is_revealed || count <= START + END + 4 {
        return text.to_owned();
    }
    let start: String = text.chars().take(START).collect();
    let end: String = text.chars().skip(count - END).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_not_printed() {
        let shown = Shown::new(1, "Secret", "hfr_of_it", "");
        assert!(!format!("{shown:?}").contains("hfr_of_it"));
    }

    #[test]
    fn a_long_text_is_shortened_unless_it_is_revealed() {
        let long = "abcdefghijklmnopqrstuvwxyz";
        assert_eq!(shortened(long, false), "abcdefghij…wxyz");
        assert_eq!(shortened(long, true), long);
        assert_eq!(shortened("short", false), "short");
    }
}
