//! Which names a person may give to the browser of a session, and why another one is not accepted.
//!
//! A page shows a name beside other texts. So a name is one line, a person sees every character of it,
//! and no character changes the direction of the text. Otherwise a name could look empty, or change how the
//! text beside it is read. Two names may look the same: the server finds nothing by a name, so letters of
//! other alphabets are accepted. Not all texts are: Persian writes some words with a character that is not
//! shown (U+200C), and the flags of some countries are made of such characters.

use std::fmt;

/// The most characters of a name.
pub const MAX_LENGTH: usize = 64;

/// Joins the pictures before and after it to one picture.
const JOINER: char = '\u{200d}';

/// Makes a picture of the character before it.
const AS_A_PICTURE: char = '\u{fe0f}';

/// An accepted name, without white space at its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionName(String);

impl SessionName {
    /// Removes white space at both ends, and accepts what is left if it has 1–64 characters, none of
    /// which is a control character or is not shown.
    ///
    /// The keyboard of a phone writes one picture, such as a woman with a computer, with several
    /// characters. Two of these characters are not shown alone: the one that joins two pictures
    /// (U+200D), and the one that makes a picture of a symbol, a digit, `#` or `*` (U+FE0F). A person sees
    /// their effect there, so they are accepted there once, and nowhere else. Each of them counts as a
    /// character.
    ///
    /// # Errors
    /// [`SessionNameError`] says which rule was broken, in words for a person.
    pub fn parse(text: &str) -> Result<Self, SessionNameError> {
        let name = text.trim();
        if name.is_empty() {
            return Err(SessionNameError::Empty);
        }
        if name.chars().count() > MAX_LENGTH {
            return Err(SessionNameError::TooLong);
        }
        if hides_something(name) {
            return Err(SessionNameError::Character);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a name is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionNameError {
    /// Nothing but white space.
    Empty,
    /// More than [`MAX_LENGTH`] characters.
    TooLong,
    /// A control character, or another one that a person does not see.
    Character,
}

impl fmt::Display for SessionNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("A name needs at least one character."),
            Self::TooLong => write!(f, "A name can have at most {MAX_LENGTH} characters."),
            Self::Character => {
                f.write_str("This name has a character that cannot be seen. Leave it out.")
            }
        }
    }
}

impl std::error::Error for SessionNameError {}

/// Whether the text has a control character, or a character that a person does not see.
fn hides_something(text: &str) -> bool {
    let mut before = None;
    let mut was_made_a_picture = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let has_effect = match character {
            JOINER => {
                before.is_some_and(is_picture)
                    && characters.peek().is_some_and(|next| is_picture(*next))
            }
            AS_A_PICTURE => !was_made_a_picture && before.is_some_and(can_be_a_picture),
            _ => false,
        };
        if !has_effect && (character.is_control() || is_hidden(character)) {
            return true;
        }
        was_made_a_picture = character == AS_A_PICTURE;
        // A joiner may follow a picture that was made of a character.
        if !was_made_a_picture {
            before = Some(character);
        }
    }
    false
}

