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
