//! The loop that takes connections, bounds their number, and stops them in order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::per_address::PerAddress;
use super::{ServerConfig, Shutdown, connection, grpc, http};
use crate::service::CommitLog;
use crate::telemetry::{Metrics, Protocol};

/// How long taking connections pauses when the system is out of something.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(500);

/// Where a server listens; an interface without a listener is not served.
#[derive(Debug, Default)]
pub struct Listeners {
    /// For HTTP.
    pub http: Option<TcpListener>,
    /// For gRPC.
    pub grpc: Option<TcpListener>,
}

/// Serves until the shutdown is requested and done, as the module says. The log stays open: closing
/// it is the caller's, afterwards.
pub async fn run<L: CommitLog>(
    listeners: Listeners,
    log: Arc<L>,
    config: ServerConfig,
    shutdown: Shutdown,
) {
    run_metered(listeners, log, config, Arc::default(), shutdown).await;
}

/// Like [`run`], with metrics that others add to as well. `GET /metrics` shows them.
pub async fn run_metered<L: CommitLog>(
    listeners: Listeners,
    log: Arc<L>,
    config: ServerConfig,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
) {
    let config = Arc::new(config);
    let http = async {
        let Some(listener) = listeners.http else { return };
        let address = listener.local_addr().ok();
        let router = http::router(Arc::clone(&log), &config, address, &metrics, shutdown.clone());
        take_connections(listener, &config, shutdown.clone(), |stream, config, shutdown| {
            let open = metrics.requests.connected(Protocol::Http);
            let served = connection::serve_http(stream, router.clone(), config, shutdown);
            served.inspect(move |()| drop(open))
        })
        .await;
    };
    let grpc = async {
        let Some(listener) = listeners.grpc else { return };
        let calls = grpc::calls(Arc::clone(&log), &config, &listener, &metrics, shutdown.clone());
        let calls = Arc::new(calls);
        take_connections(listener, &config, shutdown.clone(), |stream, config, shutdown| {
            let open = metrics.requests.connected(Protocol::Grpc);
            let served = connection::serve_grpc(stream, Arc::clone(&calls), config, shutdown);
            served.inspect(move |()| drop(open))
        })
        .await;
    };
    tokio::join!(http, grpc);
}

/// Takes connections and serves each by `serve`, until the shutdown is requested and done.
async fn take_connections<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    config: &Arc<ServerConfig>,
    mut shutdown: Shutdown,
    serve: impl Fn(TcpStream, Arc<ServerConfig>, Shutdown) -> F,
) {
    let free = Arc::new(Semaphore::new(config.max_connections));
    let per_address = PerAddress::new(config.max_connections_per_address);
    let mut connections = JoinSet::new();
    loop {
        let (stream, address, permit) = tokio::select! {
            () = shutdown.requested() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &free) => accepted,
        };
        let Some(place) = per_address.take(address.ip()) else {
            tracing::debug!(%address, "a connection too many from there is closed");
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "can't turn off the delay of small answers");
        }
        let served = serve(stream, Arc::clone(config), shutdown.clone());
        connections.spawn(async move {
            served.await;
            drop((permit, place));
        });
    }
    drop(listener);
    drain(connections, config.grace).await;
}

/// The next connection, once there is room for one. Errors are the client's, or pass.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let permit = match Arc::clone(free).acquire_owned().await {
        Ok(permit) => permit,
        // Nobody closes the semaphore.
        Err(_) => std::future::pending().await,
    };
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address, permit),
            Err(error) if is_of_one_client(&error) => {
                tracing::debug!(%error, "a connection was gone before it was taken");
            }
            Err(error) => {
                tracing::warn!(
                    %error,
                    "can't take connections; trying again shortly (too many open files? see `ulimit -n`)"
                );
                sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

/// Whether an error of `accept` is about one connection. Any other one, such as too many open files,
/// would come again at once: it needs a pause.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

async fn drain(mut connections: JoinSet<()>, grace: Duration) {
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(grace, all).await.is_err() {
        let n_connections = connections.len();
        tracing::warn!(
            n_connections,
            ?grace,
            "connections are dropped, since the grace period is over"
        );
        connections.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_one_client_are_passed_over_without_a_pause() {
        assert!(is_of_one_client(&io::ErrorKind::ConnectionAborted.into()));
        let too_many_open_files = io::Error::from_raw_os_error(24);
        assert!(!is_of_one_client(&too_many_open_files));
    }
}
