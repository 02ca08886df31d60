use holdfast_client::SessionResource;
use leptos::prelude::*;

use crate::components::LoadError;

/// Says that these data could not be loaded, and offers to try again.
#[component]
pub fn LoadTrouble<T: Clone + Send + Sync + 'static>(
    /// The data.
    of: SessionResource<T>,
) -> impl IntoView {
    let text = Memo::new(move |_| of.error().map(|error| error.to_string()));
    let busy = Signal::derive(move || of.is_refetching());
    view! { <LoadError text busy on_retry=move || of.refetch()/> }
}
