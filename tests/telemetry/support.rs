//! A server with metrics in this process, and what asks it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proglog::log::{Log, LogConfig};
use proglog::server::{self, Listeners, ServerConfig, ShutdownTrigger};
use proglog::service::{self, DiskUse, LocalLog, LocalLogConfig, ProgressNote, Watermarks};
use proglog::telemetry::Metrics;
use proglog::wire::v1::log_client::LogClient;
use proglog::wire::v1::{ConsumeRequest, ProduceRequest, Record};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// After this long a test is lost, whatever it waits for.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) http: SocketAddr,
    grpc: SocketAddr,
    trigger: ShutdownTrigger,
    running: JoinHandle<()>,
    _dir: TempDir,
}

impl Server {
    /// With all that a server can be asked to show.
    pub(crate) async fn start() -> Server {
        let dir = tempfile::tempdir().expect("a directory");
        let metrics = Arc::new(Metrics::new());
        let (watched, marks) = (dir.path().to_owned(), Watermarks::new(95, 90).ok());
        metrics.watch_disk(move || Some(DiskUse::measure(&watched).ok()?.figures(marks)));
        metrics.watch_denials(|| 0, || 0);
        metrics.watch_certificate(|| Some(SystemTime::now()));
        let config = LogConfig {
            observer: Some(service::observer(&metrics, ProgressNote::default())),
            ..LogConfig::default()
        };
        let log = Log::open(&dir.path().join("log"), config).expect("a log");
        let log = LocalLog::start_metered(log, &LocalLogConfig::default(), &metrics);
        let log = Arc::new(log.expect("a storage thread"));
        let (http, http_address) = listener().await;
        let (grpc, grpc_address) = listener().await;
        let listeners = Listeners { http: Some(http), grpc: Some(grpc) };
        let (trigger, shutdown) = server::shutdown();
        let config = ServerConfig::for_records_of(1 << 20);
        let running = tokio::spawn(server::run_metered(listeners, log, config, metrics, shutdown));
        Server { http: http_address, grpc: grpc_address, trigger, running, _dir: dir }
    }

    /// Asks something of each kind.
    pub(crate) async fn use_all(&self) {
        for (method, path, status) in [
            ("POST", "/v1/records", 201),
            ("GET", "/v1/records/0", 200),
            ("BREW", "/v1/log", 405),
            ("GET", "/nowhere", 404),
        ] {
            assert_eq!(send(self.http, method, path, "*/*").await.status, status, "{path}");
        }
        let mut client =
            LogClient::connect(format!("http://{}", self.grpc)).await.expect("a client");
        let record = Some(Record { value: "value".into(), ..Record::default() });
        client.produce(ProduceRequest { record, ..Default::default() }).await.expect("appended");
        client.consume(ConsumeRequest { offset: 77 }).await.expect_err("out of range");
        let stream = client.consume_stream(ConsumeRequest { offset: 0 }).await.expect("a stream");
        drop(stream);
        self.counted("code=\"CANCELLED\"").await;
    }

    /// Waits until the metrics have it: a call is counted when the server has seen its end.
    async fn counted(&self, what: &str) {
        let until = async { while !scrape(self.http, "*/*").await.text.contains(what) {} };
        timeout(PATIENCE, until).await.expect(what);
    }

    pub(crate) async fn stop(self) {
        self.trigger.request();
        self.running.await.expect("it stops");
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

pub(crate) async fn scrape(server: SocketAddr, accept: &str) -> Answer {
    let answer = send(server, "GET", "/metrics", accept).await;
    assert_eq!(answer.status, 200);
    answer
}

/// One request, with a byte as its body, on a connection of its own.
async fn send(server: SocketAddr, method: &str, path: &str, accept: &str) -> Answer {
    send_with(server, method, path, &format!("Accept: {accept}\r\n")).await
}

/// Likewise, with some lines of headers.
pub(crate) async fn send_with(
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
) -> Answer {
    let mut stream = TcpStream::connect(server).await.expect("connected");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\
         Content-Length: 1\r\n\r\nx"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut bytes = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut bytes)).await.expect("in time").expect("text");
    let (head, text) = bytes.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let content_type = head.lines().find_map(|line| line.strip_prefix("content-type: "));
    let content_type = content_type.unwrap_or_default().to_owned();
    Answer { status, content_type, text: text.to_owned() }
}
