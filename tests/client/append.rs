//! An append is done once, or it is said that nobody knows.

use std::time::Duration;

use proglog::client::{Client, ClientConfig, ClientError, RetryConfig};
use proglog::log::LogConfig;
use proglog::service::{Durability, Offset};
use tonic::Code;

use crate::fake::{Fake, Fate, refusal};
use crate::server::{Server, batch, patient};

async fn client_of(fake: &Fake, config: ClientConfig) -> Client {
    let address = fake.serve().await.to_string();
    Client::connect(&address, config).await.expect("a server")
}

#[tokio::test]
async fn what_is_appended_is_read() {
    let server = Server::start().await;
    let client = server.client().await;
    let appended = client.append(batch(&["one", "two"], Some(0))).await.expect("appended");
    assert_eq!((appended.first_offset, appended.last_offset), (Offset(0), Offset(1)));
    assert_eq!(appended.durability, Durability::Fsync);
    assert_eq!(client.read(Offset(1)).await.expect("there").value, "two");
    let status = client.info(&[0, u64::MAX]).await.expect("a server");
    assert_eq!((status.lowest, status.next), (Offset(0), Offset(2)));
    assert_eq!(status.offsets_at, [Offset(0), Offset(2)]);
    assert!(status.refusal.is_none() && status.ends.first_timestamp_us.is_some());
}

#[tokio::test]
async fn refusals_keep_their_codes_and_numbers() {
    let config = LogConfig { max_record_bytes: 3, ..LogConfig::default() };
    let server = Server::with(config).await;
    let client = server.client().await;
    let refused = |error: ClientError| match error {
        ClientError::Refused(refusal) => refusal,
        error => panic!("not the server's: {error}"),
    };
    let mismatch = refused(client.append(batch(&["a"], Some(7))).await.expect_err("7"));
    assert_eq!(mismatch.code, "offset_mismatch");
    assert_eq!((mismatch.number("expected"), mismatch.number("next")), (Some(7), Some(0)));
    let range = refused(client.read(Offset(5)).await.expect_err("empty"));
    assert_eq!((&*range.code, range.number("next")), ("offset_out_of_range", Some(0)));
    assert!(!range.hint.is_empty() && range.message.contains("out of range"), "{range:?}");
    let large = refused(client.append(batch(&["long"], None)).await.expect_err("4 of 3"));
    assert_eq!((&*large.code, large.number("max")), ("record_too_large", Some(3)));
    let empty = refused(client.append(batch(&[], None)).await.expect_err("no record"));
    assert_eq!(empty.code, "empty_batch");
}

#[tokio::test]
async fn an_append_that_may_have_been_taken_is_not_sent_again() {
    for fate in [Fate::DoneUnheard, Fate::Lost] {
        let fake = Fake::with([fate]);
        let client = client_of(&fake, patient()).await;
        let error = client.append(batch(&["a", "b"], None)).await.expect_err("no answer");
        assert!(matches!(error, ClientError::OutcomeUnknown { n_records: 2, .. }), "{error}");
        assert_eq!((error.code(), fake.n_appends()), ("outcome_unknown", 1));
    }
}

#[tokio::test]
async fn an_append_that_names_its_offset_is_done_once() {
    for (fates, n_appends) in [
        (vec![Fate::DoneUnheard], 2),
        (vec![Fate::Lost], 2),
        (vec![Fate::Lost, Fate::DoneUnheard, Fate::Lost], 4),
    ] {
        let fake = Fake::with(fates);
        let client = client_of(&fake, patient()).await;
        let appended = client.append(batch(&["a", "b"], Some(0))).await.expect("appended");
        assert_eq!((appended.first_offset, appended.last_offset), (Offset(0), Offset(1)));
        assert_eq!(appended.durability, Durability::Fsync);
        assert_eq!((fake.values(), fake.n_appends()), (vec!["a".into(), "b".into()], n_appends));
    }
}

