//! Streams go on only as long as their caller may have more.

use proglog::client::{Client, ClientConfig, RecordsOptions, RetryConfig, Token};
use proglog::security::Reload;
use proglog::service::{Batch, CommitLog, NewRecord, Offset};
use proglog::wire::v1;
use tokio::time::timeout;

use crate::callers::{Callers, now_s, write};
use crate::server::{Caller, Mode, PATIENCE, Server};

const POLICY: &str = "p, root, *, produce\np, root, *, consume\n";
const TOKENS: Mode = Mode { certificates: false, tokens: true };

async fn client(server: &Server, callers: &Callers, token: &str) -> Client {
    let tls = Some(Caller::new(server, callers, None, None).tls);
    let token = Some(Token::fixed(token).expect("a token"));
    let retry = RetryConfig { total: std::time::Duration::ZERO, ..RetryConfig::default() };
    let config = ClientConfig { tls, token, retry, ..ClientConfig::default() };
    let address = format!("localhost:{}", server.grpc.port());
    Client::connect(&address, config).await.expect("connected")
}

/// Appends until a follower is refused, and tells as what. `meanwhile` comes once it has had a record.
async fn followed_until_refused(
    server: &Server,
    client: &Client,
    meanwhile: impl FnOnce(),
) -> String {
    let options = RecordsOptions { follow: true, ..RecordsOptions::default() };
    let mut records = client.records(Offset(0), options);
    records.next_chunk().await.expect("the first record");
    meanwhile();
    loop {
        server.log.append(Batch::of(NewRecord::new("more"))).await.expect("appended");
        let next = timeout(PATIENCE, records.next_chunk()).await.expect("a record or the end");
        match next {
            Ok(chunk) => assert!(chunk.is_some(), "the stream ended without a word"),
            Err(error) => return error.code().to_owned(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_permission_does() {
    let callers = Callers::new();
    let server = Server::start(&callers, TOKENS, POLICY).await;
    let client = client(&server, &callers, &callers.token("root")).await;
    let revoke = || {
        write(&callers.path("policy.csv"), "p, root, *, produce\n");
        let guard = server.protection.guard.clone().expect("a guard");
        assert_eq!(guard.reload_if_changed()[1], Reload::Reloaded);
    };
    assert_eq!(followed_until_refused(&server, &client, revoke).await, "permission_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_token_does() {
    let callers = Callers::new();
    let server = Server::start(&callers, TOKENS, POLICY).await;
    // The server lets clocks be 30 seconds apart.
    let token = callers.token_until("root", now_s() - 28);
    let client = client(&server, &callers, &token).await;
    assert_eq!(followed_until_refused(&server, &client, || ()).await, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_is_the_last_one_when_the_permission_is_gone() {
    let callers = Callers::new();
    let server = Server::start(&callers, TOKENS, POLICY).await;
    let client = client(&server, &callers, &callers.token("root")).await;
    client.append(Batch::of(NewRecord::new("good"))).await.expect("appended");
    write(&callers.path("policy.csv"), "p, root, *, consume\n");
    let guard = server.protection.guard.clone().expect("a guard");
    assert_eq!(guard.reload_if_changed()[1], Reload::Reloaded);
    let refused = client.append(Batch::of(NewRecord::new("bad"))).await.expect_err("refused");
    assert_eq!(refused.code(), "permission_denied");
    assert_eq!(server.log.info().next, Offset(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_appends_ends_when_its_permission_does() {
    let callers = Callers::new();
    let server = Server::start(&callers, TOKENS, POLICY).await;
    let tls = Caller::new(&server, &callers, None, None).tls;
    let endpoint = format!("https://localhost:{}", server.grpc.port());
    let endpoint = tonic::transport::Endpoint::from_shared(endpoint).expect("an address");
    let channel = endpoint.connect_with_connector(tls.connector(PATIENCE)).await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<v1::ProduceRequest>(1);
    let requests = futures_util::stream::unfold(receiver, async |mut receiver| {
        let request = receiver.recv().await?;
        Some((request, receiver))
    });
    let mut request = tonic::Request::new(requests);
    let token = format!("Bearer {}", callers.token("root")).parse().expect("a header");
    request.metadata_mut().insert("authorization", token);
    let mut calls = v1::log_client::LogClient::new(channel.expect("connected"));
    let answers = calls.produce_stream(request).await.expect("a stream");
    let mut answers = answers.into_inner();
    let record = |value: &'static str| v1::ProduceRequest {
        record: Some(v1::Record { value: value.into(), ..v1::Record::default() }),
        expected_offset: None,
    };
    sender.send(record("may")).await.expect("sent");
    assert_eq!(answers.message().await.expect("an answer").expect("one").offset, 1);
    write(&callers.path("policy.csv"), "p, root, *, consume\n");
    let guard = server.protection.guard.clone().expect("a guard");
    assert_eq!(guard.reload_if_changed()[1], Reload::Reloaded);
    // It is asked again a second after it was asked; until then appends go through.
    let refused = loop {
        let next = server.log.info().next;
        let _ = sender.send(record("may not")).await;
        match timeout(PATIENCE, answers.message()).await.expect("an answer") {
            Ok(answer) => assert_eq!(answer.expect("one").offset, next.0),
            Err(status) => break (status.code(), next),
        }
    };
    assert_eq!(refused, (tonic::Code::PermissionDenied, server.log.info().next));
}
