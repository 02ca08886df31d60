//! The two files with all data of the account that a person gets from one answer of the server.

use holdfast_client::{ApiAnswer, CallError, save_text};
use holdfast_protocol::wire::AccountData;
use js_sys::JSON;
use wasm_bindgen::JsValue;

use super::data_to_read::page_to_read;
use crate::components::{dates_in_words, number_in_words};
use crate::words::Words;

/// One of the two files.
#[derive(Clone, Copy)]
pub(super) enum DataFile {
    /// A page for the person.
    ToRead,
    /// The answer of the server, as JSON.
    ForPrograms,
}

impl DataFile {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ToRead => "holdfast-data.html",
            Self::ForPrograms => "holdfast-data.json",
        }
    }
}

/// The two files, made from one answer.
pub(super) struct Copies {
    to_read: String,
    for_programs: String,
}

impl Copies {
    /// Makes them, in the language of these words.
    ///
    /// # Errors
    /// [`CallError::Unreachable`], if the answer does not have the data of an account.
    pub(super) fn of(answer: &ApiAnswer, all: Words) -> Result<Self, CallError> {
        let data: AccountData = answer.json()?;
        let number = |number| number_in_words(number, all);
        Ok(Self {
            to_read: page_to_read(&data, all, &dates_in_words(all), &number),
            // It has the members that only a newer server knows, too.
            for_programs: in_lines(answer.text()?),
        })
    }

    /// Gives one of them to the person.
    pub(super) fn save(&self, file: DataFile) {
        let content = match file {
            DataFile::ToRead => &self.to_read,
            DataFile::ForPrograms => &self.for_programs,
        };
        save_text(content, file.name());
    }
}

/// The same JSON with a line for each member. The browser reads and writes JSON by itself, and keeps the
/// order.
fn in_lines(json: String) -> String {
    let indented = JSON::parse(&json).and_then(|value| {
        JSON::stringify_with_replacer_and_space(&value, &JsValue::NULL, &JsValue::from(2))
    });
    match indented {
        Ok(indented) => format!("{}\n", String::from(indented)),
        Err(_) => json,
    }
}
