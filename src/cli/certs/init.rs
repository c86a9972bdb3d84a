//! `proglog certs init`: a new authority.

use clap::Args;
use rcgen::{BasicConstraints, IsCa, KeyPair, KeyUsagePurpose};

use super::made::{About, Made, word};
use super::pair::Pair;
use super::period::{Period, days};
use super::{CertsDirArgs, params};

/// How the authority's files begin.
pub(super) const AUTHORITY: &str = "ca";

const SUBJECT: &str = "proglog CA";

/// Make an authority, whose certificate clients and servers trust
#[derive(Args, Clone, Debug)]
pub(super) struct InitArgs {
    #[command(flatten)]
    dir: CertsDirArgs,

    /// For how many days it is valid
    #[arg(long, env = "PROGLOG_DAYS", value_name = "N", default_value = "3650")]
    #[arg(value_parser = days())]
    days: u32,
}

/// Never in place of another: all certificates by that one would be worthless.
pub(super) fn run(args: &InitArgs) -> anyhow::Result<Made> {
    let dir = &args.dir.out;
    let pair = Pair::new(dir, AUTHORITY);
    pair.check_free().map_err(|failure| {
        failure.hint("an authority is never replaced: make another one with --out DIR")
    })?;
    let period = Period::from_now(args.days);
    let mut params = params(SUBJECT);
    period.set(&mut params);
    // It signs certificates, but none of other authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    pair.write(&certificate.pem(), &key.serialize_pem())?;
    let out = match dir.to_str() {
        Some("certs") => String::new(),
        _ => format!(" --out {}", word(dir)),
    };
    Ok(Made::new(
        &pair,
        About {
            what: "authority",
            subject: SUBJECT,
            names: &[],
            not_after: period.end(),
            about_key: "its key; who has it can make certificates that are trusted",
            next: format!("proglog certs server{out} --name localhost --name 127.0.0.1"),
        },
    ))
}
