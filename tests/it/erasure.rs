//! Erasing contacts: nothing of the person is left in any table.

use contact_gateway::entity::{
    custom_field::FieldType, internal_contact_assignment::InternalRole,
    organization_contact::OrganizationContactType,
};
use contact_gateway::service::organization_contact::Card;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::{
    mutation::{done, refused_to},
    support::{World, on_both},
};

on_both!(
    an_internal_contact_is_erased,
    an_account_contact_is_erased,
    an_organization_contact_is_erased,
    a_deleted_contact_is_erased,
    what_is_no_contact_is_not_erased,
    an_erased_id_can_be_erased_no_more,
);

/// What no text of the database may hold afterwards, in any case.
const CANARY: &str = "zzkanary";

/// Fails when the canary is anywhere: in a table, or in SQLite's file.
async fn assert_gone(world: &World) {
    for (table, rows) in world.contents().await {
        for row in rows {
            assert!(!row.to_lowercase().contains(CANARY), "{table} holds {row}");
        }
    }
    if let Some(file) = world.file() {
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        world.db.connection().execute_unprepared(checkpoint).await.expect("a checkpoint");
        let bytes = std::fs::read(file).expect("the file").to_ascii_lowercase();
        let is_there = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!is_there, "SQLite's file holds the canary");
    }
}

/// Erases a contact, and finds no canary and no word of its history afterwards.
pub(crate) async fn erase(world: &World, id: &Value) {
    let erased = done(&world.admin(), "eraseContact", json!({ "id": id }), "erasedId").await;
    assert_eq!(erased["erasedId"], *id);
    assert_gone(world).await;
    let reply = world.reader().graphql("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
    assert_eq!(*reply.data("/node"), Value::Null);
    let document =
        "query($id: String!) { changes(filter: { entityId: { eq: $id } }) { nodes { action fields } } }";
    let reply = world.reader().graphql(document, json!({ "id": id })).await;
    let changes = reply.list("/changes/nodes");
    assert!(changes.iter().all(|change| change["fields"] == json!({})), "{changes:?}");
    assert_eq!(changes.last().map(|change| &change["action"]), Some(&json!("ERASED")));
}

async fn an_internal_contact_is_erased(world: World) {
    let partner = world.rows().partner("Globex", None).await;
    let writer = world.writer();
    let person = json!({
        "email": "zzKanary@example.com", "givenName": "zzKanary", "familyName": "zzKanary", "name": "zzKanary",
        "jobTitle": "zzKanary", "internalRole": "LEAD",
    });
    let made = done(&writer, "createInternalContact", person.clone(), "internalContact { id }").await;
    let id = &made["internalContact"]["id"];
    let change = json!({ "id": id, "givenName": "zzKanary the second" });
    done(&writer, "updateInternalContact", change, "internalContact { id }").await;
    let added = json!({ "partnerId": partner.id.to_string(), "email": "zzkanary@example.com", "internalRole": "CSM" });
    done(&writer, "addInternalContactToPartner", added, "assignment { id }").await;
    let other = world.rows().assignment("other@example.com", InternalRole::Lead, &partner).await;
    erase(&world, id).await;
    assert_eq!(world.count("internal_contact_assignment").await, 1);
    let reply = world.reader().query("{ partners { nodes { assignments { nodes { id } } } } }").await;
    let kept = json!([{ "id": other.assignment.id.to_string() }]);
    assert_eq!(*reply.data("/partners/nodes/0/assignments/nodes"), kept);
    // The address is free again.
    done(&writer, "createInternalContact", person, "internalContact { id }").await;
}

async fn an_account_contact_is_erased(world: World) {
    let rows = world.rows();
    let account = rows.account("Initech").await.id.to_string();
    let field = rows.custom_field("motto", FieldType::Text, &[]).await.id.to_string();
    let input = json!({
        "firstName": "zzKanary", "lastName": "zzKanary", "email": "zzkanary@example.com", "accountIds": [account],
        "avatarUrl": "https://example.com/zzkanary", "metadata": { "zzkanary": "zzkanary" }, "remoteId": "zzkanary",
        "customFieldValues": [{ "customFieldId": field, "value": "zzKanary" }],
    });
    let made = done(&world.writer(), "createAccountContact", input, "accountContact { id }").await;
    erase(&world, &made["accountContact"]["id"]).await;
    assert_eq!(world.count("account_contact_account").await, 0);
    assert_eq!(world.count("custom_field_value").await, 0);
}

async fn an_organization_contact_is_erased(world: World) {
    let texts = json!({
        "type": "INVOICE_ADDRESS", "name": "zzKanary", "title": "zzKanary", "department": "zzKanary",
        "street": "zzKanary", "secondaryAddress": "zzKanary", "zipcode": "zzKanary", "city": "zzKanary",
        "state": "zzKanary", "email": "zzkanary@example.com", "phone": "zzKanary", "mobile": "zzKanary",
        "purchaseOrderNumber": "zzKanary",
    });
    let card = done(&world.writer(), "createOrganizationContact", texts, "organizationContact { id }").await;
    world.rows().organization_contact(OrganizationContactType::Finance, Card::default()).await;
    let id = &card["organizationContact"]["id"];
    erase(&world, id).await;
    assert_eq!(world.count("organization_contact").await, 1);
}

async fn a_deleted_contact_is_erased(world: World) {
    let input = json!({ "firstName": "zzKanary", "email": "zzkanary@example.com" });
    let made = done(&world.writer(), "createAccountContact", input, "accountContact { id }").await;
    let id = &made["accountContact"]["id"];
    done(&world.writer(), "deleteAccountContact", json!({ "id": id }), "accountContact { id }").await;
    erase(&world, id).await;
}

async fn what_is_no_contact_is_not_erased(world: World) {
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let foreign = world.other_rows().account_contact("a@example.com", &[]).await.id.to_string();
    for id in [partner.as_str(), &foreign, "ic_00000000000000000000000000", "oc_9", "zzz", ""] {
        let input = json!({ "id": id });
        refused_to(&world, &world.admin(), "eraseContact", input, &["NOT_FOUND id"]).await;
    }
}

async fn an_erased_id_can_be_erased_no_more(world: World) {
    let id = world.rows().account_contact("a@example.com", &[]).await.id.to_string();
    done(&world.admin(), "eraseContact", json!({ "id": id }), "erasedId").await;
    refused_to(&world, &world.admin(), "eraseContact", json!({ "id": id }), &["NOT_FOUND id"]).await;
}
