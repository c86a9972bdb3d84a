//! The doors: each turns what a rule asks into the words of its interface.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use proglog::client::{Client, ClientConfig, ClientError, RecordsOptions};
use proglog::log::{Append, Log, LogConfig, LogError, NewRecord, Offset};
use proglog::server::{self, Listeners, ServerConfig, ShutdownTrigger};
use proglog::service::{self, Batch, CommitLog, LocalLog, LocalLogConfig, ServiceError};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

pub(crate) const MAX_RECORD_BYTES: usize = 200_000;

/// After this long nothing comes any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// A result, or the stable code of what went wrong.
pub(crate) type Coded<T> = Result<T, String>;

/// A way to a log.
pub(crate) trait Door {
    async fn append(&self, values: &[&[u8]], expected: Option<u64>) -> Coded<(u64, u64)>;
    async fn read(&self, offset: u64) -> Coded<Vec<u8>>;
    /// What is there of the offsets from one up to, not including, another.
    async fn range(&self, from: u64, to: u64) -> Coded<Vec<(u64, Vec<u8>)>>;
    /// The value at an offset, once it is there.
    async fn wait_for(&self, offset: u64) -> Coded<Vec<u8>>;
    /// The lowest and the next offset.
    async fn bounds(&self) -> (u64, u64);
    async fn truncate_before(&self, offset: u64);
}

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 1024,
        max_record_bytes: MAX_RECORD_BYTES as u64,
        ..LogConfig::default()
    }
}

/// The engine itself.
pub(crate) struct Library {
    log: Arc<Log>,
    _dir: TempDir,
}

impl Library {
    pub(crate) async fn open() -> Library {
        let dir = tempfile::tempdir().expect("a directory");
        let log = Log::open(&dir.path().join("log"), config()).expect("a log");
        Library { log: Arc::new(log), _dir: dir }
    }
}

fn code_of(error: LogError) -> String {
    ServiceError::from(error).code().to_owned()
}

impl Door for Library {
    async fn append(&self, values: &[&[u8]], expected: Option<u64>) -> Coded<(u64, u64)> {
        let records: Vec<_> = values.iter().map(|value| NewRecord::new(value)).collect();
        let expected_offset = expected.map(Offset);
        let batch = Append { expected_offset, ..Append::new(&records) };
        let appended = self.log.append(&batch).map_err(code_of)?;
        Ok((appended.first_offset.0, appended.last_offset.0))
    }

    async fn read(&self, offset: u64) -> Coded<Vec<u8>> {
        self.log.read(Offset(offset)).map(|record| record.value).map_err(code_of)
    }

    async fn range(&self, from: u64, to: u64) -> Coded<Vec<(u64, Vec<u8>)>> {
        let mut scan = self.log.scan(Offset(from)).map_err(code_of)?;
        let mut records = Vec::new();
        while scan.position() < Offset(to) {
            let Some(record) = scan.next_record() else { break };
            let record = record.map_err(code_of)?;
            records.push((record.offset.0, record.value.to_vec()));
        }
        Ok(records)
    }

    async fn wait_for(&self, offset: u64) -> Coded<Vec<u8>> {
        let log = Arc::clone(&self.log);
        let waiting = move || log.wait_for(Offset(offset), PATIENCE);
        assert!(tokio::task::spawn_blocking(waiting).await.expect("no panic"), "it never came");
        self.read(offset).await
    }

    async fn bounds(&self) -> (u64, u64) {
        (self.log.lowest_offset().0, self.log.next_offset().0)
    }

    async fn truncate_before(&self, offset: u64) {
        self.log.truncate_before(Offset(offset)).expect("truncated");
    }
}

/// A server of a log, with both interfaces.
struct Server {
    log: Arc<LocalLog>,
    http: SocketAddr,
    grpc: SocketAddr,
    _trigger: ShutdownTrigger,
    _dir: TempDir,
}

impl Server {
    async fn start() -> Server {
        let dir = tempfile::tempdir().expect("a directory");
        let log = Log::open(&dir.path().join("log"), config()).expect("a log");
        let log = LocalLog::start(log, &LocalLogConfig::default()).expect("a storage thread");
        let log = Arc::new(log);
        let bind = async || TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (http, grpc) = (bind().await, bind().await);
        let addresses = [&http, &grpc].map(|listener| listener.local_addr().expect("an address"));
        let (trigger, shutdown) = server::shutdown();
        let listeners = Listeners { http: Some(http), grpc: Some(grpc) };
        let config = ServerConfig::for_records_of(MAX_RECORD_BYTES as u64);
        tokio::spawn(server::run(listeners, Arc::clone(&log), config, shutdown));
        Server { log, http: addresses[0], grpc: addresses[1], _trigger: trigger, _dir: dir }
    }
}

/// Version 1 of the HTTP interface.
pub(crate) struct Http(Server);

impl Http {
    pub(crate) async fn open() -> Http {
        Http(Server::start().await)
    }

    async fn call(&self, request: Request<Full<Bytes>>) -> Coded<Bytes> {
        let stream = TcpStream::connect(self.0.http).await.expect("connected");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        if head.status.is_success() {
            return Ok(body);
        }
        Err(json_of(&body)["code"].as_str().expect("a code").to_owned())
    }

