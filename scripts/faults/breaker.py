"""Carries out a plan: kills, stops, pauses, and arms named crash points."""

import collections
import os
import signal
import time

from local import process, programs, supervisor

# A process that was just started is left alone this long, so that its death is not that of its launcher.
YOUNGEST = 0.15
POINT_TIMEOUT = 45.0


class Armed:
    """A program that is to die at a named point."""

    def __init__(self, point, log, offset, deadline):
        self.point = point
        self.log = log
        self.offset = offset
        self.deadline = deadline

    def is_reached(self):
        with open(self.log, "rb") as file:
            file.seek(self.offset)
            return b"fault point " + self.point.split(":")[0].encode() + b" reached" in file.read()


class Breaker:
    """Works from the thread that looks after the processes."""

    def __init__(self, installation, plan, say):
        self.installation = installation
        self.plan = collections.deque(plan)
        self.say = say
        self.started = None
        self.armed = {}
        self.paused = {}  # name -> when it goes on
        self.killed = collections.Counter()
        self.pauses = collections.Counter()
        self.points = collections.Counter()
        self.missed = []

    def kept(self, name):
        return next(kept for kept in self.installation.supervisor.kept if kept.name == name)

    @property
    def is_done(self):
        return not self.plan and not self.armed and not self.paused

    def step(self):
        """Does what is due; call often. Returns soon, but for the killing of a server."""
        now = time.monotonic()
        self.started = self.started or now
        self.look_at_points(now)
        for name in [name for name, end in self.paused.items() if now >= end]:
            self.signal_all(name, signal.SIGCONT)
            del self.paused[name]
        self.installation.supervisor.look_after()
        # Faults wait for their victims, each for its own; so later ones may overtake.
        for fault in [fault for fault in self.plan if fault.at <= now - self.started][:8]:
            if self.can_hit(fault, now):
                self.plan.remove(fault)
                self.hit(fault, now)

    def can_hit(self, fault, now):
        kept = self.kept(fault.victim)
        if kept.start_again_at is not None or kept.child().poll() is not None or now - kept.started_at < YOUNGEST:
            return False
        if fault.victim in self.paused:
            return False
        if fault.victim in ("rabbitmq", "postgres") and not kept.is_ready()[0]:
            return False
        return fault.victim not in self.armed or fault.action not in ("crash", "pause")

    def hit(self, fault, now):
        self.say(repr(fault))
        kept = self.kept(fault.victim)
        kept.delay = supervisor.FIRST_DELAY / 2
        match fault.action:
            case "pause":
                self.signal_all(fault.victim, signal.SIGSTOP)
                self.paused[fault.victim] = now + fault.detail
                self.pauses[fault.victim] += 1
                return
            case "crash":
                log = self.installation.layout.path("log", f"{fault.victim}.log")
                self.armed[fault.victim] = Armed(fault.detail, log, os.path.getsize(log), now + POINT_TIMEOUT)
                self.installation.environments[fault.victim]["FLORIN_CRASH_AT"] = fault.detail
                process.send(kept.child().pid, signal.SIGKILL)
            case "immediate":
                process.stop(kept.child(), signal.SIGQUIT)
            case _ if fault.victim == "postgres":
                self.installation.postgres.kill()
            case _ if fault.victim == "rabbitmq":
                self.installation.rabbitmq.kill()
            case _:
                process.send(kept.child().pid, signal.SIGKILL)
        self.killed[fault.victim] += 1

    def look_at_points(self, now):
        """Takes back what a program has died of, or will not, before it is started again."""
        for name, armed in list(self.armed.items()):
            is_reached = armed.is_reached()
            if not is_reached and now < armed.deadline:
                continue
            del self.armed[name]
            del self.installation.environments[name]["FLORIN_CRASH_AT"]
            self.kept(name).delay = supervisor.FIRST_DELAY / 2
            if is_reached:
                self.points[armed.point.split(":")[0], name] += 1
                self.killed[f"{name} at a named point"] += 1
            else:
                self.missed.append((armed.point.split(":")[0], name))
                process.send(self.kept(name).child().pid, signal.SIGKILL)
                self.killed[name] += 1

    def give_up(self):
        """Nothing is left paused or armed."""
        for name in self.paused:
            self.signal_all(name, signal.SIGCONT)
        for name in programs.ORDER:
            self.installation.environments[name].pop("FLORIN_CRASH_AT", None)

    def never_reached(self):
        """Points that no attempt led to; that one takes too long, where what leads there is rare, is no fault."""
        return sorted({place for place in self.missed if self.points[place] == 0})

    def total(self):
        """How many processes were killed."""
        return sum(self.killed.values())

    def signal_all(self, name, number):
        """To a process with all that belongs to it."""
        if name == "postgres":
            self.installation.postgres.signal_all(number)
        else:
            process.send(self.kept(name).child().pid, number)
