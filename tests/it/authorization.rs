//! Every root field rejects callers without its scope and ids of another organization, and requests without a valid token.
//!
//! The root fields come from the schema: one without an entry in the tables below fails the test.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use contact_gateway::{
    auth::{KeyMaterial, Scope, Scopes, Signer},
    config,
    entity::{
        custom_field::FieldType, internal_contact_assignment::InternalRole,
        organization_contact::OrganizationContactType,
    },
    service::organization_contact::Card,
};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::{Actor, HOME, OTHER, Reply, Rows, World, on_both};

on_both!(
    every_root_field_is_covered,
    nobody_gets_nothing,
    a_query_needs_the_scope_to_read,
    a_mutation_needs_its_scope,
    queries_do_not_find_rows_of_another_organization,
    mutations_do_not_find_rows_of_another_organization,
    tokens_that_are_not_good_are_refused,
    headers_that_come_twice_are_refused,
    organizations_that_the_token_does_not_name_are_refused,
    the_organization_is_selected,
);

/// A call of a root field that succeeds with the ids of one's own organization.
pub(crate) struct Call {
    /// The field's name.
    pub(crate) field: &'static str,
    /// Its arguments and selection.
    rest: &'static str,
    /// The variables that hold ids, each with the path in the input of the error for an id that is not accessible.
    ids: &'static [(&'static str, &'static str)],
    /// The scope that a mutation needs.
    needs: Scope,
}

/// A query, or a mutation, which needs the scope to write.
const fn call(field: &'static str, rest: &'static str, ids: &'static [(&'static str, &'static str)]) -> Call {
    Call { field, rest, ids, needs: Scope::ContactsWrite }
}

/// A mutation for administrators.
const fn admin(
    field: &'static str,
    rest: &'static str,
    ids: &'static [(&'static str, &'static str)],
) -> Call {
    Call { needs: Scope::OrgAdmin, ..call(field, rest, ids) }
}

const QUERIES: &[Call] = &[
    call("viewer", "{ subject }", &[]),
    call("organization", "(id: $organization) { id name }", &[("organization", "")]),
    call("organizations", "{ nodes { id } }", &[]),
    call("node", "(id: $partner) { id }", &[("partner", "")]),
    call("nodes", "(ids: [$partner]) { id }", &[("partner", "")]),
    call("contact", "(id: $accountContact) { id }", &[("accountContact", "")]),
    call("internalContact", "(id: $internalContact) { id }", &[("internalContact", "")]),
    call("internalContacts", "{ nodes { id } }", &[]),
    call("internalContactAssignment", "(id: $assignment) { id }", &[("assignment", "")]),
    call("internalContactAssignments", "{ nodes { id } }", &[]),
    call("partner", "(id: $partner) { id }", &[("partner", "")]),
    call("partners", "{ nodes { id } }", &[]),
    call("account", "(id: $account) { id }", &[("account", "")]),
    call("accounts", "{ nodes { id } }", &[]),
    call("accountContact", "(id: $accountContact) { id }", &[("accountContact", "")]),
    call("accountContacts", "{ nodes { id } }", &[]),
    call("contacts", "{ nodes { id } }", &[]),
    call("contactTypes", "{ nodes { id } }", &[]),
    call("customFields", "{ nodes { id } }", &[]),
    call("organizationContact", "(id: $organizationContact) { id }", &[("organizationContact", "")]),
    call("organizationContacts", "{ nodes { id } }", &[]),
    call("country", "(id: 276) { id }", &[]),
    call("countries", "{ nodes { id } }", &[]),
    call("changes", "{ nodes { seq } }", &[]),
];

