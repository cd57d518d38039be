//! Assignments by the thousand: each created or updated by its `remoteId`, else by who holds which role for whom.
//!
//! `existing_rows` finds the assignment of a row and its person.

mod existing_rows;

use std::collections::HashSet;

use sea_orm::{IntoActiveModel, QueryFilter, Select};
use serde::Serialize;

use self::existing_rows::{ExistingRows, Person, RowMatch};
use super::{AssignmentKey, write};
use crate::{
    entity::{
        Scoped,
        id::{InternalContactAssignmentId, InternalContactId, OrganizationId, PartnerId},
        internal_contact,
        internal_contact_assignment::{ActiveModel, Column, Entity, InternalRole, Model},
        partner,
    },
    error::{AppResult, InputErrorCode},
    service::{
        WriteContext,
        bulk::{Checked, Exchange, Plan, Step, Upsert},
        change::{self, Action, Change, Diff},
        input::{Checks, NOT_FOUND},
        person::{Fields, Profile},
        reading, record,
    },
};

/// An assignment to create or update. What is not given keeps its value.
#[derive(Clone, Debug, Serialize)]
pub struct UpsertInternalContactAssignment {
    /// Identifier of this record in the external system it was synced from, its identity if it is given.
    pub remote_id: Option<String>,
    /// The email address of who holds it, who is found by it or made.
    pub email: String,
    /// The role.
    pub internal_role: InternalRole,
    /// The id of the partner for whom; of a new assignment none when absent.
    pub partner_id: Option<String>,
    /// The other fields of the person, used only when they are new.
    pub profile: Profile,
}

/// A row, cleaned.
pub struct Row {
    person: Fields,
    remote_id: Option<String>,
}

/// What is written with the assignments.
pub struct SideEffects {
    /// New people, in the order of the rows.
    people: Vec<(internal_contact::Model, Diff)>,
    /// The assignments whose roles others take.
    vacated: HashSet<InternalContactAssignmentId>,
}

impl UpsertInternalContactAssignment {
    /// A blank key is none.
    fn remote_id(&self) -> Option<&str> {
        self.remote_id.as_deref().filter(|id| !id.trim().is_empty())
    }
}

impl Upsert for UpsertInternalContactAssignment {
    type Table = Entity;
    type Checked = Row;
    type SideEffects = SideEffects;

    fn check(&self, checks: &mut Checks) -> Row {
        Row {
            person: Fields::of_new(checks, &self.email, &self.profile),
            remote_id: checks.optional_line("remoteId", self.remote_id()),
        }
    }

    fn unique_key(row: &Model) -> &str {
        row.remote_id.as_deref().unwrap_or_default()
    }

    async fn plan(
        ctx: &WriteContext<'_>,
        rows: &[Checked<'_, Self>],
    ) -> AppResult<Plan<Entity, SideEffects>> {
        let mut exchange = Exchange::default();
        loop {
            let mut planner = Planner::read(ctx, rows, exchange).await?;
            let steps = rows.iter().enumerate().map(|(index, row)| planner.step(index, row));
            let steps: Vec<_> = steps.collect::<AppResult<_>>()?;
            exchange = std::mem::take(&mut planner.existing.exchange);
            if !exchange.has_failed(planner.existing.ids(), &steps) {
                let vacated = exchange.vacated;
                return Ok(Plan { steps, side_effects: SideEffects { people: planner.people, vacated } });
            }
        }
    }

    /// What is hidden with its person or its partner is not shown.
    fn visible_rows(organization: OrganizationId) -> Select<Entity> {
        Entity::find_in(organization)
    }

    async fn write_before(ctx: &WriteContext<'_>, side_effects: &mut SideEffects) -> AppResult<()> {
        let vacated = std::mem::take(&mut side_effects.vacated);
        if !vacated.is_empty() {
            // Nothing refers to an assignment, and the rows are written whole afterwards.
            let which = ctx.keys_in(Column::Id, vacated);
            Entity::delete_in(ctx.organization).filter(which).exec(&ctx.txn).await?;
        }
        let people = std::mem::take(&mut side_effects.people);
        let mut rows: Vec<_> = people.iter().map(|(row, _)| row.clone()).collect();
        // In the order in which other callers insert them.
        rows.sort_by(|one, other| one.email_key.cmp(&other.email_key));
        reading::insert_all::<internal_contact::Entity>(&ctx.txn, rows).await?;
        let created = |(row, diff): (internal_contact::Model, Diff)| {
            Change::of::<internal_contact::Entity>(row.id, Action::Created, diff)
        };
        change::record_all(ctx, people.into_iter().map(created));
        Ok(())
    }
}

/// What the rows name and mean, read and held before the first of them is planned: partners, people, assignments, in the
/// order in which every writer holds them.
struct Planner<'a> {
    ctx: &'a WriteContext<'a>,
    partners: HashSet<PartnerId>,
    existing: ExistingRows,
    people: Vec<(internal_contact::Model, Diff)>,
}

