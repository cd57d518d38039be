//! How many points of cost a caller may spend: a bucket for each subject in each organization, which fills again steadily.
//!
//! Each organization has its own buckets, so that the rest of one reveals nothing about another. One that is full
//! again is forgotten. Each instance of the gateway counts for itself.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use crate::auth::Caller;

/// A subject in an organization, hashed: subjects may be long.
type Key = [u8; 16];

/// The fewest buckets after which those that are full are looked for.
const SWEEP: usize = 1024;
/// A bucket can be in debt by as much as it holds: nobody waits longer than it takes to fill twice.
const FULL_BUCKETS_OF_DEBT: u32 = 1;

/// The buckets.
pub struct RateLimit {
    /// The time in which a point comes back.
    point: Duration,
    burst: NonZeroU32,
    /// How many points a millisecond of work costs.
    price: u32,
    buckets: Mutex<Buckets>,
}

struct Buckets {
    /// When each bucket will be full again. Those that are full are not needed.
    full_at: HashMap<Key, Instant>,
    /// How many there may be before those that are full are forgotten.
    sweep_at: usize,
}

impl RateLimit {
    /// Buckets of `burst` points that fill by so many points a minute.
    pub fn new(points_per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        let buckets = Buckets { full_at: HashMap::new(), sweep_at: SWEEP };
        let point = Duration::from_mins(1) / points_per_minute.get();
        Self { point, burst, price: 0, buckets: Mutex::new(buckets) }
    }

    /// The same, where a millisecond of work costs so many points.
    pub fn with_price(self, points_per_millisecond: u32) -> Self {
        Self { price: points_per_millisecond, ..self }
    }

    /// Takes points from the caller's bucket and returns how many are left, or, where there are too few, after how many
    /// whole seconds there will be enough. What costs more than a bucket holds takes all of it.
    pub(super) fn take(&self, caller: &Caller, points: u64) -> Result<u32, u64> {
        self.take_from(key(caller), points, Instant::now())
    }

    /// Takes a point from the bucket of this client address, likewise.
    pub(super) fn take_attempt(&self, address: IpAddr) -> Result<(), u64> {
        self.take_from(key_of_address(address), 1, Instant::now()).map(drop)
    }

    /// Takes what work has cost beyond the points that were taken for it before, also when the bucket holds less, and tells
    /// how many points are left.
    pub(super) fn charge(&self, caller: &Caller, points: u64, worked: Duration) -> u32 {
        let cost = worked.as_micros().saturating_mul(self.price.into()) / 1000;
        let excess = u64::try_from(cost).unwrap_or(u64::MAX).saturating_sub(points);
        self.charge_to(key(caller), excess, Instant::now())
    }

    fn take_from(&self, key: Key, points: u64, now: Instant) -> Result<u32, u64> {
        let mut buckets = self.buckets();
        let full_at = buckets.full_at(key, now) + self.time_of(points.min(self.burst.get().into()));
        let missing = (full_at - now).saturating_sub(self.time_of(self.burst.get().into()));
        if missing > Duration::ZERO {
            return Err((missing.as_secs_f64().ceil() as u64).max(1));
        }
        buckets.set(key, full_at, now);
        Ok(self.left(full_at, now))
    }

    fn charge_to(&self, key: Key, points: u64, now: Instant) -> u32 {
        let mut buckets = self.buckets();
        let most = u64::from(self.burst.get()) * u64::from(1 + FULL_BUCKETS_OF_DEBT);
        let before = buckets.full_at(key, now);
        let charged = (before + self.time_of(points.min(most))).min(now + self.time_of(most));
        let full_at = before.max(charged);
        buckets.set(key, full_at, now);
        self.left(full_at, now)
    }

    /// How many points a bucket holds.
    pub(super) fn burst(&self) -> u32 {
        self.burst.get()
    }

    /// The points of a bucket that will be full then.
    fn left(&self, full_at: Instant, now: Instant) -> u32 {
        let missing = (full_at - now).as_nanos().div_ceil(self.point.as_nanos().max(1));
        self.burst.get().saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
    }

