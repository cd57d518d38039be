//! From apollo-compiler's document to async-graphql's, once for each document. On the way, what apollo-compiler 1.33 leaves open
//! is checked: literals of custom scalars, fields of an input that come twice, and variables within arguments.

use std::{
    collections::{HashMap, HashSet},
    mem,
};

use apollo_compiler::{
    Name as SourceName, Node, Schema,
    ast::{
        Argument, Directive as SourceDirective, InputValueDefinition, Type as SourceType,
        Value as SourceValue,
    },
    executable::{self, Operation},
    parser::SourceSpan,
    schema::{ExtendedType, InputObjectType},
};
use async_graphql::{
    Name, Pos, Positioned,
    indexmap::IndexMap,
    parser::types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition,
        FragmentSpread, InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet, Type,
        TypeCondition, VariableDefinition,
    },
};
use async_graphql_value::{ConstValue, Value};

use super::{DocumentError, error::Fault, guard::is_introspection, position::Positions, schema};
use crate::{graphql::scalar, service::json::text_of_number};

/// The response key of the fields that [`convert`] adds. No client can choose it, and the response is written without it.
pub(crate) const HIDDEN: &str = "";

/// The document that async-graphql executes. Where everything that an object is asked for may be left out, a hidden
/// `__typename` is added: of an object without fields async-graphql makes null.
pub(super) fn convert(
    text: &str,
    document: &executable::ExecutableDocument,
) -> Result<ExecutableDocument, DocumentError> {
    let (positions, schema) = (Positions::new(text), schema::executable());
    let mut converter = Converter {
        positions,
        schema,
        document,
        faults: Vec::new(),
        owner: ("", ""),
        path: Vec::new(),
        uses: Uses::default(),
        uses_of_operations: Vec::new(),
    };
    let operations = converter.operations();
    let mut uses_of_fragments = HashMap::new();
    let fragments = document.fragments.iter().map(|(name, fragment)| {
        let converted = converter.fragment(fragment);
        uses_of_fragments.insert(name, mem::take(&mut converter.uses));
        (Name::new(name.as_str()), converted)
    });
    let fragments = fragments.collect();
    converter.check_variables(&uses_of_fragments);
    match converter.faults.is_empty() {
        true => Ok(ExecutableDocument { operations, fragments }),
        false => Err(DocumentError::invalid(None, converter.faults)),
    }
}

/// Where a value stands: what may be there.
#[derive(Clone, Copy)]
struct Location<'a> {
    ty: &'a SourceType,
    has_default: bool,
}

/// Where a variable is used.
struct Usage<'a> {
    name: &'a SourceName,
    /// Absent within a custom scalar, and in directives.
    location: Option<Location<'a>>,
    span: Option<SourceSpan>,
    owner: Owner<'a>,
    path: Vec<Part<'a>>,
}

/// The field or directive that an argument belongs to: the sign before its name, and the name.
type Owner<'a> = (&'static str, &'a str);

/// What a selection set uses besides its fields.
#[derive(Default)]
struct Uses<'a> {
    variables: Vec<Usage<'a>>,
    fragments: Vec<&'a SourceName>,
}

/// A part of the path to a value.
#[derive(Clone, Copy)]
enum Part<'a> {
    Name(&'a str),
    Index(usize),
}

struct Converter<'a> {
    positions: Positions<'a>,
    schema: &'a Schema,
    document: &'a executable::ExecutableDocument,
    faults: Vec<Fault>,
    /// The field or directive whose arguments are being converted.
    owner: Owner<'a>,
    /// The path of the value that is being converted.
    path: Vec<Part<'a>>,
    /// What is used in the operation or fragment that is being converted.
    uses: Uses<'a>,
    uses_of_operations: Vec<(&'a Node<Operation>, Uses<'a>)>,
}

impl<'a> Converter<'a> {
    fn pos(&mut self, span: Option<SourceSpan>) -> Pos {
        span.map_or_else(Pos::default, |span| self.positions.at(span.offset()))
    }

    fn name(&mut self, name: &SourceName) -> Positioned<Name> {
        Positioned::new(Name::new(name.as_str()), self.pos(name.location()))
    }

