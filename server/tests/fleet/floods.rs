//! Floods of sign-ins, and who gets through.
//!
//! Times are compared within one run and only where the machine is quiet enough for
//! them to mean something; what must not depend on the machine is asserted always.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{KNOWN_BROWSER_HEADER, paths};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Answer, Browser, Fleet, Http, PASSWORD, Renewal};

const WRONG: &str = "not the right password at all";

/// How many sign-ins of the flood are in flight.
const FLOOD: usize = 64;

/// How long the flood waits after a refusal: an attacker's machine is not this one.
const PAUSE: Duration = Duration::from_millis(250);

/// A sign-in that takes longer than this on a server with nothing else to do says that
/// the machine is busy with something else.
const QUIET: Duration = Duration::from_millis(150);

/// One server behind a proxy, with the limits that it has by default.
async fn server_behind_proxy() -> Fleet {
    let settings = [
        ("HOLDFAST_TRUSTED_PROXIES", "127.0.0.1/32"),
        ("HOLDFAST_ATTEMPTS", "20"),
        ("HOLDFAST_PASSWORD_THREADS", "1"),
    ];
    Fleet::start_told(
        1,
        settings
            .map(|(name, value)| (name, value.to_owned()))
            .into(),
    )
    .await
}

/// A sign-in that the proxy says comes from this address.
async fn log_in(
    server: SocketAddr,
    from: &str,
    username: &str,
    password: &str,
    known: Option<&Secret>,
) -> Answer {
    let body = json!({"username": username, "password": password});
    let mut headers = vec![("x-forwarded-for", from)];
    if let Some(known) = known {
        headers.push((KNOWN_BROWSER_HEADER, known.expose()));
    }
    let answer = Http.post_with(server, paths::LOGIN, &headers, &body).await;
    answer.unwrap()
}

/// Makes an account from an address of its own. Answers the browser's token.
async fn sign_up(server: SocketAddr, from: &str, username: &str) -> Secret {
    let body = json!({"username": username, "password": PASSWORD});
    let headers = [("x-forwarded-for", from)];
    let answer = Http.post_with(server, paths::SIGNUP, &headers, &body).await;
    answer.unwrap().tokens(201).known_browser.unwrap()
}

/// Wrong passwords for other names all the time, from one address or from many.
struct Flood {
    stopping: Arc<AtomicBool>,
    computed: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    attackers: JoinSet<()>,
}

impl Flood {
    fn start(server: SocketAddr, addresses: usize) -> Self {
        let mut flood = Self {
            stopping: Arc::default(),
            computed: Arc::default(),
            refused: Arc::default(),
            attackers: JoinSet::new(),
        };
        for n in 0..FLOOD {
            let from = format!("203.0.113.{}", n % addresses);
            let (stopping, computed, refused) = (
                Arc::clone(&flood.stopping),
                Arc::clone(&flood.computed),
                Arc::clone(&flood.refused),
            );
            flood.attackers.spawn(async move {
                let mut tries = 0;
                while !stopping.load(Ordering::Relaxed) {
                    tries += 1;
                    let name = format!("victim-{n}-{tries}");
                    let answer = log_in(server, &from, &name, WRONG, None).await;
                    match answer.status.as_u16() {
                        401 => computed.fetch_add(1, Ordering::Relaxed),
                        429 | 503 => {
                            assert!(!answer.header("retry-after").is_empty());
                            tokio::time::sleep(PAUSE).await;
                            refused.fetch_add(1, Ordering::Relaxed)
                        }
                        _ => panic!("{answer:?}"),
                    };
                }
            });
        }
        flood
    }

