//! Assignments by the thousand: each created or updated by its `remoteId`, else by who holds which role for whom.
//!
//! `existing_rows` finds the assignment of a row and its person.

mod existing_rows;

use std::collections::HashSet;

use sea_orm::{IntoActiveModel, Select, Set};
use serde::Serialize;

use self::existing_rows::{ExistingRows, Person, RowMatch};
use super::{AssignmentKey, new_row};
use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        id::{InternalContactId, OrganizationId, PartnerId},
        internal_contact,
        internal_contact_assignment::{Entity, InternalRole, Model},
    },
    error::{AppResult, InputErrorCode},
    service::{
        Database,
        bulk::{self, Checked, Plan, RowResult, Step, Upsert, Upserts, WriteContext},
        change::{self, Action, Change, Diff},
        input::{Checks, NOT_FOUND},
        internal_contact::{NewPerson, Profile},
        partner as partners, reading,
        record::Recorded,
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

/// Creates or updates assignments by their `remoteId`, else by person, partner and role. People are found by their email
/// addresses or made; those that are found keep every field as it is.
pub async fn upsert(
    db: &Database,
    ctx: &RequestContext,
    input: &Upserts<UpsertInternalContactAssignment>,
) -> AppResult<Vec<RowResult<Model>>> {
    bulk::upsert(db, ctx, input).await
}

/// A row, cleaned.
pub(in crate::service) struct Row {
    person: NewPerson,
    remote_id: Option<String>,
}

/// New people, in the order of the rows.
pub(in crate::service) type SideEffects = Vec<(internal_contact::Model, Diff)>;

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

    const OPERATION: &'static str = "upsertInternalContactAssignments";

    fn check(&self, checks: &mut Checks) -> Row {
        Row {
            person: NewPerson::check(checks, &self.email, &self.profile),
            remote_id: checks.optional_line("remoteId", self.remote_id()),
        }
    }

    fn unique_key(row: &Model) -> &str {
        row.remote_id.as_deref().unwrap_or_default()
    }

    async fn plan(
        context: WriteContext<'_>,
        rows: &[Checked<'_, Self>],
    ) -> AppResult<Plan<Entity, SideEffects>> {
        let mut planner = Planner::read(context, rows).await?;
        let steps = rows.iter().enumerate().map(|(index, row)| planner.step(index, row));
        let steps = steps.collect::<AppResult<_>>()?;
        Ok(Plan { steps, side_effects: planner.side_effects })
    }

    /// What is hidden with its person or its partner is not shown.
    fn visible_rows(organization: OrganizationId) -> Select<Entity> {
        Entity::find_in(organization)
    }

    async fn write_before(context: WriteContext<'_>, side_effects: &mut SideEffects) -> AppResult<()> {
        let WriteContext { db, ctx, organization } = context;
        let people = std::mem::take(side_effects);
        let mut rows: Vec<_> = people.iter().map(|(row, _)| row.clone()).collect();
        // In the order in which other callers insert them.
        rows.sort_by(|one, other| one.email_key.cmp(&other.email_key));
        reading::insert_all::<internal_contact::Entity>(db, rows).await?;
        let changes = people.into_iter().map(|(row, diff)| {
            let (kind, id) = (internal_contact::Entity::KIND, row.id.to_string());
            Change { kind, id, action: Action::Created, diff }
        });
        change::record_all(db, ctx, organization, changes);
        Ok(())
    }
}

/// What the rows name and mean, read and held before the first of them is planned: partners, people, assignments, in the
/// order in which every writer holds them.
struct Planner<'a> {
    context: WriteContext<'a>,
    partners: HashSet<PartnerId>,
    existing: ExistingRows,
    side_effects: SideEffects,
}

impl<'a> Planner<'a> {
    async fn read(
        context: WriteContext<'a>,
        rows: &[Checked<'_, UpsertInternalContactAssignment>],
    ) -> AppResult<Self> {
        let named = rows.iter().filter_map(|row| row.input.partner_id.as_deref()?.parse().ok());
        let named: HashSet<PartnerId> = named.collect();
        let named = named.into_iter().collect();
        let partners = partners::lock_active(context.db, context.organization, named).await?;
        let existing = ExistingRows::read(context, rows, &partners).await?;
        Ok(Self { context, partners, existing, side_effects: SideEffects::default() })
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
        match row_match {
            RowMatch::New { person, partner } if checks.passed() => {
                let held = (self.person(person, &row.row), partner, row.input.internal_role);
                Ok(self.create(held, row.row.remote_id.clone()))
            }
            RowMatch::Known { row: old, person, partner } if checks.passed() => {
                let held = (self.person(person, &row.row), partner, row.input.internal_role);
                self.change(*old, held, row.row.remote_id.clone())
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

    /// The id of who holds the assignment, made when they are new.
    fn person(&mut self, person: Person, row: &Row) -> InternalContactId {
        match person {
            Person::Known(id) => id,
            Person::New => {
                let (person, diff) = row.person.create(self.context.ctx, self.context.organization);
                let id = person.id;
                self.existing.put_person(&person);
                self.side_effects.push((person, diff));
                id
            }
        }
    }

    fn create(&mut self, held: AssignmentKey, remote_id: Option<String>) -> Step<Entity> {
        let (row, diff) = new_row(self.context.ctx, self.context.organization, held, remote_id);
        self.existing.put(None, &row);
        Step::created(row, diff)
    }

    fn change(
        &mut self,
        old: Model,
        (contact, partner, role): AssignmentKey,
        remote_id: Option<String>,
    ) -> AppResult<Step<Entity>> {
        let mut row = old.clone().into_active_model();
        let mut diff = Diff::default();
        if contact != old.internal_contact_id {
            diff.note("internalContactId", old.internal_contact_id.to_string(), contact.to_string());
            row.internal_contact_id = Set(contact);
        }
        if partner != old.partner_id {
            let text = |id: Option<PartnerId>| id.map(|id| id.to_string());
            diff.note("partnerId", text(old.partner_id), text(partner));
            row.partner_id = Set(partner);
        }
        diff.set("internalRole", &mut row.internal_role, Some(role));
        diff.set("remoteId", &mut row.remote_id, remote_id.map(Some));
        let step = Step::changed(self.context.ctx, old.clone(), row, diff)?;
        if let Some(new) = step.written() {
            self.existing.put(Some(&old), new);
        }
        Ok(step)
    }
}
