//! A field has the same value alone and with all others, at every position of its object in a document: queries read only
//! the columns that a document selects, and these tests fail if one is missing.

use std::collections::BTreeMap;

use contact_gateway::entity::custom_field::FieldType;
use serde_json::{Map, Value, json};

use crate::support::{Reply, World, on_both};

on_both!(
    a_field_is_the_same_alone,
    names_fall_back_alone_too,
    the_same_row_is_shown_with_other_fields_elsewhere,
);

/// Where the objects of a type stand: the type, a selection with a hole for theirs, and the place of the object.
const PLACES: &[(&str, &str, &str)] = &[
    ("Partner", "partner(id: \"<partner>\") { * }", "/partner"),
    ("Partner", "partners { nodes { * } }", "/partners/nodes/0"),
    ("Partner", "partners { edges { node { * } } }", "/partners/edges/0/node"),
    ("Partner", "node(id: \"<partner>\") { ... on Partner { * } }", "/node"),
    ("Partner", "nodes(ids: [\"<partner>\"]) { ... on Partner { * } }", "/nodes/0"),
    ("Partner", "organization { partners { nodes { * } } }", "/organization/partners/nodes/0"),
    (
        "Partner",
        "internalContactAssignments(last: 1) { nodes { partner { * } } }",
        "/internalContactAssignments/nodes/0/partner",
    ),
    (
        "Partner",
        "internalContacts { nodes { partners { nodes { ... { * } } } } }",
        "/internalContacts/nodes/0/partners/nodes/0",
    ),
    ("InternalContact", "internalContact(id: \"<internalContact>\") { * }", "/internalContact"),
    ("InternalContact", "internalContacts { nodes { * } }", "/internalContacts/nodes/0"),
    ("InternalContact", "node(id: \"<internalContact>\") { ... on InternalContact { * } }", "/node"),
    (
        "InternalContact",
        "partners { nodes { internalContacts { nodes { * } } } }",
        "/partners/nodes/0/internalContacts/nodes/0",
    ),
    (
        "InternalContact",
        "partners { nodes { assignments { nodes { internalContact { * } } } } }",
        "/partners/nodes/0/assignments/nodes/0/internalContact",
    ),
    (
        "InternalContactAssignment",
        "internalContactAssignment(id: \"<assignment>\") { * }",
        "/internalContactAssignment",
    ),
    (
        "InternalContactAssignment",
        "internalContactAssignments(last: 1) { nodes { * } }",
        "/internalContactAssignments/nodes/0",
    ),
    (
        "InternalContactAssignment",
        "partners { nodes { assignments { edges { node { * } } } } }",
        "/partners/nodes/0/assignments/edges/0/node",
    ),
    (
        "InternalContactAssignment",
        "internalContacts { nodes { assignments { nodes { * } } } }",
        "/internalContacts/nodes/0/assignments/nodes/0",
    ),
    (
        "InternalContactAssignment",
        "node(id: \"<assignment>\") { ... on InternalContactAssignment { * } }",
        "/node",
    ),
    ("Account", "account(id: \"<account>\") { * }", "/account"),
    ("Account", "accounts { nodes { * } }", "/accounts/nodes/0"),
    ("Account", "node(id: \"<account>\") { ... on Account { * } }", "/node"),
    (
        "Account",
        "accountContacts { nodes { accounts { nodes { * } } } }",
        "/accountContacts/nodes/0/accounts/nodes/0",
    ),
    ("AccountContact", "accountContact(id: \"<accountContact>\") { * }", "/accountContact"),
    ("AccountContact", "accountContacts { nodes { * } }", "/accountContacts/nodes/0"),
    (
        "AccountContact",
        "accounts { nodes { contacts { nodes { * } } } }",
        "/accounts/nodes/0/contacts/nodes/0",
    ),
    ("AccountContact", "node(id: \"<accountContact>\") { ... on AccountContact { * } }", "/node"),
    ("ContactType", "contactTypes { nodes { * } }", "/contactTypes/nodes/0"),
    (
        "ContactType",
        "accountContacts { nodes { contactType { * } } }",
        "/accountContacts/nodes/0/contactType",
    ),
    ("CustomField", "customFields { nodes { * } }", "/customFields/nodes/0"),
    (
        "CustomField",
        "accountContacts { nodes { customFieldValues { field { * } } } }",
        "/accountContacts/nodes/0/customFieldValues/0/field",
    ),
    (
        "CustomFieldValue",
        "accountContacts { nodes { customFieldValues { * } } }",
        "/accountContacts/nodes/0/customFieldValues/0",
    ),
    (
        "OrganizationContact",
        "organizationContact(id: \"<organizationContact>\") { * }",
        "/organizationContact",
    ),
    ("OrganizationContact", "organizationContacts { nodes { * } }", "/organizationContacts/nodes/0"),
    (
        "OrganizationContact",
        "node(id: \"<organizationContact>\") { ... on OrganizationContact { * } }",
        "/node",
    ),
    ("Address", "organizationContacts { nodes { address { * } } }", "/organizationContacts/nodes/0/address"),
    ("Organization", "organization { * }", "/organization"),
    ("Organization", "organizations { nodes { * } }", "/organizations/nodes/0"),
    ("Organization", "viewer { organization { * } }", "/viewer/organization"),
    (
        "Organization",
        "organizationContacts { nodes { organization { * } } }",
        "/organizationContacts/nodes/0/organization",
    ),
    ("Change", "changes { nodes { * } }", "/changes/nodes/0"),
];

