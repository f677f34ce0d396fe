"""What clients were told: counted by the process that was being started anew at the time."""

import collections

NOBODY = "none"
LONGEST_LIST = 12


class Share:
    """What fell into the restarts of one process."""

    def __init__(self):
        self.restarts = 0
        self.requests = 0
        self.failed = 0
        self.longest = 0.0
        self.stopping = 0.0  # the longest, until it had ended
        self.away = 0.0  # the longest, until it was ready again


class Tally:
    """All requests of a run; used from one event loop."""

    def __init__(self):
        self.shares = collections.defaultdict(Share)
        self.present = NOBODY
        self.failures = []
        self.acknowledged = {}  # expense -> user
        self.seen = collections.defaultdict(collections.Counter)  # user -> expense -> times on the live stream
        self.streams = 0
        self.durations = []

    @property
    def requests(self):
        return sum(share.requests for share in self.shares.values())

    @property
    def failed(self):
        return sum(share.failed for share in self.shares.values())

    def note(self, seconds, culprit, failure=None):
        """A request that was sent while `culprit` was restarted, and what was wrong with its answer."""
        share = self.shares[culprit]
        share.requests += 1
        share.longest = max(share.longest, seconds)
        self.durations.append(seconds)
        if failure is not None:
            share.failed += 1
            self.failures.append(f"{culprit}: {failure}")

    def percentile(self, share):
        """In milliseconds."""
        ordered = sorted(self.durations)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def table(self):
        """Lines for a reader."""
        lines = [f"  {'while starting anew':<22}{'times':>6}{'requests':>10}{'failed':>8}{'longest':>11}{'stopped in':>12}"
                 f"{'ready after':>13}"]
        for name, share in self.shares.items():
            times = (f"{share.stopping:>10.2f} s{share.away:>11.2f} s" if share.restarts else "")
            lines.append(f"  {name:<22}{share.restarts or '':>6}{share.requests:>10}{share.failed:>8}"
                         f"{share.longest * 1000:>8.0f} ms{times}")
        return lines
