//! Who is let in, and how they are told apart: flags, and what the server makes of them.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::pairs;
use crate::security::tls::{IdentityFiles, ServerTls, TlsFiles};
use crate::security::{
    AccessList, AccessListConfig, DEFAULT_LEEWAY, Guard, GuardConfig, TokenConfig, Verifier,
};
use crate::server::Protection;

/// Encryption, logins and permissions.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Security")]
pub(super) struct SecurityArgs {
    /// The server's certificate, and those between it and its authority (PEM): turns TLS on
    #[arg(long, env = "PROGLOG_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// The private key of the certificate (PEM), readable by its owner alone
    #[arg(long, env = "PROGLOG_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Take only clients with a certificate of these authorities (PEM): mutual TLS
    #[arg(long, env = "PROGLOG_TLS_CLIENT_CA", value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,

    /// Take bearer tokens that this key verifies: PEM, JWKS or a secret; may be given several times
    #[arg(long, env = "PROGLOG_TOKEN_KEY", value_name = "FILE")]
    token_key: Vec<PathBuf>,

    /// What tokens have to name as their audience
    #[arg(long, env = "PROGLOG_TOKEN_AUDIENCE", value_name = "NAME")]
    token_audience: Option<String>,

    /// What tokens have to name as their issuer
    #[arg(long, env = "PROGLOG_TOKEN_ISSUER", value_name = "NAME")]
    token_issuer: Option<String>,

    /// Who may do what: one rule a line, as `p, root, *, produce`
    #[arg(long, env = "PROGLOG_ACL_POLICY_FILE", value_name = "FILE")]
    acl_policy_file: Option<PathBuf>,

    /// The Casbin model of the policy [default: built in; equal subject, log and action]
    #[arg(long, env = "PROGLOG_ACL_MODEL_FILE", value_name = "FILE")]
    acl_model_file: Option<PathBuf>,

    /// What this log is called in the policy
    #[arg(long, env = "PROGLOG_LOG_NAME", value_name = "NAME", default_value = "log")]
    log_name: String,

    /// A name by which HTTP may be called on this machine without a login, or web pages come from; may be given several times
    #[arg(long, env = "PROGLOG_HTTP_NAME", value_name = "NAME", value_parser = parse_host_name)]
    pub(super) http_name: Vec<String>,
}

impl SecurityArgs {
    /// Whether callers are encrypted and known, so that others may be able to reach the server.
    pub(super) fn is_protected(&self) -> bool {
        self.tls_cert.is_some() && self.tls_key.is_some() && self.knows_callers()
    }

    fn knows_callers(&self) -> bool {
        self.tls_client_ca.is_some() || !self.token_key.is_empty()
    }

    fn check_pairs(&self) -> Result<(), Failure> {
        let (cert, key) = (self.tls_cert.is_some(), self.tls_key.is_some());
        let (policy, model) = (self.acl_policy_file.is_some(), self.acl_model_file.is_some());
        let takes_tokens = !self.token_key.is_empty();
        pairs::check(&[
            ("--tls-cert", cert, "--tls-key", key),
            ("--tls-key", key, "--tls-cert", cert),
            ("--tls-client-ca", self.tls_client_ca.is_some(), "--tls-cert", cert),
            ("--token-audience", self.token_audience.is_some(), "--token-key", takes_tokens),
            ("--token-issuer", self.token_issuer.is_some(), "--token-key", takes_tokens),
            ("--acl-model-file", model, "--acl-policy-file", policy),
        ])
    }

    /// Reads all files.
    pub(super) fn load(&self) -> Result<Protection, Failure> {
        self.check_pairs()?;
        if self.acl_policy_file.is_some() && !self.knows_callers() {
            let message =
                "with --acl-policy-file alone nobody gets in: nobody can show who they are";
            return Err(Failure::usage(message).hint("add --tls-client-ca or --token-key"));
        }
        let guard = Guard::new(GuardConfig {
            verifier: self.verifier()?,
            access_list: self.access_list()?,
            log_name: self.log_name.clone(),
            has_client_ca: self.tls_client_ca.is_some(),
        });
        Ok(Protection { tls: self.tls()?.map(Arc::new), guard: Some(Arc::new(guard)) })
    }

    fn tls(&self) -> Result<Option<ServerTls>, Failure> {
        let (Some(cert), Some(key)) = (self.tls_cert.clone(), self.tls_key.clone()) else {
            return Ok(None);
        };
        let client_ca = self.tls_client_ca.clone();
        let files = TlsFiles { identity: IdentityFiles { cert, key }, client_ca };
        ServerTls::load(files).map(Some).map_err(|error| unusable("tls", &error))
    }

    fn verifier(&self) -> Result<Option<Verifier>, Failure> {
        if self.token_key.is_empty() {
            return Ok(None);
        }
        let config = TokenConfig {
            key_files: self.token_key.clone(),
            audience: self.token_audience.clone(),
            issuer: self.token_issuer.clone(),
            leeway: DEFAULT_LEEWAY,
        };
        Verifier::new(config).map(Some).map_err(|error| unusable("key", &error))
    }

    fn access_list(&self) -> Result<Option<AccessList>, Failure> {
        let Some(policy_file) = self.acl_policy_file.clone() else { return Ok(None) };
        let config = AccessListConfig { policy_file, model_file: self.acl_model_file.clone() };
        AccessList::open(config).map(Some).map_err(|error| unusable("acl", &error))
    }
}

/// A host without a scheme or a port.
fn parse_host_name(text: &str) -> Result<String, String> {
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_of_a_name) {
        return Err(format!(
            "`{text}` is not a name: use a host without scheme and port, as log.example"
        ));
    }
    Ok(text.to_owned())
}

/// A server that can't be protected as was asked doesn't start.
fn unusable(code: &'static str, error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Usage, code, error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        security: SecurityArgs,
    }

    fn parse(words: &str) -> SecurityArgs {
        Only::parse_from(std::iter::once("test").chain(words.split(' '))).security
    }

    #[test]
    fn half_of_a_pair_is_refused() {
        for (words, missing) in [
            ("--tls-cert a --token-key k", "--tls-key"),
            ("--tls-key a", "--tls-cert"),
            ("--tls-client-ca a", "--tls-cert"),
            ("--token-audience a", "--token-key"),
            ("--token-issuer a", "--token-key"),
            ("--acl-model-file a", "--acl-policy-file"),
        ] {
            let security = parse(words);
            assert!(!security.is_protected(), "{words}");
            let failure = security.load().expect_err(words);
            assert!(failure.message.ends_with(&format!("without {missing}")), "{failure}");
        }
        assert!(parse("--tls-cert a --tls-key b --token-key k").is_protected());
    }

    #[test]
    fn a_host_name_has_no_scheme_and_no_port() {
        assert_eq!(parse_host_name("log.example"), Ok("log.example".to_owned()));
        for bad in ["", "log.example:443", "https://log.example", "[::1]", "a b", "a/b"] {
            assert!(parse_host_name(bad).is_err(), "{bad}");
        }
    }
}
