//! A handler behind the decision who may ask it.

use std::pin::Pin;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};

use super::error::Problem;
use super::origin::Origins;
use super::request_error::RequestError;
use crate::security::Refusal;
use crate::server::admission::{Access, Admission};
use crate::service::ServiceError;

/// A handler, and who may ask it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted<H> {
    pub(super) handler: H,
    pub(super) access: Access,
}

/// What lets requests in, and takes leave of the others.
pub(super) trait Gate {
    fn admission(&self) -> &Admission;

    fn origins(&self) -> &Origins;

    /// Why nothing can be asked of the log yet, if that is so.
    fn starting(&self) -> Option<ServiceError>;

    /// Gives the refusal back once the client had the occasion to send what goes with it.
    fn refuse<E: Send>(&self, request: Request, error: E) -> impl Future<Output = E> + Send;
}

impl<H, T, S> Handler<T, S> for Admitted<H>
where
    H: Handler<T, S>,
    T: 'static,
    S: Gate + Clone + Send + Sync + 'static,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, state: S) -> Self::Future {
        Box::pin(async move {
            let admitted = state.origins().check(&request).and_then(|()| {
                state.admission().admit(self.access, &request).map_err(RequestError::from)
            });
            let admitted = match admitted {
                Ok(admitted) => admitted,
                Err(error) => {
                    let error = state.refuse(request, error).await;
                    return Problem::from(error).into_response();
                }
            };
            if self.access.asks_the_log()
                && let Some(starting) = state.starting()
            {
                return Problem::from(state.refuse(request, starting).await).into_response();
            }
            let response = self.handler.call(request, state).await;
            admitted.hold(response, |_| None)
        })
    }
}

impl From<Refusal> for RequestError {
    fn from(refusal: Refusal) -> RequestError {
        match refusal {
            Refusal::Unauthenticated(_) => RequestError::Unauthenticated,
            Refusal::Denied(_) => RequestError::PermissionDenied,
        }
    }
}
