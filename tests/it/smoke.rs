//! The shortest way through the whole gateway: a record is created and read back.

use serde_json::json;

use crate::support::{World, on_both};

on_both!(what_was_created_is_read_back);

async fn what_was_created_is_read_back(world: World) {
    let input = json!({ "name": "Globex", "remoteId": "r-1" });
    let created = world.writer().mutate("createPartner", input, "partner { id name version }").await;
    assert_eq!(created.user_errors("createPartner"), [""; 0]);
    let id = created.text("/createPartner/partner/id");

    let document = "query($id: ID!) { partner(id: $id) { id name remoteId version } }";
    let read = world.reader().graphql(document, json!({ "id": id })).await;
    let partner = json!({ "id": id, "name": "Globex", "remoteId": "r-1", "version": 1 });
    assert_eq!(read.data("/partner"), &partner);
}
