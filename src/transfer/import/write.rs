//! Writing a batch: what the rows refer to is looked up, and each kind goes through its own bulk service.

use std::{collections::HashMap, time::Duration};

use super::{
    ImportError,
    build::{self, Fault, Lookups},
};
use crate::{
    auth::RequestContext,
    entity::{Columns, contact_type, custom_field, organization_contact::OrganizationContactType},
    error::{AppError, AppResult, Code, InputError},
    service::{
        Database, ListRequest, PageWindow,
        account::UpsertAccount,
        bulk::{self, ErrorPolicy, MAX_ROWS, Results, Status, Upsert, Upserts},
        organization_contact,
        page::Paged,
        partner::UpsertPartner,
        reading,
        record::Recorded,
    },
    transfer::{Kind, Session, Turn, columns::Values},
};

/// How often a batch is tried while the database is busy or unreachable.
const ATTEMPTS: u32 = 5;
/// How long the first wait between two tries is; each further one is twice as long.
const WAIT: Duration = Duration::from_millis(200);
/// How many rows a page of lookups has.
const PAGE: i32 = 100;

/// What became of a row.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) status: Status,
    /// The field that is wrong, if one is.
    pub(super) field: Option<String>,
    /// All that is wrong.
    pub(super) reason: String,
}

impl Outcome {
    pub(super) fn of(status: Status) -> Self {
        Self { status, field: None, reason: String::new() }
    }

    pub(super) fn failed((field, reason): Fault) -> Self {
        Self { status: Status::Failed, field: Some(field), reason }
    }

    /// The outcome of a row that the service refused.
    pub(super) fn refused(errors: &[InputError]) -> Self {
        let field = errors.iter().find_map(field);
        let reasons: Vec<String> = errors
            .iter()
            .map(|error| match self::field(error).filter(|_| errors.len() > 1) {
                Some(field) => format!("{field}: {}", error.message),
                None => error.message.to_string(),
            })
            .collect();
        Self { status: Status::Failed, field, reason: reasons.join(" ") }
    }
}

/// The field of an error, without the position of the row.
fn field(error: &InputError) -> Option<String> {
    let path = error.path.iter().skip(if error.index.is_some() { 2 } else { 0 });
    let name = path.map(|part| &**part).next()?;
    Some(match name {
        "contactTypeId" => "contactType".to_owned(),
        "countryId" => "country".to_owned(),
        name => name.to_owned(),
    })
}

/// What a row must not have in common with another one of its batch.
pub(super) fn identities(kind: Kind, values: &Values) -> Vec<String> {
    let key = |field| values.text(field).map(|value| format!("{field} {}", value.to_lowercase()));
    match kind {
        Kind::Partners | Kind::Accounts | Kind::OrganizationContacts => {
            vec![key("remoteId").unwrap_or_else(|| values.canonical())]
        }
        Kind::ContactTypes => key("name").into_iter().collect(),
        Kind::CustomFields => key("key").into_iter().collect(),
        // Several rows may assign one person, each with another role or partner.
        Kind::InternalContactAssignments => {
            let fields = ["email", "internalRole", "partnerId", "partnerRemoteId"];
            let whole = fields.map(|field| values.text(field).unwrap_or_default().to_lowercase()).join("\n");
            key("remoteId").into_iter().chain([whole]).collect()
        }
        Kind::InternalContacts | Kind::AccountContacts => {
            key("remoteId").into_iter().chain(key("email")).collect()
        }
    }
}

/// Writes batches.
pub(super) struct Writer<'a> {
    pub(super) session: &'a Session,
    pub(super) is_dry_run: bool,
    pub(super) lookups: Lookups,
}

impl<'a> Writer<'a> {
    pub(super) async fn new(session: &'a Session, is_dry_run: bool) -> Result<Self, ImportError> {
        let mut writer = Self { session, is_dry_run, lookups: Lookups::default() };
        writer.read_lookups().await.map_err(ImportError::Write)?;
        // An organization has contact types from its creation on.
        if writer.lookups.contact_types.is_empty() {
            let organization = session.caller.organization.unwrap_or_default();
            return Err(ImportError::Organization(organization));
        }
        Ok(writer)
    }

