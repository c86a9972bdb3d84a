//! The gRPC interface: the service `log.v1.Log`.

use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

use super::{ServerConfig, Shutdown};
use crate::service::CommitLog;

/// All services over a log.
pub(super) fn router<L: CommitLog>(
    _log: Arc<L>,
    _config: &ServerConfig,
    _listener: &TcpListener,
    _shutdown: Shutdown,
) -> Router {
    Router::new()
}
