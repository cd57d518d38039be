//! The sample operations of the playground: every one is run as the page runs it, and none is missing. Subscriptions are
//! run by the page itself, in playground/test.
//!
//! The page fills the placeholders in the variables with what playground/src/sample-rows.graphql finds, and so does this.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use async_graphql::parser::{
    parse_query,
    types::{DocumentOperations, OperationDefinition, OperationType, Selection},
};
use contact_gateway::{
    auth::Scope,
    entity::{
        custom_field::FieldType, custom_field_value, id::AccountContactId,
        internal_contact_assignment::InternalRole, organization_contact::OrganizationContactType,
    },
    service::{Patch, organization_contact::Card},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Actor, HOME, OTHER, Reply, Rows, World, on_both, row_level_security};

on_both!(
    each_sample_succeeds_and_costs_what_it_should,
    a_page_costs_the_same_whatever_its_size,
    every_root_field_has_a_sample,
);

const FOLDER: &str = "playground/operations";

/// Those that take fewer on PostgreSQL, where what is inserted and the changes are one statement.
const ON_POSTGRES: &[(&str, usize)] = &[
    ("addInternalContactToPartner", 5),
    ("createAccount", 2),
    ("createAccountContact", 7),
    ("createContactType", 2),
    ("createCustomField", 2),
    ("createInternalContact", 2),
    ("createPartner", 2),
];

/// Those that take fewer on PostgreSQL without row level security: they lock nothing.
const OPTIMISTIC: &[(&str, usize)] = &[
    ("addInternalContactToPartner", 4),
    ("createAccountContact", 6),
    ("createInternalContact", 1),
    ("updateInternalContactRole", 5),
];

/// How many SQL statements each sample takes, on either database; BEGIN and COMMIT are not among them.
const STATEMENTS: &[(&str, usize)] = &[
    ("account", 4),
    ("accountContact", 7),
    ("accountContacts", 4),
    ("accounts", 4),
    ("addAccountContactToAccount", 7),
    ("addInternalContactToPartner", 6),
    ("archiveCustomField", 3),
    ("attachInternalContactAssignment", 9),
    ("changes", 1),
    ("contact", 3),
    ("contactTypes", 2),
    ("contacts", 2),
    ("contactsOfPartner", 2),
    ("countries", 0),
    ("country", 0),
    ("createAccount", 3),
    ("createAccountContact", 9),
    ("createContactType", 3),
    ("createCustomField", 3),
    ("createInternalContact", 4),
    ("createOrganization", 4),
    ("createOrganizationContact", 2),
    ("createPartner", 3),
    ("customFields", 2),
    ("deleteAccount", 3),
    ("deleteAccountContact", 3),
    ("deleteContactType", 6),
    ("deleteInternalContact", 5),
    ("deleteOrganizationContact", 3),
    ("deletePartner", 4),
    ("eraseContact", 8),
    ("filterAccountContacts", 4),
    ("filterByCustomField", 5),
    ("floatingAssignments", 3),
    ("followChanges", 1),
    ("internalContact", 6),
    ("internalContactAssignment", 3),
    ("internalContactAssignments", 4),
    ("internalContacts", 4),
    ("internalContactsByRole", 4),
    ("mergeContacts", 12),
    ("moveInternalContactAssignment", 9),
    ("node", 3),
    ("nodes", 5),
    ("organization", 11),
    ("organizationContact", 4),
    ("organizationContacts", 2),
    ("organizations", 2),
    ("overview", 11),
    ("partner", 5),
    ("partners", 4),
    ("removeAccountContactFromAccount", 7),
    ("removeInternalContactAssignment", 6),
    ("restoreAccount", 5),
    ("restoreAccountContact", 6),
    ("restoreInternalContact", 8),
    ("restoreOrganizationContact", 4),
    ("restorePartner", 7),
    ("searchContacts", 3),
    ("setDefaultContactType", 5),
    ("syncAccountContacts", 3),
    ("trash", 6),
    ("updateAccount", 3),
    ("updateAccountContact", 10),
    ("updateContactType", 4),
    ("updateCustomField", 3),
    ("updateInternalContact", 3),
    ("updateInternalContactRole", 7),
    ("updateOrganization", 3),
    ("updateOrganizationContact", 3),
    ("updatePartner", 3),
    ("upsertAccountContacts", 10),
    ("upsertAccounts", 3),
    ("upsertInternalContactAssignments", 9),
    ("upsertInternalContacts", 3),
    ("upsertPartners", 3),
    ("viewer", 2),
];

