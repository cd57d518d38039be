//! The address of the database, which may hold a password and therefore never shows itself whole.

use std::fmt;
use std::path::Path;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use super::value::text;

/// A `sqlite:` or `postgres:` address. `Debug` and `Display` hide what may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// What to do when there is none, or another one.
    pub(super) const FORMS: &str = "use sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST/DATABASE";

    /// Takes `text` if it is an address of a supported database.
    pub fn parse(text: &str) -> Option<Self> {
        let supported = match text.split_once(':')? {
            ("sqlite", rest) => !rest.trim_start_matches('/').is_empty(),
            ("postgres" | "postgresql", _) => Url::parse(text).is_ok_and(|url| url.has_authority()),
            _ => false,
        };
        supported.then(|| Self(text.to_owned()))
    }

    /// The same, or what is wrong. The message does not repeat the address: it may hold a password.
    pub(super) fn parse_or_explain(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| format!("not a database URL; {}", Self::FORMS))
    }

    /// The SQLite database in the file `path`, which is made when it is absent.
    pub(super) fn sqlite_file(path: &Path) -> Self {
        // These three would end the path, or start an escape, in the middle of a file name.
        let path = path.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        Self(format!("sqlite://{path}?mode=rwc"))
    }

    /// The whole address, for the database driver only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is an SQLite database.
    pub fn is_sqlite(&self) -> bool {
        self.0.starts_with("sqlite:")
    }
}

/// Shows the address without its password and, on PostgreSQL, without its parameters.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_sqlite() {
            return f.write_str(&self.0);
        }
        let Ok(mut url) = Url::parse(&self.0) else { return f.write_str("(hidden)") };
        if url.password().is_some() && url.set_password(Some("hidden")).is_err() {
            return f.write_str("(hidden)");
        }
        if url.query().is_some() {
            url.set_query(Some("hidden"));
        }
        url.set_fragment(None);
        write!(f, "{url}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse_or_explain(&text::<D, String>(from)?).map_err(D::Error::custom)
    }
}

/// What `Display` shows.
impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
