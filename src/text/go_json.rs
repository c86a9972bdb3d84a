//! JSON as Go's `encoding/json` reads it, since clients of the original rely on its ways.
//!
//! As there: names match whatever their case, unknown names are passed over, a repeated name adds to
//! or replaces what came before, `null` leaves an offset alone and empties a value, an offset is
//! written as an integer, and base64 may hold line breaks and stray bits behind its last byte.
//!
//! Other than there, a body is one JSON object of the expected shape and nothing else: the original
//! appended an empty record for `null` and `{}`, and overlooked whatever stood behind the object.
//! A value is never an array of numbers. Unknown values may be nested to any depth, where the
//! original stops at 10,000: they are passed over without recursion.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// What encodes values, and decodes them as leniently as Go does.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The value of `{"record": {"value": "<base64>"}}`.
///
/// # Errors
/// What is wrong with the body, and where.
pub(crate) fn produce_value(body: &[u8]) -> Result<Bytes, serde_json::Error> {
    serde_json::from_slice(body).map(|request: ProduceRequest| request.value.into())
}

/// The offset of `{"offset": N}`; 0 if there is none.
///
/// # Errors
/// What is wrong with the body, and where.
pub(crate) fn consume_offset(body: &[u8]) -> Result<u64, serde_json::Error> {
    serde_json::from_slice(body).map(|request: ConsumeRequest| request.offset)
}

/// The names that mean something somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Record,
    Value,
    Offset,
    Unknown,
}

impl Name {
    fn folded(name: &[u8]) -> Name {
        // The long s is the one character outside ASCII that folds to a letter of these names.
        const OFF_LONG_S_ET: &[u8] = "off\u{17f}et".as_bytes();
        if name.eq_ignore_ascii_case(b"record") {
            Name::Record
        } else if name.eq_ignore_ascii_case(b"value") {
            Name::Value
        } else if name.eq_ignore_ascii_case(b"offset") || name.eq_ignore_ascii_case(OFF_LONG_S_ET) {
            Name::Offset
        } else {
            Name::Unknown
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Name, E> {
                Ok(Name::folded(name))
            }
        }
        // As bytes, since an unknown name doesn't have to be sound UTF-8.
        deserializer.deserialize_bytes(NameVisitor)
    }
}

struct ConsumeRequest {
    offset: u64,
}

impl<'de> Deserialize<'de> for ConsumeRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = ConsumeRequest;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with an offset")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut offset = 0;
                while let Some(name) = map.next_key::<Name>()? {
                    if name == Name::Offset {
                        offset = map.next_value::<Option<u64>>()?.unwrap_or(offset);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(ConsumeRequest { offset })
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ProduceRequest {
    value: Vec<u8>,
}

impl<'de> Deserialize<'de> for ProduceRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = ProduceRequest;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a record")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut record = None;
                while let Some(name) = map.next_key::<Name>()? {
                    if name == Name::Record {
                        map.next_value_seed(RecordInto(&mut record))?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                let value = record.ok_or_else(|| A::Error::missing_field("record"))?;
                Ok(ProduceRequest { value })
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// Reads a record into what an earlier record of the same body left; `null` changes nothing.
struct RecordInto<'a>(&'a mut Option<Vec<u8>>);

impl<'de> DeserializeSeed<'de> for RecordInto<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RecordInto<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record as an object with a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let value = self.0.get_or_insert_default();
        while let Some(name) = map.next_key::<Name>()? {
            match name {
                Name::Value => {
                    *value = map.next_value::<Option<Base64Value>>()?.unwrap_or_default().0
                }
                // The log gives the offset, but a client's has to be one.
                Name::Offset => drop(map.next_value::<Option<u64>>()?),
                Name::Record | Name::Unknown => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Base64Value(Vec<u8>);

impl<'de> Deserialize<'de> for Base64Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StringVisitor;
        impl Visitor<'_> for StringVisitor {
            type Value = Base64Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value as a base64 string")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Base64Value, E> {
                decode_base64(text).map(Base64Value).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(StringVisitor)
    }
}

fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    let decoded = if memchr::memchr2(b'\r', b'\n', text.as_bytes()).is_some() {
        BASE64.decode(text.replace(['\r', '\n'], ""))
    } else {
        BASE64.decode(text)
    };
    decoded.map_err(|error| format!("the value is not base64 (standard alphabet, padded): {error}"))
}

#[cfg(test)]
mod tests;
