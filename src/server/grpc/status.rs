//! Every failure as a status of gRPC, with details by which programs tell kinds apart.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::answered::answered;
use crate::service::ServiceError;
use crate::wire::status::details;
pub(super) use crate::wire::status::with_code;

/// The status of a failure: `ErrorInfo` has the stable code and the numbers, `LocalizedMessage` a
/// sentence with what to do next, `RetryInfo` says when trying again may help.
pub(super) fn status(error: &ServiceError) -> Status {
    let row = answered(error);
    let mut numbers: HashMap<_, _> =
        error.numbers().into_iter().map(|(name, n)| (name.to_owned(), n.to_string())).collect();
    numbers.insert("hint".to_owned(), error.hint().to_owned());
    let mut details = details(error.code(), numbers, &error.to_string(), error.hint());
    if let Some(seconds) = row.retry_after {
        details.set_retry_info(Some(Duration::from_secs(seconds.into())));
    }
    Status::with_error_details(row.grpc, error.to_string(), details)
}

/// The status of a request that can't be understood.
pub(super) fn invalid(code: &str, message: &str, hint: &str) -> Status {
    with_code(Code::InvalidArgument, code, message, hint)
}

/// The status of a message that didn't arrive in time.
pub(super) fn too_slow(limit: Duration) -> Status {
    let message = format!("the message took longer than {limit:?} to arrive");
    with_code(Code::DeadlineExceeded, "too_slow", &message, "send it in one go")
}

/// The status of a message that is longer than any that makes sense there.
pub(super) fn too_long(n_bytes: usize, max: usize) -> Status {
    let message = format!("a message of {n_bytes} bytes is over the limit of {max} here");
    with_code(Code::ResourceExhausted, "message_too_long", &message, "send a shorter one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Offset;

    #[test]
    fn the_valid_range_is_told_to_programs_and_people() {
        let (offset, lowest, next) = (Offset(9), Offset(2), Offset(5));
        let status = status(&ServiceError::OutOfRange { offset, lowest, next });
        assert_eq!(status.code(), Code::OutOfRange);
        let info = status.get_details_error_info().expect("details");
        assert_eq!((&*info.reason, &*info.domain), ("OFFSET_OUT_OF_RANGE", "proglog"));
        assert_eq!((&*info.metadata["lowest"], &*info.metadata["next"]), ("2", "5"));
        let message = status.get_details_localized_message().expect("a message");
        assert!(message.message.contains("ask for an offset"), "{}", message.message);
        assert!(status.get_details_retry_info().is_none());
    }

    #[test]
    fn what_passes_says_when_to_come_back() {
        let busy = status(&ServiceError::Busy { waiting_bytes: 1 });
        assert_eq!(busy.code(), Code::ResourceExhausted);
        let retry = busy.get_details_retry_info().expect("a time");
        assert_eq!(retry.retry_delay, Some(Duration::from_secs(1)));
    }
}
