//! All words of the pages are in `app/src/words`, so that no language misses one.

use std::collections::BTreeSet;
use std::fs;

use crate::{root, rust_files};

/// Texts outside of the words that a person reads in every language, and texts of code that look like
/// words.
const NO_WORDS: &[&str] = &[
    "Holdfast",
    "{page} · Holdfast",
    "{heading} · Holdfast",
    "Deutsch",
    "English",
    "button button-primary",
    "button button-danger",
    "dateStyle",
    "timeStyle",
    "writeText",
    "main h1",
    "username webauthn",
    // The name of a key.
    "Enter",
    // Marks of user agents.
    "Mobi",
    "Android",
    "iPad",
];

/// The literals of a file, each with the sign before it. Comments and tests are left out.
fn literals(file: &str) -> Vec<(char, String)> {
    let tests = "#[cfg(test)]\nmod tests {";
    let code = file.split(tests).next().unwrap_or_default();
    let mut found = Vec::new();
    let lines = code.lines().filter(|line| {
        let line = line.trim_start();
        !line.starts_with("//") && !line.starts_with("#[")
    });
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut before = ' ';
    let mut rest = code.chars();
    while let Some(sign) = rest.next() {
        if sign != '"' {
            before = sign;
            continue;
        }
        let mut text = String::new();
        // `r#"` begins a text in which a quotation mark alone is no end.
        let is_raw = before == '#';
        while let Some(sign) = rest.next() {
            match sign {
                '"' if !is_raw || rest.as_str().starts_with('#') => break,
                '\\' if !is_raw => rest.next().map_or((), |escaped| text.push(escaped)),
                _ => text.push(sign),
            }
        }
        found.push((before, text));
        before = '"';
    }
    found
}

/// The texts between the tags of HTML.
fn without_tags(text: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut is_tag = false;
    for sign in text.chars() {
        match sign {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                texts.push(String::new());
            }
            _ if !is_tag => texts.last_mut().unwrap().push(sign),
            _ => {}
        }
    }
    texts.iter().map(|text| text.trim().to_owned()).collect()
}

/// Whether a person would read this: it has a word with a capital letter, or two words. Classes and other
/// attributes have only small letters.
fn is_for_people(before: char, text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let has_name = letters
        .windows(2)
        .any(|two| two[0].is_uppercase() && two[1].is_lowercase());
    let has_two_words = letters
        .windows(3)
        .any(|three| three[0].is_alphabetic() && three[1] == ' ' && three[2].is_alphabetic());
    has_name || (has_two_words && before != '=')
}

/// The words of a file that should be among the words of the pages.
fn words_of(file: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (before, literal) in literals(file) {
        // The script that marks the document.
        if literal.starts_with("try{{") {
            continue;
        }
        let texts = without_tags(&literal);
        let texts = texts.into_iter().filter(|text| is_for_people(before, text));
        words.extend(texts.filter(|text| !NO_WORDS.contains(&&**text)));
    }
    words
}

#[test]
fn words_in_a_page_are_found() {
    for (file, expected) in [
        ("view! { <p>\"You are signed out.\"</p> }", 1),
        ("view! { <p>\"and \" <b>\"three words here\"</b></p> }", 1),
        ("<Fact name=\"Sessions\">{count}</Fact>", 1),
        (
            "<nav class=\"site-nav if-signed-in\" aria-label=\"Account\">",
            1,
        ),
        ("format!(\"Sign out {device} now?\")", 1),
        ("format!(r#\"<p class=\"lead\">Zwei Wörter</p>\"#)", 1),
        ("Some(\"A text \\\n    of two lines\".to_owned())", 1),
        ("<nav class=\"site-nav if-signed-in\" href=\"/sign-in\">", 0),
        ("/// A comment: \"Two words.\"\nlet a = \"a\";", 0),
        ("#[cfg(test)]\nmod more_tests;\nlet a = \"Two words.\";", 1),
        (
            "#[cfg(test)]\nmod tests { assert_eq!(a, \"Two words.\"); }",
            0,
        ),
    ] {
        assert_eq!(words_of(file).len(), expected, "{file}");
    }
}

#[test]
fn all_words_of_the_pages_are_in_one_place() {
    let words = root().join("app/src/words");
    let files = rust_files(&["app/src"]);
    let (of_words, others): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|path| path.starts_with(&words));
    assert!(of_words.len() > 3 && others.len() > 40, "{of_words:?}");
    for (name, least) in [("german.rs", 200), ("flow_german.rs", 150)] {
        let text = fs::read_to_string(words.join(name)).unwrap();
        assert!(words_of(&text).len() > least, "the search finds the words");
    }
    let others = others.into_iter();
    for path in others.filter(|path| !path.ends_with("story_tests.rs")) {
        let found = words_of(&fs::read_to_string(&path).unwrap());
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
}

/// A text that two pieces of the code use is in a further file, which the readers of each of them load.
#[test]
fn the_words_of_the_flow_and_the_other_words_share_no_german_text() {
    let texts = |name: &str| -> BTreeSet<String> {
        let file = fs::read_to_string(root().join("app/src/words").join(name)).unwrap();
        let texts = literals(&file).into_iter().map(|(_, text)| text);
        let texts = texts.filter(|text| text.contains(char::is_alphabetic));
        let in_one_line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        texts.map(in_one_line).collect()
    };
    let (flow, others) = (texts("flow_german.rs"), texts("german.rs"));
    assert!(flow.len() > 150 && others.len() > 200, "{flow:?}");
    let both: Vec<_> = flow.intersection(&others).collect();
    assert!(both.is_empty(), "{both:?}");
}
