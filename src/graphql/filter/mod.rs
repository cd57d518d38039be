//! Filters and orders as clients write them, and their way to the service's.
//!
//! Each type has an input of its own; the comparators are shared. An explicit null is an error here, because it could be
//! meant as "no condition" as well as "has no value"; `isNull` says the latter.

use std::borrow::Cow;

use async_graphql::{Enum, InputObject, InputType, MaybeUndefined, Name, Value};

mod inputs;

pub use inputs::*;

use super::{
    contact::ContactKind,
    custom_field::CustomFieldType,
    internal_contact_assignment::InternalRole,
    organization_contact::OrganizationContactType,
    relay::argument,
    scalar::{Json, Timestamp},
};
use crate::{
    error::{AppError, AppResult},
    service::{
        contact::{ContactCondition, Kind},
        custom_field::{ValueComparison, ValueFilter},
        filter::{Comparison, DeletedRows, Field, Filter, Operand, Quantifier, Relation},
        page::{Direction, Sort, SortBy, SortKey},
        search::SearchQuery,
    },
};

/// How deep filters may nest.
const MAX_DEPTH: usize = 5;
/// How many comparisons a filter may make.
const MAX_COMPARISONS: usize = 50;
/// How many values one `in` may have.
const MAX_VALUES: usize = 100;
/// How many fields a list may be ordered by.
const MAX_ORDER: usize = 4;
const NULL: &str = "A filter takes no null: leave the field out, or ask with isNull.";
const EMPTY: &str = "An empty list is no condition: leave it out.";

/// Compares a text, as it is written and with regard to case. Email addresses are compared in lower case. All that is
/// given must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct StringFilter {
    /// The same text.
    eq: MaybeUndefined<String>,
    /// Another text, or none.
    ne: MaybeUndefined<String>,
    /// One of these texts, at most 100.
    #[graphql(name = "in")]
    one_of: MaybeUndefined<Vec<String>>,
    /// A text with this part.
    contains: MaybeUndefined<String>,
    /// A text that begins so.
    starts_with: MaybeUndefined<String>,
    /// No text at all, or any.
    is_null: MaybeUndefined<bool>,
}

/// Compares a global id. All that is given must hold.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "IDFilter")]
pub struct IdFilter {
    /// This id.
    eq: MaybeUndefined<async_graphql::ID>,
    /// Another id, or none.
    ne: MaybeUndefined<async_graphql::ID>,
    /// One of these ids, at most 100.
    #[graphql(name = "in")]
    one_of: MaybeUndefined<Vec<async_graphql::ID>>,
    /// No id at all, or any.
    is_null: MaybeUndefined<bool>,
}

/// Compares a time. All that is given must hold.
#[derive(Clone, Default, InputObject)]
pub struct DateTimeFilter {
    /// At this time.
    eq: MaybeUndefined<Timestamp>,
    /// At another time, or never.
    ne: MaybeUndefined<Timestamp>,
    /// At one of these times, at most 100.
    #[graphql(name = "in")]
    one_of: MaybeUndefined<Vec<Timestamp>>,
    /// Before.
    lt: MaybeUndefined<Timestamp>,
    /// Then or before.
    lte: MaybeUndefined<Timestamp>,
    /// After.
    gt: MaybeUndefined<Timestamp>,
    /// Then or after.
    gte: MaybeUndefined<Timestamp>,
    /// Never, or at any time.
    is_null: MaybeUndefined<bool>,
}

/// Compares a value of an enum. All that is given must hold.
#[derive(Clone, InputObject)]
#[graphql(
    concrete(name = "InternalRoleFilter", params(InternalRole)),
    concrete(name = "ContactKindFilter", params(ContactKind)),
    concrete(name = "OrganizationContactTypeFilter", params(OrganizationContactType)),
    concrete(name = "CustomFieldTypeFilter", params(CustomFieldType))
)]
pub struct EnumFilter<T: InputType> {
    /// This value.
    pub eq: MaybeUndefined<T>,
    /// Another value.
    pub ne: MaybeUndefined<T>,
    /// One of these values, at most 100.
    #[graphql(name = "in")]
    pub one_of: MaybeUndefined<Vec<T>>,
}

