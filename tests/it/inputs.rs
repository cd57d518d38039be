//! Inputs: an absent field is not null, in literals and in variables alike, and inputs that do not match the schema are
//! rejected before execution.

use contact_gateway::entity::custom_field::FieldType;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    custom_field::field,
    mutation::{assert_refused, assert_schema_mismatch, done},
    support::{Actor, Reply, World, on_both},
};

on_both!(
    literals_tell_absent_from_null,
    an_input_variable_tells_absent_from_null,
    field_variables_tell_absent_from_null,
    defaults_of_variables_stand_for_absent_ones,
    fragments_tell_absent_from_null,
    the_selected_operation_tells_what_is_absent,
    email_and_version_may_be_absent,
    variables_stand_deep_in_an_input,
    absent_variables_in_lists_are_null,
    one_value_stands_for_a_list_of_one,
    escapes_in_texts_are_read,
    metadata_is_written_as_a_literal,
    literals_that_do_not_fit_are_named,
    variables_that_do_not_fit_are_refused,
    a_schema_mismatch_prevents_execution_of_the_whole_document,
    mutations_happen_in_order_each_by_itself,
);

/// The expected job title after an update of an Analyst.
struct Case {
    written: Option<Value>,
    kept: Value,
}

fn cases() -> [Case; 3] {
    [
        Case { written: None, kept: json!("Analyst") },
        Case { written: Some(Value::Null), kept: Value::Null },
        Case { written: Some(json!("Countess")), kept: json!("Countess") },
    ]
}

async fn analyst(world: &World) -> String {
    let number = world.count("internal_contact").await;
    let input = json!({
        "email": format!("ada{number}@example.com"), "internalRole": "CSM", "jobTitle": "Analyst",
        "phone": "+12025550143",
    });
    let person = done(&world.writer(), "createInternalContact", input, "internalContact { id }").await;
    person["internalContact"]["id"].as_str().expect("an id").to_owned()
}

/// The person behind the field `it` of a mutation that succeeded.
#[track_caller]
fn person(reply: &Reply) -> &Value {
    assert_eq!(reply.user_errors("it"), [""; 0]);
    reply.data("/it/internalContact")
}

fn variables(id: &str, job_title: Option<Value>) -> Value {
    let mut variables = json!({ "id": id });
    if let Some(job_title) = job_title {
        variables["jobTitle"] = job_title;
    }
    variables
}

const ANSWER: &str = "{ internalContact { jobTitle phone version } userErrors { code field } }";

async fn literals_tell_absent_from_null(world: World) {
    for Case { written, kept } in cases() {
        let id = analyst(&world).await;
        let field = written.map_or_else(String::new, |value| format!("jobTitle: {value}"));
        let document =
            format!("mutation {{ it: updateInternalContact(input: {{ id: \"{id}\" {field} }}) {ANSWER} }}");
        let reply = world.writer().query(&document).await;
        assert_eq!(person(&reply)["jobTitle"], kept, "{document}");
        assert_eq!(person(&reply)["phone"], "+12025550143", "{document}");
    }
}

async fn an_input_variable_tells_absent_from_null(world: World) {
    let document = format!(
        "mutation($input: UpdateInternalContactInput!) {{ it: updateInternalContact(input: $input) {ANSWER} }}"
    );
    for Case { written, kept } in cases() {
        let input = variables(&analyst(&world).await, written);
        let reply = world.writer().graphql(&document, json!({ "input": input })).await;
        assert_eq!(person(&reply)["jobTitle"], kept, "{input}");
        assert_eq!(person(&reply)["phone"], "+12025550143", "{input}");
    }
}

async fn field_variables_tell_absent_from_null(world: World) {
    let document = format!(
        "mutation($id: ID!, $jobTitle: String, $phone: PhoneNumber) {{
            it: updateInternalContact(input: {{ id: $id, jobTitle: $jobTitle, phone: $phone }}) {ANSWER}
        }}"
    );
    // Twice, because documents are kept from request to request.
    for Case { written, kept } in cases().into_iter().chain(cases()) {
        let variables = variables(&analyst(&world).await, written);
        let reply = world.writer().graphql(&document, variables.clone()).await;
        assert_eq!(person(&reply)["jobTitle"], kept, "{variables}");
        assert_eq!(person(&reply)["phone"], "+12025550143", "{variables}");
    }
}

async fn defaults_of_variables_stand_for_absent_ones(world: World) {
    for (default, written, kept) in [
        ("\"Countess\"", None, json!("Countess")),
        ("\"Countess\"", Some(Value::Null), Value::Null),
        ("\"Countess\"", Some(json!("Poet")), json!("Poet")),
        ("null", None, Value::Null),
        ("null", Some(json!("Poet")), json!("Poet")),
    ] {
        let document = format!(
            "mutation($id: ID!, $jobTitle: String = {default}) {{
                it: updateInternalContact(input: {{ id: $id, jobTitle: $jobTitle }}) {ANSWER}
            }}"
        );
        let variables = variables(&analyst(&world).await, written);
        let reply = world.writer().graphql(&document, variables.clone()).await;
        assert_eq!(person(&reply)["jobTitle"], kept, "{default} {variables}");
    }
}

