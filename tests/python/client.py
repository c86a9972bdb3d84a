"""A client generated from our messages: what the original has not, and what every gRPC server has.

    python client.py DIRECTORY_OF_GENERATED_CODE HOST:PORT
"""

import sys
import threading

sys.path.insert(0, sys.argv[1])
import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from log.v1 import log_pb2 as pb
from log.v1 import log_pb2_grpc as rpc

DEADLINE_S = 20


def refusal(call):
    """The code, the stable reason and the numbers with which a call is refused."""
    try:
        call()
    except grpc.RpcError as error:
        for detail in rpc_status.from_call(error).details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                assert info.domain == "proglog", info
                return error.code(), info.reason, dict(info.metadata)
        raise
    raise SystemExit("the call was not refused")


def batches(log):
    records = [
        pb.Record(
            value=bytes([n % 256]) * n,
            key=b"key" if n % 2 else None,
            headers=[pb.Header(name="n", value=b"%d" % n), pb.Header(name="n")],
        )
        for n in range(500)
    ]
    appended = log.ProduceBatch(pb.ProduceBatchRequest(records=records, expected_offset=0), timeout=DEADLINE_S)
    assert (appended.first_offset, appended.last_offset) == (0, 499), appended
    assert appended.durability == pb.DURABILITY_FSYNC, appended

    read = []
    request = pb.ConsumeBatchRequest(offset=0, max_records=64)
    for message in log.ConsumeBatch(request, timeout=DEADLINE_S):
        assert 0 < len(message.records) <= 64, len(message.records)
        read.extend(message.records)
    assert [record.offset for record in read] == list(range(500))
    for wanted, got in zip(records, read):
        assert (wanted.value, wanted.HasField("key"), wanted.key) == (got.value, got.HasField("key"), got.key)
        assert wanted.headers == got.headers
        assert got.timestamp_us > 1_700_000_000_000_000
    request = pb.ConsumeBatchRequest(offset=490, end_offset=495)
    part = [record.offset for message in log.ConsumeBatch(request, timeout=DEADLINE_S) for record in message.records]
    assert part == list(range(490, 495)), part


def refusals(log):
    code, reason, numbers = refusal(lambda: log.Consume(pb.ConsumeRequest(offset=10_000), timeout=DEADLINE_S))
    assert (code, reason) == (grpc.StatusCode.OUT_OF_RANGE, "OFFSET_OUT_OF_RANGE"), (code, reason)
    assert (numbers["lowest"], numbers["next"]) == ("0", "500"), numbers
    wrong = pb.ProduceRequest(record=pb.Record(value=b"x"), expected_offset=7)
    code, reason, numbers = refusal(lambda: log.Produce(wrong, timeout=DEADLINE_S))
    assert (code, reason, numbers["next"]) == (grpc.StatusCode.FAILED_PRECONDITION, "OFFSET_MISMATCH", "500")
    code, reason, _ = refusal(lambda: log.Produce(pb.ProduceRequest(), timeout=DEADLINE_S))
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MISSING_RECORD"), (code, reason)
    code, reason, _ = refusal(lambda: log.ProduceBatch(pb.ProduceBatchRequest(), timeout=DEADLINE_S))
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "EMPTY_BATCH"), (code, reason)
    large = pb.ProduceRequest(record=pb.Record(value=bytes((4 << 20) + 1)))
    code, reason, _ = refusal(lambda: log.Produce(large, timeout=DEADLINE_S))
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "RECORD_TOO_LARGE"), (code, reason)
    try:
        log.Produce(pb.ProduceRequest(record=pb.Record(value=bytes(8 << 20))), timeout=DEADLINE_S)
        raise SystemExit("8 MiB were taken")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error


def a_stream_acknowledges_all_before_what_it_refuses(log, start):
    def requests():
        for n in range(20):
            yield pb.ProduceRequest(record=pb.Record(value=b"good"))
        yield pb.ProduceRequest()
        for n in range(20):
            yield pb.ProduceRequest(record=pb.Record(value=b"behind"))

    offsets = []
    try:
        for answer in log.ProduceStream(requests(), timeout=DEADLINE_S):
            offsets.append(answer.offset)
        raise SystemExit("a request without a record was taken")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
    assert offsets == list(range(start, start + 20)), offsets
    assert log.GetLog(pb.GetLogRequest(), timeout=DEADLINE_S).next_offset == start + 20


def following_many(log):
    """Streams that follow get every record once and in order, while they come."""
    start = log.GetLog(pb.GetLogRequest(), timeout=DEADLINE_S).next_offset
    n_records, got = 200, {}

    def follow(number):
        offsets = []
        request = pb.ConsumeBatchRequest(offset=start, follow=True)
        stream = log.ConsumeBatch(request, timeout=DEADLINE_S)
        for message in stream:
            offsets.extend(record.offset for record in message.records)
            if len(offsets) >= n_records:
                stream.cancel()
                break
        got[number] = offsets

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for n in range(n_records):
        log.Produce(pb.ProduceRequest(record=pb.Record(value=b"%d" % n)), timeout=DEADLINE_S)
    for thread in threads:
        thread.join()
    assert all(offsets == list(range(start, start + n_records)) for offsets in got.values()), got


def compression(address):
    for algorithm in (grpc.Compression.Gzip, grpc.Compression.NoCompression):
        with grpc.insecure_channel(address, compression=algorithm) as channel:
            log = rpc.LogStub(channel)
            value = b"again and again " * 10_000
            offset = log.Produce(pb.ProduceRequest(record=pb.Record(value=value)), timeout=DEADLINE_S).offset
            record = log.Consume(pb.ConsumeRequest(offset=offset), timeout=DEADLINE_S).record
            assert record.value == value


def health_and_reflection(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", "log.v1.Log"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE_S)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING, answer
    services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert "log.v1.Log" in services and "grpc.health.v1.Health" in services, services


def main():
    with grpc.insecure_channel(sys.argv[2]) as channel:
        log = rpc.LogStub(channel)
        batches(log)
        refusals(log)
        a_stream_acknowledges_all_before_what_it_refuses(log, 500)
        following_many(log)
        health_and_reflection(channel)
        about = log.GetLog(pb.GetLogRequest(timestamps_us=[0, 1 << 60]), timeout=DEADLINE_S)
        assert (about.lowest_offset, about.next_offset) == (0, 720), about
        assert list(about.offsets_at) == [0, 720], about
        assert about.checksums == pb.CHECKSUMS_ALL and not about.HasField("refusal"), about
    compression(sys.argv[2])
    print("our client: batches, refusals, streams, following, compression, health, reflection")


main()
