//! Reading input: one place that cleans and checks the values of every way in, and collects what is wrong with them.

use std::{borrow::Cow, str::FromStr};

use chrono::{DateTime, Datelike, Utc};
use serde_json::Value as Json;

use super::{Patch, json, text};
use crate::{
    auth::RequestContext,
    entity::organization_contact::OrganizationContactType,
    error::{AppError, AppResult, InputError, InputErrorCode},
};

/// The most characters a line of text may have.
const LINE: usize = 255;
/// The most characters an email address may have (RFC 5321, 4.5.3.1.3).
pub(super) const EMAIL: usize = 254;
/// The most characters a URL may have.
pub(super) const URL: usize = 2048;
/// The message for a text that is no URL of the web.
pub(super) const NO_WEB_ADDRESS: &str = "Must be an http or https URL, for example https://example.com/.";
/// The message for a text that is needed.
const BLANK: &str = "A value is required and must not be blank. Write at least one visible character.";
/// The most bytes that metadata may have, written without white space and its numbers without exponents.
const METADATA: usize = 16 * 1024;
const TOO_MUCH_METADATA: &str =
    "Must be at most 16 KiB of JSON. Numbers count with all their digits: 1e20 has 21.";
/// The most characters a purchase order number may have.
const PURCHASE_ORDER_NUMBER: usize = 50;

/// The moment that a text names, as databases keep it: to the microsecond, of no second 60, and of a year with four digits,
/// so that its text is less or greater as it is.
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    let time = DateTime::from_timestamp_micros(time.timestamp_micros())?;
    (0..=9999).contains(&time.year()).then_some(time)
}

pub use text::Email;

/// The errors found so far.
///
/// Every check returns the cleaned value. Where it has reported an error it returns a stand-in instead, which goes
/// nowhere: [`Checks::finish`] lets nothing pass that was refused.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    errors: Vec<InputError>,
    /// Whether email addresses may have letters beyond ASCII in front of the `@`.
    pub(super) smtputf8: bool,
}

/// A path in the input: a field, or a position in a list field and what is below it.
pub type Path = Vec<Cow<'static, str>>;

impl Checks {
    /// Checks of an input that may have email addresses.
    pub(super) fn of(ctx: &RequestContext) -> Self {
        Self { smtputf8: ctx.smtputf8, ..Self::default() }
    }

    /// Reports an error on a top-level field.
    pub fn report(
        &mut self,
        field: &'static str,
        code: InputErrorCode,
        message: impl Into<Cow<'static, str>>,
    ) {
        self.errors.push(InputError::on(field, code, message));
    }

    /// Reports an error deeper in the input.
    pub fn report_at(&mut self, path: Path, code: InputErrorCode, message: impl Into<Cow<'static, str>>) {
        self.errors.push(InputError::at(path, code, message));
    }

    /// Takes in what other checks have found.
    pub fn append(&mut self, mut other: Self) {
        self.errors.append(&mut other.errors);
    }

    /// Whether nothing was found so far.
    pub fn passed(&self) -> bool {
        self.errors.is_empty()
    }

