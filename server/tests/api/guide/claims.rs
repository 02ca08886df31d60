//! Claims of an application in access tokens, and an error of its own.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use holdfast_protocol::problem::Problem;
use holdfast_server::{Holdfast, MasterSecret};

use crate::support::TestApp;

// guide
use holdfast_server::hooks::{AddedClaims, Hooks, NewAccessToken};
use holdfast_server::{ApiError, CurrentAccount};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

/// What an access token says about a person beside the account.
#[derive(Serialize, Deserialize)]
pub struct Membership {
    pub role: String,
}

/// The members, in a table of the application.
pub struct Members {
    pub pool: PgPool,
}

impl Hooks for Members {
    async fn access_token_claims(&self, token: NewAccessToken) -> anyhow::Result<AddedClaims> {
        let role = "select role from public.members where account_id = $1";
        let role = sqlx::query_scalar(role)
            .bind(token.account_id)
            .fetch_optional(&self.pool)
            .await?;
        let role = role.unwrap_or_else(|| "reader".to_owned());
        Ok(AddedClaims::new(&Membership { role })?)
    }
}
// end

// guide
/// Only for an editor.
pub async fn publish(current: CurrentAccount) -> Result<&'static str, ApiError> {
    let Membership { role } = current.claims()?;
    if role != "editor" {
        let (status, sentence) = (StatusCode::FORBIDDEN, "Only an editor can publish.");
        return Err(ApiError::of_application(status, "not_an_editor", sentence));
    }
    Ok("Published.")
}
// end

#[tokio::test]
async fn a_role_is_in_the_next_access_token_and_a_route_asks_for_it() {
    let mut app = TestApp::start().await;
    let pool = app.pool().clone();
    let table = "create table public.members (account_id uuid primary key, role text not null)";
    sqlx::query(table).execute(&pool).await.unwrap();
    let members = Members { pool: pool.clone() };
    let builder = Holdfast::builder(&pool, MasterSecret::generate());
    let builder = builder.issuer("https://shop.example").hooks(members);
    let holdfast = builder.start().await.unwrap();
    app.serve_with(|_| {
        let routes = Router::new().route("/publish", get(publish));
        holdfast
            .routes()
            .merge(holdfast.with_layers(routes))
            .with_state(holdfast.clone())
    });

    let ada = app.sign_up("ada").await;
    let refused = app.get_as(&ada, "/publish").await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json::<Problem>().code.as_str(), "not_an_editor");
    sqlx::query("insert into public.members values ($1, 'editor')")
        .bind(ada.account_id)
        .execute(&pool)
        .await
        .unwrap();
    let ada = app.renew(&ada).await;
    assert_eq!(app.get_as(&ada, "/publish").await.text(), "Published.");
    holdfast.stop().await;
}