/// One row of every kind, with a value in every column that clients can fill; gives the ids by what they are of.
async fn fill(world: &World) -> BTreeMap<&'static str, String> {
    let writer = world.writer();
    let make = async |mutation: &str, input: Value, object: &str| {
        let selection = format!("{object} {{ id }}");
        let reply = writer.mutate(mutation, input, &selection).await;
        assert_eq!(reply.user_errors(mutation), [""; 0], "{mutation}");
        reply.text(&format!("/{mutation}/{object}/id")).to_owned()
    };
    let organization = json!({ "externalId": "home" });
    let updated = world.admin().mutate("updateOrganization", organization, "organization { id }").await;
    assert_eq!(updated.text("/updateOrganization/organization/id"), "org_1");
    let field = world.rows().custom_field("size", FieldType::SingleChoice, &["S", "L"]).await.id.to_string();
    let partner = make("createPartner", json!({ "name": "Globex", "remoteId": "r" }), "partner").await;
    let person = json!({
        "partnerId": partner, "email": "ada@example.com", "internalRole": "LEAD", "givenName": "Ada",
        "familyName": "Lovelace", "name": "A. Lovelace", "phone": "+4915112345678", "jobTitle": "Countess",
        "remoteId": "r",
    });
    let assignment = make("addInternalContactToPartner", person, "assignment").await;
    let account = json!({ "name": "Initech", "primaryDomain": "example.com", "remoteId": "r" });
    let account = make("createAccount", account, "account").await;
    let contact = json!({
        "firstName": "Grace", "lastName": "Hopper", "email": "grace@example.com", "phone": "+4915112345678",
        "avatarUrl": "https://example.com/a.png", "accountIds": [account], "metadata": { "a": 1 }, "remoteId": "r",
        "customFieldValues": [{ "customFieldId": field, "value": "L" }],
    });
    let contact = make("createAccountContact", contact, "accountContact").await;
    let card = json!({
        "type": "INVOICE_ADDRESS", "name": "Edsger", "title": "Dr", "department": "Bills", "street": "Street 1",
        "secondaryAddress": "Door 2", "zipcode": "12345", "city": "Berlin", "state": "BE", "countryId": "276",
        "email": "bills@example.com", "phone": "030 1", "mobile": "0151 1", "purchaseOrderNumber": "PO 1",
    });
    let card = make("createOrganizationContact", card, "organizationContact").await;
    let people = world.reader().query("{ internalContacts { nodes { id } } }").await;
    let person = people.text("/internalContacts/nodes/0/id").to_owned();
    let input = json!({ "id": person, "remoteId": "r" });
    let updated = writer.mutate("updateInternalContact", input, "internalContact { remoteId }").await;
    assert_eq!(updated.text("/updateInternalContact/internalContact/remoteId"), "r");
    BTreeMap::from([
        ("partner", partner),
        ("internalContact", person),
        ("assignment", assignment),
        ("account", account),
        ("accountContact", contact),
        ("organizationContact", card),
    ])
}

/// The fields of an object type, each with a selection that shows something of its value.
async fn fields_of(world: &World, object: &str) -> Vec<String> {
    let unwrapped = "name ofType { name ofType { name ofType { name } } }";
    let document = format!("{{ __type(name: \"{object}\") {{ fields {{ name type {{ {unwrapped} }} }} }} }}");
    let reply = world.reader().query(&document).await;
    let fields = reply.list("/__type/fields").iter();
    fields
        .map(|field| format!("{}{}", field["name"].as_str().expect("a name"), shown(&field["type"])))
        .collect()
}

/// What to select on a value of a type.
fn shown(value_type: &Value) -> &'static str {
    let mut named = value_type;
    while named["name"].is_null() {
        named = &named["ofType"];
    }
    match named["name"].as_str().expect("a name") {
        "Address" => " { city country { id } }",
        "CustomFieldValue" => " { displayValue }",
        "Partner" | "InternalContact" | "ContactType" | "CustomField" | "Country" | "Organization"
        | "Node" => " { id }",
        "ChangeConnection" => " { nodes { seq } }",
        connection if connection.ends_with("Connection") => " { nodes { id } }",
        _ => "",
    }
}

