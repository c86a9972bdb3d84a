//! The loop that takes connections, bounds their number, and stops them in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{ServerConfig, Shutdown, connection, http};
use crate::service::CommitLog;

/// How long taking connections pauses when the system is out of something.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(500);

/// Serves HTTP on `listener` until the shutdown is requested and done, as the module says. The log
/// stays open: closing it is the caller's, afterwards.
pub async fn run<L: CommitLog>(
    listener: TcpListener,
    log: Arc<L>,
    config: ServerConfig,
    mut shutdown: Shutdown,
) {
    let router = http::router(log, &config, shutdown.clone());
    let config = Arc::new(config);
    let free = Arc::new(Semaphore::new(config.max_connections));
    let mut connections = JoinSet::new();
    loop {
        let (stream, permit) = tokio::select! {
            () = shutdown.requested() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &free) => accepted,
        };
        let (router, config, shutdown) = (router.clone(), Arc::clone(&config), shutdown.clone());
        connections.spawn(async move {
            connection::serve(stream, router, &config, shutdown).await;
            drop(permit);
        });
    }
    drop(listener);
    drain(connections, config.grace).await;
}

/// The next connection, once there is room for one. Errors are the client's, or pass.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    let permit = match Arc::clone(free).acquire_owned().await {
        Ok(permit) => permit,
        // Nobody closes the semaphore.
        Err(_) => std::future::pending().await,
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
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