    /// The time in which so many points come back.
    fn time_of(&self, points: u64) -> Duration {
        let nanoseconds = self.point.as_nanos().saturating_mul(points.into());
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        // Nothing between two steps can panic.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buckets {
    fn full_at(&self, key: Key, now: Instant) -> Instant {
        self.full_at.get(&key).copied().unwrap_or(now).max(now)
    }

    /// Looks for full buckets when there are twice as many as were left the last time, so that looking costs nothing.
    fn set(&mut self, key: Key, full_at: Instant, now: Instant) {
        if self.full_at.len() >= self.sweep_at {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.full_at.shrink_to_fit();
            self.sweep_at = SWEEP.max(2 * self.full_at.len());
        }
        self.full_at.insert(key, full_at);
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
    use chrono::DateTime;

    use super::*;
    use crate::auth::Scopes;

    fn caller(subject: &str, organization: i64) -> Caller {
        Caller {
            subject: subject.to_owned(),
            scopes: Scopes::all(),
            organizations: vec![organization],
            organization: Some(organization),
            expires_at: DateTime::UNIX_EPOCH,
            claims_read: None,
        }
    }

    /// Buckets, and a clock that stands still.
    struct Still {
        buckets: RateLimit,
        now: Instant,
    }

    impl Still {
        fn new(points_per_minute: u32, burst: u32) -> Self {
            let number = |number| NonZeroU32::new(number).expect("not zero");
            let buckets = RateLimit::new(number(points_per_minute), number(burst));
            Self { buckets, now: Instant::now() }
        }

        fn take(&self, caller: &Caller, points: u64) -> Result<u32, u64> {
            self.buckets.take_from(key(caller), points, self.now)
        }

        fn charge(&self, caller: &Caller, points: u64) -> u32 {
            self.buckets.charge_to(key(caller), points, self.now)
        }
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let mut still = Still::new(60, 100);
        let ada = caller("ada", 1);
        assert_eq!(still.take(&ada, 60), Ok(40));
        assert_eq!(still.take(&ada, 40), Ok(0));
        assert_eq!(still.take(&ada, 30), Err(30));
        still.now += Duration::from_millis(29_500);
        assert_eq!(still.take(&ada, 30), Err(1));
        still.now += Duration::from_millis(500);
        assert_eq!(still.take(&ada, 30), Ok(0));
        still.now += Duration::from_hours(1);
        assert_eq!(still.take(&ada, 1), Ok(99));
    }

    #[test]
    fn what_costs_more_than_a_bucket_takes_all_of_it() {
        let mut still = Still::new(60, 100);
        assert_eq!(still.take(&caller("ada", 1), u64::MAX), Ok(0));
        assert_eq!(still.take(&caller("ada", 1), 5000), Err(100));
        still.now += Duration::from_secs(100);
        assert_eq!(still.take(&caller("ada", 1), 5000), Ok(0));
        assert_eq!(still.take(&caller("grace", 1), 0), Ok(100));
    }

    #[test]
    fn work_is_charged_beyond_its_estimate_and_into_debt() {
        let mut still = Still::new(60, 100);
        let ada = caller("ada", 1);
        assert_eq!(still.charge(&ada, 30), 70);
        assert_eq!(still.charge(&ada, 100), 0);
        // 30 points of debt, and the one that is wanted.
        assert_eq!(still.take(&ada, 1), Err(31));
        // The debt is no more than the bucket holds.
        assert_eq!(still.charge(&ada, u64::MAX), 0);
        assert_eq!(still.take(&ada, 1), Err(101));
        still.now += Duration::from_secs(101);
        assert_eq!(still.take(&ada, 1), Ok(0));

        let buckets = still.buckets.with_price(10);
        assert_eq!(buckets.charge(&caller("grace", 1), 35, Duration::from_millis(3)), 100);
        assert_eq!(buckets.charge(&caller("grace", 1), 35, Duration::from_micros(4900)), 86);
    }

    #[test]
    fn subjects_and_organizations_have_buckets_of_their_own() {
        let still = Still::new(60, 100);
        assert_eq!(still.take(&caller("ada", 1), 100), Ok(0));
        assert_eq!(still.take(&caller("ada", 2), 1), Ok(99));
        assert_eq!(still.take(&caller("grace", 1), 1), Ok(99));
        assert!(still.take(&caller("ada", 1), 1).is_err());
        assert_eq!(still.take(&Caller { organization: None, ..caller("ada", 1) }, 1), Ok(99));
    }

    #[test]
    fn addresses_of_one_network_share_a_bucket() {
        let Still { buckets, .. } = Still::new(1, 2);
        let attempt = |address: &str| buckets.take_attempt(address.parse().expect("an address")).is_ok();
        assert!(attempt("2001:db8::1") && attempt("2001:db8::2"));
        assert!(!attempt("2001:db8::3"));
        assert!(attempt("2001:db8:0:1::1"));
        assert!(attempt("192.0.2.1") && attempt("192.0.2.1") && attempt("192.0.2.2"));
        assert!(!attempt("192.0.2.1"));
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let mut still = Still::new(60, 100);
        for number in 0..100_000 {
            still.now += Duration::from_millis(10);
            assert_eq!(still.take(&caller(&format!("subject {number}"), 1), 1), Ok(99));
        }
        // Each is full again after a second, which is a hundred others later.
        let count = still.buckets.buckets().full_at.len();
        assert!(count <= SWEEP, "{count}");
    }
}
