//! Random documents: the guard's verdict is that of naive expansion, and nothing panics.
//!
//! By hand: `PROPTEST_CASES=1000000 cargo test --release --lib document::tests::random`.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// Small, so that small documents exceed them.
const BUDGETS: Budgets =
    Budgets { tokens: 90, fields: 14, depth: 3, aliases: 3, root_fields: 4, directives: 3 };
const FRAGMENTS: usize = 4;
/// Where naive expansion gives up; far over each budget.
const ENOUGH: usize = 2000;

/// A part of a selection set, before it is written.
#[derive(Clone, Debug)]
enum Part {
    Field {
        alias: bool,
        name: &'static str,
        arguments: &'static str,
        directive: &'static str,
        below: Vec<Part>,
    },
    Spread(usize),
    Inline {
        condition: bool,
        below: Vec<Part>,
    },
}

/// Selection sets of operations and of fragments.
#[derive(Clone, Debug)]
struct Plan {
    operations: Vec<Vec<Part>>,
    fragments: Vec<Vec<Part>>,
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let spread = || (0..FRAGMENTS).prop_map(Part::Spread);
    let leaf = prop_oneof![4 => field(Just(Vec::new())), 2 => spread()];
    let part = leaf.prop_recursive(4, 16, 3, |inner| {
        let below = vec(inner, 1..4);
        prop_oneof![
            3 => field(below.clone()),
            1 => (any::<bool>(), below).prop_map(|(condition, below)| Part::Inline { condition, below }),
        ]
    });
    vec(part, 1..4)
}

fn field(below: impl Strategy<Value = Vec<Part>>) -> impl Strategy<Value = Part> {
    let names =
        select(vec!["a", "b", "id", "on", "query", "true", "fields", "interfaces", "__schema", "__type"]);
    let arguments = select(vec![
        "",
        "",
        "",
        "",
        "(x: 1)",
        "(x: $v, y: [1, -2.5e3, []])",
        "(x: { k: \"t # {\", l: {} })",
        "(x: \"\"\"a\n  b\"\"\" y: E)",
        "(x: \"\\u00e9\\n\" y: true z: null)",
    ]);
    let directive = select(vec!["", "", "", "", "", "", "@d", "@include(if: $v)"]);
    (prop::bool::weighted(0.2), names, arguments, directive, below).prop_map(
        |(alias, name, arguments, directive, below)| Part::Field { alias, name, arguments, directive, below },
    )
}

fn plans() -> impl Strategy<Value = Plan> {
    (vec(parts(), 1..3), vec(parts(), 0..=FRAGMENTS))
        .prop_map(|(operations, fragments)| Plan { operations, fragments })
}

impl Plan {
    fn text(&self) -> String {
        let mut text = String::new();
        for (number, set) in self.operations.iter().enumerate() {
            text += &match (self.operations.len(), number) {
                (1, _) => String::new(),
                (_, 0) => "mutation M ($v: [Int!] = [1]) @d ".to_owned(),
                _ => format!("query Q{number} "),
            };
            write_set(&mut text, set);
        }
        for (number, set) in self.fragments.iter().enumerate() {
            text += &format!("fragment F{number} on T ");
            write_set(&mut text, set);
        }
        text
    }
}

fn write_set(text: &mut String, set: &[Part]) {
    text.push_str("{ ");
    for part in set {
        match part {
            Part::Field { alias, name, arguments, directive, below } => {
                *text += &format!("{}{name}{arguments} {directive} ", if *alias { "k: " } else { "" });
                if !below.is_empty() {
                    write_set(text, below);
                }
            }
            Part::Spread(number) => *text += &format!("...F{number} "),
            Part::Inline { condition, below } => {
                *text += if *condition { "... on T " } else { "... " };
                write_set(text, below);
            }
        }
    }
    text.push_str("}\n");
}

/// What naive expansion finds in one operation.
#[derive(Default)]
struct Found {
    selections: usize,
    aliases: usize,
    roots: usize,
    depth: usize,
    lists: usize,
    /// A fragment within itself, or one that is not there.
    broken: bool,
    used: [bool; FRAGMENTS],
}

struct Expansion<'a> {
    plan: &'a Plan,
    found: Found,
}

