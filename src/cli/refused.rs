//! How a failure of the client ends the program. What a log in a directory would have said is said in the
//! same words, with the same exit code.

use super::errors;
use super::exit::Exit;
use super::failure::Failure;
use crate::client::{ClientError, Refusal};
use crate::log::{LogError, Offset};

impl From<&ClientError> for Failure {
    fn from(error: &ClientError) -> Failure {
        if let ClientError::Refused(refusal) = error {
            return match as_log_error(refusal) {
                Some(error) => Failure::from(&error),
                None => of_refusal(refusal),
            };
        }
        let exit = if matches!(
            error,
            ClientError::BadAddress { .. } | ClientError::InsecureToken { .. }
        ) {
            Exit::Usage
        } else {
            Exit::Failed
        };
        let failure = Failure::new(exit, error.code().to_owned(), error.to_string());
        let failure = failure.hint(error.hint());
        match error {
            ClientError::OutcomeUnknown { n_records, .. } => {
                failure.field("records", *n_records as u64)
            }
            _ => failure,
        }
    }
}

/// The same failure of a log in a directory, where there is one whose parts all come over the wire.
fn as_log_error(refusal: &Refusal) -> Option<LogError> {
    let offset = |name| refusal.number(name).map(Offset);
    let number = |name| refusal.number(name);
    Some(match &*refusal.code {
        "offset_out_of_range" => LogError::OutOfRange {
            offset: offset("offset")?,
            lowest: offset("lowest")?,
            next: offset("next")?,
        },
        "lost" => LogError::Lost { offset: offset("offset")? },
        "offset_mismatch" => {
            LogError::OffsetMismatch { expected: offset("expected")?, next: offset("next")? }
        }
        "record_too_large" => {
            LogError::RecordTooLarge { bytes: number("bytes")?, max: number("max")? }
        }
        "batch_too_large" => {
            LogError::BatchTooLarge { bytes: number("bytes")?, max: number("max")? }
        }
        _ => return None,
    })
}

fn of_refusal(refusal: &Refusal) -> Failure {
    let exit = errors::exit_by_code(&refusal.code);
    let mut failure = Failure::new(exit, refusal.code.clone(), refusal.message.clone());
    if !refusal.hint.is_empty() {
        failure = failure.hint(refusal.hint.clone());
    }
    refusal.numbers.iter().fold(failure, |failure, (name, number)| failure.field(name, *number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str, numbers: &[(&str, u64)]) -> ClientError {
        let numbers = numbers.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
        let (code, message) = (code.to_owned(), "no".to_owned());
        ClientError::Refused(Box::new(Refusal { code, message, numbers, ..Refusal::default() }))
    }

    #[test]
    fn a_server_ends_the_program_as_a_directory_does() {
        let range = [("offset", 9), ("lowest", 2), ("next", 5)];
        let told = Failure::from(&refusal("offset_out_of_range", &range));
        let (offset, lowest, next) = (Offset(9), Offset(2), Offset(5));
        let own = Failure::from(&LogError::OutOfRange { offset, lowest, next });
        assert_eq!((told.exit, &told.message, &told.hint), (own.exit, &own.message, &own.hint));
        assert_eq!(told.fields, own.fields);
        for (code, exit) in [
            ("corrupt", Exit::Damaged),
            ("damaged", Exit::Damaged),
            ("lost", Exit::NotInLog),
            ("offset_mismatch", Exit::Precondition),
            ("in_use", Exit::InUse),
            ("busy", Exit::Failed),
            ("something_new", Exit::Failed),
        ] {
            assert_eq!(Failure::from(&refusal(code, &[])).exit, exit, "{code}");
        }
    }
}
