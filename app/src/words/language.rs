//! The languages of the pages, and which one a request asks for.

use leptos::prelude::*;

/// A language of the pages.
///
/// The host gives it to the page as a context. Without it, the pages are in English.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// The language of a person who wants none of the others.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// All of them. A test counts them.
    pub const ALL: &[Self] = &[Self::English, Self::German];

    /// The tag of the language (RFC 5646), as `<html lang>` has it.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language with exactly this tag.
    pub fn named(tag: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.tag() == tag)
    }

    /// The language that a person prefers, by the values of `Accept-Language`, joined by commas
    /// (RFC 9110 §12.5.4). A range stands for all languages that begin with it, and a range such as
    /// `de-AT` is also read as `de`. The highest weight decides, then the order. If no range fits, this is
    /// English.
    pub fn accepted(ranges: &str) -> Self {
        let mut best = (0.0, Self::default());
        for range in ranges.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let weight = parts.next().map_or(Some(1.0), weight);
            if let (Some(language), Some(weight)) = (Self::meant(tag), weight)
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }

    /// The language of a range: its first subtag decides, and `*` is any language.
    fn meant(range: &str) -> Option<Self> {
        let first = range.split('-').next().unwrap_or_default();
        match first {
            "*" => Some(Self::default()),
            first => Self::named(&first.to_ascii_lowercase()),
        }
    }

    /// The language of the page: the one that the host has chosen, or the one in which the server has
    /// rendered the document.
    pub(crate) fn of_page() -> Self {
        if cfg!(target_arch = "wasm32") {
            Self::of_document()
        } else {
            use_context().unwrap_or_default()
        }
    }

    /// The language that the document says. Only the browser uses this.
    pub(crate) fn of_document() -> Self {
        let root = document().document_element();
        // An extension of the browser may change `lang`.
        let tag = root.and_then(|root| root.get_attribute("data-language"));
        tag.and_then(|tag| Self::named(&tag)).unwrap_or_default()
    }
}

/// The weight in `q=0.8`, from 0 to 1.
fn weight(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    let weight = value.trim().parse().ok()?;
    let is_weight = name.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&weight);
    is_weight.then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_language_is_left_out() {
        // A new variant does not compile here. Then add it to `ALL`, too.
        let number = |language| match language {
            Language::English => 0,
            Language::German => 1,
        };
        let numbers: Vec<usize> = Language::ALL.iter().copied().map(number).collect();
        assert_eq!(numbers, [0, 1]);
    }

    #[test]
    fn the_highest_weight_decides_and_then_the_order() {
        for (ranges, expected) in [
            ("", Language::English),
            ("de", Language::German),
            ("DE", Language::German),
            ("de-AT", Language::German),
            ("de-Latn-CH-1996", Language::German),
            ("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", Language::German),
            ("en-GB,en;q=0.9,de;q=0.8", Language::English),
            ("en;q=0.2 , de ; q=0.3", Language::German),
            ("de;q=0.5,en;q=0.5", Language::German),
            ("en;q=0.5,de;q=0.5", Language::English),
            ("fr-CH, fr;q=0.9, de;q=0.7, *;q=0.5", Language::German),
            ("fr, *;q=0.5, de;q=0.1", Language::English),
            ("fr, it;q=0.5", Language::English),
            // Not acceptable.
            ("de;q=0", Language::English),
            ("de;q=0.000, en;q=0.1", Language::English),
            // Another language whose tag begins with the same letters: Delaware, Middle Low German.
            ("del, deu", Language::English),
            // Not well formed.
            (
                "de;q=2, de;q=x, de;x=1, ;q=1, -de, *-de;q=0.1",
                Language::English,
            ),
            (",,;;==,de;q=NaN", Language::English),
        ] {
            assert_eq!(Language::accepted(ranges), expected, "{ranges:?}");
        }
    }

    #[test]
    fn only_the_exact_tag_names_a_language() {
        for language in Language::ALL {
            assert_eq!(Language::named(language.tag()), Some(*language));
        }
        for tag in ["", "DE", "de-AT", "fr", "d", "de "] {
            assert_eq!(Language::named(tag), None, "{tag:?}");
        }
    }
}
