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
    pub(super) fn tell(&mut self, event: &ClientEvent) -> Vec<Line> {
        match event {
            ClientEvent::Sent {
                request,
                method,
                path,
                with_access_token,
            } => {
                let purpose = self.purpose(path, *with_access_token);
                let line = sent(&purpose, &format!("{method} {path}"));
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
                answers::lines(&purpose, *status, code.unwrap_or_default())
            }
            ClientEvent::AnsweredByAnother { request, status } => {
                let Some(purpose) = self.finished(*request) else {
                    return Vec::new();
                };
                let text = format!("{status}, but not from this server: another program answered");
                let line = Line::note(purpose.step(), Browser, text).with(Tone::Lost);
                drawn(&purpose, line)
            }
            ClientEvent::NotAnswered { request } => {
                let Some(purpose) = self.finished(*request) else {
                    return Vec::new();
                };
                let line = Line::message(purpose.step(), Server, Browser, "No answer");
                drawn(&purpose, line.with(Tone::Lost))
            }
            ClientEvent::Refreshing {
                generation,
                attempt,
                is_demonstration,
            } => vec![self.refreshing(*generation, attempt, *is_demonstration)],
            ClientEvent::Repeating { .. } => vec![Line::note(
                8,
                Browser,
                "The call is sent once more, with the new access token",
            )],
            ClientEvent::Stored {
                generation,
                is_new_session,
                by_this_tab,
                ..
            } => vec![self.stored(*generation, *is_new_session, *by_this_tab)],
            ClientEvent::Cleared { why, by_this_tab } => vec![cleared(*why, *by_this_tab)],
            ClientEvent::SignOutsConfirmed => vec![Line::note(
                9,
                Browser,
                "The server has confirmed it: the refresh token is deleted here, too",
            )],
            ClientEvent::AnswerThrownAway => vec![
                Line::note(
                    7,
                    Browser,
                    "This page throws the answer away, as if it had not arrived",
                )
                .with(Tone::Lost),
            ],
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
            let text = format!("A new attempt key ({attempt}) that this browser never used");
            Line::note(10, Browser, text).with(Tone::Refused)
        } else if before.is_some() {
            let text = format!("The same attempt key once more ({attempt})");
            Line::note(7, Browser, text)
        } else {
            let done = if self.stores_nothing {
                "made"
            } else {
                "stored"
            };
            let text = format!("An attempt key ({attempt}) is {done} first");
            Line::note(6, Browser, text)
        };
        if !is_demonstration {
            self.last_refresh = Some(refresh.clone());
        }
        self.refresh = Some(refresh);
        line
    }

    fn stored(&self, generation: u32, is_new_session: bool, by_this_tab: bool) -> Line {
        let (step, text) = match (is_new_session, by_this_tab) {
            (true, true) if self.stores_nothing => (
                4,
                "This browser stores nothing, so only this tab has the tokens".to_owned(),
            ),
            (true, true) => (4, "Both tokens are stored".to_owned()),
            (true, false) => (
                4,
                "Another tab has signed in: this tab uses its tokens".to_owned(),
            ),
            (false, true) if self.stores_nothing => (
                8,
                format!("Only this tab has the new pair: refresh token {generation}"),
            ),
            (false, true) => (
                8,
                format!("The new pair is stored: refresh token {generation}"),
            ),
            (false, false) => (
                8,
                format!("Another tab has renewed: this tab uses refresh token {generation}"),
            ),
        };
        Line::note(step, Browser, text)
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

fn sent(purpose: &Purpose, request: &str) -> Line {
    let carries = match purpose {
        Purpose::SignIn => "name and password".to_owned(),
        Purpose::Refresh(refresh) => format!("refresh token {}", refresh.generation),
        Purpose::SignOut => "refresh token".to_owned(),
        Purpose::ReadRow | Purpose::Call => "access token".to_owned(),
        Purpose::Probe | Purpose::Other => "no token".to_owned(),
    };
    let text = format!("{request} · {carries}");
    Line::message(purpose.step(), Browser, Server, text)
}

/// What is said depends on what the client has done: it keeps the refresh token of a session that the server
/// may still have, until the server has confirmed the end.
fn cleared(why: Option<Ending>, by_this_tab: bool) -> Line {
    use Ending::{
        BrowserClosed, Conflict, KeptInAnotherTab, PageLeft, SignedOut, SignedOutElsewhere,
        StorageCleared,
    };
    let text = match (why, by_this_tab) {
        (Some(SignedOut | SignedOutElsewhere | BrowserClosed | PageLeft | Conflict), true) => {
            "The access token is deleted. The refresh token is kept until the server has confirmed"
        }
        (Some(StorageCleared), _) => "What this browser had stored was deleted",
        (Some(KeptInAnotherTab), _) => {
            "This browser stores nothing any more: only one other tab has the session"
        }
        (Some(_), true) => "Both tokens are deleted",
        (Some(SignedOut | SignedOutElsewhere), false) => "Another tab has signed out",
        (Some(_), false) => "Another tab has found that the session is over",
        (None, _) => "The session is over, and this browser has said why",
    };
    match why {
        Some(SignedOut | SignedOutElsewhere | BrowserClosed | PageLeft) => {
            Line::note(9, Browser, text)
        }
        None => Line::note(10, Browser, text),
        Some(_) => Line::note(10, Browser, text).with(Tone::Refused),
    }
}
