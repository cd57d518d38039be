//! Where settings come from: one TOML file, overlaid with environment variables, read value by value.
//!
//! A [`Section`] is one table. Each setting is taken out by name; what is left over at the end is unknown, and refused.
//! Nothing stops at the first problem. Knows how values are written, not what they are for.

use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

use super::error::{ConfigError, Problem};

/// What the names of all environment variables start with.
pub(super) const ENVIRONMENT_PREFIX: &str = "CONTACT_GATEWAY__";

/// The file and the environment, merged.
pub(super) struct Settings {
    sections: Table,
    from_environment: BTreeSet<String>,
    problems: Vec<Problem>,
    /// Warnings about settings with old names.
    pub(super) deprecated: Vec<String>,
}

impl Settings {
    /// Fails at once only for a file that can't be read as TOML: all else would be guesses then.
    pub(super) fn gather(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let sections = file.map(read_file).transpose()?.unwrap_or_default();
        let mut settings = Self {
            sections,
            from_environment: BTreeSet::new(),
            problems: Vec::new(),
            deprecated: Vec::new(),
        };
        for (variable, value) in environment {
            match variable.strip_prefix(ENVIRONMENT_PREFIX) {
                Some(name) if !value.is_empty() => settings.overlay(&variable, name, value),
                _ => {}
            }
        }
        Ok(settings)
    }

    /// Puts the value of one environment variable in place of what the file says.
    fn overlay(&mut self, variable: &str, name: &str, value: String) {
        let path = name.to_ascii_lowercase();
        let Some((section, key)) = path.split_once("__").filter(|(_, key)| !key.contains("__")) else {
            let form = format!("{ENVIRONMENT_PREFIX}HTTP__LISTEN");
            let message = format!("not a setting; use a section and a key as in {form}");
            return self.report(variable, message);
        };
        let table = self.sections.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(table) = table {
            table.insert(key.to_owned(), Value::String(value));
            self.from_environment.insert(format!("{section}.{key}"));
        }
    }

    /// Takes a section out; one that is not there is empty.
    pub(super) fn section(&mut self, name: &str) -> Section<'_> {
        let table = match self.sections.remove(name) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.report(name, format!("not a section; write [{name}] with its settings below"));
                Table::new()
            }
        };
        self.table(name.to_owned(), table)
    }

    /// A section that was found inside another one.
    pub(super) fn table(&mut self, path: String, table: Table) -> Section<'_> {
        Section { path, table, known: Vec::new(), settings: self }
    }

    pub(super) fn report(&mut self, setting: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { setting: setting.into(), message: message.into() });
    }

    /// Reports unknown sections, then returns the result if there are no problems.
    pub(super) fn finish<T>(mut self, sections: &str, result: T) -> Result<T, ConfigError> {
        for name in std::mem::take(&mut self.sections).keys() {
            self.report(name, format!("unknown section; the sections are {sections}"));
        }
        if self.problems.is_empty() { Ok(result) } else { Err(ConfigError { problems: self.problems }) }
    }
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::one(&name, format!("{error}; choose a readable file")))?;
    text.parse().map_err(|error: toml::de::Error| {
        // Not the error's own text: it quotes the line, which may be the one with a secret.
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
        ConfigError::one(&name, format!("line {line} is not valid TOML: {}", error.message()))
    })
}

/// One table of settings.
pub(super) struct Section<'s> {
    path: String,
    table: Table,
    known: Vec<&'static str>,
    settings: &'s mut Settings,
}

impl Section<'_> {
    /// Reports a problem of a setting, under the name in its source: file or environment.
    pub(super) fn problem(&mut self, key: &str, message: impl Into<String>) {
        let path = format!("{}.{key}", self.path);
        let from_environment = self.settings.from_environment.contains(&path);
        let name = if from_environment { environment_name(&path) } else { path };
        self.settings.report(name, message);
    }

    /// Whether a setting is there to be taken.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether there is nothing, or nothing any more, to take.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The name under which a setting is given that had another one before; `None` when it is not given.
    pub(super) fn renamed(&mut self, old: &'static str, new: &'static str) -> Option<&'static str> {
        if self.has(new) {
            return Some(new);
        }
        self.known.push(new);
        if !self.has(old) {
            return None;
        }
        let message = format!("{0}.{old} is now {0}.{new}; rename the setting.", self.path);
        self.settings.deprecated.push(message);
        Some(old)
    }

    /// Takes a setting out as it was written, which is right for secrets: nothing repeats it.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            Value::Integer(number) => Some(number.to_string()),
            Value::Boolean(flag) => Some(flag.to_string()),
            _ => {
                let remedy = "use a quoted string, an integer, true or false";
                self.problem(key, format!("not a single value; {remedy}"));
                None
            }
        }
    }

    /// Takes a setting out and reads it, or reports that it is not what `remedy` asks for.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        remedy: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key)?;
        let value = parse(&text);
        if value.is_none() {
            self.problem(key, format!("{text:?} is not valid; {remedy}"));
        }
        value
    }

    /// Takes a list of texts out; an environment variable separates them by commas.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<String> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::String(text)) => text.split(',').map(|item| item.trim().to_owned()).collect(),
            Some(Value::Array(items)) if items.iter().all(Value::is_str) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(_) => {
                self.problem(key, "not a list of strings; use the form [\"one\", \"two\"]");
                Vec::new()
            }
        }
    }

    /// Takes a list of tables out, each with its path.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<(String, Table)> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::Array(items)) if items.iter().all(Value::is_table) => {
                let tables = items.into_iter().filter_map(|item| match item {
                    Value::Table(table) => Some(table),
                    _ => None,
                });
                tables
                    .enumerate()
                    .map(|(index, table)| (format!("{}.{key}[{index}]", self.path), table))
                    .collect()
            }
            Some(_) => {
                let remedy = format!("write [[{}.{key}]] above each, in the file", self.path);
                self.problem(key, format!("not a list of sections; {remedy}"));
                Vec::new()
            }
        }
    }

    /// Reports unknown settings.
    pub(super) fn finish(mut self) {
        let known = self.known.join(", ");
        for (key, _) in std::mem::take(&mut self.table) {
            let message = format!("unknown setting; the settings of [{}] are {known}", self.path);
            self.problem(&key, message);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }
}

/// The environment variable of a setting.
fn environment_name(path: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", path.to_ascii_uppercase().replace('.', "__"))
}
