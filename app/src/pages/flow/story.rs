//! What the events of the client mean as lines of the diagram.
//!
//! A browser does not see the database. So the lines between server and database are concluded from
//! the answer: each answer of the server stands for one way through its code.

use holdfast_client::{ClientEvent, Ending};
use holdfast_protocol::attempt_key::AttemptMark;
use holdfast_protocol::hexadecimal::in_hexadecimal;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;

use super::answers;
use super::line::Lane::{Browser, Server};
use super::line::{Line, Tone};
use super::purpose::{Purpose, Refresh};
use crate::words::{EventWords, FlowWords};

/// No more requests than these are remembered. The oldest are forgotten.
const MOST_UNDER_WAY: usize = 32;

/// What the diagram has to remember to tell the next event.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// By the numbers of their requests.
    under_way: Vec<(u32, Purpose)>,
    /// The refresh whose request is the next one.
    refresh: Option<Refresh>,
    /// The last refresh that the client has sent, and whether it was answered with tokens.
    last_refresh: Option<Refresh>,
    /// Whether this browser stores nothing, so that only this tab has the session.
    pub(super) stores_nothing: bool,
}

impl Story {
    /// The lines of an event.
    pub(super) fn tell(&mut self, all: &FlowWords, event: &ClientEvent) -> Vec<Line> {
        let words = &all.events;
        match event {
            ClientEvent::Sent {
                request,
                method,
                path,
                with_access_token,
            } => {
                let purpose = self.purpose(path, *with_access_token);
                let line = sent(words, &purpose, &format!("{method} {path}"));
                let lines = drawn(&purpose, line);
                self.under_way.push((*request, purpose));
                let surplus = self.under_way.len().saturating_sub(MOST_UNDER_WAY);
                self.under_way.drain(..surplus);
                lines
            }
            ClientEvent::Answered {
                request,
                status,
                code,
            } => {
                let Some(purpose) = self.finished(*request) else {
                    return Vec::new();
                };
                if let Purpose::Refresh(refresh) = &purpose
                    && (200..300).contains(status)
                {
                    self.note_carried_out(refresh);
                }
                let code = code.as_ref().map(Code::as_str);
                answers::lines(&all.answers, &purpose, *status, code.unwrap_or_default())
            }
            ClientEvent::AnsweredByAnother { request, status } => {
                let Some(purpose) = self.finished(*request) else {
                    return Vec::new();
                };
                let text = (words.another_program)(*status);
                let line = Line::note(purpose.step(), Browser, text).with(Tone::Lost);
                drawn(&purpose, line)
            }
            ClientEvent::NotAnswered { request } => {
                let Some(purpose) = self.finished(*request) else {
                    return Vec::new();
                };
                let line = Line::message(purpose.step(), Server, Browser, words.no_answer);
                drawn(&purpose, line.with(Tone::Lost))
            }
            ClientEvent::Refreshing {
                generation,
                attempt,
                is_demonstration,
            } => vec![self.refreshing(words, *generation, attempt, *is_demonstration)],
            ClientEvent::Repeating { .. } => vec![Line::note(8, Browser, words.repeated)],
            ClientEvent::Stored {
                generation,
                is_new_session,
                by_this_tab,
                ..
            } => vec![self.stored(words, *generation, *is_new_session, *by_this_tab)],
            ClientEvent::Cleared { why, by_this_tab } => vec![cleared(words, *why, *by_this_tab)],
            ClientEvent::SignOutsConfirmed => {
                vec![Line::note(9, Browser, words.sign_out_confirmed)]
            }
            ClientEvent::AnswerThrownAway => {
                vec![Line::note(7, Browser, words.thrown_away).with(Tone::Lost)]
            }
            // A later version of the client may tell more.
            _ => Vec::new(),
        }
    }

    /// The refresh to which this request belongs, while it is under way.
    pub(super) fn refresh_of(&self, request: u32) -> Option<&Refresh> {
        self.under_way
            .iter()
            .find_map(|(number, purpose)| match purpose {
                Purpose::Refresh(refresh) if *number == request => Some(refresh),
                _ => None,
            })
    }

    /// Whether a refresh of the client is under way.
    pub(super) fn is_refreshing(&self) -> bool {
        let is_its = |(_, purpose): &(u32, Purpose)| match purpose {
            Purpose::Refresh(refresh) => !refresh.is_demonstration,
            _ => false,
        };
        self.under_way.iter().any(is_its)
    }

    /// What the request was for. It is not known if it was sent before the page listened; then the diagram
    /// does not tell its answer either.
    fn finished(&mut self, request: u32) -> Option<Purpose> {
        let at = self
            .under_way
            .iter()
            .position(|(number, _)| *number == request)?;
        Some(self.under_way.swap_remove(at).1)
    }

