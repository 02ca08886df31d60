#[cfg(feature = "ssr")]
#[tokio::main]
async fn main() {
    use axum::{routing::get, Router};
    use holdfast_server::{file_and_error_handler, Holdfast};
    use leptos::logging::log;
    use leptos::prelude::*;
    use notes::app::*;
    use notes::store::*;

    let conf = get_configuration(None).unwrap();
    let addr = conf.leptos_options.site_addr;
    let leptos_options = conf.leptos_options;

    let database = std::env::var("DATABASE_URL").expect("DATABASE_URL names the database");
    let pool = sqlx::PgPool::connect(&database).await.unwrap();
    let builder = Holdfast::from_env(&pool).unwrap();
    let holdfast = builder.account_opened(welcome).start().await.unwrap();
    sqlx::migrate!().run(&pool).await.unwrap();
    let state = AppState {
        leptos_options,
        pool,
        holdfast: holdfast.clone(),
    };

    let app = Router::new()
        .merge(holdfast.routes())
        .merge(holdfast.with_layers(Router::new().route("/api/notes", get(export))))
        .merge(holdfast.leptos_routes(&state, App, shell))
        .fallback(file_and_error_handler::<AppState, _>(shell))
        .with_state(state);

    // run our app with hyper
    // `axum::Server` is a re-export of `hyper::Server`
    let listener = tokio::net::TcpListener::bind(&addr).await.unwrap();
    log!("listening on http://{}", listener.local_addr().unwrap());
    axum::serve(listener, holdfast.make_service(app))
        .await
        .unwrap();
}

#[cfg(not(feature = "ssr"))]
pub fn main() {
    // no client-side main function
    // unless we want this to work with e.g., Trunk for pure client-side testing
    // see lib.rs for hydration function instead
}
