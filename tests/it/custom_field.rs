//! Values of custom fields: each type accepts its own values, required values are enforced, archived fields are hidden.

use chrono::Utc;
use contact_gateway::{
    entity::{
        Scoped, change, custom_field,
        custom_field::FieldType,
        id::{AccountContactId, CustomFieldId},
    },
    error::AppError,
    service::{
        self, Patch,
        account_contact::{self, CustomFieldPatch, UpdateAccountContact},
        custom_field::CreateCustomField,
    },
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde_json::{Value, json};

use crate::{
    mutation::{done, refused},
    support::{Rows, World, on_both},
};

on_both!(
    each_type_of_custom_field_takes_its_values,
    each_type_of_custom_field_refuses_others,
    custom_fields_are_living_ones_of_the_organization,
    required_custom_fields_need_a_value,
    an_update_sets_what_it_names_and_clears_with_null,
    an_update_is_told_what_is_wrong_with_its_values,
    archived_fields_can_only_be_cleared,
    a_hundred_values_fit_into_one_input,
);

fn contact(values: impl Into<Value>) -> Value {
    json!({ "firstName": "John", "email": "john.doe@example.com", "customFieldValues": values.into() })
}

const VALUES: &str = "id customFieldValues { field { id } value displayValue }";

async fn create(world: &World, input: Value) -> Value {
    let selection = format!("accountContact {{ {VALUES} }}");
    done(&world.writer(), "createAccountContact", input, &selection).await["accountContact"].clone()
}

async fn read(world: &World, contact: &Value) -> Value {
    let document = format!("query($id: ID!) {{ accountContact(id: $id) {{ {VALUES} }} }}");
    let reply = world.reader().graphql(&document, json!({ "id": contact["id"] })).await;
    reply.data("/accountContact").clone()
}

/// A custom field; choices are S and L.
pub(crate) async fn field(rows: &Rows, key: &str, field_type: FieldType, is_required: bool) -> CustomFieldId {
    let options = match field_type {
        FieldType::SingleChoice | FieldType::MultiChoice => vec!["S".to_owned(), "L".to_owned()],
        _ => Vec::new(),
    };
    let input = CreateCustomField {
        key: key.to_owned(),
        label: key.to_owned(),
        field_type,
        options,
        is_required,
        idempotency_key: None,
    };
    service::custom_field::create(&rows.db, &rows.context(), &input).await.expect("a custom field").id
}

async fn archive(rows: &Rows, id: CustomFieldId) {
    let field = custom_field::Entity::update_many().filter(custom_field::Column::Id.eq(id));
    let update = field.col_expr(custom_field::Column::ArchivedAt, Expr::value(Utc::now()));
    update.exec(rows.db.connection()).await.expect("an update");
}

async fn each_type_of_custom_field_takes_its_values(world: World) {
    let cases = [
        (FieldType::Text, json!(" a "), json!("a"), "a"),
        (FieldType::Text, json!("2024-02-29"), json!("2024-02-29"), "2024-02-29"),
        (FieldType::LongText, json!("a\nb\tc"), json!("a\nb\tc"), "a\nb\tc"),
        (FieldType::Integer, json!(i64::MIN), json!(i64::MIN), "-9223372036854775808"),
        (FieldType::Decimal, json!("12.50"), json!("12.50"), "12.50"),
        (FieldType::Decimal, json!(12.5), json!("12.5"), "12.5"),
        (FieldType::Boolean, json!(false), json!(false), "No"),
        (FieldType::Boolean, json!(true), json!(true), "Yes"),
        (FieldType::Date, json!("2024-02-29"), json!("2024-02-29"), "29 Feb 2024"),
        (
            FieldType::DateTime,
            json!("2024-02-29T01:00:00+01:00"),
            json!("2024-02-29T00:00:00.000000Z"),
            "29 Feb 2024, 00:00 UTC",
        ),
        (
            FieldType::DateTime,
            json!("2024-03-01T23:05:09.25Z"),
            json!("2024-03-01T23:05:09.250000Z"),
            "1 Mar 2024, 23:05:09.250 UTC",
        ),
        (FieldType::SingleChoice, json!("S"), json!("S"), "S"),
        (FieldType::MultiChoice, json!(["L", "S", "L"]), json!(["L", "S"]), "L, S"),
        (
            FieldType::Url,
            json!(" https://example.com/ "),
            json!("https://example.com/"),
            "https://example.com/",
        ),
        (FieldType::Email, json!(" a@example.com "), json!("a@example.com"), "a@example.com"),
        (FieldType::Phone, json!("+49 30 901820"), json!("+4930901820"), "+4930901820"),
    ];
    let (mut input, mut expected) = (Vec::new(), Vec::new());
    for (number, (field_type, value, stored, shown)) in cases.into_iter().enumerate() {
        let id = field(&world.rows(), &number.to_string(), field_type, false).await.to_string();
        input.push(json!({ "customFieldId": id, "value": value }));
        expected.push(json!({ "field": { "id": id }, "value": stored, "displayValue": shown }));
    }
    // They are answered in the order of the fields, whatever the order of the input.
    input.reverse();
    let contact = create(&world, contact(input)).await;
    assert_eq!(contact["customFieldValues"], json!(expected));
    assert_eq!(read(&world, &contact).await, contact);
}

async fn each_type_of_custom_field_refuses_others(world: World) {
    let cases = [
        (
            FieldType::Text,
            vec![json!(1), json!(""), json!(" "), json!("a\nb"), json!("a\0"), json!(["a"]), json!({})],
        ),
        (FieldType::LongText, vec![json!(""), json!("a\0b"), json!("\u{7}x"), json!(true)]),
        (FieldType::Integer, vec![json!(1.5), json!("1"), json!(true), json!(u64::MAX), json!(1e300)]),
        (
            FieldType::Decimal,
            vec![json!("1,5"), json!("1e5"), json!(""), json!("."), json!("1".repeat(39)), json!(true)],
        ),
        (FieldType::Boolean, vec![json!("true"), json!(1)]),
        (
            FieldType::Date,
            vec![json!("2023-02-29"), json!("29.2.2024"), json!("2024-02-29T00:00:00Z"), json!(20240229)],
        ),
        (FieldType::DateTime, vec![json!("2024-02-29"), json!("2024-02-29T00:00:00"), json!(1_700_000_000)]),
        (FieldType::SingleChoice, vec![json!("M"), json!("s"), json!(["S"]), json!("")]),
        (FieldType::MultiChoice, vec![json!("S"), json!([]), json!(["S", "M"]), json!(["S", 1]), json!({})]),
        (
            FieldType::Url,
            vec![
                json!("javascript:alert(1)"),
                json!("example.com"),
                json!("https://example.com/\0"),
                json!("https://example.com/a\nb"),
                json!(1),
            ],
        ),
        (
            FieldType::Email,
            vec![json!("a.example.com"), json!("A <a@example.com>"), json!("a\0@example.com"), json!(1)],
        ),
        (FieldType::Phone, vec![json!("030 901820"), json!(4930901820_u64), json!("")]),
    ];
    let (mut input, mut errors) = (Vec::new(), Vec::new());
    for (field_type, values) in cases {
        for value in values {
            let id = field(&world.rows(), &input.len().to_string(), field_type, false).await.to_string();
            errors.push(format!("INVALID customFieldValues.{}.value", input.len()));
            input.push(json!({ "customFieldId": id, "value": value }));
        }
    }
    for (field_type, length) in [(FieldType::Text, 256), (FieldType::LongText, 16 * 1024 + 1)] {
        let id = field(&world.rows(), &input.len().to_string(), field_type, false).await.to_string();
        errors.push(format!("TOO_LONG customFieldValues.{}.value", input.len()));
        input.push(json!({ "customFieldId": id, "value": "x".repeat(length) }));
    }
    let errors: Vec<&str> = errors.iter().map(String::as_str).collect();
    let input = contact(input);
    refused(&world, "createAccountContact", input, &errors).await;
}

async fn custom_fields_are_living_ones_of_the_organization(world: World) {
    let rows = world.rows();
    let active = field(&rows, "age", FieldType::Integer, false).await;
    let archived = field(&rows, "old", FieldType::Integer, true).await;
    archive(&rows, archived).await;
    let elsewhere = field(&world.other_rows(), "age", FieldType::Integer, true).await;
    let value = |id: String| json!({ "customFieldId": id, "value": 1 });
    let values = [
        value(active.to_string()),
        value(archived.to_string()),
        value(elsewhere.to_string()),
        value("cf_00000000000000000000000000".to_owned()),
        value("age".to_owned()),
        value(active.to_string()),
    ];
    let errors = [
        "NOT_FOUND customFieldValues.1.customFieldId",
        "NOT_FOUND customFieldValues.2.customFieldId",
        "NOT_FOUND customFieldValues.3.customFieldId",
        "NOT_FOUND customFieldValues.4.customFieldId",
        "INVALID customFieldValues.5.customFieldId",
    ];
    let input = contact(values);
    refused(&world, "createAccountContact", input, &errors).await;
    // Neither an archived field nor another organization's is required here.
    create(&world, contact(json!([]))).await;
}

async fn required_custom_fields_need_a_value(world: World) {
    let rows = world.rows();
    let needed = field(&rows, "age", FieldType::Integer, true).await.to_string();
    let other = field(&rows, "size", FieldType::Integer, false).await.to_string();
    for values in [Value::Null, json!([]), json!([{ "customFieldId": other, "value": 1 }])] {
        let input = contact(values);
        refused(&world, "createAccountContact", input, &["REQUIRED customFieldValues"]).await;
    }
    let without_values = json!({ "firstName": "John", "email": "john.doe@example.com" });
    refused(&world, "createAccountContact", without_values, &["REQUIRED customFieldValues"]).await;
    let value = |value: Value| contact(json!([{ "customFieldId": needed, "value": value }]));
    refused(&world, "createAccountContact", value(json!("x")), &["INVALID customFieldValues.0.value"]).await;
    create(&world, value(json!(0))).await;
}

/// What an update of a contact does to its values: what changed of each field, or the errors.
async fn update(
    rows: &Rows,
    contact: AccountContactId,
    values: &[(&str, Value)],
) -> Result<Value, Vec<String>> {
    let patch = |(id, value): &(&str, Value)| CustomFieldPatch {
        custom_field_id: (*id).to_owned(),
        value: Patch::Set(value.clone()),
    };
    let input = UpdateAccountContact {
        custom_field_values: Patch::Set(values.iter().map(patch).collect()),
        ..Default::default()
    };
    let before = last_record(rows, contact).await;
    let updated = account_contact::update(&rows.db, &rows.context(), &contact.to_string(), &input).await;
    if let Err(AppError::Input(errors)) = updated {
        return Err(errors.iter().map(|it| format!("{:?} {}", it.code, it.path.join("."))).collect());
    }
    updated.expect("an update");
    let after = last_record(rows, contact).await;
    if before == after {
        return Ok(json!({}));
    }
    let record = after.expect("a record").fields;
    let record = &record.value().expect("JSON")["customFieldValues"];
    let new = record["new"].as_object().expect("the new values").iter();
    Ok(new.map(|(id, new)| (id.clone(), json!({ "old": record["old"][id], "new": new }))).collect())
}

async fn last_record(rows: &Rows, contact: AccountContactId) -> Option<change::Model> {
    let records = change::Entity::find_in(rows.organization);
    let records = records.filter(change::Column::EntityId.eq(contact.to_string()));
    records.order_by_desc(change::Column::Seq).one(rows.db.connection()).await.expect("records")
}

async fn an_update_sets_what_it_names_and_clears_with_null(world: World) {
    let rows = world.rows();
    let age = field(&rows, "age", FieldType::Integer, false).await.to_string();
    let size = field(&rows, "size", FieldType::SingleChoice, false).await.to_string();
    let born = field(&rows, "born", FieldType::Date, false).await.to_string();
    let contact = rows.account_contact("john.doe@example.com", &[]).await.id;
    let other = rows.account_contact("jane.doe@example.com", &[]).await.id;
    let values = [(&*age, json!(1)), (&*size, json!("S"))];
    let changed = update(&rows, contact, &values).await;
    let both = json!({ &age: { "old": null, "new": 1 }, &size: { "old": null, "new": "S" } });
    assert_eq!(changed, Ok(both.clone()));
    assert_eq!(update(&rows, other, &values).await, Ok(both));
    // Only what differs is a change, and what is not named stays.
    let values = [(&*size, json!("L")), (&*age, json!(1)), (&*born, Value::Null)];
    let changed = update(&rows, contact, &values).await;
    assert_eq!(changed, Ok(json!({ &size: { "old": "S", "new": "L" } })));
    let values = [(&*age, Value::Null), (&*born, json!("2024-02-29"))];
    let changed = update(&rows, contact, &values).await;
    let both = json!({ &age: { "old": 1, "new": null }, &born: { "old": null, "new": "2024-02-29" } });
    assert_eq!(changed, Ok(both));
    let nothing = world.nothing_written(update(&rows, contact, &values)).await;
    assert_eq!(nothing, Ok(json!({})));
    assert_eq!(world.nothing_written(update(&rows, contact, &[])).await, Ok(json!({})));

    let values = |contact: AccountContactId| {
        let world = &world;
        async move { read(world, &json!({ "id": contact.to_string() })).await["customFieldValues"].clone() }
    };
    let shown = |id: &str, value: &str, text: &str| json!({ "field": { "id": id }, "value": value, "displayValue": text });
    let expected = [shown(&size, "L", "L"), shown(&born, "2024-02-29", "29 Feb 2024")];
    assert_eq!(values(contact).await, json!(expected));
    assert_eq!(values(other).await[0]["value"], json!(1));
}

async fn an_update_is_told_what_is_wrong_with_its_values(world: World) {
    let rows = world.rows();
    let contact = rows.account_contact("john.doe@example.com", &[]).await.id;
    let age = field(&rows, "age", FieldType::Integer, false).await.to_string();
    let needed = field(&rows, "size", FieldType::SingleChoice, true).await.to_string();
    let elsewhere = field(&world.other_rows(), "age", FieldType::Integer, false).await.to_string();
    let values = [
        (&*age, json!("one")),
        (&*needed, Value::Null),
        (&*elsewhere, json!(1)),
        ("cf_1", Value::Null),
        (&*age, json!(1)),
    ];
    let errors = [
        "NotFound customFieldValues.2.customFieldId",
        "NotFound customFieldValues.3.customFieldId",
        "Invalid customFieldValues.4.customFieldId",
        "Invalid customFieldValues.0.value",
        "Required customFieldValues.1.value",
    ];
    let refused = world.nothing_written(update(&rows, contact, &values)).await;
    assert_eq!(refused, Err(errors.map(str::to_owned).to_vec()));
    // A field that became required later does not stand in the way of the others.
    assert!(update(&rows, contact, &[(&*age, json!(1))]).await.is_ok());
}

async fn archived_fields_can_only_be_cleared(world: World) {
    let rows = world.rows();
    let contact = rows.account_contact("john.doe@example.com", &[]).await.id;
    let old = field(&rows, "old", FieldType::Integer, true).await;
    let (id, refused) = (old.to_string(), Err(vec!["NotAllowed customFieldValues.0.value".to_owned()]));
    update(&rows, contact, &[(&*id, json!(1))]).await.expect("a value");
    archive(&rows, old).await;
    assert_eq!(world.nothing_written(update(&rows, contact, &[(&*id, json!(2))])).await, refused);
    // What was read may be sent back, and a field that asks for nothing any more is not required.
    assert_eq!(update(&rows, contact, &[(&*id, json!(1))]).await, Ok(json!({})));
    assert_eq!(
        update(&rows, contact, &[(&*id, Value::Null)]).await,
        Ok(json!({ &id: { "old": 1, "new": null } }))
    );
    assert_eq!(world.nothing_written(update(&rows, contact, &[(&*id, json!(1))])).await, refused);
}

async fn a_hundred_values_fit_into_one_input(world: World) {
    let rows = world.rows();
    let existing = rows.account_contact("jane.doe@example.com", &[]).await.id;
    let values = |count: usize| vec![("cf_1", json!(1)); count];
    let errors = update(&rows, existing, &values(100)).await.expect_err("errors");
    assert_eq!(errors.len(), 100);
    let refused_as = Err(vec!["TooMany customFieldValues".to_owned()]);
    assert_eq!(update(&rows, existing, &values(101)).await, refused_as);
    let values = vec![json!({ "customFieldId": "cf_1", "value": 1 }); 101];
    refused(&world, "createAccountContact", contact(values), &["TOO_MANY customFieldValues"]).await;
}