/// One file of the folder, with its variables.
struct Sample {
    name: String,
    document: String,
    /// JSON with placeholders.
    variables: String,
}

impl Sample {
    /// All there are, by name.
    fn all() -> Vec<Self> {
        let files = fs::read_dir(FOLDER).expect("the folder of the samples");
        let files = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
        let names: BTreeSet<String> =
            files.filter_map(|file| Some(file.strip_suffix(".graphql")?.to_owned())).collect();
        assert!(!names.is_empty(), "there are no samples in {FOLDER}");
        names.into_iter().map(Self::read).collect()
    }

    fn read(name: String) -> Self {
        let document = fs::read_to_string(format!("{FOLDER}/{name}.graphql")).expect("a document");
        let variables = fs::read_to_string(format!("{FOLDER}/{name}.variables.json"));
        Self { name, document, variables: variables.unwrap_or_else(|_| "{}".to_owned()) }
    }

    /// Its only operation.
    fn operation(&self) -> OperationDefinition {
        let name = &self.name;
        let document = parse_query(&self.document).unwrap_or_else(|error| panic!("{name}: {error}"));
        let DocumentOperations::Multiple(operations) = document.operations else {
            panic!("{name}: the operation has no name");
        };
        assert_eq!(operations.len(), 1, "{name}: one operation for each file");
        let (operation_name, operation) = operations.into_iter().next().expect("an operation");
        let (first, rest) = name.split_at(1);
        let expected = format!("{}{rest}", first.to_ascii_uppercase());
        assert_eq!(operation_name, expected, "{name}: the operation is called as the file");
        operation.node
    }

    fn is_subscription(&self) -> bool {
        self.operation().ty == OperationType::Subscription
    }

    /// The names of the fields that it selects of Query, Mutation or Subscription.
    fn root_fields(&self) -> (OperationType, Vec<String>) {
        let operation = self.operation();
        let fields = operation.selection_set.node.items.iter().map(|item| match &item.node {
            Selection::Field(field) => field.node.name.node.to_string(),
            _ => panic!("{}: the fields of the root stand there by themselves", self.name),
        });
        (operation.ty, fields.collect())
    }

    /// The variables as the page sends them.
    fn filled(&self, values: &BTreeMap<String, String>) -> Value {
        let filled = values.iter().fold(self.variables.clone(), |text, (name, value)| {
            text.replace(&format!("{{{{{name}}}}}"), value)
        });
        assert!(
            !filled.contains("{{"),
            "{}: playground/src/sample-rows.graphql finds no row for a placeholder in {filled}",
            self.name
        );
        serde_json::from_str(&filled).unwrap_or_else(|error| panic!("{}: {error} in {filled}", self.name))
    }
}

/// The page's reader: may do everything, in two organizations.
fn reader(world: &World) -> Actor {
    world.actor("developer", &[HOME, OTHER], &Scope::ALL).in_organization("org_1")
}

/// The value of each placeholder, as the page finds it.
async fn placeholders(world: &World, unique: &str) -> BTreeMap<String, String> {
    let rows = fs::read_to_string("playground/src/sample-rows.graphql").expect("the query of the rows");
    let mut values = BTreeMap::from([("unique".to_owned(), unique.to_owned())]);
    for operation in ["InternalRows", "AccountRows"] {
        let asked = json!({ "query": rows, "operationName": operation });
        let request = reader(world).request(Method::POST, "/graphql").json(&asked);
        collect(Reply::of(request).await.data(""), &mut values);
    }
    values
}

/// Every text by its name; of a name that comes twice, the first.
fn collect(value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) => {
                        found.entry(name.clone()).or_insert_with(|| text.clone());
                    }
                    value => collect(value, found),
                }
            }
        }
        _ => {}
    }
}

/// No errors, and an answer for each field of the root that names no user error.
fn assert_succeeded(sample: &Sample, reply: &Reply) {
    for (field, answer) in reply.data("").as_object().expect("fields") {
        assert!(!answer.is_null(), "{}: {field} is null: {reply:?}", sample.name);
        if let Some(errors) = answer.get("userErrors") {
            assert_eq!(errors, &json!([]), "{}", sample.name);
        }
        for result in answer.get("results").and_then(Value::as_array).into_iter().flatten() {
            assert_eq!(result["userErrors"], json!([]), "{}", sample.name);
        }
    }
}