/// Which of the related rows must meet a condition. All that is given must hold.
#[derive(Clone, InputObject)]
#[graphql(
    concrete(name = "InternalContactAssignmentListFilter", params(InternalContactAssignmentFilter)),
    concrete(name = "AccountListFilter", params(AccountFilter)),
    concrete(name = "AccountContactListFilter", params(AccountContactFilter))
)]
pub struct RelatedFilter<T: InputType> {
    /// At least one of them meets it; with an empty condition, there is one.
    some: MaybeUndefined<Box<T>>,
    /// Not one of them meets it; with an empty condition, there is none.
    none: MaybeUndefined<Box<T>>,
}

/// Compares the value of a custom field, in JSON's form of the field's type. All that is given must hold.
#[derive(Clone, InputObject)]
pub struct CustomFieldValueFilter {
    /// The field's global id.
    custom_field_id: async_graphql::ID,
    /// This value.
    eq: MaybeUndefined<Json>,
    /// Another value, or none.
    ne: MaybeUndefined<Json>,
    /// One of these values, at most 100.
    #[graphql(name = "in")]
    one_of: MaybeUndefined<Vec<Json>>,
    /// Less; of numbers, dates and times. SQLite compares decimals as floating point numbers.
    lt: MaybeUndefined<Json>,
    /// Less or equal; of numbers, dates and times.
    lte: MaybeUndefined<Json>,
    /// Greater; of numbers, dates and times.
    gt: MaybeUndefined<Json>,
    /// Greater or equal; of numbers, dates and times.
    gte: MaybeUndefined<Json>,
    /// A text with this part, with regard to case; of a multiple choice, this one among others.
    contains: MaybeUndefined<String>,
    /// A text that begins so, with regard to case.
    starts_with: MaybeUndefined<String>,
    /// No value at all, or any.
    is_null: MaybeUndefined<bool>,
}

/// Whether deleted rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "DeletedFilter", remote = "DeletedRows")]
pub enum DeletedFilter {
    /// Only living rows: what every list has when nothing is said.
    Exclude,
    /// Living and deleted rows: for synchronizing together with updatedSince.
    Include,
    /// Only deleted rows.
    Only,
}

/// Which way a list is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "Direction")]
pub enum OrderDirection {
    /// The least value first; of names the first letter of the alphabet, of times the earliest.
    #[default]
    #[graphql(name = "ASC")]
    Ascending,
    /// The greatest value first.
    #[graphql(name = "DESC")]
    Descending,
}

