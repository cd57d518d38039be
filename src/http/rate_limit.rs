//! How many points of cost a caller may spend: a bucket for each subject in each organization, which fills again steadily.
//!
//! Buckets are told apart by organization, so that what is left in one tells nothing about another. One that is full
//! again is forgotten. Each instance of the gateway counts for itself.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::HashMapStateStore,
};
use sha2::{Digest, Sha256};

use crate::auth::Caller;

/// A subject in an organization, hashed: subjects may be long.
type Key = [u8; 16];

/// The fewest buckets after which those that are full are looked for.
const SWEEP: usize = 1024;

/// The buckets.
pub struct RateLimit<C: Clock = DefaultClock> {
    limiter: RateLimiter<Key, HashMapStateStore<Key>, C, StateInformationMiddleware>,
    burst: NonZeroU32,
    /// How many buckets there may be before those that are full are forgotten.
    sweep_at: AtomicUsize,
}

impl RateLimit {
    /// Buckets of `burst` points that fill by so many points a minute.
    pub fn new(points_per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        Self::with_clock(points_per_minute, burst, DefaultClock::default())
    }
}

impl<C: Clock> RateLimit<C> {
    fn with_clock(points_per_minute: NonZeroU32, burst: NonZeroU32, clock: C) -> Self {
        let quota = Quota::per_minute(points_per_minute).allow_burst(burst);
        let limiter = RateLimiter::new(quota, HashMapStateStore::default(), clock);
        Self { limiter, burst, sweep_at: AtomicUsize::new(SWEEP) }
    }

    /// Takes points from the caller's bucket and tells how many are left, or, where there are too few, after how many
    /// whole seconds there will be enough. What costs more than a bucket holds takes all of it.
    pub(super) fn take(&self, caller: &Caller, points: u64) -> Result<u32, u64> {
        self.take_from(key(caller), points)
    }

    /// Takes a point from the bucket of whoever has this address, likewise.
    pub(super) fn take_attempt(&self, address: IpAddr) -> Result<(), u64> {
        self.take_from(key_of_address(address), 1).map(drop)
    }

    fn take_from(&self, key: Key, points: u64) -> Result<u32, u64> {
        let points =
            u32::try_from(points).ok().and_then(NonZeroU32::new).unwrap_or(self.burst).min(self.burst);
        self.forget_full_buckets();
        match self.limiter.check_key_n(&key, points) {
            Ok(Ok(left)) => Ok(left.remaining_burst_capacity()),
            Ok(Err(later)) => {
                Err(later.wait_time_from(self.limiter.clock().now()).as_secs_f64().ceil().max(1.0) as u64)
            }
            // Not for points that a bucket holds.
            Err(_) => Err(1),
        }
    }

    /// How many points a bucket holds.
    pub(super) fn burst(&self) -> u32 {
        self.burst.get()
    }

    /// Looks for full buckets when there are twice as many as were left the last time, so that looking costs nothing.
    fn forget_full_buckets(&self) {
        if self.limiter.len() >= self.sweep_at.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            self.sweep_at.store(SWEEP.max(2 * self.limiter.len()), Ordering::Relaxed);
        }
    }
}

fn key(caller: &Caller) -> Key {
    let mut hash = Sha256::new();
    // No organization has this number.
    hash.update(caller.organization.unwrap_or(i64::MIN).to_be_bytes());
    hash.update(caller.subject.as_bytes());
    let mut key = Key::default();
    key.iter_mut().zip(hash.finalize()).for_each(|(key, byte)| *key = byte);
    key
}

/// Of an IPv6 address its network: one subscriber has all addresses of a /64.
fn key_of_address(address: IpAddr) -> Key {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => {
            let mut network = address.octets();
            network[8..].fill(0);
            network
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;
    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::auth::Scopes;

    fn caller(subject: &str, organization: i64) -> Caller {
        Caller {
            subject: subject.to_owned(),
            scopes: Scopes::all(),
            organizations: vec![organization],
            organization: Some(organization),
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    fn buckets(points_per_minute: u32, burst: u32) -> (RateLimit<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let number = |number| NonZeroU32::new(number).expect("not zero");
        (RateLimit::with_clock(number(points_per_minute), number(burst), clock.clone()), clock)
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let (buckets, clock) = buckets(60, 100);
        let ada = caller("ada", 1);
        assert_eq!(buckets.take(&ada, 60), Ok(40));
        assert_eq!(buckets.take(&ada, 40), Ok(0));
        assert_eq!(buckets.take(&ada, 30), Err(30));
        clock.advance(Duration::from_millis(29_500));
        assert_eq!(buckets.take(&ada, 30), Err(1));
        clock.advance(Duration::from_millis(500));
        assert_eq!(buckets.take(&ada, 30), Ok(0));
        clock.advance(Duration::from_hours(1));
        assert_eq!(buckets.take(&ada, 1), Ok(99));
    }

    #[test]
    fn what_costs_more_than_a_bucket_takes_all_of_it() {
        let (buckets, clock) = buckets(60, 100);
        assert_eq!(buckets.take(&caller("ada", 1), u64::MAX), Ok(0));
        assert_eq!(buckets.take(&caller("ada", 1), 5000), Err(100));
        clock.advance(Duration::from_secs(100));
        assert_eq!(buckets.take(&caller("ada", 1), 5000), Ok(0));
        assert_eq!(buckets.take(&caller("grace", 1), 0), Ok(0));
    }

    #[test]
    fn subjects_and_organizations_have_buckets_of_their_own() {
        let (buckets, _) = buckets(60, 100);
        assert_eq!(buckets.take(&caller("ada", 1), 100), Ok(0));
        assert_eq!(buckets.take(&caller("ada", 2), 1), Ok(99));
        assert_eq!(buckets.take(&caller("grace", 1), 1), Ok(99));
        assert!(buckets.take(&caller("ada", 1), 1).is_err());
        assert_eq!(buckets.take(&Caller { organization: None, ..caller("ada", 1) }, 1), Ok(99));
    }

    #[test]
    fn addresses_of_one_network_share_a_bucket() {
        let (buckets, _) = buckets(1, 2);
        let attempt = |address: &str| buckets.take_attempt(address.parse().expect("an address")).is_ok();
        assert!(attempt("2001:db8::1") && attempt("2001:db8::2"));
        assert!(!attempt("2001:db8::3"));
        assert!(attempt("2001:db8:0:1::1"));
        assert!(attempt("192.0.2.1") && attempt("192.0.2.1") && attempt("192.0.2.2"));
        assert!(!attempt("192.0.2.1"));
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let (buckets, clock) = buckets(60, 100);
        for number in 0..100_000 {
            clock.advance(Duration::from_millis(10));
            assert_eq!(buckets.take(&caller(&format!("subject {number}"), 1), 1), Ok(99));
        }
        // Each is full again after a second, which is a hundred others later.
        assert!(buckets.limiter.len() <= SWEEP, "{}", buckets.limiter.len());
    }
}
