//! Documents that are meant to take long: those that a test refuses, two benches read, and the gateway is sent under load.
//!
//! Knows nothing of the crate, so that benches can take it in.

/// The most bytes of a document.
pub(crate) const LONGEST: usize = 128 * 1024;

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

/// Documents that are meant to take long, with what becomes of each: taken, or a code.
pub(crate) fn attacks() -> Vec<(&'static str, String, Option<&'static str>)> {
    let (complex, invalid, none) =
        (Some("QUERY_TOO_COMPLEX"), Some("GRAPHQL_VALIDATION_FAILED"), Some("GRAPHQL_PARSE_FAILED"));
    let chain: String =
        (0..500).map(|it| format!("fragment F{it} on Query {{ a ...F{} }} ", it + 1)).collect();
    let unused: String = (0..700).map(|it| format!("fragment F{it} on Query {{ a }} ")).collect();
    let operations: String = (0..800).map(|it| format!("query Q{it} {{ __typename }} ")).collect();
    let shared: String = (0..200).map(|it| format!("query Q{it} {{ ...F }} ")).collect();
    let variables: String = (0..1200).map(|it| format!("$v{it}: Int ")).collect();
    let arguments: String = (0..1600).map(|it| format!("a{it}: 1 ")).collect();
    let histories: String = (0..500).map(|it| format!("history(first: {it}) {{ totalCount }} ")).collect();
    let nested = "assignments { nodes { id } } ".repeat(600);
    let links: String = (1..29).map(|it| format!("fragment F{} on Viewer {{ ...F{it} }} ", it - 1)).collect();
    vec![
        ("the bomb", bomb(13, 4), complex),
        ("a long bomb", bomb(30, 20), complex),
        ("a cycle", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(), invalid),
        ("10,000 aliases", filled("{ v: viewer {", " a: subject", " } }"), complex),
        ("20,000 duplicate fields", filled("{ viewer {", " subject", " } }"), complex),
        ("as many fields as there may be", format!("{{ viewer {{{}}} }}", " subject".repeat(4900)), None),
        ("5,000 directives", filled("{ viewer", " @include(if: true)", " { subject } }"), complex),
        (
            "lists 300 deep",
            format!("{{ node(id: {}{}) {{ id }} }}", "[".repeat(300), "]".repeat(300)),
            complex,
        ),
        ("braces", "{".repeat(LONGEST), complex),
        ("deep fields", format!("{}a{}", "{ a ".repeat(60), "}".repeat(60)), complex),
        ("deep inline fragments", format!("{}a{}", "{ ... ".repeat(40) + "{", "}".repeat(41)), complex),
        ("an endless comment", filled("{ viewer { subject } } #", "x", ""), None),
        ("many comments", filled("{ viewer { ", "#\n", "subject } }"), None),
        (
            "comments between fields",
            format!("{{ viewer {{ {} }} }}", format!("subject #{}\n", "x".repeat(120)).repeat(1000)),
            None,
        ),
        ("spaces", filled("{ viewer { ", " ", "subject } }"), None),
        ("line ends", filled("{ viewer { ", "\r\n", "subject } }"), None),
        ("a long text", filled("{ node(id: \"", "x", "\") { id } }"), None),
        ("a text of escapes", filled("{ node(id: \"", "\\u00e9", "\") { id } }"), None),
        ("a long block", filled("{ node(id: \"\"\"", " \n", "\"\"\") { id } }"), None),
        ("a block of quotation marks", filled("{ node(id: \"\"\"", "\\\"\"\"", "\"\"\") { id } }"), None),
        ("a text without end", filled("{ node(id: \"", "x", ""), none),
        ("blocks without end", filled("{ node(id: \"\"\"", "\\\"\"\"", ""), none),
        ("a huge number", filled("{ node(id: ", "7", ") { id } }"), None),
        ("a long fraction", filled("{ node(id: 0.", "7", ") { id } }"), invalid),
        ("a long name", filled("{ ", "a", " }"), invalid),
        ("a long list", format!("{{ nodes(ids: [{}]) {{ id }} }}", "1 ".repeat(4900)), None),
        ("a chain of fragments", format!("{{ ...F0 }} {chain} fragment F500 on Query {{ a }}"), complex),
        ("fragments never used", format!("{{ a }} {unused}"), invalid),
        ("operations", operations, None),
        (
            "operations that share a fragment",
            format!("{shared} fragment F on Query {{{}}}", " a".repeat(100)),
            complex,
        ),
        (
            "arguments that are spread",
            format!(
                "{{ {} }} fragment F on Query {{ a(b: \"{}\") }}",
                "...F ".repeat(1000),
                "x".repeat(100_000)
            ),
            complex,
        ),
        ("variables", format!("query({variables}) {{ __typename }}"), invalid),
        ("as many unknown fields", format!("{{ viewer {{{}}} }}", " nobody".repeat(4900)), invalid),
        ("unknown arguments", format!("{{ partners({arguments}) {{ nodes {{ id }} }} }}"), invalid),
        ("values that do not fit", format!("{{ nodes(ids: [{}]) {{ id }} }}", "{} ".repeat(2400)), invalid),
        ("fields that conflict", format!("{{ partners {{ nodes {{ {histories} }} }} }}"), invalid),
        ("lists that are merged", format!("{{ partners {{ nodes {{ {nested} }} }} }}"), None),
        (
            "a chain of fragments that are compared",
            format!("{{ viewer {{ ...F0 }} }} {links} fragment F28 on Viewer {{{}}}", " subject".repeat(600)),
            None,
        ),
        ("commas", filled("{ viewer { ", ",", "subject } }"), None),
        ("characters of several bytes", filled("{ node(id: \"", "😀", "\") { id } }"), None),
        ("no GraphQL", "\u{0}".repeat(LONGEST), none),
    ]
}
