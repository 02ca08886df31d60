use leptos::prelude::*;

/// A section of a page, with its own heading.
#[component]
pub fn Card(
    /// The id that connects the heading with the section.
    id: &'static str,
    /// Its heading.
    heading: &'static str,
    /// What it shows.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="card stack" aria-labelledby=id>
            <h2 id=id>{heading}</h2>
            {children()}
        </section>
    }
}
