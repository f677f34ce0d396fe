#!/usr/bin/python3
"""Asks the public API at, above and far above its rate limit for minutes, and judges every 60 seconds of what came back.

Needs what `.local/env` gives; `make test-limits` starts everything with the limits that are the default, runs it and stops.
Fails where more than the quota was accepted in any 60 s, where a client that asks for the quota all the time was accepted
less than 99 % of it in any 60 s, or where a field of an answer promised what was not so. On a busy machine a client asks
unevenly, and even a log of every single request would accept less: then that log is the measure.
"""

import bisect
import http.client
import json
import os
import re
import secrets
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True

SECONDS = int(os.environ.get("FLORIN_LIMITS_SECONDS", "150"))
QUOTA = 1000
WINDOW = 60
SIGN_IN_QUOTA = 120
# What the clocks of two processes and a busy machine may make of a moment.
SLACK = 0.5


class Client(threading.Thread):
    """One user, who asks on one connection by a plan: the moments, from the beginning, of all requests."""

    def __init__(self, url, name, plan, is_steady=True):
        super().__init__(daemon=True)
        self.parts = urllib.parse.urlsplit(url)
        self.name = name
        self.plan = plan
        self.is_steady = is_steady
        self.token = register(self.parts)
        self.accepted = []
        self.answered = []
        self.faults = []
        self.blocked_until = 0.0

    def run(self):
        connection = http.client.HTTPConnection(self.parts.hostname, self.parts.port, timeout=30)
        started = time.monotonic()
        for moment in self.plan:
            time.sleep(max(0.0, started + moment - time.monotonic()))
            try:
                self.ask(connection)
            except (OSError, http.client.HTTPException, ValueError, TypeError) as error:
                self.faults.append(f"{error!r}")
                return
        connection.close()

    def ask(self, connection):
        sent = time.monotonic()
        status, fields, _ = call(connection, "GET", "/v1/users/me", token=self.token)
        received = time.monotonic()
        self.answered.append(received)
        if status == 200:
            self.accepted.append((sent, received))
        elif status == 429:
            if sent >= self.blocked_until > 0:
                self.faults.append("refused after as many seconds as Retry-After had said")
            self.blocked_until = received + int(fields["retry-after"])
        else:
            self.faults.append(f"status {status}")
        if status == 200:
            self.blocked_until = 0.0
        self.check_fields(fields, status, sent, received)

    def check_fields(self, fields, status, sent, received):
        if fields.get("ratelimit-policy") != f'"user";q={QUOTA};w={WINDOW}':
            self.faults.append(f"RateLimit-Policy is {fields.get('ratelimit-policy')}")
        match = re.fullmatch(r'"user";r=(\d+);t=(\d+)', fields.get("ratelimit", ""))
        if not match:
            self.faults.append(f"RateLimit is {fields.get('ratelimit')}")
            return
        remaining, reset = int(match[1]), int(match[2])
        if status == 429 and (remaining != 0 or int(fields["retry-after"]) != reset):
            self.faults.append(f"429 with {fields['ratelimit']} and Retry-After: {fields['retry-after']}")
        # What was surely in the window when it was answered, and what was perhaps.
        surely = sum(1 for first, _ in self.recent(received - WINDOW + SLACK))
        perhaps = sum(1 for first, _ in self.recent(sent - WINDOW - SLACK))
        if not QUOTA - perhaps - 5 <= remaining <= QUOTA - surely:
            self.faults.append(f"r={remaining} with {surely} to {perhaps} accepted in the last {WINDOW} s")
        if not 1 <= reset <= WINDOW:
            self.faults.append(f"t={reset}")

    def recent(self, since):
        return self.accepted[bisect.bisect_left(self.accepted, (since, 0.0)):]

    def judge(self):
        """What is wrong, and the fullest and the emptiest 60 s after the first."""
        for (sent, _), (_, received) in zip(self.accepted, self.accepted[QUOTA:]):
            if received - sent < WINDOW:
                self.faults.append(f"{QUOTA + 1} accepted within {received - sent:.3f} s")
        times, best = [received for _, received in self.accepted], ideal(self.answered)
        emptiest, fullest = windows(times)
        possible, _ = windows(best)
        if self.is_steady and emptiest < min(possible, QUOTA) - QUOTA // 100:
            self.faults.append(f"only {emptiest} accepted in some {WINDOW} s, of {possible} that could have been")
        if len(times) < len(best) * 0.99:
            self.faults.append(f"{len(times)} accepted, of {len(best)} that could have been")
        print(f"  {self.name:<32} {len(self.answered):>5} asked, {len(times):>5} accepted of {len(best):>5}; in 60 s "
              f"{emptiest} to {fullest}, at least {possible} by a log; {len(self.faults)} faults", flush=True)
        return [f"{self.name}: {fault}" for fault in dict.fromkeys(self.faults)]


