//! What a failed attempt at a call says: whether the server answered, and whether it can have acted.

use std::error::Error;
use std::time::Duration;

use tonic::{Code, ConnectError, Status};
use tonic_types::{ErrorInfo, StatusExt};

use super::{ClientError, Refusal};
use crate::wire::status::DOMAIN;

/// The code of an append whose outcome the server itself doesn't know.
const ANSWER_LOST: &str = "answer_lost";

/// How one attempt failed.
#[derive(Clone, Debug)]
pub(super) enum Failed {
    /// The server said no; it has done nothing of what was asked, or says otherwise.
    Refused(Refusal),
    /// The request never left.
    Unreached(String),
    /// The connection broke when the request may have arrived.
    Broken(String),
    /// No answer in time; the request may have arrived.
    TimedOut(Duration),
    /// An answer that isn't understood, though it's clear that nothing was done.
    Odd(String),
    /// The server broke down over it, or what came instead of its answer doesn't say.
    BrokeDown(String),
}

impl Failed {
    pub(super) fn of(status: &Status) -> Failed {
        if let Some(info) = status.get_details_error_info().filter(|info| info.domain == DOMAIN) {
            return Failed::Refused(refusal(status, info));
        }
        match status.code() {
            _ if status.source().is_some() => broken(status),
            Code::Unavailable | Code::Cancelled => Failed::Broken(status.message().to_owned()),
            // gRPC's own limits know nothing of our codes.
            Code::ResourceExhausted => Failed::Refused(message_too_large(status)),
            code => {
                let reason = format!("{code:?}, {}", status.message());
                if is_certain(code) { Failed::Odd(reason) } else { Failed::BrokeDown(reason) }
            }
        }
    }

    /// Whether the server may have done what was asked, though it didn't say so.
    pub(super) fn is_uncertain(&self) -> bool {
        match self {
            Failed::Broken(_) | Failed::TimedOut(_) | Failed::BrokeDown(_) => true,
            Failed::Refused(refusal) => refusal.code == ANSWER_LOST,
            Failed::Unreached(_) | Failed::Odd(_) => false,
        }
    }

    /// Whether another attempt may go better.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Failed::Refused(refusal) => refusal.retry_after.is_some(),
            Failed::Unreached(_) | Failed::Broken(_) | Failed::TimedOut(_) => true,
            Failed::Odd(_) | Failed::BrokeDown(_) => false,
        }
    }

    /// The pause that the server asks for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        if let Failed::Refused(refusal) = self { refusal.retry_after } else { None }
    }

    pub(super) fn into_error(self, address: &str) -> ClientError {
        let address = address.to_owned();
        match self {
            Failed::Refused(refusal) => ClientError::Refused(Box::new(refusal)),
            Failed::Unreached(reason) | Failed::Broken(reason) => {
                ClientError::Unavailable { address, reason }
            }
            Failed::TimedOut(after) => ClientError::Deadline { address, after },
            Failed::Odd(reason) | Failed::BrokeDown(reason) => {
                ClientError::Protocol { address, reason }
            }
        }
    }
}

/// Whether a code says that the call was turned away.
const fn is_certain(code: Code) -> bool {
    matches!(
        code,
        Code::Unimplemented
            | Code::Unauthenticated
            | Code::PermissionDenied
            | Code::InvalidArgument
            | Code::NotFound
            | Code::OutOfRange
            | Code::FailedPrecondition
    )
}

fn refusal(status: &Status, info: ErrorInfo) -> Refusal {
    let mut metadata = info.metadata;
    let hint = metadata.remove("hint").unwrap_or_default();
    let parsed = metadata.into_iter().filter_map(|(name, text)| Some((name, text.parse().ok()?)));
    let mut numbers: Vec<(String, u64)> = parsed.collect();
    numbers.sort();
    Refusal {
        code: info.reason.to_lowercase(),
        message: status.message().to_owned(),
        hint,
        numbers,
        retry_after: status.get_details_retry_info().and_then(|retry| retry.retry_delay),
    }
}

fn message_too_large(status: &Status) -> Refusal {
    Refusal {
        code: "batch_too_large".to_owned(),
        message: format!("the server takes no message of this size: {}", status.message()),
        hint: "append the batch in parts".to_owned(),
        ..Refusal::default()
    }
}

/// The transport's own failures. What waited for a connection when there was none, or was queued when
/// one ended, has not been sent.
fn broken(status: &Status) -> Failed {
    let mut reason = String::new();
    let mut next: Option<&(dyn Error + 'static)> = status.source();
    let mut was_sent = true;
    while let Some(error) = next {
        let is_canceled =
            error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        if is_canceled || error.is::<ConnectError>() {
            was_sent = false;
        }
        // Each of them may name the next one, too; the innermost says most.
        reason = error.to_string();
        next = error.source();
    }
    if was_sent { Failed::Broken(reason) } else { Failed::Unreached(reason) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn refused(code: &str, retry_after: Option<Duration>) -> Status {
        let numbers = [("lowest", "2"), ("next", "5"), ("hint", "look")];
        let metadata: HashMap<String, String> =
            numbers.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let mut details = ErrorDetails::with_error_info(code, DOMAIN, metadata);
        if retry_after.is_some() {
            details.set_retry_info(retry_after);
        }
        Status::with_error_details(Code::OutOfRange, "no such offset", details)
    }

    #[test]
    fn a_refusal_keeps_all_that_the_server_says() {
        let Failed::Refused(refusal) = Failed::of(&refused("OFFSET_OUT_OF_RANGE", None)) else {
            panic!("the server answered");
        };
        assert_eq!((&*refusal.code, &*refusal.hint), ("offset_out_of_range", "look"));
        assert_eq!(refusal.message, "no such offset");
        assert_eq!(refusal.numbers, [("lowest".to_owned(), 2), ("next".to_owned(), 5)]);
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        let busy = Failed::of(&refused("BUSY", Some(Duration::from_secs(1))));
        assert!(busy.may_pass() && !busy.is_uncertain());
        assert_eq!(busy.retry_after(), Some(Duration::from_secs(1)));
        assert!(!Failed::of(&refused("DAMAGED", None)).may_pass());
        let not_there = Failed::of(&Status::unimplemented("no"));
        assert!(!not_there.may_pass() && !not_there.is_uncertain());
        let panicked = Failed::of(&Status::internal("a mistake"));
        assert!(!panicked.may_pass() && panicked.is_uncertain());
        let gone = Failed::of(&Status::unavailable("gone"));
        assert!(gone.may_pass() && gone.is_uncertain());
    }

    #[test]
    fn what_never_left_is_certain() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let failed = Failed::of(&Status::from_error(Box::new(ConnectError(refused.into()))));
        assert!(matches!(failed, Failed::Unreached(_)), "{failed:?}");
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(Failed::of(&Status::from_error(Box::new(reset))).is_uncertain());
    }

    #[test]
    fn a_message_over_the_limit_of_grpc_is_a_batch_too_large() {
        let error = Failed::of(&Status::resource_exhausted("too large")).into_error("here:1");
        assert_eq!(error.code(), "batch_too_large");
        assert_eq!(Failed::of(&Status::internal("?")).into_error("here:1").code(), "protocol");
    }
}
