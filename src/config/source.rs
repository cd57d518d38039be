//! Where settings come from: one TOML file, overlaid with environment variables, read section by section.
//!
//! A section is a table that serde reads into a struct. What the struct does not have is unknown, and rejected. Nothing
//! stops at the first problem. Knows how settings are written, not what they are for.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::value::Error as NoValue;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::forward_to_deserialize_any;
use toml::{Table, Value};

use super::error::{ConfigError, Problem};

/// What the names of all environment variables start with.
pub(super) const ENVIRONMENT_PREFIX: &str = "CONTACT_GATEWAY__";

/// The secrets that can be set in the environment. Each can also be read from a file, see [`Settings::read_secret`].
const SECRETS: [(&str, &str); 2] = [("database", "url"), ("auth", "secret")];

/// The file and the environment, merged.
pub(super) struct Settings {
    sections: Table,
    /// The environment variables and old names that settings were given under.
    given_as: BTreeMap<String, String>,
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
        let mut settings =
            Self { sections, given_as: BTreeMap::new(), problems: Vec::new(), deprecated: Vec::new() };
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
            return self.problem(variable, message);
        };
        let table = self.sections.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(table) = table {
            table.insert(key.to_owned(), Value::String(value));
            let variable = format!("{ENVIRONMENT_PREFIX}{}", name.to_ascii_uppercase());
            self.given_as.insert(format!("{section}.{key}"), variable);
            if let Some(other) = other_form(section, key)
                && !self.given_as.contains_key(&format!("{section}.{other}"))
            {
                // The environment overrides the file, whichever form each of them uses.
                table.remove(&other);
            }
        }
    }

    /// Reports a problem of a setting, under the name that it was given.
    pub(super) fn problem(&mut self, setting: &str, message: impl Into<String>) {
        let setting = self.given_name(setting);
        self.problems.push(Problem { setting, message: message.into() });
    }

    /// The name under which a setting was given.
    fn given_name(&self, setting: &str) -> String {
        self.given_as.get(setting).map_or(setting, String::as_str).to_owned()
    }

    /// Reads the secret `key` of a table from the file that the setting with the suffix `_file` names. Returns whether the secret is
    /// set in either form.
    pub(super) fn read_secret(&mut self, path: &str, table: &mut Table, key: &str) -> bool {
        let (secret, file_setting) = (format!("{path}.{key}"), format!("{path}.{key}_file"));
        let Some(file) = table.remove(&format!("{key}_file")) else { return table.contains_key(key) };
        if table.contains_key(key) {
            let message = format!("{} is set too; set only one of them", self.given_name(&secret));
            self.problem(&file_setting, message);
            return true;
        }
        match read_secret_file(&file) {
            Ok(text) => {
                table.insert(key.to_owned(), Value::String(text));
                let given_name = self.given_name(&file_setting);
                self.given_as.insert(secret, given_name);
            }
            Err(message) => self.problem(&file_setting, message),
        }
        true
    }

    /// Whether a setting is given, in a section that was not read yet.
    pub(super) fn has(&self, section: &str, key: &str) -> bool {
        self.sections.get(section).and_then(Value::as_table).is_some_and(|table| table.contains_key(key))
    }

    /// Reads a setting by its old name too, unless the new one is given.
    pub(super) fn rename(&mut self, section: &str, old: &str, new: &str) {
        let Some(Value::Table(table)) = self.sections.get_mut(section) else { return };
        if table.contains_key(new) {
            return;
        }
        let Some(value) = table.remove(old) else { return };
        table.insert(new.to_owned(), value);
        let old_path = format!("{section}.{old}");
        let given_as = self.given_as.get(&old_path).unwrap_or(&old_path).clone();
        self.given_as.insert(format!("{section}.{new}"), given_as);
        self.deprecated.push(format!("{old_path} is now {section}.{new}; rename the setting."));
    }

    /// Reads a section; one that is absent has the defaults.
    pub(super) fn read<T: DeserializeOwned + Default>(&mut self, section: &str) -> T {
        let table = self.section(section);
        self.read_table(section, table)
    }

    /// Takes a section out; one that is absent is empty.
    pub(super) fn section(&mut self, name: &str) -> Table {
        match self.sections.remove(name) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.problem(name, format!("not a section; write [{name}] with its settings below"));
                Table::new()
            }
        }
    }

    /// Reads a table of settings. Unknown and invalid settings are reported; invalid ones get their defaults.
    pub(super) fn read_table<T: DeserializeOwned + Default>(&mut self, path: &str, mut table: Table) -> T {
        let known = field_names::<T>();
        let section = table.clone().try_into().unwrap_or_else(|_| {
            known.iter().for_each(|key| self.remove_invalid::<T>(path, key, &mut table));
            table.clone().try_into().unwrap_or_default()
        });
        for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
            let known = known.join(", ");
            let message = format!("unknown setting; the settings of [{path}] are {known}");
            self.problem(&format!("{path}.{key}"), message);
        }
        section
    }

    /// Reads one setting alone, because serde stops at the first error, and reports and removes it if it is invalid. A list
    /// may have several problems, one a line.
    fn remove_invalid<T: DeserializeOwned>(&mut self, path: &str, key: &str, table: &mut Table) {
        let Some(value) = table.get(key) else { return };
        let setting = Table::from_iter([(key.to_owned(), value.clone())]);
        if let Err(error) = setting.try_into::<T>() {
            table.remove(key);
            for message in error.message().lines() {
                self.problem(&format!("{path}.{key}"), message);
            }
        }
    }

    /// Ignores the sections that were not read.
    pub(super) fn ignore_others(&mut self) {
        self.sections.clear();
    }

    /// Reports unknown sections, then returns the result if there are no problems.
    pub(super) fn finish<T>(mut self, sections: &str, result: T) -> Result<T, ConfigError> {
        for name in std::mem::take(&mut self.sections).keys() {
            self.problem(name, format!("unknown section; the sections are {sections}"));
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

/// The other form of a secret setting: its file, or the secret itself.
fn other_form(section: &str, key: &str) -> Option<String> {
    let is_secret = |name: &str| SECRETS.contains(&(section, name));
    match key.strip_suffix("_file").filter(|name| is_secret(name)) {
        Some(name) => Some(name.to_owned()),
        None => is_secret(key).then(|| format!("{key}_file")),
    }
}

/// The text of a file with a secret. Editors and shells end a file with a newline, which is not part of the secret. Other control
/// characters are rejected: what comes after a line break is hardly meant to be a part of it.
fn read_secret_file(file: &Value) -> Result<String, String> {
    let remedy = "set it to a readable file that contains only the secret";
    let Value::String(file) = file else { return Err(format!("not the name of a file; {remedy}")) };
    let text = std::fs::read_to_string(file);
    let mut text = text.map_err(|error| format!("{file} cannot be read ({error}); {remedy}"))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.contains(char::is_control) {
        return Err(format!("{file} has a line break or another control character in the secret; {remedy}"));
    }
    Ok(text)
}

/// The names of the fields of a struct, in their order.
fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &[&str] = &[];
    // An error is expected: there is no value.
    let _ = T::deserialize(FieldNames(&mut names));
    names
}

struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = NoValue;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NoValue> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoValue> {
        Err(NoValue::custom("there is no value"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}
