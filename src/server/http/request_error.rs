//! What a request itself can do wrong, or meet, before a log is asked: its stable code, its status,
//! and what to do next.

use hyper::StatusCode;

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
    MethodNotAllowed { method: String, path: String, allow: String },
    /// There is no such path.
    #[error("there is nothing at {path}")]
    NoSuchPath { path: String },
    /// A parameter that means nothing here, so the client means something else than it gets.
    #[error("there is no parameter `{name}` here")]
    UnknownParameter { name: String, known: &'static [&'static str] },
    /// A parameter whose value can't be understood.
    #[error("parameter `{name}`: {reason}")]
    BadParameter { name: &'static str, reason: String },
    /// A header whose value can't be understood.
    #[error("header {name}: {reason}")]
    BadHeader { name: String, reason: String },
    /// A body of a type that can't be read.
    #[error("the body's type is not understood: {reason}")]
    UnsupportedMediaType { reason: String, expected: &'static str },
    /// The client takes nothing of what there is.
    #[error("nothing of what the Accept header allows is offered")]
    NotAcceptable { offered: &'static [&'static str] },
    /// A range of bytes behind the end of a value.
    #[error("the range is outside of the {length} bytes that there are")]
    RangeNotSatisfiable { length: u64 },
    /// More records than one batch may have.
    #[error("the body has more than {max} records: nothing was appended")]
    TooManyRecords { max: usize },
    /// A web page of somebody else's has a browser send this.
    #[error("requests for pages of {origin} are not taken")]
    ForeignOrigin { origin: String },
    /// The server is called by a name that isn't its own, as a page would that passes for one of it.
    #[error("{host} is not the name of this server")]
    ForeignHost { host: String },
    /// It isn't known who is asking.
    #[error("not authenticated")]
    Unauthenticated,
    /// Who is asking may not do this.
    #[error("permission denied")]
    PermissionDenied,
    /// A handler panicked.
    #[error("the server made a mistake at this request")]
    Panicked,
}

impl RequestError {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            RequestError::Malformed { .. } => "malformed_body",
            RequestError::BodyTooLarge { .. } => "body_too_large",
            RequestError::BodyTooSlow => "body_too_slow",
            RequestError::BodyBroken => "body_broken",
            RequestError::Busy => "busy",
            RequestError::MethodNotAllowed { .. } => "method_not_allowed",
            RequestError::NoSuchPath { .. } => "no_such_path",
            RequestError::UnknownParameter { .. } => "unknown_parameter",
            RequestError::BadParameter { .. } => "bad_parameter",
            RequestError::BadHeader { .. } => "bad_header",
            RequestError::UnsupportedMediaType { .. } => "unsupported_media_type",
            RequestError::NotAcceptable { .. } => "not_acceptable",
            RequestError::RangeNotSatisfiable { .. } => "range_not_satisfiable",
            RequestError::TooManyRecords { .. } => "batch_too_large",
            RequestError::ForeignOrigin { .. } => "foreign_origin",
            RequestError::ForeignHost { .. } => "foreign_host",
            RequestError::Unauthenticated => "unauthenticated",
            RequestError::PermissionDenied => "permission_denied",
            RequestError::Panicked => "internal",
        }
    }

    pub(super) const fn status(&self) -> StatusCode {
        match self {
            RequestError::Malformed { .. }
            | RequestError::BodyBroken
            | RequestError::UnknownParameter { .. }
            | RequestError::BadParameter { .. }
            | RequestError::BadHeader { .. } => StatusCode::BAD_REQUEST,
            RequestError::BodyTooLarge { .. } | RequestError::TooManyRecords { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            RequestError::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            RequestError::NotAcceptable { .. } => StatusCode::NOT_ACCEPTABLE,
            RequestError::RangeNotSatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            RequestError::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            RequestError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            RequestError::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            RequestError::NoSuchPath { .. } => StatusCode::NOT_FOUND,
            RequestError::Unauthenticated => StatusCode::UNAUTHORIZED,
            RequestError::ForeignOrigin { .. }
            | RequestError::ForeignHost { .. }
            | RequestError::PermissionDenied => StatusCode::FORBIDDEN,
            RequestError::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn hint(&self) -> String {
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
                "/v1/records appends and reads, /v1/log tells what there is, /openapi.json lists it all".into()
            }
            RequestError::UnknownParameter { known: [], .. } => "leave the query away".into(),
            RequestError::UnknownParameter { known, .. } => format!("use {}", known.join(", ")),
            RequestError::BadParameter { .. } => "see /openapi.json for what it takes".into(),
            RequestError::BadHeader { .. } => "mend the header, or leave it away".into(),
            RequestError::UnsupportedMediaType { expected, .. } => format!("send {expected}"),
            RequestError::NotAcceptable { offered } => format!("accept {}", offered.join(", ")),
            RequestError::RangeNotSatisfiable { .. } => "ask for bytes that are there".into(),
            RequestError::ForeignOrigin { .. } => {
                "leave `Origin` out if this is no browser, or name its host with --http-name when the server is started".into()
            }
            RequestError::ForeignHost { .. } => {
                "call it by its address or as localhost, or give it the name with --http-name when it is started".into()
            }
            RequestError::Unauthenticated => {
                "show a token, as `Authorization: Bearer …`, or a client certificate".into()
            }
            RequestError::PermissionDenied => "ask who runs the server".into(),
            RequestError::TooManyRecords { .. } => "append it in parts".into(),
            RequestError::Panicked => "see the server's log, and please report it".into(),
        }
    }
}
