"""scripts/stack with real servers and stand-ins for Florin's own programs."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, SCRIPTS)

from local import layout, ports, process, programs, schemas  # noqa: E402
from local.postgres import Postgres  # noqa: E402
from local.problem import Problem  # noqa: E402

DRIVER = """
import sys
sys.path.insert(0, {scripts!r})
sys.dont_write_bytecode = True
from local import commands, installation, layout
layout.build = lambda: {binaries!r}
installation.places.SOURCE = {source!r}
sys.exit(commands.main(sys.argv[1:]))
"""


def block_signals():
    """A process that is started by a thread of another one may begin with its signals blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.05)


class InstallationTests(unittest.TestCase):
    """The whole of `run`, `demo`, `stop`, `clean`."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="florin-stack-test-")
        os.chmod(self.folder, 0o711)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.root = os.path.join(self.folder, "local")
        binaries = os.path.join(self.folder, "bin")
        source = os.path.join(self.folder, "source", "scripts")
        os.makedirs(binaries)
        os.makedirs(source)
        for name in programs.ORDER:
            os.symlink(os.path.join(SCRIPTS, "tests", "stand_in_program.py"), os.path.join(binaries, name))
        self.story = os.path.join(source, "story.py")
        self.script(self.story, "import os, sys\nprint('story', os.environ['FLORIN_URL'])\nsys.exit(3)\n")
        self.driver = os.path.join(self.folder, "driver.py")
        self.script(
            self.driver, DRIVER.format(scripts=SCRIPTS, binaries=binaries, source=os.path.dirname(source)))
        numbers = ports.free(len(layout.PORTS))
        self.environment = {
            **os.environ, "FLORIN_LOCAL_DIR": self.root,
            **{f"FLORIN_PORT_{name}": str(port) for name, port in zip(layout.PORTS, numbers)}}
        self.environment.pop("FLORIN_LOG_LEVEL", None)
        self.numbers = dict(zip(layout.PORTS, numbers))

    @staticmethod
    def script(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def command(self, *arguments):
        return [sys.executable, self.driver, *arguments]

    def stack(self, *arguments, **environment):
        return subprocess.run(
            self.command(*arguments), env=self.environment | environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)

    def start(self):
        """`run` in the background; returns it and a function that gives what it has printed."""
        path = os.path.join(self.folder, "run.out")
        with open(path, "wb") as output:
            child = subprocess.Popen(
                self.command("run"), env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=block_signals)
        self.addCleanup(lambda: child.poll() is None and process.kill_tree(child))

        def text():
            with open(path, encoding="utf-8") as file:
                return file.read()

        wait_for(lambda: "Ctrl-C stops" in text() or child.poll() is not None, 180)
        self.assertIsNone(child.poll(), text())
        return child, text

    def pid(self, name):
        with open(os.path.join(self.root, "run", f"{name}.pid"), encoding="utf-8") as file:
            return int(file.read())

    def settings(self):
        with open(os.path.join(self.root, "env"), encoding="utf-8") as file:
            return dict(line.rstrip("\n").split("=", 1) for line in file)

    def sql(self, statements):
        return process.run([Postgres.tool("psql"), "-XqAt", self.settings()["FLORIN_DB_URL"], "-c", statements]).strip()

    def test_run_supervises_and_stops_in_order(self):
        child, text = self.start()
        for name in ("env", "secrets", "event-processor.conf"):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.root, name)).st_mode), 0o600)
        self.assertEqual(self.settings()["FLORIN_URL"], f"http://127.0.0.1:{self.numbers['GATEWAY']}")
        self.assertEqual(self.sql("SELECT count(*) FROM pg_namespace WHERE nspname IN ('auth','expense','portfolio','events')"), "4")
        self.sql("CREATE TABLE auth.kept (x int)")
        self.assertIn("is running from", self.stack("run").stdout)

        for name in ("expense-service", "postgres", "rabbitmq"):
            before = self.pid(name)
            os.kill(before, signal.SIGKILL)
            wait_for(lambda name=name: f"{name} is started again" in text())
            self.assertIn(f"{name} was ended by SIGKILL; it is started again in 0.5 s", text())
            self.assertNotEqual(before, self.pid(name))
        wait_for(lambda: ports.accepts(self.numbers["POSTGRES"]))

        pids = [self.pid(name) for name in ("postgres", "rabbitmq", *programs.ORDER)]
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(120), 0, text())
        self.assertFalse([pid for pid in pids if process.is_alive(pid)])
        self.assertEqual(os.listdir(os.path.join(self.root, "run")), ["stack.lock"])
        self.assertFalse([name for name, port in self.numbers.items() if ports.accepts(port)])

        child, text = self.start()
        self.assertEqual(self.sql("SELECT count(*) FROM auth.kept"), "0")
        self.assertIn("stopped", self.stack("stop").stdout)
        self.assertEqual(child.wait(30), 0)
        self.assertIn("nothing is running", self.stack("stop").stdout)

        child, text = self.start()
        pids = [self.pid(name) for name in ("postgres", "rabbitmq", *programs.ORDER)]
        child.kill()
        child.wait()
        wait_for(lambda: not any(process.is_alive(pid) for pid in pids))
        self.assertEqual(self.stack("clean").returncode, 0)
        self.assertFalse(os.path.exists(self.root))

    def test_demo_has_the_status_of_the_story(self):
        done = self.stack("demo")
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn(f"story http://127.0.0.1:{self.numbers['GATEWAY']}", done.stdout)
        self.assertFalse([name for name, port in self.numbers.items() if ports.accepts(port)])

    def test_a_taken_port_is_named(self):
        import socket
        with socket.socket() as squatter:
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            squatter.bind(("127.0.0.1", self.numbers["GATEWAY"]))
            squatter.listen()
            done = self.stack("run")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"port {self.numbers['GATEWAY']} for gateway is taken", done.stdout)
        self.assertIn("FLORIN_PORT_GATEWAY", done.stdout)

    def test_a_program_that_cannot_start_ends_the_run(self):
        done = self.stack("run", FLORIN_LOG_LEVEL="fail:gateway")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("gateway does not stay up", done.stdout)
        self.assertIn("wrong configuration", done.stdout)
        self.assertFalse([name for name, port in self.numbers.items() if ports.accepts(port)])

    def test_clean_removes_nothing_else(self):
        os.makedirs(self.root)
        done = self.stack("clean")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(os.path.isdir(self.root))


class TestServersTests(unittest.TestCase):
    """`stack servers` on its own."""

    def test_roles_reach_their_own_schema_alone(self):
        with subprocess.Popen(
                [os.path.join(SCRIPTS, "stack"), "servers", "--postgres"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True) as child:
            first = json.loads(child.stdout.readline())
            child.stdin.write("schemas one\nbogus\n")
            child.stdin.flush()
            urls = json.loads(child.stdout.readline())
            self.assertFalse(json.loads(child.stdout.readline())["ok"])
            for schema in schemas.SCHEMAS:
                place = urls[schema].partition("?")[0]
                self.query(place, "CREATE TABLE t (x int); INSERT INTO t VALUES (1)")
                for other in schemas.SCHEMAS:
                    if other != schema:
                        with self.assertRaisesRegex(Problem, "permission denied"):
                            self.query(place, f"SELECT * FROM {other}.t")
                with self.assertRaisesRegex(Problem, "permission denied"):
                    self.query(place, "CREATE TABLE public.t (x int)")
                with self.assertRaisesRegex(Problem, "permission denied"):
                    self.query(place.rpartition("/")[0] + "/postgres", "SELECT 1")
            child.stdin.close()
            self.assertEqual(child.wait(60), 0)
        self.assertFalse(os.path.exists(first["directory"]))

    @staticmethod
    def query(url, statements):
        return process.run([Postgres.tool("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", url, "-c", statements])


@unittest.skipUnless(os.geteuid() == 0, "only root's folders are closed to the servers' accounts")
class ClosedFolderTests(unittest.TestCase):
    def test_data_is_elsewhere_when_the_accounts_cannot_enter(self):
        with tempfile.TemporaryDirectory() as folder:
            place = layout.Layout({"FLORIN_LOCAL_DIR": os.path.join(folder, "local")})
            self.addCleanup(shutil.rmtree, place.data_elsewhere(), ignore_errors=True)
            place.create()
            self.assertEqual(os.path.realpath(place.path("data")), place.data_elsewhere())
            data = place.data("postgres")
            process.Account("postgres").own(data)
            self.assertTrue(process.Account("postgres").can_enter(data))
            place.create()
            self.assertEqual(place.data("postgres"), data)


class PortTests(unittest.TestCase):
    def test_ports_are_checked(self):
        with self.assertRaisesRegex(Problem, "FLORIN_PORT_AMQP is not a port number: x"):
            layout.chosen_ports({"FLORIN_PORT_AMQP": "x"}, False)
        with self.assertRaisesRegex(Problem, "FLORIN_PORT_EPMD and FLORIN_PORT_AMQP are both 77"):
            layout.chosen_ports({"FLORIN_PORT_AMQP": "77", "FLORIN_PORT_EPMD": "77"}, False)
        self.assertEqual(layout.chosen_ports({"FLORIN_PORT_AMQP": "77"}, False), layout.PORTS | {"AMQP": 77})
        chosen = layout.chosen_ports({}, True)
        self.assertEqual(len(set(chosen.values())), len(layout.PORTS))


if __name__ == "__main__":
    unittest.main()
