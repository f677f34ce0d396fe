"""A stock grpcio client that lives through restarts of our server. Usage: restart_client.py HOST:PORT

Calls without pause from several threads, prints "calling" once the first calls went well, and when its standard input
ends prints how many calls went well and how many did not.
"""
import sys
import threading

import grpc

stopping = threading.Event()
results = []
started = threading.Barrier(5)


def work(channel):
    say = channel.unary_unary("/florin.test.v1.Echo/Say")
    good, bad = 0, []
    while not stopping.is_set():
        try:
            command = b"sleep:20" if good % 10 == 0 else b"hello"
            assert say(command, timeout=60, wait_for_ready=True) == command
            good += 1
        except grpc.RpcError as error:
            bad.append(f"{error.code()} {error.details()}")
        if good + len(bad) == 10:
            started.wait(60)
    results.append((good, bad))


def main():
    with grpc.insecure_channel(sys.argv[1]) as channel:
        threads = [threading.Thread(target=work, args=(channel,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        started.wait(60)
        print("calling", flush=True)
        sys.stdin.read()
        stopping.set()
        for thread in threads:
            thread.join()
    failures = [failure for _, bad in results for failure in bad]
    print(sum(good for good, _ in results), "good,", len(failures), "bad", *failures[:3], flush=True)


if __name__ == "__main__":
    main()