    async fn stop(mut self) -> String {
        self.stopping.store(true, Ordering::Relaxed);
        while let Some(attacker) = self.attackers.join_next().await {
            attacker.unwrap();
        }
        let count = |what: &AtomicUsize| what.load(Ordering::Relaxed);
        let (computed, refused) = (count(&self.computed), count(&self.refused));
        assert!(refused > 0, "there was no flood");
        format!("{computed} computed, {refused} refused")
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// How long renewals take at this moment: their median.
async fn renewals(browsers: &[Browser], server: SocketAddr) -> Duration {
    let mut times = Vec::new();
    for browser in browsers {
        let begun = Instant::now();
        assert_eq!(browser.renew(server).await, Renewal::Renewed);
        times.push(begun.elapsed());
    }
    median(&mut times)
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_24_bar_36_a_flood_of_sign_ins_keeps_few_people_out_and_no_known_browser() {
    const PEOPLE: usize = 20;
    let fleet = server_behind_proxy().await;
    let server = fleet.at(0);
    let browsers = fleet.browsers(60).await;
    let mut people = Vec::new();
    let mut alone = Vec::new();
    for n in 0..PEOPLE {
        let name = format!("person-{n}");
        let begun = Instant::now();
        let known = sign_up(server, &format!("192.0.2.{n}"), &name).await;
        alone.push(begun.elapsed());
        people.push((name, known));
    }
    let alone = median(&mut alone);
    let memory = fleet.instances[0].memory();
    println!("a sign-up alone: {alone:?}; memory: {memory} MiB");

    for addresses in [1, FLOOD] {
        let idle_before = renewals(&browsers, server).await;
        let flood = Flood::start(server, addresses);
        // Wait until it is there: something was refused.
        while flood.refused.load(Ordering::Relaxed) < FLOOD / 2 {
            tokio::task::yield_now().await;
        }
        let flooded = renewals(&browsers, server).await;
        let (mut known_times, mut stranger_times) = (Vec::new(), Vec::new());
        let mut kept_out = 0;
        for (n, (name, known)) in people.iter().enumerate() {
            // The known browsers' own address is the attacker's: a shared network.
            let begun = Instant::now();
            let answer = log_in(server, "203.0.113.0", name, PASSWORD, Some(known)).await;
            known_times.push(begun.elapsed());
            answer.tokens(200);
            let from = format!("198.51.100.{}", n + addresses);
            let begun = Instant::now();
            let answer = log_in(server, &from, name, PASSWORD, None).await;
            stranger_times.push(begun.elapsed());
            kept_out += usize::from(answer.status != 200);
        }
        let flooded_again = renewals(&browsers, server).await;
        let what = flood.stop().await;
        let idle_after = renewals(&browsers, server).await;
        let memory = fleet.instances[0].memory();

        let slowest = |times: &[Duration]| *times.iter().max().unwrap();
        let (known, stranger) = (slowest(&known_times), slowest(&stranger_times));
        println!(
            "flood from {addresses}: {what}; known browsers {PEOPLE} of {PEOPLE}, slowest {known:?}; \
             strangers {} of {PEOPLE}, slowest {stranger:?}; renewals p50 idle {idle_before:?} and \
             {idle_after:?}, flooded {flooded:?} and {flooded_again:?}; memory {memory} MiB",
            PEOPLE - kept_out
        );
        assert!(
            kept_out * 20 <= PEOPLE,
            "{kept_out} strangers were kept out"
        );
        let (idle, steady) = {
            let (low, high) = (idle_before.min(idle_after), idle_before.max(idle_after));
            (high, high < low * 3 / 2)
        };
        if alone < QUIET && steady {
            assert!(known < Duration::from_secs(3), "{known:?}");
            let late = |time: &&Duration| **time > Duration::from_secs(5);
            assert!(stranger_times.iter().filter(late).count() * 20 <= PEOPLE);
            assert!(
                flooded.min(flooded_again) < idle * 2,
                "{flooded:?}, {idle:?}"
            );
        } else {
            println!("The machine is busy with something else: no time was compared.");
        }
    }
    let grown = fleet.instances[0].memory().saturating_sub(memory);
    assert!(grown < 30, "the flood took {grown} MiB");
    assert_eq!(fleet.faults_of_our_own(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_thread_keeps_its_memory_and_no_more() {
    let threads = ("HOLDFAST_PASSWORD_THREADS", "2".to_owned());
    let fleet = Fleet::start_told(1, vec![threads]).await;
    let server = fleet.at(0);
    let before = fleet.instances[0].memory();
    // Two at a time: more of one address are told to wait.
    for pair in 0..12 {
        let (one, two) = (format!("one-{pair}"), format!("two-{pair}"));
        let both = tokio::join!(Http.sign_up(server, &one), Http.sign_up(server, &two));
        both.0.tokens(201);
        both.1.tokens(201);
    }
    let after = fleet.instances[0].memory();
    println!("memory: {before} MiB at the start, {after} MiB after 24 sign-ups on 2 threads");
    // 20 for each of the two threads, and 20 for all else that 24 requests need.
    assert!(after < before + 60, "{before} MiB, then {after} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_37_strangers_at_two_servers_do_not_lock_a_person_out() {
    let fleet = Fleet::start(2).await;
    let tokens = fleet.sign_up("ada").await;
    let known = tokens.known_browser.clone().unwrap();
    let mut refused = 0;
    for n in 0..1000 {
        let answer = fleet.http.log_in(fleet.at(n), "ada", WRONG).await;
        refused += usize::from(answer.code() == Some(Code::TooManyAttempts));
    }
    assert!(refused >= 900, "{refused}");
    // A patient stranger gets to a hundred.
    sqlx::query("update sign_in_failures set failures = 100, last_at = now() - interval '1 day'")
        .execute(fleet.pool())
        .await
        .unwrap();
    let stranger = fleet.http.log_in(fleet.at(1), "ada", PASSWORD).await;
    stranger.is(Code::TooManyAttempts);
    let body = json!({"username": "ada", "password": PASSWORD});
    let headers = [(KNOWN_BROWSER_HEADER, known.expose())];
    let server = fleet.at(1);
    let person = Http.post_with(server, paths::LOGIN, &headers, &body).await;
    person.unwrap().tokens(200);
    assert!(fleet.http.accepts(server, &tokens).await);
    fleet.http.renew(server, &tokens).await;
}
