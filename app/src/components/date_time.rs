use js_sys::Intl::DateTimeFormat;
use js_sys::{Array, Date, Number, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::words::Words;

/// Names the days of points in time, in words and in the browser's time zone. Only the browser uses
/// this.
pub struct Days {
    today: String,
    yesterday: String,
    words: Words,
}

impl Days {
    /// As seen from now.
    pub fn now(words: Words) -> Self {
        let (now, before) = (Date::new_0(), Date::new_0());
        // The day before may have had 23 or 25 hours. Day 0 is the last day of the month before.
        before.set_date(now.get_date() - 1);
        Self {
            today: full(&now, words),
            yesterday: full(&before, words),
            words,
        }
    }

    /// The day of this point in time (Unix seconds).
    pub fn name(&self, at: i64) -> String {
        let day = full(&date_of(at), self.words);
        let words = self.words.dates();
        if day == self.today {
            words.today.to_owned()
        } else if day == self.yesterday {
            words.yesterday.to_owned()
        } else {
            day
        }
    }
}

const DATE: (&str, &str) = ("dateStyle", "medium");
const TIME: (&str, &str) = ("timeStyle", "short");

fn full(date: &Date, words: Words) -> String {
    in_words(date, words, &[("dateStyle", "full")])
}

fn date_of(at: i64) -> Date {
    #[expect(clippy::cast_precision_loss, reason = "exact for 280 million years")]
    Date::new(&(at as f64 * 1000.0).into())
}

fn in_words(date: &Date, words: Words, styles: &[(&str, &str)]) -> String {
    String::from(date.to_locale_string(words.dates().locale, &options(styles)))
}

fn options(styles: &[(&str, &str)]) -> Object {
    let options = Object::new();
    for (name, style) in styles {
        let _ = Reflect::set(&options, &(*name).into(), &(*style).into());
    }
    options
}

/// A point in time, in the browser's time zone. Only the browser renders it: the server does
/// not know the zone, and would render another text.
#[component]
pub fn DateTime(
    /// Unix seconds.
    #[prop(into)]
    at: Signal<i64>,
    /// Show only the date.
    #[prop(optional)]
    date_only: bool,
    /// Show only the time of day.
    #[prop(optional)]
    time_only: bool,
) -> impl IntoView {
    let words = Words::of_page();
    let machine = move || String::from(date_of(at.get()).to_iso_string());
    let person = move || {
        if time_only {
            in_words(&date_of(at.get()), words, &[TIME])
        } else {
            date_in_words(at.get(), words, date_only)
        }
    };
    view! { <time datetime=machine>{person}</time> }
}

/// A point in time (Unix seconds) for a person, in the browser's time zone. Only for the browser.
pub fn date_in_words(at: i64, words: Words, date_only: bool) -> String {
    let styles: &[_] = if date_only { &[DATE] } else { &[DATE, TIME] };
    in_words(&date_of(at), words, styles)
}

/// Says many points in time (Unix seconds) as [`date_in_words`] does. For that, the browser prepares its rules
/// once, and not for each of them. Only for the browser.
pub fn dates_in_words(words: Words) -> impl Fn(i64) -> String {
    let locales = Array::of1(&words.dates().locale.into());
    let format = DateTimeFormat::new(&locales, &options(&[DATE, TIME])).format();
    move |at| {
        let text = format.call1(&JsValue::UNDEFINED, &JsValue::from(date_of(at)));
        // There is no date for a number that is far too large.
        let text = text.ok().and_then(|text| text.as_string());
        text.unwrap_or_else(|| at.to_string())
    }
}

/// A number for a person: 1,234 in English, 1.234 in German. Only for the browser.
pub fn number_in_words(number: u64, words: Words) -> String {
    #[expect(clippy::cast_precision_loss, reason = "exact up to nine quadrillion")]
    let number = Number::from(number as f64);
    String::from(number.to_locale_string(words.dates().locale))
}

/// The present day for a person, in the browser's time zone. Only for the browser.
pub fn today_in_words(words: Words) -> String {
    in_words(&Date::new_0(), words, &[DATE])
}
