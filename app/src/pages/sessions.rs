use holdfast_client::{RequireSession, use_session};
use holdfast_protocol::wire::{SessionInfo, SessionList, paths};
use leptos::html::Ul;
use leptos::prelude::*;
use leptos_meta::Title;

use super::end_sessions::{EndDialog, Endings, Which};
use super::load_trouble::LoadTrouble;
use super::look_again::{watch_while_shown, when_shown_again};
use super::name_session::{NameDialog, Named, Naming};
use crate::components::{
    Button, DateTime, DeviceIcon, Fact, FormError, Kind, PageHeading, Skeleton,
};
use crate::words::Words;

/// The sessions of the account, and buttons that name and end them.
#[component]
pub fn SessionsPage() -> impl IntoView {
    let words = Words::of_page().sessions();
    view! {
        <Title text=words.heading/>
        <div class="center stack needs-session">
            <PageHeading text=words.heading/>
            <p class="lead">{words.lead}</p>
            <RequireSession fallback=|| view! { <div class="card"><Skeleton/></div> }>
                <Sessions/>
            </RequireSession>
        </div>
    }
}

#[component]
fn Sessions() -> impl IntoView {
    let all = Words::of_page();
    let words = all.sessions();
    let session = use_session();
    let list = session.resource(|api| async move { api.get::<SessionList>(paths::SESSIONS).await });
    let rows = NodeRef::<Ul>::new();
    watch_while_shown(move || list.refetch());
    when_shown_again(move || list.refetch());
    let endings = Endings::new();
    let naming = Naming::new();
    let done = RwSignal::new(String::new());
    let on_done = move |which: Which| {
        let ended = untrack(|| {
            list.with_latest(|list| {
                let mut known = list.iter().flat_map(|list| &list.sessions);
                let ended = known.find(|session| which.holds(session));
                ended.map(|session| (words.ended)(&name_and_device(all, session)))
            })
        });
        list.update(|list| list.sessions.retain(|session| !which.holds(session)));
        done.set(match which {
            Which::One(_) => ended.unwrap_or_else(|| words.ended_unnamed.to_owned()),
            Which::AllOthers => words.all_ended.to_owned(),
        });
        // The button with the focus has disappeared with its row.
        if let Some(rows) = rows.get_untracked() {
            let _ = rows.focus();
        }
        list.refetch();
    };
    let on_named = move |Named { session_id, name }: Named| {
        let said = if name.is_some() {
            words.saved
        } else {
            words.name_removed
        };
        done.set(said.to_owned());
        list.update(|list| {
            let mut known = list.sessions.iter_mut();
            if let Some(session) = known.find(|session| session.session_id == session_id) {
                session.name = name;
            }
        });
        list.refetch();
    };
    let ask = move |which, question| {
        done.set(String::new());
        endings.ask(which, question);
    };
    let row = move |info: SessionInfo| {
        let which = Which::One(info.session_id);
        let now = {
            let before = info.clone();
            Memo::new(move |_| {
                list.with_latest(|list| {
                    let mut known = list.iter().flat_map(|list| &list.sessions);
                    let now = known.find(|now| now.session_id == before.session_id);
                    now.unwrap_or(&before).clone()
                })
            })
        };
        let on_end = move || {
            // This browser may have another session now than when the row was made.
            if untrack(|| session.session_id()) == Some(info.session_id) {
                session.sign_out();
                return;
            }
            let shown = name_and_device(all, &now.read_untracked());
            ask(which, (all.end_sessions().question)(&shown));
        };
        let on_rename = move || {
            done.set(String::new());
            naming.ask(now.get_untracked());
        };
        view! { <SessionRow info=now busy=endings.is_under_way(which) on_rename on_end/> }
    };
    let has_others = move || {
        list.with_latest(|list| {
            let mut known = list.iter().flat_map(|list| &list.sessions);
            known.any(|session| !session.current)
        })
    };

    view! {
        <FormError text=endings.error()/>
        <FormError text=naming.error()/>
        <p class="status-line" role="status">{move || done.get()}</p>
        <LoadTrouble of=list/>
        <Show
            when=move || list.with_latest(|list| list.is_some())
            fallback=move || list.error().is_none().then(|| view! {
                <div class="card"><Skeleton lines=4/></div>
            })
        >
            <ul class="rows" node_ref=rows tabindex="-1" aria-label=words.list>
                <For
                    each=move || this_first(list.latest().map(|list| list.sessions).unwrap_or_default())
                    key=|session| session.session_id
                    children=row
                />
            </ul>
        </Show>
        <Show when=has_others>
            <div>
                <Button
                    kind=Kind::Danger
                    on_press=move || ask(
                        Which::AllOthers,
                        words.end_all_question.to_owned(),
                    )
                    busy=endings.is_under_way(Which::AllOthers)
                    text=words.end_all
                />
            </div>
        </Show>
        <EndDialog endings on_done/>
        <NameDialog naming on_done=on_named/>
    }
}

