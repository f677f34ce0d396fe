"""Opens live streams and reads what they cost the gateway. Usage: idle.py ADDRESS PID TOKENS COUNT

TOKENS is a file with one access token a line, each of which may have eight streams. Prints a line of JSON: how many are
open, and the gateway's resident KiB before and after.
"""

import json
import os
import pathlib
import re
import resource
import selectors
import socket
import sys
import time

PATIENCE = 300
# Streams that are being opened at a time.
OPENING = 64


def resident(pid):
    """Resident KiB of a process."""
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def main(address, pid, tokens, count):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host, port = address.rsplit(":", 1)
    tokens = pathlib.Path(tokens).read_text().split()
    before = resident(pid)
    deadline = time.monotonic() + PATIENCE
    selector = selectors.DefaultSelector()
    received, opened, faults = {}, [], []

    def begin(number):
        client = socket.create_connection((host, int(port)), timeout=PATIENCE)
        client.sendall((f"GET /v1/events/stream HTTP/1.1\r\nHost: {address}\r\n"
                        f"Authorization: Bearer {tokens[number // 8]}\r\n\r\n").encode())
        client.setblocking(False)
        received[client] = b""
        selector.register(client, selectors.EVENT_READ)

    begun = 0
    while len(opened) + len(faults) < count and time.monotonic() < deadline:
        while begun < count and begun - len(opened) - len(faults) < OPENING:
            begin(begun)
            begun += 1
        for key, _ in selector.select(1):
            client = key.fileobj
            piece = client.recv(65536)
            received[client] += piece
            if not piece or not b"HTTP/1.1 200 ".startswith(received[client][:13]):
                faults.append(received[client][:200].decode(errors="replace"))
            elif b": connected\n\n" not in received[client]:
                continue
            else:
                opened.append(client)
            selector.unregister(client)
            received[client] = b""
    time.sleep(float(os.environ.get("FLORIN_STREAMS_HOLD", "1")))
    after = resident(pid)
    # Each is still there and has heard nothing but heartbeats.
    for client in opened:
        try:
            rest = client.recv(65536)
            if rest.replace(b": heartbeat\n\n", b"").strip(b"0123456789abcdef\r\n"):
                faults.append(rest[:200].decode(errors="replace"))
        except BlockingIOError:
            continue
        if not rest:
            faults.append("closed")
    print(json.dumps({"open": len(opened), "before": before, "after": after, "faults": faults[:5]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
