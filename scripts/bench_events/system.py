"""The part of Florin that events pass through, with its servers, and what can be read off it."""

import http.client
import os
import re
import time

from local import installation, process, programs
from local.problem import Problem

# Whose outbox is relayed, and who has the effect.
PRODUCER, CONSUMER = "expense-service", "event-processor"
QUEUE = "processor.audit"
EVENT_TYPE = "florin.expense.expense_created.v1"
LOOP_EXCHANGE, LOOP_QUEUE = "bench.loop", "bench.loop"
TICKS = os.sysconf("SC_CLK_TCK")
PROBES = """
CREATE SCHEMA bench;
CREATE UNLOGGED TABLE bench.seen (id uuid, what text, at timestamptz);
CREATE UNLOGGED TABLE bench.written (id uuid, at timestamptz);
CREATE FUNCTION bench.note_confirm() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO bench.written SELECT id, created_at FROM gone;
    INSERT INTO bench.seen SELECT id, 'confirm', clock_timestamp() FROM gone;
    RETURN NULL;
END $$;
CREATE FUNCTION bench.note_effect() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO bench.seen SELECT event_id, 'effect', clock_timestamp() FROM made;
    RETURN NULL;
END $$;
CREATE TRIGGER bench AFTER DELETE ON expense.outbox REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bench.note_confirm();
CREATE TRIGGER bench AFTER INSERT ON events.inbox REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION bench.note_effect();
GRANT USAGE ON SCHEMA bench TO expense, events;
"""
WITHOUT_PROBES = "DROP TRIGGER bench ON expense.outbox; DROP TRIGGER bench ON events.inbox; DROP SCHEMA bench CASCADE;"


class System(installation.Installation):
    """PostgreSQL, RabbitMQ, a service with an outbox, and the event processor, which can be held back."""

    def __init__(self):
        super().__init__(any_free_ports=True)
        self.supervisor.say = lambda text: None

    def start_program(self, name):
        if name in (PRODUCER, CONSUMER):
            super().start_program(name)

    def kept(self, name):
        return next(kept for kept in self.supervisor.kept if kept.name == name)

    def hold(self, name):
        """Stops a program until it is let go."""
        kept = self.kept(name)
        kept.start_again_at = float("inf")
        process.stop(kept.child())

    def let_go(self, name, **settings):
        self.environments[name].update(settings)
        self.kept(name).start_again_at = 0.0
        self.supervisor.look_after()

    def sql(self, statements):
        return self.postgres.sql(statements, programs.DATABASE)

    def number(self, query):
        return int(self.sql(query))

    def wait(self, what, condition, timeout, interval=0.02):
        """Waits while the processes are looked after; returns the time at which it was so."""
        deadline = time.monotonic() + timeout
        while not condition():
            self.supervisor.look_after()
            if self.supervisor.is_asked_to_stop:
                raise Problem("ended by a signal")
            if time.monotonic() > deadline:
                raise Problem(f"waited {timeout:g} s in vain for {what}")
            time.sleep(interval)
        return time.monotonic()

    def counter(self, name, pattern):
        """A figure of a program's metrics; 0 where it does not answer or have it."""
        port = self.ports[f"{programs.PORT_NAMES[name]}_ADMIN"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            found = re.search(rf"^{pattern} (\S+)$", connection.getresponse().read().decode(), re.MULTILINE)
        except (OSError, http.client.HTTPException):
            return 0.0
        finally:
            connection.close()
        return float(found[1]) if found else 0.0

    def published(self):
        return self.counter(PRODUCER, "florin_outbox_published_total")

    def applied(self):
        return self.counter(
            CONSUMER, rf'florin_inbox_events_total\{{consumer="{QUEUE}",outcome="applied"\}}')

    def processor_seconds(self):
        """Processor time so far by who used it."""
        roots = {"postgres": self.postgres.child.pid, "rabbitmq": self.rabbitmq.child.pid}
        for name in (PRODUCER, CONSUMER):
            roots[name] = self.kept(name).child().pid
        return {name: sum(seconds(pid) for pid in [root, *process.descendants(root)]) for name, root in roots.items()}

    def make_loop_queue(self):
        """A quorum queue for the plain loops, bound as Florin's are."""
        host = self.rabbitmq.virtual_host
        self.rabbitmq.api("PUT", f"/exchanges/{host}/{LOOP_EXCHANGE}", {"type": "topic", "durable": True})
        self.rabbitmq.api("PUT", f"/queues/{host}/{LOOP_QUEUE}", {
            "durable": True, "arguments": {"x-queue-type": "quorum"}})
        self.rabbitmq.api(
            "POST", f"/bindings/{host}/e/{LOOP_EXCHANGE}/q/{LOOP_QUEUE}", {"routing_key": "florin.#"})


def seconds(pid):
    """User and system time of a process; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS
