//! Changes of a schema that could break a client of an earlier one.

use std::collections::BTreeMap;

use async_graphql::{
    Name, Positioned,
    parser::{
        parse_schema,
        types::{
            BaseType, ConstDirective, DirectiveDefinition, EnumType, FieldDefinition, InputValueDefinition,
            Type, TypeDefinition, TypeKind, TypeSystemDefinition,
        },
    },
};

/// The types and directives of a schema by their names.
struct Schema {
    types: BTreeMap<String, TypeDefinition>,
    directives: BTreeMap<String, DirectiveDefinition>,
}

impl Schema {
    fn parse(sdl: &str) -> Self {
        let (mut types, mut directives) = (BTreeMap::new(), BTreeMap::new());
        for definition in parse_schema(sdl).expect("a schema").definitions {
            match definition {
                TypeSystemDefinition::Type(it) => drop(types.insert(it.node.name.to_string(), it.node)),
                TypeSystemDefinition::Directive(it) => {
                    drop(directives.insert(it.node.name.to_string(), it.node));
                }
                TypeSystemDefinition::Schema(_) => {}
            }
        }
        Self { types, directives }
    }
}

/// Each change from `published` to `now` that could break a client, as `place: why`.
pub(super) fn breaking_changes(published: &str, now: &str) -> Vec<String> {
    let (published, now) = (Schema::parse(published), Schema::parse(now));
    let mut breaks = Breaks::default();
    for (name, old) in &published.types {
        match now.types.get(name) {
            Some(new) => breaks.of_type(name, old, new),
            None => breaks.add(name, "the type was removed; documents that name it are refused"),
        }
    }
    for (name, old) in &published.directives {
        match now.directives.get(name) {
            Some(new) => breaks.of_arguments(&format!("@{name}"), &old.arguments, &new.arguments),
            None => {
                breaks.add(&format!("@{name}"), "the directive was removed; documents with it are refused")
            }
        }
    }
    breaks.0
}

#[derive(Default)]
struct Breaks(Vec<String>);

impl Breaks {
    fn add(&mut self, place: &str, why: impl AsRef<str>) {
        self.0.push(format!("{place}: {}", why.as_ref()));
    }

    fn of_type(&mut self, name: &str, old: &TypeDefinition, new: &TypeDefinition) {
        match (&old.kind, &new.kind) {
            (TypeKind::Scalar, TypeKind::Scalar) => {}
            (TypeKind::Object(old), TypeKind::Object(new)) => {
                self.of_members(name, "no longer implements", &old.implements, &new.implements);
                self.of_fields(name, &old.fields, &new.fields);
            }
            (TypeKind::Interface(old), TypeKind::Interface(new)) => {
                self.of_members(name, "no longer implements", &old.implements, &new.implements);
                self.of_fields(name, &old.fields, &new.fields);
            }
            (TypeKind::Union(old), TypeKind::Union(new)) => {
                self.of_members(name, "no longer contains", &old.members, &new.members);
            }
            (TypeKind::Enum(old), TypeKind::Enum(new)) => self.of_values(name, old, new),
            (TypeKind::InputObject(before), TypeKind::InputObject(after)) => {
                if has(&new.directives, "oneOf") && !has(&old.directives, "oneOf") {
                    self.add(name, "takes exactly one field now; inputs with several are refused");
                }
                self.of_inputs(|field| format!("{name}.{field}"), "the field", &before.fields, &after.fields);
            }
            (before, after) => {
                let (before, after) = (kind(before), kind(after));
                self.add(
                    name,
                    format!("was {before} and is {after}; documents that use it as it was are refused"),
                );
            }
        }
    }

    fn of_members(&mut self, name: &str, lost: &str, old: &[Positioned<Name>], new: &[Positioned<Name>]) {
        for gone in old.iter().filter(|it| !new.iter().any(|other| other.node == it.node)) {
            self.add(name, format!("{lost} {}; fragments that rely on it are refused", gone.node));
        }
    }

    fn of_values(&mut self, name: &str, old: &EnumType, new: &EnumType) {
        for value in old.values.iter().map(|it| &it.node.value.node) {
            if !new.values.iter().any(|it| it.node.value.node == *value) {
                let why =
                    "the value was removed; inputs with it are refused, and rows that had it show another";
                self.add(&format!("{name}.{value}"), why);
            }
        }
    }

