//! The five documented operations, called as their documents show it, and what they write read by GraphQL; and the other way
//! round.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Rest, text};
use crate::support::{Reply, World, on_both};

on_both!(
    creating_an_internal_contact,
    updating_an_internal_contact,
    updating_the_role_of_an_internal_contact,
    creating_a_contact_of_accounts,
    creating_a_contact_of_an_organization,
);

/// Fails unless the answer has exactly these fields, of these types: the first that fits counts.
#[track_caller]
fn assert_types(body: &Value, expected: &[(&str, &str)]) {
    let fields = body.as_object().expect("an object");
    let mut names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let mut found: Vec<&str> = fields.keys().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, names);
    for (name, kinds) in expected {
        let value = &fields[*name];
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() => "integer",
            Value::Number(_) => "number",
            Value::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok() => "time",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        assert!(kinds.split('|').any(|it| it == kind), "{name} is {value}, not {kinds}");
    }
}

const INTERNAL_CONTACT: &[(&str, &str)] = &[
    ("created_at", "time"),
    ("modified_at", "time|null"),
    ("id", "string"),
    ("email", "string"),
    ("given_name", "string|null"),
    ("family_name", "string|null"),
    ("name", "string|null"),
    ("phone", "string|null"),
    ("job_title", "string|null"),
    ("object", "string"),
];

const ASSIGNMENT: &[(&str, &str)] = &[
    ("created_at", "time"),
    ("modified_at", "time|null"),
    ("id", "string"),
    ("internal_role", "string"),
    ("partner_id", "string|null"),
    ("remote_id", "string|null"),
    ("internal_contact", "object"),
    ("object", "string"),
];

async fn creating_an_internal_contact(world: World) {
    let rest = Rest::of(world.writer()).await;
    let body = r#"
{
  "email": "ada@example.com",
  "internal_role": "csm",
  "given_name": "Ada",
  "family_name": "Lovelace",
  "name": "Ada Lovelace",
  "phone": "+44 20 7946 0958",
  "job_title": "Analyst"
}
"#;
    let made = rest.send(Method::POST, "/v2/internal-contacts", Some(body)).await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert_types(&made.body, ASSIGNMENT);
    assert_types(&made.body["internal_contact"], INTERNAL_CONTACT);
    let expected = json!({
        "modified_at": null, "internal_role": "csm", "partner_id": null, "remote_id": null,
        "object": "internal_contact_assignment",
    });
    assert_part(&made.body, &expected);
    let contact = json!({
        "modified_at": null, "email": "ada@example.com", "given_name": "Ada", "family_name": "Lovelace",
        "name": "Ada Lovelace", "phone": "+442079460958", "job_title": "Analyst", "object": "internal_contact",
    });
    assert_part(&made.body["internal_contact"], &contact);

    let document = "query($id: ID!) { internalContactAssignment(id: $id) {
        internalRole partner { id } internalContact { id email givenName phone } } }";
    let seen = world.reader().graphql(document, json!({ "id": made.body["id"] })).await;
    assert_eq!(seen.data("/internalContactAssignment/internalRole"), "CSM");
    assert_eq!(
        seen.data("/internalContactAssignment/internalContact/id"),
        &made.body["internal_contact"]["id"]
    );
    assert_eq!(seen.data("/internalContactAssignment/internalContact/phone"), "+442079460958");

    let input = json!({ "email": "grace@example.com", "internalRole": "LEAD", "name": "Grace" });
    let other = world.writer().mutate("createInternalContact", input, "internalContact { id }").await;
    let id = other.text("/createInternalContact/internalContact/id");
    let read = rest.get(&format!("/v2/internal-contacts/{id}")).await;
    assert_eq!(read.status, 200);
    assert_types(&read.body, INTERNAL_CONTACT);
    assert_part(
        &read.body,
        &json!({ "id": id, "email": "grace@example.com", "name": "Grace", "phone": null }),
    );
}

