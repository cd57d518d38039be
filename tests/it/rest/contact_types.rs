//! Contact types as values of an attribute.

use serde_json::{Value, json};

use super::{
    Rest,
    documented::{assert_part, assert_status},
    text,
};
use crate::support::{World, on_both};

on_both!(types_are_made_changed_and_removed, there_is_one_default_at_any_time);

const PATH: &str = "/v1/accounts/attributes";

async fn types_are_made_changed_and_removed(world: World) {
    let rest = Rest::of(world.admin()).await;
    let listed = rest.get(&format!("{PATH}?attribute=contact_type")).await;
    let names: Vec<&Value> = listed.body.as_array().expect("a list").iter().map(|it| &it["value"]).collect();
    assert_eq!(names, ["Primary", "Billing", "Legal", "Executive", "Other"]);
    assert_part(
        &listed.body[0],
        &json!({ "attribute": "contact_type", "isDefault": true, "configuration": {} }),
    );
    for query in ["", "?attribute=account_status"] {
        assert_status(&rest.get(&format!("{PATH}{query}")).await, 400);
    }

    let made = rest.post(PATH, json!({ "attribute": "contact_type", "value": "Press" })).await;
    assert_status(&made, 201);
    assert_part(&made.body, &json!({ "value": "Press", "isDefault": false }));
    let path = format!("{PATH}/{}", text(&made, "/id"));
    let renamed = rest.put(&path, json!({ "value": "Media" })).await;
    assert_eq!(renamed.body["value"], "Media");
    let taken = rest.put(&path, json!({ "value": "Legal" })).await;
    assert_status(&taken, 409);
    assert!(text(&taken, "/message").starts_with("value: "), "{}", taken.body);
    let document = "{ contactTypes { nodes { name } } }";
    let seen = world.reader().query(document).await;
    assert_eq!(seen.data("/contactTypes/nodes/5/name"), "Media");

    let contact = json!({ "firstName": "A", "email": "a@example.com", "contactType": made.body["id"] });
    let contact = rest.post("/v1/accounts/contacts", contact).await;
    assert_eq!(contact.body["contactType"], "Media");
    assert_status(&rest.delete(&path).await, 409);
    let primary = listed.body[0]["id"].clone();
    rest.put(&format!("/v1/accounts/contacts/{}", text(&contact, "/id")), json!({ "contactType": primary }))
        .await;
    assert_status(&rest.delete(&path).await, 204);
    assert_status(&rest.delete(&path).await, 404);
    assert_status(
        &Rest::of(world.writer())
            .await
            .post(PATH, json!({ "attribute": "contact_type", "value": "X" }))
            .await,
        403,
    );
}

async fn there_is_one_default_at_any_time(world: World) {
    let rest = Rest::of(world.admin()).await;
    let body = json!({ "attribute": "contact_type", "value": "Press", "isDefault": true });
    let made = rest.post(PATH, body).await;
    assert_part(&made.body, &json!({ "value": "Press", "isDefault": true }));
    let defaults = async || {
        let listed = rest.get(&format!("{PATH}?attribute=contact_type")).await.body;
        let items = listed.as_array().expect("a list").clone();
        let names = items.iter().filter(|item| item["isDefault"] == true).map(|item| item["value"].clone());
        names.collect::<Vec<Value>>()
    };
    assert_eq!(defaults().await, ["Press"]);
    let legal = world.rows().contact_type("Legal").await.id;
    let updated = rest.put(&format!("{PATH}/{legal}"), json!({ "isDefault": true })).await;
    assert_part(&updated.body, &json!({ "value": "Legal", "isDefault": true }));
    assert_eq!(defaults().await, ["Legal"]);
    let refused =
        world.nothing_written(rest.put(&format!("{PATH}/{legal}"), json!({ "isDefault": false }))).await;
    assert_status(&refused, 400);

    // Many at once: each succeeds, one is the default in the end.
    let bodies = (0..8).map(|number| {
        json!({
            "attribute": "contact_type", "value": format!("Type {number}"), "isDefault": true,
        })
    });
    let made = futures_util::future::join_all(bodies.map(|body| rest.post(PATH, body))).await;
    made.iter().for_each(|reply| assert_status(reply, 201));
    assert_eq!(defaults().await.len(), 1);
}
