//! Contact types and custom fields: few rows, each written by a service of its own.

use serde_json::Value as Json;

use super::{
    build::{Fault, choice, required},
    write::{Outcome, Writer},
};
use crate::{
    entity::custom_field::{FieldType, Model as CustomField},
    error::{AppError, AppResult},
    service::{
        Patch,
        bulk::Status,
        contact_type::{self, CreateContactType},
        custom_field::{self, CreateCustomField, UpdateCustomField},
        retried,
    },
    transfer::{Kind, columns::Values},
};

/// What a row says about a custom field.
struct Definition {
    key: String,
    label: Option<String>,
    field_type: Option<FieldType>,
    options: Option<Vec<String>>,
    is_required: Option<bool>,
    is_archived: Option<bool>,
}

impl Definition {
    fn read(values: &Values) -> Result<Self, Fault> {
        let field_type = values.text("fieldType");
        Ok(Self {
            key: values.text("key").ok_or_else(|| required("key"))?,
            label: values.text("label"),
            field_type: field_type.map(|name| choice("fieldType", &name)).transpose()?,
            options: values.list("options"),
            is_required: flag(values, "isRequired")?,
            is_archived: flag(values, "isArchived")?,
        })
    }

    /// What is to change of the field that is there, apart from being archived.
    fn changes(&self, old: &CustomField) -> Option<UpdateCustomField> {
        let changes = UpdateCustomField {
            label: Patch::set_or_keep(self.label.clone().filter(|label| *label != old.label)),
            options: Patch::set_or_keep(
                self.options
                    .clone()
                    .filter(|options| old.options.value() != Some(&Json::from(options.clone()))),
            ),
            is_required: Patch::set_or_keep(self.is_required.filter(|flag| *flag != old.is_required)),
            expected_version: None,
        };
        let is_unchanged = matches!(
            (&changes.label, &changes.options, &changes.is_required),
            (Patch::Keep, Patch::Keep, Patch::Keep)
        );
        (!is_unchanged).then_some(changes)
    }
}

fn flag(values: &Values, field: &'static str) -> Result<Option<bool>, Fault> {
    values.flag(field).map_err(|reason| (field.to_owned(), reason))
}

impl Writer<'_> {
    /// Writes rows of contact types or custom fields.
    pub(super) async fn write_settings(&mut self, kind: Kind, rows: &[&Values]) -> AppResult<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(rows.len());
        for row in rows {
            let written = match kind {
                Kind::ContactTypes => self.write_contact_type(row).await,
                _ => self.write_custom_field(row).await,
            };
            outcomes.push(match written {
                Ok(outcome) => outcome,
                Err(AppError::Input(errors)) => Outcome::refused(&errors),
                Err(error) => return Err(error),
            });
        }
        // What follows refers to them.
        self.read_lookups().await?;
        Ok(outcomes)
    }

    async fn write_contact_type(&self, values: &Values) -> AppResult<Outcome> {
        let (name, is_default) = match (values.text("name"), flag(values, "isDefault")) {
            (None, _) => return Ok(Outcome::failed(required("name"))),
            (_, Err(fault)) => return Ok(Outcome::failed(fault)),
            (Some(name), Ok(is_default)) => (name, is_default == Some(true)),
        };
        let known = self.lookups.contact_type(&name);
        let status = match known {
            None => Status::Created,
            Some(known) if is_default && !known.is_default => Status::Updated,
            Some(_) => Status::Unchanged,
        };
        if self.is_dry_run || status == Status::Unchanged {
            return Ok(Outcome::of(status));
        }
        let (db, request) = (&self.session.db, self.session.request());
        match known {
            Some(known) => {
                let id = known.id.to_string();
                retried(|| contact_type::set_default(db, &request, &id, None)).await?;
            }
            None => {
                let input = CreateContactType { name, is_default, idempotency_key: None };
                retried(|| contact_type::create(db, &request, &input)).await?;
            }
        }
        Ok(Outcome::of(status))
    }

    async fn write_custom_field(&self, values: &Values) -> AppResult<Outcome> {
        let given = match Definition::read(values) {
            Ok(given) => given,
            Err(fault) => return Ok(Outcome::failed(fault)),
        };
        match self.lookups.custom_fields.get(&given.key) {
            Some(old) => self.change_custom_field(old, &given).await,
            None => self.create_custom_field(given).await,
        }
    }

    async fn create_custom_field(&self, given: Definition) -> AppResult<Outcome> {
        let Some(field_type) = given.field_type else {
            return Ok(Outcome::failed(required("fieldType")));
        };
        if self.is_dry_run {
            return Ok(Outcome::of(Status::Created));
        }
        let input = CreateCustomField {
            label: given.label.unwrap_or_else(|| given.key.clone()),
            key: given.key,
            field_type,
            options: given.options.unwrap_or_default(),
            is_required: given.is_required.unwrap_or_default(),
            idempotency_key: None,
        };
        let (db, request) = (&self.session.db, self.session.request());
        let field = retried(|| custom_field::create(db, &request, &input)).await?;
        if given.is_archived == Some(true) {
            self.archive(&field, true).await?;
        }
        Ok(Outcome::of(Status::Created))
    }

    async fn change_custom_field(&self, old: &CustomField, given: &Definition) -> AppResult<Outcome> {
        if given.field_type.is_some_and(|field_type| field_type != old.field_type) {
            let reason = "The type of a custom field cannot change.";
            return Ok(Outcome::failed(("fieldType".to_owned(), reason.to_owned())));
        }
        let changes = given.changes(old);
        let archived = given.is_archived.filter(|archived| *archived != old.archived_at.is_some());
        if changes.is_none() && archived.is_none() {
            return Ok(Outcome::of(Status::Unchanged));
        }
        if !self.is_dry_run {
            let (db, request, id) = (&self.session.db, self.session.request(), old.id.to_string());
            if let Some(changes) = &changes {
                retried(|| custom_field::update(db, &request, &id, changes)).await?;
            }
            if let Some(archived) = archived {
                self.archive(old, archived).await?;
            }
        }
        Ok(Outcome::of(Status::Updated))
    }

    async fn archive(&self, field: &CustomField, archived: bool) -> AppResult<()> {
        let (db, request, id) = (&self.session.db, self.session.request(), field.id.to_string());
        retried(|| custom_field::archive(db, &request, &id, archived, None)).await?;
        Ok(())
    }
}
