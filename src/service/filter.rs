//! Which rows of a list are wanted: a tree of conditions, and its way into a statement.
//!
//! A condition is true or false, never unknown: a null is unequal to every value, and `not` turns everything around. Every
//! subquery begins at [`Scoped`], so no condition can look at another organization.

use std::{borrow::Cow, collections::HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityName, QueryFilter, QuerySelect, QueryTrait, Select,
    Value,
    sea_query::{Expr, ExprTrait, Func, SelectStatement},
};

use super::{
    ReadContext,
    contact::ContactCondition,
    custom_field::{self as custom_field_values, ValueFilter},
    search::{CompanyLink, Search, SearchQuery, Searched},
    text,
};
use crate::{
    entity::{
        Scoped, account, account_contact, account_contact_account as link, change, contact_type,
        custom_field, id::OrganizationId, internal_contact, internal_contact_assignment as assignment,
        organization, organization_contact, partner,
    },
    error::AppResult,
};

/// A condition on the rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Always, or never.
    Constant(bool),
    /// All of these hold.
    All(Vec<Filter>),
    /// At least one of these holds.
    Any(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// A column compares so.
    Compare(Field, Comparison),
    /// Rows that the row is related to meet a condition.
    Related(Relation, Quantifier, Box<Filter>),
    /// Each word of the query begins a word of the row.
    Search(SearchQuery),
    /// The row is deleted, or not.
    Deleted(DeletedRows),
    /// Only of contacts of all kinds.
    Contact(ContactCondition),
    /// Only of account contacts: a custom field has a value that compares so.
    CustomField(ValueFilter),
}

/// A column that rows can be filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    column: &'static str,
    form: Form,
}

/// The form in which a column has its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    /// As they came.
    Exact,
    /// Normalized.
    Normalized,
    /// Normalized, or a phone number in E.164 format.
    Phone,
    /// The key of an email address.
    Email,
    /// The key of a domain name.
    Domain,
}

impl Field {
    /// The address in the form that is compared.
    pub const EMAIL: Self = Self { column: "email_key", form: Form::Email };
    /// A phone number, of organization contacts as it was written.
    pub const PHONE: Self = Self { column: "phone", form: Form::Phone };
    /// The domain name in the form that is compared.
    pub const PRIMARY_DOMAIN: Self = Self { column: "primary_domain_key", form: Form::Domain };

    /// A column whose texts are normalized.
    pub const fn new(column: &'static str) -> Self {
        Self { column, form: Form::Normalized }
    }

    /// A column whose texts are what a token or a request header has.
    pub const fn exact(column: &'static str) -> Self {
        Self { column, form: Form::Exact }
    }
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operand(Value);

impl<T: Into<Value>> From<T> for Operand {
    fn from(value: T) -> Self {
        Self(value.into())
    }
}

/// How a column compares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// It has this value.
    Equal(Operand),
    /// It has another value, or none.
    NotEqual(Operand),
    /// It has one of these values.
    In(Vec<Operand>),
    /// It is less.
    Less(Operand),
    /// It is less or equal.
    LessOrEqual(Operand),
    /// It is greater.
    Greater(Operand),
    /// It is greater or equal.
    GreaterOrEqual(Operand),
    /// Its text has this part.
    Contains(String),
    /// Its text begins so.
    StartsWith(String),
    /// It has no value, or it has one.
    IsNull(bool),
}

/// Which of the rows that a row is related to must meet the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// At least one.
    Some,
    /// Not one.
    None,
}

/// How rows of one table are related to those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// The assignments to a partner.
    AssignmentsOfPartner,
    /// The assignments of an internal contact.
    AssignmentsOfInternalContact,
    /// The partner of an assignment.
    PartnerOfAssignment,
    /// The person of an assignment.
    InternalContactOfAssignment,
    /// The contacts of an account.
    ContactsOfAccount,
    /// The accounts of an account contact.
    AccountsOfContact,
    /// The type of an account contact.
    TypeOfContact,
}

/// Whether deleted rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeletedRows {
    /// Only active rows.
    Exclude,
    /// Both.
    Include,
    /// Only deleted rows.
    Only,
}