async fn each_sample_succeeds_and_costs_what_it_should(world: World) {
    fill(&world).await;
    let mut costs = BTreeMap::new();
    // One after the other, as a reader might: what is deleted first can be restored later.
    for sample in Sample::all().into_iter().filter(|sample| !sample.is_subscription()) {
        let variables = sample.filled(&placeholders(&world, &sample.name).await);
        let changes = world.count("change").await;
        let (reply, statements) = world.statements(reader(&world).graphql(&sample.document, variables)).await;
        assert_succeeded(&sample, &reply);
        if sample.operation().ty == OperationType::Mutation {
            assert_ne!(world.count("change").await, changes, "{} changes nothing", sample.name);
        }
        costs.insert(sample.name, statements.len());
    }
    assert_costs(&world, &costs);
}

/// The table says the same.
fn assert_costs(world: &World, costs: &BTreeMap<String, usize>) {
    let mut table: BTreeMap<String, usize> =
        STATEMENTS.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    if !world.db.is_sqlite() {
        table.extend(ON_POSTGRES.iter().map(|(name, count)| ((*name).to_owned(), *count)));
    }
    if !world.db.is_sqlite() && !row_level_security() {
        table.extend(OPTIMISTIC.iter().map(|(name, count)| ((*name).to_owned(), *count)));
    }
    let wrong = costs.iter().filter(|(name, count)| table.get(*name) != Some(*count));
    let wrong = wrong.map(|(name, count)| format!("    (\"{name}\", {count}),"));
    let gone = table.keys().filter(|name| !costs.contains_key(*name));
    let gone = gone.map(|name| format!("    (\"{name}\", …) has no file"));
    let lines: Vec<String> = wrong.chain(gone).collect();
    assert!(
        lines.is_empty(),
        "STATEMENTS in tests/it/operations.rs is to be made right, where more statements are not a mistake:\n{}",
        lines.join("\n")
    );
}

async fn a_page_costs_the_same_whatever_its_size(world: World) {
    fill(&world).await;
    let values = placeholders(&world, "unique").await;
    let ask = async |sample: &Sample, mut variables: Value, first: usize| {
        variables["first"] = json!(first);
        let (reply, statements) = world.statements(reader(&world).graphql(&sample.document, variables)).await;
        assert_succeeded(sample, &reply);
        (count(reply.data("")), statements)
    };
    for sample in Sample::all() {
        let variables = sample.filled(&values);
        if variables.get("first").is_none() {
            continue;
        }
        let (few, cheap) = ask(&sample, variables.clone(), 1).await;
        let (many, expensive) = ask(&sample, variables, 50).await;
        assert!(few < many, "{}: {many} values are no more than {few}", sample.name);
        // One row is of one kind and may refer to nothing, so that there is less to read.
        assert!(cheap.len() <= expensive.len(), "{}: {cheap:#?} {expensive:#?}", sample.name);
        assert_eq!(Some(expensive.len()), statements_of(&sample.name), "{}: {expensive:#?}", sample.name);
    }
}

/// What the table says.
fn statements_of(name: &str) -> Option<usize> {
    STATEMENTS.iter().find(|(named, _)| *named == name).map(|(_, count)| *count)
}

/// How many values there are, at any depth.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 1,
    }
}

async fn every_root_field_has_a_sample(world: World) {
    let mut used = BTreeSet::new();
    for sample in Sample::all() {
        let (kind, fields) = sample.root_fields();
        used.extend(fields.into_iter().map(|field| format!("{kind:?}.{field}")));
    }
    let document = "{ __schema { queryType { fields { name } } mutationType { fields { name } } \
                    subscriptionType { fields { name } } } }";
    let reply = world.reader().query(document).await;
    let roots = [("Query", "queryType"), ("Mutation", "mutationType"), ("Subscription", "subscriptionType")];
    let missing: Vec<String> = roots
        .into_iter()
        .flat_map(|(kind, at)| {
            let fields = reply.list(&format!("/__schema/{at}/fields")).iter();
            fields.map(move |field| format!("{kind}.{}", field["name"].as_str().expect("a name")))
        })
        .filter(|field| !used.contains(field))
        .collect();
    assert!(
        missing.is_empty(),
        "no sample uses {missing:?}: add one to {FOLDER}, to the list in playground/src/operations.js and to \
         STATEMENTS in tests/it/operations.rs, then run `npm run build` in playground/"
    );
}

