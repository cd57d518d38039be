//! Tests of mapped claims: where they are found, what they mean, and that they never mean more than the token says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::super::mapping::NamedOrganizations;
use super::super::payload::Payload;
use super::*;

fn path(text: &str) -> ClaimPath {
    ClaimPath::parse(text).expect("a path")
}

fn paths(texts: &[&str]) -> Vec<ClaimPath> {
    texts.iter().map(|text| path(text)).collect()
}

fn payload(claims: &Value) -> Payload {
    Payload::parse(claims.to_string().as_bytes()).expect("an object")
}

/// A mapping of the claims `scope` and `org`.
fn mapping(form: TokenForm) -> ClaimMapping {
    ClaimMapping {
        scopes: paths(&["scope"]),
        organizations: Organizations::Claims(paths(&["org"])),
        form,
        ..ClaimMapping::own()
    }
}

fn scopes_of(mapping: &ClaimMapping, claims: Value) -> Result<String, String> {
    mapping.scopes(&payload(&claims)).map(|scopes| scopes.to_string()).map_err(|error| error.to_string())
}

fn organizations_of(mapping: &ClaimMapping, claims: Value) -> Result<(Vec<i64>, Vec<String>), String> {
    let named = mapping.organizations(&payload(&claims)).map_err(|error| error.to_string())?;
    Ok((named.numbers, named.external_ids))
}

#[test]
fn paths_are_names_or_pointers() {
    let claims = payload(&json!({
        "a": { "b": [1, { "c": 2 }], "d/e": 3, "f~g": 4, "": 5 }, "a/b": 6, "https://x.test/roles": 7, "n": null,
        "o": { "one": { "id": "x" }, "two": { "id": "y" }, "three": {} }
    }));
    let found = |text: &str| path(text).find(&claims).into_iter().cloned().collect::<Vec<Value>>();
    assert_eq!(found("/a/b/0"), [json!(1)]);
    assert_eq!(found("/a/b/1/c"), [json!(2)]);
    assert_eq!(found("/a/d~1e"), [json!(3)]);
    assert_eq!(found("/a/f~0g"), [json!(4)]);
    assert_eq!(found("/a/"), [json!(5)]);
    assert_eq!(found("a/b"), [json!(6)]);
    assert_eq!(found("https://x.test/roles"), [json!(7)]);
    assert_eq!(found("/o/*/id"), [json!("x"), json!("y")]);
    assert_eq!(found("/a/b/*"), [json!(1), json!({ "c": 2 })]);
    for absent in ["n", "/n", "x", "/a/x", "/a/b/2", "/a/b/-1", "/a/b/0/c", "*", "/x/*"] {
        assert_eq!(found(absent), Vec::<Value>::new(), "{absent}");
    }
    for bad in ["", " ", "/a~", "/a~2b"] {
        assert_eq!(ClaimPath::parse(bad), None, "{bad}");
    }
}

#[test]
fn scopes_come_from_strings_and_lists() {
    let mapping =
        ClaimMapping { scopes: paths(&["scope", "scp", "permissions"]), ..mapping(TokenForm::Mixed) };
    let scopes = |claims| scopes_of(&mapping, claims);
    assert_eq!(
        scopes(json!({ "scope": "openid  contacts:read\torg:admin" })),
        Ok("contacts:read org:admin".into())
    );
    assert_eq!(scopes(json!({ "scp": ["openid", "contacts:read"] })), Ok("contacts:read".into()));
    let union = json!({ "scope": "contacts:read", "permissions": ["contacts:write"], "scp": null });
    assert_eq!(scopes(union), Ok("contacts:read contacts:write".into()));
    // An item of a list is one name.
    assert_eq!(scopes(json!({ "scp": ["contacts:read contacts:write"] })), Ok(String::new()));
    assert_eq!(scopes(json!({})), Ok(String::new()));
    assert_eq!(
        scopes(json!({ "scope": [1, 2] })).expect_err("a refusal"),
        "The claim scope of the token must be a string or a list of strings. It is a list of numbers."
    );
    assert_eq!(
        scopes(json!({ "scp": 7 })).expect_err("a refusal"),
        "The claim scp of the token must be a string or a list of strings. It is the number 7."
    );
    let object = scopes(json!({ "permissions": { "a": 1 } })).expect_err("a refusal");
    assert!(
        object.contains("It is an object. Operators: ") && object.contains("/organization/*/id"),
        "{object}"
    );
}

