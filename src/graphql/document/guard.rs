//! The guard: whether a document is small enough once its fragments are spread. It runs before validation.
//!
//! Each fragment is measured once, and its measure is added wherever it is spread, so the work is linear in what was
//! written. What follows, validation above all, is linear in what was measured here.

use std::collections::HashMap;

use apollo_compiler::{
    Name, Node,
    ast::{
        Argument, Definition, Directive, Field, FragmentDefinition, FragmentSpread, InlineFragment,
        OperationDefinition, Selection, Value,
    },
    parser::SourceSpan,
};

use super::{DocumentError, Reason, error::Fault, syntax::Syntax};

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
    /// Root fields of an operation.
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
/// fragments alike. async-graphql executes no deeper one.
const MAX_SETS: usize = 32;
/// The same as [`Budgets::depth`] within `__schema` and `__type`. Tools ask for the type of a type of a type there: the
/// usual query is 15 deep.
const MAX_INTROSPECTION_DEPTH: usize = 20;
/// How many of [`INTROSPECTION_LIST_FIELDS`] may be nested within `__schema` and `__type`; each makes the answer some thirty times longer.
const MAX_INTROSPECTION_LISTS: usize = 2;
/// The fields by which introspection comes from one type to many.
const INTROSPECTION_LIST_FIELDS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
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
    /// Root fields of the set.
    fields: usize,
    /// Fields within fields, without those of introspection.
    depth: usize,
    /// Fields within fields, all of them.
    full_depth: usize,
    /// [`INTROSPECTION_LIST_FIELDS`] within each other.
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
struct Position {
    /// In how many fields.
    depth: usize,
    /// In how many selection sets.
    sets: usize,
    introspection: bool,
}

/// What is known of a fragment.
enum Known {
    /// It is being measured, so a fragment that spreads it now is part of a cycle.
    Begun,
    Measured(Measure),
}

/// Fails where a document exceeds a budget; also, because both would make the count meaningless, where fragments spread
/// themselves or are missing.
pub(super) fn check(syntax: &Syntax<'_>, budgets: &Budgets) -> Result<(), DocumentError> {
    let fragments = syntax.tree.definitions.iter().filter_map(|definition| match definition {
        Definition::FragmentDefinition(fragment) => Some((fragment.name.as_str(), fragment)),
        _ => None,
    });
    let mut guard =
        Guard { syntax, fragments: fragments.collect(), budgets, known: HashMap::new(), compared: 0 };
    let mut whole = Measure::default();
    for operation in syntax.operations() {
        whole.add(&guard.operation(operation)?);
        guard.within(&Measure { aliases: 0, ..whole }, operation.location())?;
    }
    Ok(())
}

struct Guard<'a> {
    syntax: &'a Syntax<'a>,
    fragments: HashMap<&'a str, &'a Node<FragmentDefinition>>,
    budgets: &'a Budgets,
    known: HashMap<&'a str, Known>,
    /// How many selections validation will compare, each time that it does.
    compared: usize,
}

impl<'a> Guard<'a> {
    fn operation(&mut self, operation: &'a Node<OperationDefinition>) -> Result<Measure, DocumentError> {
        let mut measure = self.set(&operation.selection_set, Position::default())?;
        measure.values = measure.values.saturating_add(values_of_directives(&operation.directives));
        if measure.fields > self.budgets.root_fields {
            return Err(self.over(
                Reason::RootFields,
                "root fields",
                self.budgets.root_fields,
                operation.location(),
            ));
        }
        Ok(measure)
    }

    /// Refuses what is more than one operation, or all together, may have.
    fn within(&self, measure: &Measure, span: Option<SourceSpan>) -> Result<(), DocumentError> {
        // A document without fragments has fewer values than tokens; the texts among them count as more than one.
        let values = self.budgets.tokens.saturating_mul(2);
        let exceeded = [
            (Reason::Fields, "fields", measure.selections, self.budgets.fields),
            (Reason::Aliases, "aliases", measure.aliases, self.budgets.aliases),
            (Reason::Values, "values in arguments", measure.values, values),
        ];
        match exceeded.into_iter().find(|(_, _, count, budget)| count > budget) {
            Some((reason, what, _, budget)) => Err(self.over(reason, what, budget, span)),
            None => Ok(()),
        }
    }

    fn set(&mut self, set: &'a [Selection], place: Position) -> Result<Measure, DocumentError> {
        let mut measure = Measure::default();
        for selection in set {
            let mut one = match selection {
                Selection::Field(field) => self.field(field, place)?,
                Selection::FragmentSpread(spread) => self.spread(spread, place)?,
                Selection::InlineFragment(fragment) => self.inline(fragment, place)?,
            };
            one.selections = one.selections.saturating_add(1);
            one.flat = one.flat.saturating_add(1);
            one.values = one.values.saturating_add(values_of_directives(directives_of(selection)));
            measure.add(&one);
            self.within(&measure, selection.location())?;
            self.compared = self.compared.saturating_add(one.flat);
            let compared = self.budgets.fields.saturating_mul(COMPARED);
            if self.compared > compared {
                let what = "fields to compare within its fragments";
                return Err(self.over(Reason::Fields, what, compared, selection.location()));
            }
        }
        Ok(measure)
    }

