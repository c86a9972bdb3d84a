//! Single appends and reads, and what is refused.

use proglog::wire::v1;
use tonic::Code;

use crate::support::{MAX_RECORD_BYTES, Server, produce, record, refused};

#[tokio::test]
async fn a_record_comes_back_whole() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let header = v1::Header { name: "name".to_owned(), value: b"\xFF".as_slice().into() };
    let sent = v1::Record {
        key: Some("".into()),
        headers: vec![header.clone(), header],
        timestamp_us: 1_700_000_000_000_000,
        r#type: 9,
        // The log's to give.
        offset: 77,
        term: 5,
        ..record("value")
    };
    let request = v1::ProduceRequest { record: Some(sent.clone()), expected_offset: Some(0) };
    let offset = client.produce(request).await.expect("appended").into_inner().offset;
    let read = client.consume(v1::ConsumeRequest { offset }).await.expect("read").into_inner();
    assert_eq!(read.record, Some(v1::Record { offset: 0, term: 0, ..sent }));
    server.stop().await;
}

#[tokio::test]
async fn refusals_have_a_code_a_reason_and_numbers() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.produce(produce("one")).await.expect("appended");

    let past = client.consume(v1::ConsumeRequest { offset: 1 }).await.expect_err("past the end");
    let numbers = refused(&past, Code::OutOfRange, "OFFSET_OUT_OF_RANGE");
    assert_eq!((&*numbers["offset"], &*numbers["lowest"], &*numbers["next"]), ("1", "0", "1"));

    let request = v1::ProduceRequest { expected_offset: Some(4), ..produce("two") };
    let mismatch = client.produce(request).await.expect_err("the log is shorter");
    let numbers = refused(&mismatch, Code::FailedPrecondition, "OFFSET_MISMATCH");
    assert_eq!((&*numbers["expected"], &*numbers["next"]), ("4", "1"));

    let request = v1::ProduceRequest { record: None, expected_offset: None };
    let missing = client.produce(request).await.expect_err("there is no record");
    refused(&missing, Code::InvalidArgument, "MISSING_RECORD");

    let empty = client.produce_batch(v1::ProduceBatchRequest::default()).await;
    refused(&empty.expect_err("an empty batch"), Code::InvalidArgument, "EMPTY_BATCH");

    let records = vec![v1::Record::default(); 100_001];
    let request = v1::ProduceBatchRequest { records, expected_offset: None };
    let too_many = client.produce_batch(request).await.expect_err("too many records");
    refused(&too_many, Code::InvalidArgument, "BATCH_TOO_LARGE");

    let ahead = v1::Record { timestamp_us: u64::MAX / 2, ..record("x") };
    let request = v1::ProduceRequest { record: Some(ahead.clone()), expected_offset: None };
    let single = client.produce(request.clone()).await.expect_err("it is of the far future");
    let numbers = refused(&single, Code::InvalidArgument, "TIMESTAMP_AHEAD");
    assert_eq!(numbers["timestamp_us"], (u64::MAX / 2).to_string());
    let records = vec![record("x"), ahead];
    let batch = v1::ProduceBatchRequest { records, expected_offset: None };
    let batch = client.produce_batch(batch).await.expect_err("one of them is");
    refused(&batch, Code::InvalidArgument, "TIMESTAMP_AHEAD");
    // In a stream those before it stay.
    let requests = futures_util::stream::iter([produce("two"), request, produce("never")]);
    let mut answers = client.produce_stream(requests).await.expect("a stream").into_inner();
    assert_eq!(answers.message().await.expect("appended").expect("an answer").offset, 1);
    let third = answers.message().await.expect_err("the second one is");
    refused(&third, Code::InvalidArgument, "TIMESTAMP_AHEAD");

    let reserved = v1::Record { r#type: proglog::log::TYPE_LOST, ..record("x") };
    let request = v1::ProduceRequest { record: Some(reserved), expected_offset: None };
    let reserved = client.produce(request).await.expect_err("the type is reserved");
    refused(&reserved, Code::InvalidArgument, "RESERVED_TYPE");
    assert_eq!(server.log_next().await, 2, "nothing else was appended");
    server.stop().await;
}

#[tokio::test]
async fn a_record_at_the_limit_is_taken_and_one_above_is_not() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let of_bytes = |n: usize| v1::ProduceRequest {
        record: Some(v1::Record { value: vec![7; n].into(), ..v1::Record::default() }),
        expected_offset: None,
    };
    client.produce(of_bytes(MAX_RECORD_BYTES)).await.expect("at the limit");
    let read = client.consume(v1::ConsumeRequest { offset: 0 }).await.expect("read").into_inner();
    assert_eq!(read.record.expect("a record").value.len(), MAX_RECORD_BYTES);
    let above = client.produce(of_bytes(MAX_RECORD_BYTES + 1)).await.expect_err("above it");
    refused(&above, Code::InvalidArgument, "RECORD_TOO_LARGE");
    // Too long to be looked at. It's no error of offsets.
    let far_above = client.produce(of_bytes(2 * MAX_RECORD_BYTES)).await.expect_err("far above it");
    assert_eq!(far_above.code(), Code::ResourceExhausted, "{far_above:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_log_and_its_server_tell_of_themselves() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let empty = client.get_log(v1::GetLogRequest::default()).await.expect("told").into_inner();
    assert_eq!((empty.next_offset, empty.checksums()), (0, v1::Checksums::Unspecified));
    for timestamp_us in [1000, 2000, 3000] {
        let record = v1::Record { timestamp_us, ..record("x") };
        let request = v1::ProduceRequest { record: Some(record), expected_offset: None };
        client.produce(request).await.expect("appended");
    }
    let request = v1::GetLogRequest { timestamps_us: vec![0, 1001, 3000, 3001] };
    let told = client.get_log(request).await.expect("told").into_inner();
    assert_eq!(told.offsets_at, [0, 1, 2, 3]);
    assert_eq!((told.lowest_offset, told.next_offset, told.committed_offset), (0, 3, 3));
    assert_eq!((told.first_timestamp_us, told.last_timestamp_us), (Some(1000), Some(3000)));
    assert_eq!((told.durability(), told.checksums()), (v1::Durability::Fsync, v1::Checksums::All));
    assert_eq!((told.n_segments, told.max_record_bytes), (1, MAX_RECORD_BYTES as u64));
    assert_eq!(told.refusal, None);

    let servers = client.get_servers(v1::GetServersRequest {}).await.expect("told").into_inner();
    let [this] = servers.servers.as_slice() else { panic!("one server: {servers:?}") };
    assert_eq!((&this.rpc_addr, this.is_leader), (&server.address, true));
    server.stop().await;
}
