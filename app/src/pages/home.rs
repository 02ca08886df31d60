use holdfast_client::use_session;
use leptos::prelude::*;
use leptos::tachys::html::InertElement;
use leptos_meta::Title;

use super::late::Late;
use super::overview::OVERVIEW;
use crate::components::{FlowPicture, PageHeading, Skeleton};
use crate::paths;
use crate::words::Words;

/// What Holdfast is, and the ways in.
#[component]
pub fn HomePage() -> impl IntoView {
    let words = Words::of_page().home();
    let session = use_session();
    // It is built again for another person.
    let overview = move || match session.session_id() {
        Some(_) => view! {
            <Late piece=OVERVIEW waiting=|| view! { <Skeleton lines=2/> }/>
        }
        .into_any(),
        None => view! { <Skeleton lines=2/> }.into_any(),
    };
    // Nothing in it changes, so it is one text, and not a view of each element.
    let steps = words.steps.iter();
    let steps = steps.map(|(heading, text)| format!("<li><h3>{heading}</h3><p>{text}</p></li>"));
    let steps = format!("<ol class=\"steps\">{}</ol>", steps.collect::<String>());
    let (watch, flow) = (words.watch, paths::FLOW);
    let watch = format!("<p><a class=\"button\" href=\"{flow}\">{watch}</a></p>");
    view! {
        <Title text=""/>
        <div class="center stack home">
            <section class="hero">
                <div class="stack">
                    <PageHeading text=words.heading/>
                    <p class="lead">{words.lead}</p>
                    <p>{words.alone}</p>
                    <div class="cluster if-signed-out">
                        <a class="button button-primary" href=paths::SIGN_UP>{words.create_account}</a>
                        <a class="button" href=paths::SIGN_IN>{words.sign_in}</a>
                    </div>
                    <div class="stack if-signed-in">
                        <div>
                            <a class="button button-primary" href=paths::ACCOUNT>{words.your_account}</a>
                        </div>
                        {overview}
                    </div>
                </div>
                <FlowPicture/>
            </section>
            <section class="stack" aria-labelledby="how">
                <h2 id="how">{words.how}</h2>
                {InertElement::new(steps)}
                {InertElement::new(watch)}
            </section>
        </div>
    }
}