async fn ask(world: &World, ids: &BTreeMap<&str, String>, selection: &str, fields: &str) -> Reply {
    let mut document = format!("{{ {} }}", selection.replacen('*', fields, 1));
    for (name, id) in ids {
        document = document.replace(&format!("<{name}>"), id);
    }
    world.reader().query(&document).await
}

async fn a_field_is_the_same_alone(world: World) {
    let ids = fill(&world).await;
    for (object, selection, pointer) in PLACES {
        let fields = fields_of(&world, object).await;
        let together = ask(&world, &ids, selection, &fields.join(" ")).await;
        let together = together.data(pointer).as_object().expect("an object").clone();
        assert_eq!(together.len(), fields.len());
        for (name, value) in &together {
            let may_be_null = ["deletedAt", "archivedAt"].contains(&name.as_str());
            assert!(may_be_null || !value.is_null(), "{object}.{name} is null in {selection}");
        }
        for field in fields {
            let alone = ask(&world, &ids, selection, &field).await;
            let name = field.split(' ').next().expect("a name");
            let expected: Map<String, Value> =
                [(name.to_owned(), together[name].clone())].into_iter().collect();
            assert_eq!(alone.data(pointer), &Value::Object(expected), "{field} in {selection}");
        }
    }
}

/// `displayName` takes the best of several columns.
async fn names_fall_back_alone_too(world: World) {
    let writer = world.writer();
    for (mutation, list, input, name) in [
        (
            "createInternalContact",
            "internalContacts",
            json!({ "email": "a@example.com", "internalRole": "LEAD" }),
            "a@example.com",
        ),
        (
            "createInternalContact",
            "internalContacts",
            json!({ "email": "b@example.com", "internalRole": "LEAD", "name": "Bob" }),
            "Bob",
        ),
        (
            "createInternalContact",
            "internalContacts",
            json!({ "email": "c@example.com", "internalRole": "LEAD", "familyName": "Carol" }),
            "Carol",
        ),
        (
            "createAccountContact",
            "accountContacts",
            json!({ "firstName": "Dan", "email": "d@example.com" }),
            "Dan",
        ),
        (
            "createOrganizationContact",
            "organizationContacts",
            json!({ "type": "FINANCE", "email": "e@example.com", "department": "Bills" }),
            "e@example.com",
        ),
        (
            "createOrganizationContact",
            "organizationContacts",
            json!({ "type": "FINANCE", "department": "Bills" }),
            "Bills",
        ),
    ] {
        let made = writer.mutate(mutation, input, "").await;
        assert_eq!(made.user_errors(mutation), [""; 0]);
        let document = format!("{{ {list}(last: 1) {{ nodes {{ displayName }} }} }}");
        let reply = world.reader().query(&document).await;
        assert_eq!(reply.text(&format!("/{list}/nodes/0/displayName")), name);
    }
}

/// Loaders keep rows: what one place reads of a row must be enough for every other.
async fn the_same_row_is_shown_with_other_fields_elsewhere(world: World) {
    let ids = fill(&world).await;
    let partner = &ids["partner"];
    let document = format!(
        "{{
            one: node(id: \"{partner}\") {{ ... on Partner {{ name }} }}
            two: node(id: \"{partner}\") {{ ... on Partner {{ remoteId assignments {{ nodes {{ internalRole }} }} }} }}
            partners {{ nodes {{
                assignments {{ nodes {{ internalContact {{ email }} }} }}
                again: assignments {{ nodes {{ remoteId partner {{ remoteId version }} internalContact {{ jobTitle phone }} }} }}
            }} }}
            internalContacts {{ nodes {{ partners {{ nodes {{ name }} }} assignments {{ nodes {{ partner {{ name }} }} }} }} }}
        }}"
    );
    let reply = world.reader().query(&document).await;
    let again = json!({ "nodes": [{
        "remoteId": "r",
        "partner": { "remoteId": "r", "version": 1 },
        "internalContact": { "jobTitle": "Countess", "phone": "+4915112345678" },
    }] });
    let first = json!({ "nodes": [{ "internalContact": { "email": "ada@example.com" } }] });
    let globex = json!({ "nodes": [{ "name": "Globex" }] });
    let expected = json!({
        "one": { "name": "Globex" },
        "two": { "remoteId": "r", "assignments": { "nodes": [{ "internalRole": "LEAD" }] } },
        "partners": { "nodes": [{ "assignments": first, "again": again }] },
        "internalContacts": { "nodes": [{
            "partners": globex,
            "assignments": { "nodes": [{ "partner": { "name": "Globex" } }] },
        }] },
    });
    assert_eq!(reply.data(""), &expected);
}
