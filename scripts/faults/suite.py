"""The command `scripts/faults.py`: one run from an empty installation to the count."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time

from local import layout, process, programs
from local.problem import Problem

from . import drain, plan, record, sabotage
from .breaker import Breaker
from .bus import Consumers, Injector
from .checks import Checks
from .cluster import Cluster
from .ledger import Ledger
from .load import Worker
from .trouble import SIZES, Trouble

MARKER = b"FLORIN_CRASH_AT"
# Of each row of users the last so many read everything back at the end.
READERS = 3


def parser():
    top = argparse.ArgumentParser(
        prog="scripts/faults.py", description="Kills, pauses and poisons a whole Florin under load, then counts.")
    top.add_argument("--binaries", metavar="DIR", help="the programs; without, they are built with fault points")
    top.add_argument("--seed", type=int, help="repeats the faults of an earlier run (default: any)")
    top.add_argument("--seconds", type=float, default=150, help="how long faults are planned for (default 150)")
    top.add_argument("--kills", type=int, default=50, help="kills at random times (default 50)")
    top.add_argument("--pauses", type=int, default=6, help="pauses of the broker and of programs (default 6)")
    top.add_argument("--cuts", type=int, default=8, help="cuts and stalls of the network (default 8)")
    top.add_argument("--alarms", type=int, default=2, help="memory alarms of the broker (default 2)")
    top.add_argument("--crash-rounds", type=int, default=2, help="deaths at each named crash point (default 2)")
    top.add_argument(
        "--trouble", choices=("none", *SIZES), default="usual", help="troubles that are measured one by one, first")
    top.add_argument(
        "--mail", choices=("smtp", "folder"), default="smtp",
        help="where mails go when the troubles are over, for which there is a mail server")
    top.add_argument("--slack", type=float, default=1, help="multiplies the bounds of their times (default 1)")
    top.add_argument("--users", type=int, default=6, help="users side by side (default 6)")
    top.add_argument("--rate", type=float, default=8, help="writes per second of each user at most (default 8)")
    top.add_argument("--events", type=int, default=0, help="goes on until so many events are committed")
    top.add_argument("--drain", type=float, default=300, help="bound of the wait at the end, in seconds (default 300)")
    top.add_argument(
        "--sabotage", action="store_true", help="afterwards damage the data on purpose and see that the count finds it")
    top.add_argument("--keep", action="store_true", help="keep the installation's folder")
    top.add_argument("--verbose", action="store_true", help="print each fault and each restart")
    return top


def build():
    """Builds the programs with their named crash points, beside the usual build."""
    scratch = os.path.join(layout.SOURCE, ".build", "faults")
    command = [
        "swift", "build", "-c", "release", "--package-path", layout.SOURCE, "--scratch-path", scratch, "-Xswiftc",
        "-DFLORIN_FAULTS"]
    print("faults: building with fault points (release)", flush=True)
    for program in programs.ORDER:
        process.run([*command, "--product", program], environment=dict(os.environ), timeout=3600)
    return process.run([*command, "--show-bin-path"], environment=dict(os.environ), timeout=600).strip()


def has_fault_points(binaries):
    """Tells whether the programs can be told to die at a named point; raises Problem when they are not there."""
    missing = [name for name in programs.ORDER if not os.access(os.path.join(binaries, name), os.X_OK)]
    if missing:
        raise Problem(f"{binaries} does not hold {', '.join(missing)}")
    with open(os.path.join(binaries, "expense-service"), "rb") as file:
        return MARKER in file.read()


class Run:
    """One run."""

    def __init__(self, options, binaries):
        self.options = options
        self.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
        self.binaries = binaries
        rounds = options.crash_rounds if has_fault_points(binaries) else 0
        self.began = time.monotonic()
        self.ledger = Ledger()
        self.folder = tempfile.mkdtemp(prefix="florin-faults-")
        os.chmod(self.folder, 0o711)
        os.environ["FLORIN_LOCAL_DIR"] = self.folder
        for name in ("ANONYMOUS", "SIGN_IN", "USER"):
            os.environ[f"FLORIN_RATE_LIMIT_{name}"] = "10000000"
        os.environ.setdefault("FLORIN_LOG_LEVEL", "info")
        self.installation = Cluster()
        self.installation.supervisor.say = self.detail
        if rounds != options.crash_rounds:
            self.say("these programs have no named crash points; kills at random times only")
        self.breaker = Breaker(
            self.installation, plan.make(
                self.seed, options.seconds, options.kills, options.pauses, rounds, options.cuts, options.alarms,
                by_smtp=options.mail == "smtp"),
            self.detail)

    def say(self, text):
        print(f"faults: {time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def detail(self, text):
        if self.options.verbose:
            self.say(text)

    @property
    def is_asked_to_stop(self):
        return self.installation.supervisor.is_asked_to_stop

    def play(self):
        """Everything from the start to the count; returns the violations."""
        self.say(f"seed {self.seed}; repeat with --seed {self.seed}; {self.folder}")
        self.installation.start(self.binaries)
        record.install(self.installation.postgres, programs.DATABASE)
        consumers = Consumers(self.installation.rabbitmq)
        injector = Injector(
            self.seed, self.installation.postgres, self.installation.rabbitmq, programs.DATABASE, consumers,
            interval=2.0)
        workers = [
            Worker(number, f"r{self.seed:x}", self.seed, self.installation.gateways(), self.ledger,
                   self.options.rate, patience=self.options.drain)
            for number in range(self.options.users)]
        trouble = self.make_trouble(consumers)
        for thread in [injector, *workers]:
            thread.start()
        self.break_things(injector, workers)
        self.end([injector, *workers])
        left = drain.wait(
            self.installation, programs.DATABASE, injector, self.look_after, self.options.drain, self.say)
        checks = Checks(self.installation, programs.DATABASE, self.ledger, injector)
        checks.complain("not drained in time", left)
        for name, text in trouble.figures if trouble else ():
            checks.count(name, text)
        checks.violations += trouble.violations if trouble else []
        checks.complain("crash points that were never reached", self.breaker.never_reached())
        self.count_faults(checks, injector)
        checks.all()
        checks.read_back([
            account for worker in [*workers, *(trouble.users if trouble else [])]
            for account in worker.accounts[-READERS:] if worker.log_in(account)])
        if self.options.sabotage and not checks.violations:
            self.sabotage(checks, injector)
        self.report(checks)
        return checks.violations

    def make_trouble(self, consumers):
        """Before the plan begins; returns what was found, None when it was not asked for."""
        is_last_by_smtp = self.options.mail == "smtp"
        if is_last_by_smtp or self.options.trouble != "none":
            self.installation.send_mail(by_smtp=True)
        if self.options.trouble == "none":
            return None
        trouble = Trouble(
            self.installation, programs.DATABASE, consumers, self.ledger, self.options, self.seed, self.look_after,
            self.say)
        trouble.play()
        if not is_last_by_smtp:
            self.installation.send_mail(by_smtp=False)
        return trouble

    def sabotage(self, checks, injector):
        """The count is not worth anything unless it can fail."""
        unnoticed, number = sabotage.prove(
            lambda: Checks(self.installation, programs.DATABASE, self.ledger, injector), self.installation.postgres,
            programs.DATABASE, self.installation.layout.path("mail"))
        checks.count("damage done on purpose and found", f"{number - len(unnoticed)} of {number}")
        checks.complain("damage done on purpose that the count did not find", unnoticed)

    def look_after(self):
        """Restarts what has died; ends the run when somebody asks for that."""
        if self.is_asked_to_stop:
            raise Problem("ended by a signal before the count")
        self.installation.supervisor.look_after()

    def break_things(self, injector, workers):
        told = 0.0
        while not self.is_over(injector):
            self.look_after()
            self.breaker.step()
            for thread in [injector, *workers]:
                if thread.failure is not None:
                    raise Problem(f"{thread.name} failed: {thread.failure!r}")
            if time.monotonic() - told > 15:
                told = time.monotonic()
                acknowledged = sum(self.ledger.answers[status] for status in (200, 201, 204))
                self.say(f"{self.breaker.total()} kills, {acknowledged} answers, {injector.recorded} events")
            time.sleep(0.02)
        self.breaker.give_up()

    def is_over(self, injector):
        """The plan is carried out, and there are as many events as were asked for."""
        return (self.breaker.is_done and time.monotonic() - self.breaker.started >= self.options.seconds
                and injector.recorded >= self.options.events)

    def end(self, threads):
        """No more writes; those under way come to their end while the supervisor brings everything back."""
        for thread in threads:
            thread.over.set()
        deadline = time.monotonic() + self.options.drain
        while any(thread.is_alive() for thread in threads):
            self.look_after()
            if time.monotonic() > deadline:
                raise Problem("clients still wait for answers: " + ", ".join(
                    thread.name for thread in threads if thread.is_alive()))
            time.sleep(0.05)
        self.await_ready()

    def await_ready(self):
        """All processes are up again."""
        def ready():
            self.look_after()
            return all(kept.is_ready()[0] for kept in self.installation.supervisor.kept)
        process.wait_until(ready, 180, "everything to be ready after the last fault", interval=0.1)

    def count_faults(self, checks, injector):
        breaker = self.breaker
        checks.count("kills", breaker.total())
        for name, number in sorted(breaker.killed.items()):
            checks.count(f"  {name}", number)
        for name, number in sorted(breaker.pauses.items()):
            checks.count(f"  pauses of {name}", number)
        for name, number in sorted(breaker.breaks.items()):
            checks.count(f"  {name}", number)
        for (point, name), number in sorted(breaker.points.items()):
            checks.count(f"  at {point} in {name}", number)
        if breaker.missed:
            checks.count("programs that did not come past a named point in time", len(breaker.missed))
        box = self.installation.mailbox
        checks.count("mails handed over by SMTP / the same ones again", f"{box.taken} / {box.repeats}")
        hit = sum(number for name, number in breaker.killed.items() if name.startswith(("event-processor", "postgres")))
        hit += sum(breaker.breaks.values()) + sum(breaker.pauses.values())
        checks.complain("more mails came again than faults could have caused",
                        [box.repeats] if box.repeats > hit else [])
        answers = ", ".join(f"{status}: {number}" for status, number in sorted(self.ledger.answers.items()))
        checks.count("answers", answers)
        checks.count("attempts that succeeded: p50 / p99 / longest", " / ".join(
            f"{self.ledger.percentile(share):.0f} ms" for share in (0.5, 0.99, 1)))
        checks.count("attempts repeated / answers replayed", f"{self.ledger.retries} / {self.ledger.replays}")
        checks.count("injected: repeats / events of nobody",
                     f"{injector.repeats} / {len(injector.foreign)}")

    def report(self, checks):
        for what, number in checks.numbers:
            print(f"  {what:<64}{number}", flush=True)
        for violation in checks.violations:
            print(f"  ✘ {violation}", flush=True)
        outcome = "everything holds" if not checks.violations else f"{len(checks.violations)} violations"
        self.say(f"{outcome}; seed {self.seed}; the same faults again: scripts/faults.py --seed {self.seed} "
                 f"--seconds {self.options.seconds:g} --kills {self.options.kills} --pauses {self.options.pauses} "
                 f"--cuts {self.options.cuts} --alarms {self.options.alarms} "
                 f"--crash-rounds {self.options.crash_rounds} --users {self.options.users} "
                 f"--rate {self.options.rate:g} --trouble {self.options.trouble} --mail {self.options.mail}")

    def stop(self, is_clean):
        self.installation.stop()
        if self.options.keep or not is_clean:
            self.say(f"logs in {self.installation.layout.path('log')}")
            return
        remove(self.installation.layout)


def remove(place):
    """The folder, and the data where the servers' accounts can reach it."""
    if os.path.islink(place.path("data")):
        shutil.rmtree(place.data_elsewhere(), ignore_errors=True)
    shutil.rmtree(place.root, ignore_errors=True)


def main(arguments):
    """Runs the suite; 0 when everything holds, 1 with a list when not, 2 when it could not run."""
    options = parser().parse_args(arguments)
    try:
        run = Run(options, os.path.abspath(options.binaries) if options.binaries else build())
    except Problem as problem:
        print(f"faults: {problem}", file=sys.stderr)
        return 2
    violations = None
    try:
        violations = run.play()
    except Problem as problem:
        print(f"faults: seed {run.seed}: {problem}", file=sys.stderr)
    finally:
        run.stop(is_clean=violations == [])
    if violations is None:
        return 2
    return 1 if violations else 0