impl Filter {
    /// What is searched for at the top: the answers are ranked by it.
    pub(super) fn query(&self) -> Option<&SearchQuery> {
        match self {
            Self::Search(query) => Some(query),
            Self::All(filters) => {
                let own = filters.iter().find(|filter| matches!(filter, Self::Search(_)));
                own.or_else(|| filters.iter().find(|filter| filter.query().is_some()))?.query()
            }
            _ => None,
        }
    }

    /// Looks at every part of the filter.
    pub(super) fn visit(&self, look: &mut impl FnMut(&Self)) {
        look(self);
        match self {
            Self::All(filters) | Self::Any(filters) => filters.iter().for_each(|filter| filter.visit(look)),
            Self::Not(filter) | Self::Related(_, _, filter) => filter.visit(look),
            _ => {}
        }
    }

    /// The same filter of other conditions.
    pub(super) fn try_map(&self, make: &impl Fn(&Self) -> AppResult<Self>) -> AppResult<Self> {
        let all = |filters: &[Self]| {
            filters.iter().map(|filter| filter.try_map(make)).collect::<AppResult<Vec<_>>>()
        };
        Ok(match self {
            Self::All(filters) => Self::All(all(filters)?),
            Self::Any(filters) => Self::Any(all(filters)?),
            Self::Not(filter) => Self::Not(Box::new(filter.try_map(make)?)),
            Self::Related(relation, quantifier, filter) => {
                Self::Related(*relation, *quantifier, Box::new(filter.try_map(make)?))
            }
            condition => make(condition)?,
        })
    }

    /// Whether a custom field is spoken of.
    fn asks_for_values(&self) -> bool {
        let mut asks = false;
        self.visit(&mut |filter| asks |= matches!(filter, Self::CustomField(_)));
        asks
    }

    /// Whether it holds only for rows with one of some ids, which an index finds.
    fn names_keys(&self) -> bool {
        match self {
            Self::All(filters) => filters.iter().any(Self::names_keys),
            Self::Compare(field, Comparison::Equal(_) | Comparison::In(_)) => {
                ["id", "internal_contact_id", "partner_id", "remote_id"].contains(&field.column)
            }
            _ => false,
        }
    }

    /// Whether an index finds the few rows that it holds for.
    pub(super) fn is_found_by_index(&self) -> bool {
        match self {
            Self::All(filters) => filters.iter().any(Self::is_found_by_index),
            Self::Compare(field, Comparison::Equal(_) | Comparison::In(_)) if field.form == Form::Email => {
                true
            }
            filter => filter.names_keys(),
        }
    }

    /// Whether deleted rows are spoken of. Where they are not, they are left out.
    pub(super) fn has_deleted_filter(&self) -> bool {
        match self {
            Self::Deleted(_) => true,
            Self::All(filters) | Self::Any(filters) => filters.iter().any(Self::has_deleted_filter),
            Self::Not(filter) => filter.has_deleted_filter(),
            // What relates to the row minds its own deleted rows.
            Self::Constant(_)
            | Self::Compare(..)
            | Self::Related(..)
            | Self::Search(_)
            | Self::Contact(_)
            | Self::CustomField(_) => false,
        }
    }
}

/// A table whose rows can be filtered.
pub trait Filtered: Scoped {
    /// What is searched, where rows can be.
    const SEARCHED: Searched = Searched::Nothing;
}

/// A table and what a search of it looks at.
pub(super) fn searched<E: Filtered>() -> (&'static str, Searched) {
    (E::default().table_name(), E::SEARCHED)
}

impl Filtered for partner::Entity {
    const SEARCHED: Searched = Searched::Words;
}

impl Filtered for account::Entity {
    const SEARCHED: Searched = Searched::Words;
}

impl Filtered for internal_contact::Entity {
    const SEARCHED: Searched = Searched::WordsAndCompanies(CompanyLink {
        table: "internal_contact_assignment",
        person_id: "internal_contact_id",
        company_id: "partner_id",
        company: "partner",
        has_deleted_at: true,
    });
}

