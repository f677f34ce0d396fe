#!/usr/bin/python3
"""Measures the running system: HTTP/1.1, HTTP/2 and TLS beside nginx, gRPC, the write path against pgbench, the outbox.

Needs what `.local/env` gives, wrk, h2load, nginx and pgbench; `make bench` starts everything, runs it and stops. Figures are of
this machine in this minute, with servers, database, broker and load side by side: compare them within one run.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True

import story  # noqa: E402
from local import ports  # noqa: E402
from local.postgres import Postgres  # noqa: E402
from local.process import run  # noqa: E402

SECONDS = int(os.environ.get("FLORIN_BENCH_SECONDS", "10"))
# Events of one user are published one after the other, so the outbox of a single one would be the bottleneck of all.
USERS = 16
# The writes may be far ahead of the broker.
DRAIN_SECONDS = 300
EXPENSE = {
    "amount": {"amount": "12.34", "currency": "EUR"}, "spent_on": "2026-11-20", "merchant": "Corner shop",
    "note": "bread, milk, coffee", "tags": ["food"]}
CONNECTIONS = (1, 64, 512)
STREAMS = ((1, 1), (8, 16))
KEY_SET = "/.well-known/jwks.json"
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    ssl_certificate {folder}/certificate.pem;
    ssl_certificate_key {folder}/key.pem;
    ssl_session_cache shared:all:1m;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{cleartext_http2} http2;
        listen 127.0.0.1:{tls} ssl http2;
        location / {{ return 200; }}
    }}
}}
"""
WRK_SCRIPT = """
wrk.method = {method!r}
wrk.body = {body!r}
wrk.headers["Content-Type"] = "application/json"
local users, turn = {{ {authorizations} }}, 0
request = function()
    if #users > 0 then
        turn = turn % #users + 1
        wrk.headers["Authorization"] = users[turn]
    end
    return wrk.format()
end
"""
PGBENCH_SCRIPT = """
BEGIN;
INSERT INTO expense.expenses
    (id, owner_id, kind, amount, currency, spent_on, merchant, note, tags, version, created_at, updated_at)
    VALUES (gen_random_uuid(), gen_random_uuid(), 'expense', 12.34, 'EUR', '2026-11-20', 'Corner shop',
        'bread, milk, coffee', '{food}', 1, now(), now());
INSERT INTO expense.outbox (shard, id, type, partition_key, event)
    VALUES (0, gen_random_uuid(), 'florin.expense.expense_created.v1', gen_random_uuid()::text,
        convert_to(repeat('x', 900), 'UTF8'));
COMMIT;
"""


