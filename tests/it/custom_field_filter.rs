//! Account contacts by the values of their custom fields: every type with every comparator, held against a model.

mod values;

use chrono::Utc;
use contact_gateway::entity::{
    custom_field::{self, FieldType},
    custom_field_value,
    id::CustomFieldId,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};

use self::values::{CONTACTS, Filled, TYPES, WITHOUT, conditions, values};
use crate::{
    custom_field::field,
    support::{World, on_both},
};

on_both!(
    every_type_compares_with_every_comparator,
    several_conditions_must_all_hold,
    conditions_reach_through_accounts,
    what_does_not_fit_the_field_is_refused,
    fields_out_of_reach_are_refused,
    archived_fields_can_still_be_asked_for,
    a_condition_is_one_more_statement,
    values_of_the_other_organization_are_not_seen,
);

const DOCUMENT: &str = "query($filter: AccountContactFilter) {
    accountContacts(first: 100, orderBy: { field: CREATED_AT }, filter: $filter) { totalCount nodes { id } }
}";

async fn found(world: &World, filter: &Value) -> Vec<String> {
    let reply = world.reader().graphql(DOCUMENT, json!({ "filter": filter })).await;
    assert!(reply.body.get("errors").is_none(), "{filter}: {}", reply.body);
    let ids: Vec<String> = reply
        .list("/accountContacts/nodes")
        .iter()
        .map(|it| it["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(reply.data("/accountContacts/totalCount"), ids.len(), "{filter}");
    ids
}

async fn every_type_compares_with_every_comparator(world: World) {
    let filled = Filled::new(&world).await;
    for field_type in TYPES {
        let id = filled.field(field_type);
        let values = values(field_type);
        for (condition, holds) in conditions(field_type, &values) {
            let mut filter = condition.clone();
            filter["customFieldId"] = json!(id);
            let expected = filled.expected(field_type, &holds);
            let wanted = json!({ "customFieldValues": [filter] });
            assert_eq!(found(&world, &wanted).await, expected, "{field_type:?} {condition}");
            let others = filled.expected(field_type, |value| !holds(value));
            let not = json!({ "not": wanted });
            assert_eq!(found(&world, &not).await, others, "{field_type:?} not {condition}");
        }
    }
}

async fn several_conditions_must_all_hold(world: World) {
    let filled = Filled::new(&world).await;
    let (integer, decimal, text) =
        (filled.field(FieldType::Integer), filled.field(FieldType::Decimal), filled.field(FieldType::Text));
    let of = |contact: usize, field_type| Filled::value(field_type, contact).map(|(_, compared)| compared);
    let number = |contact, field_type| of(contact, field_type).and_then(|value| value.as_i64());
    let is_gold = |contact| of(contact, FieldType::Text) == Some(json!("Gold"));
    type Holds<'a> = &'a dyn Fn(usize) -> bool;
    let cases: [(Value, Holds<'_>); 5] = [
        (
            json!({ "customFieldValues": [
                { "customFieldId": integer, "gte": -10, "lt": 10 },
                { "customFieldId": decimal, "gt": "0" },
            ] }),
            &|it| {
                number(it, FieldType::Integer).is_some_and(|it| (-10..10).contains(&it))
                    && number(it, FieldType::Decimal).is_some_and(|it| it > 0)
            },
        ),
        (
            json!({ "or": [
                { "customFieldValues": [{ "customFieldId": integer, "eq": 10 }] },
                { "customFieldValues": [{ "customFieldId": text, "eq": "Gold" }, { "customFieldId": text, "ne": "x" }] },
            ] }),
            &|it| number(it, FieldType::Integer) == Some(10) || is_gold(it),
        ),
        (
            json!({ "and": [
                { "customFieldValues": [{ "customFieldId": integer, "isNull": true }] },
                { "not": { "customFieldValues": [{ "customFieldId": text, "isNull": false }] } },
            ] }),
            &|it| number(it, FieldType::Integer).is_none(),
        ),
        (
            json!({ "customFieldValues": [{ "customFieldId": text, "eq": "Gold", "startsWith": "g" }] }),
            &|_| false,
        ),
        (
            json!({
                "email": { "in": ["someone0@example.com", "someone1@example.com", "someone11@example.com"] },
                "customFieldValues": [{ "customFieldId": text, "ne": "Gold" }],
            }),
            &|it| [0, 1, 11].contains(&it) && !is_gold(it),
        ),
    ];
    for (filter, holds) in cases {
        let expected: Vec<String> =
            (0..CONTACTS).filter(|it| holds(*it)).map(|it| filled.contacts[it].to_string()).collect();
        assert_eq!(found(&world, &filter).await, expected, "{filter}");
    }
}

async fn conditions_reach_through_accounts(world: World) {
    let filled = Filled::new(&world).await;
    let rows = world.rows();
    rows.account("Without contacts").await;
    let other = rows.account("Other").await;
    let single = rows.account_contact("single@example.com", &[&other]).await.id.to_string();
    let text = filled.field(FieldType::Text);
    let gold = json!({ "customFieldValues": [{ "customFieldId": text, "eq": "Gold" }] });
    let none = json!({ "customFieldValues": [{ "customFieldId": text, "isNull": true }] });
    let document = "query($filter: AccountFilter) { accounts(filter: $filter) { nodes { name } } }";
    for (filter, expected) in [
        (json!({ "contacts": { "some": gold } }), vec!["Globex"]),
        (json!({ "contacts": { "none": gold } }), vec!["Without contacts", "Other"]),
        (json!({ "contacts": { "some": none } }), vec!["Globex", "Other"]),
        (json!({ "contacts": { "some": none, "none": gold } }), vec!["Other"]),
        (
            json!({ "contacts": { "some": { "accounts": { "none": { "contacts": { "some": gold } } } } } }),
            vec!["Other"],
        ),
    ] {
        let reply = world.reader().graphql(document, json!({ "filter": filter })).await;
        let mut names: Vec<_> = reply.list("/accounts/nodes").iter().map(|it| it["name"].clone()).collect();
        // Rows of one millisecond are in no order of creation.
        names.sort_by_key(|name| expected.iter().position(|expected| name == expected));
        assert_eq!(names, expected, "{filter}");
    }
    let document = "query($filter: AccountContactFilter) {
        accounts(first: 100) { nodes { name contacts(first: 100, filter: $filter) { totalCount nodes { id } } } }
    }";
    let request = world.reader();
    let request = request.graphql(document, json!({ "filter": none }));
    let (reply, statements) = world.statements(request).await;
    let of_account = |name: &str| {
        let nodes = reply.list("/accounts/nodes").iter().find(|it| it["name"] == name).expect("an account");
        let mut ids: Vec<String> = nodes["contacts"]["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .map(|it| it["id"].to_string())
            .collect();
        assert_eq!(nodes["contacts"]["totalCount"], ids.len());
        ids.sort();
        ids
    };
    let quoted = |ids: &[String]| {
        let mut ids: Vec<String> = ids.iter().map(|id| json!(id).to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!(of_account("Globex"), quoted(&filled.expected(FieldType::Text, |value| value.is_none())));
    assert_eq!(of_account("Other"), quoted(&[single]));
    // The accounts, the fields, the numbers of contacts, the contacts.
    assert_eq!(statements.len(), 4, "{statements:#?}");
}

/// The filter is refused, and this is why: the path from `customFieldValues` on.
async fn assert_refused(world: &World, condition: Value, path: &[&str]) {
    let filter = json!({ "not": { "customFieldValues": [condition] } });
    let reply = world.reader().graphql(DOCUMENT, json!({ "filter": filter })).await;
    assert_eq!(reply.errors(), ["BAD_REQUEST accountContacts"], "{condition}");
    let path: Vec<&str> = [&["filter", "not", "customFieldValues", "0"], path].concat();
    assert_eq!(reply.body["errors"][0]["extensions"]["argument"], json!(path), "{condition}");
    let message = reply.body["errors"][0]["message"].as_str().expect("a message");
    assert!(message.len() > 10, "{condition}: {message}");
}

async fn what_does_not_fit_the_field_is_refused(world: World) {
    // One document asks for more than clients do.
    let world = world.restarted(|config| config.limits.cost = 2_000_000).await;
    use FieldType::{
        Boolean, Date, DateTime, Decimal, Email, Integer, LongText, MultiChoice, Phone, SingleChoice, Text,
        Url,
    };
    let filled = Filled::new(&world).await;
    for (field_type, value) in [
        (Text, json!(5)),
        (Text, json!("  ")),
        (Text, json!("a\u{0}")),
        (Text, json!("x".repeat(256))),
        (LongText, json!(["a"])),
        (Integer, json!("5")),
        (Integer, json!(1.5)),
        (Integer, json!(9_223_372_036_854_775_808_u64)),
        (Decimal, json!("12,5")),
        (Decimal, json!("1e3")),
        (Decimal, json!(true)),
        (Boolean, json!("true")),
        (Date, json!("2023-02-29")),
        (Date, json!("2024-02-29T00:00:00Z")),
        (Date, json!("+12024-01-01")),
        (Date, json!("-0044-03-15")),
        (DateTime, json!("2024-02-29")),
        (DateTime, json!("0000-01-01T00:00:00+01:00")),
        (SingleChoice, json!("XL")),
        (MultiChoice, json!("S")),
        (MultiChoice, json!(["S", "XL"])),
        (MultiChoice, json!([])),
        (Url, json!("a.example")),
        (Email, json!("ada")),
        (Phone, json!("030 901820")),
        (Text, json!({})),
    ] {
        let id = filled.field(field_type);
        for name in ["eq", "ne"] {
            assert_refused(&world, json!({ "customFieldId": id, name: value }), &[name]).await;
        }
        assert_refused(&world, json!({ "customFieldId": id, "in": [value] }), &["in"]).await;
        if matches!(field_type, Integer | Decimal | Date | DateTime) {
            for name in ["lt", "lte", "gt", "gte"] {
                assert_refused(&world, json!({ "customFieldId": id, name: value }), &[name]).await;
            }
        }
    }
    for field_type in TYPES {
        let id = filled.field(field_type);
        let is_ordered = matches!(field_type, Integer | Decimal | Date | DateTime);
        for name in ["lt", "lte", "gt", "gte"].into_iter().filter(|_| !is_ordered) {
            let value = &values(field_type)[0].0;
            assert_refused(&world, json!({ "customFieldId": id, name: value }), &[name]).await;
        }
        if is_ordered || field_type == Boolean {
            assert_refused(&world, json!({ "customFieldId": id, "contains": "1" }), &["contains"]).await;
        }
        if is_ordered || matches!(field_type, Boolean | MultiChoice) {
            assert_refused(&world, json!({ "customFieldId": id, "startsWith": "1" }), &["startsWith"]).await;
        }
        for name in ["eq", "ne", "in", "lt", "lte", "gt", "gte", "contains", "startsWith", "isNull"] {
            assert_refused(&world, json!({ "customFieldId": id, name: null }), &[name]).await;
        }
        assert_refused(&world, json!({ "customFieldId": id, "in": [] }), &["in"]).await;
        let many = vec![values(field_type)[0].0.clone(); 101];
        assert_refused(&world, json!({ "customFieldId": id, "in": many }), &["in"]).await;
    }
    let reply = world.reader().graphql(DOCUMENT, json!({ "filter": { "customFieldValues": [] } })).await;
    assert_eq!(reply.body["errors"][0]["extensions"]["argument"], json!(["filter", "customFieldValues"]));
}

async fn fields_out_of_reach_are_refused(world: World) {
    let theirs = field(&world.other_rows(), "theirs", FieldType::Text, false).await;
    let account = world.rows().account("Globex").await;
    let nobody = CustomFieldId(uuid::Uuid::now_v7());
    for id in [
        theirs.to_string(),
        nobody.to_string(),
        account.id.to_string(),
        "cf_7".into(),
        String::new(),
        "7".into(),
    ] {
        for condition in [json!({ "eq": "a" }), json!({ "isNull": true }), json!({ "contains": "a" })] {
            let mut condition = condition;
            condition["customFieldId"] = json!(id);
            assert_refused(&world, condition, &["customFieldId"]).await;
        }
    }
    // Below other lists too.
    let filter = json!({ "contacts": { "some": { "customFieldValues": [{ "customFieldId": theirs.to_string(), "isNull": true }] } } });
    let document = "query($filter: AccountFilter) { accounts(filter: $filter) { totalCount } }";
    let reply = world.reader().graphql(document, json!({ "filter": filter })).await;
    let path = json!(["filter", "contacts", "some", "customFieldValues", "0", "customFieldId"]);
    assert_eq!(reply.body["errors"][0]["extensions"]["argument"], path);
}

async fn archived_fields_can_still_be_asked_for(world: World) {
    let filled = Filled::new(&world).await;
    let id: CustomFieldId = filled.field(FieldType::Text).parse().expect("an id");
    let field = custom_field::Entity::update_many().filter(custom_field::Column::Id.eq(id));
    let update = field.col_expr(custom_field::Column::ArchivedAt, Expr::value(Utc::now()));
    update.exec(world.db.connection()).await.expect("an update");
    let filter = json!({ "customFieldValues": [{ "customFieldId": id.to_string(), "eq": "Gold" }] });
    let expected = filled.expected(FieldType::Text, |value| value == Some(&json!("Gold")));
    assert_eq!(found(&world, &filter).await, expected);
}

async fn a_condition_is_one_more_statement(world: World) {
    let filled = Filled::new(&world).await;
    let id = |field_type| filled.field(field_type);
    let condition = json!({ "customFieldId": id(FieldType::Text), "ne": "Gold" });
    let conditions = json!([
        { "customFieldId": id(FieldType::Text), "isNull": false },
        { "customFieldId": id(FieldType::Integer), "gt": 0 },
        { "customFieldId": id(FieldType::MultiChoice), "contains": "S" },
    ]);
    for filter in [
        json!({ "customFieldValues": [condition] }),
        json!({ "customFieldValues": conditions }),
        json!({ "or": [{ "customFieldValues": conditions }, { "not": { "customFieldValues": [condition] } }] }),
    ] {
        let reader = world.reader();
        let (_, statements) = world.statements(reader.graphql(DOCUMENT, json!({ "filter": filter }))).await;
        // The fields, the number of contacts, the contacts.
        assert_eq!(statements.len(), 3, "{filter}: {statements:#?}");
        let document =
            "query($filter: AccountContactFilter) { accounts { nodes { contacts(filter: $filter) { nodes {
            customFieldValues { value }
        } } } } }";
        let (_, statements) = world.statements(reader.graphql(document, json!({ "filter": filter }))).await;
        assert_eq!(statements.len(), 4, "{filter}: {statements:#?}");
    }
}

/// Values that by mistake name a contact and a field of different organizations cannot be: the database refuses them.
async fn values_of_the_other_organization_are_not_seen(world: World) {
    let filled = Filled::new(&world).await;
    let theirs = field(&world.other_rows(), "theirs", FieldType::Text, false).await;
    let now = Utc::now();
    for org_id in [world.rows().organization, world.other_rows().organization] {
        let value = custom_field_value::Model {
            org_id,
            account_contact_id: filled.contacts[0],
            custom_field_id: theirs,
            value: json!("Gold").into(),
            created_at: now,
            updated_at: now,
        };
        let insert = value.into_active_model().reset_all().insert(world.db.connection()).await;
        insert.expect_err("a link between two organizations");
    }
    let count = custom_field_value::Entity::find().all(world.db.connection()).await.expect("values").len();
    assert_eq!(count, TYPES.len() * (CONTACTS - WITHOUT));
}
