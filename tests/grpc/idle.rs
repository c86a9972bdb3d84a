//! Connections without a call are closed, so that they don't keep others out; those with one are not.

use std::time::Duration;

use futures_util::StreamExt;
use proglog::log::DEFAULT_MAX_RECORD_BYTES;
use proglog::server::ServerConfig;
use proglog::wire::v1;

use crate::support::{Client, Server, produce, within_patience};

/// A server that has room for so many connections, and closes idle ones soon.
async fn server_with(max_connections: usize) -> Server {
    let idle_timeout = Duration::from_millis(100);
    let limits = ServerConfig::for_records_of(DEFAULT_MAX_RECORD_BYTES);
    Server::with_limits(ServerConfig { max_connections, idle_timeout, ..limits }).await
}

async fn append(client: &mut Client) -> u64 {
    let appended = within_patience(client.produce(produce("x"))).await.expect("appended");
    appended.into_inner().offset
}

#[tokio::test]
async fn a_connection_without_a_call_makes_room_and_its_client_comes_back() {
    let server = server_with(1).await;
    let mut clients = [server.client().await, server.client().await];
    for round in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(append(client).await, 2 * round + number as u64);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn an_open_call_keeps_its_connection() {
    let server = server_with(2).await;
    let mut follower = server.client().await;
    let followed = follower.consume_stream(v1::ConsumeRequest { offset: 0 }).await;
    let mut followed = followed.expect("a stream").into_inner();
    // Each of them has to wait until the one before was idle for too long.
    for offset in 0..3 {
        assert_eq!(append(&mut server.client().await).await, offset);
        let record = within_patience(followed.next()).await.expect("it goes on");
        assert_eq!(record.expect("a record").record.expect("one").offset, offset);
    }
    server.stop().await;
}
