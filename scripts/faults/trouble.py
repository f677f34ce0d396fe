"""One trouble after the other under a steady load of writes, measured: how many writes were refused and how, how long
they took, how soon everything was as before."""

import http.client
import re
import signal
import time

from local import process, programs
from local.problem import Problem

from . import cluster, record
from .meter import READ, Meter, Newcomers, Reader, SteadyUser

# The bounds; --slack multiplies them where a machine has other work.
WRITE_P99 = 0.2
# Where the machine is so busy that even reads are slow, writes may take so many times as long as these.
WRITES_TO_READS = 3
READS = 10
# The gateway's deadline for a call, and what may be added to it.
LONGEST_WRITE = 10.1
DATABASE_BACK = 2.0
LINK_BACK = 5.0
DEAD_PEER_SEEN = 20.0
# An event that waits no longer than this is not waiting.
FRESH = 2.0
LONGEST_WAIT = 180.0
STOP_OF_POSTGRES = 1.0


class Size:
    """How much is done: what is left out of a bounded run, and how long troubles last."""

    def __init__(self, users, rate, calm, alarm, is_whole):
        self.users = users
        self.rate = rate
        self.calm = calm
        self.alarm = alarm
        self.is_whole = is_whole


SIZES = {
    "short": Size(users=6, rate=2, calm=2.0, alarm=4.0, is_whole=False),
    "usual": Size(users=10, rate=3, calm=5.0, alarm=12.0, is_whole=True),
    "long": Size(users=10, rate=3, calm=20.0, alarm=60.0, is_whole=True)}


