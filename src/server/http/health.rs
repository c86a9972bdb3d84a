//! Whether the process runs (`/livez`), and whether it does its work (`/readyz`).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;

use super::App;
use super::error::{Problem, RequestError};
use crate::service::{CommitLog, ServiceError};

const OK: &str = "ok";

/// 200 as long as the process answers at all.
pub(super) async fn livez(request: Request) -> Result<&'static str, Problem> {
    Ok(look(&request, "/livez")?)
}

/// 200 if an append would be taken; else 503 with the reason.
pub(super) async fn readyz<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    request: Request,
) -> Result<&'static str, Problem> {
    let ok = look(&request, "/readyz")?;
    let stopping = app.shutdown.is_requested().then_some(ServiceError::Closed);
    match stopping.or_else(|| app.log.info().refusal) {
        Some(refusal) => Err(Problem::not_ready(&refusal)),
        None => Ok(ok),
    }
}

fn look(request: &Request, path: &'static str) -> Result<&'static str, RequestError> {
    match *request.method() {
        Method::GET | Method::HEAD => Ok(OK),
        ref method => {
            let (method, allow) = (method.to_string(), "GET, HEAD");
            Err(RequestError::MethodNotAllowed { method, path, allow })
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
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
        let mut router = router(Arc::new(log), &config, shutdown.clone());
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
