use js_sys::{Function, Promise, Reflect};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::date_time::today_in_words;
use super::{Button, FormError};
use crate::words::Words;

/// A recovery code in its groups, and three ways to keep it: copy it, download it, print it.
///
/// The groups are a list, so that a screen reader reads them one by one.
#[component]
pub fn RecoveryCode(
    /// The code, its groups separated by hyphens.
    code: String,
    /// Whose code it is, for the file and for the printed page.
    #[prop(into)]
    username: Signal<String>,
    /// Called when it was copied or downloaded.
    #[prop(into)]
    on_saved: Callback<()>,
) -> impl IntoView {
    let all = Words::of_page();
    let words = all.keep_code();
    let said = RwSignal::new("");
    let error = RwSignal::new(None::<String>);
    let saved = move |text: &'static str| {
        error.set(None);
        said.set(text);
        on_saved.run(());
    };
    let groups: Vec<_> = code
        .split('-')
        .map(|group| view! { <li>{group.to_owned()}</li> })
        .collect();
    let copied = code.clone();
    let copy = move || {
        let text = copied.clone();
        said.set("");
        error.set(None);
        spawn_local(async move {
            let is_copied = copy_text(&text).await;
            // The page may have been left meanwhile.
            if said.is_disposed() {
                return;
            }
            if is_copied {
                saved(words.copied);
            } else {
                error.set(Some(words.not_copied.to_owned()));
            }
        });
    };
    // The page is never rendered on the server with a code.
    let site = window().location().origin().unwrap_or_default();
    let use_of = (words.use_of)(&site, &today_in_words(all));
    let file = {
        let (code, use_of) = (code.clone(), use_of.clone());
        move || as_file(&(words.file)(&code, &username.read(), &use_of))
    };

    view! {
        <div class="recovery-code stack">
            <p class="recovery-code-owner">
                {words.code} {move || match username.get() {
                    name if name.is_empty() => String::new(),
                    name => (words.code_of)(&name),
                }}
            </p>
            // Safari takes a list without marks for no list, unless the role says it.
            <ol
                class="recovery-code-groups"
                role="list"
                aria-label=words.code
                translate="no"
            >
                {groups}
            </ol>
            <p class="recovery-code-use">{use_of}</p>
            <div class="cluster recovery-code-actions">
                <Button on_press=copy text=words.copy/>
                <a
                    class="button"
                    href=file
                    download=words.file_name
                    on:click=move |_| saved(words.downloaded)
                >
                    {words.download}
                </a>
                <Button on_press=print text=words.print/>
            </div>
            <p class="status-line" role="status">{move || said.get()}</p>
            <FormError text=error/>
        </div>
    }
}

fn print() {
    let _ = window().print();
}

/// Copies a text; `false` if the browser does not let the page. The web-sys of this app does not
/// have the clipboard, which browsers only offer on a safe connection.
async fn copy_text(text: &str) -> bool {
    let write = || -> Result<Promise, JsValue> {
        let clipboard = Reflect::get(&window().navigator(), &"clipboard".into())?;
        let write: Function = Reflect::get(&clipboard, &"writeText".into())?.dyn_into()?;
        write.call1(&clipboard, &text.into())?.dyn_into()
    };
    match write() {
        Ok(written) => JsFuture::from(written).await.is_ok(),
        Err(_) => false,
    }
}

/// The address of a file with this text. It is a part of the page, so it is not loaded from
/// anywhere.
fn as_file(text: &str) -> String {
    let mut address = "data:text/plain;charset=utf-8,".to_owned();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(code: &str, username: &str, site: &str) -> String {
        let words = Words::ENGLISH.keep_code();
        let use_of = (words.use_of)(site, "27 Nov 2026");
        as_file(&(words.file)(code, username, &use_of))
    }

    #[test]
    fn the_file_has_the_code_and_the_name() {
        let address = file("AAAA-BBBB", "ada+x", "https://holdfast.example");
        let (kind, text) = address.split_once(',').expect("an address");
        assert_eq!(kind, "data:text/plain;charset=utf-8");
        assert!(
            text.contains("AAAA-BBBB") && text.contains("ada%2Bx"),
            "{text}"
        );
        assert!(text.contains("holdfast%2Eexample"), "{text}");
        assert!(text.contains("Made%20on%2027%20Nov%202026"), "{text}");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-%".contains(&byte);
        assert!(text.bytes().all(is_plain), "{text}");
    }

    #[test]
    fn the_file_of_a_person_whose_name_is_not_loaded_yet_names_no_person() {
        let address = file("AAAA-BBBB", "", "https://holdfast.example");
        let (_, text) = address.split_once(',').expect("an address");
        assert!(text.starts_with("Holdfast%20recovery%20code%0A"), "{text}");
    }
}
