//! Contacts of accounts beyond creating one: lists, search, ids, bulk, updates, deletion and custom fields.

use contact_gateway::entity::custom_field::FieldType;
use serde_json::{Value, json};

use super::{
    Rest,
    documented::{assert_part, assert_status},
    text,
};
use crate::support::{World, on_both};

on_both!(
    lists_are_filtered_and_paged,
    contacts_are_searched_by_email_address,
    contacts_are_looked_up_by_ids,
    what_is_there_is_skipped,
    bulk_is_all_or_nothing,
    an_update_keeps_what_it_does_not_name,
    a_deleted_contact_is_gone,
    values_of_custom_fields_go_in_and_out,
    what_is_not_there_is_told,
);

const PATH: &str = "/v1/accounts/contacts";

fn emails(body: &Value) -> Vec<&str> {
    let items = body.as_array().expect("a list").iter();
    items.map(|item| item["email"].as_str().expect("an email address")).collect()
}

async fn lists_are_filtered_and_paged(world: World) {
    let rows = world.rows();
    let account = rows.account("Initech").await;
    for number in 0..12 {
        let accounts = [&account];
        let accounts = if number < 2 { &accounts[..] } else { &[] };
        rows.account_contact(&format!("p{number:02}@example.com"), accounts).await;
    }
    let (primary, legal) = (rows.contact_type("Primary").await.id, rows.contact_type("Legal").await.id);
    let rest = Rest::of(world.reader()).await;
    let list = async |query: &str| rest.get(&format!("{PATH}?{query}")).await.body;
    assert_eq!(emails(&rest.get(PATH).await.body).len(), 10, "ten by default");
    assert_eq!(emails(&list("page=2").await), ["p10@example.com", "p11@example.com"]);
    assert_eq!(emails(&list("page=3&limit=5").await), ["p10@example.com", "p11@example.com"]);
    let at = list(&format!("accountId={}", account.id)).await;
    assert_eq!(emails(&at), ["p00@example.com", "p01@example.com"]);
    assert_eq!(at[0]["accounts"], json!(["Initech"]));
    assert_eq!(emails(&list(&format!("accountId={}&contactType={legal}", account.id)).await), [""; 0]);
    assert_eq!(emails(&list(&format!("contactType={primary}&limit=100")).await).len(), 12);
    assert_eq!(list("accountId=x").await, json!([]));
    for query in ["page=0", "limit=0", "limit=101", "limit=many", "accountID=x"] {
        assert_status(&rest.get(&format!("{PATH}?{query}")).await, 400);
    }
    assert_eq!(Rest::of(world.other()).await.get(PATH).await.body, json!([]));
}

async fn contacts_are_searched_by_email_address(world: World) {
    world.rows().account_contact("grace@example.com", &[]).await;
    let rest = Rest::of(world.reader()).await;
    let found = rest.get(&format!("{PATH}/search?email=Grace%40EXAMPLE.com")).await;
    assert_eq!(emails(&found.body), ["grace@example.com"]);
    for email in ["grace", "", "%00"] {
        assert_eq!(rest.get(&format!("{PATH}/search?email={email}")).await.body, json!([]), "{email}");
    }
    assert_status(&rest.get(&format!("{PATH}/search")).await, 400);
}

async fn contacts_are_looked_up_by_ids(world: World) {
    let first = world.rows().account_contact("a@example.com", &[]).await.id;
    let second = world.rows().account_contact("b@example.com", &[]).await.id;
    let foreign = world.other_rows().account_contact("c@example.com", &[]).await.id;
    let rest = Rest::of(world.reader()).await;
    let ids = json!({ "ids": [second.to_string(), "x", first.to_string(), foreign.to_string()] });
    let found = rest.post(&format!("{PATH}/filter/ids"), ids).await;
    assert_status(&found, 201);
    assert_eq!(emails(&found.body), ["a@example.com", "b@example.com"]);
    assert_eq!(rest.post(&format!("{PATH}/filter/ids"), json!({ "ids": [] })).await.body, json!([]));
    let many = json!({ "ids": vec!["x"; 101] });
    assert_status(&rest.post(&format!("{PATH}/filter/ids"), many).await, 400);
}

