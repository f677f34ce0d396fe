#!/usr/bin/env python3
"""Sends every unsafe operation of /openapi.json more than once with one Idempotency-Key, and checks what the contract says of it.

Each operation is refused first and asked for properly then, which a refusal must not keep it from; asked for again it gives the
same bytes and says so; another request with its key is refused, and the same one answered again after that. An operation that
CASES does not know is a fault: whoever adds a route adds a case.

Needs a running system: FLORIN_URL, FLORIN_MAIL_DIR and FLORIN_DB_URL as `.local/env` gives them, and FLORIN_ISSUER, the address of
an issuer of ID tokens that is configured as `test`. Standard library only. Exit status 0 when everything held, 1 otherwise.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import story

CASES = {}
PATIENCE = story.PATIENCE
UNSAFE = ("post", "put", "patch", "delete")


class Request:
    """What is sent: JSON, bytes, or nothing."""

    def __init__(self, method, path, body=None, content_type="application/json"):
        self.method = method
        self.path = path
        self.data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        self.content_type = content_type

    def __repr__(self):
        return f"{self.method} {self.path}"


class Case:
    """An operation by somebody: the request, one with its key that is refused before, one that is another after."""

    def __init__(self, person, request, refused, other, effects=None):
        self.person = person
        self.request = request
        self.refused = refused
        self.other = other
        # Counts what the operation makes; None where its answer alone tells.
        self.effects = effects


class Person:
    """A user with an account of their own."""

    def __init__(self, world, sign_in=True):
        self.world = world
        self.address = f"{secrets.token_hex(8)}@example.org"
        self.password = secrets.token_urlsafe(18)
        self.mailbox = story.Mailbox(world.mail_dir, self.address)
        self.token = None
        body = {"email": self.address, "password": self.password, "display_name": "Ada", "base_currency": "EUR"}
        self.make("POST", "/v1/auth/register", body, 201)
        self.tokens = self.sign_in() if sign_in else None

    def sign_in(self):
        tokens = self.make("POST", "/v1/auth/login", self.credentials, 200)
        self.token = tokens.get("access_token", self.token)
        return tokens

    @property
    def credentials(self):
        return {"email": self.address, "password": self.password}

    def send(self, request, key=None):
        """The status, the headers and the bytes of the answer."""
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        if request.data is not None:
            headers["Content-Type"] = request.content_type
        connection = http.client.HTTPConnection(self.world.host, self.world.port, timeout=PATIENCE)
        try:
            connection.request(request.method, request.path, body=request.data, headers=headers)
            response = connection.getresponse()
            return story.Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def make(self, method, path, body, expect, content_type="application/json"):
        answer = self.send(Request(method, path, body, content_type))
        if answer.status != expect:
            raise story.StoryError(f"{method} {path} answered {answer.status}, not {expect}: {answer.body[:600]!r}")
        return answer.json if answer.body else {}

    def count(self, path):
        return len(self.make("GET", f"{path}?limit=100", None, 200)["data"])

    def mailed_token(self, word):
        text = self.mailbox.wait_for(word)[0].get_content()
        return re.search(r"token=([A-Za-z0-9_-]+)", text)[1]

    def enrol(self):
        """Turns the second factor on; the recovery codes."""
        secret = self.make("POST", "/v1/auth/mfa/totp", {"password": self.password}, 200)["secret"]
        return self.make("POST", "/v1/auth/mfa/totp/confirm", {"code": totp(secret)}, 200)["codes"]


class World:
    def __init__(self, url, mail_dir, database, issuer):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.mail_dir, self.database, self.issuer = mail_dir, database, issuer

    def id_token(self):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.issuer}/token", timeout=PATIENCE) as answer:
            return json.load(answer)["token"]

    def make_administrator(self, address):
        statement = f"UPDATE auth.users SET roles = '{{user,admin}}' WHERE email = '{address}'"
        subprocess.run(["psql", "-XqAt", "-c", statement, self.database], check=True, timeout=60)


def totp(secret):
    """RFC 6238 with SHA-1, six digits, 30 seconds."""
    code = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = code[-1] & 15
    return f"{(struct.unpack('>I', code[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def case(function):
    """A case is a function of the world, named as its operation: `create_expense` for `createExpense`."""
    head, *rest = function.__name__.split("_")
    CASES[head + "".join(word.capitalize() for word in rest)] = function
    return function


def posts(person, path, body, wrong, effects=None):
    """A POST of JSON: refused with `wrong` in it, another one with a space more."""
    other = Request("POST", path, json.dumps(body).encode() + b" ")
    return Case(person, Request("POST", path, body), Request("POST", path, body | wrong), other, effects)


# What is asked for without an access token.

@case
def register(world):
    person = Person(world, sign_in=False)
    body = {"email": "new." + person.address, "password": person.password, "display_name": "Ada"}
    return posts(person, "/v1/auth/register", body, {"password": "short"})


@case
def verify_email(world):
    person = Person(world, sign_in=False)
    token = person.mailed_token("verify")
    return posts(person, "/v1/auth/email/verify", {"token": token}, {"token": token[:-4] + "AAAA"})


@case
def resend_verification(world):
    person = Person(world, sign_in=False)
    return posts(person, "/v1/auth/email/resend", {"email": person.address}, {"email": "nobody"})


@case
def login(world):
    person = Person(world, sign_in=False)
    return posts(person, "/v1/auth/login", person.credentials, {"password": "not the password"})


@case
def complete_login(world):
    person = Person(world)
    codes = person.enrol()
    challenge = person.sign_in()["mfa_challenge"]
    body = {"mfa_challenge": challenge, "code": codes[0]}
    person.token = None
    return posts(person, "/v1/auth/login/mfa", body, {"code": "AAAAA-AAAAA-AAAAA"})


@case
def sign_in_with_id_token(world):
    person = Person(world, sign_in=False)
    return posts(
        person, "/v1/auth/oidc/test", {"id_token": world.id_token()}, {"nonce": "another"})


@case
def refresh(world):
    person = Person(world)
    token = person.tokens["refresh_token"]
    person.token = None
    return posts(person, "/v1/auth/refresh", {"refresh_token": token}, {"refresh_token": token[:-4] + "AAAA"})


@case
def forgot_password(world):
    person = Person(world, sign_in=False)
    return posts(person, "/v1/auth/password/forgot", {"email": person.address}, {"email": "nobody"})


@case
def reset_password(world):
    person = Person(world, sign_in=False)
    person.make("POST", "/v1/auth/password/forgot", {"email": person.address}, 202)
    body = {"token": person.mailed_token("reset"), "new_password": secrets.token_urlsafe(18)}
    return posts(person, "/v1/auth/password/reset", body, {"new_password": "short"})


# Sessions, second factors and accounts. Some of them end the session that asks.

@case
def logout(world):
    person = Person(world)
    return Case(
        person, Request("POST", "/v1/auth/logout"), Request("POST", "/v1/auth/logout?all=true"),
        Request("DELETE", "/v1/auth/sessions"))


@case
def revoke_session(world):
    person = Person(world)
    path = f"/v1/auth/sessions/{person.tokens['session_id']}"
    return Case(person, Request("DELETE", path), Request("DELETE", path[:-12] + "0" * 12), Request("POST", "/v1/auth/logout"))


@case
def revoke_sessions(world):
    person = Person(world)
    return Case(
        person, Request("DELETE", "/v1/auth/sessions"), Request("DELETE", "/v1/auth/sessions?all=true"),
        Request("POST", "/v1/auth/logout"))


@case
def change_password(world):
    person = Person(world)
    body = {"current_password": person.password, "new_password": secrets.token_urlsafe(18)}
    return posts(person, "/v1/auth/password/change", body, {"current_password": "not the password"})


@case
def begin_totp(world):
    person = Person(world)
    return posts(person, "/v1/auth/mfa/totp", {"password": person.password}, {"password": "not the password"})


@case
def confirm_totp(world):
    person = Person(world)
    secret = person.make("POST", "/v1/auth/mfa/totp", {"password": person.password}, 200)["secret"]
    return posts(person, "/v1/auth/mfa/totp/confirm", {"code": totp(secret)}, {"code": "x"})


@case
def remove_totp(world):
    person = Person(world)
    person.enrol()
    found = posts(person, "/v1/auth/mfa/totp", {"password": person.password}, {"password": "not the password"})
    for request in (found.request, found.refused, found.other):
        request.method = "DELETE"
    return found


@case
def replace_recovery_codes(world):
    person = Person(world)
    person.enrol()
    return posts(person, "/v1/auth/mfa/recovery-codes", {"password": person.password}, {"password": "not the password"})


@case
def create_api_token(world):
    person = Person(world)
    return posts(
        person, "/v1/auth/api-tokens", {"name": "script", "scopes": ["expenses:read"]}, {"scopes": ["everything"]},
        lambda: person.count("/v1/auth/api-tokens"))


@case
def revoke_api_token(world):
    person = Person(world)
    first, second = (
        person.make("POST", "/v1/auth/api-tokens", {"name": name, "scopes": ["expenses:read"]}, 201)["id"] for name in "ab")
    path = "/v1/auth/api-tokens/"
    return Case(
        person, Request("DELETE", path + first), Request("DELETE", path + first[:-12] + "0" * 12),
        Request("DELETE", path + second))


@case
def update_me(world):
    person = Person(world)
    return Case(
        person, Request("PATCH", "/v1/users/me", {"display_name": "Ada Lovelace"}),
        Request("PATCH", "/v1/users/me", {"locale": "?"}), Request("PATCH", "/v1/users/me", {"display_name": "Eve"}))


@case
def delete_me(world):
    person = Person(world)
    path = "/v1/users/me"
    return Case(
        person, Request("DELETE", path, {"password": person.password}), Request("DELETE", path, {"password": "wrong"}),
        Request("DELETE", path, {"password": "another"}))


@case
def update_user(world):
    person, other = Person(world), Person(world)
    world.make_administrator(person.address)
    person.sign_in()
    account = f"/v1/admin/users/{other.make('GET', '/v1/users/me', None, 200)['id']}"
    return Case(
        person, Request("PATCH", account, {"status": "locked"}), Request("PATCH", account, {"status": "asleep"}),
        Request("PATCH", account, {"status": "active"}))


# Expenses.

@case
def create_category(world):
    person = Person(world)
    return posts(person, "/v1/categories", {"name": "Boats"}, {"name": ""})


@case
def create_expense(world):
    person = Person(world)
    body = {"amount": {"amount": "12.34", "currency": "EUR"}, "spent_on": "2026-11-10"}
    return posts(
        person, "/v1/expenses", body, {"amount": {"amount": "0.001", "currency": "EUR"}},
        lambda: person.count("/v1/expenses"))


@case
def delete_expense(world):
    person = Person(world)
    body = {"amount": {"amount": "12.34", "currency": "EUR"}, "spent_on": "2026-11-10"}
    first, second = (person.make("POST", "/v1/expenses", body, 201)["id"] for _ in range(2))
    return Case(
        person, Request("DELETE", f"/v1/expenses/{first}"), Request("DELETE", f"/v1/expenses/{first[:-12]}{'0' * 12}"),
        Request("DELETE", f"/v1/expenses/{second}"), lambda: 2 - person.count("/v1/expenses"))


@case
def create_budget(world):
    person = Person(world)
    body = {
        "name": "All", "limit": {"amount": "100.00", "currency": "EUR"}, "period": "monthly", "starts_on": "2026-11-01"}
    return posts(person, "/v1/budgets", body, {"period": "hourly"}, lambda: person.count("/v1/budgets"))


# Investments.

FUND = {"type": "mutual_fund", "name": "Florin Large Cap Fund", "currency": "INR", "amfi_code": "900001"}


def invested(world):
    """Somebody with a portfolio and an instrument; the identifiers of both."""
    person = Person(world)
    portfolio = person.make("POST", "/v1/portfolios", {"name": "Long term", "base_currency": "INR"}, 201)["id"]
    return person, portfolio, person.make("POST", "/v1/instruments", FUND, 201)["id"]


@case
def create_portfolio(world):
    person = Person(world)
    return posts(person, "/v1/portfolios", {"name": "Long term", "base_currency": "INR"}, {"base_currency": "XXXX"})


@case
def create_instrument(world):
    person = Person(world)
    return posts(person, "/v1/instruments", FUND, {"type": "boat"}, lambda: person.count("/v1/instruments"))


@case
def add_price(world):
    person, _, instrument = invested(world)
    path = f"/v1/instruments/{instrument}/prices"
    return posts(person, path, {"on": "2026-11-10", "price": "12.5"}, {"price": "-1"}, lambda: person.count(path))


@case
def create_transaction(world):
    person, portfolio, instrument = invested(world)
    path = f"/v1/portfolios/{portfolio}/transactions"
    body = {"type": "buy", "on": "2026-11-10", "instrument_id": instrument, "quantity": "10", "price": "9.5"}
    return posts(person, path, body, {"quantity": "0"}, lambda: person.count(path))


@case
def import_prices(world):
    person, _, instrument = invested(world)
    path, content = "/v1/prices/imports", (story.FIXTURES / "nav-6-columns.txt").read_bytes()
    return Case(
        person, Request("POST", f"{path}?format=amfi", content, "text/plain"),
        Request("POST", f"{path}?format=abacus", content, "text/plain"),
        Request("POST", f"{path}?format=amfi", content + b"\n", "text/plain"),
        lambda: person.count(f"/v1/instruments/{instrument}/prices"))


def check(operation, made):
    """Goes through one case.

    Raises StoryError for what does not hold.
    """
    key = secrets.token_urlsafe(12)

    def holds(what, condition, answer):
        if not condition:
            raise story.StoryError(
                f"{operation}: {what}; it answered {answer.status} {dict(answer.headers.items())} {answer.body[:600]!r}")

    person, wanted = made.person, made.request
    refused = person.send(made.refused, key)
    holds("was to be refused", 400 <= refused.status < 500, refused)
    first = person.send(wanted, key)
    holds("a refusal has used up the key", 200 <= first.status < 300, first)
    holds("a first answer is no replay", first.headers["Idempotency-Replayed"] is None, first)
    effects = made.effects and made.effects()
    for turn in range(2):
        again = person.send(wanted, key)
        holds("a repetition gets the first answer", (again.status, again.body) == (first.status, first.body), again)
        holds("a repetition says so", again.headers["Idempotency-Replayed"] == "true", again)
        holds(
            "a repetition has the same type, tag and place", all(
                again.headers[name] == first.headers[name] for name in ("Content-Type", "ETag", "Location")), again)
        if turn == 0:
            other = person.send(made.other, key)
            holds("another request was to be refused", other.status == 422, other)
            holds("another request was to be told why", other.json["code"] == "idempotency_key_reused", other)
    if made.effects and made.effects() != effects:
        raise story.StoryError(f"{operation}: the effect was made again")


def unsafe_operations(world):
    connection = http.client.HTTPConnection(world.host, world.port, timeout=PATIENCE)
    connection.request("GET", "/openapi.json")
    document = json.loads(connection.getresponse().read())
    connection.close()
    parameter = {"$ref": "#/components/parameters/IdempotencyKey"}
    found = {}
    for path, methods in document["paths"].items():
        for method in set(methods) & set(UNSAFE):
            operation = methods[method]
            if parameter not in operation.get("parameters", []):
                raise story.StoryError(f"{method.upper()} {path} does not take an Idempotency-Key")
            found[operation["operationId"]] = path
    return found


def main():
    names = ("FLORIN_URL", "FLORIN_MAIL_DIR", "FLORIN_DB_URL", "FLORIN_ISSUER")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        print(f"repetitions: {' and '.join(missing)} must be set", file=sys.stderr)
        return 2
    world = World(*(os.environ[name] for name in names))
    faults = []
    try:
        operations = unsafe_operations(world)
        faults += [f"{name} has no case" for name in sorted(set(operations) - set(CASES))]
        faults += [f"{name} is no operation" for name in sorted(set(CASES) - set(operations))]
        for name in sorted(set(operations) & set(CASES)):
            try:
                check(name, CASES[name](world))
                print(f"  ✔ {name}", flush=True)
            except story.StoryError as error:
                faults.append(str(error))
    except (story.StoryError, OSError) as error:
        faults.append(str(error))
    for fault in faults:
        print(f"repetitions: {fault}", file=sys.stderr)
    if not faults:
        print(f"{len(CASES)} operations were repeated")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
