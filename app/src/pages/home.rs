use holdfast_client::use_session;
use leptos::prelude::*;
use leptos_meta::Title;

use super::late::Late;
use super::overview::OVERVIEW;
use crate::components::{FlowPicture, PageHeading, Skeleton};
use crate::paths;

/// What Holdfast is, and the ways in.
#[component]
pub fn HomePage() -> impl IntoView {
    let session = use_session();
    // It is built again for another person.
    let overview = move || match session.session_id() {
        Some(_) => view! {
            <Late piece=OVERVIEW waiting=|| view! { <Skeleton lines=2/> }/>
        }
        .into_any(),
        None => view! { <Skeleton lines=2/> }.into_any(),
    };
    view! {
        <Title text=""/>
        <div class="center stack home">
            <section class="hero">
                <div class="stack">
                    <PageHeading text="Sign in once. Stay signed in."/>
                    <p class="lead">
                        "Holdfast keeps you signed in for months, through closed laptops, lost "
                        "connections and twenty open tabs. A stolen token does not live."
                    </p>
                    <div class="cluster if-signed-out">
                        <a class="button button-primary" href=paths::SIGN_UP>"Create account"</a>
                        <a class="button" href=paths::SIGN_IN>"Sign in"</a>
                    </div>
                    <div class="stack if-signed-in">
                        <div>
                            <a class="button button-primary" href=paths::ACCOUNT>"Your account"</a>
                        </div>
                        {overview}
                    </div>
                </div>
                <FlowPicture/>
            </section>
            <section class="stack" aria-labelledby="how">
                <h2 id="how">"How it holds"</h2>
                <ol class="steps">
                    <li>
                        <h3>"A pass for five minutes"</h3>
                        <p>
                            "Every call carries a short-lived access token. The server checks "
                            "its signature and never has to look it up."
                        </p>
                    </li>
                    <li>
                        <h3>"A grip for ninety days"</h3>
                        <p>
                            "A refresh token brings the next pass. Each use spends it: a "
                            "renewal puts a new one in its place."
                        </p>
                    </li>
                    <li>
                        <h3>"You notice nothing"</h3>
                        <p>
                            "A pass that has run out is renewed and the call repeated, silently, "
                            "once, however many tabs are asking."
                        </p>
                    </li>
                    <li>
                        <h3>"A copy is noticed"</h3>
                        <p>
                            "Once a copied token and yours have both been used, the session "
                            "ends everywhere within a second. You are told why."
                        </p>
                    </li>
                </ol>
                <p>
                    <a class="button" href=paths::FLOW>"Watch it happen, step by step"</a>
                </p>
            </section>
        </div>
    }
}
