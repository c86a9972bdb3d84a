//! `--server`: a running server instead of a directory, and which flags have no meaning with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::exit::Exit;
use super::failure::Failure;
use super::pairs;
use crate::client::{ClientConfig, RetryConfig, Token};
use crate::security::tls::{ClientTls, ClientTlsOptions, IdentityFiles};
use crate::text::time::parse_duration;

/// Where the log is served, if it isn't a directory.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServerArgs {
    /// Ask a server at this address (gRPC) instead of opening a directory
    #[arg(long, env = "PROGLOG_SERVER", value_name = "HOST:PORT")]
    pub(crate) server: Option<String>,

    /// For how long a server that can't be reached is tried again [default: 30s, with --follow for ever]
    #[arg(long, env = "PROGLOG_RETRY_FOR", value_name = "DURATION", value_parser = parse_duration)]
    retry_for: Option<Duration>,

    #[command(flatten)]
    login: LoginArgs,
}

/// How a client shows who it is, and knows who the server is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LoginArgs {
    /// Connect by TLS, and take only servers with a certificate of these authorities (PEM)
    #[arg(long, env = "PROGLOG_TLS_CA", value_name = "FILE")]
    tls_ca: Option<PathBuf>,

    /// The client's certificate (PEM), for servers that demand one
    #[arg(long, env = "PROGLOG_CLIENT_CERT", value_name = "FILE")]
    client_cert: Option<PathBuf>,

    /// The private key of the client's certificate (PEM), readable by its owner alone
    #[arg(long, env = "PROGLOG_CLIENT_KEY", value_name = "FILE")]
    client_key: Option<PathBuf>,

    /// What the server's certificate has to be for, if not for the host of --server
    #[arg(long, env = "PROGLOG_TLS_SERVER_NAME", value_name = "NAME")]
    tls_server_name: Option<String>,

    /// A file with a bearer token, readable by its owner alone [default: the token in PROGLOG_TOKEN]
    #[arg(long, env = "PROGLOG_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl LoginArgs {
    fn tls(&self) -> Result<Option<Arc<ClientTls>>, Failure> {
        let (cert, key) = (self.client_cert.is_some(), self.client_key.is_some());
        let (ca, name) = (self.tls_ca.is_some(), self.tls_server_name.is_some());
        pairs::check(&[
            ("--client-cert", cert, "--client-key", key),
            ("--client-key", key, "--client-cert", cert),
            ("--client-cert", cert, "--tls-ca", ca),
            ("--tls-server-name", name, "--tls-ca", ca),
        ])?;
        let Some(ca) = self.tls_ca.clone() else { return Ok(None) };
        let identity = self.client_cert.clone().zip(self.client_key.clone());
        let identity = identity.map(|(cert, key)| IdentityFiles { cert, key });
        let options = ClientTlsOptions { ca, identity, server_name: self.tls_server_name.clone() };
        let tls = ClientTls::load(options);
        let tls = tls.map_err(|error| Failure::new(Exit::Usage, "tls", error.to_string()))?;
        Ok(Some(Arc::new(tls)))
    }

    fn token(&self) -> Result<Option<Token>, Failure> {
        let token = match (&self.token_file, std::env::var("PROGLOG_TOKEN")) {
            (Some(path), _) => Token::file(path),
            (None, Ok(token)) => Token::fixed(&token),
            (None, Err(_)) => return Ok(None),
        };
        token.map(Some).map_err(|error| Failure::new(Exit::Usage, "token", error.to_string()))
    }
}

impl LoginArgs {
    /// A client that shows this.
    pub(crate) fn config(&self) -> Result<ClientConfig, Failure> {
        let (tls, token) = (self.tls()?, self.token()?);
        Ok(ClientConfig { tls, token, ..ClientConfig::default() })
    }
}

impl ServerArgs {
    /// The client that is asked for.
    pub(crate) fn config(&self, follows: bool) -> Result<ClientConfig, Failure> {
        let default = if follows { Duration::MAX } else { RetryConfig::default().total };
        let retry =
            RetryConfig { total: self.retry_for.unwrap_or(default), ..RetryConfig::default() };
        Ok(ClientConfig { retry, ..self.login.config()? })
    }
}

/// By their names in clap: what says how a directory is opened.
const OF_A_DIRECTORY: [&str; 4] = ["dir", "fsync", "segment_bytes", "max_record_bytes"];