#[test]
fn a_prefix_is_cut_and_a_map_translates() {
    let scope_map = BTreeMap::from([
        ("admins".to_owned(), Scopes::parse("contacts:read org:admin")),
        ("reader".to_owned(), Scopes::parse("contacts:read")),
        ("contacts:write".to_owned(), Scopes::NONE),
    ]);
    let mapping =
        ClaimMapping { scope_prefix: Some("contacts/".to_owned()), scope_map, ..mapping(TokenForm::Mixed) };
    let scopes = |text: &str| scopes_of(&mapping, json!({ "scope": text })).expect("scopes");
    assert_eq!(scopes("contacts/contacts:read"), "contacts:read");
    // Another service's scope of the same name.
    assert_eq!(scopes("contacts:read other/contacts:read contacts/contacts/contacts:read"), "");
    assert_eq!(scopes("admins"), "contacts:read org:admin");
    assert_eq!(scopes("contacts/reader reader"), "contacts:read");
    // The map takes a scope away.
    assert_eq!(scopes("contacts/contacts:write"), "");
    assert_eq!(scopes("Admins admin ADMINS"), "");
}

#[test]
fn organizations_are_numbers_ids_and_external_ids() {
    let (mixed, provider) = (mapping(TokenForm::Mixed), mapping(TokenForm::Provider));
    let own = |numbers: &[i64], ids: &[&str]| {
        Ok((numbers.to_vec(), ids.iter().map(|id| (*id).to_owned()).collect()))
    };
    assert_eq!(organizations_of(&mixed, json!({ "org": 7 })), own(&[7], &[]));
    assert_eq!(
        organizations_of(&mixed, json!({ "org": ["org_7", 3, "42", "acme", 7] })),
        own(&[3, 7, 42], &["acme"])
    );
    assert_eq!(organizations_of(&mixed, json!({ "org": "org_9ybsU1" })), own(&[], &["org_9ybsU1"]));
    assert_eq!(organizations_of(&mixed, json!({ "org": [] })), own(&[], &[]));
    assert_eq!(organizations_of(&mixed, json!({})), own(&[], &[]));
    // People may choose names at the provider.
    assert_eq!(organizations_of(&provider, json!({ "org": ["42", "org_7"] })), own(&[], &["42", "org_7"]));
    for bad in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!(true),
        json!({ "a": 1 }),
        json!(""),
        json!(" "),
        json!("a\nb"),
        json!([[1]]),
    ] {
        assert!(organizations_of(&mixed, json!({ "org": bad })).is_err(), "{bad}");
        assert!(organizations_of(&provider, json!({ "org": bad })).is_err(), "{bad}");
    }
    // A number of the provider is never one of the gateway.
    assert_eq!(organizations_of(&provider, json!({ "org": [7, "7", "acme"] })), own(&[], &["7", "acme"]));
    let object = organizations_of(&provider, json!({ "org": { "acme": {} } })).expect_err("a refusal");
    assert!(object.contains("/organization/*/id") && object.contains("Keycloak"), "{object}");

    let two = ClaimMapping { organizations: Organizations::Claims(paths(&["org", "tenant"])), ..mixed };
    assert_eq!(organizations_of(&two, json!({ "tenant": 7, "org": null })), own(&[7], &[]));
    let both = organizations_of(&two, json!({ "tenant": 7, "org": 7 })).expect_err("a refusal");
    assert!(
        both.starts_with("The claim tenant of the token must be absent beside org. It is present."),
        "{both}"
    );
    let fixed = ClaimMapping { organizations: Organizations::Fixed(OrganizationName::Number(5)), ..two };
    assert_eq!(organizations_of(&fixed, json!({ "tenant": 7, "org": { "x": 1 } })), own(&[5], &[]));
}

