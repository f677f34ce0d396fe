"""Carries out a plan: kills, stops, pauses, breaks of the network, memory alarms, and named crash points."""

import collections
import os
import signal
import threading
import time

from local import process, supervisor
from local.problem import Problem

from . import cluster

# A process that was just started is left alone this long, so that its death is not that of its launcher.
YOUNGEST = 0.15
POINT_TIMEOUT = 75.0
# Of several processes one relays and one consumes. The armed one gets its turn when the others are killed, this long
# after it was started, and again; they stay away for a while.
TAKE_OVER = 4.0
ABSENCE = 3.0
ALARM_TIMEOUT, END_OF_ALARM_TIMEOUT = 60.0, 600.0


class Armed:
    """A program that is to die at a named point."""

    def __init__(self, point, log, offset, now):
        self.point = point
        self.log = log
        self.offset = offset
        self.deadline = now + POINT_TIMEOUT
        self.take_over = now + TAKE_OVER

    def is_reached(self):
        with open(self.log, "rb") as file:
            file.seek(self.offset)
            return b"fault point " + self.point.split(":")[0].encode() + b" reached" in file.read()


class Alarm(threading.Thread):
    """A memory alarm of the broker, for some time; its command takes seconds, so it has a thread of its own."""

    def __init__(self, installation, seconds):
        super().__init__(name="alarm", daemon=True)
        self.installation = installation
        self.seconds = seconds
        self.failure = None
        self.is_on = threading.Event()
        self.start()

    def run(self):
        # A broker that is never up long enough has trouble enough. One that was started again has no alarm any more.
        if not self.set(True, ALARM_TIMEOUT):
            return
        self.is_on.set()
        time.sleep(self.seconds)
        if not self.set(False, END_OF_ALARM_TIMEOUT):
            self.failure = Problem("the broker's memory alarm could not be ended")

    def set(self, is_on, timeout):
        """Tries until it is done, for the broker may be away at the moment; False when it never was."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                self.installation.set_memory_alarm(is_on)
                return True
            except Problem:
                time.sleep(0.5)
        return False


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
        self.broken = {}  # pattern of links -> when they are healed
        self.breaks = collections.Counter()
        self.alarm = None

    def kept(self, name):
        return self.installation.kept(name)

    @property
    def is_done(self):
        return not (self.plan or self.armed or self.paused or self.broken or self.is_alarmed)

    @property
    def is_alarmed(self):
        return self.alarm is not None and self.alarm.is_alive()

    def step(self):
        """Does what is due; call often. Returns soon, but for the killing of a server."""
        now = time.monotonic()
        self.started = self.started or now
        self.look_at_points(now)
        for name in [name for name, end in self.paused.items() if now >= end]:
            self.signal_all(name, signal.SIGCONT)
            del self.paused[name]
        for pattern in [pattern for pattern, end in self.broken.items() if now >= end]:
            self.installation.network.heal(pattern)
            del self.broken[pattern]
        if self.alarm is not None and self.alarm.failure is not None:
            raise self.alarm.failure
        if self.alarm is not None and self.alarm.is_on.is_set():
            self.alarm.is_on.clear()
            self.breaks["memory alarms"] += 1
        self.installation.supervisor.look_after()
        # Faults wait for their victims, each for its own; so later ones may overtake.
        for fault in [fault for fault in self.plan if fault.at <= now - self.started][:8]:
            if self.can_hit(fault, now):
                self.plan.remove(fault)
                self.hit(fault, now)

    def can_hit(self, fault, now):
        if fault.action in ("cut", "stall"):
            # What leads to one server is broken once at a time.
            return not any(pattern.split(">")[1] == fault.victim.split(">")[1] for pattern in self.broken)
        if fault.action == "alarm":
            return not self.is_alarmed and self.kept("rabbitmq").is_ready()[0]
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
        match fault.action:
            case "cut":
                self.installation.network.cut(fault.victim)
            case "stall":
                self.installation.network.stall(fault.victim)
            case "alarm":
                self.alarm = Alarm(self.installation, fault.detail)
                return
            case _:
                return self.hit_process(fault, now)
        self.broken[fault.victim] = now + fault.detail
        self.breaks[f"{fault.action} of {'all links' if fault.victim[0] == '*' else 'a link'} to "
                    f"{fault.victim.split('>')[1]}"] += 1

    def hit_process(self, fault, now):
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
                self.armed[fault.victim] = Armed(fault.detail, log, os.path.getsize(log), now)
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
                self.hand_over(name, armed, now)
                continue
            del self.armed[name]
            del self.installation.environments[name]["FLORIN_CRASH_AT"]
            self.kept(name).delay = supervisor.FIRST_DELAY / 2
            if is_reached:
                self.points[armed.point.split(":")[0], cluster.program_of(name)] += 1
                self.killed[f"{name} at a named point"] += 1
            else:
                self.missed.append((armed.point.split(":")[0], cluster.program_of(name)))
                process.send(self.kept(name).child().pid, signal.SIGKILL)
                self.killed[name] += 1

    def hand_over(self, name, armed, now):
        """Kills those who may be relaying or consuming in the place of the armed process."""
        if armed.point.startswith("service.") or now < armed.take_over or not self.kept(name).is_ready()[0]:
            return
        armed.take_over = now + TAKE_OVER
        for other in cluster.instances(cluster.program_of(name)):
            kept = self.kept(other)
            if other != name and other not in self.paused and other not in self.armed and kept.child().poll() is None:
                kept.delay = ABSENCE
                process.send(kept.child().pid, signal.SIGKILL)
                self.killed[other] += 1

    def give_up(self):
        """Nothing is left paused, broken or armed."""
        for name in self.paused:
            self.signal_all(name, signal.SIGCONT)
        for pattern in self.broken:
            self.installation.network.heal(pattern)
        for environment in self.installation.environments.values():
            environment.pop("FLORIN_CRASH_AT", None)

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
