//! Export: all records of a kind, as they are at one moment, in a form that an import takes.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{
    KIND, Kind, Session,
    columns::{ID, fields, has_custom_fields},
};
use crate::{
    entity::{
        account, account_contact, contact_type, custom_field, id::ContactTypeId, internal_contact,
        internal_contact_assignment as assignment, organization_contact, partner,
    },
    error::{AppError, AppResult},
    files::{Format, csv, vcard},
    service::{Snapshot, country, record::Recorded, snapshot::PAGE},
};

/// What is exported, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kind of records; all kinds without one, as JSON Lines that name the kind.
    pub kind: Option<Kind>,
    /// The format.
    pub format: Format,
    /// Only records that a search for this text finds, as in lists.
    pub search: Option<String>,
    /// Only records that changed at this time or later.
    pub changed_since: Option<DateTime<Utc>>,
    /// Whether cells that a spreadsheet would read as formulas get an apostrophe in front.
    pub escapes_formulas: bool,
}

/// Why an export ended before its last record.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Only contacts are vCards.
    #[error("{0} cannot be exported as vCards; use --format csv or jsonl")]
    Format(Kind),
    /// All kinds have no common columns, and some of them refer to others.
    #[error(
        "an export of all kinds is JSON Lines of all records; use --format jsonl, without --search and --updated-since"
    )]
    All,
    /// Other records have no words.
    #[error("{0} cannot be searched; export them without --search")]
    Search(Kind),
    /// The database refused or failed.
    #[error("cannot read the records: {}", .0.public_message())]
    Read(#[from] AppError),
    /// The output cannot be written.
    #[error("cannot write the export: {0}")]
    Output(#[from] io::Error),
}

/// A record as it is exported: its fields, in the order of the columns.
type Record = Vec<(&'static str, Json)>;

/// Exports the records of a kind. Gives their number.
pub async fn run(
    session: &Session,
    options: &Options,
    out: &mut (dyn Write + Send),
) -> Result<u64, ExportError> {
    match options.kind {
        Some(kind) if options.format == Format::Vcard && !is_contact(kind) => {
            return Err(ExportError::Format(kind));
        }
        Some(kind) if options.search.is_some() && !is_searched(kind) => {
            return Err(ExportError::Search(kind));
        }
        None if options.format != Format::JsonLines
            || options.search.is_some()
            || options.changed_since.is_some() =>
        {
            return Err(ExportError::All);
        }
        _ => {}
    }
    let snapshot = Snapshot::begin(&session.db, &session.request()).await?;
    let names = Names::read(&snapshot, options.kind.is_none()).await?;
    let export = Export { session, options, names, snapshot };
    let count = match options.kind {
        Some(kind) => {
            export.write_header(kind, out)?;
            export.kind(kind, out).await?
        }
        None => export.all_kinds(out).await?,
    };
    out.flush()?;
    Ok(count)
}

fn is_searched(kind: Kind) -> bool {
    !matches!(kind, Kind::ContactTypes | Kind::CustomFields | Kind::InternalContactAssignments)
}

fn is_contact(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::InternalContacts
            | Kind::InternalContactAssignments
            | Kind::AccountContacts
            | Kind::OrganizationContacts
    )
}

/// What records refer to by id.
struct Names {
    contact_types: HashMap<ContactTypeId, String>,
    /// The custom fields whose values are exported, in the order of their columns.
    custom_fields: Vec<custom_field::Model>,
}

impl Names {
    /// Reads the names. Values of archived fields are only exported with the fields themselves.
    async fn read(snapshot: &Snapshot, with_archived: bool) -> AppResult<Self> {
        let types = snapshot.contact_types().await?;
        let names: HashMap<_, _> = types.iter().map(|row| (row.id, row.name.as_str())).collect();
        // A type that was replaced is hidden until its last contact has the replacement.
        let name = |row: &contact_type::Model| names.get(&row.replaced_by.unwrap_or(row.id)).copied();
        let contact_types = types.iter().filter_map(|row| Some((row.id, name(row)?.to_owned()))).collect();
        let mut custom_fields = snapshot.custom_fields().await?;
        custom_fields.retain(|field| with_archived || field.archived_at.is_none());
        Ok(Self { contact_types, custom_fields })
    }
}

/// A record, its custom fields by key, and its metadata.
struct Exported {
    record: Record,
    custom: Map<String, Json>,
    metadata: Option<Json>,
}

impl Exported {
    fn of(record: Record) -> Self {
        Self { record, custom: Map::new(), metadata: None }
    }
}

/// A table whose rows are exported.
trait Exportable: Recorded {
    /// Rows without those that are hidden with what they belong to.
    fn export(
        export: &Export<'_>,
        rows: Vec<Self::Model>,
    ) -> impl Future<Output = AppResult<Vec<Exported>>> + Send;
}

struct Export<'a> {
    session: &'a Session,
    options: &'a Options,
    names: Names,
    snapshot: Snapshot,
}

