#!/usr/bin/python3
"""Stands in for each of Florin's processes where the tests are about starting and stopping them."""

import http.server
import os
import signal
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    name = os.path.basename(sys.argv[0])
    print(name, sys.argv[1], flush=True)
    if os.environ.get("FLORIN_LOG_LEVEL") == f"fail:{name}":
        print("wrong configuration", flush=True)
        return 78
    if sys.argv[1] == "migrate":
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    time.sleep(0.2)
    host, port = os.environ["FLORIN_ADMIN_LISTEN"].split(":")
    http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
    return 0


sys.exit(main())
