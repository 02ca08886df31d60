use leptos::prelude::*;

/// A phone or a computer. It is decoration, because the name of the browser stands beside it.
#[component]
pub fn DeviceIcon(
    /// The `User-Agent` of the browser. Without one there is no icon.
    user_agent: Option<String>,
) -> impl IntoView {
    user_agent.map(|text| {
        let shape = if is_handheld(&text) {
            "M11 3h10a2 2 0 0 1 2 2v22a2 2 0 0 1-2 2H11a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM15 25h2"
        } else {
            "M5 22V8a2 2 0 0 1 2-2h18a2 2 0 0 1 2 2v14M2 26h28"
        };
        view! {
            <svg class="device-icon" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
                <path d=shape/>
            </svg>
        }
    })
}

/// Browsers of phones and tablets say so. An iPad that asks for the pages of computers does not.
fn is_handheld(user_agent: &str) -> bool {
    ["Mobi", "Android", "iPad"]
        .iter()
        .any(|mark| user_agent.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_and_tablets_are_told_from_computers() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                 Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
                true,
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/142.0.0.0 Mobile Safari/537.36",
                true,
            ),
            (
                "Mozilla/5.0 (Android 15; Tablet; rv:145.0) Gecko/145.0 Firefox/145.0",
                true,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                false,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like \
                 Gecko) Version/18.1 Safari/605.1.15",
                false,
            ),
            ("curl/8.5.0", false),
        ] {
            assert_eq!(is_handheld(user_agent), expected, "{user_agent}");
        }
    }
}
