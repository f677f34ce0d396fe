"""`stack run`, `demo`, `stop`, `clean`: the whole of Florin on this machine."""

import os
import shutil
import signal
import subprocess
import sys
import time

from . import layout as places
from . import ports as tcp
from . import process, programs, schemas
from .postgres import Postgres
from .problem import Problem
from .rabbitmq import RabbitMQ
from .supervisor import Supervisor

SERVERS_TIMEOUT = 180
PROGRAMS_TIMEOUT = 120
# A Python with the packages of scripts/python-venv.
JUDGES = os.path.join(places.SOURCE, ".venv", "bin", "python")


def say(text):
    print(f"florin: {text}", flush=True)


class Installation:
    """One run of everything."""

    def __init__(self, any_free_ports):
        self.layout = places.Layout()
        self.layout.create()
        self.lock = self.layout.lock()
        self.ports = places.chosen_ports(os.environ, any_free_ports)
        for name, port in self.ports.items():
            tcp.require_free(port, name.lower().replace("_", " "), f"FLORIN_PORT_{name}")
        self.secrets = self.layout.secrets()
        self.layout.write_private("run/stack.pid", f"{os.getpid()}\n")
        self.supervisor = Supervisor(self.layout, say)
        self.postgres = Postgres(
            self.layout.data("postgres"), self.ports["POSTGRES"], self.secrets["postgres"], durable=True,
            log=self.layout.path("log", "postgres.log"))
        self.rabbitmq = RabbitMQ(
            self.layout.data("rabbitmq"),
            [self.ports[name] for name in ("AMQP", "AMQP_MANAGEMENT", "AMQP_DISTRIBUTION", "EPMD")],
            self.secrets["rabbitmq"], log=self.layout.path("log", "rabbitmq.log"))
        self.binaries = None
        self.environments = {}

    def start(self, binaries):
        """Brings everything up, from the servers to the gateway; returns when all is ready."""
        self.binaries = binaries
        self.supervisor.listen_for_signals()
        started = time.monotonic()
        for name, server in (("postgres", self.postgres), ("rabbitmq", self.rabbitmq)):
            say(f"starting {name}")
            self.supervisor.add(
                name, server.launch, server.stop, ready_check(server), lambda server=server: server.child)
        self.supervisor.await_ready(("postgres",), SERVERS_TIMEOUT)
        self.prepare()
        self.supervisor.await_ready(("rabbitmq",), SERVERS_TIMEOUT)
        for name in programs.ORDER:
            if not self.supervisor.is_asked_to_stop:
                self.start_program(name)
        self.supervisor.await_ready(programs.ORDER, PROGRAMS_TIMEOUT)
        if not self.supervisor.is_asked_to_stop:
            say(f"ready after {time.monotonic() - started:.1f} s")

    def prepare(self):
        """Database, roles, schemas, tables, and the file for other tools."""
        if self.supervisor.is_asked_to_stop:
            return
        passwords = {schema: self.secrets[f"role_{schema}"] for schema in schemas.SCHEMAS}
        urls = schemas.create(self.postgres, programs.DATABASE, passwords)
        by_program = {schemas.SCHEMAS[schema]: url for schema, url in urls.items()}
        amqp_url = self.rabbitmq.url()
        for name in programs.ORDER:
            self.environments[name] = programs.environment(
                name, self.ports, self.secrets, by_program, amqp_url, self.layout.path("mail"))
            # For an operator's own runs of a program: FLORIN_CONFIG names it.
            self.layout.write_private(f"{name}.conf", programs.configuration(self.environments[name]))
        for name in schemas.SCHEMAS.values():
            say(f"migrating {name}")
            process.run([self.binary(name), "migrate"], environment=self.environments[name])
        shared = programs.shared_environment(
            self.layout, self.ports, self.secrets, amqp_url, self.postgres.url(database=programs.DATABASE))
        self.layout.write_private("env", "".join(f"{name}={value}\n" for name, value in shared.items()))

    def binary(self, name):
        return os.path.join(self.binaries, name)

    def start_program(self, name):
        say(f"starting {name}")
        log = self.layout.path("log", f"{name}.log")
        port = self.ports[programs.PORT_NAMES[name] + "_ADMIN"]
        current = []

        def launch():
            current[:] = [process.spawn([self.binary(name), "serve"], environment=self.environments[name], log=log)]

        self.supervisor.add(
            name, launch, lambda: process.stop(current[0]), lambda: programs.readiness(port), lambda: current[0])

    def print_addresses(self):
        say("running. Ctrl-C stops everything.")
        rows = [("gateway", f"http://127.0.0.1:{self.ports['GATEWAY']}")]
        for name in programs.ORDER:
            rows.append((f"{name} admin", f"http://127.0.0.1:{self.ports[programs.PORT_NAMES[name] + '_ADMIN']}/readyz"))
        rows += [
            ("PostgreSQL", f"127.0.0.1:{self.ports['POSTGRES']}"), ("RabbitMQ", f"127.0.0.1:{self.ports['AMQP']}"),
            ("logs", self.layout.path("log")), ("mails", self.layout.path("mail")),
            ("settings for tools", self.layout.path("env"))]
        for name, value in rows:
            print(f"  {name:<26}{value}", flush=True)

    def stop(self):
        say("stopping")
        self.supervisor.stop_all()
        process.stop(self.rabbitmq.mapper)
        remove(self.layout.path("run", "stack.pid"))
        say("stopped")


