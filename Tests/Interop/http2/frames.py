#!/usr/bin/env python3
"""A client of HTTP/2 made of bare frames (hyperframe, hpack), to do what no proper client would. Prints one line: how it
ended. Usage: frames.py PORT SCENARIO [PATH]"""

import socket
import sys
import time

from hpack import Decoder, Encoder
from hyperframe.frame import (ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame,
                              RstStreamFrame, SettingsFrame, WindowUpdateFrame)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATIENCE = 30


class Client:
    """A connection, and what came back on it."""

    def __init__(self, port, settings=None, buffer=None):
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.encoder, self.decoder = Encoder(), Decoder()
        self.input = b""
        self.send(PREFACE + SettingsFrame(0, settings=settings or {}).serialize())

    def send(self, data):
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def request(self, stream, method="GET", path="/", extra=(), end=True, without=(), raw=None):
        fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")]
        fields = raw or [field for field in fields if field[0] not in without] + list(extra)
        frame = HeadersFrame(stream, data=self.encoder.encode(fields, huffman=False), flags=["END_HEADERS"])
        if end:
            frame.flags.add("END_STREAM")
        return self.send(frame.serialize())

    def frames(self):
        """What the server sends, to its end."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            while len(self.input) >= 9:
                frame, length = Frame.parse_frame_header(memoryview(self.input[:9]))
                if len(self.input) < 9 + length:
                    break
                frame.parse_body(memoryview(self.input[9:9 + length]))
                self.input = self.input[9 + length:]
                yield frame
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return
            self.input += data

    def outcome(self, stream=None, acknowledges=True):
        """How the connection ended, or how that stream was answered."""
        status, body = None, 0
        for frame in self.frames():
            if isinstance(frame, GoAwayFrame):
                return f"goaway {frame.error_code}"
            if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags and acknowledges:
                self.send(SettingsFrame(0, flags=["ACK"]).serialize())
            if isinstance(frame, HeadersFrame):
                fields = dict(self.decoder.decode(frame.data))
                status = fields.get(":status", status) if frame.stream_id == stream else status
            if frame.stream_id == stream and stream is not None:
                body += len(frame.data) if isinstance(frame, DataFrame) else 0
                if isinstance(frame, RstStreamFrame):
                    return f"reset {frame.error_code} after {status}"
                if "END_STREAM" in frame.flags:
                    return f"status {status}"
        return f"closed after {status}" if status else "closed"


def flood(client, make, count=4000):
    """Sends many frames in pieces, reading nothing, then tells how it ended."""
    for start in range(0, count, 200):
        if not client.send(b"".join(make(index) for index in range(start, start + 200))):
            break
    return client.outcome()


def settings_flood(port):
    return flood(Client(port), lambda _: SettingsFrame(0, settings={3: 100}).serialize())


def ping_flood(port):
    return flood(Client(port), lambda _: PingFrame(0, opaque_data=b"12345678").serialize())


def priority_flood(port):
    return flood(Client(port), lambda index: PriorityFrame(2 * index + 1, depends_on=0, stream_weight=1).serialize())


def empty_data_flood(port):
    client = Client(port)
    client.request(1, "POST", "/echo", end=False)
    return flood(client, lambda _: DataFrame(1, data=b"").serialize())


def rapid_reset(port):
    client = Client(port)
    fields = [(":method", "GET"), (":scheme", "http"), (":path", "/wait"), (":authority", "a")]
    return flood(client, lambda index: HeadersFrame(
        2 * index + 1, data=client.encoder.encode(fields), flags=["END_HEADERS", "END_STREAM"]).serialize()
        + RstStreamFrame(2 * index + 1, error_code=8).serialize())


def continuation_flood(port):
    client = Client(port)
    client.send(HeadersFrame(1, data=client.encoder.encode([(":method", "GET")])).serialize())
    return flood(client, lambda index: ContinuationFrame(
        1, data=client.encoder.encode([(f"x-{index}", "y" * 100)])).serialize())


def endless_head(port):
    client = Client(port)
    client.send(HeadersFrame(1, data=client.encoder.encode([(":method", "GET")])).serialize())
    return client.outcome(acknowledges=False)


def endless_body(port):
    client = Client(port)
    client.request(1, "POST", "/echo", end=False)
    client.send(DataFrame(1, data=b"abc").serialize())
    return client.outcome(1)


def no_window(port):
    """Never gives credit: the response has nowhere to go."""
    client = Client(port, settings={4: 0})
    client.request(1, path="/endless")
    return client.outcome(1)


def no_reading(port):
    """Gives all credit and reads nothing."""
    client = Client(port, settings={4: 2**31 - 1}, buffer=4096)
    client.send(WindowUpdateFrame(0, window_increment=2**31 - 1 - 65535).serialize())
    client.request(1, path="/endless")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            client.socket.setblocking(False)
            if client.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return "closed"
            time.sleep(0.05)
            client.socket.send(PingFrame(0, opaque_data=b"12345678").serialize())
        except BlockingIOError:
            continue
        except OSError:
            return "closed"
    return "still open"


def garbage(port):
    client = Client(port)
    client.send(b"\x00\x00\xff" * 50)
    return client.outcome()


def window_overflow(port):
    client = Client(port)
    client.send(WindowUpdateFrame(0, window_increment=2**31 - 1).serialize())
    return client.outcome()


def too_many_streams(port):
    client = Client(port)
    for index in range(101):
        client.request(2 * index + 1, path="/wait")
    return client.outcome(201)


def large_body(port):
    client = Client(port)
    client.request(1, "POST", "/echo", end=False)
    client.send(DataFrame(1, data=b"x" * 16384).serialize())
    return client.outcome(1)


def announced_body(port):
    client = Client(port)
    client.request(1, "POST", "/echo", [("content-length", "1000000000")], end=False)
    return client.outcome(1)


MALFORMED = {
    "no path": dict(without=(":path",)), "no method": dict(without=(":method",)), "no scheme": dict(without=(":scheme",)),
    "upper case": dict(extra=[("X-A", "b")]), "connection": dict(extra=[("connection", "close")]),
    "transfer-encoding": dict(extra=[("transfer-encoding", "chunked")]), "te": dict(extra=[("te", "gzip")]),
    "two paths": dict(extra=[(":path", "/b")]), "late pseudo": dict(raw=[
        (":method", "GET"), ("x", "y"), (":scheme", "http"), (":path", "/"), (":authority", "a")]),
    "unknown pseudo": dict(extra=[(":x", "y")]), "control byte": dict(extra=[("x", "a\x01b")]),
    "line feed": dict(extra=[("x", "a\nb: c")]), "NUL": dict(extra=[("x", "a\0b")]),
    "length too long": dict(method="POST", extra=[("content-length", "5")]),
    "two lengths": dict(method="POST", extra=[("content-length", "0"), ("content-length", "0")]),
    "bad length": dict(method="POST", extra=[("content-length", "+0")]),
    "absolute path": dict(path="http://a/"), "empty path": dict(path=""), "relative path": dict(path="x"),
    "fragment": dict(path="/#x"), "bad encoding": dict(path="/%zz"), "encoded NUL": dict(path="/%00"),
    "asterisk": dict(path="*"), "other host": dict(extra=[("host", "b")]),
    "two hosts": dict(extra=[("host", "a"), ("host", "a")]), "no host": dict(without=(":authority",)),
    "unknown method": dict(method="BREW"), "connect": dict(raw=[(":method", "CONNECT"), (":authority", "a:1")]),
    "expectation": dict(method="POST", extra=[("expect", "200-ok")]),
    "long path": dict(path="/" + "a" * 9000), "longer path": dict(path="/" + "a" * 30000),
    "long field": dict(extra=[("x", "a" * 17000)]), "longer field": dict(extra=[("x", "a" * 40000)]),
    "many fields": dict(extra=[(f"x{index}", "") for index in range(101)]),
    "in order": dict(extra=[("host", "A"), ("te", "trailers"), ("x", "")]),
}


def malformed(port):
    """One line each."""
    lines = []
    for name, arguments in MALFORMED.items():
        client = Client(port)
        data = dict(arguments)
        block = data.get("raw") is not None or sum(len(value) for _, value in data.get("extra", ())) > 15000 or len(
            data.get("path", "")) > 15000
        if block:
            fields = data.get("raw") or [
                (":method", "GET"), (":scheme", "http"), (":path", data.get("path", "/")), (":authority", "a")
            ] + list(data.get("extra", ()))
            encoded = client.encoder.encode(fields, huffman=False)
            pieces = [encoded[start:start + 16384] for start in range(0, len(encoded), 16384)]
            frames = [HeadersFrame(1, data=pieces[0], flags=["END_STREAM"])]
            frames += [ContinuationFrame(1, data=piece) for piece in pieces[1:]]
            frames[-1].flags.add("END_HEADERS")
            client.send(b"".join(frame.serialize() for frame in frames))
        else:
            client.request(1, **data)
        lines.append(f"{name}: {client.outcome(1)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(globals()[sys.argv[2]](int(sys.argv[1])))