async fn fragments_tell_absent_from_null(world: World) {
    let document = format!(
        "mutation($id: ID!, $jobTitle: String) {{ ...Update ... on Mutation {{ __typename }} }}
        fragment Update on Mutation {{ it: updateInternalContact(input: {{ id: $id, jobTitle: $jobTitle }}) {ANSWER} }}"
    );
    for Case { written, kept } in cases() {
        let variables = variables(&analyst(&world).await, written);
        let reply = world.writer().graphql(&document, variables.clone()).await;
        assert_eq!(person(&reply)["jobTitle"], kept, "{variables}");
    }
}

async fn the_selected_operation_tells_what_is_absent(world: World) {
    let update = format!("it: updateInternalContact(input: {{ id: $id, jobTitle: $jobTitle }}) {ANSWER}");
    let document = format!(
        "mutation Plain($id: ID!, $jobTitle: String) {{ {update} }}
        mutation Default($id: ID!, $jobTitle: String = \"Countess\") {{ {update} }}"
    );
    for (operation, kept) in [("Plain", "Analyst"), ("Default", "Countess"), ("Plain", "Analyst")] {
        let variables = json!({ "id": analyst(&world).await });
        let body = json!({ "query": document, "operationName": operation, "variables": variables });
        let reply = Reply::of(world.writer().request(Method::POST, "/graphql").json(&body)).await;
        assert_eq!(person(&reply)["jobTitle"], kept, "{operation}");
    }
}

async fn email_and_version_may_be_absent(world: World) {
    let document = format!(
        "mutation($id: ID!, $email: EmailAddress, $version: Int, $jobTitle: String) {{
            it: updateInternalContact(
                input: {{ id: $id, email: $email, expectedVersion: $version, jobTitle: $jobTitle }}
            ) {ANSWER}
        }}"
    );
    let id = analyst(&world).await;
    let reply = world.writer().graphql(&document, json!({ "id": id, "jobTitle": "Poet" })).await;
    assert_eq!(*person(&reply), json!({ "jobTitle": "Poet", "phone": "+12025550143", "version": 2 }));
    let reply =
        world.writer().graphql(&document, json!({ "id": id, "jobTitle": "Countess", "version": null })).await;
    assert_eq!(person(&reply)["version"], 3);
    let actor = world.writer();
    for (variables, error) in [
        (json!({ "id": id, "email": null }), "REQUIRED email"),
        (json!({ "id": id, "version": 2 }), "CONFLICT expectedVersion"),
    ] {
        let reply = world.nothing_written(actor.graphql(&document, variables)).await;
        assert_eq!(reply.user_errors("it"), [error]);
    }
}

async fn variables_stand_deep_in_an_input(world: World) {
    let rows = world.rows();
    let account = rows.account("Initech").await.id.to_string();
    let size = field(&rows, "size", FieldType::Integer, false).await.to_string();
    let document = "mutation($account: ID!, $field: ID!, $value: JSON!, $note: JSON, $absent: JSON, $phone: PhoneNumber) {
        createAccountContact(input: {
            firstName: \"Grace\", email: \"grace@example.com\", accountIds: [$account], phone: $phone
            customFieldValues: [{ customFieldId: $field, value: $value }]
            metadata: { note: $note, deep: [{ note: $note, absent: $absent }], absent: $absent }
        }) {
            accountContact { phone metadata accounts { nodes { id } } customFieldValues { value } }
            userErrors { code field }
        }
    }";
    let variables = json!({ "account": account, "field": size, "value": 7, "note": { "a": null } });
    let reply = world.writer().graphql(document, variables).await;
    let expected = json!({
        "phone": null, "metadata": { "note": { "a": null }, "deep": [{ "note": { "a": null } }] },
        "accounts": { "nodes": [{ "id": account }] }, "customFieldValues": [{ "value": 7 }],
    });
    assert_eq!(*reply.data("/createAccountContact/accountContact"), expected);
}

async fn absent_variables_in_lists_are_null(world: World) {
    let document = "mutation($one: JSON, $two: JSON) {
        createAccountContact(input: {
            firstName: \"Grace\", email: \"grace@example.com\", metadata: { list: [1, $one, $two] }
        }) { accountContact { metadata } userErrors { code field } }
    }";
    let reply = world.writer().graphql(document, json!({ "two": 2 })).await;
    let metadata = reply.data("/createAccountContact/accountContact/metadata");
    assert_eq!(*metadata, json!({ "list": [1, null, 2] }));
}

