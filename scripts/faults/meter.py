"""What single attempts of clients met: how long each took and what it was told.

Reads go on beside the writes: they have nothing to do with events and show how busy the machine is at that moment.
"""

import collections
import threading
import time

from .client import Client
from .load import Worker

WRITE = ("POST", "/v1/expenses")
READ = ("GET", "/v1/users/me")


class Attempt:
    """One write, sent once."""

    def __init__(self, began, ended, status, is_told_when):
        self.began = began
        self.ended = ended
        self.status = status  # None: no whole answer
        self.is_told_when = is_told_when  # has Retry-After

    @property
    def is_successful(self):
        return self.status is not None and self.status < 300


class Window:
    """The attempts that began within some time."""

    def __init__(self, attempts):
        self.attempts = attempts
        self.statuses = collections.Counter(attempt.status or "broken" for attempt in attempts)
        self.durations = sorted(attempt.ended - attempt.began for attempt in attempts if attempt.is_successful)
        self.refusals = [attempt for attempt in attempts if not attempt.is_successful]

    def percentile(self, share):
        """In milliseconds, of the successful ones."""
        durations = self.durations
        return 1000 * durations[min(len(durations) - 1, int(share * len(durations)))] if durations else 0.0

    def longest(self):
        """Seconds that the longest attempt took, whatever came of it."""
        return max((attempt.ended - attempt.began for attempt in self.attempts), default=0.0)

    def outside_of(self, allowed):
        """Attempts that met something else than success or a proper refusal."""
        return [attempt.status or "broken" for attempt in self.refusals
                if attempt.status not in allowed or (attempt.status == 503 and not attempt.is_told_when)]

    def text(self):
        statuses = ", ".join(f"{status}: {number}" for status, number in sorted(
            self.statuses.items(), key=lambda pair: str(pair[0])))
        return (f"{statuses}; p50 {self.percentile(0.5):.0f} ms, p99 {self.percentile(0.99):.0f} ms, "
                f"longest {1000 * self.longest():.0f} ms")


class Meter:
    """Collects attempts of all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.attempts = {WRITE: [], READ: []}

    def note(self, kind, attempt):
        with self.lock:
            self.attempts[kind].append(attempt)

    def window(self, begin, end, kind=WRITE):
        with self.lock:
            return Window([attempt for attempt in self.attempts[kind] if begin <= attempt.began <= end])


class MeasuredClient(Client):
    """A careful client whose every attempt at what is measured is noted."""

    def __init__(self, ports, ledger, patience, meter):
        super().__init__(ports, ledger, patience)
        self.meter = meter

    def once(self, method, path, body, headers):
        began, status, fields = time.monotonic(), None, {}
        try:
            status, fields, content = super().once(method, path, body, headers)
            return status, fields, content
        finally:
            if (method, path) in (WRITE, READ):
                self.meter.note(
                    (method, path), Attempt(began, time.monotonic(), status, bool(fields.get("Retry-After"))))


class SteadyUser(Worker):
    """Spends at a steady rate and does little else."""

    def __init__(self, *arguments, meter, **options):
        super().__init__(*arguments, **options)
        self.meter = meter
        self.ready = threading.Event()

    def new_client(self):
        return MeasuredClient(self.ports, self.ledger, self.patience, self.meter)

    def play(self):
        account = self.register()
        if account is None or not self.log_in(account):
            return
        self.accounts.append(account)
        self.add_budget(account)
        due = time.monotonic() + self.chance.uniform(0, self.pause)
        while not self.over.wait(max(0.0, due - time.monotonic())):
            self.spend(account)
            self.ready.set()
            # What an outage has delayed is not made up for: the rate is that of people.
            due = max(due + self.pause, time.monotonic())


class Reader(SteadyUser):
    """Reads at a steady rate."""

    def play(self):
        account = self.register()
        if account is None or not self.log_in(account):
            return
        while not self.over.wait(self.pause):
            self.authorized(account, *READ, None, None, None, {})
            self.ready.set()


class Newcomers(Worker):
    """Registers one user after the other: each is worth a mail."""

    def play(self):
        self.register()
        self.over.wait(self.pause)
