//! A service of gRPC that does with each call what a test wants, over an in-memory log.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures_util::{Stream, stream};
use proglog::wire::v1;
use proglog::wire::v1::log_server::{Log, LogServer};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What becomes of an append.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It is done and acknowledged.
    Done,
    /// It is done, but the answer is lost.
    DoneUnheard,
    /// It is done, and then nothing more is heard.
    DoneSilently,
    /// It is lost on the way.
    Lost,
    /// It is refused.
    Refused(Box<Status>),
    /// Nobody ever answers.
    Ignored,
}

/// Appends meet these fates, the last one first; then all are done.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    pub(crate) fates: Arc<Mutex<Vec<Fate>>>,
    pub(crate) records: Arc<Mutex<Vec<v1::Record>>>,
    pub(crate) n_appends: Arc<Mutex<u64>>,
    /// Told when an append is done silently.
    pub(crate) unheard: Arc<Notify>,
}

impl Fake {
    pub(crate) fn with(fates: impl IntoIterator<Item = Fate>) -> Fake {
        let mut fates: Vec<Fate> = fates.into_iter().collect();
        fates.reverse();
        Fake { fates: Arc::new(Mutex::new(fates)), ..Fake::default() }
    }

    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let service = LogServer::new(self.clone());
        let serving = tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::spawn(serving);
        address
    }

    pub(crate) fn values(&self) -> Vec<String> {
        let records = self.records.lock().expect("no panic");
        records.iter().map(|record| String::from_utf8_lossy(&record.value).into()).collect()
    }

    pub(crate) fn n_appends(&self) -> u64 {
        *self.n_appends.lock().expect("no panic")
    }

    fn append(&self, request: v1::ProduceBatchRequest) -> Result<v1::ProduceBatchResponse, Status> {
        let mut records = self.records.lock().expect("no panic");
        let next = records.len() as u64;
        if let Some(expected) = request.expected_offset.filter(|expected| *expected != next) {
            return Err(refusal(
                tonic::Code::FailedPrecondition,
                "OFFSET_MISMATCH",
                &[("expected", expected), ("next", next)],
            ));
        }
        for record in request.records {
            let offset = records.len() as u64;
            records.push(v1::Record { offset, ..record });
        }
        let durability = v1::Durability::Fsync.into();
        let last_offset = records.len() as u64 - 1;
        Ok(v1::ProduceBatchResponse { first_offset: next, last_offset, durability })
    }
}

/// As proglog's server refuses.
pub(crate) fn refusal(code: tonic::Code, reason: &str, numbers: &[(&str, u64)]) -> Status {
    use tonic_types::{ErrorDetails, StatusExt};
    let numbers = numbers.iter().map(|(name, number)| ((*name).to_owned(), number.to_string()));
    let mut details = ErrorDetails::with_error_info(
        reason,
        "proglog",
        numbers.collect::<std::collections::HashMap<_, _>>(),
    );
    if reason == "BUSY" {
        details.set_retry_info(Some(std::time::Duration::from_millis(1)));
    }
    Status::with_error_details(code, "no", details)
}

#[tonic::async_trait]
impl Log for Fake {
    type ProduceStreamStream = Answers<v1::ProduceResponse>;
    type ConsumeStreamStream = Answers<v1::ConsumeResponse>;
    type ConsumeBatchStream = Answers<v1::ConsumeBatchResponse>;

    async fn produce_batch(
        &self,
        request: Request<v1::ProduceBatchRequest>,
    ) -> Result<Response<v1::ProduceBatchResponse>, Status> {
        *self.n_appends.lock().expect("no panic") += 1;
        let fate = self.fates.lock().expect("no panic").pop().unwrap_or(Fate::Done);
        match fate {
            Fate::Done => self.append(request.into_inner()).map(Response::new),
            Fate::DoneUnheard => {
                self.append(request.into_inner())?;
                Err(Status::unavailable("the connection broke"))
            }
            Fate::DoneSilently => {
                self.append(request.into_inner())?;
                self.unheard.notify_one();
                std::future::pending().await
            }
            Fate::Lost => Err(Status::unavailable("the connection broke")),
            Fate::Refused(status) => Err(*status),
            Fate::Ignored => std::future::pending().await,
        }
    }

    async fn consume_batch(
        &self,
        request: Request<v1::ConsumeBatchRequest>,
    ) -> Result<Response<Self::ConsumeBatchStream>, Status> {
        let request = request.into_inner();
        let records = self.records.lock().expect("no panic").clone();
        let end = request.end_offset.unwrap_or(u64::MAX).min(records.len() as u64);
        let records = records[request.offset as usize..end as usize].to_vec();
        let message = v1::ConsumeBatchResponse { records, missing: Vec::new() };
        Ok(Response::new(Box::pin(stream::iter([Ok(message)]))))
    }

    async fn get_log(
        &self,
        _: Request<v1::GetLogRequest>,
    ) -> Result<Response<v1::GetLogResponse>, Status> {
        let next_offset = self.records.lock().expect("no panic").len() as u64;
        let durability = v1::Durability::Fsync.into();
        Ok(Response::new(v1::GetLogResponse { next_offset, durability, ..Default::default() }))
    }

    async fn consume(
        &self,
        _: Request<v1::ConsumeRequest>,
    ) -> Result<Response<v1::ConsumeResponse>, Status> {
        std::future::pending().await
    }

    async fn produce(
        &self,
        _: Request<v1::ProduceRequest>,
    ) -> Result<Response<v1::ProduceResponse>, Status> {
        Err(Status::unimplemented("produce"))
    }

    async fn produce_stream(
        &self,
        _: Request<Streaming<v1::ProduceRequest>>,
    ) -> Result<Response<Self::ProduceStreamStream>, Status> {
        Err(Status::unimplemented("produce_stream"))
    }

    async fn consume_stream(
        &self,
        _: Request<v1::ConsumeRequest>,
    ) -> Result<Response<Self::ConsumeStreamStream>, Status> {
        Err(Status::unimplemented("consume_stream"))
    }

    async fn get_servers(
        &self,
        _: Request<v1::GetServersRequest>,
    ) -> Result<Response<v1::GetServersResponse>, Status> {
        Err(Status::unimplemented("get_servers"))
    }
}
