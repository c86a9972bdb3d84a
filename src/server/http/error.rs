//! Every failure as an answer: the status, and a problem document of RFC 9457 that says what went
//! wrong, under which stable code, and what to do next.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use serde::Serialize;

use crate::server::answered::{Answered, answered};
use crate::service::ServiceError;

/// What a request itself can do wrong, or meet, before a log is asked.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// The body is not the JSON that the method takes.
    #[error("the body can't be understood: {reason}")]
    Malformed { reason: String, expected: &'static str },
    /// The body is longer than any record makes it.
    #[error("the body is over the limit of {max} bytes: nothing was appended")]
    BodyTooLarge { max: u64 },
    /// The body took too long.
    #[error("the body didn't arrive in time: nothing was appended")]
    BodyTooSlow,
    /// The client went away, or broke the framing of its body.
    #[error("the body ended early: nothing was appended")]
    BodyBroken,
    /// The bodies of other requests hold all the memory there is for them.
    #[error("too many bytes of requests are in flight: nothing was appended")]
    Busy,
    /// The path is there, but not for this method.
    #[error("{path} doesn't take the method {method}")]
    MethodNotAllowed { method: String, path: &'static str, allow: &'static str },
    /// There is no such path.
    #[error("there is nothing at {path}")]
    NoSuchPath { path: String },
    /// A handler panicked.
    #[error("the server made a mistake at this request")]
    Panicked,
}

impl RequestError {
    const fn code(&self) -> &'static str {
        match self {
            RequestError::Malformed { .. } => "malformed_body",
            RequestError::BodyTooLarge { .. } => "body_too_large",
            RequestError::BodyTooSlow => "body_too_slow",
            RequestError::BodyBroken => "body_broken",
            RequestError::Busy => "busy",
            RequestError::MethodNotAllowed { .. } => "method_not_allowed",
            RequestError::NoSuchPath { .. } => "no_such_path",
            RequestError::Panicked => "internal",
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            RequestError::Malformed { .. } | RequestError::BodyBroken => StatusCode::BAD_REQUEST,
            RequestError::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            RequestError::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            RequestError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            RequestError::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            RequestError::NoSuchPath { .. } => StatusCode::NOT_FOUND,
            RequestError::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn hint(&self) -> String {
        match self {
            RequestError::Malformed { expected, .. } => format!("send {expected}"),
            RequestError::BodyTooLarge { .. } => {
                "split the record, or start the server with a greater --max-record-bytes".into()
            }
            RequestError::BodyTooSlow => "send it again, all of it at once".into(),
            RequestError::BodyBroken => "send it again, as long as its header says".into(),
            RequestError::Busy => "try again shortly".into(),
            RequestError::MethodNotAllowed { allow, .. } => format!("use {allow}"),
            RequestError::NoSuchPath { .. } => {
                "POST / appends a record, GET / reads one, /livez and /readyz tell the server's health".into()
            }
            RequestError::Panicked => "see the server's log, and please report it".into(),
        }
    }
}

/// A failure, ready to be sent. The type is left at its default, `about:blank`, so the title is the
/// status' own; `code` tells the kinds apart.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    hint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lowest: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
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
            lowest: None,
            next: None,
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
    pub(super) fn not_ready(refusal: &ServiceError) -> Problem {
        let (detail, hint) = (format!("not ready: {refusal}"), refusal.hint().to_owned());
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, refusal.code(), detail, hint)
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Problem {
        let (detail, hint) = (error.to_string(), error.hint().to_owned());
        let Answered { http, retry_after, .. } = answered(&error);
        let mut problem = Problem::new(http, error.code(), detail, hint);
        problem.header = retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds)));
        if let ServiceError::OutOfRange { lowest, next, .. } = error {
            (problem.lowest, problem.next) = (Some(lowest.0), Some(next.0));
        } else if let ServiceError::OffsetMismatch { next, .. } = error {
            problem.next = Some(next.0);
        }
        problem
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Problem {
        let mut problem =
            Problem::new(error.status(), error.code(), error.to_string(), error.hint());
        if let RequestError::MethodNotAllowed { allow, .. } = error {
            problem.header = Some((ALLOW, HeaderValue::from_static(allow)));
        } else if let RequestError::Busy = error {
            problem.header = Some((RETRY_AFTER, HeaderValue::from(1)));
        }
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
