//! Fills the model with the rows of the database, each with the values that its filter has names for.

use std::collections::BTreeMap;

use contact_gateway::entity::{
    Scoped, account, account_contact, account_contact_account as link, change, contact_type, custom_field,
    custom_field_value, internal_contact, internal_contact_assignment as assignment, organization_contact,
    partner,
};
use sea_orm::prelude::DateTimeUtc;
use serde_json::{Map, Value, json};

use super::model::{CONTACTS, Model, Related, Row, utc};
use crate::{change::constant, support::Rows};

impl Model {
    /// The rows of the organization as they are now.
    pub(super) async fn of(rows: &Rows) -> Self {
        let links = all::<link::Entity>(rows).await;
        let assignments = all::<assignment::Entity>(rows).await;
        let (partners, accounts) = (all::<partner::Entity>(rows).await, all::<account::Entity>(rows).await);
        let mut found = Vec::new();
        found.extend(partners.iter().map(|row| partner(row, &assignments)));
        found.extend(accounts.iter().map(|row| account(row, &links)));
        let people = all::<internal_contact::Entity>(rows).await;
        found.extend(people.iter().map(|row| person(row, &assignments, &partners)));
        found.extend(assignments.iter().map(assignment));
        let values = all::<custom_field_value::Entity>(rows).await;
        let contacts = all::<account_contact::Entity>(rows).await;
        found.extend(contacts.iter().map(|row| contact(row, (&links, &accounts), &values)));
        found.extend(all::<contact_type::Entity>(rows).await.iter().map(contact_type));
        found.extend(all::<custom_field::Entity>(rows).await.iter().map(custom_field));
        found.extend(all::<organization_contact::Entity>(rows).await.iter().map(card));
        found.extend(all::<change::Entity>(rows).await.iter().map(change));
        Self { rows: found.into_iter().map(|row| (row.id.clone(), row)).collect() }
    }
}

async fn all<E: Scoped>(rows: &Rows) -> Vec<E::Model> {
    let select = E::find_in_with_deleted(rows.organization);
    select.all(rows.db.connection()).await.expect("rows")
}

/// A row with neither name nor relations.
fn row(kind: &'static str, id: String, key: u128, values: Value) -> Row {
    let place = CONTACTS.iter().position(|contact| *contact == kind).unwrap_or_default();
    let Value::Object(values) = values else { panic!("{values} is no object") };
    let (sort_key, words) = (String::new(), String::new());
    Row { id, kind, key: (place, key), deleted: false, sort_key, words, values, related: BTreeMap::new() }
}

fn at(time: DateTimeUtc) -> Value {
    utc(&json!(time))
}

/// The ids of those rows of a list that are this row's.
fn those<T>(list: &[T], is_own: impl Fn(&T) -> bool, id: impl Fn(&T) -> String) -> Related {
    Related::Many(list.iter().filter(|it| is_own(it)).map(id).collect())
}

fn partner(it: &partner::Model, assignments: &[assignment::Model]) -> Row {
    let values = json!({
        "id": it.id.to_string(),
        "name": it.name,
        "remoteId": it.remote_id,
        "createdAt": at(it.created_at),
        "updatedAt": at(it.updated_at),
    });
    let own = those(assignments, |row| row.partner_id == Some(it.id), |row| row.id.to_string());
    Row {
        deleted: it.deleted_at.is_some(),
        sort_key: it.sort_key.clone(),
        words: it.words.clone(),
        related: BTreeMap::from([("assignments", own)]),
        ..row("Partner", it.id.to_string(), it.id.0.as_u128(), values)
    }
}

fn account(it: &account::Model, links: &[link::Model]) -> Row {
    let values = json!({
        "id": it.id.to_string(),
        "name": it.name,
        "primaryDomain": it.primary_domain_key,
        "remoteId": it.remote_id,
        "createdAt": at(it.created_at),
        "updatedAt": at(it.updated_at),
    });
    let own = those(links, |link| link.account_id == it.id, |link| link.account_contact_id.to_string());
    Row {
        deleted: it.deleted_at.is_some(),
        sort_key: it.sort_key.clone(),
        words: it.words.clone(),
        related: BTreeMap::from([("contacts", own)]),
        ..row("Account", it.id.to_string(), it.id.0.as_u128(), values)
    }
}

fn person(
    it: &internal_contact::Model,
    assignments: &[assignment::Model],
    partners: &[partner::Model],
) -> Row {
    let values = json!({
        "id": it.id.to_string(),
        "kind": "INTERNAL",
        "email": it.email_key,
        "givenName": it.given_name,
        "familyName": it.family_name,
        "name": it.name,
        "phone": it.phone,
        "jobTitle": it.job_title,
        "createdAt": at(it.created_at),
        "updatedAt": at(it.updated_at),
    });
    let own = those(assignments, |row| row.internal_contact_id == it.id, |row| row.id.to_string());
    let is_at = |partner: &&partner::Model| {
        let mut held =
            assignments.iter().filter(|row| row.deleted_at.is_none() && row.internal_contact_id == it.id);
        partner.deleted_at.is_none() && held.any(|row| row.partner_id == Some(partner.id))
    };
    let companies = partners.iter().filter(is_at).map(|partner| partner.words.as_str());
    Row {
        deleted: it.deleted_at.is_some(),
        sort_key: it.sort_key.clone(),
        words: [it.words.as_str()].into_iter().chain(companies).collect::<Vec<_>>().join(" "),
        related: BTreeMap::from([("assignments", own)]),
        ..row("InternalContact", it.id.to_string(), it.id.0.as_u128(), values)
    }
}

