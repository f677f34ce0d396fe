"""A stock grpcio server for the tests of our client: bytes in, bytes out, so that no code is generated.

Usage: echo_server.py [option=value ...], the options being channel arguments such as grpc.max_connection_age_ms=300.
Prints its port, serves until its standard input ends, then stops.
"""
import concurrent.futures
import sys
import threading
import time

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

cancelled = 0
lock = threading.Lock()


def note_cancellation(context):
    def ended():
        global cancelled
        with lock:
            cancelled += 1

    return context.add_callback(ended)


def fail(context):
    context.set_trailing_metadata((
        ("x-why", "because"),
        ("grpc-status-details-bin", b"\x08\x09\x12\x02no"),
    ))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "won't: é✓ %\n")


def say(request, context):
    command, _, argument = request.partition(b":")
    if command == b"fail":
        fail(context)
    if command == b"raise":
        raise ValueError("a secret of the handler")
    if command == b"sleep":
        note_cancellation(context)
        until = time.monotonic() + int(argument) / 1000
        while context.is_active() and time.monotonic() < until:
            time.sleep(0.005)
    if command == b"cancelled":
        return str(cancelled).encode()
    if command == b"deadline":
        remaining = context.time_remaining()
        return b"none" if remaining is None else str(int(remaining * 1000)).encode()
    if command == b"metadata":
        received = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-initial", received.get("x-in", "missing")),))
        context.set_trailing_metadata((
            ("x-trailing", "t"),
            ("x-raw-bin", received.get("x-in-bin", b"")[::-1]),
        ))
        return received.get("traceparent", "").encode()
    if command == b"peer":
        return context.peer().encode()
    if command == b"big":
        return b"x" * int(argument)
    return request


def count(request, context):
    parts = request.split(b":")
    command, number = parts[0], int(parts[1])
    size = int(parts[2]) if len(parts) > 2 else 0
    if command == b"slow":
        note_cancellation(context)
    context.send_initial_metadata((("x-stream", "yes"),))
    for index in range(number):
        if not context.is_active():
            return
        yield str(index).encode().ljust(size, b".")
        if command == b"slow":
            time.sleep(0.01)
        if command == b"die" and index == 3:
            context.abort(grpc.StatusCode.DATA_LOSS, "died at 3")
    context.set_trailing_metadata((("x-count", str(number)),))


def main():
    options = []
    for argument in sys.argv[1:]:
        name, _, value = argument.partition("=")
        options.append((name, int(value)))
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=32), options=options)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("florin.test.v1.Echo", {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Count": grpc.unary_stream_rpc_method_handler(count),
    }),))
    checks = health.HealthServicer()
    checks.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(grace=1).wait(5)


if __name__ == "__main__":
    main()
