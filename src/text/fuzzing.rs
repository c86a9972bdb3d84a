//! What the fuzzer asks of text, and here of the words on the command line: what is understood can be said
//! again.

mod http_body;
mod json_lines;
mod template;

use std::time::Duration;

use super::offset_spec::OffsetSpec;
use super::time::{TimePoint, display_time, format_rfc3339, parse_duration};
use super::values;
pub use http_body::http_body;
pub use json_lines::json_lines;
pub use template::template;

/// Takes `bytes` as the value of `--offset` and of every other flag that has a grammar.
///
/// # Panics
/// A property doesn't hold.
pub fn offset_expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(spec) = OffsetSpec::parse(text) {
        if let Some(again) = spelt(spec) {
            assert_eq!(OffsetSpec::parse(&again), Ok(spec), "{text:?} means {again:?}");
        }
        template::place(spec);
    }
    if let Ok(duration) = parse_duration(text)
        && let Some(again) = spelt_duration(duration)
    {
        assert_eq!(parse_duration(&again), Ok(duration), "{text:?} means {again:?}");
    }
    if let Ok(bytes) = values::parse_bytes(text) {
        assert_eq!(values::parse_bytes(&bytes.to_string()), Ok(bytes), "{text:?}");
    }
    if let Ok(header) = values::parse_header(text) {
        let value = String::from_utf8_lossy(&header.value);
        assert_eq!(format!("{}:{value}", header.name), text);
    }
    let _ = values::parse_sync_policy(text);
    let _ = values::parse_delimiter(text);
    let _ = values::parse_positive(text).map(display_time);
}

/// The plainest way to say it; `None` for times too far away.
fn spelt(spec: OffsetSpec) -> Option<String> {
    let offset = |bound: Option<u64>| bound.map_or(String::new(), |offset| offset.to_string());
    Some(match spec {
        OffsetSpec::Start => "start".to_owned(),
        OffsetSpec::End => "end".to_owned(),
        OffsetSpec::From(offset) => offset.to_string(),
        OffsetSpec::Newest(n_records) => format!("-{n_records}"),
        OffsetSpec::Range { from, to } => format!("{}:{}", offset(from), offset(to)),
        OffsetSpec::Times { from: Some(from), to: None } => spelt_time(from)?,
        OffsetSpec::Times { from, to } => {
            let from = from.map_or(Some(String::new()), spelt_time)?;
            format!("{from}:{}", to.map_or(Some(String::new()), spelt_time)?)
        }
    })
}

fn spelt_time(time: TimePoint) -> Option<String> {
    match time {
        TimePoint::At(micros) => format_rfc3339(micros).map(|time| format!("@{time}")),
        TimePoint::Ago(ago) => spelt_duration(ago).map(|ago| format!("@-{ago}")),
    }
}

/// `None` for more seconds than can be said in one number, some 20,000 years.
fn spelt_duration(duration: Duration) -> Option<String> {
    const MOST_SECONDS: u64 = 631_107_417_600;
    (duration.as_secs() < MOST_SECONDS)
        .then(|| format!("{}s{}ns", duration.as_secs(), duration.subsec_nanos()))
}
