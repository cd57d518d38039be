//! Other systems as sources of an import: their documented lists, page by page.
//!
//! A record keeps the id that the source gives it as its remote id, with the name of the source in front, so that a second
//! import finds it.

mod client;

use std::{str::FromStr, sync::Arc};

use serde_json::{Map, Value as Json};
use tokio::{sync::mpsc::Sender, task::JoinHandle};
use url::Url;

pub use self::client::SourceError;
use self::client::{Answer, Client};
use super::Kind;
use crate::files::{Original, ReadRow, Reject, Row};

/// How many partners a page of Stuut has; its documentation allows 200.
const STUUT_PAGE: usize = 200;
/// How many contacts a page of Thena has.
const THENA_PAGE: usize = 100;
/// How many contacts a page of emnify has, where it has pages.
const EMNIFY_PAGE: usize = 1_000;

/// A system that records are imported from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Stuut: its partners.
    Stuut,
    /// Thena: its customer contacts, as account contacts.
    Thena,
    /// emnify: the contacts of an organization.
    Emnify,
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "stuut" => Ok(Self::Stuut),
            "thena" => Ok(Self::Thena),
            "emnify" => Ok(Self::Emnify),
            _ => Err("must be stuut, thena or emnify"),
        }
    }
}

impl Source {
    /// The kind of records that its list becomes.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Stuut => Kind::Partners,
            Self::Thena => Kind::AccountContacts,
            Self::Emnify => Kind::OrganizationContacts,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Stuut => "stuut",
            Self::Thena => "thena",
            Self::Emnify => "emnify",
        }
    }

    /// The fields of the source with ours.
    const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Stuut => &[("name", "name")],
            Self::Thena => &[
                ("email", "email"),
                ("firstName", "firstName"),
                ("lastName", "lastName"),
                ("phoneNumber", "phone"),
                ("avatarUrl", "avatarUrl"),
                ("contactType", "contactType"),
                ("metadata", "metadata"),
            ],
            Self::Emnify => &[
                ("name", "name"),
                ("title", "title"),
                ("department", "department"),
                ("street", "street"),
                ("secondary_address", "secondaryAddress"),
                ("zipcode", "zipcode"),
                ("city", "city"),
                ("state", "state"),
                ("email", "email"),
                ("phone", "phone"),
                ("mobile", "mobile"),
                ("purchase_order_number", "purchaseOrderNumber"),
            ],
        }
    }

    /// The path of a page, from 0.
    fn path(self, page: usize, organization: &str) -> String {
        match self {
            Self::Stuut => format!("/v1/partners?page={page}&limit={STUUT_PAGE}"),
            Self::Thena => format!("/v1/accounts/contacts?page={}&limit={THENA_PAGE}", page + 1),
            Self::Emnify => format!(
                "/api/v1/organisation/{organization}/contact?page={}&per_page={EMNIFY_PAGE}",
                page + 1
            ),
        }
    }

    /// A record of the source as a row. `line` is its number.
    fn row(self, line: u64, record: Json) -> ReadRow {
        let original = Original::Text(record.to_string());
        let id = match record.get("id") {
            Some(Json::String(id)) if !id.is_empty() => id.clone(),
            Some(Json::Number(id)) => id.to_string(),
            _ => {
                let reason = "The record of the source has no id.".to_owned();
                return Err(Reject { line, column: "id".to_owned(), reason, original: Some(original) });
            }
        };
        let mut values: Vec<(Arc<str>, Json)> =
            vec![("remoteId".into(), format!("{}:{id}", self.name()).into())];
        let known = self.fields().iter().filter_map(|(theirs, ours)| {
            Some(((*ours).into(), record.get(theirs).filter(|value| !is_empty(value))?.clone()))
        });
        values.extend(known);
        if self == Self::Emnify {
            // The ids of countries are the source's own; their codes are not.
            let nested = [("type", "/type/id"), ("country", "/country/iso_code")];
            let nested = nested.into_iter().filter_map(|(ours, pointer)| {
                Some((ours.into(), record.pointer(pointer).filter(|value| !is_empty(value))?.clone()))
            });
            values.extend(nested);
        }
        Ok(Row { line, values, original })
    }
}

/// Whether the source says nothing with a value.
fn is_empty(value: &Json) -> bool {
    value.is_null() || value.as_str() == Some("") || value.as_object().is_some_and(Map::is_empty)
}

/// Where a source is, and what it is read with.
#[derive(Clone)]
pub struct Access {
    /// The source.
    pub source: Source,
    /// Its address, without the path of the API.
    pub url: Url,
    /// The token.
    pub token: String,
    /// The organization there: of emnify the one in the path, of Thena `x-org-id`.
    pub organization: Option<String>,
}

/// Reads the list of a source in a task of its own.
pub(super) fn read(access: &Access, sender: Sender<Vec<ReadRow>>) -> Result<Reading, SourceError> {
    let Access { source, url, token, organization } = access;
    let mut more = Vec::new();
    if *source == Source::Thena {
        more.push(("x-api-key", token.clone()));
        more.extend(organization.iter().map(|organization| ("x-org-id", organization.clone())));
    }
    let client = Client::new(url, token, more)?;
    let organization = match (source, organization) {
        (Source::Emnify, None) => return Err(SourceError::NoOrganization),
        (_, organization) => organization.clone().unwrap_or_default(),
    };
    // It stands in a path.
    let organization: String = url::form_urlencoded::byte_serialize(organization.as_bytes()).collect();
    Ok(tokio::spawn(read_pages(*source, client, organization, sender)))
}

/// The task that reads a source.
pub(super) type Reading = JoinHandle<Result<(), SourceError>>;

async fn read_pages(
    source: Source,
    client: Client,
    organization: String,
    sender: Sender<Vec<ReadRow>>,
) -> Result<(), SourceError> {
    let (mut line, mut last_first) = (0, None);
    for page in 0.. {
        let path = source.path(page, &organization);
        let answer = client.get(&path).await?;
        let is_last = is_last(source, &answer);
        let records = records(answer.body).ok_or(SourceError::Shape(path))?;
        let first = records.first().cloned();
        // A source that does not know pages gives the same one again.
        if records.is_empty() || first == last_first {
            return Ok(());
        }
        last_first = first;
        let rows = records.into_iter().map(|record| {
            line += 1;
            source.row(line, record)
        });
        // The import has ended where nobody receives.
        if sender.send(rows.collect()).await.is_err() || is_last {
            return Ok(());
        }
    }
    Ok(())
}

/// The records of an answer: an array, or one in `data`.
fn records(body: Json) -> Option<Vec<Json>> {
    match body {
        Json::Array(records) => Some(records),
        Json::Object(mut object) => match object.remove("data")? {
            Json::Array(records) => Some(records),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the answer says that no page follows. Others end with an empty page: a source may give fewer records than asked.
fn is_last(source: Source, answer: &Answer) -> bool {
    let number = |name: &str| answer.headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    match source {
        Source::Stuut | Source::Thena => false,
        Source::Emnify => {
            number("x-current-page").zip(number("x-total-pages")).is_none_or(|(page, all)| page >= all)
        }
    }
}
