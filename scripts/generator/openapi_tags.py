"""The groups of operations, in the order of the document."""

TAGS = {
    "auth": "Registration and sign-in, sessions, passwords, the second factor, personal API tokens, and the keys that verify "
            "access tokens.",
    "users": "The caller's account: its profile, its archive and its end.",
    "categories": "What expenses and budgets are sorted by.",
    "expenses": "What was spent, and what came back.",
    "budgets": "Limits of spending by period, and how they stand.",
    "reports": "Totals over a range.",
    "portfolios": "Groups of holdings that are looked at together.",
    "instruments": "What can be held: funds, shares, bonds and others.",
    "prices": "The price history of instruments.",
    "transactions": "What was bought and sold.",
    "performance": "What is held, what it is worth and what it has brought in.",
    "events": "What happens, as it happens.",
    "audit": "What happened: the caller's own trail, each entry chained to the one before.",
    "admin": "Everybody's accounts, for those with the role `admin`.",
    "meta": "The contract itself, and pages for people.",
}


def described(paths):
    """The groups that operations are in, each with what it is about."""
    used = {tag for item in paths.values() for operation in item.values() for tag in operation["tags"]}
    known = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    return known + [{"name": name} for name in sorted(used - set(TAGS))]
