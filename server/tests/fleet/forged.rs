//! Tokens that no server made.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::StreamExt as _;
use holdfast_protocol::problem::Code;
use holdfast_protocol::refresh_token::PREFIX;

use crate::support::{Fleet, Random, new_key};

/// A token that is forged from a genuine one, in every way that a forger might try.
fn forged(genuine: &str, random: &mut Random) -> String {
    let mut bytes = URL_SAFE_NO_PAD.decode(&genuine[PREFIX.len()..]).unwrap();
    let length = bytes.len() as u64;
    let below = |random: &mut Random, limit| usize::try_from(random.below(limit)).unwrap();
    match random.below(8) {
        // One changed bit.
        0 | 1 => bytes[below(random, length)] ^= 1 << random.below(8),
        // Another generation of the same session, up to the last one.
        2 => {
            let near = u32::try_from(random.below(40)).unwrap();
            let other = if random.below(2) == 0 {
                1 + near
            } else {
                u32::MAX - near
            };
            bytes[17..21].copy_from_slice(&other.to_be_bytes());
        }
        // Another session.
        3 => bytes[1..17].copy_from_slice(&u128::from(random.next()).to_be_bytes()),
        // Everything is made up, except session and generation.
        4 => bytes[21..]
            .iter_mut()
            .for_each(|byte| *byte = random.next() as u8),
        5 => return genuine[..below(random, genuine.len() as u64)].to_owned(),
        6 => return genuine.repeat(2 + below(random, 90)),
        _ => return genuine.to_lowercase(),
    }
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_21_ten_thousand_forged_tokens_are_refused_without_a_query_and_end_no_session() {
    let mut random = Random::seeded("forged tokens");
    let mut fleet = Fleet::start(2).await;
    // In a young database, a forged token of an old session is answered 503 without a
    // query: its secret may have been lost together with the database.
    let mut connection = fleet.pool().acquire().await.unwrap();
    holdfast_server::store::database::begin_anew(&mut connection)
        .await
        .unwrap();
    drop(connection);
    let settings = fleet.settings.clone();
    for n in 0..2 {
        fleet.restart(n, &settings).await;
    }
    let tokens = fleet.sign_up("ada").await;
    let genuine = tokens.refresh_token.expose();
    // A query for a session would have to wait, and its request would be answered 503.
    let mut holding = fleet.pool().begin().await.unwrap();
    sqlx::query("lock table sessions, accounts in access exclusive mode")
        .execute(&mut *holding)
        .await
        .unwrap();
    let forgeries: Vec<_> = std::iter::repeat_with(|| forged(genuine, &mut random))
        .filter(|forgery| forgery != genuine)
        .take(10_000)
        .collect();
    let answers = futures::stream::iter(forgeries.into_iter().enumerate())
        .map(|(n, forgery)| {
            let (http, server) = (fleet.http.clone(), fleet.at(n));
            async move {
                // On a busy machine the server may not have read the secrets lately, and then it
                // answers «later». A server that waits for the database answers «later» every
                // time.
                for _ in 0..30 {
                    let key = new_key();
                    let answer = http.try_refresh_text(server, &forgery, &key).await;
                    let answer = answer.unwrap();
                    if answer.code() != Some(Code::TemporarilyUnavailable) {
                        return answer;
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                panic!("The server answers «later» every time.");
            }
        })
        .buffer_unordered(16);
    let refused = answers
        .map(|answer| answer.is(Code::RefreshTokenInvalid))
        .count()
        .await;
    assert_eq!(refused, 10_000);
    let key = new_key();
    let away = fleet.http.refresh(fleet.at(0), &tokens, &key).await;
    away.is(Code::TemporarilyUnavailable);

    holding.rollback().await.unwrap();
    assert_eq!(fleet.row(tokens.session_id).await.unwrap().0, 0);
    fleet
        .http
        .refresh(fleet.at(1), &tokens, &key)
        .await
        .tokens(200);
}
