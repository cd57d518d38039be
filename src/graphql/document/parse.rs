//! From tokens to a document, as the specification's grammar has it.
//!
//! async-graphql's own parser takes up to 30 ms for 128 KiB of comments, which it reads again for every rule that it
//! tries. This one looks at each token once. It builds the same document, which `tests` compare.

use std::collections::{HashMap, hash_map::Entry};

use async_graphql::{
    Name, Pos, Positioned, Value as ConstValue,
    indexmap::IndexMap,
    parser::types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition,
        FragmentSpread, InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet, Type,
        TypeCondition, VariableDefinition,
    },
};
use async_graphql_value::Value;

use super::{
    Reason, Refused, text,
    tokens::{Kind, Token},
};
use crate::service::json::text_of_number;

/// Names and values, such as the arguments of a field.
type Arguments = Vec<(Positioned<Name>, Positioned<Value>)>;

/// The document that tokens are. The last of them is [`Kind::End`], and they nest no deeper than their reader lets them.
pub(super) fn document(tokens: &[Token<'_>]) -> Result<ExecutableDocument, Refused> {
    let mut parser = Parser { tokens, at: 0 };
    let (mut operations, mut fragments) = (Vec::new(), HashMap::new());
    while parser.token().kind != Kind::End {
        if parser.token().text == "fragment" {
            let (name, fragment) = parser.fragment()?;
            insert_once(&mut fragments, name, fragment, "Two fragments have this name.")?;
        } else {
            operations.push(parser.operation()?);
        }
    }
    Ok(ExecutableDocument { operations: only_or_named(operations, parser.token().pos)?, fragments })
}

fn only_or_named(
    mut operations: Vec<(Option<Positioned<Name>>, Positioned<OperationDefinition>)>,
    end: Pos,
) -> Result<DocumentOperations, Refused> {
    if let [(None, _)] = &operations[..]
        && let Some((_, operation)) = operations.pop()
    {
        return Ok(DocumentOperations::Single(operation));
    }
    if operations.is_empty() {
        return Err(Refused::syntax("The document has no operation.", end));
    }
    let mut named = HashMap::with_capacity(operations.len());
    for (name, operation) in operations {
        let unnamed = Refused::syntax("An operation without a name must be the only one.", operation.pos);
        insert_once(&mut named, name.ok_or(unnamed)?, operation, "Two operations have this name.")?;
    }
    Ok(DocumentOperations::Multiple(named))
}

fn insert_once<T>(
    map: &mut HashMap<Name, T>,
    name: Positioned<Name>,
    value: T,
    twice: &'static str,
) -> Result<(), Refused> {
    match map.entry(name.node) {
        Entry::Occupied(_) => Err(Refused::syntax(twice, name.pos)),
        Entry::Vacant(entry) => {
            entry.insert(value);
            Ok(())
        }
    }
}

struct Parser<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
}

/// Whether a value may hold variables.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variables {
    Allowed,
    Refused,
}