#[test]
fn a_missing_scope_is_explained_by_the_claims_that_were_read() {
    let claims = payload(&json!({ "scope": "openid email", "org_id": "x" }));
    let read = Provider::Auth0.mapping().claims_read(&claims);
    assert_eq!(read.scopes, "the claims scope (openid, email), permissions (nothing)");
    let own = ClaimMapping::own();
    let okta = payload(&json!({ "scp": ["contacts:read"], "roles": [], "tid": "x" }));
    assert_eq!(own.claims_read(&okta).scopes, "the claim scope (nothing), and not from scp and roles");
    assert_eq!(own.claims_read(&okta).organizations, "the claims orgs, org_id, and not from tid");
    assert_eq!(read.organization.as_deref(), Some("the claim org_id"));
    let denied = Denied::MissingScope(Scope::ContactsRead, Some(std::sync::Arc::new(read))).to_string();
    assert_eq!(
        denied,
        "This needs the scope contacts:read. Get a token that has it; scopes are read from the claims scope (openid, email), \
         permissions (nothing). Operators: set provider, claims.scopes or scope_map of the issuer if that is wrong."
    );
    let long = payload(&json!({ "scope": "x".repeat(4000) }));
    assert!(ClaimMapping::own().claims_read(&long).scopes.len() < 200);
}

