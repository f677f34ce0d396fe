"""Waits until everything has gone through: outboxes and queues are empty, all effects are there."""

import time

from local.problem import Problem

from . import record


def pending(postgres, database, injector):
    """(what is not done yet, how much) pairs; empty at the end."""
    counts = {
        f"{schema}.outbox": f"SELECT count(*) FROM {schema}.outbox" for schema in record.SCHEMAS}
    for schema, consumer, _ in injector.consumers.all:
        # Every committed event that the queue is bound to, once.
        counts[f"inbox of {consumer}"] = (
            f"SELECT count(*) FROM faults.events e WHERE {injector.consumers.condition(consumer)} AND NOT EXISTS "
            f"(SELECT FROM {schema}.inbox i WHERE i.consumer = '{consumer}' AND i.event_id = e.id)")
    for schema in ("expense", "portfolio", "events"):
        expected = sum(1 for owner, _, _ in injector.expected_parked() if owner == schema)
        counts[f"{schema}.dead_letters"] = f"SELECT {expected} - count(*) FROM {schema}.dead_letters"
    foreign = len(injector.foreign) + len(injector.incompatible)
    if foreign:
        names = ", ".join(f"'{event['id']}'" for event in injector.foreign + injector.incompatible)
        counts["audit of injected events"] = (
            f"SELECT {foreign} - count(*) FROM events.audit_entries WHERE event_id IN ({names})")
    query = " UNION ALL ".join(f"SELECT '{name}', ({text})" for name, text in counts.items())
    return [(name, int(count)) for name, count in record.rows(postgres, database, query) if int(count) > 0]


def queues(rabbitmq):
    """(name, messages) of every queue that holds any."""
    queues_now = rabbitmq.api("GET", f"/queues/{rabbitmq.virtual_host}", timeout=20)
    return [(queue["name"], queue.get("messages", 1)) for queue in queues_now if queue.get("messages", 1) > 0]


def wait(installation, database, injector, look_after, timeout, say):
    """Returns what was still pending at the end, empty when nothing; how long it took is said."""
    began = told = time.monotonic()
    # The count asks about all of it; without figures about their sizes the server would choose poor plans.
    installation.postgres.sql("ANALYZE faults.events; ANALYZE events.inbox; ANALYZE portfolio.inbox;", database)
    while True:
        look_after()
        try:
            left = pending(installation.postgres, database, injector) or queues(installation.rabbitmq)
        except Problem as problem:
            left = [(str(problem), 1)]
        if not left:
            say(f"drained {time.monotonic() - began:.1f} s after the last fault and write")
            return []
        if time.monotonic() - began > timeout:
            return left
        if time.monotonic() - told > 10:
            told = time.monotonic()
            say("still pending: " + ", ".join(f"{name} {count}" for name, count in left[:6]))
        time.sleep(1)