    fn operations(&mut self) -> DocumentOperations {
        let operations = &self.document.operations;
        if let Some(operation) = &operations.anonymous {
            return DocumentOperations::Single(self.operation(operation));
        }
        let named = operations.named.iter();
        DocumentOperations::Multiple(
            named.map(|(name, it)| (Name::new(name.as_str()), self.operation(it))).collect(),
        )
    }

    fn operation(&mut self, operation: &'a Node<Operation>) -> Positioned<OperationDefinition> {
        let pos = self.pos(operation.location());
        let ty = match operation.operation_type {
            apollo_compiler::ast::OperationType::Query => OperationType::Query,
            apollo_compiler::ast::OperationType::Mutation => OperationType::Mutation,
            apollo_compiler::ast::OperationType::Subscription => OperationType::Subscription,
        };
        let variable_definitions = operation.variables.iter().map(|it| self.variable(it)).collect();
        let directives = self.directives(&operation.directives);
        let selection_set = match ty {
            // The only field, which async-graphql does not look for in fragments.
            OperationType::Subscription => {
                let items = operation.root_fields(self.document).map(|field| self.field(field)).collect();
                Positioned::new(SelectionSet { items }, pos)
            }
            _ => self.selection_set(&operation.selection_set),
        };
        self.uses_of_operations.push((operation, mem::take(&mut self.uses)));
        let operation = OperationDefinition { ty, variable_definitions, directives, selection_set };
        Positioned::new(operation, pos)
    }

    fn variable(
        &mut self,
        definition: &'a Node<executable::VariableDefinition>,
    ) -> Positioned<VariableDefinition> {
        let pos = self.pos(definition.location());
        let name = self.name(&definition.name);
        let var_type = Positioned::new(converted_type(&definition.ty), self.pos(definition.ty.location()));
        let default_value = definition.default_value.as_ref().and_then(|default| {
            let pos = self.pos(default.location());
            let value: Option<ConstValue> = self.value(default, None).into_const();
            value.map(|value| Positioned::new(value, pos))
        });
        let directives = self.directives(&definition.directives);
        Positioned::new(VariableDefinition { name, var_type, directives, default_value }, pos)
    }

    fn fragment(&mut self, fragment: &'a Node<executable::Fragment>) -> Positioned<FragmentDefinition> {
        let pos = self.pos(fragment.location());
        let on = self.name(&fragment.selection_set.ty);
        let type_condition = Positioned::new(TypeCondition { on }, pos);
        let directives = self.directives(&fragment.directives);
        let selection_set = self.selections(&fragment.selection_set);
        Positioned::new(FragmentDefinition { type_condition, directives, selection_set }, pos)
    }

    /// The selection set of an object, which always selects something of it.
    fn selection_set(&mut self, set: &'a executable::SelectionSet) -> Positioned<SelectionSet> {
        let mut converted = self.selections(set);
        // Introspection is not for async-graphql to answer.
        let always_selects = |selection: &executable::Selection| {
            matches!(selection, executable::Selection::Field(field)
                if field.directives.is_empty() && !is_introspection(&field.name))
        };
        if !set.selections.is_empty() && !set.selections.iter().any(always_selects) {
            converted.node.items.push(hidden_typename(converted.pos));
        }
        converted
    }

    fn selections(&mut self, set: &'a executable::SelectionSet) -> Positioned<SelectionSet> {
        let items: Vec<_> = set.selections.iter().map(|selection| self.selection(selection)).collect();
        let pos = items.first().map_or_else(Pos::default, |first| first.pos);
        Positioned::new(SelectionSet { items }, pos)
    }

    fn selection(&mut self, selection: &'a executable::Selection) -> Positioned<Selection> {
        match selection {
            executable::Selection::Field(field) => self.field(field),
            executable::Selection::FragmentSpread(spread) => {
                let pos = self.pos(spread.location());
                self.uses.fragments.push(&spread.fragment_name);
                let fragment_name = self.name(&spread.fragment_name);
                let spread =
                    FragmentSpread { fragment_name, directives: self.directives(&spread.directives) };
                Positioned::new(Selection::FragmentSpread(Positioned::new(spread, pos)), pos)
            }
            executable::Selection::InlineFragment(fragment) => {
                let pos = self.pos(fragment.location());
                let type_condition = fragment.type_condition.as_ref().map(|name| {
                    let on = self.name(name);
                    Positioned { pos: on.pos, node: TypeCondition { on } }
                });
                let directives = self.directives(&fragment.directives);
                let selection_set = self.selections(&fragment.selection_set);
                let fragment = InlineFragment { type_condition, directives, selection_set };
                Positioned::new(Selection::InlineFragment(Positioned::new(fragment, pos)), pos)
            }
        }
    }

