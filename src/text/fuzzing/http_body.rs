//! What the fuzzer asks of the bodies that clients of the Go original send: a second reading of
//! them, slow and plain, has to come to the same.

use std::fmt;

use base64::Engine;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::text::go_json::{BASE64, consume_offset, produce_value};

/// Takes `bytes` as the body of a produce and of a consume request, and as a value to be produced.
///
/// # Panics
/// A property doesn't hold.
pub fn http_body(bytes: &[u8]) {
    let value = produce_value(bytes).ok().map(Vec::from);
    let offset = consume_offset(bytes).ok();
    // What the plain reading gives up on, such as deep nesting, is only read without a panic.
    if let Ok(json) = serde_json::from_slice::<Json>(bytes) {
        assert_eq!(value, plain_value(&json), "value of {json:?}");
        assert_eq!(offset, plain_offset(&json), "offset of {json:?}");
    }
    let body = format!("{{\"Record\":{{\"VALUE\":\"{}\"}}}}", BASE64.encode(bytes));
    let back = produce_value(body.as_bytes()).ok();
    assert!(back.is_some_and(|back| back == bytes), "a value comes through");
    if let Some(offset) = offset {
        let body = format!("{{\"offset\":{offset}}}");
        assert_eq!(consume_offset(body.as_bytes()).ok(), Some(offset), "an offset comes through");
    }
}

/// Any JSON, with repeated names and their order.
#[derive(Debug)]
enum Json {
    Null,
    Offset(u64),
    Text(String),
    Object(Vec<(String, Json)>),
    Other,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        struct JsonVisitor;
        impl<'de> Visitor<'de> for JsonVisitor {
            type Value = Json;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
                Ok(Json::Offset(number))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Json, S::Error> {
                while list.next_element::<Json>()?.is_some() {}
                Ok(Json::Other)
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Json, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }
        }
        deserializer.deserialize_any(JsonVisitor)
    }
}

fn is_named(name: &str, wanted: &str) -> bool {
    // The two letters outside ASCII that fold to one inside.
    name.replace('\u{17F}', "s").replace('\u{212A}', "k").eq_ignore_ascii_case(wanted)
}

fn plain_offset(json: &Json) -> Option<u64> {
    let Json::Object(members) = json else { return None };
    let mut answer = 0;
    for (_, json) in members.iter().filter(|(name, _)| is_named(name, "offset")) {
        match json {
            Json::Null => {}
            Json::Offset(offset) => answer = *offset,
            Json::Text(_) | Json::Object(_) | Json::Other => return None,
        }
    }
    Some(answer)
}

fn plain_value(json: &Json) -> Option<Vec<u8>> {
    let Json::Object(members) = json else { return None };
    let mut value = None;
    for (_, json) in members.iter().filter(|(name, _)| is_named(name, "record")) {
        match json {
            Json::Null => {}
            Json::Object(members) => value = Some(plain_record(value, members)?),
            Json::Offset(_) | Json::Text(_) | Json::Other => return None,
        }
    }
    value
}

fn plain_record(before: Option<Vec<u8>>, members: &[(String, Json)]) -> Option<Vec<u8>> {
    let mut value = before.unwrap_or_default();
    for (name, json) in members {
        match json {
            Json::Null if is_named(name, "value") => value.clear(),
            Json::Text(text) if is_named(name, "value") => value = plain_base64(text)?,
            _ if is_named(name, "value") => return None,
            Json::Null | Json::Offset(_) => {}
            _ if is_named(name, "offset") => return None,
            _ => {}
        }
    }
    Some(value)
}

fn plain_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.replace(['\r', '\n'], "");
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(&text);
    if !text.len().is_multiple_of(4) || digits.len() % 4 == 1 {
        return None;
    }
    let (mut bytes, mut bits, mut n_bits) = (Vec::new(), 0_u32, 0);
    for digit in digits.bytes() {
        let number = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, n_bits) = (bits << 6 | u32::from(number), n_bits + 6);
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((bits >> n_bits) as u8);
        }
    }
    Some(bytes)
}
