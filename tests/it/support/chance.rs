//! Repeatable random numbers from a seed, which a failing test prints.

/// A sequence of random choices (SplitMix64). Set CONTACT_GATEWAY_TEST_SEED to try another one.
pub(crate) struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// The choices that follow from this seed, unless the environment names another.
    pub(crate) fn seeded(seed: u64) -> Self {
        let other = std::env::var("CONTACT_GATEWAY_TEST_SEED").ok();
        let seed = other.map_or(seed, |other| other.parse().expect("CONTACT_GATEWAY_TEST_SEED is a number"));
        Self { seed, state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `count` - 1.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).expect("a number below a usize")
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Some of these, `count` or less, each once, in any order.
    pub(crate) fn several<T: Clone>(&mut self, items: &[T], count: usize) -> Vec<T> {
        let mut left = items.to_vec();
        let count = count.min(left.len());
        (0..count).map(|_| left.swap_remove(self.below(left.len()))).collect()
    }

    /// The value, or none.
    pub(crate) fn maybe<T>(&mut self, value: T) -> Option<T> {
        (!self.one_in(3)).then_some(value)
    }
}

impl Drop for Chance {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.seed);
        }
    }
}