fn assignment(it: &assignment::Model) -> Row {
    let partner = it.partner_id.map(|id| id.to_string());
    let person = it.internal_contact_id.to_string();
    let values = json!({
        "id": it.id.to_string(),
        "internalRole": it.internal_role,
        "floating": partner.is_none(),
        "partnerId": partner,
        "internalContactId": person,
        "remoteId": it.remote_id,
        "createdAt": at(it.created_at),
        "updatedAt": at(it.updated_at),
    });
    let related = [("partner", Related::One(partner)), ("internalContact", Related::One(Some(person)))];
    Row {
        deleted: it.deleted_at.is_some(),
        related: related.into(),
        ..row("InternalContactAssignment", it.id.to_string(), it.id.0.as_u128(), values)
    }
}

fn contact(
    it: &account_contact::Model,
    (links, accounts): (&[link::Model], &[account::Model]),
    custom: &[custom_field_value::Model],
) -> Row {
    let custom = custom.iter().filter(|value| value.account_contact_id == it.id);
    let custom =
        custom.map(|value| (value.custom_field_id.to_string(), value.value.value().expect("JSON").clone()));
    let contact_type = it.contact_type_id.to_string();
    let values = json!({
        "id": it.id.to_string(),
        "kind": "ACCOUNT",
        "email": it.email_key,
        "firstName": it.first_name,
        "lastName": it.last_name,
        "phone": it.phone,
        "contactTypeId": contact_type,
        "customFieldValues": custom.collect::<Map<_, _>>(),
        "remoteId": it.remote_id,
        "createdAt": at(it.created_at),
        "updatedAt": at(it.updated_at),
    });
    let own = those(links, |link| link.account_contact_id == it.id, |link| link.account_id.to_string());
    let is_at = |account: &&account::Model| {
        let mut held = links.iter().filter(|link| link.account_contact_id == it.id);
        account.deleted_at.is_none() && held.any(|link| link.account_id == account.id)
    };
    let companies = accounts.iter().filter(is_at).map(|account| account.words.as_str());
    Row {
        deleted: it.deleted_at.is_some(),
        sort_key: it.sort_key.clone(),
        words: [it.words.as_str()].into_iter().chain(companies).collect::<Vec<_>>().join(" "),
        related: [("contactType", Related::One(Some(contact_type))), ("accounts", own)].into(),
        ..row("AccountContact", it.id.to_string(), it.id.0.as_u128(), values)
    }
}

fn contact_type(it: &contact_type::Model) -> Row {
    let values = json!({
        "id": it.id.to_string(),
        "name": it.name,
        "isDefault": it.is_default,
        "createdAt": at(it.created_at),
        "updatedAt": at(it.updated_at),
    });
    row("ContactType", it.id.to_string(), it.id.0.as_u128(), values)
}

fn custom_field(it: &custom_field::Model) -> Row {
    let values = json!({
        "id": it.id.to_string(),
        "key": it.key,
        "label": it.label,
        "fieldType": it.field_type,
        "isRequired": it.is_required,
        "archived": it.archived_at.is_some(),
        "createdAt": at(it.created_at),
        "updatedAt": at(it.updated_at),
    });
    row("CustomField", it.id.to_string(), it.id.0.as_u128(), values)
}

fn card(it: &organization_contact::Model) -> Row {
    let values = json!({
        "id": it.id.to_string(),
        "kind": "ORGANIZATION",
        "type": it.r#type,
        "email": it.email_key,
        "name": it.name,
        "department": it.department,
        "zipcode": it.zipcode,
        "city": it.city,
        "phone": it.phone,
        "mobile": it.mobile,
        "purchaseOrderNumber": it.purchase_order_number,
        "createdAt": at(it.created_at),
        "updatedAt": at(it.updated_at),
    });
    Row {
        deleted: it.deleted_at.is_some(),
        sort_key: it.sort_key.clone(),
        words: it.words.clone(),
        ..row("OrganizationContact", it.id.to_string(), u128::from(it.id.0.unsigned_abs()), values)
    }
}

/// Changes have no id of their own; their place in the record is unique as well.
fn change(it: &change::Model) -> Row {
    let values = json!({
        "entityId": it.entity_id,
        "kind": constant(&it.entity_kind),
        "action": constant(&it.action),
        "actor": it.actor,
        "requestId": it.request_id,
        "at": at(it.at),
    });
    row("Change", it.seq.to_string(), u128::from(it.seq.unsigned_abs()), values)
}
