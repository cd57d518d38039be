//! The payload of a token as JSON, and the paths that find claims in it.
//!
//! May import nothing of the crate.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The claims of a payload in which no name occurs twice: two readers could see two different tokens.
#[derive(Debug)]
pub(super) struct Payload(Map<String, Value>);

impl Payload {
    /// Reads the JSON of a payload. `None` for what is no object, has a name twice, or is nested deeply.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let Ok(Value::Object(claims)) = UniqueNames.deserialize(&mut reader) else { return None };
        reader.end().ok()?;
        Some(Self(claims))
    }

    /// The claim of this name; null is absent.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// The names of all claims.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Reads any JSON value, with objects whose names are unique.
#[derive(Clone, Copy)]
struct UniqueNames;

impl<'de> DeserializeSeed<'de> for UniqueNames {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(de::Error::custom("a name occurs twice"));
            }
            let value = members.next_value_seed(self)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// Where a claim is: its name, or a JSON pointer (RFC 6901) in which `*` stands for every member or item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// The path of this text; `None` when it is blank, or no pointer although it begins with `/`.
    pub fn parse(text: &str) -> Option<Self> {
        let has_valid_escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        let is_valid = !text.trim().is_empty() && (!text.starts_with('/') || has_valid_escapes);
        is_valid.then(|| Self(text.to_owned()))
    }

    /// The text of the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the claim that the path begins at.
    pub(super) fn root(&self) -> String {
        let first = self.0.strip_prefix('/').map(|pointer| pointer.split('/').next().unwrap_or_default());
        first.map_or_else(|| self.0.clone(), unescape)
    }

    /// The values at the path; null is absent.
    pub(super) fn find<'a>(&self, payload: &'a Payload) -> Vec<&'a Value> {
        let Some(pointer) = self.0.strip_prefix('/') else {
            return payload.get(&self.0).into_iter().collect();
        };
        let mut steps = pointer.split('/').map(unescape);
        let root = steps.next().unwrap_or_default();
        let mut values: Vec<&Value> = payload.get(&root).into_iter().collect();
        for step in steps {
            values = values.into_iter().flat_map(|value| children(value, &step)).collect();
        }
        values.retain(|value| !value.is_null());
        values
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

fn children<'a>(value: &'a Value, step: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(members) if step == "*" => members.values().collect(),
        Value::Array(items) if step == "*" => items.iter().collect(),
        Value::Object(members) => members.get(step).into_iter().collect(),
        Value::Array(items) => {
            step.parse::<usize>().ok().and_then(|index| items.get(index)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