    /// Waits for the turn of so many rows.
    pub(super) async fn turn(&self, rows: u64) -> AppResult<Option<Turn>> {
        self.session.turn(rows).await
    }

    /// Reads the contact types and the custom fields.
    pub(super) async fn read_lookups(&mut self) -> AppResult<()> {
        let fields = all::<custom_field::Entity>(self.session).await?;
        self.lookups.contact_types = all::<contact_type::Entity>(self.session).await?;
        self.lookups.custom_fields = fields.into_iter().map(|row| (row.key.clone(), row)).collect();
        Ok(())
    }

    /// Writes rows of a kind. The outcomes are in their order.
    pub(super) async fn write(&mut self, kind: Kind, rows: &[&Values]) -> AppResult<Vec<Outcome>> {
        self.lookups.companies = self.companies(kind, rows).await?;
        let lookups = &self.lookups;
        match kind {
            Kind::ContactTypes | Kind::CustomFields => self.write_settings(kind, rows).await,
            Kind::Partners => self.upsert(rows.iter().map(|row| Ok(build::partner(row))).collect()).await,
            Kind::Accounts => self.upsert(rows.iter().map(|row| Ok(build::account(row))).collect()).await,
            Kind::InternalContacts => {
                self.upsert(rows.iter().map(|row| Ok(build::internal_contact(row))).collect()).await
            }
            Kind::InternalContactAssignments => {
                self.upsert(rows.iter().map(|row| build::assignment(row, lookups)).collect()).await
            }
            Kind::AccountContacts => {
                self.upsert(rows.iter().map(|row| build::account_contact(row, lookups)).collect()).await
            }
            Kind::OrganizationContacts => self.upsert_cards(rows).await,
        }
    }

    /// The ids of the partners or accounts that the rows refer to, by remote id.
    async fn companies(&self, kind: Kind, rows: &[&Values]) -> AppResult<HashMap<String, String>> {
        match kind {
            Kind::InternalContactAssignments => {
                let ids = rows.iter().filter_map(|row| row.text("partnerRemoteId"));
                self.ids(ids, |remote_id| UpsertPartner { remote_id, name: None }).await
            }
            Kind::AccountContacts => {
                let ids = rows.iter().filter_map(|row| row.list("accountRemoteIds")).flatten();
                self.ids(ids, |remote_id| UpsertAccount { remote_id, name: None, primary_domain: None }).await
            }
            _ => Ok(HashMap::new()),
        }
    }

    /// The ids of the records with these remote ids: an upsert that says nothing else finds them, and is not written.
    async fn ids<U: Upsert>(
        &self,
        remote_ids: impl Iterator<Item = String>,
        make: impl Fn(String) -> U,
    ) -> AppResult<HashMap<String, String>> {
        let mut remote_ids: Vec<String> = remote_ids.collect();
        remote_ids.sort_unstable();
        remote_ids.dedup();
        let mut ids = HashMap::with_capacity(remote_ids.len());
        for remote_ids in remote_ids.chunks(MAX_ROWS) {
            let rows: Vec<U> = remote_ids.iter().cloned().map(&make).collect();
            let results = bulk::preview(&self.session.db, &self.session.request(), &rows).await?;
            let found = remote_ids.iter().zip(results).filter_map(|(remote_id, result)| {
                Some((remote_id.clone(), U::Table::id(&result.row?).to_string()))
            });
            ids.extend(found);
        }
        Ok(ids)
    }

    async fn upsert<U: Upsert>(&self, rows: Vec<Result<U, Fault>>) -> AppResult<Vec<Outcome>> {
        let (mut good, mut outcomes) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in rows {
            outcomes.push(match row {
                Ok(row) => {
                    good.push(row);
                    None
                }
                Err(fault) => Some(Outcome::failed(fault)),
            });
        }
        let mut written = self.upsert_all(good).await?.into_iter();
        let missing = || AppError::Internal("a bulk write returned too few results".into());
        outcomes.into_iter().map(|outcome| outcome.or_else(|| written.next()).ok_or_else(missing)).collect()
    }

