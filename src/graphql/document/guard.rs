//! The guard: whether a document is small enough once its fragments are spread, told before anything else reads it.
//!
//! async-graphql's own limits spread fragments without memory: 13 fragments of 4 spreads each keep it busy for hours.
//! Here each fragment is measured once, and its measure is added wherever it is spread, so the work is linear in what
//! was written. What follows, validation above all, is linear in what was measured here.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentSpread, InlineFragment, OperationDefinition, Selection,
        SelectionSet,
    },
};
use async_graphql_value::Value;

use super::{Reason, Refused};

/// How much of each a document may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Tokens: names, values and signs, as they are written.
    pub tokens: usize,
    /// Selections of all its operations: fields, spreads and inline fragments, once the fragments are spread.
    pub fields: usize,
    /// Fields within fields.
    pub depth: usize,
    /// Aliases of an operation, once the fragments are spread.
    pub aliases: usize,
    /// Fields of an operation that stand in no other field.
    pub root_fields: usize,
    /// Directives, as they are written.
    pub directives: usize,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { tokens: 5000, fields: 5000, depth: 12, aliases: 30, root_fields: 20, directives: 10 }
    }
}

/// The deepest nesting of selection sets, once the fragments are spread: those of fields, of spreads and of inline
/// fragments alike. async-graphql would refuse a deeper one, after it has looked at all before it.
const MAX_SETS: usize = 32;
/// The same as [`Budgets::depth`] within `__schema` and `__type`. Tools ask for the type of a type of a type there: the
/// usual query is 15 deep.
const MAX_INTROSPECTION_DEPTH: usize = 20;
/// How many of [`MANY`] may be nested within `__schema` and `__type`; each makes the answer some thirty times longer.
const MAX_INTROSPECTION_LISTS: usize = 2;
/// The fields by which introspection comes from one type to many.
const MANY: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
/// How many times the budget of fields may be compared with each other. Validation compares the fields of every selection
/// set with those that its fragments bring, and theirs, so that fragments within fragments are compared again and again.
const COMPARED: usize = 4;
/// How many bytes of text in a value count as one more value.
pub(super) const BYTES_PER_VALUE: usize = 64;

/// What a selection set comes to.
#[derive(Clone, Copy, Default)]
struct Measure {
    /// Fields, spreads and inline fragments.
    selections: usize,
    /// The values of their arguments.
    values: usize,
    aliases: usize,
    /// What its fragments select counts, what its fields select does not.
    flat: usize,
    /// Fields that stand in no other field of the set.
    fields: usize,
    /// Fields within fields, without those of introspection.
    depth: usize,
    /// Fields within fields, all of them.
    full_depth: usize,
    /// [`MANY`] within each other.
    lists: usize,
    /// Selection sets within each other.
    sets: usize,
}

impl Measure {
    /// Adds what stands beside it.
    fn add(&mut self, other: &Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.values = self.values.saturating_add(other.values);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.flat = self.flat.saturating_add(other.flat);
        self.fields = self.fields.saturating_add(other.fields);
        self.depth = self.depth.max(other.depth);
        self.full_depth = self.full_depth.max(other.full_depth);
        self.lists = self.lists.max(other.lists);
        self.sets = self.sets.max(other.sets);
    }
}

/// Where a selection set stands.
#[derive(Clone, Copy, Default)]
struct Place {
    /// In how many fields.
    depth: usize,
    /// In how many selection sets.
    sets: usize,
    introspection: bool,
}

/// What is known of a fragment.
enum Known {
    /// It is being measured, so that whoever spreads it now is a part of it.
    Begun,
    Measured(Measure),
}

