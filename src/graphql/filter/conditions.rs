//! Reads the fields of a filter input into conditions.

use std::str::FromStr;

use async_graphql::{ID, InputType, MaybeUndefined};

use super::{
    CustomFieldValueFilter, DateTimeFilter, DeletedFilter, EnumFilter, FilterInput, IdFilter, RelatedFilter,
    StringFilter, reader::Reader,
};
use crate::{
    error::AppResult,
    graphql::{contact::ContactKind, scalar::Timestamp},
    service::{
        contact::ContactCondition,
        filter::{Comparison, Field, Filter, Operand, Quantifier, Relation},
        search::SearchQuery,
    },
};

/// The conditions of one filter, combined with AND.
pub struct Conditions<'r> {
    reader: &'r mut Reader,
    pub(super) found: Vec<Filter>,
}

impl<'r> Conditions<'r> {
    pub(super) fn of(reader: &'r mut Reader) -> Self {
        Self { reader, found: Vec::new() }
    }

    /// `and`, `or` and `not`.
    pub(in crate::graphql) fn logic<F: FilterInput>(
        &mut self,
        and: MaybeUndefined<Vec<F>>,
        or: MaybeUndefined<Vec<F>>,
        not: MaybeUndefined<Box<F>>,
    ) -> AppResult<()> {
        let all = self.reader.read_given("and", and, |reader, inputs| reader.filters(inputs))?;
        self.found.extend(all.map(Filter::All));
        let any = self.reader.read_given("or", or, |reader, inputs| reader.filters(inputs))?;
        self.found.extend(any.map(Filter::Any));
        let not = self.reader.read_given("not", not, |reader, input| reader.filter(*input))?;
        self.found.extend(not.map(|filter| Filter::Not(Box::new(filter))));
        Ok(())
    }

    /// A text search. A blank text is ignored.
    pub(in crate::graphql) fn search(&mut self, search: MaybeUndefined<String>) -> AppResult<()> {
        let query = self.reader.read_given("search", search, |reader, text| {
            reader.count()?;
            Ok((!text.trim().is_empty()).then(|| Filter::Search(SearchQuery::new(&text))))
        })?;
        self.found.extend(query.flatten());
        Ok(())
    }

    /// Records with `updatedAt` at or after a time.
    pub(in crate::graphql) fn updated_since(&mut self, since: MaybeUndefined<Timestamp>) -> AppResult<()> {
        let since = self.reader.read_given("updatedSince", since, |reader, time| {
            reader.count()?;
            Ok(Filter::Compare(Field::new("updated_at"), Comparison::GreaterOrEqual(time.0.into())))
        })?;
        self.found.extend(since);
        Ok(())
    }

    /// Whether deleted records match.
    pub(in crate::graphql) fn deleted(&mut self, deleted: MaybeUndefined<DeletedFilter>) -> AppResult<()> {
        let deleted = self.reader.read_given("deleted", deleted, |reader, wanted| {
            reader.count()?;
            Ok(Filter::Deleted(wanted.into()))
        })?;
        self.found.extend(deleted);
        Ok(())
    }

    /// A condition on a text.
    pub(in crate::graphql) fn string(
        &mut self,
        name: &'static str,
        field: Field,
        input: MaybeUndefined<StringFilter>,
    ) -> AppResult<()> {
        let comparisons = self.reader.read_given(name, input, Reader::strings)?;
        self.compare(field, comparisons);
        Ok(())
    }

    /// A condition on an id.
    pub(in crate::graphql) fn id<I: FromStr + Into<Operand>>(
        &mut self,
        name: &'static str,
        field: Field,
        input: MaybeUndefined<IdFilter>,
    ) -> AppResult<()> {
        let comparisons = self.reader.read_given(name, input, Reader::ids::<I>)?;
        self.compare(field, comparisons);
        Ok(())
    }

    /// A condition on a time.
    pub(in crate::graphql) fn time(
        &mut self,
        name: &'static str,
        field: Field,
        input: MaybeUndefined<DateTimeFilter>,
    ) -> AppResult<()> {
        let comparisons = self.reader.read_given(name, input, Reader::times)?;
        self.compare(field, comparisons);
        Ok(())
    }

    /// A condition on an enum value.
    pub(in crate::graphql) fn enumeration<T: InputType>(
        &mut self,
        name: &'static str,
        field: Field,
        operand: impl Fn(T) -> Operand,
        input: MaybeUndefined<EnumFilter<T>>,
    ) -> AppResult<()> {
        let comparisons =
            self.reader.read_given(name, input, |reader, input| reader.enums(input, operand))?;
        self.compare(field, comparisons);
        Ok(())
    }

    /// A boolean condition, expressed as a comparison of a column.
    pub(in crate::graphql) fn truth(
        &mut self,
        name: &'static str,
        field: Field,
        comparison: impl Fn(bool) -> Comparison,
        input: MaybeUndefined<bool>,
    ) -> AppResult<()> {
        let comparison = self.reader.read_given(name, input, |reader, value| {
            reader.count()?;
            Ok(vec![comparison(value)])
        })?;
        self.compare(field, comparison);
        Ok(())
    }

    /// A condition on the parent record.
    pub(in crate::graphql) fn parent<F: FilterInput>(
        &mut self,
        name: &'static str,
        relation: Relation,
        input: MaybeUndefined<Box<F>>,
    ) -> AppResult<()> {
        let parent = self.reader.read_given(name, input, |reader, input| reader.filter(*input))?;
        self.found.extend(parent.map(|filter| Filter::Related(relation, Quantifier::Some, Box::new(filter))));
        Ok(())
    }

