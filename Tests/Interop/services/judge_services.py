"""A stock grpcio client that judges Florin's services.

Standard input: one JSON object, {"expense": "HOST:PORT", "portfolio": …, "processor": …, "auth": …, "user": <UUIDv7>,
"nav_file": <path>}. Prints "ok CHECK" or "FAIL CHECK: why" in lines and exits with 1 when one failed.
"""

import json
import pathlib
import secrets
import sys
import uuid

import grpc
import jwt
from checks import Checks, eventually
from contracts import Service, message, refused, refused_with_problem
from grpc_health.v1 import health_pb2, health_pb2_grpc

NAMES = {
    "auth": "florin.auth.v1.AuthService", "expense": "florin.expense.v1.ExpenseService",
    "portfolio": "florin.portfolio.v1.PortfolioService", "processor": "florin.events.v1.EventsService",
}
INVALID = grpc.StatusCode.INVALID_ARGUMENT
checks = Checks()


class Florin:
    """The services on channels, called as one user, and what the checks have made so far."""

    def __init__(self, settings):
        self.settings = settings
        self.user = settings["user"]
        self.caller = (("florin-user-id", self.user),)
        self.channels = {name: grpc.insecure_channel(settings[name]) for name in NAMES}
        for name, service in NAMES.items():
            setattr(self, name, Service(self.channels[name], service, self.caller))
        self.trace_id = secrets.token_hex(16)

    def anonymous(self, name):
        return Service(self.channels[name], NAMES[name])

    def traced(self):
        return (("traceparent", f"00-{self.trace_id}-{secrets.token_hex(8)}-01"),)


@checks.add
def health_of_every_service(florin):
    for name, service in NAMES.items():
        stub = health_pb2_grpc.HealthStub(florin.channels[name])
        for asked in ("", service):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=asked), timeout=60)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING, (name, asked, answer)
        unknown = health_pb2.HealthCheckRequest(service="florin.unknown.v1.Nobody")
        refused(lambda: stub.Check(unknown, timeout=60), grpc.StatusCode.NOT_FOUND)


@checks.add
def unknown_methods_are_unimplemented(florin):
    for name, service in NAMES.items():
        for path in (f"/{service}/Nope", "/florin.unknown.v1.Nobody/Nope"):
            call = florin.channels[name].unary_unary(path)
            refused(lambda: call(b"", timeout=60), grpc.StatusCode.UNIMPLEMENTED)


@checks.add
def bytes_that_are_no_message_are_refused(florin):
    call = florin.channels["expense"].unary_unary(f"/{NAMES['expense']}/CreateExpense")
    refused(lambda: call(b"\xff\xff\xff", timeout=60, metadata=florin.caller), INVALID)


@checks.add
def nobody_is_let_in_without_a_caller(florin):
    for call in (
        florin.anonymous("expense").ListCategories, florin.anonymous("portfolio").ListPortfolios,
        florin.anonymous("processor").ListAudit, florin.anonymous("auth").GetMe,
    ):
        found = refused_with_problem(call, grpc.StatusCode.UNAUTHENTICATED, "unauthenticated")
        assert found.status == 401, found


@checks.add
def an_expense_is_created_listed_and_read(florin):
    category = florin.expense.CreateCategory({"name": "Books", "color": "#2e7d32"})
    assert (category.name, category.color.value, category.HasField("icon")) == ("Books", "#2e7d32", False)
    made = florin.expense.CreateExpense({
        "amount": {"amount": "50.00", "currency": "EUR"}, "spent_on": "2026-11-10", "category_id": category.id,
        "merchant": "Bücher Übermut", "tags": ["a", "b"],
    }, metadata=florin.traced())
    assert uuid.UUID(made.id).version == 7
    assert (made.kind, made.version, list(made.tags)) == ("expense", 1, ["a", "b"])
    assert florin.expense.GetExpense({"id": made.id}) == made
    assert list(florin.expense.ListExpenses({"limit": 10}).data) == [made]
    florin.expense.DeleteExpense({"id": made.id})
    refused_with_problem(
        lambda: florin.expense.GetExpense({"id": made.id}), grpc.StatusCode.NOT_FOUND, "not_found")
    florin.category = category.id


