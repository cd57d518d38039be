//! What is wrong with the configuration, all of it at once.
//!
//! Every problem names the setting, what is wrong and what to do. No problem contains a secret.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, such as `http.listen`, or its environment variable when that is what set it.
    pub setting: String,
    /// What is wrong with it; and after a semicolon, what to do about it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.message)
    }
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one problem, in the order in which the settings are documented.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn one(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Self { problems: vec![Problem { setting: setting.into(), message: message.into() }] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid configuration:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}
