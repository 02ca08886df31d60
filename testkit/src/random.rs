//! Random numbers that can be repeated: splitmix64, with a seed that is printed.

/// A sequence of numbers.
pub struct Random(u64);

impl Random {
    /// A sequence with the seed in `HOLDFAST_TEST_SEED`, or a new one. It prints the seed.
    pub fn seeded(what: &str) -> Self {
        let given = std::env::var("HOLDFAST_TEST_SEED").ok();
        let seed = given
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| u64::from_le_bytes(holdfast_server::random::bytes()));
        println!("{what}: HOLDFAST_TEST_SEED={seed}");
        Self::from_seed(seed)
    }

    /// The sequence of this seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it has no end")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Another generator with a sequence of its own.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }
}
