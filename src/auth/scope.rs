//! Scopes: what a token allows, apart from where.
//!
//! A scope is checked by itself; none implies another. A set of them is one byte, so it travels by value.
//! May import nothing of the crate.

use std::fmt;
use std::str::FromStr;

/// One permission that a token may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `contacts:read`: read the contacts, partners, accounts and fields of the selected organization.
    ContactsRead,
    /// `contacts:write`: create, change and delete them.
    ContactsWrite,
    /// `org:admin`: manage the organization's own settings.
    OrgAdmin,
    /// `gateway:admin`: create organizations. It belongs to no organization.
    GatewayAdmin,
}

impl Scope {
    /// Every scope there is, in the order in which they are written.
    pub const ALL: [Self; 4] = [Self::ContactsRead, Self::ContactsWrite, Self::OrgAdmin, Self::GatewayAdmin];

    /// The name as it stands in a token.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ContactsRead => "contacts:read",
            Self::ContactsWrite => "contacts:write",
            Self::OrgAdmin => "org:admin",
            Self::GatewayAdmin => "gateway:admin",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::ContactsRead => 1,
            Self::ContactsWrite => 1 << 1,
            Self::OrgAdmin => 1 << 2,
            Self::GatewayAdmin => 1 << 3,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope; the scopes are contacts:read, contacts:write, org:admin and gateway:admin")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or(UnknownScope)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// Reads the space-separated `scope` claim. Names that mean something to other services only are passed over.
    pub fn parse(claim: &str) -> Self {
        claim.split_ascii_whitespace().filter_map(|name| name.parse::<Scope>().ok()).collect()
    }

    /// Every scope there is.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// The scopes of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `scope` is in the set.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes of the set, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

/// The form of the `scope` claim: names with one space between them.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{scope}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Scope::name)).finish()
    }
}
