//! What a token claims, and whether it holds now and here. The signature has been verified before.

use serde::Deserialize;
use serde_json::{Number, Value};

use super::error::TokenError;
use super::parts::is_object;
use super::verifier::TokenConfig;
use crate::security::subject::check_subject;

/// The claims of a token that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Whom it is for, `sub`.
    pub subject: String,
    /// From when on it is over, `exp`, in seconds since 1970. A leeway for clocks comes on top.
    pub expires_at_s: u64,
}

/// As they stand. Each is looked at by itself, so that an error can say which one is wrong.
#[derive(Debug, Deserialize)]
struct Raw {
    sub: Option<Value>,
    exp: Option<Value>,
    nbf: Option<Value>,
    aud: Option<Value>,
    iss: Option<Value>,
}

impl Claims {
    /// Checks the JSON of the claims against `config` and the time.
    pub(super) fn check(
        json: &[u8],
        config: &TokenConfig,
        now_s: u64,
    ) -> Result<Claims, TokenError> {
        if !is_object(json) {
            return Err(TokenError::MalformedClaims);
        }
        let raw: Raw = serde_json::from_slice(json).map_err(|_| TokenError::MalformedClaims)?;
        let expires_at_s = raw.check_times(config.leeway.as_secs(), now_s)?;
        raw.check_issuer(config.issuer.as_deref())?;
        raw.check_audience(config.audience.as_deref())?;
        let subject = match raw.sub {
            Some(Value::String(subject)) => subject,
            Some(_) => return Err(TokenError::BadClaim("sub")),
            None => return Err(TokenError::MissingClaim("sub")),
        };
        check_subject(&subject)?;
        Ok(Claims { subject, expires_at_s })
    }
}

impl Raw {
    /// When it expires, if it's valid now.
    fn check_times(&self, leeway_s: u64, now_s: u64) -> Result<u64, TokenError> {
        let expires_at_s = self.exp.as_ref().ok_or(TokenError::MissingClaim("exp"))?;
        let expires_at_s = seconds(expires_at_s).ok_or(TokenError::BadClaim("exp"))?;
        if now_s >= expires_at_s.saturating_add(leeway_s) {
            return Err(TokenError::Expired);
        }
        if let Some(not_before) = &self.nbf {
            let not_before_s = seconds(not_before).ok_or(TokenError::BadClaim("nbf"))?;
            if now_s.saturating_add(leeway_s) < not_before_s {
                return Err(TokenError::NotYetValid);
            }
        }
        Ok(expires_at_s)
    }

    fn check_issuer(&self, expected: Option<&str>) -> Result<(), TokenError> {
        match (&self.iss, expected) {
            (None, None) | (Some(Value::String(_)), None) => Ok(()),
            (None, Some(_)) => Err(TokenError::MissingClaim("iss")),
            (Some(Value::String(issuer)), Some(expected)) if issuer == expected => Ok(()),
            (Some(Value::String(_)), Some(_)) => Err(TokenError::WrongIssuer),
            (Some(_), _) => Err(TokenError::BadClaim("iss")),
        }
    }

    /// A token for some audience is refused by all that aren't it, those without a name included
    /// (RFC 7519, 4.1.3).
    fn check_audience(&self, own: Option<&str>) -> Result<(), TokenError> {
        let audience = match &self.aud {
            None if own.is_some() => return Err(TokenError::MissingClaim("aud")),
            None => return Ok(()),
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => {
                let names: Option<Vec<&str>> = several.iter().map(Value::as_str).collect();
                names.ok_or(TokenError::BadClaim("aud"))?
            }
            Some(_) => return Err(TokenError::BadClaim("aud")),
        };
        let is_meant = own.is_some_and(|own| audience.contains(&own));
        if is_meant { Ok(()) } else { Err(TokenError::WrongAudience) }
    }
}

/// A time of the standard: seconds since 1970, maybe with a fraction, which is dropped.
fn seconds(value: &Value) -> Option<u64> {
    let Value::Number(number) = value else { return None };
    number.as_u64().or_else(|| whole_seconds(number))
}

