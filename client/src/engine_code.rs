//! The engine keeps the session: storage, renewal, other tabs. This file names the functions by which the
//! code of every page reaches the engine. With the feature `split`, all that only they use is a piece of
//! the code, `engine`.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use holdfast_protocol::renewal::Change;
use holdfast_protocol::wire::{
    ConfirmRecoveryCode, LoginRequest, PasswordEstimate, PasswordEstimateRequest, RecoverRequest,
    SignupRequest,
};
use leptos::task::spawn_local;

use super::calls::whose;
use super::changes::{self, Form};
use super::driver::{Driver, Snapshot, Whose};
use super::estimating;
use super::recovering::{self, BackIn};
use super::transport::CallError;

/// The function by which the view hears of every change.
pub(super) type Tell = Box<dyn Fn(Snapshot)>;

/// What the engine starts with.
pub(super) struct Start {
    pub(super) tell: Tell,
    /// What the page shows by now.
    pub(super) shown: Option<Snapshot>,
}

/// Work that the engine does.
type Working<T> = Pin<Box<dyn Future<Output = Result<T, CallError>>>>;

/// What a component asks of the engine without waiting for an answer. The functions are only named in
/// the code of the engine, so they are a part of its piece.
#[derive(Clone, Copy)]
pub(super) struct Controls {
    pub(super) ending_was_read: fn(),
    pub(super) told_was_read: fn(),
    pub(super) form_is_gone: fn(Form, &Result<(), CallError>),
    pub(super) reload: fn(),
    pub(super) sign_out: fn(),
    pub(super) whose: fn() -> Whose,
}

thread_local! {
    static CONTROLS: Cell<Option<Controls>> = const { Cell::new(None) };
}

/// The controls of the engine, if it runs.
pub(super) fn controls() -> Option<Controls> {
    CONTROLS.get()
}

/// Makes an async function of a function of the engine. With the feature `split` it loads the code of
/// the engine first, and it fails with [`CallError::NotLoaded`] if the code does not arrive. The build
/// connects a function by its name.
// rustfmt would move the attribute further to the right each time.
#[rustfmt::skip]
macro_rules! in_engine {
    (fn $name:ident($argument:ident: $type:ty) -> $output:ty $body:block, loaded by $load:ident) => {
        #[cfg(feature = "split")]
        #[leptos::wasm_split::wasm_split(
            engine,
            fallible,
            preload(
                #[allow(unsafe_code)]
                $load
            ),
            wasm_split_path = leptos::wasm_split
        )]
        #[allow(unsafe_code)]
        pub(super) fn $name($argument: $type) -> Result<$output, CallError> {
            Ok($body)
        }

        #[cfg(not(feature = "split"))]
        pub(super) async fn $name($argument: $type) -> Result<$output, CallError> {
            Ok($body)
        }
    };
}

in_engine! {
    fn run_engine(start: Start) -> () {
        Driver::start(start.tell, start.shown);
        CONTROLS.set(Some(Controls {
            ending_was_read: || {
                with_driver(|driver| {
                    spawn_local(async move {
                        driver.change(Change::EndingRead).await;
                    });
                });
            },
            told_was_read: || with_driver(|driver| driver.tell_of_form(None)),
            form_is_gone: |form, outcome| {
                with_driver(|driver| changes::tell_what_became(&driver, form, outcome, false));
            },
            reload: || with_driver(|driver| driver.reload_now()),
            sign_out: || {
                with_driver(|driver| spawn_local(async move { driver.sign_out().await }));
            },
            whose,
        }));
    }, loaded by load_code
}
in_engine! {
    fn begin_sign_in(request: LoginRequest) -> Working<()> {
        Box::pin(changes::sign_in(request))
    }, loaded by load_for_sign_in
}
in_engine! {
    fn begin_sign_up(request: SignupRequest) -> Working<()> {
        Box::pin(changes::sign_up(request))
    }, loaded by load_for_sign_up
}
in_engine! {
    fn begin_recovery(request: RecoverRequest) -> Working<BackIn> {
        Box::pin(recovering::recover(request))
    }, loaded by load_for_recovery
}
in_engine! {
    fn begin_confirmation(of: (Whose, ConfirmRecoveryCode)) -> Working<()> {
        Box::pin(recovering::confirm(of.0, of.1))
    }, loaded by load_for_confirmation
}
in_engine! {
    fn begin_estimate(request: PasswordEstimateRequest) -> Working<PasswordEstimate> {
        Box::pin(estimating::estimate(request))
    }, loaded by load_for_estimate
}

#[cfg(feature = "split")]
impl From<leptos::wasm_split::SplitLoaderError> for CallError {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self::NotLoaded
    }
}

fn with_driver(act: impl FnOnce(Rc<Driver>)) {
    if let Some(driver) = Driver::current() {
        act(driver);
    }
}
