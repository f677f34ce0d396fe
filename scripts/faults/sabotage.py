"""Shows that the count can fail: damage of each kind, done on purpose after a run, must be found and named."""

import os

# (what is done, the check that must find it, SQL for the administrator, part of its complaint). Each adds to those
# before it; triggers and foreign keys are off.
DAMAGE = (
    ("an amount is another", "writes",
     "UPDATE expense.expenses SET amount = amount + 1 WHERE id = (SELECT max(id::text)::uuid FROM expense.expenses)",
     "expenses with another amount"),
    ("an acknowledged expense is lost", "writes",
     "DELETE FROM expense.expenses WHERE id = (SELECT min(id::text)::uuid FROM expense.expenses)",
     "expense: rows of acknowledged writes: missing"),
    ("an expense is there twice", "writes",
     "INSERT INTO expense.expenses SELECT gen_random_uuid(), owner_id, kind, amount, currency, spent_on, category_id, "
     "merchant, note, tags, external_id, event_sequence, version, created_at, updated_at FROM expense.expenses LIMIT 1",
     "expense: rows of acknowledged writes: too many"),
    ("a sign-in was two sessions", "writes",
     "INSERT INTO auth.sessions SELECT gen_random_uuid(), user_id, device, address, created_at, last_used_at, expires_at, "
     "ended_at, end_reason FROM auth.sessions LIMIT 1",
     "sessions that no client was given"),
    ("a transaction has no event", "rows_and_events",
     "DELETE FROM faults.events WHERE number = (SELECT min(number) FROM faults.events "
     "WHERE convert_from(event, 'UTF8') LIKE '%portfolio.investment_added%')",
     "portfolio.investment_added and rows: missing"),
    ("a portfolio's events have a gap", "sequences",
     "UPDATE portfolio.portfolios SET event_sequence = event_sequence + 1 "
     "WHERE id = (SELECT min(id::text)::uuid FROM portfolio.portfolios)",
     "portfolio.portfolios: event_sequence differs"),
    ("an event is not in the inbox", "inboxes",
     "DELETE FROM events.inbox WHERE event_id = (SELECT min(event_id::text)::uuid FROM events.inbox "
     "WHERE consumer = 'processor.mail')",
     "inbox of processor.mail: missing"),
    ("a user has two default portfolios", "reactions",
     "INSERT INTO portfolio.portfolios SELECT gen_random_uuid(), owner_id, name, base_currency, cost_method, 0, "
     "version, created_at, updated_at FROM portfolio.portfolios WHERE name = 'My portfolio' LIMIT 1",
     "one default portfolio for each user: too many"),
    ("a threshold's state is not what was spent", "budgets",
     "UPDATE expense.budget_thresholds SET is_crossed = NOT is_crossed WHERE (budget_id, threshold) = "
     "(SELECT budget_id, threshold FROM expense.budget_thresholds LIMIT 1)",
     "threshold states and the last event of each"),
    ("an audit entry is there twice", "audit",
     "INSERT INTO events.audit_entries SELECT trail, sequence + 1000000, time, actor, action, subject, trace_id, "
     "event_id, data_digest, previous_hash, hash FROM events.audit_entries LIMIT 1",
     "one audit entry for each event: too many"),
    ("two audit entries change places", "audit",
     "UPDATE events.audit_entries SET sequence = 2000000 - sequence WHERE subject = (SELECT subject "
     "FROM events.audit_entries GROUP BY subject ORDER BY count(*) DESC LIMIT 1)",
     "audit entries out of the order of their aggregate"),
    ("an event was parked that is no poison", "parked",
     "UPDATE events.dead_letters SET event_id = gen_random_uuid(), reason = 'handler_failed' "
     "WHERE id = (SELECT min(id) FROM events.dead_letters)",
     "dead letters and poison: too many"),
)


def prove(make_checks, postgres, database, mail_folder):
    """Does each damage and counts again; returns the damages that went unnoticed."""
    unnoticed = []
    for what, check, statement, complaint in DAMAGE:
        postgres.sql(f"SET session_replication_role = replica;\n{statement};\n", database)
        if not is_found(make_checks, check, complaint):
            unnoticed.append(what)
    name = sorted(name for name in os.listdir(mail_folder) if name.endswith(".eml"))[0]
    os.unlink(os.path.join(mail_folder, name))
    if not is_found(make_checks, "mails", "one mail for each event that is worth one: missing"):
        unnoticed.append("a mail is lost")
    return unnoticed, len(DAMAGE) + 1


def is_found(make_checks, check, complaint):
    checks = make_checks()
    getattr(checks, check)()
    return any(complaint in violation for violation in checks.violations)
