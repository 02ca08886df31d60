//! The sign-in form of the guide. `examples/notes` has it, too.

// guide
use holdfast_client::use_session;
use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// Signs a person in, or makes an account. A page shows it in place of what only a signed-in person
/// may see: `<RequireSession fallback=… anonymous=SignIn>`.
#[component]
pub fn SignIn() -> impl IntoView {
    let session = use_session();
    let (username, password) = (NodeRef::<Input>::new(), NodeRef::<Input>::new());
    let busy = RwSignal::new(false);
    let mistake = RwSignal::new(None);

    let send = move |is_new: bool| {
        let typed = |field: NodeRef<Input>| field.get_untracked().map(|field| field.value());
        let (Some(name), Some(secret)) = (typed(username), typed(password)) else {
            return;
        };
        busy.set(true);
        spawn_local(async move {
            let outcome = if is_new {
                session.sign_up(name, secret.into(), true).await
            } else {
                session.sign_in(name, secret.into(), true).await
            };
            // After a success, the page shows its content, and these signals are gone.
            busy.try_set(false);
            mistake.try_set(outcome.err().map(|error| error.to_string()));
        });
    };

    view! {
        <form
            method="post"
            on:submit=move |event| {
                event.prevent_default();
                send(false);
            }
        >
            <p>
                <label>"Username " <input node_ref=username autocomplete="username" required/></label>
            </p>
            <p>
                <label>
                    "Password "
                    <input
                        node_ref=password
                        type="password"
                        autocomplete="current-password"
                        required
                    />
                </label>
            </p>
            <button disabled=busy>"Sign in"</button>
            <button type="button" disabled=busy on:click=move |_| send(true)>
                "Create an account"
            </button>
            <p role="alert">{mistake}</p>
        </form>
    }
}

/// Signs the person out.
#[component]
pub fn SignOut() -> impl IntoView {
    let session = use_session();
    view! { <button on:click=move |_| session.sign_out()>"Sign out"</button> }
}
// end