/// An input that says which rows of a list are wanted.
pub trait FilterInput: InputType {
    /// Reads what it says.
    fn read(self, conditions: &mut Conditions<'_>) -> AppResult<()>;
}

/// An input that says what a list is ordered by.
pub trait OrderInput: InputType {
    /// What it says.
    fn sort(self) -> Sort;
}

/// The filter that an argument makes; none when it is absent or null.
pub(super) fn filter<F: FilterInput>(argument: Option<F>) -> AppResult<Option<Filter>> {
    let mut reader = Reader { path: vec!["filter".into()], depth: 0, comparisons: 0 };
    argument.map(|input| reader.filter(input)).transpose()
}

/// The order that an argument makes.
pub(super) fn sorts<O: OrderInput>(argument: Option<Vec<O>>) -> AppResult<Vec<Sort>> {
    let mut sorts: Vec<Sort> = Vec::new();
    for (position, input) in argument.into_iter().flatten().enumerate() {
        let path = || vec![Cow::Borrowed("orderBy"), Cow::Owned(position.to_string())];
        let sort = input.sort();
        if position >= MAX_ORDER {
            let message = format!("A list is ordered by at most {MAX_ORDER} fields.");
            return Err(AppError::Argument { path: path(), message: message.into() });
        }
        if sorts.iter().any(|known| known.by == sort.by) {
            let message = "The list is ordered by this field already.";
            return Err(AppError::Argument { path: path(), message: message.into() });
        }
        sorts.push(sort);
    }
    Ok(sorts)
}

/// The filter and the order of a field that is seen by look-ahead; `None` when the field will refuse them.
pub(super) fn narrowed<F: FilterInput, O: OrderInput>(
    arguments: &[(Name, Value)],
) -> Option<(Option<Filter>, Vec<Sort>)> {
    let wanted: Option<F> = argument(arguments, "filter")?;
    let order: Option<Vec<O>> = argument(arguments, "orderBy")?;
    Some((filter(wanted).ok()?, sorts(order).ok()?))
}

/// Reads a filter, and knows where it is.
struct Reader {
    path: Vec<Cow<'static, str>>,
    depth: usize,
    comparisons: usize,
}

impl Reader {
    fn filter<F: FilterInput>(&mut self, input: F) -> AppResult<Filter> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.refuse(format!("Filters nest at most {MAX_DEPTH} deep."));
        }
        let before = self.comparisons;
        let mut conditions = Conditions { reader: self, found: Vec::new() };
        input.read(&mut conditions)?;
        let found = conditions.found;
        if self.comparisons == before {
            // A filter that compares nothing is cheap, but any number of them is not.
            self.count()?;
        }
        self.depth -= 1;
        Ok(Filter::All(found))
    }

    fn refuse<T>(&self, message: impl Into<Cow<'static, str>>) -> AppResult<T> {
        Err(AppError::Argument { path: self.path.clone(), message: message.into() })
    }

    /// Does something one step further down.
    fn at<T>(
        &mut self,
        step: impl Into<Cow<'static, str>>,
        read: impl FnOnce(&mut Self) -> AppResult<T>,
    ) -> AppResult<T> {
        self.path.push(step.into());
        let result = read(self)?;
        self.path.pop();
        Ok(result)
    }

    /// Reads a field, when it is given.
    fn given<T, R>(
        &mut self,
        name: &'static str,
        field: MaybeUndefined<T>,
        read: impl FnOnce(&mut Self, T) -> AppResult<R>,
    ) -> AppResult<Option<R>> {
        match field {
            MaybeUndefined::Undefined => Ok(None),
            MaybeUndefined::Null => self.at(name, |reader| reader.refuse(NULL)),
            MaybeUndefined::Value(value) => self.at(name, |reader| read(reader, value)).map(Some),
        }
    }

    /// Reads a comparison, when it is given.
    fn compared<T>(
        &mut self,
        name: &'static str,
        field: MaybeUndefined<T>,
        found: &mut Vec<Comparison>,
        read: impl FnOnce(T) -> Comparison,
    ) -> AppResult<()> {
        let comparison = self.given(name, field, |reader, value| {
            reader.count()?;
            Ok(read(value))
        })?;
        found.extend(comparison);
        Ok(())
    }

    /// Reads a list of values to compare with, when it is given.
    fn one_of<T>(
        &mut self,
        field: MaybeUndefined<Vec<T>>,
        found: &mut Vec<Comparison>,
        operand: impl Fn(T) -> Option<Operand>,
    ) -> AppResult<()> {
        let comparison = self.given("in", field, |reader, values| {
            reader.check_values(&values)?;
            Ok(Comparison::In(values.into_iter().filter_map(operand).collect()))
        })?;
        found.extend(comparison);
        Ok(())
    }

    /// Counts a comparison with a list of values, of which there must be some.
    fn check_values<T>(&mut self, values: &[T]) -> AppResult<()> {
        self.count()?;
        match values.len() {
            0 => self.refuse(EMPTY),
            1..=MAX_VALUES => Ok(()),
            _ => self.refuse(format!("At most {MAX_VALUES} values can be compared with.")),
        }
    }

    fn count(&mut self) -> AppResult<()> {
        self.comparisons += 1;
        if self.comparisons > MAX_COMPARISONS {
            return self.refuse(format!("A filter makes at most {MAX_COMPARISONS} comparisons."));
        }
        Ok(())
    }

    fn strings(&mut self, input: StringFilter) -> AppResult<Vec<Comparison>> {
        let StringFilter { eq, ne, one_of, contains, starts_with, is_null } = input;
        let mut found = Vec::new();
        self.compared("eq", eq, &mut found, |text| Comparison::Equal(text.into()))?;
        self.compared("ne", ne, &mut found, |text| Comparison::NotEqual(text.into()))?;
        self.one_of(one_of, &mut found, |text| Some(text.into()))?;
        self.compared("contains", contains, &mut found, Comparison::Contains)?;
        self.compared("startsWith", starts_with, &mut found, Comparison::StartsWith)?;
        self.compared("isNull", is_null, &mut found, Comparison::IsNull)?;
        Ok(found)
    }

    /// An id that is none of the type's is unequal to all of them.
    fn ids<I: std::str::FromStr + Into<Operand>>(&mut self, input: IdFilter) -> AppResult<Vec<Comparison>> {
        let IdFilter { eq, ne, one_of, is_null } = input;
        let operand = |id: async_graphql::ID| id.parse::<I>().ok().map(Into::into);
        let mut found = Vec::new();
        self.compared("eq", eq, &mut found, |id| match operand(id) {
            Some(id) => Comparison::Equal(id),
            None => Comparison::In(Vec::new()),
        })?;
        let mut unequal = Vec::new();
        self.compared("ne", ne, &mut unequal, |id| match operand(id) {
            Some(id) => Comparison::NotEqual(id),
            None => Comparison::In(Vec::new()),
        })?;
        found.extend(unequal.into_iter().filter(|it| matches!(it, Comparison::NotEqual(_))));
        self.one_of(one_of, &mut found, operand)?;
        self.compared("isNull", is_null, &mut found, Comparison::IsNull)?;
        Ok(found)
    }

    fn times(&mut self, input: DateTimeFilter) -> AppResult<Vec<Comparison>> {
        let DateTimeFilter { eq, ne, one_of, lt, lte, gt, gte, is_null } = input;
        let mut found = Vec::new();
        self.compared("eq", eq, &mut found, |time| Comparison::Equal(time.0.into()))?;
        self.compared("ne", ne, &mut found, |time| Comparison::NotEqual(time.0.into()))?;
        self.one_of(one_of, &mut found, |time| Some(time.0.into()))?;
        self.compared("lt", lt, &mut found, |time| Comparison::Less(time.0.into()))?;
        self.compared("lte", lte, &mut found, |time| Comparison::LessOrEqual(time.0.into()))?;
        self.compared("gt", gt, &mut found, |time| Comparison::Greater(time.0.into()))?;
        self.compared("gte", gte, &mut found, |time| Comparison::GreaterOrEqual(time.0.into()))?;
        self.compared("isNull", is_null, &mut found, Comparison::IsNull)?;
        Ok(found)
    }

    fn value(&mut self, input: CustomFieldValueFilter) -> AppResult<Vec<Filter>> {
        let id = input.custom_field_id.0;
        let condition = |reader: &Self, comparison| {
            Filter::CustomField(ValueFilter::new(reader.path.clone(), id.clone(), comparison))
        };
        let not = |filter| Filter::Not(Box::new(filter));
        let mut found = Vec::new();
        macro_rules! compared {
            ($($name:literal: $field:ident => $read:expr,)+) => {$(
                found.extend(self.given($name, input.$field, |reader, value| {
                    reader.count()?;
                    Ok($read(reader, value))
                })?);
            )+};
        }
        compared!(
            "eq": eq => |reader, value: Json| condition(reader, ValueComparison::Equal(value.0)),
            "ne": ne => |reader, value: Json| not(condition(reader, ValueComparison::Equal(value.0))),
            "lt": lt => |reader, value: Json| condition(reader, ValueComparison::Less(value.0)),
            "lte": lte => |reader, value: Json| condition(reader, ValueComparison::LessOrEqual(value.0)),
            "gt": gt => |reader, value: Json| condition(reader, ValueComparison::Greater(value.0)),
            "gte": gte => |reader, value: Json| condition(reader, ValueComparison::GreaterOrEqual(value.0)),
            "contains": contains => |reader, text| condition(reader, ValueComparison::Contains(text)),
            "startsWith": starts_with => |reader, text| condition(reader, ValueComparison::StartsWith(text)),
            "isNull": is_null => |reader, is_null| {
                let exists = condition(reader, ValueComparison::Exists);
                if is_null { not(exists) } else { exists }
            },
        );
        found.extend(self.given("in", input.one_of, |reader, values| {
            reader.check_values(&values)?;
            let values = values.into_iter().map(|value| value.0).collect();
            Ok(condition(reader, ValueComparison::In(values)))
        })?);
        Ok(found)
    }

    fn enums<T: InputType>(
        &mut self,
        input: EnumFilter<T>,
        operand: impl Fn(T) -> Operand,
    ) -> AppResult<Vec<Comparison>> {
        let EnumFilter { eq, ne, one_of } = input;
        let mut found = Vec::new();
        self.compared("eq", eq, &mut found, |value| Comparison::Equal(operand(value)))?;
        self.compared("ne", ne, &mut found, |value| Comparison::NotEqual(operand(value)))?;
        self.one_of(one_of, &mut found, |value| Some(operand(value)))?;
        Ok(found)
    }
}