async fn updating_an_internal_contact(world: World) {
    let rest = Rest::of(world.writer()).await;
    let made = rest
        .post("/v2/internal-contacts", json!({ "email": "a@example.com", "internal_role": "lead" }))
        .await;
    let id = text(&made, "/internal_contact/id");
    let path = format!("/v2/internal-contacts/{id}");
    let body = r#"
{
  "email": "ada@example.com",
  "given_name": "Ada",
  "family_name": "Lovelace",
  "name": "Ada Lovelace",
  "phone": "+12025550143",
  "job_title": "Analyst"
}
"#;
    let updated = rest.send(Method::PATCH, &path, Some(body)).await;
    assert_eq!(updated.status, 200, "{}", updated.body);
    assert_types(&updated.body, INTERNAL_CONTACT);
    assert!(updated.body["modified_at"].is_string(), "it has changed");
    let document = "query($id: ID!) { internalContact(id: $id) { email jobTitle version } }";
    let seen = world.reader().graphql(document, json!({ "id": id })).await;
    assert_eq!(
        seen.data("/internalContact"),
        &json!({ "email": "ada@example.com", "jobTitle": "Analyst", "version": 2 })
    );

    let input = json!({ "id": id, "jobTitle": null, "name": "Countess" });
    world.writer().mutate("updateInternalContact", input, "internalContact { id }").await;
    let read = rest.get(&path).await;
    assert_part(&read.body, &json!({ "job_title": null, "name": "Countess", "given_name": "Ada" }));

    // What is left out stays, null clears, and what changes nothing is no change.
    let cleared = rest.patch(&path, json!({ "phone": null })).await;
    assert_part(&cleared.body, &json!({ "phone": null, "name": "Countess" }));
    let same = rest.patch(&path, json!({})).await;
    assert_eq!(same.body, cleared.body);
}

async fn updating_the_role_of_an_internal_contact(world: World) {
    let rest = Rest::of(world.writer()).await;
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let path = format!("/v2/partners/{partner}/internal-contacts");
    let added = rest.post(&path, json!({ "email": "ada@example.com", "internal_role": "csm" })).await;
    assert_eq!(added.status, 200, "{}", added.body);
    let one = format!("{path}/{}", text(&added, "/id"));

    let updated = rest.send(Method::PATCH, &one, Some(r#"{"internal_role": "practice_lead"}"#)).await;
    assert_eq!(updated.status, 200, "{}", updated.body);
    assert_types(&updated.body, ASSIGNMENT);
    assert_types(&updated.body["internal_contact"], INTERNAL_CONTACT);
    assert_part(&updated.body, &json!({ "internal_role": "practice_lead", "partner_id": partner }));
    assert!(updated.body["modified_at"].is_string(), "the assignment has changed");
    assert_eq!(updated.body["internal_contact"]["modified_at"], Value::Null, "the person has not");

    let document = "query($id: ID!) { partner(id: $id) { assignments { nodes { internalRole } } } }";
    let seen = world.reader().graphql(document, json!({ "id": partner })).await;
    assert_eq!(seen.data("/partner/assignments/nodes"), &json!([{ "internalRole": "PRACTICE_LEAD" }]));

    let input = json!({ "partnerId": partner, "assignmentId": added.body["id"], "internalRole": "CO_LEAD" });
    world.writer().mutate("updateInternalContactRole", input, "assignment { id }").await;
    assert_eq!(rest.get(&one).await.body["internal_role"], "co_lead");
}

async fn creating_a_contact_of_accounts(world: World) {
    let rows = world.rows();
    let (first, second) = (rows.account("Initech").await, rows.account("Hooli").await);
    let billing = rows.contact_type("Billing").await;
    let rest = Rest::of(world.multi()).await.with("x-org-id", "org_1");
    let body = format!(
        r#"{{
  "firstName": "John",
  "lastName": "Doe",
  "email": "john.doe@example.com",
  "phoneNumber": "+1234567890",
  "contactType": "{}",
  "avatarUrl": "https://example.com/avatar.png",
  "accountIds": [
    "{}",
    "{}"
  ],
  "customFieldValues": [
    {{}}
  ]
}}"#,
        billing.id, first.id, second.id
    );
    let made = rest.send(Method::POST, "/v1/accounts/contacts", Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_types(
        &made.body,
        &[
            ("id", "string"),
            ("firstName", "string"),
            ("lastName", "string"),
            ("email", "string"),
            ("phoneNumber", "string"),
            ("avatarUrl", "string"),
            ("accounts", "array"),
            ("contactTypeId", "string"),
            ("contactType", "string"),
            ("customFieldValues", "array"),
            ("customFields", "array"),
            ("metadata", "object"),
            ("createdAt", "time"),
            ("updatedAt", "time"),
        ],
    );
    let expected = json!({
        "firstName": "John", "lastName": "Doe", "email": "john.doe@example.com", "phoneNumber": "+1234567890",
        "avatarUrl": "https://example.com/avatar.png", "accounts": ["Initech", "Hooli"],
        "contactTypeId": billing.id.to_string(), "contactType": "Billing", "customFieldValues": [], "metadata": {},
    });
    assert_part(&made.body, &expected);

    let document = "query($id: ID!) { accountContact(id: $id) {
        firstName contactType { name } accounts { nodes { name } } } }";
    let seen = world.reader().graphql(document, json!({ "id": made.body["id"] })).await;
    let expected = json!({
        "firstName": "John", "contactType": { "name": "Billing" },
        "accounts": { "nodes": [{ "name": "Initech" }, { "name": "Hooli" }] },
    });
    assert_eq!(seen.data("/accountContact"), &expected);

    let input = json!({ "firstName": "Grace", "email": "grace@example.com" });
    let other = world.writer().mutate("createAccountContact", input, "accountContact { id }").await;
    let id = other.text("/createAccountContact/accountContact/id");
    let read = rest.get(&format!("/v1/accounts/contacts/{id}")).await;
    let expected = json!({
        "id": id, "firstName": "Grace", "lastName": "", "phoneNumber": "", "avatarUrl": "", "accounts": [],
        "contactType": "Primary",
    });
    assert_part(&read.body, &expected);
}

