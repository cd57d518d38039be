//! The inputs of the services from the values of rows.

use std::collections::HashMap;

use sea_orm::Iterable;
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::hex;
use crate::{
    entity::{
        contact_type,
        custom_field::{self, FieldType},
        organization_contact::OrganizationContactType,
    },
    service::{
        Patch,
        account::UpsertAccount,
        account_contact::UpsertAccountContact,
        country,
        custom_field::CustomFieldInput,
        internal_contact::{Profile, UpsertInternalContact},
        internal_contact_assignment::UpsertInternalContactAssignment,
        organization_contact::Card,
        partner::UpsertPartner,
    },
    transfer::{
        Kind,
        columns::{Values, truth},
    },
};

/// What is wrong with a field, and the field.
pub(super) type Fault = (String, String);

/// What the rows refer to by name.
#[derive(Default)]
pub(super) struct Lookups {
    /// The contact types of the organization.
    pub(super) contact_types: Vec<contact_type::Model>,
    /// The custom fields of the organization, by key.
    pub(super) custom_fields: HashMap<String, custom_field::Model>,
    /// The ids of the partners or accounts of a batch, by remote id.
    pub(super) companies: HashMap<String, String>,
}

impl Lookups {
    /// The contact type with this name, in any case if there is none in this one.
    pub(super) fn contact_type(&self, name: &str) -> Option<&contact_type::Model> {
        let types = || self.contact_types.iter();
        let in_any_case = || types().find(|row| row.name.to_lowercase() == name.to_lowercase());
        types().find(|row| row.name == name).or_else(in_any_case)
    }
}

/// The remote id of a row that gives none: rows that say the same are the same record.
fn hashed_id(kind: Kind, values: &Values) -> String {
    let mut hash = Sha256::new();
    hash.update(kind.name());
    hash.update(values.canonical());
    format!("import-{}", &hex(&hash.finalize())[..32])
}

pub(super) fn partner(values: &Values) -> UpsertPartner {
    UpsertPartner {
        remote_id: values.text("remoteId").unwrap_or_else(|| hashed_id(Kind::Partners, values)),
        name: values.text("name"),
    }
}

pub(super) fn account(values: &Values) -> UpsertAccount {
    UpsertAccount {
        remote_id: values.text("remoteId").unwrap_or_else(|| hashed_id(Kind::Accounts, values)),
        name: values.text("name"),
        primary_domain: values.text("primaryDomain").map(|domain| host(&domain)),
    }
}

/// The host of a web address; a domain stays as it is.
fn host(text: &str) -> String {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    host.strip_prefix("www.").unwrap_or(host).to_owned()
}

pub(super) fn assignment(
    values: &Values,
    lookups: &Lookups,
) -> Result<UpsertInternalContactAssignment, Fault> {
    let role = values.text("internalRole").ok_or_else(|| required("internalRole"))?;
    let partner_id = match values.text("partnerRemoteId") {
        Some(remote_id) => Some(company(lookups, "partnerRemoteId", &remote_id)?),
        None => values.text("partnerId"),
    };
    Ok(UpsertInternalContactAssignment {
        remote_id: values.text("remoteId"),
        email: values.text("email").ok_or_else(|| required("email"))?,
        internal_role: choice("internalRole", &role)?,
        partner_id,
        profile: profile(values),
    })
}

fn profile(values: &Values) -> Profile {
    Profile {
        given_name: values.text("givenName"),
        family_name: values.text("familyName"),
        name: values.text("name"),
        phone: values.text("phone"),
        job_title: values.text("jobTitle"),
    }
}

pub(super) fn internal_contact(values: &Values) -> UpsertInternalContact {
    UpsertInternalContact {
        remote_id: values.text("remoteId"),
        email: values.text("email"),
        profile: profile(values),
    }
}

