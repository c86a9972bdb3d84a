//! Who is asking, once that is known.

use std::fmt;

use thiserror::Error;

/// The longest name of a subject.
const MAX_SUBJECT_BYTES: usize = 256;

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nobody has to say who they are, and this one didn't.
    Anonymous,
    /// Somebody whose name was verified.
    Named {
        /// The certificate's common name, or the token's `sub`.
        name: String,
        /// From when on the name no longer holds, in seconds since 1970, if a token says so; the leeway
        /// for clocks is part of it.
        expires_at_s: Option<u64>,
    },
}

impl Subject {
    /// The verified name, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Subject::Anonymous => None,
            Subject::Named { name, .. } => Some(name),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("anonymous"))
    }
}

/// Why a name can't be a subject's.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadSubject {
    /// There is nothing in it.
    #[error("a subject's name can't be empty")]
    Empty,
    /// It is too long.
    #[error("a subject's name has at most {MAX_SUBJECT_BYTES} bytes")]
    TooLong,
    /// It would garble logs and terminals.
    #[error("a subject's name can't have control characters")]
    ControlCharacter,
}

/// Whether a name may be a subject's.
///
/// # Errors
///
/// It is empty, longer than 256 bytes, or has control characters.
pub fn check_subject(name: &str) -> Result<(), BadSubject> {
    match name {
        "" => Err(BadSubject::Empty),
        _ if name.len() > MAX_SUBJECT_BYTES => Err(BadSubject::TooLong),
        _ if name.contains(char::is_control) => Err(BadSubject::ControlCharacter),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_printable() {
        for name in ["root", "Zoë", "spiffe://cluster/ns/log", &"x".repeat(256)] {
            assert_eq!(check_subject(name), Ok(()), "{name}");
        }
        for (name, bad) in [
            ("", BadSubject::Empty),
            (&*"x".repeat(257), BadSubject::TooLong),
            (&*"ë".repeat(129), BadSubject::TooLong),
            ("a\nb", BadSubject::ControlCharacter),
            ("a\u{9b}b", BadSubject::ControlCharacter),
            ("\0", BadSubject::ControlCharacter),
        ] {
            assert_eq!(check_subject(name), Err(bad), "{name:?}");
        }
    }
}