#[test]
fn samples_are_explained_and_listed() {
    let list = fs::read_to_string("playground/src/operations.js").expect("the list");
    for Sample { name, document, .. } in Sample::all() {
        let comment: Vec<&str> = document.lines().take_while(|line| line.starts_with('#')).collect();
        assert!(
            !comment.is_empty(),
            "{FOLDER}/{name}.graphql does not begin with a comment that says what it does"
        );
        for line in comment {
            assert!(
                line.chars().count() <= 60,
                "{FOLDER}/{name}.graphql: more than 60 characters in {line:?}"
            );
        }
        assert!(
            list.contains(&format!("\"{name}\"")),
            "playground/src/operations.js does not list {name}: add it to a task there, then run `npm run build`"
        );
    }
}

#[test]
fn variables_belong_to_samples() {
    let samples: BTreeSet<String> = Sample::all().into_iter().map(|sample| sample.name).collect();
    for file in fs::read_dir(FOLDER).expect("the folder of the samples") {
        let file = file.expect("a file").file_name().into_string().expect("a name");
        let name = file.strip_suffix(".variables.json").or(file.strip_suffix(".graphql"));
        assert!(name.is_some_and(|name| samples.contains(name)), "{FOLDER}/{file} belongs to no sample");
    }
}

/// Rows for every placeholder, and more of each kind than the page at the root of a sample and below it has.
async fn fill(world: &World) {
    let rows = &world.rows();
    let contact = same_address(rows).await;
    for name in ["Without a lead", "Another"] {
        rows.partner(name, None).await;
    }
    for email in ["floating1@example.com", "floating2@example.com"] {
        rows.internal_contact(email, InternalRole::Lead).await;
    }
    rows.partners_and_people(60, 5).await;
    let (_, mut contacts) = rows.accounts_and_contacts(60, 5).await;
    contacts.push(contact);
    values(rows, &contacts).await;
    for kind in [OrganizationContactType::Technical, OrganizationContactType::InvoiceAddress] {
        rows.organization_contact(kind, Card::default()).await;
    }
    deleted(world).await;
}

/// A contact of each kind with one email address, which are the first of their kinds and found by a search. Another one
/// is at the same partner and account.
async fn same_address(rows: &Rows) -> AccountContactId {
    let (email, other) = ("jorg.muller@example.com", "ada@example.com");
    let partner = rows.partner("Globex", None).await;
    rows.assignment(email, InternalRole::Csm, &partner).await;
    rows.assignment(other, InternalRole::Csm, &partner).await;
    let card = Card { email: Patch::Set(email.to_owned()), ..Card::default() };
    rows.organization_contact(OrganizationContactType::ShippingAddress, card).await;
    let account = rows.account("Initech").await;
    let contact = rows.account_contact(email, &[&account]).await.id;
    rows.account_contact(other, &[&account]).await;
    contact
}

/// Two custom fields, and a value of each for each of the contacts.
async fn values(rows: &Rows, contacts: &[AccountContactId]) {
    let now = rows.context().now;
    for (key, field_type, value) in
        [("newsletter", FieldType::Boolean, json!(true)), ("motto", FieldType::Text, json!("Ahoy"))]
    {
        let field = rows.custom_field(key, field_type, &[]).await;
        let values = contacts.iter().map(|contact| custom_field_value::Model {
            org_id: rows.organization,
            account_contact_id: *contact,
            custom_field_id: field.id,
            value: value.clone().into(),
            created_at: now,
            updated_at: now,
        });
        rows.insert::<custom_field_value::Entity>(values.collect()).await;
    }
}

/// Deletes one of each kind that can be deleted, once and again.
async fn deleted(world: &World) {
    for number in 0..2 {
        let rows = world.rows();
        let email = format!("deleted{number}@example.com");
        let person = rows.internal_contact(&email, InternalRole::Lead).await.contact;
        let contact = rows.account_contact(&email, &[]).await;
        let card = rows.organization_contact(OrganizationContactType::Finance, Card::default()).await;
        let (partner, account) = (rows.partner("Deleted", None).await, rows.account("Deleted").await);
        for (mutation, id) in [
            ("deleteInternalContact", person.id.to_string()),
            ("deleteAccountContact", contact.id.to_string()),
            ("deleteOrganizationContact", card.id.to_string()),
            ("deletePartner", partner.id.to_string()),
            ("deleteAccount", account.id.to_string()),
        ] {
            let reply = world.writer().mutate(mutation, json!({ "id": id }), "").await;
            assert_eq!(reply.user_errors(mutation), [""; 0]);
        }
    }
}
