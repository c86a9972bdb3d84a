//! `proglog certs server`: a server's certificate.

use clap::Args;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};

use super::authority::Authority;
use super::made::{About, Made, word};
use super::names::{parse_common_name, parse_host};
use super::pair::Pair;
use super::period::days;
use super::{CertsDirArgs, params};
use crate::cli::failure::Failure;

/// Make the certificate of a server
#[derive(Args, Clone, Debug)]
pub(super) struct ServerCertArgs {
    /// A DNS name or an IP address by which clients reach it; repeat it for each
    #[arg(long = "name", env = "PROGLOG_NAME", value_name = "HOST", value_delimiter = ',')]
    #[arg(default_values = ["localhost", "127.0.0.1", "::1"], value_parser = parse_host)]
    names: Vec<String>,

    /// Its common name [default: the first --name]
    #[arg(long, env = "PROGLOG_CN", value_name = "NAME", value_parser = parse_common_name)]
    cn: Option<String>,

    /// For how many days it is valid, at most as long as the authority
    #[arg(long, env = "PROGLOG_DAYS", value_name = "N", default_value = "90")]
    #[arg(value_parser = days())]
    days: u32,

    #[command(flatten)]
    dir: CertsDirArgs,

    /// Replace the one that is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &ServerCertArgs) -> anyhow::Result<Made> {
    let dir = &args.dir.out;
    let pair = Pair::new(dir, "server").replacing(args.force);
    pair.check_free().map_err(|failure| failure.hint("--force replaces it"))?;
    let first = args.names.first().map_or("server", String::as_str);
    let cn = match &args.cn {
        Some(cn) => cn.clone(),
        None => parse_common_name(first)
            .map_err(|reason| Failure::usage(format!("{reason}: give a shorter one with --cn")))?,
    };
    let authority = Authority::load(dir)?;
    let hosts = CertificateParams::new(args.names.clone())?;
    let mut subject = params(&cn);
    subject.subject_alt_names = hosts.subject_alt_names;
    let issued = authority.issue(subject, ExtendedKeyUsagePurpose::ServerAuth, args.days)?;
    pair.write(&issued.certificate, &issued.key)?;
    let next = format!(
        "proglog serve --tls-cert {} --tls-key {} --tls-client-ca {}",
        word(&pair.certificate),
        word(&pair.key),
        word(&dir.join("ca.pem")),
    );
    Ok(Made::new(
        &pair,
        About {
            what: "server",
            subject: &cn,
            names: &args.names,
            not_after: issued.period.end(),
            about_key: "its key; keep it secret",
            next,
        },
    ))
}