impl<'a> Parser<'_, 'a> {
    fn token(&self) -> Token<'a> {
        self.tokens[self.at]
    }

    /// The token, which is passed. Behind the last there is none, and it stays.
    fn take(&mut self) -> Token<'a> {
        let token = self.token();
        self.at += usize::from(token.kind != Kind::End);
        token
    }

    /// Whether the token is this sign or word, which is then passed.
    fn takes(&mut self, text: &str) -> bool {
        let is = self.is(text);
        self.at += usize::from(is);
        is
    }

    fn is(&self, text: &str) -> bool {
        let token = self.token();
        token.text == text && matches!(token.kind, Kind::Sign | Kind::Name)
    }

    fn expect(&mut self, text: &'static str) -> Result<Pos, Refused> {
        let pos = self.token().pos;
        if self.takes(text) { Ok(pos) } else { Err(self.expected(text)) }
    }

    fn expected(&self, what: &str) -> Refused {
        Refused::syntax(format!("The document is not valid GraphQL here: expected {what}."), self.token().pos)
    }

    fn name(&mut self) -> Result<Positioned<Name>, Refused> {
        let token = self.token();
        if token.kind != Kind::Name {
            return Err(self.expected("a name"));
        }
        self.take();
        Ok(Positioned::new(Name::new(token.text), token.pos))
    }

    /// At least one item between two signs.
    fn between<T>(
        &mut self,
        close: &'static str,
        item: impl Fn(&mut Self) -> Result<T, Refused>,
    ) -> Result<Vec<T>, Refused> {
        self.take();
        let mut items = vec![item(self)?];
        while !self.takes(close) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn operation(&mut self) -> Result<(Option<Positioned<Name>>, Positioned<OperationDefinition>), Refused> {
        let Token { text, pos, .. } = self.token();
        let ty = match text {
            "{" | "query" => OperationType::Query,
            "mutation" => OperationType::Mutation,
            "subscription" => OperationType::Subscription,
            _ => return Err(self.expected("an operation or a fragment")),
        };
        let mut name = None;
        let (mut variable_definitions, mut directives) = (Vec::new(), Vec::new());
        if text != "{" {
            self.take();
            name = (self.token().kind == Kind::Name).then(|| self.name()).transpose()?;
            if self.is("(") {
                variable_definitions = self.between(")", Self::variable_definition)?;
            }
            directives = self.directives(Variables::Allowed)?;
        }
        let selection_set = self.selection_set()?;
        let operation = OperationDefinition { ty, variable_definitions, directives, selection_set };
        Ok((name, Positioned::new(operation, pos)))
    }

    fn variable_definition(&mut self) -> Result<Positioned<VariableDefinition>, Refused> {
        let pos = self.expect("$")?;
        let name = self.name()?;
        self.expect(":")?;
        let type_pos = self.token().pos;
        let var_type = Positioned::new(self.ty()?, type_pos);
        let default_value = if self.takes("=") { Some(self.constant()?) } else { None };
        let directives = self.directives(Variables::Refused)?;
        Ok(Positioned::new(VariableDefinition { name, var_type, directives, default_value }, pos))
    }

    fn ty(&mut self) -> Result<Type, Refused> {
        let base = if self.takes("[") {
            let item = self.ty()?;
            self.expect("]")?;
            BaseType::List(Box::new(item))
        } else {
            BaseType::Named(self.name()?.node)
        };
        Ok(Type { base, nullable: !self.takes("!") })
    }

    fn fragment(&mut self) -> Result<(Positioned<Name>, Positioned<FragmentDefinition>), Refused> {
        let pos = self.take().pos;
        if self.is("on") {
            return Err(self.expected("a name other than on"));
        }
        let name = self.name()?;
        let type_condition = self.type_condition()?;
        let directives = self.directives(Variables::Allowed)?;
        let selection_set = self.selection_set()?;
        Ok((name, Positioned::new(FragmentDefinition { type_condition, directives, selection_set }, pos)))
    }

    fn type_condition(&mut self) -> Result<Positioned<TypeCondition>, Refused> {
        let pos = self.expect("on")?;
        Ok(Positioned::new(TypeCondition { on: self.name()? }, pos))
    }

    fn selection_set(&mut self) -> Result<Positioned<SelectionSet>, Refused> {
        let pos = self.token().pos;
        if !self.is("{") {
            return Err(self.expected("{"));
        }
        let items = self.between("}", Self::selection)?;
        Ok(Positioned::new(SelectionSet { items }, pos))
    }

    fn selection(&mut self) -> Result<Positioned<Selection>, Refused> {
        let pos = self.token().pos;
        let selection = if !self.takes("...") {
            Selection::Field(Positioned::new(self.field()?, pos))
        } else if self.token().kind == Kind::Name && !self.is("on") {
            let fragment_name = self.name()?;
            let directives = self.directives(Variables::Allowed)?;
            Selection::FragmentSpread(Positioned::new(FragmentSpread { fragment_name, directives }, pos))
        } else {
            let type_condition = if self.is("on") { Some(self.type_condition()?) } else { None };
            let directives = self.directives(Variables::Allowed)?;
            let selection_set = self.selection_set()?;
            let fragment = InlineFragment { type_condition, directives, selection_set };
            Selection::InlineFragment(Positioned::new(fragment, pos))
        };
        Ok(Positioned::new(selection, pos))
    }

    fn field(&mut self) -> Result<Field, Refused> {
        let mut name = self.name()?;
        let mut alias = None;
        if self.takes(":") {
            alias = Some(name);
            name = self.name()?;
        }
        let arguments = self.arguments(Variables::Allowed)?;
        let directives = self.directives(Variables::Allowed)?;
        let selection_set = if self.is("{") { self.selection_set()? } else { Positioned::default() };
        Ok(Field { alias, name, arguments, directives, selection_set })
    }

    fn arguments(&mut self, variables: Variables) -> Result<Arguments, Refused> {
        if !self.is("(") {
            return Ok(Vec::new());
        }
        self.between(")", |parser| {
            let name = parser.name()?;
            parser.expect(":")?;
            let pos = parser.token().pos;
            Ok((name, Positioned::new(parser.value(variables)?, pos)))
        })
    }

    fn directives(&mut self, variables: Variables) -> Result<Vec<Positioned<Directive>>, Refused> {
        let mut directives = Vec::new();
        while self.is("@") {
            let pos = self.take().pos;
            let name = self.name()?;
            let arguments = self.arguments(variables)?;
            directives.push(Positioned::new(Directive { name, arguments }, pos));
        }
        Ok(directives)
    }

    fn constant(&mut self) -> Result<Positioned<ConstValue>, Refused> {
        let pos = self.token().pos;
        let value = self.value(Variables::Refused)?.into_const();
        value
            .map(|value| Positioned::new(value, pos))
            .ok_or_else(|| self.expected("a value without variables"))
    }

    fn value(&mut self, variables: Variables) -> Result<Value, Refused> {
        let Token { kind, text, .. } = self.token();
        let value = match (kind, text) {
            (Kind::Sign, "[") => return self.list(variables),
            (Kind::Sign, "{") => return self.object(variables),
            (Kind::Sign, "$") if variables == Variables::Allowed => {
                self.take();
                return Ok(Value::Variable(self.name()?.node));
            }
            (Kind::Sign, "$") => return Err(self.expected("a value without variables")),
            (Kind::Name, "true") => Some(Value::Boolean(true)),
            (Kind::Name, "false") => Some(Value::Boolean(false)),
            (Kind::Name, "null") => Some(Value::Null),
            (Kind::Name, name) => Some(Value::Enum(Name::new(name))),
            (Kind::Number, number) => Some(match text_of_number(number) {
                Some(text) => Value::String(text),
                None => Value::Number(number.parse().map_err(|_| self.expected("a number"))?),
            }),
            (Kind::Text, token) => Some(Value::String(
                text::value(token)
                    .ok_or_else(|| self.expected("a text with escapes that stand for characters"))?,
            )),
            (Kind::Sign | Kind::End, _) => None,
        };
        let value = value.ok_or_else(|| self.expected("a value"))?;
        self.take();
        Ok(value)
    }

    fn list(&mut self, variables: Variables) -> Result<Value, Refused> {
        self.take();
        let mut items = Vec::new();
        while !self.takes("]") {
            items.push(self.value(variables)?);
        }
        Ok(Value::List(items))
    }

    fn object(&mut self, variables: Variables) -> Result<Value, Refused> {
        self.take();
        let mut fields = IndexMap::new();
        while !self.takes("}") {
            let name = self.name()?;
            self.expect(":")?;
            let value = self.value(variables)?;
            if fields.insert(name.node, value).is_some() {
                return Err(Refused::invalid(
                    Reason::Syntax,
                    "This field of an input is given twice.",
                    name.pos,
                ));
            }
        }
        Ok(Value::Object(fields))
    }
}
