"""A stock grpcio client that judges our server. Usage: echo_client.py HOST:PORT

Prints "ok <check>" or "FAIL <check>: <why>" for each check, and exits with 1 when one failed.
"""
import sys
import threading
import time
import traceback

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ECHO = "/florin.test.v1.Echo/"
LONG = 30
checks = []


def check(function):
    checks.append(function)
    return function


def say(channel):
    return channel.unary_unary(ECHO + "Say")


def count(channel):
    return channel.unary_stream(ECHO + "Count")


def expect_error(call, code):
    try:
        result = call()
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        return error
    raise AssertionError(f"no error but {result!r:.80}")


def eventually(condition, what):
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def number(channel, command):
    return int(say(channel)(command, timeout=LONG))


@check
def unary(channel):
    text = "hé\U0001F600".encode()
    assert say(channel)(text, timeout=LONG) == text


@check
def empty_message(channel):
    assert say(channel)(b"", timeout=LONG) == b""


@check
def message_of_3_mb_both_ways(channel):
    big = bytes(range(256)) * 12_000
    assert say(channel)(big, timeout=LONG) == big


@check
def too_large_message_is_resource_exhausted(channel):
    expect_error(lambda: say(channel)(b"x" * 5_000_000, timeout=LONG), grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert say(channel)(b"still there", timeout=LONG) == b"still there"


@check
def status_with_details_and_metadata(channel):
    error = expect_error(lambda: say(channel)(b"fail", timeout=LONG), grpc.StatusCode.FAILED_PRECONDITION)
    assert error.details() == "won't: é✓ %\n", error.details()
    trailing = dict(error.trailing_metadata())
    assert trailing["x-why"] == "because", trailing
    assert trailing["grpc-status-details-bin"] == b"\x08\x09\x12\x02no", trailing


@check
def unknown_error_is_internal_without_text(channel):
    error = expect_error(lambda: say(channel)(b"throw", timeout=LONG), grpc.StatusCode.INTERNAL)
    assert error.details() == "", error.details()


@check
def metadata_both_ways(channel):
    sent = (("x-in", "v"), ("x-in-bin", b"\x00\x01\xff"))
    _, call = say(channel).with_call(b"metadata", metadata=sent, timeout=LONG)
    initial, trailing = dict(call.initial_metadata()), dict(call.trailing_metadata())
    assert initial["x-initial"] == "v", initial
    assert trailing["x-trailing"] == "t" and trailing["x-raw-bin"] == b"\xff\x01\x00", trailing


@check
def deadline_ends_the_call_and_the_handler(channel):
    before = number(channel, b"cancelled")
    start = time.monotonic()
    expect_error(lambda: say(channel)(b"sleep:60000", timeout=0.2), grpc.StatusCode.DEADLINE_EXCEEDED)
    assert time.monotonic() - start < 10

    def call_again():
        expect_error(lambda: say(channel)(b"sleep:60000", timeout=0.2), grpc.StatusCode.DEADLINE_EXCEEDED)
        return number(channel, b"cancelled") > before

    eventually(call_again, "no handler was cancelled")


@check
def server_sees_the_deadline(channel):
    # grpcio rounds a timeout up to what it can write in few digits.
    assert 20_000 < int(say(channel)(b"deadline", timeout=LONG)) <= 31_000
    assert say(channel)(b"deadline") == b"none"


@check
def client_cancellation_cancels_the_handler(channel):
    before = number(channel, b"cancelled")
    running = number(channel, b"sleeping")
    call = say(channel).future(b"sleep:60000", timeout=LONG)
    eventually(lambda: number(channel, b"sleeping") > running, "the handler did not start")
    call.cancel()
    eventually(lambda: number(channel, b"cancelled") > before, "the handler was not cancelled")


@check
def stream_in_order_with_metadata(channel):
    call = count(channel)(b"count:1000", timeout=LONG)
    assert [int(message) for message in call] == list(range(1000))
    assert dict(call.initial_metadata())["x-stream"] == "yes"
    assert dict(call.trailing_metadata())["x-count"] == "1000"


@check
def stream_of_40_mb(channel):
    total = 0
    for message in count(channel)(b"count:400:100000", timeout=60):
        total += len(message)
    assert total == 40_000_000, total


@check
def stream_that_fails_midway(channel):
    received = []
    try:
        for message in count(channel)(b"die:10", timeout=LONG):
            received.append(int(message))
        raise AssertionError("no error")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DATA_LOSS, error.code()
    assert received == [0, 1, 2, 3], received


@check
def stream_cancellation(channel):
    before = number(channel, b"cancelled")
    call = count(channel)(b"slow:100000", timeout=LONG)
    next(call), next(call)
    call.cancel()
    eventually(lambda: number(channel, b"cancelled") > before, "the handler was not cancelled")


@check
def stream_deadline(channel):
    start = time.monotonic()
    try:
        for _ in count(channel)(b"slow:100000", timeout=0.3):
            pass
        raise AssertionError("no error")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error.code()
    assert time.monotonic() - start < 10


@check
def unread_stream_does_not_hold_its_neighbours(channel):
    unread = count(channel)(b"count:2000:10000", timeout=LONG)
    next(unread)
    assert say(channel)(b"beside", timeout=LONG) == b"beside"
    unread.cancel()


@check
def unknown_method_is_unimplemented(channel):
    nope = channel.unary_unary(ECHO + "Nope")
    expect_error(lambda: nope(b"", timeout=LONG), grpc.StatusCode.UNIMPLEMENTED)
    nope = channel.unary_unary("/no.such.Service/Say")
    expect_error(lambda: nope(b"", timeout=LONG), grpc.StatusCode.UNIMPLEMENTED)


@check
def compressed_request_is_unimplemented(channel):
    call = lambda: say(channel)(b"x" * 1000, timeout=LONG, compression=grpc.Compression.Gzip)
    expect_error(call, grpc.StatusCode.UNIMPLEMENTED)


@check
def health(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest
    assert stub.Check(request(service=""), timeout=LONG).status == 1
    assert stub.Check(request(service="florin.test.v1.Echo"), timeout=LONG).status == 1
    expect_error(lambda: stub.Check(request(service="nope"), timeout=LONG), grpc.StatusCode.NOT_FOUND)
    watch = stub.Watch(request(service="nope"), timeout=LONG)
    assert next(watch).status == 3
    watch.cancel()
    watch = stub.Watch(request(service="florin.test.v1.Echo"), timeout=LONG)
    assert next(watch).status == 1
    say(channel)(b"health:notServing", timeout=LONG)
    assert next(watch).status == 2
    say(channel)(b"health:serving", timeout=LONG)
    assert next(watch).status == 1
    watch.cancel()


@check
def a_thousand_calls_at_once(channel):
    calls = [say(channel).future(str(i).encode(), timeout=60) for i in range(1000)]
    assert [int(call.result()) for call in calls] == list(range(1000))


@check
def a_thousand_cancelled_calls_leave_the_connection_usable(channel):
    calls = [say(channel).future(b"sleep:60000", timeout=60) for _ in range(1000)]
    for call in calls:
        call.cancel()
    assert say(channel)(b"alive", timeout=LONG) == b"alive"


@check
def calls_of_many_threads(channel):
    failures = []

    def work(n):
        for i in range(50):
            text = f"{n}.{i}".encode()
            if say(channel)(text, timeout=LONG) != text:
                failures.append(text)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def main():
    failed = False
    with grpc.insecure_channel(sys.argv[1]) as channel:
        for function in checks:
            try:
                function(channel)
                print("ok", function.__name__, flush=True)
            except Exception as error:
                failed = True
                where = traceback.extract_tb(error.__traceback__)[-1]
                print(f"FAIL {function.__name__}: {type(error).__name__} {error} (line {where.lineno})", flush=True)
    print(len(checks), "checks", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
