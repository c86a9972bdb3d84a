//! `grpc.health.v1.Health`: the log serves as long as it takes appends and the server doesn't stop.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use tonic::server::NamedService;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::status::status;
use crate::server::Shutdown;
use crate::service::{CommitLog, ServiceError};
use crate::wire::v1::log_server::LogServer;

/// See the module's docs.
pub(super) struct HealthService<L> {
    log: Arc<L>,
    shutdown: Shutdown,
}

impl<L: CommitLog> HealthService<L> {
    pub(super) fn server(log: Arc<L>, shutdown: Shutdown) -> HealthServer<HealthService<L>> {
        HealthServer::new(HealthService { log, shutdown })
    }

    /// The whole server and its one service are asked by name; `None` for any other.
    fn status_of(&self, service: &str) -> Option<ServingStatus> {
        let is_known = service.is_empty() || service == LogServer::<()>::NAME;
        let is_ready = !self.shutdown.is_requested() && self.log.info().refusal.is_none();
        is_known.then_some(if is_ready {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        })
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl<L: CommitLog> Health for HealthService<L> {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        let unknown = || Status::not_found(format!("there is no service `{service}`"));
        self.status_of(&service).map(|status| Response::new(response(status))).ok_or_else(unknown)
    }

    /// The status now and whenever it changes, until the server stops.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let now = self.status_of(&request.into_inner().service);
        let first = now.unwrap_or(ServingStatus::ServiceUnknown);
        let watching =
            Watching { log: Arc::clone(&self.log), shutdown: self.shutdown.clone(), told: first };
        let changes = stream::unfold(Some(watching), |watching| async move {
            let mut watching = watching?;
            match watching.next().await {
                Some(status) => Some((Ok(response(status)), Some(watching))),
                None => Some((Err(status(&ServiceError::Closed)), None)),
            }
        });
        let statuses = stream::iter([Ok(response(first))]).chain(changes);
        Ok(Response::new(Box::pin(statuses)))
    }
}

/// What one who watches was told last.
struct Watching<L> {
    log: Arc<L>,
    shutdown: Shutdown,
    told: ServingStatus,
}

impl<L: CommitLog> Watching<L> {
    /// The next status that is another one; `None` once the server stops and that is told.
    async fn next(&mut self) -> Option<ServingStatus> {
        let next = match self.told {
            ServingStatus::Serving => {
                tokio::select! {
                    () = self.shutdown.requested() => {}
                    _ = self.log.refused() => {}
                }
                ServingStatus::NotServing
            }
            ServingStatus::NotServing if !self.shutdown.is_requested() => {
                tokio::select! {
                    () = self.shutdown.requested() => return None,
                    () = self.log.ready() => ServingStatus::Serving,
                }
            }
            // There is no such service, and there won't be.
            _ => {
                self.shutdown.requested().await;
                return None;
            }
        };
        self.told = next;
        Some(next)
    }
}
