"""What clients were told: every write with its outcome as the client knows it."""

import collections
import threading

ACKNOWLEDGED = "acknowledged"
UNKNOWN = "unknown"


class Entry:
    """A write. Its key is in the row that it makes, so that row and entry find each other."""

    def __init__(self, kind, key, user, outcome, identifier=None, content=None, attempts=1):
        self.kind = kind
        self.key = key
        self.user = user
        self.outcome = outcome
        self.identifier = identifier
        self.content = content or {}
        self.attempts = attempts


class Ledger:
    """All writes of a run; safe to use from several threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.entries = []
        self.faults = []
        self.answers = collections.Counter()
        self.durations = []
        self.retries = 0
        self.replays = 0

    def write(self, entry):
        with self.lock:
            self.entries.append(entry)

    def note_answer(self, status, seconds):
        with self.lock:
            self.answers[status] += 1
            if status < 300:
                self.durations.append(seconds)

    def percentile(self, share):
        """In milliseconds, of the answers that tell of success; faults of all kinds are in it."""
        with self.lock:
            durations = sorted(self.durations)
        return 1000 * durations[min(len(durations) - 1, int(share * len(durations)))] if durations else 0.0

    def note_retry(self):
        with self.lock:
            self.retries += 1

    def note_replay(self):
        with self.lock:
            self.replays += 1

    def complain(self, text):
        """Something a client saw that may never happen."""
        with self.lock:
            self.faults.append(text)

    def of(self, kind, outcome=None):
        with self.lock:
            return [entry for entry in self.entries
                    if entry.kind == kind and (outcome is None or entry.outcome == outcome)]

    def count(self):
        """(kind, outcome) -> number."""
        with self.lock:
            return collections.Counter((entry.kind, entry.outcome) for entry in self.entries)
