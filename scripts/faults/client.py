"""A careful client of the public API: a key with each write, repeated until the outcome is known."""

import http.client
import json
import random
import time

# Answers after which the same request, with the same key, is sent again.
TO_BE_REPEATED = (408, 409, 429, 503, 504)
ATTEMPT_TIMEOUT = 20.0
LONGEST_PAUSE = 1.0


class Unknown(Exception):
    """No attempt was answered: the write may have happened."""


class Stopped(Exception):
    """The run is over; nothing was begun."""


class Answer:
    """What came back."""

    def __init__(self, status, headers, body, attempts):
        self.status = status
        self.headers = headers
        self.body = body
        self.attempts = attempts

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of a problem; empty for other answers."""
        try:
            return self.json.get("code", "")
        except ValueError:
            return ""


class Client:
    """One user's view of the API, over one connection at a time."""

    def __init__(self, ports, ledger, patience):
        self.ports = ports  # of the gateways; another one after each failure
        self.ledger = ledger
        self.patience = patience
        self.connection = None
        self.token = None

    def once(self, method, path, body, headers):
        """One attempt; raises OSError or HTTPException when there is no whole answer."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=ATTEMPT_TIMEOUT)
        try:
            self.connection.request(method, path, body=body, headers=headers)
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            self.ports = self.ports[1:] + self.ports[:1]
            raise
        if response.will_close:
            self.close()
        return response.status, response.headers, content

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def headers(self, key, content_type):
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        if content_type:
            headers["Content-Type"] = content_type
        return headers

    def call(self, method, path, body=None, key=None, content_type="application/json", attempts=None):
        """Sends a request until it is answered for good.

        attempts: give up after so many, as an impatient client does. Raises Unknown when none was answered for good.
        """
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = self.headers(key, content_type if data is not None else None)
        deadline, pause, number, status = time.monotonic() + self.patience, 0.05, 0, None
        while True:
            number += 1
            began = time.monotonic()
            try:
                status, fields, content = self.once(method, path, data, headers)
            except (OSError, http.client.HTTPException):
                status = None
            if status is not None:
                self.ledger.note_answer(status, time.monotonic() - began)
                if status not in TO_BE_REPEATED:
                    return self.judged(Answer(status, fields, content, number), method, path)
                if status == 503 and not fields.get("Retry-After"):
                    self.ledger.complain(f"{method} {path} answered 503 without Retry-After")
            if number == attempts or time.monotonic() > deadline:
                raise Unknown(f"{method} {path} after {number} attempts; last {status or 'no answer'}")
            self.ledger.note_retry()
            time.sleep(random.uniform(0, pause))
            pause = min(pause * 2, LONGEST_PAUSE)

    def judged(self, answer, method, path):
        if answer.status >= 500:
            self.ledger.complain(f"{method} {path} answered {answer.status}: {answer.body[:300]!r}")
        if answer.headers.get("Idempotency-Replayed") == "true":
            self.ledger.note_replay()
        return answer

    def every(self, path):
        """All items of a list."""
        items, cursor = [], None
        while True:
            answer = self.call("GET", f"{path}?limit=100" + (f"&cursor={cursor}" if cursor else ""))
            if answer.status != 200:
                raise Unknown(f"GET {path} answered {answer.status}: {answer.body[:300]!r}")
            items += answer.json["data"]
            cursor = answer.json["next_cursor"]
            if cursor is None:
                return items
