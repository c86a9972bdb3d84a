//! Every failure as an answer: a problem document of RFC 9457 that says what went wrong, under which
//! stable code, and what to do next.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{
    ALLOW, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::request_error::RequestError;
use crate::server::answered::{Answered, answered};
use crate::service::ServiceError;

/// A failure, ready to be sent. The type is left at its default, `about:blank`, so the title is the
/// status' own; `code` tells the kinds apart.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Always `about:blank`.
    r#type: &'static str,
    /// The name of the status.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What went wrong, for people.
    detail: String,
    /// What went wrong, for programs: it never changes.
    code: &'static str,
    /// What to do next, for people.
    hint: String,
    /// The numbers in the detail by name, such as `offset`, `lowest` and `next`.
    #[serde(flatten)]
    numbers: BTreeMap<&'static str, u64>,
    #[serde(skip)]
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: String, hint: String) -> Problem {
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            code,
            hint,
            numbers: BTreeMap::new(),
            header: None,
        }
    }

    /// What the Go original's clients are told: an offset that isn't there is 404, whatever the reason.
    pub(super) fn of_the_original(error: ServiceError) -> Problem {
        let is_out_of_range = matches!(error, ServiceError::OutOfRange { .. });
        let problem = Problem::from(error);
        if is_out_of_range { problem.with_status(StatusCode::NOT_FOUND) } else { problem }
    }

    fn with_status(mut self, status: StatusCode) -> Problem {
        self.status = status.as_u16();
        self.title = status.canonical_reason().unwrap_or("Error");
        self
    }

    /// The server does not take appends, whatever the status of an append would be.
    pub(super) fn not_ready(refusal: ServiceError) -> Problem {
        let mut problem = Problem::from(refusal).with_status(StatusCode::SERVICE_UNAVAILABLE);
        problem.detail.insert_str(0, "not ready: ");
        problem
    }
}

impl Problem {
    /// Without details.
    pub(super) fn brief(mut self) -> Problem {
        (self.detail, self.hint) = ("not ready".to_owned(), "look at the server's log".to_owned());
        self.numbers.clear();
        self
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Problem {
        let (detail, hint) = (error.to_string(), error.hint().to_owned());
        let Answered { http, retry_after, .. } = answered(&error);
        let mut problem = Problem::new(http, error.code(), detail, hint);
        problem.header = retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds)));
        problem.numbers = error.numbers().into_iter().collect();
        problem
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Problem {
        let mut problem =
            Problem::new(error.status(), error.code(), error.to_string(), error.hint());
        problem.header = match error {
            RequestError::MethodNotAllowed { allow, .. } => {
                HeaderValue::try_from(allow).ok().map(|allow| (ALLOW, allow))
            }
            RequestError::Unauthenticated => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            RequestError::Busy => Some((RETRY_AFTER, HeaderValue::from(1))),
            RequestError::RangeNotSatisfiable { length } => {
                let range = HeaderValue::try_from(format!("bytes */{length}")).ok();
                range.map(|range| (CONTENT_RANGE, range))
            }
            _ => None,
        };
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut document = serde_json::to_vec(&self).unwrap_or_default();
        document.push(b'\n');
        let mut response = Response::new(Body::from(document));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.header {
            headers.insert(name, value);
        }
        response
    }
}
