//! The query of a request, read strictly: a misspelt parameter is an error that names it, rather than
//! an answer to another question.

use axum::extract::Request;
use percent_encoding::percent_decode_str;

use super::request_error::RequestError;

/// Names and values, decoded.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads a query that may have these parameters, each once.
    ///
    /// `+` stands for itself, as in any other part of an URI: times have one, and nothing here has the
    /// blank that forms write so.
    pub(super) fn of(
        request: &Request,
        known: &'static [&'static str],
    ) -> Result<Query, RequestError> {
        let Some(query) = request.uri().query() else { return Ok(Query::default()) };
        let mut found = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode_str(name).decode_utf8_lossy();
            let Some(name) = known.iter().find(|known| **known == name) else {
                return Err(RequestError::UnknownParameter { name: name.into_owned(), known });
            };
            if found.iter().any(|(other, _)| other == name) {
                return Err(bad(name, "comes twice"));
            }
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| bad(name, "is not UTF-8"))?;
            found.push((*name, value.into_owned()));
        }
        Ok(Query(found))
    }

    /// A parameter's value, as `parse` understands it.
    pub(super) fn get<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, RequestError> {
        let value = self.0.iter().find(|(known, _)| *known == name);
        let parsed = value.map(|(_, value)| parse(value)).transpose();
        parsed.map_err(|reason| RequestError::BadParameter { name, reason })
    }
}

fn bad(name: &'static str, reason: &str) -> RequestError {
    RequestError::BadParameter { name, reason: reason.to_owned() }
}

/// Digits and nothing else.
pub(super) fn number(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| format!("`{text}` is not a number from 0 to {}", u64::MAX))
}

/// A count of something that can't be none.
pub(super) fn positive(text: &str) -> Result<u64, String> {
    match number(text)? {
        0 => Err("has to be at least 1".to_owned()),
        number => Ok(number),
    }
}

/// `true` or `false`.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("`{text}` is neither true nor false"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const KNOWN: &[&str] = &["offset", "limit"];

    fn query(uri: &str) -> Result<Query, String> {
        let request = Request::get(uri).body(Body::empty()).expect("a request");
        Query::of(&request, KNOWN).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_decoded_and_plus_is_itself() {
        let query = query("/?limit=%35&&offset=@2026-11-24T02:00:00%2B01:00+").expect("a query");
        assert!(matches!(query.get("limit", positive), Ok(Some(5))));
        let offset = query.get("offset", |text| Ok(text.to_owned()));
        assert_eq!(offset.ok().flatten().as_deref(), Some("@2026-11-24T02:00:00+01:00+"));
        assert!(matches!(Query::default().get("limit", positive), Ok(None)));
    }

    #[test]
    fn what_is_not_meant_is_named() {
        for (uri, said) in [
            ("/?ofset=1", "no parameter `ofset`"),
            ("/?Limit=1", "no parameter `Limit`"),
            ("/?limit=1&limit=1", "`limit`: comes twice"),
            ("/?limit=%FF", "`limit`: is not UTF-8"),
        ] {
            let error = query(uri).expect_err(uri);
            assert!(error.contains(said), "{uri}: {error}");
        }
        for bad in ["/?limit", "/?limit=", "/?limit=0", "/?limit=-1", "/?limit=+1", "/?limit=1e3"] {
            assert!(query(bad).expect(bad).get("limit", positive).is_err(), "{bad}");
        }
    }
}
