//! `proglog token issue`: a token for a subject, signed with a key from a file.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::bad_key;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::output::print_json;
use crate::security::{NewToken, SigningKey, check_subject, issue};
use crate::text::time::{display_time, now_us, parse_duration};

const SECOND: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

const DETAILS: &str = "\
Prints the token and nothing else. Whoever has it is taken for the subject until it expires, and it
can't be called back: keep --ttl short.

The key is a PEM private key (Ed25519, P-256, RSA) or a secret for HS256 of at least 32 bytes, in a file
that only its owner can read.

Examples:
  proglog token issue --sub root --ttl 1h --key token.key
  proglog token issue --sub root --ttl 1h --key token.key --aud log --iss ops --kid 2026-11";

/// Write and sign a token for a subject
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(super) struct IssueArgs {
    /// Whom the token is for
    #[arg(long, env = "PROGLOG_SUB", value_name = "NAME", value_parser = subject)]
    sub: String,

    /// For how long it is good: 1s to 366d
    #[arg(long, env = "PROGLOG_TTL", value_name = "DURATION", value_parser = time_to_live)]
    ttl: Duration,

    /// The file with the key that signs it
    #[arg(long, env = "PROGLOG_KEY", value_name = "FILE")]
    key: PathBuf,

    /// Who may accept it
    #[arg(long, env = "PROGLOG_AUD", value_name = "AUDIENCE")]
    aud: Option<String>,

    /// Who wrote it
    #[arg(long, env = "PROGLOG_ISS", value_name = "ISSUER")]
    iss: Option<String>,

    /// The id of the key, for verifiers that have several
    #[arg(long, env = "PROGLOG_KID", value_name = "ID")]
    kid: Option<String>,
}

/// Prints a new token.
pub(super) fn run(
    args: IssueArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let key = SigningKey::read(&args.key, args.kid).map_err(|error| bad_key(&error))?;
    let issued_at_s = now_us() / 1_000_000;
    let new = NewToken {
        subject: args.sub,
        issued_at_s,
        expires_at_s: issued_at_s + args.ttl.as_secs(),
        audience: args.aud,
        issuer: args.iss,
    };
    let token = issue(&key, &new).map_err(|error| bad_key(&error))?;
    if context.is_json() {
        let expires = display_time(new.expires_at_s.saturating_mul(1_000_000));
        print_json(out, &json!({"token": token, "subject": new.subject, "expires": expires}))?;
    } else {
        writeln!(out, "{token}")?;
        out.flush()?;
    }
    Ok(Exit::Done)
}

fn subject(name: &str) -> Result<String, String> {
    check_subject(name).map(|()| name.to_owned()).map_err(|error| error.to_string())
}

fn time_to_live(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if (SECOND..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("`{text}` is out of range: a token is good for 1s to 366d"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_a_second_to_a_year() {
        for (text, seconds) in [("1s", 1), ("90m", 5400), ("366d", 31_622_400)] {
            assert_eq!(time_to_live(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["0s", "999ms", "366d1s", "10y", "-1h", "60", "for ever"] {
            assert!(time_to_live(bad).is_err(), "{bad}");
        }
    }
}