impl Filtered for account_contact::Entity {
    const SEARCHED: Searched = Searched::WordsAndCompanies(CompanyLink {
        table: "account_contact_account",
        person_id: "account_contact_id",
        company_id: "account_id",
        company: "account",
        has_deleted_at: false,
    });
}

impl Filtered for organization_contact::Entity {
    const SEARCHED: Searched = Searched::Words;
}

impl Filtered for assignment::Entity {}
impl Filtered for contact_type::Entity {}
impl Filtered for custom_field::Entity {}
impl Filtered for change::Entity {}
impl Filtered for organization::Entity {}

/// The rows of the organization that meet the filter.
pub(super) async fn rows<E: Filtered>(ctx: ReadContext<'_>, filter: Option<&Filter>) -> AppResult<Select<E>> {
    let Some(filter) = filter else { return Ok(E::find_in(ctx.organization)) };
    let scope = Scope::new(ctx.organization, ctx.db.get_database_backend());
    let mut filter = Cow::Borrowed(filter);
    if filter.asks_for_values() {
        filter = Cow::Owned(custom_field_values::checked(ctx, &filter).await?);
    }
    let filter = with_people(ctx.db, scope, &[searched::<E>()], filter).await?;
    Ok(scope.rows(&filter))
}

/// The same filter, whose searches of these tables know the few people whose companies have a word of the query. Without them a
/// search looks at the companies of all people of the organization.
pub(super) async fn with_people<'a>(
    db: &impl ConnectionTrait,
    scope: Scope,
    tables: &[(&'static str, Searched)],
    filter: Cow<'a, Filter>,
) -> AppResult<Cow<'a, Filter>> {
    let mut queries = Vec::new();
    filter.visit(&mut |filter| {
        if let Filter::Search(query) = filter {
            queries.push(query.clone());
        }
    });
    let mut people = HashMap::new();
    for query in queries.into_iter().filter(|query| query.looks_up_people(scope.backend)) {
        let tables = tables.iter().filter_map(|(table, searched)| Some((*table, searched.companies()?)));
        let Some(select) = scope.search(&query).people_of_companies(tables) else { continue };
        let rows = db.query_all(&select).await?;
        let ids = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?;
        people.insert(query.clone(), query.with_people(ids));
    }
    if people.is_empty() {
        return Ok(filter);
    }
    let looked_up = filter.try_map(&|filter| {
        Ok(match filter {
            Filter::Search(query) => Filter::Search(people.get(query).unwrap_or(query).clone()),
            other => other.clone(),
        })
    });
    looked_up.map(Cow::Owned)
}

/// Where a condition is asked.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    organization: OrganizationId,
    backend: DbBackend,
}

impl Scope {
    /// In this organization, on this kind of database.
    pub(super) fn new(organization: OrganizationId, backend: DbBackend) -> Self {
        Self { organization, backend }
    }

    /// The rows that meet the filter.
    pub(super) fn rows<E: Filtered>(self, filter: &Filter) -> Select<E> {
        let rows = if filter.has_deleted_filter() {
            E::find_in_with_deleted(self.organization)
        } else {
            E::find_in(self.organization)
        };
        rows.filter(self.condition::<E>(filter))
    }