/// Takes a document, or tells which budget it exceeds and where; also, because both would make the count meaningless,
/// that fragments spread themselves or are not there. Fragments that nobody spreads are refused with them.
pub(super) fn check(document: &ExecutableDocument, budgets: &Budgets) -> Result<(), Refused> {
    let known = HashMap::with_capacity(document.fragments.len());
    let mut guard = Guard { document, budgets, known, compared: 0 };
    let mut operations: Vec<_> = document.operations.iter().map(|(_, operation)| operation).collect();
    operations.sort_by_key(|operation| operation.pos);
    let mut whole = Measure::default();
    for operation in operations {
        whole.add(&guard.operation(operation)?);
        guard.within(&Measure { aliases: 0, ..whole }, operation.pos)?;
    }
    let unused = document.fragments.iter().filter(|(name, _)| !guard.known.contains_key(name.as_str()));
    match unused.map(|(_, fragment)| fragment.pos).min() {
        Some(pos) => Err(Refused::invalid(Reason::Fragments, "This fragment is never used.", pos)),
        None => Ok(()),
    }
}

struct Guard<'a> {
    document: &'a ExecutableDocument,
    budgets: &'a Budgets,
    known: HashMap<&'a str, Known>,
    /// How many selections validation will compare, each time that it does.
    compared: usize,
}

impl<'a> Guard<'a> {
    fn operation(&mut self, operation: &'a Positioned<OperationDefinition>) -> Result<Measure, Refused> {
        let mut measure = self.set(&operation.node.selection_set.node, Place::default())?;
        measure.values = measure.values.saturating_add(values_of_directives(&operation.node.directives));
        if measure.fields > self.budgets.root_fields {
            return Err(Refused::over(
                Reason::RootFields,
                "root fields",
                self.budgets.root_fields,
                operation.pos,
            ));
        }
        Ok(measure)
    }

    /// Refuses what is more than one operation, or all together, may have.
    fn within(&self, measure: &Measure, pos: Pos) -> Result<(), Refused> {
        // A document without fragments has fewer values than tokens; the texts among them count as more than one.
        let values = self.budgets.tokens.saturating_mul(2);
        let exceeded = [
            (Reason::Fields, "fields", measure.selections, self.budgets.fields),
            (Reason::Aliases, "aliases", measure.aliases, self.budgets.aliases),
            (Reason::Values, "values in arguments", measure.values, values),
        ];
        match exceeded.into_iter().find(|(_, _, count, budget)| count > budget) {
            Some((reason, what, _, budget)) => Err(Refused::over(reason, what, budget, pos)),
            None => Ok(()),
        }
    }

    fn set(&mut self, set: &'a SelectionSet, place: Place) -> Result<Measure, Refused> {
        let mut measure = Measure::default();
        for selection in &set.items {
            let mut one = match &selection.node {
                Selection::Field(field) => self.field(field, place)?,
                Selection::FragmentSpread(spread) => self.spread(spread, place)?,
                Selection::InlineFragment(fragment) => self.inline(fragment, place)?,
            };
            one.selections = one.selections.saturating_add(1);
            one.flat = one.flat.saturating_add(1);
            one.values = one.values.saturating_add(values_of_directives(selection.node.directives()));
            measure.add(&one);
            self.within(&measure, selection.pos)?;
            self.compared = self.compared.saturating_add(one.flat);
            let compared = self.budgets.fields.saturating_mul(COMPARED);
            if self.compared > compared {
                let what = "fields to compare within its fragments";
                return Err(Refused::over(Reason::Fields, what, compared, selection.pos));
            }
        }
        Ok(measure)
    }

    fn field(&mut self, field: &'a Positioned<Field>, place: Place) -> Result<Measure, Refused> {
        let Positioned { pos, node: field } = field;
        let name = field.name.node.as_str();
        let below = Place {
            depth: place.depth + 1,
            introspection: place.introspection || is_introspection(name),
            ..place
        };
        if below.depth > self.budgets.depth && !place.introspection {
            return Err(Refused::over(Reason::Depth, "levels of fields", self.budgets.depth, *pos));
        }
        let mut measure = self.below(&field.selection_set, below)?;
        if is_introspection(name) {
            self.introspection(&measure, *pos)?;
            measure.depth = 0;
        }
        measure.values = measure.values.saturating_add(values_of(&field.arguments));
        measure.aliases = measure.aliases.saturating_add(usize::from(field.alias.is_some()));
        measure.fields = 1;
        measure.flat = 0;
        measure.depth += 1;
        measure.full_depth += 1;
        measure.lists += usize::from(MANY.contains(&name));
        Ok(measure)
    }

