//! Sessions whose tokens a bench makes itself, because a sign-up of each would take minutes.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::http::Method;
use holdfast_protocol::attempt_key::HEADER;
use holdfast_protocol::refresh_token::{self, ChainSecret, UnverifiedRefreshToken};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{RefreshRequest, Tokens, paths};
use holdfast_server::clock::Clock;
use holdfast_server::config::MasterSecret;
use holdfast_server::keys::refresh_key;
use holdfast_server::random;
use sqlx::PgConnection;
use tokio::time::Instant;
use uuid::Uuid;

use crate::http::Connection;
use crate::tokens::new_key;

/// One session, and its newest refresh token.
pub struct Chain {
    session_id: Uuid,
    generation: u32,
    refresh_token: Secret,
}

/// A rotation that was answered with the next token.
pub struct Rotated {
    /// From sending the request to the end of the answer.
    pub took: Duration,
    /// The new access token.
    pub access_token: Secret,
}

impl Chain {
    /// Opens sessions, each with an account of its own. `secret` is the master secret of the server.
    pub async fn open(
        database: &mut PgConnection,
        secret: &MasterSecret,
        count: usize,
    ) -> anyhow::Result<Vec<Self>> {
        let key = refresh_key(&secret.clone().into_bytes());
        let clock = Clock::system();
        let mut chains = Vec::with_capacity(count);
        let (mut ids, mut hashes) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let session_id = random::id(&clock);
            let secret = ChainSecret::from_random(random::bytes());
            ids.push(session_id);
            hashes.push(secret.hash().to_vec());
            chains.push(Self {
                session_id,
                generation: 0,
                refresh_token: refresh_token::print(&key, session_id, 0, &secret),
            });
        }
        sqlx::query(
            "with opened as (
                 select * from unnest($1::uuid[], $2::bytea[]) as opened (id, token_hash)
             ), accounts_of_them as (
                 insert into accounts (account_id, username, username_key, password_hash)
                 select id, id::text, id::text, 'never signed in' from opened
             )
             insert into sessions (
                 session_id, account_id, generation, token_hash, attempt_keys,
                 expires_at, idle_seconds, remember, ip, user_agent
             )
             select
                 id, id, 0, token_hash, decode(repeat('ff', 128), 'hex'),
                 now() + interval '90 days', 2592000, true, '127.0.0.1', 'bench'
             from opened",
        )
        .bind(ids)
        .bind(hashes)
        .execute(database)
        .await?;
        Ok(chains)
    }

    /// Its link number: how often it has rotated.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Spends the token. An answer that is not the next link of the same chain is an error, because
    /// errors are answered fast and would count as a success.
    pub async fn rotate(&mut self, connection: &mut Connection) -> anyhow::Result<Rotated> {
        let key = new_key();
        let headers = [(HEADER, key.expose())];
        let body = serde_json::to_string(&RefreshRequest {
            refresh_token: self.refresh_token.clone(),
        })?;
        let start = Instant::now();
        let answer = connection
            .send(Method::POST, paths::REFRESH, &headers, Some(&body))
            .await?;
        let took = start.elapsed();
        ensure!(
            answer.status == 200,
            "a rotation was answered {}: {}",
            answer.status,
            answer.text()
        );
        let tokens: Tokens = serde_json::from_slice(&answer.body)?;
        let token = UnverifiedRefreshToken::parse(tokens.refresh_token.expose())
            .ok()
            .context("the answer has no valid refresh token")?;
        let next = self.generation + 1;
        ensure!(
            (token.session_id(), token.generation()) == (self.session_id, next),
            "a rotation was not answered with the next token"
        );
        self.generation = next;
        self.refresh_token = tokens.refresh_token;
        Ok(Rotated {
            took,
            access_token: tokens.access_token,
        })
    }
}
