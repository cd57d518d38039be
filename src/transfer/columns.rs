//! Which column of a file is which field: by our own names, by the headings of other products' exports, and by an explicit
//! mapping.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use serde_json::{Map, Value as Json};

use super::Kind;
use crate::files::{MAX_COLUMNS, Row, csv::REJECT_COLUMNS};

/// Columns of custom fields begin with this and end with the key.
const CUSTOM: &str = "custom.";
/// Columns of metadata begin with this and end with the name of the member.
const METADATA: &str = "metadata.";
/// The column of our own ids in what was exported. Another gateway gives other ids.
pub(super) const ID: &str = "id";

/// The fields of a kind, besides custom fields and metadata.
pub const fn fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ContactTypes => &["name", "isDefault"],
        Kind::CustomFields => &["key", "label", "fieldType", "options", "isRequired", "isArchived"],
        Kind::Partners => &["remoteId", "name"],
        Kind::Accounts => &["remoteId", "name", "primaryDomain"],
        Kind::InternalContacts => {
            &["remoteId", "email", "givenName", "familyName", "name", "phone", "jobTitle"]
        }
        Kind::InternalContactAssignments => &[
            "remoteId",
            "email",
            "internalRole",
            "givenName",
            "familyName",
            "name",
            "phone",
            "jobTitle",
            "partnerId",
            "partnerRemoteId",
        ],
        Kind::AccountContacts => &[
            "remoteId",
            "email",
            "firstName",
            "lastName",
            "phone",
            "contactType",
            "avatarUrl",
            "accountIds",
            "accountRemoteIds",
        ],
        Kind::OrganizationContacts => &[
            "remoteId",
            "type",
            "name",
            // These make up the name of a row without one.
            "givenName",
            "familyName",
            "title",
            "department",
            "street",
            "secondaryAddress",
            "zipcode",
            "city",
            "state",
            "country",
            "email",
            "phone",
            "mobile",
            "purchaseOrderNumber",
        ],
    }
}

/// Whether records of the kind have custom fields and metadata.
pub(super) const fn has_custom_fields(kind: Kind) -> bool {
    matches!(kind, Kind::AccountContacts)
}

/// The layout of another product's export. Its columns that no field stands for are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Google Contacts.
    Google,
    /// Outlook and Outlook on the web.
    Outlook,
    /// `HubSpot`, contacts and companies.
    HubSpot,
    /// Salesforce, reports and data exports of contacts and accounts.
    Salesforce,
    /// vCard, as `files::vcard` reads it.
    Vcard,
}

impl Layout {
    const ALL: [Self; 5] = [Self::Google, Self::Outlook, Self::HubSpot, Self::Salesforce, Self::Vcard];

