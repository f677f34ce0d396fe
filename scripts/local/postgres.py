"""A private PostgreSQL server."""

import glob
import os
import signal

from . import ports, process
from .problem import Problem

ADMINISTRATOR = "postgres"


class Postgres:
    """One server: its data under `directory`, on a loopback port, without a Unix socket."""

    def __init__(self, directory, port, password, durable, log=None):
        self.directory = directory
        self.data = os.path.join(directory, "data")
        self.log = log or os.path.join(directory, "postgres.log")
        self.port = port
        self.password = password
        self.durable = durable
        self.account = process.Account("postgres")
        self.child = None

    def url(self, user=ADMINISTRATOR, password=None, database="postgres", schema=None):
        """A connection URL; passwords here are hexadecimal and need no escapes."""
        suffix = f"?schema={schema}" if schema else ""
        return f"postgres://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}{suffix}"

    @staticmethod
    def tool(name):
        """The path of a program of the newest installed server."""
        folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]), reverse=True)
        return process.program(name, *folders)

    def create(self):
        """Makes the cluster unless it is there."""
        if os.path.exists(os.path.join(self.data, "PG_VERSION")):
            return
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        secret = os.path.join(self.directory, "administrator-password")
        with open(os.open(secret, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(self.password)
        self.account.own(self.directory)
        command = [
            self.tool("initdb"), "--pgdata", self.data, "--username", ADMINISTRATOR, "--encoding", "UTF8",
            "--locale", "C.UTF-8", "--auth", "scram-sha-256", "--pwfile", secret]
        try:
            process.run(command + ([] if self.durable else ["--no-sync"]), account=self.account)
        finally:
            os.unlink(secret)

    def settings(self):
        """The settings of the command line: they hold for this start, so a changed port needs no edit of files."""
        values = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "max_connections": 300,
            "shared_buffers": "128MB", "timezone": "UTC", "log_timezone": "UTC",
        }
        if not self.durable:
            values.update(fsync="off", full_page_writes="off", autovacuum_naptime="10min", max_wal_size="2GB")
        return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]

    def launch(self):
        """Starts the server without waiting; a kill of the last one may have left locks, which it clears itself."""
        self.create()
        self.child = process.spawn(
            [self.tool("postgres"), "-D", self.data, *self.settings()], account=self.account,
            environment={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}, log=self.log, death_signal="INT")

    def check_ready(self):
        """Raises Problem unless it accepts connections."""
        if not ports.accepts(self.port):
            raise Problem("PostgreSQL does not accept connections yet")
        process.run([self.tool("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)])

    def await_ready(self, timeout=60):
        """Waits until it accepts connections."""
        process.await_server(self, "PostgreSQL", timeout)

    def start(self):
        """Starts the server unless it runs, and waits until it is ready."""
        if not self.is_running():
            self.launch()
        self.await_ready()

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def stop(self):
        """Stops in the "fast" mode: sessions are ended, data is written."""
        return process.stop(self.child, signal.SIGINT)

    def kill(self):
        """Kills the postmaster and all sessions at the same moment: a crash."""
        process.kill_tree(self.child)

    def signal_all(self, number):
        """Sends a signal to the postmaster and all its processes: SIGSTOP makes a server that hangs."""
        for pid in [self.child.pid, *process.descendants(self.child.pid)]:
            process.send(pid, number)

    def sql(self, statements, database="postgres"):
        """Runs statements as the administrator, each on its own; returns the rows, columns divided by tabs."""
        command = [
            self.tool("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator", "\t",
            "--set", "ON_ERROR_STOP=1", "--host", "127.0.0.1", "--port", str(self.port), "--username", ADMINISTRATOR,
            "--dbname", database, "--file", "-"]
        environment = {"PATH": "/usr/bin:/bin", "PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "10"}
        return process.run(command, environment=environment, text=statements)

    def make_database(self, name, password):
        """A database with an owner role of the same name, and the URL for it."""
        self.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{password}';\nCREATE DATABASE {name} OWNER {name};\n")
        return self.url(name, password, name)