class Processes:
    """Processor time and memory of Florin's own processes."""

    NAMES = ("gateway", "auth-service", "expense-service", "portfolio-service", "event-processor")

    def __init__(self, folder):
        self.pids = {name: int(pathlib.Path(folder, f"{name}.pid").read_text()) for name in self.NAMES}

    def seconds(self):
        result = {}
        for name, pid in self.pids.items():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            result[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return result

    def memory(self):
        """Resident MiB by process."""
        result = {}
        for name, pid in self.pids.items():
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
            result[name] = int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024
        return result


class Bench:
    def __init__(self, environment, folder):
        self.environment = environment
        self.url = environment["FLORIN_URL"]
        self.folder = pathlib.Path(folder)
        self.processes = Processes(environment["FLORIN_RUN_DIR"])

    def measure(self, title, command, pattern):
        """Runs a load generator and prints its rate, with the processor time that it cost Florin per request."""
        before, started = self.processes.seconds(), time.monotonic()
        text = run(command, timeout=SECONDS * 6 + 60)
        elapsed, after = time.monotonic() - started, self.processes.seconds()
        rate = float(re.search(pattern, text)[1])
        cost = {name: (after[name] - before[name]) / max(1, rate * elapsed) * 1e6 for name in after}
        spent = ", ".join(f"{name} {value:.0f}" for name, value in cost.items() if value >= 1)
        refused = re.search(r"Non-2xx or 3xx responses: \d+|\b[1-9]\d* [45]xx\b", text)
        latency = re.search(r"99%\s+([\d.]+\w+)", text)
        print(
            f"  {title:<56}{rate:>10,.0f}/s" + (f"  p99 {latency[1]}" if latency else "")
            + (f"  µs of processor each: {spent}" if spent else "")
            + (f"  REFUSED {refused[0]}" if refused else ""), flush=True)
        return rate

    def wrk(self, title, url, connections, method="GET", body="", tokens=()):
        script = self.folder / "wrk.lua"
        script.write_text(WRK_SCRIPT.format(
            method=method, body=body, authorizations=", ".join(f'"Bearer {token}"' for token in tokens)))
        return self.measure(
            title, ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(script), url],
            r"Requests/sec:\s+([\d.]+)")

    def h2load(self, title, url, clients, streams, *options):
        return self.measure(
            title, ["h2load", "-t1", f"-c{clients}", f"-m{streams}", f"-D{SECONDS}", *options, url],
            r"finished in .*?, ([\d.]+) req/s")

    def http(self):
        print("HTTP/1.1 (wrk), with nginx beside it, one process each")
        with self.nginx() as (plain, _, _):
            for connections in CONNECTIONS:
                self.wrk(f"nginx return 200, {connections} connections", plain, connections)
        for connections in CONNECTIONS:
            self.wrk(f"gateway /livez, {connections} connections", self.environment["FLORIN_GATEWAY_ADMIN_URL"] + "/livez",
                     connections)

    def http2_and_tls(self):
        """The key set is what the public address answers by itself; nginx answers nothing but a status."""
        print("HTTP/2 (h2load, connections × streams) and TLS (wrk), with nginx beside it")
        with self.nginx() as (_, http2, tls):
            self.several("nginx return 200", http2, tls)
        with self.tls_gateway() as tls:
            self.several("gateway key set", self.url + KEY_SET, tls + KEY_SET)

    def several(self, name, http2, tls):
        for clients, streams in STREAMS:
            self.h2load(f"{name}, HTTP/2, {clients} × {streams}", http2, clients, streams)
            self.h2load(f"{name}, HTTP/2 over TLS, {clients} × {streams}", tls, clients, streams)
        self.wrk(f"{name}, HTTP/1.1 over TLS, 64 connections", tls, 64)

    @contextlib.contextmanager
    def nginx(self):
        """Runs an nginx of one process that answers 200 and nothing else; gives its addresses: plain, HTTP/2, TLS."""
        names = ("plain", "cleartext_http2", "tls")
        port = dict(zip(names, ports.free(len(names))))
        configuration = self.folder / "nginx.conf"
        configuration.write_text(NGINX.format(folder=self.folder, **port))
        command = ["/usr/sbin/nginx", "-e", str(self.folder / "nginx.log"), "-c", str(configuration)]
        with self.beside("nginx", command, {}, port["plain"]):
            yield (f"http://127.0.0.1:{port['plain']}/", f"http://127.0.0.1:{port['cleartext_http2']}/",
                   f"https://127.0.0.1:{port['tls']}/")

    @contextlib.contextmanager
    def tls_gateway(self):
        """Runs a second gateway, configured as the first but for its addresses and TLS; gives its address."""
        process = pathlib.Path("/proc", str(self.processes.pids["gateway"]))
        settings = dict(
            entry.split("=", 1) for entry in (process / "environ").read_text().rstrip("\0").split("\0"))
        port, admin = ports.free(2)
        settings |= {
            "FLORIN_HTTP_LISTEN": f"127.0.0.1:{port}", "FLORIN_ADMIN_LISTEN": f"127.0.0.1:{admin}",
            "FLORIN_TLS_CERTIFICATE": str(self.folder / "certificate.pem"), "FLORIN_TLS_KEY": str(self.folder / "key.pem")}
        with self.beside("gateway with TLS", [str((process / "exe").readlink()), "serve"], settings, port):
            yield f"https://127.0.0.1:{port}"

    @contextlib.contextmanager
    def beside(self, name, command, settings, port):
        """Runs a program beside Florin's until the end of the block, once it listens."""
        log = self.folder / f"{name}.log"
        with log.open("w") as output:
            server = subprocess.Popen(command, env=settings, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 10
            while not ports.accepts(port):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise story.StoryError(f"{name} does not start: {log.read_text()}")
                time.sleep(0.05)
            self.processes.pids[name] = server.pid
            yield
        finally:
            self.processes.pids.pop(name, None)
            server.terminate()
            server.wait()

    def make_certificate(self):
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
             "-subj", "/CN=127.0.0.1", "-keyout", str(self.folder / "key.pem"),
             "-out", str(self.folder / "certificate.pem")])

    def grpc(self):
        print("gRPC (h2load), grpc.health.v1.Health/Check of expense-service")
        frame = self.folder / "frame"
        frame.write_bytes(bytes(5))
        for clients, streams in STREAMS:
            self.h2load(
                f"{clients} connections of {streams} calls",
                f"http://{self.environment['FLORIN_EXPENSE_GRPC']}/grpc.health.v1.Health/Check", clients, streams,
                "-d", str(frame), "-H", "content-type: application/grpc", "-H", "te: trailers")

    def signed_in(self):
        """The access tokens of new users."""
        tokens = []
        for _ in range(USERS):
            tale = story.Story(self.url, self.environment["FLORIN_MAIL_DIR"])
            tale.register()
            tale.verify()
            tale.log_in()
            tale.find_categories()
            tokens.append(tale.client.access_token)
        return tokens

    def writes(self, tokens):
        print(f"reading and writing expenses of {len(tokens)} users (wrk)")
        for connections in CONNECTIONS:
            self.wrk(f"GET /v1/users/me, {connections} connections", f"{self.url}/v1/users/me", connections,
                     tokens=tokens)
        published, started = self.published(), time.monotonic()
        best = 0.0
        for connections in CONNECTIONS:
            best = max(best, self.wrk(
                f"POST /v1/expenses, {connections} connections", f"{self.url}/v1/expenses", connections, "POST",
                json.dumps(EXPENSE), tokens))
        self.drain()
        count, elapsed = self.published() - published, time.monotonic() - started
        print(f"  {'outbox to confirmed, during and after':<56}{count / elapsed:>10,.0f}/s  ({count:,.0f} events)")
        return best

    def drain(self):
        """Waits until every event is published."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.is_pending():
            if time.monotonic() > deadline:
                raise story.StoryError(f"the outbox is not empty after {DRAIN_SECONDS} s")
            time.sleep(0.1)

    def metric(self, name):
        parts = urllib.parse.urlsplit(self.environment["FLORIN_EXPENSE_ADMIN_URL"])
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])

    def published(self):
        return self.metric("florin_outbox_published_total")

    def is_pending(self):
        return run([Postgres.tool("psql"), "-XqAt", self.environment["FLORIN_DB_URL"], "-c",
                    "SELECT count(*) FROM expense.outbox"]).strip() != "0"

    def pgbench(self, best):
        """The same two inserts in a copy of the schema, on the same server."""
        print("the same two inserts in one transaction (pgbench)")
        name = f"bench_{secrets.token_hex(4)}"
        server = self.environment["FLORIN_DB_URL"]
        copy = server.rpartition("/")[0] + f"/{name}"
        script = self.folder / "inserts.sql"
        script.write_text(PGBENCH_SCRIPT)
        psql = [Postgres.tool("psql"), "-Xq", "-v", "ON_ERROR_STOP=1"]
        run([*psql, server, "-c", f"CREATE DATABASE {name}"])
        try:
            schema = run([Postgres.tool("pg_dump"), "--schema-only", "--no-owner", "--schema=expense", server])
            run([*psql, copy], text=schema)
            # A trigger of the table names others, as found by the path that the service sets.
            run([*psql, server, "-c", f"ALTER DATABASE {name} SET search_path TO expense"])
            fastest = 0.0
            for clients in (1, 8, 32):
                fastest = max(fastest, self.measure(
                    f"{clients} clients", [
                        Postgres.tool("pgbench"), "-n", "-M", "prepared", f"-c{clients}", "-j1", f"-T{SECONDS}", "-f",
                        str(script), copy], r"tps = ([\d.]+)"))
            print(f"  POST /v1/expenses reaches {best / fastest:.2f} of it")
        finally:
            run([*psql, server, "-c", f"DROP DATABASE {name}"])

    def play(self):
        self.make_certificate()
        self.http()
        self.http2_and_tls()
        self.grpc()
        self.pgbench(self.writes(self.signed_in()))
        memory = self.processes.memory()
        print("resident memory (MiB): " + ", ".join(f"{name} {value:.0f}" for name, value in memory.items()))


def main():
    missing = [name for name in ("FLORIN_URL", "FLORIN_DB_URL", "FLORIN_RUN_DIR") if not os.environ.get(name)]
    if missing:
        print(f"bench: {' and '.join(missing)} must be set; source .local/env", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="florin-bench-") as folder:
        os.chmod(folder, 0o755)
        Bench(os.environ, folder).play()
    return 0


if __name__ == "__main__":
    sys.exit(main())