    fn search(self, query: &SearchQuery) -> Search<'_> {
        Search { organization: self.organization, backend: self.backend, query }
    }

    fn condition<E: Filtered>(self, filter: &Filter) -> Expr {
        match filter {
            Filter::Constant(constant) => truth(*constant),
            Filter::All(filters) => self.joined::<E>(filters, Expr::and, true),
            Filter::Any(filters) => self.joined::<E>(filters, Expr::or, false),
            // A comparison with null is unknown, which is not true.
            Filter::Not(filter) => certain(self.condition::<E>(filter)).not(),
            Filter::Compare(field, comparison) => self.compare::<E>(*field, comparison),
            Filter::Related(relation, quantifier, filter) => {
                let is_related = self.related(*relation, filter);
                match quantifier {
                    Quantifier::Some => is_related,
                    Quantifier::None => certain(is_related).not(),
                }
            }
            Filter::Search(query) => self.search(query).finds(searched::<E>()),
            Filter::Deleted(wanted) => deleted::<E>(*wanted),
            // Made into conditions of each kind before.
            Filter::Contact(_) => truth(false),
            Filter::CustomField(condition) => {
                custom_field_values::condition(self.backend, self.organization, condition)
            }
        }
    }

    fn joined<E: Filtered>(self, filters: &[Filter], join: fn(Expr, Expr) -> Expr, empty: bool) -> Expr {
        filters.iter().map(|filter| self.condition::<E>(filter)).reduce(join).unwrap_or_else(|| truth(empty))
    }

    fn compare<E: Filtered>(self, field: Field, comparison: &Comparison) -> Expr {
        let column = || Expr::col((E::default().table_name(), field.column));
        let with = |operand, compared: fn(Expr, Value) -> Expr| {
            field.value(operand).map_or_else(|| truth(false), |value| compared(column(), value))
        };
        let is_equal = |operand| match field.phone(operand) {
            Some(number) => with(operand, ExprTrait::eq).or(column().eq(number)),
            None => with(operand, ExprTrait::eq),
        };
        match comparison {
            Comparison::Equal(operand) => is_equal(operand),
            Comparison::NotEqual(operand) => certain(is_equal(operand)).not(),
            Comparison::In(operands) => {
                let texts = operands.iter().filter_map(|it| field.value(it));
                let numbers = operands.iter().filter_map(|it| field.phone(it)).map(Value::from);
                column().is_in(texts.chain(numbers))
            }
            Comparison::Less(operand) => with(operand, Expr::lt),
            Comparison::LessOrEqual(operand) => with(operand, Expr::lte),
            Comparison::Greater(operand) => with(operand, Expr::gt),
            Comparison::GreaterOrEqual(operand) => with(operand, Expr::gte),
            Comparison::Contains(part) => contains(self.backend, column(), field.part(part)),
            Comparison::StartsWith(start) => starts_with(column(), field.part(start)),
            Comparison::IsNull(true) => column().is_null(),
            Comparison::IsNull(false) => column().is_not_null(),
        }
    }

    /// Whether a row that meets the filter is related to this one.
    fn related(self, relation: Relation, filter: &Filter) -> Expr {
        const ASSIGNMENT: &str = "internal_contact_assignment";
        let (own, keys) = match relation {
            Relation::AssignmentsOfPartner => {
                // A floating assignment has no partner, and a null among the keys would make the others uncertain.
                let keys = self.keys::<assignment::Entity>(filter, "partner_id");
                let keys = keys.filter(Expr::col((ASSIGNMENT, "partner_id")).is_not_null());
                (("partner", "id"), keys.into_query())
            }
            Relation::AssignmentsOfInternalContact => {
                let keys = self.keys::<assignment::Entity>(filter, "internal_contact_id");
                (("internal_contact", "id"), keys.into_query())
            }
            Relation::PartnerOfAssignment => {
                ((ASSIGNMENT, "partner_id"), self.keys::<partner::Entity>(filter, "id").into_query())
            }
            Relation::InternalContactOfAssignment => {
                let keys = self.keys::<internal_contact::Entity>(filter, "id");
                ((ASSIGNMENT, "internal_contact_id"), keys.into_query())
            }
            Relation::TypeOfContact => {
                let keys = self.keys::<contact_type::Entity>(filter, "id");
                (("account_contact", "contact_type_id"), keys.into_query())
            }
            Relation::ContactsOfAccount => {
                let contacts = self.keys::<account_contact::Entity>(filter, "id").into_query();
                (("account", "id"), self.links("account_id", "account_contact_id", contacts, filter))
            }
            Relation::AccountsOfContact => {
                let accounts = self.keys::<account::Entity>(filter, "id").into_query();
                (("account_contact", "id"), self.links("account_contact_id", "account_id", accounts, filter))
            }
        };
        self.is_one_of(own, keys, filter)
    }

    /// The values that the rows which meet the filter have in a column.
    fn keys<E: Filtered>(self, filter: &Filter, column: &'static str) -> Select<E> {
        self.rows::<E>(filter).select_only().expr(Expr::col((E::default().table_name(), column)))
    }

    /// The keys at one end of the links that have one of these keys, of rows that meet the filter, at the other end.
    fn links(
        self,
        near: &'static str,
        far: &'static str,
        keys: SelectStatement,
        filter: &Filter,
    ) -> SelectStatement {
        let column = |name| (link::Entity.table_name(), name);
        let links =
            link::Entity::find_in(self.organization).filter(self.is_one_of(column(far), keys, filter));
        links.select_only().expr(Expr::col(column(near))).into_query()
    }

    /// Whether a column has one of these keys, of rows that meet the filter. Never correlated: the subquery is executed
    /// once, and its rows are looked up.
    fn is_one_of(self, column: (&'static str, &'static str), keys: SelectStatement, filter: &Filter) -> Expr {
        let is_one = Expr::col(column).in_subquery(keys);
        if self.backend == DbBackend::Postgres && !filter.names_keys() {
            // PostgreSQL would make it a join, guess how many rows a text comparison leaves, and for a page of a few rows loop
            // over the wrong table: seconds where the hashed subquery takes a tenth of one.
            return certain(is_one);
        }
        is_one
    }
}