/// What says how a benchmark of this machine works.
const OF_A_LOCAL_BENCH: [&str; 5] =
    ["threads", "batch", "fsync", "segment_bytes", "max_record_bytes"];

/// Which log is meant, where the command line and other places name several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// The only one that is named, or the one that the subcommand takes first.
    AsNamed,
    /// The directory.
    Directory,
    /// The server at `--server`.
    Server,
    /// The server at `--http`.
    Http,
}

/// What the command line says goes before what is said elsewhere. What it says about a directory beside a
/// server is refused, and so are two servers.
pub(crate) fn meant(matches: &ArgMatches) -> Result<Meant, Failure> {
    let Some((name, subcommand)) = matches.subcommand() else { return Ok(Meant::AsNamed) };
    let is_bench = name == "bench";
    let matches =
        if is_bench { subcommand.subcommand().map_or(subcommand, |(_, m)| m) } else { subcommand };
    let source = |id: &str| {
        let is_there = matches.ids().any(|known| known.as_str() == id);
        if is_there { matches.value_source(id) } else { None }
    };
    let is_said = |id: &&str| source(id) == Some(ValueSource::CommandLine);
    let (has_server, has_http) = (source("server").is_some(), source("http").is_some());
    let meant = match (is_said(&"server"), is_said(&"http")) {
        (true, true) => {
            return Err(
                Failure::usage("--server and --http name two servers").hint("leave one out")
            );
        }
        (true, false) => Meant::Server,
        (false, true) => Meant::Http,
        (false, false) if !has_server && !has_http => return Ok(Meant::AsNamed),
        (false, false) if is_said(&"dir") => return Ok(Meant::Directory),
        (false, false) => Meant::AsNamed,
    };
    let server = if has_http && meant != Meant::Server { "http" } else { "server" };
    let conflicting: &[&str] = if is_bench { &OF_A_LOCAL_BENCH } else { &OF_A_DIRECTORY };
    match conflicting.iter().copied().find(is_said) {
        Some(id) => Err(conflict(server, id)),
        None => Ok(meant),
    }
}

fn conflict(server: &str, id: &str) -> Failure {
    let flag = id.replace('_', "-");
    let message = format!("--{flag} has no meaning with --{server}: the server has its own");
    Failure::usage(message)
        .hint(format!("leave out --{flag}, or --{server} (also PROGLOG_{})", server.to_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::super::args::command;
    use super::*;

    fn meant_by(words: &str) -> Result<Meant, String> {
        let matches = command().try_get_matches_from(words.split(' ')).expect(words);
        meant(&matches).map_err(|failure| failure.message)
    }

    #[test]
    fn half_of_a_login_is_refused_wherever_it_comes_from() {
        let file = |name: &str| Some(PathBuf::from(name));
        let none = LoginArgs::default;
        for (login, said) in [
            (LoginArgs { client_cert: file("a"), tls_ca: file("b"), ..none() }, "--client-key"),
            (LoginArgs { client_key: file("a"), tls_ca: file("b"), ..none() }, "--client-cert"),
            (LoginArgs { client_cert: file("a"), client_key: file("b"), ..none() }, "--tls-ca"),
            (LoginArgs { tls_server_name: Some("a".to_owned()), ..none() }, "--tls-ca"),
        ] {
            let failure = login.config().expect_err(said);
            assert!(failure.message.ends_with(&format!("without {said}")), "{failure}");
        }
    }

    #[test]
    fn flags_of_a_directory_are_refused_beside_a_server() {
        assert_eq!(meant_by("proglog append --server a:1"), Ok(Meant::Server));
        assert_eq!(meant_by("proglog append --fsync never"), Ok(Meant::AsNamed));
        for words in [
            "proglog append --server a:1 --fsync never",
            "proglog append --server a:1 --segment-bytes 1MiB",
            "proglog -d x read --server a:1",
            "proglog info --server a:1 -d x",
            "proglog bench append --server a:1 --threads 2",
            "proglog bench append --http a:1 --fsync never",
            "proglog top -d x --http a:1",
        ] {
            let message = meant_by(words).expect_err(words);
            assert!(message.contains("has no meaning with --"), "{message}");
        }
        let bench = meant_by("proglog -d x bench append --server a:1");
        assert_eq!(bench, Ok(Meant::Server), "the directory is for its files");
    }

    #[test]
    fn two_servers_are_not_one() {
        let message = meant_by("proglog top --http a:1 --server b:1").expect_err("two");
        assert!(message.contains("two servers"), "{message}");
    }
}
