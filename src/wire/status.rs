//! How a status of gRPC says what it is to programs: by `google.rpc.ErrorInfo`, under a stable name.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of `google.rpc.ErrorInfo`.
pub(crate) const DOMAIN: &str = "proglog";

/// A status under a stable code of ours.
pub(crate) fn with_code(grpc: Code, code: &str, message: &str, hint: &str) -> Status {
    let details = details(code, HashMap::new(), message, hint);
    Status::with_error_details(grpc, message, details)
}

/// The details of a status: `metadata` has the numbers, and people are told what to do next.
pub(crate) fn details(
    code: &str,
    metadata: HashMap<String, String>,
    message: &str,
    hint: &str,
) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    details.set_error_info(code.to_uppercase(), DOMAIN, metadata);
    details.set_localized_message("en", format!("{message}; {hint}"));
    details
}
