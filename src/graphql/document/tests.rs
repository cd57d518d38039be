//! Tests of documents: what is refused, why and where. How long reading them takes is a bench: `cargo bench --bench guard`.

mod attacks;
mod persisted;
mod random;
mod validation;

use std::time::{Duration, Instant};

use self::attacks::{LONGEST, attacks};
use super::*;

/// The code, the message and the position of an error.
type Rejection = (&'static str, String, (usize, usize));

fn refusal_of<T>(result: Result<T, DocumentError>) -> Option<Rejection> {
    let refused = result.err()?;
    let fault = refused.first().expect("a fault");
    let pos = fault.locations.first().expect("a position");
    Some((refused.code.as_str(), fault.message.to_string(), (pos.line, pos.column)))
}

/// Everything before validation.
fn guarded(document: &str, budgets: &Budgets) -> Result<(), DocumentError> {
    guard::check(&Syntax::parse(document, budgets)?, budgets)
}

fn refusal(document: &str) -> Option<Rejection> {
    refusal_of(guarded(document, &Budgets::default()))
}

fn invalid(document: &str) -> Option<Rejection> {
    refusal_of(Documents::default().parse(document))
}

fn complexity(document: &str) -> Option<String> {
    let (code, message, _) = refusal(document)?;
    assert_eq!(code, "QUERY_TOO_COMPLEX", "{message}: {document:.200}");
    Some(message)
}

#[test]
fn attacks_end_as_they_should() {
    for (what, document, code) in attacks() {
        assert!(document.len() <= LONGEST, "{what}: {} bytes", document.len());
        let started = Instant::now();
        let refused = invalid(&document);
        assert_eq!(refused.as_ref().map(|(code, ..)| *code), code, "{what}: {refused:?}");
        // Many times what it takes: this is for what does not end.
        assert!(started.elapsed() < Duration::from_secs(10), "{what}: {:?}", started.elapsed());
    }
}

#[test]
fn each_budget_has_its_message_and_its_place() {
    let aliases: String = (0..31).map(|it| format!("a{it}: id ")).collect();
    let roots = "viewer { subject } ".repeat(21);
    let deep = format!("{}{{ id{}", "{ a ".repeat(12), " }".repeat(13));
    for (document, message, place) in [
        (format!("{{ {} }}", "a ".repeat(5000)), "The document has more than 5000 tokens.", (1, 10_001)),
        (format!("{{ v {{ {aliases} }} }}"), "The document has more than 30 aliases.", (1, 237)),
        (format!("{{ {roots} }}"), "The document has more than 20 root fields.", (1, 1)),
        (format!("{{ a {}}}", "@b ".repeat(11)), "The document has more than 10 directives.", (1, 35)),
        (deep, "The document has more than 12 levels of fields.", (1, 51)),
        (
            format!("{{ {} }}\nfragment F on T {{ {} }}", "...F ".repeat(60), "a ".repeat(100)),
            "The document has more than 5000 fields.",
            (1, 248),
        ),
        (
            format!("{{ a ...F }} fragment F on T {{ {} }}", "a ".repeat(20)),
            "The document has more than 20 root fields.",
            (1, 1),
        ),
        ("[".repeat(65), "The document has more than 64 levels of brackets.", (1, 65)),
        (
            format!("{}a{}", "{ ...".repeat(33) + "{", "}".repeat(34)),
            "The document has more than 32 selection sets within each other.",
            (1, 167),
        ),
    ] {
        let refused = refusal(&document).unwrap_or_else(|| panic!("{message}: {document}"));
        assert_eq!(refused, ("QUERY_TOO_COMPLEX", message.to_owned(), place));
    }
}

#[test]
fn what_reaches_a_budget_is_taken() {
    let aliases: String = (0..30).map(|it| format!("a{it}: id ")).collect();
    for document in [
        format!("{{ {} }}", "...F ".repeat(20)) + "fragment F on Query { a }",
        format!("{{ v {{ {aliases} }} }}"),
        format!("{{ {} }}", "a ".repeat(20)),
        format!("{{ a {} }}", "@b ".repeat(10)),
        format!("{}id{}", "{ a ".repeat(11) + "{ ", " }".repeat(12)),
        // Each spread is a selection too.
        format!("{{ v {{ {} }} }} fragment F on V {{ {} }}", "...F ".repeat(49), "a ".repeat(100)),
        format!("{}a{}", "{ ...".repeat(32) + "{", "}".repeat(33)),
    ] {
        assert_eq!(refusal(&document), None, "{document}");
    }
}

#[test]
fn fragments_within_fragments_are_not_compared_without_end() {
    let chain = |fragments: usize, fields: usize| {
        let inner: String =
            (1..fragments).map(|it| format!("fragment F{} on V {{ ...F{it} }} ", it - 1)).collect();
        let last = format!("fragment F{} on V {{ {} }}", fragments - 1, "a ".repeat(fields));
        format!("{{ v {{ ...F0 }} }} {inner} {last}")
    };
    assert_eq!(refusal(&chain(3, 4800)), None);
    assert_eq!(refusal(&chain(29, 600)), None);
    let message = "The document has more than 20000 fields to compare within its fragments.";
    assert_eq!(complexity(&chain(29, 4700)).as_deref(), Some(message));
}

#[test]
fn each_operation_has_its_own_aliases_and_root_fields() {
    let operations: String = (0..30).map(|it| format!("query Q{it} {{ a: id b c d e f g h }} ")).collect();
    assert_eq!(refusal(&operations), None);
    // But all of them are validated.
    let shared: String = (0..30).map(|it| format!("query Q{it} {{ v {{ ...F }} }} ")).collect();
    let shared = format!("{shared} fragment F on V {{ {} }}", "a ".repeat(180));
    assert_eq!(complexity(&shared).as_deref(), Some("The document has more than 5000 fields."));
}

#[test]
fn introspection_may_go_deeper_but_not_wider() {
    let type_of =
        |levels: usize| format!("{}name{}", "{ ofType ".repeat(levels) + "{ ", " }".repeat(levels + 1));
    let usual = |levels: usize| {
        format!(
            "query {{ __schema {{ types {{ fields {{ args {{ type {} }} }} inputFields {{ name }} }} }} }}",
            type_of(levels)
        )
    };
    for levels in [7, 9, 13] {
        assert_eq!(refusal(&usual(levels)), None, "{levels}");
    }
    assert_eq!(
        complexity(&usual(15)).as_deref(),
        Some("The document has more than 20 levels of introspection.")
    );
    let wide = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    let message = "The document has more than 2 lists of fields or types within each other in introspection.";
    assert_eq!(complexity(wide).as_deref(), Some(message));
    let wide = "{ __type(name: \"A\") { ...F } } fragment F on __Type { fields { type { ...G } } }
        fragment G on __Type { interfaces { possibleTypes { name } } }";
    assert_eq!(complexity(wide).as_deref(), Some(message));
    // A fragment that was measured there is not exempt elsewhere.
    let outside =
        format!("{{ __schema {{ types {{ ...T }} }} a {{ ...T }} }} fragment T on __Type {}", type_of(12));
    assert_eq!(complexity(&outside).as_deref(), Some("The document has more than 12 levels of fields."));
}

#[test]
fn fragments_exist_and_end() {
    for (document, message, place) in [
        ("{ ...F }", "There is no fragment of this name.", (1, 3)),
        ("{ a { ... { ...F } } }", "There is no fragment of this name.", (1, 13)),
        ("{ ...F } fragment F on A { ...F }", "This fragment is spread within itself.", (1, 28)),
        (
            "{ ...F } fragment F on A { a { ...G } } fragment G on A { ... { ...F } }",
            "This fragment is spread within itself.",
            (1, 65),
        ),
    ] {
        let expected = Some(("GRAPHQL_VALIDATION_FAILED", message.to_owned(), place));
        assert_eq!(refusal(document), expected, "{document}");
    }
}

#[test]
fn syntax_errors_have_their_position() {
    for (document, message, position) in [
        ("", "The document has no operation.", (1, 1)),
        ("# nothing\n", "The document has no operation.", (2, 1)),
        ("fragment F on A { a }\n", "The document has no operation.", (2, 1)),
        ("{ a } { b }", "An operation without a name must be the only one.", (1, 1)),
        ("query A { a } query { b }", "An operation without a name must be the only one.", (1, 15)),
        ("query A { a } query A { b }", "Two operations have this name.", (1, 21)),
        ("{ ...F } fragment F on A { a } fragment F on A { a }", "Two fragments have this name.", (1, 41)),
        ("type A { b: Int }", "Only operations and fragments can be executed.", (1, 1)),
    ] {
        let expected = ("GRAPHQL_PARSE_FAILED", message.to_owned(), position);
        assert_eq!(refusal(document), Some(expected), "{document}");
    }
    for (document, what, position) in [
        ("{", "expected at least one Selection in Selection Set", (1, 2)),
        ("{ }", "expected at least one Selection in Selection Set", (1, 3)),
        ("{ a", "expected }", (1, 4)),
        ("{ a } }", "expected a StringValue, Name or OperationDefinition", (1, 7)),
        ("{ a() }", "expected an Argument", (1, 5)),
        ("{ a(b: ) }", "expected a valid Value", (1, 8)),
        ("{ a(b: \"\\x\") }", "unexpected escaped character", (1, 8)),
        ("query ($a: Int = $b) { a }", "unexpected variable value in a Const context", (1, 18)),
        ("query ($a Int) { a }", "expected a Name", (1, 11)),
        ("query () { a }", "expected a Variable Definition", (1, 8)),
        ("fragment on on A { a } { ...on }", "Fragment Name cannot be 'on'", (1, 10)),
        ("{ a é }", "Unexpected character \"é\"", (1, 5)),
        ("{ a(b: \"x\n\") }", "unexpected line terminator", (1, 8)),
        ("{ a(b: 01) }", "Numbers must not have non-significant leading zeroes", (1, 8)),
        ("{ a: }", "expected a Name", (1, 6)),
    ] {
        let message = format!("The document is not valid GraphQL here: {what}.");
        assert_eq!(refusal(document), Some(("GRAPHQL_PARSE_FAILED", message, position)), "{document}");
    }
}

#[test]
fn no_depth_of_nesting_overflows_the_stack() {
    for depth in (0..20_000).step_by(7) {
        for (open, close) in [("[", "]"), ("{a:", "}")] {
            let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let refused = refusal(&format!("{{ node(id: {value}) {{ id }} }}"));
            assert_eq!(refused.is_none(), depth + 2 <= tokens::MAX_NESTING, "{depth} {open}");
        }
        let fragments = format!("{}a{}", "{...".repeat(depth) + "{", "}".repeat(depth + 1));
        assert_eq!(refusal(&fragments).is_none(), depth <= 32, "{depth}");
    }
}

#[test]
fn documents_are_cached_within_their_memory() {
    let documents = Documents::default();
    let text = |number: usize| format!("{{ viewer {{ subject }} }} # {number} {}", "x".repeat(100_000));
    let first = documents.parse(&text(0)).expect("a document");
    assert!(Arc::ptr_eq(&first, &documents.parse(&text(0)).expect("a document")));
    for number in 1..400 {
        documents.parse(&text(number)).expect("a document");
        documents.parse(&text(1)).expect("a document");
    }
    let cached = documents.cache();
    assert!(
        cached.bytes <= cache::MOST_BYTES && cached.bytes > cache::MOST_BYTES - 200_000,
        "{}",
        cached.bytes
    );
    let sum: usize = cached.documents.iter().map(|(_, document)| document.bytes()).sum();
    assert_eq!(cached.bytes, sum);
    assert!(cached.documents.contains(&text(1)) && cached.documents.contains(&text(399)));
    assert!(!cached.documents.contains(&text(0)) && !cached.documents.contains(&text(2)));
}