class Trouble:
    """The troubles in their order. Times are seconds."""

    def __init__(self, installation, database, consumers, ledger, options, seed, look_after, say):
        self.installation = installation
        self.network = installation.network
        self.database = database
        self.consumers = consumers
        self.size = SIZES[options.trouble]
        self.slack = options.slack
        self.look_after = look_after
        self.say = say
        self.meter = Meter()
        self.ledger = ledger
        self.seed = seed
        self.patience = options.drain
        self.users = [
            SteadyUser(number, f"t{seed:x}", f"{seed}/steady", installation.gateways(), ledger, self.size.rate,
                       self.patience, meter=self.meter)
            for number in range(self.size.users)]
        self.users.append(Reader(
            self.size.users, f"t{seed:x}", f"{seed}/reads", installation.gateways(), ledger, READS, self.patience,
            meter=self.meter))
        self.figures = []
        self.violations = []

    def play(self):
        for user in self.users:
            user.start()
        self.wait("the users to write", lambda: all(user.ready.is_set() for user in self.users))
        began = time.monotonic()
        self.rest(self.size.calm)
        self.judge("no trouble", began, longest_p99=WRITE_P99)
        self.database_dies("immediate stop")
        self.broker_is_out_of_memory()
        self.broker_is_cut_off("cut", 3.0)
        if self.size.is_whole:
            self.database_dies("SIGKILL")
            self.broker_dies()
            self.broker_is_cut_off("stall", DEAD_PEER_SEEN)
            self.database_is_cut_off("cut", 3.0)
            self.database_is_cut_off("stall", 6.0)
        self.mail_server_is_away()
        self.end(self.users)

    # The troubles

    def database_dies(self, how):
        """Writes are refused properly while it is away, and served soon after."""
        postgres, began = self.installation.postgres, time.monotonic()
        self.installation.kept("postgres").delay = STOP_OF_POSTGRES
        if how == "SIGKILL":
            postgres.kill()
        else:
            process.stop(postgres.child, signal.SIGQUIT)
        self.wait("PostgreSQL to be started again", lambda: postgres.is_running())
        self.wait("PostgreSQL to accept connections", lambda: is_ready(postgres))
        self.judge_return(f"PostgreSQL, {how}", began, DATABASE_BACK)

    def database_is_cut_off(self, how, seconds):
        began = time.monotonic()
        getattr(self.network, how)("*>postgres")
        self.rest(seconds)
        self.network.heal("*>postgres")
        self.judge_return(f"network to PostgreSQL, {how} of {seconds:g} s", began, LINK_BACK)

    def judge_return(self, name, began, bound):
        """From now on the database can be reached."""
        reached = time.monotonic()

        def last_refusal():
            refusals = self.meter.window(reached, time.monotonic()).refusals
            return max((attempt.began for attempt in refusals), default=reached)
        self.wait("writes not to be refused any more",
                  lambda: time.monotonic() - last_refusal() >= bound + self.size.calm)
        late = last_refusal() - reached
        self.figure(name, f"last write refused {late:.2f} s after it could be reached")
        self.expect(f"{name}: refused {late:.2f} s after it could be reached", late <= bound * self.slack)
        self.judge(name, began, allowed=(503, 409))

    def broker_dies(self):
        began = time.monotonic()
        self.installation.rabbitmq.kill()
        self.wait("the broker to be started again", lambda: self.installation.rabbitmq.is_running())
        self.wait("the broker to answer", lambda: self.installation.rabbitmq.greets())
        self.judge_drain("broker, SIGKILL", began)

    def broker_is_out_of_memory(self):
        self.installation.set_memory_alarm(True)
        began = time.monotonic()
        self.rest(self.size.alarm)
        waiting = self.waiting()
        self.expect("memory alarm: the broker took events all the same", waiting > 0)
        self.installation.set_memory_alarm(False)
        name = f"memory alarm of {self.size.alarm:g} s"
        self.figure(name, f"{waiting} events waited at its end")
        self.judge_drain(name, began)

    def broker_is_cut_off(self, how, seconds):
        name, began = f"network to the broker, {how}", time.monotonic()
        getattr(self.network, how)("*>rabbitmq")
        seen = self.times_of("to notice", lambda is_ready: not is_ready, DEAD_PEER_SEEN)
        self.figure(name, f"noticed by all processes after {max(seen.values()):.1f} s at most")
        self.expect(f"{name}: noticed later than {DEAD_PEER_SEEN:g} s by " + ", ".join(seen),
                    max(seen.values()) <= DEAD_PEER_SEEN * self.slack)
        self.rest(max(0.0, began + seconds - time.monotonic()))
        self.network.heal("*>rabbitmq")
        back = self.times_of("to be back", lambda is_ready: is_ready, LINK_BACK)
        self.figure(name, f"all processes back {max(back.values()):.1f} s after it healed")
        self.expect(f"{name}: back later than {LINK_BACK:g} s", max(back.values()) <= LINK_BACK * self.slack)
        self.judge_drain(name, began)

    def times_of(self, what, condition, bound):
        """Process -> when it was so. Waits a good while longer than the bound, so that the figure is known."""
        began, times = time.monotonic(), {}

        def look():
            for name in cluster.ALL:
                if name not in times and condition(self.is_connected(name)):
                    times[name] = time.monotonic() - began
            return len(times) == len(cluster.ALL)
        self.wait(f"all processes {what}", look, timeout=max(LONGEST_WAIT, 2 * bound * self.slack))
        return times

    def is_connected(self, name):
        """Whether a process has a broker, by its own account."""
        _, text = programs.readiness(self.installation.addresses[name][1])
        # The gateway is ready without one, and says so all the same.
        return '"broker":"ready"' in text or '"broker"' not in text

    def judge_drain(self, name, began):
        """From now on the broker can be reached: the first event is confirmed soon, then all that wait."""
        reached, confirmed = time.monotonic(), self.confirmed()
        first = self.wait("an event to be confirmed", lambda: self.confirmed() > confirmed)
        self.expect(f"{name}: first confirmed {first:.1f} s after the broker could be reached",
                    first <= LINK_BACK * self.slack)
        self.wait("the outbox to be drained", lambda: self.waiting() == 0)
        self.figure(name, f"first event confirmed {first:.1f} s, all {time.monotonic() - reached:.1f} s after it "
                          "could be reached")
        self.judge(name, began, longest_p99=WRITE_P99)

    def mail_server_is_away(self):
        """Mails are late; nothing else is."""
        name = "mail server away"
        newcomers = Newcomers(
            len(self.users), f"m{self.seed:x}", f"{self.seed}/mail", self.installation.gateways(), self.ledger, 2,
            self.patience)
        before = self.installation.mailbox.taken
        self.network.cut(cluster.MAIL_LINK)
        newcomers.start()
        began = time.monotonic()
        self.rest(self.size.calm + 3.0)
        self.end([newcomers])
        kept_waiting = self.unsent()
        self.expect(f"{name}: no mail waits", kept_waiting > 0 and self.installation.mailbox.taken == before)
        audited = self.wait("the audit to go on", lambda: self.unhandled("events", "processor.audit") == 0)
        self.figure(name, f"{kept_waiting} mails wait, the audit is done {audited:.1f} s after the last registration")
        self.network.heal(cluster.MAIL_LINK)
        last = self.wait("all mails", lambda: self.unsent() == 0)
        self.figure(name, f"the last of them was handed over {last:.1f} s after it was back")
        self.judge(name, began, longest_p99=WRITE_P99)

    # What is seen

    def confirmed(self):
        """Events that the broker has confirmed to the expense service since its processes started."""
        return sum(sum(self.metrics(name, "florin_outbox_published_total"))
                   for name in cluster.instances("expense-service"))

    def metrics(self, name, *wanted):
        """Figures of a process; those that it does not give are left out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.installation.addresses[name][1], timeout=5)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return []
        finally:
            connection.close()
        return [float(value) for metric in wanted for value in re.findall(rf"^{metric} (\S+)$", text, re.MULTILINE)]

    def waiting(self):
        """Events in the outbox that have been there for a while."""
        return self.number(f"SELECT count(*) FROM expense.outbox WHERE created_at < now() - interval '{FRESH} s'")

    def unhandled(self, schema, consumer):
        """Events that have not had their effect at a consumer."""
        return self.number(
            f"SELECT count(*) FROM faults.events e WHERE {self.consumers.condition(consumer)} AND number <= "
            f"(SELECT max(number) FROM faults.events WHERE type LIKE 'florin.auth.user_registered.%') AND NOT EXISTS "
            f"(SELECT FROM {schema}.inbox i WHERE i.consumer = '{consumer}' AND i.event_id = e.id)")

    def unsent(self):
        return self.unhandled("events", "processor.mail")

    def number(self, query):
        return record.number(self.installation.postgres, self.database, query)

    # How it is judged

    def judge(self, name, began, allowed=(), longest_p99=None):
        """The writes since then."""
        window = self.meter.window(began, time.monotonic())
        self.figure(name, f"writes {window.text()}")
        self.expect(f"{name}: no write at all succeeded", window.durations)
        outside = window.outside_of(allowed)
        self.expect(f"{name}: {len(outside)} writes met something else than success: {outside[:8]}", not outside)
        self.expect(f"{name}: a write took {window.longest():.1f} s", window.longest() <= LONGEST_WRITE * self.slack)
        if longest_p99 is not None:
            reads = self.meter.window(began, time.monotonic(), READ).percentile(0.99)
            bound = max(1000 * longest_p99, WRITES_TO_READS * reads)
            if bound > 1000 * longest_p99:
                self.figure(name, f"the machine is busy: p99 of reads {reads:.0f} ms, writes may have {bound:.0f}")
            self.expect(f"{name}: p99 of writes {window.percentile(0.99):.0f} ms",
                        window.percentile(0.99) <= bound * self.slack)

    def figure(self, name, text):
        self.say(f"{name}: {text}")
        self.figures.append((name, text))

    def expect(self, complaint, is_so):
        if not is_so:
            self.violations.append(complaint)

    # Waiting

    def wait(self, what, condition, timeout=LONGEST_WAIT):
        """How long it took."""
        began = time.monotonic()
        while not condition():
            self.look_after()
            for user in self.users:
                if user.failure is not None:
                    raise Problem(f"{user.name} failed: {user.failure!r}")
            if time.monotonic() - began > timeout:
                raise Problem(f"waited {timeout:g} s in vain for {what}")
            time.sleep(0.05)
        return time.monotonic() - began

    def rest(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look_after()
            time.sleep(0.05)

    def end(self, users):
        for user in users:
            user.over.set()
        self.wait("users to come to their end", lambda: not any(user.is_alive() for user in users), self.patience)


def is_ready(server):
    try:
        server.check_ready()
    except Problem:
        return False
    return True
