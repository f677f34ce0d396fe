"""Users who register, spend, budget and invest, several side by side, each writing down what it was told."""

import datetime
import random
import threading
import time

from .client import Client, Unknown
from .ledger import ACKNOWLEDGED, UNKNOWN, Entry

OPERATIONS_OF_A_USER = (40, 140)
IMPATIENCE = 0.1
CURRENCY = "EUR"


class Account:
    """Someone registered, with what belongs to them as far as they know."""

    def __init__(self, name, token, client):
        self.name = name
        self.token = token
        self.refresh_token = None
        self.client = client
        self.identifier = None
        self.email = f"{name}@example.org"
        self.password = f"password of {name}"
        self.expenses = []
        self.portfolios = []
        self.instruments = []
        self.codes = 0
        self.prices = 0


class Worker(threading.Thread):
    """Plays one user after the other until the run is over."""

    def __init__(self, number, run, seed, ports, ledger, rate, patience):
        super().__init__(name=f"user-{number}", daemon=True)
        self.number = number
        self.run_name = run
        self.chance = random.Random(f"{seed}/{number}")
        self.ports = ports[number % len(ports):] + ports[:number % len(ports)]
        self.ledger = ledger
        self.pause = 1 / rate
        self.patience = patience
        self.over = threading.Event()
        self.accounts = []
        self.writes = 0
        self.failure = None

    def run(self):
        try:
            while not self.over.is_set():
                self.play()
        except Exception as error:  # shown by the suite, which ends with it
            self.failure = error
            raise

    def play(self):
        account = self.register()
        if account is None or not self.log_in(account):
            return
        self.accounts.append(account)
        for _ in range(self.chance.randint(1, 2)):
            self.add_budget(account)
        self.add_portfolio(account)
        self.add_instrument(account)
        steps = [
            (self.spend, 52), (self.delete, 14), (self.trade, 16), (self.import_prices, 8), (self.add_price, 4),
            (self.add_budget, 2), (self.add_instrument, 1), (self.add_portfolio, 1), (self.log_in, 2),
            (self.renew, 4)]
        for _ in range(self.chance.randint(*OPERATIONS_OF_A_USER)):
            if self.over.wait(self.chance.uniform(0, 2 * self.pause)):
                return
            step = self.chance.choices([step for step, _ in steps], [weight for _, weight in steps])[0]
            step(account)

    def new_client(self):
        return Client(self.ports, self.ledger, self.patience)

    # Writes

    def next_key(self):
        self.writes += 1
        return f"{self.run_name}-{self.number}-{self.writes}"

    def write(self, account, kind, path, body, key, content=None, expect=201, method="POST", **how):
        """A write with its ledger entry; returns the answer, or None when the outcome is not known."""
        attempts = 1 if self.chance.random() < IMPATIENCE else None
        began = time.monotonic()
        entry = Entry(kind, key, account.name, UNKNOWN, content=content)
        try:
            answer = self.authorized(account, method, path, body, key, attempts, how)
        except Unknown as unknown:
            self.ledger.write(entry)
            if attempts is None:
                self.ledger.complain(f"no outcome within {time.monotonic() - began:.0f} s: {unknown}")
            return None
        entry.attempts = answer.attempts
        if answer.status != expect:
            self.ledger.complain(
                f"{method} {path} (attempt {answer.attempts}) answered {answer.status}, not {expect}: "
                f"{answer.body[:400]!r}")
            return None
        entry.outcome = ACKNOWLEDGED
        if answer.body:
            entry.identifier = answer.json.get("id")
        self.ledger.write(entry)
        return answer

    def authorized(self, account, method, path, body, key, attempts, how):
        """A call; signs in again when the token has run out."""
        account.client.token = account.token
        answer = account.client.call(method, path, body, key=key, attempts=attempts, **how)
        if answer.status == 401 and path != "/v1/auth/login" and account.token and self.log_in(account):
            account.client.token = account.token
            answer = account.client.call(method, path, body, key=key, **how)
        return answer

    def register(self):
        key = self.next_key()
        account = Account(key, None, self.new_client())
        body = {"email": account.email, "password": account.password, "display_name": key, "base_currency": CURRENCY}
        answer = self.write(account, "user", "/v1/auth/register", body, key)
        if answer is None:
            return None
        account.identifier = answer.json["id"]
        return account

    def log_in(self, account):
        """Each sign-in is one session, however often it is repeated."""
        key = self.next_key()
        account.client.token = None
        body = {"email": account.email, "password": account.password}
        try:
            answer = account.client.call("POST", "/v1/auth/login", body, key=key)
        except Unknown as unknown:
            self.ledger.complain(f"sign-in: {unknown}")
            return False
        if answer.status != 200:
            self.ledger.complain(f"sign-in answered {answer.status}: {answer.body[:400]!r}")
            return False
        tokens = answer.json
        account.token, account.refresh_token = tokens["access_token"], tokens["refresh_token"]
        self.ledger.write(Entry("session", key, account.name, ACKNOWLEDGED, tokens["session_id"]))
        return True

    def renew(self, account):
        """Goes on with new tokens. A lost answer is asked for again, however late, and is not taken for a theft."""
        account.client.token = None
        try:
            answer = account.client.call(
                "POST", "/v1/auth/refresh", {"refresh_token": account.refresh_token}, key=self.next_key())
        except Unknown as unknown:
            self.ledger.complain(f"refresh: {unknown}")
            return
        if answer.status != 200:
            self.ledger.complain(f"refresh (attempt {answer.attempts}) answered {answer.status}: {answer.body[:400]!r}")
            return
        account.token, account.refresh_token = answer.json["access_token"], answer.json["refresh_token"]

    def add_budget(self, account):
        key = self.next_key()
        limit = self.chance.choice(("60.00", "150.00", "400.00"))
        first = datetime.datetime.now(datetime.timezone.utc).date().replace(day=1)
        thresholds = self.chance.choice(([80, 100], [50, 80, 100], [100]))
        body = {
            "name": key, "limit": {"amount": limit, "currency": CURRENCY}, "period": "monthly",
            "starts_on": first.isoformat(), "thresholds": thresholds}
        self.write(account, "budget", "/v1/budgets", body, key, {"limit": limit, "thresholds": thresholds})

    def spend(self, account):
        key = self.next_key()
        today = datetime.datetime.now(datetime.timezone.utc).date()
        day = today.replace(day=self.chance.randint(1, today.day))
        amount = f"{self.chance.randint(1, 60)}.{self.chance.randint(0, 99):02}"
        body = {"amount": {"amount": amount, "currency": CURRENCY}, "spent_on": day.isoformat(), "note": key}
        answer = self.write(account, "expense", "/v1/expenses", body, key, {"amount": amount, "day": day.isoformat()})
        if answer is not None:
            account.expenses.append(answer.json["id"])

    def delete(self, account):
        if not account.expenses:
            return self.spend(account)
        identifier = account.expenses.pop(self.chance.randrange(len(account.expenses)))
        path = f"/v1/expenses/{identifier}"
        try:
            answer = self.authorized(
                account, "DELETE", path, None, self.next_key(), 1 if self.chance.random() < IMPATIENCE else None, {})
        except Unknown:
            return self.ledger.write(Entry("deletion", identifier, account.name, UNKNOWN))
        # 404 to a repetition: an attempt before it was not answered and did delete.
        if answer.status == 204 or (answer.status == 404 and answer.attempts > 1):
            return self.ledger.write(
                Entry("deletion", identifier, account.name, ACKNOWLEDGED, attempts=answer.attempts))
        return self.ledger.complain(f"DELETE of an own expense answered {answer.status}: {answer.body[:400]!r}")

    def add_portfolio(self, account):
        key = self.next_key()
        answer = self.write(
            account, "portfolio", "/v1/portfolios", {"name": key, "base_currency": CURRENCY}, key)
        if answer is not None:
            account.portfolios.append(answer.json["id"])

    def add_instrument(self, account):
        key = self.next_key()
        # A code for each attempt: one of unknown outcome may have taken its own.
        account.codes += 1
        code = str(100_000 + account.codes)
        # NAVs of AMFI files are in rupees.
        body = {"type": "mutual_fund", "name": key, "currency": "INR", "amfi_code": code}
        answer = self.write(account, "instrument", "/v1/instruments", body, key)
        if answer is not None:
            account.instruments.append((answer.json["id"], code))

    def trade(self, account):
        if not account.portfolios or not account.instruments:
            return self.spend(account)
        key = self.next_key()
        quantity = str(self.chance.randint(1, 50))
        day = datetime.date(2026, 1, 1) + datetime.timedelta(days=self.chance.randrange(250))
        body = {
            "type": "buy", "on": day.isoformat(), "instrument_id": self.chance.choice(account.instruments)[0],
            "quantity": quantity, "price": f"{self.chance.randint(5, 500)}.25", "note": key}
        portfolio = self.chance.choice(account.portfolios)
        return self.write(
            account, "transaction", f"/v1/portfolios/{portfolio}/transactions", body, key,
            {"quantity": quantity, "portfolio": portfolio})

    def add_price(self, account):
        if not account.instruments:
            return self.spend(account)
        instrument, _ = self.chance.choice(account.instruments)
        day, price = self.next_price(account)
        return self.write(
            account, "price", f"/v1/instruments/{instrument}/prices", {"on": day.isoformat(), "price": price},
            self.next_key(), {"instrument": instrument, "day": day.isoformat(), "price": price})

    def import_prices(self, account):
        """An AMFI file with a price for each instrument of a day that no file before had."""
        if not account.instruments:
            return self.spend(account)
        day, price = self.next_price(account)
        lines = [
            "Scheme Code;ISIN Div Payout/ ISIN Growth;ISIN Div Reinvestment;Scheme Name;Plan;Option;"
            "Net Asset Value;Date",
            "", "Open Ended Schemes(Equity Scheme - Large Cap Fund)", "", "Florin Mutual Fund", ""]
        for _, code in account.instruments:
            lines.append(f"{code};-;-;Fund {code};Direct Plan;Growth;{price};{day:%d-%b-%Y}")
        content = {"instruments": [instrument for instrument, _ in account.instruments], "day": day.isoformat(),
                   "price": price}
        return self.write(
            account, "price file", "/v1/prices/imports?format=amfi", "\n".join(lines).encode() + b"\n",
            self.next_key(), content, expect=200, content_type="text/plain")

    def next_price(self, account):
        account.prices += 1
        day = datetime.date(2000, 1, 1) + datetime.timedelta(days=account.prices)
        return day, f"{self.chance.randint(10, 900)}.{self.chance.randint(1000, 9999)}"
