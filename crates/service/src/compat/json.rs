//! JSON of strangers: as many values as a request needs and no more, texts borrowed from the body.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, Serialize, Serializer};
use serde_json::Number;

/// The most values of a body: one of a few bytes each must not become a tree that is a hundred times as large.
pub(super) const MOST: usize = 10_000;

/// What is told of a text when it is told what was wrong.
const SHOWN: usize = 80;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Flag(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Reads a whole body.
    ///
    /// # Errors
    /// If it is no JSON, or has too many values.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        let left = Cell::new(MOST);
        let mut reader = serde_json::Deserializer::from_slice(body);
        let value = Seed(&left).deserialize(&mut reader)?;
        reader.end()?;
        Ok(value)
    }

    /// A member of an object; of several of a name, the last.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A member that says something: not missing, not null.
    pub(crate) fn given(&self, name: &str) -> Option<&Self> {
        self.get(name).filter(|value| **value != Self::Null)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A number, also one that is written as a text.
    pub(crate) fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Number(number) => number.as_f64()?,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Flag(flag) => f64::from(u8::from(*flag)),
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// Yes or no, also as forms and other languages write it.
    pub(crate) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Number(number) => match number.as_u64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            Self::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
                "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The same for people: long texts are cut.
    pub(crate) fn shown(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.chars().take(SHOWN).collect::<String>().into(),
            Self::List(values) => values.iter().map(Self::shown).collect(),
            Self::Object(members) => {
                members.iter().map(|(name, value)| (name.to_string(), value.shown())).collect()
            }
            plain => serde_json::to_value(plain).unwrap_or_default(),
        }
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(values) => serializer.collect_seq(values),
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

/// Reads one value, of as many as may yet come.
#[derive(Clone, Copy)]
struct Seed<'c>(&'c Cell<usize>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let left = self
            .0
            .get()
            .checked_sub(1)
            .ok_or_else(|| D::Error::custom(format!("more than {MOST} values")))?;
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Number::from_f64(number).map(Json::Number).ok_or_else(|| E::custom("a number is too large"))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = object.next_key_seed(Name)? {
            members.push((name, object.next_value_seed(self)?));
        }
        Ok(Json::Object(members))
    }
}

/// Reads the name of a member, which is borrowed where it can be.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(name.into())
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(name.to_owned().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_written() {
        let body = br#"{"a":"text","b":[1,2.5,null,18446744073709551615],"c":{"d\n":true},"a":"last"}"#;
        let value = Json::parse(body).expect("JSON");
        assert_eq!(value.get("a").and_then(Json::text), Some("last"));
        assert!(matches!(value.get("a"), Some(Json::Text(Cow::Borrowed(_)))));
        assert!(value.given("none").is_none());
        assert_eq!(
            serde_json::to_string(value.get("b").expect("there")).expect("JSON"),
            "[1,2.5,null,18446744073709551615]"
        );
        for broken in [&b""[..], b"{", b"{} {}", b"{\"a\":1e999}", b"\"\xff\""] {
            assert!(Json::parse(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn plain_values_are_understood_as_forms_write_them() {
        let text = |text: &'static str| Json::Text(text.into());
        assert_eq!((text("2.5").number(), text("nan").number(), text("x").number()), (Some(2.5), None, None));
        assert_eq!(
            (text("True").flag(), text("0").flag(), text("maybe").flag()),
            (Some(true), Some(false), None)
        );
        assert_eq!((Json::Number(1.into()).flag(), Json::Number(2.into()).flag()), (Some(true), None));
    }

    #[test]
    fn there_is_an_end_to_values_and_to_depth() {
        let many = format!("[{}0]", "0,".repeat(MOST));
        assert!(Json::parse(many.as_bytes()).is_err_and(|e| e.to_string().contains("values")));
        assert!(Json::parse("[".repeat(100_000).as_bytes()).is_err());
    }
}
