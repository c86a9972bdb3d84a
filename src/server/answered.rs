//! What each failure of a log is answered with: the one table for HTTP and gRPC.

use hyper::StatusCode;
use tonic::Code;

use crate::service::ServiceError;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) http: StatusCode,
    pub(super) grpc: Code,
    /// After how many seconds trying again may help; `None` where only a person can.
    pub(super) retry_after: Option<u32>,
}

const fn row(http: StatusCode, grpc: Code) -> Answered {
    Answered { http, grpc, retry_after: None }
}

const fn passing(http: StatusCode, grpc: Code, seconds: u32) -> Answered {
    Answered { http, grpc, retry_after: Some(seconds) }
}

/// The row of a failure. What lies below the log is gone (410), what lies above isn't there yet (416).
/// What a person has to mend is no precondition that trying again would meet, so gRPC's clients don't.
pub(super) const fn answered(error: &ServiceError) -> Answered {
    match error {
        ServiceError::OutOfRange { offset, lowest, .. } if offset.0 < lowest.0 => {
            row(StatusCode::GONE, Code::OutOfRange)
        }
        ServiceError::OutOfRange { .. } => row(StatusCode::RANGE_NOT_SATISFIABLE, Code::OutOfRange),
        ServiceError::Lost { .. } => row(StatusCode::GONE, Code::DataLoss),
        ServiceError::Corrupt(_) => row(StatusCode::INTERNAL_SERVER_ERROR, Code::DataLoss),
        ServiceError::InUse(_) => row(StatusCode::CONFLICT, Code::FailedPrecondition),
        ServiceError::OffsetMismatch { .. } => {
            row(StatusCode::PRECONDITION_FAILED, Code::FailedPrecondition)
        }
        ServiceError::RecordTooLarge { .. } | ServiceError::BatchTooLarge { .. } => {
            row(StatusCode::PAYLOAD_TOO_LARGE, Code::InvalidArgument)
        }
        ServiceError::EmptyBatch
        | ServiceError::ReservedType { .. }
        | ServiceError::TimestampAhead { .. } => {
            row(StatusCode::BAD_REQUEST, Code::InvalidArgument)
        }
        ServiceError::Busy { .. } => {
            passing(StatusCode::SERVICE_UNAVAILABLE, Code::ResourceExhausted, 1)
        }
        ServiceError::Starting { .. } => {
            passing(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, 1)
        }
        ServiceError::Closed => passing(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, 10),
        ServiceError::Failed(_) | ServiceError::Damaged(_) => {
            row(StatusCode::SERVICE_UNAVAILABLE, Code::FailedPrecondition)
        }
        ServiceError::DiskFull(_) => row(StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted),
        ServiceError::DiskNearlyFull { .. } => {
            passing(StatusCode::INSUFFICIENT_STORAGE, Code::ResourceExhausted, 5)
        }
        ServiceError::Io(_) | ServiceError::Internal { .. } => {
            row(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal)
        }
        ServiceError::AnswerLost => row(StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown),
    }
}
