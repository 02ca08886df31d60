//! Requests over the network. No request is sent twice unless a test does it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Bytes;
use axum::http::{HeaderValue, Method, Request, header};
use holdfast_protocol::attempt_key::{self, AttemptKey};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{Tokens, paths};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::answer::Answer;
use crate::tokens::{PASSWORD, new_key};

/// Longer than a server needs for any request.
const PATIENCE: Duration = Duration::from_secs(40);

/// The answer did not come, or it is not complete. The caller does not know whether the server has
/// carried out the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there was no answer, or not a whole one")]
pub struct NoAnswer;

/// A connection that is kept alive. No request is sent twice.
pub struct Connection {
    requests: SendRequest<Full<Bytes>>,
    /// The part that reads and writes. `None` after the connection has ended.
    io: Option<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>,
    host: HeaderValue,
}

impl Connection {
    /// Connects.
    pub async fn open(server: SocketAddr) -> Result<Self, NoAnswer> {
        let stream = TcpStream::connect(server).await.map_err(|_| NoAnswer)?;
        stream.set_nodelay(true).map_err(|_| NoAnswer)?;
        let opened = http1::handshake(TokioIo::new(stream)).await;
        let (requests, io) = opened.map_err(|_| NoAnswer)?;
        let host = HeaderValue::try_from(server.to_string()).map_err(|_| NoAnswer)?;
        Ok(Self {
            requests,
            io: Some(io),
            host,
        })
    }

    /// Sends one request, with a JSON body if there is one, and reads its answer.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Answer, NoAnswer> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::USER_AGENT, "holdfast-testkit");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = Bytes::copy_from_slice(body.unwrap_or_default().as_bytes());
        let request = request.body(Full::new(body)).map_err(|_| NoAnswer)?;
        let asked = self.requests.send_request(request);
        let answered = async {
            let response = asked.await.map_err(|_| NoAnswer)?;
            Answer::read(response).await.map_err(|_| NoAnswer)
        };
        let mut answered = pin!(answered);
        let io = &mut self.io;
        // One task reads, writes and waits. With a second task for the connection, each request
        // would cost a switch between tasks, and the benches would measure that, too.
        poll_fn(|context| {
            if let Some(open) = io
                && Pin::new(open).poll(context).is_ready()
            {
                *io = None;
            }
            answered.as_mut().poll(context)
        })
        .await
    }
}

/// Sends each request on a connection of its own.
#[derive(Clone)]
pub struct Http;

impl Http {
    /// Any request with a JSON body.
    pub async fn send(
        &self,
        method: Method,
        server: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, NoAnswer> {
        let body = body.map(Value::to_string);
        let headers = [&[("connection", "close")][..], headers].concat();
        let asking = async {
            let mut connection = Connection::open(server).await?;
            connection
                .send(method, path, &headers, body.as_deref())
                .await
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await;
        answer.map_err(|_| NoAnswer)?
    }

    /// A call without an access token.
    pub async fn post(
        &self,
        server: SocketAddr,
        path: &str,
        body: &Value,
    ) -> Result<Answer, NoAnswer> {
        self.send(Method::POST, server, path, &[], Some(body)).await
    }

    /// Like [`post`](Self::post), with headers.
    pub async fn post_with(
        &self,
        server: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Answer, NoAnswer> {
        self.send(Method::POST, server, path, headers, Some(body))
            .await
    }

    /// A protected call.
    pub async fn call_as(
        &self,
        tokens: &Tokens,
        method: Method,
        server: SocketAddr,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, NoAnswer> {
        self.call_with(&tokens.access_token, method, server, path, body)
            .await
    }

    /// Like [`call_as`](Self::call_as), with the access token alone.
    pub async fn call_with(
        &self,
        access_token: &Secret,
        method: Method,
        server: SocketAddr,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, NoAnswer> {
        let bearer = format!("Bearer {}", access_token.expose());
        let headers = [("authorization", bearer.as_str())];
        self.send(method, server, path, &headers, body).await
    }

    /// A call that needs no token.
    pub async fn get(&self, server: SocketAddr, path: &str) -> Result<Answer, NoAnswer> {
        self.send(Method::GET, server, path, &[], None).await
    }

    /// Refreshes, and returns an error if no answer comes.
    pub async fn try_refresh(
        &self,
        server: SocketAddr,
        refresh_token: &Secret,
        key: &AttemptKey,
    ) -> Result<Answer, NoAnswer> {
        self.try_refresh_text(server, refresh_token.expose(), key)
            .await
    }

    /// Like [`try_refresh`](Self::try_refresh), with any text as token.
    pub async fn try_refresh_text(
        &self,
        server: SocketAddr,
        refresh_token: &str,
        key: &AttemptKey,
    ) -> Result<Answer, NoAnswer> {
        let body = json!({ "refresh_token": refresh_token });
        let headers = [(attempt_key::HEADER, key.expose())];
        self.send(Method::POST, server, paths::REFRESH, &headers, Some(&body))
            .await
    }

    /// Refreshes with the token of an earlier answer.
    pub async fn refresh(&self, server: SocketAddr, tokens: &Tokens, key: &AttemptKey) -> Answer {
        self.try_refresh(server, &tokens.refresh_token, key)
            .await
            .unwrap()
    }

    /// Refreshes with a new attempt key and expects success.
    pub async fn renew(&self, server: SocketAddr, tokens: &Tokens) -> Tokens {
        self.refresh(server, tokens, &new_key()).await.tokens(200)
    }

    /// Makes an account. If that fails, the error says how the server answered. This is for
    /// programs that are not tests.
    pub async fn try_sign_up(&self, server: SocketAddr, username: &str) -> anyhow::Result<Tokens> {
        let body = json!({"username": username, "password": PASSWORD});
        let answer = self.post(server, paths::SIGNUP, &body).await?;
        anyhow::ensure!(
            answer.status == 201,
            "a sign-up was answered {}",
            answer.summary()
        );
        serde_json::from_slice(&answer.body).context("a sign-up was answered without tokens")
    }

    /// Makes an account.
    pub async fn sign_up(&self, server: SocketAddr, username: &str) -> Answer {
        let body = json!({"username": username, "password": PASSWORD});
        self.post(server, paths::SIGNUP, &body).await.unwrap()
    }

    /// Signs in.
    pub async fn log_in(&self, server: SocketAddr, username: &str, password: &str) -> Answer {
        let body = json!({"username": username, "password": password});
        self.post(server, paths::LOGIN, &body).await.unwrap()
    }

    /// Changes the password from [`PASSWORD`] to another one.
    pub async fn change_password(&self, server: SocketAddr, tokens: &Tokens, new: &str) -> Answer {
        let body = json!({"current_password": PASSWORD, "new_password": new});
        self.call_as(tokens, Method::PUT, server, paths::PASSWORD, Some(&body))
            .await
            .unwrap()
    }

    /// Signs out.
    pub async fn log_out(&self, server: SocketAddr, tokens: &Tokens) -> Answer {
        let body = json!({"refresh_token": tokens.refresh_token.expose()});
        self.post(server, paths::LOGOUT, &body).await.unwrap()
    }

    /// Whether a server accepts an access token. The parameter of this call is wrong, so the server
    /// checks the token and then refuses the call without a query.
    pub async fn accepts(&self, server: SocketAddr, tokens: &Tokens) -> bool {
        let path = format!("{}?limit=0", paths::ACTIVITY);
        let answer = self
            .call_as(tokens, Method::GET, server, &path, None)
            .await
            .unwrap();
        match answer.status.as_u16() {
            400 => true,
            401 => false,
            _ => panic!("{answer:?}"),
        }
    }
}
