//! What the browser stores about the signed-in account, and how two copies are compared.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ending::Ending;
use crate::refresh_token::UnverifiedRefreshToken;
use crate::secret::Secret;
use crate::wire::Tokens;

/// The version of [`Record`] and [`Tombstone`] that this code writes.
pub const RECORD_VERSION: u32 = 2;

/// One link in a session's chain of refresh tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The session.
    pub session_id: Uuid,
    /// The link number.
    pub generation: u32,
}

/// The record of a signed-in person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// See [`Era::epoch`]. [`Vault`](super::Vault) sets it. It is zero until then, and in a record
    /// of version 1.
    #[serde(default)]
    pub epoch: u64,
    /// The epoch in which the person signed in. A change of the password keeps it. It is zero in
    /// a record of a version that does not know it.
    #[serde(default)]
    pub signed_in_epoch: u64,
    /// See [`Era::life`].
    #[serde(default, skip_serializing_if = "Uuid::is_nil")]
    pub life: Uuid,
    /// The account that is signed in. It is nil only while a record of version 1 is read.
    #[serde(default)]
    pub account_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// The link number of `refresh_token`.
    pub generation: u32,
    /// The bearer token of calls.
    pub access_token: Secret,
    /// The token of the next refresh.
    pub refresh_token: Secret,
    /// The browser's own clock when the answer arrived, in Unix seconds (a
    /// fraction in JSON, milliseconds here). Never compared with a server's time.
    #[serde(with = "seconds")]
    pub obtained_at: i64,
    /// How many seconds the access token is valid from then on.
    pub expires_in: u64,
    /// Seconds from then until the session is over.
    pub refresh_expires_in: u64,
    /// Seconds from then until the session is over if it is not renewed.
    pub refresh_idle_expires_in: u64,
    /// Whether the session outlives the browser's run.
    pub remember: bool,
}

/// Unix milliseconds in Rust, seconds with a fraction in JSON.
mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(ms: &i64, to: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "exact for 280,000 years")]
        to.serialize_f64(*ms as f64 / 1000.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        f64::deserialize(from).map(|seconds| (seconds * 1000.0).round() as i64)
    }
}

impl Record {
    /// The record of an answer. `None` if its refresh token is malformed or of another session:
    /// then the answer is not Holdfast's.
    pub fn new(tokens: &Tokens, remember: bool, obtained_at: i64) -> Option<Self> {
        let token = UnverifiedRefreshToken::parse(tokens.refresh_token.expose()).ok()?;
        (token.session_id() == tokens.session_id).then(|| Self {
            version: RECORD_VERSION,
            epoch: 0,
            signed_in_epoch: 0,
            life: Uuid::nil(),
            account_id: tokens.account_id,
            session_id: tokens.session_id,
            generation: token.generation(),
            access_token: tokens.access_token.clone(),
            refresh_token: tokens.refresh_token.clone(),
            obtained_at,
            expires_in: tokens.expires_in,
            refresh_expires_in: tokens.refresh_expires_in,
            refresh_idle_expires_in: tokens.refresh_idle_expires_in,
            remember,
        })
    }

    /// The link of its refresh token.
    pub fn link(&self) -> Link {
        Link {
            session_id: self.session_id,
            generation: self.generation,
        }
    }
}

/// The account of an access token (`sub`, RFC 9068), for records of version 1. The token came
/// from the server itself, so it is not verified.
fn account_of(access_token: &Secret) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Claims {
        sub: Uuid,
    }
    let claims = access_token.expose().split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    Some(serde_json::from_slice::<Claims>(&claims).ok()?.sub)
}

/// The note that no person is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// See [`Era::epoch`]. Zero if no person has ever signed in.
    pub epoch: u64,
    /// See [`Era::life`].
    #[serde(default, skip_serializing_if = "Uuid::is_nil")]
    pub life: Uuid,
    /// The session that ended last, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

impl Tombstone {
    /// Why the last session ended, if the person has not read it yet.
    pub(super) fn unread(&self) -> Option<Ending> {
        let ended = self.ended.filter(|ended| !ended.is_read);
        ended.map(|ended| ended.why)
    }
}

/// A session that ended. The reason stays until the next sign-in, so that the page still tells
/// it after a reload, after a closed tab and at the next visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its account.
    pub account_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// Why it ended.
    pub why: Ending,
    /// Whether the person has read the reason.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_read: bool,
}

/// The time from one sign-in or sign-out of a browser to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Era {
    /// The random id of the life. A *life* of the browser's storage lasts from its first write
    /// until the person deletes the site's data. If the person does this while a tab sleeps, the
    /// epoch starts again at zero. By the id, the tab notices that its record is of another life.
    /// Nil in records from before there was an id.
    pub life: Uuid,
    /// Counts the sign-ins, sign-outs, endings and changes of the password in that life. A renewal
    /// keeps it.
    pub epoch: u64,
}