    /// A condition on related records.
    pub(in crate::graphql) fn related<F: FilterInput>(
        &mut self,
        name: &'static str,
        relation: Relation,
        input: MaybeUndefined<Box<RelatedFilter<F>>>,
    ) -> AppResult<()>
    where
        RelatedFilter<F>: InputType,
    {
        let related = self.reader.read_given(name, input, |reader, input| {
            let RelatedFilter { some, none } = *input;
            let some = reader.read_given("some", some, |reader, input| reader.filter(*input))?;
            let none = reader.read_given("none", none, |reader, input| reader.filter(*input))?;
            let wanted = [(Quantifier::Some, some), (Quantifier::None, none)];
            let related = |(quantifier, filter): (_, Option<Filter>)| {
                Some(Filter::Related(relation, quantifier, Box::new(filter?)))
            };
            Ok(wanted.into_iter().filter_map(related).collect::<Vec<_>>())
        })?;
        self.found.extend(related.into_iter().flatten());
        Ok(())
    }

    /// Conditions on values of custom fields.
    pub(in crate::graphql) fn values(
        &mut self,
        name: &'static str,
        input: MaybeUndefined<Vec<CustomFieldValueFilter>>,
    ) -> AppResult<()> {
        let conditions = self.reader.read_given(name, input, |reader, inputs| {
            if inputs.is_empty() {
                return reader.refuse_empty();
            }
            let inputs = inputs.into_iter().enumerate();
            let conditions =
                inputs.map(|(at, input)| reader.at(at.to_string(), |reader| reader.value(input)));
            conditions.collect::<AppResult<Vec<_>>>()
        })?;
        self.found.extend(conditions.into_iter().flatten().flatten());
        Ok(())
    }

    /// The kind of contact.
    pub(in crate::graphql) fn kinds(
        &mut self,
        name: &'static str,
        input: MaybeUndefined<EnumFilter<ContactKind>>,
    ) -> AppResult<()> {
        let is =
            |kinds: Vec<ContactKind>| ContactCondition::Kinds(kinds.into_iter().map(Into::into).collect());
        let conditions = self.reader.read_given(name, input, |reader, EnumFilter { eq, ne, one_of }| {
            reader.contacts(eq, ne, one_of, is)
        })?;
        self.found.extend(conditions.into_iter().flatten());
        Ok(())
    }

    /// The ids of contacts of any kind. An id of another type is no contact's.
    pub(in crate::graphql) fn contact_ids(
        &mut self,
        name: &'static str,
        input: MaybeUndefined<IdFilter>,
    ) -> AppResult<()> {
        let is = |ids: Vec<ID>| ContactCondition::Ids(ids.iter().filter_map(|id| id.parse().ok()).collect());
        let conditions =
            self.reader.read_given(name, input, |reader, IdFilter { eq, ne, one_of, is_null }| {
                let mut found = reader.contacts(eq, ne, one_of, is)?;
                let no_id = reader.read_given("isNull", is_null, |reader, is_null| {
                    reader.count().map(|()| Filter::Constant(!is_null))
                })?;
                found.extend(no_id);
                Ok(found)
            })?;
        self.found.extend(conditions.into_iter().flatten());
        Ok(())
    }

    /// Conditions on the partner and the account of a contact.
    pub(in crate::graphql) fn contact(
        &mut self,
        name: &'static str,
        condition: impl Fn(&str) -> ContactCondition,
        input: MaybeUndefined<ID>,
    ) -> AppResult<()> {
        let condition = self.reader.read_given(name, input, |reader, id| {
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

/// Declares the filter input of a type: `and`, `or`, `not`, and its fields, each with the type of its input and the method
/// of [`Conditions`] that reads it. The method takes the input as its last argument.
///
/// ```ignore
/// filter_input! {
///     /// Filters partners. All given conditions must match; an empty filter matches every record.
///     PartnerFilter {
///         /// The name.
///         name: StringFilter => string("name", Field::new("name"));
///     }
/// }
/// ```
macro_rules! filter_input {
    (
        $(#[doc = $doc:literal])*
        $filter:ident {
            $(
                $(#[doc = $field_doc:literal])*
                $field:ident: $input:ty => $method:ident $(::<$id:ty>)? ($($argument:expr),*);
            )+
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Default, async_graphql::InputObject)]
        pub struct $filter {
            /// All of these conditions must match.
            and: async_graphql::MaybeUndefined<Vec<$filter>>,
            /// At least one of these conditions must match.
            or: async_graphql::MaybeUndefined<Vec<$filter>>,
            /// This condition must not match.
            not: async_graphql::MaybeUndefined<Box<$filter>>,
            $(
                $(#[doc = $field_doc])*
                $field: async_graphql::MaybeUndefined<$input>,
            )+
        }

        impl $crate::graphql::filter::FilterInput for $filter {
            fn read(self, conditions: &mut $crate::graphql::filter::Conditions<'_>) -> $crate::error::AppResult<()> {
                conditions.logic(self.and, self.or, self.not)?;
                $(conditions.$method $(::<$id>)? ($($argument,)* self.$field)?;)+
                Ok(())
            }
        }
    };
}
pub(in crate::graphql) use filter_input;