pub(super) fn account_contact(values: &Values, lookups: &Lookups) -> Result<UpsertAccountContact, Fault> {
    let mut account_ids = values.list("accountIds");
    for remote_id in values.list("accountRemoteIds").unwrap_or_default() {
        let id = company(lookups, "accountRemoteIds", &remote_id)?;
        let ids = account_ids.get_or_insert_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let contact_type_id = values.text("contactType").map(|name| {
        // An id is taken as it is.
        lookups.contact_type(&name).map_or(name, |row| row.id.to_string())
    });
    let custom_field_values = values
        .custom
        .iter()
        .map(|(key, value)| custom_field(lookups, key, value))
        .collect::<Result<_, _>>()?;
    Ok(UpsertAccountContact {
        remote_id: values.text("remoteId"),
        email: values.text("email"),
        first_name: values.text("firstName"),
        last_name: values.text("lastName"),
        phone: values.text("phone"),
        contact_type_id,
        avatar_url: values.text("avatarUrl"),
        account_ids,
        custom_field_values,
        metadata: (!values.metadata.is_empty()).then(|| Json::Object(values.metadata.clone())),
        only_if_new: false,
    })
}

/// An organization contact and its remote id.
pub(super) fn organization_contact(
    values: &Values,
) -> Result<(String, OrganizationContactType, Card), Fault> {
    let kind = values.text("type").ok_or_else(|| required("type"))?;
    let number = kind.parse().ok().and_then(OrganizationContactType::of_number);
    let kind = number.map_or_else(|| choice("type", &kind), Ok)?;
    let text = |field| Patch::set_or_keep(values.text(field));
    let names = ["givenName", "familyName"].into_iter().filter_map(|field| values.text(field));
    let names = names.collect::<Vec<_>>().join(" ");
    let country = values.text("country").map(|country| country_id(&country)).transpose()?;
    let card = Card {
        name: Patch::set_or_keep(
            values.text("name").or_else(|| Some(names).filter(|names| !names.is_empty())),
        ),
        title: text("title"),
        department: text("department"),
        street: text("street"),
        secondary_address: text("secondaryAddress"),
        zipcode: text("zipcode"),
        city: text("city"),
        state: text("state"),
        country_id: Patch::set_or_keep(country),
        email: text("email"),
        phone: text("phone"),
        mobile: text("mobile"),
        purchase_order_number: text("purchaseOrderNumber"),
    };
    let remote_id = values.text("remoteId").unwrap_or_else(|| hashed_id(Kind::OrganizationContacts, values));
    Ok((remote_id, kind, card))
}

pub(super) fn required(field: &str) -> Fault {
    (field.to_owned(), "A value is required.".to_owned())
}

/// The id of a partner or an account, by its remote id.
fn company(lookups: &Lookups, field: &str, remote_id: &str) -> Result<String, Fault> {
    lookups.companies.get(remote_id).cloned().ok_or_else(|| {
        let reason =
            format!("No record with the remote id {remote_id:?}. Import partners and accounts first.");
        (field.to_owned(), reason)
    })
}

/// The choice with this name, in any case and with spaces or hyphens between words.
pub(super) fn choice<C: Iterable + Serialize>(field: &str, text: &str) -> Result<C, Fault> {
    let simple = |name: &str| name.to_uppercase().replace([' ', '-'], "_");
    let name = |choice: &C| match serde_json::to_value(choice) {
        Ok(Json::String(name)) => name,
        _ => String::new(),
    };
    C::iter().find(|choice| name(choice) == simple(text)).ok_or_else(|| {
        let names: Vec<String> = C::iter().map(|choice| name(&choice)).collect();
        (field.to_owned(), format!("Must be one of {}.", names.join(", ")))
    })
}

/// The numeric code of a country, which may be given so, or by its alpha-2 code or its name.
fn country_id(text: &str) -> Result<String, Fault> {
    let known = country::all().iter().find(|country| {
        text.parse::<i16>() == Ok(country.id)
            || country.iso_code.eq_ignore_ascii_case(text)
            || country.name.eq_ignore_ascii_case(text)
    });
    known.map(|country| country.id.to_string()).ok_or_else(|| {
        let reason = "Must be a country of ISO 3166: its numeric code, its alpha-2 code or its English name.";
        ("country".to_owned(), reason.to_owned())
    })
}

/// A value of a custom field: texts of a file become what the type of the field takes.
fn custom_field(lookups: &Lookups, key: &str, value: &Json) -> Result<CustomFieldInput, Fault> {
    let active = lookups.custom_fields.get(key).filter(|field| field.archived_at.is_none());
    let Some(field) = active else {
        return Err((format!("custom.{key}"), format!("There is no custom field with the key {key:?}.")));
    };
    let value = match value {
        Json::String(text) => typed(field.field_type, text.trim()),
        value => value.clone(),
    };
    Ok(CustomFieldInput { custom_field_id: field.id.to_string(), value })
}

fn typed(field_type: FieldType, text: &str) -> Json {
    match field_type {
        FieldType::Integer => text.parse::<i64>().map_or_else(|_| text.into(), Json::from),
        FieldType::Boolean => truth(text).map_or_else(|| text.into(), Json::from),
        FieldType::MultiChoice => {
            text.split(';').map(str::trim).filter(|choice| !choice.is_empty()).collect::<Vec<_>>().into()
        }
        _ => text.into(),
    }
}
