"""What stands before two gateways: an nginx, and a client's own choice among those that say that they are ready."""

import asyncio
import itertools
import re
import shutil
import subprocess
import tempfile

from local import ports, process

from .connection import Connection, Failure

# As Debian's documentation has it for upstreams over HTTP/1.1 with kept connections. A gateway that refuses a connection is
# passed over for that request and asked again for the next one.
NGINX = """
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
    upstream florin {{ {servers} keepalive 16; }}
    server {{
        listen 127.0.0.1:{http1};
        listen 127.0.0.1:{http2} http2;
        location / {{
            proxy_pass http://florin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_read_timeout 120s;
        }}
    }}
}}
"""
CHECK_INTERVAL = 0.2


class Nginx:
    """An nginx before the gateways, for HTTP/1.1 and for HTTP/2 with prior knowledge."""

    def __init__(self, gateways, log):
        self.folder = tempfile.mkdtemp(prefix="florin-nginx-")
        self.http1, self.http2 = ports.free(2)
        servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in gateways)
        with open(f"{self.folder}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(NGINX.format(folder=self.folder, log=log, servers=servers, http1=self.http1, http2=self.http2))
        self.child = subprocess.Popen(
            ["/usr/sbin/nginx", "-e", log, "-c", f"{self.folder}/nginx.conf"],
            stdin=subprocess.DEVNULL)
        process.wait_until(lambda: ports.accepts(self.http1) and ports.accepts(self.http2), 20, "nginx to listen")

    def stop(self):
        process.stop(self.child)
        shutil.rmtree(self.folder, ignore_errors=True)


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