    /// Ends the checks: all that was found, or leave to go on.
    pub fn finish(self) -> AppResult<()> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.refused()) }
    }

    /// Ends the checks: what was found, which may be nothing.
    pub fn into_errors(self) -> Vec<InputError> {
        self.errors
    }

    /// Ends the checks after one of them failed.
    pub fn refused(self) -> AppError {
        AppError::Input(self.errors)
    }

    /// A line of text that must not be blank.
    pub fn required_line(&mut self, field: &'static str, value: &str) -> String {
        match self.line(field, value) {
            Some(Some(line)) => line,
            Some(None) => {
                self.report(field, InputErrorCode::Required, BLANK);
                String::new()
            }
            None => String::new(),
        }
    }

    /// A line of text, or nothing; blank text is nothing.
    pub fn optional_line(&mut self, field: &'static str, value: Option<&str>) -> Option<String> {
        self.line(field, value?).flatten()
    }

    /// The patch of an optional line: what to store, or `None` to keep what is there.
    pub fn line_patch(
        &mut self,
        field: &'static str,
        patch: &Patch<impl AsRef<str>>,
    ) -> Option<Option<String>> {
        match patch {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(value) => self.line(field, value.as_ref()),
        }
    }

    /// The patch of a line that a row cannot be without.
    pub fn required_line_patch(
        &mut self,
        field: &'static str,
        patch: &Patch<impl AsRef<str>>,
    ) -> Option<String> {
        match patch {
            Patch::Keep => None,
            Patch::Clear => self.not_nullable(field),
            Patch::Set(value) => Some(self.required_line(field, value.as_ref())),
        }
    }

    /// The same of a line deeper in the input.
    pub fn required_line_at(&mut self, path: Path, value: &str) -> String {
        let mut line = Self::default();
        let text = line.required_line("", value);
        self.errors.extend(line.errors.into_iter().map(|error| InputError { path: path.clone(), ..error }));
        text
    }

    /// The patch of anything else that a row cannot be without.
    pub fn required_patch<T: Clone>(&mut self, field: &'static str, patch: &Patch<T>) -> Option<T> {
        match patch {
            Patch::Keep => None,
            Patch::Clear => self.not_nullable(field),
            Patch::Set(value) => Some(value.clone()),
        }
    }

    /// `Some(None)` is blank text, `None` is text that was refused.
    fn line(&mut self, field: &'static str, value: &str) -> Option<Option<String>> {
        let line = self.shown(field, value)?;
        if !text::is_line(&line) {
            self.report(field, InputErrorCode::Invalid, text::CONTROL);
            return None;
        }
        self.within(field, &line, LINE)?;
        Some((!line.is_empty()).then(|| line.into_owned()))
    }

    /// The normalized text, unless it has characters of which none is visible.
    fn shown<'a>(&mut self, field: &'static str, value: &'a str) -> Option<Cow<'a, str>> {
        let text = text::normalize(value);
        if !text::is_visible(&text) && text::is_line(&text) && !value.trim().is_empty() {
            self.report(field, InputErrorCode::Invalid, text::NOTHING_VISIBLE);
            return None;
        }
        Some(text)
    }

    fn within(&mut self, field: &'static str, text: &str, limit: usize) -> Option<()> {
        if text.chars().count() <= limit {
            return Some(());
        }
        self.report(field, InputErrorCode::TooLong, format!("Must have at most {limit} characters."));
        None
    }

    fn not_nullable<T>(&mut self, field: &'static str) -> Option<T> {
        self.report(field, InputErrorCode::Required, "Must not be null. Omit the field to keep its value.");
        None
    }

    /// The email address of a person: never blank.
    pub fn required_email(&mut self, field: &'static str, value: &str) -> Email {
        if value.trim().is_empty() {
            self.report(field, InputErrorCode::Required, "An email address is required.");
            return Email::default();
        }
        self.email(field, value).unwrap_or_default()
    }

    /// The patch of an email address that a row cannot be without.
    pub fn required_email_patch(
        &mut self,
        field: &'static str,
        patch: &Patch<impl AsRef<str>>,
    ) -> Option<Email> {
        match patch {
            Patch::Keep => None,
            Patch::Clear => self.not_nullable(field),
            Patch::Set(value) => Some(self.required_email(field, value.as_ref())),
        }
    }

    /// The patch of an email address that may be missing.
    pub fn email_patch(&mut self, field: &'static str, patch: &Patch<String>) -> Option<Option<Email>> {
        self.optional_patch(patch, |checks, text| checks.email(field, text))
    }

    /// The patch of an optional text: `check` cleans the trimmed text, and blank text clears it.
    fn optional_patch<T>(
        &mut self,
        patch: &Patch<impl AsRef<str>>,
        check: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<Option<T>> {
        match patch {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(text) => match text.as_ref().trim() {
                "" => Some(None),
                text => check(self, text).map(Some),
            },
        }
    }

    fn email(&mut self, field: &'static str, value: &str) -> Option<Email> {
        self.within(field, &text::normalize(value), EMAIL)?;
        let email = text::check_email(value, self.smtputf8);
        email.map_err(|message| self.report(field, InputErrorCode::Invalid, message)).ok()
    }

    /// The phone number of a person as E.164. Assigned or not is not asked: the documented example is not either.
    pub fn phone_patch(
        &mut self,
        field: &'static str,
        patch: &Patch<impl AsRef<str>>,
    ) -> Option<Option<String>> {
        self.optional_patch(patch, |checks, text| {
            let number = text::e164(text);
            number.map_err(|message| checks.report(field, InputErrorCode::Invalid, message)).ok()
        })
    }

    /// The address of a page or picture: http or https.
    pub fn url_patch(
        &mut self,
        field: &'static str,
        patch: &Patch<impl AsRef<str>>,
    ) -> Option<Option<String>> {
        self.optional_patch(patch, |checks, text| {
            let text = checks.shown(field, text)?;
            checks.within(field, &text, URL)?;
            if !is_web_address(&text) {
                checks.report(field, InputErrorCode::Invalid, NO_WEB_ADDRESS);
                return None;
            }
            Some(text.into_owned())
        })
    }

    /// Metadata: a JSON object of bounded size that comes back as it goes in.
    pub fn metadata(&mut self, field: &'static str, value: &Json) {
        if !value.is_object() {
            self.report(field, InputErrorCode::Invalid, "Must be a JSON object.");
        } else if json::stored_len(value) > METADATA {
            self.report(field, InputErrorCode::TooLong, TOO_MUCH_METADATA);
        } else {
            for (path, message) in json::faults(vec![field.into()], value) {
                self.report_at(path, InputErrorCode::Invalid, message);
            }
        }
    }

    /// The purchase order number of a contact card of type `kind`.
    pub fn purchase_order_number(
        &mut self,
        field: &'static str,
        kind: OrganizationContactType,
        patch: &Patch<String>,
    ) -> Option<Option<String>> {
        let number = self.line_patch(field, patch)?;
        let Some(text) = &number else { return Some(None) };
        if kind != OrganizationContactType::InvoiceAddress {
            self.report(
                field,
                InputErrorCode::NotAllowed,
                "Only contacts of type INVOICE_ADDRESS can have a purchase order number.",
            );
            return None;
        }
        self.within(field, text, PURCHASE_ORDER_NUMBER)?;
        Some(number)
    }

    /// The id of another row. One that is malformed or of another kind points at nothing.
    pub fn id<T: FromStr>(&mut self, field: &'static str, text: &str) -> Option<T> {
        self.id_at(vec![Cow::Borrowed(field)], text)
    }

    /// The same, deeper in the input.
    pub fn id_at<T: FromStr>(&mut self, path: Path, text: &str) -> Option<T> {
        let id = text.parse().ok();
        if id.is_none() {
            self.report_at(path, InputErrorCode::NotFound, NOT_FOUND);
        }
        id
    }

    /// A value that a new row cannot be without: reports when the input leaves it out.
    pub fn needed<T>(&mut self, field: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.report(
                field,
                InputErrorCode::Required,
                "This field is required for a new record. Send a value.",
            );
        }
        value
    }

    /// A row that was looked for: reports when it is not there.
    pub fn found<T>(&mut self, field: &'static str, row: Option<T>) -> Option<T> {
        if row.is_none() {
            self.report(field, InputErrorCode::NotFound, NOT_FOUND);
        }
        row
    }
}

