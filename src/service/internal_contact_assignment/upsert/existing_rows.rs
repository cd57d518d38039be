//! Which assignment a row of a bulk write means, and who holds it.
//!
//! A role that a row gives up can be taken by another one, before or after it: assignments can exchange their roles.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, ExprTrait, QueryFilter, QuerySelect};

use super::{AssignmentKey, UpsertInternalContactAssignment};
use crate::{
    entity::{
        Scoped,
        id::{InternalContactAssignmentId, InternalContactId, PartnerId},
        internal_contact,
        internal_contact_assignment::{Column, Entity, InternalRole, Model},
    },
    error::{AppResult, InputErrorCode, ROLE_TAKEN},
    service::{
        WriteContext,
        bulk::{Checked, DuplicateTracker, Exchange, is_repeated, lost_race},
        input::Checks,
        reading,
    },
};

type Input<'a> = Checked<'a, UpsertInternalContactAssignment>;

/// The assignments that the rows may mean, and the people who may hold them, by what finds them.
pub(super) struct ExistingRows {
    assignments: HashMap<InternalContactAssignmentId, Model>,
    by_remote_id: HashMap<String, InternalContactAssignmentId>,
    by_assignment_key: HashMap<AssignmentKey, InternalContactAssignmentId>,
    people: HashMap<String, InternalContactId>,
    /// The roles that rows exchange.
    pub(super) exchange: Exchange<AssignmentKey, Entity>,
    /// What earlier rows were about.
    remote_ids: DuplicateTracker<String>,
    held: DuplicateTracker<(String, Option<PartnerId>, InternalRole)>,
    meant: DuplicateTracker<InternalContactAssignmentId>,
}

/// Who holds an assignment.
pub(super) enum Person {
    /// Somebody who is there, or whom an earlier row has made.
    Known(InternalContactId),
    /// Somebody who is to be made.
    New,
}

/// What a row means.
pub(super) enum RowMatch {
    /// An assignment that is there, and who is to hold it for whom.
    Known {
        /// The assignment.
        row: Box<Model>,
        /// Who is to hold it.
        person: Person,
        /// For whom.
        partner: Option<PartnerId>,
    },
    /// A new one.
    New {
        /// Who is to hold it.
        person: Person,
        /// For whom.
        partner: Option<PartnerId>,
    },
    /// Unknown: the row is rejected.
    Unknown,
}