async fn one_value_stands_for_a_list_of_one(world: World) {
    let account = world.rows().account("Initech").await.id.to_string();
    let selection = "{ accountContact { accounts { nodes { id } } } userErrors { code field } }";
    let input = json!({ "firstName": "Grace", "email": "grace@example.com", "accountIds": account });
    let nodes = "accountContact { accounts { nodes { id } } }";
    let payload = done(&world.writer(), "createAccountContact", input, nodes).await;
    assert_eq!(payload["accountContact"]["accounts"]["nodes"], json!([{ "id": account }]));
    let document = format!(
        "mutation {{ createAccountContact(
            input: {{ firstName: \"Ada\", email: \"ada@example.com\", accountIds: \"{account}\" }}
        ) {selection} }}"
    );
    let reply = world.writer().query(&document).await;
    let accounts = reply.data("/createAccountContact/accountContact/accounts/nodes");
    assert_eq!(*accounts, json!([{ "id": account }]));
}

/// Makes a partner whose name is this literal.
async fn partner(world: &World, name: &str) -> Reply {
    let document = format!(
        "mutation {{ createPartner(input: {{ name: {name} }}) {{ partner {{ name }} userErrors {{ code message field index }} }} }}"
    );
    world.writer().query(&document).await
}

async fn escapes_in_texts_are_read(world: World) {
    for (literal, name) in [
        (r#""Globex""#, "Globex"),
        (r#""\u0047lobex \"\\\/""#, "Globex \"\\/"),
        (r#""\u00fc\u65e5""#, "ü日"),
        ("\"\u{1f600}\"", "\u{1f600}"),
        (r#""""Globex""""#, "Globex"),
        ("\"\"\"\n    Globex \\u0041\n\"\"\"", "Globex \\u0041"),
    ] {
        let reply = partner(&world, literal).await;
        assert_eq!(reply.text("/createPartner/partner/name"), name, "{literal}");
    }
    for literal in [r#""Glo\u0000bex""#, r#""Glo\nbex""#, "\"\"\"Glo\n\nbex\"\"\""] {
        let reply = world.nothing_written(partner(&world, literal)).await;
        assert_refused(&reply, "createPartner", &["INVALID name"], literal);
    }
    // Half of a character is none.
    for literal in [r#""\ud83d""#, r#""\ude00\ud83d""#, r#""\ud83d\u0041""#, r#""\u00""#, r#""\x41""#] {
        let reply = world.nothing_written(partner(&world, literal)).await;
        assert_eq!(reply.errors(), ["GRAPHQL_PARSE_FAILED"], "{literal}");
    }
}

async fn metadata_is_written_as_a_literal(world: World) {
    let create = |metadata: &str| {
        let document = format!(
            "mutation {{ createAccountContact(
                input: {{ firstName: \"Ada\", email: \"ada@example.com\", metadata: {metadata} }}
            ) {{ accountContact {{ id metadata }} userErrors {{ code message field index }} }} }}"
        );
        let writer = world.writer();
        async move { writer.query(&document).await }
    };
    for (metadata, error) in [
        ("[]", "INVALID metadata"),
        ("\"{}\"", "INVALID metadata"),
        ("{ a: [\"\\u0000\"] }", "INVALID metadata.a.0"),
        (&format!("{{ a: \"{}\" }}", "x".repeat(16 * 1024)), "TOO_LONG metadata"),
    ] {
        let reply = world.nothing_written(create(metadata)).await;
        assert_refused(&reply, "createAccountContact", &[error], &metadata[..metadata.len().min(80)]);
    }
    let reply = create("{ a: 1, b: [true, null, -2.5, \"x\"], c: {} }").await;
    let metadata = reply.data("/createAccountContact/accountContact/metadata");
    assert_eq!(*metadata, json!({ "a": 1, "b": [true, null, -2.5, "x"], "c": {} }));
}

fn strict(world: &World) -> Actor {
    world.writer().with_header("accept", "application/graphql-response+json")
}

async fn literals_that_do_not_fit_are_named(world: World) {
    let actor = strict(&world);
    for (mutation, input, argument) in [
        ("createInternalContact", "internalRole: CSM", &["input", "email"][..]),
        ("createInternalContact", "email: null, internalRole: CSM", &["input", "email"]),
        ("createInternalContact", "email: 7, internalRole: CSM", &["input", "email"]),
        ("createInternalContact", "email: \"a@example.com\", internalRole: CEO", &["input", "internalRole"]),
        ("createOrganizationContact", "name: \"A\"", &["input", "type"]),
        ("createOrganizationContact", "type: 7", &["input", "type"]),
        ("updateOrganizationContact", "id: \"oc_1\", type: FINANCE", &["input", "type"]),
        ("updateInternalContact", "id: \"ic_1\", expectedVersion: 1.0", &["input", "expectedVersion"]),
        ("updateInternalContact", "id: { key: 1 }", &["input", "id"]),
        ("createAccountContact", "email: \"a@example.com\"", &["input", "firstName"]),
        (
            "createAccountContact",
            "firstName: \"A\", email: \"a@example.com\", accountIds: [\"acc_1\", null]",
            &["input", "accountIds", "1"],
        ),
    ] {
        let document = format!("mutation {{ {mutation}(input: {{ {input} }}) {{ __typename }} }}");
        let reply = world.nothing_written(actor.query(&document)).await;
        assert_schema_mismatch(&reply, argument, &document);
    }
    let reply = world.nothing_written(actor.query("mutation { createPartner { __typename } }")).await;
    assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"]);
}

async fn variables_that_do_not_fit_are_refused(world: World) {
    let actor = strict(&world);
    let create = "createInternalContact(input: { email: $email, internalRole: CSM }) { __typename }";
    for (declared, variables) in [
        ("$email: EmailAddress!", json!({})),
        ("$email: EmailAddress!", json!({ "email": null })),
        ("$email: EmailAddress!", json!({ "email": 7 })),
        ("$email: EmailAddress!", json!({ "email": ["a@example.com"] })),
        ("$email: EmailAddress", json!({})),
        ("$email: EmailAddress", json!({ "email": null })),
        ("$other: String", json!({ "email": "a@example.com" })),
    ] {
        let document = format!(
            "mutation({declared}) {{ createAccount(input: {{ name: \"A\" }}) {{ __typename }} {create} }}"
        );
        let reply = world.nothing_written(actor.graphql(&document, variables.clone())).await;
        assert_eq!(reply.status, 400, "{declared} {variables} {reply:?}");
        let errors = reply.errors();
        assert!(!errors.is_empty(), "{declared} {variables}");
        assert!(errors.iter().all(|code| code == "GRAPHQL_VALIDATION_FAILED"), "{errors:?}");
        assert_eq!(reply.body.get("data"), None, "{declared} {variables}");
    }
}

async fn a_schema_mismatch_prevents_execution_of_the_whole_document(world: World) {
    let actor = strict(&world);
    for selection in [
        "createInternalContact(input: { email: 7, internalRole: CSM }) { __typename }",
        "createPartner(input: { name: 7 }) { __typename }",
        "createOrganizationContact(input: { type: FINANCE, phone: 7 }) { __typename }",
        "createPartner(input: { name: \"A\" }) { name }",
        "dropPartner(id: 1) { __typename }",
    ] {
        let document =
            format!("mutation {{ createAccount(input: {{ name: \"A\" }}) {{ __typename }} {selection} }}");
        let reply = world.nothing_written(actor.query(&document)).await;
        assert_eq!(reply.status, 400, "{selection}");
        assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{selection}");
    }
}

async fn mutations_happen_in_order_each_by_itself(world: World) {
    let document = "mutation {
        one: createPartner(input: { name: \"One\", remoteId: \"r\" }) { ...It }
        again: createPartner(input: { name: \"Again\", remoteId: \"r\" }) { ...It }
        two: createPartner(input: { name: \"Two\" }) { ...It }
    }
    fragment It on CreatePartnerPayload { partner { name version } userErrors { code field } }";
    let reply = world.writer().query(document).await;
    assert_eq!(reply.text("/one/partner/name"), "One");
    assert_eq!(reply.user_errors("again"), ["TAKEN remoteId"]);
    assert_eq!(reply.text("/two/partner/name"), "Two");
    assert_eq!(world.count("partner").await, 2);
    // What a later mutation reads is what the earlier ones wrote.
    let id = analyst(&world).await;
    let document = "mutation($id: ID!) {
        a: updateInternalContact(input: { id: $id, jobTitle: \"Poet\" }) { ...It }
        b: updateInternalContact(input: { id: $id, jobTitle: null, expectedVersion: 2 }) { ...It }
        c: updateInternalContact(input: { id: $id, name: \"Ada\", expectedVersion: 2 }) { ...It }
    }
    fragment It on UpdateInternalContactPayload {
        internalContact { jobTitle version assignments { nodes { internalContact { jobTitle version } } } }
        userErrors { code field }
    }";
    let reply = world.writer().graphql(document, json!({ "id": id })).await;
    for (key, job_title, version) in [("a", json!("Poet"), 2), ("b", Value::Null, 3)] {
        let now = json!({ "jobTitle": job_title, "version": version });
        let person = reply.data(&format!("/{key}/internalContact"));
        assert_eq!((&person["jobTitle"], &person["version"]), (&now["jobTitle"], &now["version"]));
        assert_eq!(person["assignments"]["nodes"], json!([{ "internalContact": now }]));
    }
    assert_eq!(reply.user_errors("c"), ["CONFLICT expectedVersion"]);
}