impl Export<'_> {
    /// Writes the records of a kind.
    async fn kind(&self, kind: Kind, out: &mut (dyn Write + Send)) -> Result<u64, ExportError> {
        match kind {
            Kind::ContactTypes => self.all::<contact_type::Entity>(kind, out).await,
            Kind::CustomFields => self.all::<custom_field::Entity>(kind, out).await,
            Kind::Partners => self.all::<partner::Entity>(kind, out).await,
            Kind::Accounts => self.all::<account::Entity>(kind, out).await,
            Kind::InternalContacts => self.all::<internal_contact::Entity>(kind, out).await,
            Kind::InternalContactAssignments => self.all::<assignment::Entity>(kind, out).await,
            Kind::AccountContacts => self.all::<account_contact::Entity>(kind, out).await,
            Kind::OrganizationContacts => self.all::<organization_contact::Entity>(kind, out).await,
        }
    }

    /// Writes all records in an order in which they can be imported.
    async fn all_kinds(&self, out: &mut (dyn Write + Send)) -> Result<u64, ExportError> {
        let mut count = 0;
        for kind in Kind::ALL {
            count += self.kind(kind, out).await?;
        }
        // A field that is required or archived does not take the contacts and the values that are there: it becomes so at
        // the end.
        for field in &self.names.custom_fields {
            let mut record: Record = vec![("key", field.key.clone().into())];
            if field.is_required {
                record.push(("isRequired", true.into()));
            }
            if field.archived_at.is_some() {
                record.push(("isArchived", true.into()));
            }
            if record.len() > 1 {
                self.write(Kind::CustomFields, out, Exported::of(record))?;
            }
        }
        Ok(count)
    }

    /// Whether all kinds are exported.
    fn is_all(&self) -> bool {
        self.options.kind.is_none()
    }

    /// The remote id of a company or an organization contact. Without one, others refer to it by its id, which another
    /// gateway keeps as the remote id.
    fn remote_id(&self, remote_id: Option<String>, id: impl ToString) -> Json {
        remote_id.or_else(|| self.is_all().then(|| id.to_string())).into()
    }

    /// Writes all records of a table.
    async fn all<E: Exportable>(&self, kind: Kind, out: &mut (dyn Write + Send)) -> Result<u64, ExportError> {
        let Options { search, changed_since, .. } = self.options;
        let select = self.snapshot.select::<E>(&self.session.db, search.as_deref(), *changed_since).await?;
        let (mut count, mut after) = (0, None);
        loop {
            let turn = self.session.turn(PAGE).await?;
            let rows = self.snapshot.page(&select, after).await?;
            let Some(last) = rows.last() else { return Ok(count) };
            after = Some(E::id(last));
            let records = E::export(self, rows).await?;
            // Whoever reads the output may be slow.
            drop(turn);
            for record in records {
                self.write(kind, out, record)?;
                count += 1;
            }
        }
    }

    /// The columns of CSV.
    fn write_header(&self, kind: Kind, out: &mut (dyn Write + Send)) -> io::Result<()> {
        if self.options.format != Format::Csv {
            return Ok(());
        }
        let own = [ID].into_iter().chain(columns(kind)).map(str::to_owned);
        let mut names: Vec<String> = own.collect();
        if has_custom_fields(kind) {
            names.extend(self.names.custom_fields.iter().map(|field| format!("custom.{}", field.key)));
            names.push("metadata".to_owned());
        }
        write_line(out, &names)
    }

    fn write(&self, kind: Kind, out: &mut (dyn Write + Send), exported: Exported) -> io::Result<()> {
        match self.options.format {
            Format::Csv => write_line(out, &self.cells(kind, &exported)),
            Format::JsonLines => {
                let mut object = object(exported);
                if self.is_all() {
                    object.insert(KIND.to_owned(), kind.name().into());
                }
                serde_json::to_writer(&mut *out, &object)?;
                out.write_all(b"\n")
            }
            Format::Vcard => out.write_all(card(&exported.record).as_bytes()),
        }
    }

    fn cells(&self, kind: Kind, exported: &Exported) -> Vec<String> {
        let of_record = |name: &str| exported.record.iter().find(|(other, _)| *other == name);
        let own = [ID].into_iter().chain(columns(kind));
        let mut cells: Vec<String> =
            own.map(|name| of_record(name).map_or_else(String::new, |(_, value)| text(value))).collect();
        if has_custom_fields(kind) {
            let values = self.names.custom_fields.iter().map(|field| exported.custom.get(&field.key));
            cells.extend(values.map(|value| value.map_or_else(String::new, text)));
            cells.push(exported.metadata.as_ref().map_or_else(String::new, ToString::to_string));
        }
        if self.options.escapes_formulas {
            cells.into_iter().map(csv::without_formula).collect()
        } else {
            cells
        }
    }
}

