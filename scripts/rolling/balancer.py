"""What stands before two gateways: nginx and haproxy as the runbook has them, and a client's own choice among those that are ready."""

import asyncio
import itertools
import os
import re
import shutil
import subprocess
import tempfile

from local import ports, process

from . import runbook
from .connection import Connection, Failure

CHECK_INTERVAL = 0.2


class Balancer:
    """One of them, in the foreground, with the example of the runbook in a frame that needs no system folder."""

    NAME = FRAME = CHECK = None

    def __init__(self, addresses, log):
        """addresses: of each gateway, the port of the API and that of the admin address."""
        self.folder = tempfile.mkdtemp(prefix=f"florin-{self.NAME}-")
        self.file = os.path.join(self.folder, f"{self.NAME}.conf")
        self.http1, self.http2 = ports.free(2)
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(self.FRAME.format(folder=self.folder, log=log, example=self.example(addresses)))
        self.log = log
        self.child = None

    def example(self, addresses):
        """The runbook's, with the addresses of here."""
        raise NotImplementedError

    def command(self):
        """What runs it; with `CHECK` appended, what only reads the configuration."""
        raise NotImplementedError

    def fault(self):
        """What is wrong with the configuration; nothing is started."""
        run = subprocess.run([*self.command(), self.CHECK], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return None if run.returncode == 0 else run.stdout + run.stderr

    def start(self):
        self.child = process.spawn(self.command(), log=self.log)
        process.wait_until(
            lambda: ports.accepts(self.http1) and ports.accepts(self.http2), 20, f"{self.NAME} to listen")
        return self

    def stop(self):
        if self.child is not None:
            process.stop(self.child)
        shutil.rmtree(self.folder, ignore_errors=True)


class Nginx(Balancer):
    """For HTTP/1.1 and, at another port, for HTTP/2 with prior knowledge."""

    NAME = "nginx"
    CHECK = "-t"
    FRAME = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {log};
events {{ worker_connections 2048; }}
http {{
access_log off;
client_body_temp_path {folder};
proxy_temp_path {folder};
fastcgi_temp_path {folder};
uwsgi_temp_path {folder};
scgi_temp_path {folder};
keepalive_requests 1000000000;
{example}}}
"""

    def example(self, addresses):
        return runbook.adapted(runbook.examples(self.NAME)[0], {
            "10.0.0.1:8080": f"127.0.0.1:{addresses[0][0]}", "10.0.0.2:8080": f"127.0.0.1:{addresses[1][0]}",
            "listen 80;": f"listen 127.0.0.1:{self.http1}; listen 127.0.0.1:{self.http2} http2;"})

    def command(self):
        return ["/usr/sbin/nginx", "-e", self.log, "-c", self.file]


class Haproxy(Balancer):
    """For both protocols at either port; what the example leaves to Debian's file is in the frame."""

    NAME = "haproxy"
    CHECK = "-c"
    FRAME = """
global
    maxconn 2048
    log stderr format raw local0 notice
defaults
    log global
    mode http
    option dontlognull
    timeout connect 5000
    timeout client 50000
    timeout server 50000

{example}"""

    def example(self, addresses):
        (one, one_admin), (two, two_admin) = addresses
        return runbook.adapted(runbook.examples(self.NAME)[0], {
            "10.0.0.1:8080 port 8090": f"127.0.0.1:{one} port {one_admin}",
            "10.0.0.2:8080 port 8090": f"127.0.0.1:{two} port {two_admin}",
            "bind :80\n": f"bind 127.0.0.1:{self.http1}\n    bind 127.0.0.1:{self.http2}\n"})

    def command(self):
        return [process.program("haproxy", "/usr/sbin"), "-db", "-f", self.file]


BALANCERS = {each.NAME: each for each in (Nginx, Haproxy)}


class Chooser:
    """Asks each gateway's `/readyz` five times a second, and gives out those that are ready in turns."""

    def __init__(self, addresses):
        self.ready = {public: True for public, _ in addresses}
        self.addresses = addresses  # (port of the API, port of the admin address)
        self.turns = itertools.count()

    def __call__(self):
        ready = [port for port, is_ready in self.ready.items() if is_ready] or list(self.ready)
        return ready[next(self.turns) % len(ready)]

    async def watch(self):
        """Until it is cancelled."""
        while True:
            for public, admin in self.addresses:
                self.ready[public] = await self.is_ready(admin)
            await asyncio.sleep(CHECK_INTERVAL)

    @staticmethod
    async def is_ready(port):
        connection = Connection()
        try:
            await connection.open(port)
            return (await connection.request("GET", "/readyz", {})).status == 200
        except Failure:
            return False
        finally:
            connection.close()


class H2load:
    """Reads over HTTP/2 by a load generator that others wrote, in blocks."""

    BLOCK = 400
    DONE = re.compile(r"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")

    def __init__(self, url, token, tally):
        self.command = ["h2load", f"-n{self.BLOCK}", "-c4", "-m4", "-H", f"authorization: Bearer {token}", url]
        self.tally = tally
        self.requests = 0

    async def play(self, over):
        while not over.is_set():
            child = await asyncio.create_subprocess_exec(
                *self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            text = (await child.communicate())[0].decode()
            found = self.DONE.search(text)
            succeeded = int(found[1]) if found else 0
            self.requests += self.BLOCK
            for _ in range(succeeded):
                self.tally.shares["by h2load, at any time"].requests += 1
            for _ in range(self.BLOCK - succeeded):
                self.tally.note(0.0, "by h2load, at any time", f"h2load: {found[0] if found else text[-400:]}")
            await asyncio.sleep(0.2)
