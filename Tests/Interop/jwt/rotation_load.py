"""Signs in and asks for the profile again and again until standard input ends; tells what was not answered with 200.

  rotation_load.py HOST:PORT
"""

import base64
import http.client
import json
import sys
import threading
import time

USERS = 3
BUSY = (503, 504)
ATTEMPTS = 20
PAUSE = 0.05
# A second and a bit more than the overlap of the test after the last rotation, so that the last key signs, too.
EPILOGUE = 6
PASSWORD = "correct horse battery staple"


class Client:
    """One user who is never idle."""

    def __init__(self, address, number, outcome):
        self.address = address
        self.email = f"load{number}@example.org"
        self.outcome = outcome
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def call(self, method, path, body=None, token=None, wanted=200):
        """The answer; a machine that is too busy to give one in time is asked again, which is no matter of keys."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        for _ in range(ATTEMPTS):
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self.connection.getresponse()
            text = answer.read().decode()
            if answer.status not in BUSY:
                break
            time.sleep(1)
        self.outcome.note(method, path, answer.status, wanted, text)
        return json.loads(text) if answer.status == wanted and text else {}

    def run(self, until):
        credentials = {"email": self.email, "password": PASSWORD}
        self.call("POST", "/v1/auth/register", credentials | {"display_name": "Ada"}, wanted=201)
        tokens = self.call("POST", "/v1/auth/login", credentials)
        while not until.is_set():
            for _ in range(5):
                self.outcome.sign(tokens["access_token"])
                me = self.call("GET", "/v1/users/me", token=tokens["access_token"])
                assert me.get("email") == self.email or self.outcome.failures
                time.sleep(PAUSE)
            tokens = self.call("POST", "/v1/auth/login", credentials) or tokens


class Outcome:
    """What was seen."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = 0
        self.failures = []
        self.signers = set()

    def note(self, method, path, status, wanted, text):
        with self.lock:
            self.requests += 1
            if status != wanted:
                self.failures.append(f"{method} {path}: {status} {text[:300]}")

    def sign(self, token):
        header = token.split(".")[0]
        kid = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
        with self.lock:
            self.signers.add(kid)


def attempt(client, until, outcome):
    try:
        client.run(until)
    except Exception as error:  # pylint: disable=broad-except
        with outcome.lock:
            outcome.failures.append(repr(error))


def main():
    outcome, until = Outcome(), threading.Event()
    clients = [Client(sys.argv[1], number, outcome) for number in range(USERS)]
    threads = [threading.Thread(target=attempt, args=(client, until, outcome)) for client in clients]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    time.sleep(EPILOGUE)
    until.set()
    for thread in threads:
        thread.join()
    print(json.dumps({
        "requests": outcome.requests, "failures": outcome.failures, "signers": len(outcome.signers)}))


if __name__ == "__main__":
    main()
