//! Whether the time of an answer shows that an account exists.

use std::time::{Duration, Instant};

use holdfast_protocol::problem::Code;
use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::username::Username;
use holdfast_server::accounts;
use holdfast_server::client_address::ClientAddress;
use holdfast_server::password_hash::{Cost, PasswordHashes};

use crate::recovery_code::{ANOTHER, code_of, try_recover};
use crate::support::{PASSWORD, TestApp};

const TRIES: usize = 200;

/// Beyond this |z|, two samples count as different. Each comparison gives a false alarm in
/// less than one of a million runs (one-sided, normal approximation of the rank sum).
const FALSE_ALARM: f64 = 4.9;

/// A recovery code with a typing mistake.
const MISTYPED: &str = "0000-0000-0000-0000-0000-0000-0000";

/// The kinds of answers that must take the same time. The last is a disabled account whose hash
/// is outdated: at a sign-in, such a hash is made again.
const KINDS: [&str; 4] = ["unknown", "wrong", "disabled", "outdated"];

/// Tries of all kinds alternate in random order. So a busy machine slows all of them in the
/// same way, and only their order is compared. The last sample is the control: answers without
/// a password computation, which the comparison must find different. If it does not, the
/// machine is too busy, and the test says so.
///
/// Differences below a twentieth of an answer do not count: reading a row takes some
/// microseconds longer than finding no row. A real computation takes ten times as long as this
/// one, so such a difference matters even less.
#[tokio::test]
async fn bar_23_the_time_of_an_answer_does_not_tell_who_has_an_account() {
    let app = TestApp::with(|config| {
        config.password_cost = Cost {
            memory: 4096,
            passes: 1,
        };
    })
    .await;
    app.sign_up("original").await;
    let outdated = hash_of_three_passes(&app).await;
    // Each try has an account of its own, because failures in a row would change the answer.
    sqlx::query(
        "insert into accounts (account_id, username, username_key, password_hash, disabled_at)
         select
             gen_random_uuid(),
             kind || '-' || n,
             kind || '-' || n,
             case when kind = 'outdated' then $1 else password_hash end,
             case when kind <> 'wrong' then now() end
         from
             accounts,
             unnest(array['wrong', 'disabled', 'outdated']) as kind,
             generate_series(0, 199) as n
         where username_key = 'original'",
    )
    .bind(outdated)
    .execute(app.pool())
    .await
    .unwrap();

    let mut times = [const { Vec::new() }; KINDS.len()];
    let mut refused = Vec::new();
    for n in 0..TRIES {
        for kind in in_random_order::<{ KINDS.len() }>() {
            let password = match KINDS[kind] {
                "disabled" | "outdated" => PASSWORD,
                _ => "not the right password at all",
            };
            let name = format!("{}-{n}", KINDS[kind]);
            let begun = Instant::now();
            let answer = app.try_log_in(&name, password).await;
            times[kind].push(begun.elapsed());
            answer.is(Code::InvalidCredentials);
        }
        if n % 10 == 0 {
            for _ in 0..11 {
                app.try_log_in("refused", PASSWORD).await;
            }
        }
        let begun = Instant::now();
        let answer = app.try_log_in("refused", PASSWORD).await;
        if answer.status == 429 {
            refused.push(begun.elapsed());
        }
    }
    assert!(refused.len() >= TRIES / 2, "{}", refused.len());
    take_the_same_time(&KINDS, &times, &refused, middle(&times) / 20);
}

/// A recovery that is refused computes no password, so its answer takes as long as its one query. With a
/// tenth of that, the rows that a query finds or does not find do not count, but a query that is left out
/// does: the control is a mistyped code, which is refused without a query.
#[tokio::test]
async fn the_time_of_a_refused_recovery_does_not_tell_who_has_an_account() {
    let app = TestApp::start().await;
    app.sign_up("wrong").await;
    let code_of_disabled = code_of(&app.sign_up("disabled").await);
    let name = Username::parse("disabled").unwrap();
    accounts::disable(&app.state.pool, &app.state.clock, &name)
        .await
        .unwrap();
    let made_up = RecoveryCode::from_random([7; 16]).print();
    let names = ["wrong", "unknown", "not a name!", "disabled"];
    let codes = [&made_up, &made_up, &made_up, &code_of_disabled];

    let mut times = [const { Vec::new() }; 4];
    let mut mistyped = Vec::new();
    for _ in 0..TRIES {
        for kind in in_random_order::<4>() {
            let begun = Instant::now();
            let answer = try_recover(&app, names[kind], codes[kind].expose(), ANOTHER).await;
            times[kind].push(begun.elapsed());
            answer.is(Code::InvalidCredentials);
        }
        let begun = Instant::now();
        let answer = try_recover(&app, "wrong", MISTYPED, ANOTHER).await;
        mistyped.push(begun.elapsed());
        answer.is(Code::InvalidCredentials);
    }
    take_the_same_time(&names, &times, &mistyped, middle(&times) / 10);
}

