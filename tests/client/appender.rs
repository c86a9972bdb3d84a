//! Single records go out in batches, in order, and within bounds.

use std::time::Duration;

use proglog::client::{AppenderConfig, Client, ClientError};
use proglog::log::LogConfig;
use proglog::service::{NewRecord, Offset};

use crate::fake::{Fake, Fate};
use crate::server::{Server, patient};

#[tokio::test]
async fn records_keep_their_order_within_tight_bounds() {
    let server = Server::start().await;
    let client = server.client().await;
    let config = AppenderConfig {
        max_batch_records: 7,
        max_in_flight_records: 20,
        max_in_flight_bytes: 64,
        ..AppenderConfig::default()
    };
    let appender = client.appender(config);
    let mut pending = Vec::new();
    for number in 0..500 {
        let record = NewRecord::new(format!("record {number}"));
        pending.push(appender.append(record).await.expect("it runs"));
    }
    appender.close().await.expect("appended");
    for (number, pending) in pending.into_iter().enumerate() {
        let offset = pending.await.expect("appended");
        assert_eq!(offset, Offset(number as u64));
        if number % 100 == 0 {
            let record = client.read(offset).await.expect("there");
            assert_eq!(record.value, format!("record {number}"));
        }
    }
}

#[tokio::test]
async fn a_flush_does_not_linger() {
    let fake = Fake::default();
    let client = client_of(&fake).await;
    let linger = Duration::from_secs(3600);
    let appender = client.appender(AppenderConfig { linger, ..AppenderConfig::default() });
    for value in ["a", "b", "c"] {
        drop(appender.append(NewRecord::new(value)).await.expect("it runs"));
    }
    appender.flush().await.expect("appended");
    assert_eq!((fake.values(), fake.n_appends()), (["a", "b", "c"].map(String::from).into(), 1));
    appender.flush().await.expect("nothing to do");
}

#[tokio::test]
async fn nothing_is_appended_behind_a_failure() {
    let fake = Fake::with([Fate::Done, Fate::DoneUnheard]);
    let client = client_of(&fake).await;
    let config = AppenderConfig { max_batch_records: 1, ..AppenderConfig::default() };
    let appender = client.appender(config);
    let mut pending = Vec::new();
    for value in ["a", "b", "c"] {
        pending.push(appender.append(NewRecord::new(value)).await.expect("it runs"));
    }
    let [a, b, c] = pending.try_into().expect("three");
    assert_eq!(a.await.expect("appended"), Offset(0));
    assert_eq!(b.await.expect_err("no answer").code(), "outcome_unknown");
    assert_eq!(c.await.expect_err("not sent").code(), "not_sent");
    let error = appender.close().await.expect_err("the first failure");
    assert!(matches!(error, ClientError::OutcomeUnknown { .. }), "{error}");
    assert_eq!(fake.values(), ["a", "b"]);
}

#[tokio::test]
async fn with_an_expected_offset_lost_answers_cost_nothing() {
    let fake = Fake::with([Fate::DoneUnheard, Fate::Lost, Fate::Done, Fate::DoneUnheard]);
    let client = client_of(&fake).await;
    let config = AppenderConfig {
        max_batch_records: 2,
        expected_offset: Some(Offset(0)),
        ..AppenderConfig::default()
    };
    let appender = client.appender(config);
    for number in 0..5 {
        drop(appender.append(NewRecord::new(number.to_string())).await.expect("it runs"));
    }
    appender.close().await.expect("appended");
    assert_eq!(fake.values(), ["0", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_record_too_large_does_not_take_those_before_it() {
    let server = Server::with(LogConfig { max_record_bytes: 3, ..LogConfig::default() }).await;
    let client = server.client().await;
    let linger = Duration::from_secs(3600);
    let appender = client.appender(AppenderConfig { linger, ..AppenderConfig::default() });
    for value in ["a", "b", "too long", "c"] {
        drop(appender.append(NewRecord::new(value)).await.expect("it runs"));
    }
    assert_eq!(appender.flush().await.expect_err("too long").code(), "record_too_large");
    assert_eq!(client.info(&[]).await.expect("a server").next, Offset(2));
}

async fn client_of(fake: &Fake) -> Client {
    let address = fake.serve().await.to_string();
    Client::connect(&address, patient()).await.expect("a server")
}
