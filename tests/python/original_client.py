"""A client generated from the Go original's messages, against a server of ours: it works unchanged.

    python original_client.py DIRECTORY_OF_GENERATED_CODE HOST:PORT
"""

import sys

sys.path.insert(0, sys.argv[1])
import grpc
import log_pb2 as pb
import log_pb2_grpc as rpc

DEADLINE_S = 20


def produce_and_consume(log):
    first = log.Produce(pb.ProduceRequest(record=pb.Record(value=b"hello world")), timeout=DEADLINE_S)
    record = log.Consume(pb.ConsumeRequest(offset=first.offset), timeout=DEADLINE_S).record
    assert (record.value, record.offset) == (b"hello world", first.offset), record
    try:
        log.Consume(pb.ConsumeRequest(offset=first.offset + 1), timeout=DEADLINE_S)
        raise SystemExit("an offset past the end was read")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.OUT_OF_RANGE, error
    return first.offset + 1


def streams(log, start):
    values = [b"record %d" % n for n in range(1000)]
    requests = (pb.ProduceRequest(record=pb.Record(value=value)) for value in values)
    offsets = [answer.offset for answer in log.ProduceStream(requests, timeout=DEADLINE_S)]
    assert offsets == list(range(start, start + len(values))), offsets

    stream = log.ConsumeStream(pb.ConsumeRequest(offset=start), timeout=DEADLINE_S)
    for offset, value in enumerate(values, start):
        record = next(stream).record
        assert (record.offset, record.value) == (offset, value), record
    # The stream waits for what comes.
    log.Produce(pb.ProduceRequest(record=pb.Record(value=b"later")), timeout=DEADLINE_S)
    assert next(stream).record.value == b"later"
    stream.cancel()


def main():
    with grpc.insecure_channel(sys.argv[2]) as channel:
        log = rpc.LogStub(channel)
        start = produce_and_consume(log)
        streams(log, start)
        servers = log.GetServers(pb.GetServersRequest(), timeout=DEADLINE_S).servers
        assert [(s.rpc_addr, s.is_leader) for s in servers] == [(sys.argv[2], True)], servers
    print("the original's client: 5 methods")


main()