    fn introspection(&self, measure: &Measure, pos: Pos) -> Result<(), Refused> {
        if measure.full_depth >= MAX_INTROSPECTION_DEPTH {
            return Err(Refused::over(
                Reason::Introspection,
                "levels of introspection",
                MAX_INTROSPECTION_DEPTH,
                pos,
            ));
        }
        if measure.lists > MAX_INTROSPECTION_LISTS {
            let what = "lists of fields or types within each other in introspection";
            return Err(Refused::over(Reason::Introspection, what, MAX_INTROSPECTION_LISTS, pos));
        }
        Ok(())
    }

    fn inline(&mut self, fragment: &'a Positioned<InlineFragment>, place: Place) -> Result<Measure, Refused> {
        self.below(&fragment.node.selection_set, place)
    }

    /// A selection set in another one; nothing for a field that has none.
    fn below(&mut self, set: &'a Positioned<SelectionSet>, mut place: Place) -> Result<Measure, Refused> {
        if set.node.items.is_empty() {
            return Ok(Measure::default());
        }
        place.sets += 1;
        if place.sets > MAX_SETS {
            return Err(too_nested(set.pos));
        }
        let mut measure = self.set(&set.node, place)?;
        measure.sets += 1;
        Ok(measure)
    }

    fn spread(&mut self, spread: &'a Positioned<FragmentSpread>, place: Place) -> Result<Measure, Refused> {
        let name: &'a Name = &spread.node.fragment_name.node;
        let pos = spread.pos;
        match self.known.get(name.as_str()) {
            Some(Known::Begun) => {
                Err(Refused::invalid(Reason::Cycle, "This fragment is spread within itself.", pos))
            }
            Some(Known::Measured(measure)) => self.again(*measure, place, pos),
            None => {
                let fragment = self.document.fragments.get(name.as_str());
                let fragment = fragment.ok_or_else(|| {
                    Refused::invalid(Reason::Fragments, "There is no fragment of this name.", pos)
                })?;
                self.known.insert(name.as_str(), Known::Begun);
                let measure = self.below(&fragment.node.selection_set, place)?;
                self.known.insert(name.as_str(), Known::Measured(measure));
                Ok(measure)
            }
        }
    }

    /// A fragment that was measured elsewhere, where it stands now.
    fn again(&self, measure: Measure, place: Place, pos: Pos) -> Result<Measure, Refused> {
        if !place.introspection && place.depth + measure.depth > self.budgets.depth {
            return Err(Refused::over(Reason::Depth, "levels of fields", self.budgets.depth, pos));
        }
        if place.sets + measure.sets > MAX_SETS {
            return Err(too_nested(pos));
        }
        Ok(measure)
    }
}

fn too_nested(pos: Pos) -> Refused {
    Refused::over(Reason::Nesting, "selection sets within each other", MAX_SETS, pos)
}

/// Whether a field asks about the schema itself.
pub(super) fn is_introspection(name: &str) -> bool {
    matches!(name, "__schema" | "__type")
}

fn values_of_directives(directives: &[Positioned<Directive>]) -> usize {
    directives.iter().map(|directive| values_of(&directive.node.arguments)).fold(0, usize::saturating_add)
}

fn values_of(arguments: &[(Positioned<Name>, Positioned<Value>)]) -> usize {
    arguments.iter().map(|(_, value)| values(&value.node)).fold(0, usize::saturating_add)
}

fn values(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len() / BYTES_PER_VALUE,
        Value::List(items) => items.iter().map(values).fold(1, usize::saturating_add),
        Value::Object(fields) => fields.values().map(values).fold(1, usize::saturating_add),
        _ => 1,
    }
}