/// The one message for rows that are missing, deleted or another organization's.
pub const NOT_FOUND: &str = "Not found, or not accessible with this token.";

/// The error of an operation whose subject is out of reach.
pub fn not_found(field: &'static str) -> AppError {
    InputError::on(field, InputErrorCode::NotFound, NOT_FOUND).into()
}

/// `expectedVersion`, when given, must be the row's.
pub fn check_version(expected: Option<i32>, version: i32) -> AppResult<()> {
    match expected {
        Some(expected) if expected != version => Err(InputError::on(
            "expectedVersion",
            InputErrorCode::Conflict,
            "The record has changed since it was read. Read it again and repeat the change.",
        )
        .into()),
        _ => Ok(()),
    }
}

/// Whether the text is an absolute http or https URL.
pub(super) fn is_web_address(text: &str) -> bool {
    // The parser drops some control characters, but the text is stored as written.
    !text.contains(char::is_control)
        && url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_web_addresses_pass() {
        assert!(is_web_address("https://example.com/avatar.png"));
        for bad in
            ["javascript:alert(1)", "data:text/html,x", "ftp://example.com", "//example.com", "http://", "x"]
        {
            assert!(!is_web_address(bad), "{bad}");
        }
    }

    #[test]
    fn metadata_is_an_object_of_bounded_size() {
        let refused = |value: Json| {
            let mut checks = Checks::default();
            checks.metadata("metadata", &value);
            checks.finish().is_err()
        };
        assert!(!refused(json!({ "a": "\\u0000" })));
        assert!(!refused(json!({ "a": "x".repeat(METADATA - 8) })));
        assert!(!refused(json!({ "a": vec![1e308; 50], "b": vec![0.5; 100] })));
        for bad in [
            json!([]),
            json!("x"),
            json!({ "a": "x".repeat(METADATA) }),
            json!({ "a": vec![1e308; 60] }),
            json!({ "a": vec![-5e-324; 60] }),
            json!({ "a": ["\0"] }),
            json!({ "\0": 1 }),
            serde_json::from_str(&format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32))).expect("JSON"),
        ] {
            assert!(refused(bad));
        }
    }
}
