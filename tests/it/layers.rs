//! The dependencies between layers: these tests read the sources and fail if a layer names a module that it must not use.
//!
//! The table of `docs` is `LAYERS` here. Comments and literals are passed over; everything else counts, tests and macros
//! included.

mod source;

use std::{fs, path::Path};

use self::source::Source;

/// A folder of `src`, or a file beside them.
struct Layer {
    name: &'static str,
    /// The modules of the crate, besides itself, that it may name.
    knows: &'static [&'static str],
    /// What of other crates it must not name.
    never: &'static [&'static str],
}

const LAYERS: [Layer; 14] = [
    Layer {
        name: "cli",
        knows: &[
            "app",
            "auth",
            "config",
            "entity",
            "error",
            "files",
            "graphql",
            "http",
            "log",
            "service",
            "telemetry",
            "transfer",
        ],
        never: &[],
    },
    Layer {
        name: "app",
        knows: &["auth", "config", "error", "fair_share", "graphql", "http", "service"],
        never: &["async_graphql"],
    },
    // The routes of REST show rows, as GraphQL's types do.
    Layer {
        name: "http",
        knows: &[
            "auth",
            "entity",
            "error",
            "fair_share",
            "files",
            "graphql",
            "log",
            "service",
            "telemetry",
            "transfer",
        ],
        never: &["sea_orm"],
    },
    Layer {
        name: "graphql",
        knows: &["auth", "config", "entity", "error", "service", "telemetry"],
        never: &["axum", "sea_orm", "tower", "tower_http"],
    },
    Layer {
        name: "service",
        knows: &["auth", "entity", "error", "fair_share", "telemetry"],
        never: &["async_graphql", "axum"],
    },
    Layer {
        name: "transfer",
        knows: &["auth", "entity", "error", "files", "service"],
        never: &["async_graphql", "axum"],
    },
    Layer { name: "entity", knows: &[], never: &["async_graphql", "axum"] },
    Layer { name: "auth", knows: &[], never: &["async_graphql", "axum", "sea_orm"] },
    Layer { name: "config", knows: &["auth"], never: &["async_graphql", "axum", "sea_orm"] },
    Layer { name: "error", knows: &[], never: &["async_graphql", "axum"] },
    Layer { name: "telemetry", knows: &["error"], never: &["async_graphql", "axum", "sea_orm"] },
    Layer { name: "log", knows: &[], never: &["async_graphql", "axum", "sea_orm"] },
    Layer { name: "files", knows: &[], never: &["async_graphql", "axum", "sea_orm"] },
    Layer { name: "fair_share", knows: &["auth"], never: &["async_graphql", "axum", "sea_orm"] },
];

impl Layer {
    fn breaches(&self, source: &Source) -> Vec<String> {
        let modules = source.crate_modules().filter_map(|(module, line)| {
            let known = module == self.name || self.knows.contains(&module);
            let is_layer = LAYERS.iter().any(|layer| layer.name == module);
            (is_layer && !known).then(|| source.complaint(line, module))
        });
        let never = self.never.iter().flat_map(|name| {
            source.find(&[name]).map(|line| source.complaint(line, name)).collect::<Vec<_>>()
        });
        modules.chain(never).collect()
    }

    /// A source of this layer with one statement.
    fn sample(&self, path: &str) -> Source {
        Source::of(&format!("src/{}/sample.rs", self.name), &format!("fn f() {{ {path}::work(); }}"))
    }
}

#[test]
fn each_layer_names_only_what_it_knows() {
    let mut breaches = Vec::new();
    for layer in &LAYERS {
        let sources = sources(&format!("src/{}", layer.name));
        assert!(!sources.is_empty(), "there is no layer {}", layer.name);
        breaches.extend(sources.iter().flat_map(|source| layer.breaches(source)));
        for other in &LAYERS {
            let breaches = layer.breaches(&layer.sample(&format!("crate::{}", other.name)));
            let is_known = other.name == layer.name || layer.knows.contains(&other.name);
            assert_eq!(breaches.len(), usize::from(!is_known), "{} names {}", layer.name, other.name);
        }
        for name in layer.never {
            assert_eq!(layer.breaches(&layer.sample(name)).len(), 1, "{} names {name}", layer.name);
        }
    }
    assert_eq!(breaches, [""; 0]);
}