def ideal(moments):
    """Which of these requests a log of every single one accepts."""
    accepted = []
    for moment in moments:
        if len(accepted) < QUOTA or accepted[-QUOTA] <= moment - WINDOW:
            accepted.append(moment)
    return accepted


def windows(moments):
    """The emptiest and the fullest of all whole windows that begin just after one of the moments."""
    counts = [bisect.bisect_right(moments, moment + WINDOW) - index - 1
              for index, moment in enumerate(moments) if moment + WINDOW < moments[-1]]
    return min(counts, default=0), max(counts, default=0)


def call(connection, method, path, token=None, body=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, text


def register(parts):
    """The access token of somebody new."""
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    account = {"email": f"{secrets.token_hex(8)}@example.org", "password": secrets.token_hex(12)}
    status, _, text = call(
        connection, "POST", "/v1/auth/register", body=account | {"display_name": "Ada", "base_currency": "EUR"})
    if status == 201:
        status, _, text = call(connection, "POST", "/v1/auth/login", body=account)
    connection.close()
    if status != 200:
        raise SystemExit(f"rate_limits: sign-in was answered {status}: {text[:300]!r}")
    return json.loads(text)["access_token"]


def evenly(factor):
    pause = WINDOW / QUOTA / factor
    return [number * pause for number in range(int(SECONDS / pause))]


def bursts(size, pause):
    return [start * pause for start in range(int(SECONDS / pause)) for _ in range(size)]


def guess_tokens(parts):
    """What could be guessed at is limited by address, and more strictly."""
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    accepted = 0
    for _ in range(SIGN_IN_QUOTA + 10):
        status, fields, text = call(connection, "POST", "/v1/auth/email/verify", body={"token": secrets.token_urlsafe(32)})
        if fields.get("ratelimit-policy") != f'"sign-in";q={SIGN_IN_QUOTA};w={WINDOW}':
            return [f"sign-in: RateLimit-Policy is {fields.get('ratelimit-policy')}"]
        if status == 429:
            code = json.loads(text)["code"]
            print(f"  guesses at one-time tokens: {accepted} accepted, then {status} {code}")
            return [] if code == "rate_limited" else [f"sign-in: refused as {code}"]
        accepted += 1
    return [f"sign-in: {accepted} guesses were accepted"]


def main():
    url = os.environ.get("FLORIN_URL")
    if not url:
        print("rate_limits: FLORIN_URL must be set; source .local/env", file=sys.stderr)
        return 2
    clients = [
        Client(url, "at the limit", evenly(1)),
        Client(url, "5 % above", evenly(1.05)),
        Client(url, "twice the limit", evenly(2)),
        Client(url, "bursts of 50, twice the limit", bursts(50, 1.5)),
        Client(url, "bursts of 700 every 30 s", bursts(700, 30), is_steady=False),
    ]
    print(f"{len(clients)} users for {SECONDS} s", flush=True)
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    faults = [fault for client in clients for fault in client.judge()]
    faults += guess_tokens(urllib.parse.urlsplit(url))
    for fault in faults:
        print(f"rate_limits: {fault}", file=sys.stderr)
    print("the limits hold" if not faults else f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
