//! The rate limit of REST requests.

use serde_json::json;

use super::{Rest, documented::assert_status};
use crate::support::{World, limit_points, on_both};

on_both!(points_are_taken_for_requests_and_rows, one_bucket_serves_graphql_and_rest);

async fn points_are_taken_for_requests_and_rows(world: World) {
    let world = world.restarted(|config| limit_points(config, 100)).await;
    let rest = Rest::of(world.writer()).await;
    // 10 for the request and 40 for the rows that the page may have.
    assert_status(&rest.get("/v2/internal-contacts?limit=40").await, 200);
    // 10, and nothing for rows, because it is refused.
    assert_status(&rest.get("/v2/internal-contacts?limit=x").await, 422);
    assert_status(&rest.post("/v2/internal-contacts", json!({})).await, 422);
    assert_status(&rest.get("/v2/internal-contacts?limit=20").await, 200);
    let refused = rest.get("/v2/internal-contacts/ic_x").await;
    assert_status(&refused, 429);
    assert!(refused.headers["retry-after"].to_str().is_ok_and(|it| it.parse::<u32>().is_ok_and(|it| it > 0)));
    assert_eq!(refused.body["detail"][0]["type"], "rate_limited");
    let account = rest.get("/v1/accounts/contacts").await;
    assert_eq!(account.body["error"], "Too Many Requests");
    let card = rest.get("/api/v1/organisation/1/contact").await;
    assert_eq!(card.body["error_code"], 1105);
    // Others have points of their own.
    assert_status(&Rest::of(world.reader()).await.get("/v2/internal-contacts").await, 200);
}

async fn one_bucket_serves_graphql_and_rest(world: World) {
    let world = world.restarted(|config| limit_points(config, 20)).await;
    let rest = Rest::of(world.reader()).await;
    assert_status(&rest.get("/v2/internal-contacts?limit=10").await, 200);
    assert_eq!(world.reader().query("{ viewer { subject } }").await.status, 429);
}
