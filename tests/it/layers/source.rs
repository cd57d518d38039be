//! A source file as words and signs, and the paths in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A source file, without its comments and literals.
pub(super) struct Source {
    /// Where it is, from the root of the repository.
    pub(super) path: PathBuf,
    tokens: Vec<Token>,
}

/// A word, `::` or any other single character.
struct Token {
    text: String,
    line: usize,
}

impl Source {
    pub(super) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|_| panic!("no file {}", path.display()));
        Self { path: path.to_owned(), tokens: tokens(&text) }
    }

    /// A file of this path and text.
    pub(super) fn of(path: &str, text: &str) -> Self {
        Self { path: path.into(), tokens: tokens(text) }
    }

    /// A breach in this file.
    pub(super) fn complaint(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }

    /// The lines on which a sequence of words and signs begins.
    pub(super) fn find<'a>(&'a self, sequence: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
        let begins = move |window: &&[Token]| window.iter().map(|token| &token.text).eq(sequence);
        self.tokens.windows(sequence.len()).filter(begins).map(|window| window[0].line)
    }

    /// The words that stand after this one.
    pub(super) fn words_after<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        self.tokens.windows(2).filter(move |window| window[0].text == word).map(|window| &*window[1].text)
    }

    /// The modules below the root of the crate that paths in this file lead to, each with its line.
    pub(super) fn crate_modules(&self) -> impl Iterator<Item = (&str, usize)> {
        let depth = self.depth();
        self.paths().into_iter().filter_map(move |(path, line)| Some((below_root(&path, depth)?, line)))
    }

    /// The services that paths in this file lead to, each with its line.
    pub(super) fn services(&self) -> impl Iterator<Item = (&str, usize)> {
        self.paths().into_iter().filter_map(|(path, line)| match *self.path_from_root(&path)? {
            ["service", service, ..] => Some((service, line)),
            _ => None,
        })
    }

    /// The service that the file belongs to.
    pub(super) fn service(&self) -> Option<&str> {
        self.module().get(1).copied()
    }

    /// The path of the module from the root of the crate.
    fn module(&self) -> Vec<&str> {
        let names = self.path.iter().filter_map(|name| name.to_str()).skip(1);
        names.map(|name| name.trim_end_matches(".rs")).filter(|name| *name != "mod").collect()
    }

    /// Where a path with `crate` or `super` leads to from the root of the crate.
    fn path_from_root<'a>(&'a self, path: &[&'a str]) -> Option<Vec<&'a str>> {
        let module = self.module();
        let ups = path.iter().take_while(|word| **word == "super").count();
        match path {
            ["crate", path @ ..] => Some(path.to_vec()),
            _ if (1..=module.len()).contains(&ups) => {
                Some([&module[..module.len() - ups], &path[ups..]].concat())
            }
            _ => None,
        }
    }

    fn paths(&self) -> Vec<(Vec<&str>, usize)> {
        let mut paths = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            at = self.read_path(at, &[], &mut paths);
        }
        paths
    }

    /// How many modules deep the file is: as many `super` lead to the root.
    fn depth(&self) -> usize {
        let names = self.path.components().count() - 1;
        let of_folder = self.path.file_stem().is_some_and(|name| name == "mod" || name == "lib");
        if of_folder { names - 1 } else { names }
    }

    /// Reads the path that begins here, each branch of a tree like `a::{b, c::d}` by itself, and tells where it ends.
    fn read_path<'a>(&'a self, at: usize, stem: &[&'a str], paths: &mut Vec<(Vec<&'a str>, usize)>) -> usize {
        let text = |at: usize| self.tokens.get(at).map_or("", |token| token.text.as_str());
        let path = [stem, &[text(at)]].concat();
        match (text(at + 1), text(at + 2)) {
            ("::", "{") => {
                let mut at = at + 3;
                while !matches!(text(at), "}" | "") {
                    at = if text(at) == "," { at + 1 } else { self.read_path(at, &path, paths) };
                }
                at + 1
            }
            ("::", _) => self.read_path(at + 2, &path, paths),
            _ => {
                paths.push((path, self.tokens.get(at).map_or(0, |token| token.line)));
                at + 1
            }
        }
    }
}

