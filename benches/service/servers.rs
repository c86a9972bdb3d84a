//! All servers that are measured, each at an address of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use proglog::log::{Log, LogConfig, SyncPolicy};
use proglog::server::{self, Listeners, ServerConfig};
use proglog::service::{Batch, CommitLog, LocalLog, LocalLogConfig, NewRecord};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::echo;

/// How many bytes the value of each record has.
pub(crate) const VALUE_BYTES: usize = 1024;

/// How many records there are to be read.
const N_READ: usize = 300_000;

/// Running servers. They stop when this is dropped, and their logs are removed.
pub(crate) struct Servers {
    pub(crate) echo_http: SocketAddr,
    pub(crate) echo_grpc: SocketAddr,
    /// Syncs before it answers.
    pub(crate) durable: Addresses,
    /// Leaves syncing to the system.
    pub(crate) relaxed: Addresses,
    /// Has records to be read.
    pub(crate) filled: Addresses,
    dir: PathBuf,
    _runtime: Runtime,
}

#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
}

pub(crate) fn value() -> Bytes {
    (0..VALUE_BYTES).map(|at| (at * 7 + at / 251) as u8).collect::<Vec<_>>().into()
}

impl Servers {
    pub(crate) fn start() -> Servers {
        let runtime = runtime();
        let parent = std::env::var_os("PROGLOG_BENCH_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        let dir = parent.join(format!("proglog-bench-service-{}", std::process::id()));
        let servers = runtime.block_on(async {
            let (http, echo_http) = bind().await;
            tokio::spawn(echo::http(http));
            let (grpc, echo_grpc) = bind().await;
            tokio::spawn(echo::grpc(grpc, value()));
            let durable = serve(&dir.join("durable"), SyncPolicy::Always, 0).await;
            let relaxed = serve(&dir.join("relaxed"), SyncPolicy::Never, 0).await;
            let filled = serve(&dir.join("filled"), SyncPolicy::Never, N_READ).await;
            (echo_http, echo_grpc, durable, relaxed, filled)
        });
        let (echo_http, echo_grpc, durable, relaxed, filled) = servers;
        Servers { echo_http, echo_grpc, durable, relaxed, filled, dir, _runtime: runtime }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// As many threads as there are processors, as a server has them.
pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

async fn serve(dir: &Path, sync: SyncPolicy, n_records: usize) -> Addresses {
    let config = LogConfig { sync, ..LogConfig::default() };
    let server_config = ServerConfig::for_records_of(config.max_record_bytes);
    let log = Log::open(dir, config).expect("a log");
    let log = LocalLog::start(log, &LocalLogConfig::default()).expect("a storage thread");
    for _ in 0..n_records / echo::RECORDS_A_MESSAGE {
        let records = vec![NewRecord::new(value()); echo::RECORDS_A_MESSAGE];
        log.append(Batch { records, expected_offset: None }).await.expect("appended");
    }
    let (http, http_address) = bind().await;
    let (grpc, grpc_address) = bind().await;
    let listeners = Listeners { http: Some(http), grpc: Some(grpc) };
    tokio::spawn(async {
        let (_trigger, shutdown) = server::shutdown();
        server::run(listeners, Arc::new(log), server_config, shutdown).await;
    });
    Addresses { http: http_address, grpc: grpc_address }
}
