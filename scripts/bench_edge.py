#!/usr/bin/python3
"""Measures what services in trouble cost: how long work goes on for callers who have gone, and what others notice of a service
that hangs.

Needs what `.local/env` gives; `make bench-edge` starts everything, runs it and stops. Overruns are times between the moment in
which a client leaves, or a deadline passes, and that in which PostgreSQL no longer has the statement that waited for a lock: through
gateway, service and database, looked at every millisecond or so from outside. Beside them stands what the machine takes when PostgreSQL
itself is asked to cancel. What hangs is portfolio-service, and then auth-service with those who bring an API token, stopped by a
signal with its connections open, so that every call to it takes its whole deadline.
"""

import asyncio
import base64
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse

sys.dont_write_bytecode = True

import story  # noqa: E402
from local.postgres import Postgres  # noqa: E402

CALLS = int(os.environ.get("FLORIN_BENCH_CALLS", "500"))
PAIRS = int(os.environ.get("FLORIN_BENCH_PAIRS", "7"))
SECONDS = float(os.environ.get("FLORIN_BENCH_SECONDS", "4"))
# Reads a second beside the calls that hang; far less than the machine could do, so that waiting is the trouble's doing.
RATE = int(os.environ.get("FLORIN_BENCH_RATE", "150"))
HANGING = 64
# Callers who leave at the same time. Reads of several may share a connection to PostgreSQL, where each is cancelled in its turn.
TOGETHER = int(os.environ.get("FLORIN_BENCH_TOGETHER", "1"))
# The deadline of the calls that run into it, in milliseconds.
DEADLINE = 150
LIMIT_MS = 50
LIMIT_RATIO = 1.5
PATIENCE = 30
EXPENSE = json.dumps({"amount": {"amount": "12.34", "currency": "EUR"}, "spent_on": "2026-11-20"})


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Database:
    """A session of psql that answers one statement after the other."""

    def __init__(self, url):
        self.child = subprocess.Popen(
            [Postgres.tool("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)

    def ask(self, statement):
        """What the statement gives, as one text."""
        self.child.stdin.write(statement + ";\n\\echo =\n")
        self.child.stdin.flush()
        lines = []
        while (line := self.child.stdout.readline().rstrip("\n")) != "=":
            if self.child.poll() is not None:
                raise SystemExit(f"bench-edge: psql has ended at {statement!r}")
            lines.append(line)
        return "\n".join(lines)

    def close(self):
        self.child.stdin.close()
        self.child.wait()


def literal(text):
    """A string of HPACK without Huffman coding (RFC 7541 section 5.2)."""
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    length, rest = b"\x7f", len(data) - 127
    while rest >= 128:
        length, rest = length + bytes([rest % 128 | 0x80]), rest // 128
    return length + bytes([rest]) + data


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def http2(fields, body=None):
    """The first bytes of a connection of HTTP/2 with one request."""
    block = b"".join(b"\x10" + literal(name) + literal(value) for name, value in fields)
    request = frame(1, 0x04 if body is not None else 0x05, 1, block)
    if body is not None:
        request += frame(0, 0x01, 1, body)
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + request


class Overruns:
    """Calls that wait for a lock when their callers leave."""

    def __init__(self, environment, token):
        self.address = ("127.0.0.1", urllib.parse.urlsplit(environment["FLORIN_URL"]).port)
        host, _, port = environment["FLORIN_EXPENSE_GRPC"].split(",")[0].rpartition(":")
        self.service = (host, int(port))
        self.token = token
        claims = token.split(".")[1]
        self.user = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
        self.database = environment["FLORIN_DB_URL"]
        self.floor = 0.0
        self.holder = Database(environment["FLORIN_DB_URL"])
        self.watcher = Database(environment["FLORIN_DB_URL"])

    def request(self, method, path, body=""):
        head = [
            f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.token}",
            f"Content-Length: {len(body)}"]
        return ("\r\n".join(head + (["Content-Type: application/json"] if body else [])) + "\r\n\r\n" + body).encode()

    def waiting(self):
        """The processes of PostgreSQL that wait for the lock."""
        return set(self.watcher.ask("SELECT pid FROM pg_locks WHERE NOT granted").split())

    def callers(self, kind):
        """Sockets with a request each, on its way to the lock; sessions of psql for the comparison."""
        for _ in range(TOGETHER):
            if kind == "control":
                yield subprocess.Popen(
                    [Postgres.tool("psql"), "-Xqc", "SELECT count(*) FROM expense.expenses", self.database],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                continue
            connection = socket.create_connection(self.service if kind == "deadline" else self.address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(self.bytes_of(kind))
            yield connection

    def bytes_of(self, kind):
        if kind == "write":
            return self.request("POST", "/v1/expenses", EXPENSE)
        if kind == "reset":
            return http2([
                (":method", "GET"), (":scheme", "http"), (":path", "/v1/expenses"), (":authority", "localhost"),
                ("authorization", f"Bearer {self.token}")])
        if kind == "deadline":
            return http2([
                (":method", "POST"), (":scheme", "http"), (":authority", "localhost"),
                (":path", "/florin.expense.v1.ExpenseService/ListExpenses"), ("te", "trailers"),
                ("content-type", "application/grpc"), ("grpc-timeout", f"{DEADLINE}m"), ("florin-user-id", self.user)],
                bytes(5))
        return self.request("GET", "/v1/expenses")

    def leave(self, kind, callers, begun):
        """The moment in which nobody waits any more."""
        if kind == "deadline":
            return begun + DEADLINE / 1000
        left = time.perf_counter()
        if kind == "control":
            self.watcher.ask("SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted")
            return left
        for caller in callers:
            if kind == "reset":
                caller.sendall(frame(3, 0, 1, (8).to_bytes(4, "big")))
            else:
                caller.close()
        return left

    def round(self, kind):
        """Milliseconds that each statement went on."""
        begun = time.perf_counter()
        callers = list(self.callers(kind))
        seen, end = set(), time.monotonic() + PATIENCE
        # Expenses that are written together are one statement, and reads may share a connection, one behind the other.
        while len(seen) < (TOGETHER if kind == "control" else 1):
            seen = self.waiting()
            if time.monotonic() > end:
                raise SystemExit(f"bench-edge: {kind}: nothing waits for the lock")
        if kind != "deadline":
            time.sleep(0.02)
        left, gone = self.leave(kind, callers, begun), {}
        while True:
            present, now = self.waiting(), time.perf_counter()
            for process in seen - present:
                gone.setdefault(process, now)
            for process in present:
                seen.add(process)
                gone.pop(process, None)
            if not present and now > left:
                break
            if time.monotonic() > end:
                raise SystemExit(f"bench-edge: {kind}: a statement goes on for {PATIENCE} s")
        for caller in callers:
            if kind == "control":
                caller.wait()
            else:
                caller.close()
        return [(moment - left) * 1000 for moment in gone.values() if moment >= left]

    def measure(self, title, kind):
        values = []
        while len(values) < CALLS:
            self.holder.ask("BEGIN; LOCK TABLE expense.expenses IN ACCESS EXCLUSIVE MODE")
            values += self.round(kind)
            self.holder.ask("ROLLBACK")
        if kind == "control":
            self.floor = percentile(values, 0.99)
        limit = LIMIT_MS + self.floor
        late = sum(value > limit for value in values)
        print(
            f"  {title:<44}{len(values):>6} statements  p50 {percentile(values, 0.5):>6.1f}"
            f"  p99 {percentile(values, 0.99):>6.1f}  max {max(values):>6.1f} ms"
            + (f"  {late} over {limit:.0f} ms" if late else ""), flush=True)
        return late <= len(values) / 100

    def play(self):
        print(f"Statements that go on after their callers, {TOGETHER} of whom leave at a time")
        kinds = {
            "control": "for comparison: pg_cancel_backend",
            "read": "read, client closes", "write": "write, client closes",
            "reset": "read, client resets its HTTP/2 stream",
            "deadline": f"read, deadline of {DEADLINE} ms at the service"}
        outcome = [self.measure(title, kind) for kind, title in kinds.items()]
        for database in (self.holder, self.watcher):
            database.close()
        return all(outcome)


class Reader:
    """A connection that is kept, for one request after the other."""

    def __init__(self, url, path, token):
        self.parts = urllib.parse.urlsplit(url)
        self.text = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        self.streams = None

    async def ask(self):
        """The status of an answer."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.parts.hostname, self.parts.port)
        reader, writer = self.streams
        writer.write(self.text)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(
            (int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
        await reader.readexactly(length)
        return int(head.split(" ", 2)[1])

    def close(self):
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


class Bulkhead:
    """Reads of expenses at a steady rate, alone and beside calls of a service that hangs.

    They hang with `hanging_token` at `path`; `pause` is the time before they do, for what the gateway remembers to be forgotten,
    and `seconds` how long the reads take.
    """

    def __init__(self, environment, token, name, path, hanging_token, pause=0.0, seconds=SECONDS):
        self.url = environment["FLORIN_URL"]
        self.token = token
        self.name, self.path, self.hanging_token, self.pause, self.seconds = name, path, hanging_token, pause, seconds
        self.service = int(pathlib.Path(environment["FLORIN_RUN_DIR"], f"{name}.pid").read_text())

    async def reads(self):
        """Milliseconds of each read, counted from when it was due."""
        free = [Reader(self.url, "/v1/expenses?limit=1", self.token) for _ in range(32)]
        times, tasks, begun = [], [], time.perf_counter()

        async def read(due):
            reader = free.pop() if free else Reader(self.url, "/v1/expenses?limit=1", self.token)
            status = await reader.ask()
            times.append((time.perf_counter() - due) * 1000)
            if status != 200:
                raise SystemExit(f"bench-edge: a read of expenses got {status}")
            free.append(reader)

        for number in range(int(RATE * self.seconds)):
            due = begun + number / RATE
            await asyncio.sleep(max(0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(read(due)))
        await asyncio.gather(*tasks)
        for reader in free:
            reader.close()
        return percentile(times, 0.5), percentile(times, 0.99)

    async def beside(self):
        """The same beside calls that hang."""
        callers = [Reader(self.url, self.path, self.hanging_token) for _ in range(HANGING)]
        await asyncio.sleep(self.pause)
        os.kill(self.service, signal.SIGSTOP)
        try:
            hanging = [asyncio.create_task(caller.ask()) for caller in callers]
            await asyncio.sleep(0.2)
            result = await self.reads()
            if any(task.done() for task in hanging):
                raise SystemExit("bench-edge: what should hang was answered")
        finally:
            os.kill(self.service, signal.SIGCONT)
        statuses = await asyncio.gather(*hanging)
        for caller in callers:
            caller.close()
        if set(statuses) != {200}:
            raise SystemExit(f"bench-edge: the service that went on answered {sorted(set(statuses))}")
        return result

    async def play(self):
        print(
            f"Reads of expenses, {RATE} a second for {self.seconds:g} s, alone and beside {HANGING} calls that hang in {self.name}: "
            "p50, p99 in ms")
        await self.reads()
        ratios = []
        for number in range(PAIRS):
            measured = {}
            for name in ("alone", "beside") if number % 2 == 0 else ("beside", "alone"):
                measured[name] = await (self.reads() if name == "alone" else self.beside())
            alone, beside = measured["alone"], measured["beside"]
            ratios.append(beside[1] / alone[1])
            print(
                f"  pair {number + 1}: alone {alone[0]:>6.1f} {alone[1]:>7.1f}   beside {beside[0]:>6.1f} {beside[1]:>7.1f}"
                f"   p99 {ratios[-1]:.2f} times", flush=True)
        median = statistics.median(ratios)
        print(f"  median of the ratios {median:.2f}" + ("" if median <= LIMIT_RATIO else f"  MORE THAN {LIMIT_RATIO}"))
        return median <= LIMIT_RATIO


def main():
    environment = os.environ
    print(f"load {os.getloadavg()[0]:.1f}")
    tale = story.Story(environment["FLORIN_URL"], environment["FLORIN_MAIL_DIR"])
    tale.register()
    tale.verify()
    tale.log_in()
    tale.client.call("POST", "/v1/expenses", json.loads(EXPENSE), 201)
    token = tale.client.access_token
    api_token = tale.client.call("POST", "/v1/auth/api-tokens", {"name": "bench", "scopes": ["expenses:read"]}, 201).json["token"]
    outcome = [
        Overruns(environment, token).play(),
        asyncio.run(Bulkhead(environment, token, "portfolio-service", "/v1/portfolios", token).play()),
        # The gateway believes what it heard of an API token for three seconds, and asks about one for five at most.
        asyncio.run(
            Bulkhead(
                environment, token, "auth-service", "/v1/expenses?limit=1", api_token, pause=3.5, seconds=min(SECONDS, 3)
            ).play()),
    ]
    print(f"load {os.getloadavg()[0]:.1f}")
    return 0 if all(outcome) else 1


if __name__ == "__main__":
    sys.exit(main())
