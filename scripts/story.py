#!/usr/bin/env python3
"""Plays the first story of Florin through its public API and checks every step.

Needs a running system: FLORIN_URL and FLORIN_MAIL_DIR, as `.local/env` gives them. Standard library only, so that it is
also a client that shares no code with the servers. Exit status 0 when every step held, 1 otherwise.
"""

import datetime
import email
import email.policy
import http.client
import json
import os
import pathlib
import re
import secrets
import sys
import threading
import time
import urllib.parse

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"
PATIENCE = float(os.environ.get("FLORIN_STORY_PATIENCE", "30"))


class StoryError(Exception):
    """A step did not hold."""


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """The public API as one user sees it. Every call has a trace id of its own, kept in `trace_id`."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host = parts.hostname
        self.port = parts.port or 80
        self.access_token = None
        self.trace_id = None

    def headers(self):
        self.trace_id = secrets.token_hex(16)
        headers = {"traceparent": f"00-{self.trace_id}-{secrets.token_hex(8)}-01", "Accept": "application/json"}
        if self.access_token:
            headers["Authorization"] = f"Bearer {self.access_token}"
        return headers

    def call(self, method, path, body=None, expect=200, content_type="application/json", extra=None):
        headers = self.headers() | (extra or {})
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = content_type
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body=data, headers=headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        self.seen(method, path, answer)
        if answer.status != expect:
            raise StoryError(f"{method} {path} answered {answer.status}, not {expect}: {answer.body[:600]!r}")
        return answer

    def seen(self, method, path, answer):
        """Every answer comes by here, for those who want to look at it."""

    def every(self, path):
        """All items of a list, page by page."""
        items, cursor = [], None
        for _ in range(100):
            query = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
            page = self.call("GET", f"{path}?{urllib.parse.urlencode(query)}").json
            items += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items
        raise StoryError(f"{path} never ends")


class LiveStream(threading.Thread):
    """Reads the caller's events as the gateway sends them (Server-Sent Events)."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.connection = http.client.HTTPConnection(client.host, client.port, timeout=PATIENCE)
        self.connection.request(
            "GET", "/v1/events/stream", headers=client.headers() | {"Accept": "text/event-stream"})
        self.response = self.connection.getresponse()
        if self.response.status != 200:
            raise StoryError(f"the live stream answered {self.response.status}: {self.response.read(600)!r}")
        self.condition = threading.Condition()
        self.events = []
        self.ended = None

    def run(self):
        try:
            fields = {}
            for raw in self.response:
                line = raw.decode().rstrip("\r\n")
                if line == "":
                    if "data" in fields:
                        self.add(json.loads(fields["data"]))
                    fields = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
        except (OSError, ValueError, AttributeError) as error:
            with self.condition:
                self.ended = error
                self.condition.notify_all()

    def add(self, event):
        with self.condition:
            self.events.append(event)
            self.condition.notify_all()

    def of_type(self, event_type):
        with self.condition:
            return [event for event in self.events if event["type"] == event_type]

    def wait_for(self, event_type, count=1):
        deadline = time.monotonic() + PATIENCE
        with self.condition:
            while True:
                found = [event for event in self.events if event["type"] == event_type]
                if len(found) >= count:
                    return found
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    seen = sorted({event["type"] for event in self.events})
                    raise StoryError(f"{event_type} came {len(found)} of {count} times; seen: {seen} {self.ended or ''}")
                self.condition.wait(left)


class Mailbox:
    """The mails to one address in the mail folder."""

    def __init__(self, folder, address):
        self.folder = pathlib.Path(folder)
        self.address = address

    def mails(self, word):
        found = []
        for path in sorted(self.folder.glob("*.eml")):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if self.address in str(mail["To"]) and word.lower() in str(mail["Subject"]).lower():
                found.append(mail)
        return found

    def wait_for(self, word, count=1):
        return eventually(
            lambda: self.mails(word), lambda mails: len(mails) >= count, f"{count} mail(s) about '{word}'")


