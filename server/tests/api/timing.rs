//! Whether the time of an answer shows that an account exists.

use std::time::{Duration, Instant};

use holdfast_protocol::problem::Code;
use holdfast_server::password_hash::Cost;

use crate::support::{PASSWORD, TestApp};

const TRIES: usize = 200;

/// Beyond this |z|, two samples count as different. Each comparison gives a false alarm in
/// less than one of a million runs (one-sided, normal approximation of the rank sum).
const FALSE_ALARM: f64 = 4.9;

/// The kinds of answers that must take the same time.
const KINDS: [&str; 3] = ["unknown", "wrong", "disabled"];

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
    // Each try has an account of its own, because failures in a row would change the answer.
    sqlx::query(
        "insert into accounts (account_id, username, username_key, password_hash, disabled_at)
         select
             gen_random_uuid(),
             kind || '-' || n,
             kind || '-' || n,
             password_hash,
             case when kind = 'disabled' then now() end
         from accounts, unnest(array['wrong', 'disabled']) as kind, generate_series(0, 199) as n
         where username_key = 'original'",
    )
    .execute(app.pool())
    .await
    .unwrap();

    let mut times = [const { Vec::new() }; 3];
    let mut refused = Vec::new();
    for n in 0..TRIES {
        let first = usize::from(holdfast_server::random::bytes::<1>()[0]) % 6;
        // One of the six orders of three.
        let mut order = [first % 3, (first + 1) % 3, (first + 2) % 3];
        if first >= 3 {
            order.swap(1, 2);
        }
        for kind in order {
            let password = match KINDS[kind] {
                "disabled" => PASSWORD,
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
    let mut all = times.concat();
    all.sort_unstable();
    let tolerance = all[all.len() / 2] / 20;
    let later = |times: &[Duration]| -> Vec<Duration> {
        let later = times.iter().map(|time| *time + tolerance);
        later.collect()
    };
    let mut report = String::new();
    let mut apart = Vec::new();
    for (a, b) in [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)] {
        let z = rank_sum_z(&later(&times[a]), &times[b]);
        report.push_str(&format!(
            "{} and {tolerance:?} before {}: z = {z:.2}\n",
            KINDS[a], KINDS[b]
        ));
        if z < -FALSE_ALARM {
            apart.push((KINDS[a], KINDS[b]));
        }
    }
    println!("{report}");
    assert!(refused.len() >= TRIES / 2, "{}", refused.len());
    let control = rank_sum_z(&refused, &times[1]);
    assert!(apart.is_empty(), "{report}");
    if control > -FALSE_ALARM {
        println!("Could not measure: the machine is too busy (z = {control:.2} for the control).");
    }
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
