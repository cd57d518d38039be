//! JSON that clients give reads back equal, the same on both databases, or is refused where it is written, by every way
//! in; and a stored value that cannot be read fails nothing but its own field.

mod documents;
pub(crate) mod exact;
mod unreadable;

use contact_gateway::entity::custom_field::FieldType;
use reqwest::Method;
use serde_json::{Value, json};

use self::exact::Exact;
use crate::{
    custom_field::field,
    support::{Actor, World, on_both},
};

on_both!(
    numbers_come_back_equal_or_are_refused,
    texts_and_shapes_come_back_equal_or_are_refused,
    a_row_is_refused_alone,
    equal_json_in_another_spelling_changes_nothing,
    values_of_custom_fields_keep_their_digits,
    a_body_that_is_no_json_is_told_where,
);

/// The way out of every refused number.
const WAY_OUT: &str = "Send it as a string";

/// Numbers that are returned equal.
const KEPT: [&str; 22] = [
    "0",
    "-0",
    "-0.0",
    "0e999999999999",
    "1",
    "1.0",
    "0.1e1",
    "1e2",
    "1E+2",
    "100.00",
    "0.1",
    "-2.5",
    "0.30000000000000004",
    "5e-324",
    "2.2250738585072014e-308",
    "1.7976931348623157e308",
    "1e22",
    "1e23",
    "100000000000000000000",
    "18446744073709551615",
    "-9223372036854775808",
    "9007199254740993",
];

/// Numbers that neither 64 bits nor a double hold.
const REFUSED: [&str; 14] = [
    "1e400",
    "-1e400",
    "1e-400",
    "1.8e308",
    "1e999999999999999999999",
    "1e-999999999999999999999",
    "4.9406564584124654e-324",
    "12345678901234567890123",
    "18446744073709551616",
    "-9223372036854775809",
    "9007199254740993.0",
    "0.12345678901234567",
    "0.10000000000000001",
    "0.1000000000000000055511151231257827",
];

/// Sends a body as it is written; gives the status and the answer.
async fn send(actor: &Actor, method: Method, path: &str, body: String) -> (u16, String) {
    let request = actor.request(method, path).header("content-type", "application/json").body(body);
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("a text"))
}

/// Sends a document with variables as they are written.
async fn graphql(actor: &Actor, document: &str, variables: &str) -> Exact {
    let body = format!(r#"{{"query":{},"variables":{variables}}}"#, json!(document));
    Exact::of(&send(actor, Method::POST, "/graphql", body).await.1)
}

const CREATE: &str = "mutation($input: CreateAccountContactInput!) { createAccountContact(input: $input) {
    accountContact { id metadata } userErrors { code message field } } }";
const UPDATE: &str = "mutation($input: UpdateAccountContactInput!) { updateAccountContact(input: $input) {
    accountContact { id metadata } userErrors { code message field } } }";
const UPSERT: &str = "mutation($input: UpsertAccountContactsInput!) { upsertAccountContacts(input: $input) {
    results { status accountContact { id metadata } userErrors { code message field } } userErrors { code message field } } }";

/// What came of metadata that was sent: what was answered, or the path and message of the refusal.
type Outcome = Result<Exact, (String, String)>;

/// What came of a mutation or of a row.
#[track_caller]
fn outcome(payload: &Exact) -> Outcome {
    let errors = payload.at(&["userErrors"]).list();
    let Some(error) = errors.first() else { return Ok(payload.at(&["accountContact", "metadata"]).clone()) };
    // Numbers of 300 digits can be too many for metadata.
    assert!(["INVALID", "TOO_LONG"].contains(&error.at(&["code"]).text()), "{error:?}");
    let path: Vec<&str> = error.at(&["field"]).list().iter().map(Exact::text).collect();
    Err((path.join("."), error.at(&["message"]).text().to_owned()))
}