    fn field(&mut self, field: &'a Node<Field>, place: Position) -> Result<Measure, DocumentError> {
        let name = field.name.as_str();
        let below = Position {
            depth: place.depth + 1,
            introspection: place.introspection || is_introspection(name),
            ..place
        };
        if below.depth > self.budgets.depth && !place.introspection {
            return Err(self.over(Reason::Depth, "levels of fields", self.budgets.depth, field.location()));
        }
        let mut measure = self.below(&field.selection_set, below)?;
        if is_introspection(name) {
            self.introspection(&measure, field.location())?;
            measure.depth = 0;
        }
        measure.values = measure.values.saturating_add(values_of(&field.arguments));
        measure.aliases = measure.aliases.saturating_add(usize::from(field.alias.is_some()));
        measure.fields = 1;
        measure.flat = 0;
        measure.depth += 1;
        measure.full_depth += 1;
        measure.lists += usize::from(INTROSPECTION_LIST_FIELDS.contains(&name));
        Ok(measure)
    }

    fn introspection(&self, measure: &Measure, span: Option<SourceSpan>) -> Result<(), DocumentError> {
        if measure.full_depth >= MAX_INTROSPECTION_DEPTH {
            return Err(self.over(
                Reason::Introspection,
                "levels of introspection",
                MAX_INTROSPECTION_DEPTH,
                span,
            ));
        }
        if measure.lists > MAX_INTROSPECTION_LISTS {
            let what = "lists of fields or types within each other in introspection";
            return Err(self.over(Reason::Introspection, what, MAX_INTROSPECTION_LISTS, span));
        }
        Ok(())
    }

    fn inline(
        &mut self,
        fragment: &'a Node<InlineFragment>,
        place: Position,
    ) -> Result<Measure, DocumentError> {
        self.below(&fragment.selection_set, place)
    }

    /// A selection set in another one; nothing for a field that has none.
    fn below(&mut self, set: &'a [Selection], mut place: Position) -> Result<Measure, DocumentError> {
        let Some(first) = set.first() else { return Ok(Measure::default()) };
        place.sets += 1;
        if place.sets > MAX_SETS {
            return Err(self.too_nested(first.location()));
        }
        let mut measure = self.set(set, place)?;
        measure.sets += 1;
        Ok(measure)
    }

    fn spread(
        &mut self,
        spread: &'a Node<FragmentSpread>,
        place: Position,
    ) -> Result<Measure, DocumentError> {
        let (name, span): (&'a Name, _) = (&spread.fragment_name, spread.location());
        match self.known.get(name.as_str()) {
            Some(Known::Begun) => {
                Err(self.invalid(Reason::Cycle, "This fragment is spread within itself.", span))
            }
            Some(Known::Measured(measure)) => self.again(*measure, place, span),
            None => {
                let fragment = *self.fragments.get(name.as_str()).ok_or_else(|| {
                    self.invalid(Reason::Fragments, "There is no fragment of this name.", span)
                })?;
                self.known.insert(name.as_str(), Known::Begun);
                let measure = self.below(&fragment.selection_set, place)?;
                self.known.insert(name.as_str(), Known::Measured(measure));
                Ok(measure)
            }
        }
    }

    /// A fragment that was measured elsewhere, where it stands now.
    fn again(
        &self,
        measure: Measure,
        place: Position,
        span: Option<SourceSpan>,
    ) -> Result<Measure, DocumentError> {
        if !place.introspection && place.depth + measure.depth > self.budgets.depth {
            return Err(self.over(Reason::Depth, "levels of fields", self.budgets.depth, span));
        }
        if place.sets + measure.sets > MAX_SETS {
            return Err(self.too_nested(span));
        }
        Ok(measure)
    }

    fn too_nested(&self, span: Option<SourceSpan>) -> DocumentError {
        self.over(Reason::Nesting, "selection sets within each other", MAX_SETS, span)
    }

    fn over(&self, reason: Reason, what: &str, allowed: usize, span: Option<SourceSpan>) -> DocumentError {
        DocumentError::over(reason, what, allowed, self.syntax.pos(span))
    }

    fn invalid(&self, reason: Reason, message: &'static str, span: Option<SourceSpan>) -> DocumentError {
        DocumentError::invalid(reason, vec![Fault::new(message, self.syntax.pos(span))])
    }
}

/// Whether a field asks about the schema itself.
pub(super) fn is_introspection(name: &str) -> bool {
    matches!(name, "__schema" | "__type")
}

fn directives_of(selection: &Selection) -> &[Node<Directive>] {
    match selection {
        Selection::Field(field) => &field.directives,
        Selection::FragmentSpread(spread) => &spread.directives,
        Selection::InlineFragment(fragment) => &fragment.directives,
    }
}

fn values_of_directives(directives: &[Node<Directive>]) -> usize {
    directives.iter().map(|directive| values_of(&directive.arguments)).fold(0, usize::saturating_add)
}

fn values_of(arguments: &[Node<Argument>]) -> usize {
    arguments.iter().map(|argument| values(&argument.value)).fold(0, usize::saturating_add)
}

fn values(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len() / BYTES_PER_VALUE,
        Value::List(items) => items.iter().map(|item| values(item)).fold(1, usize::saturating_add),
        Value::Object(fields) => fields.iter().map(|(_, value)| values(value)).fold(1, usize::saturating_add),
        _ => 1,
    }
}