/// Whether the character is in a block of symbols and pictures.
fn is_picture(character: char) -> bool {
    matches!(character, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// Whether U+FE0F makes a picture of the character (`emoji-variation-sequences.txt`).
fn can_be_a_picture(character: char) -> bool {
    is_picture(character)
        || matches!(
            character,
            '0'..='9'
                | '#'
                | '*'
                | '\u{a9}'
                | '\u{ae}'
                | '\u{203c}'
                | '\u{2049}'
                | '\u{2122}'
                | '\u{2139}'
                | '\u{3030}'
                | '\u{303d}'
                | '\u{3297}'
                | '\u{3299}'
        )
}

/// Whether a person does not see the character: those that Unicode calls default ignorable
/// (`DerivedCoreProperties.txt`), to which all characters belong that change the direction of text; the
/// separators of lines and paragraphs; the marks of annotations; and the empty pattern of Braille.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_without_the_white_space_at_their_ends() {
        let longest = "\u{1f600}".repeat(MAX_LENGTH);
        for (text, expected) in [
            ("Work laptop", "Work laptop"),
            ("  Work laptop\t\r\n", "Work laptop"),
            ("\u{a0}\u{3000}x\u{2028}", "x"),
            ("Büro, 3. Stock (links)", "Büro, 3. Stock (links)"),
            ("<b>&amp;\"'", "<b>&amp;\"'"),
            ("המחשב בעבודה", "המחשב בעבודה"),
            ("仕事用のノート", "仕事用のノート"),
            (longest.as_str(), longest.as_str()),
        ] {
            let name = SessionName::parse(text);
            assert_eq!(name.as_ref().map(SessionName::as_str), Ok(expected));
        }
    }

    #[test]
    fn names_that_are_not_accepted() {
        use SessionNameError::*;
        for (text, expected) in [
            ("", Empty),
            (" \t\n\u{a0}\u{3000}", Empty),
            ("a".repeat(65).as_str(), TooLong),
            ("\u{1f600}".repeat(65).as_str(), TooLong),
            ("Work\tlaptop", Character),
            ("Work\nlaptop", Character),
            ("Work\0laptop", Character),
            ("Work\u{7f}laptop", Character),
            ("Work\u{85}laptop", Character),
            ("Work\u{2028}laptop", Character),
            ("Work\u{2029}laptop", Character),
        ] {
            assert_eq!(SessionName::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn no_character_is_hidden_and_none_changes_the_direction_of_text() {
        let of_direction = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\
            \u{2066}\u{2067}\u{2068}\u{2069}";
        let without_width = "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}";
        let others =
            "\u{ad}\u{34f}\u{115f}\u{180e}\u{2800}\u{3164}\u{fe00}\u{fe0f}\u{fff9}\u{e0041}";
        let all = [of_direction, without_width, others].concat();
        for hidden in all.chars() {
            for text in [
                hidden.to_string(),
                format!("{hidden}Work"),
                format!("Work{hidden}laptop"),
                format!("Work {hidden}laptop"),
                format!("Work{hidden}"),
            ] {
                let refused = Err(SessionNameError::Character);
                assert_eq!(SessionName::parse(&text), refused, "{text:?}");
            }
        }
    }

    #[test]
    fn the_characters_of_one_picture_stay_together() {
        for picture in [
            // A woman with a computer, also with a colour of skin.
            "\u{1f469}\u{200d}\u{1f4bb}",
            "\u{1f469}\u{1f3fd}\u{200d}\u{1f4bb}",
            // A computer, a heart in flames, a flag, a digit on a key.
            "\u{1f5a5}\u{fe0f}",
            "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
            "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
            "1\u{fe0f}\u{20e3}",
        ] {
            let text = format!("Work {picture}");
            let name = SessionName::parse(&text);
            assert_eq!(name.as_ref().map(SessionName::as_str), Ok(&*text));
        }
        for apart in [
            "\u{fe0f}",
            "Work \u{fe0f}",
            "\u{1f469}\u{200d}",
            "\u{200d}\u{1f4bb}",
            "\u{1f469}\u{200d}\u{200d}\u{1f4bb}",
            "\u{1f469}\u{200d}\u{fe0f}\u{1f4bb}",
            "a\u{200d}\u{1f4bb}",
            "1\u{fe0f}\u{fe0f}",
            "\u{2764}\u{fe0f}\u{fe0f}",
            "a\u{fe0f}",
            "\u{1f469}\u{200d}a",
        ] {
            let refused = Err(SessionNameError::Character);
            assert_eq!(SessionName::parse(apart), refused, "{apart:?}");
        }
    }

    #[test]
    fn a_person_reads_the_limit() {
        let said = SessionNameError::TooLong.to_string();
        assert!(said.contains("at most 64 characters"), "{said}");
    }

    proptest! {
        #[test]
        fn an_accepted_name_is_accepted_again_without_a_change(
            typed in prop_oneof![
                any::<String>(),
                "[ a-z\t\u{a0}\u{200d}\u{fe0f}\u{1f469}\u{1f4bb}]{0,70}",
            ],
        ) {
            if let Ok(name) = SessionName::parse(&typed) {
                prop_assert!(typed.contains(name.as_str()));
                prop_assert!((1..=MAX_LENGTH).contains(&name.as_str().chars().count()));
                prop_assert_eq!(SessionName::parse(name.as_str()), Ok(name));
            }
        }
    }
}
