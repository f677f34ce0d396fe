"""A private RabbitMQ server."""

import base64
import glob
import hashlib
import http.client
import json
import os
import secrets
import signal
import socket

from . import process
from .problem import Problem

USER = "florin"
PORT_NAMES = ("amqp", "management", "distribution", "epmd")


class RabbitMQ:
    """One broker with its own epmd: everything under `directory`, on loopback ports."""

    def __init__(self, directory, ports, password, virtual_host="florin", log=None):
        self.directory = directory
        self.ports = dict(zip(PORT_NAMES, ports))
        self.password = password
        self.virtual_host = virtual_host
        self.log = log or os.path.join(directory, "rabbitmq.log")
        self.account = process.Account("rabbitmq")
        self.child = None
        self.mapper = None

    def url(self, virtual_host=None):
        """The AMQP URL of a virtual host."""
        return f"amqp://{USER}:{self.password}@127.0.0.1:{self.ports['amqp']}/{virtual_host or self.virtual_host}"

    @staticmethod
    def tool(name):
        """A program of the server itself: the wrappers in /usr/sbin insist on the system's user and paths."""
        found = sorted(glob.glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"))
        if not found:
            raise Problem("rabbitmq-server is not installed; run scripts/setup first")
        return os.path.join(found[-1], name)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def environment(self):
        """Everything it reads from the environment, and nothing of ours."""
        return {
            "HOME": self.path("home"), "LANG": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            # The start script then becomes the virtual machine instead of staying as its parent.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_NODENAME": "florin@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(self.ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(self.ports["distribution"]), "RABBITMQ_MNESIA_BASE": self.path("mnesia"),
            "RABBITMQ_LOG_BASE": self.path("log"), "RABBITMQ_PID_FILE": self.path("pid"),
            "RABBITMQ_CONFIG_FILE": self.path("rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.path("enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": self.path("generated"), "RABBITMQ_SCHEMA_DIR": self.path("schema"),
            # No busy waiting: the machine has other work.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self.ports["epmd"]), "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_CRASH_DUMP": "/dev/null",
        }

    def create(self):
        """Writes the configuration; data of an earlier run stays."""
        for name in ("home", "mnesia", "log", "generated", "schema"):
            os.makedirs(self.path(name), mode=0o700, exist_ok=True)
        self.write("definitions.json", json.dumps(self.definitions()))
        self.write("enabled_plugins", "[rabbitmq_management].\n")
        self.write("rabbitmq.conf", "\n".join([
            f"listeners.tcp.local = 127.0.0.1:{self.ports['amqp']}",
            "management.tcp.ip = 127.0.0.1",
            f"management.tcp.port = {self.ports['management']}",
            f"load_definitions = {self.path('definitions.json')}",
            "vm_memory_high_watermark.absolute = 1GB",
            "disk_free_limit.absolute = 200MB",
            "heartbeat = 10",
            "log.console = true",
            "log.console.level = info",
            "log.console.use_colors = off",
            "log.file = false", ""]))
        if not os.path.exists(self.path("home", ".erlang.cookie")):
            self.write("home/.erlang.cookie", secrets.token_hex(16), 0o400)
        self.account.own(self.directory)

    def write(self, name, text, mode=0o600):
        with open(os.open(self.path(name), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)

    def definitions(self):
        """The user and the virtual host, imported at each start."""
        salt = secrets.token_bytes(4)
        digest = base64.b64encode(salt + hashlib.sha256(salt + self.password.encode()).digest()).decode()
        everything = {"user": USER, "configure": ".*", "write": ".*", "read": ".*"}
        return {
            "users": [{
                "name": USER, "password_hash": digest, "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator", "limits": {}}],
            "vhosts": [{"name": "/"}, {"name": self.virtual_host}],
            "permissions": [{**everything, "vhost": "/"}, {**everything, "vhost": self.virtual_host}],
        }

    def launch(self):
        """Starts epmd and the broker without waiting for them."""
        self.create()
        environment = self.environment()
        if self.mapper is None or self.mapper.poll() is not None:
            command = [process.program("epmd"), "-address", "127.0.0.1", "-port", str(self.ports["epmd"])]
            self.mapper = process.spawn(command, account=self.account, environment=environment, log=self.log)
            process.wait_until(
                lambda: self.accepts_tcp("epmd") or self.mapper.poll() is not None, 20, "epmd to accept connections")
        self.child = process.spawn(
            [self.tool("rabbitmq-server")], account=self.account, environment=environment, log=self.log)

    def accepts_tcp(self, name):
        try:
            with socket.create_connection(("127.0.0.1", self.ports[name]), 1):
                return True
        except OSError:
            return False

    def greets(self):
        """True when the AMQP port answers the protocol header with connection.start."""
        try:
            with socket.create_connection(("127.0.0.1", self.ports["amqp"]), 1) as connection:
                connection.settimeout(2)
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                answer = connection.recv(7)
                return len(answer) == 7 and answer[0] == 1
        except OSError:
            return False

    def api(self, method, path, body=None, timeout=10):
        """A call of the management interface; raises Problem unless it answers 2xx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["management"], timeout=timeout)
        key = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        try:
            connection.request(
                method, "/api" + path, body=None if body is None else json.dumps(body),
                headers={"Authorization": f"Basic {key}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Problem(f"management interface: {error}") from None
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise Problem(f"management interface: {method} {path}: {answer.status} {content[:200]!r}")
        return json.loads(content) if content else None

    def check_ready(self):
        """Raises Problem unless it answers AMQP and reports no alarm."""
        if not self.greets():
            raise Problem("RabbitMQ does not answer yet")
        self.api("GET", "/health/checks/local-alarms")

    def await_ready(self, timeout=120):
        """Waits until it answers AMQP and reports no alarm."""
        process.await_server(self, "RabbitMQ", timeout)

    def start(self):
        """Starts the broker unless it runs, and waits until it is ready."""
        if not self.is_running():
            self.launch()
        self.await_ready()

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def stop(self):
        """Stops in order, epmd last."""
        orderly = process.stop(self.child, signal.SIGTERM, timeout=60)
        process.stop(self.mapper)
        return orderly

    def kill(self):
        """Kills the broker: a crash. Its epmd goes too, so that no name stays registered."""
        process.kill_tree(self.child)
        process.kill_tree(self.mapper)

    def signal_all(self, number):
        """Sends a signal to the virtual machine: SIGSTOP makes a broker that hangs."""
        process.send(self.child.pid, number)

    def make_virtual_host(self, name):
        """A virtual host of its own, and the URL for it."""
        self.api("PUT", f"/vhosts/{name}", {}, timeout=60)
        self.api("PUT", f"/permissions/{name}/{USER}", {"configure": ".*", "write": ".*", "read": ".*"}, timeout=60)
        return self.url(name)

    def control(self, *arguments):
        """Runs rabbitmqctl against this broker and returns what it printed."""
        return process.run(
            [self.tool("rabbitmqctl"), *arguments], account=self.account, environment=self.environment())
