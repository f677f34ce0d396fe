"""Keeps a service busy while it is told to stop, and counts what it promised.

usage: many_calls.py HOST:PORT USER_ID

Four threads create expenses. "calling" is printed when each has had an answer. After standard input has closed they go on
until a call is refused because the service has gone. The last line is {"answered": N, "refused": [status, …]}.
"""

import json
import sys
import threading

import grpc
from contracts import Service

THREADS = 4


class Load:
    def __init__(self, address, user):
        self.address = address
        self.metadata = (("florin-user-id", user),)
        self.answered, self.refused = 0, set()
        self.stopping = threading.Event()
        self.started = threading.Barrier(THREADS + 1)
        self.lock = threading.Lock()

    def work(self):
        with grpc.insecure_channel(self.address) as channel:
            service = Service(channel, "florin.expense.v1.ExpenseService", self.metadata)
            self.create(service)
            self.started.wait(90)
            while self.create(service) or not self.stopping.is_set():
                pass

    def create(self, service):
        try:
            service.CreateExpense({"amount": {"amount": "1.00", "currency": "EUR"}, "spent_on": "2026-11-10"})
        except grpc.RpcError as error:
            with self.lock:
                self.refused.add(error.code().name)
            return False
        with self.lock:
            self.answered += 1
        return True


def main():
    load = Load(sys.argv[1], sys.argv[2])
    threads = [threading.Thread(target=load.work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    load.started.wait(90)
    print("calling", flush=True)
    sys.stdin.read()
    load.stopping.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"answered": load.answered, "refused": sorted(load.refused)}), flush=True)


if __name__ == "__main__":
    main()
