//! What a body holds, by its headers: records as lines, records in a document, or one raw record.

use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};

use super::super::request_error::RequestError;

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyType {
    /// `application/x-ndjson`: a record a line.
    Lines,
    /// `application/json`: one document.
    Document,
    /// Anything else, and nothing: the bytes are the record.
    Raw,
}

const EXPECTED: &str =
    "application/x-ndjson, application/json, or any other type for one raw record";

impl BodyType {
    pub(super) fn of(headers: &HeaderMap) -> Result<BodyType, RequestError> {
        let coding = headers.get(CONTENT_ENCODING).map_or(&b"identity"[..], HeaderValue::as_bytes);
        if !coding.eq_ignore_ascii_case(b"identity") {
            return Err(not_understood("it is compressed, which is not read here", EXPECTED));
        }
        let Some(content_type) = headers.get(CONTENT_TYPE) else { return Ok(BodyType::Raw) };
        let content_type = content_type.to_str().unwrap_or_default();
        let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let essence = essence.trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        let body_type = if is("application/x-ndjson") || is("application/ndjson") {
            BodyType::Lines
        } else if is("application/json") {
            BodyType::Document
        } else if is_media_type(essence) {
            return Ok(BodyType::Raw);
        } else {
            return Err(not_understood("the Content-Type is not a type/subtype", EXPECTED));
        };
        if is_utf8(parameters) {
            Ok(body_type)
        } else {
            Err(not_understood("JSON is UTF-8, whatever its charset says", EXPECTED))
        }
    }

    /// Demands a JSON document. Browsers send one to another site only if that allows it, so no page
    /// that someone happens to visit gives orders to a server on their machine.
    pub(super) fn expect_document(headers: &HeaderMap) -> Result<(), RequestError> {
        match BodyType::of(headers)? {
            BodyType::Document => Ok(()),
            BodyType::Lines | BodyType::Raw => {
                Err(not_understood("it has to be a JSON document", "application/json"))
            }
        }
    }
}

fn not_understood(reason: &str, expected: &'static str) -> RequestError {
    RequestError::UnsupportedMediaType { reason: reason.to_owned(), expected }
}

/// Two tokens of RFC 9110 with a slash in between.
fn is_media_type(essence: &str) -> bool {
    let is_token = |text: &str| {
        let of_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(of_token)
    };
    essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

fn is_utf8(parameters: &str) -> bool {
    let parameters = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charsets.all(|(_, charset)| {
        let charset = charset.trim().trim_matches('"');
        charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_type(content_type: &'static str) -> Option<BodyType> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        BodyType::of(&headers).ok()
    }

    #[test]
    fn json_is_read_and_any_other_type_is_one_record() {
        for (content_type, expected) in [
            ("application/x-ndjson", Some(BodyType::Lines)),
            ("application/ndjson", Some(BodyType::Lines)),
            ("Application/JSON; charset=\"UTF-8\"", Some(BodyType::Document)),
            ("application/json;charset=latin1", None),
            ("application/x-www-form-urlencoded", Some(BodyType::Raw)),
            ("text/plain; charset=latin1", Some(BodyType::Raw)),
            ("application/jsonp", Some(BodyType::Raw)),
            ("image/svg+xml", Some(BodyType::Raw)),
            ("", None),
            ("json", None),
            ("application/", None),
            ("a b/c", None),
        ] {
            assert_eq!(body_type(content_type), expected, "{content_type}");
        }
        assert_eq!(BodyType::of(&HeaderMap::new()).ok(), Some(BodyType::Raw));
    }

    #[test]
    fn a_compressed_body_is_never_taken_for_what_is_in_it() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(BodyType::of(&headers).is_err());
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("Identity"));
        assert!(BodyType::of(&headers).is_ok());
    }
}