    fn of_fields(
        &mut self,
        owner: &str,
        old: &[Positioned<FieldDefinition>],
        new: &[Positioned<FieldDefinition>],
    ) {
        for old in old.iter().map(|it| &it.node) {
            let place = format!("{owner}.{}", old.name.node);
            let Some(new) = new.iter().map(|it| &it.node).find(|it| it.name.node == old.name.node) else {
                self.add(&place, "the field was removed; documents that select it are refused");
                continue;
            };
            let (before, after) = (&old.ty.node, &new.ty.node);
            if !same_shape(before, after) {
                self.add(&place, format!("was {before} and is {after}; clients cannot read what they get"));
            } else if !gives_no_more_nulls(before, after) {
                let why = format!("was {before} and is {after}; clients do not expect null there");
                self.add(&place, why);
            }
            self.of_arguments(&place, &old.arguments, &new.arguments);
        }
    }

    fn of_arguments(
        &mut self,
        owner: &str,
        old: &[Positioned<InputValueDefinition>],
        new: &[Positioned<InputValueDefinition>],
    ) {
        self.of_inputs(|argument| format!("{owner}({argument})"), "the argument", old, new);
    }

    /// Arguments, and the fields of input objects.
    fn of_inputs(
        &mut self,
        place: impl Fn(&str) -> String,
        what: &str,
        old: &[Positioned<InputValueDefinition>],
        new: &[Positioned<InputValueDefinition>],
    ) {
        for old in old.iter().map(|it| &it.node) {
            let place = place(&old.name.node);
            match new.iter().map(|it| &it.node).find(|it| it.name.node == old.name.node) {
                Some(new) => self.of_input(&place, old, new),
                None => self.add(&place, format!("{what} was removed; documents that give it are refused")),
            }
        }
        for new in new.iter().map(|it| &it.node) {
            let is_new = !old.iter().any(|it| it.node.name.node == new.name.node);
            if is_new && !new.ty.node.nullable && new.default_value.is_none() {
                let why = format!("{what} is new and required; documents without it are refused");
                self.add(&place(&new.name.node), why);
            }
        }
    }

    fn of_input(&mut self, place: &str, old: &InputValueDefinition, new: &InputValueDefinition) {
        let (before, after) = (&old.ty.node, &new.ty.node);
        if !same_shape(before, after) {
            self.add(place, format!("was {before} and is {after}; values that were taken are refused"));
        } else if !gives_no_more_nulls(after, before) {
            self.add(
                place,
                format!("was {before} and is {after}; null, or nothing, was taken and is refused"),
            );
        }
        let default = |it: &InputValueDefinition| it.default_value.as_ref().map(|value| value.to_string());
        if let (Some(before), after) = (default(old), default(new))
            && after.as_ref() != Some(&before)
        {
            let after = after.as_deref().unwrap_or("none");
            self.add(
                place,
                format!("the default was {before} and is {after}; who left it out gets another answer"),
            );
        }
    }
}

/// Whether both are the same but for nulls.
fn same_shape(old: &Type, new: &Type) -> bool {
    match (&old.base, &new.base) {
        (BaseType::Named(old), BaseType::Named(new)) => old == new,
        (BaseType::List(old), BaseType::List(new)) => same_shape(old, new),
        _ => false,
    }
}

/// Whether nothing of the type `new` is null where nothing of `old` was.
fn gives_no_more_nulls(old: &Type, new: &Type) -> bool {
    let here = old.nullable || !new.nullable;
    match (&old.base, &new.base) {
        (BaseType::List(old), BaseType::List(new)) => here && gives_no_more_nulls(old, new),
        _ => here,
    }
}

fn has(directives: &[Positioned<ConstDirective>], name: &str) -> bool {
    directives.iter().any(|it| it.node.name.node == name)
}

const fn kind(kind: &TypeKind) -> &'static str {
    match kind {
        TypeKind::Scalar => "a scalar",
        TypeKind::Object(_) => "an object",
        TypeKind::Interface(_) => "an interface",
        TypeKind::Union(_) => "a union",
        TypeKind::Enum(_) => "an enum",
        TypeKind::InputObject(_) => "an input",
    }
}