#[test]
fn every_module_is_a_layer() {
    let lib = Source::read(Path::new("src/lib.rs"));
    let modules: Vec<&str> = lib.words_after("mod").collect();
    let mut layers = LAYERS.map(|layer| layer.name);
    layers.sort_unstable();
    assert_eq!(modules, layers);
}

/// The services of records and what they share. None names one that stands behind it, so they form no cycle.
const SERVICES: [&str; 18] = [
    "background",
    "bulk",
    "company",
    "contact",
    "contact_merge",
    "country",
    "custom_field",
    "contact_type",
    "person",
    "internal_contact_assignment",
    "partner",
    "internal_contact",
    "account",
    "account_contact",
    "organization_contact",
    "organization",
    "contact_erasure",
    "background_worker",
];

fn service_breaches(source: &Source) -> Vec<String> {
    let position = |service| SERVICES.iter().position(|other| *other == service);
    let own = source.service().and_then(position);
    let is_behind = |service| own.is_some_and(|own| position(service).is_some_and(|other| other > own));
    let behind = source.services().filter(|(service, _)| is_behind(service));
    behind.map(|(service, line)| source.complaint(line, service)).collect()
}

#[test]
fn services_name_each_other_in_one_direction() {
    let breaches: Vec<String> = sources("src/service").iter().flat_map(service_breaches).collect();
    assert_eq!(breaches, [""; 0]);
    let services = Source::read(Path::new("src/service/mod.rs"));
    for (position, service) in SERVICES.iter().enumerate() {
        assert!(
            services.words_after("mod").any(|module| module == *service),
            "there is no service {service}"
        );
        for (other_position, other) in SERVICES.iter().enumerate() {
            let uses = [
                ("", format!("use super::{{Database, {other}::work}};")),
                ("", format!("use crate::{{error::AppResult, service::{{Database, {other}}}}};")),
                ("/part", format!("fn f() {{ super::super::{other}::work(); }}")),
            ];
            for (file, text) in uses {
                let source = Source::of(&format!("src/service/{service}{file}.rs"), &text);
                let is_breach = other_position > position;
                assert_eq!(service_breaches(&source).len(), usize::from(is_breach), "{service}: {text}");
            }
        }
    }
}

/// What may be written in some places only.
struct Rule {
    /// Sequences of words and signs.
    never: &'static [&'static [&'static str]],
    /// Where they are looked for.
    folders: &'static [&'static str],
    /// The files and folders in which they may stand.
    except: &'static [&'static str],
    /// Code that breaks the rule, a sample for each sequence.
    samples: &'static [&'static str],
}

