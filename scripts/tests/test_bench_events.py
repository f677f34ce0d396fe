"""The parts of the events benchmark that need no server."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import uuid

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, SCRIPTS)

from bench_events import command, feed  # noqa: E402


class EventsTests(unittest.TestCase):
    def test_events_have_the_size_and_are_of_many_users(self):
        events = feed.Events()
        rows = [events.row() for _ in range(feed.USERS + 1)]
        self.assertEqual({len(bytes.fromhex(event)) for _, _, event in rows}, {feed.EVENT_BYTES})
        self.assertEqual(len({identifier for identifier, _, _ in rows}), len(rows))
        self.assertEqual(len({key for _, key, _ in rows}), feed.USERS)
        identifier, key, event = rows[0]
        fields = json.loads(bytes.fromhex(event))
        self.assertEqual((fields["id"], fields["partitionkey"], fields["data"]["user_id"]), (identifier, key, key))
        self.assertEqual(uuid.UUID(identifier).version, 7)


class LoopTests(unittest.TestCase):
    def test_the_plain_loop_compiles_without_warnings_and_says_what_is_wrong(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "loop")
            command.compile_loop(program, "-Wall", "-Wextra", "-Werror")
            refused = subprocess.run([program, "publish"], stderr=subprocess.PIPE, text=True)
            self.assertEqual((refused.returncode, refused.stderr), (1, "loop: usage: see the head of its source\n"))
            nobody = ["127.0.0.1", "1", "user", "password", "host", "queue", "1", "1"]
            refused = subprocess.run([program, "consume", *nobody], stderr=subprocess.PIPE, text=True)
            self.assertEqual((refused.returncode, refused.stderr), (1, "loop: cannot connect\n"))


if __name__ == "__main__":
    unittest.main()