    /// The name in commands.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Outlook => "outlook",
            Self::HubSpot => "hubspot",
            Self::Salesforce => "salesforce",
            Self::Vcard => "vcard",
        }
    }

    /// The layout with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.name() == name)
    }

    /// The layout of a header row, if it is a known one.
    fn detect(header: &[Arc<str>]) -> Option<Self> {
        let names: HashSet<String> = header.iter().map(|name| simplify(name)).collect();
        Self::ALL
            .into_iter()
            .find(|layout| layout.marks().iter().any(|marks| marks.iter().all(|mark| names.contains(*mark))))
    }

    /// Sets of simplified headings, each of which only this layout has.
    const fn marks(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Google => &[&["email1value"], &["email1type"], &["email1label"]],
            Self::Outlook => &[&["emailaddress", "businessphone"], &["emailaddress", "email2address"]],
            Self::HubSpot => &[&["recordid", "email"], &["recordid", "companyname"]],
            Self::Salesforce => &[
                &["contactid", "lastname"],
                &["accountid", "accountname"],
                &["id", "lastname", "accountid"],
                &["id", "name", "website", "ownerid"],
            ],
            Self::Vcard => &[],
        }
    }

    /// Simplified headings with the fields that they stand for, the preferred ones first. A field that the kind does not
    /// have is passed over.
    const fn headings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Google => &[
                ("firstname", "firstName"),
                ("givenname", "firstName"),
                ("name", "firstName"),
                ("lastname", "lastName"),
                ("familyname", "lastName"),
                ("firstname", "givenName"),
                ("givenname", "givenName"),
                ("lastname", "familyName"),
                ("familyname", "familyName"),
                ("name", "name"),
                ("email1value", "email"),
                ("phone1value", "phone"),
                ("phone2value", "phone"),
                ("phone2value", "mobile"),
                ("nameprefix", "title"),
                ("organizationtitle", "jobTitle"),
                ("organization1title", "jobTitle"),
                ("organizationdepartment", "department"),
                ("organization1department", "department"),
                ("address1street", "street"),
                ("address1extendedaddress", "secondaryAddress"),
                ("address1city", "city"),
                ("address1region", "state"),
                ("address1postalcode", "zipcode"),
                ("address1country", "country"),
            ],
            Self::Outlook => &[
                ("firstname", "firstName"),
                ("lastname", "lastName"),
                ("firstname", "givenName"),
                ("lastname", "familyName"),
                ("emailaddress", "email"),
                ("email2address", "email"),
                ("email3address", "email"),
                ("businessphone", "phone"),
                ("primaryphone", "phone"),
                ("mobilephone", "phone"),
                ("homephone", "phone"),
                ("mobilephone", "mobile"),
                ("title", "title"),
                ("jobtitle", "jobTitle"),
                ("department", "department"),
                ("businessstreet", "street"),
                ("businessstreet2", "secondaryAddress"),
                ("businesscity", "city"),
                ("businessstate", "state"),
                ("businesspostalcode", "zipcode"),
                ("businesscountryregion", "country"),
                ("homestreet", "street"),
                ("homecity", "city"),
                ("homestate", "state"),
                ("homepostalcode", "zipcode"),
                ("homecountryregion", "country"),
            ],
            Self::HubSpot => &[
                ("recordid", "remoteId"),
                ("firstname", "firstName"),
                ("lastname", "lastName"),
                ("firstname", "givenName"),
                ("lastname", "familyName"),
                ("email", "email"),
                ("phonenumber", "phone"),
                ("mobilephonenumber", "phone"),
                ("mobilephonenumber", "mobile"),
                ("jobtitle", "jobTitle"),
                ("associatedcompanyids", "accountRemoteIds"),
                ("primaryassociatedcompanyid", "accountRemoteIds"),
                ("streetaddress", "street"),
                ("city", "city"),
                ("stateregion", "state"),
                ("postalcode", "zipcode"),
                ("countryregion", "country"),
            ],
            Self::Salesforce => &[
                ("contactid", "remoteId"),
                ("id", "remoteId"),
                ("firstname", "firstName"),
                ("lastname", "lastName"),
                ("firstname", "givenName"),
                ("lastname", "familyName"),
                ("email", "email"),
                ("phone", "phone"),
                ("businessphone", "phone"),
                ("mobile", "phone"),
                ("mobilephone", "phone"),
                ("mobile", "mobile"),
                ("mobilephone", "mobile"),
                ("title", "jobTitle"),
                ("accountid", "accountRemoteIds"),
                ("salutation", "title"),
                ("department", "department"),
                ("mailingstreet", "street"),
                ("mailingcity", "city"),
                ("mailingstateprovince", "state"),
                ("mailingstate", "state"),
                ("mailingzippostalcode", "zipcode"),
                ("mailingpostalcode", "zipcode"),
                ("mailingcountry", "country"),
            ],
            Self::Vcard => &[
                ("remoteid", "remoteId"),
                ("givenname", "firstName"),
                ("name", "firstName"),
                ("familyname", "lastName"),
                ("givenname", "givenName"),
                ("familyname", "familyName"),
                ("name", "name"),
                ("title", "title"),
                ("email", "email"),
                ("phone", "phone"),
                ("mobile", "phone"),
                ("mobile", "mobile"),
                ("department", "department"),
                ("jobtitle", "jobTitle"),
                ("street", "street"),
                ("secondaryaddress", "secondaryAddress"),
                ("city", "city"),
                ("state", "state"),
                ("zipcode", "zipcode"),
                ("country", "country"),
                ("avatarurl", "avatarUrl"),
            ],
        }
    }

    /// The first of the values that a cell holds: Google Contacts writes several with three colons in between.
    fn first_of(self, value: &Json) -> Cow<'_, Json> {
        let several =
            value.as_str().filter(|_| self == Self::Google).and_then(|text| text.split_once(" ::: "));
        several.map_or(Cow::Borrowed(value), |(first, _)| Cow::Owned(first.into()))
    }

    /// Of accounts the same headings mean the account itself.
    const fn account_headings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Salesforce => &[
                ("accountid", "remoteId"),
                ("id", "remoteId"),
                ("accountname", "name"),
                ("name", "name"),
                ("website", "primaryDomain"),
            ],
            Self::HubSpot => {
                &[("recordid", "remoteId"), ("companyname", "name"), ("companydomainname", "primaryDomain")]
            }
            Self::Google | Self::Outlook | Self::Vcard => self.headings(),
        }
    }
}