fn whole_seconds(number: &Number) -> Option<u64> {
    let seconds = number.as_f64().filter(|seconds| (0.0..1e15).contains(seconds))?;
    Some(seconds as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW_S: u64 = 1_000_000;

    fn config() -> TokenConfig {
        TokenConfig { leeway: Duration::from_secs(10), ..TokenConfig::default() }
    }

    fn check(json: &str) -> Result<Claims, TokenError> {
        Claims::check(json.as_bytes(), &config(), NOW_S)
    }

    fn with(more: &str) -> Result<Claims, TokenError> {
        check(&format!(r#"{{"sub":"root","exp":1000060{more}}}"#))
    }

    #[test]
    fn a_token_ends_with_the_leeway_behind_exp() {
        for (exp, error) in [
            ("1000060", None),
            ("1000060.5", None),
            ("18446744073709551615", None),
            ("1000001", None),
            ("999991", None),
            ("999990", Some(TokenError::Expired)),
            ("0", Some(TokenError::Expired)),
            ("-1", Some(TokenError::BadClaim("exp"))),
            ("1e300", Some(TokenError::BadClaim("exp"))),
            ("\"1000060\"", Some(TokenError::BadClaim("exp"))),
            ("true", Some(TokenError::BadClaim("exp"))),
            ("[1000060]", Some(TokenError::BadClaim("exp"))),
            ("null", Some(TokenError::MissingClaim("exp"))),
        ] {
            let checked = check(&format!(r#"{{"sub":"root","exp":{exp}}}"#));
            assert_eq!(checked.as_ref().err().copied(), error, "{exp}");
        }
        assert_eq!(check(r#"{"sub":"root"}"#), Err(TokenError::MissingClaim("exp")));
        assert_eq!(with("").expect("valid").expires_at_s, 1_000_060);
    }

    #[test]
    fn a_token_starts_with_the_leeway_before_nbf() {
        assert!(with(r#","nbf":1000010"#).is_ok());
        assert_eq!(with(r#","nbf":1000011"#), Err(TokenError::NotYetValid));
        assert_eq!(with(r#","nbf":"soon""#), Err(TokenError::BadClaim("nbf")));
    }

    #[test]
    fn a_subject_is_demanded() {
        let subject = |sub: &str| check(&format!(r#"{{"exp":1000060,"sub":{sub}}}"#));
        assert_eq!(subject("\"root\"").expect("valid").subject, "root");
        assert_eq!(check(r#"{"exp":1000060}"#), Err(TokenError::MissingClaim("sub")));
        assert_eq!(subject("1"), Err(TokenError::BadClaim("sub")));
        for bad in ["\"\"", r#""a\u0000""#, &format!("\"{}\"", "x".repeat(257))] {
            assert!(matches!(subject(bad), Err(TokenError::BadSubject(_))), "{bad}");
        }
    }

    #[test]
    fn an_issuer_that_is_expected_is_demanded() {
        let of = |more: &str| {
            let config = TokenConfig { issuer: Some("me".into()), ..config() };
            let json = format!(r#"{{"sub":"root","exp":1000060{more}}}"#);
            Claims::check(json.as_bytes(), &config, NOW_S)
        };
        assert!(of(r#","iss":"me""#).is_ok());
        assert_eq!(of(r#","iss":"you""#), Err(TokenError::WrongIssuer));
        assert_eq!(of(""), Err(TokenError::MissingClaim("iss")));
        assert_eq!(of(r#","iss":["me"]"#), Err(TokenError::BadClaim("iss")));
        assert!(with(r#","iss":"anybody""#).is_ok(), "if none is expected, any will do");
    }

    #[test]
    fn a_token_for_others_is_refused() {
        let of = |more: &str| {
            let config = TokenConfig { audience: Some("log".into()), ..config() };
            let json = format!(r#"{{"sub":"root","exp":1000060{more}}}"#);
            Claims::check(json.as_bytes(), &config, NOW_S)
        };
        assert!(of(r#","aud":"log""#).is_ok());
        assert!(of(r#","aud":["shop","log"]"#).is_ok());
        assert_eq!(of(""), Err(TokenError::MissingClaim("aud")));
        for other in ["\"shop\"", "[]", "[\"shop\"]", "\"lo\"", "\"LOG\""] {
            assert_eq!(
                of(&format!(r#","aud":{other}"#)),
                Err(TokenError::WrongAudience),
                "{other}"
            );
        }
        assert_eq!(of(r#","aud":["log",1]"#), Err(TokenError::BadClaim("aud")));
        assert_eq!(with(r#","aud":"shop""#), Err(TokenError::WrongAudience));
    }

    #[test]
    fn claims_are_one_object_and_each_is_given_once() {
        for bad in ["", "[]", r#"["root",1000060,null,null,null]"#, "null", "{", "\"sub\""] {
            assert_eq!(check(bad), Err(TokenError::MalformedClaims), "{bad}");
        }
        assert_eq!(with(r#","sub":"other""#), Err(TokenError::MalformedClaims));
        assert_eq!(with(r#","exp":9999999999"#), Err(TokenError::MalformedClaims));
    }
}
