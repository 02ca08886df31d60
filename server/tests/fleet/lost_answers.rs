//! Answers that got lost after the server had committed.

use std::time::Duration;

use crate::support::{
    Browser, Fault, FaultProxy, Fleet, NoAnswer, Random, Renewal, Tally, UnderWay, generation,
    new_key,
};

/// The answer is lost, time passes, and the browser sends the request again, to the other server.
async fn lose_and_repeat(fault: Fault, seconds: u32) {
    let fleet = Fleet::start(2).await;
    let tokens = fleet.sign_up("ada").await;
    let key = new_key();
    let proxy = FaultProxy::with(vec![fleet.at(0)], vec![fault]).await;
    let lost = fleet
        .http
        .try_refresh(proxy.address(), &tokens.refresh_token, &key)
        .await;
    assert_eq!(lost.unwrap_err(), NoAnswer);
    // The server has still committed.
    let committed = fleet.row(tokens.session_id).await.unwrap();
    assert_eq!(committed.0, 1);

    fleet.let_pass(tokens.session_id, seconds).await;
    let repeated = fleet.http.refresh(fleet.at(1), &tokens, &key).await;
    let repeated = repeated.tokens(200);
    assert_eq!(fleet.row(tokens.session_id).await.unwrap(), committed);
    // The browser is still signed in: the call and the next refresh succeed.
    assert!(fleet.http.accepts(fleet.at(0), &repeated).await);
    assert_eq!(
        generation(&fleet.http.renew(fleet.at(0), &repeated).await),
        2
    );
    assert_eq!(fleet.events("refresh_token_reused").await, 0);
}

#[tokio::test]
async fn bar_2_a_lost_answer_is_repeated_at_once() {
    lose_and_repeat(Fault::DropAnswer, 0).await;
}

#[tokio::test]
async fn bar_2_a_lost_answer_is_repeated_after_70_seconds() {
    lose_and_repeat(Fault::DropAnswer, 70).await;
}

#[tokio::test]
async fn bar_2_a_lost_answer_is_repeated_after_24_hours() {
    lose_and_repeat(Fault::DropAnswer, 24 * 60 * 60).await;
}

#[tokio::test]
async fn bar_2_an_answer_that_was_cut_in_the_middle_is_repeated_after_24_hours() {
    lose_and_repeat(Fault::CutAnswer, 24 * 60 * 60).await;
}

#[tokio::test]
async fn bar_2_nine_answers_of_ten_are_lost_and_the_chain_goes_on() {
    let fleet = Fleet::start(2).await;
    let mut n = 0;
    let proxy = FaultProxy::start(fleet.addresses(), move || {
        n += 1;
        if n % 10 == 0 {
            Fault::Pass
        } else {
            Fault::DropAnswer
        }
    })
    .await;
    let browsers = fleet.browsers(1).await;
    for round in 1..=10 {
        let renewal = browsers[0].renew_until_answered(&[proxy.address()]).await;
        assert_eq!(renewal, Renewal::Renewed);
        assert_eq!(browsers[0].generation(), round);
    }
    fleet.assert_nobody_was_signed_out(&browsers).await;
}

/// A random fault of those that the proxy knows.
fn any_fault(random: &mut Random) -> Fault {
    let by = Duration::from_millis(1 + random.below(200));
    match random.below(20) {
        0..=7 => Fault::Pass,
        8..=10 => Fault::DropAnswer,
        11 => Fault::CutAnswer,
        12 => Fault::CutRequest,
        13 | 14 => Fault::DelayRequest(by),
        15 => Fault::DelayAnswer(by),
        16 | 17 => Fault::Duplicate,
        _ => Fault::LoseAndDeliverLater(by),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_3_two_tabs_of_thirty_browsers_over_every_fault_raise_no_false_alarm() {
    const GENERATIONS: u32 = 40;
    let mut random = Random::seeded("every fault");
    let fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(30).await;
    let mut plan = random.fork();
    let under_way = UnderWay::none();
    let plan = move || any_fault(&mut plan);
    let proxy = FaultProxy::start_noting(fleet.addresses(), plan, under_way.clone()).await;
    let tabs = browsers
        .iter()
        .flat_map(|browser| [browser.clone(), browser.clone()]);
    let tabs: Vec<_> = tabs
        .map(|tab| {
            tokio::spawn(renew_through(
                tab,
                proxy.address(),
                GENERATIONS,
                random.fork(),
                under_way.clone(),
            ))
        })
        .collect();
    let mut said = Tally::default();
    for tab in tabs {
        for (what, times) in tab.await.unwrap().0 {
            *said.0.entry(what).or_default() += times;
        }
    }
    println!("{said:?}");
    // On a busy machine a request may wait too long. The answer «later» ends no session.
    said.is_only(&[
        "renewed",
        "conflict",
        "no answer",
        "503 temporarily_unavailable",
        "duplicate: 200",
        "duplicate: 409 refresh_conflict",
        "duplicate: 503 temporarily_unavailable",
    ]);
    // The test must have seen all of these.
    assert!(said.of("no answer") > 100 && said.of("duplicate: 409 refresh_conflict") > 20);
    fleet.assert_nobody_was_signed_out(&browsers).await;
}

/// A tab that renews until its browser has reached this generation. From time to time the
/// network repeats a request of the last sixteen generations; delayed requests count, too.
async fn renew_through(
    tab: Browser,
    proxy: std::net::SocketAddr,
    generations: u32,
    mut random: Random,
    under_way: UnderWay,
) -> Tally {
    let mut said = Tally::default();
    while tab.generation() < generations {
        if random.below(4) == 0
            && let Some(answer) = tab.duplicate(proxy, 15, random.next(), &under_way).await
        {
            said.count(format!("duplicate: {}", answer.summary()));
        }
        let (attempt, held) = tab.attempt_under_way(&under_way);
        under_way.until_none_is_too_late(&attempt.0).await;
        match tab.renew_with(attempt, proxy).await {
            Renewal::Renewed => said.count("renewed"),
            Renewal::Conflict => said.count("conflict"),
            Renewal::Later(why) => said.count(why),
            Renewal::Over(why) => {
                said.count(format!("OVER: {why}"));
                break;
            }
        }
        drop(held);
        // A browser that was refused does not try again at once.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    said
}