fn truth(value: bool) -> Expr {
    Expr::cust(if value { "1 = 1" } else { "1 = 0" })
}

/// False where the condition is unknown, as a comparison with null is.
pub(super) fn certain(condition: Expr) -> Expr {
    Func::coalesce([condition, Expr::cust("FALSE")]).into()
}

/// Whether a text has this part. Not LIKE: SQLite's takes a letter for its capital, PostgreSQL's does not.
pub(super) fn contains(backend: DbBackend, text: Expr, part: String) -> Expr {
    if !is_storable(&part) {
        return truth(false);
    }
    let position = if backend == DbBackend::Sqlite { "instr" } else { "strpos" };
    Expr::from(Func::cust(position).args([text, Expr::val(part)])).gt(0)
}

/// Whether a text begins so.
pub(super) fn starts_with(text: Expr, start: String) -> Expr {
    if !is_storable(&start) {
        return truth(false);
    }
    let length = Expr::cust(start.chars().count().to_string());
    Expr::from(Func::cust("substr").args([text, Expr::cust("1"), length])).eq(start)
}

/// Whether a row can hold such a text: PostgreSQL knows no U+0000, not even to compare with.
pub(super) fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

fn deleted<E: Filtered>(wanted: DeletedRows) -> Expr {
    let Some(deleted_at) = E::DELETED_AT else { return truth(wanted != DeletedRows::Only) };
    match wanted {
        DeletedRows::Exclude => deleted_at.is_null(),
        DeletedRows::Include => truth(true),
        DeletedRows::Only => deleted_at.is_not_null(),
    }
}

impl Field {
    /// The value in the form of the column; none when no row can have it.
    fn value(self, Operand(value): &Operand) -> Option<Value> {
        match value {
            Value::String(Some(text)) => is_storable(text).then(|| Value::from(self.text(text))),
            other => Some(other.clone()),
        }
    }

    /// The number that an operand is, where the column has phone numbers.
    fn phone(self, Operand(value): &Operand) -> Option<String> {
        match value {
            Value::String(Some(text)) if self.form == Form::Phone => text::e164(text).ok(),
            _ => None,
        }
    }

    /// The text in the form of the column.
    fn text(self, text: &str) -> String {
        match self.form {
            Form::Exact => text.to_owned(),
            Form::Normalized | Form::Phone => text::normalize(text).into_owned(),
            Form::Email => text::email_key(text),
            Form::Domain => text::domain_key(text),
        }
    }

    /// A part of a text in the form of the column.
    fn part(self, part: &str) -> String {
        match self.form {
            Form::Exact => part.to_owned(),
            Form::Normalized | Form::Phone => text::normalize_part(part).into_owned(),
            Form::Email => text::email_key_of_part(part),
            Form::Domain => text::domain_key_of_part(part),
        }
    }
}
