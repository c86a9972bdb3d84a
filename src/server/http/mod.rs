//! The HTTP interface: which path leads where, and what holds for every request.

mod accept;
mod admitted;
mod body;
mod error;
mod health;
mod metrics;
mod openapi;
mod origin;
mod original;
mod path;
mod query;
mod request_error;
mod request_log;
mod resource;
mod v1;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::{Router, middleware};
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use self::admitted::{Admitted, Gate};
use self::body::BodyLimits;
use self::origin::Origins;
use self::resource::Resource;
use self::v1::{Cursor, Wanted};
use super::admission::{Access, Action, Admission};
use super::answer_room::{AnswerRoom, Taken};
use super::timestamps::Timestamps;
use super::{ServerConfig, Shutdown};
use crate::service::{CommitLog, Offset, Record, ServiceError};
use crate::telemetry::Metrics;

/// What the handlers share.
#[derive(Debug)]
struct App<L> {
    log: Arc<L>,
    bodies: BodyLimits,
    admission: Admission,
    origins: Origins,
    timestamps: Timestamps,
    answers: Arc<AnswerRoom>,
    shutdown: Shutdown,
    metrics: Arc<Metrics>,
    /// The document that describes all routes.
    openapi: Bytes,
}

/// All routes over a log, for a listener at `address`. Every one comes from a [`Resource`], so every one is
/// documented.
pub(super) fn router<L: CommitLog>(
    log: Arc<L>,
    config: &ServerConfig,
    address: Option<SocketAddr>,
    metrics: &Arc<Metrics>,
    shutdown: Shutdown,
) -> Router {
    let (routes, api) = v1::add_to(common::<L>()).split_for_parts();
    let bodies = BodyLimits::new(config);
    let admission = Admission::by(config.protection.guard.clone());
    let (origins, timestamps) = (Origins::new(config, address), Timestamps::new(config));
    let answers = Arc::new(AnswerRoom::new(config.max_record_bytes, config.write_stall_timeout));
    let metrics = Arc::clone(metrics);
    let count = middleware::from_fn_with_state(Arc::clone(&metrics), request_log::answer_and_log);
    let openapi = openapi::document(&api);
    let app =
        App { log, bodies, admission, origins, timestamps, answers, shutdown, metrics, openapi };
    routes
        .fallback(Admitted { handler: path::elsewhere, access: Access::Known })
        .layer(count)
        .with_state(Arc::new(app))
}

/// The paths that belong to no version.
fn common<L: CommitLog>() -> OpenApiRouter<Arc<App<L>>> {
    let original = Resource::new()
        .with(original::__path_produce, original::produce::<L>, Access::Needs(Action::Produce))
        .with(original::__path_consume, original::consume::<L>, Access::Needs(Action::Consume));
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(original.routes())
        .routes(Resource::new().with(health::__path_livez, health::livez, Access::Open).routes())
        .routes(
            Resource::new()
                .with(health::__path_startupz, health::startupz::<L>, Access::Open)
                .routes(),
        )
        .routes(
            Resource::new().with(health::__path_readyz, health::readyz::<L>, Access::Open).routes(),
        )
        .routes(
            Resource::new()
                .with(
                    metrics::__path_metrics,
                    metrics::metrics::<L>,
                    Access::Needs(Action::Metrics),
                )
                .routes(),
        )
        .routes(
            Resource::new()
                .with(openapi::__path_openapi, openapi::openapi::<L>, Access::Known)
                .routes(),
        )
}

impl<L: CommitLog> App<L> {
    /// One record, with the room that an answer with it takes.
    async fn read(&self, offset: Offset) -> Result<(Record, Taken), ServiceError> {
        let read = || self.log.read(offset);
        self.answers.read(read, |record| 2 * record.memory_bytes()).await
    }

    fn cursor(&self, wanted: Wanted) -> Cursor<L> {
        Cursor::new(Arc::clone(&self.log), Some(Arc::clone(&self.answers)), wanted)
    }

    /// One for an answer that has taken its room already.
    fn cursor_with_room(&self, wanted: Wanted) -> Cursor<L> {
        Cursor::new(Arc::clone(&self.log), None, wanted)
    }
}

impl<L: CommitLog> Gate for Arc<App<L>> {
    fn admission(&self) -> &Admission {
        &self.admission
    }

    fn origins(&self) -> &Origins {
        &self.origins
    }

    fn starting(&self) -> Option<ServiceError> {
        self.log.starting()
    }

    async fn refuse<E: Send>(&self, request: Request, error: E) -> E {
        self.bodies.refuse(request, error).await
    }
}