async fn what_is_there_is_skipped(world: World) {
    let rows = world.rows();
    let known = rows.account_contact("grace@example.com", &[]).await;
    let (all, own) = (rows.account("Initech").await, rows.account("Hooli").await);
    let rest = Rest::of(world.writer()).await;
    let body = json!({
        "contacts": [
            { "email": "GRACE@example.com", "firstName": "Somebody else" },
            { "email": "ada@example.com", "firstName": "Ada", "phone": "+12025550143", "accountId": own.id.to_string() },
        ],
        "accountIds": [all.id.to_string()],
        "contactType": rows.contact_type("Legal").await.id.to_string(),
    });
    let made = rest.with("idempotency-key", "bulk-1").post(&format!("{PATH}/bulk"), body.clone()).await;
    assert_status(&made, 201);
    assert_eq!(made.body, json!({ "total": 2, "created": 1, "skipped": 1 }));
    let again = rest.with("idempotency-key", "bulk-1").post(&format!("{PATH}/bulk"), body.clone()).await;
    assert_eq!(again.body, made.body);
    let anew = rest.post(&format!("{PATH}/bulk"), body).await;
    assert_eq!(anew.body, json!({ "total": 2, "created": 0, "skipped": 2 }));

    let kept = rest.get(&format!("{PATH}/{}", known.id)).await;
    assert_part(&kept.body, &json!({ "firstName": "Grace", "accounts": [], "contactType": "Primary" }));
    let new = rest.get(&format!("{PATH}/search?email=ada@example.com")).await;
    let expected =
        json!({ "phoneNumber": "+12025550143", "accounts": ["Initech", "Hooli"], "contactType": "Legal" });
    assert_part(&new.body[0], &expected);
}

async fn bulk_is_all_or_nothing(world: World) {
    let rest = Rest::of(world.writer()).await;
    let bulk = format!("{PATH}/bulk");
    let body = json!({ "contacts": [
        { "email": "ada@example.com", "firstName": "Ada" },
        { "email": "nobody", "firstName": "Nobody", "phone": "12" },
    ] });
    let refused = world.nothing_written(rest.post(&bulk, body)).await;
    assert_status(&refused, 400);
    let messages = refused.body["message"].as_array().expect("messages");
    assert!(messages[0].as_str().expect("a text").starts_with("contacts.1.email: "), "{messages:?}");
    assert!(messages[1].as_str().expect("a text").starts_with("contacts.1.phone: "), "{messages:?}");
    assert_status(&rest.post(&bulk, json!({ "contacts": [] })).await, 400);
    let unknown =
        json!({ "contacts": [{ "email": "ada@example.com", "firstName": "Ada" }], "accountIds": ["A123"] });
    let refused = world.nothing_written(rest.post(&bulk, unknown)).await;
    assert_eq!(
        refused.body,
        json!({ "statusCode": 404, "message": "Account not found", "error": "Not Found" })
    );
}

async fn an_update_keeps_what_it_does_not_name(world: World) {
    let rows = world.rows();
    let (first, second) = (rows.account("Initech").await, rows.account("Hooli").await);
    let contact = rows.account_contact("grace@example.com", &[&first]).await;
    let rest = Rest::of(world.writer()).await;
    let path = format!("{PATH}/{}", contact.id);
    let updated = rest.put(&path, json!({ "lastName": "Hopper", "metadata": { "a": [1] } })).await;
    assert_status(&updated, 200);
    let expected = json!({ "firstName": "Grace", "lastName": "Hopper", "accounts": ["Initech"], "metadata": { "a": [1] } });
    assert_part(&updated.body, &expected);
    let replaced = rest.put(&path, json!({ "accountIds": [second.id.to_string()], "lastName": null })).await;
    assert_part(&replaced.body, &json!({ "accounts": ["Hooli"], "lastName": "", "metadata": { "a": [1] } }));
    let legal = rows.contact_type("Legal").await.id;
    let retyped = rest.put(&path, json!({ "contactType": legal.to_string(), "accountIds": [] })).await;
    assert_part(
        &retyped.body,
        &json!({ "accounts": [], "contactType": "Legal", "contactTypeId": legal.to_string() }),
    );

    rows.account_contact("ada@example.com", &[]).await;
    let taken = world.nothing_written(rest.put(&path, json!({ "email": "ADA@example.com" }))).await;
    assert_status(&taken, 409);
    assert_eq!(taken.body["error"], "Conflict");
    let cleared =
        world.nothing_written(rest.put(&path, json!({ "firstName": null, "accountIds": null }))).await;
    assert_status(&cleared, 400);
    assert_eq!(cleared.body["message"].as_array().expect("messages").len(), 2);
}

