//! A bearer token, shown at each call.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::security::{FileError, read_secret};
use crate::telemetry;

/// A file is read again for a call when it was read so long ago.
const MAX_AGE: Duration = Duration::from_secs(1);

/// A token that says who the client is. Cheap to clone; no message and no `Debug` shows it.
#[derive(Clone)]
pub struct Token(Arc<Source>);

enum Source {
    Fixed(AsciiMetadataValue),
    File { path: PathBuf, last: Mutex<Last> },
}

/// What was in a file when it was read.
struct Last {
    value: AsciiMetadataValue,
    at: Instant,
}

/// Why there is no token.
#[derive(Debug, Error)]
pub enum BadToken {
    /// The file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// It has characters that no token has, or none.
    #[error("this is no token: a token is one word of letters, digits, `-`, `_` and `.`")]
    NoToken,
}

impl Token {
    /// This one; spaces and line ends around it don't count.
    ///
    /// # Errors
    /// [`BadToken::NoToken`].
    pub fn fixed(token: &str) -> Result<Token, BadToken> {
        Ok(Token(Arc::new(Source::Fixed(value(token)?))))
    }

    /// The one in a file, which has to be readable by its owner alone. It is read again while the client
    /// runs, so that a token can be renewed.
    ///
    /// # Errors
    /// [`BadToken`].
    pub fn file(path: &Path) -> Result<Token, BadToken> {
        let last = Mutex::new(Last { value: read(path)?, at: Instant::now() });
        Ok(Token(Arc::new(Source::File { path: path.to_path_buf(), last })))
    }

    /// What is shown of it at a call that is made now: `Bearer`, and the token.
    pub(crate) fn current(&self) -> AsciiMetadataValue {
        match &*self.0 {
            Source::Fixed(value) => value.clone(),
            Source::File { path, last } => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.at.elapsed() >= MAX_AGE {
                    last.at = Instant::now();
                    match read(path) {
                        Ok(value) => last.value = value,
                        Err(error) => tracing::warn!(%error, "the token is shown as it was"),
                    }
                }
                last.value.clone()
            }
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

fn read(path: &Path) -> Result<AsciiMetadataValue, BadToken> {
    let secret = read_secret(path)?;
    value(str::from_utf8(secret.expose()).map_err(|_| BadToken::NoToken)?)
}

fn value(token: &str) -> Result<AsciiMetadataValue, BadToken> {
    let token = token.trim();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if token.is_empty() || !token.bytes().all(is_word) {
        return Err(BadToken::NoToken);
    }
    let value = AsciiMetadataValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| BadToken::NoToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Shows the token and names the trace that the caller is in, each if there is one.
#[derive(Clone, Debug)]
pub(super) struct ShowToken(pub(super) Option<Token>);

impl Interceptor for ShowToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.current());
        }
        telemetry::pass_on(request.metadata_mut().as_mut());
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_one_word() {
        assert_eq!(Token::fixed(" a.b-c_9\n").expect("a token").current(), "Bearer a.b-c_9");
        for bad in ["", " ", "a b", "a\nb", "Bearer a", "ä"] {
            assert!(Token::fixed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_nothing_shows_the_token() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        fs::write(&path, "a.b.c\n").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(matches!(Token::file(&path), Err(BadToken::File(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        let token = Token::file(&path).expect("a token");
        assert_eq!(token.current(), "Bearer a.b.c");
        assert!(!format!("{token:?} {:?}", token.current()).contains("a.b.c"));
    }
}
