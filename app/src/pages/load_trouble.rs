use holdfast_client::SessionResource;
use leptos::prelude::*;

use crate::components::LoadError;
use crate::words::Words;

/// Says that these data could not be loaded, and offers to try again.
#[component]
pub fn LoadTrouble<T: Clone + Send + Sync + 'static>(
    /// The data.
    of: SessionResource<T>,
) -> impl IntoView {
    let errors = Words::of_page().errors();
    let text = Memo::new(move |_| of.error().map(|error| (errors.call)(&error)));
    let busy = Signal::derive(move || of.is_refetching());
    view! { <LoadError text busy on_retry=move || of.refetch()/> }
}
