//! What becomes of each row of a bulk write of account contacts.

use std::collections::{HashMap, HashSet};

use sea_orm::IntoActiveModel;
use serde_json::{Map, Value as Json, json};

use super::{
    Fields, SideEffects, UpsertAccountContact,
    existing_rows::{ExistingRows, RowMatch},
};
use crate::{
    entity::{
        StoredJson, account,
        account_contact::{ActiveModel, Entity, Model},
        id::{AccountContactId, AccountId, ContactTypeId, CustomFieldId},
    },
    error::{AppError, AppResult, InputErrorCode},
    service::{
        WriteContext,
        account_contact::{links, note_accounts_and_values},
        bulk::{Checked, Exchange, Step},
        change::Diff,
        contact_type::HeldTypes,
        custom_field::{self, HeldFields},
        input::Checks,
        reading, record,
    },
};

/// What the rows name and mean, read and held before the first of them is planned: types, accounts, contacts, fields, in
/// the order in which every writer holds them.
pub(super) struct Planner<'a> {
    ctx: &'a WriteContext<'a>,
    types: HeldTypes,
    /// Those of the accounts that are there.
    accounts: HashSet<AccountId>,
    pub(super) contacts: ExistingRows,
    links: HashMap<AccountContactId, Vec<AccountId>>,
    fields: HeldFields,
    values: HashMap<AccountContactId, HashMap<CustomFieldId, StoredJson>>,
    /// What is to be written with the rows that were planned.
    pub(super) side_effects: SideEffects,
}

/// What a row says besides the fields of the contact itself, cleaned.
struct Related {
    contact_type: Option<ContactTypeId>,
    accounts: Option<Vec<AccountId>>,
    values: Vec<(CustomFieldId, Json)>,
}

