use std::collections::HashSet;

use holdfast_protocol::wire::{SessionInfo, SessionList, paths};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use uuid::Uuid;

use crate::components::{
    Button, DateTime, Fact, FormError, Kind, LoadError, PageHeading, Skeleton,
};
use crate::session::{RequireSession, use_session};

/// Where one is signed in, and the ways out.
#[component]
pub fn SessionsPage() -> impl IntoView {
    view! {
        <Title text="Your sessions"/>
        <div class="center stack">
            <PageHeading text="Your sessions"/>
            <p class="lead">
                "Every browser in which you are signed in. What you end here is over within a second."
            </p>
            <RequireSession fallback=|| view! { <div class="card"><Skeleton/></div> }>
                <Sessions/>
            </RequireSession>
        </div>
    }
}

#[component]
fn Sessions() -> impl IntoView {
    let session = use_session();
    let list = LocalResource::new(move || {
        session.reload_trigger();
        async move { session.api().get::<SessionList>(paths::SESSIONS).await }
    });
    // Sessions whose ending is on its way; `None` in it stands for all the others.
    let ending = RwSignal::new(HashSet::<Option<Uuid>>::new());
    let error = RwSignal::new(None::<String>);
    let done = RwSignal::new("");

    let end = move |which: Option<Uuid>| {
        error.set(None);
        done.set("");
        ending.update(|ending| {
            ending.insert(which);
        });
        spawn_local(async move {
            let path = match which {
                Some(session_id) => format!("{}/{session_id}", paths::SESSIONS),
                None => format!("{}?keep_current=true", paths::SESSIONS),
            };
            match session.api().delete(&path).await {
                Ok(()) if which.is_some() => done.set("The session is ended."),
                Ok(()) => done.set("All other sessions are ended."),
                Err(why) => error.set(Some(why.to_string())),
            }
            ending.update(|ending| {
                ending.remove(&which);
            });
            list.refetch();
        });
    };
    let is_ending = move |which| Signal::derive(move || ending.read().contains(&which));
    let row = move |info: SessionInfo| {
        let id = info.session_id;
        let on_end = move || {
            if info.current {
                session.sign_out();
            } else {
                end(Some(id));
            }
        };
        view! { <SessionRow info=info.clone() busy=is_ending(Some(id)) on_end/> }
    };

    view! {
        <FormError text=error/>
        <p class="status-line" role="status">{move || done.get()}</p>
        {move || match list.get() {
            None => view! { <div class="card"><Skeleton lines=4/></div> }.into_any(),
            Some(Err(error)) => view! {
                <LoadError text=error.to_string() on_retry=move || list.refetch()/>
            }
            .into_any(),
            Some(Ok(SessionList { sessions })) => {
                let has_others = sessions.len() > 1;
                view! {
                    <ul class="rows">
                        {sessions.into_iter().map(row).collect_view()}
                    </ul>
                    {has_others.then(|| view! {
                        <div>
                            <Button
                                kind=Kind::Danger
                                on_press=move || end(None)
                                busy=is_ending(None)
                                text="Sign out everywhere else"
                            />
                        </div>
                    })}
                }
                .into_any()
            }
        }}
    }
}

#[component]
fn SessionRow(
    info: SessionInfo,
    #[prop(into)] busy: Signal<bool>,
    #[prop(into)] on_end: Callback<()>,
) -> impl IntoView {
    view! {
        <li class="row">
            <div class="stack">
                <h2 class="row-heading">
                    {info.device.clone()}
                    {info.current.then(|| view! { <span class="badge">"This browser"</span> })}
                </h2>
                <dl class="facts">
                    {info.ip.map(|ip| view! { <Fact name="Address">{ip}</Fact> })}
                    <Fact name="Signed in"><DateTime at=info.created_at/></Fact>
                    <Fact name="Last used"><DateTime at=info.last_used_at/></Fact>
                    <Fact name="Ends at the latest"><DateTime at=info.expires_at/></Fact>
                </dl>
            </div>
            <Button
                on_press=on_end
                busy
                label=format!("Sign out this session: {}", info.device)
                text="Sign out this session"
            />
        </li>
    }
}
