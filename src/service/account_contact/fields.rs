//! The fields of account contacts: one check for every way in, and what becomes of a row by them.

use serde_json::{Value as Json, json};

use crate::{
    entity::{StoredJson, account_contact::ActiveModel},
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
pub struct Fields {
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

    /// Puts the fields into a row that was read or is new.
    pub(super) fn write(self, row: &mut ActiveModel) -> Diff {
        let mut diff = Diff::default();
        diff.set("firstName", &mut row.first_name, self.first_name);
        diff.set("lastName", &mut row.last_name, self.last_name);
        let email = self.email.map(|email| (email.text, email.key));
        diff.set_email(&mut row.email, &mut row.email_key, email);
        diff.set("phone", &mut row.phone, self.phone);
        diff.set("avatarUrl", &mut row.avatar_url, self.avatar_url);
        diff.set("metadata", &mut row.metadata, self.metadata);
        diff.set("remoteId", &mut row.remote_id, self.remote_id);
        diff
    }
}