/// The first bytes of the id of a life, if a page made the id without having read the database that
/// its browser has.
const BEGUN_BLIND: [u8; 4] = *b"bld:";

/// Marks the id of a new life: the page that made it has not read the database that its browser has.
/// That database has its own id of a life. So there are two ids although no data were deleted.
pub fn begun_blind(life: Uuid) -> Uuid {
    let mut bytes = life.into_bytes();
    bytes[..BEGUN_BLIND.len()].copy_from_slice(&BEGUN_BLIND);
    Uuid::from_bytes(bytes)
}

impl Era {
    /// Whether the browser's data were deleted between these two.
    pub fn is_of_another_life(self, other: Self) -> bool {
        self.life != other.life && !self.life.is_nil() && !other.life.is_nil()
    }

    /// The next one.
    pub(super) fn next(self) -> Self {
        Self {
            epoch: self.epoch.saturating_add(1),
            ..self
        }
    }
}

/// The state in one place: in the database, or in the copy in local storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// A person is signed in.
    SignedIn(Record),
    /// No person is signed in.
    SignedOut(Tombstone),
}

impl Default for Stored {
    fn default() -> Self {
        Self::signed_out(Era::default(), None)
    }
}

/// Which of two copies is later. First the epoch decides ([`Era::epoch`]). Two tabs without a common
/// database may have the same epoch; then the session id decides, so that both decide the same.
/// Within a session, the later generation is the later copy. Copies of two lives ([`Era::life`]) are
/// not compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    epoch: u64,
    session_id: Option<Uuid>,
    generation: u32,
}

/// What a place contains under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A state of this version, or of an earlier one.
    Stored(Stored),
    /// A state of a later version of Holdfast. It is not changed.
    Later,
    /// Text that Holdfast did not write.
    Unreadable,
}

impl Stored {
    /// No person is signed in.
    pub(super) fn signed_out(era: Era, ended: Option<Ended>) -> Self {
        Self::SignedOut(Tombstone {
            version: RECORD_VERSION,
            epoch: era.epoch,
            life: era.life,
            ended,
        })
    }

    /// The record, if a person is signed in.
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::SignedIn(record) => Some(record),
            Self::SignedOut(_) => None,
        }
    }

    /// The life and the epoch of the state.
    pub fn era(&self) -> Era {
        let (life, epoch) = match self {
            Self::SignedIn(record) => (record.life, record.epoch),
            Self::SignedOut(tombstone) => (tombstone.life, tombstone.epoch),
        };
        Era { life, epoch }
    }

    /// If a page made the life of this copy without the database (see [`begun_blind`]), this
    /// replaces it by the life of the database.
    pub fn in_life_of(mut self, database: &Self) -> Self {
        if self.era().life.as_bytes().starts_with(&BEGUN_BLIND) {
            self.set_life(database.era().life);
        }
        self
    }

    /// Sets the epoch in which the person has signed in or out.
    pub(super) fn set_epoch(&mut self, epoch: u64) {
        match self {
            Self::SignedIn(record) => {
                if record.signed_in_epoch == record.epoch {
                    record.signed_in_epoch = epoch;
                }
                record.epoch = epoch;
            }
            Self::SignedOut(tombstone) => tombstone.epoch = epoch,
        }
    }

    pub(super) fn set_life(&mut self, life: Uuid) {
        match self {
            Self::SignedIn(record) => record.life = life,
            Self::SignedOut(tombstone) => tombstone.life = life,
        }
    }

    /// Decides which of two copies is later.
    pub fn position(&self) -> Position {
        Position {
            epoch: self.era().epoch,
            session_id: self.record().map(|record| record.session_id),
            generation: self.record().map_or(0, |record| record.generation),
        }
    }

    /// Reads what [`Stored::to_json`] wrote, and records of version 1.
    pub fn read(text: &str) -> Reading {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
            session_id: Option<Uuid>,
        }
        let Ok(head) = serde_json::from_str::<Head>(text) else {
            return Reading::Unreadable;
        };
        if head.version > RECORD_VERSION {
            return Reading::Later;
        }
        let stored = if head.session_id.is_some() {
            serde_json::from_str(text).map(|record| Self::SignedIn(upgraded(record)))
        } else {
            serde_json::from_str(text).map(Self::SignedOut)
        };
        stored.map_or(Reading::Unreadable, Reading::Stored)
    }

    /// The text as it is stored.
    pub fn to_json(&self) -> String {
        match self {
            Self::SignedIn(record) => serde_json::to_string(record),
            Self::SignedOut(tombstone) => serde_json::to_string(tombstone),
        }
        // This cannot fail: it could only fail for a map whose keys are not text.
        .unwrap_or_default()
    }
}

