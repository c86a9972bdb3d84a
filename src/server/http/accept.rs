//! Which of the forms that an answer can have the client likes most, by its Accept header.

use hyper::HeaderMap;
use hyper::header::ACCEPT;

use super::request_error::RequestError;

pub(super) const JSON: &str = "application/json";
pub(super) const NDJSON: &str = "application/x-ndjson";
pub(super) const EVENTS: &str = "text/event-stream";
pub(super) const BYTES: &str = "application/octet-stream";

/// The type that fits best; the first of equals, and the first of all if nothing is said.
pub(super) fn choose(
    headers: &HeaderMap,
    offered: &'static [&'static str],
) -> Result<&'static str, RequestError> {
    let fields = headers.get_all(ACCEPT).iter().filter_map(|field| field.to_str().ok());
    let ranges: Vec<Range<'_>> =
        fields.flat_map(|field| field.split(',')).filter_map(Range::parse).collect();
    let is_silent =
        headers.get_all(ACCEPT).iter().all(|field| field.as_bytes().trim_ascii().is_empty());
    let mut best = (0, None);
    for &media_type in offered {
        let quality = if is_silent { 1000 } else { quality(media_type, &ranges) };
        if quality > best.0 {
            best = (quality, Some(media_type));
        }
    }
    best.1.ok_or(RequestError::NotAcceptable { offered })
}

/// One of the alternatives of an Accept header.
struct Range<'a> {
    media_type: &'a str,
    /// In thousandths.
    quality: u32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Range<'a>> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().filter(|media_type| media_type.contains('/'))?;
        let quality = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        let quality: f32 = match quality {
            Some((_, quality)) => quality.trim().parse().ok()?,
            None => 1.0,
        };
        // The cast takes what isn't a number for 0.
        let quality = (quality.clamp(0.0, 1.0) * 1000.0) as u32;
        Some(Range { media_type, quality })
    }

    /// How closely this fits a type: not at all, as any, as any of its kind, as itself.
    fn closeness(&self, media_type: &str) -> u32 {
        let kind = media_type.split('/').next().unwrap_or_default();
        match self.media_type.strip_suffix("/*") {
            _ if self.media_type.eq_ignore_ascii_case(media_type) => 3,
            Some("*") => 1,
            Some(own) if own.eq_ignore_ascii_case(kind) => 2,
            _ => 0,
        }
    }
}

/// What the closest of the ranges says of a type.
fn quality(media_type: &str, ranges: &[Range<'_>]) -> u32 {
    let fitting = ranges.iter().map(|range| (range.closeness(media_type), range.quality));
    fitting.filter(|(closeness, _)| *closeness > 0).max().map_or(0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn chosen(accept: &[&'static str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for field in accept {
            headers.append(ACCEPT, HeaderValue::from_static(field));
        }
        choose(&headers, &[NDJSON, JSON, EVENTS]).ok()
    }

    #[test]
    fn the_client_chooses_and_the_first_is_the_default() {
        for (accept, expected) in [
            (&[][..], NDJSON),
            (&[""], NDJSON),
            (&["*/*"], NDJSON),
            (&["application/json"], JSON),
            (&["Application/JSON ; charset=utf-8"], JSON),
            (&["text/*"], EVENTS),
            (&["text/html, application/json;q=0.9, */*;q=0.8"], JSON),
            (&["text/html", "*/*;q=0.1"], NDJSON),
            (&["application/*, application/x-ndjson;q=0"], JSON),
            (&["application/json;q=0.5, text/event-stream;Q=0.7"], EVENTS),
            (&["application/json;q=1, */*;q=1"], NDJSON),
        ] {
            assert_eq!(chosen(accept), Some(expected), "{accept:?}");
        }
    }

    #[test]
    fn nothing_is_chosen_from_what_the_client_does_not_take() {
        for accept in ["text/html", "*/*;q=0", "nonsense", "application/json;q=0", "image/*"] {
            assert_eq!(chosen(&[accept]), None, "{accept}");
        }
    }
}
