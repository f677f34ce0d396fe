"""Uses the API through a client that openapi-python-client has made of the document. Usage: generated.py FOLDER URL"""

import datetime
import importlib
import secrets
import sys


def play(package, url):
    """Registers, signs in, records an expense, finds it again, and reads a refusal."""
    client = importlib.import_module(package)
    models = importlib.import_module(f"{package}.models")
    auth, expenses = f"{package}.api.auth.", f"{package}.api.expenses."
    anybody = client.Client(base_url=url)
    address, password = f"generated.{secrets.token_hex(6)}@example.org", secrets.token_urlsafe(12)
    user = importlib.import_module(auth + "register").sync(
        client=anybody, body=models.RegisterRequest(email=address, password=password, display_name="Ada"))
    assert user.email == address and isinstance(user.created_at, datetime.datetime), user
    tokens = importlib.import_module(auth + "login").sync(
        client=anybody, body=models.LoginRequest(email=address, password=password))
    caller = client.AuthenticatedClient(base_url=url, token=tokens.access_token)
    create = importlib.import_module(expenses + "create_expense").sync_detailed
    body = models.CreateExpenseRequest(
        amount=models.Money(amount="12.30", currency="EUR"), spent_on=datetime.date(2026, 11, 20), merchant="Corner shop")
    made = create(client=caller, body=body, idempotency_key=secrets.token_hex(8))
    assert made.status_code == 201 and made.parsed.spent_on == body.spent_on, made
    page = importlib.import_module(expenses + "list_expenses").sync(client=caller, limit=10)
    assert [expense.id for expense in page.data] == [made.parsed.id] and page.next_cursor is None, page
    body.amount.amount = "12.305"
    refused = create(client=caller, body=body)
    assert isinstance(refused.parsed, models.ProblemDetails) and refused.parsed.code == "validation_failed", refused
    assert [error.field for error in refused.parsed.errors] == ["amount.amount"], refused
    importlib.import_module(expenses + "delete_expense").sync_detailed(client=caller, id=made.parsed.id)
    assert not importlib.import_module(expenses + "list_expenses").sync(client=caller).data


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, sys.argv[1])
    play("florin_client", sys.argv[2])
