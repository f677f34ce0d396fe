"""What is put on the bus beside the services: repeats, other orders, keys of nobody, and poison."""

import base64
import json
import random
import threading
import time
import uuid

from local.problem import Problem

from . import record

EXCHANGE = "florin.events"
STRUCTURED = "application/cloudevents+json"
# Whose inbox the consumer of a queue has, by the first part of the queue's name.
SCHEMAS = {"expense": "expense", "portfolio": "portfolio", "processor": "events"}
# Types whose consumers need more of `data` than the poison has.
BREAKABLE = (
    "florin.auth.user_registered.v1", "florin.portfolio.portfolio_updated.v1", "florin.expense.budget_exceeded.v1",
    "florin.auth.email_verification_requested.v1")
# Consumers that pass events on as they are: what follows no schema is an event to them like any other.
CARRIERS = ("processor.audit", "processor.streams")


class Consumers:
    """The durable consumers: (schema, queue, prefixes of the types that the queue is bound to) of each."""

    def __init__(self, rabbitmq):
        """Asks the broker, where the programs have declared everything by now."""
        prefixes = {}
        for binding in rabbitmq.api("GET", f"/exchanges/{rabbitmq.virtual_host}/{EXCHANGE}/bindings/source"):
            queue = binding["destination"]
            if binding["destination_type"] == "queue" and queue.split(".")[0] in SCHEMAS:
                prefixes.setdefault(queue, []).append(binding["routing_key"].rstrip("#*"))
        self.all = [(SCHEMAS[queue.split(".")[0]], queue, tuple(sorted(bound)))
                    for queue, bound in sorted(prefixes.items())]

    def of_type(self, event_type):
        """(schema, consumer) of each queue that the type is routed into."""
        return [(schema, queue) for schema, queue, prefixes in self.all if event_type.startswith(prefixes)]

    def condition(self, queue):
        """SQL for the types that a queue is bound to."""
        bound = next(prefixes for _, name, prefixes in self.all if name == queue)
        return "(" + " OR ".join(f"type LIKE '{prefix}%'" for prefix in bound) + ")"


def new_identifier(chance):
    """A UUID of version 7."""
    number = (int(time.time() * 1000) << 80) | chance.getrandbits(80)
    number = number & ~(0xF << 76) | (7 << 76)
    return str(uuid.UUID(int=number & ~(3 << 62) | (2 << 62)))


class Injector(threading.Thread):
    """Publishes through the broker's management interface, each message until the broker has confirmed it."""

    def __init__(self, seed, postgres, rabbitmq, database, consumers, interval):
        super().__init__(name="injector", daemon=True)
        self.chance = random.Random(f"{seed}/bus")
        self.postgres = postgres
        self.rabbitmq = rabbitmq
        self.database = database
        self.consumers = consumers
        self.interval = interval
        self.over = threading.Event()
        self.recorded = 0
        self.repeats = 0
        self.foreign = []  # events of nobody, in the order of publication
        self.incompatible = []
        self.unreadable = []  # (routing key, body)
        self.attempts = 0
        self.failure = None

    def run(self):
        try:
            while not self.over.wait(self.interval):
                self.inject()
        except Exception as error:  # shown by the suite, which ends with it
            self.failure = error
            raise

    def inject(self):
        """One round: as much poison as one in a hundred of the events that were recorded since the last."""
        try:
            last = record.number(
                self.postgres, self.database, "SELECT coalesce(max(number), 0) FROM faults.events")
            total = record.number(self.postgres, self.database, "SELECT count(*) FROM faults.events")
            recent = record.events(
                self.postgres, self.database,
                f"number > {last - 400} AND hashint8(number # {self.chance.getrandbits(30)}) % 16 = 0 "
                f"AND {record.PUBLISHED}")
        except Problem:
            return  # the database is being restarted: the next round will do
        fresh, self.recorded = max(0, total - self.recorded), total
        self.repeat(recent)
        self.publish_foreign()
        for _ in range(max(1, round(fresh / 300))):
            self.publish_unreadable()
            self.publish_incompatible()

    def publish(self, routing_key, body, content_type):
        """Until the broker says that it was routed. A message may get in twice that way, as with any publisher."""
        message = {
            "routing_key": routing_key, "payload": base64.b64encode(body).decode(), "payload_encoding": "base64",
            "properties": {"delivery_mode": 2, "content_type": content_type}}
        path = f"/exchanges/{self.rabbitmq.virtual_host}/{EXCHANGE}/publish"
        deadline = time.monotonic() + 120
        while True:
            self.attempts += 1
            try:
                if self.rabbitmq.api("POST", path, message, timeout=20)["routed"]:
                    return
            except Problem:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def repeat(self, events):
        """Events again that were published before, in any order."""
        self.chance.shuffle(events)
        for event in events[:12]:
            self.publish(event.type, event.text.encode(), STRUCTURED)
            self.repeats += 1

    def publish_foreign(self):
        """Events of several keys in turns, each key in its own order."""
        keys = [new_identifier(self.chance) for _ in range(3)]
        turns = [key for key in keys for _ in range(3)]
        self.chance.shuffle(turns)
        sequences = dict.fromkeys(keys, 0)
        for key in turns:
            sequences[key] += 1
            event = self.event("florin.expense.expense_deleted.v1", key, key, sequences[key], {
                "user_id": key, "expense_id": key, "deleted_at": "2026-11-20T09:30:00.123Z"})
            self.foreign.append(event)
            self.publish(event["type"], json.dumps(event).encode(), STRUCTURED)

    def publish_incompatible(self):
        """Two proper events of one aggregate whose data does not follow the schema of their type: the second has to be
        put aside behind the first."""
        event_type, subject = self.chance.choice(BREAKABLE), new_identifier(self.chance)
        for sequence in (1, 2):
            event = self.event(event_type, subject, subject, sequence, {"poison": len(self.incompatible)})
            self.incompatible.append(event)
            self.publish(event_type, json.dumps(event).encode(), STRUCTURED)

    def publish_unreadable(self):
        """No event at all, or one that CloudEvents forbids."""
        number = len(self.unreadable)
        event_type = self.chance.choice(BREAKABLE + ("florin.expense.expense_created.v1",))
        body = self.chance.choice((
            f"poison {number}", '{"poison": %d' % number, json.dumps({"poison": number}),
            json.dumps({"specversion": "0.3", "id": f"poison {number}", "source": "/faults", "type": event_type}),
        )).encode()
        self.unreadable.append((event_type, body))
        self.publish(event_type, body, self.chance.choice((STRUCTURED, "application/json", "text/plain")))

    def event(self, event_type, subject, key, sequence, data):
        return {
            "specversion": "1.0", "id": new_identifier(self.chance), "source": "/florin/faults", "type": event_type,
            "subject": subject, "time": "2026-11-20T09:30:00.123Z", "datacontenttype": "application/json",
            "partitionkey": key, "sequence": f"{sequence:020}", "data": data}

    def expected_parked(self):
        """(schema, consumer, what it is known by) of everything that must end as a dead letter."""
        parked = {
            (schema, consumer, body.decode()) for event_type, body in self.unreadable
            for schema, consumer in self.consumers.of_type(event_type)}
        return parked | {
            (schema, consumer, event["id"]) for event in self.incompatible
            for schema, consumer in self.consumers.of_type(event["type"]) if consumer not in CARRIERS}