def eventually(read, holds, what):
    """Reads until it holds; the last reading is the answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = read()
        if holds(value):
            return value
        if time.monotonic() > deadline:
            raise StoryError(f"still waiting for {what}; last seen: {value!r:.600}")
        time.sleep(0.05)


def same(what, found, wanted):
    if found != wanted:
        raise StoryError(f"{what}: {found!r}, not {wanted!r}")


def say(line):
    print(f"  ✔ {line}", flush=True)


def xirr(flows):
    """The annual rate at which the flows [(date, amount)] are worth nothing, by bisection; days by actual/365."""
    first = flows[0][0]

    def value(rate):
        return sum(amount / (1 + rate) ** ((day - first).days / 365) for day, amount in flows)

    low, high = -0.99, 10.0
    for _ in range(200):
        middle = (low + high) / 2
        if (value(low) > 0) == (value(middle) > 0):
            low = middle
        else:
            high = middle
    return (low + high) / 2


class Story:
    def __init__(self, url, mail_dir):
        self.client_url = url
        self.client = Client(url)
        self.address = f"ada.{secrets.token_hex(6)}@example.org"
        self.password = secrets.token_urlsafe(18)
        self.mailbox = Mailbox(mail_dir, self.address)
        self.traces = {}
        self.stream = None
        self.categories = {}

    def play(self):
        self.register()
        self.verify()
        self.log_in()
        self.find_categories()
        self.open_stream()
        self.spend()
        self.report()
        self.invest()
        self.perform()
        self.audit()
        self.shut_out_others()
        self.forget_the_password()

    def register(self):
        body = {
            "email": self.address, "password": self.password, "display_name": "Ada", "base_currency": "EUR",
        }
        user = self.client.call("POST", "/v1/auth/register", body, expect=201).json
        self.traces["register"] = self.client.trace_id
        same("email_verified", user["email_verified"], False)
        say(f"registered {self.address}")

    def verify(self):
        mail = self.mailbox.wait_for("verify")[0]
        token = re.search(r"token=([A-Za-z0-9_-]+)", mail.get_content())
        if token is None:
            raise StoryError("the verification mail holds no token")
        self.client.call("POST", "/v1/auth/email/verify", {"token": token[1]}, expect=204)
        self.traces["verify"] = self.client.trace_id
        again = self.client.call("POST", "/v1/auth/email/verify", {"token": token[1]}, expect=400).json
        same("a used token", again["code"], "invalid_token")
        say("the verification mail arrived; its link works once")

    def log_in(self):
        refused = self.client.call(
            "POST", "/v1/auth/login", {"email": self.address, "password": "not the password"}, expect=401).json
        same("a wrong password", refused["code"], "invalid_credentials")
        tokens = self.client.call("POST", "/v1/auth/login", {"email": self.address, "password": self.password}).json
        self.traces["login"] = self.client.trace_id
        self.client.access_token = tokens["access_token"]
        me = self.client.call("GET", "/v1/users/me").json
        same("email_verified", me["email_verified"], True)
        say("logged in; the address is verified")

    def find_categories(self):
        names = eventually(
            lambda: {c["name"]: c["id"] for c in self.client.every("/v1/categories")},
            lambda found: "Groceries" in found, "the default categories")
        self.categories = names
        say(f"{len(names)} default categories arrived through user_registered")

    def open_stream(self):
        self.stream = LiveStream(self.client)
        self.stream.start()
        say("listening on the live stream")

    def spend(self):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        first = today.replace(day=1)
        budget = self.client.call(
            "POST", "/v1/budgets",
            {
                "name": "Groceries", "category_id": self.categories["Groceries"],
                "limit": {"amount": "200.00", "currency": "EUR"}, "period": "monthly",
                "starts_on": first.isoformat(), "thresholds": [80, 100],
            }, expect=201).json
        amounts = ["18.40", "22.15", "9.99", "31.20", "14.05", "17.31", "25.00", "12.75", "19.95", "8.20", "27.60", "23.10"]
        cents, crossed = 0, {}
        for number, amount in enumerate(amounts):
            day = first + datetime.timedelta(days=min(number, (today - first).days))
            self.client.call(
                "POST", "/v1/expenses",
                {
                    "amount": {"amount": amount, "currency": "EUR"}, "spent_on": day.isoformat(),
                    "category_id": self.categories["Groceries"], "merchant": "Corner shop",
                }, expect=201)
            before, cents = cents, cents + int(amount.replace(".", ""))
            for threshold in (80, 100):
                if before < threshold * 200 <= cents:
                    crossed[threshold] = self.client.trace_id
        self.spent = f"{cents // 100}.{cents % 100:02}"
        self.traces["crossed 80"], self.traces["crossed 100"] = crossed[80], crossed[100]
        status = self.client.call("GET", f"/v1/budgets/{budget['id']}/status").json
        same("spent", status["spent"]["value"], {"amount": self.spent, "currency": "EUR"})
        same("crossed", status["crossed"], [80, 100])
        say(f"twelve expenses, {self.spent} EUR over a budget of 200.00 EUR")
        exceeded = self.stream.wait_for("florin.expense.budget_exceeded.v1", 2)
        same("thresholds", [event["data"]["threshold"] for event in exceeded], [80, 100])
        self.mailbox.wait_for("budget", 2)
        say("one budget_exceeded and one mail for each of 80 % and 100 %")

    def report(self):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        first = today.replace(day=1)
        last = (first + datetime.timedelta(days=31)).replace(day=1) - datetime.timedelta(days=1)
        report = self.client.call(
            "GET", f"/v1/reports/summary?from={first}&to={last}&group_by=category&currency=EUR").json
        same("total", report["total"]["value"], {"amount": self.spent, "currency": "EUR"})
        same("groups", [(g["label"], g["count"]) for g in report["groups"]], [("Groceries", 12)])
        say(f"the monthly report says {self.spent} EUR in 12 expenses on Groceries")

    def invest(self):
        self.portfolio = self.client.call(
            "POST", "/v1/portfolios", {"name": "Long term", "base_currency": "INR"}, expect=201).json["id"]
        self.instrument = self.client.call(
            "POST", "/v1/instruments",
            {
                "type": "mutual_fund", "name": "Florin Large Cap Fund Direct Growth", "currency": "INR",
                "amfi_code": "900001", "isin": "INF999A01014",
            }, expect=201).json["id"]
        for layout in ("6", "8"):
            content = (FIXTURES / f"nav-{layout}-columns.txt").read_bytes()
            outcome = self.client.call(
                "POST", "/v1/prices/imports?format=amfi", content, content_type="text/plain").json
            same(f"NAVs created from {layout} columns", (outcome["matched"], outcome["created"]), (1, 1))
        say("NAVs read from AMFI files with 6 and with 8 columns")
        trades = [
            ("buy", "2025-08-18", "100", "90.0000"), ("buy", "2026-01-15", "50", "98.5000"),
            ("buy", "2026-05-20", "50", "101.2500"), ("sell", "2026-07-10", "80", "104.0000"),
        ]
        for number, (kind, day, quantity, price) in enumerate(trades, 1):
            self.client.call(
                "POST", f"/v1/portfolios/{self.portfolio}/transactions",
                {"type": kind, "on": day, "instrument_id": self.instrument, "quantity": quantity, "price": price},
                expect=201)
            self.traces[f"trade {number}"] = self.client.trace_id
        oversold = self.client.call(
            "POST", f"/v1/portfolios/{self.portfolio}/transactions",
            {"type": "sell", "on": "2026-07-11", "instrument_id": self.instrument, "quantity": "121", "price": "1"},
            expect=422).json
        same("a sale of more than is held", oversold["errors"][0]["code"], "insufficient_quantity")
        say("three purchases and a sale; selling more than is held is refused")

    def perform(self):
        day = "2026-08-21"
        holdings = self.client.call("GET", f"/v1/portfolios/{self.portfolio}/holdings?on={day}").json["data"]
        same("holdings", len(holdings), 1)
        held = holdings[0]
        same("quantity", held["quantity"], "120")
        same("cost", held["cost"], {"amount": "11787.50", "currency": "INR"})
        same("value", held["value"]["value"], {"amount": "12825.85", "currency": "INR"})
        same("unrealised gain", held["unrealised_gain"]["value"], {"amount": "1038.35", "currency": "INR"})
        same("realised gain", held["realised_gain"]["value"], {"amount": "1120.00", "currency": "INR"})
        performance = self.client.call("GET", f"/v1/portfolios/{self.portfolio}/performance?to={day}").json
        same("invested", performance["invested"]["value"], {"amount": "10667.50", "currency": "INR"})
        same("gain", performance["gain"]["total"]["value"], {"amount": "2158.35", "currency": "INR"})
        date = datetime.date
        wanted = xirr([
            (date(2025, 8, 18), -9000.0), (date(2026, 1, 15), -4925.0), (date(2026, 5, 20), -5062.5),
            (date(2026, 7, 10), 8320.0), (date(2026, 8, 21), 12825.85),
        ])
        found = float(performance["xirr"]["value"])
        if abs(found - wanted) > 0.000002:
            raise StoryError(f"xirr: {found}, not {wanted:.6f}")
        say(f"value 12825.85, realised 1120.00, unrealised 1038.35 INR, XIRR {found * 100:.2f} %")
        self.stream.wait_for("florin.portfolio.investment_added.v1", 4)
        self.stream.wait_for("florin.portfolio.portfolio_updated.v1", 4)
        self.stream.wait_for("florin.portfolio.performance_calculated.v1", 4)
        say("investment_added, portfolio_updated and performance_calculated came over the live stream")

    def audit(self):
        wanted = {
            "register": {"auth.user_registered", "auth.email_verification_requested"},
            "verify": {"auth.email_verified"},
            "login": {"auth.user_logged_in"},
            "crossed 80": {"expense.expense_created", "expense.budget_exceeded"},
            "crossed 100": {"expense.expense_created", "expense.budget_exceeded"},
        }
        for number in range(1, 5):
            wanted[f"trade {number}"] = {
                "portfolio.investment_added", "portfolio.portfolio_updated", "portfolio.performance_calculated",
            }

        def by_trace():
            found = {}
            for entry in self.client.every("/v1/audit"):
                found.setdefault(entry.get("trace_id"), set()).add(entry["action"])
            return found

        eventually(
            by_trace, lambda found: all(want <= found.get(self.traces[step], set()) for step, want in wanted.items()),
            "the audit trail of every step")
        entries = sorted(self.client.every("/v1/audit"), key=lambda entry: entry["sequence"])
        same("sequence", [entry["sequence"] for entry in entries], list(range(1, len(entries) + 1)))
        for before, after in zip(entries, entries[1:]):
            same(f"the hash chain at {after['sequence']}", after["previous_hash"], before["hash"])
        actions = [entry["action"] for entry in entries]
        same("expenses in the trail", actions.count("expense.expense_created"), 12)
        same("crossings in the trail", actions.count("expense.budget_exceeded"), 2)
        same("mails about the budget", len(self.mailbox.mails("budget")), 2)
        same("crossings on the stream", len(self.stream.of_type("florin.expense.budget_exceeded.v1")), 2)
        say(f"the audit trail holds {len(entries)} chained entries, one trace id for each action and what followed")

    def signed_in(self, device):
        """Somebody else with the password, on another device."""
        other = Client(self.client_url)
        tokens = other.call(
            "POST", "/v1/auth/login", {"email": self.address, "password": self.password},
            extra={"User-Agent": device}).json
        other.access_token = tokens["access_token"]
        other.call("GET", "/v1/users/me")
        return other, tokens

    def shut_out_others(self):
        phone, session = self.signed_in("phone/1.0")
        self.mailbox.wait_for("new sign-in")
        devices = {found["id"]: found["device"] for found in self.client.every("/v1/auth/sessions")}
        same("the device of the other session", devices[session["session_id"]], "phone/1.0")
        self.client.call("DELETE", f"/v1/auth/sessions/{session['session_id']}", expect=204)
        self.refused(phone, "a session that was ended")
        tablet, tokens = self.signed_in("tablet/1.0")
        new = secrets.token_urlsafe(18)
        weak = self.client.call(
            "POST", "/v1/auth/password/change", {"current_password": self.password, "new_password": "Trustno1"},
            expect=422).json
        same("a common password", weak["errors"][0]["code"], "too_common")
        self.client.call(
            "POST", "/v1/auth/password/change", {"current_password": self.password, "new_password": new}, expect=204)
        self.refused(tablet, "a session from before the change")
        tablet.access_token = None
        tablet.call("POST", "/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]}, expect=401)
        self.password = new
        self.client.call("GET", "/v1/users/me")
        self.mailbox.wait_for("password was changed")
        say("ended another session and changed the password: others are shut out, mails tell of both")

    def forget_the_password(self):
        anybody, old = Client(self.client_url), self.client
        for address in (self.address, f"nobody.{secrets.token_hex(6)}@example.org"):
            same("forgot", anybody.call("POST", "/v1/auth/password/forgot", {"email": address}, expect=202).body, b"")
        mail = self.mailbox.wait_for("reset your password")[0]
        token = re.search(r"/reset\?token=([A-Za-z0-9_-]+)", mail.get_content())[1]
        self.password = secrets.token_urlsafe(18)
        body = {"token": token, "new_password": self.password}
        anybody.call("POST", "/v1/auth/password/reset", body, expect=204)
        same("a used token", anybody.call("POST", "/v1/auth/password/reset", body, expect=400).json["code"], "invalid_token")
        self.refused(old, "a session from before the reset")
        tokens = anybody.call("POST", "/v1/auth/login", {"email": self.address, "password": self.password}).json
        self.client.access_token = tokens["access_token"]
        self.client.call("GET", "/v1/users/me")
        self.mailbox.wait_for("password was changed", count=2)
        say("reset the password by the mail; every session before ended")

    def refused(self, client, what):
        """The gateway hears of the end of a session by an event."""
        def status():
            try:
                client.call("GET", "/v1/users/me", expect=401)
                return 401
            except StoryError:
                return 200

        eventually(status, lambda found: found == 401, f"the refusal of {what}")


def main():
    missing = [name for name in ("FLORIN_URL", "FLORIN_MAIL_DIR") if not os.environ.get(name)]
    if missing:
        print(f"story: {' and '.join(missing)} must be set; source .local/env", file=sys.stderr)
        return 2
    print(f"The story, against {os.environ['FLORIN_URL']}", flush=True)
    try:
        Story(os.environ["FLORIN_URL"], os.environ["FLORIN_MAIL_DIR"]).play()
    except (StoryError, OSError, KeyError, ValueError, http.client.HTTPException) as error:
        print(f"  ✘ {type(error).__name__}: {error}", flush=True)
        return 1
    print("The story holds.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
