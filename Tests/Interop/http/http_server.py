"""An HTTP server for tests, made of Python's own.

  http_server.py [--tls FOLDER]

Its first line of output is {"port": N}; with --tls there are ca.pem and server.pem, for 127.0.0.1, in the folder. What it
answers hangs on the path:

  /echo         the request as JSON
  /status/N     status N
  /redirect     302 to /echo
  /bytes/N      N bytes, their number announced
  /endless      bytes without an end and without a number
  /head         a head without an end
  /stall        nothing, until the client goes
  /drip         a byte each 100 ms, without an end

It ends when its standard input closes.
"""

import argparse
import http.server
import json
import pathlib
import ssl
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from smtp.smtp_server import make_certificates  # noqa: E402


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Says nothing."""

    def answer(self):
        name, _, rest = self.path[1:].partition("/")
        getattr(self, f"do_{name}", self.nothing)(rest)

    do_GET = do_POST = answer

    def send(self, status, body, **headers):
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def nothing(self, _):
        self.send(404, b"")

    def do_echo(self, _):
        length = int(self.headers.get("Content-Length", 0))
        self.send(200, json.dumps({
            "method": self.command, "body": self.rfile.read(length).decode(),
            "headers": [[name.lower(), value] for name, value in self.headers.items()]}).encode(),
            Content_Type="application/json", X_Twice="a, b")

    def do_status(self, rest):
        self.send(int(rest), b"as asked")

    def do_redirect(self, _):
        self.send(302, b"elsewhere", Location="/echo")

    def do_bytes(self, rest):
        self.send(200, b"x" * int(rest))

    def stream(self, pieces):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.write(pieces)

    def write(self, pieces):
        self.close_connection = True
        try:
            for piece in pieces:
                self.wfile.write(piece)
        except OSError:
            pass  # The client has gone.

    def do_endless(self, _):
        self.stream(iter(lambda: b"x" * 65536, None))

    def do_drip(self, _):
        self.stream(iter(lambda: time.sleep(0.1) or b"x", None))

    def do_head(self, _):
        self.write([b"HTTP/1.1 200 OK\r\n"])
        self.write(iter(lambda: b"X-Long: " + b"x" * 1000 + b"\r\n", None))

    def do_stall(self, _):
        self.close_connection = True
        self.rfile.read(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tls", type=pathlib.Path)
    arguments = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if arguments.tls:
        make_certificates(arguments.tls)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.tls / "server.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
