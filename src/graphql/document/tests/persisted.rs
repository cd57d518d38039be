//! Documents by their ids: what is found, what is refused, and how much is kept.

use super::*;
use crate::graphql::document::apq::{BYTES_PER_TEXT, MOST_BYTES};

const TEXT: &str = "{ viewer { subject } }";
const OTHER: &str = "{ viewer { scopes } }";

fn trusted(documents: &[(&str, &str)]) -> Result<Trusted, Vec<String>> {
    let documents: Vec<_> = documents.iter().map(|(id, text)| ((*id).into(), (*text).into())).collect();
    let trusted = Trusted::new(&documents, &Budgets::default(), Introspection::Off);
    trusted.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn code(found: Result<DocumentLookup, DocumentError>) -> Option<&'static str> {
    found.err().map(|refused| refused.code.as_str())
}

#[test]
fn hashes_are_those_of_others() {
    // The example of the specification's appendix.
    let text = "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}";
    let hash = "7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e";
    assert_eq!(sha256(text), hash);
    assert_eq!(plain_id(&format!("sha256:{hash}")), hash);
    let upper = format!("sha256:{}", hash.to_uppercase());
    for other in [hash, "sha256:", "sha256:abc", "md5:7dba4bd717b41f10434822356a93c32b", &upper] {
        assert_eq!(plain_id(other), other);
    }
}

