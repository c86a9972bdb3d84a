//! Whether the process runs (`/livez`), has its log open (`/startupz`), and does its work (`/readyz`).

use std::sync::Arc;

use axum::extract::State;

use super::App;
use super::error::Problem;
use crate::service::{CommitLog, ServiceError};

const OK: &str = "ok";

/// Tell whether the process runs
#[utoipa::path(
    method(get, head),
    path = "/livez",
    tag = "server",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")),
)]
pub(super) async fn livez() -> &'static str {
    OK
}

/// Tell whether an append would be taken
#[utoipa::path(
    method(get, head),
    path = "/readyz",
    tag = "server",
    responses(
        (status = 200, description = "It would", body = String, content_type = "text/plain"),
        (status = 503, description = "It would not: the problem says why"),
    ),
)]
pub(super) async fn readyz<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
) -> Result<&'static str, Problem> {
    let stopping = app.shutdown.is_requested().then_some(ServiceError::Closed);
    problem(&app, stopping.or_else(|| app.log.info().refusal)).map_or(Ok(OK), Err)
}

/// Tell whether the log is open
#[utoipa::path(
    method(get, head),
    path = "/startupz",
    tag = "server",
    responses(
        (status = 200, description = "It is", body = String, content_type = "text/plain"),
        (status = 503, description = "It is being recovered: the problem says how far that is"),
    ),
)]
pub(super) async fn startupz<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
) -> Result<&'static str, Problem> {
    problem(&app, app.log.starting()).map_or(Ok(OK), Err)
}

fn problem<L>(app: &App<L>, refusal: Option<ServiceError>) -> Option<Problem> {
    let problem = Problem::not_ready(refusal?);
    // Where callers have to say who they are, others learn no more than a code.
    Some(if app.admission.is_guarded() { problem.brief() } else { problem })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use http_body_util::BodyExt;
    use tower::Service;

    use crate::log::{Log, LogConfig};
    use crate::server::http::router;
    use crate::server::{ServerConfig, Shutdown, shutdown};
    use crate::service::{LocalLog, LocalLogConfig};

    use super::*;

    async fn get(path: &str, shutdown: &Shutdown) -> (u16, String) {
        let config = ServerConfig::for_records_of(1000);
        let dir = tempfile::tempdir().expect("a directory");
        let log = Log::open(dir.path(), LogConfig::default()).expect("a log");
        let log = LocalLog::start(log, &LocalLogConfig::default()).expect("a storage thread");
        let mut router = router(Arc::new(log), &config, None, &Arc::default(), shutdown.clone());
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let Ok(response) = router.call(request).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn a_server_that_stops_is_alive_but_not_ready() {
        let (trigger, shutdown) = shutdown();
        assert_eq!(get("/readyz", &shutdown).await, (200, "ok".to_owned()));
        trigger.request();
        assert_eq!(get("/livez", &shutdown).await, (200, "ok".to_owned()));
        let (status, problem) = get("/readyz", &shutdown).await;
        assert_eq!(status, 503);
        assert!(problem.contains("\"code\":\"closed\""), "{problem}");
    }
}
