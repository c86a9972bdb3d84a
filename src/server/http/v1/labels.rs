//! Key and headers of a raw record, which come as headers of the request.

use bytes::Bytes;
use hyper::HeaderMap;

use super::super::request_error::RequestError;
use crate::service::Header;

const KEY: &str = "x-proglog-key";
const HEADER: &str = "x-proglog-header-";
const PREFIX: &str = "x-proglog-";

/// What stands beside a raw value.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Labels {
    pub(super) key: Option<Bytes>,
    pub(super) headers: Vec<Header>,
}

impl Labels {
    /// Reads them off a request. HTTP does not tell the case of a header's name, so names are in
    /// lower case.
    pub(super) fn of(headers: &HeaderMap) -> Result<Labels, RequestError> {
        let mut labels = Labels::default();
        for (name, value) in headers {
            let Some(rest) = name.as_str().strip_prefix(PREFIX) else { continue };
            let bad = |reason: &str| {
                Err(RequestError::BadHeader { name: name.to_string(), reason: reason.to_owned() })
            };
            if name == KEY {
                if labels.key.is_some() {
                    return bad("comes twice");
                }
                labels.key = Some(Bytes::copy_from_slice(value.as_bytes()));
                continue;
            }
            match name.as_str().strip_prefix(HEADER) {
                Some("") => return bad("the record's header has no name"),
                Some(name) => labels
                    .headers
                    .push(Header { name: name.to_owned(), value: value.as_bytes().to_vec() }),
                None => return bad(&format!("`{rest}` means nothing: use {KEY} or {HEADER}NAME")),
            }
        }
        Ok(labels)
    }

    /// Refuses them where records bring their own.
    pub(super) fn expect_none(&self) -> Result<(), RequestError> {
        if *self == Labels::default() {
            return Ok(());
        }
        let reason = "is for raw records; those in JSON have a `key` and `headers` of their own";
        Err(RequestError::BadHeader { name: format!("{PREFIX}*"), reason: reason.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn labels(fields: &[(&'static str, &'static [u8])]) -> Result<Labels, RequestError> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let value = HeaderValue::from_bytes(value).expect("a value");
            headers.append(HeaderName::from_static(name), value);
        }
        Labels::of(&headers)
    }

    #[test]
    fn key_and_headers_are_bytes_in_their_order() {
        let found = labels(&[
            ("x-proglog-key", b"\xE4"),
            ("x-proglog-header-b", b"2"),
            ("host", b"localhost"),
            ("x-proglog-header-b", b""),
        ]);
        let found = found.expect("labels");
        assert_eq!(found.key.as_deref(), Some(&b"\xE4"[..]));
        let header = |value: &[u8]| Header { name: "b".into(), value: value.into() };
        assert_eq!(found.headers, [header(b"2"), header(b"")]);
        assert!(found.expect_none().is_err());
        assert!(labels(&[("host", b"localhost")]).expect("none").expect_none().is_ok());
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for name in ["x-proglog-keys", "x-proglog-header-", "x-proglog-header"] {
            assert!(labels(&[(name, b"1")]).is_err(), "{name}");
        }
        assert!(labels(&[("x-proglog-key", b"1"), ("x-proglog-key", b"1")]).is_err());
    }
}