#[tokio::test]
async fn records_of_others_are_not_taken_for_these() {
    let fake = Fake::with([Fate::Done, Fate::Lost]);
    let client = client_of(&fake, patient()).await;
    client.append(batch(&["theirs", "b"], None)).await.expect("appended");
    let error = client.append(batch(&["ours", "b"], Some(0))).await.expect_err("too late");
    assert_eq!(error.code(), "offset_mismatch");
    assert_eq!(fake.values(), ["theirs", "b"]);
    fake.fates.lock().expect("no panic").push(Fate::Lost);
    let error = client.append(batch(&["theirs", "b", "c"], Some(0))).await.expect_err("partly");
    assert_eq!(error.code(), "offset_mismatch", "a batch is never there in part");
}

#[tokio::test]
async fn what_was_surely_not_taken_is_sent_again() {
    let busy = || Fate::Refused(Box::new(refusal(Code::ResourceExhausted, "BUSY", &[])));
    let fake = Fake::with([busy(), busy()]);
    let client = client_of(&fake, patient()).await;
    client.append(batch(&["a"], None)).await.expect("appended");
    assert_eq!((fake.values(), fake.n_appends()), (vec!["a".to_owned()], 3));
    let damaged = refusal(Code::FailedPrecondition, "DAMAGED", &[]);
    fake.fates.lock().expect("no panic").push(Fate::Refused(Box::new(damaged)));
    let error = client.append(batch(&["b"], Some(1))).await.expect_err("refused");
    assert_eq!((error.code(), fake.n_appends()), ("damaged", 4), "that doesn't pass");
}

#[tokio::test]
async fn a_refusal_does_not_settle_what_was_unknown() {
    let damaged = Fate::Refused(Box::new(refusal(Code::FailedPrecondition, "DAMAGED", &[])));
    let fake = Fake::with([Fate::DoneUnheard, damaged]);
    let client = client_of(&fake, patient()).await;
    let error = client.append(batch(&["a"], Some(0))).await.expect_err("nobody knows");
    assert_eq!(error.code(), "outcome_unknown");
}

#[tokio::test]
async fn waiting_has_an_end() {
    let fake = Fake::with([Fate::Ignored]);
    let retry = RetryConfig { total: Duration::ZERO, ..RetryConfig::default() };
    let call_timeout = Duration::from_millis(50);
    let client =
        client_of(&fake, ClientConfig { call_timeout, retry, ..ClientConfig::default() }).await;
    let error = client.append(batch(&["a"], None)).await.expect_err("no answer");
    assert_eq!(error.code(), "outcome_unknown");
    let error = client.read(Offset(0)).await.expect_err("no answer");
    assert!(matches!(error, ClientError::Deadline { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let mut server = Server::start().await;
    let client = server.client().await;
    server.stop().await;
    let address = server.address.to_string();
    let error = Client::connect(&address, ClientConfig::default()).await.expect_err("stopped");
    assert!(matches!(error, ClientError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains(&address), "{error}");
    let total = Duration::from_millis(100);
    let retry = RetryConfig { total, ..RetryConfig::default() };
    let config = ClientConfig { retry, ..ClientConfig::default() };
    let lazy = Client::lazy(&address, config).expect("an address");
    let error = lazy.append(batch(&["a"], None)).await.expect_err("stopped");
    assert_eq!(error.code(), "unavailable", "it was surely not appended: {error}");
    drop(client);
}

#[tokio::test]
async fn an_append_waits_for_a_server_that_comes_back() {
    let mut server = Server::start().await;
    let client = server.client().await;
    client.append(batch(&["one"], None)).await.expect("appended");
    server.stop().await;
    let again = client.clone();
    let appending = tokio::spawn(async move { again.append(batch(&["two"], Some(1))).await });
    server.start_again();
    let appended = appending.await.expect("no panic").expect("appended");
    assert_eq!(appended.first_offset, Offset(1));
    assert_eq!(client.read(Offset(1)).await.expect("there").value, "two");
}

#[tokio::test]
async fn compression_changes_nothing() {
    let server = Server::start().await;
    let config = ClientConfig { gzip: true, ..patient() };
    let client = Client::connect(&server.address.to_string(), config).await.expect("a server");
    client.append(batch(&["one", "two"], None)).await.expect("appended");
    assert_eq!(client.read(Offset(1)).await.expect("there").value, "two");
}
