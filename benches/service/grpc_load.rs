//! Clients of gRPC, made from the messages alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use proglog::wire::v1;
use proglog::wire::v1::log_client::LogClient;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use crate::echo::RECORDS_A_MESSAGE;
use crate::servers::{VALUE_BYTES, value};

/// Calls go over so many connections.
const N_CONNECTIONS: usize = 4;

type Client = LogClient<Channel>;

async fn connect(address: SocketAddr) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let endpoint = endpoint
        .tcp_nodelay(true)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(2 << 20);
    let client = LogClient::new(endpoint.connect().await.expect("connected"));
    client.max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX)
}

fn record() -> v1::Record {
    v1::Record { value: value(), ..v1::Record::default() }
}

fn request() -> v1::ProduceRequest {
    v1::ProduceRequest { record: Some(record()), expected_offset: None }
}

/// Calls of `Produce` a second, so many at a time.
pub(crate) async fn produces(address: SocketAddr, n_in_flight: usize, until: Instant) -> f64 {
    let mut callers = JoinSet::new();
    let mut clients = Vec::new();
    for _ in 0..N_CONNECTIONS.min(n_in_flight) {
        clients.push(connect(address).await);
    }
    for number in 0..n_in_flight {
        let mut client = clients[number % clients.len()].clone();
        callers.spawn(async move {
            let (request, mut n_answers) = (request(), 0_u64);
            while Instant::now() < until {
                client.produce(request.clone()).await.expect("answered");
                n_answers += 1;
            }
            n_answers
        });
    }
    let start = Instant::now();
    let n_answers: u64 = callers.join_all().await.into_iter().sum();
    n_answers as f64 / start.elapsed().as_secs_f64()
}

/// Records a second through one `ProduceStream` that has so many under way.
pub(crate) async fn produce_stream(address: SocketAddr, n_in_flight: usize, until: Instant) -> f64 {
    let mut client = connect(address).await;
    let room = Arc::new(Semaphore::new(n_in_flight));
    let taking = Arc::clone(&room);
    let requests = stream::unfold((taking, request()), move |(room, request)| async move {
        room.acquire().await.expect("open").forget();
        (Instant::now() < until).then(|| (request.clone(), (room, request)))
    });
    let answers = client.produce_stream(requests).await.expect("a stream");
    let (mut answers, mut n_answers) = (answers.into_inner(), 0_u64);
    let start = Instant::now();
    while let Some(answer) = answers.next().await {
        answer.expect("acknowledged");
        room.add_permits(1);
        n_answers += 1;
    }
    n_answers as f64 / start.elapsed().as_secs_f64()
}

/// Bytes of values a second through calls of `ProduceBatch`, so many at a time.
pub(crate) async fn produce_batches(
    address: SocketAddr,
    n_in_flight: usize,
    until: Instant,
) -> f64 {
    let mut callers = JoinSet::new();
    for _ in 0..n_in_flight {
        let mut client = connect(address).await;
        callers.spawn(async move {
            let records = vec![record(); RECORDS_A_MESSAGE];
            let (request, mut n_answers) =
                (v1::ProduceBatchRequest { records, expected_offset: None }, 0_u64);
            while Instant::now() < until {
                client.produce_batch(request.clone()).await.expect("answered");
                n_answers += 1;
            }
            n_answers
        });
    }
    let start = Instant::now();
    let n_answers: u64 = callers.join_all().await.into_iter().sum();
    (n_answers as usize * RECORDS_A_MESSAGE * VALUE_BYTES) as f64 / start.elapsed().as_secs_f64()
}

/// Bytes of values a second that `ConsumeBatch` gives, read again and again.
pub(crate) async fn consume_batches(address: SocketAddr, until: Instant) -> f64 {
    let mut client = connect(address).await;
    let request = v1::ConsumeBatchRequest {
        max_records: RECORDS_A_MESSAGE as u32,
        max_bytes: 2 << 20,
        ..v1::ConsumeBatchRequest::default()
    };
    let (start, mut n_records) = (Instant::now(), 0);
    while Instant::now() < until {
        let messages = client.consume_batch(request).await.expect("a stream");
        let mut messages = messages.into_inner();
        while let Some(message) = messages.next().await {
            n_records += message.expect("records").records.len();
            if Instant::now() >= until {
                break;
            }
        }
    }
    (n_records * VALUE_BYTES) as f64 / start.elapsed().as_secs_f64()
}
