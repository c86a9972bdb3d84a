//! Bytes that nobody else may see: a private key, the key of a token.

use std::fmt;
use std::hint::black_box;
use std::path::Path;

use super::file::{self, FileError};

/// Secret bytes. They are overwritten when dropped, as far as the compiler lets that be promised, and
/// never printed.
pub struct Secret(Vec<u8>);

/// Reads a secret from a file that nobody but its owner can read or write.
///
/// # Errors
/// [`FileError`]; [`FileError::Exposed`] says how the file's permissions have to be.
pub fn read_secret(path: &Path) -> Result<Secret, FileError> {
    file::read_private(path).map(Secret)
}

impl Secret {
    /// The bytes themselves. Where they go from here is for the caller to mind.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Secret {
        Secret(bytes)
    }
}

/// For whether a file still holds the same, not for checking what a stranger sent: it takes longer the
/// more is alike.
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0 == other.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        // Otherwise nobody would seem to look at the zeros.
        black_box(&self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::from(b"open sesame".to_vec());
        assert_eq!(format!("{secret:?} {secret:#?}"), "Secret(..) Secret(..)");
        assert_eq!(secret.expose(), b"open sesame");
    }
}