/// A name without case, spaces and punctuation, so that `First Name`, `first_name` and `firstName` are the same.
fn simplify(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a column is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meaning {
    /// These fields, each with the preference among the columns of the field.
    Fields(Vec<(&'static str, usize)>),
    /// A custom field.
    Custom(String),
    /// A member of the metadata.
    Metadata(String),
    /// All custom fields, or all metadata, as an object.
    Object(&'static str),
    Ignored,
}

/// How the columns of a file are mapped to fields.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The layout; that of a header row is detected without it.
    pub layout: Option<Layout>,
    /// Columns with the fields that they are, in place of what their names say. A blank field ignores the column.
    pub columns: Vec<(String, String)>,
    /// Fields with the value that they have in rows that give none.
    pub defaults: Vec<(String, String)>,
}

impl Rules {
    /// Reads a column, whose name may contain `=`, and its field: `Company=name`.
    pub fn column(text: &str) -> Result<(String, String), &'static str> {
        let (column, field) = text.rsplit_once('=').ok_or("must have the form COLUMN=FIELD")?;
        Ok((column.trim().to_owned(), field.trim().to_owned()))
    }

    /// Reads a field and its value, which may contain `=`: `internalRole=CSM`.
    pub fn default_value(text: &str) -> Result<(String, String), &'static str> {
        let (field, value) = text.split_once('=').ok_or("must have the form FIELD=VALUE")?;
        Ok((field.trim().to_owned(), value.trim().to_owned()))
    }

    /// Whether nothing is given.
    pub(super) fn is_empty(&self) -> bool {
        self.layout.is_none() && self.columns.is_empty() && self.defaults.is_empty()
    }
}

/// The columns of a file and their fields.
pub struct Mapping {
    kind: Kind,
    rules: Rules,
    meanings: HashMap<Arc<str>, Result<Meaning, String>>,
    /// Columns without a field, in the order in which they came.
    ignored: Vec<Arc<str>>,
    defaults: Vec<(Meaning, Arc<str>, Json)>,
}

impl Mapping {
    /// Maps the columns of a header row, if the format has one. Other columns are mapped when they come.
    pub fn new(kind: Kind, rules: Rules, header: Option<&[Arc<str>]>) -> Result<Self, String> {
        let layout = rules.layout.or_else(|| Layout::detect(header?));
        let mut mapping = Self {
            kind,
            rules: Rules { layout, ..rules },
            meanings: HashMap::new(),
            ignored: Vec::new(),
            defaults: Vec::new(),
        };
        for (field, value) in &mapping.rules.defaults {
            let meaning = mapping.own(field).ok_or_else(|| mapping.unknown_field(field))?;
            mapping.defaults.push((meaning, field.as_str().into(), Json::String(value.clone())));
        }
        for (_, field) in mapping.rules.columns.iter().filter(|(_, field)| !field.is_empty()) {
            mapping.own(field).ok_or_else(|| mapping.unknown_field(field))?;
        }
        let Some(header) = header else { return Ok(mapping) };
        if let Some((column, _)) =
            mapping.rules.columns.iter().find(|(column, _)| !header.iter().any(|name| **name == **column))
        {
            return Err(format!("the file has no column {column:?}"));
        }
        let mut columns: HashMap<&'static str, &Arc<str>> = HashMap::new();
        for column in header {
            let meaning = mapping.meaning(column).map_err(|reason| format!("column {column:?}: {reason}"))?;
            if let Meaning::Fields(fields) = meaning {
                for (field, _) in fields.into_iter().filter(|_| mapping.rules.layout.is_none()) {
                    if let Some(other) = columns.insert(field, column) {
                        return Err(format!(
                            "the columns {other:?} and {column:?} are both {field}; choose one with --map"
                        ));
                    }
                }
            }
        }
        Ok(mapping)
    }

    /// The columns that no field stands for.
    pub fn ignored(&self) -> &[Arc<str>] {
        &self.ignored
    }

    /// What the columns of a row say.
    pub fn values(&mut self, row: &Row) -> Result<Values, (String, String)> {
        let mut values = Values::default();
        for (column, value) in row.values.iter().filter(|(_, value)| !is_blank(value)) {
            let meaning = self.meaning(column).map_err(|reason| (column.to_string(), reason))?;
            let value = self.rules.layout.map_or(Cow::Borrowed(value), |layout| layout.first_of(value));
            values.put(meaning, column, &value).map_err(|reason| (column.to_string(), reason))?;
        }
        for (meaning, column, value) in &self.defaults {
            values.put_default(meaning, column, value);
        }
        Ok(values)
    }

    fn meaning(&mut self, column: &Arc<str>) -> Result<Meaning, String> {
        if let Some(meaning) = self.meanings.get(column) {
            return meaning.clone();
        }
        let meaning = self.find(column);
        // A file that names new columns in every row must not fill the memory.
        if self.meanings.len() < MAX_COLUMNS {
            self.meanings.insert(Arc::clone(column), meaning.clone());
            if matches!(meaning, Ok(Meaning::Ignored)) && **column != *ID {
                self.ignored.push(Arc::clone(column));
            }
        }
        meaning
    }

    fn find(&self, column: &str) -> Result<Meaning, String> {
        if REJECT_COLUMNS.contains(&column) {
            return Ok(Meaning::Ignored);
        }
        if let Some((_, field)) = self.rules.columns.iter().find(|(name, _)| name == column) {
            let meaning = if field.is_empty() { Some(Meaning::Ignored) } else { self.own(field) };
            return meaning.ok_or_else(|| self.unknown_field(field));
        }
        if let Some(layout) = self.rules.layout {
            let headings = match self.kind {
                Kind::Accounts | Kind::Partners => layout.account_headings(),
                _ => layout.headings(),
            };
            let name = simplify(column);
            let known = headings
                .iter()
                .enumerate()
                .filter(|(_, (heading, field))| *heading == name && fields(self.kind).contains(field));
            let found: Vec<_> = known.map(|(rank, (_, field))| (*field, rank + 1)).collect();
            if !found.is_empty() {
                return Ok(Meaning::Fields(found));
            }
            return Ok(self.dotted(column).unwrap_or(Meaning::Ignored));
        }
        self.own(column).ok_or_else(|| {
            format!(
                "the column is unknown; known are {}; map it with --map, or ignore it with --map '{column}='",
                self.known()
            )
        })
    }

    /// What one of our own names means.
    fn own(&self, name: &str) -> Option<Meaning> {
        let simple = simplify(name);
        if name == ID {
            return Some(Meaning::Ignored);
        }
        let field = fields(self.kind).iter().find(|field| simplify(field) == simple);
        field.map(|field| Meaning::Fields(vec![(*field, 0)])).or_else(|| self.dotted(name))
    }

    fn dotted(&self, name: &str) -> Option<Meaning> {
        if !has_custom_fields(self.kind) {
            return None;
        }
        match name {
            "custom" => Some(Meaning::Object("custom")),
            "metadata" => Some(Meaning::Object("metadata")),
            name => {
                let custom = name.strip_prefix(CUSTOM).map(|key| Meaning::Custom(key.to_owned()));
                custom.or_else(|| Some(Meaning::Metadata(name.strip_prefix(METADATA)?.to_owned())))
            }
        }
    }

    fn unknown_field(&self, field: &str) -> String {
        format!("{} have no field {field:?}; known are {}", self.kind, self.known())
    }

    fn known(&self) -> String {
        let more = if has_custom_fields(self.kind) { ", custom.KEY, metadata.NAME" } else { "" };
        format!("{}{more}", fields(self.kind).join(", "))
    }
}

const NO_TRUTH: &str = "Must be true or false.";

/// What a text says of yes and no.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "1" | "x" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Whether a value says nothing: the field keeps its value.
fn is_blank(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        Json::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// A value with the column it stands in.
#[derive(Clone, Debug)]
struct Cell {
    rank: usize,
    column: Arc<str>,
    value: Json,
}

/// What a row says about the fields of its kind.
#[derive(Clone, Debug, Default)]
pub struct Values {
    fields: HashMap<&'static str, Cell>,
    /// Values of custom fields, by key.
    pub custom: Vec<(String, Json)>,
    /// Members of the metadata.
    pub metadata: Map<String, Json>,
}

impl Values {
    fn put(&mut self, meaning: Meaning, column: &Arc<str>, value: &Json) -> Result<(), String> {
        match meaning {
            Meaning::Ignored => {}
            Meaning::Custom(key) => self.custom.push((key, value.clone())),
            Meaning::Metadata(name) => {
                self.metadata.insert(name, value.clone());
            }
            Meaning::Object(name) => {
                let Json::Object(object) = object(value)? else { return Err("must be an object".to_owned()) };
                if name == "custom" {
                    self.custom.extend(object);
                } else {
                    self.metadata.extend(object);
                }
            }
            Meaning::Fields(fields) => {
                for (field, rank) in fields {
                    self.put_field(field, Cell { rank, column: Arc::clone(column), value: value.clone() })?;
                }
            }
        }
        Ok(())
    }

    /// Keeps the value of the preferred column.
    fn put_field(&mut self, field: &'static str, cell: Cell) -> Result<(), String> {
        match self.fields.entry(field) {
            Entry::Vacant(entry) => {
                entry.insert(cell);
            }
            Entry::Occupied(mut entry) if entry.get().rank > cell.rank => {
                entry.insert(cell);
            }
            Entry::Occupied(entry) if entry.get().rank == cell.rank => {
                return Err(format!("the columns {:?} and this are both {field}", entry.get().column));
            }
            Entry::Occupied(_) => {}
        }
        Ok(())
    }

    fn put_default(&mut self, meaning: &Meaning, column: &Arc<str>, value: &Json) {
        match meaning {
            Meaning::Fields(fields) => {
                for (field, _) in fields {
                    let cell = || Cell { rank: 0, column: Arc::clone(column), value: value.clone() };
                    self.fields.entry(*field).or_insert_with(cell);
                }
            }
            Meaning::Custom(key) if !self.custom.iter().any(|(other, _)| other == key) => {
                self.custom.push((key.clone(), value.clone()));
            }
            Meaning::Metadata(name) => {
                self.metadata.entry(name.clone()).or_insert_with(|| value.clone());
            }
            Meaning::Custom(_) | Meaning::Object(_) | Meaning::Ignored => {}
        }
    }

    /// The text of a field. Numbers and truth values are written as JSON writes them.
    pub fn text(&self, field: &'static str) -> Option<String> {
        let value = match &self.fields.get(field)?.value {
            Json::String(text) => text.trim().to_owned(),
            value => value.to_string(),
        };
        Some(value)
    }

    /// The truth value of a field.
    pub fn flag(&self, field: &'static str) -> Result<Option<bool>, String> {
        match self.fields.get(field).map(|cell| &cell.value) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(*value)),
            Some(Json::String(text)) => match truth(text) {
                Some(value) => Ok(Some(value)),
                None => Err(NO_TRUTH.to_owned()),
            },
            Some(_) => Err(NO_TRUTH.to_owned()),
        }
    }

    /// The items of a field: an array, or a text with semicolons.
    pub fn list(&self, field: &'static str) -> Option<Vec<String>> {
        let items = match &self.fields.get(field)?.value {
            Json::Array(items) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), |item| item.trim().to_owned()))
                .collect(),
            Json::String(text) => {
                text.split(';').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
            }
            value => vec![value.to_string()],
        };
        Some(items)
    }

    /// The column in which a field stands; the field itself where no column does.
    pub fn column(&self, field: &str) -> String {
        self.fields.get(field).map_or_else(|| field.to_owned(), |cell| cell.column.to_string())
    }

    /// Everything that the row says, in one order: rows that say the same have the same text.
    pub fn canonical(&self) -> String {
        let mut fields: Vec<(&str, &Json)> =
            self.fields.iter().map(|(field, cell)| (*field, &cell.value)).collect();
        fields.sort_unstable_by_key(|(field, _)| *field);
        let mut custom: Vec<&(String, Json)> = self.custom.iter().collect();
        custom.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        serde_json::json!([fields, custom, self.metadata]).to_string()
    }
}

/// An object, or one that a text holds.
fn object(value: &Json) -> Result<Json, String> {
    match value {
        Json::String(text) => serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}")),
        value => Ok(value.clone()),
    }
}
