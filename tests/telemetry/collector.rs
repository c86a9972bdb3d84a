//! A collector of traces in this process, which keeps what it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
pub(crate) struct Collector {
    received: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    pub(crate) async fn start() -> (Collector, SocketAddr) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let collector = Collector::default();
        let routes = Routes::new(TraceServiceServer::new(collector.clone()));
        let serving = axum::serve(listener, routes.prepare().into_axum_router());
        tokio::spawn(async move { serving.await.expect("it serves") });
        (collector, address)
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().expect("what was received");
        let resources = received.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// What the process calls itself.
    pub(crate) fn services(&self) -> Vec<String> {
        let received = self.received.lock().expect("what was received");
        let resources = received.iter().flat_map(|request| &request.resource_spans);
        let attributes =
            resources.flat_map(|resource| &resource.resource.as_ref().expect("one").attributes);
        let named = attributes.filter(|attribute| attribute.key == "service.name");
        named.map(|attribute| format!("{:?}", attribute.value)).collect()
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.received.lock().expect("what was received").push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