impl<'a> Planner<'a> {
    pub(super) async fn read(
        ctx: &'a WriteContext<'a>,
        rows: &[Checked<'_, UpsertAccountContact>],
        exchange: Exchange<String, Entity>,
    ) -> AppResult<Self> {
        let inputs = || rows.iter().map(|row| row.input);
        let types = inputs().filter_map(|it| it.contact_type_id.as_deref());
        let types = HeldTypes::read(ctx, types).await?;
        let accounts = inputs().flat_map(|it| it.account_ids.iter().flatten());
        let accounts: HashSet<AccountId> = accounts.filter_map(|id| id.parse().ok()).collect();
        let accounts = reading::lock_active::<account::Entity>(ctx, accounts).await?;
        let contacts = ExistingRows::read(ctx, rows, exchange).await?;
        let with_accounts = inputs().any(|it| it.account_ids.is_some());
        let linked = contacts.ids().filter(|_| with_accounts).collect();
        let links = links::of_contacts(ctx, linked).await?;
        let values = || inputs().flat_map(|it| &it.custom_field_values);
        let fields = HeldFields::read(ctx, values()).await?;
        let with_values = values().next().is_some();
        let known = contacts.ids().filter(|_| with_values);
        let values = custom_field::stored_of(ctx, known).await?;
        Ok(Self {
            ctx,
            types,
            accounts,
            contacts,
            links,
            fields,
            values,
            side_effects: SideEffects::default(),
        })
    }

    /// Plans the next row.
    pub(super) fn step(
        &mut self,
        index: usize,
        row: &Checked<'_, UpsertAccountContact>,
    ) -> AppResult<Step<Entity>> {
        let Checked { input, row: fields, checks } = row;
        let mut checks = checks.clone();
        let row_match = self.contacts.row_match(&mut checks, index, input, fields);
        if matches!(row_match, RowMatch::New) {
            fields.check_complete(&mut checks);
        }
        let is_unreadable = row_match.known().is_some_and(|old| old.metadata.value().is_none());
        if is_unreadable && fields.metadata.is_none() && !input.only_if_new {
            // The rows of a bulk write are written whole.
            let message = "The stored metadata cannot be read. Send metadata to replace it.";
            checks.report("metadata", InputErrorCode::Conflict, message);
        }
        let related = self.related(&mut checks, input, &row_match);
        let fields = fields.clone();
        match row_match {
            RowMatch::New if checks.passed() => self.create(fields, related),
            RowMatch::Known(old) if checks.passed() && input.only_if_new => {
                let row = old.clone().into_active_model();
                Step::changed(self.ctx, *old, row, Diff::default())
            }
            RowMatch::Known(old) if checks.passed() => self.change(*old, fields, related),
            _ => Ok(Step::failed(checks)),
        }
    }

    fn related(&self, checks: &mut Checks, input: &UpsertAccountContact, row_match: &RowMatch) -> Related {
        let contact_type = input.contact_type_id.as_deref();
        let contact_type = contact_type.and_then(|id| self.types.named(checks, id));
        let accounts = input.account_ids.as_deref();
        let accounts = accounts.map(|ids| links::check(checks, ids, |id| self.accounts.contains(&id)));
        let values = match row_match {
            RowMatch::New => self.fields.check_new(checks, &input.custom_field_values),
            RowMatch::Known(_) | RowMatch::Unknown => {
                let none = HashMap::new();
                let kept = row_match.known().and_then(|old| self.values.get(&old.id)).unwrap_or(&none);
                let values = self.fields.check_changes(checks, kept, &input.custom_field_values);
                values.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
            }
        };
        Related { contact_type, accounts, values }
    }

    fn create(&mut self, mut fields: Fields, related: Related) -> AppResult<Step<Entity>> {
        let contact_type = related.contact_type.or(self.types.default());
        let contact_type =
            contact_type.ok_or_else(|| AppError::Internal("no default contact type".into()))?;
        fields.metadata.get_or_insert_with(|| json!({}).into());
        let mut row = ActiveModel::default();
        let mut diff = fields.write(&mut row);
        diff.set("contactTypeId", &mut row.contact_type_id, Some(contact_type));
        let accounts = related.accounts.unwrap_or_default();
        note_accounts_and_values(&mut diff, &accounts, &related.values);
        let row = record::new_row::<Entity>(self.ctx, row)?;
        self.side_effects.linked.extend(accounts.into_iter().map(|account| (row.id, account)));
        self.side_effects.values.extend(related.values.into_iter().map(|value| (row.id, value)));
        self.contacts.put(None, &row);
        Ok(Step::created(row, diff))
    }

    fn change(&mut self, old: Model, fields: Fields, related: Related) -> AppResult<Step<Entity>> {
        let mut row = old.clone().into_active_model();
        let mut diff = fields.write(&mut row);
        diff.set("contactTypeId", &mut row.contact_type_id, related.contact_type);
        if let Some(accounts) = related.accounts {
            self.relink(&old, accounts, &mut diff);
        }
        self.set_values(&old, related.values, &mut diff);
        let email = old.email_key.clone();
        let step = Step::changed(self.ctx, old, row, diff)?;
        if let Some(new) = step.written() {
            self.contacts.put(Some(&email), new);
        }
        Ok(step)
    }

    /// Gives a contact these accounts and no others. Links to deleted accounts are not seen and stay.
    fn relink(&mut self, old: &Model, mut new: Vec<AccountId>, diff: &mut Diff) {
        let before = self.links.remove(&old.id).unwrap_or_default();
        new.sort_unstable();
        if before == new {
            return;
        }
        let link = |account: &AccountId| (old.id, *account);
        self.side_effects.unlinked.extend(before.iter().filter(|id| !new.contains(id)).map(link));
        self.side_effects.linked.extend(new.iter().filter(|id| !before.contains(id)).map(link));
        links::note(diff, &before, &new);
    }

    /// Gives a contact values in the fields that they name.
    fn set_values(&mut self, old: &Model, values: Vec<(CustomFieldId, Json)>, diff: &mut Diff) {
        let mut kept = self.values.remove(&old.id).unwrap_or_default();
        let (mut before, mut after) = (Map::new(), Map::new());
        for (field, value) in values {
            let kept = kept.remove(&field);
            let kept = kept.as_ref().and_then(StoredJson::value);
            if kept == Some(&value) {
                continue;
            }
            before.insert(field.to_string(), kept.cloned().unwrap_or_default());
            after.insert(field.to_string(), value.clone());
            self.side_effects.values.push((old.id, (field, value)));
        }
        if !after.is_empty() {
            diff.note("customFieldValues", before, after);
        }
    }
}
