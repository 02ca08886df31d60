//! One session and its server, twice: the rule on a row in memory, and the service on real
//! Postgres. Every step happens on both, and they must agree.

use holdfast_protocol::attempt_key::{AttemptKey, AttemptMark};
use holdfast_protocol::problem::Code;
use holdfast_protocol::refresh_token::{
    self, ChainSecret, RefreshKey, RefreshToken, UnverifiedRefreshToken,
};
use holdfast_protocol::rotation::{
    self, Expiry, Presented, REMEMBERED_KEYS, Rotation, StoredSession, new_marks, read_marks,
};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{Tokens, paths};
use holdfast_server::keys::refresh_key;
use serde_json::json;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::support::{SavedRow, TestApp, refresh_request};

const SECOND: i64 = 1_000_000;

/// Seconds of a step of time. Each border of the rule is between two steps, ten seconds away
/// from both, so that a slow machine does not decide a case.
pub const STEP: u32 = 20;

/// The request of one refresh.
#[derive(Clone, Debug)]
pub struct Request {
    pub refresh_token: Secret,
    pub generation: u32,
    pub attempt_key: AttemptKey,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Renewed(Secret),
    Refused(Code),
}

/// The service, for histories that run on real Postgres.
pub struct Service {
    runtime: Runtime,
    app: TestApp,
}

impl Service {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let app = runtime.block_on(TestApp::start());
        Self { runtime, app }
    }
}

pub struct World<'a> {
    key: RefreshKey,
    model: Model,
    real: Option<Real<'a>>,
}

/// The rule on a row in memory.
struct Model {
    row: Option<StoredSession>,
    ended: bool,
    now: i64,
    earlier: Vec<StoredSession>,
}

struct Real<'a> {
    service: &'a Service,
    session_id: Uuid,
    expires_at: i64,
    passed: i64,
    /// The row after each rotation, and its number and hash.
    earlier: Vec<(SavedRow, (i64, Vec<u8>))>,
}

impl<'a> World<'a> {
    /// A session at generation 0, and its first token; also on `service`, if there is one.
    pub fn new(service: Option<&'a Service>) -> (Self, Secret) {
        let Some(service) = service else {
            let key = refresh_key(&[7; 32]);
            let secret = ChainSecret::from_random([1; 32]);
            let first = refresh_token::print(&key, Uuid::from_u128(1), 0, &secret);
            return (Self::of(key, &first, None), first);
        };
        let key = service.app.state.keys.current_refresh_key().clone();
        let name = format!(
            "ada{}",
            u64::from_le_bytes(holdfast_server::random::bytes())
        );
        let Tokens {
            refresh_token,
            session_id,
            ..
        } = service.runtime.block_on(service.app.sign_up(&name));
        let mut real = Real {
            service,
            session_id,
            expires_at: 0,
            passed: 0,
            earlier: Vec::new(),
        };
        real.expires_at = real.read_expires_at().unwrap();
        real.remember();
        (Self::of(key, &refresh_token, Some(real)), refresh_token)
    }

    fn of(key: RefreshKey, first: &Secret, real: Option<Real<'a>>) -> Self {
        let token = verified(&key, first);
        let row = StoredSession {
            generation: 0,
            token_hash: token.secret.hash(),
            attempt_keys: Vec::new(),
            rotated_at: 0,
            expires_at: 90 * 24 * 60 * 60 * SECOND,
            idle_seconds: 30 * 24 * 60 * 60,
        };
        let model = Model {
            earlier: vec![row.clone()],
            row: Some(row),
            ended: false,
            now: 0,
        };
        Self { key, model, real }
    }

    /// Gives a request to both sides. An error says where they differ.
    pub fn deliver(&mut self, request: &Request) -> Result<Answer, String> {
        let token = verified(&self.key, &request.refresh_token);
        let expected = self.model.deliver(&self.key, &token, request);
        if let Some(real) = &mut self.real {
            let answer = real.deliver(request);
            if answer != expected {
                return Err(format!(
                    "the rule says {expected:?}, the service {answer:?}"
                ));
            }
            real.agrees_with(self.model.row.as_ref())?;
        }
        Ok(expected)
    }

    /// Lets time pass, in steps of [`STEP`] seconds.
    pub fn pass(&mut self, steps: u32) {
        self.model.now += i64::from(steps * STEP) * SECOND;
        if let (Some(real), Some(_)) = (&mut self.real, &self.model.row) {
            let app = &real.service.app;
            let passing = app.let_pass(real.session_id, steps * STEP);
            real.service.runtime.block_on(passing);
            real.passed += i64::from(steps * STEP) * SECOND;
        }
    }

    /// Takes the last `rotations` back, like a failover that lost their commits.
    pub fn roll_back(&mut self, rotations: usize) {
        let Some(row) = &mut self.model.row else {
            return;
        };
        let kept = self.model.earlier.len().saturating_sub(rotations).max(1);
        self.model.earlier.truncate(kept);
        let earlier = self.model.earlier[kept - 1].clone();
        // The row keeps its times, because `roll_back_to` does not turn them back.
        *row = StoredSession {
            rotated_at: row.rotated_at,
            ..earlier
        };
        if let Some(real) = &mut self.real {
            real.earlier.truncate(kept);
            let rolling = real.service.app.roll_back_to(&real.earlier[kept - 1].0);
            real.service.runtime.block_on(rolling);
        }
    }

