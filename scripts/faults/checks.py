"""The count at the end: what clients were told, what is stored, what was told to others, what others did about it."""

import collections
import decimal
import email
import email.policy
import hashlib
import json
import os
import sys

from local import process
from local.problem import Problem

from . import record
from .ledger import ACKNOWLEDGED, UNKNOWN

LONGEST_LIST = 8
# kind of entry -> (table, column with the key, condition)
TABLES = {
    "user": ("auth.users", "display_name", "true"), "expense": ("expense.expenses", "note", "true"),
    "budget": ("expense.budgets", "name", "true"), "transaction": ("portfolio.transactions", "note", "true"),
    "portfolio": ("portfolio.portfolios", "name", "name <> 'My portfolio'"),
    "instrument": ("portfolio.instruments", "name", "true")}


class Checks:
    """Collects numbers and violations; nothing stops at the first."""

    def __init__(self, installation, database, ledger, injector):
        self.installation = installation
        self.postgres = installation.postgres
        self.database = database
        self.ledger = ledger
        self.injector = injector
        self.numbers = []
        self.violations = []
        self.events = record.events(self.postgres, database)
        self.by_type = collections.defaultdict(list)
        for event in self.events:
            self.by_type[event.type.split(".", 1)[1].rsplit(".", 1)[0]].append(event)

    def sql(self, query):
        return record.rows(self.postgres, self.database, query)

    def count(self, what, number):
        self.numbers.append((what, number))

    def expect(self, what, found, wanted):
        """Two collections that must be the same, each element as often as in the other."""
        found, wanted = collections.Counter(list(found)), collections.Counter(list(wanted))
        self.complain(f"{what}: missing", list((wanted - found).elements()))
        self.complain(f"{what}: too many", list((found - wanted).elements()))

    def complain(self, what, cases):
        if cases:
            shown = ", ".join(str(case) for case in cases[:LONGEST_LIST])
            more = f" and {len(cases) - LONGEST_LIST} more" if len(cases) > LONGEST_LIST else ""
            self.violations.append(f"{what} ({len(cases)}): {shown}{more}")

    def all(self):
        self.writes()
        self.deletions()
        self.prices()
        self.rows_and_events()
        self.sequences()
        self.reactions()
        self.inboxes()
        self.audit()
        self.budgets()
        self.mails()
        self.parked()
        self.complain("answers outside of the contract", self.ledger.faults)

    # What clients were told

    def writes(self):
        """Each acknowledged write is a row, each row was asked for, none is there twice."""
        deleted = {entry.key for entry in self.ledger.of("deletion")}
        for kind, (table, column, condition) in TABLES.items():
            rows = self.sql(f"SELECT {column}, id FROM {table} WHERE {condition}")
            entries = {entry.key: entry for entry in self.ledger.of(kind)}
            # Registering answers for a user whose row is that of the key; deleted expenses have no row any more.
            acknowledged = [(entry.key, entry.identifier) for entry in entries.values()
                            if entry.outcome == ACKNOWLEDGED and entry.identifier not in deleted]
            found = [(key, identifier) for key, identifier in rows
                     if key in entries and entries[key].outcome == ACKNOWLEDGED and identifier not in deleted]
            self.expect(f"{kind}: rows of acknowledged writes", found, acknowledged)
            self.complain(f"{kind}: rows that nobody asked for", [row for row in rows if row[0] not in entries])
            unknown = [key for key, _ in rows if key in entries and entries[key].outcome == UNKNOWN]
            self.complain(f"{kind}: rows twice", [key for key, n in collections.Counter(unknown).items() if n > 1])
            self.count(f"{kind}: acknowledged / unknown and there / rows",
                       f"{len(acknowledged)} / {len(unknown)} / {len(rows)}")
        sessions = {identifier for identifier, in self.sql("SELECT id FROM auth.sessions")}
        told = {entry.identifier for entry in self.ledger.of("session")}
        self.complain("sessions that clients hold and nobody knows", sorted(told - sessions))
        self.complain("sessions that no client was given", sorted(sessions - told))
        ended = self.sql("SELECT id, end_reason FROM auth.sessions WHERE ended_at IS NOT NULL")
        self.complain("sessions that nobody ended", sorted(ended))
        self.count("sessions / refreshes", f"{len(sessions)} / {self.replaced_tokens()}")
        self.amounts()

    def replaced_tokens(self):
        return self.sql("SELECT count(*) FROM auth.refresh_tokens WHERE replaced_at IS NOT NULL")[0][0]

    def amounts(self):
        stored = dict(self.sql("SELECT id, amount FROM expense.expenses"))
        self.complain("expenses with another amount", [
            entry.key for entry in self.ledger.of("expense", ACKNOWLEDGED)
            if entry.identifier in stored
            and decimal.Decimal(stored[entry.identifier]) != decimal.Decimal(entry.content["amount"])])

    def deletions(self):
        rows = {identifier for identifier, in self.sql("SELECT id FROM expense.expenses")}
        told = collections.Counter(event.data["expense_id"] for event in self.by_type["expense.expense_deleted"])
        entries = self.ledger.of("deletion")
        acknowledged = [entry.key for entry in entries if entry.outcome == ACKNOWLEDGED]
        self.complain("deleted expenses that are there", [key for key in acknowledged if key in rows])
        self.complain("deletions not told once", [key for key in acknowledged if told[key] != 1])
        self.complain("deletions told that nobody asked for", sorted(set(told) - {entry.key for entry in entries}))
        self.complain("deletions told of expenses that are there", sorted(rows & set(told)))
        self.count("deletions: acknowledged / told", f"{len(acknowledged)} / {sum(told.values())}")

    def prices(self):
        """One event for each instrument and day that a file or a client gave a price for."""
        stored = {(instrument, day): price for instrument, day, price in self.sql(
            "SELECT instrument_id, on_day, price FROM portfolio.prices WHERE source <> 'trade'")}
        told = collections.Counter((event.data["instrument_id"], event.data["on"])
                                   for event in self.by_type["portfolio.price_updated"])
        wanted, unknown = {}, set()
        for entry in self.ledger.of("price") + self.ledger.of("price file"):
            content = entry.content
            for instrument in content.get("instruments") or [content["instrument"]]:
                place = (instrument, content["day"])
                if entry.outcome == ACKNOWLEDGED:
                    wanted[place] = content["price"]
                else:
                    unknown.add(place)
        self.complain("acknowledged prices not stored", [
            place for place, price in wanted.items()
            if place not in stored or decimal.Decimal(stored[place]) != decimal.Decimal(price)])
        self.complain("prices that nobody gave", sorted(set(stored) - set(wanted) - unknown))
        self.expect("price_updated for each price", told.elements(), stored)
        self.count("prices: acknowledged / stored / told", f"{len(wanted)} / {len(stored)} / {sum(told.values())}")

    # What the services told

    def rows_and_events(self):
        """Every row has exactly its events."""
        self.count("events committed", len(self.events))
        self.expect("distinct event ids", {event.identifier for event in self.events},
                    [event.identifier for event in self.events])
        deleted = {event.data["expense_id"] for event in self.by_type["expense.expense_deleted"]}
        pairs = (
            ("auth.user_registered", "user_id", "SELECT id FROM auth.users", ()),
            ("auth.email_verification_requested", "user_id", "SELECT id FROM auth.users", ()),
            ("auth.user_logged_in", "session_id", "SELECT id FROM auth.sessions", ()),
            ("expense.expense_created", "expense_id", "SELECT id FROM expense.expenses", deleted),
            ("portfolio.investment_added", "transaction_id", "SELECT id FROM portfolio.transactions", ()),
        )
        for event_type, field, query, gone in pairs:
            self.expect(f"{event_type} and rows", [event.data[field] for event in self.by_type[event_type]],
                        [identifier for identifier, in self.sql(query)] + list(gone))
            self.count(f"{event_type}", len(self.by_type[event_type]))
        updates = self.by_type["portfolio.portfolio_updated"]
        for reason, query in (
                ("created", "SELECT id FROM portfolio.portfolios"),
                ("transaction", "SELECT portfolio_id FROM portfolio.transactions")):
            self.expect(f"portfolio_updated ({reason}) and rows",
                        [event.data["portfolio_id"] for event in updates if event.data["reason"] == reason],
                        [identifier for identifier, in self.sql(query)])
        self.count("portfolio.portfolio_updated", len(updates))

    def sequences(self):
        """Per aggregate: 1, 2, 3 … in the order of writing, up to what the aggregate's row says."""
        by_aggregate = collections.defaultdict(list)
        for event in self.events:
            by_aggregate[event.aggregate].append(event)
        self.complain("sequences with gaps, repeats or out of order", [
            aggregate for aggregate, events in by_aggregate.items()
            if [event.sequence for event in sorted(events, key=lambda event: event.position)]
            != list(range(1, len(events) + 1))])
        self.count("aggregates with gapless sequences", len(by_aggregate))
        lengths = {subject: len(events) for (_, subject), events in by_aggregate.items()}
        for table in ("auth.users", "expense.expenses", "expense.budgets", "portfolio.portfolios",
                      "portfolio.instruments"):
            self.complain(f"{table}: event_sequence differs from its events", [
                (identifier, sequence, lengths.get(identifier, 0))
                for identifier, sequence in self.sql(f"SELECT id, event_sequence FROM {table}")
                if int(sequence) != lengths.get(identifier, 0)])

    # What consumers did

    def reactions(self):
        """Effects beyond the inbox: once for each event that asks for one."""
        users = [identifier for identifier, in self.sql("SELECT id FROM auth.users")]
        self.expect("one default portfolio for each user",
                    [owner for owner, in self.sql(
                        "SELECT owner_id FROM portfolio.portfolios WHERE name = 'My portfolio'")], users)
        names = collections.Counter(count for count, in self.sql(
            "SELECT count(*) FROM expense.categories GROUP BY owner_id"))
        self.complain("users with other default categories than the rest", list(names) if len(names) > 1 else [])
        owners = [owner for owner, in self.sql("SELECT DISTINCT owner_id FROM expense.categories")]
        self.expect("default categories for each user", owners, users)
        self.expect("one performance_calculated for each portfolio_updated",
                    [event.fields["causationid"] for event in self.by_type["portfolio.performance_calculated"]],
                    [event.identifier for event in self.by_type["portfolio.portfolio_updated"]])
        self.count("portfolio.performance_calculated", len(self.by_type["portfolio.performance_calculated"]))

    def inboxes(self):
        """Per consumer: one row for each event that its queue is bound to, and no other."""
        foreign = self.injector.foreign + self.injector.incompatible
        parked = self.injector.expected_parked()
        for schema, consumer, prefixes in self.injector.consumers.all:
            wanted = [event.identifier for event in self.events if event.type.startswith(prefixes)]
            wanted += [event["id"] for event in foreign if event["type"].startswith(prefixes)
                       and (schema, consumer, event["id"]) not in parked]
            found = [identifier for identifier, in self.sql(
                f"SELECT event_id FROM {schema}.inbox WHERE consumer = '{consumer}'")]
            self.expect(f"inbox of {consumer}", found, wanted)
            self.count(f"inbox of {consumer}", len(found))

    def audit(self):
        """One entry for each event, with its digest, in the order of its aggregate; the chains hold."""
        entries = self.sql(
            "SELECT event_id, trail, sequence, action, subject, encode(data_digest, 'hex') FROM events.audit_entries "
            "ORDER BY trail, sequence")
        known = {event.identifier: (event.key, event.type, event.aggregate, event.sequence,
                                    hashlib.sha256(event.data_text()).hexdigest()) for event in self.events}
        for event in self.injector.foreign + self.injector.incompatible:
            digest = hashlib.sha256(json.dumps(event["data"]).encode()).hexdigest()
            known[event["id"]] = (event["partitionkey"], event["type"], (event["source"], event["subject"]),
                                  int(event["sequence"]), digest)
        self.expect("one audit entry for each event", [entry[0] for entry in entries], known)
        self.count("audit entries", len(entries))
        wrong, out_of_order, latest = [], [], {}
        for identifier, trail, _, action, subject, digest in entries:
            if identifier not in known:
                continue
            key, event_type, aggregate, sequence, wanted = known[identifier]
            if (trail, f"florin.{action}.v1", subject, digest) != (key, event_type, aggregate[1], wanted):
                wrong.append(identifier)
            if sequence <= latest.get(aggregate, 0):
                out_of_order.append((aggregate, latest[aggregate], sequence))
            latest[aggregate] = sequence
        self.complain("audit entries that differ from their events", wrong)
        self.complain("audit entries out of the order of their aggregate", out_of_order)
        self.chains()

    def chains(self):
        """The program's own verification of every audit trail."""
        installation = self.installation
        try:
            process.run(
                [installation.binary("event-processor"), "audit", "verify"],
                environment=installation.environments["event-processor"], timeout=600)
            self.count("audit chains", "verified")
        except Problem as problem:
            self.complain("audit chains do not hold", [problem])

    def budgets(self):
        """Crossings alternate and end where the money is."""
        changes = collections.defaultdict(list)
        for event in sorted(
                self.by_type["expense.budget_exceeded"] + self.by_type["expense.budget_recovered"],
                key=lambda event: (event.aggregate, event.sequence)):
            data = event.data
            changes[data["budget_id"], data["period_start"], data["threshold"]].append(
                (event.type.split(".")[2], data["crossing"]))
        self.complain("budget events that do not alternate", [place for place, found in changes.items() if found != [
            (("budget_exceeded", "budget_recovered")[n % 2], n // 2 + 1) for n in range(len(found))]])
        rows = self.sql(
            "SELECT budget_id, period_start, threshold, is_crossed, crossings FROM expense.budget_thresholds")
        states = {(budget, start, int(threshold)): (crossed == "t", int(crossings))
                  for budget, start, threshold, crossed, crossings in rows}
        self.expect("threshold states and the last event of each", [
            (place, len(found) % 2 == 1, found[-1][1]) for place, found in changes.items()],
            [(place, *state) for place, state in states.items()])
        crossed = {place for place, (is_crossed, _) in states.items() if is_crossed}
        self.expect("thresholds that are crossed", crossed, self.thresholds_by_sum())
        self.count("budget_exceeded / budget_recovered",
                   f"{len(self.by_type['expense.budget_exceeded'])} / {len(self.by_type['expense.budget_recovered'])}")

    def thresholds_by_sum(self):
        """The crossed thresholds by adding up what is stored."""
        spent = collections.defaultdict(decimal.Decimal)
        for owner, month, amount in self.sql(
                "SELECT owner_id, date_trunc('month', spent_on)::date, amount FROM expense.expenses"):
            spent[owner, month] += decimal.Decimal(amount)
        return [
            (budget, month, int(threshold))
            for budget, owner, start, limit, thresholds in self.sql(
                "SELECT id, owner_id, starts_on, amount, array_to_string(thresholds, ',') FROM expense.budgets")
            for (spender, month), amount in spent.items() if spender == owner and month >= start
            for threshold in thresholds.split(",")
            if amount * 100 >= decimal.Decimal(limit) * int(threshold)]

    def mails(self):
        """One mail for each event that is worth one, to the right person."""
        addresses = dict(self.sql("SELECT id, email FROM auth.users"))
        mailed = {event_type for event_type in {event.type for event in self.events}
                  if ("events", "processor.mail") in self.injector.consumers.of_type(event_type)}
        wanted = {
            event.identifier: addresses.get(event.data["user_id"]) for event in self.events
            if event.type in mailed and is_worth_a_mail(event)}
        folder = self.installation.layout.path("mail")
        names = [name for name in os.listdir(folder) if name.endswith(".eml")]
        self.expect("one mail for each event that is worth one", [name[:-4] for name in names], wanted)
        wrong = []
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                mail = email.message_from_binary_file(file, policy=email.policy.default)
            address = wanted.get(name[:-4])
            if address is None or address not in str(mail["To"]) or name[:-4] not in str(mail["Message-ID"]):
                wrong.append(name)
        self.complain("mails to somebody else or with another Message-ID", wrong)
        self.complain("events that still wait for a recipient", self.sql("SELECT user_id FROM events.waiting_events"))
        self.count("mails", len(names))

    def parked(self):
        """All poison is a dead letter, and nothing else is."""
        found, parked = [], {}
        for schema in ("expense", "portfolio", "events"):
            for consumer, reason, number, identifier, body in self.sql(
                    "SELECT consumer, reason, id, event_id, CASE WHEN reason = 'undecodable' "
                    f"THEN convert_from(event, 'UTF8') END FROM {schema}.dead_letters"):
                found.append((schema, consumer, body if reason == "undecodable" else identifier))
                parked[consumer, identifier] = (int(number), reason)
        self.expect("dead letters and poison", found, self.injector.expected_parked())
        pairs = list(zip(self.injector.incompatible[::2], self.injector.incompatible[1::2]))
        consumers = {consumer for consumer, _ in parked}
        self.complain("poison that is not behind the first of its aggregate", [
            (consumer, second["id"]) for first, second in pairs for consumer in consumers
            if (consumer, second["id"]) in parked and (
                parked[consumer, second["id"]][1] != "behind_parked"
                or parked.get((consumer, first["id"]), (sys.maxsize, ""))[0] > parked[consumer, second["id"]][0])])
        self.count("poison: messages / dead letters",
                   f"{len(self.injector.unreadable) + len(self.injector.incompatible)} / {len(found)}")

    # What clients read

    def read_back(self, accounts):
        """Users see through the API what is stored: expenses, transactions, budgets' crossed thresholds."""
        listed = 0
        crossed = collections.defaultdict(list)
        for budget, threshold in self.sql(
                "SELECT budget_id, threshold FROM expense.budget_thresholds WHERE is_crossed "
                "AND period_start = date_trunc('month', now())::date ORDER BY budget_id, threshold"):
            crossed[budget].append(int(threshold))
        stored = collections.defaultdict(list)
        for owner, identifier, amount in self.sql("SELECT owner_id, id, amount FROM expense.expenses"):
            stored[owner].append((identifier, decimal.Decimal(amount)))
        trades = collections.defaultdict(list)
        for portfolio, identifier in self.sql("SELECT portfolio_id, id FROM portfolio.transactions"):
            trades[portfolio].append(identifier)
        for account in accounts:
            account.client.token = account.token
            expenses = account.client.every("/v1/expenses")
            self.expect(f"expenses that {account.name} reads", [
                (item["id"], decimal.Decimal(item["amount"]["amount"])) for item in expenses],
                stored[account.identifier])
            listed += len(expenses)
            for portfolio in account.client.every("/v1/portfolios"):
                transactions = account.client.every(f"/v1/portfolios/{portfolio['id']}/transactions")
                self.expect(f"transactions that {account.name} reads",
                            [item["id"] for item in transactions], trades[portfolio["id"]])
                listed += len(transactions)
            for budget in account.client.every("/v1/budgets"):
                status = account.client.call("GET", f"/v1/budgets/{budget['id']}/status").json
                self.expect(f"crossed thresholds that {account.name} reads", status["crossed"], crossed[budget["id"]])
                listed += 1
        self.count("rows read back through the API", f"{listed} of {len(accounts)} users")


def is_worth_a_mail(event):
    """Whether somebody has to read of it."""
    match event.type.split(".", 1)[1]:
        case "auth.email_verification_requested.v1":
            return True
        case "auth.user_logged_in.v1":
            return event.data.get("new_device", False)
        case "expense.budget_exceeded.v1":
            return event.data["crossing"] == 1
        case _:
            return False