    fn field(&mut self, field: &'a Node<executable::Field>) -> Positioned<Selection> {
        let pos = self.pos(field.location());
        let alias = field.alias.as_ref().map(|alias| self.name(alias));
        let name = self.name(&field.name);
        let arguments = self.arguments(("", &field.name), &field.arguments, &field.definition.arguments);
        let directives = self.directives(&field.directives);
        let selection_set = self.selection_set(&field.selection_set);
        let field = Field { alias, name, arguments, directives, selection_set };
        Positioned::new(Selection::Field(Positioned::new(field, pos)), pos)
    }

    fn directives(&mut self, directives: &'a [Node<SourceDirective>]) -> Vec<Positioned<Directive>> {
        let converted = directives.iter().map(|directive| {
            let pos = self.pos(directive.location());
            let name = self.name(&directive.name);
            let arguments = self.arguments(("@", &directive.name), &directive.arguments, &[]);
            Positioned::new(Directive { name, arguments }, pos)
        });
        converted.collect()
    }

    fn arguments(
        &mut self,
        owner: Owner<'a>,
        arguments: &'a [Node<Argument>],
        definitions: &'a [Node<InputValueDefinition>],
    ) -> Vec<(Positioned<Name>, Positioned<Value>)> {
        self.owner = owner;
        let converted = arguments.iter().map(|argument| {
            let name = self.name(&argument.name);
            let pos = self.pos(argument.value.location());
            let definition = definitions.iter().find(|it| it.name == argument.name);
            let location =
                definition.map(|it| Location { ty: &it.ty, has_default: it.default_value.is_some() });
            let value = self.within(Part::Name(&argument.name), |it| it.value(&argument.value, location));
            (name, Positioned::new(value, pos))
        });
        converted.collect()
    }

    /// Converts what stands below a part of the path.
    fn within(&mut self, part: Part<'a>, convert: impl FnOnce(&mut Self) -> Value) -> Value {
        self.path.push(part);
        let value = convert(self);
        self.path.pop();
        value
    }

    fn object(
        &mut self,
        fields: &'a [(SourceName, Node<SourceValue>)],
        input: Option<&'a InputObjectType>,
    ) -> Value {
        let mut converted = IndexMap::with_capacity(fields.len());
        for (name, value) in fields {
            let field = input.and_then(|input| input.fields.get(name));
            let location =
                field.map(|field| Location { ty: &field.ty, has_default: field.default_value.is_some() });
            let value = self.within(Part::Name(name), |of| of.value(value, location));
            if converted.insert(Name::new(name.as_str()), value).is_some() {
                self.report(name.location(), "A field of an input is given twice. Write it once.".into());
            }
        }
        Value::Object(converted)
    }

    /// A value at a location; one of a custom scalar has to be valid, where its type is known.
    fn value(&mut self, value: &'a Node<SourceValue>, location: Option<Location<'a>>) -> Value {
        let ty = location.map(|location| location.ty);
        let definition = ty.and_then(|ty| self.schema.types.get(ty.inner_named_type()));
        let converted = match &**value {
            SourceValue::List(items) => {
                let ty = ty.filter(|ty| ty.is_list()).map(SourceType::item_type);
                let location = ty.map(|ty| Location { ty, has_default: false });
                let items = items.iter().enumerate();
                return Value::List(
                    items
                        .map(|(index, it)| self.within(Part::Index(index), |of| of.value(it, location)))
                        .collect(),
                );
            }
            SourceValue::Object(fields) => {
                let input = definition.and_then(ExtendedType::as_input_object);
                return self.object(fields, input);
            }
            SourceValue::Variable(name) => {
                self.uses.variables.push(Usage {
                    name,
                    location,
                    span: value.location(),
                    owner: self.owner,
                    path: self.path.clone(),
                });
                leaf_value(value)
            }
            leaf => leaf_value(leaf),
        };
        let is_variable = matches!(converted, Value::Variable(_) | Value::Null);
        if let Some(ExtendedType::Scalar(scalar)) = definition
            && !is_variable
            && !scalar.is_built_in()
            && !converted.clone().into_const().is_some_and(|it| scalar::is_valid(&scalar.name, &it))
        {
            self.report(value.location(), format!("The value is not {}.", scalar::expected(&scalar.name)));
        }
        converted
    }

