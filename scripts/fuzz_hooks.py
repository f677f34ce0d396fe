"""What schemathesis is told beyond the document: who calls, and two checks of our own. Loaded by it, see fuzz_api.py.

Most operations are called by one user. Those that end the session or the account that they are called with get somebody who may
be lost: whoever is signed out, erased or changed is replaced before the next call. A live stream is ended by signing out.
"""

import http.client
import json
import os
import random
import secrets
import sys
import threading
import time
import urllib.parse

import schemathesis

sys.path.insert(0, os.path.dirname(__file__))

from contract.answers import Answers  # noqa: E402

URL = urllib.parse.urlsplit(os.environ["FLORIN_URL"])
# The password of the document's examples: these are right where somebody can be lost.
PASSWORD = "correct horse battery staple"
# What ends or changes those who call it.
FOR_GUESTS = frozenset({
    "beginTotp", "changePassword", "confirmTotp", "deleteMe", "logout", "removeTotp", "replaceRecoveryCodes", "revokeSession",
    "revokeSessions", "streamEvents"})
# A stream that goes on after this was really opened, and has sent what it begins with.
STREAM_SECONDS = 0.3
SIGN_IN_SECONDS = 300


def send(method, path, body=None, token=None, source=None):
    """Status and body of one request, from an address of one's own: wrong passwords are counted by address."""
    connection = http.client.HTTPConnection(URL.hostname, URL.port, timeout=20, source_address=source)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, body=json.dumps(body) if body is not None else None, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def tokens_of(address, password, source=None):
    status, body = send("POST", "/v1/auth/login", {"email": address, "password": password}, source=source)
    if status != 200:
        raise RuntimeError(f"{address} could not sign in: {status} {body[:300]!r}")
    return json.loads(body)["access_token"]


def register():
    """Somebody new: the address, and where wrong passwords have not been counted yet."""
    address = f"guest.{secrets.token_hex(8)}@example.org"
    source = (f"127.{random.randrange(1, 255)}.{random.randrange(255)}.{random.randrange(1, 255)}", 0)
    body = {"email": address, "password": PASSWORD, "display_name": "Guest"}
    status, answer = send("POST", "/v1/auth/register", body, source=source)
    if status != 201:
        raise RuntimeError(f"a guest could not register: {status} {answer[:300]!r}")
    return address, json.loads(answer)["id"], source


def sign_in():
    """The access token of somebody new."""
    address, _, source = register()
    return tokens_of(address, PASSWORD, source)


class Caller:
    """Somebody who stays, signed in anew before a token expires."""

    def __init__(self, credentials):
        self.address, self.password = credentials.split(" ", 1)
        self.token, self.signed_in_at = None, 0

    def present(self):
        if self.token is None or time.monotonic() - self.signed_in_at > SIGN_IN_SECONDS:
            self.token, self.signed_in_at = tokens_of(self.address, self.password), time.monotonic()
        return self.token


class Guests:
    """Somebody who may be lost."""

    def __init__(self):
        self.token = None
        self.timer = None

    def present(self):
        if self.token is None:
            self.token = sign_in()
        return self.token

    def leave(self):
        self.token = None

    def leave_soon(self):
        token, self.token = self.token, None
        self.timer = threading.Timer(STREAM_SECONDS, send, ("POST", "/v1/auth/logout"), {"token": token})
        self.timer.start()


GUESTS = Guests()
USER = Caller(os.environ["FUZZ_API_USER"])
ADMINISTRATOR = Caller(os.environ["FUZZ_API_ADMINISTRATOR"])
ANSWERS = Answers(json.loads(open(os.environ["FUZZ_API_CONTRACT"], encoding="utf-8").read()))
STRANGER = []


def name_of(case):
    return case.operation.definition.raw.get("operationId")


@schemathesis.auth(refresh_interval=None)
class Callers:
    """The token of each call."""

    def get(self, case, _context):
        if not case.operation.definition.raw.get("security"):
            return None
        if case.operation.path.startswith("/v1/admin/"):
            return ADMINISTRATOR.present()
        return (GUESTS if name_of(case) in FOR_GUESTS else USER).present()

    def set(self, case, token, _context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}


@schemathesis.hook
def before_call(_context, case, kwargs):
    authorization = (case.headers or {}).get("Authorization", "")
    if name_of(case) == "streamEvents" and GUESTS.token and authorization.endswith(GUESTS.token):
        GUESTS.leave_soon()


@schemathesis.hook
def after_call(_context, case, response):
    name = name_of(case)
    if GUESTS.timer is not None and name == "streamEvents":
        GUESTS.timer.join()
        GUESTS.timer = None
    elif name in FOR_GUESTS and name != "beginTotp" and response.status_code < 300:
        GUESTS.leave()


@schemathesis.hook.apply_to(operation_id="updateUser")
def map_path_parameters(_context, path_parameters):
    """Whom administrators may lock: nobody who is needed."""
    if len(str((path_parameters or {}).get("id"))) == 36:
        return {**path_parameters, "id": register()[1]}
    return path_parameters


@schemathesis.check
def callers_stay(_context, response, case):
    """Nobody is shut out whom the others are tried with: what they are answered would tell nothing any more."""
    token = response.request.headers.get("Authorization", "").removeprefix("Bearer ")
    assert response.status_code != 401 or token not in (USER.token, ADMINISTRATOR.token), "the caller was shut out"


@schemathesis.check
def documented_answer(_context, response, case):
    """The status, every header field, every member and every code of a problem is in the document."""
    headers = [(name, value) for name, values in response.headers.items() for value in values]
    faults = ANSWERS.faults(
        case.method.upper(), response.request.path_url, response.status_code, headers, response.content)
    assert not faults, "; ".join(faults)


@schemathesis.check
def not_for_others(_context, response, case):
    """What belongs to the caller is not there for somebody else."""
    raw = case.operation.definition.raw
    is_own = case.method.upper() == "GET" and "{" in case.operation.path and raw.get("security")
    if not is_own or response.status_code != 200:
        return
    if not STRANGER:
        STRANGER.append(sign_in())
    status, body = send("GET", response.request.path_url, token=STRANGER[0])
    assert status == (403 if "/admin/" in case.operation.path else 404), f"somebody else was answered {status}: {body[:300]!r}"
