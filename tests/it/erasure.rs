//! Erasing contacts: nothing of the person is left in any table, nor in the bytes of SQLite's files.

use std::{fs, path::PathBuf, time::Duration};

use contact_gateway::{
    app::{self, App},
    config::DatabaseUrl,
    entity::{
        custom_field::FieldType, internal_contact_assignment::InternalRole,
        organization_contact::OrganizationContactType,
    },
    http::playground::Session,
    service::organization_contact::Card,
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    mutation::{done, refused_to, with},
    support::{World, on_both},
};

on_both!(
    an_internal_contact_is_erased,
    an_account_contact_is_erased,
    an_organization_contact_is_erased,
    a_deleted_contact_is_erased,
    what_is_no_contact_is_not_erased,
    an_erased_id_can_be_erased_no_more,
    nothing_is_left_of_a_customers_person,
    nothing_is_left_of_a_colleague,
    calls_that_made_an_erased_contact_are_forgotten,
    numbers_of_cards_are_not_mixed_up,
);

/// What no text of the database may hold afterwards, in any case.
const CANARY: &str = "zzkanary";

/// The files of SQLite with their bytes as they are, or the rows of all tables as texts; in lower case.
async fn loot(world: &World) -> Vec<(String, Vec<u8>)> {
    match world.file() {
        Some(file) => files(&file),
        None => {
            let tables = world.contents().await.into_iter();
            tables.map(|(table, rows)| (table, rows.join("\n").to_lowercase().into_bytes())).collect()
        }
    }
}

/// The database, its log and its shared memory.
fn files(database: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", database.display()));
    let files = ["", "-wal", "-shm"].map(beside);
    let read = |file: &PathBuf| Some((file.display().to_string(), fs::read(file).ok()?.to_ascii_lowercase()));
    files.iter().filter_map(read).collect()
}

/// Where each of the texts is found.
fn found(loot: &[(String, Vec<u8>)], texts: &[&str]) -> Vec<String> {
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let places = loot.iter().flat_map(|(place, bytes)| {
        texts.iter().filter(|text| holds(bytes, text)).map(move |text| format!("{text} in {place}"))
    });
    places.collect()
}

/// Fails when one of the texts is anywhere. Files first: reading tables is reading the log.
async fn assert_gone(world: &World, texts: &[&str]) {
    assert_eq!(found(&loot(world).await, texts), [""; 0]);
    for (table, rows) in world.contents().await {
        let rows = rows.join("\n").to_lowercase().into_bytes();
        assert_eq!(found(&[(table, rows)], texts), [""; 0]);
    }
}

/// Fails unless all of the texts are there, so that their absence says something.
async fn assert_there(world: &World, texts: &[&str]) {
    let loot = loot(world).await;
    for text in texts {
        assert!(!found(&loot, &[text]).is_empty(), "{text} is nowhere");
    }
}

