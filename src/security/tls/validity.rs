//! From when until when a certificate is good, and a warning if that isn't now.

use std::fmt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::parse_x509_certificate;

use super::TlsError;

/// Both ends in Unix seconds, each still part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Validity {
    pub(super) fn of(certificate: &CertificateDer<'_>, path: &Path) -> Result<Validity, TlsError> {
        let (_, parsed) = parse_x509_certificate(certificate).map_err(|error| {
            TlsError::BadCertificate { path: path.to_owned(), reason: error.to_string() }
        })?;
        let validity = parsed.validity();
        Ok(Validity {
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        })
    }

    /// Not an error: the clock may be wrong, and a server that doesn't start helps nobody.
    pub(super) fn warn_unless_now(self, path: &Path) {
        if let Some(complaint) = self.complaint(now()) {
            tracing::warn!("the certificate in {} {complaint}", path.display());
        }
    }

    fn complaint(self, now: i64) -> Option<String> {
        let (not_before, not_after) = (Time(self.not_before), Time(self.not_after));
        if now > self.not_after {
            Some(format!("expired at {not_after}: others will refuse it; replace it"))
        } else if now < self.not_before {
            Some(format!(
                "is not valid before {not_before}: others will refuse it; is the clock right?"
            ))
        } else {
            None
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Unix seconds as people read them.
struct Time(i64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "second {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_belong_to_it() {
        let validity = Validity { not_before: 100, not_after: 200 };
        for now in [100, 150, 200] {
            assert_eq!(validity.complaint(now), None, "{now}");
        }
        let early = validity.complaint(99).expect("too early");
        assert!(early.contains("not valid before 1970-01-01T00:01:40Z"), "{early}");
        let late = validity.complaint(201).expect("too late");
        assert!(late.contains("expired at 1970-01-01T00:03:20Z"), "{late}");
    }
}
