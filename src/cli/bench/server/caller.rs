//! The clients of a benchmark: each makes one call at a time, and a few share a connection where the
//! protocol lets them.

use bytes::Bytes;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::Service;
use super::http::Poster;
use crate::cli::bench::workload::{Random, Workload};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::wire::v1;
use crate::wire::v1::log_client::LogClient;

/// Clients on one connection of gRPC: a server may allow as few as 100 calls at a time.
const CLIENTS_A_CONNECTION: u64 = 16;

/// Makes clients.
pub(super) enum Callers {
    Produce { connections: Vec<LogClient<Channel>>, value: Bytes },
    Consume { connections: Vec<LogClient<Channel>>, lowest: u64, n_records: u64 },
    Post { address: String, value: Bytes },
}

/// One client.
pub(super) enum Caller {
    Produce { calls: LogClient<Channel>, value: Bytes },
    Consume { calls: LogClient<Channel>, lowest: u64, n_records: u64, random: Random },
    Post(Box<Poster>),
}

impl Callers {
    pub(super) async fn connect(
        service: Service<'_>,
        workload: &Workload,
    ) -> anyhow::Result<Callers> {
        let value = || Bytes::from(workload.value());
        Ok(match service {
            Service::Produce(address) => {
                let connections = connections(address, workload.threads).await?;
                Callers::Produce { connections, value: value() }
            }
            Service::Post(address) => Callers::Post { address: address.to_owned(), value: value() },
            Service::Consume(address) => {
                let mut connections = connections(address, workload.threads).await?;
                let log = connections[0].get_log(v1::GetLogRequest::default()).await;
                let log = log.map_err(|status| failed(&status))?.into_inner();
                let (lowest, n_records) =
                    (log.lowest_offset, log.next_offset.saturating_sub(log.lowest_offset));
                if n_records == 0 {
                    let message = "the server's log is empty: there is nothing to read";
                    let failure = Failure::new(Exit::NotInLog, "offset_out_of_range", message);
                    return Err(failure.hint("run `proglog bench append --server` first").into());
                }
                Callers::Consume { connections, lowest, n_records }
            }
        })
    }

    /// The client of this number.
    pub(super) async fn caller(&self, client: u64) -> anyhow::Result<Caller> {
        let connection = |connections: &[LogClient<Channel>]| {
            connections[(client / CLIENTS_A_CONNECTION) as usize].clone()
        };
        Ok(match self {
            Callers::Produce { connections, value } => {
                Caller::Produce { calls: connection(connections), value: value.clone() }
            }
            Callers::Consume { connections, lowest, n_records } => Caller::Consume {
                calls: connection(connections),
                lowest: *lowest,
                n_records: *n_records,
                random: Random::new(client + 1),
            },
            Callers::Post { address, value } => {
                Caller::Post(Box::new(Poster::connect(address, value.clone()).await?))
            }
        })
    }
}

impl Caller {
    /// One call with one record; answers how many bytes its value has.
    pub(super) async fn call(&mut self) -> anyhow::Result<usize> {
        match self {
            Caller::Produce { calls, value } => {
                let record = v1::Record { value: value.clone(), ..v1::Record::default() };
                let request = v1::ProduceRequest { record: Some(record), expected_offset: None };
                calls.produce(request).await.map_err(|status| failed(&status))?;
                Ok(value.len())
            }
            Caller::Consume { calls, lowest, n_records, random } => {
                let offset = *lowest + random.below(*n_records);
                let request = v1::ConsumeRequest { offset };
                let answer = calls.consume(request).await.map_err(|status| failed(&status))?;
                Ok(answer.into_inner().record.map_or(0, |record| record.value.len()))
            }
            Caller::Post(poster) => poster.post().await,
        }
    }
}

async fn connections(address: &str, n_clients: u64) -> Result<Vec<LogClient<Channel>>, Failure> {
    let unreachable = |error: tonic::transport::Error| {
        let message = format!("can't reach {address}: {error}");
        Failure::new(Exit::Failed, "unavailable", message)
            .hint("see that the server runs and listens there for gRPC")
    };
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(unreachable)?;
    let endpoint = endpoint.tcp_nodelay(true);
    let mut connections = Vec::new();
    for _ in 0..n_clients.div_ceil(CLIENTS_A_CONNECTION) {
        let channel = endpoint.connect().await.map_err(unreachable)?;
        connections.push(LogClient::new(channel).max_decoding_message_size(usize::MAX));
    }
    Ok(connections)
}

fn failed(status: &Status) -> Failure {
    let message = format!("the server answered {:?}: {}", status.code(), status.message());
    Failure::new(Exit::Failed, "refused", message)
}
