//! The HTTP interface: which path leads where, and what holds for every request.

mod accept;
mod body;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod go_json;
mod health;
mod metrics;
mod openapi;
mod original;
mod path;
mod query;
mod request_error;
mod request_log;
mod resource;
mod v1;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use self::body::BodyLimits;
use self::resource::Resource;
use super::{ServerConfig, Shutdown};
use crate::service::CommitLog;
use crate::telemetry::Metrics;

/// What the handlers share.
#[derive(Debug)]
struct App<L> {
    log: Arc<L>,
    bodies: BodyLimits,
    shutdown: Shutdown,
    metrics: Arc<Metrics>,
    /// The document that describes all routes.
    openapi: Bytes,
}

/// All routes over a log. Every one comes from a [`Resource`], so every one is documented.
pub(super) fn router<L: CommitLog>(
    log: Arc<L>,
    config: &ServerConfig,
    metrics: &Arc<Metrics>,
    shutdown: Shutdown,
) -> Router {
    let (routes, api) = v1::add_to(common::<L>()).split_for_parts();
    let bodies = BodyLimits::new(config);
    let metrics = Arc::clone(metrics);
    let count = middleware::from_fn_with_state(Arc::clone(&metrics), request_log::answer_and_log);
    let app = App { log, bodies, shutdown, metrics, openapi: openapi::document(&api) };
    routes.fallback(path::elsewhere).layer(count).with_state(Arc::new(app))
}

/// The paths that belong to no version.
fn common<L: CommitLog>() -> OpenApiRouter<Arc<App<L>>> {
    let original = Resource::new()
        .with(original::__path_produce, original::produce::<L>)
        .with(original::__path_consume, original::consume::<L>);
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(original.routes())
        .routes(Resource::new().with(health::__path_livez, health::livez).routes())
        .routes(Resource::new().with(health::__path_readyz, health::readyz::<L>).routes())
        .routes(Resource::new().with(metrics::__path_metrics, metrics::metrics::<L>).routes())
        .routes(Resource::new().with(openapi::__path_openapi, openapi::openapi::<L>).routes())
}
