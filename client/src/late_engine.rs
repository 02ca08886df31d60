//! Starts the engine when a page needs it, and loads its code before (feature `split`).

use std::cell::{Cell, RefCell};
use std::pin::pin;

use futures::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use holdfast_protocol::renewal::View;
use leptos::task::spawn_local;

use super::driver::{Reload, Snapshot};
use super::engine_code::{Start, Tell, load_code, run_engine};
use super::surroundings::{self, News};
use super::traces;
use super::transport::{CallError, PATIENCE_MS};

thread_local! {
    /// The function by which the view hears of changes, until the engine has it.
    static TELL: RefCell<Option<Tell>> = const { RefCell::new(None) };
    /// Whether the view was told that the code has not arrived.
    static IS_MISSED: Cell<bool> = const { Cell::new(false) };
}

/// Loads the code if the browser has stored anything.
pub(super) async fn load_what_is_needed() -> Result<(), CallError> {
    if traces::are_there().await {
        load().await
    } else {
        traces::note_none();
        Ok(())
    }
}

/// See [`super::engine`].
pub(super) fn start(tell: Tell) {
    if traces::were_none() {
        tell(nobody());
    }
    TELL.set(Some(tell));
    let channel = surroundings::channel();
    surroundings::listen(channel.as_ref(), |news| {
        if !matches!(news, News::Left { .. }) {
            look();
        }
    });
    // Another tab may have stored something before this one listened.
    look();
}

/// Starts the engine if it is needed by now.
fn look() {
    if TELL.with_borrow(Option::is_none) {
        return;
    }
    spawn_local(async {
        let is_needed = !traces::were_none() || traces::are_there().await;
        if is_needed && until_runs().await.is_err() {
            // The next event tries again. Until then, the page must not say that nobody is signed in.
            IS_MISSED.set(true);
            TELL.with_borrow(|tell| {
                if let Some(tell) = tell {
                    tell(Snapshot {
                        view: View::Unknown,
                        reload: Some(Reload::ByPerson { is_own: false }),
                        ..nobody()
                    });
                }
            });
        }
    });
}

/// Loads the code and starts the engine, unless it runs.
pub(super) async fn until_runs() -> Result<(), CallError> {
    load().await?;
    match TELL.take() {
        Some(tell) => {
            let shows_nobody = traces::were_none() && !IS_MISSED.get();
            let shown = shows_nobody.then(nobody);
            run_engine(Start { tell, shown }).await
        }
        None => Ok(()),
    }
}

/// Loads the code, within the time that a request gets. An attempt goes on after this has given it up, and the next call may still use it.
async fn load() -> Result<(), CallError> {
    match select(pin!(load_code()), TimeoutFuture::new(PATIENCE_MS)).await {
        Either::Left((loaded, _)) => Ok(loaded?),
        Either::Right(_) => Err(CallError::NotLoaded),
    }
}

/// What a page shows in a browser that has stored nothing.
fn nobody() -> Snapshot {
    Snapshot {
        view: View::Anonymous { ending: None },
        record: None,
        notice: None,
        told: None,
        is_sign_out_delayed: false,
        reload: None,
    }
}