    fn purpose(&mut self, path: &str, with_access_token: bool) -> Purpose {
        match (path, self.refresh.take()) {
            (paths::LOGIN | paths::SIGNUP, _) => Purpose::SignIn,
            (paths::REFRESH, Some(refresh)) => Purpose::Refresh(refresh),
            (paths::LOGOUT, _) => Purpose::SignOut,
            (paths::HEALTHZ, _) => Purpose::Probe,
            (paths::SESSION_ROW, _) if with_access_token => Purpose::ReadRow,
            _ if with_access_token => Purpose::Call,
            _ => Purpose::Other,
        }
    }

    fn refreshing(
        &mut self,
        words: &EventWords,
        generation: u32,
        attempt: &AttemptMark,
        is_demonstration: bool,
    ) -> Line {
        let attempt = start_of(attempt);
        let is_same = |last: &&Refresh| (last.generation, &last.attempt) == (generation, &attempt);
        let before = self.last_refresh.as_ref().filter(is_same);
        let refresh = Refresh {
            generation,
            was_carried_out: !is_demonstration && before.is_some_and(|last| last.was_carried_out),
            is_demonstration,
            attempt: attempt.clone(),
        };
        let line = if is_demonstration {
            Line::note(10, Browser, (words.unknown_key)(&attempt)).with(Tone::Refused)
        } else if before.is_some() {
            Line::note(7, Browser, (words.same_key)(&attempt))
        } else if self.stores_nothing {
            Line::note(6, Browser, (words.key_made)(&attempt))
        } else {
            Line::note(6, Browser, (words.key_stored)(&attempt))
        };
        if !is_demonstration {
            self.last_refresh = Some(refresh.clone());
        }
        self.refresh = Some(refresh);
        line
    }

    fn stored(
        &self,
        words: &EventWords,
        generation: u32,
        is_new_session: bool,
        by_this_tab: bool,
    ) -> Line {
        if is_new_session {
            let text = match by_this_tab {
                true if self.stores_nothing => words.tokens_in_this_tab,
                true => words.tokens_stored,
                false => words.signed_in_elsewhere,
            };
            return Line::note(4, Browser, text);
        }
        let text = match by_this_tab {
            true if self.stores_nothing => words.pair_in_this_tab,
            true => words.pair_stored,
            false => words.renewed_elsewhere,
        };
        Line::note(8, Browser, text(generation))
    }

    /// Notes that the server has answered this refresh with tokens.
    fn note_carried_out(&mut self, refresh: &Refresh) {
        if let Some(last) = &mut self.last_refresh
            && (last.generation, &last.attempt) == (refresh.generation, &refresh.attempt)
        {
            last.was_carried_out = true;
        }
    }
}

/// The first characters of the mark of an attempt key.
fn start_of(attempt: &AttemptMark) -> String {
    let mut text = in_hexadecimal(&attempt.as_bytes()[..4]);
    text.push('…');
    text
}

/// This line, unless its request is no part of the flow.
fn drawn(purpose: &Purpose, line: Line) -> Vec<Line> {
    match purpose {
        Purpose::Probe => Vec::new(),
        _ => vec![line],
    }
}

fn sent(words: &EventWords, purpose: &Purpose, request: &str) -> Line {
    let carries = match purpose {
        Purpose::SignIn => words.name_and_password.to_owned(),
        Purpose::Refresh(refresh) => (words.numbered_refresh_token)(refresh.generation),
        Purpose::SignOut => words.refresh_token.to_owned(),
        Purpose::ReadRow | Purpose::Call => words.access_token.to_owned(),
        Purpose::Probe | Purpose::Other => words.no_token.to_owned(),
    };
    let text = format!("{request} · {carries}");
    Line::message(purpose.step(), Browser, Server, text)
}

/// What is said depends on what the client has done: it keeps the refresh token of a session that the server
/// may still have, until the server has confirmed the end.
fn cleared(words: &EventWords, why: Option<Ending>, by_this_tab: bool) -> Line {
    use Ending::{
        BrowserClosed, Conflict, KeptInAnotherTab, PageLeft, SignedOut, SignedOutElsewhere,
        StorageCleared,
    };
    let text = match (why, by_this_tab) {
        (Some(SignedOut | SignedOutElsewhere | BrowserClosed | PageLeft | Conflict), true) => {
            words.access_token_deleted
        }
        (Some(StorageCleared), _) => words.storage_deleted,
        (Some(KeptInAnotherTab), _) => words.kept_elsewhere,
        (Some(_), true) => words.tokens_deleted,
        (Some(SignedOut | SignedOutElsewhere), false) => words.signed_out_elsewhere,
        (Some(_), false) => words.ended_elsewhere,
        (None, _) => words.session_over,
    };
    match why {
        Some(SignedOut | SignedOutElsewhere | BrowserClosed | PageLeft) => {
            Line::note(9, Browser, text)
        }
        None => Line::note(10, Browser, text),
        Some(_) => Line::note(10, Browser, text).with(Tone::Refused),
    }
}