/// The columns of a kind that an export has: those that name the same thing in another way are left out.
fn columns(kind: Kind) -> impl Iterator<Item = &'static str> {
    let is_card = kind == Kind::OrganizationContacts;
    let is_exported = move |name: &&str| !(is_card && matches!(*name, "givenName" | "familyName"));
    fields(kind).iter().copied().filter(is_exported)
}

fn write_line(out: &mut (dyn Write + Send), cells: &[String]) -> io::Result<()> {
    let mut line = csv::line(cells.iter().map(String::as_str), b',');
    line.push_str("\r\n");
    out.write_all(line.as_bytes())
}

/// A value as the text of a cell.
fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(self::text).collect::<Vec<_>>().join(";"),
        value => value.to_string(),
    }
}

/// A record as a JSON object, without fields that have no value.
fn object(exported: Exported) -> Map<String, Json> {
    let values = exported.record.into_iter().filter(|(_, value)| !value.is_null());
    let mut object: Map<String, Json> = values.map(|(name, value)| (name.to_owned(), value)).collect();
    if !exported.custom.is_empty() {
        object.insert("custom".to_owned(), Json::Object(exported.custom));
    }
    if let Some(metadata) = exported.metadata {
        object.insert("metadata".to_owned(), metadata);
    }
    object
}

/// A record as a vCard 4.0.
fn card(record: &Record) -> String {
    let value = |name: &str| {
        let found = record.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| text(value)).filter(|value| !value.is_empty())
    };
    let part = |name: &str| value(name).map_or_else(String::new, |value| vcard::escape(&value));
    let either = |one: &str, other: &str| value(one).or_else(|| value(other));
    let (given, family) = (either("givenName", "firstName"), either("familyName", "lastName"));
    let whole = value("name").or_else(|| {
        let names: Vec<String> = [given.clone(), family.clone()].into_iter().flatten().collect();
        (!names.is_empty()).then(|| names.join(" "))
    });
    // FN is the one property that every card needs.
    let whole = whole.or_else(|| either("email", "department")).or_else(|| value("type")).unwrap_or_default();
    let mut card = "BEGIN:VCARD\r\nVERSION:4.0\r\n".to_owned();
    let mut add = |name: &str, value: String| card.push_str(&vcard::property(name, &value));
    add("FN", vcard::escape(&whole));
    if given.is_some() || family.is_some() || value("title").is_some() {
        let [family, given] = [family, given].map(|name| vcard::escape(&name.unwrap_or_default()));
        add("N", format!("{family};{given};;{};", part("title")));
    }
    for (property, name) in [
        ("UID", "remoteId"),
        ("EMAIL", "email"),
        ("TEL", "phone"),
        ("TEL;TYPE=cell", "mobile"),
        ("TITLE", "jobTitle"),
        ("ROLE", "internalRole"),
        ("PHOTO", "avatarUrl"),
    ] {
        // Addresses of pictures are written as they are.
        let value = if name == "avatarUrl" { value(name).unwrap_or_default() } else { part(name) };
        if !value.is_empty() {
            add(property, value);
        }
    }
    if value("department").is_some() {
        add("ORG", format!(";{}", part("department")));
    }
    let address = ["secondaryAddress", "street", "city", "state", "zipcode", "country"].map(part);
    if address.iter().any(|part| !part.is_empty()) {
        add("ADR", format!(";{}", address.join(";")));
    }
    card.push_str("END:VCARD\r\n");
    card
}

