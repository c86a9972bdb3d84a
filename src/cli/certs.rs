//! `proglog certs`: an authority of one's own, and the certificates of servers and clients that it signs.

mod authority;
mod client;
mod init;
mod made;
mod names;
mod pair;
mod period;
mod server;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use rcgen::{CertificateParams, DistinguishedName, DnType};

use self::client::ClientCertArgs;
use self::init::InitArgs;
use self::server::ServerCertArgs;
use super::context::Context;
use super::exit::Exit;

const DETAILS: &str = "\
Keys are ECDSA P-256, in files that only their owner can read. The authority's key is needed only to
make certificates: keep it away from the servers.

Examples:
  proglog certs init
  proglog certs server --name log.example.com --name 10.0.0.7
  proglog certs client --cn root
  proglog certs server --name log.example.com --force";

/// Make an authority for TLS, and certificates of servers and clients
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(crate) struct CertsArgs {
    #[command(subcommand)]
    make: Make,
}

#[derive(Subcommand, Clone, Debug)]
enum Make {
    Init(InitArgs),
    Server(ServerCertArgs),
    Client(ClientCertArgs),
}

/// Where all of them are.
#[derive(Args, Clone, Debug)]
struct CertsDirArgs {
    /// The directory of the authority, in which the new files go, too
    #[arg(long, env = "PROGLOG_OUT", value_name = "DIR", default_value = "certs")]
    out: PathBuf,
}

/// Makes what is asked for, and says what comes next.
pub(crate) fn run(
    args: CertsArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let made = match &args.make {
        Make::Init(args) => init::run(args)?,
        Make::Server(args) => server::run(args)?,
        Make::Client(args) => client::run(args)?,
    };
    made.print(context, out)?;
    Ok(Exit::Done)
}

/// The beginning of each certificate: it is called so, and nothing else.
fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}
