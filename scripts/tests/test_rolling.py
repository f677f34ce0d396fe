"""The parts of the rolling restart that need no server of ours: above all that nothing that fails goes uncounted."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, SCRIPTS)

from local import ports, process  # noqa: E402
from rolling import balancer, load, runbook, tally  # noqa: E402
from rolling.connection import Connection, Failure  # noqa: E402

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


class Stub:
    """A server that answers each request with the next of the given bytes, then closes or resets."""

    def __init__(self, *answers, is_reset=False, closes=False):
        self.answers = list(answers)
        self.closes = closes  # after the first request
        self.is_reset = is_reset
        self.requests = 0
        self.server = None

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_):
        self.server.close()

    @property
    def port(self):
        return self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                if not self.answers:
                    break
                writer.write(self.answers.pop(0))
                if self.closes:
                    break
        except asyncio.IncompleteReadError:
            pass
        if self.is_reset:
            writer.transport.abort()
        writer.close()


class ConnectionTests(unittest.IsolatedAsyncioTestCase):
    async def ask(self, stub, times=1):
        connection = Connection()
        await connection.open(stub.port)
        try:
            return [(await connection.request("GET", "/", {})).body for _ in range(times)], connection.is_open
        finally:
            connection.close()

    async def test_whole_answers_keep_the_connection(self):
        async with Stub(WHOLE, CHUNKED) as stub:
            self.assertEqual(await self.ask(stub, 2), ([b"{}", b"{}"], True))

    async def test_a_server_that_says_so_is_not_asked_again_there(self):
        async with Stub(LAST) as stub:
            self.assertEqual(await self.ask(stub), ([b"{}"], False))

    async def test_everything_else_is_a_failure_and_is_sent_once(self):
        cases = {
            "no answer": (), "half a head": (b"HTTP/1.1 200 OK\r\n",), "half a body": (WHOLE[:-1],),
            "no last chunk": (CHUNKED[:-5],), "no length": (b"HTTP/1.1 200 OK\r\n\r\n",), "no status": (b"nonsense\r\n\r\n",)}
        for name, answers in cases.items():
            for is_reset in (False, True):
                with self.subTest(name, is_reset=is_reset):
                    async with Stub(*answers, is_reset=is_reset, closes=True) as stub:
                        with self.assertRaises(Failure):
                            await self.ask(stub)
                        self.assertEqual(stub.requests, 1)

    async def test_nobody_there_is_a_failure(self):
        with self.assertRaises(Failure):
            await Connection().open(ports.free(1)[0])


class TallyTests(unittest.IsolatedAsyncioTestCase):
    async def test_failures_are_counted_for_the_process_that_was_away(self):
        counted = tally.Tally()
        async with Stub(WHOLE, REFUSED) as stub:
            user = load.User("ada", "hurried", lambda: stub.port, counted, "seed")
            self.assertIsNotNone(await user.ask("GET", "/"))
            counted.present = "gateway"
            self.assertIsNone(await user.ask("GET", "/"))  # not what was expected
            self.assertIsNone(await user.ask("GET", "/"))  # the end of the connection
        self.assertEqual((counted.requests, counted.failed), (3, 2))
        self.assertEqual((counted.shares["gateway"].failed, counted.shares[tally.NOBODY].failed), (2, 0))
        self.assertIn("answered 503", counted.failures[0])

    async def test_a_stream_that_does_not_end_in_order_is_a_failure(self):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        event = b'id: e1\nevent: expense.expense_created.v1\ndata: {"data":{"expense_id":"x"}}\n\n'
        chunk = f"{len(event):x}\r\n".encode() + event + b"\r\n"
        for end, is_in_order in ((b"0\r\n\r\n", True), (b"", False)):
            counted = tally.Tally()
            async with Stub(head + chunk + end) as stub:
                user = load.User("ada", "hurried", lambda port=stub.port: port, counted, "seed")
                listener = load.Listener(user)
                await listener.connection.open(stub.port)
                following = asyncio.create_task(listener.follow(0.0, tally.NOBODY))
                await asyncio.wait_for(listener.is_open.wait(), 20)
                listener.connection.writer.write_eof()  # the stub ends as well
                if is_in_order:
                    await following
                else:
                    with self.assertRaises(asyncio.IncompleteReadError):
                        await following
                listener.connection.close()
            self.assertEqual(listener.last, "e1")
            self.assertEqual(counted.seen["ada"], {"x": 1})

    async def test_only_ready_gateways_are_chosen(self):
        async with Stub(WHOLE) as ready, Stub(REFUSED) as leaving:
            chooser = balancer.Chooser([(1, ready.port), (2, leaving.port), (3, ports.free(1)[0])])
            watching = asyncio.create_task(chooser.watch())
            while chooser.ready != {1: True, 2: False, 3: False}:
                await asyncio.sleep(0.01)
            watching.cancel()
            self.assertEqual({chooser() for _ in range(4)}, {1})


class RunbookTests(unittest.TestCase):
    """What the runbook shows is taken by the programs that it is for."""

    def fault(self, kind, change=lambda text: text):
        with tempfile.TemporaryDirectory() as folder:
            one = balancer.BALANCERS[kind]([(8080, 8090), (8180, 8190)], os.path.join(folder, "log"))
            self.addCleanup(one.stop)
            with open(one.file, encoding="utf-8") as file:
                text = change(file.read())
            with open(one.file, "w", encoding="utf-8") as file:
                file.write(text)
            return one.fault()

    def test_load_balancers_take_their_examples(self):
        for kind in balancer.BALANCERS:
            with self.subTest(kind):
                self.assertIsNone(self.fault(kind))
                self.assertIn("127.0.0.1:8180", self.fault(kind, lambda text: text.replace("127.0.0.1:8180", "127.0.0.1:8180:x")))

    def verify(self, units):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in units.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text.replace("/usr/lib/florin/gateway", "/bin/true"))
            run = subprocess.run(
                [process.program("systemd-analyze"), "verify", "--man=no", *(os.path.join(folder, name) for name in units)],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
            return run.returncode, run.stdout + run.stderr

    def test_systemd_takes_the_units(self):
        units = runbook.units()
        self.assertEqual(sorted(units), ["florin-gateway.service", "florin-gateway.socket"])
        self.assertEqual(self.verify(units), (0, ""))
        units["florin-gateway.service"] = units["florin-gateway.service"].replace("KillMode", "KilMode")
        self.assertIn("KilMode", self.verify(units)[1])


class HandOverTests(unittest.TestCase):
    def test_sockets_are_handed_over_as_systemd_does(self):
        listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        with tempfile.NamedTemporaryFile() as log:
            shell = 'echo $LISTEN_PID $$ $LISTEN_FDS; readlink /proc/$$/fd/3 /proc/$$/fd/4'
            child = process.spawn(["/bin/sh", "-c", shell], log=log.name, sockets=listening)
            self.assertEqual(child.wait(20), 0)
            lines = log.read().decode().split("\n")
        self.assertEqual(lines[0], f"{child.pid} {child.pid} 2")
        inodes = sorted(f"socket:[{os.fstat(each.fileno()).st_ino}]" for each in listening)
        self.assertEqual(sorted(lines[1:3]), inodes)
        for each in listening:
            each.close()


if __name__ == "__main__":
    unittest.main()