    /// Upserts rows; those that are too many or too much together in halves.
    async fn upsert_all<U: Upsert>(&self, rows: Vec<U>) -> AppResult<Vec<Outcome>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut input = Upserts { rows, error_policy: ErrorPolicy::RejectFailedRows, idempotency_key: None };
        let results = self.attempt(&input).await;
        match results {
            Ok(results) => Ok(results.into_iter().map(|it| outcome(it.status, &it.errors)).collect()),
            Err(AppError::Input(errors)) if input.rows.len() == 1 => Ok(vec![Outcome::refused(&errors)]),
            Err(AppError::Input(_)) => {
                let rest = input.rows.split_off(input.rows.len() / 2);
                let mut outcomes = Box::pin(self.upsert_all(input.rows)).await?;
                outcomes.extend(Box::pin(self.upsert_all(rest)).await?);
                Ok(outcomes)
            }
            Err(error) => Err(error),
        }
    }

    /// Tries again while the database is busy.
    async fn attempt<U: Upsert>(&self, input: &Upserts<U>) -> AppResult<Results<U>> {
        let mut tries = 0;
        loop {
            let request = self.session.request();
            let results = if self.is_dry_run {
                bulk::preview(&self.session.db, &request, &input.rows).await
            } else {
                bulk::upsert(&self.session.db, &request, input).await
            };
            tries += 1;
            match results {
                Err(error) if is_passing(&error) && tries < ATTEMPTS => wait(tries).await,
                results => return results,
            }
        }
    }

    /// Creates or changes organization contacts, each in a transaction of its own.
    async fn upsert_cards(&self, rows: &[&Values]) -> AppResult<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(rows.len());
        for row in rows {
            outcomes.push(match build::organization_contact(row) {
                Err(fault) => Outcome::failed(fault),
                Ok((remote_id, kind, card)) => self.upsert_card(&remote_id, kind, &card).await?,
            });
        }
        Ok(outcomes)
    }

    async fn upsert_card(
        &self,
        remote_id: &str,
        kind: OrganizationContactType,
        card: &organization_contact::Card,
    ) -> AppResult<Outcome> {
        let mut tries = 0;
        loop {
            let (db, request) = (&self.session.db, self.session.request());
            let card =
                organization_contact::upsert(db, &request, remote_id, (kind, card), self.is_dry_run).await;
            tries += 1;
            match card {
                Ok((_, status)) => return Ok(Outcome::of(status)),
                Err(AppError::Input(errors)) => return Ok(Outcome::refused(&errors)),
                Err(error) if is_passing(&error) && tries < ATTEMPTS => wait(tries).await,
                Err(error) => return Err(error),
            }
        }
    }
}

fn outcome(status: Status, errors: &[InputError]) -> Outcome {
    if status == Status::Failed { Outcome::refused(errors) } else { Outcome::of(status) }
}

/// Whether the same write may succeed a moment later.
fn is_passing(error: &AppError) -> bool {
    error.is_rolled_back() || matches!(error.code(), Code::Unavailable | Code::Timeout)
}

async fn wait(tries: u32) {
    tokio::time::sleep(WAIT * 2_u32.pow(tries - 1)).await;
}

/// All rows of a small list.
async fn all<E: Recorded>(session: &Session) -> AppResult<Vec<E::Model>> {
    pages::<E>(&session.db, &session.request()).await
}

async fn pages<E: Recorded>(db: &Database, request: &RequestContext) -> AppResult<Vec<E::Model>> {
    let (mut rows, mut window) = (Vec::new(), PageWindow { first: Some(PAGE), ..PageWindow::default() });
    loop {
        let list = ListRequest::new(E::LIST, &window, None, Vec::new(), false)?;
        let page = reading::list::<E>(db, request, Columns::all(), &list).await?;
        rows.extend(page.items);
        match rows.last().filter(|_| page.has_next) {
            Some(last) => window.after = Some(E::cursor(last).encode()),
            None => return Ok(rows),
        }
    }
}
