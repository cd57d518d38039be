//! Input as other systems, people and libraries write it: tables of (input, outcome), one file for each kind. A new report is
//! one more line.

mod errors;
mod numbers;
mod requests;
mod tags;

/// Fails unless a refusal is a sentence with what to do in it.
#[track_caller]
fn assert_helpful(message: &str, parts: &[&str], what: &str) {
    for part in parts {
        assert!(message.contains(part), "{what}: no {part} in: {message}");
    }
    let is_sentence = message.ends_with(['.', '?']) && message.len() > 20;
    assert!(is_sentence, "{what}: {message}");
}
