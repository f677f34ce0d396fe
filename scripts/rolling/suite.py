"""The command `scripts/rolling_restart.py`: one run from an empty installation to the count."""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from local import layout, process, programs
from local.problem import Problem
from local.replicas import Replicated, program_of
from faults.suite import remove

from . import checks
from .balancer import BALANCERS, Chooser, H2load
from .load import Listener, User
from .tally import LONGEST_LIST, NOBODY, Tally

KINDS = ("hurried", "hurried", "fresh", "slow")
PATIENCE = 120


def parser():
    top = argparse.ArgumentParser(
        prog="scripts/rolling_restart.py",
        description="Restarts every process of a whole Florin in turns under load; not one request may fail.")
    top.add_argument("--binaries", metavar="DIR", help="the programs; without, they are built in release mode")
    top.add_argument("--requests", type=int, default=100_000, help="goes on for so many requests (default 100,000)")
    top.add_argument("--rounds", type=int, default=1, help="restarts each process so often at least (default 1)")
    top.add_argument("--services", type=int, choices=(1, 2), default=2, help="processes of each service (default 2)")
    top.add_argument(
        "--gateways", type=int, choices=(1, 2), default=2,
        help="the first has an inherited socket, the second one of its own, with load balancers before both (default 2)")
    top.add_argument("--balancers", metavar="NAME", nargs="+", choices=list(BALANCERS), default=["nginx"],
                     help="which, with the examples of docs/RUNBOOK.md (default nginx): " + ", ".join(BALANCERS))
    top.add_argument("--programs", metavar="NAME", nargs="+", choices=programs.ORDER, default=programs.ORDER,
                     help="which are restarted (default all)")
    top.add_argument("--users", type=int, default=24, help="users side by side (default 24)")
    top.add_argument("--streams", type=int, default=6, help="how many of them listen to their live stream (default 6)")
    top.add_argument(
        "--notice", type=int, default=1,
        help="FLORIN_DRAIN_NOTICE_SECONDS of the gateways (default 1); haproxy needs longer than 2")
    top.add_argument("--pause", type=float, default=1.0, help="seconds between restarts (default 1)")
    top.add_argument("--keep", action="store_true", help="keep the installation's folder")
    return top


class Cluster(Replicated):
    """So many of each; the socket of the first gateway outlives it, as under systemd."""

    def __init__(self, services, gateways):
        super().__init__({program: gateways if program == "gateway" else services for program in programs.ORDER})
        self.socket = socket.create_server(("127.0.0.1", self.addresses["gateway"][0]), backlog=1024)

    def sockets(self, instance):
        return (self.socket,) if instance == "gateway" else ()

    def stop(self):
        super().stop()
        self.socket.close()


