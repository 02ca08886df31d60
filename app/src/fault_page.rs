//! The page that a person gets if the server cannot answer as they expect.

use leptos::prelude::*;

use crate::components::Mark;
use crate::words::{Fault, Language, Words, faults};

/// The HTML document for an answer with this status, 400 to 599. It has no scripts, because the fault may
/// be in what a script needs.
///
/// `css` is the address of the style sheet. `request_id` is the number that the log of the server has.
pub fn fault_page(language: Language, status: u16, css: &str, request_id: &str) -> String {
    let words = Words::of(language);
    let Fault { heading, advice } = fault(language, status);
    let helps_to_repeat = matches!(status, 408 | 429 | 500..);
    let of_start = if helps_to_repeat {
        "button"
    } else {
        "button button-primary"
    };
    view! {
        <!DOCTYPE html>
        <html lang=language.tag() translate="no">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="robots" content="noindex"/>
                // A text within it would get a mark for the client, which a title shows.
                <title inner_html=format!("{heading} · Holdfast")></title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=css.to_owned()/>
            </head>
            <body>
                <header class="site-header">
                    <div class="center cluster">
                        <a href="/" class="site-name"><Mark/>"Holdfast"</a>
                    </div>
                </header>
                <main class="site-main">
                    <div class="center stack narrow">
                        <h1>{heading}</h1>
                        <p class="lead">{advice}</p>
                        <div class="cluster">
                            {helps_to_repeat.then(|| view! {
                                <a class="button button-primary" href="">{words.document().load_again}</a>
                            })}
                            <a class=of_start href="/">{words.frame().not_found_link}</a>
                        </div>
                        <p class="hint">{faults(language).number} " " <code>{request_id.to_owned()}</code></p>
                    </div>
                </main>
            </body>
        </html>
    }
    .to_html()
}

/// What a person is told about an answer with this status.
fn fault(language: Language, status: u16) -> Fault {
    let words = faults(language);
    match status {
        404 => {
            let frame = Words::of(language).frame();
            Fault {
                heading: frame.not_found,
                advice: frame.not_found_text,
            }
        }
        429 => words.too_many,
        408 | 503 | 504 => words.for_now,
        500.. => words.ours,
        _ => words.not_accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_words_in_both_languages() {
        for (status, english, german) in [
            (404, "Page not found", "Seite nicht gefunden"),
            (429, "Too many requests", "Zu viele Anfragen"),
            (405, "This does not work here", "Das geht hier nicht"),
            (503, "Holdfast cannot answer", "Holdfast kann im Moment"),
            (500, "Something went wrong", "Bei uns ist etwas"),
        ] {
            let page = |language| fault_page(language, status, "/pkg/a.css", "0123-abc");
            for (language, heading) in [(Language::English, english), (Language::German, german)] {
                let page = page(language);
                assert!(page.contains(heading), "{status}: {page}");
                assert!(page.contains(" · Holdfast</title>"), "{page}");
                assert!(page.contains("0123-abc") && page.contains("/pkg/a.css"));
                assert!(page.contains(&format!("lang=\"{}\"", language.tag())));
                assert!(!page.contains("<script"), "{page}");
                let again = Words::of(language).document().load_again;
                assert_eq!(
                    page.contains(again),
                    ![404, 405].contains(&status),
                    "{page}"
                );
            }
        }
    }
}