impl<'a> Planner<'a> {
    async fn read(
        ctx: &'a WriteContext<'a>,
        rows: &[Checked<'_, UpsertInternalContactAssignment>],
        exchange: Exchange<AssignmentKey, Entity>,
    ) -> AppResult<Self> {
        let named = rows.iter().filter_map(|row| row.input.partner_id.as_deref()?.parse().ok());
        let named: HashSet<PartnerId> = named.collect();
        let partners = reading::lock_active::<partner::Entity>(ctx, named).await?;
        let existing = ExistingRows::read(ctx, rows, &partners, exchange).await?;
        Ok(Self { ctx, partners, existing, people: Vec::new() })
    }

    /// Plans the next row.
    fn step(
        &mut self,
        index: usize,
        row: &Checked<'_, UpsertInternalContactAssignment>,
    ) -> AppResult<Step<Entity>> {
        let mut checks = row.checks.clone();
        let partner = row.input.partner_id.as_deref().map(|id| self.partner(&mut checks, id));
        let row_match = match partner {
            Some(None) => RowMatch::Unknown,
            partner => self.existing.row_match(&mut checks, index, row, partner.flatten()),
        };
        let (row, role) = (&row.row, row.input.internal_role);
        match row_match {
            RowMatch::New { person, partner } if checks.passed() => {
                let person = self.person(person, row)?;
                self.put(None, (person, partner, role), row)
            }
            RowMatch::Known { row: old, person, partner } if checks.passed() => {
                let person = self.person(person, row)?;
                self.put(Some(*old), (person, partner, role), row)
            }
            _ => Ok(Step::failed(checks)),
        }
    }

    /// The partner that a row names; reports when it is not there.
    fn partner(&self, checks: &mut Checks, id: &str) -> Option<PartnerId> {
        let partner = id.parse().ok().filter(|id| self.partners.contains(id));
        if partner.is_none() {
            checks.report("partnerId", InputErrorCode::NotFound, NOT_FOUND);
        }
        partner
    }

    /// The id of who holds the assignment, who is created when they are new.
    fn person(&mut self, person: Person, row: &Row) -> AppResult<InternalContactId> {
        match person {
            Person::Known(id) => Ok(id),
            Person::New => {
                let (person, diff) = row.person.create(self.ctx)?;
                let id = person.id;
                self.existing.put_person(&person);
                self.people.push((person, diff));
                Ok(id)
            }
        }
    }

    /// Creates an assignment, or changes an existing one.
    fn put(&mut self, old: Option<Model>, key: AssignmentKey, input: &Row) -> AppResult<Step<Entity>> {
        let mut row = old.clone().map_or_else(ActiveModel::default, IntoActiveModel::into_active_model);
        let diff = write(&mut row, key, input.remote_id.clone().map(Some));
        let step = match old.clone() {
            Some(old) => Step::changed(self.ctx, old, row, diff)?,
            None => Step::created(record::new_row::<Entity>(self.ctx, row)?, diff),
        };
        if let Some(new) = step.written() {
            self.existing.put(old.as_ref(), new);
        }
        Ok(step)
    }
}