/// Metadata by every way in, each to a contact of its own, and what is read back afterwards.
async fn by_every_way(
    world: &World,
    number: usize,
    metadata: &str,
    literal: Option<&str>,
) -> Vec<(&'static str, Outcome)> {
    let writer = world.writer();
    let mut outcomes = Vec::new();
    let email = |way: &str| format!("{way}{number}@example.com");
    let input = |way: &str| format!(r#"{{"firstName":"A","email":"{}","metadata":{metadata}}}"#, email(way));

    let made = graphql(&writer, CREATE, &format!(r#"{{"input":{}}}"#, input("create"))).await;
    outcomes.push(("create", outcome(made.at(&["data", "createAccountContact"]))));
    if let Some(literal) = literal {
        let document = format!(
            "mutation {{ createAccountContact(input: {{ firstName: \"A\", email: \"{}\", metadata: {literal} }}) {{
                accountContact {{ metadata }} userErrors {{ code message field }} }} }}",
            email("literal")
        );
        let made = graphql(&writer, &document, "null").await;
        outcomes.push(("literal", outcome(made.at(&["data", "createAccountContact"]))));
    }
    let id = world.rows().account_contact(&email("update"), &[]).await.id;
    let update = format!(r#"{{"input":{{"id":"{id}","metadata":{metadata}}}}}"#);
    let updated = graphql(&writer, UPDATE, &update).await;
    outcomes.push(("update", outcome(updated.at(&["data", "updateAccountContact"]))));
    let rows = format!(r#"{{"input":{{"errorPolicy":"REJECT_FAILED_ROWS","rows":[{}]}}}}"#, input("upsert"));
    let upserted = graphql(&writer, UPSERT, &rows).await;
    let row = upserted.at(&["data", "upsertAccountContacts", "results", "0"]);
    outcomes.push(("upsert", outcome(row).map_err(|(path, message)| (path.replace("rows.0.", ""), message))));

    let put = world.rows().account_contact(&email("put"), &[]).await.id;
    for (way, method, path, body) in [
        ("post", Method::POST, "/v1/accounts/contacts".to_owned(), input("post")),
        ("put", Method::PUT, format!("/v1/accounts/contacts/{put}"), format!(r#"{{"metadata":{metadata}}}"#)),
        (
            "bulk",
            Method::POST,
            "/v1/accounts/contacts/bulk".to_owned(),
            format!(r#"{{"contacts":[{}]}}"#, input("bulk")),
        ),
    ] {
        let (status, answer) = send(&writer, method, &path, body).await;
        let answer = Exact::of(&answer);
        outcomes.push((
            way,
            match status {
                201 if way == "bulk" => Ok(Exact::of(metadata)),
                200 | 201 => Ok(answer.at(&["metadata"]).clone()),
                400 => {
                    let message = answer.at(&["message", "0"]).text();
                    let (path, message) = message.split_once(": ").expect("a path");
                    Err((path.replace("contacts.0.", ""), message.to_owned()))
                }
                _ => panic!("{status}: {answer:?}"),
            },
        ));
    }
    for (way, outcome) in &outcomes {
        let document = "query($email: String!) { accountContacts(filter: { email: { eq: $email } }) {
            nodes { metadata history { nodes { fields } } } } }";
        let read = graphql(&world.reader(), document, &json!({ "email": email(way) }).to_string()).await;
        assert_eq!(*read.at(&["errors"]), Exact::Null, "{way} {metadata}");
        let node = read.at(&["data", "accountContacts", "nodes", "0"]);
        if let Ok(answered) = outcome {
            assert_eq!(node.at(&["metadata"]), answered, "{way} {metadata}");
            let last = node.at(&["history", "nodes"]).list().last().expect("a change");
            assert_eq!(last.at(&["fields", "metadata", "new"]), answered, "{way} {metadata}");
        } else {
            assert!(matches!(node.at(&["metadata"]), Exact::Null | Exact::Object(_)), "{way} {metadata}");
        }
    }
    outcomes
}

async fn numbers_come_back_equal_or_are_refused(world: World) {
    let numbers =
        KEPT.iter().map(|number| (number, true)).chain(REFUSED.iter().map(|number| (number, false)));
    for (position, (number, is_kept)) in numbers.enumerate() {
        let metadata = format!(r#"{{"a":[true,{{"n":{number}}}]}}"#);
        let literal = format!("{{ a: [true, {{ n: {number} }}] }}");
        for (way, outcome) in by_every_way(&world, position, &metadata, Some(&literal)).await {
            match outcome {
                Ok(answered) => {
                    assert!(is_kept, "{way} took {number}");
                    assert_eq!(answered, Exact::of(&metadata), "{way} {number}");
                }
                Err((path, message)) => {
                    assert!(!is_kept, "{way} refused {number}: {message}");
                    assert_eq!(path, "metadata.a.1.n", "{way} {number}");
                    assert!(message.contains(WAY_OUT), "{way} {number}: {message}");
                }
            }
        }
    }
}

async fn texts_and_shapes_come_back_equal_or_are_refused(world: World) {
    let deep = |levels: usize| format!("{}1{}", r#"{"d":"#.repeat(levels), "}".repeat(levels));
    let deep_path = format!("metadata{}", ".d".repeat(32));
    let wide: Vec<String> = (0..1000).map(|key| format!(r#""{key}":{key}"#)).collect();
    let long_key = "k".repeat(16_000);
    for (position, (metadata, refused_at)) in [
        (r#"{"a":"\u0000"}"#, Some("metadata.a")),
        (r#"{"a":["x",{"\u0000":1}]}"#, Some("metadata.a.1")),
        (r#"{"$serde_json::private::Number":1,"a":1}"#, Some("metadata")),
        (&deep(33), Some(&*deep_path)),
        (&deep(100), Some(&deep_path)),
        (&deep(32), None),
        (&format!("{{{}}}", wide.join(",")), None),
        (&format!(r#"{{"{long_key}":1}}"#), None),
        (r#"{"":{"":[[],{},"",null,false]}}"#, None),
        (r#"{"a":1,"b":{"c":1,"c":2},"a":[3]}"#, None),
        (r#"{"a":"\u00e9\ud83d\ude00\uffff\u202e\u0001\u001f\u007f\\u0000\"\/\b\f\n\r\t"}"#, None),
        (r#"{"aa":1,"b":2,"A":3,"ä":4,"0":5}"#, None),
        (r#"{"number 1":"number 1e400"}"#, None),
    ]
    .into_iter()
    .enumerate()
    {
        for (way, outcome) in by_every_way(&world, position, metadata, None).await {
            let expected = refused_at.map_or_else(|| Ok(Exact::of(metadata)), |path| Err(path.to_owned()));
            assert_eq!(outcome.map_err(|(path, _)| path), expected, "{way} {metadata}");
        }
    }
}

async fn a_row_is_refused_alone(world: World) {
    let row = |email: &str, number: &str| {
        format!(r#"{{"firstName":"A","email":"{email}@example.com","metadata":{{"n":{number}}}}}"#)
    };
    let rows = [row("a", "1"), row("b", "1e400"), row("c", "2")].join(",");
    let rows = format!(r#"{{"input":{{"errorPolicy":"REJECT_FAILED_ROWS","rows":[{rows}]}}}}"#);
    let reply = graphql(&world.writer(), UPSERT, &rows).await;
    let results = reply.at(&["data", "upsertAccountContacts", "results"]).list();
    let statuses: Vec<&str> = results.iter().map(|result| result.at(&["status"]).text()).collect();
    assert_eq!(statuses, ["CREATED", "FAILED", "CREATED"]);
    let (path, message) = outcome(&results[1]).expect_err("an error");
    assert_eq!(path, "rows.1.metadata.n");
    assert!(message.contains(WAY_OUT), "{message}");
}

async fn equal_json_in_another_spelling_changes_nothing(world: World) {
    let age = field(&world.rows(), "age", FieldType::Integer, false).await;
    let contact = |metadata: &str, age_written: &str| {
        format!(
            r#"{{"firstName":"A","email":"a@example.com","metadata":{metadata},
                "customFieldValues":[{{"customFieldId":"{age}","value":{age_written}}}]}}"#
        )
    };
    let writer = world.writer();
    let spellings = [
        (r#"{"a":1.0,"bb":[-0,1e2,1e300,0.5],"c":{"x":1,"y":"é"}}"#, "100"),
        (r#"{"bb":[0,100,10e299,5e-1],"c":{"y":"\u00e9","x":2,"x":10e-1},"a":1}"#, "1e2"),
        (r#" { "c" : {"y":"é","x":1}, "a":0.1e1, "bb":[0.0,100.0,1E+300,0.50] } "#, "100.0"),
    ];
    let made =
        graphql(&writer, CREATE, &format!(r#"{{"input":{}}}"#, contact(spellings[0].0, spellings[0].1)))
            .await;
    outcome(made.at(&["data", "createAccountContact"])).expect("a contact");
    let id = made.at(&["data", "createAccountContact", "accountContact", "id"]).text().to_owned();
    for (metadata, age_written) in spellings {
        let again = async {
            let rows = format!(r#"{{"input":{{"rows":[{}]}}}}"#, contact(metadata, age_written));
            let reply = graphql(&writer, UPSERT, &rows).await;
            let status =
                reply.at(&["data", "upsertAccountContacts", "results", "0", "status"]).text().to_owned();
            assert_eq!(status, "UNCHANGED", "{metadata}");
            let update = format!(
                r#"{{"input":{{"id":"{id}","metadata":{metadata},"customFieldValues":[{{"customFieldId":"{age}","value":{age_written}}}]}}}}"#
            );
            let updated = graphql(&writer, UPDATE, &update).await;
            outcome(updated.at(&["data", "updateAccountContact"])).expect("no error");
            let path = format!("/v1/accounts/contacts/{id}");
            let (status, answer) =
                send(&writer, Method::PUT, &path, format!(r#"{{"metadata":{metadata}}}"#)).await;
            assert_eq!(status, 200, "{answer}");
        };
        world.nothing_written(again).await;
    }
    // A repetition in another spelling is the same call.
    let keyed = |metadata: &str| {
        format!(
            r#"{{"input":{{"firstName":"B","email":"b@example.com","idempotencyKey":"k","metadata":{metadata}}}}}"#
        )
    };
    let ids: Vec<String> = {
        let mut ids = Vec::new();
        for (metadata, _) in spellings {
            let made = graphql(&writer, CREATE, &keyed(metadata)).await;
            ids.push(made.at(&["data", "createAccountContact", "accountContact", "id"]).text().to_owned());
        }
        ids
    };
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

async fn values_of_custom_fields_keep_their_digits(world: World) {
    let digits = "1234567890123456789012345678.0123456789";
    for (position, (field_type, written, expected)) in [
        (FieldType::Integer, "1e2", Ok("100")),
        (FieldType::Integer, "-0", Ok("0")),
        (FieldType::Integer, "5.0", Ok("5")),
        (FieldType::Integer, "9223372036854775807", Ok("9223372036854775807")),
        (FieldType::Integer, "-9223372036854775808", Ok("-9223372036854775808")),
        (FieldType::Integer, "9223372036854775808", Err("64-bit integer")),
        (FieldType::Integer, "1.5", Err("64-bit integer")),
        (FieldType::Integer, "1e400", Err("64-bit integer")),
        (FieldType::Decimal, digits, Ok(r#""1234567890123456789012345678.0123456789""#)),
        (
            FieldType::Decimal,
            r#""1234567890123456789012345678.0123456789""#,
            Ok(r#""1234567890123456789012345678.0123456789""#),
        ),
        (FieldType::Decimal, "0.10000000000000001", Ok(r#""0.10000000000000001""#)),
        (FieldType::Decimal, "1e20", Ok(r#""100000000000000000000""#)),
        (FieldType::Decimal, "1e-7", Ok(r#""0.0000001""#)),
        (FieldType::Decimal, "1e400", Err("38 digits")),
        (FieldType::Decimal, "[1]", Err("38 digits")),
        (FieldType::Text, "12345678901234567890123", Err(WAY_OUT)),
        (FieldType::Text, "{}", Err("Must be a string")),
        (FieldType::LongText, r#""\u0000""#, Err("control characters")),
        (FieldType::Boolean, "1e400", Err("true or false")),
    ]
    .into_iter()
    .enumerate()
    {
        let id = field(&world.rows(), &format!("f{position}"), field_type, false).await;
        let values = format!(r#"[{{"customFieldId":"{id}","value":{written}}}]"#);
        let data = format!(r#"[{{"customFieldId":"{id}","data":[{{"value":{written}}}]}}]"#);
        let contact = |way: &str, values: &str| {
            format!(
                r#"{{"firstName":"A","email":"{way}{position}@example.com","customFieldValues":{values}}}"#
            )
        };
        let writer = world.writer();
        let made = graphql(&writer, CREATE, &format!(r#"{{"input":{}}}"#, contact("a", &values))).await;
        let rows = format!(r#"{{"input":{{"rows":[{}]}}}}"#, contact("b", &values));
        let upserted = graphql(&writer, UPSERT, &rows).await;
        let body = contact("c", &data);
        let (status, posted) = send(&writer, Method::POST, "/v1/accounts/contacts", body).await;
        let read = "{ accountContacts(first: 100) { nodes { email customFieldValues { value } } } }";
        let read = graphql(&world.reader(), read, "null").await;
        let nodes = read.at(&["data", "accountContacts", "nodes"]).list();
        let stored: Vec<&Exact> = nodes
            .iter()
            .filter(|node| node.at(&["email"]).text()[1..] == format!("{position}@example.com"))
            .map(|node| node.at(&["customFieldValues", "0", "value"]))
            .collect();
        match expected {
            Ok(expected) => {
                let expected = Exact::of(expected);
                assert_eq!(stored, [&expected; 3], "{field_type:?} {written}");
                let again = world.nothing_written(graphql(&writer, UPSERT, &rows)).await;
                let status = again.at(&["data", "upsertAccountContacts", "results", "0", "status"]).text();
                assert_eq!(status, "UNCHANGED", "{field_type:?} {written}");
                let posted = Exact::of(&posted);
                assert_eq!(*posted.at(&["customFields", "0", "data", "0", "value"]), expected);
            }
            Err(expected) => {
                assert_eq!(stored, [&Exact::Null; 0], "{field_type:?} {written}");
                let (path, message) = outcome(made.at(&["data", "createAccountContact"])).expect_err(written);
                assert_eq!(path, "customFieldValues.0.value", "{field_type:?} {written}");
                assert!(message.contains(expected), "{field_type:?} {written}: {message}");
                let errors = upserted.at(&["data", "upsertAccountContacts", "userErrors"]).list();
                assert!(errors[0].at(&["message"]).text().contains(expected), "{errors:?}");
                assert_eq!(status, 400, "{posted}");
                assert!(posted.contains(expected), "{posted}");
            }
        }
    }
}

async fn a_body_that_is_no_json_is_told_where(world: World) {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let writer = world.writer();
    for value in [r#""\ud800""#, r#""\ude00\ud83d""#, &deep, "01", "1.", "NaN", "'a'"] {
        let contact = format!(r#"{{"firstName":"A","email":"a@example.com","metadata":{{"n":{value}}}}}"#);
        let body = format!(r#"{{"query":{},"variables":{{"input":{contact}}}}}"#, json!(CREATE));
        let (status, answer) = world.nothing_written(send(&writer, Method::POST, "/graphql", body)).await;
        assert!(status == 400 && answer.contains("not valid JSON at line 1, column"), "{value}: {answer}");
        let (status, answer) =
            world.nothing_written(send(&writer, Method::POST, "/v1/accounts/contacts", contact)).await;
        assert!(status == 400 && answer.contains("not valid JSON at line 1, column"), "{value}: {answer}");
    }
    // Of a body that is JSON, only its own members are reported.
    let (_, answer) = send(&writer, Method::POST, "/graphql", r#"{"query":7}"#.to_owned()).await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let message = answer["errors"][0]["message"].as_str().expect("a message");
    assert!(message.starts_with("The body must be a JSON object with query"), "{message}");
    // A number that cannot be kept is no Int either.
    let reply = graphql(
        &world.reader(),
        "query($first: Int) { accountContacts(first: $first) { totalCount } }",
        r#"{"first":1e400}"#,
    )
    .await;
    assert_eq!(reply.at(&["errors", "0", "extensions", "code"]).text(), "GRAPHQL_VALIDATION_FAILED");
}
