//! Documents that are meant to take long.

/// The most bytes of a document.
const LONGEST: usize = 128 * 1024;

pub(crate) fn documents() -> Vec<String> {
    let lists = format!("{{ node(id: {}{}) {{ id }} }}", "[".repeat(300), "]".repeat(300));
    vec![
        bomb(13, 4),
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
        filled("{ v: viewer {", " a: subject", " } }"),
        filled("{ viewer {", " subject", " } }"),
        filled("{ viewer", " @include(if: true)", " { subject } }"),
        lists,
        "{".repeat(LONGEST),
        filled("{ viewer { ", "#\n", "subject } }"),
        filled("{ node(id: \"", "\\u00e9", "\") { id } }"),
    ]
}

/// Fragments that each spread the next one several times.
fn bomb(fragments: usize, spreads: usize) -> String {
    let mut document = "{ ...F0 }".to_owned();
    for number in 1..fragments {
        let spread = format!("...F{number} ").repeat(spreads);
        document += &format!(" fragment F{} on Query {{ {spread}}}", number - 1);
    }
    document + &format!(" fragment F{} on Query {{ __typename }}", fragments - 1)
}

/// A document of the length that may be sent, with as much of `unit` in the middle as there is room.
fn filled(start: &str, unit: &str, end: &str) -> String {
    let count = (LONGEST - start.len() - end.len()) / unit.len();
    format!("{start}{}{end}", unit.repeat(count))
}
