//! Tests of remembered tokens: for how long, with which keys, and how many.

use super::super::memory::{TokenHash, TokenMemory};
use super::*;

fn hash(number: usize) -> TokenHash {
    TokenHash::of(&number.to_string())
}

fn until(seconds: i64) -> Claims {
    Claims { expires_at: now() + TimeDelta::seconds(seconds), ..claims(vec![1]) }
}

#[test]
fn a_token_is_remembered_while_it_is_valid_and_its_keys_stay() {
    let memory = TokenMemory::default();
    memory.insert(hash(1), 100, 5, &until(60), now());
    let at = |seconds, keys| memory.get(&hash(1), keys, now() + TimeDelta::seconds(seconds)).is_some();
    assert!(at(0, 5) && at(60, 5) && at(89, 5));
    assert!(!at(90, 5) && !at(-1, 5) && !at(0, 6) && !at(0, 4));
    assert!(memory.get(&hash(2), 5, now()).is_none());
    memory.insert(hash(2), 100, 6, &until(60), now());
    assert!(!at(0, 5) && !at(0, 6));
    assert_eq!(memory.len(), 1);
}

#[test]
fn memory_is_bounded_by_tokens_and_bytes() {
    let memory = TokenMemory::default();
    for number in 0..50_000 {
        memory.insert(hash(number), 500, 0, &until(60), now());
    }
    assert!((4096..=8192).contains(&memory.len()), "{}", memory.len());
    assert!(memory.get(&hash(49_999), 0, now()).is_some() && memory.get(&hash(0), 0, now()).is_none());
    let memory = TokenMemory::default();
    for number in 0..5000 {
        memory.insert(hash(number), 8 * 1024, 0, &until(60), now());
    }
    assert!((512..=1024).contains(&memory.len()), "{}", memory.len());
}

#[test]
fn a_changed_token_is_not_remembered() {
    let verifier = hs256();
    let good_token = token(&good());
    assert!(verifier.at_once(&good_token, now()).is_ok() && verifier.at_once(&good_token, now()).is_ok());
    let other = token(&with(json!({ "orgs": [3] })));
    let forged = format!(
        "{}.{}",
        other.rsplit_once('.').expect("parts").0,
        good_token.rsplit_once('.').expect("parts").1
    );
    assert_eq!(verifier.at_once(&forged, now()), Err(Reason::BadSignature));
    assert_eq!(verifier.at_once(&good_token, now() + TimeDelta::seconds(3630)), Err(Reason::Expired));
}
