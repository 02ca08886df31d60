//! An honest browser, like the one in `protocol/src/renewal/`: all its tabs share one storage, and
//! each link of the chain has one attempt key, which is stored before it is sent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::problem::Meaning;
use holdfast_protocol::refresh_token::UnverifiedRefreshToken;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::Tokens;
use uuid::Uuid;

use crate::answer::Answer;
use crate::http::{Http, NoAnswer};
use crate::tokens::new_key;
use crate::under_way::{Held, UnderWay};

/// How long a browser tries before it reports that the server cannot be reached.
const PATIENCE: Duration = Duration::from_secs(45);

/// Clones are tabs.
#[derive(Clone)]
pub struct Browser {
    http: Http,
    storage: Arc<Mutex<Storage>>,
}

struct Storage {
    refresh_token: Secret,
    tokens: Option<Tokens>,
    attempt_keys: HashMap<u32, AttemptKey>,
    spent: Vec<(Secret, AttemptKey)>,
}

/// The result of an attempt to renew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// The storage has a newer token.
    Renewed,
    /// There was no answer, or the answer says to try again later.
    Later(String),
    /// Another tab was faster; its token is in storage, or will be soon.
    Conflict,
    /// The session is over, or the server gave a wrong answer.
    Over(String),
}

impl Browser {
    /// A browser with this token in its storage.
    pub fn new(http: Http, refresh_token: Secret) -> Self {
        let storage = Storage {
            refresh_token,
            tokens: None,
            attempt_keys: HashMap::new(),
            spent: Vec::new(),
        };
        Self {
            http,
            storage: Arc::new(Mutex::new(storage)),
        }
    }

    /// The session of the token in storage.
    pub fn session_id(&self) -> Uuid {
        let storage = self.storage.lock().unwrap();
        let token = UnverifiedRefreshToken::parse(storage.refresh_token.expose());
        token.unwrap().session_id()
    }

    /// The generation of the token in storage.
    pub fn generation(&self) -> u32 {
        number(&self.storage.lock().unwrap().refresh_token)
    }

    /// The token in storage.
    pub fn refresh_token(&self) -> Secret {
        self.storage.lock().unwrap().refresh_token.clone()
    }

    /// The tokens of the last renewal.
    pub fn tokens(&self) -> Option<Tokens> {
        self.storage.lock().unwrap().tokens.clone()
    }

    /// One request with what is in storage.
    pub async fn renew(&self, server: SocketAddr) -> Renewal {
        self.renew_with(self.attempt(), server).await
    }

    /// Sends the request that was made from storage earlier; see [`attempt`](Self::attempt).
    pub async fn renew_with(
        &self,
        (refresh_token, key): (Secret, AttemptKey),
        server: SocketAddr,
    ) -> Renewal {
        let answer = self.http.try_refresh(server, &refresh_token, &key).await;
        self.receive(&refresh_token, answer)
    }

    /// Repeats the request with the same attempt key, at each server in turn, until it is renewed
    /// or the answer is that the session is over.
    pub async fn renew_until_answered(&self, servers: &[SocketAddr]) -> Renewal {
        let begun = Instant::now();
        let before = self.generation();
        for server in servers.iter().cycle() {
            match self.renew(*server).await {
                unsettled @ (Renewal::Later(_) | Renewal::Conflict) => {
                    if begun.elapsed() > PATIENCE {
                        return unsettled;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    if self.generation() > before {
                        return Renewal::Renewed;
                    }
                }
                answered => return answered,
            }
        }
        unreachable!("there is always a server")
    }

    /// The network delivers an old request again: one of the last `within` requests. It counts as
    /// under way from the moment at which it is chosen.
    pub async fn duplicate(
        &self,
        server: SocketAddr,
        within: usize,
        choice: u64,
        under_way: &UnderWay,
    ) -> Option<Answer> {
        let (refresh_token, key, _held) = {
            let storage = self.storage.lock().unwrap();
            let recent = storage.spent.iter().rev().take(within).collect::<Vec<_>>();
            let choice = usize::try_from(choice).unwrap_or_default() % recent.len().max(1);
            let (refresh_token, key) = recent.get(choice).copied().cloned()?;
            let held = under_way.hold(&refresh_token);
            (refresh_token, key, held)
        };
        let answer = self.http.try_refresh(server, &refresh_token, &key).await;
        answer.ok()
    }

    /// The token and the attempt key of the next request.
    pub fn attempt(&self) -> (Secret, AttemptKey) {
        self.storage.lock().unwrap().attempt()
    }

    /// Like [`attempt`](Self::attempt), and the request counts as under way from now on.
    pub fn attempt_under_way(&self, under_way: &UnderWay) -> ((Secret, AttemptKey), Held) {
        let mut storage = self.storage.lock().unwrap();
        let attempt = storage.attempt();
        let held = under_way.hold(&attempt.0);
        (attempt, held)
    }

    fn receive(&self, sent: &Secret, answer: Result<Answer, NoAnswer>) -> Renewal {
        let Ok(answer) = answer else {
            return Renewal::Later("no answer".to_owned());
        };
        if answer.status == 200 {
            let tokens = answer.tokens(200);
            let mut storage = self.storage.lock().unwrap();
            // The browser never replaces a token by a token of an earlier generation.
            if number(&tokens.refresh_token) > number(&storage.refresh_token) {
                assert_eq!(number(&tokens.refresh_token), number(sent) + 1);
                let spent = number(&storage.refresh_token);
                if let Some(key) = storage.attempt_keys.remove(&spent) {
                    let spent = storage.refresh_token.clone();
                    storage.spent.push((spent, key));
                }
                storage.refresh_token = tokens.refresh_token.clone();
                storage.tokens = Some(tokens);
            }
            return Renewal::Renewed;
        }
        match (
            answer.status.as_u16(),
            answer.code().map(|code| code.meaning()),
        ) {
            (503, Some(Meaning::Later)) if answer.header("retry-after") == "2" => {
                Renewal::Later(answer.summary())
            }
            (409, Some(Meaning::Conflict)) => Renewal::Conflict,
            _ => Renewal::Over(answer.summary()),
        }
    }
}

impl Storage {
    /// Reads or adds the attempt key, so that it is in storage before anything is sent.
    fn attempt(&mut self) -> (Secret, AttemptKey) {
        let refresh_token = self.refresh_token.clone();
        let generation = number(&refresh_token);
        let key = self.attempt_keys.entry(generation).or_insert_with(new_key);
        (refresh_token, key.clone())
    }
}

fn number(refresh_token: &Secret) -> u32 {
    UnverifiedRefreshToken::parse(refresh_token.expose())
        .unwrap()
        .generation()
}
