//! Why a call of the client has no result.

use std::time::Duration;

use thiserror::Error;

use crate::service::Offset;

/// Any failure of a [`Client`](super::Client).
#[derive(Clone, Debug, Error)]
pub enum ClientError {
    /// The server answered, and said no.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    /// The server can't be reached, or the connection broke, and trying again didn't help. Of an append
    /// it says that it was not taken.
    #[error("can't reach {address}: {reason}")]
    Unavailable {
        /// Where it should be.
        address: String,
        /// What happened at the last attempt.
        reason: String,
    },
    /// The server didn't answer in time.
    #[error("{address} has not answered within {after:?}")]
    Deadline {
        /// Where it is.
        address: String,
        /// How long it had.
        after: Duration,
    },
    /// An append was sent, and then the connection broke or the time was over.
    #[error("it is unknown whether {} appended: {reason}", records_were(*.n_records))]
    OutcomeUnknown {
        /// How many records the batch had.
        n_records: usize,
        /// Where they lie if they were appended, if that was asked for.
        expected_offset: Option<Offset>,
        /// What happened.
        reason: String,
    },
    /// The record was not sent, since one before it could not be appended.
    #[error("not sent, since a record before it could not be appended: {reason}")]
    NotSent {
        /// What happened to the one before.
        reason: String,
    },
    /// The answer is none of this protocol, or breaks its rules.
    #[error("{address} gave an answer that makes no sense here: {reason}")]
    Protocol {
        /// Who answered.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// A token would be sent where others can read it.
    #[error("a token isn't sent to {address} without TLS: others could read it on the way")]
    InsecureToken {
        /// Where the server is.
        address: String,
    },
    /// This is no address.
    #[error("`{address}` is not an address: use HOST:PORT")]
    BadAddress {
        /// What was given.
        address: String,
    },
}

fn records_were(n_records: usize) -> String {
    if n_records == 1 { "1 record was".into() } else { format!("{n_records} records were") }
}

/// What a server says when it refuses a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The stable name, as HTTP and the command line show it, such as `offset_out_of_range`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do next; may be empty.
    pub hint: String,
    /// The numbers in the message, such as `lowest` and `next`.
    pub numbers: Vec<(String, u64)>,
    /// After how long trying again may help; nothing was appended then.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// One of the numbers.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.numbers.iter().find(|(known, _)| known == name).map(|(_, number)| *number)
    }
}

impl ClientError {
    /// The stable name of this kind of failure, for programs: the server's own, or one of
    /// `unavailable`, `deadline`, `outcome_unknown`, `not_sent`, `protocol`, `insecure_token`, `bad_address`.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            ClientError::Refused(refusal) => &refusal.code,
            ClientError::Unavailable { .. } => "unavailable",
            ClientError::Deadline { .. } => "deadline",
            ClientError::OutcomeUnknown { .. } => "outcome_unknown",
            ClientError::NotSent { .. } => "not_sent",
            ClientError::Protocol { .. } => "protocol",
            ClientError::InsecureToken { .. } => "insecure_token",
            ClientError::BadAddress { .. } => "bad_address",
        }
    }

    /// What the caller can do next; empty where nothing general can be said.
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            ClientError::Refused(refusal) => &refusal.hint,
            ClientError::Unavailable { .. } => {
                "see that the server runs and listens there for gRPC"
            }
            ClientError::Deadline { .. } => "look at the server's load, or allow more time",
            ClientError::OutcomeUnknown { .. } => {
                "read the end of the log before appending again; an append that expects an offset can be repeated safely"
            }
            ClientError::NotSent { .. } => "see to the failure before, then append the rest again",
            ClientError::Protocol { .. } => {
                "see that the address is that of proglog's gRPC interface"
            }
            ClientError::InsecureToken { .. } => {
                "name the authority of the server's certificate, with --tls-ca on the command line"
            }
            ClientError::BadAddress { .. } => "such as localhost:8400",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_is_said_plainly() {
        let error = |n_records| {
            let reason = "connection reset".to_owned();
            ClientError::OutcomeUnknown { n_records, expected_offset: None, reason }.to_string()
        };
        assert_eq!(error(1), "it is unknown whether 1 record was appended: connection reset");
        assert_eq!(error(5), "it is unknown whether 5 records were appended: connection reset");
    }

    #[test]
    fn a_refusal_speaks_for_itself() {
        let numbers = vec![("next".to_owned(), 7)];
        let (code, message) = ("offset_mismatch".to_owned(), "expected 5".to_owned());
        let refusal = Refusal { code, message, numbers, ..Refusal::default() };
        assert_eq!((refusal.number("next"), refusal.number("lowest")), (Some(7), None));
        let error = ClientError::Refused(Box::new(refusal));
        assert_eq!((error.code(), &*error.to_string()), ("offset_mismatch", "expected 5"));
    }
}