const RULES: [Rule; 6] = [
    // Tokens are signed and verified in one place.
    Rule {
        never: &[&["jsonwebtoken"]],
        folders: &["src"],
        except: &["src/auth"],
        samples: &["use jsonwebtoken::decode;"],
    },
    // Environment variables are read in one place, not by clap's `#[arg(env)]` either.
    Rule {
        never: &[
            &["env", "::", "var"],
            &["env", "::", "var_os"],
            &["env", "::", "vars"],
            &["env", "::", "vars_os"],
            &["(", "env", ")"],
            &["(", "env", "="],
            &[",", "env", ")"],
            &[",", "env", "="],
        ],
        folders: &["src"],
        except: &["src/config"],
        samples: &[
            "let home = std::env::var(HOME);",
            "let home = env::var_os(HOME);",
            "for pair in env::vars() {}",
            "for pair in std::env::vars_os() {}",
            "#[arg(env)] port: u16",
            "#[arg(env = PORT)] port: u16",
            "#[arg(long, env)] port: u16",
            "#[arg(long, env = PORT)] port: u16",
        ],
    },
    // Statements begin in an organization.
    Rule {
        never: &[
            &["::", "find", "(", ")"],
            &["find_by_id", "("],
            &["find_related", "("],
            &["update_many", "("],
            &["delete_many", "("],
            &["delete_by_id", "("],
        ],
        folders: &["src"],
        except: &["src/entity"],
        samples: &[
            "let rows = partner::Entity::find().all(db);",
            "partner::Entity::find_by_id(id)",
            "model.find_related(account::Entity)",
            "Entity::update_many()",
            "Entity::delete_many()",
            "Entity::delete_by_id(id)",
        ],
    },
    // Requests run within row level security.
    Rule {
        never: &[&[".", "bypass_rls", "(", ")"], &[".", "pool", "(", ")"]],
        folders: &["src/http", "src/graphql", "src/service"],
        except: &[
            "src/service/app_token.rs",
            "src/service/database.rs",
            "src/service/events.rs",
            "src/service/organization.rs",
            "src/service/start_check.rs",
            // Opens a connection of its own beside the pool.
            "src/service/sqlite_log.rs",
        ],
        samples: &["db.bypass_rls().query_all(&select)", "self.db.pool().begin()"],
    },
    // Times and ids come from the request.
    Rule {
        never: &[&["Utc", "::", "now"], &["SystemTime"], &["now_v7"], &["new_v4"]],
        folders: &["src/graphql", "src/service"],
        except: &[],
        samples: &["let now = Utc::now();", "SystemTime::now()", "Uuid::now_v7()", "Uuid::new_v4()"],
    },
    // No lint is switched off.
    Rule {
        never: &[&["#", "[", "allow"], &["#", "!", "[", "allow"]],
        folders: &["src", "migrations", "tests", "benches"],
        except: &[],
        samples: &["#[allow(dead_code)] fn f() {}", "#![allow(missing_docs)]"],
    },
];

impl Rule {
    fn breaches(&self, source: &Source) -> Vec<String> {
        let is_excepted = self.except.iter().any(|place| source.path.starts_with(place));
        let sequences = self.never.iter().filter(|_| !is_excepted);
        let found = sequences.flat_map(|sequence| {
            source.find(sequence).map(|line| source.complaint(line, &sequence.concat())).collect::<Vec<_>>()
        });
        found.collect()
    }
}

#[test]
fn what_is_limited_to_some_places_is_nowhere_else() {
    let mut breaches = Vec::new();
    for rule in &RULES {
        let sources: Vec<Source> = rule.folders.iter().flat_map(|folder| sources(folder)).collect();
        breaches.extend(sources.iter().flat_map(|source| rule.breaches(source)));
        for except in rule.except {
            let is_used =
                |source: &Source| rule.never.iter().any(|sequence| source.find(sequence).next().is_some());
            let is_used = sources.iter().filter(|source| source.path.starts_with(except)).any(is_used);
            assert!(is_used, "{except} needs no exception");
        }
    }
    assert_eq!(breaches, [""; 0]);
}

#[test]
fn each_rule_finds_its_samples() {
    for rule in &RULES {
        assert_eq!(rule.samples.len(), rule.never.len());
        for (sample, sequence) in rule.samples.iter().zip(rule.never) {
            for folder in rule.folders {
                let source = Source::of(&format!("{folder}/sample.rs"), sample);
                assert_eq!(rule.breaches(&source), [source.complaint(1, &sequence.concat())]);
            }
            for except in rule.except.iter().filter(|except| !except.ends_with(".rs")) {
                assert_eq!(rule.breaches(&Source::of(&format!("{except}/sample.rs"), sample)), [""; 0]);
            }
        }
    }
}

/// The sources of a folder, and of the file of that name.
fn sources(place: &str) -> Vec<Source> {
    let (mut sources, mut folders) = (Vec::new(), Vec::new());
    let file = Path::new(place).with_extension("rs");
    let is_file = file.is_file();
    if is_file {
        sources.push(Source::read(&file));
    }
    if !is_file || Path::new(place).is_dir() {
        folders.push(Path::new(place).to_owned());
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|_| panic!("no folder {}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(Source::read(&path));
            }
        }
    }
    sources
}
