//! Compares the guard of the statement that spends a token with the rule: on random rows and
//! tokens, the update changes the row if and only if the rule says rotate.

use holdfast_protocol::attempt_key::{AttemptKey, AttemptMark};
use holdfast_protocol::refresh_token::LAST_GENERATION;
use holdfast_protocol::rotation::{self, Presented, Rotation};
use holdfast_server::store::ClientInfo;
use holdfast_server::store::sessions::{Rotate, lookup, rotate, rotate_together};
use proptest::collection::vec;
use proptest::prelude::*;
use sqlx::PgTransaction;
use uuid::Uuid;

use crate::runs::check;
use crate::support::TestApp;

/// A row and a token for it. Times are microseconds from `now()`. Within a transaction
/// `now()` does not change, so a test can meet the borders exactly.
#[derive(Debug, Clone)]
struct Case {
    row: Row,
    generation: u32,
    /// Which secret the token has: the row's secret is 0.
    secret: u8,
    attempt: u8,
}

#[derive(Debug, Clone)]
struct Row {
    generation: u32,
    attempts: Vec<u8>,
    idle_seconds: i64,
    age: i64,
    remaining: i64,
}

const SECOND: i64 = 1_000_000;

fn around(border: i64) -> impl Strategy<Value = i64> {
    prop_oneof![
        (-2..=2_i64).prop_map(move |by| border + by),
        (-100 * SECOND..100 * SECOND).prop_map(move |by| border + by),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let generation = prop_oneof![
        0..40_u32,
        4000..4200_u32,
        LAST_GENERATION - 40..=LAST_GENERATION
    ];
    let idle_seconds = prop_oneof![Just(1_i64), Just(50), Just(30 * 24 * 60 * 60)];
    (generation, vec(0..4_u8, 0..=16), idle_seconds).prop_flat_map(
        |(generation, attempts, idle_seconds)| {
            let age = prop_oneof![
                3 => around(idle_seconds * SECOND),
                2 => around(30 * SECOND),
                3 => Just(0),
            ];
            let remaining = prop_oneof![2 => around(0), 3 => Just(90 * 24 * 60 * 60 * SECOND)];
            (age, remaining).prop_map(move |(age, remaining)| Row {
                generation,
                attempts: attempts.clone(),
                idle_seconds,
                age,
                remaining,
            })
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    let away = prop_oneof![
        6 => Just(0_i64),
        3 => -20..=20_i64,
        1 => prop_oneof![Just(4095_i64), Just(4096), Just(4097), Just(i64::from(u32::MAX))],
    ];
    let secret = prop_oneof![3 => Just(0_u8), 1 => Just(1)];
    (row(), away, secret, 0..4_u8).prop_map(|(row, away, secret, attempt)| {
        let generation = (i64::from(row.generation) + away).clamp(0, i64::from(LAST_GENERATION));
        Case {
            generation: u32::try_from(generation).unwrap(),
            row,
            secret,
            attempt,
        }
    })
}

/// 0 is a generation that was skipped, 1 an attempt without a key.
fn mark(n: u8) -> AttemptMark {
    match n {
        0 => AttemptMark::BLANK,
        1 => AttemptMark::WITHOUT_KEY,
        n => AttemptMark::of(Some(&AttemptKey::from_random([n; 16]))),
    }
}

impl Case {
    fn presented(&self) -> Presented {
        Presented {
            generation: self.generation,
            token_hash: [self.secret; 32],
            successor_hash: [9; 32],
            attempt: mark(self.attempt.max(1)),
            plain_client: false,
        }
    }

    async fn insert(&self, transaction: &mut PgTransaction<'_>, session_id: Uuid) {
        let marks: Vec<u8> = self
            .row
            .attempts
            .iter()
            .flat_map(|n| *mark(*n).as_bytes())
            .collect();
        sqlx::query(
            "insert into sessions (
                 session_id, account_id, generation, token_hash, attempt_keys,
                 rotated_at, expires_at, idle_seconds, remember
             )
             select
                 $1, account_id, $2, $3, $4,
                 now() - $5 * interval '1 microsecond',
                 now() + $6 * interval '1 microsecond',
                 $7, true
             from accounts",
        )
        .bind(session_id)
        .bind(i64::from(self.row.generation))
        .bind(&[0_u8; 32][..])
        .bind(marks)
        .bind(self.row.age)
        .bind(self.row.remaining)
        .bind(self.row.idle_seconds)
        .execute(&mut **transaction)
        .await
        .unwrap();
    }
}

/// What happened to the row in a case.
struct Found {
    decision: Rotation,
    /// Whether the update that only compares with the token changed the row. Every refresh
    /// begins with this update.
    blind: bool,
    /// Whether the update that compares with the row of the decision changed the row.
    informed: bool,
    /// Whether an update that compares with an older state of the row changed the row.
    outrun: bool,
}

async fn try_case(app: &TestApp, case: &Case) -> Found {
    let session_id = Uuid::from_u128(1);
    let mut transaction = app.pool().begin().await.unwrap();
    case.insert(&mut transaction, session_id).await;
    let presented = case.presented();
    let snapshot = lookup(&mut transaction, session_id).await.unwrap().unwrap();
    let decision = rotation::decide(&presented, Some(&snapshot.session), snapshot.now, 0);

    let row = (snapshot.session.generation, snapshot.session.token_hash);
    let blind = (presented.generation, presented.token_hash);
    let outrun = (row.0, [77; 32]);
    let mut hits = [false; 3];
    for (hit, from) in hits.iter_mut().zip([blind, row, outrun]) {
        // The last link has no successor, so a request with it never reaches the update.
        let Some(to_generation) = presented.generation.checked_add(1) else {
            continue;
        };
        sqlx::query("savepoint before")
            .execute(&mut *transaction)
            .await
            .unwrap();
        let wanted = Rotate {
            session_id,
            from_generation: from.0,
            from_hash: from.1,
            to_generation,
            to_hash: presented.successor_hash,
            attempt: presented.attempt,
            client: ClientInfo::default(),
        };
        let rotated = rotate(&mut transaction, &wanted).await.unwrap();
        let alone = row_of(&mut transaction, session_id).await;
        back(&mut transaction).await;
        *hit = rotated.is_some();

        // The statement for several rotations does the same, and says so about the right one.
        let other = Rotate {
            session_id: Uuid::nil(),
            ..wanted.clone()
        };
        let rotations = [other.clone(), wanted, other];
        let together = rotate_together(&mut transaction, &rotations).await.unwrap();
        let hits: Vec<_> = together.iter().map(Option::is_some).collect();
        assert_eq!(hits, [false, *hit, false]);
        assert_eq!(row_of(&mut transaction, session_id).await, alone);
        back(&mut transaction).await;
    }
    transaction.rollback().await.unwrap();
    let [blind, informed, outrun] = hits;
    Found {
        decision,
        blind,
        informed,
        outrun,
    }
}

/// What a rotation writes into a row, except the time.
async fn row_of(transaction: &mut PgTransaction<'_>, session_id: Uuid) -> (i64, Vec<u8>, Vec<u8>) {
    sqlx::query_as(
        "select generation, token_hash, attempt_keys from sessions where session_id = $1",
    )
    .bind(session_id)
    .fetch_one(&mut **transaction)
    .await
    .unwrap()
}

/// Undoes what was done since the savepoint.
async fn back(transaction: &mut PgTransaction<'_>) {
    sqlx::query("rollback to savepoint before")
        .execute(&mut **transaction)
        .await
        .unwrap();
}

#[test]
fn bar_13_the_update_changes_the_row_if_and_only_if_the_rule_says_rotate() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let app = runtime.block_on(TestApp::start());
    runtime.block_on(app.sign_up("ada"));
    let decided = std::cell::RefCell::new(std::collections::BTreeMap::<String, u32>::new());
    check("guard", 3000, &case(), |case| {
        let found = runtime.block_on(try_case(&app, &case));
        let kind = format!("{:?}", found.decision);
        let kind = kind.split([' ', '(']).next().unwrap_or_default().to_owned();
        *decided.borrow_mut().entry(kind).or_default() += 1;

        let rotates = found.decision == Rotation::Rotate;
        prop_assert_eq!(found.blind, rotates, "{:?}", found.decision);
        // Only a decision to rotate leads to the second update.
        let forward = matches!(found.decision, Rotation::RotateForward { .. });
        if rotates || forward {
            prop_assert!(found.informed, "{:?}", found.decision);
        }
        if matches!(found.decision, Rotation::Expired(_)) {
            prop_assert!(!found.informed, "{:?}", found.decision);
        }
        prop_assert!(!found.outrun);
        Ok(())
    });
    println!("decided: {:?}", decided.borrow());
    // The cases must reach every part of the rule.
    for kind in ["Rotate", "RotateForward", "Conflict", "Expired", "Reuse"] {
        assert!(
            decided.borrow().get(kind).is_some_and(|n| *n > 20),
            "{kind}"
        );
    }
}