/// Words that claims may have: scopes, names of the map, ids, and others.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "contacts:read",
        "contacts:write",
        "org:admin",
        "gateway:admin",
        "svc/contacts:read",
        "svc/org:admin",
        "admin",
        "svc/admin",
        "reader",
        "org_1",
        "org_2",
        "3",
        "acme",
        "openid",
        "CONTACTS:READ",
        "contacts",
        "svc/",
        "",
        "org_",
    ];
    prop_oneof![9 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = vec(word(), 0..4).prop_map(|words| json!(words.join(" ")));
    let leaf = prop_oneof![
        4 => text,
        2 => word().prop_map(Value::String),
        1 => (-2_i64..5).prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            2 => vec(inner.clone(), 0..4).prop_map(Value::Array),
            1 => btree_map(name(), inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["a", "b", "c", "0", "x/y", "~"]).prop_map(str::to_owned)
}

fn any_path() -> impl Strategy<Value = ClaimPath> {
    let texts =
        ["a", "b", "c", "x/y", "~", "/a", "/b/a", "/a/*", "/a/0", "/c/*/b", "/a/b/c", "/x~1y", "/~0/a", "/d"];
    proptest::sample::select(texts.to_vec()).prop_map(path)
}

fn any_scopes() -> impl Strategy<Value = Scopes> {
    vec(proptest::sample::select(Scope::ALL.to_vec()), 0..3).prop_map(|scopes| scopes.into_iter().collect())
}

fn any_mapping() -> impl Strategy<Value = ClaimMapping> {
    let form = proptest::sample::select(vec![TokenForm::Own, TokenForm::Provider, TokenForm::Mixed]);
    let prefix = proptest::sample::select(vec![None, None, Some("svc/"), Some("org:")]);
    let map = btree_map(word(), any_scopes(), 0..3);
    (vec(any_path(), 0..3), prefix, map, vec(any_path(), 0..3), form).prop_map(
        |(scopes, prefix, scope_map, orgs, form)| ClaimMapping {
            scopes,
            scope_prefix: prefix.map(str::to_owned),
            scope_map,
            organizations: Organizations::Claims(orgs),
            form,
            ..ClaimMapping::own()
        },
    )
}

/// All strings and numbers that stand anywhere in a value.
fn leaves(value: &Value, texts: &mut BTreeSet<String>, numbers: &mut BTreeSet<i64>) {
    match value {
        Value::String(text) => {
            texts.insert(text.clone());
        }
        Value::Number(number) => numbers.extend(number.as_i64()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, texts, numbers)),
        Value::Object(members) => members.values().for_each(|member| leaves(member, texts, numbers)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The values at a path, found step by step; the model of [`ClaimPath`].
fn model_find(claims: &Value, path: &str) -> Vec<Value> {
    let steps: Vec<String> = match path.strip_prefix('/') {
        None => vec![path.to_owned()],
        Some(pointer) => pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect(),
    };
    let mut values = vec![claims.clone()];
    for (depth, step) in steps.iter().enumerate() {
        let mut next = Vec::new();
        for value in values {
            let all = step == "*" && depth > 0;
            match value {
                Value::Object(members) => {
                    next.extend(members.into_iter().filter(|(name, _)| all || name == step).map(|(_, it)| it))
                }
                Value::Array(items) => next.extend(
                    items
                        .into_iter()
                        .enumerate()
                        .filter(|(index, _)| all || index.to_string() == *step)
                        .map(|(_, it)| it),
                ),
                _ => {}
            }
        }
        values = next;
    }
    values.retain(|value| !value.is_null());
    values
}

/// What the claims grant, word by word; `None` for a claim of another type.
fn model_scopes(mapping: &ClaimMapping, claims: &Value) -> Option<Scopes> {
    let mut granted = BTreeSet::new();
    for path in &mapping.scopes {
        for value in model_find(claims, path.as_str()) {
            let words: Vec<String> = match value {
                Value::String(text) => text
                    .split([' ', '\t', '\n', '\r', '\u{c}'])
                    .filter(|word| !word.is_empty())
                    .map(str::to_owned)
                    .collect(),
                Value::Array(items) if mapping.form != TokenForm::Own => {
                    items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?
                }
                _ => return None,
            };
            for word in &words {
                let prefix = mapping.scope_prefix.as_deref().unwrap_or_default();
                let own = word.strip_prefix(prefix);
                let is_mapped = mapping.scope_map.get(word).or_else(|| mapping.scope_map.get(own?));
                match is_mapped {
                    Some(scopes) => granted.extend(scopes.iter().map(Scope::name)),
                    None => granted
                        .extend(Scope::ALL.iter().map(|scope| scope.name()).filter(|name| own == Some(name))),
                }
            }
        }
    }
    Some(granted.into_iter().filter_map(|name| name.parse::<Scope>().ok()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_token_grants_no_more_than_it_says(
        claims in btree_map(name(), any_value(), 0..5).prop_map(|claims| json!(claims)),
        mapping in any_mapping(),
    ) {
        let payload = payload(&claims);
        let (mut texts, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        leaves(&claims, &mut texts, &mut numbers);

        let scopes = mapping.scopes(&payload).ok();
        prop_assert_eq!(scopes, model_scopes(&mapping, &claims));
        // Whatever the paths are: a scope needs a word in the token that is its name, or is in the map.
        let words: BTreeSet<&str> = texts.iter().flat_map(|text| text.split_ascii_whitespace().chain([text.as_str()])).collect();
        let prefix = mapping.scope_prefix.as_deref().unwrap_or_default();
        let says = |scope: Scope| words.iter().any(|word| {
            let bare = word.strip_prefix(prefix);
            let mapped = mapping.scope_map.get(*word).or_else(|| mapping.scope_map.get(bare?));
            mapped.map_or(bare == Some(scope.name()), |scopes| scopes.contains(scope))
        });
        for scope in scopes.unwrap_or_default().iter() {
            prop_assert!(says(scope), "{scope}");
        }

        if let Ok(NamedOrganizations { numbers: granted, external_ids }) = mapping.organizations(&payload) {
            for number in granted {
                let is_text = mapping.form == TokenForm::Mixed
                    && [format!("org_{number}"), number.to_string()].iter().any(|id| texts.contains(id));
                let is_number = mapping.form != TokenForm::Provider && numbers.contains(&number);
                prop_assert!(number > 0 && (is_text || is_number), "{number}");
            }
            for id in external_ids {
                let is_number = mapping.form == TokenForm::Provider
                    && id.parse().is_ok_and(|number: i64| number > 0 && numbers.contains(&number));
                prop_assert!(mapping.form != TokenForm::Own && texts.contains(&id) || is_number, "{id}");
            }
        }
    }
}
