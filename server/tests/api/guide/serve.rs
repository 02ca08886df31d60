//! An application from its first request to its last one.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use holdfast_server::{Holdfast, MasterSecret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::own;
use crate::support::TestApp;

// guide
/// Serves the application until the future `stop` is ready, and then finishes its work.
pub async fn serve(
    app: Router,
    holdfast: &Holdfast,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, holdfast.make_service(app))
        .with_graceful_shutdown(stop)
        .await?;
    holdfast.stop().await;
    Ok(())
}
// end

async fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn an_application_answers_until_it_stops_and_then_has_no_connection() {
    let app = TestApp::start().await;
    let holdfast = own::start(app.pool(), MasterSecret::generate());
    let holdfast = holdfast.await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let routes = holdfast.routes().route("/", get(|| async { "Welcome" }));
    let served = holdfast.clone();
    let serving = tokio::spawn(async move {
        let stopped = async move { drop(stopped.await) };
        serve(routes, &served, listener, stopped).await
    });
    assert!(ask(address, "/").await.ends_with("Welcome"));
    assert!(ask(address, "/readyz").await.starts_with("HTTP/1.1 200"));
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    assert!(holdfast.pool.acquire().await.is_err());
}