    /// Signs out with any token of the session.
    pub fn log_out(&mut self, refresh_token: &Secret) {
        self.model.end();
        if let Some(real) = &self.real {
            let body = json!({"refresh_token": refresh_token.expose()});
            let app = &real.service.app;
            let calling = app.call(axum::http::Method::POST, paths::LOGOUT, &body);
            assert_eq!(real.service.runtime.block_on(calling).status, 204);
        }
    }

    /// The row's link number; `None` if the session is over.
    pub fn generation(&self) -> Option<u32> {
        self.model.row.as_ref().map(|row| row.generation)
    }
}

impl Model {
    fn deliver(&mut self, key: &RefreshKey, token: &RefreshToken, request: &Request) -> Answer {
        if self.ended {
            return Answer::Refused(Code::SessionEnded);
        }
        let attempt_key = Some(&request.attempt_key);
        let successor = token
            .successor(attempt_key)
            .expect("no history is that long");
        let presented = Presented {
            generation: token.generation,
            token_hash: token.secret.hash(),
            successor_hash: successor.hash(),
            attempt: AttemptMark::of(attempt_key),
            plain_client: false,
        };
        let renewed = || {
            let generation = token.generation + 1;
            Answer::Renewed(refresh_token::print(
                key,
                token.session_id,
                generation,
                &successor,
            ))
        };
        let decision = rotation::decide(&presented, self.row.as_ref(), self.now, 0);
        match decision {
            Rotation::Rotate => self.rotate(&presented, 0),
            Rotation::RotateForward { skipped } => self.rotate(&presented, skipped),
            Rotation::Repeat { .. } => {}
            Rotation::Conflict => return Answer::Refused(Code::RefreshConflict),
            Rotation::Ended => return Answer::Refused(Code::SessionEnded),
            Rotation::Expired(Expiry::Absolute | Expiry::Idle) => {
                self.end();
                return Answer::Refused(Code::RefreshTokenExpired);
            }
            Rotation::Reuse => {
                self.end();
                return Answer::Refused(Code::RefreshTokenReused);
            }
        }
        renewed()
    }

    fn rotate(&mut self, presented: &Presented, skipped: u32) {
        let Some(row) = &mut self.row else { return };
        let mut marks = read_marks(&new_marks(presented.attempt, skipped));
        marks.append(&mut row.attempt_keys);
        marks.truncate(REMEMBERED_KEYS);
        row.generation = presented.generation + 1;
        row.token_hash = presented.successor_hash;
        row.attempt_keys = marks;
        row.rotated_at = self.now;
        self.earlier.push(row.clone());
    }

    fn end(&mut self) {
        self.row = None;
        self.ended = true;
    }
}

impl Real<'_> {
    fn deliver(&mut self, request: &Request) -> Answer {
        let (runtime, app) = (&self.service.runtime, &self.service.app);
        let http = refresh_request(request.refresh_token.expose(), Some(&request.attempt_key));
        let answer = runtime.block_on(app.send(http));
        if answer.status == 200 {
            Answer::Renewed(answer.tokens(200).refresh_token)
        } else {
            Answer::Refused(answer.problem().code)
        }
    }

    /// Checks that the row is what the rule says, and that its end has not moved.
    fn agrees_with(&mut self, model: Option<&StoredSession>) -> Result<(), String> {
        let (runtime, app) = (&self.service.runtime, &self.service.app);
        let row = runtime.block_on(app.row(self.session_id));
        let expected = model.map(|row| (i64::from(row.generation), row.token_hash.to_vec()));
        if row != expected {
            return Err("the rows differ".to_owned());
        }
        let Some(expires_at) = self.read_expires_at() else {
            return Ok(());
        };
        let moved = expires_at + self.passed - self.expires_at;
        if moved != 0 {
            return Err(format!("expires_at moved by {moved} µs"));
        }
        if row.as_ref() != self.earlier.last().map(|(_, row)| row) {
            self.remember();
        }
        Ok(())
    }

    fn remember(&mut self) {
        let (runtime, app) = (&self.service.runtime, &self.service.app);
        let saved = runtime.block_on(app.remember_row(self.session_id));
        let row = runtime.block_on(app.row(self.session_id)).unwrap();
        self.earlier.push((saved, row));
    }

    fn read_expires_at(&self) -> Option<i64> {
        let expires_at = sqlx::query_scalar(
            "select (extract(epoch from expires_at) * 1000000)::bigint
             from sessions
             where session_id = $1",
        )
        .bind(self.session_id)
        .fetch_optional(self.service.app.pool());
        self.service.runtime.block_on(expires_at).unwrap()
    }
}

/// A genuine token, read as the server reads it.
pub fn verified(key: &RefreshKey, refresh_token: &Secret) -> RefreshToken {
    UnverifiedRefreshToken::parse(refresh_token.expose())
        .unwrap()
        .verify(std::slice::from_ref(key))
        .unwrap()
}
