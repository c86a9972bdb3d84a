//! A protected server in this process, and its callers.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proglog::log::{Log, LogConfig};
use proglog::security::tls::{ClientTls, ClientTlsOptions, IdentityFiles, ServerTls, TlsFiles};
use proglog::security::{
    AccessList, AccessListConfig, DEFAULT_LEEWAY, Guard, GuardConfig, TokenConfig, Verifier,
};
use proglog::server::{self, Listeners, Protection, ServerConfig, ShutdownTrigger};
use proglog::service::{Batch, CommitLog, LocalLog, LocalLogConfig, NewRecord};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};

use crate::callers::{AUDIENCE, Callers};
use crate::raw::Raw;

/// After this long a test is lost, whatever it waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How callers show who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) certificates: bool,
    pub(crate) tokens: bool,
}

pub(crate) struct Server {
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) protection: Protection,
    pub(crate) log: Arc<LocalLog>,
    _dir: TempDir,
    _trigger: ShutdownTrigger,
}

impl Server {
    pub(crate) async fn start(callers: &Callers, mode: Mode, policy: &str) -> Server {
        let identity = callers.server("server");
        let client_ca = mode.certificates.then(|| callers.ca());
        let tls = ServerTls::load(TlsFiles { identity, client_ca }).expect("TLS");
        let verifier = mode.tokens.then(|| {
            Verifier::new(TokenConfig {
                key_files: vec![callers.token_key.clone()],
                audience: Some(AUDIENCE.to_owned()),
                issuer: None,
                leeway: DEFAULT_LEEWAY,
            })
            .expect("a verifier")
        });
        let policy_file = callers.policy(policy);
        let list = AccessListConfig { policy_file, model_file: None };
        let guard = Guard::new(GuardConfig {
            verifier,
            access_list: Some(AccessList::open(list).expect("a policy")),
            log_name: "log".to_owned(),
            has_client_ca: mode.certificates,
        });
        let protection = Protection { tls: Some(Arc::new(tls)), guard: Some(Arc::new(guard)) };
        let dir = tempfile::tempdir().expect("a directory");
        let config = LogConfig::default();
        let mut limits = ServerConfig::for_records_of(config.max_record_bytes);
        limits.protection = protection.clone();
        let log = Log::open(dir.path(), config).expect("a log");
        let log = LocalLog::start(log, &LocalLogConfig::default()).expect("a storage thread");
        let log = Arc::new(log);
        log.append(Batch::of(NewRecord::new("first"))).await.expect("appended");
        let bind = || TcpListener::bind("127.0.0.1:0");
        let (http, grpc) = (bind().await.expect("a port"), bind().await.expect("a port"));
        let address = |listener: &TcpListener| listener.local_addr().expect("an address");
        let addresses = (address(&http), address(&grpc));
        let listeners = Listeners { http: Some(http), grpc: Some(grpc) };
        let (trigger, shutdown) = server::shutdown();
        tokio::spawn(server::run(listeners, Arc::clone(&log), limits, shutdown));
        let (http, grpc) = addresses;
        Server { http, grpc, protection, log, _dir: dir, _trigger: trigger }
    }
}

/// One who calls.
pub(crate) struct Caller<'a> {
    server: &'a Server,
    pub(crate) tls: Arc<ClientTls>,
    https: TlsConnector,
    token: Option<String>,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(
        server: &'a Server,
        callers: &Callers,
        identity: Option<IdentityFiles>,
        authorization: Option<&str>,
    ) -> Caller<'a> {
        let https = TlsConnector::from(Arc::new(https(callers, identity.as_ref())));
        let server_name = Some("localhost".to_owned());
        let options = ClientTlsOptions { ca: callers.ca(), identity, server_name };
        let tls = Arc::new(ClientTls::load(options).expect("the caller's files"));
        Caller { server, tls, https, token: authorization.map(str::to_owned) }
    }

    /// The answer to a request over HTTP: status and body; `None` if there is none.
    pub(crate) async fn http(&self, method: &str, path: &str) -> Option<(u16, String)> {
        let answer = timeout(PATIENCE, self.http_in_time(method, path)).await;
        answer.expect("an answer, or the end of the connection")
    }

    async fn http_in_time(&self, method: &str, path: &str) -> Option<(u16, String)> {
        let stream = TcpStream::connect(self.server.http).await.expect("connected");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut stream = self.https.connect(name, stream).await.ok()?;
        let token = self.token.as_ref().map(|token| format!("Authorization: {token}\r\n"));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: 0\r\n\
             Connection: close\r\n\r\n",
            token.unwrap_or_default()
        );
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).expect("text");
        if answer.is_empty() {
            assert!(read.is_err(), "an empty answer");
            return None;
        }
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Some((status.expect("a status"), body.to_owned()))
    }

    /// What a call of gRPC with an empty message ends with, or its first answer; `Err` if there is no
    /// connection.
    pub(crate) async fn grpc(&self, path: &str) -> Result<(Code, String), String> {
        let endpoint =
            Endpoint::from_shared(format!("https://localhost:{}", self.server.grpc.port()));
        let endpoint = endpoint.expect("an address");
        let channel = endpoint.connect_with_connector(self.tls.connector(PATIENCE)).await;
        let channel = channel.map_err(|error| format!("{error:?}"))?;
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.map_err(|error| format!("{error:?}"))?;
        let mut request = Request::new(Bytes::new());
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", token.parse().expect("a header"));
        }
        let path = path.parse().expect("a path");
        let call = async {
            let mut answers = client.server_streaming(request, path, Raw).await?.into_inner();
            answers.message().await
        };
        match timeout(PATIENCE, call).await.expect("an answer") {
            Ok(_) => Ok((Code::Ok, String::new())),
            Err(status) if is_of_transport(&status) => Err(format!("{status:?}")),
            Err(status) => Ok((status.code(), status.message().to_owned())),
        }
    }
}

/// A client of HTTPS, which `ClientTls` is not: it speaks HTTP/2 only.
fn https(callers: &Callers, identity: Option<&IdentityFiles>) -> ClientConfig {
    let certificates = |path: &Path| -> Vec<CertificateDer<'static>> {
        let parsed = CertificateDer::pem_file_iter(path).expect("a file");
        parsed.map(|certificate| certificate.expect("a certificate")).collect()
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&callers.ca()) {
        roots.add(certificate).expect("an authority");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let builder = builder.with_root_certificates(roots);
    match identity {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let key = PrivateKeyDer::from_pem_file(&files.key).expect("a key");
            builder.with_client_auth_cert(certificates(&files.cert), key).expect("an identity")
        }
    }
}

/// A refused client certificate shows only when the connection is used.
fn is_of_transport(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}