@checks.add
def lists_come_in_pages(florin):
    for name in ("One", "Two", "Three"):
        florin.expense.CreateCategory({"name": name})
    names, cursor = [], None
    for _ in range(10):
        page = florin.expense.ListCategories({"limit": 2} | ({"cursor": cursor} if cursor else {}))
        assert len(page.data) <= 2
        names += [category.name for category in page.data]
        if not page.HasField("next_cursor"):
            break
        cursor = page.next_cursor.value
    assert {"Books", "One", "Two", "Three"} <= set(names) and len(names) == len(set(names)), names


@checks.add
def every_broken_rule_is_in_the_details(florin):
    found = refused_with_problem(
        lambda: florin.expense.CreateExpense(
            {"kind": "gift", "amount": {"amount": "1.234", "currency": "EUR"}, "spent_on": "soon"}),
        INVALID, "validation_failed")
    assert found.status == 422
    assert [(error.field, error.code) for error in found.errors] == [
        ("kind", "unknown_value"), ("amount.amount", "too_many_decimals"), ("spent_on", "invalid_date")], found
    assert all(error.message for error in found.errors)


@checks.add
def the_same_key_has_one_effect(florin):
    fields = {"amount": {"amount": "7.77", "currency": "EUR"}, "spent_on": "2026-11-11", "merchant": "Once"}
    key = (("idempotency-key", "k1"), ("idempotency-fingerprint", "f1"))
    first, trailing = florin.expense.CreateExpense(fields, metadata=key, details=True)
    assert "idempotency-replayed" not in trailing
    again, trailing = florin.expense.CreateExpense(fields, metadata=key, details=True)
    assert again == first and trailing["idempotency-replayed"] == "true", trailing
    other = (("idempotency-key", "k1"), ("idempotency-fingerprint", "f2"))
    refused_with_problem(
        lambda: florin.expense.CreateExpense(fields, metadata=other), INVALID, "idempotency_key_reused")
    found = [expense for expense in florin.expense.ListExpenses({}).data if expense.merchant.value == "Once"]
    assert len(found) == 1, found


@checks.add
def a_budget_is_exceeded(florin):
    budget = florin.expense.CreateBudget({
        "name": "Reading", "category_id": florin.category, "limit": {"amount": "100.00", "currency": "EUR"},
        "period": "monthly", "starts_on": "2026-11-01", "thresholds": [80],
    })
    expense = florin.expense.CreateExpense({
        "amount": {"amount": "85.00", "currency": "EUR"}, "spent_on": "2026-11-12", "category_id": florin.category})
    status = florin.expense.GetBudgetStatus({"id": budget.id, "on": "2026-11-30"})
    assert status.spent.value.amount == "85.00" and list(status.crossed) == [80], status
    florin.expense.DeleteExpense({"id": expense.id})


@checks.add
def a_portfolio_has_a_performance(florin):
    portfolio = florin.portfolio.CreatePortfolio({"name": "Long term", "base_currency": "INR"})
    fund = florin.portfolio.CreateInstrument({
        "type": "mutual_fund", "name": "Large Cap", "currency": "INR", "amfi_code": "900001",
        "isin": "INF999A01014"})
    content = pathlib.Path(florin.settings["nav_file"]).read_bytes()
    imported = florin.portfolio.ImportPrices({"format": "amfi", "content": content})
    assert (imported.matched, imported.created) == (1, 1), imported
    buy = {"portfolio_id": portfolio.id, "type": "buy", "on": "2026-01-15", "instrument_id": fund.id,
           "quantity": "10", "price": "100"}
    made = florin.portfolio.CreateTransaction(buy, metadata=florin.traced())
    assert (made.amount.amount, made.amount.currency) == ("1000.00", "INR"), made
    assert list(florin.portfolio.ListTransactions({"portfolio_id": portfolio.id}).data) == [made]
    held = florin.portfolio.GetHoldings({"portfolio_id": portfolio.id, "on": "2026-07-10"}).data
    assert [(holding.quantity, holding.value.value.amount) for holding in held] == [("10", "1040.00")], held
    result = florin.portfolio.GetPerformance({"portfolio_id": portfolio.id, "to": "2026-07-10"})
    assert result.value.value.amount == "1040.00" and result.xirr.HasField("value"), result
    found = refused_with_problem(
        lambda: florin.portfolio.CreateTransaction(buy | {"type": "sell", "quantity": "11", "on": "2026-02-01"}),
        INVALID, "validation_failed")
    assert [error.code for error in found.errors] == ["insufficient_quantity"], found


