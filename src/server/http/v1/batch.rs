//! From a body in JSON to the records of one batch. Nothing of a body is taken if a part of it is bad.

use super::super::request_error::RequestError;
use crate::server::config::MAX_BATCH_RECORDS;
use crate::service::NewRecord;
use crate::text::json_record::{self, ParsedRecord};

const LINES: &str = r#"a record a line, such as {"text":"hello","key":"k"}"#;
const DOCUMENT: &str =
    r#"one JSON object, such as {"records":[{"text":"hello"},{"text":"world"}]}"#;

/// How many records the body will give at most, so that room can be taken for them.
pub(super) fn n_lines(body: &[u8]) -> Result<usize, RequestError> {
    let n_ends = memchr::memchr_iter(b'\n', body).count();
    let has_rest = !body.is_empty() && !body.ends_with(b"\n");
    within_limit(n_ends + usize::from(has_rest))
}

/// A record a line. The last line end may be missing; a line of nothing is an error, as on the
/// command line.
pub(super) fn of_lines(body: &[u8]) -> Result<Vec<NewRecord>, RequestError> {
    let mut records = Vec::with_capacity(n_lines(body)?);
    let mut rest = body;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let record = json_record::parse(&rest[..end]).map_err(|reason| {
            let reason = format!("line {}: {reason}", records.len() + 1);
            RequestError::Malformed { reason, expected: LINES }
        })?;
        records.push(NewRecord::from(record));
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Ok(records)
}

/// The records of `{"records":[…]}`.
pub(super) fn of_document(body: &[u8]) -> Result<Vec<NewRecord>, RequestError> {
    let records = json_record::parse_document(body).map_err(|reason| {
        let reason = if body.trim_ascii().is_empty() { "it is empty".to_owned() } else { reason };
        RequestError::Malformed { reason, expected: DOCUMENT }
    })?;
    let records = records.ok_or(TOO_MANY)?;
    Ok(records.into_iter().map(NewRecord::from).collect())
}

const TOO_MANY: RequestError = RequestError::TooManyRecords { max: MAX_BATCH_RECORDS };

const fn within_limit(n_records: usize) -> Result<usize, RequestError> {
    if n_records > MAX_BATCH_RECORDS {
        return Err(TOO_MANY);
    }
    Ok(n_records)
}

impl From<ParsedRecord> for NewRecord {
    fn from(record: ParsedRecord) -> NewRecord {
        NewRecord {
            value: record.value.into(),
            key: record.key.map(Into::into),
            headers: record.headers.unwrap_or_default(),
            timestamp_us: record.timestamp_us,
            record_type: record.record_type,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(records: Vec<NewRecord>) -> Vec<Vec<u8>> {
        records.into_iter().map(|record| record.value.to_vec()).collect()
    }

    #[test]
    fn lines_end_in_any_way() {
        for body in ["{\"text\":\"a\"}\n{\"text\":\"\"}", "{\"text\":\"a\"}\r\n{\"text\":\"\"}\r\n"]
        {
            let records = of_lines(body.as_bytes()).expect(body);
            assert_eq!(values(records), [b"a".to_vec(), Vec::new()]);
        }
        assert_eq!(values(of_lines(b"").expect("none")), [b""; 0]);
    }

    #[test]
    fn an_error_names_its_line() {
        for (body, line) in [
            ("{\"text\":\"a\"}\n\n{\"text\":\"b\"}", "line 2: the line is empty"),
            ("\n", "line 1: the line is empty"),
            ("{\"text\":\"a\"}\n{\"txt\":\"b\"}\n", "line 2: unknown field"),
            ("{\"text\":\"a\"}\n{\"missing\":{}}\n", "line 2: unknown field `missing`"),
        ] {
            let error = of_lines(body.as_bytes()).expect_err(body).to_string();
            assert!(error.contains(line), "{error}");
        }
    }

    #[test]
    fn the_number_of_records_is_bounded() {
        let body = "{\"text\":\"\"}\n".repeat(MAX_BATCH_RECORDS + 1);
        let too_many = |error| matches!(error, RequestError::TooManyRecords { .. });
        assert!(of_lines(body.as_bytes()).is_err_and(too_many));
        let list = vec!["{\"text\":\"\"}"; MAX_BATCH_RECORDS + 1].join(",");
        let document = format!("{{\"records\":[{list}]}}");
        assert!(of_document(document.as_bytes()).is_err_and(too_many));
    }
}