/// Erases a contact, and finds no canary and no word of its history afterwards.
pub(crate) async fn erase(world: &World, id: &Value) {
    let erased = done(&world.admin(), "eraseContact", json!({ "id": id }), "erasedId").await;
    assert_eq!(erased["erasedId"], *id);
    assert_gone(world, &[CANARY]).await;
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

/// Account contacts before and after a contact, so that pages of tables and indexes are split around it.
async fn crowd(world: &World, first: usize) {
    let row = |number: usize| {
        json!({ "remoteId": format!("crowd-{number}"), "email": format!("crowd{number}@example.com"),
            "firstName": format!("Crowd {number}"), "lastName": "Person", "metadata": { "number": number } })
    };
    let rows: Vec<Value> = (first..first + 300).map(row).collect();
    done(&world.writer(), "upsertAccountContacts", json!({ "rows": rows }), "created").await;
}

/// What is left of words in an index that leaves out the letters which a word has in common with the one before it.
const CUSTOMER: [&str; 13] = [
    "ubmarl@xyphost.test",
    "yphost",
    "oë-quorlix",
    "uorlix",
    "embrod",
    "025550198",
    "images.test/haxwyne",
    "etakey",
    "etavalue",
    "ustomvalue",
    "emoteid-jupfeld",
    "keyof-drimbal",
    "ormername",
];

async fn nothing_is_left_of_a_customers_person(world: World) {
    let rows = world.rows();
    let account = rows.account("Initech").await.id.to_string();
    let field = rows.custom_field("motto", FieldType::Text, &[]).await.id.to_string();
    let writer = world.writer();
    crowd(&world, 0).await;
    let person = |email: &str, first_name: &str| {
        json!({
            "firstName": first_name, "lastName": "Vembrod", "email": email, "phone": "+12025550198",
            "accountIds": [account], "avatarUrl": "https://images.test/Haxwyne.png", "remoteId": "remoteid-Jupfeld",
            "metadata": { "zetakey": ["Metavalue", { "deep": "Metavalue" }] },
            "customFieldValues": [{ "customFieldId": field, "value": "Customvalue" }],
        })
    };
    let created =
        with(person("Wubmarl@Xyphost.test", "Formername"), json!({ "idempotencyKey": "keyof-drimbal-1" }));
    let made = done(&writer, "createAccountContact", created, "accountContact { id }").await;
    let id = &made["accountContact"]["id"];
    crowd(&world, 300).await;
    let rows = json!([person("wubmarl@xyphost.test", "Zoë-Quorlix"), { "email": "crowd1@example.com", "firstName": "C" }]);
    let input = json!({ "rows": rows, "idempotencyKey": "keyof-drimbal-2" });
    done(&writer, "upsertAccountContacts", input, "updated").await;
    let other = json!({ "firstName": "Zoe", "lastName": "Vembrod", "email": "wubmarl@xyphost2.test" });
    let other = done(&writer, "createAccountContact", other, "accountContact { id }").await;
    let merge = json!({ "survivorId": id, "mergedId": other["accountContact"]["id"] });
    done(&writer, "mergeContacts", merge, "contact { id }").await;
    crowd(&world, 600).await;
    done(&writer, "deleteAccountContact", json!({ "id": id }), "accountContact { id }").await;
    done(&writer, "restoreAccountContact", json!({ "id": id }), "accountContact { id }").await;
    assert_there(&world, &CUSTOMER).await;
    done(&world.admin(), "eraseContact", json!({ "id": id }), "erasedId").await;
    assert_gone(&world, &CUSTOMER).await;
    let reply =
        world.reader().query("{ accountContacts(filter: { search: \"person\" }) { totalCount } }").await;
    assert_eq!(*reply.data("/accountContacts/totalCount"), 900);
}

async fn nothing_is_left_of_a_colleague(world: World) {
    let rows = world.rows();
    let one = rows.partner("Globex", None).await.id.to_string();
    let two = rows.partner("Initech", None).await.id.to_string();
    let writer = world.writer();
    let person = json!({
        "email": "Wubmarl@Xyphost.test", "givenName": "Quorlix", "familyName": "Vembrod", "phone": "+12025550198",
        "jobTitle": "Haxwyne", "internalRole": "LEAD", "idempotencyKey": "keyof-drimbal-1",
    });
    let made = done(&writer, "createInternalContact", person, "internalContact { id }").await;
    let id = made["internalContact"]["id"].clone();
    let added = json!({ "partnerId": one, "email": "wubmarl@xyphost.test", "internalRole": "CSM",
        "idempotencyKey": "keyof-drimbal-2" });
    let added = done(&writer, "addInternalContactToPartner", added, "assignment { id }").await;
    let removed = json!({ "assignmentId": added["assignment"]["id"] });
    done(&writer, "removeInternalContactAssignment", removed, "removedAssignmentId").await;
    let upsert = async |email: &str, remote_id: &str, key: &str| {
        let row =
            json!({ "email": email, "internalRole": "CO_LEAD", "partnerId": two, "remoteId": remote_id });
        let input = json!({ "rows": [row], "idempotencyKey": key });
        let selection = "results { assignment { id } }";
        let made = done(&writer, "upsertInternalContactAssignments", input, selection).await;
        made["results"][0]["assignment"]["id"].clone()
    };
    upsert("wubmarl@xyphost.test", "remoteid-jupfeld", "keyof-drimbal-3").await;
    // An assignment that another contact has by now stays, with the rest of its history.
    let shared = json!({ "partnerId": one, "email": "wubmarl@xyphost.test", "internalRole": "CO_LEAD" });
    let shared = done(&writer, "addInternalContactToPartner", shared, "assignment { id }").await;
    let shared = shared["assignment"]["id"].clone();
    let update = json!({ "partnerId": one, "assignmentId": shared, "internalRole": "LEAD" });
    done(&writer, "updateInternalContactRole", update, "assignment { id }").await;
    let heir = rows.internal_contact("heir@example.com", InternalRole::Csm).await.contact.id.to_string();
    let id_of_heir = json!(heir);
    done(&writer, "mergeContacts", json!({ "survivorId": id_of_heir, "mergedId": id }), "contact { id }")
        .await;

    let traces = [
        "ubmarl@xyphost.test",
        "yphost",
        "uorlix",
        "embrod",
        "025550198",
        "axwyne",
        "keyof-drimbal",
        "remoteid-jupfeld",
    ];
    assert_there(&world, &traces).await;
    done(&world.admin(), "eraseContact", json!({ "id": id }), "erasedId").await;
    // The assignment itself is the heir's now, and so is its remote id.
    assert_gone(&world, &traces[..traces.len() - 1]).await;
    let id = id.as_str().expect("an id");
    for (table, rows) in world.contents().await {
        let named = rows.iter().filter(|row| row.contains(id) && table != "change").count();
        assert_eq!(named, 0, "{table} names the person");
    }
    let document = "{ changes(first: 100) { nodes { entityId action fields } } }";
    let reply = world.reader().query(document).await;
    let changes = reply.list("/changes/nodes");
    let naming = changes.iter().filter(|change| change["fields"].to_string().contains(id));
    let naming: Vec<_> = naming.filter(|change| change["entityId"] != id_of_heir).collect();
    assert!(naming.is_empty(), "{naming:#?}");
    let of =
        |entity: &Value| changes.iter().filter(|change| change["entityId"] == *entity).cloned().collect();
    let of_removed: Vec<Value> = of(&added["assignment"]["id"]);
    assert_eq!(of_removed.len(), 2);
    assert!(of_removed.iter().all(|change| change["fields"] == json!({})), "{of_removed:#?}");
    let of_shared: Vec<Value> = of(&shared);
    let role = json!({ "internalRole": { "old": "CO_LEAD", "new": "LEAD" } });
    assert!(of_shared.iter().any(|change| change["fields"] == role), "{of_shared:#?}");
    // The heir's erasure takes the assignments with their remote ids.
    done(&world.admin(), "eraseContact", json!({ "id": id_of_heir }), "erasedId").await;
    assert_gone(&world, &traces).await;
    assert_eq!(world.count("internal_contact_assignment").await, 0);
}

async fn calls_that_made_an_erased_contact_are_forgotten(world: World) {
    let writer = world.writer();
    let create = async |email: &str, key: &str| {
        let input = json!({ "firstName": "Ada", "email": email, "idempotencyKey": key });
        done(&writer, "createAccountContact", input, "accountContact { id }").await["accountContact"]["id"]
            .clone()
    };
    let upsert = async |emails: &[&str], key: &str| {
        let rows: Vec<Value> = emails.iter().map(|it| json!({ "email": it, "firstName": "Ada" })).collect();
        let input = json!({ "rows": rows, "idempotencyKey": key });
        done(&writer, "upsertAccountContacts", input, "created unchanged").await
    };
    let erased = create("a@example.com", "1").await;
    let other = create("b@example.com", "2").await;
    upsert(&["a@example.com", "c@example.com"], "3").await;
    upsert(&["c@example.com"], "4").await;
    done(&world.admin(), "eraseContact", json!({ "id": erased }), "erasedId").await;
    assert_eq!(world.count("idempotency_key").await, 2);
    assert_eq!(create("b@example.com", "2").await, other);
    assert_ne!(create("a@example.com", "1").await, erased);
    let again = upsert(&["a@example.com", "c@example.com"], "3").await;
    assert_eq!(again, json!({ "created": 0, "unchanged": 2, "userErrors": [] }));
}

async fn numbers_of_cards_are_not_mixed_up(world: World) {
    let mut ids = Vec::new();
    for number in 0..11 {
        let input = json!({ "type": "FINANCE", "idempotencyKey": number.to_string() });
        let made =
            done(&world.writer(), "createOrganizationContact", input, "organizationContact { id }").await;
        ids.push(made["organizationContact"]["id"].clone());
    }
    done(&world.admin(), "eraseContact", json!({ "id": ids[0] }), "erasedId").await;
    assert_eq!(world.count("idempotency_key").await, 10);
}

/// A reader of SQLite's file, in a connection of their own.
async fn reader(world: &World) -> sea_orm::DatabaseTransaction {
    use sea_orm::TransactionTrait;
    let options = sea_orm::ConnectOptions::new(world.config.database_url().expect("a database").expose());
    let connection = sea_orm::Database::connect(options).await.expect("a connection");
    let reading = connection.begin().await.expect("a transaction");
    reading.execute_unprepared("SELECT count(*) FROM account_contact").await.expect("a count");
    reading
}

async fn a_contact(world: &World) -> Value {
    let input = json!({ "firstName": "zzKanary", "email": "zzkanary@example.com" });
    let made = done(&world.writer(), "createAccountContact", input, "accountContact { id }").await;
    made["accountContact"]["id"].clone()
}

#[tokio::test]
async fn a_reader_holds_the_log_back_no_longer_than_it_reads() {
    let world = World::on_sqlite().await;
    let id = a_contact(&world).await;
    let reading = reader(&world).await;
    done(&world.admin(), "eraseContact", json!({ "id": id }), "erasedId").await;
    assert_there(&world, &[CANARY]).await;
    // Others write meanwhile.
    world.rows().account("Globex").await;
    reading.rollback().await.expect("an end");
    for _ in 0..100 {
        if found(&loot(&world).await, &[CANARY]).is_empty() {
            return assert_gone(&world, &[CANARY]).await;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert_gone(&world, &[CANARY]).await;
}

#[tokio::test]
async fn what_a_crash_left_in_the_log_is_gone_after_the_next_start() {
    let world = World::on_sqlite().await;
    let id = a_contact(&world).await;
    let _reading = reader(&world).await;
    done(&world.admin(), "eraseContact", json!({ "id": id }), "erasedId").await;
    // What the disk holds after a power cut at this moment.
    let (folder, file) = (tempfile::tempdir().expect("a folder"), world.file().expect("a file"));
    let copy = folder.path().join("copy.db");
    for suffix in ["", "-wal"] {
        let name = |path: &std::path::Path| format!("{}{suffix}", path.display());
        fs::copy(name(&file), name(&copy)).expect("a copy");
    }
    assert_ne!(found(&files(&copy), &[CANARY]), [""; 0]);
    let mut config = world.config.clone();
    config.database.url = DatabaseUrl::parse(&format!("sqlite://{}?mode=rw", copy.display()));
    let db = app::connect(&config).await.expect("a database");
    let _app = App::new(&config, db, Session::default()).await.expect("an app");
    assert_eq!(found(&files(&copy), &[CANARY]), [""; 0]);
}
