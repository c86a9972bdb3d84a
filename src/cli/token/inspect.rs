//! `proglog token inspect`: what a token says, and with a key whether it may be believed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::bad_key;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::print_json;
use crate::cli::pairs;
use crate::security::{MAX_TOKEN_BYTES, TokenConfig, TokenError, Unverified, Verifier};
use crate::text::time::{display_time, now_us};

const VARIABLE: &str = "PROGLOG_TOKEN";

const DETAILS: &str = "\
The token is read from FILE, else from the variable PROGLOG_TOKEN, else from standard input; it is
never taken from the command line, where others could see it.

Without --key nothing is verified: anybody can write a token that says so. With --key (a PEM public
key, a JWKS file, or a secret for HS256) its signature and its claims are, as a server would do it.

Exit codes: 0 shown, and with --key verified; 1 it isn't a token, or with --key it is not good; 2 the
key can't be used.

Examples:
  proglog token inspect root.token
  proglog token inspect root.token --key token.pub --aud log
  proglog token issue --sub root --ttl 1h --key token.key | proglog token inspect --output json";

/// Show what a token says, and verify it with --key
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(super) struct InspectArgs {
    /// The file that has the token; `-` is standard input
    file: Option<PathBuf>,

    /// Verify it with the key in this file
    #[arg(long, env = "PROGLOG_KEY", value_name = "FILE")]
    key: Option<PathBuf>,

    /// Whom it has to be for
    #[arg(long, env = "PROGLOG_AUD", value_name = "AUDIENCE")]
    aud: Option<String>,

    /// Whom it has to be from
    #[arg(long, env = "PROGLOG_ISS", value_name = "ISSUER")]
    iss: Option<String>,
}

/// Prints what is in a token.
pub(super) fn run(
    args: &InspectArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let verifier = args.verifier()?;
    let token = read_token(args.file.as_deref())?;
    let token = token.trim();
    let said = Unverified::read(token)
        .map_err(|error| Failure::new(Exit::Failed, "token", error.to_string()))?;
    let now_s = now_us() / 1_000_000;
    let verdict = verifier.map(|verifier| verifier.verify(token, now_s).map(drop));
    if context.is_json() {
        print_json(out, &document(&said, verdict))?;
    } else {
        print(out, &said, verdict)?;
    }
    Ok(if matches!(verdict, Some(Err(_))) { Exit::Failed } else { Exit::Done })
}

impl InspectArgs {
    fn verifier(&self) -> Result<Option<Verifier>, Failure> {
        let has_key = self.key.is_some();
        pairs::check(&[
            ("--aud", self.aud.is_some(), "--key", has_key),
            ("--iss", self.iss.is_some(), "--key", has_key),
        ])?;
        let Some(key) = &self.key else { return Ok(None) };
        let config = TokenConfig {
            key_files: vec![key.clone()],
            audience: self.aud.clone(),
            issuer: self.iss.clone(),
            ..TokenConfig::default()
        };
        Verifier::new(config).map(Some).map_err(|error| bad_key(&error))
    }
}

/// `None` if nothing was verified.
type Verdict = Option<Result<(), TokenError>>;

fn read_token(file: Option<&Path>) -> Result<String, Failure> {
    if let Some(path) = file.filter(|path| *path != Path::new("-")) {
        let text = File::open(path).and_then(read_text);
        return text.map_err(|error| Failure::io("read", path, &error));
    }
    match std::env::var(VARIABLE) {
        Ok(token) if file.is_none() => Ok(token),
        _ => read_text(io::stdin())
            .map_err(|error| Failure::io("read", Path::new("standard input"), &error)),
    }
}

/// Enough to see that a token is too long.
fn read_text(input: impl Read) -> io::Result<String> {
    let mut text = String::new();
    input.take(2 * MAX_TOKEN_BYTES as u64).read_to_string(&mut text)?;
    Ok(text)
}

fn document(said: &Unverified, verdict: Verdict) -> Value {
    let mut document = json!({"verified": matches!(verdict, Some(Ok(())))});
    if let Some(Err(error)) = verdict {
        document["reason"] = error.to_string().into();
    }
    document["header"] = said.header.clone().into();
    document["claims"] = said.claims.clone().into();
    document
}

fn print(out: &mut impl Write, said: &Unverified, verdict: Verdict) -> io::Result<()> {
    match verdict {
        None => writeln!(out, "NOTHING WAS VERIFIED: anybody can write such a token")?,
        Some(Ok(())) => writeln!(out, "verified: signature, time, subject, audience, issuer")?,
        Some(Err(error)) => writeln!(out, "NOT GOOD: {error}")?,
    }
    print_object(out, "header", &said.header)?;
    print_object(out, "claims", &said.claims)?;
    out.flush()
}

fn print_object(out: &mut impl Write, title: &str, object: &Map<String, Value>) -> io::Result<()> {
    writeln!(out, "{title}")?;
    for (name, value) in object {
        let time = match (name.as_str(), value.as_u64()) {
            ("exp" | "nbf" | "iat", Some(seconds)) => {
                format!(" ({})", display_time(seconds.saturating_mul(1_000_000)))
            }
            _ => String::new(),
        };
        writeln!(out, "  {:8}{}{time}", printable(name), printable(&value.to_string()))?;
    }
    Ok(())
}

/// What a stranger wrote must not reach a terminal as it is.
fn printable(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Unverified {
        let object = |value: Value| value.as_object().expect("an object").clone();
        Unverified {
            header: object(json!({"alg": "none"})),
            claims: object(json!({"sub": "a\u{1b}[2J\u{9b}1m", "exp": 0, "\u{7}": 1})),
        }
    }

    fn text(verdict: Verdict) -> String {
        let mut out = Vec::new();
        print(&mut out, &said(), verdict).expect("printed");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn nobody_takes_it_for_verified() {
        assert!(text(None).starts_with("NOTHING WAS VERIFIED"));
        assert!(
            text(Some(Err(TokenError::Expired))).starts_with("NOT GOOD: the token has expired")
        );
        assert!(text(Some(Ok(()))).starts_with("verified"));
        assert_eq!(document(&said(), None)["verified"], false);
        let refused = document(&said(), Some(Err(TokenError::Expired)));
        assert_eq!(
            (&refused["verified"], &refused["reason"]),
            (&json!(false), &json!("the token has expired"))
        );
        assert_eq!(document(&said(), Some(Ok(())))["verified"], true);
    }

    #[test]
    fn what_it_says_cannot_steer_a_terminal() {
        let text = text(None);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        assert!(text.contains("exp     0 (1970-01-01T00:00:00.000000Z)\n"), "{text}");
    }
}
