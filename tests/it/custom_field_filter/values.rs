//! Values of every type of custom field, contacts that have them, and what each comparator must find among them.

use std::cmp::Ordering;

use contact_gateway::entity::{
    custom_field::FieldType,
    id::{AccountContactId, CustomFieldId},
};
use serde_json::{Value, json};

use crate::{custom_field::field, mutation::done, support::World};

/// Values of a type as clients write them, each with the form in which they compare: numbers, texts, or lists of choices.
/// Some are written in two ways.
pub(super) fn values(field_type: FieldType) -> Vec<(Value, Value)> {
    let same = |values: &[Value]| values.iter().map(|value| (value.clone(), value.clone())).collect();
    match field_type {
        FieldType::Text => {
            same(&[json!("Gold"), json!("gold"), json!("Go%d_"), json!("Zoë's \"Gold\""), json!("-5")])
        }
        FieldType::LongText => same(&[json!("one\ntwo"), json!("two"), json!("back\\slash"), json!("12.5")]),
        FieldType::Integer => same(&[
            json!(9),
            json!(10),
            json!(-10),
            json!(9_007_199_254_740_992_i64),
            json!(9_007_199_254_740_993_i64),
            json!(i64::MIN),
        ]),
        // In thousandths.
        FieldType::Decimal => vec![
            (json!("12.50"), json!(12_500)),
            (json!(12.5), json!(12_500)),
            (json!("9.9"), json!(9_900)),
            (json!("-0.125"), json!(-125)),
            (json!("-12"), json!(-12_000)),
            (json!("0012.500"), json!(12_500)),
            (json!(100), json!(100_000)),
            (json!("-0"), json!(0)),
        ],
        FieldType::Boolean => same(&[json!(true), json!(false)]),
        FieldType::Date => {
            same(&[json!("2024-02-29"), json!("2024-03-01"), json!("0999-12-31"), json!("1969-12-31")])
        }
        // In microseconds UTC.
        FieldType::DateTime => [
            ("2024-02-29T23:30:00Z", "2024-02-29T23:30:00.000000Z"),
            ("2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00.000000Z"),
            ("2024-02-29T18:00:00.000001-05:30", "2024-02-29T23:30:00.000001Z"),
            ("2024-03-01T00:00:00+02:00", "2024-02-29T22:00:00.000000Z"),
            ("1999-12-31T23:59:59.999999Z", "1999-12-31T23:59:59.999999Z"),
        ]
        .map(|(written, compared)| (json!(written), json!(compared)))
        .into(),
        FieldType::SingleChoice => same(&[json!("S"), json!("L")]),
        FieldType::MultiChoice => vec![
            (json!(["S"]), json!(["S"])),
            (json!(["L", "S"]), json!(["L", "S"])),
            (json!(["S", "L", "S"]), json!(["L", "S"])),
            (json!(["L"]), json!(["L"])),
        ],
        FieldType::Url => {
            same(&[json!("https://a.example/"), json!("http://a.example/b"), json!("https://b.example/a")])
        }
        FieldType::Email => {
            vec![
                (json!("Ada@example.com"), json!("ada@example.com")),
                (json!("ada@example.com"), json!("ada@example.com")),
                (json!("B@Example.com"), json!("b@example.com")),
            ]
        }
        FieldType::Phone => vec![
            (json!("+49 30 901820"), json!("+4930901820")),
            (json!("+4930901820"), json!("+4930901820")),
            (json!("+1 202-555-0143"), json!("+12025550143")),
        ],
    }
}

pub(super) const TYPES: [FieldType; 12] = [
    FieldType::Text,
    FieldType::LongText,
    FieldType::Integer,
    FieldType::Decimal,
    FieldType::Boolean,
    FieldType::Date,
    FieldType::DateTime,
    FieldType::SingleChoice,
    FieldType::MultiChoice,
    FieldType::Url,
    FieldType::Email,
    FieldType::Phone,
];

/// How many contacts there are: as many as a type has values, some with equal ones, and two without.
pub(super) const CONTACTS: usize = 12;
pub(super) const WITHOUT: usize = 2;

/// A field of each type, and contacts with values of all of them.
pub(super) struct Filled {
    fields: Vec<(FieldType, CustomFieldId)>,
    /// In the order of creation.
    pub(super) contacts: Vec<AccountContactId>,
}