/// The numbers below `N`, in random order.
fn in_random_order<const N: usize>() -> [usize; N] {
    let mut order: [usize; N] = std::array::from_fn(|kind| kind);
    order.sort_by_cached_key(|_| holdfast_server::random::bytes::<8>());
    order
}

/// The time in the middle of all of them.
fn middle(times: &[Vec<Duration>]) -> Duration {
    let mut all = times.concat();
    all.sort_unstable();
    all[all.len() / 2]
}

/// Fails if the answers of one kind came earlier than those of another, by more than `tolerance`. If the
/// answers of the control do not come earlier than those of the kinds, the machine is too busy to tell.
fn take_the_same_time(
    kinds: &[&str],
    times: &[Vec<Duration>],
    control: &[Duration],
    tolerance: Duration,
) {
    let later = |times: &[Duration]| -> Vec<Duration> {
        let later = times.iter().map(|time| *time + tolerance);
        later.collect()
    };
    let mut report = String::new();
    let mut apart = Vec::new();
    let pairs = (0..kinds.len()).flat_map(|a| (0..kinds.len()).map(move |b| (a, b)));
    for (a, b) in pairs.filter(|(a, b)| a != b) {
        let z = rank_sum_z(&later(&times[a]), &times[b]);
        report.push_str(&format!(
            "{} and {tolerance:?} before {}: z = {z:.2}\n",
            kinds[a], kinds[b]
        ));
        if z < -FALSE_ALARM {
            apart.push((kinds[a], kinds[b]));
        }
    }
    println!("{report}");
    let control = rank_sum_z(&later(control), &times[1]);
    assert!(apart.is_empty(), "{report}");
    if control > -FALSE_ALARM {
        println!("Could not measure: the machine is too busy (z = {control:.2} for the control).");
    }
}

/// A hash of the password that takes three times as long as those of the app.
async fn hash_of_three_passes(app: &TestApp) -> String {
    let place = app.state.limits.sign_up(ClientAddress::Unknown);
    let turn = place.unwrap().turn().await.unwrap();
    let cost = Cost {
        memory: 4096,
        passes: 3,
    };
    let hashed = PasswordHashes::new(cost, 1)
        .hash_new(&turn, &PASSWORD.into(), "original")
        .await;
    hashed.unwrap().unwrap()
}

/// Mann and Whitney's rank sum as a number of standard deviations. It is negative if the
/// first sample tends to be smaller.
fn rank_sum_z<T: PartialOrd + Copy>(first: &[T], second: &[T]) -> f64 {
    let pairs = first
        .iter()
        .flat_map(|a| second.iter().map(move |b| (a, b)));
    let larger: f64 = pairs
        .map(|(a, b)| match a.partial_cmp(b) {
            Some(std::cmp::Ordering::Greater) => 1.0,
            Some(std::cmp::Ordering::Less) => 0.0,
            _ => 0.5,
        })
        .sum();
    let (n, m) = (first.len() as f64, second.len() as f64);
    (larger - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

#[test]
fn the_rank_sum_distinguishes_only_samples_that_differ() {
    let even: Vec<u32> = (0..400).step_by(2).collect();
    let odd: Vec<u32> = (1..400).step_by(2).collect();
    let later: Vec<u32> = (100..500).step_by(2).collect();
    assert!(rank_sum_z(&even, &odd).abs() < 0.2);
    assert!(rank_sum_z(&even, &later) < -FALSE_ALARM);
    assert!(rank_sum_z(&later, &even) > FALSE_ALARM);
}