impl Expansion<'_> {
    /// `fields` are the names of the fields around, `fragments` the fragments that are being spread.
    fn set(&mut self, set: &[Part], fields: &[&str], fragments: &[usize]) {
        for part in set {
            if self.found.broken || self.found.selections > ENOUGH {
                return;
            }
            self.found.selections += 1;
            match part {
                Part::Field { alias, name, below, .. } => {
                    self.found.aliases += usize::from(*alias);
                    self.found.roots += usize::from(fields.is_empty());
                    let fields = [fields, &[name]].concat();
                    self.field(&fields);
                    self.set(below, &fields, fragments);
                }
                Part::Inline { below, .. } => self.set(below, fields, fragments),
                Part::Spread(number) => match self.plan.fragments.get(*number) {
                    Some(set) if !fragments.contains(number) => {
                        self.found.used[*number] = true;
                        self.set(set, fields, &[fragments, &[*number]].concat());
                    }
                    _ => self.found.broken = true,
                },
            }
        }
    }

    fn field(&mut self, fields: &[&str]) {
        let introspection = fields.iter().position(|name| matches!(*name, "__schema" | "__type"));
        match introspection {
            Some(position) if position + 1 < fields.len() => {
                let lists =
                    fields[position + 1..].iter().filter(|name| matches!(**name, "fields" | "interfaces"));
                self.found.lists = self.found.lists.max(lists.count());
            }
            _ => self.found.depth = self.found.depth.max(fields.len()),
        }
    }
}

/// How many selections there are in a set with what its fragments bring.
fn flat(plan: &Plan, set: &[Part]) -> usize {
    let parts = set.iter().map(|part| match part {
        Part::Field { .. } => 1,
        Part::Inline { below, .. } => 1 + flat(plan, below),
        Part::Spread(number) => 1 + flat(plan, &plan.fragments[*number]),
    });
    parts.sum()
}

/// The same for the set and all sets that are written in it.
fn compared(plan: &Plan, set: &[Part]) -> usize {
    let below = set.iter().map(|part| match part {
        Part::Field { below, .. } | Part::Inline { below, .. } => compared(plan, below),
        Part::Spread(_) => 0,
    });
    flat(plan, set) + below.sum::<usize>()
}

/// The budgets that a plan exceeds; `None` when it cannot be expanded.
fn naive(plan: &Plan) -> Option<Vec<&'static str>> {
    let (mut exceeded, mut selections, mut used) = (Vec::new(), 0, [false; FRAGMENTS]);
    for set in &plan.operations {
        let mut expansion = Expansion { plan, found: Found::default() };
        expansion.set(set, &[], &[]);
        let found = expansion.found;
        if found.broken {
            return None;
        }
        selections += found.selections;
        used.iter_mut().zip(found.used).for_each(|(used, found)| *used |= found);
        let counts = [
            ("aliases", found.aliases > BUDGETS.aliases),
            ("root fields", found.roots > BUDGETS.root_fields),
            ("levels of fields", found.depth > BUDGETS.depth),
            ("lists of fields", found.lists > 2),
        ];
        exceeded.extend(counts.into_iter().filter(|(_, over)| *over).map(|(what, _)| what));
    }
    if selections > BUDGETS.fields {
        exceeded.push("fields");
    }
    let fragments = plan.fragments.iter().zip(used).filter(|(_, used)| *used).map(|(set, _)| set);
    if plan.operations.iter().chain(fragments).map(|set| compared(plan, set)).sum::<usize>()
        > 4 * BUDGETS.fields
    {
        exceeded.push("fields to compare");
    }
    Some(exceeded)
}

proptest! {
    // A case that fails is written down as a test of its own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_verdict_is_that_of_naive_expansion(plan in plans()) {
        let text = plan.text();
        let syntax = Syntax::parse(&text, &Budgets { tokens: 10_000, directives: 10_000, ..BUDGETS });
        let verdict = guard::check(&syntax.expect("a document"), &BUDGETS);
        let verdict = verdict.map_err(|refused| refused.first().expect("a fault").message.clone());
        match (naive(&plan), verdict) {
            // Values count 180 here; texts are short enough not to exceed that within 14 selections.
            (Some(exceeded), Ok(())) => prop_assert_eq!(exceeded, [""; 0]),
            (Some(exceeded), Err(message)) => {
                prop_assert!(exceeded.iter().any(|what| message.contains(what)), "{} {:?}", message, exceeded);
            }
            (None, verdict) => prop_assert!(verdict.is_err()),
        }
    }

    #[test]
    fn no_words_make_it_panic(words in vec(select(WORDS.to_vec()), 0..40)) {
        let _ = Documents::new(BUDGETS, Introspection::On).parse(&words.concat());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..60), start in select(WORDS.to_vec())) {
        let _ = Documents::new(BUDGETS, Introspection::On).parse(&format!("{start}{}", String::from_utf8_lossy(&bytes)));
    }
}

/// What is put into documents to break them.
const WORDS: [&str; 34] = [
    "{ ",
    "} ",
    "( ",
    ") ",
    "[ ",
    "] ",
    ": ",
    "$v ",
    "! ",
    "... ",
    "on ",
    "a ",
    "query ",
    "fragment ",
    "F0 ",
    "T ",
    "1 ",
    "-1.5 ",
    "\"t\" ",
    "true ",
    "@d ",
    "= ",
    "& ",
    "| ",
    "",
    "# ",
    "#\n",
    "\"",
    "\"\"\"",
    "\\",
    "é ",
    "\u{feff}",
    ",",
    "\r\n",
];