class Run:
    """One run."""

    def __init__(self, options, binaries):
        self.options = options
        self.binaries = binaries
        self.began = time.monotonic()
        self.tally = Tally()
        self.folder = tempfile.mkdtemp(prefix="florin-rolling-")
        os.chmod(self.folder, 0o711)
        os.environ["FLORIN_LOCAL_DIR"] = self.folder
        for name in ("ANONYMOUS", "SIGN_IN", "USER"):
            os.environ[f"FLORIN_RATE_LIMIT_{name}"] = "10000000"
        os.environ["FLORIN_DRAIN_NOTICE_SECONDS"] = str(options.notice)
        os.environ.setdefault("FLORIN_LOG_LEVEL", "info")
        self.cluster = Cluster(options.services, options.gateways)
        self.faults = []
        self.rounds = 0

    def say(self, text):
        print(f"rolling: {time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def play(self):
        """Everything from the start to the count; returns what does not hold."""
        self.say(f"services: {self.options.services} of each, gateways: {self.options.gateways}; {self.folder}")
        self.cluster.start(self.binaries)
        with contextlib.ExitStack() as stack:
            balancers = []
            for name in self.options.balancers if self.options.gateways > 1 else ():
                balancers.append(BALANCERS[name](self.gateways(), self.cluster.layout.path("log", f"{name}.log")))
                stack.callback(balancers[-1].stop)
                balancers[-1].start()
            listeners = asyncio.run(self.load(balancers))
        if not checks.wait_until_drained(self.cluster.postgres, self.tally, PATIENCE):
            self.faults.append("events did not go through in time")
        self.faults += checks.violations(self.cluster.postgres, self.tally, listeners)
        self.report(listeners)
        return self.faults + self.tally.failures

    # The load

    def gateways(self):
        """The port of the API and that of the admin address, of each."""
        return [self.cluster.addresses[name] for name in self.cluster.instances("gateway")]

    async def load(self, balancers):
        chooser = Chooser(self.gateways())
        watch = asyncio.create_task(chooser.watch())
        targets = [lambda: self.cluster.gateways()[0]]
        if balancers:
            targets += [chooser, *(lambda port=each.http1: port for each in balancers)]
        users = [User(f"user{number}", KINDS[number // len(targets) % len(KINDS)], targets[number % len(targets)],
                      self.tally, self.folder) for number in range(self.options.users)]
        await self.join(users)
        listeners = [Listener(user) for user in users[:self.options.streams]]
        listening = [asyncio.create_task(listener.play()) for listener in listeners]
        for listener in listeners:
            async with asyncio.timeout(PATIENCE):
                await listener.is_open.wait()
        over = asyncio.Event()
        playing = [asyncio.create_task(user.play(over)) for user in users]
        for each in balancers:
            url = f"http://127.0.0.1:{each.http2}/v1/expenses?limit=1"
            playing.append(asyncio.create_task(H2load(url, users[0].token, self.tally).play(over)))
        try:
            await self.restart_all(listeners)
        finally:
            over.set()
            await asyncio.gather(*playing)
        await self.settle(listeners)
        if watch.done():
            watch.result()  # why it has ended
        for task in (*listening, watch):
            task.cancel()
        await asyncio.gather(*listening, watch, return_exceptions=True)
        return listeners

    async def join(self, users):
        for start in range(0, len(users), 4):
            joined = await asyncio.gather(*(user.join() for user in users[start:start + 4]))
            if not all(joined):
                raise Problem("a user could not sign in: " + "; ".join(self.tally.failures))
        self.say(f"{len(users)} users have signed in")

    async def settle(self, listeners):
        """Waits until the live streams have shown everything, or have had the time for it."""
        def is_shown(listener):
            seen = self.tally.seen[listener.user.name]
            return all(seen[identifier] for identifier in listener.user.expenses)

        deadline = time.monotonic() + PATIENCE / 2
        while not all(map(is_shown, listeners)) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)

    # The restarts

    async def restart_all(self, listeners):
        for listener in listeners:  # a stream is resumed after an event, so that each has one before the first restart
            while listener.last is None:
                await asyncio.sleep(0.05)
        while self.rounds < self.options.rounds or self.tally.requests < self.options.requests:
            for instance in (name for name in self.cluster.all() if program_of(name) in self.options.programs):
                self.look_after()
                await self.restart(instance)
                await asyncio.sleep(self.options.pause)
            self.rounds += 1
            self.say(f"{self.rounds} rounds, {self.tally.requests} requests, {self.tally.failed} failed")

    async def restart(self, instance):
        """As `systemctl restart` does: SIGTERM, the end, the start; returns when it is ready."""
        kept = self.cluster.kept(instance)
        name = program_of(instance)
        share = self.tally.shares[name]
        self.tally.present = name
        began = time.monotonic()
        if not await asyncio.to_thread(process.stop, kept.child(), timeout=60):
            self.faults.append(f"{instance} did not stop within 60 s")
        elif kept.child().returncode != 0:
            self.faults.append(f"{instance} ended with status {kept.child().returncode}")
        share.stopping = max(share.stopping, time.monotonic() - began)
        self.cluster.supervisor.start(kept)
        started = time.monotonic()
        while not (await asyncio.to_thread(kept.is_ready))[0]:
            self.look_after()
            if time.monotonic() - started > PATIENCE:
                raise Problem(f"{instance} is not ready {PATIENCE} s after its start: {kept.is_ready()[1]}")
            await asyncio.sleep(0.02)
        share.away = max(share.away, time.monotonic() - started)
        share.restarts += 1
        self.tally.present = NOBODY

    def look_after(self):
        """Nobody else may die."""
        if self.cluster.supervisor.is_asked_to_stop:
            raise Problem("ended by a signal before the count")
        for kept in self.cluster.supervisor.kept:
            if kept.child().poll() is not None:
                raise Problem(f"{kept.name} has died with status {kept.child().returncode}")

    # The end

    def report(self, listeners):
        print("\n".join(self.tally.table()), flush=True)
        figures = [
            ("requests / failed", f"{self.tally.requests} / {self.tally.failed}"),
            ("p50 / p99 / longest", " / ".join(
                f"{self.tally.percentile(share):.0f} ms" for share in (0.5, 0.99, 1))),
            ("expenses acknowledged, each there once and told once", len(self.tally.acknowledged)),
            ("live streams / times opened / expenses shown", f"{len(listeners)} / {self.tally.streams} / " + str(
                sum(sum(seen.values()) for seen in self.tally.seen.values()))),
        ]
        for what, number in figures:
            print(f"  {what:<64}{number}", flush=True)
        for text in (self.faults + self.tally.failures)[:LONGEST_LIST]:
            print(f"  ✘ {text}", flush=True)
        holds = not self.faults and not self.tally.failures
        self.say("not one request failed" if holds else f"{self.tally.failed} failed, {len(self.faults)} faults")

    def stop(self, is_clean):
        self.cluster.stop()
        if self.options.keep or not is_clean:
            self.say(f"logs in {self.cluster.layout.path('log')}")
            return
        remove(self.cluster.layout)


def check_binaries(folder):
    missing = [name for name in programs.ORDER if not os.access(os.path.join(folder, name), os.X_OK)]
    if missing:
        raise Problem(f"{folder} does not hold {', '.join(missing)}")
    return os.path.abspath(folder)


def main(arguments):
    """Runs it; 0 when nothing failed, 1 with a list when something did, 2 when it could not run."""
    # Children inherit blocked signals, and who starts us may have some: a thread of a test process has nearly all.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    options = parser().parse_args(arguments)
    try:
        run = Run(options, check_binaries(options.binaries) if options.binaries else layout.build())
    except Problem as problem:
        print(f"rolling: {problem}", file=sys.stderr)
        return 2
    found = None
    try:
        found = run.play()
    except (Problem, subprocess.SubprocessError) as problem:
        print(f"rolling: {problem}", file=sys.stderr)
    finally:
        run.stop(is_clean=found == [])
    if found is None:
        return 2
    return 1 if found else 0