/// The module below the root that a path leads to from a file this deep.
fn below_root<'a>(path: &[&'a str], depth: usize) -> Option<&'a str> {
    let path = path.strip_prefix(&["self"]).unwrap_or(path);
    let ups = path.iter().take_while(|word| **word == "super").count();
    match path {
        ["crate", module, ..] => Some(module),
        _ if ups > 0 && ups == depth => path.get(ups).copied(),
        _ => None,
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let passed_over = blank(rest).or_else(|| comment(rest)).or_else(|| literal(rest));
        let (piece, behind) = rest.split_at(passed_over.unwrap_or_else(|| word_or_sign(rest)));
        if passed_over.is_none() {
            tokens.push(Token { text: piece.to_owned(), line });
        }
        line += piece.matches('\n').count();
        rest = behind;
    }
    tokens
}

/// How long the white space is that the text begins with.
fn blank(text: &str) -> Option<usize> {
    Some(text.len() - text.trim_start().len()).filter(|length| *length > 0)
}

/// How long the comment is that the text begins with.
fn comment(text: &str) -> Option<usize> {
    let end = if text.starts_with("//") { "\n" } else { "*/" };
    let begins = text.starts_with("//") || text.starts_with("/*");
    begins.then(|| text.find(end).map_or(text.len(), |at| at + end.len()))
}

/// How long the string or character is that the text begins with.
fn literal(text: &str) -> Option<usize> {
    let quoted = |begin: usize, quote: char| {
        let mut escaped = false;
        let end = text[begin..].char_indices().find(|&(_, character)| {
            let ends = character == quote && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        end.map(|(at, _)| begin + at + 1)
    };
    let unprefixed = text.trim_start_matches(['b', 'c', 'r']);
    let hashes = unprefixed.len() - unprefixed.trim_start_matches('#').len();
    let begin = text.len() - unprefixed.len() + hashes;
    if text.starts_with('"') || text.starts_with("b\"") || text.starts_with("c\"") {
        quoted(begin + 1, '"')
    } else if text[..begin].contains('r') && text[begin..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        text[begin + 1..].find(&end).map(|at| begin + 1 + at + end.len())
    } else if text.starts_with("'\\") || text.chars().nth(2) == Some('\'') && text.starts_with('\'') {
        quoted(1, '\'')
    } else {
        None
    }
}

fn word_or_sign(text: &str) -> usize {
    let word = text.find(|character: char| !character.is_alphanumeric() && character != '_');
    match word.unwrap_or(text.len()) {
        0 if text.starts_with("::") => 2,
        0 => text.chars().next().map_or(0, char::len_utf8),
        length => length,
    }
}

#[test]
fn paths_are_found_and_literals_are_not() {
    let text = r##"
        //! crate::comment
        use crate::{auth::{Scope, Scopes}, error::AppError, service};
        use super::{super::http::Router, page};
        const TEXTS: [&str; 3] = ["crate::text \" crate::still", r#"crate::raw " crate::raw"#, 'c'];
        fn f<'a>(it: &'a str) -> super::super::entity::Id { crate::config::load('"', b'\'', "x") }
        /* crate::block */
    "##;
    let source = Source::of("src/graphql/partner.rs", text);
    let modules: Vec<_> = source.crate_modules().collect();
    let expected =
        [("auth", 3), ("auth", 3), ("error", 3), ("service", 3), ("http", 4), ("entity", 6), ("config", 6)];
    assert_eq!(modules, expected);
    assert_eq!(source.find(&["config", "::", "load"]).collect::<Vec<_>>(), [6]);
}