/// The conditions of one filter: all of them must hold.
pub struct Conditions<'r> {
    reader: &'r mut Reader,
    found: Vec<Filter>,
}

impl Conditions<'_> {
    /// `and`, `or` and `not`, which every filter has.
    pub(super) fn logic<F: FilterInput>(
        &mut self,
        and: MaybeUndefined<Vec<F>>,
        or: MaybeUndefined<Vec<F>>,
        not: MaybeUndefined<Box<F>>,
    ) -> AppResult<()> {
        let all = self.reader.given("and", and, |reader, inputs| reader.filters(inputs))?;
        self.found.extend(all.map(Filter::All));
        let any = self.reader.given("or", or, |reader, inputs| reader.filters(inputs))?;
        self.found.extend(any.map(Filter::Any));
        let not = self.reader.given("not", not, |reader, input| reader.filter(*input))?;
        self.found.extend(not.map(|filter| Filter::Not(Box::new(filter))));
        Ok(())
    }

    /// A text search; a blank one asks for nothing.
    pub(super) fn search(&mut self, search: MaybeUndefined<String>) -> AppResult<()> {
        let query = self.reader.given("search", search, |reader, text| {
            reader.count()?;
            Ok((!text.trim().is_empty()).then(|| Filter::Search(SearchQuery::new(&text))))
        })?;
        self.found.extend(query.flatten());
        Ok(())
    }

    /// Rows that changed at a time or after it, by their `updatedAt`.
    pub(super) fn updated_since(&mut self, since: MaybeUndefined<Timestamp>) -> AppResult<()> {
        let since = self.reader.given("updatedSince", since, |reader, time| {
            reader.count()?;
            Ok(Filter::Compare(Field::new("updated_at"), Comparison::GreaterOrEqual(time.0.into())))
        })?;
        self.found.extend(since);
        Ok(())
    }

    /// Deleted rows, or not.
    pub(super) fn deleted(&mut self, deleted: MaybeUndefined<DeletedFilter>) -> AppResult<()> {
        let deleted = self.reader.given("deleted", deleted, |reader, wanted| {
            reader.count()?;
            Ok(Filter::Deleted(wanted.into()))
        })?;
        self.found.extend(deleted);
        Ok(())
    }

    /// A text.
    pub(super) fn string(
        &mut self,
        name: &'static str,
        field: Field,
        input: MaybeUndefined<StringFilter>,
    ) -> AppResult<()> {
        let comparisons = self.reader.given(name, input, Reader::strings)?;
        self.compare(field, comparisons);
        Ok(())
    }

    /// An id of another row, or the row's own.
    pub(super) fn id<I: std::str::FromStr + Into<Operand>>(
        &mut self,
        name: &'static str,
        field: Field,
        input: MaybeUndefined<IdFilter>,
    ) -> AppResult<()> {
        let comparisons = self.reader.given(name, input, Reader::ids::<I>)?;
        self.compare(field, comparisons);
        Ok(())
    }

    /// A time.
    pub(super) fn time(
        &mut self,
        name: &'static str,
        field: Field,
        input: MaybeUndefined<DateTimeFilter>,
    ) -> AppResult<()> {
        let comparisons = self.reader.given(name, input, Reader::times)?;
        self.compare(field, comparisons);
        Ok(())
    }

    /// When the row was made, and when it last changed.
    pub(super) fn times(
        &mut self,
        created_at: MaybeUndefined<DateTimeFilter>,
        updated_at: MaybeUndefined<DateTimeFilter>,
    ) -> AppResult<()> {
        self.time("createdAt", Field::new("created_at"), created_at)?;
        self.time("updatedAt", Field::new("updated_at"), updated_at)
    }

    /// A value of an enum.
    pub(super) fn enumeration<T: InputType>(
        &mut self,
        name: &'static str,
        field: Field,
        input: MaybeUndefined<EnumFilter<T>>,
        operand: impl Fn(T) -> Operand,
    ) -> AppResult<()> {
        let comparisons = self.reader.given(name, input, |reader, input| reader.enums(input, operand))?;
        self.compare(field, comparisons);
        Ok(())
    }

    /// Whether something is so, as this comparison of a column tells.
    pub(super) fn truth(
        &mut self,
        name: &'static str,
        field: Field,
        input: MaybeUndefined<bool>,
        comparison: impl Fn(bool) -> Comparison,
    ) -> AppResult<()> {
        let comparison = self.reader.given(name, input, |reader, value| {
            reader.count()?;
            Ok(vec![comparison(value)])
        })?;
        self.compare(field, comparison);
        Ok(())
    }

    /// The one row that the row belongs to.
    pub(super) fn parent<F: FilterInput>(
        &mut self,
        name: &'static str,
        relation: Relation,
        input: MaybeUndefined<Box<F>>,
    ) -> AppResult<()> {
        let parent = self.reader.given(name, input, |reader, input| reader.filter(*input))?;
        self.found.extend(parent.map(|filter| Filter::Related(relation, Quantifier::Some, Box::new(filter))));
        Ok(())
    }

    /// The rows that belong to the row.
    pub(super) fn related<F: FilterInput>(
        &mut self,
        name: &'static str,
        relation: Relation,
        input: MaybeUndefined<Box<RelatedFilter<F>>>,
    ) -> AppResult<()>
    where
        RelatedFilter<F>: InputType,
    {
        let related = self.reader.given(name, input, |reader, input| {
            let RelatedFilter { some, none } = *input;
            let some = reader.given("some", some, |reader, input| reader.filter(*input))?;
            let none = reader.given("none", none, |reader, input| reader.filter(*input))?;
            let wanted = [(Quantifier::Some, some), (Quantifier::None, none)];
            let related = |(quantifier, filter): (_, Option<Filter>)| {
                Some(Filter::Related(relation, quantifier, Box::new(filter?)))
            };
            Ok(wanted.into_iter().filter_map(related).collect::<Vec<_>>())
        })?;
        self.found.extend(related.into_iter().flatten());
        Ok(())
    }

    /// Values of custom fields.
    pub(super) fn values(
        &mut self,
        name: &'static str,
        input: MaybeUndefined<Vec<CustomFieldValueFilter>>,
    ) -> AppResult<()> {
        let conditions = self.reader.given(name, input, |reader, inputs| {
            if inputs.is_empty() {
                return reader.refuse(EMPTY);
            }
            let inputs = inputs.into_iter().enumerate();
            let conditions =
                inputs.map(|(at, input)| reader.at(at.to_string(), |reader| reader.value(input)));
            conditions.collect::<AppResult<Vec<_>>>()
        })?;
        self.found.extend(conditions.into_iter().flatten().flatten());
        Ok(())
    }

    /// What kind of contact it is.
    pub(super) fn kinds(
        &mut self,
        name: &'static str,
        input: MaybeUndefined<EnumFilter<ContactKind>>,
    ) -> AppResult<()> {
        let conditions = self.reader.given(name, input, |reader, EnumFilter { eq, ne, one_of }| {
            let is = |kinds: Vec<Kind>| Filter::Contact(ContactCondition::Kinds(kinds));
            let eq = reader.given("eq", eq, |reader, kind| reader.count().map(|()| is(vec![kind.into()])))?;
            let ne = reader.given("ne", ne, |reader, kind| {
                reader.count().map(|()| Filter::Not(Box::new(is(vec![kind.into()]))))
            })?;
            let one_of = reader.given("in", one_of, |reader, kinds| {
                reader.check_values(&kinds)?;
                Ok(is(kinds.into_iter().map(Into::into).collect()))
            })?;
            Ok([eq, ne, one_of])
        })?;
        self.found.extend(conditions.into_iter().flatten().flatten());
        Ok(())
    }

    /// Whom a contact belongs to.
    pub(super) fn contact(
        &mut self,
        name: &'static str,
        input: MaybeUndefined<async_graphql::ID>,
        condition: impl Fn(&str) -> ContactCondition,
    ) -> AppResult<()> {
        let condition = self.reader.given(name, input, |reader, id| {
            reader.count()?;
            Ok(Filter::Contact(condition(&id)))
        })?;
        self.found.extend(condition);
        Ok(())
    }

    fn compare(&mut self, field: Field, comparisons: Option<Vec<Comparison>>) {
        let comparisons = comparisons.into_iter().flatten();
        self.found.extend(comparisons.map(|comparison| Filter::Compare(field, comparison)));
    }
}

