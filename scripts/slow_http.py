#!/usr/bin/python3
"""Lets slowhttptest hold the public API's connections in its four ways, and watches whether others are still served.

Needs what `.local/env` gives and Debian's slowhttptest; `make test-slow` starts everything, runs it and stops. Fails when
a request of another client fails, when slowhttptest finds the service unavailable, or when its connections are left open.
"""

import http.client
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True

SECONDS = int(os.environ.get("FLORIN_SLOW_SECONDS", "20"))
CONNECTIONS = int(os.environ.get("FLORIN_SLOW_CONNECTIONS", "1000"))
PATH = "/openapi.json"
# How long the server may need to see the last of them go: its longest deadline for what they do, and a little.
GOODBYE = 60
MODES = (
    ("slow heads", ("-H", "-i", "5", "-x", "24")),
    ("slow bodies", ("-B", "-i", "5", "-s", "65536", "-x", "10", "-t", "POST")),
    ("ranges", ("-R", "-a", "1", "-b", "3000", "-t", "HEAD")),
    ("slow reads", ("-X", "-w", "16", "-y", "64", "-n", "5", "-z", "16", "-k", "3")),
)


class Watcher(threading.Thread):
    """Another client, with a new connection for each request."""

    def __init__(self, parts):
        super().__init__(daemon=True)
        self.parts = parts
        self.times = []
        self.failures = []
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.wait(0.02):
            started = time.monotonic()
            try:
                status = self.ask()
                if status != 200:
                    self.failures.append(f"status {status}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            self.times.append(time.monotonic() - started)

    def ask(self):
        connection = http.client.HTTPConnection(self.parts.hostname, self.parts.port, timeout=10)
        try:
            connection.request("GET", PATH)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    def quantile(self, part):
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000


def memory(pid):
    """Resident MiB of a process."""
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def sockets(pid):
    """Open sockets of a process."""
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except FileNotFoundError:  # it was closed in between
            continue
    return count


def attack(url, mode, pid):
    """Runs one mode; returns what is wrong."""
    name, options = mode
    watcher = Watcher(urllib.parse.urlsplit(url))
    before = sockets(pid)
    watcher.start()
    process = subprocess.Popen(
        ["slowhttptest", *options, "-c", str(CONNECTIONS), "-r", "200", "-p", "3", "-l", str(SECONDS), "-u", url + PATH],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    most, largest = 0, 0.0
    reader = threading.Thread(target=lambda: setattr(process, "text", process.stdout.read()), daemon=True)
    reader.start()
    while process.poll() is None:
        most, largest = max(most, sockets(pid)), max(largest, memory(pid))
        time.sleep(0.2)
    reader.join()
    watcher.is_over.set()
    watcher.join()
    left = wait_until_gone(pid, before)
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", process.text)
    available = re.findall(r"service available:\s+(YES|NO)", text)
    print(f"  {name:<12} {most - before:>5} connections, {largest:>4.0f} MiB; {len(watcher.times)} other requests: "
          f"p50 {watcher.quantile(0.5):.1f} ms, p99 {watcher.quantile(0.99):.1f} ms, longest {watcher.quantile(1):.1f} ms, "
          f"{len(watcher.failures)} failed; available: {available[-1] if available else '?'}", flush=True)
    faults = [f"{name}: another client: {failure}" for failure in sorted(set(watcher.failures))]
    if "NO" in available or not available:
        faults.append(f"{name}: slowhttptest found the service unavailable")
    if len(watcher.times) < SECONDS:
        faults.append(f"{name}: only {len(watcher.times)} requests of another client were answered")
    if left > before:
        faults.append(f"{name}: {left - before} connections are left {GOODBYE} s later")
    return faults


def wait_until_gone(pid, before):
    deadline = time.monotonic() + GOODBYE
    while sockets(pid) > before and time.monotonic() < deadline:
        time.sleep(0.2)
    return sockets(pid)


def main():
    missing = [name for name in ("FLORIN_URL", "FLORIN_RUN_DIR") if not os.environ.get(name)]
    if missing:
        print(f"slow_http: {' and '.join(missing)} must be set; source .local/env", file=sys.stderr)
        return 2
    pid = int(pathlib.Path(os.environ["FLORIN_RUN_DIR"], "gateway.pid").read_text())
    print(f"slowhttptest: {CONNECTIONS} connections for at most {SECONDS} s each")
    faults = [fault for mode in MODES for fault in attack(os.environ["FLORIN_URL"], mode, pid)]
    for fault in faults:
        print(f"slow_http: {fault}", file=sys.stderr)
    print("the service stayed available" if not faults else f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
