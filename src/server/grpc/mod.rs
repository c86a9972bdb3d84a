//! The gRPC interface: which services there are, and what holds for every call.
//!
//! `log.v1.Log` as `proto/log/v1/log.proto` says, `grpc.health.v1.Health`, and reflection in both of
//! its versions, since clients ask for one or the other.

mod access;
mod call;
mod consume;
mod counted;
mod gather;
mod health;
mod log_service;
mod messages;
mod produce;
mod reflection;
mod status;

use std::sync::Arc;

use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::service::Routes;

use self::counted::Counting;
use self::health::HealthService;
use self::log_service::LogService;
use self::messages::MessageLimits;
use super::admission::Admission;
use super::answer_room::AnswerRoom;
use super::timestamps::Timestamps;
use super::{ServerConfig, Shutdown};
use crate::service::CommitLog;
use crate::telemetry::Metrics;
use crate::wire::v1::log_server::LogServer;

pub(super) use self::call::Calls;

/// Room in a message beside one record's value, key and headers.
const MESSAGE_SLACK_BYTES: u64 = 64 * 1024;

/// A message may have so many bytes whatever a record may have: that of a batch of small records.
const MIN_MESSAGE_BYTES: u64 = 4 << 20;

/// All services over a log.
pub(super) fn calls<L: CommitLog>(
    log: Arc<L>,
    config: &ServerConfig,
    listener: &TcpListener,
    metrics: &Metrics,
    shutdown: Shutdown,
) -> Calls<L> {
    let address = listener.local_addr().map_or_else(|_| String::new(), |addr| addr.to_string());
    let max_message_bytes = max_message_bytes(config.max_record_bytes);
    let limits = Arc::new(MessageLimits::new(config, max_message_bytes));
    let timestamps = Timestamps::new(config);
    let answers = Arc::new(AnswerRoom::new(config.max_record_bytes, config.write_stall_timeout));
    let health = HealthService::server(Arc::clone(&log), shutdown.clone());
    let service = LogService {
        log: Arc::clone(&log),
        answers,
        limits: Arc::clone(&limits),
        timestamps,
        address,
        shutdown,
    };
    let methods = LogServer::new(service)
        .max_decoding_message_size(max_message_bytes)
        .max_encoding_message_size(usize::MAX)
        .accept_compressed(Gzip)
        .send_compressed(Gzip);
    Calls {
        log,
        methods,
        others: reflection::add_to(Routes::new(health)).prepare().into_axum_router(),
        admission: Admission::by(config.protection.guard.clone()),
        limits,
        counting: Counting::by(metrics),
    }
}

fn max_message_bytes(max_record_bytes: u64) -> usize {
    let bytes = max_record_bytes.max(MIN_MESSAGE_BYTES).saturating_add(MESSAGE_SLACK_BYTES);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
