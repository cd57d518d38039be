//! Numbers: an `Int` with an empty fraction is one wherever it stands, decimals keep their digits or are refused, and equal
//! numbers in another spelling change nothing.

use contact_gateway::entity::custom_field::FieldType;
use proptest::{
    prelude::{Strategy, any},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::assert_helpful;
use crate::{
    custom_field::field,
    json::exact::Exact,
    mutation::done,
    support::{Actor, Reply, World, on_both},
};

on_both!(
    whole_numbers_are_ints_in_every_spelling,
    ids_may_be_whole_numbers,
    texts_are_no_numbers,
    counters_are_strings,
    decimals_keep_their_digits_or_are_refused,
    equal_spellings_change_nothing,
    decimals_compare_with_all_their_digits,
    numbers_of_metadata_keep_their_digits_or_are_refused,
    random_decimals_come_back_and_are_found,
);

/// A number as JSON writes it, and the `Int` that it is.
const INTS: &[(&str, Option<i32>)] = &[
    ("10", Some(10)),
    ("10.0", Some(10)),
    ("10.00", Some(10)),
    ("10.000000000000000000000000", Some(10)),
    ("1e1", Some(10)),
    ("1E1", Some(10)),
    ("1e+1", Some(10)),
    ("1E+01", Some(10)),
    ("0.1e2", Some(10)),
    ("0.00001e6", Some(10)),
    ("100e-1", Some(10)),
    ("1000.0E-2", Some(10)),
    ("1", Some(1)),
    ("1.0", Some(1)),
    ("10e-1", Some(1)),
    ("10.5", None),
    ("1e-1", None),
    ("10.00000000000000000001", None),
    ("9.999999999999999999999", None),
    ("2147483648", None),
    ("2147483648.0", None),
    ("-2147483649.0", None),
    ("3e9", None),
    ("9223372036854775808", None),
    ("1e400", None),
    ("1e-400", None),
    ("\"10\"", None),
    ("\"10.0\"", None),
    ("true", None),
    ("{}", None),
    ("[[10]]", None),
    ("[10, 10]", None),
];

/// Sends JSON as it is written.
async fn send(actor: &Actor, method: Method, path: &str, body: &str) -> Reply {
    let request = actor.request(method, path).header("content-type", "application/json");
    Reply::of(request.body(body.to_owned())).await
}

async fn graphql(actor: &Actor, document: &str, variables: &str) -> Reply {
    let body = format!(r#"{{"query":{},"variables":{variables}}}"#, json!(document));
    send(actor, Method::POST, "/graphql", &body).await
}

#[track_caller]
fn assert_no_int(reply: &Reply, argument: &Value, what: &str) {
    assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{what}");
    let error = &reply.body["errors"][0];
    assert_eq!(error["extensions"]["argument"], *argument, "{what}: {error}");
    let message = error["message"].as_str().expect("a message");
    assert_helpful(message, &["an Int, a whole number of 32 bits", "See the argument"], what);
}

async fn whole_numbers_are_ints_in_every_spelling(world: World) {
    let reader = world.reader();
    let size = field(&world.rows(), "size", FieldType::Integer, false).await;
    for (position, (written, expected)) in INTS.iter().copied().enumerate() {
        // A variable of its own, and one in a fragment.
        for document in [
            "query($n: Int) { countries(first: $n) { nodes { id } } }",
            "query($n: Int!) { ...All } fragment All on Query { countries(first: $n) { nodes { id } } }",
        ] {
            let reply = graphql(&reader, document, &format!(r#"{{"n":{written}}}"#)).await;
            match expected {
                Some(number) => {
                    assert_eq!(reply.list("/countries/nodes").len(), number as usize, "{written}")
                }
                None => assert_no_int(&reply, &json!(["first"]), written),
            }
        }
        // A member of an input.
        let partner = world.rows().partner(&format!("Partner {position}"), None).await.id;
        let document = "mutation($input: UpdatePartnerInput!) { updatePartner(input: $input) {
            partner { version } userErrors { code message field } } }";
        let input =
            format!(r#"{{"input":{{"id":"{partner}","name":"Globex","expectedVersion":{written}}}}}"#);
        let reply = graphql(&world.writer(), document, &input).await;
        match expected {
            Some(1) => assert_eq!(reply.data("/updatePartner/partner/version"), 2, "{written}"),
            Some(_) => {
                assert_eq!(reply.user_errors("updatePartner"), ["CONFLICT expectedVersion"], "{written}")
            }
            None => assert_no_int(&reply, &json!(["input", "expectedVersion"]), written),
        }
        // A custom field, by GraphQL and REST.
        let email = |way: &str| format!("{way}{position}@example.com");
        let contact = |way: &str, values: &str| {
            format!(r#"{{"firstName":"A","email":"{}","customFieldValues":{values}}}"#, email(way))
        };
        let is_integer =
            expected.is_some() || ["2147483648", "2147483648.0", "-2147483649.0", "3e9"].contains(&written);
        let values = format!(r#"[{{"customFieldId":"{size}","value":{written}}}]"#);
        let document = "mutation($input: CreateAccountContactInput!) { createAccountContact(input: $input) {
            accountContact { customFieldValues { value } } userErrors { code message field } } }";
        let variables = format!(r#"{{"input":{}}}"#, contact("graphql", &values));
        let reply = graphql(&world.writer(), document, &variables).await;
        let data = format!(r#"[{{"customFieldId":"{size}","data":[{{"value":{written}}}]}}]"#);
        let posted =
            send(&world.writer(), Method::POST, "/v1/accounts/contacts", &contact("rest", &data)).await;
        if is_integer {
            let value = reply.data("/createAccountContact/accountContact/customFieldValues/0/value");
            assert!(value.is_i64(), "{written}: {value}");
            assert_eq!(posted.status, 201, "{written}: {}", posted.body);
            assert_eq!(posted.body["customFields"][0]["data"][0]["value"], *value, "{written}");
        } else {
            assert_eq!(reply.user_errors("createAccountContact"), ["INVALID customFieldValues.0.value"]);
            let message = reply.text("/createAccountContact/userErrors/0/message");
            assert_helpful(message, &["64-bit integer", "without quotes"], written);
            assert_eq!(posted.status, 400, "{written}: {}", posted.body);
        }
        // A member of a REST body, and a parameter.
        let body = format!(r#"{{"type":{{"id":{written}}},"name":"A"}}"#);
        let posted = send(&world.writer(), Method::POST, "/api/v1/organisation/1/contact", &body).await;
        let path = format!("/v1/accounts/contacts?limit={}", written.trim_matches('"').replace('+', "%2B"));
        let listed = Reply::of(reader.request(Method::GET, &path)).await;
        match expected {
            // Of six types.
            Some(1) => assert_eq!(posted.status, 201, "{written}: {}", posted.body),
            Some(_) => assert!(posted.body.to_string().contains("from 1 to 6"), "{written}: {}", posted.body),
            None => assert_eq!(posted.status, 422, "{written}: {}", posted.body),
        }
        let is_number = expected.is_some() || written.starts_with('"');
        assert_eq!(listed.status, if is_number { 200 } else { 400 }, "{written}: {}", listed.body);
    }
}

async fn ids_may_be_whole_numbers(world: World) {
    let document =
        "mutation($id: ID) { it: createOrganizationContact(input: { type: FINANCE, countryId: $id }) {
        organizationContact { address { country { name } } } userErrors { code message field } } }";
    let writer = world.writer();
    for id in ["\"276\"", "276", "276.0", "2.76e2", "2760e-1"] {
        let reply = graphql(&writer, document, &format!(r#"{{"id":{id}}}"#)).await;
        assert_eq!(reply.text("/it/organizationContact/address/country/name"), "Germany", "{id}");
    }
    for id in ["99999999999999999999999", "1e19", "-276"] {
        let reply = world.nothing_written(graphql(&writer, document, &format!(r#"{{"id":{id}}}"#))).await;
        assert_eq!(reply.user_errors("it"), ["NOT_FOUND countryId"], "{id}");
    }
    for id in ["276.5", "true", "{}", "1e400", "0.10000000000000001"] {
        let reply = world.nothing_written(graphql(&writer, document, &format!(r#"{{"id":{id}}}"#))).await;
        assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{id}");
        let message = reply.body["errors"][0]["message"].as_str().expect("a message");
        let advice = "See the argument input.countryId of createOrganizationContact";
        assert_helpful(message, &["$id", "ID", advice], id);
    }
}

/// A number where a text belongs is refused as such, however many digits it has.
async fn texts_are_no_numbers(world: World) {
    let document = "mutation($input: CreatePartnerInput!) { createPartner(input: $input) {
        partner { id } userErrors { code message field } } }";
    for number in ["5", "1.5", "12345678901234567890123", "1e400", "0.10000000000000001"] {
        for member in ["name", "remoteId"] {
            let other = if member == "name" { "remoteId" } else { "name" };
            let variables = format!(r#"{{"input":{{"{member}":{number},"{other}":"A"}}}}"#);
            let reply = world.nothing_written(graphql(&world.writer(), document, &variables)).await;
            assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{variables}");
            let message = reply.body["errors"][0]["message"].as_str().expect("a message");
            assert_helpful(message, &[&format!("$input.{member}"), "String"], &variables);
        }
        let body = format!(r#"{{"firstName":{number},"email":"a@example.com"}}"#);
        let reply =
            world.nothing_written(send(&world.writer(), Method::POST, "/v1/accounts/contacts", &body)).await;
        assert_eq!(reply.body["message"], json!(["firstName: Must be a string."]), "{body}");
    }
}

async fn counters_are_strings(world: World) {
    let input = json!({ "type": "FINANCE" });
    let made =
        done(&world.writer(), "createOrganizationContact", input, "organizationContact { id number }").await;
    let card = &made["organizationContact"];
    let number = card["number"].as_str().expect("a string");
    assert_eq!(card["id"], format!("oc_{number}"));
    let reply = world.reader().query("{ organization { number } changes(last: 1) { nodes { seq } } }").await;
    assert_eq!(reply.text("/organization/number"), "1");
    assert!(reply.text("/changes/nodes/0/seq").parse::<i64>().is_ok_and(|seq| seq > 0));
}

const DIGITS_38: &str = "12345678901234567890123456789012345678";

/// A decimal as JSON writes it, and what is stored of it.
fn decimals() -> Vec<(String, Option<String>)> {
    let text = |text: &str| format!("\"{text}\"");
    let fraction_38 = format!("0.{DIGITS_38}");
    let mixed_38 = format!("{}.{}", &DIGITS_38[..20], &DIGITS_38[20..]);
    let zeros = |count: usize| "0".repeat(count);
    let kept: Vec<(String, String)> = vec![
        ("1".into(), "1".into()),
        ("1.0".into(), "1".into()),
        ("1.00".into(), "1".into()),
        ("10e-1".into(), "1".into()),
        (text("1.0"), "1.0".into()),
        (text("1.00"), "1.00".into()),
        (text("0012.50"), "12.50".into()),
        (text(" 12.5 "), "12.5".into()),
        ("-0".into(), "0".into()),
        (text("-0.00"), "0.00".into()),
        (text("-000.5"), "-0.5".into()),
        ("0.1".into(), "0.1".into()),
        ("0.30000000000000004".into(), "0.30000000000000004".into()),
        ("0.10000000000000001".into(), "0.10000000000000001".into()),
        ("900719925474099101".into(), "900719925474099101".into()),
        ("9007199254740993".into(), "9007199254740993".into()),
        ("9007199254740993.0".into(), "9007199254740993".into()),
        ("18446744073709551616".into(), "18446744073709551616".into()),
        ("1234567899517.1299".into(), "1234567899517.1299".into()),
        ("123456789123456.12345".into(), "123456789123456.12345".into()),
        ("100000000.00000001".into(), "100000000.00000001".into()),
        (DIGITS_38.into(), DIGITS_38.into()),
        (text(DIGITS_38), DIGITS_38.into()),
        (format!("-{DIGITS_38}"), format!("-{DIGITS_38}")),
        (fraction_38.clone(), fraction_38.clone()),
        (text(&fraction_38), fraction_38),
        (mixed_38.clone(), mixed_38.clone()),
        (text(&mixed_38), mixed_38),
        (format!("{DIGITS_38}e-10"), format!("{}.{}", &DIGITS_38[..28], &DIGITS_38[28..])),
        ("1e37".into(), format!("1{}", zeros(37))),
        ("1.2345678901234567890123E+30".into(), format!("12345678901234567890123{}", zeros(8))),
        ("1e-38".into(), format!("0.{}1", zeros(37))),
    ];
    let refused = vec![
        "1e38".into(),
        "1e-39".into(),
        "1e400".into(),
        "1e999999999999999999999".into(),
        format!("{DIGITS_38}9"),
        text(&format!("{DIGITS_38}9")),
        text(&format!("{DIGITS_38}.0")),
        text("1,5"),
        text("1.234,5"),
        text("1 000"),
        text("1_000"),
        text("1e5"),
        text("1E+5"),
        text("+1"),
        text(".5"),
        text("5."),
        text("--5"),
        text("0x10"),
        text("NaN"),
        text("Infinity"),
        text("\u{ff11}\u{ff12}"),
        text("\u{663}"),
        text("\u{2212}5"),
        text("\u{bd}"),
        text("$5"),
        text(""),
        text(" "),
        "true".into(),
        "[1]".into(),
        "{}".into(),
    ];
    let kept = kept.into_iter().map(|(written, stored)| (written, Some(stored)));
    kept.chain(refused.into_iter().map(|written| (written, None))).collect()
}

const CREATE: &str =
    "mutation($input: CreateAccountContactInput!) { it: createAccountContact(input: $input) {
    accountContact { id customFieldValues { value } metadata } userErrors { code message field } } }";
const UPDATE: &str =
    "mutation($input: UpdateAccountContactInput!) { it: updateAccountContact(input: $input) {
    accountContact { id version customFieldValues { value } metadata } userErrors { code message field } } }";
const UPSERT: &str = "mutation($input: UpsertAccountContactsInput!) { it: upsertAccountContacts(input: $input) {
    results { status accountContact { version customFieldValues { value } metadata } } userErrors { code message field } } }";

async fn decimals_keep_their_digits_or_are_refused(world: World) {
    let price = field(&world.rows(), "price", FieldType::Decimal, false).await.to_string();
    let writer = world.writer();
    for (position, (written, expected)) in decimals().into_iter().enumerate() {
        let email = |way: &str| format!("{way}{position}@example.com");
        let contact = |way: &str| {
            let values = format!(r#"[{{"customFieldId":"{price}","value":{written}}}]"#);
            format!(r#"{{"firstName":"A","email":"{}","customFieldValues":{values}}}"#, email(way))
        };
        let created = graphql(&writer, CREATE, &format!(r#"{{"input":{}}}"#, contact("variable"))).await;
        let id = world.rows().account_contact(&email("update"), &[]).await.id;
        let update = format!(
            r#"{{"input":{{"id":"{id}","customFieldValues":[{{"customFieldId":"{price}","value":{written}}}]}}}}"#
        );
        let updated = graphql(&writer, UPDATE, &update).await;
        let upserted =
            graphql(&writer, UPSERT, &format!(r#"{{"input":{{"rows":[{}]}}}}"#, contact("upsert"))).await;
        let rest = contact("rest").replace(r#""value":"#, r#""data":[{"value":"#).replace("}]}", "}]}]}");
        let posted = send(&writer, Method::POST, "/v1/accounts/contacts", &rest).await;
        let bulk = format!(r#"{{"contacts":[{}]}}"#, rest.replace("rest", "bulk"));
        let bulk = send(&writer, Method::POST, "/v1/accounts/contacts/bulk", &bulk).await;
        let literal = format!(
            "mutation {{ it: createAccountContact(input: {{ firstName: \"A\", email: \"{}\", customFieldValues: [
                {{ customFieldId: \"{price}\", value: {written} }}] }}) {{
                accountContact {{ customFieldValues {{ value }} }} userErrors {{ code message field }} }} }}",
            email("literal")
        );
        let literal = graphql(&writer, &literal, "{}").await;
        let Some(stored) = expected else {
            for (reply, path) in [
                (&created, "customFieldValues.0.value"),
                (&updated, "customFieldValues.0.value"),
                (&literal, "customFieldValues.0.value"),
                (&upserted, "rows.0.customFieldValues.0.value"),
            ] {
                assert_eq!(reply.user_errors("it"), [format!("INVALID {path}")], "{written}");
                let message = reply.text("/it/userErrors/0/message");
                assert_helpful(
                    message,
                    &["at most 38 digits", "Send it as a string, for example \"12.50\""],
                    &written,
                );
            }
            for reply in [&posted, &bulk] {
                assert_eq!(reply.status, 400, "{written}: {}", reply.body);
                assert!(reply.body.to_string().contains("at most 38 digits"), "{written}: {}", reply.body);
            }
            continue;
        };
        let value = "accountContact/customFieldValues/0/value";
        assert_eq!(created.text(&format!("/it/{value}")), stored, "{written}");
        assert_eq!(updated.text(&format!("/it/{value}")), stored, "{written}");
        assert_eq!(literal.text(&format!("/it/{value}")), stored, "{written}");
        assert_eq!(upserted.text(&format!("/it/results/0/{value}")), stored, "{written}");
        assert_eq!(posted.body["customFields"][0]["data"][0]["value"], stored, "{written}: {}", posted.body);
        assert_eq!(bulk.status, 201, "{written}: {}", bulk.body);
        // What is read back, by what it is looked for, and what the record of changes says.
        let document = "query($f: AccountContactFilter) { accountContacts(first: 10, filter: $f) {
            nodes { email customFieldValues { value } history(last: 1) { nodes { fields } } } } }";
        let filter =
            format!(r#"{{"f":{{"customFieldValues":[{{"customFieldId":"{price}","eq":{written}}}]}}}}"#);
        let read = graphql(&world.reader(), document, &filter).await;
        let own = format!("{position}@example.com");
        let own: Vec<&Value> = read
            .list("/accountContacts/nodes")
            .iter()
            .filter(|it| {
                it["email"].as_str().is_some_and(|it| it.trim_start_matches(char::is_alphabetic) == own)
            })
            .collect();
        assert_eq!(own.len(), 6, "{written}: {}", read.body);
        for node in own {
            assert_eq!(node["customFieldValues"][0]["value"], stored, "{written}");
            assert_eq!(
                node["history"]["nodes"][0]["fields"]["customFieldValues"]["new"][&price], stored,
                "{written}"
            );
        }
        // So that values of one case are not found in the next.
        let erased = world.db.connection().execute_unprepared("DELETE FROM custom_field_value").await;
        erased.expect("a statement");
    }
}

/// Spellings of one number, the first of which is stored.
const EQUAL: &[&[&str]] = &[
    &["\"1.00\"", "1", "1.0", "1.00", "10e-1", "0.1e1", "100e-2", "\"1\"", "\"1.0\"", "\"01.000\""],
    &["1", "\"1.00\"", "1.0", "1e0", "\"1\""],
    &["\"12.50\"", "12.5", "12.500", "125e-1", "\"12.5\"", "\"0012.5000\""],
    &["\"0\"", "0", "-0", "0.0", "0e5", "\"-0\"", "\"0.00\"", "\"-0.0\""],
    &["\"-7.10\"", "-7.1", "-71e-1", "\"-7.1\"", "\"-07.100\""],
    &["12345678901234567890.5", "\"12345678901234567890.50\"", "123456789012345678905e-1"],
    &["1e20", "100000000000000000000", "\"100000000000000000000.0\"", "1E+20"],
];

async fn equal_spellings_change_nothing(world: World) {
    let price = field(&world.rows(), "price", FieldType::Decimal, false).await.to_string();
    let writer = world.writer();
    for (position, spellings) in EQUAL.iter().copied().enumerate() {
        let row = |value: &str, metadata: &str| {
            format!(
                r#"{{"firstName":"A","email":"a{position}@example.com","metadata":{{"n":{metadata}}},
                    "customFieldValues":[{{"customFieldId":"{price}","value":{value}}}]}}"#
            )
        };
        // Of a number in metadata the text is another value.
        let numbers: Vec<&str> = spellings.iter().copied().filter(|it| !it.starts_with('"')).collect();
        let kept: Vec<&str> = numbers.iter().copied().filter(|it| !it.contains("890")).collect();
        let metadata = |at: usize| kept.get(at % kept.len().max(1)).copied().unwrap_or("0");
        let made =
            graphql(&writer, CREATE, &format!(r#"{{"input":{}}}"#, row(spellings[0], metadata(0)))).await;
        let id = made.text("/it/accountContact/id").to_owned();
        let stored = made.text("/it/accountContact/customFieldValues/0/value").to_owned();
        for (at, spelling) in spellings.iter().enumerate() {
            let again = async {
                let update = format!(
                    r#"{{"input":{{"id":"{id}","metadata":{{"n":{}}},"customFieldValues":[{{"customFieldId":"{price}","value":{spelling}}}]}}}}"#,
                    metadata(at)
                );
                let updated = graphql(&writer, UPDATE, &update).await;
                assert_eq!(updated.data("/it/accountContact/version"), 1, "{spelling}");
                assert_eq!(
                    updated.text("/it/accountContact/customFieldValues/0/value"),
                    stored,
                    "{spelling}"
                );
                let rows = format!(r#"{{"input":{{"rows":[{}]}}}}"#, row(spelling, metadata(at)));
                let upserted = graphql(&writer, UPSERT, &rows).await;
                assert_eq!(upserted.text("/it/results/0/status"), "UNCHANGED", "{spelling}");
                let body = format!(
                    r#"{{"metadata":{{"n":{}}},"customFieldValues":[{{"customFieldId":"{price}","data":[{{"value":{spelling}}}]}}]}}"#,
                    metadata(at)
                );
                let put = send(&writer, Method::PUT, &format!("/v1/accounts/contacts/{id}"), &body).await;
                assert_eq!(put.status, 200, "{spelling}: {}", put.body);
                assert_eq!(put.headers["etag"], "\"1\"", "{spelling}");
            };
            world.nothing_written(again).await;
        }
        // Archived, the field takes the value that it has, in any spelling.
        let archived = json!({ "id": price, "archived": true });
        done(&world.admin(), "archiveCustomField", archived, "customField { id }").await;
        for spelling in spellings {
            let update = format!(
                r#"{{"input":{{"id":"{id}","customFieldValues":[{{"customFieldId":"{price}","value":{spelling}}}]}}}}"#
            );
            let updated = world.nothing_written(graphql(&writer, UPDATE, &update)).await;
            assert_eq!(updated.user_errors("it"), [""; 0], "{spelling}");
        }
        let back = json!({ "id": price, "archived": false });
        done(&world.admin(), "archiveCustomField", back, "customField { id }").await;
        // Another number is a change.
        let update = format!(
            r#"{{"input":{{"id":"{id}","customFieldValues":[{{"customFieldId":"{price}","value":"1.0000000000000000000001"}}]}}}}"#
        );
        let updated = graphql(&writer, UPDATE, &update).await;
        assert_eq!(updated.data("/it/accountContact/version"), 2);
    }
}

/// Decimals whose neighbours are the same double, and how many of them meet a condition.
const NEIGHBOURS: &[&str] = &[
    "12345678901234567890123456789012345678",
    "12345678901234567890123456789012345679",
    "-12345678901234567890123456789012345678",
    "0.12345678901234567890123456789012345678",
    "0.12345678901234567890123456789012345679",
];
const CONDITIONS: &[(&str, usize)] = &[
    (r#""eq":"12345678901234567890123456789012345678""#, 1),
    (r#""eq":12345678901234567890123456789012345678"#, 1),
    (r#""eq":"12345678901234567890123456789012345677""#, 0),
    (r#""eq":"0.12345678901234567890123456789012345679""#, 1),
    (r#""gt":"12345678901234567890123456789012345678""#, 1),
    (r#""gte":"12345678901234567890123456789012345678""#, 2),
    (r#""lt":"12345678901234567890123456789012345679""#, 4),
    (r#""lt":"12345678901234567890123456789012345678""#, 3),
    (r#""lte":"-12345678901234567890123456789012345678""#, 1),
    (r#""lt":"-12345678901234567890123456789012345678""#, 0),
    (r#""gt":"-12345678901234567890123456789012345679""#, 5),
    (r#""gt":"0.12345678901234567890123456789012345678""#, 3),
    (r#""lt":0"#, 1),
    (r#""gt":-0.0"#, 4),
    (r#""in":["12345678901234567890123456789012345679","0.12345678901234567890123456789012345679",5]"#, 2),
    (r#""ne":"12345678901234567890123456789012345679""#, 4),
];

async fn decimals_compare_with_all_their_digits(world: World) {
    let price = field(&world.rows(), "price", FieldType::Decimal, false).await.to_string();
    for (position, number) in NEIGHBOURS.iter().copied().enumerate() {
        let input = json!({
            "firstName": "A", "email": format!("a{position}@example.com"),
            "customFieldValues": [{ "customFieldId": price, "value": number }],
        });
        done(&world.writer(), "createAccountContact", input, "accountContact { id }").await;
    }
    let document = "query($f: AccountContactFilter) { accountContacts(filter: $f) { totalCount } }";
    for (condition, expected) in CONDITIONS {
        let filter =
            format!(r#"{{"f":{{"customFieldValues":[{{"customFieldId":"{price}",{condition}}}]}}}}"#);
        let reply = graphql(&world.reader(), document, &filter).await;
        assert_eq!(*reply.data("/accountContacts/totalCount"), json!(expected), "{condition}");
    }
}

/// Numbers of reports about other systems, and whether metadata keeps them.
const IN_METADATA: &[(&str, bool)] = &[
    ("750727362669608961", true),
    ("384622082018771969", true),
    ("900719925474099101", true),
    ("809191427645181212", true),
    ("9223372036854775807", true),
    ("1234567899517.1299", false),
    ("4859632598745.68", true),
    ("1.7976931348623157e308", true),
    ("0.1", true),
    ("1e21", true),
    ("4859632598745.6797", false),
    ("100000000.00000001", true),
    ("18446744073709551615", true),
    ("-0.0", true),
    ("1234567890123456789012345678901234567890", false),
    ("123456789123456.12345", false),
    ("18446744073709551617", false),
    ("115792089237316195423570985008687907853269984665640564039457584007913129639935", false),
    ("3.14159265358979323846", false),
    ("0.1000000000000000055", false),
    ("1e309", false),
    ("1e-330", false),
    ("-9223372036854775809", false),
    ("9007199254740993.5", false),
];

async fn numbers_of_metadata_keep_their_digits_or_are_refused(world: World) {
    let document =
        "query($e: String!) { accountContacts(filter: { email: { eq: $e } }) { nodes { metadata } } }";
    for (position, (number, is_kept)) in IN_METADATA.iter().copied().enumerate() {
        let email = format!("a{position}@example.com");
        let input = format!(
            r#"{{"input":{{"firstName":"A","email":"{email}","metadata":{{"a":[{{"n":{number}}}]}}}}}}"#
        );
        let made = graphql(&world.writer(), CREATE, &input).await;
        if is_kept {
            assert_eq!(made.user_errors("it"), [""; 0], "{number}");
            let body = json!({ "query": document, "variables": { "e": email } }).to_string();
            let request = world.reader().request(Method::POST, "/graphql");
            let read = request.header("content-type", "application/json").body(body).send().await;
            let read = Exact::of(&read.expect("an answer").text().await.expect("a text"));
            let stored = read.at(&["data", "accountContacts", "nodes", "0", "metadata", "a", "0", "n"]);
            assert_eq!(*stored, Exact::of(number), "{number}");
        } else {
            assert_eq!(made.user_errors("it"), ["INVALID metadata.a.0.n"], "{number}");
            let message = made.text("/it/userErrors/0/message");
            assert_helpful(message, &["64-bit integer or double", "Send it as a string"], number);
        }
    }
}

/// How many decimals are made.
const RANDOM: usize = 40;

async fn random_decimals_come_back_and_are_found(world: World) {
    let price = field(&world.rows(), "price", FieldType::Decimal, false).await.to_string();
    let strategy = ("-?[0-9]{1,19}(\\.[0-9]{1,19})?", any::<bool>());
    let mut runner = TestRunner::deterministic();
    for position in 0..RANDOM {
        let (text, as_number) = strategy.new_tree(&mut runner).expect("a decimal").current();
        // JSON has no zeros at the beginning of a number.
        let digits = text.trim_start_matches('-').trim_start_matches('0');
        let digits = if digits.is_empty() || digits.starts_with('.') {
            format!("0{digits}")
        } else {
            digits.to_owned()
        };
        let number = format!("{}{digits}", if text.starts_with('-') { "-" } else { "" });
        let written = if as_number { number.clone() } else { json!(text).to_string() };
        let email = format!("a{position}@example.com");
        let row = |value: &str| {
            format!(
                r#"{{"input":{{"rows":[{{"firstName":"A","email":"{email}","customFieldValues":[{{"customFieldId":"{price}","value":{value}}}]}}]}}}}"#
            )
        };
        let made = graphql(&world.writer(), UPSERT, &row(&written)).await;
        let stored = made.text("/it/results/0/accountContact/customFieldValues/0/value").to_owned();
        assert_eq!(Exact::of(&stored), Exact::of(&number), "{written}");
        for value in [&written, &number, &json!(stored).to_string(), &json!(text).to_string()] {
            let again = world.nothing_written(graphql(&world.writer(), UPSERT, &row(value))).await;
            assert_eq!(again.text("/it/results/0/status"), "UNCHANGED", "{written} {value}");
        }
        let document =
            "query($f: AccountContactFilter) { accountContacts(first: 100, filter: $f) { nodes { email } } }";
        let filter =
            format!(r#"{{"f":{{"customFieldValues":[{{"customFieldId":"{price}","eq":{number}}}]}}}}"#);
        let found = graphql(&world.reader(), document, &filter).await;
        assert!(found.list("/accountContacts/nodes").contains(&json!({ "email": email })), "{written}");
    }
}
