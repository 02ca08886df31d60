//! The clients that refresh: the honest browser, and a thief with a copy of its storage.

use std::collections::HashMap;

use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::problem::{Code, Meaning};
use holdfast_protocol::refresh_token::UnverifiedRefreshToken;
use holdfast_protocol::secret::Secret;

use crate::world::{Answer, Request};

/// A storage with one token, and the client's rule: it makes one attempt key for each link of
/// the chain before it sends the token, and it never goes back a link.
#[derive(Clone)]
pub struct Holder {
    refresh_token: Secret,
    attempt_keys: HashMap<u32, AttemptKey>,
    /// Makes the attempt keys of two holders different.
    salt: u8,
    conflicts: u32,
    /// The answer that ended the session.
    pub over: Option<Code>,
}

impl Holder {
    pub fn browser(first: Secret) -> Self {
        Self {
            refresh_token: first,
            attempt_keys: HashMap::new(),
            salt: 1,
            conflicts: 0,
            over: None,
        }
    }

    /// A thief's copy of this storage, with the pending attempt key or without.
    pub fn copied(&self, with_pending_key: bool) -> Self {
        let mut copy = Self {
            salt: 2,
            conflicts: 0,
            ..self.clone()
        };
        if !with_pending_key {
            copy.attempt_keys.clear();
        }
        copy
    }

    pub fn refresh_token(&self) -> &Secret {
        &self.refresh_token
    }

    pub fn generation(&self) -> u32 {
        generation(&self.refresh_token)
    }

    /// The request for the token in storage, with its stored attempt key.
    pub fn request(&mut self) -> Request {
        let generation = self.generation();
        let mut random = [self.salt; 16];
        random[..4].copy_from_slice(&generation.to_be_bytes());
        let made = AttemptKey::from_random(random);
        let attempt_key = self.attempt_keys.entry(generation).or_insert(made).clone();
        Request {
            refresh_token: self.refresh_token.clone(),
            generation,
            attempt_key,
        }
    }

    /// Takes the answer to a request for this link. The answer may come late.
    pub fn receive(&mut self, asked: u32, answer: &Answer) {
        match answer {
            Answer::Renewed(token) if generation(token) > self.generation() => {
                self.refresh_token = token.clone();
                self.conflicts = 0;
            }
            Answer::Renewed(_) => {}
            Answer::Refused(code) if code.meaning() == Meaning::Conflict => {
                self.conflicts += u32::from(asked == self.generation());
            }
            Answer::Refused(code) => self.over = Some(*code),
        }
    }

    /// Whether a conflict has become final: after three attempts the record is still the same.
    /// The caller lets more than 60 seconds pass between them.
    pub fn gives_up(&self) -> bool {
        self.conflicts >= 3
    }
}

pub fn generation(refresh_token: &Secret) -> u32 {
    UnverifiedRefreshToken::parse(refresh_token.expose())
        .unwrap()
        .generation()
}