@checks.add
def somebody_registers_and_logs_in(florin):
    anybody = florin.anonymous("auth")
    address = f"{secrets.token_hex(6)}@example.org"
    credentials = {"email": address, "password": secrets.token_urlsafe(12)}
    user = anybody.Register(credentials | {"display_name": "Ada", "base_currency": "EUR"})
    assert (user.email, user.email_verified) == (address, False), user
    wrong = credentials | {"password": "not the password"}
    found = refused_with_problem(
        lambda: anybody.Login(wrong), grpc.StatusCode.UNAUTHENTICATED, "invalid_credentials")
    assert found.status == 401
    tokens = anybody.Login(credentials)
    keys = jwt.PyJWKSet.from_dict({"keys": [
        {"kty": key.kty, "kid": key.kid, "use": key.use, "alg": key.alg, "n": key.n, "e": key.e}
        for key in anybody.GetKeySet().keys]})
    token = tokens.access_token.value
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, keys[header["kid"]], algorithms=["RS256"], audience="florin")
    assert (header["typ"], claims["sub"]) == ("at+jwt", user.id), (header, claims)
    short = refused_with_problem(
        lambda: anybody.Register({"email": "x", "password": "short", "display_name": ""}), INVALID,
        "validation_failed")
    assert {"email", "password", "display_name"} <= {error.field for error in short.errors}, short
    florin.registered = user.id


@checks.add
def a_new_user_gets_categories_and_a_portfolio(florin):
    metadata = (("florin-user-id", florin.registered),)
    expense = Service(florin.channels["expense"], NAMES["expense"], metadata)
    portfolio = Service(florin.channels["portfolio"], NAMES["portfolio"], metadata)
    eventually(lambda: expense.ListCategories({}).data, lambda found: len(found) > 5, "default categories")
    eventually(lambda: portfolio.ListPortfolios({}).data, lambda found: len(found) == 1, "the default portfolio")


@checks.add
def the_audit_trail_is_chained_and_traced(florin):
    wanted = {
        "expense.expense_created", "expense.expense_deleted", "expense.budget_exceeded", "expense.budget_recovered",
        "portfolio.investment_added", "portfolio.portfolio_updated", "portfolio.price_updated",
        "portfolio.performance_calculated",
    }
    entries = eventually(
        lambda: florin.processor.ListAudit({"limit": 100}).data,
        lambda found: wanted <= {entry.action for entry in found}, f"{wanted} in the trail")
    assert [entry.sequence for entry in entries] == list(range(len(entries), 0, -1))
    for newer, older in zip(entries, entries[1:]):
        assert newer.previous_hash == older.hash and len(newer.hash) == 64, (newer, older)
    assert entries[-1].previous_hash == "0" * 64
    assert all(entry.actor == florin.user for entry in entries)
    traced = {entry.action for entry in entries if entry.trace_id.value == florin.trace_id}
    assert {"expense.expense_created", "portfolio.investment_added"} <= traced, traced
    stranger = Service(florin.channels["processor"], NAMES["processor"], (("florin-user-id", florin.registered),))
    assert florin.user not in {entry.actor for entry in stranger.ListAudit({}).data}


@checks.add
def answers_hold_only_what_the_contracts_know(florin):
    for reply, name in (
        (florin.expense.ListExpenses({}), "florin.expense.v1.ExpenseList"),
        (florin.portfolio.ListInstruments({}), "florin.portfolio.v1.InstrumentList"),
        (florin.processor.ListAudit({}), "florin.events.v1.AuditList"),
    ):
        again = message(name).FromString(reply.SerializeToString(deterministic=True))
        again.DiscardUnknownFields()
        assert again.SerializeToString(deterministic=True) == reply.SerializeToString(deterministic=True), name


if __name__ == "__main__":
    sys.exit(checks.run(Florin(json.load(sys.stdin))))
