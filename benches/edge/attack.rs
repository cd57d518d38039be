//! Documents that are meant to take long.

#[path = "../../src/graphql/document/tests/attacks.rs"]
mod attacks;

/// One of each sort, so that none is sent more often than others.
const SENT: [&str; 9] = [
    "the bomb",
    "a cycle",
    "10,000 aliases",
    "20,000 duplicate fields",
    "5,000 directives",
    "lists 300 deep",
    "braces",
    "many comments",
    "a text of escapes",
];

pub(crate) fn documents() -> Vec<String> {
    let sent = attacks::attacks().into_iter().filter(|(what, ..)| SENT.contains(what));
    sent.map(|(_, document, _)| document).collect()
}
