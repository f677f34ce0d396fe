"""Users who read, write and listen, each on a connection of its own, while processes come and go."""

import asyncio
import datetime
import json
import random
import time

from .connection import TIMEOUT, Connection, Failure

# Weights of what a user does; every service is asked, and two are written to.
STEPS = (("spend", 30), ("read_expense", 20), ("list_expenses", 10), ("add_portfolio", 4), ("list_portfolios", 10),
         ("read_profile", 14), ("read_audit", 10), ("log_in", 2))
# Between requests, in seconds: most users hurry, some leave their connection idle, some use a new one each time.
PAUSES = {"hurried": (0.0, 0.05), "slow": (0.2, 0.8), "fresh": (0.0, 0.1)}


class User:
    """Somebody registered, and what belongs to them."""

    def __init__(self, name, kind, target, tally, seed):
        self.name = name
        self.kind = kind
        self.target = target  # () -> port of the address to ask
        self.tally = tally
        self.chance = random.Random(f"{seed}/{name}")
        self.connection = Connection()
        self.email = f"{name}@example.org"
        self.password = f"password of {name}"
        self.token = None
        self.identifier = None
        self.expenses = []
        self.writes = 0

    async def ask(self, method, path, body=None, expect=200, is_anonymous=False):
        """One request on the kept connection; the answer, or None when it failed, which is counted."""
        headers = {"Accept": "application/json"}
        if not is_anonymous:
            headers["Authorization"] = f"Bearer {self.token}"
        data = b"" if body is None else json.dumps(body).encode()
        if data:
            headers["Content-Type"] = "application/json"
        culprit, began = self.tally.present, time.monotonic()
        answer, failure = None, None
        try:
            if not self.connection.is_open:
                await self.connection.open(self.target())
            answer = await self.connection.request(method, path, headers, data)
            if answer.status != expect:
                failure = f"{method} {path} answered {answer.status}: {answer.body[:300]!r}"
        except Failure as lost:
            failure = f"{method} {path} at {self.connection.port} ({self.kind}): {lost}"
        # A restart that began in between may be what it met.
        if failure is not None and culprit != self.tally.present:
            culprit = self.tally.present
        self.tally.note(time.monotonic() - began, culprit, failure)
        if self.kind == "fresh":
            self.connection.close()
        return answer if failure is None else None

    async def join(self):
        """Registers and signs in; False when that failed."""
        body = {"email": self.email, "password": self.password, "display_name": self.name, "base_currency": "EUR"}
        answer = await self.ask("POST", "/v1/auth/register", body, expect=201, is_anonymous=True)
        if answer is None or not await self.log_in():
            return False
        self.identifier = answer.json["id"]
        return True

    async def play(self, over):
        steps, weights = zip(*STEPS)
        while not over.is_set():
            await getattr(self, self.chance.choices(steps, weights)[0])()
            await asyncio.sleep(self.chance.uniform(*PAUSES[self.kind]))
        self.connection.close()

    async def log_in(self):
        body = {"email": self.email, "password": self.password}
        answer = await self.ask("POST", "/v1/auth/login", body, is_anonymous=True)
        if answer is not None:
            self.token = answer.json["access_token"]
        return answer is not None

    async def spend(self):
        self.writes += 1
        body = {"amount": {"amount": f"{self.chance.randint(1, 60)}.25", "currency": "EUR"},
                "spent_on": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
                "note": f"{self.name}-{self.writes}"}
        answer = await self.ask("POST", "/v1/expenses", body, expect=201)
        if answer is not None:
            identifier = answer.json["id"]
            self.expenses.append(identifier)
            self.tally.acknowledged[identifier] = self.name

    async def read_expense(self):
        if self.expenses:
            await self.ask("GET", f"/v1/expenses/{self.chance.choice(self.expenses)}")
        else:
            await self.spend()

    async def list_expenses(self):
        await self.ask("GET", "/v1/expenses?limit=5")

    async def add_portfolio(self):
        self.writes += 1
        await self.ask(
            "POST", "/v1/portfolios", {"name": f"{self.name}-{self.writes}", "base_currency": "EUR"}, expect=201)

    async def list_portfolios(self):
        await self.ask("GET", "/v1/portfolios?limit=5")

    async def read_profile(self):
        await self.ask("GET", "/v1/users/me")

    async def read_audit(self):
        await self.ask("GET", "/v1/audit?limit=5")


class Listener:
    """A user's live stream: opened again where it left off whenever the server ends it in order."""

    def __init__(self, user):
        self.user = user
        self.tally = user.tally
        self.last = None
        self.is_open = asyncio.Event()
        self.connection = Connection()

    async def play(self):
        """Until it is cancelled."""
        while True:
            culprit, began = self.tally.present, time.monotonic()
            try:
                await self.connection.open(self.user.target())
                await self.follow(began, culprit)
            except (Failure, OSError, asyncio.IncompleteReadError, ValueError) as error:
                self.tally.note(0.0, self.tally.present, f"a live stream: {error!r}")
                await asyncio.sleep(0.1)
            finally:
                self.is_open.clear()
                self.connection.close()

    async def follow(self, began, culprit):
        """One connection, until the server ends it; raises where the end is not in order."""
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {self.user.token}"}
        if self.last:
            headers["Last-Event-ID"] = self.last
        await self.connection.send("GET", "/v1/events/stream", headers)
        async with asyncio.timeout(TIMEOUT):
            status, _ = await self.connection.read_head()
        if status != 200:
            raise Failure(f"the stream was answered {status}")
        self.tally.note(time.monotonic() - began, culprit)
        self.tally.streams += 1
        rest = b""
        async for chunk in self.connection.chunks():
            self.is_open.set()
            rest += chunk
            *events, rest = rest.split(b"\n\n")
            for event in events:
                self.take(event)

    def take(self, event):
        fields = dict(line.split(": ", 1) for line in event.decode().splitlines() if not line.startswith(":"))
        if fields.get("event") == "stream.gap":
            raise Failure("the stream does not know where it left off")
        self.last = fields.get("id", self.last)
        if fields.get("event", "").startswith("expense.expense_created."):
            self.tally.seen[self.user.name][json.loads(fields["data"])["data"]["expense_id"]] += 1
