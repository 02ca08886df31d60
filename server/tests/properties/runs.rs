//! Runs of a property, with a seed that is printed and can be given again.

use std::fmt::Write as _;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

/// Checks `property` on `cases` values. A failure is shrunk and reported with its seed.
pub fn check<S: Strategy>(
    name: &str,
    cases: u32,
    values: &S,
    property: impl Fn(S::Value) -> TestCaseResult,
) {
    let seed = seed();
    let printed = seed.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    println!("{name}: {cases} cases, HOLDFAST_TEST_SEED={printed}");
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let outcome = TestRunner::new_with_rng(config, rng).run(values, property);
    if let Err(failure) = outcome {
        panic!("{name}, HOLDFAST_TEST_SEED={printed}: {failure}");
    }
}

fn seed() -> [u8; 32] {
    let Ok(text) = std::env::var("HOLDFAST_TEST_SEED") else {
        return holdfast_server::random::bytes();
    };
    let mut seed = [0; 32];
    for (at, byte) in seed.iter_mut().enumerate() {
        let digits = text.get(2 * at..2 * at + 2);
        *byte = digits
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .expect("HOLDFAST_TEST_SEED is 64 hexadecimal digits");
    }
    seed
}