    async fn get(&self, path: &str, accept: &str) -> Coded<Bytes> {
        let request = Request::get(path).header("host", "localhost").header("accept", accept);
        self.call(request.body(Full::default()).expect("a request")).await
    }

    async fn post(&self, path: &str, document: &Value) -> Coded<Bytes> {
        let request = Request::post(path).header("host", "localhost");
        let request = request.header("content-type", "application/json");
        self.call(request.body(document.to_string().into()).expect("a request")).await
    }
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("JSON")
}

/// The value of a record in JSON.
fn value_of(record: &Value) -> Vec<u8> {
    match record["text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => STANDARD.decode(record["value"].as_str().expect("a value")).expect("base64"),
    }
}

impl Door for Http {
    async fn append(&self, values: &[&[u8]], expected: Option<u64>) -> Coded<(u64, u64)> {
        let record = |value: &&[u8]| json!({"value": STANDARD.encode(value)});
        let records: Vec<_> = values.iter().map(record).collect();
        let query = expected.map_or(String::new(), |offset| format!("?expect_offset={offset}"));
        let answer =
            self.post(&format!("/v1/records{query}"), &json!({"records": records})).await?;
        let answer = json_of(&answer);
        let offset = |name: &str| answer[name].as_u64().expect("an offset");
        Ok((offset("first_offset"), offset("last_offset")))
    }

    async fn read(&self, offset: u64) -> Coded<Vec<u8>> {
        let path = format!("/v1/records/{offset}");
        Ok(self.get(&path, "application/octet-stream").await?.to_vec())
    }

    async fn range(&self, from: u64, to: u64) -> Coded<Vec<(u64, Vec<u8>)>> {
        let path = format!("/v1/records?offset={from}:{to}");
        let lines = self.get(&path, "application/x-ndjson").await?;
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let records = lines.map(json_of);
        Ok(records.map(|r| (r["offset"].as_u64().expect("an offset"), value_of(&r))).collect())
    }

    async fn wait_for(&self, offset: u64) -> Coded<Vec<u8>> {
        let path = format!("/v1/records?offset={offset}&limit=1&wait=30s");
        let page = json_of(&self.get(&path, "application/json").await?);
        Ok(value_of(&page["records"][0]))
    }

    async fn bounds(&self) -> (u64, u64) {
        let log = json_of(&self.get("/v1/log", "application/json").await.expect("told"));
        let offset = |name: &str| log[name].as_u64().expect("an offset");
        (offset("lowest_offset"), offset("next_offset"))
    }

    async fn truncate_before(&self, offset: u64) {
        self.post("/v1/log/truncate", &json!({"before": offset})).await.expect("truncated");
    }
}

/// The gRPC interface, by the library's client.
pub(crate) struct Grpc {
    server: Server,
    client: Client,
}

impl Grpc {
    pub(crate) async fn open() -> Grpc {
        let server = Server::start().await;
        let client = Client::connect(&server.grpc.to_string(), ClientConfig::default()).await;
        Grpc { server, client: client.expect("connected") }
    }

    async fn collect(
        &self,
        from: u64,
        options: RecordsOptions,
    ) -> Result<Vec<(u64, Vec<u8>)>, ClientError> {
        let (mut chunks, mut records) = (self.client.records(Offset(from), options), Vec::new());
        while let Some(chunk) = chunks.next_chunk().await? {
            records.extend(chunk.records.into_iter().map(|r| (r.offset.0, r.value.to_vec())));
        }
        Ok(records)
    }
}

fn code(error: ClientError) -> String {
    error.code().to_owned()
}

impl Door for Grpc {
    async fn append(&self, values: &[&[u8]], expected: Option<u64>) -> Coded<(u64, u64)> {
        let record = |value: &&[u8]| service::NewRecord::new(value.to_vec());
        let (records, expected_offset) =
            (values.iter().map(record).collect(), expected.map(Offset));
        let appended =
            self.client.append(Batch { records, expected_offset }).await.map_err(code)?;
        Ok((appended.first_offset.0, appended.last_offset.0))
    }

    async fn read(&self, offset: u64) -> Coded<Vec<u8>> {
        self.client.read(Offset(offset)).await.map(|record| record.value.to_vec()).map_err(code)
    }

    async fn range(&self, from: u64, to: u64) -> Coded<Vec<(u64, Vec<u8>)>> {
        let options = RecordsOptions { end: Some(Offset(to)), ..RecordsOptions::default() };
        self.collect(from, options).await.map_err(code)
    }

    async fn wait_for(&self, offset: u64) -> Coded<Vec<u8>> {
        let end = Some(Offset(offset + 1));
        let options = RecordsOptions { end, follow: true, ..RecordsOptions::default() };
        let records = self.collect(offset, options).await.map_err(code)?;
        Ok(records.into_iter().next().expect("a record").1)
    }

    async fn bounds(&self) -> (u64, u64) {
        let log = self.client.info(&[]).await.expect("told");
        (log.lowest.0, log.next.0)
    }

    /// This interface has no word for it.
    async fn truncate_before(&self, offset: u64) {
        self.server.log.truncate_before(Offset(offset)).await.expect("truncated");
    }
}
