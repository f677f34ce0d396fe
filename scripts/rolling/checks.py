"""After the last restart: what was acknowledged is there once, told once, shown once."""

import collections
import time

from local import programs

LONGEST_LIST = 8
CREATED = "expense.expense_created"


def rows(postgres, query):
    return [line.split("\t") for line in postgres.sql(query, programs.DATABASE).splitlines() if line]


def pending(postgres, tally):
    """How many of the acknowledged expenses have no audit entry yet, and how many events wait in outboxes."""
    told = {subject for subject, in rows(
        postgres, f"SELECT subject FROM events.audit_entries WHERE action = '{CREATED}'")}
    waiting = sum(int(count) for schema in ("auth", "expense", "portfolio", "events")
                  for count, in rows(postgres, f"SELECT count(*) FROM {schema}.outbox"))
    return len(set(tally.acknowledged) - told) + waiting


def wait_until_drained(postgres, tally, timeout):
    """Whether everything has gone through in time."""
    deadline = time.monotonic() + timeout
    while pending(postgres, tally) > 0:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def violations(postgres, tally, listeners):
    """What does not hold; counts the ledger."""
    found = []

    def complain(what, cases):
        if cases:
            found.append(f"{what} ({len(cases)}): {', '.join(map(str, cases[:LONGEST_LIST]))}")

    stored = [identifier for identifier, in rows(postgres, "SELECT id FROM expense.expenses")]
    complain("acknowledged expenses that are not there", sorted(set(tally.acknowledged) - set(stored)))
    if not tally.failed:
        complain("expenses that nobody was told of", sorted(set(stored) - set(tally.acknowledged)))
    notes = collections.Counter(note for note, in rows(postgres, "SELECT note FROM expense.expenses"))
    complain("expenses there twice", [note for note, count in notes.items() if count > 1])
    entries = collections.Counter(subject for subject, in rows(
        postgres, f"SELECT subject FROM events.audit_entries WHERE action = '{CREATED}'"))
    complain("expenses not once in the audit trail",
             [identifier for identifier in stored if entries[identifier] != 1])
    for listener in listeners:
        seen = tally.seen[listener.user.name]
        own = [identifier for identifier, user in tally.acknowledged.items() if user == listener.user.name]
        name = listener.user.name
        complain(f"expenses that the live stream of {name} did not show", [each for each in own if not seen[each]])
        complain(f"expenses that the live stream of {name} showed again", [each for each in own if seen[each] > 1])
    return found
