"""The command `scripts/bench-events`: all figures of events in one run on one broker."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from local import layout, process
from local.problem import Problem

from . import system
from .feed import EVENT_BYTES, Events, Feeder

WINDOW = 500
RATES = (20, 300, 2000)
HERE = os.path.dirname(os.path.realpath(__file__))
TARGETS = ("targets: outbox to confirmed 3,000/s; to confirm p99 250 ms at 300/s; inbox with handler 3,000/s batched, "
           "1,500/s one by one")


def parser():
    top = argparse.ArgumentParser(
        prog="scripts/bench-events", description="Measures outbox, broker and inbox beside plain clients.")
    top.add_argument("--binaries", metavar="DIR", help="the programs; without, they are built in release mode")
    top.add_argument("--events", type=int, default=30_000, help="events of a measurement of throughput (30000)")
    top.add_argument("--seconds", type=float, default=8, help="of each measurement of latency (default 8)")
    return top


def compile_loop(program, *options):
    """Makes the plain client, by the system's C compiler or that of the Swift toolchain."""
    compiler = process.program("cc" if shutil.which("cc") else "clang")
    process.run([compiler, "-O2", *options, "-o", program, os.path.join(HERE, "loop.c"), "-lrabbitmq"])


class Bench:
    """One run. Rates are per second, latencies in milliseconds, processor time in microseconds per event."""

    def __init__(self, options, binaries):
        self.options = options
        self.binaries = binaries
        self.folder = tempfile.mkdtemp(prefix="florin-bench-")
        os.chmod(self.folder, 0o711)
        os.environ["FLORIN_LOCAL_DIR"] = self.folder
        os.environ["FLORIN_LOG_LEVEL"] = "warning"
        self.system = system.System()
        self.events = Events()
        self.loop = os.path.join(self.folder, "loop")
        self.rates = {}

    def play(self):
        compile_loop(self.loop)
        self.system.start(self.binaries)
        self.system.make_loop_queue()
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {EVENT_BYTES} bytes each, quorum queues, "
              f"{WINDOW} in flight", flush=True)
        self.plain_throughput()
        self.outbox_and_inbox("batched", self.options.events, {})
        self.outbox_and_inbox("one by one", self.options.events // 2, {"FLORIN_EVENT_BATCH": "1"})
        self.system.hold(system.CONSUMER)
        self.system.let_go(system.CONSUMER, FLORIN_EVENT_BATCH="16")
        self.latencies()
        self.ratios()

    # Throughput

    def plain_throughput(self):
        print("\nthroughput                                            events/s   p50 ms   p99 ms   "
              "processor µs per event")
        quarter, few = self.options.events // 4, self.options.events // 30
        for name, client, verb, count in (
                ("C loop (librabbitmq)", [self.loop], "publish", self.options.events),
                ("C loop, take and acknowledge", [self.loop], "consume", self.options.events),
                ("Python, aio-pika", self.python("aio-pika"), "publish", quarter),
                ("Python, aio-pika, take and acknowledge", self.python("aio-pika"), "consume", quarter),
                ("Python, pika, one after the other", self.python("pika"), "publish", few),
                ("Python, pika, take and acknowledge", self.python("pika"), "consume", few)):
            arguments = self.publishing(count, WINDOW) if verb == "publish" else self.consuming(count)
            answer = json.loads(process.run([*client, verb, *arguments], timeout=120))
            rate = answer["count"] / answer["seconds"]
            self.rates[name] = rate
            latencies = f"{answer['p50']:>9.1f}{answer['p99']:>9.1f}" if verb == "publish" else " " * 18
            used = 1e6 * answer["processor"] / answer["count"]
            print(f"  {name:<48}{rate:>12,.0f}{latencies}     client {used:.0f}", flush=True)

    def server(self):
        rabbitmq = self.system.rabbitmq
        return ["127.0.0.1", str(rabbitmq.ports["amqp"]), "florin", rabbitmq.password, rabbitmq.virtual_host]

    def publishing(self, count, limit):
        return [*self.server(), system.LOOP_EXCHANGE, system.EVENT_TYPE, str(count), str(EVENT_BYTES), str(limit)]

    def consuming(self, count):
        return [*self.server(), system.LOOP_QUEUE, str(count), str(WINDOW)]

    @staticmethod
    def python(library):
        return [os.path.join(layout.SOURCE, ".venv", "bin", "python"), "-B", os.path.join(HERE, "client.py"), library]

    def outbox_and_inbox(self, how, count, settings):
        """A full outbox is published while nobody consumes; then the full queue is consumed."""
        stack = self.system
        stack.hold(system.CONSUMER)
        feeder = Feeder(stack.postgres)
        rows = [self.events.row() for _ in range(count)]
        before, cpu = stack.published(), stack.processor_seconds()
        feeder.copy(rows)
        feeder.close()
        began = time.monotonic()
        already = stack.published() - before
        ended = stack.wait("the outbox to be empty", lambda: stack.published() - before >= count, 120)
        self.tell("outbox to confirmed", (count - already) / (ended - began), count, cpu,
                  (system.PRODUCER, "postgres", "rabbitmq"))
        stack.let_go(system.CONSUMER, **settings)
        began = stack.wait("the first effect", lambda: stack.applied() > 0, 60, interval=0.005)
        already, cpu = stack.applied(), stack.processor_seconds()
        ended = stack.wait("all effects", lambda: stack.applied() >= count, 180)
        self.tell(f"inbox with handler transaction, {how}", (count - already) / (ended - began), count - already, cpu,
                  (system.CONSUMER, "postgres", "rabbitmq"))

    def tell(self, name, rate, count, before, parts):
        after = self.system.processor_seconds()
        cost = ", ".join(f"{part} {1e6 * (after[part] - before[part]) / count:.0f}" for part in parts)
        self.rates[name] = max(rate, self.rates.get(name, 0.0))
        print(f"  {'Florin, ' + name:<48}{rate:>12,.0f}{' ' * 18}     {cost}", flush=True)

    # Latency

    def latencies(self):
        print("\nlatency (ms)                              rate/s   to confirm p50     p99   to effect p50     p99   "
              "processor µs per event")
        for rate in RATES:
            count = int(rate * self.options.seconds)
            self.tell_latency("C loop, arrival", rate, self.paced_clients([self.loop], count, rate))
            self.tell_latency("aio-pika, arrival", rate, self.paced_clients(self.python("aio-pika"), count, rate))
            self.florin_latency(rate, count)

    def paced_clients(self, client, count, rate):
        """A publisher and a consumer of the same kind side by side."""
        rabbitmq = self.system.rabbitmq
        rabbitmq.api("DELETE", f"/queues/{rabbitmq.virtual_host}/{system.LOOP_QUEUE}/contents")
        consumer = subprocess.Popen([*client, "consume", *self.consuming(count)], stdout=subprocess.PIPE, text=True)
        publisher = json.loads(process.run([*client, "pace", *self.publishing(count, rate)], timeout=120))
        arrival = json.loads(consumer.communicate(timeout=60)[0])
        used = 1e6 * (publisher["processor"] + arrival["processor"]) / count
        return publisher["p50"], publisher["p99"], arrival["p50"], arrival["p99"], f"client {used:.0f}"

    def tell_latency(self, name, rate, figures):
        print(f"  {name:<38}{rate:>8,}{figures[0]:>17.1f}{figures[1]:>8.1f}{figures[2]:>16.1f}{figures[3]:>8.1f}   "
              f"{figures[4]}", flush=True)

    def florin_latency(self, rate, count):
        """Rows are written at that rate by another session, without a word to the relay: it has to look by itself."""
        stack = self.system
        stack.sql(system.PROBES)
        feeder, before = Feeder(stack.postgres), stack.processor_seconds()
        step = max(1, rate // 100)
        began, written = time.monotonic(), 0
        while written < count:
            rows = [self.events.row() for _ in range(step)]
            time.sleep(max(0.0, began + written / rate - time.monotonic()))
            feeder.insert(rows)
            written += step
        feeder.close()
        stack.wait("all effects", lambda: stack.number("SELECT count(*) FROM bench.seen") >= 2 * written, 120, 0.2)
        after = stack.processor_seconds()
        figures = [float(part) for part in stack.sql(
            "SELECT " + ", ".join(
                f"percentile_cont({share}) WITHIN GROUP (ORDER BY extract(epoch FROM s.at - w.at) * 1000) "
                f"FILTER (WHERE what = '{what}')" for what in ("confirm", "effect") for share in (0.5, 0.99))
            + " FROM bench.seen s JOIN bench.written w USING (id);").split()]
        stack.sql(system.WITHOUT_PROBES)
        self.rates[f"confirm p99 at {rate}/s"] = figures[1]
        cost = ", ".join(f"{name} {1e6 * (after[name] - before[name]) / written:.0f}" for name in after)
        self.tell_latency("Florin, written to confirm and effect", rate, [*figures, cost])

    def ratios(self):
        rates = self.rates
        print("\nratios")
        loop, python = rates["C loop (librabbitmq)"], rates["Python, aio-pika"]
        outbox = rates["outbox to confirmed"]
        print(f"  outbox to confirmed: {outbox / loop:.2f} of the C loop, {outbox / python:.1f} times aio-pika, "
              f"{outbox / rates['Python, pika, one after the other']:.1f} times pika")
        for how in ("batched", "one by one"):
            rate = rates[f"inbox with handler transaction, {how}"]
            loop, python = rates["C loop, take and acknowledge"], rates["Python, aio-pika, take and acknowledge"]
            print(f"  inbox, {how}: {rate / loop:.2f} of the C loop, {rate / python:.2f} of aio-pika, which have no "
                  "effect")
        print(TARGETS)

    def stop(self):
        self.system.stop()
        if os.path.islink(self.system.layout.path("data")):
            shutil.rmtree(self.system.layout.data_elsewhere(), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def main(arguments):
    """Measures and prints; 2 when it could not."""
    options = parser().parse_args(arguments)
    try:
        bench = Bench(options, os.path.abspath(options.binaries) if options.binaries else layout.build())
    except Problem as problem:
        print(f"bench-events: {problem}", file=sys.stderr)
        return 2
    try:
        bench.play()
    except Problem as problem:
        print(f"bench-events: {problem}", file=sys.stderr)
        return 2
    finally:
        bench.stop()
    return 0