#[test]
fn each_mode_does_what_it_says() {
    let hash = sha256(OTHER);
    let (text, by_id, other) =
        (DocumentReference::Text(TEXT), DocumentReference::Id("m"), DocumentReference::Text(OTHER));
    let both = DocumentReference::Both { text: OTHER, id: &hash };
    for (mode, reported, refused) in [
        (TrustedDocumentsMode::Off, false, None),
        (TrustedDocumentsMode::Log, true, None),
        (TrustedDocumentsMode::Enforce, true, Some("DOCUMENT_NOT_TRUSTED")),
    ] {
        let manifest = trusted(&[("m", TEXT)]).expect("trust");
        let documents = Documents::default().with_automatic().with_trusted(manifest, mode);
        for request in [
            text,
            by_id,
            DocumentReference::Id(&sha256(TEXT)),
            DocumentReference::Both { text: TEXT, id: "m" },
        ] {
            let found = documents.find(request, None).expect("a document");
            assert!(!found.untrusted, "{mode:?} {request:?}");
        }
        let unknown = refused.unwrap_or("PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(code(documents.find(DocumentReference::Id(&hash), None)), Some(unknown), "{mode:?}");
        for request in [other, both, DocumentReference::Id(&hash)] {
            match documents.find(request, None) {
                Ok(found) => assert_eq!((found.untrusted, refused), (reported, None), "{mode:?} {request:?}"),
                Err(error) => assert_eq!(Some(error.code.as_str()), refused, "{mode:?} {request:?}"),
            }
        }
        let wrong = documents.find(DocumentReference::Both { text: OTHER, id: "m" }, None);
        assert_eq!(code(wrong), Some("BAD_REQUEST"), "{mode:?}");
    }
}

#[test]
fn errors_of_manifest_entries_have_their_ids() {
    let (hash, wrong) = (sha256(TEXT), sha256(OTHER));
    assert!(trusted(&[(&hash, TEXT), ("m", TEXT), (&format!("sha256:{hash}"), TEXT)]).is_ok());
    for (documents, expected) in [
        (vec![(wrong.as_str(), TEXT)], "the id is not the SHA-256 of the document"),
        (vec![(&*format!("sha256:{wrong}"), TEXT)], "the id is not the SHA-256 of the document"),
        (vec![("a", TEXT), ("a", OTHER)], "the id is another document's, too"),
        (vec![("a", "{ viewer")], "The document is not valid GraphQL here: expected }. (line 1, column 9)"),
        (
            vec![("a", "{ viewer { nobody } }")],
            "Type `Viewer` does not have a field `nobody`. (line 1, column 12)",
        ),
        (
            vec![("a", "query($a: [Nope] = [1]) { nodes(ids: $a) { id } }")],
            "Cannot find type `Nope` in this document. (line 1, column 7)",
        ),
        (
            vec![("a", "{ ...F } fragment F on Query { ...F }")],
            "This fragment is spread within itself. (line 1, column 32)",
        ),
        (
            vec![("a", "query A { __schema { types { name } } }")],
            "Introspection is off here; see schema.graphql. (line 1, column 1)",
        ),
        (
            vec![("a", "query A { viewer { subject } } subscription B { a b }")],
            "Type `Subscription` does not have a field `a`. (line 1, column 49)",
        ),
        (
            vec![("a", "subscription { a }")],
            "Type `Subscription` does not have a field `a`. (line 1, column 16)",
        ),
        (
            // The first of several, in whatever order operations are looked at.
            vec![("a", "query A { viewer { subject } } query B { node { id } } query C { b } query D { c }")],
            "The required argument `Query.node(id:)` is not provided. (line 1, column 42)",
        ),
    ] {
        let faults = trusted(&documents).err().unwrap_or_default();
        let id = documents.last().expect("a document").0;
        assert_eq!(faults, [format!("{id}: {expected}")]);
    }
    let subscription = "subscription { contactChanged { cursor } }";
    assert!(trusted(&[("a", subscription)]).is_ok());
    let several = trusted(&[("a", "{"), (&hash, TEXT), ("b", "{")]).err().unwrap_or_default();
    assert_eq!(several.len(), 2, "{several:?}");
    // Whatever the variables will be.
    let open = "mutation A($input: CreatePartnerInput!, $name: String) { createPartner(input: $input) { partner { id } } \
                b: createPartner(input: { name: $name }) { partner { id } } }";
    let open = open.replace("$name: String)", "$name: String!)");
    assert!(trusted(&[("a", &open)]).is_ok());
}

/// A document of some 10 KB.
fn text(number: usize) -> String {
    format!("{TEXT} # {number} {}", "x".repeat(10_000))
}

#[test]
fn who_floods_crowds_out_his_own() {
    let documents = Documents::default().with_automatic();
    let keep = |organization: Option<i64>, number: usize| {
        let text = text(number);
        let id = sha256(&text);
        documents.find(DocumentReference::Both { text: &text, id: &id }, organization).expect("a document");
    };
    let has = |organization: Option<i64>, number: usize| {
        documents.find(DocumentReference::Id(&sha256(&text(number))), organization).is_ok()
    };
    for number in 0..50 {
        keep(Some(1), number);
    }
    for number in 0..4000 {
        keep(Some(2), number);
        // What is asked for stays, even among them.
        assert!(has(Some(2), 0), "{number}");
    }
    assert!((0..50).all(|number| has(Some(1), number)));
    assert!(has(Some(2), 3999) && !has(Some(2), 1));
    assert!(!has(Some(3), 0) && !has(None, 0));
    let automatic = documents.apq.as_ref().expect("automatic ones");
    let (of_one, of_all) = automatic.organizations().bytes(Some(1));
    assert!(of_all <= MOST_BYTES && of_all > MOST_BYTES - 20_000, "{of_all}");
    assert!(of_one > 50 * (10_000 + BYTES_PER_TEXT) && of_one < 50 * (10_100 + BYTES_PER_TEXT), "{of_one}");
    let cached = documents.cache();
    assert!(cached.bytes <= cache::MOST_BYTES, "{}", cached.bytes);
}

#[test]
fn what_is_refused_is_not_kept() {
    let documents = Documents::default().with_automatic();
    for text in ["{", "{ ...F }", &"{ a ".repeat(20)] {
        let id = sha256(text);
        assert!(documents.find(DocumentReference::Both { text, id: &id }, None).is_err());
        assert_eq!(code(documents.find(DocumentReference::Id(&id), None)), Some("PERSISTED_QUERY_NOT_FOUND"));
    }
    assert_eq!(documents.apq.as_ref().expect("automatic ones").organizations().bytes(None), (0, 0));
    let wrong = documents.find(DocumentReference::Both { text: TEXT, id: &sha256(OTHER) }, None);
    assert_eq!(code(wrong), Some("BAD_REQUEST"));
    assert_eq!(
        code(documents.find(DocumentReference::Id(&sha256(TEXT)), None)),
        Some("PERSISTED_QUERY_NOT_FOUND")
    );
}

#[test]
fn ids_are_not_taken_where_there_are_none() {
    let documents = Documents::default();
    let id = sha256(TEXT);
    for request in [DocumentReference::Id(&id), DocumentReference::Both { text: TEXT, id: &id }] {
        assert_eq!(code(documents.find(request, None)), Some("PERSISTED_QUERY_NOT_SUPPORTED"));
    }
    assert!(documents.find(DocumentReference::Text(TEXT), None).is_ok());
}

#[test]
fn without_automatic_ones_only_the_manifests_are_found() {
    let manifest = trusted(&[("m", TEXT)]).expect("trust");
    let documents = Documents::default().with_trusted(manifest, TrustedDocumentsMode::Off);
    let id = sha256(OTHER);
    assert!(documents.find(DocumentReference::Both { text: OTHER, id: &id }, None).is_ok());
    assert_eq!(code(documents.find(DocumentReference::Id(&id), None)), Some("PERSISTED_QUERY_NOT_FOUND"));
}
