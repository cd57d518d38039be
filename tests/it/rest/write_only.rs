//! Without contacts:read a token is answered with the fields of the record that it wrote, and with nothing of others.
//!
//! The operations that write are read out of the published document: one that is not called here fails the test.

use std::collections::BTreeSet;

use contact_gateway::{
    auth::Scope,
    entity::{
        custom_field::FieldType, internal_contact_assignment::InternalRole,
        organization_contact::OrganizationContactType,
    },
    service::organization_contact::Card,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::Rest;
use crate::support::{HOME, Reply, Rows, World, on_both};

on_both!(a_write_only_token_is_told_of_the_record_that_it_wrote_and_of_nothing_else);

/// What stands in records that no call here writes.
const OTHERS: [&str; 5] = ["Acme Holding", "Primary", "XXL", "\"size\"", "bystander@example.com"];
/// The operations that only read, though they are sent by POST; the second needs no token.
const READING: [&str; 2] = ["filterCustomerContactsByIds", "authenticate"];

/// The fields of an answer that belong to other records.
fn related(operation: &str) -> &'static [&'static str] {
    match operation {
        "addPartnerInternalContact" | "updateInternalContactRole" => &["internal_contact"],
        "createCustomerContact" | "updateCustomerContact" => {
            &["accounts", "contactType", "customFieldValues", "customFields"]
        }
        "createOrganizationContact" | "updateOrganizationContact" => &["organisation"],
        _ => &[],
    }
}

/// Every operation that writes, in an order in which all of them succeed, with its answer.
async fn answers(rows: &Rows, rest: &Rest) -> Vec<(&'static str, Reply)> {
    let partner = rows.partner("Globex", None).await.id;
    let held = rows.partner("Hooli", None).await;
    let assignment = rows.assignment("bystander@example.com", InternalRole::Lead, &held).await.assignment.id;
    let person = rows.internal_contact("person@example.com", InternalRole::Lead).await.contact.id;
    let account = rows.account("Acme Holding").await;
    let contact = rows.account_contact("contact@example.com", &[&account]).await.id;
    let field = rows.custom_field("size", FieldType::Text, &[]).await.id.to_string();
    let (billing, legal) = (rows.contact_type("Billing").await.id, rows.contact_type("Legal").await.id);
    let card = rows.organization_contact(OrganizationContactType::Finance, Card::default()).await.id.0;
    let organization = rows.organization.0;

    let (people, assigned) = ("/v2/internal-contacts", format!("/v2/partners/{partner}/internal-contacts"));
    let assignment = format!("/v2/partners/{}/internal-contacts/{assignment}", held.id);
    let (contacts, types) = ("/v1/accounts/contacts", "/v1/accounts/attributes");
    let cards = format!("/api/v1/organisation/{organization}/contact");
    let values = json!([{ "customFieldId": field, "data": [{ "value": "XXL" }] }]);
    let new = json!({ "firstName": "Ada", "email": "ada@example.com", "accountIds": [account.id.to_string()],
        "customFieldValues": values });
    let billing_value = json!({ "value": "Invoices" });
    let bulk = json!({ "contacts": [{ "firstName": "Bo", "email": "bo@example.com" }] });
    let found = json!({ "email": "bystander@example.com", "internal_role": "csm" });
    let calls = [
        (
            "createInternalContact",
            Method::POST,
            people.to_owned(),
            json!({ "email": "new@example.com", "internal_role": "csm" }),
        ),
        (
            "updateInternalContact",
            Method::PATCH,
            format!("{people}/{person}"),
            json!({ "job_title": "Pilot" }),
        ),
        ("deleteInternalContact", Method::DELETE, format!("{people}/{person}"), Value::Null),
        ("addPartnerInternalContact", Method::POST, assigned, found),
        ("updateInternalContactRole", Method::PATCH, assignment.clone(), json!({ "internal_role": "csm" })),
        ("removePartnerInternalContact", Method::DELETE, assignment, Value::Null),
        ("createCustomerContact", Method::POST, contacts.to_owned(), new),
        (
            "updateCustomerContact",
            Method::PUT,
            format!("{contacts}/{contact}"),
            json!({ "customFieldValues": values }),
        ),
        ("deleteCustomerContact", Method::DELETE, format!("{contacts}/{contact}"), Value::Null),
        ("createCustomerContacts", Method::POST, format!("{contacts}/bulk"), bulk),
        (
            "createAttributeValue",
            Method::POST,
            types.to_owned(),
            json!({ "attribute": "contact_type", "value": "VIP" }),
        ),
        ("updateAttributeValue", Method::PUT, format!("{types}/{billing}"), billing_value),
        ("deleteAttributeValue", Method::DELETE, format!("{types}/{legal}"), Value::Null),
        (
            "createOrganizationContact",
            Method::POST,
            cards.clone(),
            json!({ "type": { "id": 1 }, "country": { "id": 276 } }),
        ),
        ("updateOrganizationContact", Method::PATCH, format!("{cards}/{card}"), json!({ "name": "Erika" })),
        ("deleteOrganizationContact", Method::DELETE, format!("{cards}/{card}"), Value::Null),
    ];
    let mut answers = Vec::new();
    for (operation, method, path, body) in calls {
        assert_eq!(rest.operation(&method, &path)["operationId"], operation);
        let body = (!body.is_null()).then_some(body);
        answers.push((operation, rest.call(method, &path, body).await));
    }
    answers
}

async fn a_write_only_token_is_told_of_the_record_that_it_wrote_and_of_nothing_else(world: World) {
    let scopes: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| *scope != Scope::ContactsRead).collect();
    let write_only = Rest::of(world.actor("writer", &[HOME], &scopes)).await;
    let writing = answers(&world.rows(), &write_only).await;
    let reading = answers(&world.other_rows(), &Rest::of(world.other()).await).await;

    let fields = |reply: &Reply| -> BTreeSet<String> {
        reply.body.as_object().into_iter().flat_map(|body| body.keys().cloned()).collect()
    };
    let mut named = BTreeSet::new();
    for ((operation, limited), (_, whole)) in writing.iter().zip(&reading) {
        assert!(limited.status.is_success(), "{operation}: {} {:#}", limited.status, limited.body);
        assert_eq!(limited.status, whole.status, "{operation}");
        let (limited_fields, whole_fields) = (fields(limited), fields(whole));
        let missing: Vec<&str> = whole_fields.difference(&limited_fields).map(String::as_str).collect();
        assert_eq!(missing, related(operation), "{operation}: {:#}", limited.body);
        let (limited, whole) = (limited.body.to_string(), whole.body.to_string());
        for other in OTHERS {
            assert!(!limited.contains(other), "{operation} tells of {other}: {limited}");
            if whole.contains(other) {
                named.insert(other);
            }
        }
    }
    assert_eq!(named, BTreeSet::from(OTHERS), "with contacts:read each of them is returned");

    let ids = json!({ "ids": [] });
    assert_eq!(write_only.post("/v1/accounts/contacts/filter/ids", ids).await.status, 403);
    let paths = write_only.document["paths"].as_object().expect("paths").values();
    let operations = paths.flat_map(|path| path.as_object().expect("a path"));
    for (method, operation) in operations {
        let name = operation["operationId"].as_str().expect("an id");
        let is_covered = READING.contains(&name) || writing.iter().any(|(operation, _)| *operation == name);
        assert!(method == "get" || is_covered, "{name} is not called here");
    }
}
