//! The organizations of external ids, which tokens name: looked up by one query, and remembered for seconds.
//!
//! Another instance's change of an external id is therefore seen within seconds, one of this process at once.

use std::{
    collections::HashMap,
    slice,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Database, organization, text};
use crate::{
    auth::{OrganizationName, organization_number},
    entity::id::OrganizationId,
    error::AppResult,
};

/// How long an answer of the database is used.
const LIFETIME: Duration = Duration::from_secs(5);
/// The most ids that are remembered. When there are more, all are forgotten: they are asked again within seconds anyway.
const MOST: usize = 10_000;
/// The most characters of an external id, as of any line of text.
const LONGEST: usize = 255;

/// External ids with the organizations that have them, or with none.
#[derive(Debug, Default)]
pub(super) struct ExternalIds(Mutex<HashMap<String, Answer>>);

#[derive(Clone, Copy, Debug)]
struct Answer {
    organization: Option<OrganizationId>,
    at: Instant,
}

impl ExternalIds {
    /// Forgets all: an external id was changed.
    pub(super) fn clear(&self) {
        self.answers().clear();
    }

    fn known(&self, id: &str) -> Option<Option<OrganizationId>> {
        let answer = *self.answers().get(id)?;
        (answer.at.elapsed() < LIFETIME).then_some(answer.organization)
    }

    fn remember(&self, id: String, organization: Option<OrganizationId>, at: Instant) {
        let mut answers = self.answers();
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(id, Answer { organization, at });
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<String, Answer>> {
        // Nothing between two steps can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The numbers of the organizations with these external ids.
pub async fn numbers(db: &Database, ids: &[String]) -> AppResult<Vec<i64>> {
    let (mut numbers, mut unknown) = (Vec::new(), Vec::new());
    // Stored ids are composed too. Whatever else differs makes another id, as it does for the provider.
    for id in ids.iter().map(|id| text::composed(id)).filter(|id| id.chars().count() <= LONGEST) {
        match db.external_ids.known(&id) {
            Some(organization) => numbers.extend(organization.map(|organization| organization.0)),
            None => unknown.push(id.into_owned()),
        }
    }
    if unknown.is_empty() {
        return Ok(numbers);
    }
    let at = Instant::now();
    let rows = organization::with_external_ids(db, &unknown).await?;
    let found: HashMap<String, OrganizationId> =
        rows.into_iter().filter_map(|row| Some((row.external_id?, row.id))).collect();
    for id in unknown {
        let organization = found.get(&id).copied();
        numbers.extend(organization.map(|organization| organization.0));
        db.external_ids.remember(id, organization, at);
    }
    Ok(numbers)
}

/// The number of the organization that a token or a setting names, if it exists.
pub async fn find(db: &Database, name: &OrganizationName) -> AppResult<Option<i64>> {
    match name {
        OrganizationName::Number(number) => Ok(organization::exists(db, *number).await?.then_some(*number)),
        OrganizationName::External(id) => Ok(numbers(db, slice::from_ref(id)).await?.first().copied()),
    }
}

/// The number of the organization with this id, external id or number. It may not exist.
pub async fn number(db: &Database, text: &str) -> AppResult<Option<i64>> {
    if let Some(number) = organization_number(text) {
        return Ok(Some(number));
    }
    if text.trim().is_empty() {
        return Ok(None);
    }
    Ok(numbers(db, &[text.to_owned()]).await?.first().copied())
}