/// The sessions, that of this browser first. The server sorts them by their last use.
fn this_first(mut sessions: Vec<SessionInfo>) -> Vec<SessionInfo> {
    sessions.sort_by_key(|session| !session.current);
    sessions
}

/// The server rounds the last use down to five minutes, so it may be before the sign-in.
fn last_used(info: &SessionInfo) -> i64 {
    info.last_used_at.max(info.created_at)
}

/// What the questions and the buttons call a session. The device is in it, because a thief may have chosen
/// the name.
fn name_and_device(all: Words, info: &SessionInfo) -> String {
    let device = all.device(info.device.clone());
    match &info.name {
        // A name may be written from right to left, and the words around it stay where they are. The
        // server accepts neither of these two signs in a name.
        Some(name) => format!("\u{2068}{name}\u{2069} ({device})"),
        None => device,
    }
}

#[component]
fn SessionRow(
    #[prop(into)] info: Signal<SessionInfo>,
    #[prop(into)] busy: Signal<bool>,
    #[prop(into)] on_rename: Callback<()>,
    #[prop(into)] on_end: Callback<()>,
) -> impl IntoView {
    let all = Words::of_page();
    let words = all.sessions();
    let device = all.device(info.read_untracked().device.clone());
    let (in_heading, in_facts) = (device.clone(), device);
    let label = move |of: fn(&str) -> String| {
        Signal::derive(move || of(&name_and_device(all, &info.read())))
    };
    let user_agent = info.read_untracked().user_agent.clone();
    let at = move |which: fn(&SessionInfo) -> i64| Signal::derive(move || which(&info.read()));
    view! {
        <li class="row">
            <div class="stack">
                <h2 class="row-heading">
                    <DeviceIcon user_agent/>
                    // A name may be written from right to left.
                    <bdi>
                        {move || info.read().name.clone().unwrap_or_else(|| in_heading.clone())}
                    </bdi>
                    {move || info.read().current.then(|| view! {
                        <span class="badge">{words.this_browser}</span>
                    })}
                </h2>
                <dl class="facts">
                    // A thief may have chosen the name.
                    {move || info.read().name.is_some().then(|| {
                        let device = in_facts.clone();
                        view! { <Fact name=words.device>{device}</Fact> }
                    })}
                    <Fact name=words.signed_in><DateTime at=at(|info| info.created_at)/></Fact>
                    <Fact name=words.last_used><DateTime at=at(last_used)/></Fact>
                    <Fact name=words.ends><DateTime at=at(|info| info.expires_at)/></Fact>
                    {move || info.read().ip.clone().map(|ip| view! {
                        <Fact name=words.connection>{ip}</Fact>
                    })}
                </dl>
            </div>
            <div class="cluster">
                <Button
                    on_press=on_rename
                    label=label(words.rename_of)
                    text=words.rename
                />
                <Button
                    on_press=on_end
                    busy
                    label=label(words.end_of)
                    text=words.end
                />
            </div>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_move_the_words_around_it() {
        let session = |name: Option<&str>| SessionInfo {
            session_id: uuid::Uuid::nil(),
            current: false,
            created_at: 0,
            last_used_at: 0,
            expires_at: 0,
            ip: None,
            user_agent: None,
            device: "Firefox on Linux".to_owned(),
            name: name.map(str::to_owned),
        };
        let called = |name| name_and_device(Words::ENGLISH, &session(name));
        assert_eq!(called(None), "Firefox on a Linux computer or tablet");
        let hebrew = "שלום!";
        assert_eq!(
            called(Some(hebrew)),
            format!("\u{2068}{hebrew}\u{2069} (Firefox on a Linux computer or tablet)")
        );
    }
}
