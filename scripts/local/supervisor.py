"""Keeps processes running: one thread, a loop, no shell."""

import os
import signal
import time

from . import process
from .problem import Problem

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
# A process that lived this long starts again with the first delay.
STEADY_AFTER = 30.0
LARGEST_LOG = 20 << 20


class Kept:
    """A process that is started again when it dies."""

    def __init__(self, name, launch, stop, is_ready, child):
        self.name = name
        self.launch = launch
        self.stop = stop
        self.is_ready = is_ready
        self.child = child
        self.delay = FIRST_DELAY
        self.started_at = 0.0
        self.start_again_at = None
        self.deaths = 0


class Supervisor:
    """Starts processes in order, starts the dead ones again with backoff, stops all in the opposite order."""

    def __init__(self, layout, say):
        self.layout = layout
        self.say = say
        self.kept = []
        self.is_asked_to_stop = False

    def listen_for_signals(self):
        """SIGINT and SIGTERM ask for an orderly stop; a second one changes nothing."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.on_signal)

    def on_signal(self, *_):
        self.is_asked_to_stop = True

    def add(self, name, launch, stop, is_ready, child):
        """Starts a process and keeps it.

        launch() starts it without waiting; stop() stops it; is_ready() -> (bool, text); child() -> its Popen.
        """
        kept = Kept(name, launch, stop, is_ready, child)
        self.kept.append(kept)
        self.start(kept)

    def start(self, kept):
        rotate(self.layout.path("log", f"{kept.name}.log"))
        kept.launch()
        kept.started_at = time.monotonic()
        kept.start_again_at = None
        with open(self.layout.path("run", f"{kept.name}.pid"), "w", encoding="utf-8") as file:
            file.write(f"{kept.child().pid}\n")

    def await_ready(self, names, timeout):
        """Waits until these are ready; raises Problem saying which are not, or when one keeps dying."""
        deadline = time.monotonic() + timeout
        waiting = [kept for kept in self.kept if kept.name in names]
        while waiting and not self.is_asked_to_stop:
            self.look_after()
            for kept in waiting:
                if kept.deaths >= 3 or (kept.deaths and kept.child().returncode == 78):
                    log = self.layout.path("log", f"{kept.name}.log")
                    raise Problem(f"{kept.name} does not stay up; the end of {log}:\n{process.tail(log)}")
            waiting = [kept for kept in waiting if not kept.is_ready()[0]]
            if waiting and time.monotonic() > deadline:
                reasons = "\n".join(f"  {kept.name}: {kept.is_ready()[1]}" for kept in waiting)
                raise Problem(f"not ready after {timeout} s:\n{reasons}\nsee {self.layout.path('log')}")
            if waiting:
                time.sleep(0.05)

    def look_after(self):
        """Notices the dead and starts those whose time has come."""
        now = time.monotonic()
        for kept in self.kept:
            if kept.start_again_at is not None:
                if now >= kept.start_again_at:
                    self.start(kept)
                    self.say(f"{kept.name} is started again (pid {kept.child().pid})")
            elif kept.child().poll() is not None:
                self.note_death(kept, now)

    def note_death(self, kept, now):
        kept.deaths += 1
        if now - kept.started_at > STEADY_AFTER:
            kept.delay = FIRST_DELAY
        self.say(f"{kept.name} {cause(kept.child().returncode)}; it is started again in {kept.delay:g} s")
        kept.start_again_at = now + kept.delay
        kept.delay = min(kept.delay * 2, LONGEST_DELAY)

    def run_until_asked(self):
        """Looks after the processes until a signal comes."""
        while not self.is_asked_to_stop:
            self.look_after()
            time.sleep(0.1)

    def stop_all(self):
        """Stops everything, the last started first."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for kept in reversed(self.kept):
            if kept.child() is not None and kept.child().poll() is None and not kept.stop():
                self.say(f"{kept.name} did not stop in time and was killed")
            try:
                os.unlink(self.layout.path("run", f"{kept.name}.pid"))
            except FileNotFoundError:
                pass


def cause(status):
    """An exit status in words."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def rotate(path):
    """Keeps one old log when the present one has grown large."""
    try:
        if os.path.getsize(path) > LARGEST_LOG:
            os.rename(path, path + ".1")
    except FileNotFoundError:
        pass