impl ExistingRows {
    /// Finds and locks people and assignments.
    pub(super) async fn read(
        ctx: &WriteContext<'_>,
        rows: &[Input<'_>],
        partners: &HashSet<PartnerId>,
        exchange: Exchange<AssignmentKey, Entity>,
    ) -> AppResult<Self> {
        let remote_ids: Vec<String> = rows.iter().filter_map(|row| row.row.remote_id.clone()).collect();
        let seen = seen(ctx, &remote_ids).await?;
        let holders: HashSet<InternalContactId> = seen.iter().map(|(holder, _)| *holder).collect();
        let partners: HashSet<PartnerId> =
            partners.iter().copied().chain(seen.iter().filter_map(|(_, partner)| *partner)).collect();

        let emails = rows.iter().map(|row| row.row.person.email_key().to_owned());
        let has_email = ctx.keys_in(internal_contact::Column::EmailKey, emails);
        let wanted = has_email.or(ctx.keys_in(internal_contact::Column::Id, holders));
        let people = reading::lock_where::<internal_contact::Entity>(ctx, wanted).await?;
        let theirs = ctx.keys_in(Column::InternalContactId, people.iter().map(|person| person.id));
        let for_one = Column::PartnerId.is_null().or(ctx.keys_in(Column::PartnerId, partners));
        let wanted = ctx.keys_in(Column::RemoteId, remote_ids).or(theirs.and(for_one));
        let assignments = reading::lock_where::<Entity>(ctx, wanted).await?;

        let known: HashSet<InternalContactId> = people.iter().map(|person| person.id).collect();
        if assignments.iter().any(|row| !known.contains(&row.internal_contact_id)) {
            // It was given to somebody else in between, who is not held.
            return Err(lost_race());
        }
        let mut directory = Self {
            assignments: HashMap::with_capacity(assignments.len()),
            by_remote_id: HashMap::new(),
            by_assignment_key: HashMap::new(),
            people: people.into_iter().map(|person| (person.email_key, person.id)).collect(),
            exchange: Exchange::default(),
            remote_ids: DuplicateTracker::default(),
            held: DuplicateTracker::default(),
            meant: DuplicateTracker::default(),
        };
        for row in assignments {
            directory.enter(&row);
            directory.assignments.insert(row.id, row);
        }
        let mut exchange = exchange;
        exchange.release(rows.iter().filter_map(|row| directory.released_by(row)));
        directory.exchange = exchange;
        Ok(directory)
    }

    /// The ids of the assignments that were found.
    pub(super) fn ids(&self) -> impl Iterator<Item = InternalContactAssignmentId> {
        self.assignments.keys().copied()
    }

    /// The role that the assignment with a row's remote id gives up by it.
    fn released_by(&self, row: &Input<'_>) -> Option<(AssignmentKey, InternalContactAssignmentId)> {
        let remote_id = row.row.remote_id.as_deref().filter(|_| row.checks.passed())?;
        let old = self.assignments.get(self.by_remote_id.get(remote_id)?)?;
        let key = assignment_key(old);
        let named = row.input.partner_id.as_deref().map(|id| id.parse().ok());
        let partner = named.unwrap_or(old.partner_id);
        let person = self.people.get(row.row.person.email_key());
        let is_kept = person == Some(&key.0) && partner == key.1 && row.input.internal_role == key.2;
        (!is_kept).then_some((key, old.id))
    }

    /// What a row means, where it names this partner; reports a row that another one was, and a role that is held.
    pub(super) fn row_match(
        &mut self,
        checks: &mut Checks,
        index: usize,
        row: &Input<'_>,
        partner: Option<PartnerId>,
    ) -> RowMatch {
        let (remote_id, role) = (row.row.remote_id.as_deref(), row.input.internal_role);
        let email = row.row.person.email_key();
        if email.is_empty() || row.input.remote_id().is_some() != remote_id.is_some() {
            return RowMatch::Unknown;
        }
        let of_remote_id = remote_id.and_then(|id| self.by_remote_id.get(id)).copied();
        let kept = of_remote_id.and_then(|id| self.assignments.get(&id)).and_then(|row| row.partner_id);
        let partner = partner.or(kept);
        let remote_ids = (&mut self.remote_ids, remote_id);
        let roles = (&mut self.held, "internalRole", Some((email.to_owned(), partner, role)));
        if is_repeated(checks, index, remote_ids, roles) {
            return RowMatch::Unknown;
        }
        let person = self.people.get(email).copied();
        let key = person.map(|person| (person, partner, role));
        let of_held = key.and_then(|key| Some((key, *self.by_assignment_key.get(&key)?)));
        let of_held = of_held
            .filter(|(key, holder)| {
                let is_other = of_remote_id != Some(*holder);
                !(is_other && self.exchange.take(key, *holder))
            })
            .map(|(_, holder)| holder);
        let (field, found) = match (of_remote_id, of_held) {
            (Some(known), Some(other)) if known != other => return refuse_taken(checks),
            (Some(known), _) => ("remoteId", Some(known)),
            (None, Some(other)) if remote_id.is_some() && self.has_remote_id(other) => {
                return refuse_taken(checks);
            }
            (None, found) => ("internalRole", found),
        };
        let person = person.map_or(Person::New, Person::Known);
        let Some(found) = found else { return RowMatch::New { person, partner } };
        self.meant.check(checks, field, found, index);
        match self.assignments.get(&found) {
            Some(row) => RowMatch::Known { row: Box::new(row.clone()), person, partner },
            None => RowMatch::Unknown,
        }
    }

    fn has_remote_id(&self, assignment: InternalContactAssignmentId) -> bool {
        self.assignments.get(&assignment).is_some_and(|row| row.remote_id.is_some())
    }

    /// Notes a person whom a row has made.
    pub(super) fn put_person(&mut self, person: &internal_contact::Model) {
        self.people.insert(person.email_key.clone(), person.id);
    }

    /// Notes an assignment that a row has made or changed, and what it may have given up.
    pub(super) fn put(&mut self, old: Option<&Model>, row: &Model) {
        if let Some(old) = old.map(assignment_key)
            && self.by_assignment_key.get(&old) == Some(&row.id)
        {
            self.by_assignment_key.remove(&old);
        }
        self.enter(row);
    }

    fn enter(&mut self, row: &Model) {
        self.by_assignment_key.insert(assignment_key(row), row.id);
        if let Some(remote_id) = &row.remote_id {
            self.by_remote_id.insert(remote_id.clone(), row.id);
        }
    }
}

fn assignment_key(row: &Model) -> AssignmentKey {
    (row.internal_contact_id, row.partner_id, row.internal_role)
}

fn refuse_taken(checks: &mut Checks) -> RowMatch {
    checks.report("internalRole", InputErrorCode::Taken, ROLE_TAKEN);
    RowMatch::Unknown
}

/// Who holds the assignments with these remote ids, and for whom; nothing is held fast yet.
async fn seen(
    ctx: &WriteContext<'_>,
    remote_ids: &[String],
) -> AppResult<Vec<(InternalContactId, Option<PartnerId>)>> {
    if remote_ids.is_empty() {
        return Ok(Vec::new());
    }
    let is_one = ctx.keys_in(Column::RemoteId, remote_ids.iter().cloned());
    let assignments = Entity::find_in(ctx.organization).filter(is_one).select_only();
    let columns = assignments.columns([Column::InternalContactId, Column::PartnerId]);
    Ok(columns.into_tuple().all(&ctx.txn).await?)
}
