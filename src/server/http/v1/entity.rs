//! One thing that never changes, as HTTP's caches and downloads want it: an entity tag, and ranges of
//! bytes.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH,
    IF_RANGE, RANGE, VARY,
};
use hyper::{HeaderMap, Method, StatusCode};

use super::super::accept::BYTES;
use super::super::request_error::RequestError;

/// A record does not change, and its offset is never given to another one.
const KEEP: &str = "max-age=31536000, immutable";

/// A representation of a record.
pub(super) struct Entity {
    pub(super) media_type: &'static str,
    pub(super) bytes: Bytes,
}

impl Entity {
    /// Answers a GET or HEAD with these headers.
    pub(super) fn answer(
        self,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Response, RequestError> {
        let tag = self.tag();
        let mut response = if is_known(headers, &tag) {
            with_status(StatusCode::NOT_MODIFIED, Bytes::new())
        } else {
            match self.range(method, headers, &tag)? {
                Some((first, last)) => self.part(first, last),
                None => with_status(StatusCode::OK, self.bytes.clone()),
            }
        };
        let answered = response.headers_mut();
        if let Ok(tag) = HeaderValue::try_from(tag) {
            answered.insert(ETAG, tag);
        }
        answered.insert(CACHE_CONTROL, HeaderValue::from_static(KEEP));
        answered.insert(VARY, HeaderValue::from_static("Accept"));
        answered.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        if self.has_ranges() {
            answered.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        Ok(response)
    }

    /// Made of the bytes themselves, since another log may once be served from the same address.
    fn tag(&self) -> String {
        format!("\"{:016x}\"", crc_fast::checksum(CrcAlgorithm::Crc64Nvme, &self.bytes))
    }

    fn has_ranges(&self) -> bool {
        self.media_type == BYTES
    }

    /// The first and the last byte that are asked for, if one part is. Anything else that a Range header
    /// may say is passed over, as RFC 9110 allows: the answer is the whole.
    fn range(
        &self,
        method: &Method,
        headers: &HeaderMap,
        tag: &str,
    ) -> Result<Option<(u64, u64)>, RequestError> {
        let is_current =
            headers.get(IF_RANGE).is_none_or(|known| known.as_bytes() == tag.as_bytes());
        if method != Method::GET || !self.has_ranges() || !is_current {
            return Ok(None);
        }
        let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
        let range = range.and_then(|range| http_range_header::parse_range_header(range).ok());
        let Some(ranges) = range else { return Ok(None) };
        let length = self.bytes.len() as u64;
        match ranges.validate(length).as_deref() {
            Ok([part]) => Ok(Some((*part.start(), *part.end()))),
            Ok(_) => Ok(None),
            Err(_) => Err(RequestError::RangeNotSatisfiable { length }),
        }
    }

    fn part(&self, first: u64, last: u64) -> Response {
        let bytes = self.bytes.slice(first as usize..=last as usize);
        let mut response = with_status(StatusCode::PARTIAL_CONTENT, bytes);
        let range = format!("bytes {first}-{last}/{}", self.bytes.len());
        if let Ok(range) = HeaderValue::try_from(range) {
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
        response
    }
}

fn with_status(status: StatusCode, bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response
}

/// Whether the client has it already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let fields = headers.get_all(IF_NONE_MATCH).iter().filter_map(|field| field.to_str().ok());
    let mut tags = fields.flat_map(|field| field.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
