"""An issuer of ID tokens for tests, made of PyJWT and cryptography.

Its first line of output is {"url": "http://127.0.0.1:N"}. It serves discovery and keys there, and takes orders on standard
input, a JSON object a line, each answered by a line:

  {"do": "mint", "claims": {...}}   {"token": ...}: sound, but for the claims given; null leaves one out. "by" may be
                                    "stranger" (a key of its own under the issuer's kid), "hmac" (HS256 with the public
                                    key as the secret) or "none"; "kid" and "header" change the header
  {"do": "rotate"}                  another key; the old one is published no more
  {"do": "set", "status": N}        answers everything with that status; 200 is as usual
  {"do": "set", "delay": seconds}   waits before each answer
  {"do": "set", "issuer": text}     what discovery says the issuer is; null is the truth
  {"do": "counts"}                  how often discovery and keys were asked for

It ends when its standard input closes. With --detached it takes no orders and ends by a signal; /token is a sound token then.
"""

import base64
import collections
import hashlib
import hmac
import http.server
import json
import signal
import sys
import threading
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def say(**values):
    print(json.dumps(values), flush=True)


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    def __init__(self):
        self.settings = {"status": 200, "delay": 0, "issuer": None}
        self.counts = collections.Counter()
        self.number = 0
        self.stranger = self.make_key()
        self.rotate()

    @staticmethod
    def make_key():
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def rotate(self):
        self.number += 1
        self.key = self.make_key()

    @property
    def kid(self):
        return f"key-{self.number}"

    def discovery(self):
        return {"issuer": self.settings["issuer"] or self.url, "jwks_uri": f"{self.url}/keys"}

    def keys(self):
        numbers = self.key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        return {"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "other", "x": "AA", "y": "AA"},
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
             "n": encoded(numbers.n.to_bytes(size, "big")), "e": encoded(b"\x01\x00\x01")}]}

    def mint(self, claims, by="issuer", kid=None, header=None):
        now = int(time.time())
        payload = {
            "iss": self.url, "aud": "florin-test", "sub": "subject-1", "iat": now, "exp": now + 600,
            "email": "ada@example.org", "email_verified": True, "name": "Ada Lovelace", "locale": "en-GB", **claims}
        payload = {name: value for name, value in payload.items() if value is not None}
        headers = {"kid": kid or self.kid, **(header or {})}
        if by == "none":
            return jwt.encode(payload, None, algorithm="none", headers=headers)
        if by == "hmac":
            return self.confused(payload, headers)
        return jwt.encode(payload, self.stranger if by == "stranger" else self.key, algorithm="RS256", headers=headers)

    def confused(self, payload, headers):
        """HS256 with the public key in PEM as the secret, which PyJWT itself refuses to make."""
        secret = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        parts = [json.dumps({"alg": "HS256", "typ": "JWT", **headers}), json.dumps(payload)]
        text = ".".join(encoded(part.encode()) for part in parts)
        return f"{text}.{encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}"

    def obey(self, order):
        match order.pop("do"):
            case "mint":
                return {"token": self.mint(**order)}
            case "rotate":
                self.rotate()
            case "set":
                self.settings.update(order)
            case "counts":
                return dict(self.counts)
        return {}


def handler(issuer):
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Says nothing."""

        def do_GET(self):
            pages = {
                "/.well-known/openid-configuration": issuer.discovery, "/keys": issuer.keys,
                "/token": lambda: {"token": issuer.mint({})}}
            issuer.counts[self.path.rsplit("/", 1)[-1]] += 1
            time.sleep(issuer.settings["delay"])
            status = issuer.settings["status"]
            body = json.dumps(pages[self.path]()).encode() if status == 200 else b"no"
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # The client has gone.

    return Handler


def main():
    issuer = Issuer()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(issuer))
    server.daemon_threads = True
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(url=issuer.url)
    if "--detached" in sys.argv:
        signal.pause()
    for line in sys.stdin:
        say(**issuer.obey(json.loads(line)))


if __name__ == "__main__":
    main()
