//! Which contact a row of a bulk write means.
//!
//! An address that a row gives up can be taken by another one, before or after it: contacts can exchange their addresses.

use std::collections::HashMap;

use sea_orm::ExprTrait;

use super::{Fields, UpsertAccountContact};
use crate::{
    entity::{
        account_contact::{Column, Entity, Model},
        id::AccountContactId,
    },
    error::{AppResult, EMAIL_TAKEN, InputErrorCode},
    service::{
        WriteContext,
        bulk::{Checked, DuplicateTracker, Exchange, is_repeated},
        input::Checks,
        reading,
    },
};

/// The contacts that the rows may mean, by what finds them.
pub(super) struct ExistingRows {
    contacts: HashMap<AccountContactId, Model>,
    by_remote_id: HashMap<String, AccountContactId>,
    by_email: HashMap<String, AccountContactId>,
    /// The addresses that rows exchange.
    pub(super) exchange: Exchange<String, Entity>,
    /// What earlier rows were about.
    remote_ids: DuplicateTracker<String>,
    emails: DuplicateTracker<String>,
    meant: DuplicateTracker<AccountContactId>,
}

/// What a row means.
pub(super) enum RowMatch {
    /// A contact that is there.
    Known(Box<Model>),
    /// A new one.
    New,
    /// Unknown: the row is rejected.
    Unknown,
}

impl RowMatch {
    /// The contact, if it is there.
    pub(super) fn known(&self) -> Option<&Model> {
        match self {
            Self::Known(row) => Some(row),
            Self::New | Self::Unknown => None,
        }
    }
}

impl ExistingRows {
    /// Finds and locks the contacts.
    pub(super) async fn read(
        ctx: &WriteContext<'_>,
        rows: &[Checked<'_, UpsertAccountContact>],
        exchange: Exchange<String, Entity>,
    ) -> AppResult<Self> {
        let remote_ids = rows.iter().filter_map(|row| row.row.remote_id()).map(str::to_owned);
        let emails = rows.iter().filter_map(|row| row.row.email_key()).map(str::to_owned);
        let wanted = ctx.keys_in(Column::RemoteId, remote_ids).or(ctx.keys_in(Column::EmailKey, emails));
        let found = reading::lock_where::<Entity>(ctx, wanted).await?;
        let mut directory = Self {
            contacts: HashMap::with_capacity(found.len()),
            by_remote_id: HashMap::new(),
            by_email: HashMap::new(),
            exchange: Exchange::default(),
            remote_ids: DuplicateTracker::default(),
            emails: DuplicateTracker::default(),
            meant: DuplicateTracker::default(),
        };
        for row in found {
            directory.enter(&row);
            directory.contacts.insert(row.id, row);
        }
        let mut exchange = exchange;
        exchange.release(rows.iter().filter_map(|row| directory.released_by(row)));
        directory.exchange = exchange;
        Ok(directory)
    }

    /// The address that the contact with a row's remote id gives up by it.
    fn released_by(&self, row: &Checked<'_, UpsertAccountContact>) -> Option<(String, AccountContactId)> {
        let is_written = row.checks.passed() && !row.input.only_if_new;
        let contact = self.by_remote_id.get(row.row.remote_id().filter(|_| is_written)?)?;
        let old = self.contacts.get(contact)?;
        row.row.email_key().filter(|email| *email != old.email_key)?;
        Some((old.email_key.clone(), old.id))
    }

    /// The ids of the contacts that were found.
    pub(super) fn ids(&self) -> impl Iterator<Item = AccountContactId> {
        self.contacts.keys().copied()
    }

    /// What a row means; reports a row that another one was, and an email address that somebody else has.
    pub(super) fn row_match(
        &mut self,
        checks: &mut Checks,
        index: usize,
        input: &UpsertAccountContact,
        fields: &Fields,
    ) -> RowMatch {
        let (remote_id, email) = (fields.remote_id(), fields.email_key());
        let is_refused = input.remote_id().is_some() != remote_id.is_some() || email == Some("");
        let remote_ids = (&mut self.remote_ids, remote_id);
        let emails = (&mut self.emails, "email", email.map(str::to_owned));
        if is_refused || is_repeated(checks, index, remote_ids, emails) {
            return RowMatch::Unknown;
        }
        let of_email = email.and_then(|email| Some((email, *self.by_email.get(email)?)));
        let of_remote_id = remote_id.map(|id| self.by_remote_id.get(id).copied());
        let of_email = of_email
            .filter(|(email, holder)| {
                let is_other = of_remote_id.flatten() != Some(*holder);
                !(is_other && self.exchange.take(*email, *holder))
            })
            .map(|(_, holder)| holder);
        let (field, found) = match of_remote_id {
            Some(Some(known)) if of_email.is_some_and(|other| other != known) => return refuse_taken(checks),
            Some(Some(known)) => ("remoteId", Some(known)),
            Some(None) if self.has_remote_id(of_email) => return refuse_taken(checks),
            Some(None) => ("email", of_email),
            None if email.is_none() => {
                let message = "Set remoteId or email to identify the contact.";
                checks.report("email", InputErrorCode::Required, message);
                return RowMatch::Unknown;
            }
            None => ("email", of_email),
        };
        let Some(found) = found else { return RowMatch::New };
        self.meant.check(checks, field, found, index);
        match self.contacts.get(&found) {
            Some(row) => RowMatch::Known(Box::new(row.clone())),
            None => RowMatch::Unknown,
        }
    }

    fn has_remote_id(&self, contact: Option<AccountContactId>) -> bool {
        contact.and_then(|id| self.contacts.get(&id)).is_some_and(|row| row.remote_id.is_some())
    }

    /// Notes a contact that a row has made or changed, and the email address it may have given up.
    pub(super) fn put(&mut self, old_email: Option<&str>, row: &Model) {
        if let Some(old) = old_email
            && self.by_email.get(old) == Some(&row.id)
        {
            self.by_email.remove(old);
        }
        self.enter(row);
    }

    fn enter(&mut self, row: &Model) {
        self.by_email.insert(row.email_key.clone(), row.id);
        if let Some(remote_id) = &row.remote_id {
            self.by_remote_id.insert(remote_id.clone(), row.id);
        }
    }
}

fn refuse_taken(checks: &mut Checks) -> RowMatch {
    checks.report("email", InputErrorCode::Taken, EMAIL_TAKEN);
    RowMatch::Unknown
}