    /// Variables are of types that may stand where they are used. Of values within arguments apollo-compiler 1.33 compares
    /// the names of types alone.
    fn check_variables(&mut self, of_fragments: &HashMap<&'a SourceName, Uses<'a>>) {
        for (operation, uses) in mem::take(&mut self.uses_of_operations) {
            let (mut seen, mut queue) = (HashSet::new(), vec![&uses]);
            while let Some(uses) = queue.pop() {
                uses.variables.iter().for_each(|usage| self.check_usage(operation, usage));
                let new = uses.fragments.iter().filter(|name| seen.insert(**name));
                queue.extend(new.filter_map(|name| of_fragments.get(name)));
            }
        }
    }

    fn check_usage(&mut self, operation: &Operation, usage: &Usage<'a>) {
        let definition = operation.variables.iter().find(|it| it.name == *usage.name);
        let message = match (definition, usage.location) {
            (None, _) => format!("The variable ${} is not defined. Declare it in the operation.", usage.name),
            (Some(definition), Some(location)) if !is_allowed(definition, location) => format!(
                "The variable ${} of type {} cannot be used where {} is expected.",
                usage.name, definition.ty, location.ty
            ),
            _ => return,
        };
        self.owner = usage.owner;
        self.path.clone_from(&usage.path);
        self.report(usage.span, message);
        self.path.clear();
    }

    fn report(&mut self, span: Option<SourceSpan>, message: String) {
        let pos = self.pos(span);
        let argument = self.path.iter().map(|part| match part {
            Part::Name(name) => (*name).to_owned(),
            Part::Index(index) => index.to_string(),
        });
        let argument: Vec<String> = argument.collect();
        let owner = (!argument.is_empty()).then(|| [self.owner.0, self.owner.1].concat());
        self.faults.push(Fault::new(message, pos).of_argument(owner, argument));
    }
}

/// Whether a variable of this type may stand at a location (IsVariableUsageAllowed of the specification).
fn is_allowed(definition: &executable::VariableDefinition, location: Location<'_>) -> bool {
    if !location.ty.is_non_null() || definition.ty.is_non_null() {
        return definition.ty.is_assignable_to(location.ty);
    }
    let has_default = definition.default_value.as_ref().is_some_and(|default| !default.is_null());
    (has_default || location.has_default) && definition.ty.is_assignable_to(&location.ty.clone().nullable())
}

fn leaf_value(value: &SourceValue) -> Value {
    match value {
        SourceValue::Enum(name) => Value::Enum(Name::new(name.as_str())),
        SourceValue::Variable(name) => Value::Variable(Name::new(name.as_str())),
        SourceValue::String(text) => Value::String(text.clone()),
        SourceValue::Boolean(value) => Value::Boolean(*value),
        SourceValue::Int(number) => number_value(number.as_str()),
        SourceValue::Float(number) => number_value(number.as_str()),
        SourceValue::Null | SourceValue::List(_) | SourceValue::Object(_) => Value::Null,
    }
}

fn number_value(number: &str) -> Value {
    match text_of_number(number) {
        Some(text) => Value::String(text),
        None => number.parse().map_or(Value::Null, Value::Number),
    }
}

fn converted_type(ty: &SourceType) -> Type {
    let base = match ty {
        SourceType::Named(name) | SourceType::NonNullNamed(name) => BaseType::Named(Name::new(name.as_str())),
        SourceType::List(item) | SourceType::NonNullList(item) => {
            BaseType::List(Box::new(converted_type(item)))
        }
    };
    Type { base, nullable: !ty.is_non_null() }
}

fn hidden_typename(pos: Pos) -> Positioned<Selection> {
    let field = Field {
        alias: Some(Positioned::new(Name::new(HIDDEN), pos)),
        name: Positioned::new(Name::new("__typename"), pos),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::default(),
    };
    Positioned::new(Selection::Field(Positioned::new(field, pos)), pos)
}
