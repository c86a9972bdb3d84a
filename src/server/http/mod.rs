//! The HTTP interface: which path leads where, and what holds for every request.

mod body;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod go_json;
mod health;
mod original;
mod path;
mod request_log;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::any;

use self::body::BodyLimits;
use super::{ServerConfig, Shutdown};
use crate::service::CommitLog;

/// What the handlers share.
#[derive(Debug)]
struct App<L> {
    log: Arc<L>,
    bodies: BodyLimits,
    shutdown: Shutdown,
}

/// All routes over a log. Each path takes any method and refuses the wrong ones itself: axum would
/// answer a HEAD by GET's handler, and a 405 without a word of why.
pub(super) fn router<L: CommitLog>(
    log: Arc<L>,
    config: &ServerConfig,
    shutdown: Shutdown,
) -> Router {
    let app = App { log, bodies: BodyLimits::new(config), shutdown };
    Router::new()
        .route("/", any(original::handle::<L>))
        .route("/livez", any(health::livez))
        .route("/readyz", any(health::readyz::<L>))
        .fallback(path::elsewhere)
        .layer(middleware::from_fn(request_log::answer_and_log))
        .with_state(Arc::new(app))
}
