"""`stack servers`: PostgreSQL and RabbitMQ for one test process, driven by lines on standard input.

The first line printed says where they are; then each command line is answered by one line of JSON. Closing standard
input, or SIGTERM, ends the servers and removes their data.
"""

import json
import os
import secrets
import shlex
import shutil
import signal
import sys
import tempfile

from . import ports, schemas
from .postgres import Postgres
from .problem import Problem
from .process import Account
from .rabbitmq import PORT_NAMES, RabbitMQ

HELP = """commands: kill|start|stop|restart|pause|resume postgres|rabbitmq, database NAME, schemas NAME, vhost NAME, sql TEXT,
rabbitmqctl ARGUMENTS, status"""


class TestServers:
    """The servers of one run, below a directory that is removed at the end."""

    def __init__(self, directory, with_postgres, with_rabbitmq):
        self.directory = directory
        numbers = ports.free(1 + len(PORT_NAMES))
        self.servers = {}
        if with_postgres:
            self.servers["postgres"] = Postgres(
                self.folder("postgres"), numbers[0], secrets.token_hex(12), durable=False)
        if with_rabbitmq:
            self.servers["rabbitmq"] = RabbitMQ(self.folder("rabbitmq"), numbers[1:], secrets.token_hex(12))

    def folder(self, name):
        path = os.path.join(self.directory, name)
        os.makedirs(path, mode=0o700)
        return path

    def start(self):
        """Starts all side by side; the slower one decides how long it takes."""
        for server in self.servers.values():
            if not Account(type(server).__name__.lower()).can_enter(self.directory):
                raise Problem(f"{self.directory} cannot be entered by the account of {type(server).__name__}")
            server.launch()
        for server in self.servers.values():
            server.await_ready()

    def description(self):
        """What the first line says."""
        result = {"ok": True, "directory": self.directory}
        if "postgres" in self.servers:
            result["postgres"] = self.servers["postgres"].url()
        if "rabbitmq" in self.servers:
            broker = self.servers["rabbitmq"]
            result["rabbitmq"] = broker.url()
            result["management"] = f"http://127.0.0.1:{broker.ports['management']}"
        return result

    def server(self, name):
        if name not in self.servers:
            raise Problem(f"there is no server {name!r} here")
        return self.servers[name]

    def answer(self, line):
        """Obeys one command line."""
        words = shlex.split(line)
        match words:
            case ["kill" | "start" | "stop" | "pause" | "resume" | "restart" as verb, name]:
                self.control(self.server(name), verb)
            case ["database", name]:
                return {"url": self.server("postgres").make_database(name, secrets.token_hex(8))}
            case ["schemas", name]:
                passwords = {schema: secrets.token_hex(8) for schema in schemas.SCHEMAS}
                return schemas.create(self.server("postgres"), name, passwords, prefix=f"{name}_")
            case ["vhost", name]:
                return {"url": self.server("rabbitmq").make_virtual_host(name)}
            case ["sql", *text]:
                return {"output": self.server("postgres").sql(" ".join(text))}
            case ["rabbitmqctl", *arguments]:
                return {"output": self.server("rabbitmq").control(*arguments)}
            case ["status"]:
                return {name: server.is_running() for name, server in self.servers.items()}
            case _:
                raise Problem(f"unknown command; {HELP}")
        return {}

    @staticmethod
    def control(server, verb):
        match verb:
            case "restart":
                server.stop()
                server.start()
            case "pause":
                server.signal_all(signal.SIGSTOP)
            case "resume":
                server.signal_all(signal.SIGCONT)
            case _:
                getattr(server, verb)()

    def remove(self):
        """Kills all and removes the data: nobody needs it to be written properly."""
        for server in self.servers.values():
            server.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def say(value):
    """Prints one line; a reader that has gone is noticed as the end of standard input."""
    try:
        print(json.dumps(value), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def serve(directory, with_postgres, with_rabbitmq):
    """Runs until standard input ends."""
    if directory:
        os.makedirs(directory, mode=0o711)
    else:
        directory = tempfile.mkdtemp(prefix="florin-servers-")
        os.chmod(directory, 0o711)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    servers = TestServers(directory, with_postgres, with_rabbitmq)
    try:
        try:
            servers.start()
        except Problem as problem:
            say({"ok": False, "error": str(problem)})
            return 1
        say(servers.description())
        for line in sys.stdin:
            if line.strip():
                say(attempt(servers, line))
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        servers.remove()
    return 0


def attempt(servers, line):
    try:
        return {"ok": True, **servers.answer(line)}
    except (Problem, ValueError, OSError) as problem:
        return {"ok": False, "error": str(problem)}
