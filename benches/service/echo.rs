//! The floors: servers of the same frameworks that do nothing with what they are sent.

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use proglog::wire::v1;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, Streaming};

/// What a message with records holds in both directions.
pub(crate) const RECORDS_A_MESSAGE: usize = 1000;

/// Answers each POST with its body.
pub(crate) async fn http(listener: TcpListener) {
    let router = Router::new().route("/v1/records", post(async |body: Bytes| body));
    axum::serve(listener, router).await.expect("it serves");
}

/// Answers as a log would, without one.
pub(crate) async fn grpc(listener: TcpListener, value: Bytes) {
    let record = v1::Record { value, ..v1::Record::default() };
    let message = Arc::new(vec![record; RECORDS_A_MESSAGE]);
    let service = v1::log_server::LogServer::new(Echo { records: message })
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX);
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    tonic::transport::Server::builder()
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(2 << 20)
        .add_service(service)
        .serve_with_incoming(incoming)
        .await
        .expect("it serves");
}

struct Echo {
    records: Arc<Vec<v1::Record>>,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl v1::log_server::Log for Echo {
    type ConsumeStreamStream = Answers<v1::ConsumeResponse>;
    type ProduceStreamStream = Answers<v1::ProduceResponse>;
    type ConsumeBatchStream = Answers<v1::ConsumeBatchResponse>;

    async fn produce(
        &self,
        _: Request<v1::ProduceRequest>,
    ) -> Result<Response<v1::ProduceResponse>, Status> {
        Ok(Response::new(v1::ProduceResponse::default()))
    }

    async fn produce_stream(
        &self,
        request: Request<Streaming<v1::ProduceRequest>>,
    ) -> Result<Response<Self::ProduceStreamStream>, Status> {
        let answers = request.into_inner().map(|request| {
            request?;
            Ok(v1::ProduceResponse::default())
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn produce_batch(
        &self,
        request: Request<v1::ProduceBatchRequest>,
    ) -> Result<Response<v1::ProduceBatchResponse>, Status> {
        drop(request);
        Ok(Response::new(v1::ProduceBatchResponse::default()))
    }

    async fn consume_batch(
        &self,
        _: Request<v1::ConsumeBatchRequest>,
    ) -> Result<Response<Self::ConsumeBatchStream>, Status> {
        let records = Arc::clone(&self.records);
        let messages = stream::repeat_with(move || {
            Ok(v1::ConsumeBatchResponse { records: (*records).clone(), missing: Vec::new() })
        });
        Ok(Response::new(Box::pin(messages)))
    }

    async fn consume(
        &self,
        _: Request<v1::ConsumeRequest>,
    ) -> Result<Response<v1::ConsumeResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn consume_stream(
        &self,
        _: Request<v1::ConsumeRequest>,
    ) -> Result<Response<Self::ConsumeStreamStream>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn get_servers(
        &self,
        _: Request<v1::GetServersRequest>,
    ) -> Result<Response<v1::GetServersResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn get_log(
        &self,
        _: Request<v1::GetLogRequest>,
    ) -> Result<Response<v1::GetLogResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}