/// Every mutation, with an input that is accepted when they are sent in this order.
pub(crate) const MUTATIONS: &[Call] = &[
    call("createInternalContact", "email: \"new@example.com\", internalRole: LEAD", &[]),
    call("updateInternalContact", "id: $internalContact, jobTitle: \"Pilot\"", &[("internalContact", "id")]),
    call("deleteInternalContact", "id: $internalContact", &[("internalContact", "id")]),
    call("restoreInternalContact", "id: $internalContact", &[("internalContact", "id")]),
    call(
        "addInternalContactToPartner",
        "partnerId: $partner, email: \"added@example.com\", internalRole: CSM",
        &[("partner", "partnerId")],
    ),
    call(
        "updateInternalContactRole",
        "partnerId: $partner, assignmentId: $assignment, internalRole: CSM",
        &[("partner", "partnerId"), ("assignment", "assignmentId")],
    ),
    call(
        "attachInternalContactAssignment",
        "assignmentId: $floating, partnerId: $partner",
        &[("floating", "assignmentId"), ("partner", "partnerId")],
    ),
    call(
        "moveInternalContactAssignment",
        "assignmentId: $assignment, partnerId: $partner",
        &[("assignment", "assignmentId"), ("partner", "partnerId")],
    ),
    call("removeInternalContactAssignment", "assignmentId: $floating", &[("floating", "assignmentId")]),
    Call { needs: Scope::GatewayAdmin, ..call("createOrganization", "name: \"Subsidiary\"", &[]) },
    admin("updateOrganization", "name: \"Home again\"", &[]),
    call("createPartner", "name: \"Globex\"", &[]),
    call("updatePartner", "id: $partner, remoteId: \"r-1\"", &[("partner", "id")]),
    call("deletePartner", "id: $partner", &[("partner", "id")]),
    call("restorePartner", "id: $partner", &[("partner", "id")]),
    call(
        "upsertInternalContactAssignments",
        "rows: [{ email: \"new@example.com\", internalRole: CSM, partnerId: $partner }]",
        &[("partner", "rows.0.partnerId")],
    ),
    call("upsertInternalContacts", "rows: [{ email: \"new@example.com\" }]", &[]),
    call("upsertPartners", "rows: [{ remoteId: \"r-9\", name: \"Globex\" }]", &[]),
    call("createAccount", "name: \"Initech\"", &[]),
    call("updateAccount", "id: $account, remoteId: \"r-1\"", &[("account", "id")]),
    call("deleteAccount", "id: $account", &[("account", "id")]),
    call("restoreAccount", "id: $account", &[("account", "id")]),
    call("upsertAccounts", "rows: [{ remoteId: \"r-9\", name: \"Initech\" }]", &[]),
    call(
        "createAccountContact",
        "firstName: \"New\", email: \"new@example.com\", accountIds: [$account], contactTypeId: $contactType,
         customFieldValues: [{ customFieldId: $customField, value: \"tall\" }]",
        &[
            ("account", "accountIds.0"),
            ("contactType", "contactTypeId"),
            ("customField", "customFieldValues.0.customFieldId"),
        ],
    ),
    call(
        "updateAccountContact",
        "id: $accountContact, accountIds: [$account], contactTypeId: $contactType,
         customFieldValues: [{ customFieldId: $customField, value: null }]",
        &[
            ("accountContact", "id"),
            ("account", "accountIds.0"),
            ("contactType", "contactTypeId"),
            ("customField", "customFieldValues.0.customFieldId"),
        ],
    ),
    call(
        "addAccountContactToAccount",
        "accountContactId: $accountContact, accountId: $account",
        &[("accountContact", "accountContactId"), ("account", "accountId")],
    ),
    call(
        "removeAccountContactFromAccount",
        "accountContactId: $accountContact, accountId: $account",
        &[("accountContact", "accountContactId"), ("account", "accountId")],
    ),
    call("deleteAccountContact", "id: $accountContact", &[("accountContact", "id")]),
    call("restoreAccountContact", "id: $accountContact", &[("accountContact", "id")]),
    call(
        "upsertAccountContacts",
        "rows: [{ firstName: \"New\", email: \"new@example.com\", accountIds: [$account],
         contactTypeId: $contactType, customFieldValues: [{ customFieldId: $customField, value: \"tall\" }] }]",
        &[
            ("account", "rows.0.accountIds.0"),
            ("contactType", "rows.0.contactTypeId"),
            ("customField", "rows.0.customFieldValues.0.customFieldId"),
        ],
    ),
    call("createOrganizationContact", "type: TECHNICAL, name: \"New\"", &[]),
    call(
        "updateOrganizationContact",
        "id: $organizationContact, name: \"New\"",
        &[("organizationContact", "id")],
    ),
    call("deleteOrganizationContact", "id: $organizationContact", &[("organizationContact", "id")]),
    call("restoreOrganizationContact", "id: $organizationContact", &[("organizationContact", "id")]),
    // After those that use them.
    call(
        "mergeContacts",
        "survivorId: $accountContact, mergedId: $double",
        &[("accountContact", "survivorId"), ("double", "mergedId")],
    ),
    admin("eraseContact", "id: $accountContact", &[("accountContact", "id")]),
    admin("createContactType", "name: \"Purchasing\"", &[]),
    admin("updateContactType", "id: $contactType, name: \"Invoices\"", &[("contactType", "id")]),
    admin(
        "deleteContactType",
        "id: $contactType, replacementId: $otherContactType",
        &[("contactType", "id"), ("otherContactType", "replacementId")],
    ),
    admin("setDefaultContactType", "id: $otherContactType", &[("otherContactType", "id")]),
    admin("createCustomField", "key: \"colour\", label: \"Colour\", fieldType: TEXT", &[]),
    admin("updateCustomField", "id: $customField, label: \"Size\"", &[("customField", "id")]),
    admin("archiveCustomField", "id: $customField", &[("customField", "id")]),
];

impl Call {
    fn query(&self) -> String {
        format!("query{} {{ {}{} }}", self.variables(), self.field, self.rest)
    }

    fn mutation(&self) -> String {
        self.mutation_selecting("userErrors { code message field index }")
    }

    /// The mutation with a selection on its payload.
    pub(crate) fn mutation_selecting(&self, selection: &str) -> String {
        let Self { field, rest, .. } = self;
        format!("mutation{} {{ {field}(input: {{ {rest} }}) {{ {selection} }} }}", self.variables())
    }

    fn variables(&self) -> String {
        let declared: String = self.ids.iter().map(|(name, _)| format!("${name}: ID! ")).collect();
        if declared.is_empty() { declared } else { format!("({declared})") }
    }
}

/// One row of every kind; gives the ids by the names of the variables above.
pub(crate) async fn one_of_each(rows: &Rows) -> Map<String, Value> {
    let partner = rows.partner("Hooli", None).await;
    let assigned = rows.assignment("ada@example.com", InternalRole::Lead, &partner).await;
    let floating = rows.internal_contact("floating@example.com", InternalRole::Lead).await.assignment;
    let account = rows.account("Vandelay").await;
    let contact = rows.account_contact("grace@example.com", &[]).await;
    let double = rows.account_contact("double@example.com", &[]).await;
    let contact_type = rows.contact_type("Billing").await;
    let other_type = rows.contact_type("Legal").await;
    let field = rows.custom_field("size", FieldType::Text, &[]).await;
    let card = rows.organization_contact(OrganizationContactType::Finance, Card::default()).await;
    let ids = [
        ("organization", rows.organization.to_string()),
        ("partner", partner.id.to_string()),
        ("internalContact", assigned.contact.id.to_string()),
        ("assignment", assigned.assignment.id.to_string()),
        ("floating", floating.id.to_string()),
        ("account", account.id.to_string()),
        ("accountContact", contact.id.to_string()),
        ("double", double.id.to_string()),
        ("contactType", contact_type.id.to_string()),
        ("otherContactType", other_type.id.to_string()),
        ("customField", field.id.to_string()),
        ("organizationContact", card.id.to_string()),
    ];
    ids.into_iter().map(|(name, id)| (name.to_owned(), json!(id))).collect()
}

fn documents() -> impl Iterator<Item = (&'static Call, String)> {
    let queries = QUERIES.iter().map(|call| (call, call.query()));
    queries.chain(MUTATIONS.iter().map(|call| (call, call.mutation())))
}

async fn every_root_field_is_covered(world: World) {
    let document = "{ __schema { queryType { fields { name } } mutationType { fields { name } } subscriptionType { fields { name } } } }";
    let reply = world.reader().query(document).await;
    let named = |pointer| -> BTreeSet<&str> {
        reply.list(pointer).iter().map(|field| field["name"].as_str().expect("a name")).collect()
    };
    let covered = |calls: &'static [Call]| calls.iter().map(|call| call.field).collect::<BTreeSet<_>>();
    assert_eq!(named("/__schema/queryType/fields"), covered(QUERIES));
    assert_eq!(named("/__schema/mutationType/fields"), covered(MUTATIONS));
    // Covered where subscriptions are tested.
    assert_eq!(named("/__schema/subscriptionType/fields"), BTreeSet::from(["contactChanged"]));
}

async fn nobody_gets_nothing(world: World) {
    let ids = one_of_each(&world.rows()).await;
    for (call, document) in documents() {
        let nobody = world.anonymous();
        let (reply, statements) = world.statements(nobody.graphql(&document, json!(ids))).await;
        assert_eq!(reply.status, 401, "{}", call.field);
        assert_eq!(reply.headers["www-authenticate"], "Bearer", "{}", call.field);
        assert_eq!(reply.errors(), ["UNAUTHENTICATED"], "{}", call.field);
        assert_eq!(reply.body.get("data"), None, "{}", call.field);
        assert_eq!(statements, [""; 0], "{}", call.field);
    }
}

/// The field is null and forbidden, and the database was not asked at all.
async fn assert_forbidden(
    world: &World,
    actor: &Actor,
    call: &Call,
    document: &str,
    ids: &Map<String, Value>,
) {
    let (reply, statements) = world.statements(actor.graphql(document, json!(ids))).await;
    assert_eq!(reply.errors(), [format!("FORBIDDEN {}", call.field)]);
    assert_eq!(reply.body["data"], json!({ call.field: null }));
    assert_eq!(statements, [""; 0], "{}", call.field);
}

async fn a_query_needs_the_scope_to_read(world: World) {
    let ids = one_of_each(&world.rows()).await;
    for scopes in [&[][..], &[Scope::ContactsWrite, Scope::OrgAdmin, Scope::GatewayAdmin]] {
        let actor = world.actor("somebody", &[HOME], scopes);
        for call in QUERIES {
            assert_forbidden(&world, &actor, call, &call.query(), &ids).await;
        }
    }
}

async fn a_mutation_needs_its_scope(world: World) {
    let ids = one_of_each(&world.rows()).await;
    for call in MUTATIONS {
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| *scope != call.needs).collect();
        for scopes in [&[][..], &others] {
            let actor = world.actor("somebody", &[HOME], scopes);
            assert_forbidden(&world, &actor, call, &call.mutation(), &ids).await;
        }
        // The same call with that scope alone, so that it is the scope that was missing.
        let actor = world.actor("somebody", &[HOME], &[call.needs]);
        let reply = actor.graphql(&call.mutation(), json!(ids)).await;
        assert_eq!(reply.user_errors(call.field), [""; 0], "{}: {reply:?}", call.field);
    }
}

async fn queries_do_not_find_rows_of_another_organization(world: World) {
    let own = one_of_each(&world.rows()).await;
    let foreign = one_of_each(&world.other_rows()).await;
    for call in QUERIES.iter().filter(|call| !call.ids.is_empty()) {
        let nothing = if call.field == "nodes" { json!([null]) } else { Value::Null };
        let field = format!("/{}", call.field);
        let found = world.reader().graphql(&call.query(), json!(own)).await;
        assert_ne!(found.data(&field), &nothing);
        let found = world.reader().graphql(&call.query(), json!(foreign)).await;
        assert_eq!(found.data(&field), &nothing);
        let found = world.other().graphql(&call.query(), json!(foreign)).await;
        assert_ne!(found.data(&field), &nothing);
    }
    for (_, id) in foreign {
        let reply =
            world.admin().graphql("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(reply.data("/node"), &Value::Null, "{id}");
    }
}

async fn mutations_do_not_find_rows_of_another_organization(world: World) {
    let own = one_of_each(&world.rows()).await;
    let foreign = one_of_each(&world.other_rows()).await;
    for call in MUTATIONS {
        for (name, path) in call.ids {
            let mut ids = own.clone();
            ids[*name] = foreign[*name].clone();
            let admin = world.admin();
            let reply = world.nothing_written(admin.graphql(&call.mutation(), json!(ids))).await;
            assert_eq!(reply.user_errors(call.field), [format!("NOT_FOUND {path}")], "{} {name}", call.field);
        }
    }
}

/// What the gateway says to a token that is sent with a request for the viewer.
async fn answer_to(world: &World, token: &str) -> Reply {
    world.anonymous().with_token(token).query("{ viewer { subject } }").await
}

async fn tokens_that_are_not_good_are_refused(world: World) {
    let issuer = &world.config.auth.issuers[0].verification;
    let KeyMaterial::Secret(key) = &issuer.key else { panic!("no secret") };
    let signer = config::development_signer(key).expect("a signer");
    let stranger = config::development_signer(&[7; 32]).expect("a signer");
    let (issuer, audience) = (&issuer.issuer, issuer.own_audience().expect("an audience"));
    let elsewhere = Signer::with_secret("elsewhere", audience, key).expect("a signer");
    let for_others = Signer::with_secret(issuer, "others", key).expect("a signer");

    let (now, hour) = (Utc::now(), std::time::Duration::from_hours(1));
    let mint =
        |signer: &Signer, now| signer.mint("somebody", &[HOME], Scopes::all(), hour, now).expect("a token");
    let good = mint(&signer, now);
    assert_eq!(answer_to(&world, &good).await.text("/viewer/subject"), "somebody");

    let (message, signature) = good.rsplit_once('.').expect("a signature");
    let (header, payload) = message.split_once('.').expect("a payload");
    let other_payload = mint(&signer, now - TimeDelta::minutes(1));
    let other_payload = other_payload.split('.').nth(1).expect("a payload");
    for (what, token) in [
        ("expired", mint(&signer, now - TimeDelta::hours(2))),
        ("issued in the future", mint(&signer, now + TimeDelta::hours(2))),
        ("signed with another key", mint(&stranger, now)),
        ("of another issuer", mint(&elsewhere, now)),
        ("for another audience", mint(&for_others, now)),
        ("with another payload", format!("{header}.{other_payload}.{signature}")),
        ("without a signature", format!("{message}.")),
        // {"typ":"JWT","alg":"none"}
        ("of the algorithm none", format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{payload}.")),
        ("of two parts", message.to_owned()),
        ("too long", format!("{good}{}", "A".repeat(8 * 1024))),
        ("of no form", "token".to_owned()),
    ] {
        let reply = answer_to(&world, &token).await;
        assert_eq!(reply.status, 401, "a token {what}");
        assert_eq!(reply.errors(), ["UNAUTHENTICATED"], "a token {what}");
        assert_eq!(reply.headers["www-authenticate"], "Bearer", "a token {what}");
    }
    for scheme in [format!("Basic {good}"), good.clone(), "Bearer".to_owned(), String::new()] {
        let reply =
            world.anonymous().with_header("authorization", &scheme).query("{ viewer { subject } }").await;
        assert_eq!(
            (reply.status.as_u16(), reply.errors()),
            (401, vec!["UNAUTHENTICATED".to_owned()]),
            "{scheme}"
        );
    }
}

async fn headers_that_come_twice_are_refused(world: World) {
    let body = json!({ "query": "{ viewer { subject } }" });
    for (name, values) in
        [("authorization", ["Bearer a", "Bearer b"]), ("x-org-id", ["1", "1"]), ("x-org-id", ["1", "2"])]
    {
        let mut request = match name {
            "authorization" => world.anonymous(),
            _ => world.multi(),
        }
        .request(Method::POST, "/graphql")
        .json(&body);
        for value in values {
            request = request.header(name, value);
        }
        let reply = Reply::of(request).await;
        assert_eq!(reply.status, 400, "{name} {values:?}");
        assert_eq!(reply.errors(), ["BAD_REQUEST"], "{name} {values:?}");
    }
}

async fn organizations_that_the_token_does_not_name_are_refused(world: World) {
    // The same request id, so that nothing else may differ.
    let ask = async |organization: &str| {
        let actor = world.reader().in_organization(organization).with_header("x-request-id", "the-same");
        world.nothing_written(actor.query("{ partners { nodes { id } } }")).await
    };
    let foreign = ask("org_2").await;
    assert_eq!(foreign.status, 403);
    assert_eq!(foreign.errors(), ["FORBIDDEN"]);
    assert_eq!(foreign.body.get("data"), None);
    for unknown in
        ["2", "org_999", "999", "org_0", "01", "+1", "org_org_1", "ptn_1", "one", "", "9223372036854775808"]
    {
        let reply = ask(unknown).await;
        assert_eq!((reply.status, reply.body), (foreign.status, foreign.body.clone()), "{unknown:?}");
    }
    let reply = world
        .actor("nobody", &[], &Scope::ALL)
        .in_organization("org_1")
        .query("{ viewer { subject } }")
        .await;
    assert_eq!((reply.status.as_u16(), reply.errors()), (403, vec!["FORBIDDEN".to_owned()]));
}

async fn the_organization_is_selected(world: World) {
    world.rows().partner("At home", None).await;
    world.other_rows().partner("Elsewhere", None).await;
    let document = "{ viewer { organization { id number } } partners { nodes { name } } }";
    for (organization, id, name) in
        [("2", "org_2", "Elsewhere"), ("org_2", "org_2", "Elsewhere"), ("1", "org_1", "At home")]
    {
        let reply = world.multi().in_organization(organization).query(document).await;
        assert_eq!(reply.text("/viewer/organization/id"), id);
        assert_eq!(reply.data("/partners/nodes"), &json!([{ "name": name }]));
    }

    // With none selected, what needs none still works.
    for actor in [world.multi(), world.actor("nobody", &[], &Scope::ALL)] {
        let reply = actor
            .query("{ viewer { subject organization { id } } countries(first: 1) { nodes { id } } }")
            .await;
        assert_eq!(reply.data("/viewer/organization"), &Value::Null);
        assert_eq!(reply.list("/countries/nodes").len(), 1);
    }
    let ids = one_of_each(&world.rows()).await;
    for (call, document) in documents() {
        if ["viewer", "organization", "organizations", "country", "countries", "createOrganization"]
            .contains(&call.field)
        {
            continue;
        }
        let reply = world.nothing_written(world.multi().graphql(&document, json!(ids))).await;
        assert_eq!(reply.errors(), [format!("BAD_REQUEST {}", call.field)]);
        assert_eq!(reply.body["data"], json!({ call.field: null }));
    }
    let reply = world.multi().query("{ organization { id } }").await;
    assert_eq!(reply.errors(), ["BAD_REQUEST organization"]);
    for number in [HOME, OTHER] {
        let document = format!("{{ organization(id: \"org_{number}\") {{ number }} }}");
        assert_eq!(
            world.multi().query(&document).await.data("/organization/number"),
            &json!(number.to_string())
        );
    }
}