async fn a_deleted_contact_is_gone(world: World) {
    let id = world.rows().account_contact("grace@example.com", &[]).await.id;
    let rest = Rest::of(world.writer()).await;
    let path = format!("{PATH}/{id}");
    assert_status(&rest.delete(&path).await, 204);
    for refused in [rest.delete(&path).await, rest.get(&path).await, rest.put(&path, json!({})).await] {
        assert_status(&refused, 404);
        assert_eq!(refused.body["error"], "Not Found");
    }
    let restored = json!({ "id": id.to_string() });
    world.writer().mutate("restoreAccountContact", restored, "accountContact { id }").await;
    assert_status(&rest.get(&path).await, 200);
}

async fn values_of_custom_fields_go_in_and_out(world: World) {
    let rows = world.rows();
    let size = rows.custom_field("size", FieldType::SingleChoice, &["S", "L"]).await.id.to_string();
    let tags = rows.custom_field("tags", FieldType::MultiChoice, &["a", "b", "c"]).await.id.to_string();
    let vip = rows.custom_field("vip", FieldType::Boolean, &[]).await.id.to_string();
    let rest = Rest::of(world.writer()).await;
    let body = json!({ "firstName": "Grace", "email": "grace@example.com", "customFieldValues": [
        { "customFieldId": size, "data": [{ "value": "L" }] },
        { "customFieldId": tags, "data": [{ "value": "a" }, { "value": "c" }] },
        { "customFieldId": vip, "data": [{ "value": true }] },
    ] });
    let made = rest.post(PATH, body).await;
    assert_status(&made, 201);
    assert_eq!(made.body["customFieldValues"], json!(["L", "a, c", "Yes"]));
    let fields = json!([
        { "customFieldId": size, "key": "size", "data": [{ "value": "L" }] },
        { "customFieldId": tags, "key": "tags", "data": [{ "value": ["a", "c"] }] },
        { "customFieldId": vip, "key": "vip", "data": [{ "value": true }] },
    ]);
    assert_eq!(made.body["customFields"], fields);

    let path = format!("{PATH}/{}", text(&made, "/id"));
    let changes = json!({ "customFieldValues": [
        { "customFieldId": size, "data": [] },
        { "customFieldId": tags, "data": [{ "value": ["b"] }] },
    ] });
    let updated = rest.put(&path, changes).await;
    assert_eq!(updated.body["customFieldValues"], json!(["b", "Yes"]));
    let document = "query($id: ID!) { accountContact(id: $id) { customFieldValues { value } } }";
    let seen = world.reader().graphql(document, json!({ "id": made.body["id"] })).await;
    assert_eq!(
        seen.data("/accountContact/customFieldValues"),
        &json!([{ "value": ["b"] }, { "value": true }])
    );

    let bad = json!({ "customFieldValues": [{ "customFieldId": size, "data": [{ "value": "XL" }] }] });
    let refused = world.nothing_written(rest.put(&path, bad)).await;
    assert_status(&refused, 400);
}

async fn what_is_not_there_is_told(world: World) {
    let foreign = world.other_rows().account("Elsewhere").await.id.to_string();
    let foreign_type = world.other_rows().contact_type("Primary").await.id.to_string();
    let rest = Rest::of(world.writer()).await;
    for (extra, message) in [
        (json!({ "accountIds": [foreign] }), "Account not found"),
        (json!({ "accountIds": ["A123"] }), "Account not found"),
        (json!({ "contactType": foreign_type }), "Contact type not found"),
        (json!({ "contactType": "CT123" }), "Contact type not found"),
    ] {
        let mut body = json!({ "firstName": "Grace", "email": "grace@example.com" });
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        let refused = world.nothing_written(rest.post(PATH, body)).await;
        assert_eq!(refused.body, json!({ "statusCode": 404, "message": message, "error": "Not Found" }));
    }
}
