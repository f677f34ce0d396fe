"""Events that are put into the outbox by SQL, as a service's transaction would."""

import json
import random
import subprocess
import time
import uuid

from local import programs
from local.postgres import ADMINISTRATOR, Postgres
from local.problem import Problem

from .system import EVENT_TYPE

EVENT_BYTES = 1024
# Of one user never more than one event is under way, so there have to be many.
USERS = 1000


class Events:
    """Events of many users, 1 KiB each."""

    def __init__(self, seed=1):
        self.chance = random.Random(seed)
        self.users = [self.identifier() for _ in range(USERS)]
        self.made = 0

    def identifier(self):
        """A UUID of version 7."""
        number = (int(time.time() * 1000) << 80) | self.chance.getrandbits(80)
        number = number & ~(0xF << 76) | (7 << 76)
        return str(uuid.UUID(int=number & ~(3 << 62) | (2 << 62)))

    def row(self):
        """(id, partition key, event in hexadecimal); each event is of an aggregate of its own."""
        user = self.users[self.made % USERS]
        self.made += 1
        identifier, subject = self.identifier(), self.identifier()
        event = {
            "specversion": "1.0", "id": identifier, "source": "/florin/expense", "type": EVENT_TYPE,
            "subject": subject, "time": "2026-11-20T09:30:00.123Z", "datacontenttype": "application/json",
            "dataschema": "urn:florin:event:expense:expense_created:v1", "partitionkey": user,
            "sequence": f"{1:020}", "correlationid": identifier,
            "data": {"user_id": user, "expense_id": subject, "note": ""}}
        event["data"]["note"] = "x" * (EVENT_BYTES - len(json.dumps(event)))
        return identifier, user, json.dumps(event).encode().hex()


class Feeder:
    """One session of the database that is fed with statements."""

    def __init__(self, postgres):
        command = [
            Postgres.tool("psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--host", "127.0.0.1",
            "--port", str(postgres.port), "--username", ADMINISTRATOR, "--dbname", programs.DATABASE]
        self.session = subprocess.Popen(
            command, stdin=subprocess.PIPE, text=True,
            env={"PATH": "/usr/bin:/bin", "PGPASSWORD": postgres.password})

    def insert(self, rows):
        """One statement, one transaction."""
        values = ", ".join(
            f"(0, '{identifier}', '{EVENT_TYPE}', '{key}', '\\x{event}')" for identifier, key, event in rows)
        self.session.stdin.write(
            f"INSERT INTO expense.outbox (shard, id, type, partition_key, event) VALUES {values};\n")
        self.session.stdin.flush()

    def copy(self, rows):
        """All in one transaction, which is committed when this returns with `close`."""
        self.session.stdin.write("COPY expense.outbox (shard, id, type, partition_key, event) FROM STDIN;\n")
        for identifier, key, event in rows:
            self.session.stdin.write(f"0\t{identifier}\t{EVENT_TYPE}\t{key}\t\\\\x{event}\n")
        self.session.stdin.write("\\.\n")

    def close(self):
        self.session.stdin.close()
        if self.session.wait(60) != 0:
            raise Problem("the events could not be written")