/// The name of a choice in GraphQL.
fn name(choice: impl Serialize) -> Json {
    serde_json::to_value(choice).unwrap_or_default()
}

impl Exportable for contact_type::Entity {
    async fn export(_: &Export<'_>, rows: Vec<contact_type::Model>) -> AppResult<Vec<Exported>> {
        let record = |row: contact_type::Model| -> Record {
            vec![
                (ID, row.id.to_string().into()),
                ("name", row.name.into()),
                ("isDefault", row.is_default.into()),
            ]
        };
        Ok(rows.into_iter().map(|row| Exported::of(record(row))).collect())
    }
}

impl Exportable for custom_field::Entity {
    async fn export(export: &Export<'_>, rows: Vec<custom_field::Model>) -> AppResult<Vec<Exported>> {
        let record = |row: custom_field::Model| -> Record {
            let mut record: Record = vec![
                (ID, row.id.to_string().into()),
                ("key", row.key.into()),
                ("label", row.label.into()),
                ("fieldType", name(row.field_type)),
                ("options", row.options.value().cloned().unwrap_or_default()),
            ];
            if !export.is_all() {
                record.push(("isRequired", row.is_required.into()));
                record.push(("isArchived", row.archived_at.is_some().into()));
            }
            record
        };
        Ok(rows.into_iter().map(|row| Exported::of(record(row))).collect())
    }
}

impl Exportable for internal_contact::Entity {
    async fn export(_: &Export<'_>, rows: Vec<internal_contact::Model>) -> AppResult<Vec<Exported>> {
        let record = |row: internal_contact::Model| -> Record {
            vec![
                (ID, row.id.to_string().into()),
                ("remoteId", row.remote_id.into()),
                ("email", row.email.into()),
                ("givenName", row.given_name.into()),
                ("familyName", row.family_name.into()),
                ("name", row.name.into()),
                ("phone", row.phone.into()),
                ("jobTitle", row.job_title.into()),
            ]
        };
        Ok(rows.into_iter().map(|row| Exported::of(record(row))).collect())
    }
}

impl Exportable for partner::Entity {
    async fn export(export: &Export<'_>, rows: Vec<partner::Model>) -> AppResult<Vec<Exported>> {
        let record = |row: partner::Model| -> Record {
            vec![
                (ID, row.id.to_string().into()),
                ("remoteId", export.remote_id(row.remote_id, row.id)),
                ("name", row.name.into()),
            ]
        };
        Ok(rows.into_iter().map(|row| Exported::of(record(row))).collect())
    }
}

impl Exportable for account::Entity {
    async fn export(export: &Export<'_>, rows: Vec<account::Model>) -> AppResult<Vec<Exported>> {
        let record = |row: account::Model| -> Record {
            vec![
                (ID, row.id.to_string().into()),
                ("remoteId", export.remote_id(row.remote_id, row.id)),
                ("name", row.name.into()),
                ("primaryDomain", row.primary_domain.into()),
            ]
        };
        Ok(rows.into_iter().map(|row| Exported::of(record(row))).collect())
    }
}

impl Exportable for assignment::Entity {
    async fn export(export: &Export<'_>, rows: Vec<assignment::Model>) -> AppResult<Vec<Exported>> {
        let people = distinct(rows.iter().map(|row| row.internal_contact_id));
        let people = export.snapshot.by_ids::<internal_contact::Entity>(people).await?;
        let partners = distinct(rows.iter().filter_map(|row| row.partner_id));
        let partners = export.snapshot.by_ids::<partner::Entity>(partners).await?;
        let exported = rows.into_iter().filter_map(|row| {
            let person = people.get(&row.internal_contact_id).filter(|person| person.deleted_at.is_none())?;
            let partner = match row.partner_id {
                Some(id) => Some(partners.get(&id).filter(|partner| partner.deleted_at.is_none())?),
                None => None,
            };
            let partner_id = partner.map(|partner| partner.id.to_string());
            let partner_remote_id =
                partner.map_or(Json::Null, |partner| export.remote_id(partner.remote_id.clone(), partner.id));
            Some(Exported::of(vec![
                (ID, row.id.to_string().into()),
                ("remoteId", row.remote_id.into()),
                ("email", person.email.clone().into()),
                ("internalRole", name(row.internal_role)),
                ("givenName", person.given_name.clone().into()),
                ("familyName", person.family_name.clone().into()),
                ("name", person.name.clone().into()),
                ("phone", person.phone.clone().into()),
                ("jobTitle", person.job_title.clone().into()),
                // The id is of use in this gateway only, so the remote id stands for it.
                ("partnerId", partner_id.filter(|_| partner_remote_id.is_null()).into()),
                ("partnerRemoteId", partner_remote_id),
            ]))
        });
        Ok(exported.collect())
    }
}

