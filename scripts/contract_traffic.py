#!/usr/bin/env python3
"""Plays the story and calls every operation, and compares each real answer with openapi.json: status, header fields, body.

Needs what `.local/env` gives, jsonschema, and FLORIN_ISSUER: the address of an issuer of ID tokens that is trusted as `test`.
`make contract-traffic` starts everything, runs it and stops. Exit status 0 when the document says all that was answered, and each
operation has been answered with success.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True

import story  # noqa: E402
from contract.answers import Answers  # noqa: E402
from fuzz_api import make_administrator  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
AMFI = b"Scheme Code;ISIN Div Payout/ ISIN Growth;ISIN Div Reinvestment;Scheme Name;Net Asset Value;Date\n900001;-;-;Fund;what;20-Nov-2026\n"
UNKNOWN = "019aa1b2-0000-7000-8000-000000000001"


class Traffic:
    """Everything that was answered, held against the document."""

    def __init__(self, document):
        self.answers = Answers(document)
        self.document = document
        self.faults = []
        self.lock = threading.Lock()
        self.count = 0

    def look(self, method, target, status, headers, body):
        with self.lock:
            self.count += 1
            self.faults += self.answers.faults(method, target, status, list(headers), body)

    def never_done(self):
        """The operations that nobody was answered with success."""
        done = {name for name, status in self.answers.seen if 200 <= status < 300}
        every = {operation["operationId"] for item in self.document["paths"].values() for operation in item.values()}
        return sorted(every - done)

    def statuses(self):
        return sorted({status for _, status in self.answers.seen})


class Raw:
    """Bytes that no client of HTTP would send."""

    def __init__(self, url, traffic):
        parts = urllib.parse.urlsplit(url)
        self.address = (parts.hostname, parts.port)
        self.traffic = traffic

    def send(self, content, method, target, expect):
        with socket.create_connection(self.address, timeout=story.PATIENCE) as connection:
            connection.sendall(content)
            answer = http.client.HTTPResponse(connection, method=method)
            answer.begin()
            body = answer.read()
        if answer.status != expect:
            raise story.StoryError(f"{content[:60]!r} was answered {answer.status}, not {expect}: {body[:300]!r}")
        self.traffic.look(method, target, answer.status, answer.getheaders(), body)

    def break_rules_of_http(self):
        head = b" HTTP/1.1\r\nHost: a\r\n"
        self.send(b"GET /" + b"a" * 9000 + head + b"\r\n", "GET", "/a", 414)
        self.send(b"GET /v1/expenses" + head + b"A: " + b"a" * 17000 + b"\r\n\r\n", "GET", "/v1/expenses", 431)
        self.send(b"GET /v1/expenses" + head + b"A : b\r\n\r\n", "GET", "/v1/expenses", 400)
        self.send(b"POST /v1/auth/login" + head + b"Content-Length: 2000000\r\n\r\n", "POST", "/v1/auth/login", 413)
        self.send(
            b"POST /v1/auth/login" + head + b"Expect: tea\r\nContent-Length: 2\r\n\r\n{}", "POST", "/v1/auth/login", 417)
        self.send(b"BREW /pot" + head + b"\r\n", "BREW", "/pot", 501)
        self.send(b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "BREW", "/", 505)
        self.send(b"PUT /v1/expenses" + head + b"\r\n", "PUT", "/v1/expenses", 405)
        self.send(b"OPTIONS /v1/expenses" + head + b"\r\n", "OPTIONS", "/v1/expenses", 204)

    def be_slow(self):
        """A head that never ends."""
        self.send(b"GET /v1/expenses HTTP/1.1\r\nHost: a\r\n", "GET", "/v1/expenses", 408)


class Tour:
    """One call of each kind to every operation."""

    def __init__(self, tale, raw, traffic):
        self.tale, self.raw, self.traffic = tale, raw, traffic
        self.user, self.anybody = tale.client, story.Client(tale.client_url)

    def signed_in(self, address, password):
        client = story.Client(self.tale.client_url)
        body = {"email": address, "password": password}
        client.access_token = client.call("POST", "/v1/auth/login", body).json["access_token"]
        return client

    def play(self):
        slow = threading.Thread(target=self.guarded, args=(self.raw.be_slow,))
        slow.start()
        for step in (
                self.read_documents, self.spend, self.invest, self.manage_account, self.use_api_tokens, self.use_a_second_factor,
                self.sign_in_elsewhere, self.administer, self.listen, self.generate_a_client, self.raw.break_rules_of_http,
                self.go_wrong, self.lose_a_service, self.leave):
            step()
            story.say(f"{step.__name__.replace('_', ' ')}: as the document says")
        slow.join()

    def guarded(self, body):
        try:
            body()
        except (OSError, story.StoryError, http.client.HTTPException) as error:
            with self.traffic.lock:
                self.traffic.faults.append(str(error))

    def read_documents(self):
        pages = {"Accept": "*/*"}
        for path in (
                "/", "/openapi.json", "/docs", "/problems", "/problems/not_found", "/verify?token=a", "/reset?token=a",
                "/.well-known/openid-configuration"):
            answer = self.anybody.call("GET", path, extra=pages)
            self.anybody.call("HEAD", path, extra=pages)
            self.anybody.call("GET", path, expect=304, extra=pages | {"If-None-Match": answer.headers["ETag"]})
        self.anybody.call("GET", "/.well-known/jwks.json")
        self.anybody.call("GET", "/docs", expect=406)
        self.anybody.call("GET", "/problems/unheard_of", expect=404, extra=pages)
        self.anybody.call("GET", "/openapi.json?version=1", expect=400)

    def spend(self):
        call = self.user.call
        category = call("POST", "/v1/categories", {"name": "Rare books", "color": "#2e7d32"}, expect=201).json["id"]
        read = call("GET", f"/v1/categories/{category}")
        call("GET", f"/v1/categories/{category}", expect=304, extra={"If-None-Match": read.headers["ETag"]})
        key = {"Idempotency-Key": secrets.token_hex(8)}
        body = {
            "amount": {"amount": "30.00", "currency": "EUR"}, "spent_on": "2026-11-02", "merchant": "Bookshop", "note": "two",
            "tags": ["books"], "external_id": secrets.token_hex(4), "splits": [
                {"category_id": category, "amount": {"amount": "10.00", "currency": "EUR"}, "note": "one"},
                {"category_id": category, "amount": {"amount": "20.00", "currency": "EUR"}}],
        }
        expense = call("POST", "/v1/expenses", body, expect=201, extra=key).json["id"]
        again = call("POST", "/v1/expenses", body, expect=201, extra=key)
        story.same("a repetition", (again.json["id"], again.headers["Idempotency-Replayed"]), (expense, "true"))
        call("POST", "/v1/expenses", body | {"note": "other"}, expect=422, extra=key)
        call("GET", f"/v1/expenses/{expense}")
        call("GET", "/v1/expenses?limit=2&currency=EUR")
        call("DELETE", f"/v1/expenses/{expense}", expect=412, extra={"If-Match": '"99"'})
        call("DELETE", f"/v1/expenses/{expense}", expect=204)
        call("GET", f"/v1/expenses/{expense}", expect=404)
        budget = call("GET", "/v1/budgets").json["data"][0]["id"]
        call("GET", f"/v1/budgets/{budget}")
        call("GET", f"/v1/budgets/{budget}/status")
        call("POST", "/v1/expenses", body | {"amount": {"amount": "3.00", "currency": "GBP"}, "splits": None}, expect=201)
        call("GET", "/v1/reports/summary?from=2026-11-01&to=2026-11-30&currency=EUR&group_by=tag")

    def invest(self):
        call = self.user.call
        portfolio = call("GET", "/v1/portfolios").json["data"][0]["id"]
        instrument = call("GET", "/v1/instruments").json["data"][0]["id"]
        call("GET", f"/v1/portfolios/{portfolio}")
        call("GET", f"/v1/instruments/{instrument}")
        call("POST", f"/v1/instruments/{instrument}/prices", {"on": "2026-11-02", "price": "101.5"}, expect=201)
        call("GET", f"/v1/instruments/{instrument}/prices?limit=3")
        call("POST", "/v1/prices/imports?format=amfi", AMFI, content_type="text/plain")
        unpriced = call(
            "POST", "/v1/instruments", {"type": "other", "name": "A painting", "currency": "INR"}, expect=201).json["id"]
        for each in (portfolio, self.tale.portfolio):
            for path in ("transactions", "holdings", "performance"):
                call("GET", f"/v1/portfolios/{each}/{path}")
        call(
            "POST", f"/v1/portfolios/{self.tale.portfolio}/transactions",
            {"type": "buy", "on": "2026-11-02", "instrument_id": unpriced, "quantity": "1", "price": "5", "note": "why not",
             "fee": {"amount": "0.10", "currency": "INR"}, "tax": {"amount": "0.05", "currency": "INR"}}, expect=201)
        call("GET", f"/v1/portfolios/{self.tale.portfolio}/holdings")

    def manage_account(self):
        call = self.user.call
        me = call("GET", "/v1/users/me")
        call("GET", "/v1/users/me", expect=304, extra={"If-None-Match": me.headers["ETag"]})
        call("PATCH", "/v1/users/me", {"display_name": "Ada L.", "locale": "de"}, extra={"If-Match": me.headers["ETag"]})
        call("PATCH", "/v1/users/me", {"locale": "en"}, expect=412, extra={"If-Match": me.headers["ETag"]})
        self.anybody.call("POST", "/v1/auth/email/resend", {"email": self.tale.address}, expect=202)
        body = {"email": self.tale.address, "password": self.tale.password}
        tokens = self.anybody.call("POST", "/v1/auth/login", body).json
        self.anybody.call("POST", "/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]})
        self.anybody.call("POST", "/v1/auth/refresh", {"refresh_token": "none"}, expect=401)
        call("GET", "/v1/auth/sessions?limit=1")
        call("GET", "/v1/users/me/export")
        call("GET", "/v1/audit?limit=2")

    def use_api_tokens(self):
        body = {"name": "script", "scopes": ["expenses:read"], "expires_at": "2099-01-01T00:00:00Z"}
        made = self.user.call("POST", "/v1/auth/api-tokens", body, expect=201).json
        script = story.Client(self.tale.client_url)
        script.access_token = made["token"]
        script.call("GET", "/v1/expenses?limit=1")
        script.call("GET", "/v1/portfolios", expect=403)
        script.call("POST", "/v1/auth/logout", expect=403)
        self.user.call("GET", "/v1/auth/api-tokens")
        self.user.call("DELETE", f"/v1/auth/api-tokens/{made['id']}", expect=204)

    def code(self, secret, later=0):
        """A code of an authenticator (RFC 6238)."""
        key = base64.b32decode(secret + "=" * (-len(secret) % 8))
        digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30 + later), hashlib.sha1)
        number = struct.unpack_from(">I", digest, digest[-1] & 15)[0] & 0x7FFFFFFF
        return f"{number % 1_000_000:06}"

    def use_a_second_factor(self):
        proof = {"password": self.tale.password}
        call = self.user.call
        call("DELETE", "/v1/auth/mfa/totp", proof, expect=409)
        call("POST", "/v1/auth/mfa/totp", {"password": "a wrong one"}, expect=403)
        secret = call("POST", "/v1/auth/mfa/totp", proof).json["secret"]
        codes = call("POST", "/v1/auth/mfa/totp/confirm", {"code": self.code(secret)}).json["codes"]
        call("POST", "/v1/auth/mfa/totp", proof, expect=409)
        challenge = self.anybody.call(
            "POST", "/v1/auth/login", {"email": self.tale.address, "password": self.tale.password}).json["mfa_challenge"]
        answer = {"mfa_challenge": challenge, "code": "000000"}
        self.anybody.call("POST", "/v1/auth/login/mfa", answer, expect=401)
        self.anybody.call("POST", "/v1/auth/login/mfa", answer | {"code": codes[0]})
        call("POST", "/v1/auth/mfa/recovery-codes", proof)
        call("DELETE", "/v1/auth/mfa/totp", proof, expect=204)

    def sign_in_elsewhere(self):
        """By an ID token: an account is made, and found the next time."""
        issuer = urllib.parse.urlsplit(os.environ["FLORIN_ISSUER"])
        connection = http.client.HTTPConnection(issuer.hostname, issuer.port, timeout=story.PATIENCE)
        connection.request("GET", "/token")
        body = {"id_token": json.load(connection.getresponse())["token"]}
        connection.close()
        for _ in range(2):
            self.anybody.call("POST", "/v1/auth/oidc/test", body)
        self.anybody.call("POST", "/v1/auth/oidc/test", {"id_token": body["id_token"] + "x"}, expect=401)
        self.anybody.call("POST", "/v1/auth/oidc/nobody", body, expect=404)

    def administer(self):
        self.user.call("GET", "/v1/admin/users", expect=403)
        administrator = self.signed_in(*make_administrator())
        found = administrator.call("GET", f"/v1/admin/users?email={urllib.parse.quote(self.tale.address)}").json["data"][0]
        path = f"/v1/admin/users/{found['id']}"
        administrator.call("GET", path)
        self.lock_out(administrator)
        administrator.call("GET", f"/v1/admin/users/{UNKNOWN}", expect=404)

    def lock_out(self, administrator):
        body = {"email": f"locked.{secrets.token_hex(6)}@example.org", "password": secrets.token_urlsafe(12), "display_name": "L"}
        known = self.anybody.call("POST", "/v1/auth/register", body, expect=201).json["id"]
        path = f"/v1/admin/users/{known}"
        administrator.call("PATCH", path, {"status": "locked"})
        del body["display_name"]
        self.anybody.call("POST", "/v1/auth/login", body, expect=403)
        administrator.call("PATCH", path, {"status": "active", "roles": ["user"]})

    def listen(self):
        """As many live streams as a user may have, and one too many."""
        # An answer that nobody holds closes its connection.
        connections, answers = [], []
        try:
            for _ in range(9):
                connection = http.client.HTTPConnection(self.user.host, self.user.port, timeout=story.PATIENCE)
                connections.append(connection)
                headers = self.user.headers() | {"Accept": "text/event-stream"}
                connection.request("GET", "/v1/events/stream", headers=headers)
                answer = connection.getresponse()
                body = b"" if answer.status == 200 else answer.read()
                self.traffic.look("GET", "/v1/events/stream", answer.status, answer.getheaders(), body)
                answers.append(answer)
            story.same("the streams", [answer.status for answer in answers], [200] * 8 + [429])
        finally:
            for connection in connections:
                connection.close()

    def generate_a_client(self):
        """What somebody else's generator makes of the document works."""
        with tempfile.TemporaryDirectory() as folder:
            settings = pathlib.Path(folder, "settings.json")
            settings.write_text('{"post_hooks": []}')
            made = subprocess.run(
                [sys.executable, "-m", "openapi_python_client", "generate", "--path", ROOT / "openapi.json", "--meta", "none",
                 "--output-path", pathlib.Path(folder, "florin_client"), "--config", settings],
                capture_output=True, text=True, check=False)
            if made.returncode or "Warning" in made.stdout + made.stderr:
                raise story.StoryError(f"no client could be made: {made.stdout}{made.stderr}")
            played = subprocess.run(
                [sys.executable, ROOT / "scripts/contract/generated.py", folder, self.tale.client_url], capture_output=True,
                text=True, check=False, env=os.environ | {"NO_PROXY": "*"})
            if played.returncode:
                raise story.StoryError(f"the generated client: {played.stderr}")

    def go_wrong(self):
        call = self.user.call
        self.anybody.call("GET", "/v1/expenses", expect=401)
        stranger = story.Client(self.tale.client_url)
        stranger.access_token = "forged"
        stranger.call("GET", "/v1/expenses", expect=401)
        self.anybody.call("POST", "/v1/auth/login", {"email": "a@example.org", "password": "wrong"}, expect=401)
        self.anybody.call("POST", "/v1/auth/email/verify", {"token": "none"}, expect=400)
        self.anybody.call("POST", "/v1/auth/login/mfa", {"mfa_challenge": "none", "code": "123456"}, expect=401)
        self.anybody.call("GET", "/v2", expect=404)
        call("POST", "/v1/expenses", {"colour": "red"}, expect=400)
        call("POST", "/v1/expenses", {}, expect=422)
        call("POST", "/v1/expenses", b"{", expect=400)
        call("POST", "/v1/expenses", b"{}", expect=415, content_type="text/plain")
        call("POST", "/v1/expenses", {}, expect=400, extra={"Idempotency-Key": "a b"})
        call("GET", "/v1/expenses", expect=406, extra={"Accept": "text/html"})
        call("GET", "/v1/expenses?limit=none", expect=400)
        call("GET", "/v1/expenses", {}, expect=400)
        call("POST", "/v1/auth/mfa/totp/confirm", {"code": "123456"}, expect=409)

    def lose_a_service(self):
        """A service that hangs: no answer in time, then none is waited for."""
        pid = int((pathlib.Path(os.environ["FLORIN_RUN_DIR"]) / "portfolio-service.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        try:
            calls = [
                threading.Thread(target=self.guarded, args=(lambda: self.user.call("GET", "/v1/portfolios", expect=504),))
                for _ in range(5)]
            for call in calls:
                call.start()
            for call in calls:
                call.join()
            self.user.call("GET", "/v1/portfolios", expect=503)
        finally:
            os.kill(pid, signal.SIGCONT)

    def leave(self):
        self.user.call("POST", "/v1/auth/logout", expect=204)
        other = self.signed_in(self.tale.address, self.tale.password)
        other.call("DELETE", "/v1/auth/sessions", expect=204)
        last = self.signed_in(self.tale.address, self.tale.password)
        last.call("DELETE", "/v1/users/me", {"password": "a wrong one"}, expect=403)
        erasure = last.call("DELETE", "/v1/users/me", {"password": self.tale.password}, expect=202).json["erasure_id"]
        story.eventually(
            lambda: self.anybody.call("GET", f"/v1/erasures/{erasure}").json["completed_at"], lambda done: done,
            "the end of the erasure")


def main():
    missing = [name for name in ("FLORIN_URL", "FLORIN_MAIL_DIR", "FLORIN_RUN_DIR", "FLORIN_ISSUER") if not os.environ.get(name)]
    if missing:
        print(f"contract_traffic: {' and '.join(missing)} must be set; source .local/env", file=sys.stderr)
        return 2
    traffic = Traffic(json.loads((ROOT / "openapi.json").read_text()))
    story.Client.seen = lambda _, method, path, answer: traffic.look(
        method, path, answer.status, answer.headers.items(), answer.body)
    try:
        tale = story.Story(os.environ["FLORIN_URL"], os.environ["FLORIN_MAIL_DIR"])
        tale.play()
        Tour(tale, Raw(os.environ["FLORIN_URL"], traffic), traffic).play()
    except (story.StoryError, OSError, KeyError, ValueError, http.client.HTTPException, subprocess.SubprocessError) as error:
        print(f"  ✘ {type(error).__name__}: {error}", flush=True)
        return 1
    for fault in sorted(set(traffic.faults)):
        print(f"  ✘ {fault}", flush=True)
    left = traffic.never_done()
    if left:
        print(f"  ✘ nobody was answered with success by {', '.join(left)}", flush=True)
    print(f"{traffic.count} answers with the statuses {', '.join(map(str, traffic.statuses()))}", flush=True)
    return 1 if traffic.faults or left else 0


if __name__ == "__main__":
    sys.exit(main())