impl Filled {
    pub(super) async fn new(world: &World) -> Self {
        let rows = world.rows();
        let mut fields = Vec::new();
        for (at, field_type) in TYPES.into_iter().enumerate() {
            fields.push((field_type, field(&rows, &format!("field_{at}"), field_type, false).await));
        }
        let account = rows.account("Globex").await;
        let mut contacts = Vec::new();
        for number in 0..CONTACTS {
            let of_field = |(field_type, id): &(FieldType, CustomFieldId)| {
                let value = Self::value(*field_type, number)?.0;
                Some(json!({ "customFieldId": id.to_string(), "value": value }))
            };
            let input = json!({
                "firstName": "Ada",
                "email": format!("someone{number}@example.com"),
                "accountIds": [account.id.to_string()],
                "customFieldValues": fields.iter().filter_map(of_field).collect::<Vec<_>>(),
            });
            let made = done(&world.writer(), "createAccountContact", input, "accountContact { id }").await;
            let id = made["accountContact"]["id"].as_str().expect("an id");
            contacts.push(id.parse().expect("an id"));
        }
        Self { fields, contacts }
    }

    /// The value that a contact has, as it is written and as it compares.
    pub(super) fn value(field_type: FieldType, contact: usize) -> Option<(Value, Value)> {
        let values = values(field_type);
        (contact < CONTACTS - WITHOUT).then(|| values[contact % values.len()].clone())
    }

    pub(super) fn field(&self, field_type: FieldType) -> String {
        let (_, id) = self.fields.iter().find(|(known, _)| *known == field_type).expect("a field");
        id.to_string()
    }

    /// The ids of the contacts whose value meets a condition.
    pub(super) fn expected(
        &self,
        field_type: FieldType,
        holds: impl Fn(Option<&Value>) -> bool,
    ) -> Vec<String> {
        let value = |contact: usize| Self::value(field_type, contact).map(|(_, compared)| compared);
        let found = (0..CONTACTS).filter(|contact| holds(value(*contact).as_ref()));
        found.map(|contact| self.contacts[contact].to_string()).collect()
    }
}

/// A condition as clients write it, and the same as a function of the value in the form in which it compares.
pub(super) type Condition<'a> = (Value, Box<dyn Fn(Option<&Value>) -> bool + 'a>);

pub(super) fn conditions(field_type: FieldType, values: &[(Value, Value)]) -> Vec<Condition<'_>> {
    use FieldType::{Boolean, Date, DateTime, Decimal, Integer, MultiChoice};
    let mut conditions: Vec<Condition<'_>> = vec![
        (json!({ "isNull": true }), Box::new(|value| value.is_none())),
        (json!({ "isNull": false }), Box::new(|value| value.is_some())),
    ];
    for (written, compared) in values {
        conditions.push((json!({ "eq": written }), Box::new(move |value| value == Some(compared))));
        conditions.push((json!({ "ne": written }), Box::new(move |value| value != Some(compared))));
        let two = [&values[0].1, compared];
        let both = json!({ "in": [values[0].0, written] });
        conditions.push((both, Box::new(move |value| value.is_some_and(|value| two.contains(&value)))));
    }
    let text = !matches!(field_type, Boolean | Integer | Decimal | Date | DateTime | MultiChoice);
    let ordered = matches!(field_type, Integer | Decimal | Date | DateTime);
    for (written, compared) in values.iter().filter(|_| ordered) {
        type Is = fn(Ordering) -> bool;
        let than: [(&str, Is); 4] = [
            ("lt", Ordering::is_lt),
            ("lte", Ordering::is_le),
            ("gt", Ordering::is_gt),
            ("gte", Ordering::is_ge),
        ];
        for (name, is) in than {
            let holds = move |value: Option<&Value>| value.is_some_and(|value| is(order(value, compared)));
            conditions.push((json!({ name: written }), Box::new(holds)));
        }
    }
    for (_, compared) in values.iter().filter(|_| text) {
        let text = compared.as_str().expect("a text");
        let (start, part): (String, String) =
            (text.chars().take(3).collect(), text.chars().skip(1).take(4).collect());
        let has = |test: fn(&str, &str) -> bool, other: String| {
            move |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| test(text, &other))
        };
        let starts = has(|text, start| text.starts_with(start), start.clone());
        conditions.push((json!({ "startsWith": start }), Box::new(starts)));
        let contains = has(|text, part| text.contains(part), part.clone());
        conditions.push((json!({ "contains": part }), Box::new(contains)));
    }
    for choice in ["S", "L", "XL", "\u{0}"].into_iter().filter(|_| field_type == MultiChoice) {
        let has = move |value: Option<&Value>| {
            value.and_then(Value::as_array).is_some_and(|chosen| chosen.contains(&json!(choice)))
        };
        conditions.push((json!({ "contains": choice }), Box::new(has)));
    }
    for name in ["contains", "startsWith"].into_iter().filter(|_| text) {
        conditions.push((json!({ name: "" }), Box::new(|value| value.is_some())));
        conditions.push((json!({ name: "Go\u{0}" }), Box::new(|_| false)));
    }
    conditions
}

fn order(one: &Value, other: &Value) -> Ordering {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.as_str().cmp(&other.as_str()),
    }
}