impl Reader {
    fn filters<F: FilterInput>(&mut self, inputs: Vec<F>) -> AppResult<Vec<Filter>> {
        if inputs.is_empty() {
            return self.refuse(EMPTY);
        }
        let inputs = inputs.into_iter().enumerate();
        inputs.map(|(at, input)| self.at(at.to_string(), |reader| reader.filter(input))).collect()
    }
}

/// Makes the input by which a type's lists are ordered: an enum of its fields, and a field with a direction.
macro_rules! order_input {
    (
        $(#[doc = $doc:literal])* $order:ident,
        $(#[doc = $fields_doc:literal])* $fields:ident { $($(#[doc = $field_doc:literal])* $field:ident => $key:expr,)+ }
    ) => {
        $(#[doc = $fields_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
        pub enum $fields {
            $($(#[doc = $field_doc])* $field,)+
        }

        $(#[doc = $doc])*
        #[derive(Clone, async_graphql::InputObject)]
        pub struct $order {
            /// What the list is ordered by.
            field: $fields,
            /// Which way.
            #[graphql(default)]
            direction: $crate::graphql::filter::OrderDirection,
        }

        impl $crate::graphql::filter::OrderInput for $order {
            fn sort(self) -> $crate::service::page::Sort {
                let key = match self.field {
                    $($fields::$field => $key,)+
                };
                $crate::graphql::filter::sort_by(key, self.direction)
            }
        }
    };
}
pub(super) use order_input;

/// One term of an order.
pub(super) fn sort_by(key: SortKey, direction: OrderDirection) -> Sort {
    Sort { by: SortBy::Key(key), direction: direction.into() }
}
