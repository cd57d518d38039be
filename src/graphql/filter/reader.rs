//! Parses comparisons, counts them, and tracks the path for errors.

use std::{borrow::Cow, str::FromStr};

use async_graphql::{ID, InputType, MaybeUndefined};

use super::{
    Conditions, CustomFieldValueFilter, DateTimeFilter, EnumFilter, FilterInput, IdFilter, StringFilter,
};
use crate::{
    error::{AppError, AppResult},
    graphql::scalar::Json,
    service::{
        contact::ContactCondition,
        custom_field::{ValueComparison, ValueFilter},
        filter::{Comparison, Filter, Operand},
    },
};

/// The maximum nesting of filters.
const MAX_DEPTH: usize = 5;
/// The maximum number of comparisons in a filter.
const MAX_COMPARISONS: usize = 50;
/// The maximum number of values in an `in`.
const MAX_VALUES: usize = 100;
const NULL: &str = "Must not be null. Omit the field, or use isNull.";

/// Parses a filter and tracks the current path.
pub(super) struct Reader {
    path: Vec<Cow<'static, str>>,
    depth: usize,
    comparisons: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self { path: vec!["filter".into()], depth: 0, comparisons: 0 }
    }
}

impl Reader {
    pub(super) fn filter<F: FilterInput>(&mut self, input: F) -> AppResult<Filter> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.refuse(format!("Filters can be nested at most {MAX_DEPTH} levels deep."));
        }
        let before = self.comparisons;
        let mut conditions = Conditions::of(self);
        input.read(&mut conditions)?;
        let found = conditions.found;
        if self.comparisons == before {
            // An empty filter is cheap, but many of them are not, so each one counts.
            self.count()?;
        }
        self.depth -= 1;
        Ok(Filter::All(found))
    }

    pub(super) fn filters<F: FilterInput>(&mut self, inputs: Vec<F>) -> AppResult<Vec<Filter>> {
        if inputs.is_empty() {
            return self.refuse_empty();
        }
        let inputs = inputs.into_iter().enumerate();
        inputs.map(|(at, input)| self.at(at.to_string(), |reader| reader.filter(input))).collect()
    }

    pub(super) fn refuse<T>(&self, message: impl Into<Cow<'static, str>>) -> AppResult<T> {
        Err(AppError::Argument { path: self.path.clone(), message: message.into() })
    }

    pub(super) fn refuse_empty<T>(&self) -> AppResult<T> {
        self.refuse("Must not be empty. Omit the field instead.")
    }

    /// Runs a function with the path extended by one segment.
    pub(super) fn at<T>(
        &mut self,
        step: impl Into<Cow<'static, str>>,
        read: impl FnOnce(&mut Self) -> AppResult<T>,
    ) -> AppResult<T> {
        self.path.push(step.into());
        let result = read(self)?;
        self.path.pop();
        Ok(result)
    }

    /// Parses a field if it is present.
    pub(super) fn read_given<T, R>(
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

    /// Parses a comparison if it is present.
    fn compared<T>(
        &mut self,
        name: &'static str,
        field: MaybeUndefined<T>,
        found: &mut Vec<Comparison>,
        read: impl FnOnce(T) -> Comparison,
    ) -> AppResult<()> {
        let comparison = self.read_given(name, field, |reader, value| {
            reader.count()?;
            Ok(read(value))
        })?;
        found.extend(comparison);
        Ok(())
    }

    /// Parses a list of values if it is present.
    fn one_of<T>(
        &mut self,
        field: MaybeUndefined<Vec<T>>,
        found: &mut Vec<Comparison>,
        operand: impl Fn(T) -> Option<Operand>,
    ) -> AppResult<()> {
        let comparison = self.read_given("in", field, |reader, values| {
            reader.check_values(&values)?;
            Ok(Comparison::In(values.into_iter().filter_map(operand).collect()))
        })?;
        found.extend(comparison);
        Ok(())
    }

    /// Counts a comparison with a list of values, which must not be empty.
    pub(super) fn check_values<T>(&mut self, values: &[T]) -> AppResult<()> {
        self.count()?;
        match values.len() {
            0 => self.refuse_empty(),
            1..=MAX_VALUES => Ok(()),
            _ => self.refuse(format!("At most {MAX_VALUES} values are allowed.")),
        }
    }

    pub(super) fn count(&mut self) -> AppResult<()> {
        self.comparisons += 1;
        if self.comparisons > MAX_COMPARISONS {
            return self.refuse(format!("A filter can have at most {MAX_COMPARISONS} comparisons."));
        }
        Ok(())
    }

    pub(super) fn strings(&mut self, input: StringFilter) -> AppResult<Vec<Comparison>> {
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

    /// An id of another type equals no id of this type.
    pub(super) fn ids<I: FromStr + Into<Operand>>(&mut self, input: IdFilter) -> AppResult<Vec<Comparison>> {
        let IdFilter { eq, ne, one_of, is_null } = input;
        let operand = |id: ID| id.parse::<I>().ok().map(Into::into);
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

    /// Conditions on a value that contacts of all kinds have.
    pub(super) fn contacts<T: InputType>(
        &mut self,
        eq: MaybeUndefined<T>,
        ne: MaybeUndefined<T>,
        one_of: MaybeUndefined<Vec<T>>,
        condition: impl Fn(Vec<T>) -> ContactCondition,
    ) -> AppResult<Vec<Filter>> {
        let is = |values| Filter::Contact(condition(values));
        let eq = self.read_given("eq", eq, |reader, value| reader.count().map(|()| is(vec![value])))?;
        let ne = self.read_given("ne", ne, |reader, value| {
            reader.count().map(|()| Filter::Not(Box::new(is(vec![value]))))
        })?;
        let one_of = self.read_given("in", one_of, |reader, values| {
            reader.check_values(&values)?;
            Ok(is(values))
        })?;
        Ok([eq, ne, one_of].into_iter().flatten().collect())
    }

    pub(super) fn times(&mut self, input: DateTimeFilter) -> AppResult<Vec<Comparison>> {
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

    pub(super) fn value(&mut self, input: CustomFieldValueFilter) -> AppResult<Vec<Filter>> {
        let id = input.custom_field_id.0;
        let condition = |reader: &Self, comparison| {
            Filter::CustomField(ValueFilter::new(reader.path.clone(), id.clone(), comparison))
        };
        let not = |filter| Filter::Not(Box::new(filter));
        let mut found = Vec::new();
        macro_rules! compared {
            ($($name:literal: $field:ident => $read:expr,)+) => {$(
                found.extend(self.read_given($name, input.$field, |reader, value| {
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
        found.extend(self.read_given("in", input.one_of, |reader, values| {
            reader.check_values(&values)?;
            let values = values.into_iter().map(|value| value.0).collect();
            Ok(condition(reader, ValueComparison::In(values)))
        })?);
        Ok(found)
    }

    pub(super) fn enums<T: InputType>(
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
