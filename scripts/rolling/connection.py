"""A client of HTTP/1.1 on plain sockets, which hides nothing: whatever is not a whole answer is a failure, and nothing is sent twice."""

import asyncio

from story import Answer

LONGEST_LINE = 64 << 10
TIMEOUT = 60.0


class Failure(Exception):
    """A request without a whole answer."""


class Connection:
    """One connection at a time to an address; kept between requests unless the server says that it closes."""

    def __init__(self):
        self.reader = None
        self.writer = None
        self.port = None

    @property
    def is_open(self):
        return self.writer is not None

    async def open(self, port):
        try:
            async with asyncio.timeout(TIMEOUT):
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, limit=LONGEST_LINE)
        except OSError as error:
            raise Failure(f"cannot connect: {error!r}") from error
        self.port = port

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def request(self, method, path, headers, body=b""):
        """Sends a request and reads its answer; the connection is open before. Closes it when the server says so, and after a failure."""
        try:
            await self.send(method, path, headers, body)
            async with asyncio.timeout(TIMEOUT):
                answer = await self.read_answer()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            self.close()
            raise Failure(f"no whole answer: {error!r}") from error
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    async def send(self, method, path, headers, body=b""):
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await self.writer.drain()

    async def read_head(self):
        """(status, headers); raises IncompleteReadError at the end of the connection."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        if not lines[0].startswith("HTTP/1.1 "):
            raise ValueError(f"no status line: {lines[0][:100]!r}")
        return int(lines[0].split(" ")[1]), {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}

    async def read_answer(self):
        status, headers = await self.read_head()
        if "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join([chunk async for chunk in self.chunks()])
        elif status in (204, 304):
            body = b""
        else:
            raise ValueError("an answer without a length")
        return Answer(status, headers, body)

    async def chunks(self):
        """The chunks up to the last, empty one; raises IncompleteReadError where that does not come."""
        while True:
            size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
            chunk = await self.reader.readexactly(size + 2)
            if size == 0:
                return
            yield chunk[:-2]
