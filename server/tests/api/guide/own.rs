//! An application that has a state and routes of its own.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::get;
use holdfast_server::config::MasterSecret;
use holdfast_server::http::CurrentAccount;
use holdfast_server::state::Holdfast;
use sqlx::PgPool;

/// The state of the application. `CurrentAccount` needs a `Holdfast` in it.
#[derive(Clone)]
pub struct Shop {
    pub holdfast: Holdfast,
    pub greeting: String,
}

impl FromRef<Shop> for Holdfast {
    fn from_ref(shop: &Shop) -> Self {
        shop.holdfast.clone()
    }
}

// guide
/// Starts Holdfast on the application's database.
pub async fn start(pool: &PgPool, secret: MasterSecret) -> anyhow::Result<Holdfast> {
    let builder = Holdfast::builder(pool, secret).issuer("https://shop.example");
    builder.start().await
}
// end

/// A protected route of the application.
async fn greet(State(shop): State<Shop>, current: CurrentAccount) -> String {
    format!("{}, {}", shop.greeting, current.account_id)
}

pub fn application(shop: Shop) -> Router {
    let routes = Router::new().route("/greet", get(greet));
    Router::new()
        .route("/", get(|| async { "Welcome" }))
        .merge(shop.holdfast.routes())
        .merge(shop.holdfast.with_layers(routes))
        .with_state(shop)
}
