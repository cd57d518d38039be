//! The fields of account contacts: one check for every way in, and what becomes of a row by them.

use sea_orm::Set;
use serde_json::{Value as Json, json};

use crate::{
    auth::RequestContext,
    entity::{
        StoredJson,
        account_contact::{ActiveModel, Model},
        id::{AccountContactId, ContactTypeId, OrganizationId},
    },
    service::{
        Patch,
        change::Diff,
        input::{Checks, Email},
    },
};

/// What an input says of a contact's fields.
pub(super) struct FieldInputs<'a> {
    pub(super) first_name: Patch<&'a str>,
    pub(super) last_name: Patch<&'a str>,
    pub(super) email: Patch<&'a str>,
    pub(super) phone: Patch<&'a str>,
    pub(super) avatar_url: Patch<&'a str>,
    pub(super) metadata: Patch<&'a Json>,
    pub(super) remote_id: Patch<&'a str>,
}

/// The same, cleaned; `None` keeps what is there.
#[derive(Clone)]
pub(in crate::service) struct Fields {
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<Option<String>>,
    pub(super) email: Option<Email>,
    pub(super) phone: Option<Option<String>>,
    pub(super) avatar_url: Option<Option<String>>,
    pub(super) metadata: Option<StoredJson>,
    pub(super) remote_id: Option<Option<String>>,
}

impl Fields {
    pub(super) fn check(checks: &mut Checks, given: &FieldInputs<'_>) -> Self {
        Self {
            first_name: checks.required_line_patch("firstName", &given.first_name),
            last_name: checks.line_patch("lastName", &given.last_name),
            email: checks.required_email_patch("email", &given.email),
            phone: checks.phone_patch("phone", &given.phone),
            avatar_url: checks.url_patch("avatarUrl", &given.avatar_url),
            metadata: match given.metadata {
                Patch::Keep => None,
                Patch::Clear => Some(json!({}).into()),
                Patch::Set(value) => {
                    checks.metadata("metadata", value);
                    Some(value.clone().into())
                }
            },
            remote_id: checks.line_patch("remoteId", &given.remote_id),
        }
    }

    /// Reports what a new contact lacks.
    pub(super) fn check_complete(&self, checks: &mut Checks) {
        checks.needed("firstName", self.first_name.as_ref());
        checks.needed("email", self.email.as_ref());
    }

    /// The key of the email address; blank when it was refused.
    pub(super) fn email_key(&self) -> Option<&str> {
        self.email.as_ref().map(|email| email.key.as_str())
    }

    pub(super) fn remote_id(&self) -> Option<&str> {
        self.remote_id.as_ref()?.as_deref()
    }

    /// The new contact that they make.
    pub(super) fn create(
        self,
        ctx: &RequestContext,
        organization: OrganizationId,
        contact_type: ContactTypeId,
    ) -> (Model, Diff) {
        let email = self.email.unwrap_or_default();
        let row = Model {
            id: AccountContactId(ctx.new_id()),
            org_id: organization,
            first_name: self.first_name.unwrap_or_default(),
            last_name: self.last_name.flatten(),
            email: email.text,
            email_key: email.key,
            phone: self.phone.flatten(),
            avatar_url: self.avatar_url.flatten(),
            contact_type_id: contact_type,
            metadata: self.metadata.unwrap_or_else(|| json!({}).into()),
            remote_id: self.remote_id.flatten(),
            sort_key: String::new(),
            words: String::new(),
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
            deleted_at: None,
        };
        let diff = Diff::default()
            .created("firstName", &row.first_name)
            .created("lastName", &row.last_name)
            .created("email", &row.email)
            .created("phone", &row.phone)
            .created("avatarUrl", &row.avatar_url)
            .created("contactTypeId", row.contact_type_id.to_string())
            .created("metadata", &row.metadata)
            .created("remoteId", &row.remote_id);
        (row, diff)
    }

    /// What they and the type change in a contact.
    pub(super) fn change(self, row: &mut ActiveModel, contact_type: Option<ContactTypeId>) -> Diff {
        let mut diff = Diff::default();
        diff.set("firstName", &mut row.first_name, self.first_name);
        diff.set("lastName", &mut row.last_name, self.last_name);
        if let Some(Email { text, key }) = self.email {
            diff.set("email", &mut row.email, Some(text));
            row.email_key.set_if_not_equals(key);
        }
        diff.set("phone", &mut row.phone, self.phone);
        diff.set("avatarUrl", &mut row.avatar_url, self.avatar_url);
        diff.set("metadata", &mut row.metadata, self.metadata);
        diff.set("remoteId", &mut row.remote_id, self.remote_id);
        if let (Some(new), Some(old)) = (contact_type, row.contact_type_id.try_as_ref().copied())
            && new != old
        {
            diff.note("contactTypeId", old.to_string(), new.to_string());
            row.contact_type_id = Set(new);
        }
        diff
    }
}
