//! `proglog certs client`: a client's certificate, which says who it is.

use clap::Args;
use rcgen::ExtendedKeyUsagePurpose;

use super::authority::Authority;
use super::made::{About, Made, word};
use super::names::parse_client_name;
use super::pair::Pair;
use super::period::days;
use super::{CertsDirArgs, params};

/// Make the certificate of a client: its common name is the subject that access lists know
#[derive(Args, Clone, Debug)]
pub(super) struct ClientCertArgs {
    /// Its common name; the files are called after it
    #[arg(long, env = "PROGLOG_CN", value_name = "NAME", value_parser = parse_client_name)]
    cn: String,

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

pub(super) fn run(args: &ClientCertArgs) -> anyhow::Result<Made> {
    let dir = &args.dir.out;
    let pair = Pair::new(dir, &args.cn).replacing(args.force);
    pair.check_free().map_err(|failure| failure.hint("--force replaces it"))?;
    let authority = Authority::load(dir)?;
    let purpose = ExtendedKeyUsagePurpose::ClientAuth;
    let issued = authority.issue(params(&args.cn), purpose, args.days)?;
    pair.write(&issued.certificate, &issued.key)?;
    let next = format!(
        "proglog read --server localhost:8400 --tls-ca {} --client-cert {} --client-key {}",
        word(&dir.join("ca.pem")),
        word(&pair.certificate),
        word(&pair.key),
    );
    Ok(Made::new(
        &pair,
        About {
            what: "client",
            subject: &args.cn,
            names: &[],
            not_after: issued.period.end(),
            about_key: "its key; keep it secret",
            next,
        },
    ))
}
