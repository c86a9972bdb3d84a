//! What every gRPC server has: health, reflection, compression when asked for.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use hyper::Uri;
use proglog::log::{Log, LogConfig};
use proglog::server::{self, Listeners, ServerConfig};
use proglog::service::{LocalLog, LocalLogConfig, ProgressNote, StartingLog};
use proglog::wire::v1;
use proglog::wire::v1::log_client::LogClient;
use tokio::net::TcpListener;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::{Server, produce, within_patience};

fn asking(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn health_follows_the_log_and_the_server() {
    let server = Server::start().await;
    let mut health = HealthClient::new(server.channel().await);
    for service in ["", "log.v1.Log"] {
        let answer = health.check(asking(service)).await.expect("checked").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = health.check(asking("log.v1.Lag")).await.expect_err("no such service");
    assert_eq!(unknown.code(), Code::NotFound);
    let mut watching = health.watch(asking("")).await.expect("watching").into_inner();
    let mut next = async || {
        within_patience(watching.next()).await.expect("a status").expect("a status").status()
    };
    assert_eq!(next().await, ServingStatus::Serving);
    server.log.close().await.expect("closed");
    assert_eq!(next().await, ServingStatus::NotServing);
    let closed = health.check(asking("")).await.expect("checked").into_inner();
    assert_eq!(closed.status(), ServingStatus::NotServing);
    drop(watching);
    server.stop().await;
}

#[tokio::test]
async fn reflection_names_the_services() {
    let server = Server::start().await;
    let mut reflection = ServerReflectionClient::new(server.channel().await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection.server_reflection_info(stream::iter([request])).await;
    let answer = answers.expect("answered").into_inner().next().await.expect("one").expect("one");
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("a list: {answer:?}")
    };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"log.v1.Log") && names.contains(&"grpc.health.v1.Health"), "{names:?}");
    server.stop().await;
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_compress() {
    let server = Server::start().await;
    let gzip = CompressionEncoding::Gzip;
    let mut client = server.client().await.send_compressed(gzip).accept_compressed(gzip);
    let value = "again and again ".repeat(1000);
    let offset = client.produce(produce(&value)).await.expect("appended").into_inner().offset;
    let read = client.consume(v1::ConsumeRequest { offset }).await.expect("read");
    let said = read.metadata().get("grpc-encoding").map(|name| name.as_bytes().to_vec());
    assert_eq!(said.as_deref(), Some(&b"gzip"[..]));
    assert_eq!(read.into_inner().record.expect("a record").value, value);
    let mut accepting = server.client().await.accept_compressed(CompressionEncoding::Gzip);
    let read = accepting.consume(v1::ConsumeRequest { offset: 0 }).await.expect("read");
    assert_eq!(read.metadata().get("grpc-encoding"), None);
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let server = Server::start().await;
    let mut client = tonic::client::Grpc::new(server.channel().await);
    let codec = tonic_prost::ProstCodec::<v1::ConsumeRequest, v1::ConsumeResponse>::default();
    for path in ["/log.v1.Log/Nothing", "/log.v2.Log/Consume"] {
        let uri = Uri::from_static(path).into_parts().path_and_query.expect("a path");
        let request = tonic::Request::new(v1::ConsumeRequest { offset: 0 });
        client.ready().await.expect("ready");
        let answer = client.unary(request, uri, codec.clone()).await;
        assert_eq!(answer.expect_err("no such method").code(), Code::Unimplemented, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn health_and_calls_wait_for_a_log_that_is_being_recovered() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = LogConfig::default();
    let log = Arc::new(StartingLog::<LocalLog>::new(&config, ProgressNote::default()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (trigger, shutdown) = server::shutdown();
    let listeners = Listeners { grpc: Some(listener), ..Listeners::default() };
    let limits = ServerConfig::for_records_of(config.max_record_bytes);
    let running = tokio::spawn(server::run(listeners, Arc::clone(&log), limits, shutdown));
    let channel = Endpoint::from_shared(address).expect("an address").connect().await;
    let channel = channel.expect("connected");
    let mut health = HealthClient::new(channel.clone());
    let mut watching = health.watch(asking("")).await.expect("watching").into_inner();
    let mut next = async || {
        within_patience(watching.next()).await.expect("a status").expect("a status").status()
    };
    assert_eq!(next().await, ServingStatus::NotServing);
    let mut client = LogClient::new(channel);
    let request = v1::ConsumeBatchRequest { offset: 7, ..v1::ConsumeBatchRequest::default() };
    let refused = client.consume_batch(request).await.expect_err("it isn't open");
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    let opened = Log::open(dir.path(), config).expect("a log");
    let opened = LocalLog::start(opened, &LocalLogConfig::default()).expect("a storage thread");
    assert!(log.open(opened).is_ok(), "it is the first");
    assert_eq!(next().await, ServingStatus::Serving);
    let appended = client.produce(produce("value")).await.expect("appended").into_inner();
    assert_eq!(appended.offset, 0);
    drop((watching, client, health));
    trigger.request();
    within_patience(running).await.expect("the server ends well");
}
