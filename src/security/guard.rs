//! The one decision point: who is asking, and may they?

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;

use super::acl::{AccessList, Action};
use super::reload::Reload;
use super::subject::{BadSubject, Subject, check_subject};
use super::token::{TokenError, Verifier};

/// What a caller has shown.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// The common name of the client certificate, which TLS has verified.
    pub certificate: Option<&'a str>,
    /// From when on that certificate isn't valid any more, in seconds since 1970: a connection may last
    /// longer than what was verified when it began.
    pub certificate_expires_at_s: Option<u64>,
    /// The token behind `Bearer`.
    pub bearer: Option<&'a str>,
}

/// What the decisions are made by.
#[derive(Debug, Default)]
pub struct GuardConfig {
    /// Verifies bearer tokens.
    pub verifier: Option<Verifier>,
    /// Says who may do what. Without it, everybody who is known may do everything.
    pub access_list: Option<AccessList>,
    /// What the log is called in the access list.
    pub log_name: String,
    /// Whether TLS asks callers for a certificate.
    pub has_client_ca: bool,
}

/// Decides for every request and every stream, whatever the protocol.
#[derive(Debug)]
pub struct Guard {
    verifier: Option<Verifier>,
    access_list: Option<AccessList>,
    log_name: String,
    demands_identity: bool,
    n_unauthenticated: AtomicU64,
    n_denied: AtomicU64,
}

/// Why it isn't known who is asking. The message is for the wire; [`reason`](Self::reason) is for logs.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not authenticated")]
pub struct Unauthenticated {
    reason: Reason,
}

#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
enum Reason {
    #[error("neither a certificate nor a token was given")]
    Nothing,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("a token was given, and tokens aren't taken")]
    TokensNotTaken,
    #[error("the certificate's common name: {0}")]
    Certificate(#[from] BadSubject),
    #[error("the certificate has expired since the connection was made")]
    CertificateExpired,
    #[error("the certificate and the token are for different subjects")]
    Disagreement,
}

/// Who is asking may not do this. The message is for the wire.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("permission denied")]
pub struct Denied;