/// A record of this version. Version 1 knew neither the epoch nor the account.
fn upgraded(mut record: Record) -> Record {
    if record.version < RECORD_VERSION {
        record.version = RECORD_VERSION;
        record.epoch = 0;
        record.account_id = account_of(&record.access_token).unwrap_or(record.session_id);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);
    const ACCOUNT: Uuid = Uuid::from_u128(7);

    fn record() -> Record {
        Record {
            version: RECORD_VERSION,
            epoch: 4,
            signed_in_epoch: 3,
            life: Uuid::from_u128(9),
            account_id: ACCOUNT,
            session_id: SESSION,
            generation: 3,
            access_token: Secret::from("access 3"),
            refresh_token: Secret::from("refresh 3"),
            obtained_at: 1_764_000_000_123,
            expires_in: 300,
            refresh_expires_in: 7_776_000,
            refresh_idle_expires_in: 2_592_000,
            remember: true,
        }
    }

    fn position(epoch: u64, session_id: Uuid, generation: u32) -> Position {
        let record = Record {
            epoch,
            session_id,
            generation,
            ..record()
        };
        Stored::SignedIn(record).position()
    }

    #[test]
    fn what_is_kept_reads_as_it_was_written() {
        let ended = Ended {
            account_id: ACCOUNT,
            session_id: SESSION,
            why: Ending::Reused,
            is_read: false,
        };
        let read = Ended {
            is_read: true,
            ..ended
        };
        let era = Stored::SignedIn(record()).era();
        for stored in [
            Stored::SignedIn(record()),
            Stored::signed_out(era, Some(ended)),
            Stored::signed_out(era, Some(read)),
            Stored::default(),
        ] {
            let text = stored.to_json();
            assert_eq!(Stored::read(&text), Reading::Stored(stored), "{text}");
        }
        let json: serde_json::Value =
            serde_json::from_str(&Stored::SignedIn(record()).to_json()).unwrap();
        assert_eq!(json["obtained_at"], 1_764_000_000.123);
        assert_eq!(json["refresh_token"], "refresh 3");
    }

    #[test]
    fn a_record_of_version_1_is_read_and_its_account_comes_from_its_token() {
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iss":"x","sub":"{ACCOUNT}"}}"#));
        let mut json = serde_json::to_value(record()).unwrap();
        let members = json.as_object_mut().unwrap();
        members.remove("epoch");
        members.remove("life");
        members.remove("account_id");
        members.insert("version".to_owned(), 1.into());
        members.insert("access_token".to_owned(), format!("e30.{claims}.x").into());
        let Reading::Stored(Stored::SignedIn(read)) = Stored::read(&json.to_string()) else {
            panic!("{json}");
        };
        assert_eq!((read.version, read.epoch), (RECORD_VERSION, 0));
        assert_eq!((read.account_id, read.session_id), (ACCOUNT, SESSION));
        assert_eq!(read.refresh_token, record().refresh_token);
    }

    #[test]
    fn a_later_version_is_recognised_and_other_text_is_not_ours() {
        let later = r#"{"version":3,"made":"up","session_id":null}"#;
        assert_eq!(Stored::read(later), Reading::Later);
        for text in ["", "{}", "null", r#"{"version":2,"session_id":"x"}"#] {
            assert_eq!(Stored::read(text), Reading::Unreadable, "{text}");
        }
    }

    #[test]
    fn two_eras_are_compared_by_their_lives() {
        let era = |life, epoch| Era {
            life: Uuid::from_u128(life),
            epoch,
        };
        for (one, other, of_another_life) in [
            (era(1, 3), era(1, 3), false),
            (era(1, 3), era(1, 4), false),
            (era(1, 3), era(2, 3), true),
            // It was written before there was such an id.
            (era(0, 3), era(2, 3), false),
            (era(0, 3), era(2, 4), false),
        ] {
            assert_eq!(one.is_of_another_life(other), of_another_life);
            assert_eq!(other.is_of_another_life(one), of_another_life);
        }
    }

    #[test]
    fn the_epoch_counts_first_and_the_generation_only_within_a_session() {
        let signed_out = |epoch| {
            let life = Uuid::nil();
            Stored::signed_out(Era { life, epoch }, None).position()
        };
        let rising = [
            Stored::default().position(),
            position(1, SESSION, 9),
            signed_out(2),
            position(2, SESSION, 1),
            position(2, SESSION, 2),
            position(2, OTHER, 0),
            signed_out(3),
        ];
        for pair in rising.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
    }
}
