//! From text to the syntax tree of apollo-compiler.

use std::collections::HashSet;

use apollo_compiler::{
    ast::{Definition, Document, OperationDefinition},
    diagnostic::ToCliReport,
    parser::{Parser, SourceSpan},
};
use async_graphql::Pos;

use super::{
    Budgets, DocumentError,
    position::position,
    tokens::{self, MAX_NESTING},
};

/// Stands for a file's name in diagnostics that nobody prints.
const SOURCE: &str = "document.graphql";
/// How many times the parser may call itself for a level of brackets.
const CALLS_PER_LEVEL: usize = 4;
/// How many tokens the parser reads for one that counts, with those that are ignored.
const TOKENS_EACH: usize = 4;

/// The parser's names of signs.
const SIGNS: [(&str, &str); 6] = [
    ("L_CURLY", "{"),
    ("R_CURLY", "}"),
    ("L_PAREN", "("),
    ("R_PAREN", ")"),
    ("L_BRACK", "["),
    ("R_BRACK", "]"),
];

/// A document that matches GraphQL's grammar.
pub(super) struct Syntax<'a> {
    /// The text as it came.
    pub(super) text: &'a str,
    pub(super) tree: Document,
    /// How many tokens it has.
    pub(super) tokens: usize,
}

impl<'a> Syntax<'a> {
    /// The tree of a text, within the budgets that tokens can be checked for.
    pub(super) fn parse(text: &'a str, budgets: &Budgets) -> Result<Self, DocumentError> {
        let (tokens, source) = tokens::check(text, budgets)?;
        if tokens == 0 {
            return Err(no_operation(text));
        }
        let parsed = Parser::new()
            .token_limit(budgets.tokens.saturating_mul(TOKENS_EACH))
            .recursion_limit(MAX_NESTING * CALLS_PER_LEVEL)
            .parse_ast(source, SOURCE);
        let tree = parsed.map_err(|invalid| syntax_error(text, &invalid.errors))?;
        let syntax = Self { text, tree, tokens };
        syntax.check_definitions()?;
        Ok(syntax)
    }

    /// The position of a part of the tree.
    pub(super) fn pos(&self, span: Option<SourceSpan>) -> Pos {
        self.pos_at(span.map_or(0, |span| span.offset()))
    }

    /// The position of a byte.
    pub(super) fn pos_at(&self, offset: usize) -> Pos {
        position(self.text, offset)
    }

    /// The operations, in the order of the document.
    pub(super) fn operations(&self) -> impl Iterator<Item = &apollo_compiler::Node<OperationDefinition>> {
        self.tree.definitions.iter().filter_map(|definition| match definition {
            Definition::OperationDefinition(operation) => Some(operation),
            _ => None,
        })
    }

    /// There is an operation, names are not used twice, and nothing is defined that cannot be executed.
    fn check_definitions(&self) -> Result<(), DocumentError> {
        let refused = |message, span| Err(DocumentError::syntax(message, self.pos(span)));
        let (mut operations, mut fragments) = (HashSet::new(), HashSet::new());
        for definition in &self.tree.definitions {
            match definition {
                Definition::OperationDefinition(operation) => match &operation.name {
                    Some(name) if !operations.insert(name) => {
                        return refused("Two operations have this name.", name.location());
                    }
                    None if self.operations().nth(1).is_some() => {
                        return refused(
                            "An operation without a name must be the only one.",
                            operation.location(),
                        );
                    }
                    _ => {}
                },
                Definition::FragmentDefinition(fragment) if !fragments.insert(&fragment.name) => {
                    return refused("Two fragments have this name.", fragment.name.location());
                }
                Definition::FragmentDefinition(_) => {}
                other => return refused("Only operations and fragments can be executed.", other.location()),
            }
        }
        if self.operations().next().is_none() {
            return Err(DocumentError::syntax(
                "The document has no operation.",
                self.pos_at(self.text.len()),
            ));
        }
        Ok(())
    }
}

fn no_operation(text: &str) -> DocumentError {
    DocumentError::syntax("The document has no operation.", position(text, text.len()))
}

/// The first place where a text stops being GraphQL.
fn syntax_error(text: &str, errors: &apollo_compiler::validation::DiagnosticList) -> DocumentError {
    let first = errors.iter().next();
    let offset = first.as_ref().and_then(|first| first.error.location()).map_or(0, |span| span.offset());
    let message = first.map(|first| first.error.to_string()).unwrap_or_default();
    let message = message.strip_prefix("syntax error: ").unwrap_or(&message).trim_end_matches('.');
    // What stands there instead may be a value, which only its sender should know.
    let message = message.split_once(", got ").map_or(message, |(expected, _)| expected);
    let message = SIGNS.iter().fold(message.to_owned(), |message, (name, sign)| message.replace(name, sign));
    let message = format!("The document is not valid GraphQL here: {message}.");
    DocumentError::syntax(message, position(text, offset))
}