/// What a caller is told. It says nothing of why.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// It isn't known who is asking.
    #[error(transparent)]
    Unauthenticated(#[from] Unauthenticated),
    /// Who is asking may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Guard {
    /// Decides by these. By the default, everybody may do everything.
    #[must_use]
    pub fn new(config: GuardConfig) -> Guard {
        let GuardConfig { verifier, access_list, log_name, has_client_ca } = config;
        let demands_identity = verifier.is_some() || access_list.is_some() || has_client_ca;
        let (n_unauthenticated, n_denied) = (AtomicU64::new(0), AtomicU64::new(0));
        Guard { verifier, access_list, log_name, demands_identity, n_unauthenticated, n_denied }
    }

    /// Who is asking, and that they may do this. A refusal is counted and logged.
    ///
    /// # Errors
    ///
    /// It isn't known who is asking, or they may not.
    pub fn require(
        &self,
        credentials: &Credentials<'_>,
        action: Action,
    ) -> Result<Subject, Refusal> {
        let subject =
            self.authenticate(credentials).map_err(|error| self.not_known(error, Some(action)))?;
        self.allowed(&subject, action)?;
        Ok(subject)
    }

    /// Who is asking, whatever they may do. A refusal is counted and logged.
    ///
    /// # Errors
    ///
    /// It isn't known who is asking.
    pub fn require_known(&self, credentials: &Credentials<'_>) -> Result<Subject, Refusal> {
        self.authenticate(credentials).map_err(|error| self.not_known(error, None))
    }

    /// That a subject, accepted before, still holds and may still do this: for streams that go on.
    ///
    /// # Errors
    ///
    /// Its token has expired, or the access list has changed.
    pub fn require_still(&self, subject: &Subject, action: Action) -> Result<(), Refusal> {
        if let Subject::Named { expires_at_s: Some(expires_at_s), .. } = subject
            && now_s() >= *expires_at_s
        {
            let expired = Unauthenticated { reason: TokenError::Expired.into() };
            return Err(self.not_known(expired, Some(action)));
        }
        self.allowed(subject, action)
    }

    /// Who is asking. A certificate and a token have to be for the same subject.
    ///
    /// # Errors
    ///
    /// A token is bad, even beside a good certificate; the two disagree; or nothing was shown and something
    /// is demanded.
    pub fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Subject, Unauthenticated> {
        self.identify(credentials, now_s()).map_err(|reason| Unauthenticated { reason })
    }

    fn identify(&self, credentials: &Credentials<'_>, now_s: u64) -> Result<Subject, Reason> {
        if !self.demands_identity {
            return Ok(Subject::Anonymous);
        }
        credentials.certificate.map(check_subject).transpose()?;
        let until = credentials.certificate_expires_at_s;
        if until.is_some_and(|until| now_s > until) {
            return Err(Reason::CertificateExpired);
        }
        let Some(token) = credentials.bearer else {
            let name = credentials.certificate.ok_or(Reason::Nothing)?.to_owned();
            return Ok(Subject::Named { name, expires_at_s: until });
        };
        let verifier = self.verifier.as_ref().ok_or(Reason::TokensNotTaken)?;
        let claims = verifier.verify(token, now_s)?;
        if credentials.certificate.is_some_and(|name| name != claims.subject) {
            return Err(Reason::Disagreement);
        }
        let expires_at_s = claims.expires_at_s.saturating_add(verifier.leeway_s());
        let expires_at_s = until.into_iter().fold(expires_at_s, u64::min);
        Ok(Subject::Named { name: claims.subject, expires_at_s: Some(expires_at_s) })
    }

    /// Whether a subject may do this, by the access list if there is one.
    ///
    /// # Errors
    ///
    /// It may not.
    pub fn authorize(&self, subject: &Subject, action: Action) -> Result<(), Denied> {
        let allowed = match (&self.access_list, subject) {
            (None, _) => true,
            (Some(_), Subject::Anonymous) => false,
            (Some(list), Subject::Named { name, .. }) => {
                list.decide(name, &self.log_name, action).allowed
            }
        };
        if allowed { Ok(()) } else { Err(Denied) }
    }

    fn allowed(&self, subject: &Subject, action: Action) -> Result<(), Refusal> {
        self.authorize(subject, action).map_err(|denied| {
            self.n_denied.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%subject, %action, "permission denied");
            denied.into()
        })
    }

    fn not_known(&self, error: Unauthenticated, action: Option<Action>) -> Refusal {
        self.n_unauthenticated.fetch_add(1, Ordering::Relaxed);
        let action = action.map(tracing::field::display);
        tracing::warn!(reason = %error.reason, action, "not authenticated");
        error.into()
    }

    /// How often it wasn't known who was asking.
    #[must_use]
    pub fn n_unauthenticated(&self) -> u64 {
        self.n_unauthenticated.load(Ordering::Relaxed)
    }

    /// How often somebody asked for what they may not.
    #[must_use]
    pub fn n_denied(&self) -> u64 {
        self.n_denied.load(Ordering::Relaxed)
    }

    /// Whether callers have to show who they are.
    #[must_use]
    pub const fn demands_identity(&self) -> bool {
        self.demands_identity
    }

    /// Reads keys and rules again if their files changed. Meant to be called every second, and not from
    /// async code.
    pub fn reload_if_changed(&self) -> [Reload; 2] {
        let keys = self.verifier.as_ref().map(Verifier::reload_if_changed);
        let rules = self.access_list.as_ref().map(AccessList::reload_if_changed);
        [keys, rules].map(|reload| reload.unwrap_or(Reload::Unchanged))
    }
}

impl Unauthenticated {
    /// Why, for logs; no part of it comes from the caller.
    #[must_use]
    pub fn reason(&self) -> String {
        self.reason.to_string()
    }
}

/// The token in the value of an `Authorization` header, if it is one (RFC 6750).
#[must_use]
pub fn bearer_token(authorization: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(authorization).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

fn now_s() -> u64 {
    // A clock that is before 1970 is wrong: by it every token has expired.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |time| time.as_secs())
}

#[cfg(test)]
mod tests;
