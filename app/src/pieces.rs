//! Pieces of the app's code. A browser loads a piece when it needs it.
//!
//! The release build cuts the pieces out of the WebAssembly (feature `split`). Without this feature
//! everything is in one file, and every piece is there at once.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::future::{Either, select};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// A piece did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing;

#[cfg(feature = "split")]
impl From<leptos::wasm_split::SplitLoaderError> for Missing {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}

/// A piece that is on its way.
pub type Loading<T> = Pin<Box<dyn Future<Output = Result<T, Missing>>>>;

/// A view whose code is in a piece.
#[derive(Clone, Copy)]
pub struct Piece {
    /// The name of the piece. The build lists the files of each piece by its name.
    pub name: &'static str,
    /// Loads the code.
    pub load_code: fn() -> Loading<()>,
    /// Loads the code, and makes the view.
    pub make: fn() -> Loading<AnyView>,
}

/// How long a person waits for a piece. A request of the client gets the same time.
const PATIENCE: Duration = Duration::from_secs(20);

impl Piece {
    /// Loads the code. If it was loaded before, this is done at once.
    ///
    /// # Errors
    /// [`Missing`] if the code does not arrive within 20 s. The next call tries again.
    pub async fn load(self) -> Result<(), Missing> {
        arrive((self.load_code)()).await
    }

    /// The view, if its code is there.
    pub fn view_now(self) -> Option<AnyView> {
        (self.make)().now_or_never()?.ok()
    }
}

/// Waits for a piece.
///
/// # Errors
/// [`Missing`] if it does not arrive within 20 s.
pub async fn arrive<T>(mut loading: Loading<T>) -> Result<T, Missing> {
    if let Some(loaded) = loading.as_mut().now_or_never() {
        return loaded;
    }
    let (give_up, given_up) = oneshot::channel();
    set_timeout(
        move || {
            let _ = give_up.send(());
        },
        PATIENCE,
    );
    match select(loading, given_up).await {
        Either::Left((loaded, _)) => loaded,
        Either::Right(_) => Err(Missing),
    }
}

/// A piece that a component waits for, and shows when it has arrived.
#[derive(Clone, Copy)]
pub struct Awaited {
    piece: Piece,
    has_arrived: RwSignal<bool>,
    /// Whether it is on its way.
    pub busy: RwSignal<bool>,
    /// How often it has not arrived.
    pub failures: RwSignal<u32>,
}

impl Awaited {
    /// Begins nothing yet.
    pub fn new(piece: Piece) -> Self {
        Self {
            piece,
            has_arrived: RwSignal::new(false),
            busy: RwSignal::new(false),
            failures: RwSignal::new(0),
        }
    }

    /// Loads it, or tries again.
    pub fn load(self) {
        self.busy.set(true);
        spawn_local(async move {
            let outcome = self.piece.load().await;
            // The component may be gone by now, and its signals with it.
            if self.busy.is_disposed() {
                return;
            }
            self.busy.set(false);
            match outcome {
                Ok(()) => self.has_arrived.set(true),
                Err(Missing) => self.failures.update(|failures| *failures += 1),
            }
        });
    }

    /// Whether it has not arrived so far. Reactive.
    pub fn is_missing(self) -> bool {
        !self.has_arrived.get() && self.failures.get() > 0
    }

    /// The view, after it has arrived. Reactive.
    pub fn view(self) -> Option<AnyView> {
        let has_arrived = self.has_arrived.get();
        has_arrived.then(|| self.piece.view_now()).flatten()
    }
}

/// Makes the constant `$piece` for the component `$component`, whose code is in the piece `$name`.
/// The functions `$load` and `$make` are named here, because the build connects them by their names.
// rustfmt would move the attribute further to the right each time.
#[rustfmt::skip]
macro_rules! piece {
    ($piece:ident: $component:ident in $name:ident, $load:ident, $make:ident) => {
        #[cfg(feature = "split")]
        #[leptos::wasm_split::wasm_split(
            $name,
            fallible,
            preload(
                #[allow(unsafe_code)]
                $load
            ),
            wasm_split_path = leptos::wasm_split
        )]
        #[allow(unsafe_code)]
        fn $make() -> Result<AnyView, crate::pieces::Missing> {
            Ok(view! { <$component/> }.into_any())
        }

        #[cfg(not(feature = "split"))]
        async fn $make() -> Result<AnyView, crate::pieces::Missing> {
            Ok(view! { <$component/> }.into_any())
        }

        #[cfg(not(feature = "split"))]
        async fn $load() -> Result<(), crate::pieces::Missing> {
            Ok(())
        }

        pub(crate) const $piece: crate::pieces::Piece = crate::pieces::Piece {
            name: stringify!($name),
            load_code: || Box::pin(async { $load().await.or(Err(crate::pieces::Missing)) }),
            make: || Box::pin($make()),
        };
    };
}
pub(crate) use piece;