def ready_check(server):
    def check():
        try:
            server.check_ready()
        except Problem as problem:
            return False, str(problem)
        return True, ""
    return check


def set_up(any_free_ports, binaries):
    """What comes before the first process: the checks of an Installation, the build (unless it is there)."""
    missing = [name for name in programs.ORDER if binaries and not os.access(os.path.join(binaries, name), os.X_OK)]
    if missing:
        raise Problem(f"{binaries} does not hold {', '.join(missing)}")
    installation = Installation(any_free_ports)
    if binaries:
        return installation, os.path.abspath(binaries)
    say("building (release)")
    return installation, places.build()


def run(any_free_ports=False, binaries=None):
    """`make run`."""
    installation, binaries = set_up(any_free_ports, binaries)
    try:
        installation.start(binaries)
        if not installation.supervisor.is_asked_to_stop:
            installation.print_addresses()
        installation.supervisor.run_until_asked()
    finally:
        installation.stop()
    return 0


def demo(any_free_ports=False, binaries=None):
    """`make demo`: plays the story and returns its status."""
    status = run_script("story.py", any_free_ports, binaries)
    logs = places.Layout().path("log")
    say("the story held" if status == 0 else f"the story failed (status {status}); logs in {logs}")
    return status


def run_script(name, any_free_ports, binaries, interpreter=sys.executable):
    """Brings everything up, runs a script with the settings of `.local/env`, stops; returns the script's status."""
    installation, binaries = set_up(any_free_ports, binaries)
    try:
        installation.start(binaries)
        if installation.supervisor.is_asked_to_stop:
            return 130
        environment = dict(os.environ)
        with open(installation.layout.path("env"), encoding="utf-8") as file:
            environment.update(line.rstrip("\n").split("=", 1) for line in file)
        script = subprocess.Popen(
            [interpreter, "-B", os.path.join(places.SOURCE, "scripts", name)], env=environment,
            stdin=subprocess.DEVNULL)
        while script.poll() is None:
            if installation.supervisor.is_asked_to_stop:
                process.stop(script)
            installation.supervisor.look_after()
            time.sleep(0.1)
        if installation.supervisor.is_asked_to_stop:
            return 130
        return script.returncode if script.returncode >= 0 else 1
    finally:
        installation.stop()


def stop():
    """`make stop`: ends a run in another terminal, or what a killed one left behind."""
    layout = places.Layout()
    if layout.is_locked():
        pid = read_pid(layout.path("run", "stack.pid"))
        if pid is None:
            raise Problem("Florin is being started; try again in a moment")
        process.send(pid, signal.SIGTERM)
        process.wait_until(lambda: not layout.is_locked(), 180, "the running Florin to stop")
        say("stopped")
        return 0
    leftovers = left_behind(layout)
    for name, pid in leftovers:
        say(f"ending {name} (pid {pid}), left behind by an earlier run")
        process.send(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    process.wait_until(lambda: not any(process.is_alive(pid) for _, pid in leftovers), 60, "them to end")
    if not leftovers:
        say("nothing is running")
    return 0


def left_behind(layout):
    """(name, pid) of processes whose pid files stayed; a pid that another program has now is not among them."""
    names = {"postgres": "postgres", "rabbitmq": "beam.smp", **{name: name for name in programs.ORDER}}
    found = []
    for name, program in names.items():
        pid = read_pid(layout.path("run", f"{name}.pid"))
        if pid is not None and process.is_alive(pid) and program in process.command_line(pid):
            found.append((name, pid))
    return found


def read_pid(path):
    try:
        with open(path, encoding="utf-8") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return None


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def clean():
    """`make clean-local`: removes the installation with all its data."""
    stop()
    layout = places.Layout()
    if not os.path.isdir(layout.root):
        return 0
    if not os.path.isdir(layout.path("run")):
        raise Problem(f"{layout.root} does not look like an installation of Florin; not removed")
    if os.path.islink(layout.path("data")):
        shutil.rmtree(layout.data_elsewhere(), ignore_errors=True)
    shutil.rmtree(layout.root)
    say(f"removed {layout.root}")
    return 0
