#!/usr/bin/python3
"""Measures through the public API whether the time of an answer tells which addresses have accounts, and what sign-ins cost.

Needs what `.local/env` gives; `make bench-identity` starts everything, runs it and stops. Known and unknown addresses take turns in
random order, each kind of request on a connection of its own; the difference of the medians is what an attacker sees first.
On a machine that does other things as well, `chrt -r 10 make bench-identity` keeps their noise out.
"""

import http.client
import json
import os
import random
import secrets
import statistics
import sys
import threading
import time
import urllib.parse

ROUNDS = int(os.environ.get("FLORIN_BENCH_ROUNDS", "200"))
SECONDS = int(os.environ.get("FLORIN_BENCH_SECONDS", "10"))
# The service's own limits: guesses at an account, guesses from a network. Below both, nobody is slowed down on purpose.
GUESSES_AN_ACCOUNT = 4
GUESSES_A_NETWORK = 40
LIMIT_MS = 1.0
PASSWORD = "correct horse battery staple"


class Client:
    """A connection from one of the addresses that a loopback interface has."""

    def __init__(self, url, number):
        parts = urllib.parse.urlsplit(url)
        source = f"127.{1 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
        self.connection = http.client.HTTPConnection(
            parts.hostname, parts.port, timeout=60, source_address=(source, 0))
        self.connection.connect()

    def call(self, method, path, body, wanted, token=None):
        """The answer's body, and milliseconds until it was there."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body)
        begin = time.perf_counter()
        self.connection.request(method, path, data, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        elapsed = (time.perf_counter() - begin) * 1000
        if answer.status != wanted:
            raise SystemExit(f"bench-identity: {method} {path}: {answer.status} {text[:300]!r}")
        return text, elapsed


class Networks:
    """Clients, each for not more guesses than are free."""

    def __init__(self, url):
        self.url = url
        self.count = 0
        self.left = 0
        self.client = None

    def next(self):
        if self.left == 0:
            self.count += 1
            self.client, self.left = Client(self.url, self.count), GUESSES_A_NETWORK
            # The first request of a connection is not like the others.
            self.client.call("GET", "/.well-known/openid-configuration", None, 200)
        self.left -= 1
        return self.client


def address():
    return f"a{secrets.token_hex(8)}@example.org"


def register(client, email):
    body = {"email": email, "password": PASSWORD, "display_name": "Ada"}
    return client.call("POST", "/v1/auth/register", body, 201)


def without_identity(text):
    """An answer without what differs between any two: identifier, address, instants."""
    if not text:
        return text
    value = json.loads(text)
    for name in ("id", "email", "created_at", "updated_at", "request_id", "instance"):
        value.pop(name, None)
    return json.dumps(value, sort_keys=True)


def compare(title, networks, known, ask):
    """Asks for known and unknown addresses in turns; prints the medians, returns how far they are apart."""
    times, bodies = {True: [], False: []}, {True: set(), False: set()}
    for number in range(ROUNDS):
        order = [True, False]
        random.shuffle(order)
        for is_known in order:
            email = known[number % len(known)] if is_known else address()
            text, elapsed = ask(networks.next(), email)
            times[is_known].append(elapsed)
            bodies[is_known].add(without_identity(text))
    medians = {key: statistics.median(values) for key, values in times.items()}
    apart = abs(medians[True] - medians[False])
    same = bodies[True] == bodies[False]
    print(
        f"  {title:<10}{medians[True]:>10.2f} ms known {medians[False]:>10.2f} ms unknown {apart:>8.2f} ms apart"
        + ("" if same else "  BYTES DIFFER") + ("" if apart <= LIMIT_MS else f"  MORE THAN {LIMIT_MS} ms"), flush=True)
    return same and apart <= LIMIT_MS


def equal_times(url):
    print(f"Answers for known and unknown addresses, {ROUNDS} of each, medians")
    networks = Networks(url)
    known = [address() for _ in range(-(-ROUNDS // GUESSES_AN_ACCOUNT))]
    for email in known:
        register(networks.next(), email)

    def login(client, email):
        return client.call("POST", "/v1/auth/login", {"email": email, "password": "not the password"}, 401)

    def asking(path):
        return lambda client, email: client.call("POST", path, {"email": email}, 202)

    kinds = {
        "login": login, "register": register, "forgot": asking("/v1/auth/password/forgot"),
        "resend": asking("/v1/auth/email/resend")}
    return all([compare(title, networks, known, ask) for title, ask in kinds.items()])


def percentiles(values):
    ordered = sorted(values)
    return tuple(ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99))


def profile_times(url, token, seconds):
    client, times, end = Client(url, 60000), [], time.monotonic() + seconds
    while time.monotonic() < end:
        times.append(client.call("GET", "/v1/users/me", None, 200, token)[1])
        time.sleep(0.005)
    return percentiles(times)


def sign_ins(url, accounts, seconds, rate=10):
    """Signs in so many times a second, each on time whatever the one before takes; the times."""
    times, lock, threads = [], threading.Lock(), []

    def sign_in(number):
        body = {"email": accounts[number % len(accounts)], "password": PASSWORD}
        elapsed = Client(url, 61000 + number % 200).call("POST", "/v1/auth/login", body, 200)[1]
        with lock:
            times.append(elapsed)

    begin = time.monotonic()
    for number in range(seconds * rate):
        time.sleep(max(0, begin + number / rate - time.monotonic()))
        threads.append(threading.Thread(target=sign_in, args=(number,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return percentiles(times)


def load(url):
    print(f"Sign-ins, 10 a second for {SECONDS} s, and what they do to GET /v1/users/me: p50, p95, p99")
    client = Client(url, 62000)
    accounts = [address() for _ in range(5)]
    for email in accounts:
        register(client, email)
    text, _ = client.call("POST", "/v1/auth/login", {"email": accounts[0], "password": PASSWORD}, 200)
    token = json.loads(text)["access_token"]
    alone = profile_times(url, token, SECONDS)
    beside = []
    reader = threading.Thread(target=lambda: beside.append(profile_times(url, token, SECONDS)))
    reader.start()
    logins = sign_ins(url, accounts, SECONDS)
    reader.join()
    for title, values in (("sign-ins", logins), ("profile alone", alone), ("profile beside them", beside[0])):
        print(f"  {title:<22}" + "".join(f"{value:>10.2f} ms" for value in values))


def main():
    url = os.environ["FLORIN_URL"]
    is_equal = equal_times(url)
    load(url)
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