impl Exportable for account_contact::Entity {
    async fn export(export: &Export<'_>, rows: Vec<account_contact::Model>) -> AppResult<Vec<Exported>> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let mut values = export.snapshot.custom_field_values(ids.clone()).await?;
        let links = export.snapshot.accounts(ids).await?;
        let accounts = distinct(links.values().flatten().copied());
        let accounts = export.snapshot.by_ids::<account::Entity>(accounts).await?;
        let exported = rows.into_iter().map(|row| {
            let linked = links.get(&row.id).into_iter().flatten().filter_map(|id| accounts.get(id));
            let active: Vec<&account::Model> =
                linked.filter(|account| account.deleted_at.is_none()).collect();
            let remote_ids =
                active.iter().map(|account| export.remote_id(account.remote_id.clone(), account.id));
            let remote_ids: Vec<Json> = remote_ids.filter(|id| !id.is_null()).collect();
            let without = active.iter().filter(|account| account.remote_id.is_none() && !export.is_all());
            let ids: Vec<Json> = without.map(|account| account.id.to_string().into()).collect();
            let values = values.remove(&row.id).unwrap_or_default();
            let custom = export.names.custom_fields.iter().filter_map(|field| {
                let (_, value) = values.iter().find(|(id, _)| *id == field.id)?;
                Some((field.key.clone(), value.clone()))
            });
            let metadata = row.metadata.value().filter(|value| **value != Json::Object(Map::new()));
            Exported {
                custom: custom.collect(),
                metadata: metadata.cloned(),
                record: vec![
                    (ID, row.id.to_string().into()),
                    ("remoteId", row.remote_id.into()),
                    ("email", row.email.into()),
                    ("firstName", row.first_name.into()),
                    ("lastName", row.last_name.into()),
                    ("phone", row.phone.into()),
                    ("contactType", export.names.contact_types.get(&row.contact_type_id).cloned().into()),
                    ("avatarUrl", row.avatar_url.into()),
                    ("accountIds", some(ids)),
                    ("accountRemoteIds", some(remote_ids)),
                ],
            }
        });
        Ok(exported.collect())
    }
}

/// A list; none where it is empty.
fn some(items: Vec<Json>) -> Json {
    if items.is_empty() { Json::Null } else { Json::Array(items) }
}

impl Exportable for organization_contact::Entity {
    async fn export(export: &Export<'_>, rows: Vec<organization_contact::Model>) -> AppResult<Vec<Exported>> {
        let record = |row: organization_contact::Model| -> Record {
            let country = row.country_id.and_then(country::by_id).map(|country| country.iso_code);
            vec![
                (ID, row.id.to_string().into()),
                ("remoteId", export.remote_id(row.remote_id, row.id)),
                ("type", name(row.r#type)),
                ("name", row.name.into()),
                ("title", row.title.into()),
                ("department", row.department.into()),
                ("street", row.street.into()),
                ("secondaryAddress", row.secondary_address.into()),
                ("zipcode", row.zipcode.into()),
                ("city", row.city.into()),
                ("state", row.state.into()),
                ("country", country.into()),
                ("email", row.email.into()),
                ("phone", row.phone.into()),
                ("mobile", row.mobile.into()),
                ("purchaseOrderNumber", row.purchase_order_number.into()),
            ]
        };
        Ok(rows.into_iter().map(|row| Exported::of(record(row))).collect())
    }
}

/// Each key once.
fn distinct<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<K> {
    let mut keys: Vec<K> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