async fn creating_a_contact_of_an_organization(world: World) {
    let rest = Rest::of(world.writer()).await;
    let body = json!({
        "type": { "id": 6 }, "name": "Ada Lovelace", "title": "Dr", "department": "Sales",
        "street": "Main Street 1", "zipcode": "12345", "city": "Berlin", "country": { "id": 276 },
        "email": "ada@example.com", "phone": "+497 554 776 653", "mobile": "0170 / 123", "state": "Berlin",
        "secondary_address": "Apartment 2", "purchase_order_number": "PO-1",
    });
    let path = "/api/v1/organisation/1/contact";
    let made = rest.post(path, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let documented = [
        ("id", "integer"),
        ("organisation", "object"),
        ("type", "object"),
        ("name", "string"),
        ("title", "string"),
        ("department", "string"),
        ("street", "string"),
        ("zipcode", "string"),
        ("city", "string"),
        ("country", "object"),
        ("email", "string"),
        ("phone", "string"),
        ("mobile", "string"),
        ("state", "string"),
        ("secondary_address", "string"),
        ("purchase_order_number", "string"),
        ("contact_id", "string"),
    ];
    assert_types(&made.body, &documented);
    assert_part(
        &made.body,
        &json!({
            "organisation": { "id": 1, "name": "Home" },
            "type": { "id": 6, "description": "Invoice address" },
            "phone": "+497 554 776 653",
        }),
    );
    assert_eq!(made.body["country"]["iso_code"], "de");
    assert_eq!(made.body["country"]["country_code"], "49");
    let number = made.body["id"].as_i64().expect("a number");
    assert_eq!(made.body["contact_id"], number.to_string());
    let location = made.headers["location"].to_str().expect("a location");
    assert_eq!(location, format!("{path}/{number}"));
    assert_eq!(rest.get(location).await.body, made.body);

    let document = "query($id: ID!) { organizationContact(id: $id) {
        type name purchaseOrderNumber number address { country { isoCode } } } }";
    let seen = world.reader().graphql(document, json!({ "id": format!("oc_{number}") })).await;
    let expected = json!({
        "type": "INVOICE_ADDRESS", "name": "Ada Lovelace", "purchaseOrderNumber": "PO-1",
        "number": number.to_string(), "address": { "country": { "isoCode": "DE" } },
    });
    assert_eq!(seen.data("/organizationContact"), &expected);

    let input = json!({ "type": "TECHNICAL", "email": "ops@example.com" });
    let other =
        world.writer().mutate("createOrganizationContact", input, "organizationContact { number }").await;
    let number = other.text("/createOrganizationContact/organizationContact/number");
    let read = rest.get(&format!("{path}/{number}")).await;
    assert_types(
        &read.body,
        &[
            ("id", "integer"),
            ("organisation", "object"),
            ("type", "object"),
            ("email", "string"),
            ("contact_id", "string"),
        ],
    );
    assert_part(
        &read.body,
        &json!({ "type": { "id": 2, "description": "Technical" }, "email": "ops@example.com" }),
    );
}

/// Fails unless the object has these fields with these values.
#[track_caller]
pub(super) fn assert_part(body: &Value, expected: &Value) {
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&body[name], value, "{name} of {body:#}");
    }
}

/// Fails unless the answer has this status.
#[track_caller]
pub(super) fn assert_status(reply: &Reply, status: u16) {
    assert_eq!(reply.status.as_u16(), status, "{:#}", reply.body);
}
